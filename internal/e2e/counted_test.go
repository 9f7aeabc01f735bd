package e2e

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/internal/long"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/kernel"
	"github.com/bpfproof/bpfproof/verifier"
)

// counted draws a program that counts in callbacks of bpf_loop, calls within calls,
// and uses what it counted as an index; most is the greatest it can come to.
func counted(r *rand.Rand) (text string, most int) {
	outer, inner, add := r.IntN(6), r.IntN(5), 1+r.IntN(3)
	count := fmt.Sprintf("r1 = %d", outer)
	if r.IntN(3) == 0 { // a count that is not known, but for its bits
		outer = 3
		count = "call get_prandom_u32\nr1 = r0\nr1 &= 3"
	}
	body := fmt.Sprintf("r3 = *(u64 *)(r2 + 0)\nr3 += %d\n*(u64 *)(r2 + 0) = r3\n", add)
	calls, first, rest := outer, "", ""
	switch r.IntN(3) {
	case 0:
		first = fmt.Sprintf("r3 = r2\nr1 = %d\nr2 = func[body]\nr4 = 0\ncall loop\n", inner)
		rest = ".func body\n" + body + "r0 = 0\nexit\n"
		calls = outer * inner
	case 1:
		first = body
	default:
		first = body + fmt.Sprintf("r0 = 1\nif r3 > %d goto out\n", r.IntN(6))
	}
	text = ".type xdp\n.license GPL\n.map m array key 4 value %d entries 1\n*(u64 *)(r10 - 8) = 0\n" + count +
		"\nr2 = func[first]\nr3 = r10\nr3 += -8\nr4 = 0\ncall loop\nr1 = *(u64 *)(r10 - 8)\nr2 = map[m] + 0\nr2 += r1\nr0 = *(u8 *)(r2 + 0)\nr0 = 2\nexit\n" +
		".func first\n" + first + "r0 = 0\nout: exit\n" + rest
	return text, calls * add
}

// TestCounted: random programs whose safety hangs on how often bpf_loop calls back.
// What is accepted passes recheck and its runs lie in the invariants; what the kernel
// accepts is accepted, and what it refuses is refused.
func TestCounted(t *testing.T) {
	v, err := verifier.New(verifier.Policy{Domain: Domain})
	require.NoError(t, err)
	live := kernel.Available() == nil
	accepted, total := 0, long.N(200, 5000)
	r := rand.New(rand.NewPCG(5, 0))
	for i := range total {
		form, most := counted(r)
		p, err := asm.Parse("counted", fmt.Sprintf(form, max(1, most+r.IntN(4)-1)))
		require.NoError(t, err, form)
		ok, _, err := invariantCase(t, v, p, []runtime.Input{{Data: make([]byte, 64)}})
		require.NoError(t, err, "program %d", i)
		if ok {
			accepted++
		}
		if live {
			k, err := kernel.Verify(p, kernel.Options{})
			require.NoError(t, err)
			if k.Verdict == kernel.Unknown { // a mistake of its own: see callback_count_zero_inner.s
				require.Contains(t, k.Reason, "verifier bug", text(p))
				continue
			}
			require.Equal(t, k.Verdict == kernel.Accept, ok, "program %d: the kernel says: %v %s\n%s", i, k.Verdict, k.Reason, text(p))
		}
	}
	t.Logf("%d programs, %d accepted", total, accepted)
	require.Greater(t, 4*accepted, total)
	require.Less(t, 4*accepted, 3*total)
}
