package x86

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/arch/x86/x86asm"
)

// TestDecoderQuirks holds what BUGS.md says of x86asm, and that Decode is not
// led astray by it. Where x86asm mends a bug, its line there goes.
func TestDecoderQuirks(t *testing.T) {
	load := []byte{0x48, 0x8b, 0x80, 0xf8, 0xff, 0xff, 0xff} // mov rax, [rax-8], 32-bit displacement
	theirs, err := x86asm.Decode(load, 64)
	require.NoError(t, err)
	require.Equal(t, int64(0xfffffff8), theirs.Args[1].(x86asm.Mem).Disp, "x86asm gives the displacement its sign now")
	ours, err := Decode(load, 0)
	require.NoError(t, err)
	require.Equal(t, int64(-8), ours.Args[1].Mem.Disp)

	umwait := []byte{0xf2, 0x0f, 0xae, 0xf0} // umwait eax
	theirs, err = x86asm.Decode(umwait, 64)
	require.NoError(t, err)
	require.Equal(t, x86asm.MFENCE, theirs.Op, "x86asm tells umwait from mfence now")
	_, err = Decode(umwait, 0)
	require.Error(t, err)
}
