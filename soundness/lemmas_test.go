package soundness

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/z3"
)

// numbers computes statements on words of w bits.
func numbers(w ir.Width) logic[uint64] { return logic[uint64]{sem.Concrete{}, w} }

func times(w ir.Width, x, y uint64) product[uint64] {
	return product[uint64]{x, y, x * y >> w, x * y & w.Mask()}
}

func over(w ir.Width, x, y uint64) quotient[uint64] {
	c := sem.Concrete{}
	return quotient[uint64]{x, y, c.Bin(sem.UDiv, w, x, y), c.Bin(sem.URem, w, x, y)}
}

// each8 calls f for all pairs of words of 8 bits.
func each8(f func(x, y uint64) bool) bool {
	for x := range uint64(256) {
		for y := range uint64(256) {
			if !f(x, y) {
				return false
			}
		}
	}
	return true
}

// TestLemmas computes every lemma for all words of 8 bits. Those about four
// words, which are orders, are computed for all steps by one in either operand,
// of which all others are made; and for all words of 4 bits.
func TestLemmas(t *testing.T) {
	const w = ir.W8
	l := numbers(w)
	yes := func(v uint64) bool { return v == 1 }
	checks := map[string]func() bool{
		"mul.commutes": func() bool {
			return each8(func(x, y uint64) bool { p, q := times(w, x, y), times(w, y, x); return p.hi == q.hi && p.lo == q.lo })
		},
		"mul.halve": func() bool {
			return each8(func(x, y uint64) bool { return yes(l.mulHalve(times(w, x, y), times(w, x>>1, y<<1&0xff))) })
		},
		"mul.order": func() bool {
			return each8(func(x, y uint64) bool {
				p := times(w, x, y)
				return yes(l.mulOrder(p, times(w, min(x+1, 255), y))) && yes(l.mulOrder(p, times(w, x, min(y+1, 255))))
			}) && four(func(x, y, u, v uint64) bool { return yes(numbers(4).mulOrder(times(4, x, y), times(4, u, v))) })
		},
		"mul.lowest": func() bool { return each8(func(x, y uint64) bool { return yes(l.mulLowest(times(w, x, y))) }) },
		"mul.negate": func() bool {
			return each8(func(x, y uint64) bool { return yes(l.mulNegate(times(w, x, y), times(w, -x&0xff, y))) })
		},
		"mul.low": func() bool {
			for _, mask := range []uint64{0x1, 0x7, 0xf, 0x3f, 0xff} {
				if !each8(func(x, y uint64) bool { return yes(l.mulLow(times(w, x, y), times(w, x&mask, y&mask), mask)) }) {
					return false
				}
			}
			return four(func(x, y, u, v uint64) bool { return yes(numbers(4).mulLow(times(4, x, y), times(4, u, v), 3)) })
		},
		"div.euclid": func() bool {
			return each8(func(x, y uint64) bool { d := over(w, x, y); return yes(l.divEuclid(d, times(w, d.q, y))) })
		},
		"div.bounds": func() bool { return each8(func(x, y uint64) bool { return yes(l.divBounds(over(w, x, y))) }) },
		"div.order": func() bool {
			return each8(func(x, y uint64) bool {
				return yes(l.divOrder(over(w, x, y), over(w, min(x+1, 255), y))) && yes(l.divOrder(over(w, x, min(y+1, 255)), over(w, x, y)))
			}) && four(func(x, y, u, v uint64) bool { return yes(numbers(4).divOrder(over(4, x, y), over(4, u, v))) })
		},
		"div.same": func() bool {
			return each8(func(x, y uint64) bool { return yes(l.divSame(over(w, x, y), over(w, min(x+1, 255), y))) }) &&
				four(func(x, y, u, v uint64) bool { return yes(numbers(4).divSame(over(4, x, y), over(4, u, v))) })
		},
		"div.lowest": func() bool { return each8(func(x, y uint64) bool { return yes(l.divLowest(over(w, x, y))) }) },
		"div.signed": func() bool {
			return each8(func(x, y uint64) bool {
				q, r := l.signed(x, y, func(x, y uint64) (uint64, uint64) { d := over(w, x, y); return d.q, d.r })
				c := sem.Concrete{}
				return q == c.Bin(sem.SDiv, w, x, y) && r == c.Bin(sem.SRem, w, x, y)
			})
		},
	}
	for _, a := range Assumptions() {
		require.Contains(t, checks, a.Name)
		require.True(t, checks[a.Name](), "%s: %s", a.Name, a.Text)
	}
	require.Len(t, checks, len(Assumptions()))
	require.LessOrEqual(t, len(checks), 12)
}

