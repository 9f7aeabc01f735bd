package jitproof_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jitproof"
)

// TestSlicesOfWideWords: bytes in the middle of a word are the same terms whether the
// word was cut to its lower half first or not, so that no solver is needed, and joined
// loads are recognised.
func TestSlicesOfWideWords(t *testing.T) {
	v := jitproof.New(nil, jitproof.Options{})
	for _, text := range []string{
		"r0 |= r3\nr0 = be16 r0\nr6 = *(u8 *)(r0 + 0)\nr9 = *(u8 *)(r0 + 1)\nw9 <<= 8\nw6 |= w9\nr0 = *(s32 *)(r0 + 16)\nexit\n",
		"r0 *= r2\nr0 = bswap16 r0\nexit\n",
		"w0 = w3\nL:\nr1 += 1\nif w1 & 3 goto L\nw0 += w0\nr2 = *(u8 *)(r0 + 1)\nr1 = *(u8 *)(r0 + 0)\nw1 <<= 8\nw2 |= w1\nr0 = r2\nexit\n",
		"r0 += r2\nr0 = be16 r0\nexit\n",
		"r0 ^= r2\nr0 = be32 r0\nr0 = be16 r0\nexit\n",
	} {
		p, err := asm.Parse("slice.s", text)
		require.NoError(t, err)
		code, err := jit.Compile(optimiser(t, true), p)
		require.NoError(t, err)
		c, err := v.Validate(t.Context(), p, code)
		require.NoError(t, err)
		require.Equal(t, jitproof.Proved, c.Status, explain(p, c))
	}
}

// TestJoinedLoadByAnotherTerm: the address of a joined load is an extension on one side
// and two shifts on the other, which no rule makes the same; the solver does.
func TestJoinedLoadByAnotherTerm(t *testing.T) {
	v := jitproof.New(solver(t), jitproof.Options{})
	const text = "w1 <<= 2\nw1 <<= 16\nw1 s>>= 16\nr1 = (s32)r1\nr2 = *(u8 *)(r1 + %s)\nr3 = *(u8 *)(r1 + 1)\nr3 <<= 8\nr2 ^= r3\nr0 = r2\nexit\n"
	p, err := asm.Parse("joined.s", strings.Replace(text, "%s", "0", 1))
	require.NoError(t, err)
	code, err := jit.Compile(optimiser(t, true), p)
	require.NoError(t, err)
	c, err := v.Validate(t.Context(), p, code)
	require.NoError(t, err)
	require.Equal(t, jitproof.Proved, c.Status, explain(p, c))
	p, err = asm.Parse("other.s", strings.Replace(text, "%s", "2", 1)) // not what the code was made of
	require.NoError(t, err)
	c, err = v.Validate(t.Context(), p, code)
	require.NoError(t, err)
	require.Equal(t, jitproof.Refuted, c.Status)
}
