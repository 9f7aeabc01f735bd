package verifier

import (
	"fmt"
	"strings"
)

// kind is the type of a register's content.
type kind uint8

const (
	uninit     kind = iota // must not be read
	scalar                 // a number: val
	ctxPtr                 // the program's context
	stackPtr               // a frame's stack, relative to its r10
	packetPtr              // the packet, relative to its first byte
	packetMeta             // the metadata before the packet
	packetEnd              // first byte behind the packet
	mapPtr                 // a map
	mapValue               // a value of a map, relative to its first byte
)

var kindNames = [...]string{"?", "scalar", "ctx", "fp", "pkt", "pkt_meta", "pkt_end", "map_ptr", "map_value"}

// reg is the abstract content of a register. It is plain data: equal values
// mean the same.
//
// A scalar's value is a member of val; off is 0 unless id is set. A pointer is
// the address of its object plus off plus a member of val: the kernel's fixed
// and variable part.
//
// Registers and spills with the same id other than 0 know of each other. For
// scalars: there is one number x such that each equals x + off, modulo 2^64.
// For packet pointers: they have the same variable part, so a check of one
// gives all of them their range. For pointers that may be null: all are null or
// none is.
type reg[E comparable] struct {
	kind  kind
	null  bool   // the pointer may be 0 instead
	frame uint8  // of stackPtr: index of the frame
	index int32  // of mapPtr and mapValue: index in Program.Maps
	id    uint32 // 0 is no link
	off   int32
	rng   int32 // of packetPtr and packetMeta: bytes that are there from the object's address plus the variable part; or atEnd, beyondEnd
	val   E
}

func (r *reg[E]) pointer() bool { return r.kind > scalar }

func (r *reg[E]) packet() bool { return r.kind == packetPtr || r.kind == packetMeta }

// What a range says of a packet pointer that a comparison has shown to lie at
// the packet's end or behind it.
const (
	atEnd     = -1 // the pointer is at least the end
	beyondEnd = -2 // the pointer is greater than the end
)

// name returns the type's name in the kernel's log.
func (r *reg[E]) name() string {
	if r.null {
		return kindNames[r.kind] + "_or_null"
	}
	return kindNames[r.kind]
}

// span returns the least and greatest offset the pointer can have from its
// object, and false where the variable part is not bounded by maxVar.
func (w *words[E]) span(r *reg[E]) (lo, hi int64, ok bool) {
	b := w.bounds(r.val)
	if b.SMin <= -maxVar || b.SMax >= maxVar {
		return 0, 0, false
	}
	return int64(r.off) + b.SMin, int64(r.off) + b.SMax, true
}

// fixed returns the pointer's offset if it is known.
func (w *words[E]) fixed(r *reg[E]) (off int64, ok bool) {
	x, ok := w.constant(r.val)
	return int64(r.off) + int64(x), ok
}

// maxVar bounds the parts of a pointer's offset, as BPF_MAX_VAR_OFF does.
const maxVar = 1 << 29

// text returns the register in the style of the kernel's log.
func (w *words[E]) text(r *reg[E]) string {
	var b strings.Builder
	switch r.kind {
	case uninit:
		return "?"
	case scalar:
		if x, ok := w.constant(r.val); ok {
			return fmt.Sprintf("%d", int64(x))
		}
	case stackPtr:
		if off, ok := w.fixed(r); ok {
			return fmt.Sprintf("fp[%d]%+d", r.frame, off)
		}
	}
	b.WriteString(r.name())
	b.WriteByte('(')
	b.WriteString(strings.Join(w.attributes(r), ","))
	b.WriteByte(')')
	return b.String()
}

func (w *words[E]) attributes(r *reg[E]) []string {
	var a []string
	add := func(format string, args ...any) { a = append(a, fmt.Sprintf(format, args...)) }
	if r.id != 0 {
		add("id=%d", r.id)
	}
	if r.kind == stackPtr {
		add("frame=%d", r.frame)
	}
	if r.kind == mapPtr || r.kind == mapValue {
		add("map=%d", r.index)
	}
	if r.off != 0 {
		add("off=%d", r.off)
	}
	if r.packet() {
		add("r=%d", r.rng)
	}
	if r.kind != packetEnd && r.kind != mapPtr {
		a = append(a, w.ranges(r.val)...)
	}
	return a
}

// ranges prints the bounds of e that tell more than those of top.
func (w *words[E]) ranges(e E) []string {
	var a []string
	if e == w.zero || e == w.top {
		return nil
	}
	b, t := w.bounds(e), w.bounds(w.top)
	if b.UMin == b.UMax {
		return []string{fmt.Sprintf("imm=%d", int64(b.UMin))}
	}
	if b.SMin != t.SMin {
		a = append(a, fmt.Sprintf("smin=%d", b.SMin))
	}
	if b.SMax != t.SMax {
		a = append(a, fmt.Sprintf("smax=%d", b.SMax))
	}
	if b.UMin != t.UMin {
		a = append(a, fmt.Sprintf("umin=%d", b.UMin))
	}
	if b.UMax != t.UMax {
		a = append(a, fmt.Sprintf("umax=%d", b.UMax))
	}
	return append(a, fmt.Sprintf("val=%v", any(e)))
}
