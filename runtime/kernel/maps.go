package kernel

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/elf"
)

// Map is a map of the kernel, with the application's side of what package
// runtime/maps offers. Errors carry the errno of bpf(2): errors.Is(err,
// unix.ENOENT) says that a key is not there.
type Map struct {
	spec *ir.MapSpec
	m    *ebpf.Map
	held []*Map // maps that elements refer to, which are closed with the map
}

// NewMap creates a map with its initial contents; a frozen one is frozen. Maps
// that elements refer to are created with it. Elements that refer to programs
// are left empty: Fill sets them, once the programs are loaded.
func NewMap(spec *ir.MapSpec) (*Map, error) {
	return newMap(spec, nil)
}

// newMap is NewMap with those maps that exist already, by spec.
func newMap(spec *ir.MapSpec, have map[*ir.MapSpec]*Map) (_ *Map, err error) {
	raiseMemlock()
	s := cilium(spec)
	m, err := ebpf.NewMap(s)
	if err != nil {
		return nil, fmt.Errorf("kernel: create map %q: %w", spec.Name, err)
	}
	created := &Map{spec: spec, m: m}
	defer func() {
		if err != nil {
			_ = created.Close()
		}
	}()
	for _, e := range spec.Contents {
		if err := created.put(e, have); err != nil {
			return nil, fmt.Errorf("kernel: fill map %q: %w", spec.Name, err)
		}
	}
	if spec.Frozen {
		if err := m.Freeze(); err != nil && !errors.Is(err, unix.EBUSY) {
			return nil, fmt.Errorf("kernel: freeze map %q: %w", spec.Name, err)
		}
	}
	return created, nil
}

// put sets an initial element.
func (m *Map) put(e ir.MapElem, have map[*ir.MapSpec]*Map) error {
	switch {
	case e.Program != "":
		return nil
	case e.Map == nil:
		return m.m.Update(e.Key, e.Value, ebpf.UpdateAny)
	case e.Map == m.spec:
		return errors.New("an element refers to the map itself")
	}
	inner := have[e.Map]
	for _, h := range m.held {
		if h.spec == e.Map {
			inner = h
		}
	}
	if inner == nil {
		var err error
		if inner, err = newMap(e.Map, have); err != nil {
			return err
		}
		m.held = append(m.held, inner)
	}
	return m.m.Update(e.Key, uint32(inner.fd()), ebpf.UpdateAny)
}

// Fill sets the elements that refer to programs, by the names of the programs.
// One whose program is not given is an error.
func (m *Map) Fill(programs map[string]*Program) error {
	for _, e := range m.spec.Contents {
		if e.Program == "" {
			continue
		}
		p := programs[e.Program]
		if p == nil || p.fd < 0 {
			return fmt.Errorf("kernel: fill map %q: program %q is not given or closed", m.spec.Name, e.Program)
		}
		if err := m.m.Update(e.Key, uint32(p.fd), ebpf.UpdateAny); err != nil {
			return m.failed("fill", err)
		}
	}
	return nil
}

// cilium returns the spec without contents, which NewMap writes itself: the
// library would freeze by name.
func cilium(spec *ir.MapSpec) *ebpf.MapSpec {
	s := &ebpf.MapSpec{
		Name: mapName(spec.Name), Type: ebpf.MapType(spec.Type), KeySize: spec.KeySize, ValueSize: spec.ValueSize,
		MaxEntries: spec.MaxEntries, Flags: spec.Flags, MapExtra: spec.Extra,
	}
	if types, ok := spec.BTF.(*elf.MapTypes); ok {
		s.Key, s.Value = types.Key, types.Value
	}
	if spec.Inner != nil {
		s.InnerMap = cilium(spec.Inner)
	}
	return s
}

// mapName is the map's name for the kernel. A leading dot would make the
// library freeze the map before it has contents.
func mapName(name string) string {
	clean := []byte(objName(name))
	for i := range clean {
		if clean[i] == '.' {
			clean[i] = '_'
		}
	}
	return string(clean)
}

