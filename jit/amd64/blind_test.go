package amd64_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jit/amd64"
)

// chosen are constants that somebody may have chosen for their bytes.
const chosen = `
.map a array key 4 value 8 entries 0x0f05c3c3
	r6 = r1
	*(u32 *)(r10 - 4) = 0x0f05c3c3
	*(u64 *)(r10 - 16) = -0x0f05c3c3
	r0 = 0x0f05c3c30f05c3c3 ll
	r0 += 0x0f05c3c3
	w0 ^= 0x0f05c3c3
	r0 &= 0x0f05c3c3
	r0 /= 0x0f05c3c3
	r0 s%= 0x0f05c3c3
	if r0 > 0x0f05c3c3 goto out
	r3 = r0
	if w0 == 0x0f05c3c3 goto next
	r3 = 0x0f05c3c3
next:
	r0 *= r3
	r1 = map[a]
	r2 = r10
	r2 += -4
	call map_lookup_elem
	r0 = *(u8 *)skb[r0 + 0x0f05c3c3]
	r0 = *(u8 *)skb[0x0f05c3c3]
out:
	exit
`

// TestBlinded: no constant of the program is in the text, for any seed, and every
// seed gives other text.
func TestBlinded(t *testing.T) {
	p, err := asm.Parse("chosen", chosen)
	require.NoError(t, err)
	has := func(code *jit.Code) bool {
		for _, x := range []uint32{0x0f05c3c3, ^uint32(0x0f05c3c3) + 1} {
			if bytes.Contains(code.Text, binary.LittleEndian.AppendUint32(nil, x)) {
				return true
			}
		}
		return false
	}
	plain, err := amd64.NewTier(target(), jit.Options{Tier: jit.Optimising})
	require.NoError(t, err)
	code, err := jit.Compile(plain, p)
	require.NoError(t, err)
	require.True(t, has(code), "the test has to be able to fail")
	seen := map[string]bool{}
	for seed := range uint64(128) {
		tier := []jit.Tier{jit.Optimising, jit.Baseline}[seed%2]
		b, err := amd64.NewTier(target(), jit.Options{Tier: tier, Harden: true, Seed: seed})
		require.NoError(t, err)
		code, err := jit.Compile(b, p)
		require.NoError(t, err)
		require.False(t, has(code), "seed %d: % x", seed, code.Text)
		require.False(t, seen[string(code.Text)])
		seen[string(code.Text)] = true
	}
}

// TestOptions: what a tier does not do is an error.
func TestOptions(t *testing.T) {
	_, err := amd64.NewTier(target(), jit.Options{Tier: jit.Optimising, Off: []string{"fold", "magic"}})
	require.EqualError(t, err, `amd64: switch off pass "magic": there is none of that name`)
	b, err := amd64.NewTier(target(), jit.Options{})
	require.NoError(t, err)
	require.Equal(t, "amd64", b.Arch())
	_, err = b.Compile(&ir.Program{Name: "p", Insns: []ir.Insn{{Op: ir.OpExit()}}})
	require.ErrorContains(t, err, "its functions are not listed")
}
