package runtime

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/runtime/maps"
)

// CreateMaps makes the maps that a program refers to, in the order of p.Maps.
// Specs that are the same one, or have the same non-empty name, become one
// map, listed as often. The caller closes them.
func CreateMaps(p *ir.Program) ([]maps.Map, error) {
	s := newMapSet()
	ms, err := s.bind(p)
	if err != nil {
		s.close()
		return nil, err
	}
	return ms, nil
}

// mapSet is the maps of an object: programs share them by name. They share
// epochs too, so a run enters once.
type mapSet struct {
	epochs *maps.Epochs
	bySpec map[*ir.MapSpec]maps.Map
	byName map[string]maps.Map
	all    []maps.Map
	pins   map[string]string // files by map name
	dir    string            // of maps that are pinned by name
}

func newMapSet() *mapSet {
	return &mapSet{epochs: maps.NewEpochs(), bySpec: map[*ir.MapSpec]maps.Map{}, byName: map[string]maps.Map{}}
}

func (s *mapSet) bind(p *ir.Program) ([]maps.Map, error) {
	ms := make([]maps.Map, 0, len(p.Maps))
	for i, spec := range p.Maps {
		m, err := s.open(spec)
		if err != nil {
			return nil, fmt.Errorf("runtime: create map %d of program %q: %w", i, p.Name, err)
		}
		ms = append(ms, m)
	}
	return ms, nil
}

func (s *mapSet) open(spec *ir.MapSpec) (maps.Map, error) {
	if m, ok := s.bySpec[spec]; ok {
		return m, nil
	}
	if m, ok := s.byName[spec.Name]; ok && spec.Name != "" {
		if !sameShape(m.Spec(), spec) {
			return nil, fmt.Errorf("map %q: two programs describe it differently", spec.Name)
		}
		s.bySpec[spec] = m
		return m, nil
	}
	opts := []maps.Option{maps.In(s.epochs)}
	path, err := s.pin(spec)
	if err != nil {
		return nil, err
	}
	if path != "" {
		opts = append(opts, maps.Pin(path))
	}
	m, err := maps.New(spec, opts...)
	if err != nil {
		return nil, err
	}
	s.bySpec[spec] = m
	if spec.Name != "" {
		s.byName[spec.Name] = m
	}
	s.all = append(s.all, m)
	return m, s.nest(m, spec)
}

// pin returns the file that a map is kept in, "" for none.
func (s *mapSet) pin(spec *ir.MapSpec) (string, error) {
	if path, ok := s.pins[spec.Name]; ok && spec.Name != "" {
		return path, nil
	}
	if !spec.PinByName {
		return "", nil
	}
	if s.dir == "" || spec.Name == "" || strings.ContainsAny(spec.Name, "/\x00") || spec.Name == "." || spec.Name == ".." {
		return "", fmt.Errorf("map %q: it is to be pinned by its name: want a name, and a directory in Options.PinDir", spec.Name)
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return "", fmt.Errorf("map %q: pin: %w", spec.Name, err)
	}
	return filepath.Join(s.dir, spec.Name), nil
}

// nest opens the maps that are elements of a map.
func (s *mapSet) nest(m maps.Map, spec *ir.MapSpec) error {
	for i, e := range spec.Contents {
		if e.Map == nil {
			continue
		}
		o, ok := m.(maps.Outer)
		if !ok {
			return fmt.Errorf("map %q: element %d is a map", spec.Name, i)
		}
		inner, err := s.open(e.Map)
		if err != nil {
			return err
		}
		if err := o.SetMap(e.Key, inner, 0); err != nil {
			return fmt.Errorf("fill map %q: element %d: %w", spec.Name, i, err)
		}
	}
	return nil
}

func sameShape(a, b *ir.MapSpec) bool {
	return a.Type == b.Type && a.KeySize == b.KeySize && a.ValueSize == b.ValueSize && a.MaxEntries == b.MaxEntries &&
		a.Flags == b.Flags && a.Frozen == b.Frozen
}

func (s *mapSet) close() {
	for _, m := range s.all {
		m.Close()
	}
}
