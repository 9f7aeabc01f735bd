package maps

import (
	"encoding/binary"
	"errors"
	goruntime "runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/runtime/mem"
)

func open(t testing.TB, spec *ir.MapSpec, opts ...Option) Map {
	t.Helper()
	m, err := New(spec, opts...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}

func u32(x uint32) []byte { return binary.NativeEndian.AppendUint32(nil, x) }
func u64(x uint64) []byte { return binary.NativeEndian.AppendUint64(nil, x) }

func arraySpec(entries, value uint32) *ir.MapSpec {
	return &ir.MapSpec{Name: "a", Type: ir.Array, KeySize: 4, ValueSize: value, MaxEntries: entries}
}

func hashSpec(entries, key, value uint32) *ir.MapSpec {
	return &ir.MapSpec{Name: "h", Type: ir.Hash, KeySize: key, ValueSize: value, MaxEntries: entries}
}

func TestNewRefuses(t *testing.T) {
	tests := []struct {
		name  string
		spec  ir.MapSpec
		errno unix.Errno
		want  string
	}{
		{"kind", ir.MapSpec{Type: ir.StructOpsMap, MaxEntries: 1}, unix.EOPNOTSUPP, `maps: not supported: map "m": kind struct_ops`},
		{"no entries", ir.MapSpec{Type: ir.Array, KeySize: 4, ValueSize: 1}, unix.EINVAL, `maps: invalid argument: map "m": max_entries is 0`},
		{"no value", ir.MapSpec{Type: ir.Hash, KeySize: 4, MaxEntries: 1}, unix.EINVAL, `maps: invalid argument: map "m": value size is 0`},
		{"no key", ir.MapSpec{Type: ir.Hash, ValueSize: 4, MaxEntries: 1}, unix.EINVAL, `maps: invalid argument: map "m": key size is 0`},
		{"array key", ir.MapSpec{Type: ir.Array, KeySize: 8, ValueSize: 4, MaxEntries: 1}, unix.EINVAL, `maps: invalid argument: map "m": key size of an array is 8, not 4`},
		{"hash key", ir.MapSpec{Type: ir.Hash, KeySize: 513, ValueSize: 4, MaxEntries: 1}, unix.E2BIG, `maps: too big: map "m": key size 513 is more than 512`},
		{"value", ir.MapSpec{Type: ir.Hash, KeySize: 4, ValueSize: 1 << 30, MaxEntries: 1}, unix.E2BIG, `maps: too big: map "m": value size 1073741824 is more than 4194304`},
		{"array bytes", ir.MapSpec{Type: ir.Array, KeySize: 4, ValueSize: 4096, MaxEntries: 1<<32 - 1}, unix.E2BIG, `maps: too big: map "m": 4294967295 elements of 4096 bytes take 17592186040320 bytes, more than 17179869184`},
		{"hash bytes", ir.MapSpec{Type: ir.Hash, KeySize: 4, ValueSize: 4096, MaxEntries: 1 << 31}, unix.E2BIG, `maps: too big: map "m": 2147483648 elements take 8830452760576 bytes, more than 17179869184`},
		{"hash entries", ir.MapSpec{Type: ir.Hash, KeySize: 4, ValueSize: 4, MaxEntries: 1<<31 + 1}, unix.E2BIG, `maps: too big: map "m": max_entries 2147483649 is more than 2147483648`},
		{"flag", ir.MapSpec{Type: ir.Array, KeySize: 4, ValueSize: 4, MaxEntries: 1, Flags: 1 << 3}, unix.EOPNOTSUPP, `maps: not supported: map "m": flags 0x8 of kind array`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.spec.Name = "m"
			_, err := New(&tt.spec)
			require.EqualError(t, err, tt.want)
			require.ErrorIs(t, err, tt.errno)
		})
	}
}

func TestContents(t *testing.T) {
	spec := arraySpec(3, 4)
	spec.Contents = []ir.MapElem{{Key: u32(1), Value: u32(7)}}
	spec.Frozen = true
	m := open(t, spec)
	got, err := m.Lookup(u32(1))
	require.NoError(t, err)
	require.Equal(t, u32(7), got)
	require.ErrorIs(t, m.Update(u32(1), u32(8), 0), ErrPermission)
	require.True(t, m.Region().ReadOnly)

	spec = arraySpec(3, 4)
	spec.Contents = []ir.MapElem{{Key: u32(3), Value: u32(7)}}
	_, err = New(spec)
	require.EqualError(t, err, `maps: fill map "a": element 0: maps: too big: index 3, max_entries 3`)
}

