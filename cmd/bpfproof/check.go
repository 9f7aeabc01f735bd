package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/jitproof"
	"github.com/bpfproof/bpfproof/pipeline"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/verifier"
	"github.com/bpfproof/bpfproof/verifier/recheck"
)

// checkJSON is what check prints of a certificate (DESIGN section 5).
type checkJSON struct {
	Program string `json:"program"`
	Status  string `json:"status"` // confirmed, refused or unknown
	Reason  string `json:"reason"`
}

func checkCmd() *cobra.Command {
	var in input
	var policy policyFlags
	var solver solverFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check X CERT",
		Short: "re-check a certificate of prove --cert without believing verifier or compiler",
		Long: `check reads the machine code from the certificate, so nothing is compiled. It compares the hashes of program and code,
decides every obligation again, and has the separate checker confirm that the program is safe. The verifier runs only
to propose invariants to that checker. Another --solver than prove's takes that out of what has to be believed.
A certificate of prove --image kernel holds the kernel's image and the bytecode that it is made from; nothing is loaded.`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			programs, err := in.load(cmd, args[0])
			if err != nil {
				return err
			}
			data, err := os.ReadFile(args[1])
			if err != nil {
				return err
			}
			c, err := newCertChecker(&policy, &solver)
			if err != nil {
				return err
			}
			v, err := c.check(cmd.Context(), programs, data)
			if err != nil {
				return fmt.Errorf("%s: %w", args[1], err)
			}
			if err := newPrinter(cmd, asJSON).answer(v, v.text()); err != nil {
				return err
			}
			return end(v.status())
		},
	}
	in.flags(cmd)
	policy.flags(cmd)
	solver.flags(cmd)
	jsonFlag(cmd, &asJSON)
	return cmd
}

// certChecker checks certificates.
type certChecker struct {
	verifier *verifier.Verifier // proposes invariants
	solver   smt.Solver
}

func newCertChecker(policy *policyFlags, solver *solverFlags) (*certChecker, error) {
	v, err := policy.verifier()
	if err != nil {
		return nil, err
	}
	s, err := solver.open()
	return &certChecker{v, s}, err
}

// check judges a certificate of one of the programs. An error says that there
// is no judgement.
func (k *certChecker) check(ctx context.Context, programs []*ir.Program, data []byte) (*checkJSON, error) {
	c, err := jitproof.Decode(data)
	if err != nil {
		return &checkJSON{subject(programs), recheck.Refused.String(), oneLine(err.Error())}, nil
	}
	p := chosen(programs, c)
	if p == nil {
		return &checkJSON{c.Program, recheck.Refused.String(), fmt.Sprintf("it is for another program: none of %d has hash %.16s", len(programs), c.ProgramHash)}, nil
	}
	v := &checkJSON{Program: p.Name, Status: recheck.Refused.String()}
	if c.Code == nil && c.Linux == nil {
		v.Reason = "it holds no code"
		return v, nil
	}
	if c.Linux != nil {
		err = jitproof.New(k.solver, jitproof.Options{}).CheckKernel(ctx, c, p)
	} else {
		err = jitproof.New(k.solver, jitproof.Options{}).Check(ctx, c, p, c.Code)
	}
	var wrong *jitproof.CheckError
	switch {
	case errors.As(err, &wrong):
		if v.Reason = oneLine(wrong.Reason); wrong.Status == jitproof.Unknown {
			v.Status = recheck.Unknown.String()
		}
		return v, nil
	case err != nil:
		return nil, err
	case c.Status == jitproof.Refuted:
		v.Reason = "it tells of a refutation: " + blame(c)
		return v, nil
	case c.Status != jitproof.Proved:
		v.Status, v.Reason = recheck.Unknown.String(), "it tells of no proof: "+blame(c)
		return v, nil
	}
	if c.Linux != nil { // whose safety the kernel's own verifier answers for
		v.Status = recheck.Confirmed.String()
		v.Reason = fmt.Sprintf("%d obligations on %d bytes of the kernel's image decided again", c.Counts.Total, c.Bytes)
		return v, nil
	}
	return v, k.safe(ctx, p, c, v)
}

// safe has the separate checker confirm what the certificate assumes: that
// the program is safe.
func (k *certChecker) safe(ctx context.Context, p *ir.Program, c *jitproof.Certificate, v *checkJSON) error {
	report, err := k.verifier.Verify(ctx, p, nil)
	if err != nil {
		return err
	}
	if report.Verdict != verifier.Accept {
		// No invariants are proposed, so nothing is known of the program's safety.
		v.Status, v.Reason = recheck.Unknown.String(), "the program's safety is not shown: "+(&pipeline.RejectedError{Report: report}).Error()
		return nil
	}
	r, err := recheckReport(p, report)
	if err != nil {
		return err
	}
	if v.Status = r.Recheck; r.Recheck != recheck.Confirmed.String() {
		v.Reason = "the program's safety is not shown: invariants " + r.Recheck + ": " + r.Reason
		return nil
	}
	v.Reason = fmt.Sprintf("%d obligations on %d bytes decided again, %d invariants confirmed", c.Counts.Total, c.Bytes, r.Records)
	return nil
}

// chosen returns the program that the certificate is for by its hash, the only
// one if there is no other, or nil.
func chosen(programs []*ir.Program, c *jitproof.Certificate) *ir.Program {
	for _, p := range programs {
		if h := jitproof.HashProgram(p); h == c.ProgramHash || h == c.Submitted {
			return p
		}
	}
	if len(programs) == 1 {
		return programs[0] // whose hash the reason then names
	}
	return nil
}

// subject names the program where a certificate does not.
func subject(programs []*ir.Program) string {
	if len(programs) == 1 {
		return programs[0].Name
	}
	return ""
}

func (v *checkJSON) text() string { return fmt.Sprintf("%s: %s: %s", v.Program, v.Status, v.Reason) }

func (v *checkJSON) status() status {
	switch v.Status {
	case recheck.Confirmed.String():
		return yes
	case recheck.Refused.String():
		return no
	}
	return unknown
}
