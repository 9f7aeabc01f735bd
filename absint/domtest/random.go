package domtest

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/bpfproof/bpfproof/absint"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
)

// witness is an element with one of its words.
type witness[E comparable] struct {
	e E
	x uint64
}

// walker applies random operations to elements and words alike.
type walker[E comparable] struct {
	t    *rapid.T
	d    absint.Domain[E]
	pool map[ir.Width][]witness[E]
}

// randomWidths returns the widths of the random tests, those of most interest
// first, as rapid prefers them.
func randomWidths() []ir.Width { return []ir.Width{ir.W64, ir.W32, ir.W8, ir.W16} }

// Random holds that every operation keeps the word it is shown, at 8 to 64
// bits: it runs random operations on elements and on one word of each, as a
// program would, so that elements have the forms that operations give them.
func Random[E comparable](t *testing.T, d absint.Domain[E]) {
	rapid.Check(t, func(rt *rapid.T) {
		w := &walker[E]{t: rt, d: d, pool: map[ir.Width][]witness[E]{}}
		for _, width := range randomWidths() {
			for range 3 {
				w.keep("start", width, w.start(width))
			}
		}
		for range 500 {
			w.step()
		}
	})
}

// word draws a w-bit word, often one near a power of two or near zero.
func (w *walker[E]) word(width ir.Width) uint64 {
	x := rapid.Uint64().Draw(w.t, "word")
	switch rapid.IntRange(0, 3).Draw(w.t, "kind") {
	case 0:
		x = 1<<(x%64) + x>>62 - 1
	case 1:
		x = -(x % 40)
	case 2:
		x %= 40
	}
	return x & width.Mask()
}

// start draws a constant, the top, or the join of some constants.
func (w *walker[E]) start(width ir.Width) witness[E] {
	x := w.word(width)
	e := w.d.Const(width, x)
	switch n := rapid.IntRange(0, 4).Draw(w.t, "constants"); n {
	case 4:
		e = w.d.Top(width)
	default:
		for range n {
			e = w.d.Join(width, e, w.d.Const(width, w.word(width)))
		}
	}
	return witness[E]{e, x}
}

// keep holds that the element is valid and has its word, and takes it into the
// pool, which forgets old ones.
func (w *walker[E]) keep(what string, width ir.Width, v witness[E]) {
	if !w.d.Contains(width, v.e, v.x) {
		w.t.Fatalf("%s at %d bits\n got: %+v\nwant: an element that contains %#x", what, width, v.e, v.x)
	}
	if err := valid(w.d, width, v.e, false); err != nil {
		w.t.Fatalf("%s at %d bits\n got: %#v\nwant: %v", what, width, v.e, err)
	}
	if own, ok := w.d.(absint.Bounder[E]); ok {
		b, s := own.Bounds(width, v.e), width.SignExtend(v.x)
		if v.x < b.UMin || v.x > b.UMax || s < b.SMin || s > b.SMax {
			w.t.Fatalf("%s at %d bits: bounds of %+v\n got: %+v\nwant: bounds that enclose %#x", what, width, v.e, b, v.x)
		}
	}
	p := append(w.pool[width], v)
	w.pool[width] = p[max(0, len(p)-6):]
}

func (w *walker[E]) pick(width ir.Width) witness[E] {
	return rapid.SampledFrom(w.pool[width]).Draw(w.t, "operand")
}

// step applies one operation.
func (w *walker[E]) step() {
	width := rapid.SampledFrom(randomWidths()).Draw(w.t, "width")
	a, b := w.pick(width), w.pick(width)
	switch rapid.IntRange(0, 9).Draw(w.t, "step") {
	case 0, 1:
		op := rapid.SampledFrom(binary()).Draw(w.t, "bin")
		w.keep(op.String(), width, witness[E]{w.d.Bin(op, width, a.e, b.e), sem.Concrete{}.Bin(op, width, a.x, b.x)})
	case 2, 3:
		w.alu(width, a, b)
	case 4, 5:
		w.refine(width, a, b)
	case 6:
		w.resize(width, a)
	case 7:
		w.swap()
	case 8:
		w.lattice(width, a, b)
	default:
		w.keep("start", width, w.start(width))
	}
}

