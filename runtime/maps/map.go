package maps

import (
	"fmt"
	"iter"

	"github.com/bpfproof/bpfproof/ir"
)

// Map is one map. All methods but Close are safe for concurrent use. Errors
// are an [Error], wrapped where there is more to say; they mirror bpf(2) of
// Linux 6.18. Keys and values must have the size of the spec.
type Map interface {
	// Spec returns what the map was made from. The caller must not change it.
	Spec() *ir.MapSpec
	// Handle returns the number that stands for the map in a program's register:
	// never 0, and of one open map only. No program can read memory through it.
	Handle() uint64

	// Lookup returns a copy of the value, or ErrKeyNotExist.
	Lookup(key []byte) ([]byte, error)
	// Update sets the value as abi.UpdateAny, UpdateNoExist or UpdateExist says.
	// ErrPermission if the map is frozen.
	Update(key, value []byte, flags uint64) error
	// Delete removes the element. ErrPermission if the map is frozen.
	Delete(key []byte) error
	// NextKey returns the key behind the given one, the first for a nil or unknown
	// key, and ErrKeyNotExist behind the last. The order is the map's own.
	NextKey(key []byte) ([]byte, error)
	// Batch returns copies of elements from a cursor on, 0 being the start, and
	// the next cursor, 0 at the end. It returns about n elements. A key that is in
	// the map during the whole walk is returned exactly once.
	Batch(cursor uint64, n int) (elems []ir.MapElem, next uint64, err error)
	// Freeze refuses further writes of the application. Programs write on.
	Freeze()

	// LookupAddr returns the address of the live value, 0 if there is none or the
	// key has a wrong size. The caller is a program's run inside the map's
	// [Epochs], if it has any (see [Reclaimer]).
	LookupAddr(key []byte) uint64
	// Put is Update for programs: freezing does not concern it.
	Put(key, value []byte, flags uint64) error
	// Remove is Delete for programs.
	Remove(key []byte) error
	// Region returns where the values lie.
	Region() Region
	// Close gives the memory back. Programs that use the map must have ended;
	// later calls by the application return ErrClosed. Further calls do nothing.
	Close() error
}

// Region describes where a map's values lie: at Base + i*Stride for every i
// below Count, Value bytes each. What is between them is not the program's.
type Region struct {
	Base     uint64
	Stride   uint64 // bytes, a multiple of 8
	Value    uint64 // bytes
	Count    uint64
	ReadOnly bool // programs may not write

	WriteOnly bool // programs may not read
}

// Contains reports whether the n bytes at addr lie inside one value.
func (r *Region) Contains(addr, n uint64) bool {
	off := addr - r.Base
	if addr < r.Base || off >= r.Stride*r.Count {
		return false
	}
	off %= r.Stride
	return off < r.Value && n <= r.Value-off
}

// Reclaimer is a map whose elements may be freed: runs that use it enter its
// Epochs.
type Reclaimer interface {
	Epochs() *Epochs
}

// All iterates over copies of the elements. It is one walk by Batch and keeps
// its promise. It stops at an error, which only a closed map gives.
func All(m Map) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		for cursor := uint64(0); ; {
			elems, next, err := m.Batch(cursor, 256)
			if err != nil {
				return
			}
			for _, e := range elems {
				if !yield(e.Key, e.Value) {
					return
				}
			}
			if next == 0 {
				return
			}
			cursor = next
		}
	}
}

// PerCPU is a map in which every processor has values of its own. To the
// application a value is those of all processors in their order, each filled
// up to a multiple of 8 bytes. LookupAddr and Put are those of processor 0.
type PerCPU interface {
	Map
	// CPUs returns the number of processors.
	CPUs() uint32
	// LookupCPU is LookupAddr on a processor; 0 for one that the map has not.
	LookupCPU(key []byte, cpu uint32) uint64
	// PutCPU is Put on a processor. A new element is zero on the others.
	PutCPU(key, value []byte, flags uint64, cpu uint32) error
}

// Buffer is a map without keys: a queue, a stack or a bloom filter. To the
// application Lookup is Peek, Update is Push, and both take a nil key.
type Buffer interface {
	Map
	// Push adds a value.
	Push(value []byte, flags uint64) error
	// Pop removes a value and writes it to out; where there is none it clears out
	// and returns ErrKeyNotExist.
	Pop(out []byte) error
	// Peek is Pop without removing. Of a bloom filter it returns nil where the
	// value may have been pushed.
	Peek(out []byte) error
	// Take is Pop for the application (BPF_MAP_LOOKUP_AND_DELETE_ELEM).
	Take() ([]byte, error)
}

// Outer is a map whose elements are maps. To programs an element is the inner
// map's handle, which LookupAddr returns; to the application its Lookup is the
// handle in 4 bytes' place of an identifier, see SetMap.
type Outer interface {
	Map
	// SetMap sets the element at key to a map that has the shape of the spec's
	// Inner, and the same epochs. The element keeps the map's memory, also if the
	// application closes it.
	SetMap(key []byte, inner Map, flags uint64) error
	// GetMap returns the element at key.
	GetMap(key []byte) (Map, error)
	// Inner returns the map with a handle that LookupAddr gave to a run which has
	// not ended; nil if it gave none such.
	Inner(handle uint64) Map
	// Inners returns the maps that programs may know.
	Inners() []Map
}

// LookupInto is Lookup that writes the value to out, which has its size as the
// application sees it. In arrays and hash tables it allocates nothing.
func LookupInto(m Map, key, out []byte) error {
	switch m := m.(type) {
	case *hash:
		return m.LookupInto(key, out)
	case *array:
		return m.LookupInto(key, out)
	}
	v, err := m.Lookup(key)
	if err != nil {
		return err
	}
	if len(v) != len(out) {
		return checkRead(m.Spec(), key, out, uint64(len(v)))
	}
	copy(out, v)
	return nil
}

// checkRead says what is wrong with the sizes of a read of size bytes.
func checkRead(s *ir.MapSpec, key, out []byte, size uint64) error {
	if err := checkKey(s, key); err != nil {
		return err
	}
	return refused(ErrInvalid, "map %q: room for a value has %d bytes, want %d", s.Name, len(out), size)
}

func checkSizes(s *ir.MapSpec, key, value []byte) error {
	if err := checkKey(s, key); err != nil {
		return err
	}
	if value != nil {
		return checkValue(s, value, uint64(s.ValueSize))
	}
	return nil
}

func checkKey(s *ir.MapSpec, key []byte) error {
	if len(key) != int(s.KeySize) {
		return refused(ErrInvalid, "map %q: key has %d bytes, want %d", s.Name, len(key), s.KeySize)
	}
	return nil
}

func checkValue(s *ir.MapSpec, value []byte, size uint64) error {
	if uint64(len(value)) != size {
		return refused(ErrInvalid, "map %q: value has %d bytes, want %d", s.Name, len(value), size)
	}
	return nil
}

// refused is an Error with the words that go with it.
func refused(e Error, format string, args ...any) error {
	return fmt.Errorf("%w: %s", e, fmt.Sprintf(format, args...))
}

// AsPerCPU returns m as a PerCPU if it is of a per-CPU kind.
func AsPerCPU(m Map) (PerCPU, bool) {
	switch m.Spec().Type {
	case ir.PerCPUArray, ir.PerCPUHash, ir.LRUPerCPUHash:
		p, ok := m.(PerCPU)
		return p, ok
	}
	return nil, false
}
