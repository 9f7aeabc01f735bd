package maps

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
)

func TestBatches(t *testing.T) {
	m := open(t, hashSpec(50, 4, 8))
	var elems []ir.MapElem
	var keys [][]byte
	for i := range uint32(60) {
		elems = append(elems, ir.MapElem{Key: u32(i), Value: u64(uint64(i))})
		keys = append(keys, u32(i))
	}
	n, err := UpdateBatch(m, elems, abi.UpdateNoExist)
	require.Equal(t, 50, n)
	require.ErrorIs(t, err, ErrNoSpace)
	require.Equal(t, 50, InfoOf(m).Elements)
	n, err = DeleteBatch(m, keys[:5])
	require.NoError(t, err)
	require.Equal(t, 5, n)
	n, err = DeleteBatch(m, keys[4:])
	require.Zero(t, n)
	require.ErrorIs(t, err, ErrKeyNotExist)
	taken := map[string]string{}
	for cursor := uint64(0); ; {
		got, next, err := TakeBatch(m, cursor, 7)
		require.NoError(t, err)
		for _, e := range got {
			taken[string(e.Key)] = string(e.Value)
		}
		if cursor = next; cursor == 0 {
			break
		}
	}
	require.Len(t, taken, 45)
	require.Zero(t, InfoOf(m).Elements)
	_, _, err = TakeBatch(open(t, arraySpec(1, 8)), 0, 1)
	require.ErrorIs(t, err, ErrNotSupported)
}

func TestInfo(t *testing.T) {
	m := open(t, arraySpec(3, 8))
	m.Freeze()
	i := InfoOf(m)
	require.Equal(t, Info{Name: "a", Type: ir.Array, KeySize: 4, ValueSize: 8, MaxEntries: 3, Frozen: true, Elements: 3, Bytes: headerBytes + 24}, i)
	q := open(t, &ir.MapSpec{Type: ir.Queue, ValueSize: 8, MaxEntries: 9})
	require.NoError(t, q.Update(nil, u64(1), 0))
	require.Equal(t, 1, InfoOf(q).Elements)
	require.Equal(t, -1, InfoOf(open(t, ringSpec(4096))).Elements)
}
