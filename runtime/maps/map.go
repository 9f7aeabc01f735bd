package maps

import (
	"fmt"
	"iter"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
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

func checkSizes(s *ir.MapSpec, key, value []byte) error {
	if len(key) != int(s.KeySize) {
		return fmt.Errorf("%w: map %q: key has %d bytes, want %d", ErrInvalid, s.Name, len(key), s.KeySize)
	}
	if value != nil && len(value) != int(s.ValueSize) {
		return fmt.Errorf("%w: map %q: value has %d bytes, want %d", ErrInvalid, s.Name, len(value), s.ValueSize)
	}
	return nil
}

// checkFlags refuses flags that are no update mode. UpdateLock needs a spin
// lock in the value, which no kind here has.
func checkFlags(flags uint64) error {
	if flags > abi.UpdateExist {
		return fmt.Errorf("%w: update flags %#x", ErrInvalid, flags)
	}
	return nil
}
