package recheck

import (
	"errors"
	"fmt"

	"github.com/bpfproof/bpfproof/absint"
	"github.com/bpfproof/bpfproof/absint/interval"
	"github.com/bpfproof/bpfproof/absint/reduced"
	"github.com/bpfproof/bpfproof/absint/tnum"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/verifier/invariant"
	"github.com/bpfproof/bpfproof/verifier/recheck/ending"
)

// Verdict is what became of a set of invariants.
type Verdict uint8

// The verdicts. Unknown is the zero value.
const (
	Unknown   Verdict = iota // it needs something that is not checked here: Construct
	Confirmed                // they are inductive and imply that the program is safe
	Refused                  // they are not shown to be
)

// String returns "unknown", "confirmed" or "refused".
func (v Verdict) String() string { return [...]string{"unknown", "confirmed", "refused"}[v] }

// Result is the outcome of a check.
type Result struct {
	Verdict   Verdict
	PC        ir.PC  // of the record that is not confirmed
	Record    int    // its index, -1 for the start or the whole
	Construct string // what is not modelled, on Unknown
	Reason    string // one sentence, on Refused and Unknown
	Checked   int    // records that were confirmed
}

// Domain is what is asked of an abstract domain.
type Domain[E comparable] interface {
	absint.Domain[E]
	absint.Bounder[E]
}

// Program checks invariants over one of the built-in domains.
func Program(p *ir.Program, data invariant.Data) *Result {
	switch set := data.(type) {
	case *invariant.Set[tnum.T]:
		return Check(Domain[tnum.T](tnum.Domain{}), p, set)
	case *invariant.Set[interval.T]:
		return Check(Domain[interval.T](interval.Domain{}), p, set)
	case *invariant.Set[reduced.T]:
		return Check(Domain[reduced.T](reduced.New()), p, set)
	case nil:
		return Check[tnum.T](tnum.Domain{}, p, nil)
	}
	return &Result{Record: -1, Construct: "domain", Reason: fmt.Sprintf("domain %q is not built in", data.DomainName())}
}

// unsupported names a construct without meaning here.
type unsupported struct{ construct string }

func (e *unsupported) Error() string { return e.construct + " is not checked" }

func unknown(format string, args ...any) error { return &unsupported{fmt.Sprintf(format, args...)} }

// refuse says why something is not shown to hold.
func refuse(format string, args ...any) error { return fmt.Errorf(format, args...) }

// checker checks one set.
type checker[E comparable] struct {
	words[E]
	prog *ir.Program
	ctx  *abi.Context
	set  *invariant.Set[E]
	at   map[ir.PC][]int32
	pc   ir.PC // of the record under way

	used  []int64 // by function: how deep its stack is touched
	moves []bool  // by function: it may move the packet
	edges [][]ending.Edge
	out   []successor[E] // of the instruction under way
	now   state[E]       // before it, written over by its execution
	order *invariant.Order[E]
}

// successor is what the machine may be after an instruction.
type successor[E comparable] struct {
	pc    ir.PC
	state *state[E]
	why   ending.Bound
}

// Check checks invariants over the domain d.
func Check[E comparable](d Domain[E], p *ir.Program, set *invariant.Set[E]) *Result {
	if set == nil {
		return &Result{Record: -1, Construct: "no invariants", Reason: "there are no invariants"}
	}
	if len(p.Funcs) == 0 {
		q := *p
		q.FindFuncs()
		p = &q
	}
	c := &checker[E]{words: words[E]{d, d.Top(ir.W64), d.Const(ir.W64, 0), d.Bottom()}, prog: p, set: set, at: set.ByPC(), order: invariant.NewOrder[E](d), used: make([]int64, len(p.Funcs)), moves: abi.MovesPackets(p),
		edges: make([][]ending.Edge, len(set.Records))}
	r := &Result{Record: -1}
	fail := func(i int, err error) *Result {
		r.Record, r.Verdict, r.Reason = i, Refused, err.Error()
		if i >= 0 {
			r.PC = set.Records[i].PC
		}
		if u := (*unsupported)(nil); errors.As(err, &u) {
			r.Verdict, r.Construct = Unknown, u.construct
		}
		return r
	}
	if err := c.start(); err != nil {
		return fail(-1, err)
	}
	for i := range set.Records {
		if err := c.record(i); err != nil {
			return fail(i, err)
		}
		r.Checked++
	}
	if i, why := ending.Nested(p, set, c.edges, c.used); i >= 0 {
		return fail(int(i), refuse("%s", why))
	}
	if i := ending.Endless(p, d, set, c.edges); i >= 0 {
		return fail(int(i), unknown("that runs end"))
	}
	r.Verdict = Confirmed
	return r
}

// start checks the program as a whole and that the machine at its start is in
// the set.
func (c *checker[E]) start() error {
	if err := c.prog.Check(); err != nil {
		return err
	}
	ctx, known, ok := abi.ContextFor(c.prog.Type, abi.AttachType(c.prog.AttachType))
	switch {
	case !known:
		return unknown("program type %s", c.prog.Type)
	case !ok:
		return refuse("programs of type %s are not loaded for attach type %s", c.prog.Type, abi.AttachType(c.prog.AttachType))
	case c.set.OfKernel() != "":
		return unknown("%s", c.set.OfKernel())
	case c.set.Policy.Unprivileged:
		return unknown("a loader without privileges")
	}
	c.ctx = ctx
	if err := c.set.Check(c.prog, c.d); err != nil {
		return err
	}
	s := &state[E]{}
	f := s.Push(-1)
	f.Regs[ir.R1] = reg[E]{Kind: invariant.Ctx, Val: c.zero}
	f.Regs[ir.FP] = reg[E]{Kind: invariant.Stack, Val: c.zero}
	if c.include(nil, 0, s) < 0 {
		return refuse("no record includes the machine at the start")
	}
	return nil
}