// four calls f for all words of 4 bits, four at a time.
func four(f func(x, y, u, v uint64) bool) bool {
	for i := range uint64(1 << 16) {
		if !f(i&15, i>>4&15, i>>8&15, i>>12) {
			return false
		}
	}
	return true
}

// TestLemmasBySolver proves lemmas of the real operations, at the width that
// takes a solver seconds.
func TestLemmasBySolver(t *testing.T) {
	if !z3.Available {
		t.Skip("z3 is not linked: needs cgo and libz3-dev")
	}
	solver, err := z3.New(smt.Limits{Timeout: time.Minute})
	require.NoError(t, err)
	times := func(l logic[smt.Term], x, y smt.Term) product[smt.Term] {
		wide := func(t smt.Term) smt.Term { return l.a.Resize(t, l.w, 2*l.w, false) }
		both := l.a.Bin(sem.Mul, 2*l.w, wide(x), wide(y))
		hi := l.a.Resize(l.a.Bin(sem.LShr, 2*l.w, both, l.a.Const(2*l.w, uint64(l.w))), 2*l.w, l.w, false)
		return product[smt.Term]{x, y, hi, l.bin(sem.Mul, x, y)}
	}
	over := func(l logic[smt.Term], x, y smt.Term) quotient[smt.Term] {
		return quotient[smt.Term]{x, y, l.bin(sem.UDiv, x, y), l.bin(sem.URem, x, y)}
	}
	for _, k := range []struct {
		name  string
		w     ir.Width
		state func(l logic[smt.Term], x, y, u, v smt.Term) smt.Term
	}{
		{"mul.halve", 32, func(l logic[smt.Term], x, y, _, _ smt.Term) smt.Term {
			return l.mulHalve(times(l, x, y), times(l, l.shr(x, l.k(1)), l.shl(y, l.k(1))))
		}},
		{"mul.negate", 32, func(l logic[smt.Term], x, y, _, _ smt.Term) smt.Term {
			return l.mulNegate(times(l, x, y), times(l, l.neg(x), y))
		}},
		{"mul.order", 6, func(l logic[smt.Term], x, y, u, v smt.Term) smt.Term {
			return l.mulOrder(times(l, x, y), times(l, u, v))
		}},
		{"mul.low", 8, func(l logic[smt.Term], x, y, u, v smt.Term) smt.Term {
			return l.mulLow(times(l, x, y), times(l, u, v), l.k(15))
		}},
		{"mul.lowest", 8, func(l logic[smt.Term], x, y, _, _ smt.Term) smt.Term { return l.mulLowest(times(l, x, y)) }},
		{"div.bounds", 8, func(l logic[smt.Term], x, y, _, _ smt.Term) smt.Term { return l.divBounds(over(l, x, y)) }},
		{"div.order", 6, func(l logic[smt.Term], x, y, u, v smt.Term) smt.Term { return l.divOrder(over(l, x, y), over(l, u, v)) }},
		{"div.same", 6, func(l logic[smt.Term], x, y, u, v smt.Term) smt.Term { return l.divSame(over(l, x, y), over(l, u, v)) }},
		{"div.lowest", 8, func(l logic[smt.Term], x, y, _, _ smt.Term) smt.Term { return l.divLowest(over(l, x, y)) }},
		{"div.euclid", 8, func(l logic[smt.Term], x, y, _, _ smt.Term) smt.Term {
			d := over(l, x, y)
			return l.divEuclid(d, times(l, d.q, y))
		}},
	} {
		t.Run(k.name, func(t *testing.T) {
			b := smt.NewBuilder()
			l := logic[smt.Term]{b, k.w}
			goal := k.state(l, b.Var("x", k.w), b.Var("y", k.w), b.Var("u", k.w), b.Var("v", k.w))
			p, err := smt.Prove(context.Background(), solver, b, nil, goal)
			require.NoError(t, err)
			require.Equal(t, smt.Proved, p.Outcome, "%s at %d bits: %v %s", k.name, k.w, p.Result.Model, p.Result.Reason)
			t.Logf("%s at %d bits: %v", k.name, k.w, p.Result.Elapsed.Round(time.Millisecond))
		})
	}
}
