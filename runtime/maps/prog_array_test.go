package maps

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/ir"
)

func TestProgArray(t *testing.T) {
	spec := &ir.MapSpec{Name: "p", Type: ir.ProgArray, KeySize: 4, ValueSize: 4, MaxEntries: 3}
	made, err := New(spec)
	require.NoError(t, err)
	m := made.(*ProgArray)
	key := func(i uint32) []byte { return binary.NativeEndian.AppendUint32(nil, i) }

	require.Nil(t, m.Target(1))
	require.Nil(t, m.Target(3), "outside")
	require.NoError(t, m.Set(1, 7, "first"))
	require.NoError(t, m.Set(1, 8, "second"))
	require.Equal(t, "second", m.Target(1))
	require.ErrorIs(t, m.Set(3, 7, "x"), unix.E2BIG)
	got, err := m.Lookup(key(1))
	require.NoError(t, err)
	require.Equal(t, key(8), got, "elements read as the program's number")
	_, err = m.Lookup(key(0))
	require.ErrorIs(t, err, unix.ENOENT)

	// Programs cannot touch it, nor can bytes become a program.
	require.Zero(t, m.LookupAddr(key(1)))
	require.ErrorIs(t, m.Put(key(1), key(1), 0), unix.EINVAL)
	require.ErrorIs(t, m.Remove(key(1)), unix.EINVAL)
	require.ErrorIs(t, m.Update(key(1), key(1), 0), unix.EINVAL)
	region := m.Region()
	require.False(t, region.Contains(m.Handle(), 1))

	var keys [][]byte
	for k := range All(m) {
		keys = append(keys, k)
	}
	require.Equal(t, [][]byte{key(1)}, keys)
	next, err := m.NextKey(key(1))
	require.NoError(t, err)
	require.Equal(t, key(2), next)

	require.NoError(t, m.Delete(key(1)))
	require.ErrorIs(t, m.Delete(key(1)), unix.ENOENT)
	require.Nil(t, m.Target(1))
	m.Freeze()
	require.ErrorIs(t, m.Set(1, 7, "x"), unix.EPERM)
	require.NoError(t, m.Close())
	require.ErrorIs(t, m.Delete(key(1)), unix.EBADF)
}

func TestProgArrayRefusals(t *testing.T) {
	good := ir.MapSpec{Name: "p", Type: ir.ProgArray, KeySize: 4, ValueSize: 4, MaxEntries: 3}
	for name, change := range map[string]func(*ir.MapSpec){
		"key":     func(s *ir.MapSpec) { s.KeySize = 8 },
		"value":   func(s *ir.MapSpec) { s.ValueSize = 8 },
		"entries": func(s *ir.MapSpec) { s.MaxEntries = 0 },
		"large":   func(s *ir.MapSpec) { s.MaxEntries = maxPrograms + 1 },
		"flags":   func(s *ir.MapSpec) { s.Flags = FlagRdonlyProg },
		"content": func(s *ir.MapSpec) { s.Contents = []ir.MapElem{{Key: make([]byte, 4), Value: make([]byte, 4)}} },
	} {
		spec := good
		change(&spec)
		_, err := New(&spec)
		require.Error(t, err, name)
	}
}
