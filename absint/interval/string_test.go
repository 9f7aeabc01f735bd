package interval_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/absint/interval"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
)

func TestFormat(t *testing.T) {
	d := interval.Domain{}
	signed, _ := d.Refine(sem.SGE, ir.W64, d.Top(ir.W64), d.Const(ir.W64, ^uint64(4)))
	signed, _ = d.Refine(sem.SLE, ir.W64, signed, d.Const(ir.W64, 7))
	tests := []struct {
		e            interval.T
		short, whole string
	}{
		{d.Bottom(), "bottom", "bottom"},
		{d.Const(ir.W64, 26), "0x1a", "26"},
		{d.Top(ir.W64), "[0x0,0xffffffffffffffff]", "top"},
		{interval.Unsigned(ir.W64, 3, 9), "[0x3,0x9]", "u64=[3,9]"},
		{signed, "[0x0,0xffffffffffffffff]", "s64=[-5,7]"},
		{d.Bin(sem.URem, ir.W64, d.Top(ir.W64), d.Const(ir.W64, 10)), "[0x0,0x9]", "u64=[0,9]"},
	}
	for _, tt := range tests {
		require.Equal(t, tt.short, tt.e.String())
		require.Equal(t, tt.whole, tt.e.Format(ir.W64))
	}
}
