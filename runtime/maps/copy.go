package maps

import (
	"encoding/binary"
	goruntime "runtime"
	"sync/atomic"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/runtime/mem"
)

// copyOut returns a copy of the value at addr, a multiple of 8 with room for
// whole words. Each word is read at once, so a counter that a program adds to
// is never seen half changed. Fields that are no plain bytes read as zero
// (check_and_init_map_value in include/linux/bpf.h).
func copyOut(addr uint64, s *ir.MapSpec) []byte {
	out := make([]byte, s.ValueSize)
	readOut(out, addr, s)
	return out
}

// readOut is copyOut into out, which has the size of the value.
func readOut(out []byte, addr uint64, s *ir.MapSpec) {
	words := mem.Words(addr, len(out)/8)
	for i := range words {
		binary.NativeEndian.PutUint64(out[8*i:], atomic.LoadUint64(&words[i]))
	}
	if done := 8 * len(words); done < len(out) {
		var last [8]byte
		binary.NativeEndian.PutUint64(last[:], atomic.LoadUint64(mem.Ptr64(addr+uint64(done))))
		copy(out[done:], last[:])
	}
	for _, f := range s.Fields {
		clear(out[f.Off : f.Off+f.Size])
	}
}

// copyIn writes value to addr, a multiple of 8, whole words at once. Fields
// that are no plain bytes stay as they are (copy_map_value).
func copyIn(addr uint64, value []byte, s *ir.MapSpec) {
	at := uint32(0)
	for _, f := range s.Fields {
		copyPlain(addr+uint64(at), value[at:f.Off])
		at = f.Off + f.Size
	}
	copyPlain(addr+uint64(at), value[at:])
}

// copyPlain writes b to addr, aligned words at once.
func copyPlain(addr uint64, b []byte) {
	if head := int(-addr & 7); head > 0 {
		head = min(head, len(b))
		copy(mem.View(addr, head), b)
		addr, b = addr+uint64(head), b[head:]
	}
	words := mem.Words(addr, len(b)/8)
	for i := range words {
		atomic.StoreUint64(&words[i], binary.NativeEndian.Uint64(b[8*i:]))
	}
	done := 8 * len(words)
	copy(mem.View(addr+uint64(done), len(b)-done), b[done:])
}

// clearFields makes the fields of a new value that are no plain bytes zero.
func clearFields(addr uint64, s *ir.MapSpec) {
	for _, f := range s.Fields {
		clear(mem.View(addr+uint64(f.Off), int(f.Size)))
	}
}

// Lock takes the bpf_spin_lock at addr, a multiple of 4, and Unlock gives it
// back. Who holds it has a processor, or gets one when Lock yields its own.
func Lock(addr uint64) {
	for !TryLock(addr, 1<<20) {
	}
}

// TryLock is Lock that gives up after so many times of yielding the processor,
// and reports whether it took the lock. A word that is no lock may never
// become free: only verified programs leave locks alone.
func TryLock(addr uint64, yields int) bool {
	for spins := 0; !atomic.CompareAndSwapUint32(mem.Ptr32(addr), 0, 1); spins++ {
		if spins%64 != 63 {
			continue
		}
		if yields--; yields < 0 {
			return false
		}
		goruntime.Gosched()
	}
	return true
}

// Unlock gives the bpf_spin_lock at addr back.
func Unlock(addr uint64) { atomic.StoreUint32(mem.Ptr32(addr), 0) }

// setLocked writes a value under the lock that is in it, as abi.UpdateLock asks.
func setLocked(addr uint64, value []byte, s *ir.MapSpec) {
	lock := addr + uint64(s.FieldOf(ir.SpinLockField).Off)
	Lock(lock)
	copyIn(addr, value, s)
	Unlock(lock)
}

// checkFlags refuses flags that are no update mode, and UpdateLock where the
// value has no lock.
func checkFlags(s *ir.MapSpec, flags uint64) error {
	if flags&^abi.UpdateLock > abi.UpdateExist || flags&abi.UpdateLock != 0 && s.FieldOf(ir.SpinLockField) == nil {
		return refused(ErrInvalid, "update flags %#x", flags)
	}
	return nil
}
