package maps

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
)

// array is a map of kind ARRAY or PERCPU_ARRAY: all elements exist from the
// start, zero, and none is ever freed. A per-CPU array has one area of values
// for each processor, beginning on a cache line of its own.
type array struct {
	core
	lanes
	values uint64
	stride uint64
}

func newArray(spec *ir.MapSpec, cpus uint32, f *pinned) (*array, error) {
	stride := uint64(abi.ArrayStride(spec))
	m := &array{lanes: lanesOf(cpus, stride, uint64(spec.MaxEntries)), stride: stride}
	var err error
	m.core, err = newCoreIn(f, spec, max(m.area*uint64(cpus), stride*uint64(spec.MaxEntries)))
	if err != nil {
		return nil, err
	}
	m.values = m.start()
	m.describe()
	return m, nil
}

// lanes says where a value lies by processor: area bytes behind the one of the
// processor before. A kind that is not per-CPU has one lane.
type lanes struct {
	cpus uint32
	area uint64
}

const cacheLine = abi.CacheLine

// lanesOf makes areas for n values each, as abi.CPUArea says.
func lanesOf(cpus uint32, stride, n uint64) lanes {
	if cpus == 0 {
		return lanes{cpus: 1}
	}
	return lanes{cpus, abi.CPUArea(stride, n)}
}

// copyLanes returns the values of all processors, each filled up to whole
// words; of a single lane, the value as it is.
func (l lanes) copyLanes(addr uint64, s *ir.MapSpec) []byte {
	if l.area == 0 {
		return copyOut(addr, s)
	}
	out := make([]byte, l.appSize(s))
	l.readLanes(out, addr, s)
	return out
}

// readLanes writes to out what copyLanes returns.
func (l lanes) readLanes(out []byte, addr uint64, s *ir.MapSpec) {
	if l.area == 0 {
		readOut(out, addr, s)
		return
	}
	size := pad8(s.ValueSize)
	for cpu := range uint64(l.cpus) {
		at := cpu * size
		readOut(out[at:at+uint64(s.ValueSize)], addr+cpu*l.area, s)
		clear(out[at+uint64(s.ValueSize) : at+size])
	}
}

// setLanes writes what copyLanes returns.
func (l lanes) setLanes(addr uint64, value []byte, s *ir.MapSpec) {
	if l.area == 0 {
		copyIn(addr, value, s)
		return
	}
	for cpu := range uint64(l.cpus) {
		at := cpu * pad8(s.ValueSize)
		copyIn(addr+cpu*l.area, value[at:at+uint64(s.ValueSize)], s)
	}
}

// appSize is the size in bytes of a value as the application sees it.
func (l lanes) appSize(s *ir.MapSpec) uint64 {
	if l.area == 0 {
		return uint64(s.ValueSize)
	}
	return uint64(l.cpus) * pad8(s.ValueSize)
}

// CPUs returns how many processors have values of their own.
func (l lanes) CPUs() uint32 { return l.cpus }

// region describes values of all lanes.
func (l lanes) region(s *ir.MapSpec, base, stride, count uint64) Region {
	if l.area != 0 {
		count = l.area / stride * uint64(l.cpus)
	}
	return Region{Base: base, Stride: stride, Value: uint64(s.ValueSize), Count: count, ReadOnly: readOnly(s), WriteOnly: s.Flags&FlagWronlyProg != 0}
}

// Values returns the address of element 0, of a per-CPU array on processor 0;
// element i lies abi.ArrayStride bytes times i behind it, and the same of
// processor k abi.ArrayArea bytes times k behind that.
func (m *array) Values() uint64 { return m.values }

func (m *array) Region() Region {
	return m.region(m.spec, m.values, m.stride, uint64(m.spec.MaxEntries))
}

// readOnly reports whether programs may not write: the verifier relies on the
// contents of such maps.
func readOnly(s *ir.MapSpec) bool { return s.Frozen || s.Flags&FlagRdonlyProg != 0 }

func (m *array) LookupAddr(key []byte) uint64 { return m.LookupCPU(key, 0) }

// LookupCPU is LookupAddr on the given processor.
func (m *array) LookupCPU(key []byte, cpu uint32) uint64 {
	if len(key) != 4 || cpu >= m.cpus {
		return 0
	}
	i := binary.NativeEndian.Uint32(key)
	if i >= m.spec.MaxEntries {
		return 0
	}
	return m.values + uint64(cpu)*m.area + uint64(i)*m.stride
}

func (m *array) Lookup(key []byte) ([]byte, error) {
	out := make([]byte, m.appSize(m.spec))
	if err := m.LookupInto(key, out); err != nil {
		return nil, err
	}
	return out, nil
}

