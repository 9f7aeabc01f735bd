package maps

import (
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/runtime/mem"
)

// array is a map of kind ARRAY: all elements exist from the start, zero, and
// none is ever freed.
type array struct {
	spec   *ir.MapSpec
	block  *mem.Block
	values uint64
	stride uint64
	frozen atomic.Bool

	mu     sync.RWMutex // held while the application works, against Close
	closed bool
}

func newArray(spec *ir.MapSpec) (Map, error) {
	stride := uint64(abi.ArrayStride(spec))
	b, err := mem.Alloc(int(headerBytes + stride*uint64(spec.MaxEntries)))
	if err != nil {
		return nil, err
	}
	return &array{spec: spec, block: b, values: b.Addr() + headerBytes, stride: stride}, nil
}

func (m *array) Spec() *ir.MapSpec { return m.spec }

func (m *array) Handle() uint64 { return m.block.Addr() }

// Values returns the address of element 0; element i lies abi.ArrayStride
// bytes times i behind it.
func (m *array) Values() uint64 { return m.values }

func (m *array) Region() Region {
	return Region{Base: m.values, Stride: m.stride, Value: uint64(m.spec.ValueSize), Count: uint64(m.spec.MaxEntries), ReadOnly: readOnly(m.spec)}
}

// readOnly reports whether programs may not write: the verifier relies on the
// contents of such maps.
func readOnly(s *ir.MapSpec) bool { return s.Frozen || s.Flags&FlagRdonlyProg != 0 }

func (m *array) LookupAddr(key []byte) uint64 {
	if len(key) != 4 {
		return 0
	}
	i := binary.NativeEndian.Uint32(key)
	if i >= m.spec.MaxEntries {
		return 0
	}
	return m.values + uint64(i)*m.stride
}

func (m *array) Lookup(key []byte) ([]byte, error) {
	if err := checkSizes(m.spec, key, nil); err != nil {
		return nil, err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.closed {
		return nil, ErrClosed
	}
	addr := m.LookupAddr(key)
	if addr == 0 {
		return nil, ErrKeyNotExist
	}
	return copyOut(addr, m.spec.ValueSize), nil
}

func (m *array) Update(key, value []byte, flags uint64) error {
	if m.frozen.Load() {
		return ErrPermission
	}
	return m.Put(key, value, flags)
}

// Put follows array_map_update_elem: every element exists already.
func (m *array) Put(key, value []byte, flags uint64) error {
	if err := checkSizes(m.spec, key, value); err != nil {
		return err
	}
	if err := checkFlags(flags); err != nil {
		return err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.closed {
		return ErrClosed
	}
	addr := m.LookupAddr(key)
	switch {
	case addr == 0:
		return fmt.Errorf("%w: index %d, max_entries %d", ErrTooBig, binary.NativeEndian.Uint32(key), m.spec.MaxEntries)
	case flags == abi.UpdateNoExist:
		return ErrKeyExist
	}
	copyIn(addr, value)
	return nil
}

// Delete is refused: elements of an array cannot go away.
func (m *array) Delete(key []byte) error { return m.Remove(key) }

func (m *array) Remove(key []byte) error {
	if err := checkSizes(m.spec, key, nil); err != nil {
		return err
	}
	return fmt.Errorf("%w: elements of an array cannot be deleted", ErrInvalid)
}

func (m *array) NextKey(key []byte) ([]byte, error) {
	if key != nil {
		if err := checkSizes(m.spec, key, nil); err != nil {
			return nil, err
		}
	}
	return nextIndex(key, m.spec.MaxEntries)
}

// nextIndex returns the index behind the given one: the first for a nil key or
// one outside the map, ErrKeyNotExist behind the last.
func nextIndex(key []byte, entries uint32) ([]byte, error) {
	next := uint32(0)
	if key != nil {
		switch i := binary.NativeEndian.Uint32(key); {
		case i == entries-1:
			return nil, ErrKeyNotExist
		case i < entries:
			next = i + 1
		}
	}
	return binary.NativeEndian.AppendUint32(nil, next), nil
}

func (m *array) Batch(cursor uint64, n int) ([]ir.MapElem, uint64, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.closed {
		return nil, 0, ErrClosed
	}
	size := uint64(m.spec.MaxEntries)
	if n < 1 || cursor >= size {
		return nil, 0, fmt.Errorf("%w: batch of %d elements from %d of %d", ErrInvalid, n, cursor, size)
	}
	end := min(cursor+uint64(n), size)
	elems := make([]ir.MapElem, 0, end-cursor)
	for i := cursor; i < end; i++ {
		key := binary.NativeEndian.AppendUint32(nil, uint32(i))
		elems = append(elems, ir.MapElem{Key: key, Value: copyOut(m.values+i*m.stride, m.spec.ValueSize)})
	}
	if end == size {
		end = 0
	}
	return elems, end, nil
}

func (m *array) Freeze() { m.frozen.Store(true) }

func (m *array) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	m.block.Free()
	return nil
}
