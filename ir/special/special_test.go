package special_test

import (
	"testing"

	"github.com/cilium/ebpf/btf"
	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/special"
)

// TestFields: kernel objects are found wherever a value has them.
func TestFields(t *testing.T) {
	u32 := &btf.Int{Name: "unsigned int", Size: 4}
	lock := &btf.Struct{Name: "bpf_spin_lock", Size: 4, Members: []btf.Member{{Name: "val", Type: u32}}}
	timer := &btf.Struct{Name: "bpf_timer", Size: 16}
	kptr := &btf.Pointer{Target: &btf.TypeTag{Type: &btf.Struct{Name: "task_struct", Size: 8}, Value: "kptr"}}
	value := &btf.Struct{Name: "value", Size: 32, Members: []btf.Member{
		{Name: "n", Type: u32}, {Name: "lock", Type: &btf.Typedef{Name: "lock_t", Type: lock}, Offset: 32},
		{Name: "t", Type: timer, Offset: 64}, {Name: "p", Type: kptr, Offset: 192}}}
	found, err := special.Fields(value)
	require.NoError(t, err)
	want := []ir.ValueField{{Kind: ir.SpinLockField, Off: 4, Size: 4}, {Kind: ir.TimerField, Off: 8, Size: 16}, {Kind: ir.KptrField, Off: 24, Size: 8, Kptr: ir.OwnedKptr, Target: "task_struct"}}
	require.Equal(t, want, found)

	section := &btf.Datasec{Name: ".bss", Size: 40, Vars: []btf.VarSecinfo{{Type: &btf.Var{Name: "v", Type: value}, Offset: 8, Size: 32}}}
	found, err = special.Fields(section)
	require.NoError(t, err)
	require.Equal(t, uint32(12), found[0].Off)
	require.Len(t, found, 3)

	found, err = special.Fields(&btf.Array{Type: kptr, Nelems: 3})
	require.NoError(t, err)
	require.Len(t, found, 3)
	for i, f := range found {
		require.Equal(t, ir.ValueField{Kind: ir.KptrField, Off: uint32(8 * i), Size: 8, Kptr: ir.OwnedKptr, Target: "task_struct"}, f)
	}

	owned := &btf.Pointer{Target: &btf.TypeTag{Type: &btf.Struct{Name: "cgroup"}, Value: "kptr_ref"}}
	found, err = special.Fields(&btf.Struct{Name: "v", Size: 16, Members: []btf.Member{{Name: "p", Type: kptr}, {Name: "q", Type: owned, Offset: 64}}})
	require.NoError(t, err)
	require.Equal(t, []ir.ValueField{{Kind: ir.KptrField, Size: 8, Kptr: ir.PlainKptr, Target: "task_struct"},
		{Kind: ir.KptrField, Off: 8, Size: 8, Kptr: ir.OwnedKptr, Target: "cgroup"}}, found, "the words of kernels before 6.4")

	found, err = special.Fields(&btf.Array{Type: u32, Nelems: 1 << 30})
	require.NoError(t, err)
	require.Empty(t, found)

	_, err = special.Fields(&btf.Array{Type: kptr, Nelems: 1 << 30})
	require.ErrorIs(t, err, special.ErrTooMany)
}
