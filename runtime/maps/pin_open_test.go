package maps

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/ir"
)

// TestOpenPinned: a file is opened by itself, a frozen map stays frozen, and
// what is unpinned lives until it is closed.
func TestOpenPinned(t *testing.T) {
	for _, spec := range []*ir.MapSpec{arraySpec(9, 12), hashSpec(9, 4, 8), {Type: ir.PerCPUArray, KeySize: 4, ValueSize: 8, MaxEntries: 9},
		{Type: ir.LRUPerCPUHash, KeySize: 4, ValueSize: 8, MaxEntries: 9}} {
		path := filepath.Join(t.TempDir(), "the map")
		m, err := New(spec, Pin(path), CPUs(3))
		require.NoError(t, err)
		size := int(spec.ValueSize)
		if _, ok := AsPerCPU(m); ok {
			size *= 3
		}
		require.NoError(t, m.Update(u32(5), append(make([]byte, size-1), 7), 0))
		want := collect(m)
		_, err = OpenPinned(path)
		require.ErrorIs(t, err, ErrBusy)
		require.NoError(t, m.Close())

		m, err = OpenPinned(path)
		require.NoError(t, err)
		require.Equal(t, want, collect(m))
		got := *m.Spec()
		require.Equal(t, "the map", got.Name)
		got.Name, got.Flags = spec.Name, spec.Flags
		require.Equal(t, *spec, got)
		require.False(t, InfoOf(m).Frozen)
		m.Freeze()
		require.NoError(t, m.Close())

		m, err = OpenPinned(path)
		require.NoError(t, err)
		require.True(t, InfoOf(m).Frozen)
		require.ErrorIs(t, m.Update(u32(5), make([]byte, size), 0), ErrPermission)
		require.NoError(t, m.Put(u32(5), make([]byte, spec.ValueSize), 0), "programs write on")
		require.True(t, InfoOf(m).Pinned)
		require.NoError(t, Unpin(m))
		require.False(t, InfoOf(m).Pinned)
		require.NoFileExists(t, path)
		require.ErrorIs(t, Unpin(m), ErrInvalid)
		_, err = m.Lookup(u32(5))
		require.NoError(t, err)
		require.NoError(t, m.Close())
	}
}

func TestOpenPinnedRefuses(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "m")
	_, err := OpenPinned(path)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorIs(t, err, unix.ENOENT)
	require.NoFileExists(t, path, "looking for a map does not make one")
	for _, text := range []string{"", "hello"} {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		_, err = OpenPinned(path)
		require.ErrorIs(t, err, ErrInvalid, "%q", text)
	}
	require.NoError(t, os.Remove(path))
	m, err := New(hashSpec(4, 4, 4), Pin(path))
	require.NoError(t, err)
	defer m.Close()
	require.NoError(t, os.Rename(path, path+"2"))
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	require.ErrorIs(t, Unpin(m), ErrInvalid, "another file is in its place")
	require.FileExists(t, path)
	plain, err := New(hashSpec(4, 4, 4))
	require.NoError(t, err)
	defer plain.Close()
	require.ErrorIs(t, Unpin(plain), ErrInvalid)
}
