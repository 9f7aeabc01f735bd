package jitproof

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/smt"
)

// byRewriter and byReplay stand in Obligation.By where no solver was asked.
const (
	byRewriter = smt.RewriterName
	byReplay   = "replay"
)

// Options are what a validator may do. The zero Options are the defaults.
type Options struct {
	// NoReplay leaves out the search for a refuting state before the solver
	// is asked. It changes speed and witnesses, not verdicts.
	NoReplay bool
	// Confirm puts the solver in the place of the rewriting: package smt's rules
	// are used, but the solver has to confirm every step that they took, and
	// whatever they leave open is the solver's to decide. Without a solver, or
	// where it does not confirm a step, nothing is proved. What stays is the theorem
	// by which divisions by constants are multiplications, whose conditions are
	// checked, and its uses are counted.
	Confirm bool
	// Query, where it is set, is shown each obligation's question before it is
	// decided, by whatever means. Its error ends the proof.
	Query func(Query) error
}

// Validator proves code against programs. It is safe for use by several
// goroutines if its solver is.
type Validator struct {
	solver smt.Solver
	opts   Options
}

// New returns a validator. Solver may be nil: then obligations that the
// rewrite rules do not close stay unknown. Limits are the solver's.
func New(solver smt.Solver, opts Options) *Validator { return &Validator{solver, opts} }

// Validate proves that code does what p means. Everything that is wrong with
// the code's behaviour is in the certificate; the error says that there is
// nothing to judge: a malformed program, tables that contradict, an unknown
// machine, a solver that failed, or ctx's end.
func (v *Validator) Validate(ctx context.Context, p *ir.Program, code *jit.Code) (*Certificate, error) {
	if p == nil || code == nil {
		return nil, fmt.Errorf("jitproof: validate: no program or no code")
	}
	p = withFuncs(p)
	if err := p.Check(); err != nil {
		return nil, fmt.Errorf("jitproof: validate %q: %w", p.Name, err)
	}
	img, err := newImage(p, code)
	if err != nil {
		return nil, err
	}
	return v.validate(ctx, img)
}

// ValidateKernel proves that a kernel's image does what the translated program
// means that it was made from. The error says that there is nothing to judge: an
// image that is not shown or whose parts do not fit together (*ImageError), or
// bytecode that is not understood (*translated.Error). Where the code of each
// instruction starts is found by looking, and the proof decides; nothing is proved
// of an image with bytes that are neither executed nor traps. A refutation says
// that the bytes do not do what the bytecode means, if that is where they are.
func (v *Validator) ValidateKernel(ctx context.Context, k *jit.LinuxImage) (*Certificate, error) {
	img, err := newKernelImage(k)
	if err != nil {
		return nil, err
	}
	c, err := v.validate(ctx, img)
	if err != nil {
		return nil, err
	}
	c.Linux = img.kernel.needed()
	c.Obligations = append(c.Obligations, img.kernel.idle(c.Unreached)...)
	c.count()
	return c, nil
}

// validate proves what images consist of, function by function.
func (v *Validator) validate(ctx context.Context, img *image) (*Certificate, error) {
	p, code := img.p, img.code
	b := smt.NewBuilder()
	if v.opts.Confirm {
		b.Record()
	}
	run := &proving{ctx: ctx, v: v, p: p, img: img, b: b}
	s := &sim[smt.Term]{w: terms{Builder: b, plain: v.opts.Confirm, theorems: &run.theorems}, p: p, code: code, img: img, conv: img.conv, out: run}
	for fi := range code.Funcs {
		s.function(fi)
		if run.err != nil {
			return nil, fmt.Errorf("jitproof: validate %q: %w", p.Name, run.err)
		}
	}
	confirmed, err := run.confirm()
	if err != nil {
		return nil, fmt.Errorf("jitproof: validate %q: %w", p.Name, err)
	}
	c := &Certificate{Schema: Schema, Confirmed: confirmed, Program: p.Name, ProgramHash: HashProgram(p), CodeHash: HashCode(code), Arch: code.Arch,
		Bytes: len(code.Text), Obligations: run.obligations, Unreached: img.unreached(), Assumptions: img.assumptions()}
	c.count()
	return c, nil
}

