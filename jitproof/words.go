package jitproof

import (
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/smt"
)

// words is the algebra a simulation runs over: terms for proving, pairs of a
// term and a number for replaying a state.
type words[V any] interface {
	sem.Algebra[V]
	// fresh returns the symbol of that name.
	fresh(name string, w ir.Width) V
	// known returns the value of a word that is known.
	known(V) (uint64, bool)
	// same reports that two words are the same term.
	same(x, y V) bool
	// offset returns x - base where that is a constant.
	offset(x, base V) (int64, bool)
	// near guesses x - base where that seems to be a constant.
	near(x, base V) (int64, bool)
	// assume returns the algebra in which choices on these conditions are made.
	assume(path []V) words[V]
}

// terms is the algebra of SMT terms. In facts are the conditions that hold.
type terms struct {
	*smt.Builder
	facts map[smt.Term]bool
	plain bool // no rules but those of the Builder, which a solver can confirm, and theorems
	// theorems counts, where plain is set, quotients by quotient's theorem, which
	// solvers decide for small divisors at most.
	theorems *int
}

func (a terms) fresh(name string, w ir.Width) smt.Term { return a.Var(name, w) }

// Bin is Builder.Bin with more rules for division.
func (a terms) Bin(op sem.BinOp, w ir.Width, x, y smt.Term) smt.Term {
	if a.plain {
		return a.plainBin(op, w, x, y)
	}
	return bin(a.Builder, op, w, x, y)
}

// plainBin is Builder.Bin with the theorem on divisions by constants alone.
func (a terms) plainBin(op sem.BinOp, w ir.Width, x, y smt.Term) smt.Term {
	if k, ok := a.ConstValue(y); ok && op == sem.LShr && w == ir.W64 && a.theorems != nil {
		q, ok := quotient(a.Builder, x, k)
		if !ok {
			q, ok = wideQuotient(a.Builder, x, k)
		}
		if ok {
			*a.theorems++
			return q
		}
	}
	return a.Builder.Bin(op, w, x, y)
}

func (a terms) known(t smt.Term) (uint64, bool) { return a.ConstValue(t) }

func (a terms) same(x, y smt.Term) bool { return x == y }

func (a terms) offset(x, base smt.Term) (int64, bool) {
	d, ok := a.ConstValue(a.Bin(sem.Sub, ir.W64, x, base))
	return int64(d), ok
}

// near computes the difference for a few values of the variables.
func (a terms) near(x, base smt.Term) (off int64, ok bool) {
	for seed := range uint64(3) {
		m, k := smt.NewModel(), seed
		for t := range a.Terms(x, base) {
			if a.Op(t) == smt.OpVar {
				k = k*0x5851f42d4c957f2d + 0x14057b7ef767814f // Knuth's multiplier, as in MMIX
				m.Set(a.Symbol(t).Name, k^k>>29)
			}
		}
		v := a.Eval(m, x, base)
		d := int64(v[0] - v[1])
		if seed > 0 && d != off {
			return 0, false
		}
		off = d
	}
	return off, true
}

func (a terms) assume(path []smt.Term) words[smt.Term] {
	if a.plain {
		return a
	}
	facts := make(map[smt.Term]bool, len(path))
	for _, c := range path {
		facts[c] = true
	}
	return terms{Builder: a.Builder, facts: facts}
}

// Ite chooses where the condition or its opposite is assumed.
func (a terms) Ite(c, x, y smt.Term) smt.Term {
	switch {
	case a.facts[c]:
		return x
	case len(a.facts) > 0 && a.facts[a.Not(c)]:
		return y
	}
	return a.Builder.Ite(c, x, y)
}

// pair is a term with its value in one state. What an address belongs to is
// read off the term; what is computed is computed with numbers only.
type pair struct {
	t smt.Term
	x uint64
}

// pairs replays one state: value gives the symbols' values.
type pairs struct {
	b     *smt.Builder
	c     sem.Concrete
	value func(name string, w ir.Width) uint64
}

func (a pairs) Const(w ir.Width, x uint64) pair { return pair{a.b.Const(w, x), a.c.Const(w, x)} }

func (a pairs) Bin(op sem.BinOp, w ir.Width, x, y pair) pair {
	return pair{a.b.Bin(op, w, x.t, y.t), a.c.Bin(op, w, x.x, y.x)}
}

func (a pairs) Cmp(op sem.CmpOp, w ir.Width, x, y pair) pair {
	return pair{a.b.Cmp(op, w, x.t, y.t), a.c.Cmp(op, w, x.x, y.x)}
}

func (a pairs) Ite(c, x, y pair) pair { return pair{a.b.Ite(c.t, x.t, y.t), a.c.Ite(c.x, x.x, y.x)} }

func (a pairs) Resize(x pair, from, to ir.Width, signed bool) pair {
	return pair{a.b.Resize(x.t, from, to, signed), a.c.Resize(x.x, from, to, signed)}
}

func (a pairs) fresh(name string, w ir.Width) pair {
	return pair{a.b.Var(name, w), a.value(name, w) & w.Mask()}
}

func (a pairs) known(v pair) (uint64, bool) { return v.x, true }

func (a pairs) same(x, y pair) bool { return x.t == y.t }

func (a pairs) offset(x, base pair) (int64, bool) { return terms{Builder: a.b}.offset(x.t, base.t) }

func (a pairs) near(x, base pair) (int64, bool) { return int64(x.x - base.x), true }

func (a pairs) assume([]pair) words[pair] { return a }
