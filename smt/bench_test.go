package smt

import (
	"testing"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
)

// BenchmarkBuilder measures calls of the Builder by kind of work.
func BenchmarkBuilder(b *testing.B) {
	works := []struct {
		name string
		work func(s *Builder, n int) int // returns the number of calls
	}{
		{"addresses", func(s *Builder, n int) int {
			base, at := s.Var("base", 64), s.Var("base", 64)
			for i := range n {
				at = s.Bin(sem.Add, 64, at, s.Const(64, uint64(i%64)))
				s.Eq(at, base)
			}
			return 3 * n
		}},
		{"registers", func(s *Builder, n int) int {
			x, y := s.Var("x", 64), s.Var("y", 64)
			ops := []ir.ALUOp{ir.Add, ir.Xor, ir.Lsh, ir.Or, ir.Mul, ir.And, ir.Rsh, ir.Sub, ir.Div}
			for i := range n {
				x, y = y, sem.ALU(s, ops[i%len(ops)], 64, x, y)
			}
			return n
		}},
		{"bytes", func(s *Builder, n int) int {
			x := s.Var("x", 64)
			for i := range n {
				x = s.Bin(sem.Add, 64, sem.Swap(s, ir.BSwap, 64, x), s.Const(64, uint64(i)))
			}
			return 18 * n
		}},
	}
	for _, w := range works {
		b.Run("work="+w.name, func(b *testing.B) {
			calls := 0
			for b.Loop() {
				calls += w.work(NewBuilder(), 500)
			}
			b.ReportMetric(float64(calls)/b.Elapsed().Seconds(), "terms/s")
		})
	}
}

func BenchmarkEval(b *testing.B) {
	s := NewBuilder()
	x, y := s.Var("x", 64), s.Var("y", 64)
	for i := range 1000 {
		x, y = y, s.Bin(sem.Xor, 64, s.Bin(sem.Mul, 64, x, y), s.Const(64, uint64(i)))
	}
	m := NewModel()
	m.Set("x", 12345)
	for b.Loop() {
		m.Eval(s, y)
	}
	b.ReportMetric(float64(b.N*s.Stats(y).Terms)/b.Elapsed().Seconds(), "terms/s")
}
