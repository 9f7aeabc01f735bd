package precision

import (
	"fmt"

	"github.com/bpfproof/bpfproof/absint"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
)

// Op is an operation on elements with its meaning on words.
type Op[E comparable] struct {
	Name string
	// Widths of the operands and of the result.
	X, Y, Out ir.Width
	// Unary operations take no second operand.
	Unary bool
	Apply func(x, y E) E
	// Word returns the result on words; ok is false where there is none, as
	// when a refinement's comparison does not hold.
	Word func(x, y uint64) (z uint64, ok bool)
}

// Ops returns all operations of d on w-bit words: Bin and Cmp as in package
// sem, eBPF's operations by absint.ALU ("alu.div"), lattice operations,
// refinements of each operand ("refine.ult.x"), choice, and what is learnt of
// the low half of a word.
func Ops[E comparable](d absint.Domain[E], w ir.Width) []Op[E] {
	ops := append(binOps(d, w), aluOps(d, w)...)
	ops = append(ops, cmpOps(d, w)...)
	ops = append(ops, refineOps(d, w)...)
	return append(ops, latticeOps(d, w)...)
}

func binOps[E comparable](d absint.Domain[E], w ir.Width) []Op[E] {
	var ops []Op[E]
	for op := sem.Add; op <= sem.AShr; op++ {
		ops = append(ops, Op[E]{Name: op.String(), X: w, Y: w, Out: w,
			Apply: func(x, y E) E { return d.Bin(op, w, x, y) },
			Word:  func(x, y uint64) (uint64, bool) { return sem.Concrete{}.Bin(op, w, x, y), true }})
	}
	return ops
}

func aluOps[E comparable](d absint.Domain[E], w ir.Width) []Op[E] {
	var ops []Op[E]
	for op := ir.Add; op <= ir.MovSX32; op++ {
		if op.MovSX() >= w {
			continue
		}
		ops = append(ops, Op[E]{Name: "alu." + op.String(), X: w, Y: w, Out: w,
			Apply: func(x, y E) E { return absint.ALU(d, op, w, x, y) },
			Word:  func(x, y uint64) (uint64, bool) { return sem.ALU[uint64](sem.Concrete{}, op, w, x, y), true }})
	}
	return ops
}

func cmpOps[E comparable](d absint.Domain[E], w ir.Width) []Op[E] {
	var ops []Op[E]
	for _, op := range sem.CmpOps() {
		ops = append(ops, Op[E]{Name: op.String(), X: w, Y: w, Out: ir.W1,
			Apply: func(x, y E) E { return d.Cmp(op, w, x, y) },
			Word:  func(x, y uint64) (uint64, bool) { return sem.Concrete{}.Cmp(op, w, x, y), true }})
	}
	return ops
}

func refineOps[E comparable](d absint.Domain[E], w ir.Width) []Op[E] {
	var ops []Op[E]
	for _, op := range sem.CmpOps() {
		ops = append(ops, Op[E]{Name: fmt.Sprintf("refine.%v.x", op), X: w, Y: w, Out: w,
			Apply: func(x, y E) E { r, _ := d.Refine(op, w, x, y); return r },
			Word:  func(x, y uint64) (uint64, bool) { return x, sem.Concrete{}.Cmp(op, w, x, y) != 0 },
		}, Op[E]{Name: fmt.Sprintf("refine.%v.y", op), X: w, Y: w, Out: w,
			Apply: func(x, y E) E { _, r := d.Refine(op, w, x, y); return r },
			Word:  func(x, y uint64) (uint64, bool) { return y, sem.Concrete{}.Cmp(op, w, x, y) != 0 }})
	}
	return ops
}

// latticeOps holds the operations that keep words as they are.
func latticeOps[E comparable](d absint.Domain[E], w ir.Width) []Op[E] {
	left := func(x, _ uint64) (uint64, bool) { return x, true }
	right := func(_, y uint64) (uint64, bool) { return y, true }
	return []Op[E]{
		{Name: "meet", X: w, Y: w, Out: w, Apply: func(x, y E) E { return d.Meet(w, x, y) },
			Word: func(x, y uint64) (uint64, bool) { return x, x == y }},
		{Name: "ite.1", X: w, Y: w, Out: w, Apply: func(x, y E) E { return d.Ite(d.Const(ir.W1, 1), x, y) }, Word: left},
		{Name: "ite.0", X: w, Y: w, Out: w, Apply: func(x, y E) E { return d.Ite(d.Const(ir.W1, 0), x, y) }, Word: right},
	}
}

// ResizeOp returns the truncation or extension from one width to another.
func ResizeOp[E comparable](d absint.Domain[E], from, to ir.Width, signed bool) Op[E] {
	name := fmt.Sprintf("zext.%d.%d", from, to)
	if signed {
		name = fmt.Sprintf("sext.%d.%d", from, to)
	}
	return Op[E]{Name: name, X: from, Out: to, Unary: true,
		Apply: func(x, _ E) E { return d.Resize(x, from, to, signed) },
		Word:  func(x, _ uint64) (uint64, bool) { return sem.Concrete{}.Resize(x, from, to, signed), true }}
}

// LowOp returns the refinement of a word by its low n bits.
func LowOp[E comparable](d absint.Domain[E], w, n ir.Width) Op[E] {
	return Op[E]{Name: fmt.Sprintf("refine.low%d", n), X: w, Y: n, Out: w,
		Apply: func(x, y E) E { return absint.RefineLow(d, w, n, x, y) },
		Word:  func(x, y uint64) (uint64, bool) { return x, x&n.Mask() == y }}
}

// LowALUOp returns an eBPF operation on the low n bits of w-bit words.
func LowALUOp[E comparable](d absint.Domain[E], op ir.ALUOp, w, n ir.Width) Op[E] {
	return Op[E]{Name: fmt.Sprintf("low%d.%v", n, op), X: w, Y: w, Out: w,
		Apply: func(x, y E) E { return absint.LowALU(d, op, w, n, x, y) },
		Word: func(x, y uint64) (uint64, bool) {
			return sem.ALU[uint64](sem.Concrete{}, op, n, x&n.Mask(), y&n.Mask()), true
		}}
}