func binary() []sem.BinOp {
	var ops []sem.BinOp
	for op := sem.Add; op <= sem.AShr; op++ {
		ops = append(ops, op)
	}
	return ops
}

func (w *walker[E]) alu(width ir.Width, a, b witness[E]) {
	op := rapid.SampledFrom(aluOps()).Draw(w.t, "alu")
	if op.MovSX() >= width {
		return
	}
	x := sem.ALU[uint64](sem.Concrete{}, op, width, a.x, b.x)
	w.keep("alu "+op.String(), width, witness[E]{absint.ALU(w.d, op, width, a.e, b.e), x})
}

func aluOps() []ir.ALUOp {
	var ops []ir.ALUOp
	for op := ir.Add; op <= ir.MovSX32; op++ {
		ops = append(ops, op)
	}
	return ops
}

// refine compares, and where the comparison holds keeps both operands refined;
// a comparison in 32 bits also refines the word it was taken from.
func (w *walker[E]) refine(width ir.Width, a, b witness[E]) {
	op := rapid.SampledFrom(sem.CmpOps()).Draw(w.t, "cmp")
	truth := sem.Concrete{}.Cmp(op, width, a.x, b.x)
	if c := w.d.Cmp(op, width, a.e, b.e); !w.d.Contains(ir.W1, c, truth) {
		w.t.Fatalf("%v at %d bits: %+v, %+v\n got: %+v\nwant: %d, as for %#x and %#x", op, width, a.e, b.e, c, truth, a.x, b.x)
	}
	if truth == 0 {
		return
	}
	x, y := w.d.Refine(op, width, a.e, b.e)
	w.keep("refine "+op.String(), width, witness[E]{x, a.x})
	w.keep("refine "+op.String(), width, witness[E]{y, b.x})
	wide := w.pick(ir.W64)
	low := witness[E]{w.d.Resize(wide.e, ir.W64, width, false), wide.x & width.Mask()}
	if width == ir.W64 || (sem.Concrete{}).Cmp(op, width, low.x, b.x) == 0 {
		return
	}
	lowRefined, _ := w.d.Refine(op, width, low.e, b.e)
	w.keep("refine low "+op.String(), ir.W64, witness[E]{absint.RefineLow(w.d, ir.W64, width, wide.e, lowRefined), wide.x})
}

func (w *walker[E]) resize(width ir.Width, a witness[E]) {
	to := rapid.SampledFrom(randomWidths()).Draw(w.t, "to")
	signed := rapid.Bool().Draw(w.t, "signed")
	w.keep("resize", to, witness[E]{w.d.Resize(a.e, width, to, signed), sem.Concrete{}.Resize(a.x, width, to, signed)})
}

func (w *walker[E]) swap() {
	a := w.pick(ir.W64)
	op := rapid.SampledFrom([]ir.SwapOp{ir.ToLE, ir.ToBE, ir.BSwap}).Draw(w.t, "swap")
	width := rapid.SampledFrom([]ir.Width{ir.W16, ir.W32, ir.W64}).Draw(w.t, "swap width")
	x := sem.Swap[uint64](sem.Concrete{}, op, width, a.x)
	w.keep("swap "+op.String(), ir.W64, witness[E]{absint.Swap(w.d, op, width, a.e), x})
}

// lattice joins, widens, chooses, and meets with an element that has the word.
func (w *walker[E]) lattice(width ir.Width, a, b witness[E]) {
	w.keep("join", width, witness[E]{w.d.Join(width, a.e, b.e), a.x})
	w.keep("widen", width, witness[E]{w.d.Widen(width, a.e, b.e), b.x})
	w.keep("ite", width, witness[E]{w.d.Ite(w.d.Top(ir.W1), a.e, b.e), b.x})
	other := w.d.Join(width, b.e, w.d.Const(width, a.x))
	w.keep("meet", width, witness[E]{w.d.Meet(width, a.e, other), a.x})
}
