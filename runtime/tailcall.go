package runtime

import (
	"encoding/binary"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/runtime/maps"
)

// SetTail puts program p into the prog_array of that name at the index, where
// tail calls find it from now on, as bpf(2) does with a program's descriptor.
// Map.Delete takes it out again. Both have to be the object's. A program whose
// type is not that of the programs that use the map is refused with EINVAL
// (bpf_prog_map_compatible in kernel/bpf/core.c of Linux 6.18).
func (o *Object) SetTail(mapName string, index uint32, p *Program) error {
	array, ok := o.Map(mapName).(*maps.ProgArray)
	if !ok {
		return fmt.Errorf("runtime: set tail call: map %q: %w: it is no prog_array of the object", mapName, unix.EINVAL)
	}
	return o.setTail(array, mapName, index, p)
}

// fillTails sets the elements that the specs of program arrays name.
func (o *Object) fillTails() error {
	for _, m := range o.maps.all {
		array, ok := m.(*maps.ProgArray)
		if !ok {
			continue
		}
		for _, e := range m.Spec().Contents {
			if p := o.byName[e.Program]; p != nil && len(e.Key) == 4 {
				if err := o.setTail(array, m.Spec().Name, binary.NativeEndian.Uint32(e.Key), p); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (o *Object) setTail(array *maps.ProgArray, mapName string, index uint32, p *Program) error {
	id := slices.Index(o.programs, p)
	if id < 0 {
		return fmt.Errorf("runtime: set tail call: map %q: %w: the program is not of the object", mapName, unix.EINVAL)
	}
	for _, user := range o.programs {
		if slices.Contains(user.maps, maps.Map(array)) && user.spec.Type != p.spec.Type {
			return fmt.Errorf("runtime: set tail call: map %q: %w: program %q is a %v, and %q, which uses the map, a %v",
				mapName, unix.EINVAL, p.Name(), p.spec.Type, user.Name(), user.spec.Type)
		}
	}
	if err := array.Set(index, uint32(id+1), p.engine); err != nil {
		return fmt.Errorf("runtime: set tail call: map %q: %w", mapName, err)
	}
	return nil
}
