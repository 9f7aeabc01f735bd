package precision

import (
	"math"
	"math/bits"
	"math/rand/v2"

	"github.com/bpfproof/bpfproof/absint"
	"github.com/bpfproof/bpfproof/ir"
)

// Case is an operation applied to two elements.
type Case[E comparable] struct {
	X, Y, Got E
	Want      Set // what package sem computes from the operands' words
	GotSet    Set // what Got stands for
}

// Sound reports whether no word is missing.
func (c Case[E]) Sound() bool { return c.Want&^c.GotSet == 0 }

// Each applies op to pairs of elements of xs and ys, spaces of its operands'
// widths, and passes each case to yield until that returns false; out is a
// space of the result's width. If there are more than limit pairs, it takes
// all pairs with a single word or with Top on the right and a fixed selection
// of others, limit in number.
func Each[E comparable](op Op[E], xs, ys, out *Space[E], limit int, yield func(Case[E]) bool) {
	images := imageTable(op, ys)
	try := func(i, j int) bool {
		c := Case[E]{X: xs.Elems[i], Y: ys.Elems[j], Got: op.Apply(xs.Elems[i], ys.Elems[j])}
		for s := xs.Sets[i]; s != 0; s &= s - 1 {
			x := bits.TrailingZeros64(uint64(s))
			c.Want |= images[x][j]
		}
		c.GotSet = out.Gamma(c.Got)
		return yield(c)
	}
	n, m := len(xs.Elems), len(ys.Elems)
	if op.Unary {
		m = 1
	}
	few := n*m <= limit
	for j := range m {
		if size := ys.Sets[j].Len(); !few && size > 1 && ys.Sets[j] != ys.All() {
			continue
		}
		for i := range n {
			if !try(i, j) {
				return
			}
		}
	}
	if few {
		return
	}
	rng := rand.New(rand.NewPCG(uint64(n), uint64(m)))
	for range limit {
		if !try(rng.IntN(n), rng.IntN(m)) {
			return
		}
	}
}

// imageTable returns for each word x and element of ys the words that op makes
// of x and the element's words. A unary operation takes any one word as its
// second operand.
func imageTable[E comparable](op Op[E], ys *Space[E]) [][]Set {
	table := make([][]Set, uint64(1)<<op.X)
	for x := range table {
		table[x] = make([]Set, len(ys.Elems))
		for j, set := range ys.Sets {
			if op.Unary {
				set = 1
			}
			for _, y := range set.Words() {
				if z, ok := op.Word(uint64(x), y); ok {
					table[x][j] |= 1 << z
				}
			}
		}
	}
	return table
}

// Row tells how an operation fared at a width: on how many of the Total pairs
// of operands, neither Bottom, its result was sound, and on how many it was optimal. Excess is
// the mean of log2 of the number of words in the result over that in the best
// abstraction, over the pairs that have any result.
type Row struct {
	Domain  string   `json:"domain"`
	Op      string   `json:"op"`
	Width   ir.Width `json:"width"`
	Sound   int      `json:"sound"`
	Optimal int      `json:"optimal"`
	Total   int      `json:"total"`
	Excess  float64  `json:"excess"`
}

// Ledger measures every operation of d on w-bit words, w <= 4, on at most
// about limit pairs of elements each; see Each.
func Ledger[E comparable](name string, d absint.Domain[E], w ir.Width, limit int) []Row {
	space, bit := NewSpace(d, w), NewSpace(d, ir.W1)
	var rows []Row
	for _, op := range Ops(d, w) {
		out := space
		if op.Out == ir.W1 {
			out = bit
		}
		rows = append(rows, measure(name, op, space, space, out, limit))
	}
	for to := ir.W1; to <= MaxWidth; to++ {
		if to != w {
			out := NewSpace(d, to)
			rows = append(rows, measure(name, ResizeOp(d, w, to, false), space, space, out, limit))
			if to > w {
				rows = append(rows, measure(name, ResizeOp(d, w, to, true), space, space, out, limit))
			}
		}
	}
	for n := ir.W1; n < w; n++ {
		rows = append(rows, measure(name, LowOp(d, w, n), space, NewSpace(d, n), space, limit))
	}
	return rows
}

func measure[E comparable](name string, op Op[E], xs, ys, out *Space[E], limit int) Row {
	row := Row{Domain: name, Op: op.Name, Width: op.X}
	excess, n := 0.0, 0
	Each(op, xs, ys, out, limit, func(c Case[E]) bool {
		if bottom := xs.Domain.Bottom(); c.X == bottom || c.Y == bottom && !op.Unary {
			return true
		}
		best := out.Gamma(out.Best(c.Want))
		row.Total++
		if c.Sound() {
			row.Sound++
		}
		if c.GotSet == best {
			row.Optimal++
		}
		if best != 0 {
			n++
			excess += math.Log2(float64(max(c.GotSet.Len(), 1)) / float64(best.Len()))
		}
		return true
	})
	row.Excess = excess / float64(max(n, 1))
	return row
}