// record checks one record: its instruction is allowed, and what follows is in
// the set.
func (c *checker[E]) record(i int) error {
	rec := &c.set.Records[i]
	c.pc = rec.PC
	c.now.Clear()
	c.now.Read(&rec.State)
	c.out = c.out[:0]
	if err := c.step(&c.now, rec.PC); err != nil {
		return err
	}
	for _, o := range c.out {
		to := c.include(rec.Next, o.pc, o.state)
		if to < 0 {
			return refuse("no record at %d includes what follows: %v", o.pc, o.state)
		}
		c.edges[i] = append(c.edges[i], ending.Edge{To: to, Why: o.why})
	}
	return nil
}

// on adds a successor.
func (c *checker[E]) on(pc ir.PC, s *state[E]) { c.out = append(c.out, successor[E]{pc: pc, state: s}) }

// bounded says what bounds how often runs go on to the successor added last, from
// s at pc.
func (c *checker[E]) bounded(k ending.Kind, s *state[E], pc ir.PC) {
	c.out[len(c.out)-1].why = ending.Bound{Kind: k, Depth: int8(len(s.Frames)), PC: pc}
}

// copied returns a state equal to s.
func copied[E comparable](s *state[E]) *state[E] {
	t := &state[E]{}
	t.Copy(s)
	return t
}

// include returns a record at pc that includes s, hinted ones first, or -1.
func (c *checker[E]) include(hints []int32, pc ir.PC, s *state[E]) int32 {
	for _, i := range hints {
		if i >= 0 && int(i) < len(c.set.Records) && c.set.Records[i].PC == pc && c.order.Includes(&c.set.Records[i].State, s) {
			return i
		}
	}
	all := c.at[pc]
	for k := len(all) - 1; k >= 0; k-- {
		if c.order.Includes(&c.set.Records[all[k]].State, s) {
			return all[k]
		}
	}
	return -1
}

type (
	reg[E comparable]   = invariant.Reg[E]
	slot[E comparable]  = invariant.Slot[E]
	frame[E comparable] = invariant.RawFrame[E]
	state[E comparable] = invariant.Work[E]
)

// words are the questions about abstract words, of 64 bits unless said
// otherwise.
type words[E comparable] struct {
	d              Domain[E]
	top, zero, bot E
}

func (w *words[E]) bounds(e E) absint.Bounds { return w.d.Bounds(ir.W64, e) }

func (w *words[E]) num(x int64) E { return w.d.Const(ir.W64, uint64(x)) }

// known returns the only member of e, read signed.
func (w *words[E]) known(e E) (int64, bool) {
	b := w.bounds(e)
	return b.SMin, b.UMin == b.UMax
}

func (w *words[E]) fits(e E, bits ir.Width) bool { return w.bounds(e).UMax <= bits.Mask() }

// low returns the low bits of e, zero-extended.
func (w *words[E]) low(e E, bits ir.Width) E {
	if w.fits(e, bits) {
		return e
	}
	return absint.LowALU[E](w.d, ir.Mov, ir.W64, bits, e, e)
}

// cut returns the low bits of e as an element of that width.
func (w *words[E]) cut(e E, bits ir.Width) E {
	if bits == ir.W64 {
		return e
	}
	return w.d.Resize(e, ir.W64, bits, false)
}

// any returns an unlinked number of that many bits.
func (w *words[E]) any(bits ir.Width) reg[E] {
	if bits == ir.W64 {
		return number(w.top)
	}
	return number(w.d.Resize(w.d.Top(bits), bits, ir.W64, false))
}

func (w *words[E]) add(e E, n int64) E {
	if n == 0 {
		return e
	}
	return absint.ALU[E](w.d, ir.Add, ir.W64, e, w.num(n))
}

func number[E comparable](e E) reg[E] { return reg[E]{Kind: invariant.Scalar, Val: e} }

// maxVar bounds what is taken for an offset: sums of a few of them do not
// overflow (BPF_MAX_VAR_OFF).
const maxVar = 1 << 29

// span returns the least and greatest distance of a pointer from its object's
// address; ok is false where it may be anywhere.
func (w *words[E]) span(r *reg[E]) (lo, hi int64, ok bool) {
	b := w.bounds(r.Val)
	return int64(r.Off) + b.SMin, int64(r.Off) + b.SMax, b.SMin > -maxVar && b.SMax < maxVar
}

// exact returns the pointer's distance from its object's address if only one is
// possible.
func (w *words[E]) exact(r *reg[E]) (int64, bool) {
	lo, hi, ok := w.span(r)
	return lo, ok && lo == hi
}

// alive reports that what the pointer points to exists.
func alive[E comparable](s *state[E], r *reg[E]) bool { return r.Ref == 0 || s.Holds(r.Ref) }

// linked gives a number that is not known an id, so that its copy shares it.
func (c *checker[E]) linked(s *state[E], r *reg[E]) {
	if _, known := c.known(r.Val); r.Kind == invariant.Scalar && r.ID == 0 && !known {
		r.ID, r.Off = s.Fresh(), 0
	}
}
