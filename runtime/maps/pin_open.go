package maps

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/bpfproof/bpfproof/ir"
)

// PinnedSpec returns what the map in a file was made from, named by the file,
// and how many processors have values of their own in it, 0 where the kind is
// not per CPU. The map may be open. An error wraps os.ErrNotExist where there is no file,
// and is ErrInvalid where it holds no map.
func PinnedSpec(path string) (spec *ir.MapSpec, cpus uint32, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, fmt.Errorf("maps: open pinned map: %w", err)
	}
	defer f.Close()
	s, _, err := readShape(f)
	if err != nil {
		return nil, 0, refused(ErrInvalid, "%s: %v", path, err)
	}
	if s == nil {
		return nil, 0, refused(ErrInvalid, "%s: it is empty", path)
	}
	t, ok := ir.ParseMapType(s.Type)
	if !ok || s.Version != pinVersion {
		return nil, 0, refused(ErrInvalid, "%s: version %d of a %q is not known", path, s.Version, s.Type)
	}
	return &ir.MapSpec{Name: filepath.Base(path), Type: t, KeySize: s.Key, ValueSize: s.Value, MaxEntries: s.Entries, Flags: s.Flags}, s.CPUs, nil
}

// OpenPinned opens the map in a file, as BPF_OBJ_GET does, without knowing what
// it is. The errors are those of PinnedSpec and of New with Pin: ErrBusy where
// another process has it open.
func OpenPinned(path string, opts ...Option) (Map, error) {
	spec, cpus, err := PinnedSpec(path)
	if err != nil {
		return nil, err
	}
	opts = append(opts, Pin(path))
	if cpus != 0 {
		opts = append(opts, CPUs(cpus))
	}
	return New(spec, opts...)
}

// Unpin removes a pinned map's file from its directory. The map lives on until
// it is closed. ErrInvalid where the map is not pinned, or another file has
// taken its file's place.
func Unpin(m Map) error {
	c, ok := m.(interface{ unpin() error })
	if !ok {
		return refused(ErrInvalid, "map %q: a %v is not pinned", m.Spec().Name, m.Spec().Type)
	}
	return c.unpin()
}

func (c *core) unpin() error {
	if c.file == nil || c.file.removed.Load() {
		return refused(ErrInvalid, "map %q: it is not pinned", c.spec.Name)
	}
	if err := c.enter(); err != nil {
		return err
	}
	defer c.leave()
	ours, err1 := c.file.f.Stat()
	there, err2 := os.Stat(c.file.path)
	if err1 != nil || err2 != nil || !os.SameFile(ours, there) {
		return refused(ErrInvalid, "map %q: %s is not its file any more", c.spec.Name, c.file.path)
	}
	if err := os.Remove(c.file.path); err != nil {
		return fmt.Errorf("maps: unpin map %q: %w", c.spec.Name, err)
	}
	c.file.removed.Store(true)
	return nil
}

// wasFrozen reports whether the map was frozen when its file was opened.
func (c *core) wasFrozen() bool { return c.file != nil && c.file.frozen }
