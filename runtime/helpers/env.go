package helpers

import (
	"fmt"
	"io"
	"math/bits"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/runtime/maps"
	"github.com/bpfproof/bpfproof/runtime/mem"
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

// Surroundings are what a program finds around it that in the kernel is the
// system's: a program that a tail call leads to finds the same. The zero value is
// the root of everything.
type Surroundings struct {
	Cgroup  uint64            // the simulated cgroup that get_local_storage serves
	Class   uint32            // net_cls class of the simulated task, of get_cgroup_classid
	Stack   []uint64          // the simulated call stack that get_stackid captures, innermost first
	Task    Task              // that runs the program, as far as it can ask
	Options map[SockOpt]int32 // of the simulated socket; what is not there is 0
	Sysctl  Sysctl

	// Network has the devices and routes of the simulated network; nil: there is
	// the loopback alone.
	Network  Network
	Sockets  *Sockets // that programs look up; nil: there are none
	Socket   *Socket  // that the program is called for, where its hook has one
	Assigned *Socket  // that a program chose for the packet
	Device   uint32   // number of the device that the packet is at; 0: the loopback
	// Redirect is what the last redirect helper of a run chose. It means something
	// where the program returned XDP_REDIRECT or TC_ACT_REDIRECT.
	Redirect Redirect
}

// Env is the environment of one run at a time. The engine that owns it fills
// the exported fields before the first run.
type Env struct {
	Memory Memory
	// Proved says that the program was verified: addresses that it gives to
	// helpers are good, and Memory is all of the process's. Helpers then reach keys
	// and values without Memory.
	Proved bool
	Packet Packet    // nil if the program's type has no packet to adjust
	Clock  Clock     // nil: the machine's
	Trace  io.Writer // sink of trace_printk; nil discards
	CPU    uint32    // what get_smp_processor_id returns, and whose values per-CPU maps give
	Random uint64    // state of get_prandom_u32

	// Later returns what calls a function of the program when a timer fires; fn is
	// what a register holds. nil: the engine has no timers.
	Later func(fn uint64) (call func(Fire), err error)
	Own   *maps.Timer // in whose call this run is, or nil

	Surroundings

	slots   []*slot // open addressing by handle; a power of two, never full
	none    slot
	shift   uint // 64 - log2(len(slots))
	outers  []maps.Outer
	rings   []*maps.RingBuf
	records []record   // reserved and not yet given back
	lock    uint64     // address of the bpf_spin_lock that the run holds, or 0
	drains  []*Drain   // calls of user_ringbuf_drain under way
	lent    *mem.Block // dynptrs that their functions get
	readers []*maps.Reader
	piece   [64]byte // of a string that is being read
}

// slot is a map of the program, and what helpers ask of it often.
type slot struct {
	handle uint64
	m      maps.Map
	key    int         // size of a key in bytes
	cpu    maps.PerCPU // nil if the kind is not per CPU

	// What proved programs go by; nil or 0 where the kind is another one.
	hash  *maps.Hash
	plain bool
	ring  *maps.RingBuf
}

func slotOf(m maps.Map) *slot {
	s := &slot{handle: m.Handle(), m: m, key: int(m.Spec().KeySize)}
	s.cpu, _ = maps.AsPerCPU(m)
	s.hash = maps.AsHash(m)
	s.plain = s.hash != nil && s.hash.Plain()
	s.ring, _ = m.(*maps.RingBuf)
	return s
}

// quick returns the slot of a map of a proved program where the first place
// looked at has it, else one that says nothing.
func (e *Env) quick(handle uint64) *slot {
	if s := e.slots[e.place(handle)&uint64(len(e.slots)-1)]; s != nil && s.handle == handle && e.Proved {
		return s
	}
	return &e.none
}

// NewEnv returns an environment whose programs may use the given maps. The
// caller sets Memory at least, and calls Close when done. Random starts from
// a constant, so that runs repeat.
func NewEnv(ms []maps.Map) *Env {
	size := 1 << bits.Len(uint(2*len(ms)))
	e := &Env{slots: make([]*slot, size), shift: uint(64 - bits.TrailingZeros(uint(size))), Random: 1}
	seen := map[*maps.Epochs]bool{}
	for _, m := range ms {
		e.bind(m)
		if r, ok := m.(maps.Reclaimer); ok && !seen[r.Epochs()] {
			seen[r.Epochs()] = true
			e.readers = append(e.readers, r.Epochs().Join())
		}
		switch m := m.(type) {
		case maps.Outer:
			e.outers = append(e.outers, m)
		case *maps.RingBuf:
			e.rings = append(e.rings, m)
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
		switch {
		case e.slots[i] == nil:
			e.slots[i] = slotOf(m)
			return
		case e.slots[i].handle == m.Handle():
			return // a program may refer to a map twice
		}
	}
}

// Map returns the map with the given handle, or an error if the program has
// none such. 0 is no handle.
func (e *Env) Map(handle uint64) (maps.Map, error) {
	s, err := e.find(handle)
	if err != nil {
		return nil, err
	}
	return s.m, nil
}

// find returns what is known of the map with the given handle: one of the
// program's, or one that the run looked up in a map of maps.
func (e *Env) find(handle uint64) (*slot, error) {
	mask := uint64(len(e.slots) - 1)
	for i := e.place(handle) & mask; e.slots[i] != nil; i = (i + 1) & mask {
		if e.slots[i].handle == handle {
			return e.slots[i], nil
		}
	}
	for _, o := range e.outers {
		if m := o.Inner(handle); m != nil {
			return slotOf(m), nil
		}
	}
	return nil, fmt.Errorf("helpers: find map: %#x is no map of the program", handle)
}

// Value returns the address of the value of a key, on the environment's
// processor where the map is per CPU; 0 if there is none.
func (e *Env) Value(m maps.Map, key []byte) uint64 {
	if p, ok := maps.AsPerCPU(m); ok {
		return p.LookupCPU(key, e.CPU)
	}
	return m.LookupAddr(key)
}

// Walkable reports whether for_each_map_elem takes the map: arrays and hash
// tables (map_for_each_callback in kernel/bpf of Linux 6.18).
func Walkable(m maps.Map) bool {
	switch m.Spec().Type {
	case ir.Array, ir.PerCPUArray, ir.Hash, ir.PerCPUHash, ir.LRUHash, ir.LRUPerCPUHash:
		return true
	}
	return false
}

// Reach returns the piece of memory around the n bytes at addr that the run got
// from helpers and that belongs to none of the program's maps: a ring buffer
// record that it reserved, or a value of a map in a map. Interpreters ask.
func (e *Env) Reach(addr, n uint64) (start, size uint64, writable, ok bool) {
	for _, r := range e.records {
		if off := addr - r.addr; off < r.size && n <= r.size-off {
			return r.addr, r.size, true, true
		}
	}
	if start, size, ok := e.Sockets.at(addr, n); ok {
		return start, size, false, true
	}
	for _, d := range e.drains {
		if r := d.record; addr-r.addr < r.size && n <= r.size-(addr-r.addr) {
			return r.addr, r.size, true, true
		}
	}
	for _, o := range e.outers {
		for _, m := range o.Inners() {
			if r := m.Region(); r.Contains(addr, n) {
				return addr - (addr-r.Base)%r.Stride, r.Value, !r.ReadOnly, true
			}
		}
	}
	return 0, 0, false, false
}

// Enter begins a run: values that it looks up stay in place until Exit. Runs
// do not nest. Without a map that frees elements it does nothing.
func (e *Env) Enter() {
	e.Begin()
	for _, r := range e.readers {
		r.Enter()
	}
}

// Begin is what Enter does beside entering the epochs of maps, for engines that
// enter and leave those themselves.
func (e *Env) Begin() {
	if e.Redirect.Map != nil || e.Redirect.Socket != nil || e.Redirect.Flags|uint64(e.Redirect.Index) != 0 {
		e.Redirect = Redirect{}
	}
	if e.Assigned != nil {
		e.Assigned = nil
	}
}

// End is what Exit does beside leaving the epochs of maps.
func (e *Env) End() {
	if e.lock != 0 || len(e.records) > 0 || len(e.drains) > 0 {
		e.giveBack()
	}
}

// Readers returns the environment's places in the epochs of its maps.
func (e *Env) Readers() []*maps.Reader { return e.readers }

// Exit ends a run. What a run that failed still holds is given back: locks, and
// records of ring buffers, which are discarded.
func (e *Env) Exit() {
	e.End()
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
	if e.lent != nil {
		e.lent.Free()
		e.lent = nil
	}
}
