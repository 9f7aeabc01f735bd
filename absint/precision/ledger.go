package precision

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strings"

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
func (c Case[E]) Sound() bool { return c.Want.Minus(c.GotSet).Empty() }

// Each applies op to pairs of elements of xs and ys, spaces of its operands'
// widths, and passes each case to yield until that returns false; out is a
// space of the result's width. If there are more than limit pairs, it takes
// about limit pairs with a single word or with Top on the right, for each of
// these evenly spread elements on the left, and a fixed selection of others,
// limit in number.
func Each[E comparable](op Op[E], xs, ys, out *Space[E], limit int, yield func(Case[E]) bool) {
	images := imageTable(op, ys)
	try := func(i, j int) bool {
		c := Case[E]{X: xs.Elems[i], Y: ys.Elems[j], Got: op.Apply(xs.Elems[i], ys.Elems[j])}
		for k, word := range xs.Sets[i] {
			for ; word != 0; word &= word - 1 {
				c.Want = c.Want.Or(images[64*k+bits.TrailingZeros64(word)][j])
			}
		}
		c.GotSet = out.Gamma(c.Got)
		return yield(c)
	}
	n, m := len(xs.Elems), len(ys.Elems)
	if op.Unary {
		m = 1
	}
	few, step := n*m <= limit, 1
	if !few {
		step += n << ys.Width / limit // few enough in all, as there are 2^Width single words
	}
	for j := range m {
		if size := ys.Sets[j].Len(); !few && size > 1 && ys.Sets[j] != ys.All() {
			continue
		}
		for i := j % step; i < n; i += step {
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
				set = Of(0)
			}
			for _, y := range set.Words() {
				if z, ok := op.Word(uint64(x), y); ok {
					table[x][j][z/64] |= 1 << (z % 64)
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

// Ledger measures operations of d on w-bit words, on at most about limit pairs
// of elements each; see Each. Up to 4 bits these are all operations, at 5 to 8
// the shifts, whose amounts are masked as they should be at 2, 4 and 8 bits.
// Rows such as "alu.add.k" are of eBPF operations with a known second operand.
// If op is not empty, only the row of that name is made.
func Ledger[E comparable](name string, d absint.Domain[E], w ir.Width, limit int, op string) []Row {
	space, bit, only := NewSpace(d, w), NewSpace(d, ir.W1), op
	var rows []Row
	row := func(op Op[E], ys, out *Space[E]) {
		if only == "" || only == op.Name {
			rows = append(rows, measure(name, op, space, ys, out, limit))
		}
	}
	for _, op := range Ops(d, w) {
		out := space
		if op.Out == ir.W1 {
			out = bit
		}
		if w <= 4 || shifts(op.Name) {
			row(op, space, out)
		}
	}
	known := Constants(d, w)
	for _, op := range aluOps(d, w) {
		op.Name += ".k"
		if w <= 4 || shifts(op.Name) {
			row(op, known, space)
		}
	}
	if w > 4 {
		return rows
	}
	for to := ir.W1; to <= 6; to++ {
		if to != w {
			out := NewSpace(d, to)
			row(ResizeOp(d, w, to, false), space, out)
			if to > w {
				row(ResizeOp(d, w, to, true), space, out)
			}
		}
	}
	for n := ir.W1; n < w; n++ {
		row(LowOp(d, w, n), NewSpace(d, n), space)
	}
	return rows
}

// shifts reports whether the operation of that name is a shift.
func shifts(name string) bool {
	name = strings.TrimSuffix(strings.TrimPrefix(name, "alu."), ".k")
	return slices.Contains([]string{"shl", "lshr", "ashr", "lsh", "rsh", "arsh"}, name)
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
		if !best.Empty() {
			n++
			excess += math.Log2(float64(max(c.GotSet.Len(), 1)) / float64(best.Len()))
		}
		return true
	})
	row.Excess = excess / float64(max(n, 1))
	return row
}
