package main

import (
	"fmt"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/verifier"
	"github.com/bpfproof/bpfproof/verifier/recheck"
)

// recheckJSON is what the separate checker says of an accepted program's
// invariants; its fields are empty where it was not asked.
type recheckJSON struct {
	Recheck   string `json:"recheck,omitempty"`           // confirmed, refused or unknown
	Construct string `json:"recheck_construct,omitempty"` // what is unknown
	Reason    string `json:"recheck_reason,omitempty"`
	Records   int    `json:"recheck_records,omitempty"` // that were confirmed
}

// recheckReport checks the invariants of an accepted program.
func recheckReport(p *ir.Program, r *verifier.Report) (out recheckJSON, err error) {
	if r.Verdict != verifier.Accept {
		return out, nil
	}
	data, err := r.Invariants.Data()
	if err != nil {
		return out, err
	}
	c := recheck.Program(p, data)
	out = recheckJSON{Recheck: c.Verdict.String(), Construct: c.Construct, Records: c.Checked}
	if c.Reason != "" {
		out.Reason = fmt.Sprintf("record %d at %d: %s", c.Record, c.PC, oneLine(c.Reason))
	}
	return out, nil
}

// text is what follows a verdict.
func (r *recheckJSON) text() string {
	switch {
	case r.Recheck == "":
		return ""
	case r.Reason == "":
		return fmt.Sprintf(": invariants %s (%d records)", r.Recheck, r.Records)
	}
	return fmt.Sprintf(": invariants %s: %s", r.Recheck, r.Reason)
}

// construct names what is unknown, for a table.
func (r *recheckJSON) construct() string {
	if r.Construct == "" {
		return ""
	}
	return ": " + r.Construct
}

func (r *recheckJSON) status() status {
	switch r.Recheck {
	case recheck.Refused.String():
		return no
	case recheck.Unknown.String():
		return unknown
	}
	return yes
}
