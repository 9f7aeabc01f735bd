package verifier

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/bpfproof/bpfproof/absint/interval"
	"github.com/bpfproof/bpfproof/absint/reduced"
	"github.com/bpfproof/bpfproof/absint/tnum"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/ir/dump"
	"github.com/bpfproof/bpfproof/verifier/invariant"
)

// analysis is a walk over one domain, behind a type that does not name it.
type analysis interface {
	verify(ctx context.Context, p *ir.Program, policy Policy) (*Report, error)
}

// analyses is the table of domains: each entry is an instance of the same walk
// for one element type.
var analyses = map[string]func() analysis{
	"tnum":          func() analysis { return over[tnum.T]{tnum.Domain{}} },
	"interval":      func() analysis { return over[interval.T]{interval.Domain{}} },
	"tnum+interval": func() analysis { return over[reduced.T]{reduced.New()} },
}

// Verifier decides programs under one policy. It may be used by several
// goroutines at once.
type Verifier struct {
	policy   Policy
	analysis analysis
}

// New returns a verifier. The error is a *PolicyError.
func New(policy Policy) (*Verifier, error) {
	policy = policy.withDefaults()
	if err := policy.check(); err != nil {
		return nil, err
	}
	return &Verifier{policy, analyses[policy.Domain]()}, nil
}

// Policy returns the policy with its defaults filled in.
func (v *Verifier) Policy() Policy { return v.policy }

// Verify decides the program. It returns a report with a verdict, or an error
// if the program is not well-formed (it wraps an *ir.FormError) or ctx ended.
// Phases of sink, which may be nil: "verify/states" has the abstract states of
// each instruction, "verify/report" the findings and counts.
func (v *Verifier) Verify(ctx context.Context, p *ir.Program, sink *dump.Sink) (*Report, error) {
	if len(p.Funcs) == 0 {
		q := *p
		q.FindFuncs()
		p = &q
	}
	if err := p.Check(); err != nil {
		return nil, fmt.Errorf("verifier: read program %q: %w", p.Name, err)
	}
	start := time.Now()
	policy := v.policy
	policy.StrictAlignment = policy.StrictAlignment || p.LoadFlags&strictAlignment != 0
	r, err := v.analysis.verify(ctx, p, policy)
	if err != nil {
		return nil, fmt.Errorf("verifier: verify program %q: %w", p.Name, err)
	}
	r.Stats.Micros = float64(time.Since(start).Nanoseconds()) / 1e3
	sink.Phase("verify/states", func(w io.Writer) { io.WriteString(w, r.Invariants.String()) })
	sink.Phase("verify/report", func(w io.Writer) {
		for _, f := range r.Findings {
			fmt.Fprintln(w, f)
		}
		fmt.Fprintf(w, "%s: processed %d insns, %d states, peak %d\n", r.Verdict, r.Stats.Visits, r.Stats.States, r.Stats.PeakStates)
	})
	return r, nil
}

// strictAlignment is the load flag that demands natural alignment
// (BPF_F_STRICT_ALIGNMENT).
const strictAlignment = 1 << 0

// over is the walk over the domain d.
type over[E comparable] struct{ d domain[E] }

// verify walks the program coarsely first, so that numbers which nothing needs
// do not keep states apart. What that refuses is walked again with all that is
// known, and that walk decides: forgetting costs time only, never a verdict.
func (o over[E]) verify(ctx context.Context, p *ir.Program, policy Policy) (*Report, error) {
	c, known, loads := abi.ContextFor(p.Type, abi.AttachType(p.AttachType))
	f, err := findFlow(p, c)
	if err != nil {
		return nil, err
	}
	if pc, found := f.unreachable(); found {
		return decided(Reject, pc, Unreachable, fmt.Sprintf("unreachable insn %d", pc)), nil
	}
	if !known {
		return decided(Unknown, 0, Unsupported, fmt.Sprintf("program type %s is not modelled", p.Type)), nil
	}
	if !loads {
		return decided(Reject, 0, AttachPoint, fmt.Sprintf("programs of type %s are not loaded for attach type %s", p.Type, abi.AttachType(p.AttachType))), nil
	}
	if code, msg := checkLoad(p); msg != "" {
		return decided(Reject, 0, code, msg), nil
	}
	walk := func(ctx context.Context, coarse bool, record func(ir.PC, string)) (*engine[E], error) {
		e := newEngine(o.d, policy, p, c, f)
		e.stepper.coarse = coarse
		if record != nil {
			e.record = func(pc ir.PC, s *state[E]) { record(pc, e.w.describe(s)) }
		}
		return e, e.run(ctx)
	}
	coarse := true
	e, err := walk(ctx, coarse, nil)
	if err != nil {
		return nil, err
	}
	r := e.report()
	if r.Verdict == Reject && e.stepper.forgot {
		coarse = false
		first := r.Stats
		if e, err = walk(ctx, coarse, nil); err != nil {
			return nil, err
		}
		r = e.report()
		r.Stats.Visits += first.Visits
	}
	r.Invariants = &Invariants{replay: func(record func(ir.PC, string)) error {
		_, err := walk(context.Background(), coarse, record)
		return err
	}, data: func() (invariant.Data, error) {
		return o.emit(p, policy, c, f, coarse)
	}, path: func() (*Path, error) {
		return o.path(func() *engine[E] {
			e := newEngine(o.d, policy, p, c, f)
			e.stepper.coarse = coarse
			return e
		})
	}}
	return r, nil
}

// decided returns the report of a program that was not walked.
func decided(v Verdict, pc ir.PC, code Code, msg string) *Report {
	return &Report{Verdict: v, Findings: []Finding{{PC: pc, Code: code, Msg: msg}}, Invariants: &Invariants{}}
}

// report gives the verdict: what was refused decides, then what is not known.
func (e *engine[E]) report() *Report {
	r := &Report{Verdict: Accept, Stats: e.stats}
	for _, f := range e.findings {
		if f.Code == Unsupported || f.Code == BudgetExhausted {
			r.Verdict = Unknown
			r.Findings = append(r.Findings, f)
			continue
		}
		r.Verdict = Reject
		r.Findings = []Finding{f} // the walk stopped here
		return r
	}
	if r.Verdict != Accept {
		return r
	}
	if f := e.flow.checkDepth(e.stepper.reached); f != nil {
		r.Verdict, r.Findings = Reject, []Finding{*f}
	}
	return r
}
