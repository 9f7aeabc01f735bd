package tnumcgo22

import (
	"context"
	"math/bits"
	goruntime "runtime"
	"sync"

	"github.com/bpfproof/bpfproof/absint/tnum"
	"github.com/bpfproof/bpfproof/ir"
)

// Mul is a multiplication of tnums at 64 bits.
type Mul func(a, b tnum.T) tnum.T

// Comparison counts how the outputs of an older multiplication differ from
// those of Our, both truncated to Width, over all Pairs of tnums of that width.
//
// The paper's artifact counts a pair as different if both value and mask of the
// outputs are; outputs that differ in the mask only, because a bit that one
// leaves open the other knows to be 0, are not counted. Published and Better
// follow it, Any counts every difference.
type Comparison struct {
	Width               ir.Width
	Pairs               int
	Published, Any      int
	Better, Worse       int // of Published: Our's output is strictly below, above
	AnyBetter, AnyWorse int // of Any
	// Excess counts the pairs that differ by how many more bits the older output
	// leaves open than Our's; fewer for negative keys.
	Excess map[int]int
}

// Tnums returns all tnums of n bits, in a fixed order.
func Tnums(n ir.Width) []tnum.T {
	var ts []tnum.T
	for mask := range uint64(1) << n {
		for value := range uint64(1) << n {
			if value&mask == 0 {
				ts = append(ts, tnum.T{Value: value, Mask: mask})
			}
		}
	}
	return ts
}

// Compare compares older with Our on all pairs of n-bit tnums. progress, unless
// nil, is told from time to time how many of how many rows are done; the error
// is that of ctx.
func Compare(ctx context.Context, older Mul, n ir.Width, progress func(done, total int)) (Comparison, error) {
	ts := Tnums(n)
	rows := make(chan int)
	var mu sync.Mutex
	var wg sync.WaitGroup
	sum, done := Comparison{Width: n, Excess: map[int]int{}}, 0
	for range goruntime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := range rows {
				c := compareRow(older, n, ts[i], ts)
				mu.Lock()
				sum.add(c)
				done++
				if progress != nil {
					progress(done, len(ts))
				}
				mu.Unlock()
			}
		})
	}
	var err error
	for i := range ts {
		if err = ctx.Err(); err != nil {
			break
		}
		rows <- i
	}
	close(rows)
	wg.Wait()
	return sum, err
}

func compareRow(older Mul, n ir.Width, a tnum.T, ts []tnum.T) Comparison {
	c := Comparison{Pairs: len(ts), Excess: map[int]int{}}
	for _, b := range ts {
		x, y := low(older(a, b), n), low(Our(a, b), n)
		if x == y {
			continue
		}
		better, worse := tnum.Leq(y, x), tnum.Leq(x, y)
		c.Any, c.AnyBetter, c.AnyWorse = c.Any+1, c.AnyBetter+one(better), c.AnyWorse+one(worse)
		if x.Value != y.Value && x.Mask != y.Mask {
			c.Published, c.Better, c.Worse = c.Published+1, c.Better+one(better), c.Worse+one(worse)
		}
		c.Excess[bits.OnesCount64(x.Mask)-bits.OnesCount64(y.Mask)]++
	}
	return c
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (c *Comparison) add(d Comparison) {
	c.Pairs += d.Pairs
	c.Published, c.Better, c.Worse = c.Published+d.Published, c.Better+d.Better, c.Worse+d.Worse
	c.Any, c.AnyBetter, c.AnyWorse = c.Any+d.Any, c.AnyBetter+d.AnyBetter, c.AnyWorse+d.AnyWorse
	for k, n := range d.Excess {
		c.Excess[k] += n
	}
}
