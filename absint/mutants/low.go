package mutants

import (
	"github.com/bpfproof/bpfproof/absint"
	"github.com/bpfproof/bpfproof/absint/interval"
	"github.com/bpfproof/bpfproof/absint/tnum"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
)

// SignExtendedMov takes a 32-bit move of a known word for one that extends its
// sign.
type SignExtendedMov struct{ Sound }

// LowALU is wrong for Mov.
func (d SignExtendedMov) LowALU(op ir.ALUOp, w, n ir.Width, x, y T) T {
	if c, ok := known(y); ok && op == ir.Mov {
		return d.Const(w, uint64(n.SignExtend(c&n.Mask())))
	}
	return absint.LowALU[T](d.Sound, op, w, n, x, y)
}

// ClampedTruncation keeps the lower bound that a sum had before it was
// truncated.
type ClampedTruncation struct{ Sound }

// LowALU is wrong for Add.
func (d ClampedTruncation) LowALU(op ir.ALUOp, w, n ir.Width, x, y T) T {
	r := absint.LowALU[T](d.Sound, op, w, n, x, y)
	if op != ir.Add || r == d.Bottom() {
		return r
	}
	whole := d.Bounds(w, d.ALU(op, w, x, y))
	return cut(d.Sound, w, r, min(whole.UMin, n.Mask()), n.Mask())
}

// LateTruncation shifts right at full width and truncates only the result.
type LateTruncation struct{ Sound }

// LowALU is wrong for Rsh.
func (d LateTruncation) LowALU(op ir.ALUOp, w, n ir.Width, x, y T) T {
	if op != ir.Rsh {
		return absint.LowALU[T](d.Sound, op, w, n, x, y)
	}
	amount := d.ALU(ir.And, w, y, d.Const(w, uint64(n-1)))
	return d.Resize(d.Resize(d.Bin(sem.LShr, w, x, amount), w, n, false), n, w, false)
}

// WideArsh shifts a zero-extended word, whose top bit is never set.
type WideArsh struct{ Sound }

// LowALU is wrong for Arsh.
func (d WideArsh) LowALU(op ir.ALUOp, w, n ir.Width, x, y T) T {
	if op == ir.Arsh {
		op = ir.Rsh
	}
	return absint.LowALU[T](d.Sound, op, w, n, x, y)
}

// StaleMov keeps the source's lower bound in a 32-bit move.
type StaleMov struct{ Sound }

// LowALU is wrong for Mov.
func (d StaleMov) LowALU(op ir.ALUOp, w, n ir.Width, x, y T) T {
	r := absint.LowALU[T](d.Sound, op, w, n, x, y)
	if op != ir.Mov || r == d.Bottom() {
		return r
	}
	return cut(d.Sound, w, r, min(d.Bounds(w, y).UMin, n.Mask()), n.Mask())
}

// SignedExtend takes the greatest signed word for the greatest one when it
// extends with zeros.
type SignedExtend struct{ Sound }

// Resize is wrong for extensions with zeros.
func (d SignedExtend) Resize(x T, from, to ir.Width, signed bool) T {
	r := d.Sound.Resize(x, from, to, signed)
	if signed || to <= from || x == d.Bottom() {
		return r
	}
	if most := d.Bounds(from, x).SMax; most > 0 {
		return cut(d.Sound, to, r, 0, uint64(most))
	}
	return r
}

// TruncatedBounds takes the low halves of the bounds for bounds of the low
// halves, when a comparison in 32 bits has told of these.
type TruncatedBounds struct{ Sound }

// RefineLow is wrong.
func (d TruncatedBounds) RefineLow(w, n ir.Width, e, low T) T {
	r := d.Sound.RefineLow(w, n, e, low)
	if r == d.Bottom() {
		return r
	}
	b, m := d.Bounds(w, r), n.Mask()
	if b.UMin&m > b.UMax&m {
		return r
	}
	t := tnum.Range(b.UMin&m, b.UMax&m)
	cut := d.Meet(w, r, T{A: tnum.T{Value: t.Value, Mask: t.Mask | w.Mask()&^m}, B: interval.Top(w)})
	if cut == d.Bottom() {
		return r
	}
	return cut
}
