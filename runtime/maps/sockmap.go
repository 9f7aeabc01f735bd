package maps

import (
	"encoding/binary"
	"sync"
	"sync/atomic"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/runtime/mem"
)

// socketMap is a map whose elements are sockets: SOCKMAP, SOCKHASH and
// REUSEPORT_SOCKARRAY. Sockets are simulated: a value is the 8 bytes of the
// address that programs know a socket by, and never 0. In an array 0 is no
// element.
//
// Source: net/core/sock_map.c and kernel/bpf/reuseport_array.c of Linux 6.18.
type socketMap struct {
	table
	spec *ir.MapSpec
	mu   sync.Mutex // held by writers, for their flags
}

// socketHash is a map of sockets whose elements may be freed.
type socketHash struct {
	socketMap
	h *hash
}

// Epochs returns what a run enters before it looks elements up.
func (m *socketHash) Epochs() *Epochs { return m.h.Epochs() }

// socketBytes is the size of a value.
const socketBytes = 8

func newSocketMap(spec *ir.MapSpec, o options) (Map, error) {
	s := *spec
	s.Contents = nil
	if spec.Type == ir.Sockhash {
		h, err := newHash(&s, o.epochs, 0, false, nil)
		if err != nil {
			return nil, err
		}
		conceal(h)
		return &socketHash{socketMap{table: h, spec: spec}, h}, nil
	}
	a, err := newArray(&s, 0, nil)
	if err != nil {
		return nil, err
	}
	conceal(a)
	return &socketMap{table: a, spec: spec}, nil
}

// checkSocketMap follows sock_map_alloc, sock_hash_alloc and
// reuseport_array_alloc_check, but that values of 4 bytes, file descriptors, mean
// nothing here.
func checkSocketMap(spec *ir.MapSpec) error {
	switch {
	case spec.ValueSize == 4:
		return refuse(ErrNotSupported, "values of a %v are addresses of simulated sockets, of 8 bytes, not descriptors", spec.Type)
	case spec.ValueSize != socketBytes:
		return refuse(ErrInvalid, "value size of a %v is %d, not 8", spec.Type, spec.ValueSize)
	case spec.KeySize > MaxKeySize:
		return refuse(ErrTooBig, "key size %d is more than %d", spec.KeySize, MaxKeySize)
	}
	return checkBytes(spec, socketBytes)
}

// Spec returns what the map was made from.
func (m *socketMap) Spec() *ir.MapSpec { return m.spec }

// Region is empty: programs hold no address of an element.
func (m *socketMap) Region() Region { return Region{} }

// LookupAddr returns the socket at key, 0 if there is none.
func (m *socketMap) LookupAddr(key []byte) uint64 {
	addr := m.table.LookupAddr(key)
	if addr == 0 {
		return 0
	}
	return atomic.LoadUint64(mem.Ptr64(addr))
}

// Lookup returns the socket's address.
func (m *socketMap) Lookup(key []byte) ([]byte, error) {
	v, err := m.table.Lookup(key)
	if err == nil && binary.NativeEndian.Uint64(v) == 0 {
		return nil, ErrKeyNotExist
	}
	return v, err
}

// Update sets an element.
func (m *socketMap) Update(key, value []byte, flags uint64) error {
	return m.change(key, value, flags, m.table.Update)
}

// Put sets an element for a program.
func (m *socketMap) Put(key, value []byte, flags uint64) error {
	return m.change(key, value, flags, m.table.Put)
}

func (m *socketMap) change(key, value []byte, flags uint64, set func(key, value []byte, flags uint64) error) error {
	if err := checkSizes(m.spec, key, value); err != nil {
		return err
	}
	switch {
	case flags > abi.UpdateExist:
		return refused(ErrInvalid, "update flags %#x", flags)
	case binary.NativeEndian.Uint64(value) == 0:
		return refused(ErrInvalid, "no socket")
	case m.spec.Type == ir.Sockhash:
		return set(key, value, flags)
	}
	if i := binary.NativeEndian.Uint32(key); i >= m.spec.MaxEntries {
		return refused(ErrTooBig, "index %d, max_entries %d", i, m.spec.MaxEntries)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	switch has := m.LookupAddr(key) != 0; {
	case has && flags == abi.UpdateNoExist:
		return ErrKeyExist
	case !has && flags == abi.UpdateExist:
		return ErrKeyNotExist
	}
	return set(key, value, abi.UpdateAny)
}

// Delete takes an element out.
func (m *socketMap) Delete(key []byte) error {
	return m.takeOut(key, m.table.Delete, m.table.Update)
}

// Remove is Delete for programs.
func (m *socketMap) Remove(key []byte) error {
	return m.takeOut(key, m.table.Remove, m.table.Put)
}

// takeOut deletes from a hash, and writes 0 in an array: ErrInvalid beyond the
// array or where there is nothing.
func (m *socketMap) takeOut(key []byte, remove func([]byte) error, set func(key, value []byte, flags uint64) error) error {
	if m.spec.Type == ir.Sockhash {
		return remove(key)
	}
	if err := checkKey(m.spec, key); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if binary.NativeEndian.Uint32(key) >= m.spec.MaxEntries || m.LookupAddr(key) == 0 {
		return refused(ErrInvalid, "nothing at %x", key)
	}
	return set(key, make([]byte, socketBytes), abi.UpdateAny)
}
