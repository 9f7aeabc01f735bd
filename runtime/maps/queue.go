package maps

import (
	"fmt"
	"sync"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/runtime/mem"
)

// queue is a map of kind QUEUE or STACK: a ring of values under a lock, as in
// kernel/bpf/queue_stack_maps.c of Linux 6.18. Programs get copies, so nothing
// of it needs epochs.
type queue struct {
	core
	keyless
	stack  bool
	stride uint64

	ring  sync.Mutex
	first uint32 // place of the oldest value
	count uint32
}

func newQueue(spec *ir.MapSpec) (*queue, error) {
	m := &queue{stack: spec.Type == ir.Stack, stride: pad8(spec.ValueSize)}
	m.keyless = keyless{spec}
	var err error
	m.core, err = newCore(spec, m.stride*uint64(spec.MaxEntries))
	return m, err
}

// keyless has the operations that kinds without keys refuse.
type keyless struct{ of *ir.MapSpec }

// Region is empty: programs hold no address of a value.
func (k keyless) Region() Region { return Region{} }

// LookupAddr returns 0: programs hold no address of a value.
func (k keyless) LookupAddr([]byte) uint64 { return 0 }

// NextKey is refused.
func (k keyless) NextKey([]byte) ([]byte, error) { return nil, k.refused("walked by key") }

// Batch is refused.
func (k keyless) Batch(uint64, int) ([]ir.MapElem, uint64, error) {
	return nil, 0, k.refused("walked")
}

// Delete is refused.
func (k keyless) Delete([]byte) error { return k.refused("deleted from by key") }

// Remove is refused.
func (k keyless) Remove([]byte) error { return k.refused("deleted from by key") }

func (k keyless) refused(what string) error {
	return fmt.Errorf("%w: a %v is not %s", ErrInvalid, k.of.Type, what)
}

// at returns the address of the i-th oldest value.
func (m *queue) at(i uint32) uint64 {
	i += m.first
	if i >= m.spec.MaxEntries {
		i -= m.spec.MaxEntries
	}
	return m.start() + uint64(i)*m.stride
}

// Push adds a value. abi.UpdateExist gives up the oldest one where the map is
// full.
func (m *queue) Push(value []byte, flags uint64) error {
	if err := checkValue(m.spec, value, uint64(m.spec.ValueSize)); err != nil {
		return err
	}
	if flags == abi.UpdateNoExist || flags > abi.UpdateExist {
		return refused(ErrInvalid, "push flags %#x", flags)
	}
	m.ring.Lock()
	defer m.ring.Unlock()
	m.yield()
	if m.count == m.spec.MaxEntries {
		if flags != abi.UpdateExist {
			return ErrNoSpace
		}
		m.first = (m.first + 1) % m.spec.MaxEntries
		m.count--
	}
	copy(mem.View(m.at(m.count), len(value)), value)
	m.count++
	return nil
}

// get copies a value out, and removes it if asked.
func (m *queue) get(out []byte, remove bool) error {
	if err := checkValue(m.spec, out, uint64(m.spec.ValueSize)); err != nil {
		return err
	}
	m.ring.Lock()
	defer m.ring.Unlock()
	m.yield()
	if m.count == 0 {
		clear(out)
		return ErrKeyNotExist
	}
	i := uint32(0)
	if m.stack {
		i = m.count - 1
	}
	copy(out, mem.View(m.at(i), len(out)))
	if remove {
		m.count--
		if !m.stack {
			m.first = (m.first + 1) % m.spec.MaxEntries
		}
	}
	return nil
}

func (m *queue) Pop(out []byte) error { return m.get(out, true) }

func (m *queue) Peek(out []byte) error { return m.get(out, false) }

func (m *queue) Lookup(key []byte) ([]byte, error) {
	if err := checkKey(m.spec, key); err != nil {
		return nil, err
	}
	if err := m.enter(); err != nil {
		return nil, err
	}
	defer m.leave()
	out := make([]byte, m.spec.ValueSize)
	return out, m.Peek(out)
}

func (m *queue) Take() ([]byte, error) {
	if err := m.enterWrite(); err != nil {
		return nil, err
	}
	defer m.leave()
	out := make([]byte, m.spec.ValueSize)
	return out, m.Pop(out)
}

func (m *queue) Update(key, value []byte, flags uint64) error {
	if err := m.enterWrite(); err != nil {
		return err
	}
	defer m.leave()
	return m.Put(key, value, flags)
}

func (m *queue) Put(key, value []byte, flags uint64) error {
	if err := checkKey(m.spec, key); err != nil {
		return err
	}
	return m.Push(value, flags)
}
