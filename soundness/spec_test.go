package soundness

import (
	"math/bits"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/symgo"
)

// runs are calls of the real source on numbers, to which contracts are held: a
// contract that says what the source does not do would let anything be proved.
type runs struct {
	s   *Subject
	rnd *rand.Rand
}

// word returns a number near a power of two as often as any other.
func (r *runs) word(w ir.Width) uint64 {
	x := r.rnd.Uint64()
	if r.rnd.IntN(2) == 0 {
		x = uint64(1)<<r.rnd.IntN(64) + uint64(r.rnd.IntN(5)) - 2
	}
	return x & w.Mask()
}

// leaves makes a number for every variable of v: ranges in order or empty, those
// of halves in their halves, masks that are such.
func (r *runs) leaves(v symgo.Value, w ir.Width) []uint64 {
	ts := symgo.Leaves(v)
	out := make([]uint64, 0, len(ts))
	if len(ts) == 1 {
		x := r.word(w)
		switch r.rnd.IntN(4) {
		case 0:
			x = ir.Width(r.rnd.IntN(64)+1).Mask() & w.Mask()
		case 1:
			x = uint64(r.rnd.IntN(int(w)))
		}
		return []uint64{x}
	}
	for i := 0; i < len(ts); i += 2 {
		n := w
		if len(ts) == 8 && i >= 4 {
			n = w / 2
		}
		lo, hi := r.word(n), r.word(n)
		if r.rnd.IntN(3) == 0 {
			hi = lo
		}
		if len(ts) > 2 { // a half
			lo, hi = lo&(n.Mask()>>1), hi&(n.Mask()>>1)
			if i%4 == 2 {
				lo, hi = lo|n.SignBit(), hi|n.SignBit()
			}
		}
		lo, hi = min(lo, hi), max(lo, hi)
		if r.rnd.IntN(8) == 0 {
			lo, hi = ^uint64(0), 0
		}
		out = append(out, lo, hi)
	}
	return out
}

// exactly gives products and quotients of numbers their values.
func exactly(c *calls, p pair, w ir.Width) {
	x, _ := c.b.ConstValue(p.x)
	y, _ := c.b.ConstValue(p.y)
	hi, lo := bits.Mul64(x, y)
	k := c.words64().k
	c.hard.products = append(c.hard.products, &openProduct{product: product[smt.Term]{p.x, p.y, k(hi), k(lo)}})
	e := sem.Concrete{}
	c.hard.quotients = append(c.hard.quotients, &openQuotient{quotient: quotient[smt.Term]{p.x, p.y,
		k(e.Bin(sem.UDiv, ir.W64, x, y)), k(e.Bin(sem.URem, ir.W64, x, y))}})
}

// try runs the function on one choice of numbers. It returns what of the
// contract is false, and whether the choice is one that the contract is about.
func (r *runs) try(t *testing.T, sp *spec, path string, w ir.Width) (broken []string, about bool) {
	fn, err := r.s.prog.Func(path + sp.fn)
	require.NoError(t, err)
	s := &statement{calls: r.s.calls(smt.NewBuilder(), true), w: w}
	k := &call{calls: s.calls, w: w}
	if sp.args != nil {
		k.args = sp.args(s, fn, w)
	} else {
		k.args = s.variables(fn)
	}
	for i, v := range k.args {
		n := w
		if len(symgo.Leaves(v)) == 2 {
			n = []ir.Width{w, w / 2, ir.W64}[r.rnd.IntN(3)]
		}
		k.args[i] = numbersFor(s, v, r.leaves(v, n))
	}
	yes := func(t smt.Term) bool { x, known := s.b.ConstValue(t); return known && x == 1 }
	if !yes(sp.needs(k)) {
		return nil, false
	}
	x, p := s.words64().k(r.word(64)), pair{s.words64().k(r.member(k)), s.words64().k(r.member(k))}
	if r.rnd.IntN(2) == 0 {
		x = p.x
	}
	exactly(s.calls, p, w)
	sp.run(s, fn, k)
	require.NoError(t, s.err)
	if !yes(s.b.Not(s.fails)) {
		broken = append(broken, "no panic")
	}
	if sp.ensure != nil {
		for _, g := range sp.ensure(k) {
			if !yes(g.Term) {
				broken = append(broken, g.Name)
			}
		}
	}
	if sp.word != nil && !yes(sp.word(k, x)) {
		broken = append(broken, "every word")
	}
	if sp.pair != nil && !yes(sp.pair(k, p)) {
		broken = append(broken, "every pair")
	}
	if sp.elem != nil {
		constant, err := r.s.prog.Func(path + "Const")
		require.NoError(t, err)
		for _, e := range []symgo.Value{s.callFunc(constant, w, s.b.Bin(sem.And, ir.W64, p.x, s.words64().k(w.Mask())))[0], k.results[0]} {
			if yes(s.run(path+"T.Valid", e, w)) && !yes(sp.elem(k, e)) {
				broken = append(broken, "every element")
			}
		}
	}
	return broken, true
}

