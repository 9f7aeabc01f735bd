package bitblast

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// tables are the truth tables of five inputs.
var tables = [5]uint32{0xaaaaaaaa, 0xcccccccc, 0xf0f0f0f0, 0xff00ff00, 0xffff0000}

// build makes random gates over five inputs, and what they compute by the
// meaning of the constructors.
func build(r *rand.Rand, g *graph, n int) (lits []lit, want []uint32) {
	lits, want = []lit{no}, []uint32{0}
	for _, x := range tables {
		lits, want = append(lits, g.input()), append(want, x)
	}
	pick := func() (lit, uint32) {
		i := r.IntN(len(lits))
		if r.IntN(2) == 0 {
			return lits[i].not(), ^want[i]
		}
		return lits[i], want[i]
	}
	for range n {
		x, a := pick()
		y, b := pick()
		z, c := pick()
		var l lit
		var v uint32
		switch r.IntN(5) {
		case 0:
			l, v = g.and(x, y), a&b
		case 1:
			l, v = g.or(x, y), a|b
		case 2:
			l, v = g.xor(x, y), a^b
		case 3:
			l, v = g.mux(x, y, z), a&b|^a&c
		case 4:
			l, v = g.maj(x, y, z), a&b|a&c|b&c
		}
		lits, want = append(lits, l), append(want, v)
	}
	return lits, want
}

// TestGates compares gates with truth tables, on graphs so small that all rules
// apply all the time.
func TestGates(t *testing.T) {
	for seed := range uint64(3000) {
		g := newGraph(1000)
		lits, want := build(rand.New(rand.NewPCG(seed, 7)), g, 40)
		got := g.values(func(k int) uint64 { return uint64(tables[k]) })
		for i, l := range lits {
			v := uint32(got[l.gate()])
			if l.negative() {
				v = ^v
			}
			require.Equal(t, want[i], v, "seed %d, gate %d", seed, i)
		}
		for i, n := range g.gates {
			for _, x := range []lit{n.a, n.b, n.c} {
				require.Less(t, int(x.gate()), max(i, 1), "order")
			}
			if n.kind >= kindAnd {
				require.False(t, n.a.constant() || n.b.constant() || n.kind > kindXor && n.c.constant(), "a constant in gate %+v", n)
			}
			if n.kind == kindMux || n.kind == kindMaj || n.kind == kindXor {
				require.False(t, n.a.negative(), "form of %+v", n)
			}
		}
	}
}

// TestClauses holds that, with the inputs given, unit propagation over the
// clauses ends in a conflict exactly where the roots do not all hold.
func TestClauses(t *testing.T) {
	holds, fails := 0, 0
	for seed := range uint64(600) {
		r := rand.New(rand.NewPCG(seed, 8))
		g := newGraph(1000)
		lits, want := build(r, g, 25)
		var roots word
		all := ^uint32(0)
		for range 1 + r.IntN(3) {
			i := r.IntN(len(lits))
			roots, all = append(roots, lits[i]), all&want[i]
		}
		for _, full := range []bool{false, true} {
			c := encode(g, roots, full)
			for n := range 32 {
				value := make([]int8, c.vars+1)
				for k := range tables {
					if v := c.of[1+k]; v != 0 {
						value[v] = int8(2*(tables[k]>>n&1)) - 1
					}
				}
				require.Equal(t, all>>n&1 == 1, c.propagate(value), "seed %d, full %v, inputs %05b", seed, full, n)
				if all>>n&1 == 1 {
					holds++
				} else {
					fails++
				}
			}
		}
	}
	require.Greater(t, min(holds, fails), 1000)
}

// propagate reports whether unit propagation from the values (1, -1, or 0 for
// open) meets no conflict.
func (c *clauses) propagate(value []int8) bool {
	of := func(l int32) int8 {
		if l < 0 {
			return -value[-l]
		}
		return value[l]
	}
	for again := true; again; {
		again = false
		var open []int32
		satisfied := false
		for _, l := range c.lits {
			switch {
			case l != 0 && of(l) > 0:
				satisfied = true
			case l != 0 && of(l) == 0:
				open = append(open, l)
			case l != 0:
			case satisfied:
			case len(open) == 0:
				return false
			case len(open) == 1:
				value[max(open[0], -open[0])] = 1
				if open[0] < 0 {
					value[-open[0]] = -1
				}
				again = true
			}
			if l == 0 {
				open, satisfied = open[:0], false
			}
		}
	}
	return true
}
