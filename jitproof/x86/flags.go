package x86

import (
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
)

// result defines ZF, SF and PF by the result of an operation; PF is 1 where
// the low 8 bits have an even number of ones.
func (m *Machine[V]) result(f *Flags[V], w ir.Width, r V) {
	f.cmp = nil
	f.bit[ZF] = func() V { return m.A.Cmp(sem.EQ, w, r, m.A.Const(w, 0)) }
	f.bit[SF] = func() V { return m.top(w, r) }
	f.bit[PF] = func() V {
		x := m.A.Resize(r, w, ir.W8, false)
		for _, n := range []uint64{4, 2, 1} {
			x = m.A.Bin(sem.Xor, ir.W8, x, m.A.Bin(sem.LShr, ir.W8, x, m.A.Const(ir.W8, n)))
		}
		return m.not(m.A.Resize(x, ir.W8, ir.W1, false))
	}
}

// top returns the sign bit of r.
func (m *Machine[V]) top(w ir.Width, r V) V {
	return m.A.Cmp(sem.SLT, w, r, m.A.Const(w, 0))
}

func (m *Machine[V]) constant(b uint64) func() V { return func() V { return m.one(b) } }

// logic defines the flags of and, or, xor and test.
func (m *Machine[V]) logic(f *Flags[V], w ir.Width, r V) {
	m.result(f, w, r)
	f.bit[CF], f.bit[OF] = m.constant(0), m.constant(0)
	f.cmp = &compared[V]{w, r, m.A.Const(w, 0)} // r - 0 sets the same flags
}

// add defines the flags of r = x + y + carry.
func (m *Machine[V]) add(f *Flags[V], w ir.Width, x, y, r V, carry *V) {
	m.result(f, w, r)
	f.bit[CF] = func() V {
		below := m.A.Cmp(sem.ULT, w, r, x)
		if carry == nil {
			return below
		}
		// With a carry in, r == x also means that a carry left.
		full := m.A.Bin(sem.And, ir.W1, *carry, m.A.Cmp(sem.EQ, w, r, x))
		return m.A.Bin(sem.Or, ir.W1, below, full)
	}
	f.bit[OF] = func() V { // both operands have the sign that the result has not
		return m.top(w, m.A.Bin(sem.And, w, m.A.Bin(sem.Xor, w, x, r), m.A.Bin(sem.Xor, w, y, r)))
	}
}

// sub defines the flags of r = x - y - borrow.
func (m *Machine[V]) sub(f *Flags[V], w ir.Width, x, y, r V, borrow *V) {
	m.result(f, w, r)
	f.bit[CF] = func() V {
		below := m.A.Cmp(sem.ULT, w, x, y)
		if borrow == nil {
			return below
		}
		full := m.A.Bin(sem.And, ir.W1, *borrow, m.A.Cmp(sem.EQ, w, x, y))
		return m.A.Bin(sem.Or, ir.W1, below, full)
	}
	f.bit[OF] = func() V { // the operands' signs differ, and the result's is not x's
		return m.top(w, m.A.Bin(sem.And, w, m.A.Bin(sem.Xor, w, x, y), m.A.Bin(sem.Xor, w, x, r)))
	}
	if borrow == nil {
		f.bit[ZF] = func() V { return m.A.Cmp(sem.EQ, w, x, y) }
		f.cmp = &compared[V]{w, x, y}
	}
}

// undefine makes flags undefined.
func (f *Flags[V]) undefine(flags ...Flag) {
	f.cmp = nil
	for _, x := range flags {
		f.bit[x] = nil
	}
}

// Lost makes all flags undefined, as a call does.
func (f *Flags[V]) Lost() { f.undefine(CF, PF, ZF, SF, OF) }

// afterCompare are the conditions as comparisons of x and y, after x - y set
// the flags: SF != OF is x < y signed, CF is x < y unsigned.
var afterCompare = map[Cond]sem.CmpOp{CondB: sem.ULT, CondAE: sem.UGE, CondE: sem.EQ, CondNE: sem.NE, CondBE: sem.ULE,
	CondA: sem.UGT, CondL: sem.SLT, CondGE: sem.SGE, CondLE: sem.SLE, CondG: sem.SGT}

// reads are the flags a condition depends on; odd conditions are the
// opposites of the even ones before them.
var reads = [8][]Flag{{OF}, {CF}, {ZF}, {CF, ZF}, {SF}, {PF}, {SF, OF}, {ZF, SF, OF}}

// condition returns the one-bit word that says whether cond holds (SDM volume
// 1, appendix B).
func (m *Machine[V]) condition(s *State[V], in Inst) (V, error) {
	if c := s.F.cmp; c != nil {
		if op, ok := afterCompare[in.Cond]; ok {
			return m.A.Cmp(op, c.w, c.x, c.y), nil
		}
	}
	var bits []V
	for _, flag := range reads[in.Cond/2] {
		x, ok := s.F.Get(flag)
		if !ok {
			return x, &UndefinedFlagError{Off: in.Off, Flag: flag}
		}
		bits = append(bits, x)
	}
	c := bits[0]
	switch in.Cond &^ 1 {
	case CondBE:
		c = m.A.Bin(sem.Or, ir.W1, bits[0], bits[1])
	case CondL:
		c = m.A.Bin(sem.Xor, ir.W1, bits[0], bits[1])
	case CondLE:
		c = m.A.Bin(sem.Or, ir.W1, bits[0], m.A.Bin(sem.Xor, ir.W1, bits[1], bits[2]))
	}
	if in.Cond&1 != 0 {
		return m.not(c), nil
	}
	return c, nil
}
