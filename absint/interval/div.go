package interval

import "github.com/bpfproof/bpfproof/ir"

// UDiv returns a / y, all ones where y is 0 (sem.UDiv).
//
// Sound: each half of a is divided by each half of y; a divisor that can be 0
// adds the all-ones word.
func UDiv(w ir.Width, a, y T) T { return divide(w, a, y, w.Mask()) }

// Div returns a / y as eBPF divides: 0 where y is 0. Sound as UDiv is.
func Div(w ir.Width, a, y T) T { return divide(w, a, y, 0) }

func divide(w ir.Width, a, y T, byZero uint64) T {
	if a.IsBottom() || y.IsBottom() {
		return Bottom()
	}
	if k, ok := y.power(); ok {
		return shr(w, &a, k, k)
	}
	y0, zero := takeZero(w, y)
	r := zeroCase(w, zero, byZero)
	if !y0.Full.empty() {
		p, n := y0.Full.Pos, y0.Full.Neg
		r = join(r, join(divRange(w, a.Full.Pos, p), divRange(w, a.Full.Pos, n)))
		r = join(r, join(divRange(w, a.Full.Neg, p), divRange(w, a.Full.Neg, n)))
	}
	return settled(w, r, all(half(w)))
}

// takeZero returns the words of y that are not 0, and whether 0 was one.
func takeZero(w ir.Width, y T) (T, bool) {
	if y.Full.Pos.Min != 0 {
		return y, false
	}
	return without(w, y, 0), true
}

// zeroCase returns the quotient by 0 if there is one.
func zeroCase(w ir.Width, zero bool, byZero uint64) Halves {
	if zero {
		return single(w, byZero)
	}
	return none()
}

// divRange returns x / y for y without 0, with exact bounds: the quotient grows
// with x and falls with y. Only a quotient by 1 can have its top bit set; it is
// x.
func divRange(w ir.Width, x, y Range) Halves {
	if x.empty() || y.empty() {
		return none()
	}
	if y.Min != 1 {
		return Halves{Range{x.Min / y.Max, x.Max / y.Min}, noRange()}
	}
	r := split(w, x.Min, x.Max)
	if y.Max != 1 {
		r.Pos = joinRange(r.Pos, Range{x.Min / y.Max, x.Max >> 1})
	}
	return r
}

// URem returns a % y, a where y is 0 (sem.URem).
//
// Sound: each half of a is divided by each half of y; a divisor that can be 0
// adds a itself.
func URem(w ir.Width, a, y T) T {
	if a.IsBottom() || y.IsBottom() {
		return Bottom()
	}
	if k, ok := y.power(); ok {
		return lowest(w, &a, k)
	}
	y0, zero := takeZero(w, y)
	if y0.IsBottom() || !zero && a.Full.max() < y0.Full.min() {
		return a
	}
	p, n := y0.Full.Pos, y0.Full.Neg
	r := join(remRange(w, a.Full.Pos, p), remRange(w, a.Full.Pos, n))
	r = join(r, join(remRange(w, a.Full.Neg, p), remRange(w, a.Full.Neg, n)))
	t := settled(w, r, all(half(w)))
	if zero {
		return Join(t, a)
	}
	return t
}

// lowest returns the lowest k bits of a, for k below w.
func lowest(w ir.Width, a *T, k uint64) T {
	return And(w, *a, Const(w, 1<<k-1))
}

// remRange returns x % y for y without 0.
//
// If two quotients of one divisor occur, next to each other, the remainders go
// up to it and then from 0.
func remRange(w ir.Width, x, y Range) Halves {
	if x.empty() || y.empty() {
		return none()
	}
	if y.Min == y.Max && x.Max/y.Min-x.Min/y.Min == 1 {
		return join(split(w, x.Min%y.Min, y.Min-1), split(w, 0, x.Max%y.Min))
	}
	r := remainder(x, y)
	return split(w, r.Min, r.Max)
}

// remainder encloses x % y for y without 0, neither empty.
//
// Sound: if every x is below every y, the remainder is x. If all quotients are
// one q, it is x - q*y, which grows with x and falls with y. Otherwise it is at
// most x, and below y. If the quotient is at least 1 it is also below half of
// x: x - q*y < y <= q*y.
func remainder(x, y Range) Range {
	if x.Max < y.Min {
		return x
	}
	if q := x.Min / y.Max; q == x.Max/y.Min {
		return Range{x.Min - q*y.Max, x.Max - q*y.Min}
	}
	if y.Max <= x.Min {
		return Range{0, min((x.Max-1)/2, y.Max-1)}
	}
	return Range{0, min(x.Max, y.Max-1)}
}

// SDiv returns a / y, both read signed, rounded towards zero (sem.SDiv: 1 or
// -1 where y is 0, the least word divided by -1 is itself).
//
// Sound: the magnitudes are divided, and the quotient is negated where the
// signs differ; the magnitude 2^(w-1) divided by 1 is the least word again.
// Division by 0 gives -1, negated for a below 0.
func SDiv(w ir.Width, a, y T) T {
	if a.IsBottom() || y.IsBottom() {
		return Bottom()
	}
	y0, zero := takeZero(w, y)
	r := quotients(w, a, y0)
	if zero && !a.Full.Pos.empty() {
		r = join(r, single(w, w.Mask()))
	}
	if zero && !a.Full.Neg.empty() {
		r = join(r, single(w, 1))
	}
	return settled(w, r, all(half(w)))
}

// SDivZero returns a / y read signed as eBPF divides: 0 where y is 0. Sound as
// SDiv is.
func SDivZero(w ir.Width, a, y T) T {
	if a.IsBottom() || y.IsBottom() {
		return Bottom()
	}
	y0, zero := takeZero(w, y)
	return settled(w, join(quotients(w, a, y0), zeroCase(w, zero, 0)), all(half(w)))
}

// quotients returns a / y read signed, for y without 0, perhaps Bottom.
func quotients(w ir.Width, a, y T) Halves {
	an, yn := negate(w, a.Full.Neg), negate(w, y.Full.Neg)
	same := join(divRange(w, a.Full.Pos, y.Full.Pos), divRange(w, an, yn))
	differ := join(divRange(w, a.Full.Pos, yn), divRange(w, an, y.Full.Pos))
	return join(same, negateHalves(w, differ))
}

// negateHalves returns -x for x in a: each range turns into an arc.
func negateHalves(w ir.Width, a Halves) Halves {
	p, n := none(), none()
	if !a.Pos.empty() {
		p = arc(w.Mask(), -a.Pos.Max&w.Mask(), -a.Pos.Min&w.Mask())
	}
	if !a.Neg.empty() {
		n = arc(w.Mask(), -a.Neg.Max&w.Mask(), -a.Neg.Min&w.Mask())
	}
	return join(p, n)
}

// SRem returns a % y, both read signed, with the sign of a (sem.SRem).
//
// Sound: the remainder's magnitude is that of the magnitudes, and its sign is
// a's; a divisor that can be 0 adds a itself.
func SRem(w ir.Width, a, y T) T {
	if a.IsBottom() || y.IsBottom() {
		return Bottom()
	}
	y0, zero := takeZero(w, y)
	an, yn := negate(w, a.Full.Neg), negate(w, y0.Full.Neg)
	p := join(remRange(w, a.Full.Pos, y0.Full.Pos), remRange(w, a.Full.Pos, yn))
	n := join(remRange(w, an, y0.Full.Pos), remRange(w, an, yn))
	t := settled(w, join(p, negateHalves(w, n)), all(half(w)))
	if zero {
		return Join(t, a)
	}
	return t
}
