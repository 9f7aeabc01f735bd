package maps

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/internal/long"
	"github.com/bpfproof/bpfproof/ir"
)

// TestLookupInto: it writes what Lookup returns, into memory of the right size.
func TestLookupInto(t *testing.T) {
	for _, spec := range []*ir.MapSpec{
		arraySpec(9, 12), hashSpec(9, 4, 8), hashSpec(9, 4, 13), hashSpec(9, 20, 8), {Type: ir.PerCPUArray, KeySize: 4, ValueSize: 12, MaxEntries: 9},
		{Type: ir.LRUPerCPUHash, KeySize: 4, ValueSize: 8, MaxEntries: 9}, {Type: ir.LPMTrie, KeySize: 8, ValueSize: 8, MaxEntries: 9, Flags: FlagNoPrealloc},
	} {
		m := open(t, spec, CPUs(3))
		for i := range byte(9) {
			key := make([]byte, spec.KeySize)
			key[0] = i
			value := make([]byte, spec.ValueSize)
			value[0], value[len(value)-1] = i+1, i+2
			require.NoError(t, m.Put(key, value, 0))
		}
		for i := range byte(12) {
			key := make([]byte, spec.KeySize)
			key[0] = i
			want, wantErr := m.Lookup(key)
			out := make([]byte, max(len(want), 8))
			if wantErr == nil {
				out = out[:len(want)]
				require.ErrorIs(t, LookupInto(m, key, make([]byte, len(want)+1)), ErrInvalid)
				require.ErrorIs(t, LookupInto(m, key[1:], out), ErrInvalid)
				require.NoError(t, LookupInto(m, key, out), "%v key %d", spec.Type, i)
				require.Equal(t, want, out, "%v key %d", spec.Type, i)
			} else if spec.Type == ir.Hash && spec.ValueSize == 8 {
				require.ErrorIs(t, LookupInto(m, key, out), ErrKeyNotExist)
			}
		}
	}
}

// TestReadBesideClose: who reads while the map is closed finds the value or that
// it is closed, and never touches memory that is gone.
func TestReadBesideClose(t *testing.T) {
	for i := range long.N(40, 1000) {
		spec := hashSpec(9, 4, 8)
		if i%2 == 0 {
			spec = arraySpec(9, 8)
		}
		m, err := New(spec)
		require.NoError(t, err)
		require.NoError(t, m.Update(u32(3), u64(7), 0))
		var started, wg sync.WaitGroup
		started.Add(2)
		for range 2 {
			wg.Go(func() {
				started.Done()
				out := make([]byte, 8)
				for {
					switch err := LookupInto(m, u32(3), out); err {
					case nil:
						if fmt.Sprint(out) != fmt.Sprint(u64(7)) {
							t.Errorf("%v: value %x", spec.Type, out)
							return
						}
					case ErrClosed:
						return
					default:
						t.Errorf("%v: %v", spec.Type, err)
						return
					}
				}
			})
		}
		started.Wait()
		require.NoError(t, m.Close())
		wg.Wait()
		require.ErrorIs(t, LookupInto(m, u32(3), make([]byte, 8)), ErrClosed)
	}
}
