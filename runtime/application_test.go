package runtime_test

import (
	"encoding/binary"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/hooks"
	"github.com/bpfproof/bpfproof/runtime/maps"
)

// counting counts the first bytes of packets in a hash of 4 elements, and tells
// a ring buffer; it returns what the updates returned, negated.
const counting = `.type xdp
.license GPL
.map seen hash key 4 value 8 entries 4
.map ring ringbuf entries 4096
	r2 = *(u32 *)(r1 + 4)
	r1 = *(u32 *)(r1 + 0)
	r0 = 0
	r3 = r1
	r3 += 1
	if r3 > r2 goto out
	r6 = *(u8 *)(r1 + 0)
	*(u32 *)(r10 - 4) = r6
	*(u64 *)(r10 - 16) = 1
	r1 = map[ring]
	r2 = r10
	r2 += -4
	r3 = 4
	r4 = 0
	call ringbuf_output
	r1 = map[seen]
	r2 = r10
	r2 += -4
	call map_lookup_elem
	if r0 == 0 goto new
	r1 = 1
	lock *(u64 *)(r0 + 0) += r1
	r0 = 0
	exit
new:
	r1 = map[seen]
	r2 = r10
	r2 += -4
	r3 = r10
	r3 += -16
	r4 = 1
	call map_update_elem
	r0 = -r0
out:
	exit`

func load(t *testing.T, text string, opts runtime.Options) *runtime.Object {
	t.Helper()
	p, err := asm.Parse("p", text)
	require.NoError(t, err)
	o, err := runtime.Load(background, []*ir.Program{p}, opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, o.Close()) })
	return o
}

func key(i uint32) []byte { return binary.NativeEndian.AppendUint32(nil, i) }
func val(i uint64) []byte { return binary.NativeEndian.AppendUint64(nil, i) }

// TestApplication goes through what an application does with bpf(2).
func TestApplication(t *testing.T) {
	opts := boxed
	pin := filepath.Join(t.TempDir(), "seen")
	opts.Pin = map[string]string{"seen": pin}
	o := load(t, counting, opts)
	p, m := o.Program("p"), o.Map("seen")

	// Test runs: data, context, repeat.
	ctx := make([]byte, 24)
	res, err := p.Run(background, runtime.Input{Data: append([]byte{7}, make([]byte, 63)...), Ctx: ctx, Repeat: 5})
	require.NoError(t, err)
	require.Zero(t, res.Ret)
	require.Len(t, res.Ctx, 24)
	require.Positive(t, res.NsPerRun)

	// Elements: lookup, iterate, update with every flag, delete.
	v, err := m.Lookup(key(7))
	require.NoError(t, err)
	require.Equal(t, val(5), v)
	first, err := m.NextKey(nil)
	require.NoError(t, err)
	require.Equal(t, key(7), first)
	_, err = m.NextKey(first)
	is(t, err, maps.ErrKeyNotExist, unix.ENOENT)
	is(t, m.Update(key(7), val(1), abi.UpdateNoExist), maps.ErrKeyExist, unix.EEXIST)
	is(t, m.Update(key(8), val(1), abi.UpdateExist), maps.ErrKeyNotExist, unix.ENOENT)
	is(t, m.Update(key(7), val(1), abi.UpdateLock), maps.ErrInvalid, unix.EINVAL) // its values hold no lock
	is(t, m.Update(key(7), val(1), 99), maps.ErrInvalid, unix.EINVAL)
	is(t, m.Update(key(7)[:3], val(1), 0), maps.ErrInvalid, unix.EINVAL)
	is(t, m.Update(key(7), val(1)[:7], 0), maps.ErrInvalid, unix.EINVAL)
	_, err = m.Lookup(nil)
	is(t, err, maps.ErrInvalid, unix.EINVAL)

	// Batches, and the full map: for the application, and for the program.
	n, err := maps.UpdateBatch(m, []ir.MapElem{{Key: key(1), Value: val(1)}, {Key: key(2), Value: val(1)}, {Key: key(3), Value: val(1)}, {Key: key(4), Value: val(1)}}, 0)
	require.Equal(t, 3, n)
	is(t, err, maps.ErrNoSpace, unix.E2BIG)
	res, err = p.Run(background, runtime.Input{Data: append([]byte{9}, make([]byte, 63)...)})
	require.NoError(t, err)
	require.EqualValues(t, unix.E2BIG, res.Ret)
	elems, next, err := m.Batch(0, 100)
	require.NoError(t, err)
	require.Len(t, elems, 4)
	require.Zero(t, next)
	n, err = maps.DeleteBatch(m, [][]byte{key(1), key(2), key(1)})
	require.Equal(t, 2, n)
	is(t, err, maps.ErrKeyNotExist, unix.ENOENT)

	// Info, freeze, unpin; the other process that has it open.
	i := p.Info()
	require.Equal(t, []string{"ring", "seen"}, slices.Sorted(slices.Values(i.Maps)))
	require.Equal(t, "vm", i.Engine)
	require.Equal(t, ir.XDP, i.Type)
	require.Equal(t, len(p.Spec().Insns), i.Insns)
	_, err = maps.OpenPinned(pin)
	is(t, err, maps.ErrBusy, unix.EBUSY)
	m.Freeze()
	is(t, m.Update(key(7), val(1), 0), maps.ErrPermission, unix.EPERM)
	is(t, m.Delete(key(7)), maps.ErrPermission, unix.EPERM)
	res, err = p.Run(background, runtime.Input{Data: append([]byte{7}, make([]byte, 63)...)})
	require.NoError(t, err)
	require.Zero(t, res.Ret, "programs write on")
	require.True(t, maps.InfoOf(m).Frozen)
	require.NoError(t, maps.Unpin(m))
	require.NoFileExists(t, pin)

	// Links: attach, count, detach.
	l, err := p.Attach(hooks.Direct{})
	require.NoError(t, err)
	_, err = l.(*hooks.DirectLink).Fire(background, runtime.Input{Data: make([]byte, 64)})
	require.NoError(t, err)
	require.EqualValues(t, 1, p.Info().Stats.Runs)
	require.NoError(t, l.Close())
	_, err = l.(*hooks.DirectLink).Fire(background, runtime.Input{Data: make([]byte, 64)})
	require.ErrorIs(t, err, hooks.ErrDetached)

	require.NoError(t, o.Close())
	_, err = m.Lookup(key(7))
	is(t, err, maps.ErrClosed, unix.EBADF)
}

