package maps

import (
	"sync"
	"sync/atomic"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/runtime/mem"
)

// core is what maps of every kind have: what they were made from, memory whose
// first address is the handle, and who keeps that memory.
//
// The memory is kept by the application, until it closes the map, and by maps
// that hold the map as an element. The application's operations hold mu for
// reading against Close; programs need not, because their runs end before
// Close, or enter the epochs that a map of maps waits for.
type core struct {
	spec   *ir.MapSpec
	block  *mem.Block
	frozen atomic.Bool
	file   *pinned // nil: memory of this process
	timers *Timers // in its values

	mu      sync.RWMutex
	closed  bool
	keepers atomic.Int64 // beside the application

	// The application reads without a lock: shut is closed for those, and late says
	// that the addresses stay mapped until nobody can reach the map any more.
	shut atomic.Bool
	late bool

	pause func() // nil, save in tests: called where others may see a step half done
}

// yield lets a test run others between two steps.
func (c *core) yield() {
	if c.pause != nil {
		c.pause()
	}
}

func newCore(spec *ir.MapSpec, bytes uint64) (core, error) {
	return newCoreIn(nil, spec, bytes)
}

// newCoreIn takes the memory from a pinned file, unless that is nil.
func newCoreIn(f *pinned, spec *ir.MapSpec, bytes uint64) (c core, err error) {
	var b *mem.Block
	if f == nil {
		b, err = mem.Alloc(int(headerBytes + bytes))
	} else {
		b, err = f.alloc(int(headerBytes + bytes))
	}
	return core{spec: spec, block: b, file: f, timers: &Timers{}}, err
}

// start returns the address behind the header.
func (c *core) start() uint64 { return c.block.Addr() + headerBytes }

func (c *core) Spec() *ir.MapSpec { return c.spec }

func (c *core) Handle() uint64 { return c.block.Addr() }

func (c *core) Freeze() {
	if c.frozen.CompareAndSwap(false, true) {
		c.file.freeze()
	}
}

// enter begins an operation of the application, which ends with leave.
func (c *core) enter() error {
	c.mu.RLock()
	if c.closed {
		c.mu.RUnlock()
		return ErrClosed
	}
	return nil
}

func (c *core) leave() { c.mu.RUnlock() }

// enterWrite is enter for a write, which a frozen map refuses.
func (c *core) enterWrite() error {
	if c.frozen.Load() {
		return ErrPermission
	}
	return c.enter()
}

// Close ends the application's use of the map. The memory goes when nobody
// keeps it.
func (c *core) Close() error {
	c.timers.stop()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.closed = true
		c.shut.Store(true)
		c.drop()
	}
	return nil
}

// keep adds a keeper; drop takes one away.
func (c *core) keep() { c.keepers.Add(1) }

func (c *core) drop() {
	if c.keepers.Add(-1) >= 0 {
		return
	}
	if c.late {
		c.block.Discard() // the collector's cleanup unmaps it
	} else {
		c.block.Free()
	}
	c.file.close()
}
