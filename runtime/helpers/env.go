package helpers

import (
	"fmt"
	"io"
	"math/bits"

	"github.com/bpfproof/bpfproof/runtime/maps"
)

// Memory is the memory a program may reach, by host address. The slices are
// views: writing to one writes the program's memory. They are valid until the
// helper returns. An error names the address and why it is refused.
type Memory interface {
	// Read returns the n bytes at addr, which the caller only reads.
	Read(addr uint64, n int) ([]byte, error)
	// Write returns the n bytes at addr, which the caller may write.
	Write(addr uint64, n int) ([]byte, error)
}

// Packet is the packet of a run whose bounds helpers may move. Results are 0
// or a negative errno. delta is in bytes.
type Packet interface {
	// AdjustHead moves the packet's start, later if delta > 0.
	AdjustHead(delta int32) int64
	// AdjustTail moves the packet's end, later if delta > 0.
	AdjustTail(delta int32) int64
}

// Clock gives the times that programs read, in nanoseconds.
type Clock interface {
	Monotonic() uint64 // since some point in the past, not counting suspend
	Boot() uint64      // since boot, counting suspend
}

// Env is the environment of one run at a time. The engine that owns it fills
// the exported fields before the first run.
type Env struct {
	Memory Memory
	Packet Packet    // nil if the program's type has no packet to adjust
	Clock  Clock     // nil: the machine's
	Trace  io.Writer // sink of trace_printk; nil discards
	CPU    uint32    // what get_smp_processor_id returns
	Random uint64    // state of get_prandom_u32

	slots   []slot // open addressing by handle; a power of two, never full
	shift   uint   // 64 - log2(len(slots))
	readers []*maps.Reader
}

type slot struct {
	handle uint64
	m      maps.Map
}

// NewEnv returns an environment whose programs may use the given maps. The
// caller sets Memory at least, and calls Close when done. Random starts from
// a constant, so that runs repeat.
func NewEnv(ms []maps.Map) *Env {
	size := 1 << bits.Len(uint(2*len(ms)))
	e := &Env{slots: make([]slot, size), shift: uint(64 - bits.TrailingZeros(uint(size))), Random: 1}
	seen := map[*maps.Epochs]bool{}
	for _, m := range ms {
		e.bind(m)
		if r, ok := m.(maps.Reclaimer); ok && !seen[r.Epochs()] {
			seen[r.Epochs()] = true
			e.readers = append(e.readers, r.Epochs().Join())
		}
	}
	return e
}

// place returns where the search for a handle begins. Handles are addresses of
// pages: multiplying spreads their middle bits to the top.
func (e *Env) place(handle uint64) uint64 { return (handle * 0x9e3779b97f4a7c15) >> e.shift }

func (e *Env) bind(m maps.Map) {
	mask := uint64(len(e.slots) - 1)
	for i := e.place(m.Handle()) & mask; ; i = (i + 1) & mask {
		switch e.slots[i].handle {
		case 0:
			e.slots[i] = slot{m.Handle(), m}
			return
		case m.Handle():
			return // a program may refer to a map twice
		}
	}
}

// Map returns the map with the given handle, or an error if the program has
// none such. 0 is no handle.
func (e *Env) Map(handle uint64) (maps.Map, error) {
	mask := uint64(len(e.slots) - 1)
	for i := e.place(handle) & mask; e.slots[i].handle != 0; i = (i + 1) & mask {
		if e.slots[i].handle == handle {
			return e.slots[i].m, nil
		}
	}
	return nil, fmt.Errorf("helpers: find map: %#x is no map of the program", handle)
}

// Enter begins a run: values that it looks up stay in place until Exit. Runs
// do not nest. Without a map that frees elements it does nothing.
func (e *Env) Enter() {
	for _, r := range e.readers {
		r.Enter()
	}
}

// Exit ends a run.
func (e *Env) Exit() {
	for _, r := range e.readers {
		r.Exit()
	}
}

// Close gives back the environment's places in the maps' epochs. The maps stay
// open. Further calls do nothing.
func (e *Env) Close() {
	for _, r := range e.readers {
		r.Leave()
	}
	e.readers = nil
}
