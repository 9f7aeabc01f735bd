package reduced

import (
	"testing"

	"github.com/bpfproof/bpfproof/absint"
	"github.com/bpfproof/bpfproof/absint/interval"
	"github.com/bpfproof/bpfproof/absint/tnum"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
)

// operands gives pairs as programs have them: sizes, offsets, masked words,
// fields of packets, counters; all 64 bits.
func operands[E comparable](d absint.Domain[E]) (xs, ys [8]E) {
	byteWord := d.Resize(d.Top(ir.W8), ir.W8, ir.W64, false)
	half := d.Resize(d.Top(ir.W16), ir.W16, ir.W64, false)
	word := d.Resize(d.Top(ir.W32), ir.W32, ir.W64, false)
	nibble := d.Bin(sem.And, ir.W64, byteWord, d.Const(ir.W64, 0xf))
	header := d.Bin(sem.Shl, ir.W64, nibble, d.Const(ir.W64, 2))
	small, _ := d.Refine(sem.SLT, ir.W64, d.Top(ir.W64), d.Const(ir.W64, 1500))
	xs = [8]E{byteWord, half, word, header, small, d.Top(ir.W64), nibble, d.Const(ir.W64, 14)}
	ys = [8]E{d.Const(ir.W64, 4), byteWord, d.Const(ir.W64, 1), d.Const(ir.W64, 20), half, header, nibble, d.Const(ir.W64, 34)}
	return xs, ys
}

// bench times every operation of one domain; x and y step through the operands.
func bench[E comparable](b *testing.B, name string, d absint.Domain[E]) {
	xs, ys := operands(d)
	ops := absint.OperatorsOf(d)
	for op := ir.Add; op <= ir.MovSX32; op++ {
		b.Run("op="+op.String()+"/domain="+name, func(b *testing.B) {
			b.ReportAllocs()
			for i := range b.N { // b.Loop copies arguments and results once more
				ops.ALU(op, ir.W64, xs[i&7], ys[i&7])
			}
		})
	}
	run := func(op string, f func(x, y E)) {
		b.Run("op="+op+"/domain="+name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				f(xs[i&7], ys[i&7])
			}
		})
	}
	run("bswap32", func(x, _ E) { ops.Swap(ir.BSwap, ir.W32, x) })
	run("trunc32", func(x, _ E) { d.Resize(x, ir.W64, ir.W32, false) })
	run("join", func(x, y E) { d.Join(ir.W64, x, y) })
	run("meet", func(x, y E) { d.Meet(ir.W64, x, y) })
	run("refine_ult", func(x, y E) { d.Refine(sem.ULT, ir.W64, x, y) })
	run("refine_eq", func(x, y E) { d.Refine(sem.EQ, ir.W64, x, y) })
}

func BenchmarkDomain(b *testing.B) {
	bench[tnum.T](b, "tnum", tnum.Domain{})
	bench[interval.T](b, "interval", interval.Domain{})
	bench[T](b, "tnum+interval", New())
}
