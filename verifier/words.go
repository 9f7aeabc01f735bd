package verifier

import (
	"github.com/bpfproof/bpfproof/absint"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
)

// domain is what the verifier asks of an abstract domain.
type domain[E comparable] interface {
	absint.Domain[E]
	absint.Bounder[E]
}

// words wraps a domain with the questions the verifier asks again and again.
// It holds no state of the analysis. Elements are of 64 bits unless said
// otherwise.
type words[E comparable] struct {
	d              domain[E]
	own            absint.Operators[E]    // d's own operators, nil if it has none
	ownLow         absint.LowOperators[E] // the same for low bits
	top, zero, bot E
}

func newWords[E comparable](d domain[E]) words[E] {
	own, _ := any(d).(absint.Operators[E])
	ownLow, _ := any(d).(absint.LowOperators[E])
	return words[E]{d: d, own: own, ownLow: ownLow, top: d.Top(ir.W64), zero: d.Const(ir.W64, 0), bot: d.Bottom()}
}

func (w *words[E]) bounds(e E) absint.Bounds { return w.d.Bounds(ir.W64, e) }

func (w *words[E]) num(x uint64) E { return w.d.Const(ir.W64, x) }

// constant returns the only member of e; ok is false if there are more.
func (w *words[E]) constant(e E) (x uint64, ok bool) {
	b := w.d.Bounds(ir.W64, e)
	return b.UMin, b.UMin == b.UMax
}

// alu is absint.ALU with the choice made once.
func (w *words[E]) alu(op ir.ALUOp, bits ir.Width, x, y E) E {
	if w.own != nil {
		return w.own.ALU(op, bits, x, y)
	}
	return sem.ALU[E](w.d, op, bits, x, y)
}

func (w *words[E]) add(x, y E) E { return w.alu(ir.Add, ir.W64, x, y) }
func (w *words[E]) sub(x, y E) E { return w.alu(ir.Sub, ir.W64, x, y) }

func (w *words[E]) addNum(x E, n int64) E {
	if n == 0 {
		return x
	}
	return w.add(x, w.num(uint64(n)))
}

// low returns the low bits of e, zero-extended. The result equals e if all
// members fit.
func (w *words[E]) low(e E, bits ir.Width) E {
	if bits >= ir.W64 || w.fits(e, bits) {
		return e
	}
	if w.ownLow != nil {
		return w.ownLow.LowALU(ir.Mov, ir.W64, bits, e, e)
	}
	return w.d.Resize(w.d.Resize(e, ir.W64, bits, false), bits, ir.W64, false)
}

// fits reports whether all members have at most that many bits.
func (w *words[E]) fits(e E, bits ir.Width) bool { return w.bounds(e).UMax <= bits.Mask() }

// anyOf returns all words of that many bits, zero-extended.
func (w *words[E]) anyOf(bits ir.Width) E {
	if bits >= ir.W64 {
		return w.top
	}
	return w.d.Resize(w.d.Top(bits), bits, ir.W64, false)
}

// aligned reports whether off + every member of e is a multiple of size, a
// power of two.
func (w *words[E]) aligned(e E, off int64, size int) bool {
	if size <= 1 {
		return true
	}
	if x, ok := w.constant(e); ok {
		return (x+uint64(off))&uint64(size-1) == 0
	}
	rest := w.d.Bin(sem.And, ir.W64, w.addNum(e, off), w.num(uint64(size-1)))
	return w.bounds(rest).UMax == 0
}

// result returns what an ALU or swap instruction leaves in its 64-bit
// register: sem.Result, but by the domain's own operators where it has them.
func (w *words[E]) result(in ir.Insn, x, y E) E {
	row := in.Row()
	if row.Kind == ir.KindSwap {
		return absint.Swap[E](w.d, row.Swap, row.Width, x)
	}
	if row.ALU == ir.Neg {
		y = x
	}
	if row.Width == ir.W64 {
		return w.alu(row.ALU, ir.W64, x, y)
	}
	if w.ownLow != nil {
		return w.ownLow.LowALU(row.ALU, ir.W64, row.Width, x, y)
	}
	x, y = w.d.Resize(x, ir.W64, row.Width, false), w.d.Resize(y, ir.W64, row.Width, false)
	return w.d.Resize(w.alu(row.ALU, row.Width, x, y), row.Width, ir.W64, false)
}
