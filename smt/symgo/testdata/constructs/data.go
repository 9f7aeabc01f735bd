package constructs

import "cmp"

type Range struct{ Min, Max uint8 }

type Pair struct {
	A, B Range
	On   bool
}

func (r Range) Width() uint8       { return r.Max - r.Min }
func (r *Range) Grow(by uint8)     { r.Max += by }
func (r Range) with(m uint8) Range { r.Min = m; return r }

func Structs(p Pair, x uint8) (Pair, uint8, bool) {
	q := p
	if q.On {
		q.A.Min = x
		q.B = q.A.with(9)
	} else {
		q.B.Grow(x)
		(&q.A).Grow(1)
	}
	return q, q.A.Width(), p == q
}

func Pointers(x, y uint8) (uint8, uint8) {
	a, b := x, y
	p := &a
	*p += 3
	swap(&a, &b)
	r := &Range{a, b}
	r.Grow(1)
	q := &r.Max
	*q ^= 5
	return r.Min, r.Max
}

func swap(p, q *uint8) { *p, *q = *q, *p }

func Arrays(x, y uint8, i uint8) (uint8, uint8, [3]uint8) {
	a := [4]uint8{x, y, 7}
	a[i] = 9
	b := a
	b[3]++
	var sum uint8
	for j, v := range b {
		sum += v * uint8(j)
	}
	return a[i], sum, [3]uint8{a[0], 1: a[2]}
}

func ArrayParam(a [3]Range, i int) (Range, [3]Range) {
	a[i].Min++
	a[0].Max = a[i].Min
	return a[i], a
}

func Slices(x uint8, i uint8) (uint8, int) {
	s := []uint8{1, x, 3, 4, 5}[1:4]
	s[1] += x
	var sum uint8
	for _, v := range s {
		sum += v
	}
	return sum + s[i], len(s) + cap(s)
}

func NilPointer(x uint8) uint8 {
	var p *Range
	if x < 5 {
		return p.Max
	}
	return x
}

type shape interface{ Area(k uint8) uint8 }

type square struct{ side uint8 }

func (s square) Area(k uint8) uint8 { return s.side * s.side * k }

type box struct{ w, h uint8 }

func (b *box) Area(k uint8) uint8 { b.w++; return b.w * b.h * k }

func Interfaces(x, y uint8) (uint8, uint8, bool, bool) {
	var s shape = square{x}
	n := s.Area(2)
	_, isBox := s.(*box)
	sq, isSquare := s.(square)
	s = &box{x, y}
	return n + sq.side, s.Area(1) + s.Area(1), isBox, isSquare
}

func SwitchType(x uint8) uint8 {
	var s any = Range{x, 2}
	switch v := s.(type) {
	case uint8:
		return v
	case Range:
		return v.Min + v.Max
	}
	return 0
}

type list[T any] struct {
	items [4]T
	n     int
}

func (l *list[T]) add(x T) { l.items[l.n] = x; l.n++ }

func reduce[T, R any](l *list[T], f func(R, T) R, r R) R {
	for i := range l.n {
		r = f(r, l.items[i])
	}
	return r
}

func Generics(x, y int8) (int8, int, bool) {
	var l list[int8]
	l.add(x)
	l.add(y)
	l.add(3)
	return reduce(&l, func(a, b int8) int8 { return max(a, b) }, -128), cmp.Compare(x, y), cmp.Less(x, y)
}

type outer struct {
	Range
	inner *Range
}

func Embedded(x uint8) (uint8, uint8) {
	o := outer{Range{1, x}, &Range{x, 200}}
	o.Grow(2)
	o.inner.Grow(3)
	f := o.inner.Width
	return o.Width(), f()
}

var table = [...]uint8{3, 1, 4, 1, 5}

var names = map[uint8]uint8{1: 10, 2: 20, 7: 70}

var slots = []Range{{1, 2}, {3, 4}}

func Tables(i uint8, k uint8) (uint8, uint8, bool, uint8) {
	v, ok := names[k]
	return table[i], v, ok, slots[1].Max + names[k]
}

func Strings(i uint8) (uint8, int, bool) {
	const s = "tristate"
	return s[i], len(s), s == "interval"
}
