package verifier

import (
	"fmt"
	"strings"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
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
	mapKey                 // a key of a map, relative to its first byte
	objPtr                 // a kernel object: index is its abi.ObjectKind
	memPtr                 // index bytes of memory, relative to the first
	recordPtr              // the same: a ring buffer record
	flowKeys               // the flow dissector's result
	bufferPtr              // memory of a size that the attach point knows
	funcPtr                // a static function: index is its PC
	btfPtr                 // a structure of the kernel: index is its ktypes.ID, frame how far it can be relied on
	slicePtr               // the same as memPtr: what a dynamic pointer names; rng is the id of that one
	iterSlot               // a slot of an iterator: see iter.go
	dynptrSlot             // a slot of a dynamic pointer: see dynptr.go
	dynptrPtr              // a dynamic pointer that cannot be changed
	numKinds
)

var kindNames = [...]string{"?", "scalar", "ctx", "fp", "pkt", "pkt_meta", "pkt_end", "map_ptr", "map_value", "map_key",
	"ptr", "mem", "ringbuf_mem", "flow_keys", "tp_buffer", "func", "struct_ptr", "slice", "iter", "dynptr", "dynptr_ptr"}

var objectNames = [...]string{abi.SockCommon: "sock_common", abi.Socket: "sock", abi.TCPSock: "tcp_sock", abi.XDPSock: "xdp_sock", abi.SockStruct: "ptr_sock"}

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
// gives all of them their range. For other pointers: they are to the same
// object; of those that may be null, all are null or none is.
//
// A pointer with ref other than 0 is good as long as the reference of that
// number is held (state.refs).
type reg[E comparable] struct {
	kind  kind
	null  bool   // the pointer may be 0 instead
	frame uint8  // of stackPtr: index of the frame; of btfPtr and blocks of memory: flags, see btf.go
	index int32  // of mapPtr, mapValue and mapKey: index in Program.Maps, or ^index for that map's inner one; else see kind
	id    uint32 // 0 is no link
	ref   uint32 // of pointers: the reference they live by
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
	name := kindNames[r.kind]
	if r.kind == objPtr {
		name = objectNames[r.index]
	}
	switch r.kind {
	case btfPtr:
		name = btfName(r.frame)
	case slicePtr:
		name = "mem"
	}
	if r.null {
		return name + "_or_null"
	}
	return name
}

// origin tells apart what an instruction must not access alternately: the
// kernel gives an instruction one meaning, by the kind of pointer.
func (r *reg[E]) origin() int16 {
	if r.kind == objPtr {
		return int16(r.kind) + int16(r.index)<<8
	}
	return int16(r.kind)
}

// rewritten reports that the kernel replaces accesses through such a pointer by
// others.
func rewritten(origin int16) bool {
	k := kind(origin)
	return k == ctxPtr || k == objPtr || k == btfPtr
}

// specOf returns the map that a register refers to.
func specOf[E comparable](p *ir.Program, r *reg[E]) *ir.MapSpec {
	return p.MapAt(r.index)
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
	if r.ref != 0 {
		add("ref_obj_id=%d", r.ref)
	}
	switch r.kind {
	case mapPtr, mapValue, mapKey:
		add("map=%d", r.index)
	case memPtr, recordPtr, slicePtr:
		add("sz=%d", r.index)
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
