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
	Object               // a kernel object, such as a socket; or null
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
	Free     bool // aligned parts of any size may be read, and written if Writable
}

// Context is the layout of the memory that r1 points to at entry.
type Context struct {
	Name   string // the uapi structure
	Size   int    // bytes
	Fields []Field
	// Flat reports that any aligned scalar may be read from offset FlatFrom on,
	// Fields apart.
	Flat     bool
	FlatFrom int
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
	ir.SocketFilter: skb(false, retMin, retMax, "cb",
		"tc_classid data data_meta data_end tstamp wire_len hwtstamp tstamp_type "+endpoints),
	ir.SchedCLS:      skb(true, retMin, retMax, "mark tc_index priority tc_classid cb tstamp queue_mapping", endpoints),
	ir.SchedACT:      skb(true, retMin, retMax, "mark tc_index priority tc_classid cb tstamp queue_mapping", endpoints),
	ir.CgroupSKB:     skb(false, 0, 1, "mark priority cb tstamp", "tc_classid data_meta wire_len tstamp_type"),
	ir.LWTIn:         skb(false, retMin, retMax, "mark priority cb", lwtHidden),
	ir.LWTOut:        skb(false, retMin, retMax, "mark priority cb", lwtHidden),
	ir.LWTXmit:       skb(true, retMin, retMax, "mark priority cb", lwtHidden),
	ir.SkSKB:         skb(true, retMin, retMax, "tc_index priority", "tc_classid data_meta mark tstamp wire_len hwtstamp tstamp_type"),
	ir.Tracepoint:    {Name: "trace_entry", Size: 8192, Flat: true, FlatFrom: 8, RetMin: retMin, RetMax: retMax},
	ir.Kprobe:        {Name: "pt_regs", Size: 168, Flat: true, RetMin: retMin, RetMax: retMax},
	ir.RawTracepoint: {Name: "bpf_raw_tracepoint_args", Size: 96, Flat: true, RetMin: retMin, RetMax: retMax},
}

// LookupContext returns the context layout of a program type; ok is false if
// it is not in the table.
func LookupContext(t ir.ProgType) (c *Context, ok bool) {
	c, ok = contexts[t]
	return c, ok
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

// The results of an XDP program (enum xdp_action).
const (
	XDPAborted  = 0
	XDPDrop     = 1
	XDPPass     = 2
	XDPTX       = 3
	XDPRedirect = 4
)
