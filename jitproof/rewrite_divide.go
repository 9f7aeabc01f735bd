package jitproof

import (
	"math"
	"math/bits"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/jitproof/x86"
	"github.com/bpfproof/bpfproof/smt"
)

// nested returns n >> s, divided by c, as one division of n, if c << s is a word:
// the whole part of the whole part of n/2^s, divided by c, is that of n/(2^s*c).
func nested(b *smt.Builder, w ir.Width, x smt.Term, c uint64) (q smt.Term, ok bool) {
	args := b.Args(x)
	if b.Op(x) != smt.OpConcat || len(args) != 2 || b.Op(args[1]) != smt.OpExtract {
		return q, false
	}
	n := b.Args(args[1])[0] // a shift is a slice up to the top, behind zeros
	zero, known := b.ConstValue(args[0])
	hi, s := b.Range(args[1])
	if !known || zero != 0 || hi != b.Width(n)-1 || b.Width(n) > w || bits.Len64(c)+int(s) > int(w) {
		return q, false
	}
	return b.Bin(sem.UDiv, w, b.Resize(n, b.Width(n), w, false), b.Const(w, c<<s)), true
}

// maxDividends bounds the terms that wideQuotient looks at for what is divided.
const maxDividends = 64

// wideQuotient returns x >> k as a division, where x is the upper half of a product
// n*m of 64-bit words, as package x86 computes it, and m stands for 2^(64+k)/d. It
// is quotient's theorem: for e = m*d - 2^(64+k) from 0 on and n*e < 2^(64+k) for all
// n that there are, the whole part of n*m/2^(64+k) is that of n/d. What n, m and d
// are is guessed; that x is what package x86 makes of n and m is that it is the
// same term, and the numbers are checked.
func wideQuotient(b *smt.Builder, x smt.Term, k uint64) (q smt.Term, ok bool) {
	if op := b.Op(x); op != smt.OpAdd && op != smt.OpConcat || k < 1 || k > 31 {
		return q, false
	}
	dividends, uppers := guesses(b, x)
	for _, up := range uppers {
		m, d, ok := wideMultiplier(up, k)
		if !ok {
			continue
		}
		for _, n := range dividends {
			if x86.High[smt.Term](terms{Builder: b}, ir.W64, n, b.Const(ir.W64, m)) == x && exact(b, n, m, d, k) {
				return bin(b, sem.UDiv, ir.W64, n, b.Const(ir.W64, d)), true
			}
		}
	}
	return q, false
}

// guesses returns words that x may be the quotient of, and upper halves that the
// multiplier may have: what x is made of near its root, shifted where x has slices.
func guesses(b *smt.Builder, x smt.Term) (dividends []smt.Term, uppers []uint64) {
	work, seen := []smt.Term{x}, map[smt.Term]bool{x: true}
	for i := 0; i < len(work) && i < maxDividends; i++ {
		t := work[i]
		w := b.Width(t)
		c, known := b.ConstValue(t)
		switch {
		case known && c>>31 == 1:
			uppers = append(uppers, c)
			continue
		case known:
			continue
		case w >= ir.W8:
			dividends = append(dividends, b.Resize(t, w, ir.W64, false))
		}
		if b.Op(t) == smt.OpExtract {
			y := b.Args(t)[0]
			_, lo := b.Range(t)
			dividends = append(dividends, b.Bin(sem.LShr, ir.W64, b.Resize(y, b.Width(y), ir.W64, false), b.Const(ir.W64, uint64(lo%32))))
		}
		for _, y := range b.Args(t) {
			if !seen[y] {
				seen[y], work = true, append(work, y)
			}
		}
	}
	return dividends, uppers
}

// wideMultiplier returns the d for which the upper half of 2^(64+k)/d, rounded up, is
// up, and that quotient.
func wideMultiplier(up, k uint64) (m, d uint64, ok bool) {
	if k >= 32 {
		return 0, 0, false
	}
	d = 1 << (32 + k) / (up + 1)
	for ; d <= 1<<(32+k)/up; d++ {
		if d < 2 || d >= 1<<(k+1) {
			continue
		}
		quo, rem := bits.Div64(1<<k%d, 0, d)
		if 1<<k/d != 0 || quo == math.MaxUint64 {
			continue
		}
		if m = quo; rem != 0 {
			m++
		}
		if m>>32 == up {
			return m, d, true
		}
	}
	return 0, 0, false
}

// exact reports whether n*m >> (64+k) is n/d for all values that n can have: 0 <= e
// and n*e < 2^(64+k) for e = m*d - 2^(64+k).
func exact(b *smt.Builder, n smt.Term, m, d, k uint64) bool {
	hi, e := bits.Mul64(m, d)
	if hi != 1<<k {
		return false
	}
	most := uint64(math.MaxUint64)
	for s := ir.Width(1); s < ir.W64; s++ {
		if c, known := b.ConstValue(b.Extract(n, 63, 64-s)); known && c == 0 {
			most = math.MaxUint64 >> s
		}
	}
	over, _ := bits.Mul64(most, e)
	return over < 1<<k
}
