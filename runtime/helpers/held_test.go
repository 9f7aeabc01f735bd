package helpers

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/runtime/maps"
	"github.com/bpfproof/bpfproof/runtime/mem"
)

// anywhere is the memory of this process.
type anywhere struct{}

func (anywhere) Read(addr uint64, n int) ([]byte, error)  { return mem.View(addr, n), nil }
func (anywhere) Write(addr uint64, n int) ([]byte, error) { return mem.View(addr, n), nil }

func newEnv(t testing.TB, ms ...maps.Map) *Env {
	e := NewEnv(ms)
	e.Memory = anywhere{}
	t.Cleanup(e.Close)
	return e
}

// TestRecordsOfARun: a run ends only records that it reserved, each once, and
// what it leaves behind is discarded.
func TestRecordsOfARun(t *testing.T) {
	r := newMap(t, ir.MapSpec{Type: ir.RingBuf, MaxEntries: 4096}).(*maps.RingBuf)
	other := newMap(t, ir.MapSpec{Type: ir.RingBuf, MaxEntries: 4096})
	e := newEnv(t, r)
	e.Enter()
	at := uint64(must(t, e, abi.RingbufReserve, r.Handle(), 24, 0))
	require.NotZero(t, at)
	start, size, writable, ok := e.Reach(at+8, 16)
	require.True(t, ok && writable)
	require.EqualValues(t, []uint64{at, 24}, []uint64{start, size})
	for _, bad := range [][2]uint64{{at - 8, 8}, {at, 25}, {at + 24, 1}, {at + 8, ^uint64(0)}} {
		_, _, _, ok := e.Reach(bad[0], bad[1])
		require.False(t, ok, "%#x", bad)
	}
	mem.Store64(at, 5)
	require.Zero(t, must(t, e, abi.RingbufSubmit, at, 0))
	for _, bad := range []uint64{at, at + 8, 0, r.Handle()} {
		_, err := call(t, e, abi.RingbufSubmit, bad, 0)
		require.ErrorContains(t, err, "is none that the run holds")
	}
	_, _, _, ok = e.Reach(at, 8)
	require.False(t, ok, "the record is given back")
	_, err := call(t, e, abi.RingbufReserve, other.Handle(), 24, 0)
	require.Error(t, err)
	left := uint64(must(t, e, abi.RingbufReserve, r.Handle(), 24, 0))
	require.NotZero(t, left)
	e.Exit()
	b, ok, err := r.TryRead()
	require.NoError(t, err)
	require.True(t, ok)
	require.EqualValues(t, 5, binary.NativeEndian.Uint64(b))
	_, ok, err = r.TryRead()
	require.NoError(t, err)
	require.False(t, ok)
	require.Zero(t, r.Query(maps.RingAvailable), "what the run left behind was discarded and passed over")
}

// TestSpinLocks: a run holds one lock at most, its own, and gives it back.
func TestSpinLocks(t *testing.T) {
	spec := ir.MapSpec{Type: ir.Array, KeySize: 4, ValueSize: 16, MaxEntries: 2, Fields: []ir.ValueField{{Kind: ir.SpinLockField, Off: 4, Size: 4}}}
	m := newMap(t, spec)
	e := newEnv(t, m)
	lock := m.LookupAddr(make([]byte, 4)) + 4
	e.Enter()
	require.Zero(t, must(t, e, abi.SpinLock, lock))
	require.EqualValues(t, 1, mem.Load32(lock))
	_, err := call(t, e, abi.SpinLock, lock)
	require.Error(t, err)
	_, err = call(t, e, abi.SpinUnlock, lock+16)
	require.Error(t, err)
	require.Zero(t, must(t, e, abi.SpinUnlock, lock))
	require.Zero(t, mem.Load32(lock))
	_, err = call(t, e, abi.SpinUnlock, lock)
	require.Error(t, err)
	require.Zero(t, must(t, e, abi.SpinLock, lock))
	e.Exit()
	require.Zero(t, mem.Load32(lock), "a run that failed leaves no lock")

	mem.View(lock, 4)[0] = 7 // as only a program that nobody verified could
	require.False(t, maps.TryLock(lock, 100))
	mem.View(lock, 4)[0] = 0
	require.True(t, maps.TryLock(lock, 100))
	maps.Unlock(lock)

	value := make([]byte, 16)
	for i := range value {
		value[i] = byte(i + 1)
	}
	mem.Store32(lock, 0)
	require.NoError(t, m.Update(make([]byte, 4), value, abi.UpdateLock))
	got, err := m.Lookup(make([]byte, 4))
	require.NoError(t, err)
	copy(value[4:], []byte{0, 0, 0, 0})
	require.Equal(t, value, got, "the lock is not the application's to write, and reads as zero")
	require.Zero(t, mem.Load32(lock))
}

