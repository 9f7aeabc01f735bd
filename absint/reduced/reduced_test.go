package reduced_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/absint"
	"github.com/bpfproof/bpfproof/absint/interval"
	"github.com/bpfproof/bpfproof/absint/reduced"
	"github.com/bpfproof/bpfproof/absint/tnum"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
)

// TestEmpty: words 1, 3, 9 and 11 and those from 4 to 8 share nothing, which
// Linux 6.18 does not see.
func TestEmpty(t *testing.T) {
	d := reduced.New()
	x := d.Bin(sem.Or, ir.W64, d.Bin(sem.And, ir.W64, d.Top(ir.W64), d.Const(ir.W64, 10)), d.Const(ir.W64, 1))
	require.Equal(t, tnum.T{Value: 1, Mask: 10}, x.A)
	x, _ = d.Refine(sem.UGE, ir.W64, x, d.Const(ir.W64, 4))
	require.Equal(t, "(0x9; 0x2) [0x9,0xb]", x.String())
	x, _ = d.Refine(sem.ULE, ir.W64, x, d.Const(ir.W64, 8))
	require.Equal(t, d.Bottom(), x)
}

// TestLearn: each part tells the other what it cannot see itself.
func TestLearn(t *testing.T) {
	tests := []struct {
		name   string
		w      ir.Width
		a      tnum.T
		b      interval.T
		wantA  string
		lo, hi uint64
	}{
		{"bounds from bits", 64, tnum.T{Value: 0, Mask: 0xfffffffffffffff8}, interval.Unsigned(64, 3, 30), "(0x0; 0x18)", 8, 24},
		{"bits from bounds", 64, tnum.Top(64), interval.Unsigned(64, 0x1230, 0x123f), "(0x1230; 0xf)", 0x1230, 0x123f},
		{"one word left", 64, tnum.T{Value: 1, Mask: 0xf0}, interval.Unsigned(64, 0x32, 0x50), "0x41", 0x41, 0x41},
		{"over the sign", 8, tnum.T{Value: 0, Mask: 0x82}, interval.Unsigned(8, 1, 0x81), "(0x0; 0x82)", 2, 0x80},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, b := reduced.Reduce(tt.w, tt.a, tt.b)
			got := b.Bounds(tt.w)
			require.Equal(t, tt.wantA, a.String())
			require.Equal(t, [2]uint64{tt.lo, tt.hi}, [2]uint64{got.UMin, got.UMax})
		})
	}
}

// TestLow: a comparison in 32 bits tells of a 64-bit word, and of more than its
// low half where the rest is known.
func TestLow(t *testing.T) {
	d := reduced.New()
	word := d.Resize(d.Top(ir.W32), ir.W32, ir.W64, false)
	low, _ := d.Refine(sem.SLT, ir.W32, d.Top(ir.W32), d.Const(ir.W32, 10))
	low, _ = d.Refine(sem.SGE, ir.W32, low, d.Const(ir.W32, 2))
	require.Equal(t, "(0x0; 0xf) [0x2,0x9]", d.RefineLow(ir.W64, ir.W32, word, low).String())
	free := d.RefineLow(ir.W64, ir.W32, d.Top(ir.W64), low)
	require.Equal(t, tnum.T{Value: 0, Mask: 0xffffffff0000000f}, free.A)
	require.Equal(t, "u64=[2,18446744069414584329] s64=[-9223372036854775806,9223372032559808521] u32=[2,9]", free.B.Format(ir.W64))
	require.Equal(t, d.Bottom(), d.RefineLow(ir.W64, ir.W32, d.Const(ir.W64, 1), low))
	var _ absint.Narrower[reduced.T] = d
}