// Spec returns what the map was made from.
func (m *Map) Spec() *ir.MapSpec { return m.spec }

func (m *Map) fd() int { return m.m.FD() }

// FD returns the map's descriptor, which stays the map's.
func (m *Map) FD() int { return m.m.FD() }

// perCPU reports whether the map has a value for each processor.
func (m *Map) perCPU() bool {
	switch m.spec.Type {
	case ir.PerCPUArray, ir.PerCPUHash, ir.LRUPerCPUHash:
		return true
	}
	return false
}

// Lookup returns a copy of the value, or an error that is unix.ENOENT. Of a map
// with a value for each processor it is all of them, each in a multiple of 8
// bytes.
func (m *Map) Lookup(key []byte) ([]byte, error) {
	if m.perCPU() {
		value, err := m.m.LookupBytes(key)
		if err == nil && value == nil {
			err = unix.ENOENT
		}
		if err != nil {
			return nil, m.failed("look up", err)
		}
		return value, nil
	}
	value := make([]byte, m.spec.ValueSize)
	if err := m.m.Lookup(key, value); err != nil {
		return nil, m.failed("look up", err)
	}
	return value, nil
}

// Update sets the value as flags say (abi.UpdateAny, UpdateNoExist,
// UpdateExist).
func (m *Map) Update(key, value []byte, flags uint64) error {
	return m.failed("update", m.m.Update(key, value, ebpf.MapUpdateFlags(flags)))
}

// Delete removes the element, or returns an error that is unix.ENOENT.
func (m *Map) Delete(key []byte) error {
	return m.failed("delete from", m.m.Delete(key))
}

// NextKey returns the key behind the given one, the first for a nil or unknown
// key, and an error that is unix.ENOENT behind the last. The order is the
// kernel's.
func (m *Map) NextKey(key []byte) ([]byte, error) {
	next := make([]byte, m.spec.KeySize)
	var from any
	if key != nil {
		from = key
	}
	if err := m.m.NextKey(from, next); err != nil {
		return nil, m.failed("iterate", err)
	}
	return next, nil
}

// Elems returns copies of all elements, in the kernel's order. Elements that
// are added or removed meanwhile may be missed or returned.
func (m *Map) Elems() ([]ir.MapElem, error) {
	var elems []ir.MapElem
	var key []byte
	for {
		next, err := m.NextKey(key)
		if errors.Is(err, unix.ENOENT) {
			return elems, nil
		}
		if err != nil {
			return nil, err
		}
		key = next
		value, err := m.Lookup(key)
		if errors.Is(err, unix.ENOENT) {
			continue
		}
		if err != nil {
			return nil, err
		}
		elems = append(elems, ir.MapElem{Key: key, Value: value})
	}
}

// Close gives the map back, and the maps that were created with it. Further
// calls do nothing.
func (m *Map) Close() error {
	errs := []error{m.m.Close()}
	for _, h := range m.held {
		errs = append(errs, h.Close())
	}
	m.held = nil
	return errors.Join(errs...)
}

// mapError is a failed operation: the errno for code, words for people.
type mapError struct {
	verb, name string
	err        error
	errno      unix.Errno
}

func (e *mapError) Error() string {
	return fmt.Sprintf("kernel: %s map %q: %v", e.verb, e.name, e.err)
}

func (e *mapError) Unwrap() []error { return []error{e.errno, e.err} }

// failed wraps err, whose errno the library replaces by errors of its own.
func (m *Map) failed(verb string, err error) error {
	if err == nil {
		return nil
	}
	errno := unix.EINVAL
	switch {
	case errors.Is(err, ebpf.ErrKeyNotExist):
		errno = unix.ENOENT
	case errors.Is(err, ebpf.ErrKeyExist):
		errno = unix.EEXIST
	default:
		errors.As(err, &errno)
	}
	return &mapError{verb, m.spec.Name, err, errno}
}
