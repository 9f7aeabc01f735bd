package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/bpfproof/bpfproof/internal/vectors"
	"github.com/bpfproof/bpfproof/verifier"
)

// allDomains is what --domain says to compare them.
const allDomains = "all"

// domainJSON is what vectors --domain all prints of one domain: how many vectors
// of each expected verdict got which.
type domainJSON struct {
	Domain        string  `json:"domain"`
	Same          int     `json:"same"`
	Total         int     `json:"total"`
	AcceptAccept  int     `json:"accept_accept"`
	AcceptReject  int     `json:"accept_reject"`
	AcceptUnknown int     `json:"accept_unknown"`
	RejectAccept  int     `json:"reject_accept"`
	RejectReject  int     `json:"reject_reject"`
	RejectUnknown int     `json:"reject_unknown"`
	Visits        int     `json:"visits"`
	Micros        float64 `json:"micros"`
}

// compareDomains verifies all vectors over each domain. Nothing is run.
func compareDomains(cmd *cobra.Command, all []vectors.Vector, policy policyFlags, out *printer) error {
	var result status
	var rows []*domainJSON
	for _, d := range verifier.Domains() {
		policy.domain = d
		v, err := policy.verifier()
		if err != nil {
			return err
		}
		row := &domainJSON{Domain: d}
		j := &vectorJudge{v: v, unprivileged: policy.unprivileged, count: map[string]int{}}
		for i := range all {
			vector := all[i]
			vector.Runs = nil
			got, err := j.judge(cmd.Context(), &vector)
			if err != nil {
				return err
			}
			row.add(got)
		}
		result = result.worse(j.result)
		if out.json {
			if err := out.answer(row, ""); err != nil {
				return err
			}
		}
		rows = append(rows, row)
	}
	if !out.json {
		if err := domainTable(out.w, rows); err != nil {
			return err
		}
	}
	return end(result)
}

func (d *domainJSON) add(r *vectorJSON) {
	d.Total++
	d.Visits += r.Visits
	d.Micros += r.Micros
	if r.Verdict == r.Expect {
		d.Same++
	}
	counts := map[string]*int{
		"accept accept": &d.AcceptAccept, "accept reject": &d.AcceptReject, "accept unknown": &d.AcceptUnknown,
		"reject accept": &d.RejectAccept, "reject reject": &d.RejectReject, "reject unknown": &d.RejectUnknown,
	}
	if n := counts[r.Expect+" "+r.Verdict]; n != nil {
		*n++
	}
}

func domainTable(w io.Writer, rows []*domainJSON) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\tas\tof\tto be accepted:\t\t\tto be rejected:\t\t\t\tus a\t")
	fmt.Fprintln(t, "domain\texpected\t\taccept\treject\tunknown\taccept\treject\tunknown\tvisits\tvisit\t")
	for _, d := range rows {
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%.2f\t\n", d.Domain, d.Same, d.Total, d.AcceptAccept, d.AcceptReject, d.AcceptUnknown,
			d.RejectAccept, d.RejectReject, d.RejectUnknown, d.Visits, d.Micros/float64(max(1, d.Visits)))
	}
	return t.Flush()
}