// TestKernelResults pins what each operation returns; the errno are those of
// bpf(2) on Linux 6.18, which package runtime/kernel's tests ask.
func TestKernelResults(t *testing.T) {
	a, h := open(t, arraySpec(2, 8)), open(t, hashSpec(2, 4, 8))
	v := u64(1)
	is := func(want error, got error, what string) {
		t.Helper()
		require.ErrorIs(t, got, want, what)
	}
	_, err := a.Lookup(u32(2))
	is(unix.ENOENT, err, "array lookup outside")
	is(unix.E2BIG, a.Update(u32(2), v, abi.UpdateAny), "array update outside")
	is(unix.EEXIST, a.Update(u32(1), v, abi.UpdateNoExist), "array update NOEXIST")
	is(unix.EINVAL, a.Update(u32(1), v, 3), "array update flag 3")
	is(unix.EINVAL, a.Update(u32(1), v, abi.UpdateLock), "array update LOCK without a lock")
	is(unix.EINVAL, a.Delete(u32(1)), "array delete")
	is(unix.EINVAL, a.Update(u32(1), v[:7], 0), "short value")
	is(unix.EINVAL, a.Update(v, v, 0), "long key")
	require.NoError(t, a.Update(u32(1), v, abi.UpdateExist))
	got, err := a.Lookup(u32(0))
	require.NoError(t, err)
	require.Equal(t, u64(0), got, "elements start as zero")

	_, err = h.Lookup(u32(1))
	is(unix.ENOENT, err, "hash lookup absent")
	is(unix.ENOENT, h.Update(u32(1), v, abi.UpdateExist), "hash update EXIST of an absent key")
	is(unix.ENOENT, h.Delete(u32(1)), "hash delete absent")
	require.NoError(t, h.Update(u32(1), v, abi.UpdateNoExist))
	is(unix.EEXIST, h.Update(u32(1), v, abi.UpdateNoExist), "hash update NOEXIST of a present key")
	is(unix.EINVAL, h.Update(u32(1), v, 3), "hash update flag 3")
	require.NoError(t, h.Update(u32(2), v, abi.UpdateAny))
	is(ErrNoSpace, h.Update(u32(3), v, abi.UpdateAny), "full hash")
	is(unix.E2BIG, h.Update(u32(3), v, abi.UpdateAny), "full hash")
	require.NoError(t, h.Update(u32(2), u64(5), abi.UpdateExist), "update in a full hash")
	require.NoError(t, h.Delete(u32(1)))
	require.NoError(t, h.Update(u32(3), v, abi.UpdateAny), "room after delete")

	h.Freeze()
	is(unix.EPERM, h.Update(u32(3), v, 0), "frozen update")
	is(unix.EPERM, h.Delete(u32(3)), "frozen delete")
	require.NoError(t, h.Put(u32(3), v, 0), "a program writes to a frozen map")
	require.NoError(t, h.Remove(u32(3)))
}

func TestArrayAddresses(t *testing.T) {
	m := open(t, arraySpec(5, 12))
	values := m.(interface{ Values() uint64 }).Values()
	for i := range uint32(5) {
		addr := m.LookupAddr(u32(i))
		require.Equal(t, values+uint64(i)*uint64(abi.ArrayStride(m.Spec())), addr)
		mem.Store64(addr, uint64(i)+100)
		got, err := m.Lookup(u32(i))
		require.NoError(t, err)
		require.Equal(t, append(u64(uint64(i)+100), 0, 0, 0, 0), got)
	}
	require.Zero(t, m.LookupAddr(u32(5)))
	require.Zero(t, m.LookupAddr(u64(1)))
}

