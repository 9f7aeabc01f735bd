package vectors

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/cilium/ebpf/btf"

	"github.com/bpfproof/bpfproof/ir"
)

// Numbers of the BTF header (struct btf_header in include/uapi/linux/btf.h).
const (
	btfMagic     = 0xeb9f
	btfVersion   = 1
	btfHeaderLen = 24
)

// readTypes reads BTF from its two sections.
func readTypes(types, strs string) (*btf.Spec, error) {
	t, err := hex.DecodeString(types)
	if err != nil {
		return nil, err
	}
	s, err := hex.DecodeString(strs)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	for _, x := range []any{uint16(btfMagic), uint8(btfVersion), uint8(0), uint32(btfHeaderLen),
		uint32(0), uint32(len(t)), uint32(len(t)), uint32(len(s))} {
		if err := binary.Write(&b, binary.LittleEndian, x); err != nil {
			return nil, err
		}
	}
	b.Write(t)
	b.Write(s)
	return btf.LoadSpecFromReader(bytes.NewReader(b.Bytes()))
}

// fields lists what the map's values hold that is no plain bytes.
func (m *Map) fields() ([]ir.ValueField, error) {
	spec, err := readTypes(m.BTFTypes, m.BTFStrings)
	if err != nil {
		return nil, fmt.Errorf("read BTF: %w", err)
	}
	t, err := spec.TypeByID(btf.TypeID(m.ValueTypeID))
	if err != nil {
		return nil, fmt.Errorf("read BTF: %w", err)
	}
	return fieldsOf(nil, t, 0, 0)
}

// maxNesting bounds how deep structures are followed.
const maxNesting = 8

func fieldsOf(fields []ir.ValueField, t btf.Type, off uint32, depth int) ([]ir.ValueField, error) {
	if depth > maxNesting {
		return nil, fmt.Errorf("read BTF: type %s is nested too deep", t.TypeName())
	}
	size, err := btf.Sizeof(t)
	if err != nil {
		return nil, err
	}
	if k, ok := specialType(t); ok {
		return append(fields, ir.ValueField{Kind: k, Off: off, Size: uint32(size)}), nil
	}
	st, ok := btf.UnderlyingType(t).(*btf.Struct)
	if !ok {
		return fields, nil
	}
	for _, m := range st.Members {
		if fields, err = fieldsOf(fields, m.Type, off+m.Offset.Bytes(), depth+1); err != nil {
			return nil, err
		}
	}
	return fields, nil
}

// specialType tells whether values of the type are kernel objects. All of
// theirs are structures whose names begin with "bpf_", or tagged pointers.
func specialType(t btf.Type) (ir.ValueFieldKind, bool) {
	switch u := btf.UnderlyingType(t).(type) {
	case *btf.Struct:
		switch {
		case u.Name == "bpf_spin_lock":
			return ir.SpinLockField, true
		case u.Name == "bpf_timer":
			return ir.TimerField, true
		case strings.HasPrefix(u.Name, "bpf_"):
			return ir.OtherField, true
		}
	case *btf.Pointer:
		if _, tagged := u.Target.(*btf.TypeTag); tagged {
			return ir.KptrField, true
		}
	}
	return ir.OtherField, false
}
