package jitproof_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/jitproof"
)

// BenchmarkProve proves each accepted program of the corpus.
func BenchmarkProve(b *testing.B) {
	v := jitproof.New(solver(b), jitproof.Options{})
	for _, p := range programs(b) {
		code := compile(b, p)
		b.Run("prog="+p.Name, func(b *testing.B) {
			var c *jitproof.Certificate
			for b.Loop() {
				var err error
				c, err = v.Validate(b.Context(), p, code)
				require.NoError(b, err)
			}
			require.Equal(b, jitproof.Proved, c.Status)
			b.ReportMetric(float64(c.Counts.Total), "obligations")
			b.ReportMetric(100*float64(c.Counts.Rewriter)/float64(c.Counts.Total), "%rewriter")
			b.ReportMetric(float64(p.Count())*float64(b.N)/b.Elapsed().Seconds(), "insns/s")
		})
	}
}
