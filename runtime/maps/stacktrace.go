package maps

import (
	"encoding/binary"
	"fmt"
	"sync/atomic"

	"github.com/bpfproof/bpfproof/ir"
)

// StackTrace is a map of kind STACK_TRACE: call stacks by a number that is
// computed from them (kernel/bpf/stackmap.c of Linux 6.18). The number of
// places is max_entries rounded up to a power of two.
type StackTrace struct {
	core
	slots []atomic.Pointer[[]uint64]
}

// Flags of Capture (BPF_F_* of bpf_get_stackid).
const (
	StackSkip        = 0xff    // frames to leave out
	StackFastCompare = 1 << 9  // equal numbers mean equal stacks
	StackReuse       = 1 << 10 // a new stack takes the place of another one
)

func newStackTrace(spec *ir.MapSpec) (*StackTrace, error) {
	n := uint32(1)
	for n < spec.MaxEntries {
		n <<= 1
	}
	m := &StackTrace{slots: make([]atomic.Pointer[[]uint64], n)}
	var err error
	m.core, err = newCore(spec, 8)
	return m, err
}

// maxFrames is the depth of a stack (sysctl kernel.perf_event_max_stack).
const maxFrames = 127

func checkStackTrace(spec *ir.MapSpec) error {
	switch {
	case spec.ValueSize%8 != 0 || spec.ValueSize/8 > maxFrames:
		return refuse(ErrInvalid, "value size %d is no multiple of 8 up to %d", spec.ValueSize, 8*maxFrames)
	case spec.MaxEntries > maxPrograms:
		return refuse(ErrTooBig, "max_entries %d is more than %d", spec.MaxEntries, maxPrograms)
	}
	return nil
}

// Capture stores a stack, innermost address first, and returns its number, or
// an Error: ErrKeyExist where another stack has the place, ErrInvalid for an
// unknown flag, and what the kernel says of an empty stack, EFAULT, is
// ErrKeyNotExist here: nothing was there to store.
func (m *StackTrace) Capture(frames []uint64, flags uint64) (uint32, error) {
	if flags&^(StackSkip|1<<8|StackFastCompare|StackReuse) != 0 {
		return 0, refused(ErrInvalid, "flags %#x", flags)
	}
	skip := int(flags & StackSkip)
	if len(frames) <= skip {
		return 0, ErrKeyNotExist
	}
	frames = frames[skip:]
	frames = append([]uint64{}, frames[:min(len(frames), int(m.spec.ValueSize/8))]...)
	id := uint32(hashKey(encode(frames))) & uint32(len(m.slots)-1)
	slot := &m.slots[id]
	for {
		old := slot.Load()
		if old != nil {
			same := flags&StackFastCompare != 0 || equalWords(*old, frames)
			if same {
				return id, nil
			}
			if flags&StackReuse == 0 {
				return 0, ErrKeyExist
			}
		}
		if slot.CompareAndSwap(old, &frames) {
			return id, nil
		}
	}
}

func encode(frames []uint64) []byte {
	b := make([]byte, 0, 8*len(frames))
	for _, f := range frames {
		b = binary.NativeEndian.AppendUint64(b, f)
	}
	return b
}

func equalWords(a, b []uint64) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// at returns the place of a key, nil outside of the map.
func (m *StackTrace) at(key []byte) *atomic.Pointer[[]uint64] {
	if i := binary.NativeEndian.Uint32(key); uint64(i) < uint64(len(m.slots)) {
		return &m.slots[i]
	}
	return nil
}

// Lookup returns the addresses of a stack, zero behind the last.
func (m *StackTrace) Lookup(key []byte) ([]byte, error) {
	if err := checkKey(m.spec, key); err != nil {
		return nil, err
	}
	if err := m.enter(); err != nil {
		return nil, err
	}
	defer m.leave()
	if p := m.at(key); p != nil {
		if s := p.Load(); s != nil {
			return append(encode(*s), make([]byte, int(m.spec.ValueSize)-8*len(*s))...), nil
		}
	}
	return nil, ErrKeyNotExist
}

// Region is empty: stacks have no address.
func (m *StackTrace) Region() Region { return Region{} }

// LookupAddr returns 0: programs look nothing up here.
func (m *StackTrace) LookupAddr([]byte) uint64 { return 0 }

// Update is refused: programs capture stacks.
func (m *StackTrace) Update(key, _ []byte, flags uint64) error { return m.Put(key, nil, flags) }

// Put is refused.
func (m *StackTrace) Put([]byte, []byte, uint64) error {
	return fmt.Errorf("%w: a %v is not set by key", ErrInvalid, m.spec.Type)
}

// Remove takes a stack out.
func (m *StackTrace) Remove(key []byte) error {
	if err := checkKey(m.spec, key); err != nil {
		return err
	}
	p := m.at(key)
	if p == nil {
		return ErrTooBig
	}
	if p.Swap(nil) == nil {
		return ErrKeyNotExist
	}
	return nil
}

// Delete is Remove for the application.
func (m *StackTrace) Delete(key []byte) error {
	if err := m.enterWrite(); err != nil {
		return err
	}
	defer m.leave()
	return m.Remove(key)
}

// NextKey returns the next number that a stack has; the first behind an unknown
// one (stack_map_get_next_key).
func (m *StackTrace) NextKey(key []byte) ([]byte, error) {
	i := uint32(0)
	if key != nil {
		if err := checkKey(m.spec, key); err != nil {
			return nil, err
		}
		if p := m.at(key); p != nil && p.Load() != nil {
			i = binary.NativeEndian.Uint32(key) + 1
		}
	}
	for ; i < uint32(len(m.slots)); i++ {
		if m.slots[i].Load() != nil {
			return binary.NativeEndian.AppendUint32(nil, i), nil
		}
	}
	return nil, ErrKeyNotExist
}

// Batch returns the stacks by number.
func (m *StackTrace) Batch(cursor uint64, n int) ([]ir.MapElem, uint64, error) {
	s := *m.spec
	s.MaxEntries = uint32(len(m.slots))
	return batchIndex(&s, cursor, n, func(i uint32) []byte {
		v, err := m.Lookup(binary.NativeEndian.AppendUint32(nil, i))
		if err != nil {
			return nil
		}
		return v
	})
}
