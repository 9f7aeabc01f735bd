package elf

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"

	"github.com/bpfproof/bpfproof/ir"
)

// MapTypes is the type information of a map that an object defines; it is what
// ir.MapSpec.BTF of such a map holds.
type MapTypes struct {
	Key, Value btf.Type // nil if the object does not say
}

// flagReadOnlyProg is BPF_F_RDONLY_PROG: the program may not write the map.
const flagReadOnlyProg = 1 << 7

// maps fills obj.Maps: the maps of .maps and maps sections, and one array map
// for each section of global variables.
func (rd *reader) maps(obj *Object) error {
	rd.byName, rd.order = map[string]*ir.MapSpec{}, map[*ir.MapSpec]int{}
	at := rd.places()
	for _, name := range inOrder(rd.spec.Maps, at) {
		m, err := rd.mapSpec(name, rd.spec.Maps[name])
		if err != nil {
			return err
		}
		rd.byName[name], rd.order[m] = m, len(obj.Maps)
		obj.Maps = append(obj.Maps, m)
	}
	return nil
}

func (rd *reader) mapSpec(name string, s *ebpf.MapSpec) (*ir.MapSpec, error) {
	m := &ir.MapSpec{
		Name: name, Type: ir.MapType(s.Type), KeySize: s.KeySize, ValueSize: s.ValueSize,
		MaxEntries: s.MaxEntries, Flags: s.Flags,
	}
	if s.Key != nil || s.Value != nil {
		m.BTF = &MapTypes{Key: s.Key, Value: s.Value}
	}
	fail := func(format string, args ...any) error {
		return rd.errorf(rd.sectionOf(name), name, -1, format, args...)
	}
	switch {
	case s.Extra != nil && s.Extra.Len() > 0:
		return nil, fail("%d bytes behind the fields of a map definition are %w", s.Extra.Len(), ErrUnsupported)
	case s.MapExtra != 0:
		return nil, fail("map_extra is %w", ErrUnsupported)
	}
	if s.InnerMap != nil {
		inner, err := rd.mapSpec(name+".inner", s.InnerMap)
		if err != nil {
			return nil, err
		}
		m.Inner = inner
	}
	for _, kv := range s.Contents {
		key, okKey := asBytes(kv.Key)
		value, okValue := asBytes(kv.Value)
		if !okKey || !okValue {
			return nil, fail("an initial element that refers to %v is %w", kv.Value, ErrUnsupported)
		}
		if len(key) != int(m.KeySize) || len(value) != int(m.ValueSize) {
			return nil, fail("an initial element has %d and %d bytes of key and value, the map %d and %d", len(key), len(value), m.KeySize, m.ValueSize)
		}
		m.Contents = append(m.Contents, ir.MapElem{Key: key, Value: value})
	}
	m.Frozen = strings.HasPrefix(name, ".rodata") && s.Flags&flagReadOnlyProg != 0
	return m, nil
}

// asBytes returns the wire form of an initial key or value.
func asBytes(v any) ([]byte, bool) {
	switch v := v.(type) {
	case []byte:
		return v, true
	case uint32:
		return binary.LittleEndian.AppendUint32(nil, v), true
	}
	return nil, false
}

// SetGlobal changes a variable of the object before it is loaded: len(value)
// bytes at the place of the variable, which must have that size.
func (o *Object) SetGlobal(name string, value []byte) error {
	for _, m := range o.Maps {
		types, _ := m.BTF.(*MapTypes)
		if types == nil {
			continue
		}
		sec, ok := types.Value.(*btf.Datasec)
		if !ok || len(m.Contents) != 1 {
			continue
		}
		for _, v := range sec.Vars {
			if v.Type.TypeName() != name {
				continue
			}
			data := m.Contents[0].Value
			if int(v.Size) != len(value) || uint64(v.Offset)+uint64(v.Size) > uint64(len(data)) {
				return fmt.Errorf("elf: set global %q: %d bytes given, it has %d", name, len(value), v.Size)
			}
			copy(data[v.Offset:], value)
			return nil
		}
	}
	return fmt.Errorf("elf: set global %q: %s defines no such variable", name, o.Name)
}
