package mem

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// AllocRing returns a block of twice the size, which must be a multiple of the
// page size: its second half is the first one again, so that what begins in
// the first half may reach beyond its end.
func AllocRing(size int) (*Block, error) {
	page := unix.Getpagesize()
	if size < page || size > MaxBytes/2 || size%page != 0 {
		return nil, fmt.Errorf("mem: allocate a ring of %d bytes: no multiple of %d in %d..%d", size, page, page, MaxBytes/2)
	}
	fail := func(err error) (*Block, error) {
		return nil, fmt.Errorf("mem: allocate a ring of %d bytes: %w", size, err)
	}
	fd, err := unix.MemfdCreate("ring", unix.MFD_CLOEXEC)
	if err != nil {
		return fail(err)
	}
	defer unix.Close(fd)
	if err := unix.Ftruncate(fd, int64(size)); err != nil {
		return fail(err)
	}
	whole := uint64(2*size + 2*page)
	base, err := mapPages(0, whole, 0)
	if err != nil {
		return fail(err)
	}
	b := &Block{base: base, whole: whole, addr: base + uint64(page), size: 2 * size}
	for i := range 2 {
		if err := mapFile(fd, b.Addr()+uint64(i*size), uint64(size), 0); err != nil {
			b.Free()
			return fail(err)
		}
	}
	return b, nil
}
