package runtime

import (
	"encoding/binary"
	"fmt"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/runtime/helpers"
	"github.com/bpfproof/bpfproof/runtime/mem"
)

// Sizes in bytes of a packet's surroundings, as BPF_PROG_TEST_RUN of Linux
// 6.18 sets them up for XDP on a machine with pages of 4 KiB.
const (
	Headroom  = 256        // before the packet
	frameRoom = 4096 - 320 // headroom, packet and tailroom together
	xdpFrame  = 40         // first bytes of the headroom, which stay the system's
	ethHeader = 14         // least packet that adjusting may leave
	mostMeta  = 255        // bytes of metadata before a packet (xdp_metalen_invalid)
)

// MaxData is the greatest packet or memory a run takes, in bytes.
const MaxData = 1 << 24

// form is how programs of a type see their input.
type form uint8

const (
	rawForm    form = iota // r1 = memory, r2 = its length
	flatForm               // r1 = context without pointers
	packetForm             // r1 = context that points to a packet
)

// Frame is the context and packet of one run, outside the Go heap and below
// 4 GiB. It is reused from run to run and not safe for concurrent use.
type Frame struct {
	form   form
	layout *abi.Context // nil in raw form
	ctx    *mem.Block   // nil in raw form
	data   *mem.Block
	link   int    // bytes of link header that programs of the type do not see
	hidden int    // bytes of this packet that are before what the program sees
	head   int    // bytes before the packet's first place
	room   int    // bytes from there to the end of the block
	start  uint64 // address of the packet or memory
	end    uint64 // behind its last byte
	hard   uint64 // where the packet's end may grow to
	meta   uint64 // first byte of the metadata, which ends at start
	low    uint64 // the least that meta was with this packet
	fields fields
	buffer *buffer // nil unless programs see a socket buffer
}

// fields holds the offsets in the context of the pointers to the packet and of
// its length, -1 where the context has none such.
type fields struct{ data, end, meta, len int }

var _ helpers.Packet = (*Frame)(nil)

// NewFrame returns a frame for programs of type t. Types of package ir/abi's
// table of contexts get a context; unspec and socket_filter get plain memory,
// as the conformance suite runs them; others are an error. The caller frees
// the frame.
func NewFrame(t ir.ProgType) (*Frame, error) {
	f := &Frame{fields: fields{-1, -1, -1, -1}, head: Headroom}
	layout, ok := abi.LookupContext(t)
	switch {
	case ok:
		f.layout, f.form, f.link = layout, flatForm, hiddenLink(t)
		f.findFields()
		ctx, err := mem.AllocLow(layout.Size)
		if err != nil {
			return nil, fmt.Errorf("runtime: make frame: %w", err)
		}
		f.ctx = ctx
		if layout.Name == skb {
			f.buffer = newBuffer(f)
			f.buffer.stream = t == ir.SkSKB
		}
	case t != ir.Unspec && t != ir.SocketFilter:
		return nil, fmt.Errorf("runtime: make frame: programs of type %v have no context here", t)
	}
	least := frameRoom - Headroom
	if f.buffer != nil {
		f.head, least = bufferHeadroom, helpers.MaxBuffer
	}
	if err := f.grow(least); err != nil {
		f.Free()
		return nil, err
	}
	return f, nil
}

// hiddenLink returns how many bytes of link header a test run pulls before it
// runs a program of type t: some types see a socket buffer from its network
// header (is_l2 of bpf_prog_test_run_skb).
func hiddenLink(t ir.ProgType) int {
	switch t {
	case ir.SocketFilter, ir.CgroupSKB, ir.LWTIn, ir.LWTOut, ir.LWTXmit:
		return ethHeader
	}
	return 0
}

// skb is the context of programs that see a socket buffer.
const skb = "__sk_buff"

func (f *Frame) findFields() {
	for _, x := range f.layout.Fields {
		switch x.Kind {
		case abi.PacketPtr:
			f.fields.data, f.form = x.Off, packetForm
		case abi.PacketEnd:
			f.fields.end = x.Off
		case abi.PacketMeta:
			f.fields.meta = x.Off
		}
		if x.Name == "len" && f.layout.Name == skb {
			f.fields.len = x.Off
		}
	}
}

// first returns where data lies before any adjustment.
func (f *Frame) first() uint64 { return f.data.Addr() + uint64(f.head) }

// grow makes room for n bytes of data.
func (f *Frame) grow(n int) error {
	if n <= f.room {
		return nil
	}
	b, err := mem.AllocLow(f.head + n)
	if err != nil {
		return fmt.Errorf("runtime: make room for %d bytes: %w", n, err)
	}
	if f.data != nil {
		f.data.Free()
	}
	f.data, f.room = b, n
	f.start, f.end, f.low = f.first(), f.first(), f.first()
	return nil
}

// Set prepares the frame for an input. Data longer than MaxData and a context
// that does not fit the program's type are errors.
func (f *Frame) Set(in Input) error {
	if err := f.setCtx(in); err != nil {
		return err
	}
	return f.SetData(in.Data)
}

// loopback is the number of the device that a test run of the kernel shows
// where the caller gives no context.
const loopback = 1

