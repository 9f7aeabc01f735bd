package bitblast

import (
	"context"
	"testing"
	"time"

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
