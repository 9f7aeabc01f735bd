package jit_test

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/jit"
)

// toy is a machine whose branches are 2 or 6 bytes: kind, form, displacement.
type toy struct{}

func (toy) BranchForm(uint8) jit.BranchForm {
	return jit.BranchForm{Long: 6, Short: 2, Lo: -20, Hi: 20}
}

func (toy) AppendBranch(t []byte, kind uint8, short bool, disp int32) []byte {
	if short {
		return append(t, kind, byte(disp))
	}
	return binary.LittleEndian.AppendUint32(append(t, kind, 0xff), uint32(disp))
}

func (toy) AppendPadding(t []byte, n int) []byte {
	for range n {
		t = append(t, 0x90)
	}
	return t
}

// TestLayout checks on random programs that every branch leads to its label,
// that relocations move along, and that no branch is long without need.
func TestLayout(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		n := 1 + rng.IntN(40)
		a := jit.NewAssembler(toy{}, n, 0)
		targets := make([]jit.Label, n)
		for i := range n {
			a.Bind(jit.Label(i))
			targets[i] = jit.Label(rng.IntN(n))
			for range rng.IntN(8) {
				a.Text = append(a.Text, 0xee)
			}
			if i%5 == 0 {
				a.Text = append(a.Text, make([]byte, 8)...)
				a.Reloc(jit.Reloc{Map: i, Kind: jit.RelocMapHandle})
			}
			a.Branch(uint8(i), targets[i])
		}
		text, relocs, err := a.Finish()
		require.NoError(t, err)
		at := 0
		for i := range n {
			require.EqualValues(t, at, a.Offset(jit.Label(i)), "label %d", i)
			for text[at] == 0xee && at < len(text) {
				at++
			}
			if i%5 == 0 {
				require.EqualValues(t, at, relocs[0].Off)
				require.Equal(t, i, relocs[0].Map)
				relocs = relocs[1:]
				at += 8
			}
			require.EqualValues(t, i, text[at], "branch %d", i)
			want := int64(a.Offset(targets[i])) - int64(at)
			short := text[at+1] != 0xff || want == -1
			if short {
				require.EqualValues(t, want, int8(text[at+1]), "short branch %d", i)
				at += 2
			} else {
				require.EqualValues(t, want, int32(binary.LittleEndian.Uint32(text[at+2:])), "long branch %d", i)
				require.False(t, want >= -20 && want <= 16, "branch %d is long with displacement %d", i, want)
				at += 6
			}
		}
		require.Equal(t, len(text), at)
	}
}

func TestUnboundLabel(t *testing.T) {
	a := jit.NewAssembler(toy{}, 2, 0)
	a.Branch(0, 1)
	_, _, err := a.Finish()
	require.EqualError(t, err, "jit: lay out code: label 1 is not bound")
}

// TestAlignUpTo: code is moved only where it lies in fewer cache lines then.
func TestAlignUpTo(t *testing.T) {
	lines := func(at, n int32) int32 { return (at%64 + n + 63) / 64 }
	for before := range 130 {
		for n := 1; n < 140; n += 3 {
			a := jit.NewAssembler(toy{}, 2, 0)
			a.Text = append(a.Text, make([]byte, before)...)
			a.AlignUpTo(1)
			a.Bind(0)
			a.Text = append(a.Text, make([]byte, n)...)
			a.Bind(1)
			text, _, err := a.Finish()
			require.NoError(t, err)
			start, end := a.Offset(0), a.Offset(1)
			require.EqualValues(t, n, end-start)
			require.Len(t, text, int(end))
			if int(start) == before {
				up := (start + jit.Alignment - 1) / jit.Alignment * jit.Alignment
				require.LessOrEqual(t, lines(start, int32(n)), lines(up, int32(n)), "%d bytes at %d", n, before)
				continue
			}
			require.Zero(t, start%jit.Alignment)
			require.Less(t, lines(start, int32(n)), lines(int32(before), int32(n)), "%d bytes at %d", n, before)
		}
	}
}
