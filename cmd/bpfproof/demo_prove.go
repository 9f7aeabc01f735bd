package main

import (
	"context"
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jitproof"
	"github.com/bpfproof/bpfproof/verifier"
)

func (d *demo) verify(ctx context.Context) error {
	r, err := d.prover.verifier.Verify(ctx, d.program, nil)
	if err != nil {
		return err
	}
	d.title("verified", "%v by %s: %d instructions, %d visits, %d states, %.1f ms", r.Verdict, d.policy.domain,
		d.program.Count(), r.Stats.Visits, r.Stats.States, r.Stats.Micros/1000)
	d.expect(r.Verdict == verifier.Accept, "%s", reportText(d.program, r))
	return nil
}

func (d *demo) compile(context.Context) error {
	start := time.Now()
	code, err := jit.Compile(d.prover.backend, d.program)
	if err != nil {
		return err
	}
	took := time.Since(start)
	d.code = code
	d.title("compiled", "%s, baseline tier: %d bytes, %.1f a instruction, %d relocations, %.0f us", code.Arch, len(code.Text),
		float64(len(code.Text))/float64(d.program.Count()), len(code.Relocs), float64(took.Nanoseconds())/1000)
	return nil
}

func (d *demo) prove(ctx context.Context) error {
	start := time.Now()
	cert, err := jitproof.New(d.prover.solver, jitproof.Options{Confirm: true}).Validate(ctx, d.program, d.code)
	if err != nil {
		return err
	}
	took := time.Since(start)
	c := cert.Counts
	d.title("proved", "the %d bytes do what the bytecode means: %s", cert.Bytes, cert.Status)
	solver := d.prover.solver.Name()
	d.say("%d obligations: %d proved (%d by rewriting, %d by %s), %d refuted, %d unknown, %.1f ms", c.Total, c.Proved,
		c.Rewriter, c.Proved-c.Rewriter, solver, c.Refuted, c.Unknown, float64(took.Microseconds())/1000)
	d.say("of the rewriting, %s %s confirmed %d steps of %d: the rules need not be trusted", solver, cert.Confirmed.Version,
		cert.Confirmed.Confirmed, cert.Confirmed.Rewritten)
	d.kinds(cert)
	d.expect(cert.Status == jitproof.Proved, "%s", blame(cert))
	return nil
}

// kinds prints how many obligations of each kind there were.
func (d *demo) kinds(cert *jitproof.Certificate) {
	count := map[jitproof.Kind]int{}
	for _, o := range cert.Obligations {
		count[o.Kind]++
	}
	var parts []string
	for k, n := range count {
		parts = append(parts, fmt.Sprintf("%s %d", k, n))
	}
	sort.Strings(parts)
	d.say("%s", strings.Join(parts, ", "))
}

// rejectPlanted shows a program with a bug, and why it is refused.
func (d *demo) rejectPlanted(ctx context.Context) error {
	object, err := readObject(demoPlanted)
	if err != nil {
		return err
	}
	for _, p := range object.Programs {
		r, err := d.prover.verifier.Verify(ctx, p, nil)
		if err != nil {
			return err
		}
		d.title("planted", "corpus/%s, a program with a bug: %v", demoPlanted, r.Verdict)
		for _, f := range r.Findings {
			d.say("insn %d: %s: %s", f.PC, f.Code, f.Msg)
			if l, ok := p.LineAt(f.PC); ok {
				d.say("%s:%d: %s", l.File, l.Line, strings.TrimSpace(l.Text))
			}
		}
		d.expect(r.Verdict == verifier.Reject, "it has to be rejected")
	}
	return nil
}
