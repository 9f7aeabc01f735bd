package soundness

import (
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/symgo"
)

// narrow writes an element, or halves, of w bits such that what validity says
// of the bits of bounds is in the terms: those above w are all 0 or, of the
// lower bound of an empty range, all 1; the top one is that of the half. Where
// the halves are valid, it is the same value: same says so.
//
// Searches for proofs then have only the bits to guess that matter.
func (c *calls) narrow(w ir.Width, v symgo.Value) (narrowed symgo.Value, same smt.Term) {
	f := v.(*symgo.Struct).Fields
	if len(symgo.Leaves(v)) == 8 {
		full, x := c.narrow(w, f[0])
		low, y := c.narrow(max(1, w/2), f[1])
		return &symgo.Struct{Fields: []symgo.Value{full, low}}, c.b.And(x, y)
	}
	posMin, posMax := rangeBounds(f[0])
	negMin, negMax := rangeBounds(f[1])
	noPos, noNeg := c.b.Extract(posMin, 63, 63), c.b.Not(c.b.Extract(negMax, w-1, w-1))
	pos := []smt.Term{c.bound(w, noPos, noPos, posMin), c.bound(w, c.b.Bool(false), c.b.Bool(false), posMax)}
	neg := []smt.Term{c.bound(w, noNeg, c.b.Bool(true), negMin), c.bound(w, c.b.Bool(false), c.b.Not(noNeg), negMax)}
	same = c.b.And(c.b.Eq(pos[0], posMin), c.b.Eq(pos[1], posMax), c.b.Eq(neg[0], negMin), c.b.Eq(neg[1], negMax))
	return &symgo.Struct{Fields: []symgo.Value{remade(f[0], pos), remade(f[1], neg)}}, same
}

// bound makes a word of the bits of x below the top one of w bits, the top one,
// and those above.
func (c *calls) bound(w ir.Width, above, top, x smt.Term) smt.Term {
	t := top
	if w > 1 {
		t = c.b.Concat(top, c.b.Extract(x, w-2, 0))
	}
	if w == ir.W64 {
		return t
	}
	return c.b.Resize(c.b.Concat(above, t), w+1, ir.W64, true)
}

// remade returns a range with other bounds.
func remade(r symgo.Value, bounds []smt.Term) symgo.Value {
	out := &symgo.Struct{}
	for i, f := range r.(*symgo.Struct).Fields {
		word := f.(symgo.Word)
		word.Term = bounds[i]
		out.Fields = append(out.Fields, word)
	}
	return out
}

// sized makes a symbolic element that is to be valid at w bits.
func (s *statement) sized(name string, w ir.Width) symgo.Value {
	e := s.elem(name)
	if s.s.Domain.Name != "interval" || s.exact {
		return e
	}
	e, same := s.narrow(w, e)
	s.assumeThat(same)
	return e
}
