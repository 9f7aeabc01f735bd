package verifier

import (
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
)

// place splits an offset from r10, in [-512, 0), into a slot's index and a byte
// in it.
func place(off int64) (i, j int) { return int(-off-1) / slotSize, int(off & (slotSize - 1)) }

// at returns the slot of index i; one that was never written reads as empty.
func (f *frame[E]) at(i int) slot[E] {
	if i < len(f.stack) {
		return f.stack[i]
	}
	return slot[E]{}
}

// grow returns the slot of index i for writing.
func (f *frame[E]) grow(i int) *slot[E] {
	for len(f.stack) <= i {
		f.stack = append(f.stack, slot[E]{})
	}
	return &f.stack[i]
}

// kindAt returns the byte's kind, with off in [-512, 0).
func (f *frame[E]) kindAt(off int64) byteKind {
	i, j := place(off)
	if i < len(f.stack) {
		return f.stack[i].bytes[j]
	}
	return byteNone
}

// forget takes the spill out of the slot: its bytes stay written, with any
// content.
func (s *slot[E]) forget() {
	for k := s.lo; k < s.lo+s.n; k++ {
		s.bytes[k] = byteMisc
	}
	s.n, s.lo, s.spill = 0, 0, reg[E]{}
}

// fill returns what a load of size bytes from byte j of the slot gives. The
// caller has checked that the bytes may be read.
//
// Sound: a spill's bytes are its value's, little endian, so the bytes
// [j, j+size) of it are the value shifted right by 8(j-lo) and cut to size.
// Zero bytes are 0. All else is any number.
func (w *words[E]) fill(s *slot[E], j, size int) reg[E] {
	lo, n := int(s.lo), int(s.n)
	bits := ir.Width(8 * size)
	switch {
	case n > 0 && j == lo && size == n:
		return s.spill
	case n > 0 && s.spill.kind == scalar && j >= lo && j+size <= lo+n:
		v := s.spill.val
		if j > lo {
			v = w.d.Bin(sem.LShr, ir.W64, v, w.num(uint64(8*(j-lo))))
		}
		r := reg[E]{kind: scalar, val: w.low(v, bits)}
		if j == lo && r.val == s.spill.val {
			r.id, r.off = s.spill.id, s.spill.off // nothing was cut off: still the same number
		}
		return r
	}
	for k := j; k < j+size; k++ {
		if s.bytes[k] != byteZero {
			return reg[E]{kind: scalar, val: w.anyOf(bits)}
		}
	}
	return reg[E]{kind: scalar, val: w.zero}
}

// spill writes the low size bytes of r to byte j of the slot.
//
// Sound: bytes outside [j, j+size) keep their kind, or become any number where
// they belonged to a spill that is cut. A scalar is kept with the value that
// really lies there, and with its link only if nothing was cut off. Pointers
// are kept whole or not at all.
func (w *words[E]) spill(s *slot[E], j, size int, r *reg[E]) {
	if s.n > 0 {
		s.forget()
	}
	if r.kind == scalar {
		w.spillScalar(s, j, size, r)
		return
	}
	kind := byteMisc
	if size == slotSize {
		kind, s.spill, s.lo, s.n = byteSpill, *r, 0, slotSize
	}
	for k := j; k < j+size; k++ {
		s.bytes[k] = kind
	}
}

func (w *words[E]) spillScalar(s *slot[E], j, size int, r *reg[E]) {
	v := reg[E]{kind: scalar, id: r.id, off: r.off, val: w.low(r.val, ir.Width(8*size))}
	if v.val != r.val {
		v.id, v.off = 0, 0
	}
	kind := byteSpill
	switch {
	case v.val == w.zero:
		kind = byteZero
	case v.id == 0 && v.val == w.anyOf(ir.Width(8*size)):
		kind = byteMisc
	default:
		s.spill, s.lo, s.n = v, uint8(j), uint8(size)
	}
	for k := j; k < j+size; k++ {
		s.bytes[k] = kind
	}
}

// smear makes the bytes [lo, hi) from r10 hold any number, as far as they were
// written at all or sure is set; zero says that what may be written is 0.
//
// Sound: a byte in the range either keeps its content or takes a written one.
// Both are described by byteMisc, or by byteZero if both are 0. Without sure a
// byte that was never written may still not be, and stays byteNone, which
// describes anything.
func (f *frame[E]) smear(lo, hi int64, sure, zero bool) {
	for off := lo; off < hi; off++ {
		i, j := place(off)
		if !sure && i >= len(f.stack) {
			continue
		}
		s := f.grow(i)
		if s.n > 0 {
			s.forget()
		}
		switch {
		case zero && s.bytes[j] == byteZero, !sure && s.bytes[j] == byteNone:
		case zero && sure:
			s.bytes[j] = byteZero
		default:
			s.bytes[j] = byteMisc
		}
	}
}
