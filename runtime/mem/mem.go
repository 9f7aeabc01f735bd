package mem

import (
	"fmt"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// MaxBytes bounds the size of one block: 64 GiB. Pages cost nothing until they
// are touched, so this is a bound on nonsense, not on memory in use.
const MaxBytes = 1 << 36

// lowEnd is the first address a block below 4 GiB may not reach.
const lowEnd = 1 << 32

// Block is a piece of memory outside the Go heap. It is never moved and never
// collected: its owner frees it. Bytes and Addr are safe for concurrent use;
// Free must not run while the memory is still in use.
type Block struct {
	base  uint64 // first address of the mapping, the guard page before the body
	whole uint64 // bytes of the mapping, both guard pages included
	addr  uint64 // first byte of the body
	size  int    // bytes the caller asked for
	freed atomic.Bool
}

// Alloc returns a block of size bytes, all zero. The size must lie in
// 1..MaxBytes. The block is readable and writable, never executable.
func Alloc(size int) (*Block, error) { return alloc(size, false) }

// AllocLow is Alloc for a block that lies wholly below 4 GiB, so that a 32-bit
// field of a context holds its address.
func AllocLow(size int) (*Block, error) { return alloc(size, true) }

func alloc(size int, low bool) (*Block, error) {
	if size < 1 || size > MaxBytes {
		return nil, fmt.Errorf("mem: allocate %d bytes: size is not in 1..%d", size, MaxBytes)
	}
	page := uint64(unix.Getpagesize())
	body := (uint64(size) + page - 1) &^ (page - 1)
	whole := body + 2*page
	base, err := reserve(whole, low)
	if err != nil {
		return nil, fmt.Errorf("mem: allocate %d bytes: %w", size, err)
	}
	b := &Block{base: base, whole: whole, addr: base + page, size: size}
	if err := unlock(base+page, body); err != nil {
		b.Free()
		return nil, fmt.Errorf("mem: allocate %d bytes: %w", size, err)
	}
	if size >= hugeFrom {
		preferHuge(base+page, body)
	}
	return b, nil
}

// hugeFrom is the size of blocks from which the system is asked for huge pages:
// accesses that jump about in them miss the TLB otherwise.
const hugeFrom = 32 << 20

// reserve maps bytes of inaccessible memory, below 4 GiB if low is set.
func reserve(bytes uint64, low bool) (uint64, error) {
	if !low {
		return mapPages(0, bytes, 0)
	}
	if lowFlag != 0 {
		if base, err := mapPages(0, bytes, lowFlag); err == nil {
			if base+bytes <= lowEnd {
				return base, nil
			}
			unmapPages(base, bytes)
		}
	}
	// Without the flag, or where its range is full, take the first free hint.
	const first, step = 0x1000_0000, 0x100_0000
	for hint := uint64(first); hint+bytes <= lowEnd; hint += step {
		base, err := mapPages(hint, bytes, unix.MAP_FIXED_NOREPLACE)
		if err != nil {
			continue
		}
		if base == hint {
			return base, nil
		}
		unmapPages(base, bytes) // a kernel older than 4.17 takes the hint as a wish
	}
	return 0, fmt.Errorf("no room below 4 GiB: %w", unix.ENOMEM)
}

// Addr returns the address of the first byte.
func (b *Block) Addr() uint64 { return b.addr }

// Size returns the number of bytes asked for.
func (b *Block) Size() int { return b.size }

// Bytes returns the block's memory; nil once it is freed. The slice must not
// be used after Free.
func (b *Block) Bytes() []byte {
	if b.freed.Load() {
		return nil
	}
	return View(b.Addr(), b.size)
}

// Discard gives the memory back, of a block of a file the process's part in it,
// but not the addresses: they read as zero, or as the file, until Free. It may be
// called while others read.
func (b *Block) Discard() {
	if !b.freed.Load() {
		discardPages(b.addr, b.whole-2*uint64(unix.Getpagesize()))
	}
}

// Free gives the memory back. Further calls do nothing.
func (b *Block) Free() {
	if !b.freed.Swap(true) {
		unmapPages(b.base, b.whole)
	}
}
