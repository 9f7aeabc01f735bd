package vm

import (
	"unsafe"

	"github.com/bpfproof/bpfproof/runtime/mem"
)

// insnBytes is the size of an instruction; jump distances are in bytes.
const insnBytes = int(unsafe.Sizeof(insn{}))

// next returns the instruction behind in. Every instruction that execution
// falls through has one: ir.Program.Check refuses programs that run off their
// end.
func next(in *insn) *insn { return (*insn)(unsafe.Add(unsafe.Pointer(in), insnBytes)) }

// later returns the n-th instruction behind in, of a sequence that has it.
func later(in *insn, n int) *insn { return (*insn)(unsafe.Add(unsafe.Pointer(in), n*insnBytes)) }

// taken returns the instruction that a jump leads to: inside the program, by
// ir.Program.Check.
func taken(in *insn) *insn { return (*insn)(unsafe.Add(unsafe.Pointer(in), int(in.off))) }

// address returns where an instruction lies. Go does not move it.
func address(in *insn) uint64 { return uint64(uintptr(unsafe.Pointer(in))) }

// pointer is an address outside the Go heap.
type pointer = unsafe.Pointer

// memory returns a pointer to the n bytes at addr, outside the Go heap.
func memory(addr, n uint64) pointer {
	return unsafe.Pointer(unsafe.SliceData(mem.View(addr, int(n))))
}

// window is a piece of memory that accesses of one kind may touch: the one
// where the last of them was.
type window struct {
	mem   unsafe.Pointer // of its first byte
	base  uint64         // address of its first byte
	limit [4]uint64      // by log2 of an access' bytes: offsets below it are inside
}

// set makes n bytes at addr the window.
func (w *window) set(addr, n uint64) {
	w.mem, w.base = memory(addr, n), addr
	for i := range w.limit {
		w.limit[i] = 0
		if size := uint64(1) << i; n >= size {
			w.limit[i] = n - size + 1
		}
	}
}

// clear leaves nothing inside the window.
func (w *window) clear() { w.base, w.limit = 0, [4]uint64{} }

// The accesses, at off bytes from p; any alignment, as the hosts this runs on
// allow.

func loadAt8(p unsafe.Pointer, off uint64) uint8   { return *(*uint8)(unsafe.Add(p, off)) }
func loadAt16(p unsafe.Pointer, off uint64) uint16 { return *(*uint16)(unsafe.Add(p, off)) }
func loadAt32(p unsafe.Pointer, off uint64) uint32 { return *(*uint32)(unsafe.Add(p, off)) }
func loadAt64(p unsafe.Pointer, off uint64) uint64 { return *(*uint64)(unsafe.Add(p, off)) }

func storeAt8(p unsafe.Pointer, off uint64, x uint8)   { *(*uint8)(unsafe.Add(p, off)) = x }
func storeAt16(p unsafe.Pointer, off uint64, x uint16) { *(*uint16)(unsafe.Add(p, off)) = x }
func storeAt32(p unsafe.Pointer, off uint64, x uint32) { *(*uint32)(unsafe.Add(p, off)) = x }
func storeAt64(p unsafe.Pointer, off uint64, x uint64) { *(*uint64)(unsafe.Add(p, off)) = x }

// behind returns the address n bytes behind p.
func behind(p pointer, n uint64) pointer { return unsafe.Add(p, n) }
