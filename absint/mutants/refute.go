package mutants

import (
	"fmt"
	"math/rand/v2"

	"github.com/bpfproof/bpfproof/absint/interval"
	"github.com/bpfproof/bpfproof/absint/precision"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
)

// Witness shows that an operator is not sound: X and Y are members of A and B,
// and Z is what package sem makes of them, but Got does not contain it.
type Witness struct {
	Op        string
	Width     ir.Width
	A, B, Got T
	X, Y, Z   uint64
}

// String prints the witness on one line.
func (w Witness) String() string {
	return fmt.Sprintf("%s at %d bits: %#x in %v, %#x in %v gives %#x, not in %v", w.Op, w.Width, w.X, w.A, w.Y, w.B, w.Z, w.Got)
}

// Operator returns the operator of m that is wrong, on words of w bits.
func (m Mutant) Operator(w ir.Width) precision.Op[T] {
	h := interval.Half(w)
	switch m.Kind {
	case Low:
		return precision.LowALUOp[T](m.Domain, m.ALU, w, h)
	case Extend:
		return precision.ResizeOp[T](m.Domain, h, w, false)
	case RefineLow:
		return precision.LowOp[T](m.Domain, w, h)
	}
	name := "alu." + m.ALU.String()
	if m.Kind == Refine {
		name = "refine." + m.Cmp.String() + ".x"
	}
	for _, op := range precision.Ops[T](m.Domain, w) {
		if op.Name == name {
			return op
		}
	}
	return precision.Op[T]{}
}

// Exhaust looks for a witness on words of m.Width bits, among the elements and
// pairs that precision.Each takes.
func Exhaust(m Mutant) (Witness, bool) {
	op := m.Operator(m.Width)
	xs, ys, out := precision.NewSpace[T](m.Domain, op.X), precision.Constants[T](m.Domain, ir.W1), precision.NewSpace[T](m.Domain, op.Out)
	if !op.Unary {
		ys = precision.NewSpace[T](m.Domain, op.Y)
	}
	var found Witness
	ok := false
	precision.Each(op, xs, ys, out, 5_000, func(c precision.Case[T]) bool {
		if c.Sound() {
			return true
		}
		found, ok = Witness{Op: op.Name, Width: m.Width, A: c.X, B: c.Y, Got: c.Got}, true
		others := ys.Gamma(c.Y).Words()
		if op.Unary {
			others = []uint64{0}
		}
		for _, x := range xs.Gamma(c.X).Words() {
			for _, y := range others {
				if z, holds := op.Word(x, y); holds && !c.GotSet.Has(z) {
					found.X, found.Y, found.Z = x, y, z
				}
			}
		}
		return false
	})
	return found, ok
}

// Search looks for a witness on words of m.Full bits: it draws elements around
// words where bounds, signs and halves change, tries times at most.
func Search(m Mutant, tries int) (Witness, bool) {
	op := m.Operator(m.Full)
	rng := rand.New(rand.NewPCG(uint64(len(m.Name)), uint64(m.Kind)))
	for range tries {
		a, x := draw(rng, m.Domain, op.X)
		b, y := a, x
		if !op.Unary {
			b, y = draw(rng, m.Domain, op.Y)
		}
		if m.Kind == RefineLow {
			y = x & op.Y.Mask()
			b = m.Domain.Join(op.Y, b, m.Domain.Const(op.Y, y))
		}
		z, holds := op.Word(x, y)
		if !holds {
			continue
		}
		if got := op.Apply(a, b); !m.Domain.Contains(op.Out, got, z) {
			return Witness{op.Name, m.Full, a, b, got, x, y, z}, true
		}
	}
	return Witness{}, false
}

// draw returns an element of w bits and a word of it.
func draw(rng *rand.Rand, d Domain, w ir.Width) (T, uint64) {
	x, y, z := word(rng, w), word(rng, w), word(rng, w)
	e := d.Const(w, x)
	switch rng.IntN(4) {
	case 0:
		e = d.Join(w, e, d.Const(w, y))
	case 1:
		e, x = d.Bin(sem.And, w, d.Top(w), d.Const(w, y)), x&y
	case 2:
		e = d.Meet(w, d.Top(w), ranges(w, interval.Unsigned(w, min(x, y), max(x, y))))
	}
	if d.Contains(w, e, z) {
		return e, z
	}
	return e, x
}

// word draws a word near a power of two or one of its multiples by few.
func word(rng *rand.Rand, w ir.Width) uint64 {
	x := uint64(1) << rng.IntN(int(w))
	if rng.IntN(3) == 0 {
		x += uint64(1) << (w / 2)
	}
	return (x*uint64(rng.IntN(3)) + uint64(rng.IntN(7)) - 3) & w.Mask()
}

// Confirm computes a witness by the operator of m. The error tells why it is
// none.
func (m Mutant) Confirm(w Witness) error {
	op := m.Operator(w.Width)
	if !m.Domain.Contains(op.X, w.A, w.X) || !op.Unary && !m.Domain.Contains(op.Y, w.B, w.Y) {
		return fmt.Errorf("mutants: confirm %s: the operands do not contain the words: %v", m.Name, w)
	}
	if z, holds := op.Word(w.X, w.Y); !holds || z != w.Z {
		return fmt.Errorf("mutants: confirm %s: the words give %#x: %v", m.Name, z, w)
	}
	if got := op.Apply(w.A, w.B); got != w.Got || m.Domain.Contains(op.Out, got, w.Z) {
		return fmt.Errorf("mutants: confirm %s: the operator gives %v: %v", m.Name, got, w)
	}
	return nil
}
