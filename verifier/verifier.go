package verifier

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
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
	"tnum":          func() analysis { return &over[tnum.T]{d: tnum.Domain{}} },
	"interval":      func() analysis { return &over[interval.T]{d: interval.Domain{}} },
	"tnum+interval": func() analysis { return &over[reduced.T]{d: reduced.New()} },
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
	start := time.Now()
	policy := v.policy
	policy.StrictAlignment = policy.StrictAlignment || p.LoadFlags&abi.LoadStrictAlignment != 0
	r, err := v.analysis.verify(ctx, p, policy)
	var form *ir.FormError
	if errors.As(err, &form) {
		return nil, fmt.Errorf("verifier: read program %q: %w", p.Name, err)
	}
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

// over is the walk over the domain d. It keeps what its walks have allocated for
// the next ones.
type over[E comparable] struct {
	d    domain[E]
	mu   sync.Mutex
	idle []*engine[E]
}

// maxIdle bounds the engines that are kept, and maxIdleCells the registers and
// stack slots in the states that each keeps.
const (
	maxIdle      = 4
	maxIdleCells = 1 << 16
)

// engine returns an engine, a new one or one that was given back.
func (o *over[E]) engine(policy Policy, p *ir.Program, c *abi.Context, f *flow) *engine[E] {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := len(o.idle)
	if n == 0 {
		return newEngine(o.d, policy, p, c, f)
	}
	e := o.idle[n-1]
	o.idle = o.idle[:n-1]
	e.reset(policy, p, c, f)
	return e
}

// giveBack keeps an engine that no report refers to for a later program, unless
// it holds much memory.
func (o *over[E]) giveBack(e *engine[E]) {
	e.reset(Policy{}, nil, nil, nil)
	if e.heldCells() > maxIdleCells || cap(e.points) > maxIdleCells {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.idle) < maxIdle {
		o.idle = append(o.idle, e)
	}
}

// verify walks the program coarsely first, so that numbers which nothing needs
// do not keep states apart. What that refuses is walked again with all that is
// known, and that walk decides: forgetting costs time only, never a verdict.
func (o *over[E]) verify(ctx context.Context, p *ir.Program, policy Policy) (*Report, error) {
	c, known, loads := abi.ContextFor(p.Type, abi.AttachType(p.AttachType))
	k, why := findKernel(p, policy), decision{}
	if !known {
		if why = k.findHook(); why.outcome == holds {
			c, known, loads = &k.hook.ctx, true, true
		}
	}
	f, err := findFlow(p, c)
	if err != nil {
		return nil, err
	}
	k.resolveCalls()
	f.kern = k
	if pc, found := f.unreachable(); found {
		return decided(Reject, pc, Unreachable, fmt.Sprintf("unreachable insn %d", pc)), nil
	}
	if !known {
		return decided(map[outcome]Verdict{violated: Reject}[why.outcome], 0, why.code, why.msg), nil
	}
	if !loads {
		return decided(Reject, 0, AttachPoint, fmt.Sprintf("programs of type %s are not loaded for attach type %s", p.Type, abi.AttachType(p.AttachType))), nil
	}
	if code, msg := checkLoad(p); msg != "" {
		return decided(Reject, 0, code, msg), nil
	}
	if f := checkText(p); f != nil {
		return decided(Reject, f.PC, f.Code, f.Msg), nil
	}
	m := walkMode{coarse: true, widen: f.constants != nil}
	newWalk := func() *engine[E] {
		e := newEngine(o.d, policy, p, c, f)
		e.setMode(m)
		return e
	}
	r, err := o.decide(ctx, &m, policy, p, c, f)
	if err != nil {
		return nil, err
	}
	if r.Verdict != Accept && k.knowSocks() { // with less said of these it may be confirmed
		if r, err = o.decide(ctx, &m, policy, p, c, f); err != nil {
			return nil, err
		}
	}
	if f := unresolved(p, k); f != nil && r.Verdict == Accept {
		r.Verdict, r.Findings = Unknown, []Finding{*f}
	}
	r.Invariants = &Invariants{replay: func(record func(ir.PC, string)) error {
		e := newWalk()
		e.record = func(pc ir.PC, s *state[E]) { record(pc, e.w.describe(s)) }
		return e.run(context.Background())
	}, data: func() (invariant.Data, error) {
		return o.emit(newWalk, policy)
	}, path: func() (*Path, error) {
		return o.path(newWalk)
	}}
	return r, nil
}

// walkMode says what a walk may forget, or has to keep in mind.
type walkMode struct {
	coarse bool // numbers that no path needs
	widen  bool // the numbers of single laps of a loop
	count  bool // how often bpf_loop has called back is kept in mind
}

func (e *engine[E]) setMode(m walkMode) {
	e.stepper.coarse, e.widening, e.counting = m.coarse, m.widen, m.count
}

// decide walks until a verdict is final; m is then the mode of the walk that it is
// of. A walk that counts refuses less than one that widens loops of helpers, but may
// use up the budget: then what the other one refused stands.
func (o *over[E]) decide(ctx context.Context, m *walkMode, policy Policy, p *ir.Program, c *abi.Context, f *flow) (*Report, error) {
	e := o.engine(policy, p, c, f)
	defer o.giveBack(e)
	var spent int
	var refused *Report
	for {
		e.setMode(*m)
		if err := e.run(ctx); err != nil {
			return nil, err
		}
		r := e.report()
		r.Stats.Visits += spent
		switch {
		case m.count && r.Verdict == Unknown:
			*m = walkMode{}
			refused.Stats.Visits = r.Stats.Visits
			return refused, nil
		case m.widen && (e.gaveUp || e.widened && r.Verdict != Accept):
			m.widen = false
		case r.Verdict == Reject && e.stepper.forgot:
			*m = walkMode{}
		case r.Verdict == Reject && e.uncounted:
			*m, refused = walkMode{count: true}, r
		default:
			return r, nil
		}
		spent = r.Stats.Visits
		e.reset(policy, p, c, f)
	}
}

// decided returns the report of a program that was not walked.
func decided(v Verdict, pc ir.PC, code Code, msg string) *Report {
	return &Report{Verdict: v, Findings: []Finding{{PC: pc, Code: code, Msg: msg}}, Invariants: &Invariants{}}
}

// report gives the verdict: what was refused decides, then what is not known.
func (e *engine[E]) report() *Report {
	r := &Report{Verdict: Accept, Stats: e.stats, Kernel: e.inKernel}
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
