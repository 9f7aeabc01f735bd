package abi

import "github.com/bpfproof/bpfproof/ir"

// FieldKind is what a context field holds.
type FieldKind uint8

// The kinds of context fields.
const (
	Scalar     FieldKind = iota
	PacketPtr            // first byte of the packet
	PacketEnd            // first byte behind the packet
	PacketMeta           // first byte of the metadata before the packet
)

// Field is one field of a context as the program sees it. Pointer fields are
// 32 bits wide there and hold whole addresses: the runtime keeps packets below
// 4 GiB, so a context is read as it lies in memory and no load is rewritten.
type Field struct {
	Name     string
	Off      int
	Size     int // bytes
	Kind     FieldKind
	Writable bool
	Narrow   bool // parts of it may be read
}

// Context is the layout of the memory that r1 points to at entry.
type Context struct {
	Name   string // the uapi structure
	Size   int    // bytes
	Fields []Field
	Flat   bool // any aligned in-bounds scalar access is allowed, Fields apart
	// PacketWritable reports that the program may write packet bytes.
	PacketWritable bool
	// RetMin and RetMax bound the program's result.
	RetMin, RetMax int64
}

// Any return value.
const (
	retMin = -1 << 63
	retMax = 1<<63 - 1
)

var contexts = map[ir.ProgType]*Context{
	ir.XDP: {Name: "xdp_md", Size: 24, PacketWritable: true, RetMin: retMin, RetMax: retMax, Fields: []Field{
		{Name: "data", Off: 0, Size: 4, Kind: PacketPtr},
		{Name: "data_end", Off: 4, Size: 4, Kind: PacketEnd},
		{Name: "data_meta", Off: 8, Size: 4, Kind: PacketMeta},
		{Name: "ingress_ifindex", Off: 12, Size: 4},
		{Name: "rx_queue_index", Off: 16, Size: 4},
		{Name: "egress_ifindex", Off: 20, Size: 4},
	}},
}

// LookupContext returns the context layout of a program type; ok is false if
// it is not in the table.
func LookupContext(t ir.ProgType) (c *Context, ok bool) {
	c, ok = contexts[t]
	return c, ok
}

// Field returns the field that covers [off, off+size), or nil.
func (c *Context) Field(off, size int) *Field {
	for i := range c.Fields {
		if f := &c.Fields[i]; off >= f.Off && off+size <= f.Off+f.Size {
			return f
		}
	}
	return nil
}

// The results of an XDP program (enum xdp_action).
const (
	XDPAborted  = 0
	XDPDrop     = 1
	XDPPass     = 2
	XDPTX       = 3
	XDPRedirect = 4
)
