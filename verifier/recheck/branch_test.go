package recheck_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/verifier"
	"github.com/bpfproof/bpfproof/verifier/recheck"
)

// TestBranches: programs whose branches cannot go one way, so that the verifier
// has no record there.
func TestBranches(t *testing.T) {
	const random = ".type xdp\n.license GPL\ncall get_prandom_u32\nr7 = r0\n"
	const bad = "\nr0 = *(u8 *)(r0 + 0)\nout: r0 = 0\nexit"
	for _, text := range []string{
		random + "r7 += -1\nif r7 != r0 goto out" + bad, // x - 1 is never x
		random + "if r7 == r0 goto out" + bad,
		random + "if r7 < r0 goto bad\ngoto out\nbad:" + bad,
		random + "r7 &= 7\nif r7 > 7 goto bad\ngoto out\nbad:" + bad,
	} {
		p, err := asm.Parse("p", text)
		require.NoError(t, err, text)
		v, err := verifier.New(verifier.Policy{})
		require.NoError(t, err)
		r, err := v.Verify(t.Context(), p, nil)
		require.NoError(t, err)
		require.Equal(t, verifier.Accept, r.Verdict, "%s: %v", text, r.Findings)
		data, err := r.Invariants.Data()
		require.NoError(t, err)
		got := recheck.Program(p, data)
		require.Equal(t, recheck.Confirmed, got.Verdict, "%s: %s", text, got.Reason)
	}
}
