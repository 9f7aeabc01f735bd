package bitblast

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/z3"
)

// BenchmarkQueries decides operator proofs at 64 bits: with CaDiCaL, with its
// proof checked, and with libz3, each with a time-out.
func BenchmarkQueries(b *testing.B) {
	limits := smt.Limits{Timeout: 60 * time.Second}
	solvers := map[string]smt.Solver{
		"cadical":         open(b, limits, Options{}),
		"cadical-checked": open(b, limits, Options{CheckProof: true}),
	}
	if s, err := z3.New(limits); err == nil {
		solvers["z3"] = s
	}
	for _, q := range named(64) {
		for _, name := range []string{"cadical", "cadical-checked", "z3"} {
			s := solvers[name]
			if s == nil {
				continue
			}
			b.Run("query="+q.name+"/solver="+name, func(b *testing.B) {
				var last smt.Result
				for b.Loop() {
					builder := smt.NewBuilder()
					r, err := s.Check(context.Background(), builder, q.build(builder)...)
					if err != nil {
						b.Fatal(err)
					}
					last = r
				}
				b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s")
				if last.Proof != nil {
					b.ReportMetric(float64(last.Proof.Bytes), "proof-bytes")
					b.ReportMetric(last.Proof.CheckTime.Seconds(), "check-s")
				}
				if last.Status != smt.Unsat {
					b.ReportMetric(1, "undecided")
				}
			})
		}
	}
}

// BenchmarkOverhead measures a query that needs no search: what translation and
// the process cost, by the number of 64-bit additions in it.
func BenchmarkOverhead(b *testing.B) {
	for _, n := range []int{1, 100, 1000} {
		for _, check := range []bool{false, true} {
			s := open(b, smt.Limits{}, Options{CheckProof: check})
			b.Run(fmt.Sprintf("additions=%d/checked=%v", n, check), func(b *testing.B) {
				builder := smt.NewBuilder()
				x, y := builder.Var("x", 64), builder.Var("y", 64)
				for range n {
					x, y = y, builder.Bin(sem.Add, 64, builder.Bin(sem.Xor, 64, x, y), x)
				}
				differ := builder.Not(builder.Eq(builder.Extract(y, 0, 0), builder.Extract(x, 0, 0)))
				for b.Loop() {
					if _, err := s.Check(context.Background(), builder, differ, builder.Cmp(sem.ULT, 64, x, y)); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
