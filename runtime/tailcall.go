package runtime

import (
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
	id := slices.Index(o.programs, p)
	switch {
	case !ok:
		return fmt.Errorf("runtime: set tail call: map %q: %w: it is no prog_array of the object", mapName, unix.EINVAL)
	case id < 0:
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
