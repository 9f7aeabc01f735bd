package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jitproof"
	"github.com/bpfproof/bpfproof/verifier"
	"github.com/bpfproof/bpfproof/verifier/recheck"
)

// rewritingJSON is what prove --rewriting prints of a program.
type rewritingJSON struct {
	Proved  int                   `json:"proved"`
	Matched int                   `json:"matched"`
	Open    int                   `json:"open"`
	Rules   map[jitproof.Rule]int `json:"rules"`
	Message string                `json:"message,omitempty"` // the first instruction that is open
}

// What became of a comparison: every instruction is proved; some are matched by a
// named rule; some are neither.
const (
	rewritingProved  = "proved"
	rewritingMatched = "matched"
	rewritingOpen    = "open"
)

func (w *rewritingJSON) status() string {
	switch {
	case w.Open > 0:
		return rewritingOpen
	case w.Matched > 0:
		return rewritingMatched
	}
	return rewritingProved
}

func (w *rewritingJSON) text() string {
	s := fmt.Sprintf("%d instructions proved, %d matched, %d open (%s)", w.Proved, w.Matched, w.Open, ruleText(w.Rules))
	if w.Message != "" {
		s += "\n    " + w.Message
	}
	return s
}

// ruleText lists how many instructions each rule fits.
func ruleText(rules map[jitproof.Rule]int) string {
	var parts []string
	for _, rule := range slices.Sorted(maps.Keys(rules)) {
		parts = append(parts, fmt.Sprintf("%s %d", rule, rules[rule]))
	}
	return strings.Join(parts, ", ")
}

// flow returns where runs of a program go by invariants of our own verifier that
// the separate checker confirms; nil where there are none.
func (k *kernelProver) flow(ctx context.Context, p *ir.Program) (jitproof.Flow, error) {
	report, err := k.verifier.Verify(ctx, p, nil)
	if err != nil || report.Verdict != verifier.Accept {
		return nil, err
	}
	data, err := report.Invariants.Data()
	if err != nil || recheck.Program(p, data).Verdict != recheck.Confirmed {
		return nil, err
	}
	return data.Flow(), nil
}

// compare compares a program with the bytecode of its image, if that was asked
// for. Where there is nothing to compare, every instruction is open.
func (k *kernelProver) compare(ctx context.Context, p *ir.Program, img *jit.LinuxImage, out *proofJSON) error {
	if !k.rewriting {
		return nil
	}
	w := &rewritingJSON{Rules: map[jitproof.Rule]int{}}
	out.Rewriting = w
	flow, err := k.flow(ctx, p)
	if err != nil {
		return err
	}
	r, err := k.validator(p).ValidateRewriting(ctx, p, img, flow)
	var broken *jitproof.ImageError
	switch {
	case errors.As(err, &broken):
		w.Open, w.Message = p.Count(), broken.Reason
		w.Rules[jitproof.RuleNone] = w.Open
		return nil
	case err != nil:
		return err
	}
	w.Proved, w.Matched, w.Open = r.Proved()
	w.Rules = r.Counts
	for _, s := range r.Steps {
		if s.Rule == jitproof.RuleNone {
			w.Message = fmt.Sprintf("insn %d: %s", s.PC, oneLine(s.Reason))
			break
		}
	}
	return nil
}
