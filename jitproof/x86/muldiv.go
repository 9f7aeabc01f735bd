package x86

import (
	"golang.org/x/arch/x86/x86asm"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
)

// multiply executes mul and the three forms of imul. ZF, SF and PF are
// undefined after it; CF and OF say whether the upper half matters, and are
// left undefined where the upper half is not written.
func (m *Machine[V]) multiply(s *State[V], in Inst) error {
	w := in.Width
	a, b, c := in.Args[0], in.Args[1], in.Args[2]
	if b.Kind != NoArg {
		if c.Kind == NoArg {
			b, c = a, b
		}
		x, err := m.read(s, b, w)
		if err != nil {
			return err
		}
		y, err := m.read(s, c, w)
		if err != nil {
			return err
		}
		m.setRegister(s, a, m.A.Bin(sem.Mul, w, x, y))
		s.F.Lost()
		return nil
	}
	y, err := m.read(s, a, w)
	if err != nil {
		return err
	}
	x := m.register(s, Arg{Reg: RAX, Width: w})
	low := m.A.Bin(sem.Mul, w, x, y)
	high := High(m.A, w, x, y)
	if in.Op == x86asm.IMUL { // a negative factor counts 2^w too much
		zero := m.A.Const(w, 0)
		high = m.A.Bin(sem.Sub, w, high, m.A.Ite(m.top(w, x), y, zero))
		high = m.A.Bin(sem.Sub, w, high, m.A.Ite(m.top(w, y), x, zero))
	}
	m.setRegister(s, Arg{Reg: RAX, Width: w}, low)
	m.setRegister(s, Arg{Reg: RDX, Width: w}, high)
	s.F.Lost()
	over := func() V {
		rest := m.A.Const(w, 0)
		if in.Op == x86asm.IMUL {
			rest = m.A.Bin(sem.AShr, w, low, m.A.Const(w, uint64(w-1)))
		}
		return m.A.Cmp(sem.NE, w, high, rest)
	}
	s.F.bit[CF], s.F.bit[OF] = over, over
	return nil
}

// High returns the upper half of the unsigned product of two w-bit words, by
// products of half words.
func High[V any](a sem.Algebra[V], w ir.Width, x, y V) V {
	if w < ir.W64 {
		p := a.Bin(sem.Mul, ir.W64, a.Resize(x, w, ir.W64, false), a.Resize(y, w, ir.W64, false))
		return a.Resize(a.Bin(sem.LShr, ir.W64, p, a.Const(ir.W64, uint64(w))), ir.W64, w, false)
	}
	half := a.Const(w, 32)
	low := func(v V) V { return a.Bin(sem.And, w, v, a.Const(w, 0xffffffff)) }
	up := func(v V) V { return a.Bin(sem.LShr, w, v, half) }
	mul := func(x, y V) V { return a.Bin(sem.Mul, w, x, y) }
	add := func(x, y V) V { return a.Bin(sem.Add, w, x, y) }
	mid := add(mul(up(x), low(y)), up(mul(low(x), low(y))))
	other := add(mul(low(x), up(y)), low(mid))
	return add(add(mul(up(x), up(y)), up(mid)), up(other))
}

// divide executes div and idiv of rdx:rax where rdx is provably only the
// extension of rax: 0 for div, its sign for idiv. Then the quotient fits and
// the faults are division by zero and, signed, of the least number by -1.
func (m *Machine[V]) divide(s *State[V], in Inst) (Flow[V], error) {
	w := in.Width
	y, err := m.read(s, in.Args[0], w)
	if err != nil {
		return Flow[V]{}, err
	}
	x := m.register(s, Arg{Reg: RAX, Width: w})
	upper := m.register(s, Arg{Reg: RDX, Width: w})
	signed := in.Op == x86asm.IDIV
	want := m.A.Const(w, 0)
	if signed {
		want = m.A.Bin(sem.AShr, w, x, m.A.Const(w, uint64(w-1)))
	}
	if !m.known(m.A.Cmp(sem.EQ, w, upper, want), 1) {
		return Flow[V]{}, &UnsupportedError{Off: in.Off, Text: in.Op.String(),
			Reason: "the upper half of the dividend is not provably the extension of the lower"}
	}
	fault := m.A.Cmp(sem.EQ, w, y, m.A.Const(w, 0))
	quo, rem := sem.UDiv, sem.URem
	if signed {
		quo, rem = sem.SDiv, sem.SRem
		least := m.A.Cmp(sem.EQ, w, x, m.A.Const(w, w.SignBit()))
		minus := m.A.Cmp(sem.EQ, w, y, m.A.Const(w, w.Mask()))
		fault = m.A.Bin(sem.Or, ir.W1, fault, m.A.Bin(sem.And, ir.W1, least, minus))
	}
	m.setRegister(s, Arg{Reg: RAX, Width: w}, m.A.Bin(quo, w, x, y))
	m.setRegister(s, Arg{Reg: RDX, Width: w}, m.A.Bin(rem, w, x, y))
	s.F.Lost()
	return Flow[V]{Fault: fault, Faults: true}, nil
}
