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
	Steps     int    // successors that were found included
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
		return &Result{Record: -1, Construct: "no invariants", Reason: "there are no invariants"}
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
	edges [][]edge
	out   []successor[E] // of the instruction under way
	pool  []*state[E]
	names links[E]
}

// successor is what the machine may be after an instruction.
type successor[E comparable] struct {
	pc    ir.PC
	state *state[E]
	why   bound
}

// Check checks invariants over the domain d.
func Check[E comparable](d Domain[E], p *ir.Program, set *invariant.Set[E]) *Result {
	if len(p.Funcs) == 0 {
		q := *p
		q.FindFuncs()
		p = &q
	}
	c := &checker[E]{words: newWords(d), prog: p, set: set, at: set.ByPC(), used: make([]int64, len(p.Funcs)),
		edges: make([][]edge, len(set.Records))}
	c.names.w = &c.words
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
		n, err := c.record(i)
		if err != nil {
			return fail(i, err)
		}
		r.Checked++
		r.Steps += n
	}
	if err := c.stacks(); err != nil {
		return fail(-1, err)
	}
	if i := c.endless(); i >= 0 {
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
	case c.set.Policy.Unprivileged:
		return unknown("a loader without privileges")
	}
	c.ctx = ctx
	if err := c.set.Check(c.prog, c.d); err != nil {
		return err
	}
	s := c.take()
	defer c.give(s)
	f := s.Push(-1)
	f.Regs[ir.R1] = reg[E]{Kind: invariant.Ctx, Val: c.zero}
	f.Regs[ir.FP] = reg[E]{Kind: invariant.Stack, Val: c.zero}
	if c.include(nil, 0, s) < 0 {
		return refuse("no record includes the machine at the start")
	}
	return nil
}

// record checks one record: its instruction is allowed, and what follows is in
// the set. It returns the number of successors.
func (c *checker[E]) record(i int) (int, error) {
	rec := &c.set.Records[i]
	c.pc = rec.PC
	s := c.take()
	s.Read(&rec.State)
	c.out = append(c.out[:0], successor[E]{pc: -1, state: s}) // to give it back in any case
	defer func() {
		for _, o := range c.out {
			c.give(o.state)
		}
	}()
	if err := c.step(s, rec.PC); err != nil {
		return 0, err
	}
	for _, o := range c.out[1:] {
		to := c.include(rec.Next, o.pc, o.state)
		if to < 0 {
			return 0, refuse("no record at %d includes what follows: %v", o.pc, o.state)
		}
		if o.why.kind != later {
			c.edges[i] = append(c.edges[i], edge{to, o.why})
		}
	}
	return len(c.out) - 1, nil
}

// next adds a successor, whose state the checker then owns.
func (c *checker[E]) next(pc ir.PC, s *state[E], why bound) {
	c.out = append(c.out, successor[E]{pc, s, why})
}

// on adds s itself as the successor at pc.
func (c *checker[E]) on(pc ir.PC, s *state[E]) {
	c.out[0].state = nil
	c.next(pc, s, bound{})
}

// include returns a record at pc that includes s, hinted ones first, or -1.
func (c *checker[E]) include(hints []int32, pc ir.PC, s *state[E]) int32 {
	for _, i := range hints {
		if i >= 0 && int(i) < len(c.set.Records) && c.set.Records[i].PC == pc && c.names.includes(&c.set.Records[i].State, s) {
			return i
		}
	}
	all := c.at[pc]
	for k := len(all) - 1; k >= 0; k-- {
		if c.names.includes(&c.set.Records[all[k]].State, s) {
			return all[k]
		}
	}
	return -1
}

// stacks checks that the frames of every call chain fit, as far as they are
// touched: 512 bytes for all, each rounded up to 16.
func (c *checker[E]) stacks() error {
	for i := range c.set.Records {
		rec := &c.set.Records[i]
		var sum int64
		for k := range rec.State.Frames {
			at := rec.PC
			if k+1 < len(rec.State.Frames) {
				at = rec.State.Frames[k+1].Site
			}
			sum += (c.used[c.prog.FuncAt(at)] + 15) &^ 15
		}
		if sum > ir.StackSize {
			return refuse("record %d: the stacks of its calls take %d bytes", i, sum)
		}
	}
	return nil
}
