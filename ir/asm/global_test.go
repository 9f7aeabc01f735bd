package asm_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/asm"
)

// TestGlobals: what a global function takes is read, printed, and read again.
func TestGlobals(t *testing.T) {
	p, err := asm.Parse("p", "r0 = 0\nexit\n.func f global number ctx mem 16 mem 8 null other \"struct x *\" void\nr0 = 0\nexit\n.func g global\nr0 = 0\nexit\n.func h\nr0 = 0\nexit")
	require.NoError(t, err)
	want := []*ir.Prototype{nil, {Params: []ir.Param{{Kind: ir.ParamNumber}, {Kind: ir.ParamCtx}, {Kind: ir.ParamMem, Size: 16},
		{Kind: ir.ParamMem, Size: 8, Null: true}, {Kind: ir.ParamOther, Name: "struct x *"}}, Void: true}, {}, nil}
	var text strings.Builder
	require.NoError(t, asm.Print(&text, p))
	again, err := asm.Parse("p", text.String())
	require.NoError(t, err, text.String())
	for i, f := range want {
		require.True(t, f.Equal(p.Funcs[i].Global), "%+v", p.Funcs[i].Global)
		require.True(t, f.Equal(again.Funcs[i].Global), "%s", text.String())
	}
	for _, bad := range []string{"mem", "mem x", "thing", "number number number number number number", "mem 99999999999", "other"} {
		_, err := asm.Parse("p", "r0 = 0\nexit\n.func f global "+bad+"\nexit")
		require.Error(t, err, bad)
	}
}