func TestRedirects(t *testing.T) {
	d := newMap(t, ir.MapSpec{Type: ir.Devmap, KeySize: 4, ValueSize: 4, MaxEntries: 4})
	require.NoError(t, d.Update([]byte{2, 0, 0, 0}, []byte{9, 0, 0, 0}, 0))
	e := newEnv(t, d)
	require.EqualValues(t, xdpRedirect, must(t, e, abi.RedirectMap, d.Handle(), 2, 0))
	require.Equal(t, Redirect{Map: d, Index: 2}, e.Redirect)
	require.EqualValues(t, 2, must(t, e, abi.RedirectMap, d.Handle(), 1, 2))
	require.Nil(t, e.Redirect.Map)
	require.EqualValues(t, xdpRedirect, must(t, e, abi.RedirectMap, d.Handle(), 1, broadcast))
	e.Enter()
	require.Nil(t, e.Redirect.Map, "another run")
	e.Exit()
}

func TestSimulatedStack(t *testing.T) {
	s := newMap(t, ir.MapSpec{Type: ir.StackTrace, KeySize: 4, ValueSize: 16, MaxEntries: 4})
	e := newEnv(t, s)
	require.EqualValues(t, -int64(unix.EFAULT), must(t, e, abi.GetStackID, 0, s.Handle(), 0))
	e.Stack = []uint64{7, 8, 9}
	id := must(t, e, abi.GetStackID, 0, s.Handle(), 1)
	got, err := s.Lookup(binary.NativeEndian.AppendUint32(nil, uint32(id)))
	require.NoError(t, err)
	require.Equal(t, []byte{8, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0}, got)
	require.EqualValues(t, -int64(unix.EINVAL), must(t, e, abi.GetStackID, 0, s.Handle(), 1<<30))
}

func TestLocalStorage(t *testing.T) {
	s := newMap(t, ir.MapSpec{Type: ir.CgroupStorage, KeySize: 8, ValueSize: 8})
	e := newEnv(t, s)
	a := must(t, e, abi.GetLocalStorage, s.Handle(), 0)
	require.Equal(t, a, must(t, e, abi.GetLocalStorage, s.Handle(), 0))
	e.Cgroup = 5
	require.NotEqual(t, a, must(t, e, abi.GetLocalStorage, s.Handle(), 0))
}

// TestWrongKinds: a helper refuses maps that it does not take.
func TestWrongKinds(t *testing.T) {
	a := newMap(t, ir.MapSpec{Type: ir.Array, KeySize: 4, ValueSize: 8, MaxEntries: 2})
	e := newEnv(t, a)
	b, err := mem.Alloc(64)
	require.NoError(t, err)
	defer b.Free()
	for id, args := range map[abi.HelperID][]uint64{
		abi.MapPushElem: {a.Handle(), b.Addr(), 0}, abi.MapPopElem: {a.Handle(), b.Addr()}, abi.MapPeekElem: {a.Handle(), b.Addr()},
		abi.MapLookupPerCPU: {a.Handle(), b.Addr(), 0}, abi.RingbufOutput: {a.Handle(), b.Addr(), 8, 0},
		abi.RingbufReserve: {a.Handle(), 8, 0}, abi.RingbufQuery: {a.Handle(), 0}, abi.PerfEventOutput: {0, a.Handle(), 0, b.Addr(), 8},
		abi.RedirectMap: {a.Handle(), 0, 0}, abi.GetStackID: {0, a.Handle(), 0}, abi.GetLocalStorage: {a.Handle(), 0},
	} {
		_, err := call(t, e, id, args...)
		require.ErrorContains(t, err, ": map \"\" is a array", "helper %d", id)
	}
}

// TestProvedPrograms: what a proved program goes by is what others do.
func TestProvedPrograms(t *testing.T) {
	b, err := mem.Alloc(64)
	require.NoError(t, err)
	defer b.Free()
	for _, spec := range []ir.MapSpec{{Type: ir.Array, KeySize: 4, ValueSize: 8, MaxEntries: 3}, {Type: ir.Hash, KeySize: 4, ValueSize: 8, MaxEntries: 3},
		{Type: ir.LRUHash, KeySize: 8, ValueSize: 8, MaxEntries: 64}, {Type: ir.Queue, ValueSize: 8, MaxEntries: 3}} {
		var results [2][]int64
		for proved := range 2 {
			m := newMap(t, spec)
			e := newEnv(t, m)
			e.Proved = proved == 1
			for i := range uint64(200) {
				mem.Store64(b.Addr(), i*7%5)
				mem.Store64(b.Addr()+8, i)
				found := int64(0)
				if spec.KeySize > 0 {
					if at := must(t, e, abi.MapLookupElem, m.Handle(), b.Addr()); at != 0 {
						found = int64(mem.Load64(uint64(at)))
					}
				}
				results[proved] = append(results[proved], found)
				if i%3 == 0 && spec.KeySize > 0 {
					results[proved] = append(results[proved], must(t, e, abi.MapDeleteElem, m.Handle(), b.Addr()))
				} else {
					results[proved] = append(results[proved], must(t, e, abi.MapUpdateElem, m.Handle(), b.Addr(), b.Addr()+8, i%4))
				}
			}
			_, err := call(t, e, abi.MapLookupElem, 0, b.Addr())
			require.ErrorContains(t, err, "is no map of the program")
		}
		require.Equal(t, results[0], results[1], "%v", spec.Type)
	}
}
