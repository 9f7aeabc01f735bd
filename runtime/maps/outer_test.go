package maps

import (
	"testing"

	"github.com/cilium/ebpf"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/runtime/mem"
)

func outerSpec(kind ir.MapType, entries uint32, inner *ir.MapSpec) *ir.MapSpec {
	return &ir.MapSpec{Name: "o", Type: kind, KeySize: 4, ValueSize: 4, MaxEntries: entries, Inner: inner}
}

// TestLiveOuter drives maps of maps beside the kernel's.
func TestLiveOuter(t *testing.T) {
	for _, kind := range []ir.MapType{ir.ArrayOfMaps, ir.HashOfMaps} {
		t.Run(kind.String(), func(t *testing.T) {
			rapid.Check(t, func(r *rapid.T) {
				p := newPair(t, r, outerSpec(kind, uint32(rapid.IntRange(1, 6).Draw(r, "entries")), hashSpec(4, 4, 8)))
				o := p.ours.(Outer)
				inner, err := New(hashSpec(9, 4, 8), In(o.(Reclaimer).Epochs()))
				require.NoError(r, err)
				defer inner.Close()
				theirs, err := ebpf.NewMap(cilium(hashSpec(9, 4, 8)))
				require.NoError(r, err)
				defer theirs.Close()
				for range rapid.IntRange(1, 8).Draw(r, "steps") { // each change waits for a grace period of the kernel
					key := u32(uint32(rapid.IntRange(0, 8).Draw(r, "key")))
					switch op := rapid.IntRange(0, 9).Draw(r, "op"); {
					case op < 5:
						flags := rapid.SampledFrom([]uint64{0, 0, 0, 1, 2, 3, 4}).Draw(r, "flags")
						p.note("update %x %d", key, flags)
						p.same("update", errnoOf(o.SetMap(key, inner, flags)), errnoOf(p.kernel.Update(key, u32(uint32(theirs.FD())), flags)))
					case op < 8:
						p.remove(key)
					default:
						_, err := o.Lookup(key)
						_, kerr := p.kernel.Lookup(key)
						p.same("lookup", errnoOf(err), errnoOf(kerr))
						require.Equal(r, err == nil, o.LookupAddr(key) == inner.Handle())
					}
				}
				p.walk(kind == ir.ArrayOfMaps)
			})
		})
	}
}

// TestOuterKeepsInner: what a run found in an outer map stays its map, and its
// values stay in place, though the application takes it out and closes it.
func TestOuterKeepsInner(t *testing.T) {
	for _, kind := range []ir.MapType{ir.ArrayOfMaps, ir.HashOfMaps} {
		e := NewEpochs()
		o := open(t, outerSpec(kind, 4, arraySpec(1, 8)), In(e)).(Outer)
		first, err := New(arraySpec(1, 8), In(e))
		require.NoError(t, err)
		require.NoError(t, first.Put(u32(0), u64(7), 0))
		require.NoError(t, o.SetMap(u32(1), first, 0))
		require.NoError(t, first.Close())
		_, err = first.Lookup(u32(0))
		require.ErrorIs(t, err, ErrClosed)

		r := e.Join()
		r.Enter()
		handle := o.LookupAddr(u32(1))
		require.Equal(t, first, o.Inner(handle))
		addr := o.Inner(handle).LookupAddr(u32(0))
		for i := range uint64(100) {
			m, err := New(arraySpec(1, 8), In(e))
			require.NoError(t, err)
			require.NoError(t, m.Put(u32(0), u64(100+i), 0))
			require.NoError(t, o.SetMap(u32(1), m, 0))
			require.NoError(t, m.Close())
		}
		require.NoError(t, o.Delete(u32(1)))
		require.Zero(t, o.LookupAddr(u32(1)))
		require.NotNil(t, o.Inner(handle), "the run may know it")
		require.EqualValues(t, 7, mem.Load64(addr))
		r.Exit()
		last := open(t, arraySpec(1, 8), In(e))
		require.NoError(t, o.SetMap(u32(2), last, 0))
		require.Nil(t, o.Inner(handle), "no run knows it any more")
		require.Len(t, o.Inners(), 1, "memory is bounded")
		require.ErrorIs(t, o.Delete(u32(1)), unix.ENOENT)
		r.Leave()
	}
}

func TestOuterRefuses(t *testing.T) {
	e := NewEpochs()
	o := open(t, outerSpec(ir.HashOfMaps, 4, hashSpec(4, 4, 8)), In(e)).(Outer)
	for _, x := range []Map{open(t, hashSpec(4, 4, 16), In(e)), open(t, arraySpec(4, 8)), open(t, hashSpec(4, 4, 8)), o} {
		require.ErrorIs(t, o.SetMap(u32(1), x, 0), ErrInvalid)
	}
	require.ErrorIs(t, o.Update(u32(1), u32(1), 0), ErrInvalid)
	require.ErrorIs(t, o.Put(u32(1), u32(1), 0), ErrInvalid)
	_, err := New(outerSpec(ir.HashOfMaps, 4, nil))
	require.ErrorIs(t, err, ErrInvalid)
	_, err = New(outerSpec(ir.HashOfMaps, 4, outerSpec(ir.ArrayOfMaps, 1, arraySpec(1, 1))))
	require.ErrorIs(t, err, ErrInvalid)
	o.Freeze()
	require.ErrorIs(t, o.SetMap(u32(1), open(t, hashSpec(4, 4, 8), In(e)), 0), ErrPermission)
}
