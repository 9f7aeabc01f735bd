package helpers_test

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/internal/long"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jit/amd64"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/maps"
	"github.com/bpfproof/bpfproof/runtime/native"
	"github.com/bpfproof/bpfproof/runtime/vm"
)

// churnText looks its key up, reads the value, waits, reads it again,
// and says whether it is the key's: 0 absent, 1 right, 2 wrong. It counts its
// runs, and, for odd operations, inserts or deletes its own key.
const churnText = `
.type xdp
.license GPL
.map m %KIND%
.map n array key 4 value 8 entries 1
` + prologue + `
	*(u32 *)(r10 - 28) = 0
	r1 = map[n]
	r2 = r10
	r2 += -28
	call map_lookup_elem
	if r0 == 0 goto done
	r1 = 1
	lock *(u64 *)(r0 + 0) += r1
	if r6 == 1 goto insert
	if r6 == 2 goto delete
	r1 = map[m]
	r2 = r10
	r2 += -8
	call map_lookup_elem
	if r0 == 0 goto done
	r6 = r0
	r1 = *(u64 *)(r6 + 0)
	if r1 != r7 goto wrong
	r8 = 100
wait:
	call get_prandom_u32
	r8 += -1
	if r8 != 0 goto wait
	r1 = *(u64 *)(r6 + 0)
	if r1 != r7 goto wrong
	r0 = 1
	goto done
wrong:
	r0 = 2
	goto done
insert:
	*(u64 *)(r10 - 16) = r7
	r1 = map[m]
	r2 = r10
	r2 += -8
	r3 = r10
	r3 += -16
	r4 = 0
	call map_update_elem
	r0 = 0
	goto done
delete:
	r1 = map[m]
	r2 = r10
	r2 += -8
	call map_delete_elem
	r0 = 0
	goto done
done:
	exit
`

// TestChurn lets programs in the interpreter and in native code, and the
// application, insert, delete and look up the same keys at the same time: no
// program sees the memory of another element, and no count is lost.
func TestChurn(t *testing.T) {
	kinds := map[string]string{
		"hash":     "hash key 8 value 8 entries 64",
		"lru hash": "lru_hash key 8 value 8 entries 16",
		"lpm trie": "lpm_trie key 8 value 8 entries 64 flags 1",
	}
	span := 0 * time.Second
	if long.Enabled() {
		span = 10 * time.Minute / time.Duration(len(kinds))
	}
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) { churn(t, kind, span) })
	}
}

func churn(t *testing.T, kind string, span time.Duration) {
	p, err := asm.Parse("p", strings.Replace(churnText, "%KIND%", kind, 1))
	require.NoError(t, err)
	p.FindFuncs()
	epochs := maps.NewEpochs()
	var ms []maps.Map
	for _, s := range p.Maps {
		m, err := maps.New(s, maps.In(epochs))
		require.NoError(t, err)
		defer m.Close()
		ms = append(ms, m)
	}
	var engines []runtime.Engine
	for _, l := range []runtime.Loader{vm.Loader(vm.Options{}), native.Loader(amd64.New(jit.Target{ArrayStride: abi.ArrayStride}), native.Options{})} {
		e, err := l.Load(t.Context(), p, ms)
		require.NoError(t, err)
		defer e.Close()
		engines = append(engines, e)
	}
	var runs, right atomic.Int64
	end := time.Now().Add(span)
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			s, err := engines[w%2].(runtime.Opener).Open()
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			rng := rand.New(rand.NewPCG(uint64(w), 3))
			for i := 0; i < 20_000 || time.Now().Before(end); i++ {
				if err := s.Frame().Set(runtime.Input{Data: churnInput(rng, p)}); err != nil {
					t.Error(err)
					return
				}
				ret, err := s.Run(t.Context(), runtime.DefaultFuel)
				if err != nil || ret > 1 {
					t.Errorf("worker %d: result %d, %v", w, ret, err)
					return
				}
				runs.Add(1)
				right.Add(int64(ret))
			}
		})
	}
	wg.Go(func() { churnApplication(t, ms[0], p, end) })
	wg.Wait()
	v, err := ms[1].Lookup(make([]byte, 4))
	require.NoError(t, err)
	require.EqualValues(t, runs.Load(), binary.NativeEndian.Uint64(v), "a count was lost")
	require.Positive(t, right.Load(), "no lookup found anything")
	for k := range uint64(3) { // whatever was set aside, memory is back when no run is under way
		require.NoError(t, ms[0].Update(binary.NativeEndian.AppendUint64(nil, k<<56|32), make([]byte, 8), 0))
	}
}

// churnKey is a key of 8 bytes: for a trie 32 bits long.
func churnKey(rng *rand.Rand, p *ir.Program) uint64 {
	k := uint64(rng.IntN(40))
	if p.Maps[0].Type == ir.LPMTrie {
		return k<<56 | 32
	}
	return k
}

func churnInput(rng *rand.Rand, p *ir.Program) []byte {
	packet := make([]byte, 64)
	binary.NativeEndian.PutUint64(packet[16:], uint64(rng.IntN(4)))
	binary.NativeEndian.PutUint64(packet[24:], churnKey(rng, p))
	return packet
}

// refusedForRoom: the map is full, or a run that the machine has set aside for
// long keeps all that was deleted meanwhile from being used again.
func refusedForRoom(err error) bool {
	return errors.Is(err, maps.ErrNoSpace) || errors.Is(err, maps.ErrNoRoom) || errors.Is(err, maps.ErrNoMemory)
}

func churnApplication(t *testing.T, m maps.Map, p *ir.Program, end time.Time) {
	rng := rand.New(rand.NewPCG(9, 9))
	for i := 0; i < 6_000 || time.Now().Before(end); i++ {
		key := binary.NativeEndian.AppendUint64(nil, churnKey(rng, p))
		switch rng.IntN(4) {
		case 0:
			if err := m.Update(key, key, 0); err != nil && !refusedForRoom(err) {
				t.Errorf("update: %v", err)
			}
		case 1:
			if err := m.Delete(key); err != nil && !errors.Is(err, maps.ErrKeyNotExist) {
				t.Errorf("delete: %v", err)
			}
		case 2:
			if v, err := m.Lookup(key); err == nil && string(v) != string(key) {
				t.Errorf("lookup %x: %x", key, v)
			}
		default:
			for k, v := range maps.All(m) {
				if string(k) != string(v) {
					t.Errorf("walk: %x: %x", k, v)
				}
			}
		}
	}
}
