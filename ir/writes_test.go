package ir_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
)

// TestWrites: which register an instruction names and writes.
func TestWrites(t *testing.T) {
	for _, k := range []struct {
		in    ir.Insn
		write ir.Reg
		ok    bool
	}{
		{ir.Insn{Op: ir.OpALU(ir.Add, ir.W64, ir.X), Dst: ir.R10, Src: ir.R1}, ir.R10, true},
		{ir.Insn{Op: ir.OpLoad(ir.W8, false), Dst: ir.R3, Src: ir.R10}, ir.R3, true},
		{ir.Insn{Op: ir.OpExit()}, 0, false},
	} {
		r, ok := k.in.Writes()
		require.Equal(t, k.ok, ok, "%v", k.in.Op)
		require.Equal(t, k.ok && k.write == ir.FP, k.in.WritesFP(), "%v", k.in.Op)
		if ok {
			require.Equal(t, k.write, r, "%v", k.in.Op)
		}
	}
}
