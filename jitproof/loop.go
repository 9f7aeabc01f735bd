package jitproof

import (
	"fmt"
	"maps"
	"slices"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/jitproof/x86"
)

// loop is a loop inside one instruction's code, such as a compare-and-exchange
// that is repeated until no one came between. Its head is a cut point of its
// own: registers the body writes are arbitrary there, the rest is kept, and
// every way back to the head must have had no effect.
type loop[V any] struct {
	at    int // offset of the head
	head  [x86.NumRegs]V
	slots map[int64]V
	free  [x86.NumRegs]bool
	calls int
	since int // events before the round
}

// loopHeads finds backward jumps in the code that starts at off, up to the
// next cut point: head to the offset of the jump.
func (s *sim[V]) loopHeads(start int) map[int]int {
	heads := map[int]int{}
	for off := start; off == start || !s.img.cuts[s.fi][off]; {
		in, ok := s.img.insns[off]
		if !ok {
			var err error
			if in, err = x86.Decode(s.code.Text[off:s.fn.End], off); err != nil || in.End() >= int(s.fn.End) {
				break
			}
		}
		if in.Target > start && in.Target <= off {
			heads[in.Target] = off
		}
		if off = in.End(); in.Leaves() { // what is behind it is other code
			break
		}
	}
	return heads
}

// enterLoop makes arbitrary what the body up to the jump at last may write.
func (m *machine[V]) enterLoop(last int) {
	l := &loop[V]{at: m.off, slots: maps.Clone(m.slots), calls: m.calls, since: len(m.events)}
	for off := m.off; off <= last; {
		in, err := x86.Decode(m.s.code.Text[off:m.s.fn.End], off)
		if err != nil {
			break
		}
		for _, a := range in.Args[:2] {
			if a.Kind == x86.ArgReg && a.Reg != x86.RSP {
				l.free[a.Reg] = l.free[a.Reg] || in.Writes(a)
			}
		}
		if in.WritesAccumulator() {
			l.free[x86.RAX] = true
		}
		off = in.End()
	}
	for r, free := range l.free {
		if free {
			m.st.R[r] = m.a().fresh(fmt.Sprintf("loop.%v", x86.Reg(r)), ir.W64)
		}
	}
	m.st.F.Lost()
	l.head = m.st.R
	m.loop = l
}

// backAtHead proves that a round of the loop had no effect: what it changes is
// arbitrary at the head anyway, and in program memory it only looked at the
// word that the instruction updates, or wrote back what was there.
func (s *sim[V]) backAtHead(at site, m *machine[V], ways []way[V]) {
	if len(ways) != 1 || len(ways[0].events) != 1 {
		s.out.fail(at, m.path, &pathError{Unknown, KindLoop, "a loop in the code of more than one atomic update"})
		return
	}
	want := ways[0]
	if want.events[0].kind != evUpdate || m.calls != m.loop.calls {
		s.out.fail(at, m.path, &pathError{Unknown, KindLoop, "a loop in the code of an instruction that is no atomic update"})
		return
	}
	var goals []goal[V]
	for r, x := range m.loop.head {
		if !m.loop.free[r] {
			goals = append(goals, goal[V]{x86.Reg(r).String(), ir.W64, x, m.st.R[r]})
		}
	}
	for _, off := range slices.Sorted(maps.Keys(m.loop.slots)) {
		goals = append(goals, goal[V]{fmt.Sprintf("frame word %d", off), ir.W64, m.loop.slots[off], m.slot(off)})
	}
	for _, e := range m.events {
		if e.w != want.events[0].w || e.kind > evUpdate || e.kind == evStore {
			s.out.fail(at, m.path, &pathError{Unknown, KindLoop, "a loop inside the instruction has effects"})
			return
		}
		goals = append(goals, goal[V]{"address", ir.W64, want.events[0].addr, e.addr})
		if e.kind == evUpdate {
			goals = append(goals, goal[V]{"word left by a failed round", e.w, e.old, e.val})
		}
	}
	s.out.prove(at, KindLoop, m.path, goals)
	s.progress(at, m)
}

// progress proves that a round fails only if the word is another one than the
// round expected: than the one that it read itself, or without a read of its own,
// than the one in the accumulator, where a failed round has left what it found.
// So a round succeeds if nobody comes between.
func (s *sim[V]) progress(at site, m *machine[V]) {
	w, found := ir.W64, false
	expected, left := m.loop.head[x86.RAX], m.st.R[x86.RAX]
	var old V
	for i, e := range m.events[m.loop.since:] {
		switch {
		case e.kind == evLoad && !found:
			w, expected = e.w, symbol(s.w, m.events[:m.loop.since+i], evLoad, e.w)
			left = expected
		case e.kind == evUpdate:
			found, old = true, e.old
			if e.w != w { // the accumulator is compared in part
				w, expected, left = e.w, s.w.Resize(expected, w, e.w, false), s.w.Resize(left, w, e.w, false)
			}
		}
	}
	if !found {
		s.out.fail(at, m.path, &pathError{Unknown, KindLoop, "a loop inside the instruction without an update"})
		return
	}
	goals := []goal[V]{{"a round that nobody disturbs fails", ir.W1, s.w.Const(ir.W1, 0), s.w.Cmp(sem.EQ, w, old, expected)}}
	if !s.w.same(left, expected) {
		goals = append(goals, goal[V]{"what a failed round has found", w, old, left})
	}
	s.out.prove(at, KindLoop, m.path, goals)
}
