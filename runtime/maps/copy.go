package maps

import (
	"encoding/binary"
	"sync/atomic"

	"github.com/bpfproof/bpfproof/runtime/mem"
)

// copyOut returns a copy of the size bytes at addr, a multiple of 8 with room
// for whole words. Each word is read at once, so a counter that a program
// adds to is never seen half changed.
func copyOut(addr uint64, size uint32) []byte {
	out := make([]byte, pad8(size))
	words := mem.Words(addr, len(out)/8)
	for i := range words {
		binary.NativeEndian.PutUint64(out[8*i:], atomic.LoadUint64(&words[i]))
	}
	return out[:size:size]
}

// copyIn writes b to addr, a multiple of 8, whole words at once.
func copyIn(addr uint64, b []byte) {
	words := mem.Words(addr, len(b)/8)
	for i := range words {
		atomic.StoreUint64(&words[i], binary.NativeEndian.Uint64(b[8*i:]))
	}
	done := 8 * len(words)
	copy(mem.View(addr+uint64(done), len(b)-done), b[done:])
}
