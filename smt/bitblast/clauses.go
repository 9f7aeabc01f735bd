package bitblast

import "strconv"

// clauses is a formula for a SAT solver. Variables count from 1.
type clauses struct {
	vars  int
	count int
	lits  []int32 // the literals of all clauses, each ended by 0
	of    []int32 // variable of a gate, 0 if it has none
	false bool    // there is an empty clause
}

// polarity says which implications of a gate's definition are needed (Plaisted
// and Greenbaum): that its inputs follow from it being true, or from false.
type polarity uint8

const (
	whenTrue polarity = 1 << iota
	whenFalse
)

func (p polarity) flip(by lit) polarity {
	if by.negative() {
		return p>>1 | p&1<<1
	}
	return p
}

// use says what a gate is used for. An and-gate that is one part of one other
// and-gate becomes part of its clauses and needs no variable.
type use uint8

const (
	unused use = iota
	asPart
	asGate
)

// encoder makes clauses of gates.
type encoder struct {
	g    *graph
	out  *clauses
	need []polarity // by gate
	used []use      // by gate
	full bool       // both implications, always
}

// encode returns clauses that can be true exactly if all roots can; with both
// implications of every gate if full.
func encode(g *graph, roots word, full bool) *clauses {
	e := &encoder{g: g, full: full, out: &clauses{of: make([]int32, len(g.gates))}, need: make([]polarity, len(g.gates)), used: make([]use, len(g.gates))}
	goals := e.goals(roots)
	e.count(goals)
	for i := 1; i < len(g.gates); i++ {
		if e.used[i] == asGate || e.used[i] == asPart && g.gates[i].kind != kindAnd {
			e.out.vars++
			e.out.of[i] = int32(e.out.vars)
		}
	}
	for _, c := range goals {
		e.clause(c...)
	}
	for i := len(g.gates) - 1; i > 0; i-- {
		if e.out.of[i] != 0 {
			e.define(uint32(i))
		}
	}
	return e.out
}

// goals splits what must hold into clauses: conjunctions into their parts, and
// a disjunction into one clause of its parts.
func (e *encoder) goals(roots word) []word {
	seen := map[lit]bool{}
	var out []word
	for len(roots) > 0 {
		x := roots[len(roots)-1]
		roots = roots[: len(roots)-1 : len(roots)-1]
		n := e.g.gates[x.gate()]
		switch {
		case x == yes || seen[x]:
			continue
		case n.kind == kindAnd && !x.negative():
			seen[x] = true
			roots = append(roots, n.a, n.b)
			continue
		case x == no:
			return []word{nil}
		}
		seen[x] = true
		if n.kind != kindAnd {
			out = append(out, word{x})
			continue
		}
		var c word
		for open := (word{n.a, n.b}); len(open) > 0; {
			y := open[len(open)-1]
			open = open[:len(open)-1]
			if m := e.g.gates[y.gate()]; m.kind == kindAnd && !y.negative() && len(open)+len(c) < maxWide {
				open = append(open, m.a, m.b)
				continue
			}
			c = append(c, y.not())
		}
		out = append(out, c)
	}
	return out
}

// maxWide bounds the clause that a disjunction becomes.
const maxWide = 64

// count finds what gates are needed, and how.
func (e *encoder) count(goals []word) {
	const both = whenTrue | whenFalse
	for _, c := range goals {
		for _, x := range c {
			e.use(x, whenTrue, asGate)
		}
	}
	for i := len(e.g.gates) - 1; i > 0; i-- {
		p := e.need[i]
		if p == 0 {
			continue
		}
		switch n := e.g.gates[i]; n.kind {
		case kindAnd:
			e.use(n.a, p, asPart)
			e.use(n.b, p, asPart)
		case kindXor:
			e.use(n.a, both, asGate)
			e.use(n.b, both, asGate)
		case kindMux:
			e.use(n.a, both, asGate)
			e.use(n.b, p, asGate)
			e.use(n.c, p, asGate)
		case kindMaj:
			e.use(n.a, p, asGate)
			e.use(n.b, p, asGate)
			e.use(n.c, p, asGate)
		}
	}
}

// use notes a fan-out to x.
func (e *encoder) use(x lit, p polarity, as use) {
	if e.full {
		p = whenTrue | whenFalse
	}
	at := x.gate()
	e.need[at] |= p.flip(x)
	if x.negative() || e.used[at] != unused {
		as = asGate
	}
	e.used[at] = as
}

// parts returns the operands of an and-gate, with those of the gates that are
// part of it.
func (e *encoder) parts(n gate) word {
	var out word
	for open := (word{n.b, n.a}); len(open) > 0; {
		x := open[len(open)-1]
		open = open[:len(open)-1]
		if e.out.of[x.gate()] != 0 {
			out = append(out, x)
			continue
		}
		m := e.g.gates[x.gate()]
		open = append(open, m.b, m.a)
	}
	return out
}

// define writes the clauses that tie a gate's variable to its inputs.
func (e *encoder) define(at uint32) {
	n, o, p := e.g.gates[at], lit(at<<1), e.need[at]
	a, b, c := n.a, n.b, n.c
	for range 2 {
		// o implies the gate; the second time, not o implies its complement.
		if p&whenTrue != 0 {
			switch n.kind {
			case kindAnd:
				e.conjunction(n, o)
			case kindXor:
				e.clause(o.not(), a, b)
				e.clause(o.not(), a.not(), b.not())
			case kindMux: // the third clause follows, but propagates more
				e.clause(o.not(), n.a.not(), b)
				e.clause(o.not(), n.a, c)
				e.clause(o.not(), b, c)
			case kindMaj:
				e.clause(o.not(), a, b)
				e.clause(o.not(), a, c)
				e.clause(o.not(), b, c)
			}
		}
		o, p = o.not(), p.flip(yes)
		a, b, c = a.not(), b.not(), c.not()
		if n.kind == kindXor {
			a = n.a // the complement of a xor b is a xor not b
		}
	}
}

// conjunction writes that o implies all parts of the and-gate n or, if o is a
// complement, that it implies that one part is false.
func (e *encoder) conjunction(n gate, o lit) {
	parts := e.parts(n)
	if o.negative() {
		for i := range parts {
			parts[i] = parts[i].not()
		}
		e.clause(append(parts, o.not())...)
		return
	}
	for _, x := range parts {
		e.clause(o.not(), x)
	}
}

func (e *encoder) clause(c ...lit) {
	e.out.count++
	e.out.false = e.out.false || len(c) == 0
	for _, x := range c {
		v := e.out.of[x.gate()]
		if x.negative() {
			v = -v
		}
		e.out.lits = append(e.out.lits, v)
	}
	e.out.lits = append(e.out.lits, 0)
}

// dimacs returns the clauses in the format of SAT solvers.
func (c *clauses) dimacs() []byte {
	out := make([]byte, 0, 8*len(c.lits)+64)
	out = append(out, "p cnf "...)
	out = strconv.AppendInt(out, int64(c.vars), 10)
	out = append(out, ' ')
	out = strconv.AppendInt(out, int64(c.count), 10)
	out = append(out, '\n')
	for _, l := range c.lits {
		out = strconv.AppendInt(out, int64(l), 10)
		if l == 0 {
			out = append(out, '\n')
		} else {
			out = append(out, ' ')
		}
	}
	return out
}
