package native

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ArenaBytes is the executable memory a process can have in use at once.
// Images lie in one reserved range, so that the signal handler knows them by
// two comparisons.
const ArenaBytes = 256 << 20

// textLow and textHigh bound the range; onSignal reads them. They are process
// state, as the signal handler is: set once, before the first image exists.
var textLow, textHigh uintptr

// arena hands out the pages of the range. There is one for the same reason.
var arena textArena

type textArena struct {
	mu   sync.Mutex
	base unsafe.Pointer
	free []span // in order, never adjacent
}

// span is a range of the arena in bytes from its base, whole pages.
type span struct{ off, size uintptr }

func pages(n int) uintptr {
	page := uintptr(unix.Getpagesize())
	return (uintptr(n) + page - 1) &^ (page - 1)
}

// open reserves the range: addresses only, no memory and no access.
func (a *textArena) open() error {
	if a.base != nil {
		return nil
	}
	base, err := unix.MmapPtr(-1, 0, nil, ArenaBytes, unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
	if err != nil {
		return fmt.Errorf("reserve executable memory: %w", err)
	}
	a.base, a.free = base, []span{{0, ArenaBytes}}
	textLow = uintptr(base)
	textHigh = textLow + ArenaBytes
	return nil
}

// take removes the first free range of size bytes.
func (a *textArena) take(size uintptr) (span, bool) {
	for i := range a.free {
		f := &a.free[i]
		if f.size < size {
			continue
		}
		s := span{f.off, size}
		f.off, f.size = f.off+size, f.size-size
		if f.size == 0 {
			a.free = slices.Delete(a.free, i, i+1)
		}
		return s, true
	}
	return span{}, false
}

// give puts a range back and joins it with its neighbours.
func (a *textArena) give(s span) {
	i, _ := slices.BinarySearchFunc(a.free, s, func(x, y span) int { return int(x.off) - int(y.off) })
	a.free = slices.Insert(a.free, i, s)
	if i+1 < len(a.free) && a.free[i].off+a.free[i].size == a.free[i+1].off {
		a.free[i].size += a.free[i+1].size
		a.free = slices.Delete(a.free, i+1, i+2)
	}
	if i > 0 && a.free[i-1].off+a.free[i-1].size == a.free[i].off {
		a.free[i-1].size += a.free[i].size
		a.free = slices.Delete(a.free, i, i+1)
	}
}

func (a *textArena) bytes(s span) []byte {
	return unsafe.Slice((*byte)(unsafe.Add(a.base, s.off)), s.size)
}

// image is executable memory that holds one program's text.
type image struct {
	span span
	mem  []byte
}

// newImage copies text, whose relocations are filled in but for those to the
// text itself, into executable memory: writable first, then executable, never
// both. At the offsets in self are offsets in the text, to become addresses.
func newImage(text []byte, self []int32) (*image, error) {
	arena.mu.Lock()
	defer arena.mu.Unlock()
	if err := arena.open(); err != nil {
		return nil, err
	}
	if len(text) == 0 {
		return nil, errors.New("text is empty")
	}
	s, ok := arena.take(pages(len(text)))
	if !ok {
		return nil, fmt.Errorf("text of %d bytes does not fit what is left of %d of executable memory", len(text), ArenaBytes)
	}
	im := &image{span: s, mem: arena.bytes(s)}
	for _, at := range self {
		place := text[at:]
		binary.LittleEndian.PutUint64(place, binary.LittleEndian.Uint64(place)+uint64(im.addr(0)))
	}
	if err := im.fill(text); err != nil {
		arena.give(s)
		return nil, err
	}
	return im, nil
}

func (im *image) fill(text []byte) error {
	if err := unix.Mprotect(im.mem, unix.PROT_READ|unix.PROT_WRITE); err != nil {
		return fmt.Errorf("write executable memory: %w", err)
	}
	n := copy(im.mem, text)
	for i := n; i < len(im.mem); i++ {
		im.mem[i] = 0xcc // a stray jump traps
	}
	if err := unix.Mprotect(im.mem, unix.PROT_READ|unix.PROT_EXEC); err != nil {
		return fmt.Errorf("make memory executable: %w", err)
	}
	return nil
}

// addr returns the address of an offset in the text.
func (im *image) addr(off int32) uintptr { return uintptr(unsafe.Pointer(&im.mem[0])) + uintptr(off) }

// close gives the memory back; no run may be inside.
func (im *image) close() error {
	arena.mu.Lock()
	defer arena.mu.Unlock()
	if err := unix.Mprotect(im.mem, unix.PROT_NONE); err != nil {
		return fmt.Errorf("native: free executable memory: %w", err)
	}
	// The pages' contents are dropped; the range stays reserved.
	if err := unix.Madvise(im.mem, unix.MADV_DONTNEED); err != nil {
		return fmt.Errorf("native: free executable memory: %w", err)
	}
	arena.give(im.span)
	return nil
}
