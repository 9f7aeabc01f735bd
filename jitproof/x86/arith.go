package x86

import (
	"golang.org/x/arch/x86/x86asm"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
)

var logicOps = map[x86asm.Op]sem.BinOp{x86asm.AND: sem.And, x86asm.TEST: sem.And, x86asm.OR: sem.Or, x86asm.XOR: sem.Xor}

// arith executes the arithmetic and logic instructions with flags.
func (m *Machine[V]) arith(s *State[V], in Inst) error {
	if in.class == classUnary {
		return m.unary(s, in)
	}
	w := in.Width
	y, err := m.read(s, in.Args[1], w)
	if err != nil {
		return err
	}
	if in.Op == x86asm.CMP || in.Op == x86asm.TEST {
		x, err := m.read(s, in.Args[0], w)
		if err != nil {
			return err
		}
		_, f, err := m.binary(s, in, x, y)
		s.F = f
		return err
	}
	var f Flags[V]
	var failed error
	_, err = m.modify(s, in.Args[0], w, in.Lock, func(x V) V {
		r, g, e := m.binary(s, in, x, y)
		f, failed = g, e
		return r
	})
	s.F = f
	if err == nil {
		err = failed
	}
	return err
}

// binary returns x op y and the flags it leaves.
func (m *Machine[V]) binary(s *State[V], in Inst, x, y V) (r V, f Flags[V], err error) {
	w := in.Width
	switch in.Op {
	case x86asm.ADD:
		r = m.A.Bin(sem.Add, w, x, y)
		m.add(&f, w, x, y, r, nil)
	case x86asm.SUB, x86asm.CMP:
		r = m.A.Bin(sem.Sub, w, x, y)
		m.sub(&f, w, x, y, r, nil)
	case x86asm.ADC, x86asm.SBB:
		carry, ok := s.F.Get(CF)
		if !ok {
			return x, f, &UndefinedFlagError{Off: in.Off, Flag: CF}
		}
		wide := carry
		if w != ir.W1 {
			wide = m.A.Resize(carry, ir.W1, w, false)
		}
		if in.Op == x86asm.ADC {
			r = m.A.Bin(sem.Add, w, m.A.Bin(sem.Add, w, x, y), wide)
			m.add(&f, w, x, y, r, &carry)
		} else {
			r = m.A.Bin(sem.Sub, w, m.A.Bin(sem.Sub, w, x, y), wide)
			m.sub(&f, w, x, y, r, &carry)
		}
	default:
		r = m.A.Bin(logicOps[in.Op], w, x, y)
		m.logic(&f, w, r)
	}
	return r, f, nil
}

// unary executes neg, not, inc and dec. Not leaves all flags, inc and dec
// leave the carry.
func (m *Machine[V]) unary(s *State[V], in Inst) error {
	w := in.Width
	f := s.F
	_, err := m.modify(s, in.Args[0], w, in.Lock, func(x V) V {
		zero, one := m.A.Const(w, 0), m.A.Const(w, 1)
		carry := s.F.bit[CF]
		var r V
		switch in.Op {
		case x86asm.NOT:
			return m.A.Bin(sem.Xor, w, x, m.A.Const(w, w.Mask()))
		case x86asm.NEG:
			r = m.A.Bin(sem.Sub, w, zero, x)
			m.sub(&f, w, zero, x, r, nil)
			return r
		case x86asm.INC:
			r = m.A.Bin(sem.Add, w, x, one)
			m.add(&f, w, x, one, r, nil)
		default:
			r = m.A.Bin(sem.Sub, w, x, one)
			m.sub(&f, w, x, one, r, nil)
		}
		f.cmp = nil // the carry is not the comparison's
		f.bit[CF] = carry
		return r
	})
	s.F = f
	return err
}

// exchange executes xchg, xadd and cmpxchg; with memory, xchg is always
// atomic.
func (m *Machine[V]) exchange(s *State[V], in Inst) error {
	a, b, w := in.Args[0], in.Args[1], in.Width
	if a.Kind == ArgReg && b.Kind == ArgMem { // xchg reads the same in both orders
		a, b = b, a
	}
	src := m.register(s, b)
	switch in.class {
	case classXchg:
		old, err := m.modify(s, a, w, true, func(V) V { return src })
		if err == nil {
			m.setRegister(s, b, old)
		}
		return err
	case classXadd:
		return m.xadd(s, in, a, b, src)
	}
	acc := Arg{Kind: ArgReg, Reg: RAX, Width: w}
	want := m.register(s, acc)
	var equal V
	old, err := m.modify(s, a, w, in.Lock, func(old V) V {
		equal = m.A.Cmp(sem.EQ, w, old, want)
		return m.A.Ite(equal, src, old)
	})
	if err != nil {
		return err
	}
	kept := s.R[RAX]
	m.setRegister(s, acc, old)
	s.R[RAX] = m.A.Ite(equal, kept, s.R[RAX]) // written only where the comparison fails
	s.F = Flags[V]{}
	m.sub(&s.F, w, want, old, m.A.Bin(sem.Sub, w, want, old), nil)
	return nil
}

func (m *Machine[V]) xadd(s *State[V], in Inst, a, b Arg, src V) error {
	w := in.Width
	var f Flags[V]
	var sum V
	old, err := m.modify(s, a, w, in.Lock, func(old V) V {
		sum = m.A.Bin(sem.Add, w, old, src)
		m.add(&f, w, old, src, sum, nil)
		return sum
	})
	if err != nil {
		return err
	}
	m.setRegister(s, b, old)
	if a.Kind == ArgReg { // of one register twice, the sum is what stays
		m.setRegister(s, a, sum)
	}
	s.F = f
	return nil
}
