package soundness

import (
	"fmt"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/smt"
)

// fact is a statement about any words of 64 bits. It is no assumption: it is
// proved at 64 bits on a line of its own, without any other. Proofs that use an
// instance rest on that line.
type fact struct {
	name  string
	words []string
	holds func(l logic[smt.Term], t []smt.Term) smt.Term
}

// facts are about the order of shifted words.
func facts() []fact {
	return []fact{
		{"shl.order", []string{"x", "y", "k"}, func(l logic[smt.Term], t []smt.Term) smt.Term {
			given := l.and(l.le(t[0], t[1]), l.lt(t[2], l.k(64)), l.le(t[1], l.shr(l.k(^uint64(0)), t[2])))
			return l.implies(given, l.le(l.shl(t[0], t[2]), l.shl(t[1], t[2])))
		}},
		{"shl.amount", []string{"x", "k", "j"}, func(l logic[smt.Term], t []smt.Term) smt.Term {
			given := l.and(l.le(t[1], t[2]), l.lt(t[2], l.k(64)), l.le(t[0], l.shr(l.k(^uint64(0)), t[2])))
			return l.implies(given, l.le(l.shl(t[0], t[1]), l.shl(t[0], t[2])))
		}},
		{"shr.order", []string{"x", "y", "k"}, func(l logic[smt.Term], t []smt.Term) smt.Term {
			return l.implies(l.le(t[0], t[1]), l.le(l.shr(t[0], t[2]), l.shr(t[1], t[2])))
		}},
		{"shr.amount", []string{"x", "k", "j"}, func(l logic[smt.Term], t []smt.Term) smt.Term {
			return l.implies(l.le(t[1], t[2]), l.le(l.shr(t[0], t[2]), l.shr(t[0], t[1])))
		}},
		{"shl.zeros", []string{"x", "k", "j"}, func(l logic[smt.Term], t []smt.Term) smt.Term {
			return l.implies(l.le(t[2], t[1]), l.isZero(l.both(l.shl(t[0], t[1]), l.sub(l.shl(l.k(1), t[2]), l.k(1)))))
		}},
		{"shl.minus", []string{"x", "y", "k"}, func(l logic[smt.Term], t []smt.Term) smt.Term {
			return l.eq(l.sub(l.shl(t[0], t[2]), l.shl(t[1], t[2])), l.shl(l.sub(t[0], t[1]), t[2]))
		}},
		{"reach.wider", []string{"x", "y", "from", "to", "m", "low"}, func(l logic[smt.Term], t []smt.Term) smt.Term {
			reaches := func(x, y smt.Term) smt.Term {
				return l.and(l.le(x, y), l.le(l.both(l.sub(t[5], x), t[4]), l.sub(y, x)))
			}
			mask := l.isZero(l.both(t[4], l.add(t[4], l.k(1))))
			return l.implies(l.and(mask, reaches(t[0], t[1]), l.le(t[2], t[0]), l.le(t[1], t[3])), reaches(t[2], t[3]))
		}},
		{"span", []string{"least", "x", "greatest"}, func(l logic[smt.Term], t []smt.Term) smt.Term {
			whole := l.sub(t[2], t[0])
			return l.implies(l.and(l.le(t[0], t[1]), l.le(t[1], t[2])), l.and(l.le(l.sub(t[1], t[0]), whole), l.le(l.sub(t[2], t[1]), whole)))
		}},
		{"sum.order", []string{"x", "y", "a", "b"}, func(l logic[smt.Term], t []smt.Term) smt.Term {
			most := l.k(^uint64(0) >> 1)
			given := l.and(l.le(t[0], t[2]), l.le(t[1], t[3]), l.le(t[2], most), l.le(t[3], most))
			return l.implies(given, l.le(l.add(t[0], t[1]), l.add(t[2], t[3])))
		}},
		{"minus.order", []string{"minus", "x", "y", "z"}, func(l logic[smt.Term], t []smt.Term) smt.Term {
			given := l.and(l.isZero(l.add(t[0], t[2])), l.le(t[1], t[2]), l.le(t[2], t[3]))
			return l.implies(given, l.le(l.add(t[0], t[3]), l.sub(t[3], t[1])))
		}},
		{"low.arc", []string{"x", "from", "to", "m"}, func(l logic[smt.Term], t []smt.Term) smt.Term {
			x, from, to := l.both(t[0], t[3]), l.both(t[1], t[3]), l.both(t[2], t[3])
			given := l.and(l.isZero(l.both(t[3], l.add(t[3], l.k(1)))), l.le(t[1], t[0]), l.le(t[0], t[2]), l.lt(l.sub(t[2], t[1]), t[3]))
			ahead, behind := l.le(from, x), l.le(x, to)
			return l.implies(given, l.or(l.and(ahead, behind), l.and(l.lt(to, from), l.or(ahead, behind))))
		}},
		{"shift.back", []string{"x", "k"}, func(l logic[smt.Term], t []smt.Term) smt.Term {
			given := l.le(t[0], l.shr(l.k(^uint64(0)), t[1]))
			return l.implies(given, l.eq(l.shr(l.shl(t[0], t[1]), t[1]), t[0]))
		}},
	}
}

// factOps are the lines that prove the facts.
func factOps() (ops []Op) {
	for _, f := range facts() {
		ops = append(ops, Op{Name: contractPrefix + f.name, Width: ir.W64, bare: true, state: func(s *statement) {
			var ts []smt.Term
			for _, name := range f.words {
				ts = append(ts, s.word(name, ir.W64))
			}
			s.goal("all words", f.holds(s.words64(), ts))
		}})
	}
	return ops
}

// use takes an instance of a fact as given.
func (c *calls) use(name string, words ...smt.Term) {
	for _, f := range facts() {
		if f.name == name {
			c.open = true
			c.restOn(Line{"interval", contractPrefix + name, ir.W64})
			c.assume = append(c.assume, f.holds(c.words64(), words))
			return
		}
	}
	c.fail(fmt.Errorf("soundness: use fact %s: there is none", name))
}