func TestRegion(t *testing.T) {
	for _, m := range []Map{open(t, arraySpec(3, 12)), open(t, hashSpec(3, 5, 12))} {
		require.NoError(t, m.Put(make([]byte, m.Spec().KeySize), make([]byte, 12), 0))
		r, addr := m.Region(), m.LookupAddr(make([]byte, m.Spec().KeySize))
		for off := range uint64(40) {
			for n := uint64(1); n <= 8; n++ {
				require.Equal(t, off%r.Stride+n <= 12, r.Contains(addr+off, n), "offset %d size %d", off, n)
			}
		}
		require.False(t, r.Contains(m.Handle(), 1))
		require.False(t, r.Contains(r.Base-1, 1))
		require.False(t, r.Contains(r.Base+r.Stride*r.Count, 1))
		require.False(t, r.Contains(^uint64(0), 8))
		require.False(t, r.Contains(addr, ^uint64(0)))
	}
}

func TestHandles(t *testing.T) {
	seen := map[uint64]bool{0: true}
	for range 20 {
		for _, spec := range []*ir.MapSpec{arraySpec(1, 1), hashSpec(1, 1, 1)} {
			m := open(t, spec)
			require.False(t, seen[m.Handle()])
			seen[m.Handle()] = true
		}
	}
}

func TestClosed(t *testing.T) {
	for _, spec := range []*ir.MapSpec{arraySpec(2, 4), hashSpec(2, 4, 4)} {
		m, err := New(spec)
		require.NoError(t, err)
		require.NoError(t, m.Close())
		require.NoError(t, m.Close())
		_, err = m.Lookup(u32(1))
		require.ErrorIs(t, err, ErrClosed)
		require.ErrorIs(t, m.Update(u32(1), u32(1), 0), ErrClosed)
		_, _, err = m.Batch(0, 1)
		require.ErrorIs(t, err, ErrClosed)
	}
}

func TestWalk(t *testing.T) {
	for _, spec := range []*ir.MapSpec{arraySpec(700, 4), hashSpec(700, 4, 4)} {
		m := open(t, spec)
		want := map[string]string{}
		for i := range uint32(700) {
			require.NoError(t, m.Update(u32(i), u32(i*3), 0))
			want[string(u32(i))] = string(u32(i * 3))
		}
		got := map[string]string{}
		for k, v := range All(m) {
			require.NotContains(t, got, string(k), "key returned twice")
			got[string(k)] = string(v)
		}
		require.Equal(t, want, got)
		keys := 0
		for k, err := m.NextKey(nil); err == nil; k, err = m.NextKey(k) {
			require.Contains(t, want, string(k))
			keys++
		}
		require.Equal(t, 700, keys)
		first, err := m.NextKey(nil)
		require.NoError(t, err)
		unknown, err := m.NextKey(u32(100000))
		require.NoError(t, err)
		require.Equal(t, first, unknown)
		_, _, err = m.Batch(1<<40, 1)
		require.ErrorIs(t, err, ErrInvalid)
		_, _, err = m.Batch(0, 0)
		require.ErrorIs(t, err, ErrInvalid)
	}
}

// TestCloseBesideOperations: what the application does while the map is closed
// ends well or with ErrClosed.
func TestCloseBesideOperations(t *testing.T) {
	specs := []*ir.MapSpec{arraySpec(9, 8), hashSpec(64, 4, 8), {Type: ir.LRUHash, KeySize: 4, ValueSize: 8, MaxEntries: 9},
		{Type: ir.LPMTrie, KeySize: 8, ValueSize: 8, MaxEntries: 9, Flags: FlagNoPrealloc}, {Type: ir.Queue, ValueSize: 8, MaxEntries: 9}}
	for round := range 20 {
		for _, spec := range specs {
			m, err := New(spec)
			require.NoError(t, err)
			var wg sync.WaitGroup
			for w := range uint32(3) {
				wg.Go(func() {
					key := append(u32(w), u32(w)...)[:spec.KeySize]
					for i := 0; ; i++ {
						errs := []error{m.Update(key, u64(1), 0), nil, nil}
						_, errs[1] = m.Lookup(key)
						if errs[2] = m.Delete(key); errors.Is(errs[2], ErrInvalid) {
							errs[2] = nil
						}
						for _, err := range errs {
							if errors.Is(err, ErrClosed) {
								return
							}
							if err != nil && !errors.Is(err, ErrKeyNotExist) && !errors.Is(err, ErrNoSpace) {
								t.Errorf("%v: %v", spec.Type, err)
								return
							}
						}
					}
				})
			}
			for range round {
				goruntime.Gosched()
			}
			require.NoError(t, m.Close())
			wg.Wait()
		}
	}
}
