package native_test

import (
	"encoding/binary"
	"math/rand/v2"
	goruntime "runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/internal/long"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/runtime/maps"
)

func prefix(n, addr uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.NativeEndian.AppendUint32(nil, n), addr)
}

func cut(n, addr uint32) uint32 { return addr &^ uint32(1<<(32-n)-1) }

// TestQuickLPM compares lookups of programs in a trie that changes with those of
// a list of prefixes, and with the map's own.
func TestQuickLPM(t *testing.T) {
	for _, entries := range []uint32{1, 3, 40, 1000} {
		m, err := maps.New(&ir.MapSpec{Type: ir.LPMTrie, KeySize: 8, ValueSize: 8, MaxEntries: entries, Flags: maps.FlagNoPrealloc})
		require.NoError(t, err)
		c := newCaller(t, m)
		rng := rand.New(rand.NewPCG(uint64(entries), 1))
		want := map[[2]uint32]uint64{}
		for i := range uint64(long.N(6000, 200_000)) {
			n := rng.Uint32N(33)
			addr := rng.Uint32() & 0xc003_0f03 // few different ones, so that they cover each other
			if rng.IntN(4) == 0 {
				addr = rng.Uint32()
			}
			switch rng.IntN(6) {
			case 0:
				key := [2]uint32{n, cut(n, addr)}
				_, had := want[key]
				ret, err := c.call(abi.MapUpdateElem, prefix(n, addr), binary.NativeEndian.AppendUint64(nil, i+1), 0)
				require.NoError(t, err)
				if require.Equal(t, !had && len(want) == int(entries), ret != 0); ret == 0 {
					want[key] = i + 1
				}
			case 1:
				key := [2]uint32{n, cut(n, addr)}
				_, had := want[key]
				require.Equal(t, had, m.Delete(prefix(n, addr)) == nil)
				delete(want, key)
			default:
				if rng.IntN(2) == 0 {
					n = 32 + rng.Uint32N(2)
				}
				got, err := c.call(abi.MapLookupElem, prefix(n, addr), nil, 0)
				require.NoError(t, err)
				require.Equal(t, m.LookupAddr(prefix(n, addr)), got)
				best := uint64(0)
				for l := int(n); l >= 0 && n <= 32 && best == 0; l-- {
					best = want[[2]uint32{uint32(l), cut(uint32(l), addr)}]
				}
				require.Equal(t, best != 0, got != 0, "%d bits of %#x", n, addr)
				if best != 0 {
					require.Equal(t, best, c.answer(), "%d bits of %#x", n, addr)
				}
			}
		}
		require.NoError(t, m.Close())
	}
}

// TestQuickLPMTorture looks addresses up while prefixes over them come and go:
// one that is always there is always found, or a longer one of the same address.
func TestQuickLPMTorture(t *testing.T) {
	m, err := maps.New(&ir.MapSpec{Type: ir.LPMTrie, KeySize: 8, ValueSize: 8, MaxEntries: 64, Flags: maps.FlagNoPrealloc})
	require.NoError(t, err)
	defer m.Close()
	const addrs = 4
	addr := func(i uint32) uint32 { return i<<30 | 0x0a0b0c0d&(1<<30-1) }
	value := func(n, i uint32) []byte { return binary.NativeEndian.AppendUint64(nil, uint64(n)<<32|uint64(i)) }
	for i := range uint32(addrs) {
		require.NoError(t, m.Update(prefix(2, addr(i)), value(2, i), 0))
	}
	var stop atomic.Bool
	var wg, readers sync.WaitGroup
	wg.Go(func() {
		rng := rand.New(rand.NewPCG(3, 3))
		for !stop.Load() {
			i, n := rng.Uint32N(addrs), 3+rng.Uint32N(30)
			if rng.IntN(2) == 0 {
				_ = m.Update(prefix(n, addr(i)), value(n, i), 0) // may be full
			} else {
				_ = m.Delete(prefix(n, addr(i))) // may be absent
			}
			goruntime.Gosched()
		}
	})
	for id := range uint64(3) {
		c := newCaller(t, m)
		rng := rand.New(rand.NewPCG(4, id))
		readers.Go(func() {
			for range long.N(100_000, 20_000_000) {
				i := rng.Uint32N(addrs)
				ret, err := c.call(abi.MapLookupElem, prefix(32, addr(i)), nil, 0)
				if err != nil || ret == 0 || uint32(c.answer()) != i || c.answer()>>32 < 2 {
					t.Errorf("address %d: %#x, %v, value %#x", i, ret, err, c.answer())
					return
				}
			}
		})
	}
	readers.Wait()
	stop.Store(true)
	wg.Wait()
}
