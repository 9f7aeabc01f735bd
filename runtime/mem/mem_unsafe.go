package mem

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// origin is what addresses are measured from; nothing is ever stored in it.
var origin byte

// pointer turns an address outside the Go heap into a pointer. The garbage
// collector ignores pointers that do not lead into its heap, and the memory
// behind them never moves, so this is sound for blocks of this package. It
// counts from origin and not from nil, because the compiler of Go 1.26 folds a
// sum with nil to an integer and then fails on it where it wants a pointer.
func pointer(addr uint64) unsafe.Pointer {
	base := unsafe.Pointer(&origin)
	return unsafe.Add(base, uintptr(addr)-uintptr(base))
}

// View returns the n bytes at addr as a slice. The caller answers for them
// being mapped as long as the slice is used.
func View(addr uint64, n int) []byte { return unsafe.Slice((*byte)(pointer(addr)), n) }

// Words returns n 64-bit words in host order at addr, which must be a multiple
// of 8. The caller answers for them being mapped as long as the slice is used.
func Words(addr uint64, n int) []uint64 { return unsafe.Slice((*uint64)(pointer(addr)), n) }

// Words32 is Words for 32-bit words at a multiple of 4.
func Words32(addr uint64, n int) []uint32 { return unsafe.Slice((*uint32)(pointer(addr)), n) }

// Ptr64 returns the word at addr, a multiple of 8, for atomic use.
func Ptr64(addr uint64) *uint64 { return (*uint64)(pointer(addr)) }

// Ptr32 returns the 32-bit word at addr, a multiple of 4, for atomic use.
func Ptr32(addr uint64) *uint32 { return (*uint32)(pointer(addr)) }

// Addr returns the address of a byte outside the Go heap; 0 for an empty slice.
func Addr(b []byte) uint64 {
	if len(b) == 0 {
		return 0
	}
	return uint64(uintptr(unsafe.Pointer(&b[0])))
}

// Touch reads a byte of every page that the n bytes at addr lie in: where they
// cannot be read it faults. The result means nothing, but has to be used for the
// reads to be made.
func Touch(addr, n uint64) (sum uint64) {
	page := uint64(unix.Getpagesize())
	for at := addr; at < addr+n; at = at&^(page-1) + page {
		sum += Load8(at)
	}
	return sum
}

// Load8 returns the byte at addr.
func Load8(addr uint64) uint64 { return uint64(*(*uint8)(pointer(addr))) }

// Load16 returns the 16 bits at addr in host order; any alignment, as the
// hosts this runs on allow.
func Load16(addr uint64) uint64 { return uint64(*(*uint16)(pointer(addr))) }

// Load32 returns the 32 bits at addr in host order; any alignment.
func Load32(addr uint64) uint64 { return uint64(*(*uint32)(pointer(addr))) }

// Load64 returns the 64 bits at addr in host order; any alignment.
func Load64(addr uint64) uint64 { return *(*uint64)(pointer(addr)) }

// Store8 writes the low 8 bits of x to addr.
func Store8(addr, x uint64) { *(*uint8)(pointer(addr)) = uint8(x) }

// Store16 writes the low 16 bits of x to addr in host order; any alignment.
func Store16(addr, x uint64) { *(*uint16)(pointer(addr)) = uint16(x) }

// Store32 writes the low 32 bits of x to addr in host order; any alignment.
func Store32(addr, x uint64) { *(*uint32)(pointer(addr)) = uint32(x) }

// Store64 writes x to addr in host order; any alignment.
func Store64(addr, x uint64) { *(*uint64)(pointer(addr)) = x }

// mapPages maps bytes of private, inaccessible, lazily committed memory.
func mapPages(hint, bytes uint64, flags int) (uint64, error) {
	p, err := unix.MmapPtr(-1, 0, pointer(hint), uintptr(bytes), unix.PROT_NONE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE|flags)
	return uint64(uintptr(p)), err
}

// unlock makes mapped pages readable and writable.
func unlock(addr, bytes uint64) error {
	return unix.Mprotect(View(addr, int(bytes)), unix.PROT_READ|unix.PROT_WRITE)
}

// preferHuge asks for huge pages. A system that has none says so, and nothing is
// lost.
func preferHuge(addr, bytes uint64) { _ = unix.Madvise(View(addr, int(bytes)), unix.MADV_HUGEPAGE) }

// discardPages drops what pages hold. It cannot fail for a range that is mapped.
func discardPages(addr, bytes uint64) { _ = unix.Madvise(View(addr, int(bytes)), unix.MADV_DONTNEED) }

// unmapPages gives pages back. It cannot fail for a range that mapPages gave.
func unmapPages(addr, bytes uint64) { _ = unix.MunmapPtr(pointer(addr), uintptr(bytes)) }

// mapFile maps bytes of a file at addr, in the place of what is there.
func mapFile(fd int, addr, bytes uint64, offset int64) error {
	_, err := unix.MmapPtr(fd, offset, pointer(addr), uintptr(bytes), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_FIXED)
	return err
}
