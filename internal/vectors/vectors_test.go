package vectors

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/cilium/ebpf/btf"
	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
)

// BTF of a value { int cnt; struct bpf_spin_lock l; }, as its type and string
// sections.
const (
	lockTypes   = "000000000000000104000000200000010100000001000004040000000f00000001000000000000000f0000000200000408000000130000000100000000000000170000000200000020000000"
	lockStrings = "006270665f7370696e5f6c6f636b0076616c00636e74006c00"
)

func TestFieldsOfValues(t *testing.T) {
	m := Map{Type: "ARRAY", KeySize: 4, ValueSize: 8, MaxEntries: 1, ValueTypeID: 3, BTFTypes: lockTypes, BTFStrings: lockStrings}
	s, err := m.spec()
	require.NoError(t, err)
	require.Equal(t, []ir.ValueField{{Kind: ir.SpinLockField, Off: 4, Size: 4}}, s.Fields)
	require.Nil(t, s.Special(0, 4))
	require.NotNil(t, s.Special(3, 5))
	m.BTFTypes = "00"
	_, err = m.spec()
	require.ErrorContains(t, err, "read BTF")
}

func TestProgram(t *testing.T) {
	exit := "b7000000000000009500000000000000"
	tests := []struct {
		name string
		v    Vector
		want string // part of the error
	}{
		{name: "plain", v: Vector{ProgType: "XDP", Insns: exit}},
		{name: "attach type", v: Vector{ProgType: "SK_LOOKUP", AttachType: "SK_LOOKUP", Insns: exit}},
		{name: "no such type", v: Vector{ProgType: "XYZ", Insns: exit}, want: `program type "XYZ"`},
		{name: "no such attach type", v: Vector{ProgType: "XDP", AttachType: "XYZ", Insns: exit}, want: `attach type "XYZ"`},
		{name: "no such opcode", v: Vector{ProgType: "XDP", Insns: "ff00000000000000"}, want: "unknown opcode"},
		{name: "no hex", v: Vector{ProgType: "XDP", Insns: "zz"}, want: "invalid byte"},
		{name: "no such map", v: Vector{ProgType: "XDP", Insns: exit, Relocs: []Reloc{{Insn: 0, Map: 1}}}, want: "relocation of map 1"},
		{name: "map type", v: Vector{ProgType: "XDP", Insns: exit, Maps: []Map{{Type: "XYZ"}}}, want: `map type "XYZ"`},
		{name: "function without BTF", v: Vector{ProgType: "XDP", Insns: "1842000003000000" + "0000000000000000" + exit + exit}, want: "missing btf func_info"},
		{name: "packet load in a function", v: Vector{ProgType: "SOCKET_FILTER", Insns: "8510000001000000" + "9500000000000000" + "3000000000000000" + "9500000000000000"},
			want: "LD_ABS is not allowed in subprogs without BTF"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := tt.v.Program()
			if tt.want != "" {
				require.ErrorContains(t, err, tt.want)
				return
			}
			require.NoError(t, err)
			require.NoError(t, p.Check())
		})
	}
}

// TestGlobals: a function that BTF says is global has a prototype.
func TestGlobals(t *testing.T) {
	number := &btf.Int{Name: "int", Size: 4, Encoding: btf.Signed}
	proto := &btf.FuncProto{Return: number, Params: []btf.FuncParam{{Name: "x", Type: number}, {Name: "p", Type: &btf.Pointer{Target: number}}}}
	b, err := btf.NewBuilder([]btf.Type{&btf.Func{Name: "f", Type: proto, Linkage: btf.GlobalFunc}, &btf.Func{Name: "g", Type: proto, Linkage: btf.StaticFunc}}, nil)
	require.NoError(t, err)
	raw, err := b.Marshal(nil, nil)
	require.NoError(t, err)
	le := binary.LittleEndian
	types, strs := raw[24:24+le.Uint32(raw[12:])], raw[24+le.Uint32(raw[16:]):]
	spec, err := readTypes(hex.EncodeToString(types), hex.EncodeToString(strs))
	require.NoError(t, err)
	id := func(name string) int {
		var f *btf.Func
		require.NoError(t, spec.TypeByName(name, &f))
		n, err := spec.TypeID(f)
		require.NoError(t, err)
		return int(n)
	}
	const call = "85100000%02x000000"
	v := Vector{ProgType: "XDP", Insns: fmt.Sprintf(call+call, 2, 3) + "9500000000000000" + "b7000000000000009500000000000000" + "b7000000000000009500000000000000",
		FuncInfo: [][2]int{{0, id("g")}, {3, id("f")}, {5, id("g")}}, BTFTypes: hex.EncodeToString(types), BTFStrings: hex.EncodeToString(strs)}
	p, err := v.Program()
	require.NoError(t, err)
	require.NoError(t, p.Check())
	require.Len(t, p.Funcs, 3)
	want := &ir.Prototype{Params: []ir.Param{{Kind: ir.ParamNumber}, {Kind: ir.ParamMem, Size: 4, Null: true}}}
	require.True(t, want.Equal(p.Funcs[1].Global), "%+v", p.Funcs[1].Global)
	require.Nil(t, p.Funcs[0].Global)
	require.Nil(t, p.Funcs[2].Global)
	v.FuncInfo[1][1] = 1000
	_, err = v.Program()
	require.ErrorContains(t, err, "read BTF")
}

func TestTails(t *testing.T) {
	v := Vector{ID: "v", ProgType: "SOCKET_FILTER", Insns: "b7000000000000009500000000000000", Maps: []Map{{Type: "PROG_ARRAY", Name: "p", KeySize: 4, ValueSize: 4, MaxEntries: 4,
		Init: []Elem{{Key: "02000000", Prog: "181100000000000000000000000000009500000000000000", Self: []int{0}}}}}}
	p, err := v.Program()
	require.NoError(t, err)
	tails, err := v.Tails(p)
	require.NoError(t, err)
	require.Len(t, tails, 1)
	require.Equal(t, "p", tails[0].Map)
	require.EqualValues(t, 2, tails[0].Index)
	index, _, ok := tails[0].Program.Insns[0].Map()
	require.True(t, ok)
	require.Zero(t, index)
	require.NoError(t, tails[0].Program.Check())
	v.Maps[0].Init[0].Self = []int{9}
	_, err = v.Tails(p)
	require.ErrorContains(t, err, "insn 9")
}

func TestRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "v.jsonl")
	require.NoError(t, os.WriteFile(path, []byte("{\"id\":\"a\"}\n\n{\"id\":\"b\"}\n"), 0o644))
	all, err := Read(path)
	require.NoError(t, err)
	require.Len(t, all, 2)
	require.NoError(t, os.WriteFile(path, []byte("{\"id\":\"a\"}\n{"), 0o644))
	_, err = Read(path)
	require.ErrorContains(t, err, "v.jsonl:2")
}
