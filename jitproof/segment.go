package jitproof

import (
	"fmt"
	"slices"

	"github.com/bpfproof/bpfproof/ir"
)

// Bounds of the bytecode between two cuts.
const (
	maxInsns = 4096 // on one way
	maxWays  = 64
)

// way is one way of the bytecode from a cut to the next, or out of the function.
type way[V any] struct {
	outcome[V]
	conds  []V // one bit each; the way is taken where all hold
	events []event[V]
	after  regs[V]
	counts int // jumps that count down the budget
	insns  int
}

// fork returns a copy that can go its own way.
func (o way[V]) fork() way[V] {
	o.conds, o.events = slices.Clip(o.conds), slices.Clip(o.events)
	return o
}

// ways executes the bytecode from the cut at pc along all paths until each comes
// to a cut, leaves the function, or is never taken. If inlined, a lookup in
// array map inline at pc is what the ABI says it is instead of a call.
func (s *sim[V]) ways(a words[V], pc ir.PC, r regs[V], inline int) ([]way[V], error) {
	work := []way[V]{{outcome: outcome[V]{pc: pc}, after: r}}
	var done []way[V]
	for len(work) > 0 {
		o := work[len(work)-1]
		work = work[:len(work)-1]
		if o.insns > 0 {
			inline = -1
		}
		next, err := s.advance(a, o, inline)
		if err != nil {
			return nil, fmt.Errorf("insn %d: %w", o.pc, err)
		}
		for _, n := range next {
			if n.exit || n.tail || s.code.Cut(n.pc) {
				done = append(done, n)
			} else {
				work = append(work, n)
			}
		}
		if len(work)+len(done) > maxWays {
			return nil, fmt.Errorf("more than %d ways from insn %d to the next cuts", maxWays, pc)
		}
	}
	return done, nil
}

// advance executes the instruction that a way has come to.
func (s *sim[V]) advance(a words[V], o way[V], inline int) (next []way[V], err error) {
	in := s.p.Insns[o.pc]
	if o.insns >= maxInsns || o.insns > 0 && in.WritesFP() {
		return nil, fmt.Errorf("%v has no cut in front of it", in.Op)
	}
	m, err := s.spec(a, o.pc, o.after, inline, o.events)
	if err != nil {
		return nil, err
	}
	counts := 0
	for _, out := range m.outs {
		if out.jump && out.pc <= o.pc && !s.img.free[o.pc] {
			counts = 1
		}
	}
	calls := in.Kind() == ir.KindCall || in.Kind() == ir.KindLoadPacket
	for _, out := range m.outs {
		n := o.fork()
		n.outcome, n.after = out, m.after
		n.events = append(append(n.events, m.events...), out.events...)
		n.insns++
		n.counts += counts
		if x, known := a.known(out.cond); known && x == 0 {
			continue
		} else if !known {
			n.conds = append(n.conds, out.cond)
		}
		if !out.exit && !out.tail && !s.code.Cut(out.pc) && (calls || out.pc <= o.pc) {
			return nil, fmt.Errorf("%v leads to insn %d, which is no cut", in.Op, out.pc)
		}
		if n.counts > 1 {
			return nil, fmt.Errorf("%v counts on a way that has counted already", in.Op)
		}
		next = append(next, n)
	}
	return next, nil
}

// nextRound reports whether the way from pc to head leads to the next round of a loop
// whose jump does not count.
func (s *sim[V]) nextRound(pc, head ir.PC) bool {
	for jump := range s.img.bounded {
		if target, _ := s.p.Insns[jump].Target(jump); target == head && head <= pc && pc <= jump {
			return true
		}
	}
	return false
}
