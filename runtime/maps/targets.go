package maps

import (
	"encoding/binary"
	"fmt"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/runtime/mem"
)

// targets is a map whose elements packets are redirected to: DEVMAP,
// DEVMAP_HASH, CPUMAP and XSKMAP; or CGROUP_ARRAY, whose elements are cgroups to
// compare with. An element begins with 4 bytes: the number of a device or a
// cgroup, the length of a processor's queue, or the queue of an AF_XDP socket.
// What lies behind them, a program to run there, is not supported. Devices and
// sockets are those of a simulated network, so their numbers are not checked.
//
// In an array an element with first bytes 0 is none, in the kernel's way; an
// XSKMAP and a CGROUP_ARRAY keep beside the number whether there is one, in words
// of its own behind the value.
type targets struct {
	table
	spec *ir.MapSpec
	cpus uint32
}

// maxQueue bounds the queue of a cpumap's element.
const maxQueue = 16384

func newTargets(spec *ir.MapSpec, o options) (Map, error) {
	s := *spec
	s.Contents = nil
	if marked(spec) {
		s.ValueSize = 8
	}
	if spec.Type == ir.DevmapHash {
		h, err := newHash(&s, o.epochs, 0, false, nil)
		if err != nil {
			return nil, err
		}
		conceal(h)
		return &devmapHash{targets{h, spec, o.cpus}, h}, nil
	}
	a, err := newArray(&s, 0, nil)
	if err != nil {
		return nil, err
	}
	conceal(a)
	return &targets{a, spec, o.cpus}, nil
}

// marked reports whether an element with number 0 is one.
func marked(spec *ir.MapSpec) bool { return spec.Type == ir.XSKMap || spec.Type == ir.CgroupArray }

// devmapHash is a map of targets whose elements may be freed.
type devmapHash struct {
	targets
	h *hash
}

// Epochs returns what a run enters before it looks elements up.
func (m *devmapHash) Epochs() *Epochs { return m.h.Epochs() }

// checkTargets follows __dev_map_alloc_check and cpu_map_alloc.
func checkTargets(spec *ir.MapSpec) error {
	switch {
	case spec.ValueSize != 4 && spec.ValueSize != 8:
		return refuse(ErrInvalid, "value size of a %v is %d, not 4 or 8", spec.Type, spec.ValueSize)
	case spec.Type == ir.CPUMap && spec.MaxEntries > maxCPUs:
		return refuse(ErrTooBig, "max_entries %d is more than %d", spec.MaxEntries, maxCPUs)
	}
	return checkBytes(spec, 8)
}

// Spec returns what the map was made from.
func (m *targets) Spec() *ir.MapSpec { return m.spec }

// Region describes the elements, which programs only read.
func (m *targets) Region() Region {
	r := m.table.Region()
	r.Value, r.ReadOnly = min(r.Value, uint64(m.spec.ValueSize)), true
	return r
}

// LookupAddr returns the address of the element, 0 if there is none.
func (m *targets) LookupAddr(key []byte) uint64 {
	addr := m.table.LookupAddr(key)
	if addr == 0 || m.empty(addr) {
		return 0
	}
	return addr
}

func (m *targets) empty(addr uint64) bool {
	if m.spec.Type == ir.DevmapHash {
		return false
	}
	if marked(m.spec) {
		addr += 4
	}
	return mem.Load32(addr) == 0
}

// Lookup returns the element's bytes.
func (m *targets) Lookup(key []byte) ([]byte, error) {
	if marked(m.spec) {
		return nil, fmt.Errorf("%w: elements of a %v are not read", ErrNotSupported, m.spec.Type)
	}
	v, err := m.table.Lookup(key)
	if err == nil && m.spec.Type != ir.DevmapHash && binary.NativeEndian.Uint32(v) == 0 {
		return nil, ErrKeyNotExist
	}
	return v, err
}

// Update sets an element (dev_map_update_elem, dev_map_hash_update_elem,
// cpu_map_update_elem and xsk_map_update_elem).
func (m *targets) Update(key, value []byte, flags uint64) error {
	if err := checkSizes(m.spec, key, value); err != nil {
		return err
	}
	i, x, extra := binary.NativeEndian.Uint32(key), binary.NativeEndian.Uint32(value), uint32(0)
	if len(value) == 8 {
		extra = binary.NativeEndian.Uint32(value[4:])
	}
	switch {
	case flags > abi.UpdateExist, m.spec.Type == ir.CgroupArray && flags != abi.UpdateAny:
		return refused(ErrInvalid, "update flags %#x", flags)
	case m.spec.Type != ir.DevmapHash && i >= m.spec.MaxEntries:
		return refused(ErrTooBig, "index %d, max_entries %d", i, m.spec.MaxEntries)
	case flags == abi.UpdateNoExist && (m.spec.Type == ir.Devmap || m.spec.Type == ir.CPUMap):
		return ErrKeyExist
	}
	switch m.spec.Type {
	case ir.CPUMap:
		switch {
		case x > maxQueue:
			return refused(ErrOverflow, "queue of %d packets", x)
		case i >= m.cpus:
			return refused(ErrNoDevice, "processor %d of %d", i, m.cpus)
		}
	case ir.DevmapHash:
		if x == 0 {
			return refused(ErrInvalid, "device 0")
		}
	}
	if int32(extra) > 0 {
		return refused(ErrNotSupported, "a program of an element of a %v", m.spec.Type)
	}
	return m.set(key, value, flags)
}

func (m *targets) set(key, value []byte, flags uint64) error {
	switch m.spec.Type {
	case ir.XSKMap, ir.CgroupArray:
		if flags != abi.UpdateAny {
			switch has := m.LookupAddr(key) != 0; {
			case has && flags == abi.UpdateNoExist:
				return ErrKeyExist
			case !has && flags == abi.UpdateExist:
				return ErrKeyNotExist
			}
		}
		value = binary.NativeEndian.AppendUint32(append([]byte{}, value...), 1)
	case ir.DevmapHash:
		if flags == abi.UpdateExist {
			flags = abi.UpdateAny // as the kernel does
		}
		return m.table.Update(key, value, flags)
	}
	return m.table.Update(key, value, abi.UpdateAny)
}

// Put is refused: programs change nothing here.
func (m *targets) Put([]byte, []byte, uint64) error {
	return fmt.Errorf("%w: programs do not change a %v", ErrInvalid, m.spec.Type)
}

// Remove is refused: programs change nothing here.
func (m *targets) Remove([]byte) error { return m.Put(nil, nil, 0) }

// Delete takes an element out; in an array it need not be there.
func (m *targets) Delete(key []byte) error {
	if m.spec.Type == ir.DevmapHash {
		return m.table.Delete(key)
	}
	if err := checkKey(m.spec, key); err != nil {
		return err
	}
	if i := binary.NativeEndian.Uint32(key); i >= m.spec.MaxEntries {
		return refused(ErrInvalid, "index %d, max_entries %d", i, m.spec.MaxEntries)
	}
	return m.table.Update(key, make([]byte, m.table.Spec().ValueSize), abi.UpdateAny)
}
