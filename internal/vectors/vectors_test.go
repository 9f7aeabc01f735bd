package vectors

import (
	"os"
	"path/filepath"
	"testing"

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
