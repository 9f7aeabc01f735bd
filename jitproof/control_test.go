package jitproof_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/jitproof"
)

// requireProved compiles a program and proves the code.
func requireProved(t *testing.T, p *ir.Program) {
	t.Helper()
	c, err := jitproof.New(solver(t), jitproof.Options{}).Validate(t.Context(), p, compile(t, p))
	require.NoError(t, err)
	require.Equal(t, jitproof.Proved, c.Status, explain(p, c))
}

// controls are programs in which control flow is more than a jump.
var controls = map[string]string{
	"may_goto ahead": `
	r0 = 0
again:
	may_goto out
	r0 += 1
	goto again
out:
	exit
`,
	"may_goto back": `
	r0 = 0
again:
	r0 += 1
	may_goto again
	may_goto next
next:
	exit
`,
	"may_goto in a function that saves registers and has a stack": `
	r1 = 5
	call f
	exit
f:
	r6 = r1
	*(u64 *)(r10 - 8) = r6
again:
	may_goto out
	r7 = *(u64 *)(r10 - 8)
	r7 += 1
	*(u64 *)(r10 - 8) = r7
	goto again
out:
	r0 = *(u64 *)(r10 - 8)
	exit
`,
	"tail call": `
.map progs prog_array key 4 value 4 entries 3
	r6 = r1
	*(u64 *)(r10 - 8) = 1
	r2 = map[progs]
	r3 = 2
	call tail_call
	r1 = r6
	r2 = map[progs]
	r3 = 1
	call tail_call
	r0 = 7
	exit
`,
	"tail call in a function": `
.map progs prog_array key 4 value 4 entries 3
	call f
	r0 += 1
	exit
f:
	r2 = map[progs]
	r3 = 2
	call tail_call
	r0 = 7
	exit
`,
	"callback": `
	r1 = 10
	r2 = func[f]
	r3 = r10
	r3 += -8
	*(u64 *)(r3 + 0) = 0
	r4 = 0
	call 181
	r0 = *(u64 *)(r10 - 8)
	exit
f:
	r3 = *(u64 *)(r2 + 0)
	r3 += r1
	*(u64 *)(r2 + 0) = r3
	r0 = 0
	exit
`,
	"no frame": `
	r0 = r1
	r0 += r2
	call f
	exit
f:
	r0 = 3
	exit
`,
}

func TestControlFlow(t *testing.T) {
	for name, text := range controls {
		t.Run(name, func(t *testing.T) { requireProved(t, parse(t, text)) })
	}
}

// TestPacketLoads proves LD_ABS and LD_IND with the index in every register
// and with offsets at the edges of an immediate.
func TestPacketLoads(t *testing.T) {
	for _, w := range []int{8, 16, 32} {
		text := "r6 = r1\n"
		for _, off := range []int{0, 5, 0x7fffffff, -0x200000} {
			text += fmt.Sprintf("r0 = *(u%d *)skb[%d]\n", w, off)
		}
		for r := range 10 {
			for _, off := range []int{0, 14, -1} {
				text += fmt.Sprintf("r%d = 7\nr6 = r7\nr0 = *(u%d *)skb[r%d %s]\n", r, w, r, fmt.Sprintf("%+d", off)[:1]+" "+fmt.Sprint(max(off, -off)))
			}
		}
		requireProved(t, parse(t, text+"exit\n"))
	}
}

// TestFrameIsSmall: functions that do not use r10 have no stack.
func TestFrameIsSmall(t *testing.T) {
	code := compile(t, parse(t, controls["no frame"]))
	for _, f := range code.Funcs {
		require.Zero(t, f.Frame.Stack)
		require.Zero(t, f.Frame.Size)
	}
	require.EqualValues(t, ir.StackSize, compile(t, parse(t, controls["callback"])).Funcs[0].Frame.Stack)
}
