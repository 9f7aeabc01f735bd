package jitproof_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jit/amd64"
	"github.com/bpfproof/bpfproof/jitproof"
)

// TestFrameWriteTraps: code for a write of r10, which no run reaches, is proved
// if it is a trap, and unknown if it is anything else.
func TestFrameWriteTraps(t *testing.T) {
	p, err := asm.Parse("dead.s", ".type xdp\n r0 = 0\n if r0 == 1 goto bad\n goto out\nbad:\n r10 = 0\nout:\n exit\n")
	require.NoError(t, err)
	code, err := jit.Compile(amd64.New(jit.Target{}), p)
	require.NoError(t, err)
	v := jitproof.New(nil, jitproof.Options{})
	cert, err := v.Validate(t.Context(), p, code)
	require.NoError(t, err)
	require.Equal(t, jitproof.Proved, cert.Status)

	at := code.PCMap[3]
	require.Equal(t, []byte{0x0f, 0x0b}, code.Text[at:at+2])
	code.Text[at], code.Text[at+1] = 0x90, 0x90
	cert, err = v.Validate(t.Context(), p, code)
	require.NoError(t, err)
	require.NotEqual(t, jitproof.Proved, cert.Status)
}