func is(t *testing.T, err error, want maps.Error, errno unix.Errno) {
	t.Helper()
	require.ErrorIs(t, err, want)
	require.ErrorIs(t, err, errno)
	require.Equal(t, errno, want.Errno())
}

// TestNobodyReadsTheRing: records that find no room are counted, the program
// goes on, and what was written before is there for a late reader.
func TestNobodyReadsTheRing(t *testing.T) {
	o := load(t, counting, boxed)
	const runs, fit = 1000, 255 // records of 16 bytes; one byte of the ring stays free
	for i := range runs {
		_, err := o.Program("p").Run(background, runtime.Input{Data: append([]byte{byte(i % 4)}, make([]byte, 63)...)})
		require.NoError(t, err)
	}
	ring := o.Map("ring").(*maps.RingBuf)
	require.EqualValues(t, runs-fit, ring.Dropped())
	n, err := ring.Drain(func(b []byte) bool { require.Len(t, b, 4); return true })
	require.NoError(t, err)
	require.Equal(t, fit, n)
	total := uint64(0)
	for _, v := range maps.All(o.Map("seen")) {
		total += binary.NativeEndian.Uint64(v)
	}
	require.EqualValues(t, runs, total, "no event was lost on the way to the map")
}

// TestDeletesDuringIteration: while others delete and insert, a walk ends, gives
// every key that stays all the time exactly once, and nothing that never was.
func TestDeletesDuringIteration(t *testing.T) {
	for _, kind := range []ir.MapType{ir.Hash, ir.LRUHash} {
		m, err := maps.New(&ir.MapSpec{Name: "m", Type: kind, KeySize: 4, ValueSize: 8, MaxEntries: 4000})
		require.NoError(t, err)
		for i := range uint32(2000) {
			require.NoError(t, m.Update(key(i), val(uint64(i)), 0))
		}
		stop := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			for i := uint32(0); ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				k := 1000 + i%1000 // the upper half comes and goes
				if err := m.Delete(key(k)); err != nil {
					t.Errorf("delete %d: %v", k, err)
				}
				if err := m.Update(key(k), val(uint64(k)), 0); err != nil {
					t.Errorf("update %d: %v", k, err)
				}
			}
		})
		for range 50 {
			seen := map[uint32]int{}
			for k, v := range maps.All(m) {
				n := binary.NativeEndian.Uint32(k)
				require.EqualValues(t, n, binary.NativeEndian.Uint64(v))
				seen[n]++
			}
			for n := range uint32(1000) {
				require.Equal(t, 1, seen[n], "%v: key %d was there all the time", kind, n)
			}
			require.LessOrEqual(t, len(seen), 2000)
		}
		close(stop)
		wg.Wait()
		require.NoError(t, m.Close())
	}
}
