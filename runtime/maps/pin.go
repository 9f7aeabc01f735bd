package maps

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/runtime/mem"
)

// pinned is the file of a map that outlives its process: a page that describes
// the map, and behind it the map's memory as it is.
//
// Nothing in that memory is an address. Every change that others may see is one
// aligned store (a link, a word of a value), made after what it leads to; the
// page cache keeps the stores of a process that was killed. So an update that
// returned is there when the file is opened again, and one that did not is there
// or not. A crash of the machine is another matter: nothing is synchronised.
type pinned struct {
	f       *os.File
	existed bool
	size    int   // bytes of the map's memory, as the file says
	shape   shape // of a new file
	path    string
	frozen  bool        // as the file says
	removed atomic.Bool // by Unpin
}

// shape is what the first page says, as JSON between its length and a checksum.
type shape struct {
	Version                    int
	Type                       string
	Key, Value, Entries, Flags uint32
	CPUs                       uint32
	Bytes                      int // of the map's memory
}

const (
	pinVersion = 2
	pinPage    = 4096
	pinMagic   = "bpfproof map\n"
	pinFrozen  = pinPage - 8 // offset of a byte that is 1 where the map is frozen
)

// openPinned opens or creates the file and locks it.
func openPinned(path string, spec *ir.MapSpec, cpus uint32) (_ *pinned, err error) {
	if unix.Getpagesize() != pinPage {
		return nil, refuse(ErrNotSupported, "pages of %d bytes", unix.Getpagesize())
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, refuse(ErrPermission, "open pinned map: %v", err)
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, refuse(ErrBusy, "%s: %v", path, err)
	}
	if perCPU := spec.Type == ir.PerCPUArray || spec.Type == ir.PerCPUHash || spec.Type == ir.LRUPerCPUHash; !perCPU {
		cpus = 0
	}
	p := &pinned{f: f, path: path}
	if abs, err := filepath.Abs(path); err == nil {
		p.path = abs // the process may change its directory
	}
	want := shape{Version: pinVersion, Type: spec.Type.String(), Key: spec.KeySize, Value: spec.ValueSize,
		Entries: spec.MaxEntries, Flags: spec.Flags, CPUs: cpus}
	got, frozen, err := readShape(f)
	p.frozen = frozen
	switch {
	case err != nil:
		return nil, refuse(ErrInvalid, "%s: %v", path, err)
	case got == nil: // new, or its creator did not come to the end
		p.shape = want
		return p, nil
	}
	p.size, p.existed = got.Bytes, true
	want.Bytes = got.Bytes
	if *got != want {
		return nil, refuse(ErrInvalid, "%s holds another map: %+v, want %+v", path, *got, want)
	}
	return p, nil
}

// readShape reads the first page, and whether the map is frozen; nil if there
// is none yet.
func readShape(f *os.File) (_ *shape, frozen bool, err error) {
	page := make([]byte, pinPage)
	n, err := f.ReadAt(page, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, false, err
	}
	text := string(page[:n])
	var sum uint32
	var length int
	if n == 0 || text[0] == 0 {
		return nil, false, nil
	}
	if _, err := fmt.Sscanf(text, pinMagic+"%x %d\n", &sum, &length); err != nil {
		return nil, false, errors.New("it is no pinned map")
	}
	start := len(fmt.Sprintf("%s%08x %d\n", pinMagic, sum, length))
	if length < 0 || start+length > n || crc32.ChecksumIEEE(page[start:start+length]) != sum {
		return nil, false, errors.New("its description is damaged")
	}
	var s shape
	if err := json.Unmarshal(page[start:start+length], &s); err != nil {
		return nil, false, fmt.Errorf("its description is damaged: %w", err)
	}
	return &s, n > pinFrozen && page[pinFrozen] == 1, nil
}

// alloc returns the file's memory.
func (p *pinned) alloc(size int) (*mem.Block, error) {
	body := int64(size+pinPage-1) &^ (pinPage - 1)
	if p.existed {
		if size != p.size {
			return nil, refuse(ErrInvalid, "the pinned map has %d bytes, want %d", p.size, size)
		}
		return mem.AllocFile(p.f, pinPage, size)
	}
	p.shape.Bytes = size
	text, err := json.Marshal(p.shape)
	if err != nil {
		return nil, err
	}
	if err := p.f.Truncate(pinPage + body); err != nil {
		return nil, err
	}
	page := fmt.Sprintf("%s%08x %d\n%s", pinMagic, crc32.ChecksumIEEE(text), len(text), text)
	if _, err := p.f.WriteAt([]byte(page), 0); err != nil {
		return nil, err
	}
	return mem.AllocFile(p.f, pinPage, size)
}

// freeze notes in the file that the map is frozen.
func (p *pinned) freeze() {
	if p != nil && !p.frozen {
		// Whoever has the map open holds the file's lock: nobody else writes.
		_, err := p.f.WriteAt([]byte{1}, pinFrozen)
		p.frozen = err == nil // a file that cannot be written was closed with its map
	}
}

// close gives the file to the next process. A nil file is none.
func (p *pinned) close() {
	if p != nil {
		p.f.Close()
	}
}

// survivor reports whether the map was there before.
func (c *core) survivor() bool { return c.file != nil && c.file.existed }

// recover finds out from the memory of a pinned table which elements are linked.
// The links are checked, so that a damaged file is an error.
func (m *hash) recover() error {
	linked := make([]bool, m.pool.total)
	n, last := int64(0), uint32(0)
	for b := range m.mask + 1 {
		ok := true
		m.all(b, func(p place) bool {
			ok = p.elem <= m.pool.total && !linked[p.elem-1]
			if ok {
				linked[p.elem-1], last = true, max(last, p.elem)
				n++
			}
			return ok
		})
		if !ok {
			return refuse(ErrInvalid, "the pinned map is damaged: bucket %d", b)
		}
	}
	if n > int64(m.spec.MaxEntries) {
		return refuse(ErrInvalid, "the pinned map is damaged: %d elements", n)
	}
	m.count.Store(n)
	m.pool.used = last
	for e := last; e > 0; e-- {
		if !linked[e-1] {
			m.pool.free = append(m.pool.free, e)
		}
		if m.lru != nil && linked[e-1] {
			m.lru.add(e)
		} else if m.lru != nil {
			m.lru.remove(e)
		}
	}
	return nil
}
