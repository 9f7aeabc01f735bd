package soundness

import (
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/symgo"
)

// keeps says that halves are valid for words of the bits of a mask: those of
// Pos have its top bit 0, those of Neg have it 1.
func (c *calls) keeps(h symgo.Value, m smt.Term) smt.Term {
	l := c.words64()
	pos, neg := halvesOf(h)
	most := l.shr(m, l.k(1))
	_, last := rangeBounds(pos)
	first, end := rangeBounds(neg)
	return l.and(c.proper(pos), c.proper(neg), l.or(c.nothing(pos), l.le(last, most)),
		l.or(c.nothing(neg), l.and(l.lt(most, first), l.le(end, m))))
}

// wide are the full widths.
func wide() []ir.Width { return []ir.Width{ir.W64, ir.W32} }

func shiftSpecs() []*spec {
	return []*spec{arcSpec(), truncateRangeSpec(), partsSpec(), bitsSpec(), shlSpec("shlPos"), shlSpec("shlNeg"), shiftedSpec(), shlKnownSpec(), shlHalvesSpec(), shrSpec(), powerSpec()}
}

// arcSpec: arc(m, lo, hi) has all words from lo to hi, modulo m+1.
func arcSpec() *spec {
	return &spec{
		fn: "arc", widths: []ir.Width{ir.W64},
		require: func(k *call) smt.Term {
			l := k.words64()
			return l.and(k.lowMask(k.term(0)), l.le(k.term(1), k.term(0)), l.le(k.term(2), k.term(0)))
		},
		ensure: func(k *call) []Goal {
			l := k.words64()
			pos, neg := halvesOf(k.results[0])
			p, _ := rangeBounds(pos)
			n, _ := rangeBounds(neg)
			top := l.add(l.shr(k.term(0), l.k(1)), l.k(1))
			return []Goal{{"shape", k.keeps(k.results[0], k.term(0))},
				{"least of pos", l.or(k.nothing(pos), l.or(l.isZero(p), l.eq(p, k.term(1))))},
				{"least of neg", l.or(k.nothing(neg), l.or(l.eq(n, top), l.eq(n, k.term(1))))}}
		},
		word: func(k *call, x smt.Term) smt.Term {
			l, m := k.words64(), k.term(0)
			ahead := func(t smt.Term) smt.Term { return l.both(l.sub(t, k.term(1)), m) }
			return l.implies(l.le(ahead(x), ahead(k.term(2))), k.has(k.results[0], l.both(x, m)))
		},
	}
}

// truncateRangeSpec: truncateRange(m, r) has the low bits of the words in r.
func truncateRangeSpec() *spec {
	return &spec{
		fn: "truncateRange", widths: []ir.Width{ir.W64},
		require: func(k *call) smt.Term { return k.b.And(k.lowMask(k.term(0)), k.proper(k.args[1])) },
		ensure:  func(k *call) []Goal { return []Goal{{"shape", k.keeps(k.results[0], k.term(0))}} },
		word: func(k *call, x smt.Term) smt.Term {
			return k.b.Implies(k.in(k.args[1], x), k.has(k.results[0], k.words64().both(x, k.term(0))))
		},
	}
}

// bitsSpec: t.bits(w, m) has the low bits of the words of t.
func bitsSpec() *spec {
	return &spec{
		fn: "T.bits", widths: wide(),
		fits: []int{0},
		require: func(k *call) smt.Term {
			l := k.words64()
			return l.and(k.shape(k.w, k.args[0]), k.lowMask(k.term(2)), l.le(k.term(2), l.k(k.w.Mask())))
		},
		ensure: func(k *call) []Goal { return []Goal{{"shape", k.keeps(k.results[0], k.term(2))}} },
		word: func(k *call, x smt.Term) smt.Term {
			return k.b.Implies(k.holds(k.w, k.args[0], x), k.has(k.results[0], k.words64().both(x, k.term(2))))
		},
		also: func(k *call, _ pair, x smt.Term) {
			l := k.words64()
			k.track(ir.W64, l.both(x, k.term(2)), l.both(x, l.k(k.w.Mask())))
		},
	}
}

// partsSpec: t.parts(h, m, r) has the low bits of the words in r whose low
// halves are in Low.
func partsSpec() *spec {
	return &spec{
		fn: "T.parts", widths: []ir.Width{ir.W64},
		require: func(k *call) smt.Term {
			_, low := sides(k.args[0])
			return k.b.And(k.lowMask(k.term(1)), k.lowMask(k.term(2)), k.words64().le(k.term(2), k.term(1)), k.inOrder(low, k.term(1)), k.proper(k.args[3]))
		},
		ensure: func(k *call) []Goal { return []Goal{{"shape", k.keeps(k.results[0], k.term(2))}} },
		word: func(k *call, x smt.Term) smt.Term {
			l := k.words64()
			_, low := sides(k.args[0])
			given := l.and(k.in(k.args[3], x), k.has(low, l.both(x, k.term(1))))
			return l.implies(given, k.has(k.results[0], l.both(x, k.term(2))))
		},
		also: func(k *call, _ pair, x smt.Term) {
			from, to := rangeBounds(k.args[3])
			k.use("low.arc", x, from, to, k.term(1))
			k.track(ir.W64, k.words64().both(x, k.term(1)))
		},
	}
}

