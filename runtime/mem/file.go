package mem

import (
	"fmt"
	"os"
)

// AllocFile returns a block that is the size bytes of a file from offset on, a
// multiple of the page size; the file must be as long. What is written to the
// block is in the file, also if the process ends at any moment. The file may be
// closed afterwards.
func AllocFile(f *os.File, offset int64, size int) (*Block, error) {
	page := os.Getpagesize()
	if size < 1 || size > MaxBytes || offset < 0 || offset%int64(page) != 0 {
		return nil, fmt.Errorf("mem: map %d bytes from %d of a file: size or offset is out of range", size, offset)
	}
	body := (size + page - 1) &^ (page - 1)
	if s, err := f.Stat(); err != nil || s.Size() < offset+int64(body) {
		return nil, fmt.Errorf("mem: map %d bytes from %d of a file: the file is shorter: %v", body, offset, err)
	}
	whole := uint64(body + 2*page)
	base, err := mapPages(0, whole, 0)
	if err != nil {
		return nil, fmt.Errorf("mem: map %d bytes of a file: %w", size, err)
	}
	b := &Block{base: base, whole: whole, addr: base + uint64(page), size: size}
	if err := mapFile(int(f.Fd()), b.Addr(), uint64(body), offset); err != nil {
		b.Free()
		return nil, fmt.Errorf("mem: map %d bytes of a file: %w", size, err)
	}
	return b, nil
}
