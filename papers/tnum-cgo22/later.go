package tnumcgo22

import (
	"context"
	"fmt"
	"math/rand/v2"
	goruntime "runtime"
	"slices"
	"time"

	"github.com/bpfproof/bpfproof/absint/tnum"
	"github.com/bpfproof/bpfproof/ir"
)

// Multiplication is one with its name.
type Multiplication struct {
	Name string
	Mul  Mul
}

// Multiplications returns those of the paper, and those that came after it.
func Multiplications() []Multiplication {
	ms := []Multiplication{
		{"kern_mul", Kern}, {"bitwise_mul", Bitwise}, {"our_mul", Our}, {"Linux 6.18", Linux618},
		{"tnum.Mul", func(a, b tnum.T) tnum.T { return tnum.Mul(ir.W64, a, b) }},
	}
	for splits := range 4 {
		ms = append(ms, Multiplication{fmt.Sprintf("tnum.MulAnytime %d", splits),
			func(a, b tnum.T) tnum.T { return tnum.MulAnytime(ir.W64, a, b, splits) }})
	}
	return ms
}

// Optimal counts on how many pairs of n-bit tnums each multiplication gives the
// best tnum of all products, which are not truncated.
func Optimal(ctx context.Context, n ir.Width, progress func(done, total int)) (hits []int, pairs int, err error) {
	ts, ms := Tnums(n), Multiplications()
	hits = make([]int, len(ms))
	for i, a := range ts {
		if err := ctx.Err(); err != nil {
			return nil, 0, err
		}
		for _, b := range ts {
			want := best(a, b)
			for k, m := range ms {
				hits[k] += one(m.Mul(a, b) == want)
			}
		}
		if progress != nil {
			progress(i+1, len(ts))
		}
	}
	return hits, len(ts) * len(ts), nil
}

// best returns the best tnum of all products of members of a and b.
func best(a, b tnum.T) tnum.T {
	ones, open := ^uint64(0), uint64(0)
	first := a.Value * b.Value
	for x := a.Mask; ; x = (x - 1) & a.Mask {
		for y := b.Mask; ; y = (y - 1) & b.Mask {
			p := (a.Value | x) * (b.Value | y)
			ones &= p
			open |= p ^ first
			if y == 0 {
				break
			}
		}
		if x == 0 {
			return tnum.T{Value: ones, Mask: open}
		}
	}
}

// batch is how many multiplications are timed together: few enough that costs
// still vary from batch to batch, enough that reading the clock does not count.
const batch = 64

// trials is how often each batch is timed; the least time counts, as in the
// paper.
const trials = 3

// Costs times m on pairs of random 64-bit tnums, the same for all, and returns
// the nanoseconds of one multiplication by batch, in ascending order.
func Costs(ctx context.Context, m Mul, pairs int) ([]float64, error) {
	rng := rand.New(rand.NewPCG(2022, 64))
	var xs, ys [batch]tnum.T
	costs, kept := make([]float64, 0, pairs/batch), tnum.T{}
	for range pairs / batch {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		for i := range batch {
			xs[i], ys[i] = random(rng), random(rng)
		}
		least := time.Duration(1 << 62)
		for range trials {
			start := time.Now()
			for i := range batch {
				kept = m(xs[i], ys[i])
			}
			least = min(least, time.Since(start))
		}
		costs = append(costs, float64(least.Nanoseconds())/batch)
	}
	goruntime.KeepAlive(kept) // the calls must not be left out
	slices.Sort(costs)
	return costs, nil
}

// random returns a tnum each bit of which is 0, 1 or open, equally likely.
func random(rng *rand.Rand) tnum.T {
	var t tnum.T
	for i := range 64 {
		switch rng.IntN(3) {
		case 1:
			t.Value |= 1 << i
		case 2:
			t.Mask |= 1 << i
		}
	}
	return t
}
