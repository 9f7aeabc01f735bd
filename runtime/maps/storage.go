package maps

import (
	"encoding/binary"
	"fmt"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
)

// Storage is a map that ties a value to an object: a cgroup that a program is
// attached to (CGROUP_STORAGE, PERCPU_CGROUP_STORAGE), or a socket, task, inode
// or cgroup (SK_, TASK_, INODE_, CGRP_STORAGE). Objects are simulated, and known
// by a number: the first bytes of a key.
//
// The kernel bounds them by memory only; here a map has at most maxObjects.
type Storage struct {
	*hash
	of *ir.MapSpec
}

const maxObjects = 1 << 16

// objectID is the size in bytes of the number an object has in the table.
const objectID = 8

func newStorage(spec *ir.MapSpec, e *Epochs, cpus uint32) (*Storage, error) {
	s := *spec
	s.KeySize, s.MaxEntries, s.Contents = objectID, maxObjects, nil
	h, err := newHash(&s, e, cpus, false, nil)
	if err != nil {
		return nil, err
	}
	conceal(h)
	return &Storage{h, spec}, nil
}

// checkCgroupStorage follows cgroup_storage_map_alloc in
// kernel/bpf/local_storage.c.
func checkCgroupStorage(spec *ir.MapSpec) error {
	const page = 4096
	switch {
	case spec.KeySize != 8 && spec.KeySize != 16:
		return refuse(ErrInvalid, "key size of a %v is %d, not 8 or 16", spec.Type, spec.KeySize)
	case spec.ValueSize == 0:
		return refuse(ErrInvalid, "value size is 0")
	case spec.ValueSize > page:
		return refuse(ErrTooBig, "value size %d is more than %d", spec.ValueSize, page)
	case spec.MaxEntries != 0:
		return refuse(ErrInvalid, "max_entries of a %v is %d, not 0", spec.Type, spec.MaxEntries)
	}
	return checkFields(spec)
}

// checkObjectStorage follows bpf_local_storage_map_alloc_check.
func checkObjectStorage(spec *ir.MapSpec) error {
	const most = 1<<16 - 512
	switch {
	case spec.Flags&FlagNoPrealloc == 0 || spec.MaxEntries != 0 || spec.KeySize != 4 || spec.ValueSize == 0:
		return refuse(ErrInvalid, "a %v has flag no_prealloc, max_entries 0, keys of 4 bytes, and values", spec.Type)
	case spec.ValueSize > most:
		return refuse(ErrTooBig, "value size %d is more than %d", spec.ValueSize, most)
	}
	return checkFields(spec)
}

// Spec returns what the map was made from.
func (m *Storage) Spec() *ir.MapSpec { return m.of }

// id returns the key in the table.
func (m *Storage) id(key []byte) ([]byte, error) {
	if err := checkKey(m.of, key); err != nil {
		return nil, err
	}
	if len(key) == 4 {
		return binary.NativeEndian.AppendUint64(nil, uint64(binary.NativeEndian.Uint32(key))), nil
	}
	return key[:objectID], nil
}

// Get returns the address of an object's value on a processor, 0 if it has
// none; with create it then gets one, from init, or zero if that is nil. The
// caller is a run inside the map's Epochs.
func (m *Storage) Get(object uint64, cpu uint32, create bool, init []byte) (uint64, error) {
	key := binary.NativeEndian.AppendUint64(nil, object)
	if addr := m.hash.LookupCPU(key, cpu); addr != 0 || !create {
		return addr, nil
	}
	if init == nil {
		init = make([]byte, m.of.ValueSize)
	}
	if err := m.hash.PutCPU(key, init, abi.UpdateNoExist, cpu); err != nil && err != ErrKeyExist {
		return 0, err
	}
	return m.hash.LookupCPU(key, cpu), nil
}

// Forget takes an object's value out, when the object goes away.
func (m *Storage) Forget(object uint64) error {
	return m.hash.Remove(binary.NativeEndian.AppendUint64(nil, object))
}

// LookupAddr returns the address of the value of an object.
func (m *Storage) LookupAddr(key []byte) uint64 {
	k, err := m.id(key)
	if err != nil {
		return 0
	}
	return m.hash.LookupAddr(k)
}

// Lookup returns a copy of the value of an object.
func (m *Storage) Lookup(key []byte) ([]byte, error) {
	k, err := m.id(key)
	if err != nil {
		return nil, err
	}
	return m.hash.Lookup(k)
}

// Update sets the value of an object. Those of cgroups come and go with what is
// attached there (cgroup_storage_update_elem).
func (m *Storage) Update(key, value []byte, flags uint64) error {
	k, err := m.id(key)
	if err != nil {
		return err
	}
	if m.cgroup() {
		if flags&^(abi.UpdateLock|abi.UpdateExist) != 0 {
			return refused(ErrInvalid, "update flags %#x", flags)
		}
		flags |= abi.UpdateExist
	}
	return m.hash.Update(k, value, flags)
}

func (m *Storage) cgroup() bool {
	return m.of.Type == ir.CgroupStorage || m.of.Type == ir.PerCPUCgroupStorage
}

// Delete takes the value of an object out.
func (m *Storage) Delete(key []byte) error {
	k, err := m.id(key)
	if err != nil {
		return err
	}
	if m.cgroup() {
		return fmt.Errorf("%w: elements of a %v go with the cgroup", ErrInvalid, m.of.Type)
	}
	return m.hash.Delete(k)
}

// Put is refused: programs go by object.
func (m *Storage) Put([]byte, []byte, uint64) error {
	return fmt.Errorf("%w: programs do not set a %v by key", ErrInvalid, m.of.Type)
}

// Remove is refused: programs go by object.
func (m *Storage) Remove([]byte) error { return m.Put(nil, nil, 0) }

// NextKey returns the key of the next cgroup. Other objects are not walked, as
// in the kernel.
func (m *Storage) NextKey(key []byte) ([]byte, error) {
	if !m.cgroup() {
		return nil, fmt.Errorf("%w: a %v is not walked by key", ErrNotSupported, m.of.Type)
	}
	if key != nil {
		k, err := m.id(key)
		if err != nil {
			return nil, err
		}
		key = k
	}
	next, err := m.hash.NextKey(key)
	if err != nil {
		return nil, err
	}
	return append(next, make([]byte, int(m.of.KeySize)-objectID)...), nil
}

// Batch returns values with the keys of their objects.
func (m *Storage) Batch(cursor uint64, n int) ([]ir.MapElem, uint64, error) {
	elems, next, err := m.hash.Batch(cursor, n)
	for i := range elems {
		elems[i].Key = append(elems[i].Key, make([]byte, 8)...)[:m.of.KeySize]
	}
	return elems, next, err
}