// proving is the checker of a proof: it decides goals and writes them down.
type proving struct {
	ctx         context.Context
	v           *Validator
	p           *ir.Program
	img         *image
	b           *smt.Builder
	obligations []Obligation
	queries     int // that were shown
	theorems    int // results of theorems, where the solver confirms everything else
	err         error
}

// prove implements checker.
func (v *proving) prove(at site, kind Kind, path []smt.Term, goals []goal[smt.Term]) {
	if v.err != nil {
		return
	}
	begin := time.Now()
	o := Obligation{Func: at.fn, PC: at.pc, Off: at.off, Kind: kind}
	all := v.b.Bool(true)
	for _, g := range goals {
		if g.x != g.y {
			all = v.b.And(all, v.b.Eq(g.x, g.y))
		}
	}
	v.decide(&o, at, path, all, "")
	o.Micros = time.Since(begin).Microseconds()
	v.obligations = append(v.obligations, o)
}

// fail implements checker: nothing to prove but that the path is not taken.
func (v *proving) fail(at site, path []smt.Term, err *pathError) {
	if v.err != nil {
		return
	}
	begin := time.Now()
	o := Obligation{Func: at.fn, PC: at.pc, Off: at.off, Kind: err.kind}
	if err.status == Refuted || len(path) > 0 {
		v.decide(&o, at, path, v.b.Bool(false), err.reason)
	}
	if err.status == Unknown && o.Status == Refuted {
		o.Status, o.By, o.Witness = Unknown, "", nil
	}
	if o.Status != Proved {
		o.Reason = err.reason
	}
	o.Micros = time.Since(begin).Microseconds()
	v.obligations = append(v.obligations, o)
}

// decide finds out whether the path implies the goal. A refutation needs a
// state that has been replayed.
func (v *proving) decide(o *Obligation, at site, path []smt.Term, all smt.Term, why string) {
	if v.ctx.Err() != nil {
		v.err = v.ctx.Err()
		return
	}
	if v.err = v.show(o, path, all); v.err != nil {
		return
	}
	proof, ok := smt.Rewritten(v.b, path, all)
	if ok && proof.Outcome == smt.Proved {
		o.Status, o.By = Proved, byRewriter
		return
	}
	if !ok && !v.v.opts.Confirm && follows(v.b, slices.Clone(path), all, splits) {
		o.Status, o.By = Proved, byRewriter
		return
	}
	if !v.v.opts.NoReplay || ok {
		if w := v.sample(at, o.Kind); w != nil {
			o.Status, o.By, o.Witness, o.Reason = Refuted, byReplay, w, why
			return
		}
	}
	if ok {
		o.Reason = "no state that was tried shows the difference"
		return
	}
	if v.v.solver == nil {
		o.Reason = "the rewrite rules do not decide, and there is no solver"
		return
	}
	proof, err := smt.Prove(v.ctx, v.v.solver, v.b, path, all)
	if err != nil {
		v.err = err
		return
	}
	r := proof.Result
	o.By, o.Version, o.Steps = r.Solver, r.Version, r.Limit.Steps
	switch proof.Outcome {
	case smt.Proved:
		o.Status = Proved
	case smt.Refuted:
		if o.Witness = v.fromModel(at, o.Kind, r.Model); o.Witness != nil {
			o.Status, o.Reason = Refuted, why
		} else {
			o.Reason = "the solver's state could not be replayed"
		}
	default:
		o.Reason = "solver: " + r.Reason
	}
}

// confirm has the solver confirm the rewriting, if that was asked for. What it
// does not confirm takes every proof with it: all terms went through the
// rules.
func (v *proving) confirm() (*smt.Confirmation, error) {
	if !v.v.opts.Confirm {
		return nil, nil
	}
	c := smt.Confirmation{Doubt: "there is no solver to ask"}
	if v.v.solver != nil {
		var err error
		if c, err = smt.Confirm(v.ctx, v.v.solver, v.b); err != nil {
			return nil, err
		}
	}
	c.Theorems = v.theorems
	if c.Doubt == "" && c.Holds() {
		return &c, nil
	}
	for i := range v.obligations {
		if o := &v.obligations[i]; o.Status == Proved {
			o.Status, o.Reason = Unknown, "a rewriting step is not confirmed: "+c.Doubt
		}
	}
	return &c, nil
}