// member returns a number that lies near those of the arguments.
func (r *runs) member(k *call) uint64 {
	var near []uint64
	for _, a := range k.args {
		for _, t := range symgo.Leaves(a) {
			x, _ := k.b.ConstValue(t)
			near = append(near, x)
		}
	}
	return near[r.rnd.IntN(len(near))] + uint64(r.rnd.IntN(3)*r.rnd.IntN(2))
}

// numbersFor returns v with numbers for variables.
func numbersFor(s *statement, v symgo.Value, xs []uint64) symgo.Value {
	n := 0
	var fill func(v symgo.Value) symgo.Value
	fill = func(v symgo.Value) symgo.Value {
		switch v := v.(type) {
		case *symgo.Struct:
			out := &symgo.Struct{}
			for _, f := range v.Fields {
				out.Fields = append(out.Fields, fill(f))
			}
			return out
		case symgo.Word:
			if _, known := s.b.ConstValue(v.Term); !known {
				v.Term = s.b.Const(s.b.Width(v.Term), xs[n])
			}
			n++
			return v
		case symgo.Bool:
			v.Term = s.b.Bool(xs[n]&1 == 1)
			n++
			return v
		}
		return v
	}
	return fill(v)
}

// TestSpecsHold runs every function that has a contract on numbers: what the
// contract says must be true of what the source does, often enough to count.
func TestSpecsHold(t *testing.T) {
	s := intervalSubject(t)
	for _, sp := range intervalSpecs() {
		t.Run(sp.fn, func(t *testing.T) {
			for _, w := range sp.widths {
				r := &runs{s, rand.New(rand.NewPCG(uint64(w), 1))}
				held := 0
				for i := 0; i < 20_000 && held < 60; i++ {
					broken, about := r.try(t, sp, intervalPath, w)
					require.Empty(t, broken, "%s at %d bits", sp.fn, w)
					if about {
						held++
					}
				}
				require.Equal(t, 60, held, "%s at %d bits: hardly any run is one that the contract is about", sp.fn, w)
			}
		})
	}
}

func intervalSubject(t *testing.T) *Subject {
	t.Helper()
	for _, d := range Domains() {
		if d.Name == "interval" {
			s, err := Load(d)
			require.NoError(t, err)
			return s
		}
	}
	require.Fail(t, "no domain interval")
	return nil
}

// TestSpecContradicts: a contract that contradicts the source is found out, as
// is one that nothing satisfies.
func TestSpecContradicts(t *testing.T) {
	s := intervalSubject(t)
	for name, sp := range map[string]*spec{
		"below(x) is x": {fn: "below", widths: []ir.Width{ir.W64}, ensure: func(k *call) []Goal {
			return []Goal{{"is x", k.b.Eq(leaf(k.results[0]), k.term(0))}}
		}},
		"never": {fn: "below", widths: []ir.Width{ir.W64}, ensure: func(k *call) []Goal {
			return []Goal{{"false", k.b.Bool(false)}}
		}},
		"cut loses no word": {fn: "sharing", widths: []ir.Width{ir.W64}, require: sharingSpec().require,
			word: func(k *call, x smt.Term) smt.Term { return k.b.Implies(k.in(k.args[0], x), k.in(k.results[0], x)) }},
	} {
		r := &runs{s, rand.New(rand.NewPCG(1, 1))}
		found := false
		for range 300 {
			broken, _ := r.try(t, sp, intervalPath, ir.W64)
			found = found || len(broken) > 0
		}
		require.True(t, found, name)
	}
}