// shlSpec: shlPos and shlNeg have the words of one half, shifted by any amount
// from least to greatest, below w.
func shlSpec(name string) *spec {
	return &spec{
		fn: name, widths: []ir.Width{ir.W64, ir.W32, ir.W16},
		made: true,
		require: func(k *call) smt.Term {
			l := k.words64()
			least, greatest := rangeBounds(k.args[1])
			half := l.lt(greatest, l.k(k.w.SignBit()))
			if name == "shlNeg" {
				half = l.and(l.le(l.k(k.w.SignBit()), least), l.le(greatest, l.k(k.w.Mask())))
			}
			return l.and(k.proper(k.args[1]), l.or(k.nothing(k.args[1]), half), l.le(k.term(2), k.term(3)), l.lt(k.term(3), l.k(uint64(k.w))))
		},
		ensure: func(k *call) []Goal { return []Goal{{"shape", k.halvesValid(k.results[0], k.w)}} },
		pair: func(k *call, p pair) smt.Term {
			l, m := k.words64(), k.words64().k(k.w.Mask())
			x := l.both(p.x, m)
			given := l.and(k.in(k.args[1], x), l.le(k.term(2), p.y), l.le(p.y, k.term(3)))
			return l.implies(given, k.has(k.results[0], l.both(l.shl(x, p.y), m)))
		},
		also: func(k *call, p pair, _ smt.Term) { k.useShl(p, name == "shlNeg") },
	}
}

// useShl takes facts as given that order the shifted words of shlSpec.
func (k *call) useShl(p pair, negative bool) {
	l, m, ones := k.words64(), k.words64().k(k.w.Mask()), k.words64().k(^uint64(0))
	x, amount := l.both(p.x, m), p.y
	a, b := rangeBounds(k.args[1])
	least, greatest := k.term(2), k.term(3)
	k.track(ir.W64, l.shl(p.x, amount))
	k.use("shl.zeros", x, amount, least)
	if negative { // the magnitudes' order is the other way around
		for _, t := range []smt.Term{x, a, b} {
			k.use("shl.minus", l.k(0), t, amount)
			k.use("shl.minus", l.k(0), t, least)
		}
		x, a, b = l.both(l.neg(x), m), l.both(l.neg(b), m), l.both(l.neg(a), m)
	}
	k.use("shr.amount", ones, amount, greatest)
	k.use("shr.order", l.k(k.w.Mask()), ones, greatest)
	k.use("shl.amount", a, least, amount)
	k.use("shl.order", a, x, amount)
	k.use("shl.order", x, b, amount)
	k.use("shl.amount", b, amount, greatest)
	if negative {
		k.use("minus.order", l.shl(p.x, amount), l.shl(a, least), l.shl(x, amount), l.shl(b, greatest))
	}
	k.use("shl.minus", x, a, least)
	k.use("shl.minus", b, a, least)
	k.use("shl.order", l.sub(x, a), l.sub(b, a), least)
}

// shiftedSpec: shifted(w, a, p, n, least, greatest) has what is in p or n and
// has, where the amount is one and known, as its low bits those of a low half
// of a that are left.
func shiftedSpec() *spec {
	lowOf := func(k *call, x smt.Term) smt.Term {
		l, h := k.words64(), k.w/2
		_, low := sides(k.args[1])
		below := l.and(l.eq(k.term(4), k.term(5)), l.lt(k.term(4), l.k(uint64(h))))
		rest := l.both(x, l.shr(l.k(h.Mask()), k.term(4)))
		some := k.b.Bool(false)
		for _, r := range low.(*symgo.Struct).Fields {
			least, greatest := rangeBounds(r)
			some = l.or(some, l.and(k.filled(r), l.le(l.shr(least, k.term(4)), rest), l.le(rest, l.shr(greatest, k.term(4)))))
		}
		return l.implies(below, some)
	}
	return &spec{
		fn: "shifted", widths: wide(),
		fits: []int{1}, made: true,
		require: func(k *call) smt.Term {
			l := k.words64()
			half := func(r symgo.Value) smt.Term {
				_, greatest := rangeBounds(r)
				return l.and(k.proper(r), l.or(k.nothing(r), l.and(k.keepsTo(r, k.w), l.le(greatest, l.k(k.w.Mask())))))
			}
			_, last := rangeBounds(k.args[2])
			return l.and(k.shape(k.w, k.args[1]), half(k.args[2]), half(k.args[3]),
				l.or(k.nothing(k.args[2]), l.lt(last, l.k(k.w.SignBit()))))
		},
		ensure: validResult,
		word: func(k *call, x smt.Term) smt.Term {
			l := k.words64()
			x = l.both(x, l.k(k.w.Mask()))
			return l.implies(l.and(l.or(k.in(k.args[2], x), k.in(k.args[3], x)), lowOf(k, x)), k.holds(k.w, k.results[0], x))
		},
		also: func(k *call, _ pair, x smt.Term) {
			l := k.words64()
			k.track(ir.W64, l.both(x, l.k(k.w.Mask())), l.both(x, l.k((k.w/2).Mask())))
		},
	}
}