// LookupInto writes the value to out.
func (m *array) LookupInto(key, out []byte) error {
	if len(key) != 4 || uint64(len(out)) != m.appSize(m.spec) {
		return checkRead(m.spec, key, out, m.appSize(m.spec))
	}
	if err := m.enter(); err != nil {
		return err
	}
	addr := m.LookupAddr(key)
	if addr != 0 {
		m.readLanes(out, addr, m.spec)
	}
	m.leave()
	if addr == 0 {
		return ErrKeyNotExist
	}
	return nil
}

func (m *array) Update(key, value []byte, flags uint64) error {
	if err := m.enterWrite(); err != nil {
		return err
	}
	defer m.leave()
	addr, err := m.writable(key, value, m.appSize(m.spec), flags)
	if err != nil {
		return err
	}
	if flags&abi.UpdateLock != 0 {
		setLocked(addr, value, m.spec)
		return nil
	}
	m.setLanes(addr, value, m.spec)
	return nil
}

// Put follows array_map_update_elem: every element exists already.
func (m *array) Put(key, value []byte, flags uint64) error { return m.PutCPU(key, value, flags, 0) }

// PutCPU is Put on the given processor.
func (m *array) PutCPU(key, value []byte, flags uint64, cpu uint32) error {
	addr, err := m.writable(key, value, uint64(m.spec.ValueSize), flags)
	switch {
	case err != nil:
		return err
	case cpu >= m.cpus:
		return noCPU(cpu, m.cpus)
	}
	if flags&abi.UpdateLock != 0 {
		setLocked(addr, value, m.spec)
		return nil
	}
	copyIn(addr+uint64(cpu)*m.area, value, m.spec)
	return nil
}

func noCPU(cpu, cpus uint32) error {
	return fmt.Errorf("%w: processor %d of %d", ErrInvalid, cpu, cpus)
}

// writable returns the address, on processor 0, of the element that an update
// writes.
func (m *array) writable(key, value []byte, size, flags uint64) (uint64, error) {
	if err := checkKey(m.spec, key); err != nil {
		return 0, err
	}
	if err := checkValue(m.spec, value, size); err != nil {
		return 0, err
	}
	if err := checkFlags(m.spec, flags); err != nil {
		return 0, err
	}
	addr := m.LookupAddr(key)
	switch {
	case addr == 0:
		return 0, fmt.Errorf("%w: index %d, max_entries %d", ErrTooBig, binary.NativeEndian.Uint32(key), m.spec.MaxEntries)
	case flags&^abi.UpdateLock == abi.UpdateNoExist:
		return 0, ErrKeyExist
	}
	return addr, nil
}

// Delete is refused: elements of an array cannot go away.
func (m *array) Delete(key []byte) error {
	if m.frozen.Load() {
		return ErrPermission
	}
	return m.Remove(key)
}

func (m *array) Remove(key []byte) error {
	if err := checkKey(m.spec, key); err != nil {
		return err
	}
	return fmt.Errorf("%w: elements of an array cannot be deleted", ErrInvalid)
}

func (m *array) NextKey(key []byte) ([]byte, error) { return nextIndex(m.spec, key) }

// nextIndex returns the index behind the given one: the first for a nil key or
// one outside the map, ErrKeyNotExist behind the last.
func nextIndex(s *ir.MapSpec, key []byte) ([]byte, error) {
	next := uint32(0)
	if key != nil {
		if err := checkKey(s, key); err != nil {
			return nil, err
		}
		switch i := binary.NativeEndian.Uint32(key); {
		case i == s.MaxEntries-1:
			return nil, ErrKeyNotExist
		case i < s.MaxEntries:
			next = i + 1
		}
	}
	return binary.NativeEndian.AppendUint32(nil, next), nil
}

func (m *array) Batch(cursor uint64, n int) ([]ir.MapElem, uint64, error) {
	if err := m.enter(); err != nil {
		return nil, 0, err
	}
	defer m.leave()
	return batchIndex(m.spec, cursor, n, func(i uint32) []byte {
		return m.copyLanes(m.values+uint64(i)*m.stride, m.spec)
	})
}

// batchIndex is Batch of a kind whose keys are indices. get returns nil where
// there is no element.
func batchIndex(s *ir.MapSpec, cursor uint64, n int, get func(i uint32) []byte) ([]ir.MapElem, uint64, error) {
	size := uint64(s.MaxEntries)
	if n < 1 || cursor >= size {
		return nil, 0, fmt.Errorf("%w: batch of %d elements from %d of %d", ErrInvalid, n, cursor, size)
	}
	elems := make([]ir.MapElem, 0, min(uint64(n), size-cursor, math.MaxUint16))
	for ; cursor < size && len(elems) < n; cursor++ {
		if v := get(uint32(cursor)); v != nil {
			elems = append(elems, ir.MapElem{Key: binary.NativeEndian.AppendUint32(nil, uint32(cursor)), Value: v})
		}
	}
	if cursor == size {
		cursor = 0
	}
	return elems, cursor, nil
}

func (m *array) keyAt(value uint64) []byte {
	return binary.NativeEndian.AppendUint32(nil, uint32((value-m.start())/m.stride))
}
