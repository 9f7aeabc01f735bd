package elf_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/elf"
)

// TestPrototypes: what global functions take is read from the object's types; static
// and hidden ones, and the main program, have none.
func TestPrototypes(t *testing.T) {
	o, err := elf.Load("testdata/prototypes.o")
	require.NoError(t, err)
	number, ctx := ir.Param{Kind: ir.ParamNumber}, ir.Param{Kind: ir.ParamCtx}
	mem := func(size uint32, null bool) ir.Param { return ir.Param{Kind: ir.ParamMem, Size: size, Null: null} }
	other := func(name string) ir.Param { return ir.Param{Kind: ir.ParamOther, Name: name} }
	want := map[string]*ir.Prototype{
		"prototypes":    nil,
		"hidden":        nil,
		"takes_numbers": {Params: []ir.Param{number, number, number, number}},
		"takes_memory":  {Params: []ir.Param{mem(8, true), mem(4, false), mem(24, true)}},
		"takes_context": {Params: []ir.Param{ctx, ctx}},
		"takes_others":  {Params: []ir.Param{other("a pointer"), other("a pointer")}},
		"gives_nothing": {Params: []ir.Param{number}, Void: true},
	}
	require.Len(t, o.Programs, 1)
	require.Len(t, o.Programs[0].Funcs, len(want))
	for _, f := range o.Programs[0].Funcs {
		require.Contains(t, want, f.Name)
		require.True(t, want[f.Name].Equal(f.Global), "%s: want %+v, have %+v", f.Name, want[f.Name], f.Global)
	}
}
