package maps

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
)

// flowKey and flowCount are of 8 and 12 bytes.
type flowKey struct {
	Addr [4]byte
	Port uint16
	_    uint16
}

type flowCount struct {
	Packets uint64
	Last    int32
}

func TestTyped(t *testing.T) {
	m, err := Of[flowKey, flowCount](open(t, hashSpec(8, 8, 12)))
	require.NoError(t, err)
	key := flowKey{Addr: [4]byte{10, 0, 0, 1}, Port: 53}
	_, err = m.Lookup(key)
	require.ErrorIs(t, err, ErrKeyNotExist)
	want := map[flowKey]flowCount{}
	for i := range 5 {
		key.Port = uint16(i)
		want[key] = flowCount{Packets: uint64(i) << 40, Last: int32(-i)}
		require.NoError(t, m.Update(key, want[key], abi.UpdateNoExist))
		got, err := m.Lookup(key)
		require.NoError(t, err)
		require.Equal(t, want[key], got)
	}
	require.ErrorIs(t, m.Update(key, flowCount{}, abi.UpdateNoExist), ErrKeyExist)
	require.NoError(t, m.Delete(key))
	delete(want, key)
	got := map[flowKey]flowCount{}
	for k, v := range m.All() {
		got[k] = v
	}
	require.Equal(t, want, got)
	raw, err := m.Map.Lookup([]byte{10, 0, 0, 1, 2, 0, 0, 0})
	require.NoError(t, err)
	require.Equal(t, []byte{0, 0, 0, 0, 0, 2, 0, 0, 0xfe, 0xff, 0xff, 0xff}, raw, "as C has it on this machine")

	_, err = Of[uint32, flowCount](m.Map)
	require.ErrorIs(t, err, ErrInvalid)
	require.ErrorContains(t, err, "keys have 8 bytes, uint32 has 4")
	_, err = Of[flowKey, string](m.Map)
	require.ErrorContains(t, err, "values have 12 bytes, string has -1")
}

func TestTypedPerCPU(t *testing.T) {
	raw, err := New(&ir.MapSpec{Name: "m", Type: ir.PerCPUHash, KeySize: 4, ValueSize: 12, MaxEntries: 4}, CPUs(3))
	require.NoError(t, err)
	defer raw.Close()
	m, err := Of[uint32, flowCount](raw)
	require.NoError(t, err)
	v := flowCount{7, -7}
	require.NoError(t, m.Update(5, v, 0))
	require.NoError(t, raw.(PerCPU).PutCPU(u32(5), bytesOf(flowCount{8, 1}), 0, 2))
	all, err := m.LookupCPUs(5)
	require.NoError(t, err)
	require.Equal(t, []flowCount{v, v, {8, 1}}, all)
	one, err := m.Lookup(5)
	require.NoError(t, err)
	require.Equal(t, v, one)
	_, err = m.LookupCPUs(6)
	require.ErrorIs(t, err, ErrKeyNotExist)
}
