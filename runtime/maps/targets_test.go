package maps

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/runtime/mem"
)

// loopback is the number of a device that every machine has.
const loopback = 1

// TestLiveTargets drives maps of devices and processors beside the kernel's.
func TestLiveTargets(t *testing.T) {
	for _, kind := range []ir.MapType{ir.Devmap, ir.DevmapHash, ir.CPUMap} {
		t.Run(kind.String(), func(t *testing.T) {
			rapid.Check(t, func(r *rapid.T) {
				entries := 5
				if kind == ir.CPUMap {
					entries = int(kernelCPUs(t)) // to which the library would cut it down
				}
				p := newPair(t, r, &ir.MapSpec{Type: kind, KeySize: 4, ValueSize: rapid.SampledFrom([]uint32{4, 8}).Draw(r, "value size"),
					MaxEntries: uint32(rapid.IntRange(1, entries).Draw(r, "entries"))})
				values := []uint32{0, loopback}
				if kind == ir.CPUMap {
					values = []uint32{0, maxQueue + 1} // threads of the kernel take their time to end
				}
				for range rapid.IntRange(1, 20).Draw(r, "steps") {
					key := u32(uint32(rapid.IntRange(0, 6).Draw(r, "key")))
					switch op := rapid.IntRange(0, 9).Draw(r, "op"); {
					case op < 5:
						v := append(u32(rapid.SampledFrom(values).Draw(r, "value")), 0, 0, 0, 0)[:p.kernel.size]
						p.update(key, v, rapid.SampledFrom([]uint64{0, 0, 0, 1, 2, 3}).Draw(r, "flags"))
					case op < 7:
						p.remove(key)
					default:
						p.lookup(key)
					}
				}
				p.walk(kind != ir.DevmapHash)
			})
		})
	}
}

func TestTargetsOfPrograms(t *testing.T) {
	d := open(t, &ir.MapSpec{Name: "d", Type: ir.Devmap, KeySize: 4, ValueSize: 4, MaxEntries: 4})
	require.NoError(t, d.Update(u32(2), u32(7), 0))
	require.EqualValues(t, 7, mem.Load32(d.LookupAddr(u32(2))))
	require.Zero(t, d.LookupAddr(u32(1)))
	require.True(t, d.Region().ReadOnly)
	require.ErrorIs(t, d.Put(u32(1), u32(1), 0), ErrInvalid)
	require.ErrorIs(t, d.Remove(u32(2)), ErrInvalid)

	x := open(t, &ir.MapSpec{Name: "x", Type: ir.XSKMap, KeySize: 4, ValueSize: 4, MaxEntries: 4})
	require.Zero(t, x.LookupAddr(u32(0)))
	require.ErrorIs(t, x.Update(u32(0), u32(0), abi.UpdateExist), ErrKeyNotExist)
	require.NoError(t, x.Update(u32(0), u32(0), abi.UpdateNoExist), "queue 0 is a queue")
	require.ErrorIs(t, x.Update(u32(0), u32(0), abi.UpdateNoExist), ErrKeyExist)
	require.NotZero(t, x.LookupAddr(u32(0)))
	require.NoError(t, x.Delete(u32(0)))
	require.Zero(t, x.LookupAddr(u32(0)))

	c := open(t, &ir.MapSpec{Name: "c", Type: ir.CPUMap, KeySize: 4, ValueSize: 4, MaxEntries: 4}, CPUs(2))
	require.NoError(t, c.Update(u32(1), u32(192), 0))
	require.ErrorIs(t, c.Update(u32(2), u32(192), 0), ErrNoDevice)
	got, err := c.Lookup(u32(1))
	require.NoError(t, err)
	require.Equal(t, u32(192), got)
}

// TestLiveStackTrace compares what there is without a stack.
func TestLiveStackTrace(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p := newPair(t, r, &ir.MapSpec{Type: ir.StackTrace, KeySize: 4, ValueSize: 32, MaxEntries: uint32(rapid.IntRange(1, 9).Draw(r, "entries"))})
		for range 10 {
			key := u32(uint32(rapid.IntRange(0, 20).Draw(r, "key")))
			p.lookup(key)
			p.remove(key)
			p.update(key, make([]byte, 32), 0)
		}
		p.walk(true)
	})
}

func TestStackTrace(t *testing.T) {
	m := open(t, &ir.MapSpec{Name: "s", Type: ir.StackTrace, KeySize: 4, ValueSize: 32, MaxEntries: 1}).(*StackTrace)
	a, b := []uint64{1, 2, 3, 4, 5, 6}, []uint64{9}
	id, err := m.Capture(a, 1)
	require.NoError(t, err)
	again, err := m.Capture(a, 1)
	require.NoError(t, err)
	require.Equal(t, id, again)
	got, err := m.Lookup(u32(id))
	require.NoError(t, err)
	require.Equal(t, encode(a[1:5]), got, "as deep as a value, the first left out")
	_, err = m.Capture(b, 0)
	require.ErrorIs(t, err, ErrKeyExist)
	_, err = m.Capture(b, StackReuse)
	require.NoError(t, err)
	got, err = m.Lookup(u32(id))
	require.NoError(t, err)
	require.Equal(t, append(encode(b), make([]byte, 24)...), got)
	_, err = m.Capture(b, 1<<20)
	require.ErrorIs(t, err, ErrInvalid)
	next, err := m.NextKey(nil)
	require.NoError(t, err)
	require.Equal(t, u32(id), next)
	require.NoError(t, m.Delete(u32(id)))
	require.ErrorIs(t, m.Delete(u32(id)), ErrKeyNotExist)
}

// TestStorage ties values to simulated objects.
func TestStorage(t *testing.T) {
	m := open(t, &ir.MapSpec{Name: "s", Type: ir.TaskStorage, KeySize: 4, ValueSize: 8, Flags: FlagNoPrealloc}).(*Storage)
	addr, err := m.Get(5, 0, false, nil)
	require.NoError(t, err)
	require.Zero(t, addr)
	addr, err = m.Get(5, 0, true, u64(42))
	require.NoError(t, err)
	require.EqualValues(t, 42, mem.Load64(addr))
	same, err := m.Get(5, 0, true, u64(43))
	require.NoError(t, err)
	require.Equal(t, addr, same)
	v, err := m.Lookup(u32(5))
	require.NoError(t, err)
	require.Equal(t, u64(42), v)
	require.NoError(t, m.Update(u32(6), u64(7), 0))
	for k := range All(m) {
		require.Len(t, k, 4)
	}
	require.NoError(t, m.Delete(u32(5)))
	require.ErrorIs(t, m.Forget(5), ErrKeyNotExist)

	c := open(t, &ir.MapSpec{Name: "c", Type: ir.PerCPUCgroupStorage, KeySize: 16, ValueSize: 4}, CPUs(3)).(*Storage)
	key := append(u64(9), make([]byte, 8)...)
	require.ErrorIs(t, c.Update(key, make([]byte, 24), 0), ErrKeyNotExist, "nothing is attached there")
	one, err := c.Get(9, 1, true, nil)
	require.NoError(t, err)
	mem.Store32(one, 77)
	v, err = c.Lookup(key)
	require.NoError(t, err)
	require.Equal(t, append(append(u64(0), u64(77)...), u64(0)...), v)
	require.ErrorIs(t, c.Delete(key), ErrInvalid)
	next, err := c.NextKey(nil)
	require.NoError(t, err)
	require.Equal(t, key, next)
}
