package native_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/ir/asm"
)

func parse(tb testing.TB, text string) *ir.Program {
	tb.Helper()
	p, err := asm.Parse("test.s", text)
	require.NoError(tb, err)
	if len(p.Funcs) == 0 {
		p.FindFuncs()
	}
	return p
}

// TestMayGoto: every call of a function may go round as often as the kernel
// allows, whichever way the jump leads.
func TestMayGoto(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       uint64
	}{
		{"ahead", "r0 = 0\nagain:\nmay_goto out\nr0 += 1\ngoto again\nout:\nexit", abi.MayGotoLimit},
		{"back", "r0 = 0\nagain:\nr0 += 1\nmay_goto done\ngoto again\ndone:\nexit", abi.MayGotoLimit + 1},
		{"two share the count", "r0 = 0\nagain:\nmay_goto out\nmay_goto out\nr0 += 1\ngoto again\nout:\nexit", abi.MayGotoLimit / 2},
		{"stays used up", "r0 = 0\nagain:\nmay_goto next\nr0 += 1\ngoto again\nnext:\nmay_goto out\nr0 = 0\nout:\nexit", abi.MayGotoLimit},
		{"a frame each", "call f\nr6 = r0\ncall f\nr0 += r6\nexit\nf:\nr0 = 0\nagain:\nmay_goto out\nr0 += 1\ngoto again\nout:\nexit", 2 * abi.MayGotoLimit},
		{"back, unused", "goto start\nback:\nr0 = 7\nexit\nstart:\nmay_goto back\nr0 = 1\nexit", 1},
		{"back, used up", "goto start\nback:\nr0 = 7\nexit\nstart:\nmay_goto used\ngoto start\nused:\nmay_goto back\nr0 = 1\nexit", 7},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, _ := newRun(t, parse(t, tt.text), nil)
			ret, err := r.Call(0, 0)
			require.NoError(t, err)
			require.Equal(t, tt.want, ret)
		})
	}
}
