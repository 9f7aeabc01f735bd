package elf

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/special"
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
	return rd.resolve()
}

func (rd *reader) mapSpec(name string, s *ebpf.MapSpec) (*ir.MapSpec, error) {
	m := &ir.MapSpec{
		Name: name, Type: ir.MapType(s.Type), KeySize: s.KeySize, ValueSize: s.ValueSize,
		MaxEntries: s.MaxEntries, Flags: s.Flags, Extra: s.MapExtra, PinByName: s.Pinning == ebpf.PinByName,
	}
	if bss, ok := strings.CutPrefix(name, renamed+".bss."); ok && rd.file.Section(name) == nil {
		m.Name = ".bss." + bss
		s = s.Copy()
		var ds *btf.Datasec
		if rd.spec.Types != nil && rd.spec.Types.TypeByName(m.Name, &ds) == nil {
			s.Key, s.Value = &btf.Void{}, ds
		}
	}
	if s.Key != nil || s.Value != nil {
		m.BTF = &MapTypes{Key: s.Key, Value: s.Value}
	}
	fail := func(format string, args ...any) error {
		return rd.errorf(rd.sectionOf(name), name, -1, format, args...)
	}
	if s.Value != nil {
		fields, err := special.Fields(s.Value)
		if err != nil {
			return nil, fail("%w", err)
		}
		m.Fields = fields
	}
	if s.Extra != nil {
		// Other loaders put fields of their own behind those of the definition.
		if rest, err := io.ReadAll(s.Extra); err != nil || len(bytes.Trim(rest, "\x00")) > 0 {
			return nil, fail("fields behind those of struct bpf_map_def are %w: they hold %x", ErrUnsupported, rest)
		}
	}
	if s.InnerMap != nil {
		inner, err := rd.mapSpec(name+".inner", s.InnerMap)
		if err != nil {
			return nil, err
		}
		m.Inner = inner
	}
	for _, kv := range s.Contents {
		e, err := rd.element(m, kv)
		if err != nil {
			return nil, fail("%w", err)
		}
		m.Contents = append(m.Contents, e)
	}
	m.Frozen = strings.HasPrefix(name, ".rodata") && s.Flags&flagReadOnlyProg != 0
	return m, nil
}

// element returns an initial element: bytes, or what the value refers to by
// name. References to maps are names until all maps are read: see resolve.
func (rd *reader) element(m *ir.MapSpec, kv ebpf.MapKV) (ir.MapElem, error) {
	var e ir.MapElem
	var ok bool
	if e.Key, ok = asBytes(kv.Key); !ok || len(e.Key) != int(m.KeySize) {
		return e, fmt.Errorf("an initial element has the key %v, the map keys of %d bytes", kv.Key, m.KeySize)
	}
	if name, ok := kv.Value.(string); ok {
		if m.Type != ir.ProgArray {
			rd.refs = append(rd.refs, elemRef{m, len(m.Contents), name})
		} else {
			e.Program = name
		}
		return e, nil
	}
	if e.Value, ok = asBytes(kv.Value); !ok || len(e.Value) != int(m.ValueSize) {
		return e, fmt.Errorf("an initial element has another value than %d bytes", m.ValueSize)
	}
	return e, nil
}

// elemRef is an element whose value is a map.
type elemRef struct {
	m    *ir.MapSpec
	elem int
	name string
}

// resolve puts the maps in the place of the names that elements give.
func (rd *reader) resolve() error {
	for _, r := range rd.refs {
		to := rd.byName[r.name]
		if to == nil {
			return rd.errorf(rd.sectionOf(r.m.Name), r.m.Name, -1, "an initial element refers to %q, which is no map", r.name)
		}
		r.m.Contents[r.elem].Map = to
	}
	return nil
}

// resolvePrograms refuses elements of program arrays that no program has the
// name of.
func (rd *reader) resolvePrograms(obj *Object) error {
	for _, m := range obj.Maps {
		for _, e := range m.Contents {
			if e.Program != "" && obj.Program(e.Program) == nil {
				return rd.errorf(rd.sectionOf(m.Name), m.Name, -1, "an initial element refers to %q, which is no program", e.Program)
			}
		}
	}
	return nil
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
