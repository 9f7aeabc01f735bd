package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jitproof"
	"github.com/bpfproof/bpfproof/jitproof/mutants"
)

// shown is the mutant whose refutation the demonstration prints in full.
const shown = "wrong-condition-equal"

// refuteMutants makes the JIT wrong, one bug at a time, and shows that the
// validator finds each.
func (d *demo) refuteMutants(ctx context.Context) error {
	all := mutants.All()
	refuted, witnessed := 0, 0
	var missed []string
	for _, m := range all {
		cert, err := d.validateMutant(ctx, m)
		if err != nil {
			return err
		}
		if cert.Status != jitproof.Refuted {
			missed = append(missed, m.Name)
			continue
		}
		refuted++
		if o := cert.First(jitproof.Refuted); o.Witness != nil {
			witnessed++
		}
	}
	d.title("mutants", "%d JITs with one bug each: %d refuted, %d of them with a concrete counterexample", len(all), refuted, witnessed)
	d.expect(len(missed) == 0, "not refuted: %s", strings.Join(missed, ", "))
	return d.showMutant(ctx)
}

// validateMutant proves, or hopes not to prove, the mutant's own program.
func (d *demo) validateMutant(ctx context.Context, m mutants.Mutant) (*jitproof.Certificate, error) {
	p, err := asm.Parse(m.Name, m.Text)
	if err != nil {
		return nil, err
	}
	return d.validateWrong(ctx, m, p)
}

func (d *demo) validateWrong(ctx context.Context, m mutants.Mutant, p *ir.Program) (*jitproof.Certificate, error) {
	b, err := tierBackend(jit.Options{Tier: m.Tier})
	if err != nil {
		return nil, err
	}
	code, err := jit.Compile(m.Wrap(b), p)
	if err != nil {
		return nil, fmt.Errorf("mutant %s: %w", m.Name, err)
	}
	return jitproof.New(d.prover.solver, jitproof.Options{}).Validate(ctx, p, code)
}

// showMutant compiles the classifier itself with one wrong JIT and prints the
// counterexample.
func (d *demo) showMutant(ctx context.Context) error {
	m, ok := mutants.Find(shown)
	if !ok {
		return fmt.Errorf("no mutant %s", shown)
	}
	cert, err := d.validateWrong(ctx, m, d.program)
	if err != nil {
		return err
	}
	d.say("the classifier by a JIT in which %s: %s", m.Bug, cert.Status)
	o := cert.First(jitproof.Refuted)
	d.expect(o != nil, "the mutant has to be refuted")
	if o == nil {
		return nil
	}
	d.say("obligation of kind %s at insn %d, offset %#x, does not hold:", o.Kind, o.PC, o.Off)
	for line := range strings.SplitSeq(strings.TrimPrefix(witnessText(d.program, o), "\n"), "\n") {
		d.say("%s", strings.TrimPrefix(line, "    "))
	}
	return nil
}
