package helpers_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/kernel"
)

// quirks are programs that Linux 6.18 runs otherwise than it says (BUGS.md).
var quirks = []struct {
	name, text string
	ours       int32
	kernel     []int32 // with the error, and without
}{
	// The length of the whole text is promised; what was expanded before the
	// memory was full is left out: "........1.2.3.4" and its end are 16 bytes.
	{"snprintf does not count addresses that do not fit", stored("f", "........%pI4") + `
	*(u32 *)(r10 - 4) = 0x04030201
	r1 = r10
	r1 += -4
	*(u64 *)(r10 - 16) = r1
	r1 = r10
	r1 += -24
	r2 = 8
	r3 = map[f] + 0
	r4 = r10
	r4 += -16
	r5 = 8
	call snprintf
	exit
`, 16, []int32{9, 16}},
	// Growing the head by more than the headroom moves the mark of a transport
	// header that nobody set, which then counts as set.
	{"skb_change_tail refuses after the head was moved", `
	r6 = r1
	r2 = 200
	r3 = 1
	r4 = 0
	call skb_adjust_room
	r1 = r6
	r2 = 100
	r3 = 0
	call skb_change_tail
	exit
`, 0, []int32{-22, 0}},
}

// TestQuirks runs them here and in the live kernel.
func TestQuirks(t *testing.T) {
	if err := kernel.Available(); errors.Is(err, unix.EPERM) {
		t.Skipf("the live kernel is not asked: %v", err)
	}
	in := make([]byte, 200)
	copy(in[12:], []byte{8, 0})
	for _, q := range quirks {
		t.Run(q.name, func(t *testing.T) {
			p, err := asm.Parse("p", ".type sched_cls\n.license GPL\n"+q.text)
			require.NoError(t, err)
			p.FindFuncs()
			k, err := kernel.Load(p, kernel.Options{})
			require.NoError(t, err)
			defer k.Close()
			got, err := k.TestRun(in, nil, 1)
			require.NoError(t, err)
			require.Contains(t, q.kernel, int32(got.Ret))
			t.Logf("the kernel: %d", int32(got.Ret))
			for name, e := range engines(t, p) {
				got, err := e.Run(t.Context(), runtime.Input{Data: in})
				require.NoError(t, err, name)
				require.Equal(t, q.ours, int32(got.Ret), name)
			}
		})
	}
}
