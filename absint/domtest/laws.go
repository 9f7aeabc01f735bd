package domtest

import (
	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/absint"
	"github.com/bpfproof/bpfproof/absint/precision"
	"github.com/bpfproof/bpfproof/ir"
)

// Laws holds the laws that fixpoints and proofs rely on, at 1 to 4 bits: Const,
// Top and Bottom stand for what they should; the order is reflexive,
// transitive, antisymmetric and never claims too much; Join is idempotent,
// commutative and above its operands; Meet is below them; Widen is above
// them; bounds are attained from outside.
func Laws[E comparable](t TB, d absint.Domain[E]) {
	for w := ir.W1; w <= 4; w++ {
		s := precision.NewSpace(d, w)
		single(t, s)
		pairs(s, limit, func(i, j int) bool {
			order(t, s, i, j)
			joins(t, s, i, j)
			return !t.Failed()
		})
		transitive(t, s)
	}
}

// single holds the laws of one element.
func single[E comparable](t TB, s *precision.Space[E]) {
	d, w := s.Domain, s.Width
	require.Zero(t, s.Gamma(d.Bottom()), "bottom stands for a word")
	require.Equal(t, s.All(), s.Gamma(d.Top(w)), "top at %d bits", w)
	exact := s.Gamma(d.Const(w, 0)).Len() == 1 // a domain may know no single word
	for x := range uint64(1) << w {
		set := s.Gamma(d.Const(w, x|^w.Mask()))
		require.True(t, set.Has(x), "const %d at %d bits", x, w)
		require.True(t, !exact || set.Len() == 1, "const %d at %d bits, as 0 is one word", x, w)
	}
	for i, e := range s.Elems {
		require.NoError(t, valid(d, w, e, s.Sets[i].Empty()), "join of constants %+v", e)
		require.True(t, d.Leq(w, e, e), "%v <= itself", e)
		require.True(t, d.Leq(w, d.Bottom(), e), "bottom <= %v", e)
		require.True(t, d.Leq(w, e, d.Top(w)), "%v <= top", e)
		require.Equal(t, e, d.Join(w, e, e), "join of %v with itself", e)
		require.Equal(t, e, d.Join(w, e, d.Bottom()), "join of %v with bottom", e)
		require.Equal(t, e, d.Join(w, d.Bottom(), e), "join of bottom with %v", e)
		bounds(t, s, i)
	}
}

// bounds holds that Bounds enclose all words.
func bounds[E comparable](t TB, s *precision.Space[E], i int) {
	own, ok := s.Domain.(absint.Bounder[E])
	if !ok || s.Sets[i].Empty() {
		return
	}
	e := s.Elems[i]
	b := own.Bounds(s.Width, e)
	for _, x := range s.Sets[i].Words() {
		sx := s.Width.SignExtend(x)
		require.True(t, b.UMin <= x && x <= b.UMax && b.SMin <= sx && sx <= b.SMax, "%d of %v is not in %+v", x, e, b)
	}
}

// order holds that a <= b only if all words of a are words of b, and both ways
// only if they are the same.
func order[E comparable](t TB, s *precision.Space[E], i, j int) {
	t.Helper()
	d, w, a, b := s.Domain, s.Width, s.Elems[i], s.Elems[j]
	if d.Leq(w, a, b) && !s.Sets[i].Minus(s.Sets[j]).Empty() {
		t.Errorf("%v <= %v at %d bits\n got: true\nwant: false, as %v are only in the first", a, b, w, s.Sets[i].Minus(s.Sets[j]).Words())
	}
	if d.Leq(w, a, b) && d.Leq(w, b, a) && a != b {
		t.Errorf("%v <= %v at %d bits and back\n got: true\nwant: false, as they differ", a, b, w)
	}
}

// joins holds the laws of Join, Meet and Widen.
func joins[E comparable](t TB, s *precision.Space[E], i, j int) {
	t.Helper()
	d, w, a, b := s.Domain, s.Width, s.Elems[i], s.Elems[j]
	both := s.Sets[i].Or(s.Sets[j])
	for k, got := range [...]E{d.Join(w, a, b), d.Widen(w, a, b)} {
		name, set := [...]string{"join", "widen"}[k], s.Gamma(got)
		if !both.Minus(set).Empty() || !d.Leq(w, a, got) || !d.Leq(w, b, got) {
			t.Errorf("%s of %v and %v at %d bits\n got: %v\nwant: an upper bound", name, a, b, w, got)
		}
		if err := valid(d, w, got, set.Empty()); err != nil {
			t.Errorf("%s of %v and %v at %d bits\n got: %+v\nwant: %v", name, a, b, w, got, err)
		}
	}
	if ab, ba := d.Join(w, a, b), d.Join(w, b, a); ab != ba {
		t.Errorf("join of %v and %v at %d bits\n got: %v and %v\nwant: the same in both orders", a, b, w, ab, ba)
	}
	meet := d.Meet(w, a, b)
	if !s.Gamma(meet).Minus(s.Sets[i].And(s.Sets[j])).Empty() || !d.Leq(w, meet, a) || !d.Leq(w, meet, b) {
		t.Errorf("meet of %v and %v at %d bits\n got: %v\nwant: a lower bound", a, b, w, meet)
	}
}

// transitive holds a <= b <= c only if a <= c, for chains made by Join and for
// a selection of triples.
func transitive[E comparable](t TB, s *precision.Space[E]) {
	d, w, n := s.Domain, s.Width, len(s.Elems)
	pairs(s, 2000, func(i, j int) bool {
		a, b := s.Elems[i], s.Elems[j]
		ab := d.Join(w, a, b)
		c := s.Elems[(i*31+j*17)%n]
		abc := d.Join(w, ab, c)
		require.True(t, d.Leq(w, a, abc), "%v <= %v <= %v", a, ab, abc)
		if d.Leq(w, a, b) && d.Leq(w, b, c) {
			require.True(t, d.Leq(w, a, c), "%v <= %v <= %v", a, b, c)
		}
		return true
	})
}
