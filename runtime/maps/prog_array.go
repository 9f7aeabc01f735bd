package maps

import (
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/runtime/mem"
)

// ProgArray is a map of kind PROG_ARRAY: its elements are programs, for tail
// calls. Programs are put in by [ProgArray.Set], not by bytes; read as bytes,
// an element is the program's number. Programs neither look its elements up
// nor change them.
type ProgArray struct {
	spec   *ir.MapSpec
	block  *mem.Block // its address is the handle
	slots  []atomic.Pointer[target]
	frozen atomic.Bool

	mu     sync.RWMutex // held while the application works, against Close
	closed bool
}

// target is a program as package maps sees it.
type target struct {
	id      uint32
	program any
}

func newProgArray(spec *ir.MapSpec) (Map, error) {
	b, err := mem.Alloc(headerBytes)
	if err != nil {
		return nil, err
	}
	return &ProgArray{spec: spec, block: b, slots: make([]atomic.Pointer[target], spec.MaxEntries)}, nil
}

// Target returns the program at the index; nil if there is none, or the index
// is outside the map. It takes no lock.
func (m *ProgArray) Target(index uint32) any {
	if uint64(index) >= uint64(len(m.slots)) {
		return nil
	}
	if t := m.slots[index].Load(); t != nil {
		return t.program
	}
	return nil
}

// Set puts a program, which is what the engine's tail calls expect, and its
// number at the index, in the place of the one that was there.
func (m *ProgArray) Set(index, id uint32, program any) error {
	m.mu.RLock()
	defer m.mu.RUnlock()
	switch {
	case m.closed:
		return ErrClosed
	case m.frozen.Load():
		return ErrPermission
	case uint64(index) >= uint64(len(m.slots)):
		return fmt.Errorf("%w: index %d, max_entries %d", ErrTooBig, index, m.spec.MaxEntries)
	}
	m.slots[index].Store(&target{id, program})
	return nil
}

// Spec returns what the map was made from.
func (m *ProgArray) Spec() *ir.MapSpec { return m.spec }

// Handle returns the number that stands for the map in a register.
func (m *ProgArray) Handle() uint64 { return m.block.Addr() }

// Region is empty: programs have no address.
func (m *ProgArray) Region() Region { return Region{} }

// LookupAddr returns 0: programs look nothing up here.
func (m *ProgArray) LookupAddr([]byte) uint64 { return 0 }

// Put is refused: programs change nothing here.
func (m *ProgArray) Put([]byte, []byte, uint64) error { return m.notKeyed() }

// Remove is refused: programs change nothing here.
func (m *ProgArray) Remove([]byte) error { return m.notKeyed() }

func (m *ProgArray) notKeyed() error {
	return fmt.Errorf("%w: programs do not change a %v", ErrInvalid, m.spec.Type)
}

// Update is refused: a program is no bytes.
func (m *ProgArray) Update([]byte, []byte, uint64) error {
	return fmt.Errorf("%w: a %v takes programs, not bytes", ErrInvalid, m.spec.Type)
}

// at returns the place of a key.
func (m *ProgArray) at(key []byte) (*atomic.Pointer[target], error) {
	if err := checkSizes(m.spec, key, nil); err != nil {
		return nil, err
	}
	if m.closed {
		return nil, ErrClosed
	}
	i := binary.NativeEndian.Uint32(key)
	if uint64(i) >= uint64(len(m.slots)) {
		return nil, fmt.Errorf("%w: index %d, max_entries %d", ErrTooBig, i, m.spec.MaxEntries)
	}
	return &m.slots[i], nil
}

// Lookup returns the number of the program at the key (fd_array_map_lookup_elem
// in kernel/bpf/arraymap.c of Linux 6.18).
func (m *ProgArray) Lookup(key []byte) ([]byte, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	place, err := m.at(key)
	if err != nil {
		return nil, err
	}
	t := place.Load()
	if t == nil {
		return nil, ErrKeyNotExist
	}
	return binary.NativeEndian.AppendUint32(nil, t.id), nil
}

// Delete takes the program at the key out (fd_array_map_delete_elem).
func (m *ProgArray) Delete(key []byte) error {
	m.mu.RLock()
	defer m.mu.RUnlock()
	place, err := m.at(key)
	if err != nil {
		return err
	}
	if m.frozen.Load() {
		return ErrPermission
	}
	if place.Swap(nil) == nil {
		return ErrKeyNotExist
	}
	return nil
}

// NextKey goes over all indices, as that of an array does.
func (m *ProgArray) NextKey(key []byte) ([]byte, error) {
	return nextIndex(m.spec, key)
}

// Batch returns the elements that hold a program.
func (m *ProgArray) Batch(cursor uint64, n int) ([]ir.MapElem, uint64, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	size := uint64(len(m.slots))
	switch {
	case m.closed:
		return nil, 0, ErrClosed
	case n < 1 || cursor >= size:
		return nil, 0, fmt.Errorf("%w: batch of %d elements from %d of %d", ErrInvalid, n, cursor, size)
	}
	var elems []ir.MapElem
	for ; cursor < size && len(elems) < n; cursor++ {
		if t := m.slots[cursor].Load(); t != nil {
			elems = append(elems, ir.MapElem{Key: binary.NativeEndian.AppendUint32(nil, uint32(cursor)), Value: binary.NativeEndian.AppendUint32(nil, t.id)})
		}
	}
	if cursor == size {
		cursor = 0
	}
	return elems, cursor, nil
}

// Freeze refuses further changes.
func (m *ProgArray) Freeze() { m.frozen.Store(true) }

// Close gives the memory back.
func (m *ProgArray) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	m.block.Free()
	return nil
}