// shlKnownSpec: shlKnown(w, a, n) has the words of a, shifted.
func shlKnownSpec() *spec {
	return &spec{
		fn: "shlKnown", widths: wide(),
		fits: []int{1}, made: true,
		require: func(k *call) smt.Term { return k.shape(k.w, k.args[1]) },
		ensure:  validResult,
		word: func(k *call, x smt.Term) smt.Term {
			return k.b.Implies(k.holds(k.w, k.args[1], x), k.holds(k.w, k.results[0], k.words64().shl(x, k.term(2))))
		},
		also: func(k *call, _ pair, x smt.Term) { k.track(ir.W64, k.words64().shl(x, k.term(2))) },
	}
}

// validResult says that the element that a call returns is valid.
func validResult(k *call) []Goal {
	return []Goal{{"valid", k.side(intervalPath+"T.Valid", k.results[0], k.w)}}
}

// shlHalvesSpec: shlHalves(w, a, least, greatest) has the words of a shifted by
// any amount in between.
func shlHalvesSpec() *spec {
	return &spec{
		fn: "shlHalves", widths: []ir.Width{ir.W64, ir.W32, ir.W16},
		fits: []int{1}, made: true,
		require: func(k *call) smt.Term {
			return k.b.And(k.halvesValid(k.args[1], k.w), k.words64().le(k.term(2), k.term(3)))
		},
		ensure: func(k *call) []Goal { return []Goal{{"shape", k.halvesValid(k.results[0], k.w)}} },
		pair: func(k *call, p pair) smt.Term {
			l, m := k.words64(), k.words64().k(k.w.Mask())
			given := l.and(k.has(k.args[1], l.both(p.x, m)), l.le(k.term(2), p.y), l.le(p.y, k.term(3)))
			return l.implies(given, k.has(k.results[0], l.both(l.shl(p.x, p.y), m)))
		},
		also: func(k *call, p pair, _ smt.Term) { k.track(ir.W64, k.words64().shl(p.x, p.y)) },
	}
}

// shrSpec: shr(w, a, least, greatest) has the words of a shifted by any amount
// in between.
func shrSpec() *spec {
	return &spec{
		fn: "shr", widths: wide(),
		fits: []int{1}, made: true,
		require: func(k *call) smt.Term {
			return k.b.And(k.shape(k.w, k.args[1]), k.words64().le(k.term(2), k.term(3)))
		},
		ensure: func(k *call) []Goal {
			return []Goal{{"shape", k.shape(k.w, k.results[0])}, {"valid", k.b.Implies(
				k.side(intervalPath+"T.Valid", k.args[1], k.w), k.side(intervalPath+"T.Valid", k.results[0], k.w))}}
		},
		word: func(k *call, x smt.Term) smt.Term {
			l := k.words64()
			x = l.both(x, l.k(k.w.Mask()))
			given := l.and(l.eq(k.term(2), k.term(3)), k.holds(k.w, k.args[1], x))
			return l.implies(given, k.holds(k.w, k.results[0], l.shr(x, k.term(2))))
		},
		pair: func(k *call, p pair) smt.Term {
			l := k.words64()
			x := l.both(p.x, l.k(k.w.Mask()))
			given := l.and(k.holds(k.w, k.args[1], x), l.le(k.term(2), p.y), l.le(p.y, k.term(3)))
			return l.implies(given, k.holds(k.w, k.results[0], l.shr(x, p.y)))
		},
		also: func(k *call, p pair, x smt.Term) {
			l := k.words64()
			low := l.both(x, l.k(k.w.Mask()))
			k.track(ir.W64, l.shr(low, k.term(2)), l.shr(l.both(p.x, l.k(k.w.Mask())), p.y))
		},
	}
}

// powerSpec: t.power() tells of each word of t that it is 2^k, and k.
func powerSpec() *spec {
	return &spec{
		fn: "T.power", widths: []ir.Width{ir.W64},
		ensure: func(k *call) []Goal {
			l := k.words64()
			full, _ := sides(k.args[0])
			pos, neg := halvesOf(full)
			x, _ := rangeBounds(pos)
			y, _ := rangeBounds(neg)
			power := l.shl(l.k(1), leaf(k.results[0])) // the least word
			return []Goal{{"bit", l.implies(leaf(k.results[1]), l.and(l.eq(power, l.choose(l.lt(x, y), x, y)), l.lt(leaf(k.results[0]), l.k(64))))}}
		},
		word: func(k *call, x smt.Term) smt.Term {
			l := k.words64()
			full, _ := sides(k.args[0])
			given := k.b.And(leaf(k.results[1]), k.has(full, x))
			return l.implies(given, l.and(l.isPower(x), l.eq(leaf(k.results[0]), l.log2(x))))
		},
	}
}
