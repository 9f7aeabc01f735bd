package ir

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRowsAreDistinct(t *testing.T) {
	require.Len(t, index, len(rows), "two operations of the table do the same")
	names := map[string]bool{}
	type wire struct {
		code byte
		src  Reg
		off  int16
		imm  int32
	}
	patterns := map[wire]string{}
	for _, r := range Rows() {
		require.False(t, names[r.Name], "name %s twice", r.Name)
		names[r.Name] = true
		w := wire{r.Code, r.FixSrc, r.FixOff, r.FixImm}
		require.Empty(t, patterns[w], "%s is written like %s", r.Name, patterns[w])
		patterns[w] = r.Name
	}
}

func TestConstructorsFindEveryRow(t *testing.T) {
	for _, r := range Rows() {
		var got Op
		switch r.Kind {
		case KindALU:
			got = OpALU(r.ALU, r.Width, r.Src)
		case KindSwap:
			got = OpSwap(r.Swap, r.Width)
		case KindCast:
			got = OpCast(r.ToUser)
		case KindLoadImm:
			got = OpLoadImm(r.Pseudo)
		case KindLoad:
			got = OpLoad(r.Width, r.Signed)
		case KindStore:
			got = OpStore(r.Width, r.Src)
		case KindAtomic:
			got = OpAtomic(r.Atomic, r.Width, r.Fetch)
		case KindLoadAcquire:
			got = OpLoadAcquire(r.Width)
		case KindStoreRelease:
			got = OpStoreRelease(r.Width)
		case KindLoadPacket:
			got = OpLoadPacket(r.Width, r.Indirect)
		case KindJump:
			got = OpJump(r.Long)
		case KindBranch:
			got = OpBranch(r.Cmp, r.Width, r.Src)
		case KindMayGoto:
			got = OpMayGoto()
		case KindCall:
			got = OpCall(r.Pseudo)
		case KindExit:
			got = OpExit()
		}
		require.Equal(t, r.Op, got, r.Name)
	}
}