func (f *Frame) setCtx(in Input) error {
	if f.layout == nil {
		if len(in.Ctx) > 0 {
			return fmt.Errorf("runtime: set context: programs without a context take none, got %d bytes", len(in.Ctx))
		}
		return nil
	}
	if len(in.Ctx) > f.layout.Size {
		return fmt.Errorf("runtime: set context: %s has %d bytes, got %d", f.layout.Name, f.layout.Size, len(in.Ctx))
	}
	ctx := f.ctx.Bytes()
	clear(ctx)
	copy(ctx, in.Ctx)
	if f.form != packetForm {
		return nil
	}
	if in.Ctx == nil && f.buffer == nil {
		for _, x := range f.layout.Fields {
			if x.Name == "ingress_ifindex" {
				binary.NativeEndian.PutUint32(ctx[x.Off:], loopback)
			}
		}
	}
	if in.Ctx == nil {
		return nil
	}
	return f.checkOffsets(ctx, len(in.Data))
}

// checkOffsets refuses pointers of a caller's context that ask for metadata or
// for another packet than the input's.
func (f *Frame) checkOffsets(ctx []byte, size int) error {
	get := func(off int) int {
		if off < 0 {
			return 0
		}
		return int(binary.NativeEndian.Uint32(ctx[off:]))
	}
	switch data, end, meta := get(f.fields.data), get(f.fields.end), get(f.fields.meta); {
	case data != 0 || meta != 0:
		return fmt.Errorf("runtime: set context: %s: metadata before the packet is not supported: data=%d data_meta=%d", f.layout.Name, data, meta)
	case end != 0 && end != size:
		return fmt.Errorf("runtime: set context: %s: data_end=%d, but the packet has %d bytes", f.layout.Name, end, size)
	}
	return nil
}

// SetData puts another packet or memory into the frame and leaves the rest of
// the context as it is. The packet's bounds are as at the start of a run.
func (f *Frame) SetData(data []byte) error {
	if len(data) > MaxData {
		return fmt.Errorf("runtime: set data: %d bytes are more than %d", len(data), MaxData)
	}
	if err := f.grow(len(data)); err != nil {
		return err
	}
	f.hidden = min(f.link, len(data)) // a packet without all of a link header is nothing else
	f.start = f.first() + uint64(f.hidden)
	f.end = f.first() + uint64(len(data))
	f.hard = max(f.end, f.data.Addr()+frameRoom)
	if f.low < f.first() { // what one run wrote there is not for the next
		clear(mem.View(f.low, int(f.first()-f.low)))
	}
	f.meta, f.low = f.start, f.start
	copy(mem.View(f.first(), len(data)), data)
	f.point()
	if f.buffer != nil {
		f.buffer.reset()
	}
	return nil
}

// point writes the packet's bounds to the context.
func (f *Frame) point() {
	if f.form == rawForm {
		return
	}
	put := func(off int, x uint64) {
		if off >= 0 {
			mem.Store32(f.ctx.Addr()+uint64(off), x)
		}
	}
	put(f.fields.data, f.start)
	put(f.fields.end, f.end)
	put(f.fields.meta, f.meta)
	put(f.fields.len, f.end-f.start)
}

// Args returns what r1 and r2 hold at entry.
func (f *Frame) Args() (r1, r2 uint64) {
	if f.form == rawForm {
		return f.start, f.end - f.start
	}
	return f.ctx.Addr(), 0
}

// Bounds returns the packet or memory as it is now: its first address and the
// one behind its last.
func (f *Frame) Bounds() (start, end uint64) { return f.start, f.end }

// Meta returns the address of the metadata before the packet, which ends where
// the packet begins.
func (f *Frame) Meta() uint64 { return f.meta }

// Headers returns the addresses of the packet's link and network headers.
func (f *Frame) Headers() (link, network uint64) {
	if f.buffer != nil {
		m := &f.buffer.marks
		return f.start + uint64(int64(m.Link)), f.start + uint64(int64(m.Network))
	}
	return f.first(), f.first() + ethHeader
}

// Buffer returns the packet as a socket buffer, nil unless programs see one.
func (f *Frame) Buffer() helpers.Buffer {
	if f.buffer == nil {
		return nil
	}
	return f.buffer
}

// Context returns the context's address and layout; 0 and nil if the program
// has none.
func (f *Frame) Context() (addr uint64, layout *abi.Context) {
	if f.layout == nil {
		return 0, nil
	}
	return f.ctx.Addr(), f.layout
}

// Writable reports whether the program may write its packet or memory.
func (f *Frame) Writable() bool { return f.form == rawForm || f.layout.PacketWritable }

// Data returns a copy of the packet or memory, behind its metadata. A link
// header that the program did not see is zero, as after a test run of the kernel.
func (f *Frame) Data() []byte { return f.from(f.meta) }

// Packet is Data without the metadata.
func (f *Frame) Packet() []byte { return f.from(f.start) }

func (f *Frame) from(start uint64) []byte {
	return append(make([]byte, f.hidden), mem.View(start, int(f.end-start))...)
}

// Ctx returns a copy of the context, with packet pointers as offsets from the
// first byte that the program may reach; nil if the program has none.
func (f *Frame) Ctx() []byte {
	if f.layout == nil {
		return nil
	}
	ctx := append([]byte{}, f.ctx.Bytes()...)
	put := func(off int, x uint64) {
		if off >= 0 {
			binary.NativeEndian.PutUint32(ctx[off:], uint32(x))
		}
	}
	if f.form == packetForm {
		put(f.fields.data, f.start-f.meta)
		put(f.fields.end, f.end-f.meta)
		put(f.fields.meta, 0)
	}
	return ctx
}

// Free gives the frame's memory back. Further calls do nothing.
func (f *Frame) Free() {
	if f.ctx != nil {
		f.ctx.Free()
	}
	if f.data != nil {
		f.data.Free()
	}
}
