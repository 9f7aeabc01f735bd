package main

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// clockwork is a timer whose calls take the next of its times each round.
type clockwork struct {
	ns     []float64
	result uint32
	calls  []int
}

func (c *clockwork) time(_ context.Context, n int) (float64, uint32, error) {
	c.calls = append(c.calls, n)
	return c.ns[min(len(c.calls), len(c.ns))-1], c.result, nil
}

func (c *clockwork) Close() error { return nil }

// The median of the rounds counts, and a round is as long as was asked for.
func TestInterleave(t *testing.T) {
	r := rounds{count: 3, length: time.Millisecond, quantile: 0.5}
	slow := &clockwork{ns: []float64{2e6, 3e6, 2e6, 7, 100, 9}, result: 5}
	fast := &clockwork{ns: []float64{10}, result: 5}
	got, err := r.interleave(t.Context(), []timer{slow, fast})
	require.NoError(t, err)
	require.Equal(t, []float64{9, 10}, got)
	require.Equal(t, []int{1, 1, 1, 1, 1, 1}, slow.calls, "one call fills a round")
	require.Equal(t, []int{100_000, 100_000, 100_000}, fast.calls[len(fast.calls)-3:])
}

// A slow first call does not make the rounds short.
func TestInterleaveWarmsUp(t *testing.T) {
	r := rounds{count: 3, length: time.Millisecond, quantile: 0.5}
	cold := &clockwork{ns: []float64{5e6, 10}, result: 5}
	got, err := r.interleave(t.Context(), []timer{cold})
	require.NoError(t, err)
	require.Equal(t, []float64{10}, got)
	require.Equal(t, []int{100_000, 100_000, 100_000}, cold.calls[len(cold.calls)-3:])
}

// A wrong answer is not measured.
func TestInterleaveComparesResults(t *testing.T) {
	r := rounds{count: 1, length: time.Microsecond, quantile: 0.5}
	_, err := r.interleave(t.Context(), []timer{&clockwork{ns: []float64{1}, result: 1}, &clockwork{ns: []float64{1}, result: 2}})
	require.ErrorIs(t, err, errDiffer)
}

func TestGeomean(t *testing.T) {
	require.InDelta(t, 4, geomean([]float64{2, 8}), 1e-9)
}
