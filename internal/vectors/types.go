package vectors

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"github.com/cilium/ebpf/btf"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/special"
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

// globals notes the prototypes of functions that are global.
func (v *Vector) globals(p *ir.Program) error {
	if len(v.FuncInfo) == 0 || v.BTFTypes == "" {
		return nil
	}
	spec, err := readTypes(v.BTFTypes, v.BTFStrings)
	if err != nil {
		return fmt.Errorf("read BTF: %w", err)
	}
	for _, info := range v.FuncInfo {
		t, err := spec.TypeByID(btf.TypeID(info[1]))
		if err != nil {
			return fmt.Errorf("read BTF: %w", err)
		}
		i := p.FuncAt(ir.PC(info[0]))
		if f, ok := t.(*btf.Func); ok && i > 0 && p.Funcs[i].PC == ir.PC(info[0]) && f.Linkage == btf.GlobalFunc {
			p.Funcs[i].Global = special.Prototype(f, p.Type)
		}
	}
	return nil
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
	return special.Fields(t)
}
