package bitblast

// The constructors below look two gates deep. A rule either returns something
// that exists or calls a constructor on what lies deeper, so they end, and a
// term never becomes larger by them.

// under returns x where s is known to be 1, as far as one gate tells. It makes
// no gates.
func (g *graph) under(x, s lit) lit {
	switch {
	case x.positive() == s.positive():
		return yes.flip(x ^ s)
	case x.constant():
		return x
	}
	n := g.gates[x.gate()]
	switch n.kind {
	case kindAnd:
		switch {
		case n.a == s:
			return n.b.flip(x)
		case n.b == s:
			return n.a.flip(x)
		case n.a == s.not() || n.b == s.not():
			return no.flip(x)
		}
	case kindXor: // n.a and n.b are positive
		switch s.positive() {
		case n.a:
			return n.b.flip(x ^ s ^ 1)
		case n.b:
			return n.a.flip(x ^ s ^ 1)
		}
	case kindMux:
		switch s {
		case n.a:
			return n.b.flip(x)
		case n.a.not():
			return n.c.flip(x)
		}
	}
	return x
}

// and returns x and y.
func (g *graph) and(x, y lit) lit {
	for {
		switch {
		case x == no || y == no || x == y.not():
			return no
		case x == yes || x == y:
			return y
		case y == yes:
			return x
		}
		if z := g.under(y, x); z != y {
			y = z
			continue
		}
		z := g.under(x, y)
		if z == x {
			break
		}
		x = z
	}
	x, y = ordered(x, y)
	if z, ok := g.andDeep(x, y); ok {
		return z
	}
	return g.intern(gate{kind: kindAnd, a: x, b: y})
}

// andDeep applies the rules for two operands that are both and-gates.
func (g *graph) andDeep(x, y lit) (lit, bool) {
	m, n := g.gates[x.gate()], g.gates[y.gate()]
	if m.kind != kindAnd || n.kind != kindAnd {
		return no, false
	}
	switch {
	case !x.negative() && !y.negative():
		return g.andBoth(m, n, x, y)
	case x.negative() && y.negative():
		return g.andNeither(m, n)
	case x.negative():
		x, y, m, n = y, x, n, m
	}
	// m.a m.b and not (n.a n.b)
	switch {
	case m.a == n.a.not() || m.a == n.b.not() || m.b == n.a.not() || m.b == n.b.not():
		return x, true
	case m.a == n.a || m.b == n.a:
		return g.and(x, n.b.not()), true
	case m.a == n.b || m.b == n.b:
		return g.and(x, n.a.not()), true
	}
	return no, false
}

func (g *graph) andBoth(m, n gate, x, y lit) (lit, bool) {
	switch {
	case m.a == n.a.not() || m.a == n.b.not() || m.b == n.a.not() || m.b == n.b.not():
		return no, true
	case m.a == n.a || m.b == n.a:
		return g.and(x, n.b), true
	case m.a == n.b || m.b == n.b:
		return g.and(x, n.a), true
	}
	return no, false
}

// andNeither returns neither m nor n, if it is a shorter gate: a literal by
// resolution, an exclusive or, or a choice.
func (g *graph) andNeither(m, n gate) (lit, bool) {
	for range 2 {
		for range 2 {
			if m.a == n.a.not() { // not (a and m.b) and not (not a and n.b)
				if m.b == n.b {
					return m.b.not(), true
				}
				return g.mux(m.a, m.b, n.b).not(), true
			}
			if m.a == n.a && m.b == n.b.not() {
				return m.a.not(), true
			}
			n.a, n.b = n.b, n.a
		}
		m.a, m.b = m.b, m.a
	}
	return no, false
}

// or returns x or y.
func (g *graph) or(x, y lit) lit { return g.and(x.not(), y.not()).not() }

// xor returns x exclusive-or y.
func (g *graph) xor(x, y lit) lit {
	odd := (x ^ y) & 1
	x, y = ordered(x.positive(), y.positive())
	switch {
	case x == y:
		return odd
	case x == no:
		return y ^ odd
	}
	m, n := g.gates[x.gate()], g.gates[y.gate()]
	if m.kind == kindXor && n.kind == kindXor {
		switch {
		case m.a == n.a:
			return g.xor(m.b, n.b) ^ odd
		case m.b == n.b:
			return g.xor(m.a, n.a) ^ odd
		case m.a == n.b:
			return g.xor(m.b, n.a) ^ odd
		case m.b == n.a:
			return g.xor(m.a, n.b) ^ odd
		}
	}
	for range 2 {
		switch {
		case n.kind == kindXor && n.a == x:
			return n.b ^ odd
		case n.kind == kindXor && n.b == x:
			return n.a ^ odd
		case n.kind == kindAnd && n.a.positive() == x: // a^(ab) is a and not b; not a^(ab) is the opposite of (not a) or b
			return g.and(n.a, n.b.not()).flip(n.a) ^ odd
		case n.kind == kindAnd && n.b.positive() == x:
			return g.and(n.b, n.a.not()).flip(n.b) ^ odd
		}
		x, y, m, n = y, x, n, m
	}
	return g.intern(gate{kind: kindXor, a: x, b: y}) ^ odd
}

// mux returns t if s, and otherwise e.
func (g *graph) mux(s, t, e lit) lit {
	if s.negative() {
		s, t, e = s.not(), e, t
	}
	if s.constant() {
		return e
	}
	t, e = g.under(t, s), g.under(e, s.not())
	switch {
	case t == e:
		return t
	case t == e.not():
		return g.xor(s, e)
	case t == yes:
		return g.or(s, e)
	case t == no:
		return g.and(s.not(), e)
	case e == yes:
		return g.or(s.not(), t)
	case e == no:
		return g.and(s, t)
	}
	odd := t & 1
	return g.intern(gate{kind: kindMux, a: s, b: t ^ odd, c: e ^ odd}) ^ odd
}

// maj returns whether at least two of x, y and z hold.
func (g *graph) maj(x, y, z lit) lit {
	x, y = ordered(x, y)
	y, z = ordered(y, z)
	x, y = ordered(x, y)
	switch {
	case x == y || y == z:
		return y
	case x == y.not():
		return z
	case y == z.not():
		return x
	case x == no:
		return g.and(y, z)
	case x == yes:
		return g.or(y, z)
	}
	odd := x & 1 // the majority of complements is the complement
	return g.intern(gate{kind: kindMaj, a: x ^ odd, b: y ^ odd, c: z ^ odd}) ^ odd
}
