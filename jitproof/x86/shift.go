package x86

import (
	"golang.org/x/arch/x86/x86asm"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
)

var shiftOps = map[x86asm.Op]sem.BinOp{x86asm.SHL: sem.Shl, x86asm.SHR: sem.LShr, x86asm.SAR: sem.AShr,
	x86asm.SHLX: sem.Shl, x86asm.SHRX: sem.LShr, x86asm.SARX: sem.AShr}

// shift executes shifts and rotates. Counts are taken modulo 32, or 64 for
// 64-bit operands (SDM, SAL/SAR/SHL/SHR).
func (m *Machine[V]) shift(s *State[V], in Inst) error {
	w := in.Width
	mask := uint64(31)
	if w == ir.W64 {
		mask = 63
	}
	if in.class == classShiftX {
		return m.shiftX(s, in, mask)
	}
	count, err := m.count(s, in.Args[1], w, mask)
	if err != nil {
		return err
	}
	before := s.F
	var x, r V
	_, err = m.modify(s, in.Args[0], w, in.Lock, func(old V) V {
		x = old
		if in.Op == x86asm.ROL || in.Op == x86asm.ROR {
			r = m.rotate(in.Op == x86asm.ROL, w, x, count)
		} else {
			r = m.A.Bin(shiftOps[in.Op], w, x, count)
		}
		return r
	})
	if err == nil {
		m.shiftFlags(s, in, before, x, r, count)
	}
	return err
}

// count returns the masked count as a word of w bits.
func (m *Machine[V]) count(s *State[V], a Arg, w ir.Width, mask uint64) (V, error) {
	if a.Kind == ArgImm {
		return m.A.Const(w, a.Imm&mask), nil
	}
	x, err := m.read(s, a, a.Width)
	if a.Width != w {
		x = m.A.Resize(x, a.Width, w, false)
	}
	return m.A.Bin(sem.And, w, x, m.A.Const(w, mask)), err
}

// shiftX executes the BMI2 forms, which leave the flags.
func (m *Machine[V]) shiftX(s *State[V], in Inst, mask uint64) error {
	w := in.Width
	x, err := m.read(s, in.Args[1], w)
	if err != nil {
		return err
	}
	count, err := m.count(s, in.Args[2], w, mask)
	if err != nil {
		return err
	}
	if in.Op == x86asm.RORX {
		m.setRegister(s, in.Args[0], m.rotate(false, w, x, count))
		return nil
	}
	m.setRegister(s, in.Args[0], m.A.Bin(shiftOps[in.Op], w, x, count))
	return nil
}

// rotate rotates by count, which is below 32 or 64 and taken modulo w.
func (m *Machine[V]) rotate(left bool, w ir.Width, x, count V) V {
	n := m.A.Bin(sem.And, w, count, m.A.Const(w, uint64(w-1)))
	back := m.A.Bin(sem.And, w, m.A.Bin(sem.Sub, w, m.A.Const(w, uint64(w)), n), m.A.Const(w, uint64(w-1)))
	one, other := sem.LShr, sem.Shl
	if left {
		one, other = sem.Shl, sem.LShr
	}
	return m.A.Bin(sem.Or, w, m.A.Bin(one, w, x, n), m.A.Bin(other, w, x, back))
}

// shiftFlags defines the flags after a shift. A count of 0 leaves them; OF is
// defined for a count of 1 only; a count that is not known leaves OF
// undefined, and the others where they were undefined before.
func (m *Machine[V]) shiftFlags(s *State[V], in Inst, before Flags[V], x, r, count V) {
	w := in.Width
	n, fixed := m.Known(count)
	if fixed && n == 0 {
		s.F = before
		return
	}
	after := Flags[V]{}
	rotates := in.Op == x86asm.ROL || in.Op == x86asm.ROR
	if rotates {
		after = before
		after.cmp = nil
	} else {
		m.result(&after, w, r)
	}
	after.bit[CF] = m.shiftCarry(in, x, r, count)
	after.bit[OF] = nil
	if fixed {
		if n == 1 {
			after.bit[OF] = m.shiftOverflow(in, x, r, after.bit[CF])
		}
		if !rotates && n >= uint64(w) { // 8- and 16-bit operands shifted out
			after.bit[CF] = nil
		}
		s.F = after
		return
	}
	zero := m.A.Cmp(sem.EQ, w, count, m.A.Const(w, 0))
	for _, flag := range []Flag{CF, PF, ZF, SF} {
		old, now := before.bit[flag], after.bit[flag]
		switch {
		case rotates && flag != CF:
		case old == nil || w < ir.W32:
			after.bit[flag] = nil
		default:
			after.bit[flag] = func() V { return m.A.Ite(zero, old(), now()) }
		}
	}
	s.F = after
}

// shiftCarry returns the last bit that left, for counts from 1 to w-1.
func (m *Machine[V]) shiftCarry(in Inst, x, r, count V) func() V {
	w := in.Width
	low := func(v V) V { return m.A.Resize(v, w, ir.W1, false) }
	return func() V {
		switch in.Op {
		case x86asm.ROL:
			return low(r)
		case x86asm.ROR:
			return m.top(w, r)
		case x86asm.SHL:
			return low(m.A.Bin(sem.LShr, w, x, m.A.Bin(sem.Sub, w, m.A.Const(w, uint64(w)), count)))
		}
		return low(m.A.Bin(shiftOps[in.Op], w, x, m.A.Bin(sem.Sub, w, count, m.A.Const(w, 1))))
	}
}

// shiftOverflow returns OF after a count of 1: whether the sign changed, which
// for sar it cannot.
func (m *Machine[V]) shiftOverflow(in Inst, x, r V, carry func() V) func() V {
	w := in.Width
	return func() V {
		switch in.Op {
		case x86asm.SAR:
			return m.one(0)
		case x86asm.SHR:
			return m.top(w, x)
		case x86asm.ROR:
			return m.A.Bin(sem.Xor, ir.W1, m.top(w, r), m.top(w, m.A.Bin(sem.Shl, w, r, m.A.Const(w, 1))))
		}
		return m.A.Bin(sem.Xor, ir.W1, m.top(w, r), carry())
	}
}
