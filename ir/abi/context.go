package abi

import (
	"slices"

	"github.com/bpfproof/bpfproof/ir"
)

// FieldKind is what a field holds.
type FieldKind uint8

// The kinds of fields. Packet pointers are first bytes, or the first byte
// behind. Sockets are pointers to the objects of [LookupObject].
const (
	Scalar           FieldKind = iota
	PacketPtr                  // first byte of the packet
	PacketEnd                  // first byte behind the packet
	PacketMeta                 // first byte of the metadata before the packet
	SocketPtr                  // a full socket
	SocketOrNull               // the same, or 0
	SockCommonOrNull           // a socket of any state, or 0
	FlowKeysPtr                // what the flow dissector fills in
	BufferPtr                  // memory of a size that the attach point knows
	Object                     // a kernel object that is not in these tables
)

// Field is one field of a context as the program sees it. Pointer fields of 32
// bits hold whole addresses: the runtime keeps packets below 4 GiB, so a
// context is read as it lies in memory and no load is rewritten.
type Field struct {
	Name     string
	Off      int
	Size     int // bytes
	Unit     int // size of an access in bytes; 0 means Size
	Kind     FieldKind
	Writable bool
	Narrow   bool // aligned parts of a unit may be read
	Part     int  // where such reads begin, they begin before this offset in the field; 0 means anywhere
	Least    int  // bytes of the smallest such read; 0 means 1
	Wide     bool // two units at an aligned address may be accessed at once
	Free     bool // aligned parts of any size may be read, and written if Writable
}

// Allows reports whether an aligned access of size bytes at off, which lies in
// the field, may be made.
func (f *Field) Allows(off, size int, write bool) bool {
	unit := f.Unit
	if unit == 0 {
		unit = f.Size
	}
	switch {
	case write && !f.Writable:
		return false
	case f.Free || size == unit && (off-f.Off)%unit == 0:
		return true
	case size > unit:
		return f.Wide && size == 8
	}
	return f.Narrow && !write && size >= f.Least && (f.Part == 0 || off-f.Off < f.Part)
}

// Context is the layout of the memory that r1 points to at entry, or of a
// kernel object that programs may read.
type Context struct {
	Name   string // the uapi structure
	Size   int    // bytes
	Fields []Field
	// Flat reports that any aligned scalar may be read from offset FlatFrom on,
	// Fields apart, and written if FlatWritable.
	Flat         bool
	FlatFrom     int
	FlatWritable bool
	// FlatUnit is the size of such an access in bytes; 0 means any.
	FlatUnit int
	// PacketWritable reports that the program may write packet bytes.
	PacketWritable bool
	// Offsets reports that the context may be accessed through a pointer that
	// was moved (syscall programs).
	Offsets bool
	// RetMin and RetMax bound the program's result.
	RetMin, RetMax int64
}

// Any return value.
const (
	retMin = -1 << 63
	retMax = 1<<63 - 1
)

// contextRow gives the context of a program type, for the attach types that it
// lists, or for all that no row before it names.
type contextRow struct {
	prog   ir.ProgType
	attach []AttachType
	ctx    *Context
}

// LookupContext returns the context layout of a program type where it is
// loaded for the type's first attach point, for those who make contexts: ok is
// false if the type is not in the table, or if a context of its kind takes more
// than numbers to read and a packet below 4 GiB; see [ContextFor].
func LookupContext(t ir.ProgType) (c *Context, ok bool) {
	for i := range contexts {
		if contexts[i].prog == t {
			return contexts[i].ctx, contexts[i].ctx.plain()
		}
	}
	return nil, false
}

// plain reports that the context has no pointers but to the packet, in 32 bits,
// and such as may be 0.
func (c *Context) plain() bool {
	if c.FlatWritable {
		return false
	}
	for _, f := range c.Fields {
		switch f.Kind {
		case Scalar, SocketOrNull, SockCommonOrNull:
		case PacketPtr, PacketEnd, PacketMeta:
			if f.Size != 4 {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// ContextFor returns the context layout of a program type loaded for an attach
// type. known is false if the type is not in the table, ok is false if programs
// of this type cannot be loaded for it (bpf_prog_load_check_attach in
// kernel/bpf/syscall.c).
func ContextFor(t ir.ProgType, a AttachType) (c *Context, known, ok bool) {
	for i := range contexts {
		row := &contexts[i]
		if row.prog != t {
			continue
		}
		known = true
		if row.attach == nil || slices.Contains(row.attach, a) {
			return row.ctx, true, true
		}
	}
	return nil, known, false
}

// Bounded reports that the program may not return every number.
func (c *Context) Bounded() bool { return c.RetMin != retMin || c.RetMax != retMax }

// Field returns the field that covers [off, off+size), or nil.
func (c *Context) Field(off, size int) *Field {
	for i := range c.Fields {
		if f := &c.Fields[i]; off >= f.Off && off+size <= f.Off+f.Size {
			return f
		}
	}
	return nil
}

// Allows reports whether an access of size bytes at off may be made, and gives
// the field it is to; nil for a flat one.
func (c *Context) Allows(off, size int, write bool) (f *Field, ok bool) {
	if off < 0 || off+size > c.Size || off%size != 0 {
		return nil, false
	}
	if f = c.Field(off, size); f != nil {
		return f, f.Allows(off, size, write)
	}
	flat := c.Flat && off >= c.FlatFrom && (c.FlatUnit == 0 || c.FlatUnit == size)
	return nil, flat && (!write || c.FlatWritable)
}

// The results of an XDP program (enum xdp_action).
const (
	XDPAborted  = 0
	XDPDrop     = 1
	XDPPass     = 2
	XDPTX       = 3
	XDPRedirect = 4
)
