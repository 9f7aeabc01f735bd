package native_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"math/rand/v2"
	goruntime "runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/internal/long"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/helpers"
	"github.com/bpfproof/bpfproof/runtime/maps"
	"github.com/bpfproof/bpfproof/runtime/mem"
	"github.com/bpfproof/bpfproof/runtime/native"
)

// caller is a program that makes one operation on a map as the memory at r1
// says, and the run of it.
type caller struct {
	run   *native.Run
	block *mem.Block
}

// Where the memory has what; the answer is 8 bytes at callAnswer: of a lookup the
// value there, and r0 is what the helper returned.
const (
	callOp     = 0
	callFlags  = 8
	callAnswer = 16
	callValue  = 64
	callKey    = 256
	callBytes  = 1024
)

const callText = `
r6 = r1
r7 = *(u64 *)(r6 + 0)
r1 = map[m]
r2 = r6
r2 += 256
r3 = r6
r3 += 64
r4 = *(u64 *)(r6 + 8)
if r7 == 1 goto lookup
if r7 == 2 goto update
if r7 == 3 goto delete
call get_smp_processor_id
exit
lookup:
call map_lookup_elem
if r0 == 0 goto out
r1 = *(u64 *)(r0 + 0)
*(u64 *)(r6 + 16) = r1
out:
exit
update:
call map_update_elem
exit
delete:
call map_delete_elem
exit
`

// newCaller opens a run of the program on a map; the map is the test's to close.
func newCaller(t testing.TB, m maps.Map) *caller {
	t.Helper()
	return newCallerOf(t, m, ".map m hash key 4 value 8 entries 1\n"+callText)
}

// newCallerOf is newCaller for another program, whose only map m stands in for.
func newCallerOf(t testing.TB, m maps.Map, text string) *caller {
	t.Helper()
	p := parse(t, text)
	p.Maps = []*ir.MapSpec{m.Spec()}
	np, err := native.Load(compile(t, p), p, []maps.Map{m}, native.Options{})
	require.NoError(t, err)
	r, err := np.NewRun()
	require.NoError(t, err)
	b, err := mem.Alloc(callBytes)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, r.Close())
		require.NoError(t, np.Close())
		b.Free()
	})
	return &caller{r, b}
}

// call makes an operation; value is set for an update.
func (c *caller) call(op abi.HelperID, key, value []byte, flags uint64) (uint64, error) {
	at := c.block.Bytes()
	binary.NativeEndian.PutUint64(at[callOp:], uint64(op))
	binary.NativeEndian.PutUint64(at[callFlags:], flags)
	copy(at[callKey:], key)
	copy(at[callValue:], value)
	return c.run.Call(c.block.Addr(), 0)
}

// answer is what the last lookup found.
func (c *caller) answer() uint64 { return binary.NativeEndian.Uint64(c.block.Bytes()[callAnswer:]) }

func negative(e unix.Errno) uint64 { return -uint64(e) }

// errnoOf is what a helper returns for a map's error.
func errnoOf(t testing.TB, err error) uint64 {
	if err == nil {
		return 0
	}
	var e maps.Error
	require.ErrorAs(t, err, &e)
	return -uint64(e.Errno())
}

// quickSpecs are maps that machine code serves, and some that it must leave to
// Go. Two buckets that hold up to 9 elements have chains.
func quickSpecs() []*ir.MapSpec {
	var specs []*ir.MapSpec
	for _, key := range []uint32{1, 4, 6, 8, 12, 16, 20, 64, 68} {
		for _, value := range []uint32{8, 12, 24, 64, 72} {
			specs = append(specs, &ir.MapSpec{Type: ir.Hash, KeySize: key, ValueSize: value, MaxEntries: 9})
		}
	}
	for _, kind := range []ir.MapType{ir.PerCPUHash, ir.LRUHash, ir.LRUPerCPUHash} {
		for _, key := range []uint32{4, 8, 16} {
			specs = append(specs, &ir.MapSpec{Type: kind, KeySize: key, ValueSize: 8, MaxEntries: 60})
		}
	}
	return append(specs, &ir.MapSpec{Type: ir.Hash, KeySize: 4, ValueSize: 8, MaxEntries: 1000},
		&ir.MapSpec{Type: ir.Hash, KeySize: 8, ValueSize: 16, MaxEntries: 1000})
}

// TestQuick makes random operations on one map, by a program and by the
// application in turn, beside a plain Go map: results, addresses and contents are
// the same whoever asks.
func TestQuick(t *testing.T) {
	for n, spec := range quickSpecs() {
		t.Run(fmt.Sprintf("%v key %d value %d of %d", spec.Type, spec.KeySize, spec.ValueSize, spec.MaxEntries), func(t *testing.T) {
			m, err := maps.New(spec, maps.CPUs(2))
			require.NoError(t, err)
			defer m.Close()
			q := quickModel{t: t, m: m, c: newCaller(t, m), want: map[string]string{}, rng: rand.New(rand.NewPCG(uint64(n), 3))}
			for range long.N(3000, 100_000) {
				q.step()
			}
			q.compare()
		})
	}
}

// quickModel is a map, and what a plain one holds after the same operations.
type quickModel struct {
	t    *testing.T
	m    maps.Map
	c    *caller
	want map[string]string
	rng  *rand.Rand
}

func (q *quickModel) step() {
	spec := q.m.Spec()
	key := make([]byte, spec.KeySize)
	key[0] = byte(q.rng.IntN(14))
	if spec.MaxEntries > 100 {
		key[0], key[1] = byte(q.rng.IntN(256)), byte(q.rng.IntN(5))
	}
	if len(key) > 8 {
		key[len(key)-1] = key[0] % 3
	}
	if q.rng.IntN(50) == 0 && len(key) == 4 { // the key whose tag is that of an empty slot
		binary.NativeEndian.PutUint32(key, 0x9e3779b9)
	}
	program := q.rng.IntN(4) > 0
	old, had := q.want[string(key)]
	switch q.rng.IntN(8) {
	case 0, 1, 2, 3:
		got, err := q.c.call(abi.MapLookupElem, key, nil, 0)
		require.NoError(q.t, err)
		require.Equal(q.t, q.m.LookupAddr(key), got, "key %x", key)
		require.Equal(q.t, had, got != 0, "key %x", key)
		if had {
			require.Equal(q.t, binary.NativeEndian.Uint64([]byte(old)), q.c.answer(), "key %x", key)
		}
	case 4, 5:
		q.update(key, had, program)
	default:
		want := uint64(0)
		if !had {
			want = negative(unix.ENOENT)
		}
		delete(q.want, string(key))
		if program {
			got, err := q.c.call(abi.MapDeleteElem, key, nil, 0)
			require.NoError(q.t, err)
			require.Equal(q.t, want, got, "key %x", key)
		} else {
			require.Equal(q.t, want, errnoOf(q.t, q.m.Delete(key)), "key %x", key)
		}
	}
	if q.rng.IntN(100) == 0 {
		q.compare()
	}
}

func (q *quickModel) update(key []byte, had, program bool) {
	spec := q.m.Spec()
	value := make([]byte, spec.ValueSize)
	binary.NativeEndian.PutUint64(value, q.rng.Uint64())
	value[len(value)-1] = byte(q.rng.IntN(256))
	flags := uint64(q.rng.IntN(4))
	want := uint64(0)
	switch {
	case flags > abi.UpdateExist:
		want = negative(unix.EINVAL)
	case had && flags == abi.UpdateNoExist:
		want = negative(unix.EEXIST)
	case !had && flags == abi.UpdateExist:
		want = negative(unix.ENOENT)
	case !had && len(q.want) == int(spec.MaxEntries):
		want = negative(unix.E2BIG)
	default:
		q.want[string(key)] = string(value)
	}
	var got uint64
	if program {
		var err error
		got, err = q.c.call(abi.MapUpdateElem, key, value, flags)
		require.NoError(q.t, err)
	} else {
		got = errnoOf(q.t, q.m.Put(key, value, flags))
	}
	require.Equal(q.t, want, got, "key %x flags %d", key, flags)
}

// compare walks the whole map.
func (q *quickModel) compare() {
	got := map[string]string{}
	for k, v := range maps.All(q.m) {
		got[string(k)] = string(v[:q.m.Spec().ValueSize])
	}
	require.Equal(q.t, q.want, got)
}

// TestQuickLongChain: keys that all fall into one bucket are found, as far as
// machine code looks and beyond.
func TestQuickLongChain(t *testing.T) {
	for _, size := range []uint32{4, 8} {
		m, err := maps.New(&ir.MapSpec{Type: ir.Hash, KeySize: size, ValueSize: 8, MaxEntries: 5000})
		require.NoError(t, err)
		c := newCaller(t, m)
		const buckets, n = 1024, 300
		var keys [][]byte
		for k := uint64(0); len(keys) < n; k++ {
			y := uint64(0x6a09e667f3bcc909) // the table's hash function
			if size == 8 {
				y ^= bits.RotateLeft64(k, 32)
			}
			if hi, lo := bits.Mul64(k^0x9e3779b97f4a7c15, y); (hi^lo)%buckets == 5 {
				keys = append(keys, binary.NativeEndian.AppendUint64(nil, k)[:size])
			}
		}
		for i, k := range keys {
			require.NoError(t, m.Update(k, binary.NativeEndian.AppendUint64(nil, uint64(i)+1), 0))
		}
		for i, k := range keys {
			got, err := c.call(abi.MapLookupElem, k, nil, 0)
			require.NoError(t, err)
			require.Equal(t, m.LookupAddr(k), got)
			require.EqualValues(t, i+1, c.answer())
			ret, err := c.call(abi.MapUpdateElem, k, make([]byte, 8), abi.UpdateExist)
			require.NoError(t, err)
			require.Zero(t, ret)
		}
		for _, k := range keys {
			ret, err := c.call(abi.MapDeleteElem, k, nil, 0)
			require.NoError(t, err)
			require.Zero(t, ret)
		}
		require.Zero(t, maps.InfoOf(m).Elements)
		require.NoError(t, m.Close())
	}
}

// TestQuickFault: a program that gives a helper a bad address ends with a fault
// that names the call, and leaves no lock behind.
func TestQuickFault(t *testing.T) {
	guarded, err := mem.Alloc(4096)
	require.NoError(t, err)
	defer guarded.Free()
	end := guarded.Addr() + 4096 // of what can be read
	for _, key := range []uint32{4, 8, 16} {
		spec := &ir.MapSpec{Name: "h", Type: ir.Hash, KeySize: key, ValueSize: 16, MaxEntries: 4}
		m, err := maps.New(spec)
		require.NoError(t, err)
		defer m.Close()
		for _, call := range []struct {
			text string
			pc   ir.PC
		}{
			{"r2 = r1\nr1 = map[m]\ncall map_lookup_elem\nexit", 5},
			{"r2 = r1\nr1 = map[m]\ncall map_delete_elem\nexit", 5},
			{"r2 = r1\nr3 = r10\nr3 += -64\nr1 = map[m]\nr4 = 0\ncall map_update_elem\nexit", 8},
			{"r2 = r10\nr2 += -64\nr3 = r1\nr1 = map[m]\nr4 = 0\ncall map_update_elem\nexit", 8},
		} {
			p := parse(t, ".map m hash key 4 value 8 entries 1\n"+call.text)
			p.Maps = []*ir.MapSpec{spec}
			for _, addr := range []uint64{end - 2, end, 0x7fff_0000_0000, 1 << 63} {
				var fault *native.FaultError
				var failed *native.HelperError
				switch err := runOn(t, p, m, addr); {
				case errors.As(err, &fault):
					require.Equal(t, call.pc, fault.PC, "%s at %#x", call.text, addr)
					require.Equal(t, unix.SIGSEGV, fault.Signal)
				case errors.As(err, &failed): // Go did it
					require.EqualValues(t, 16, key)
					require.Equal(t, call.pc, failed.PC)
				default:
					t.Fatalf("%s at %#x: %v, want a fault", call.text, addr, err)
				}
				k := make([]byte, key)
				require.NoError(t, m.Update(k, make([]byte, 16), 0))
				require.NoError(t, m.Delete(k))
			}
		}
	}
}

// runOn runs p as engines do, which turn panics of helpers into errors, with an
// address in r1.
func runOn(t *testing.T, p *ir.Program, m maps.Map, addr uint64) error {
	q := *p
	q.Insns = append(wide(ir.R1, addr), p.Insns...)
	e, err := native.Loader(backend(), native.Options{}).Load(t.Context(), &q, []maps.Map{m})
	require.NoError(t, err)
	_, err = e.Run(t.Context(), runtime.Input{})
	require.NoError(t, e.Close())
	return err
}

// TestQuickReplaced: helpers that were replaced are called.
func TestQuickReplaced(t *testing.T) {
	spec := &ir.MapSpec{Type: ir.Hash, KeySize: 4, ValueSize: 8, MaxEntries: 9}
	m, err := maps.New(spec)
	require.NoError(t, err)
	defer m.Close()
	p := parse(t, ".map m hash key 4 value 8 entries 1\n"+callText)
	p.Maps = []*ir.MapSpec{spec}
	fs := map[abi.HelperID]helpers.Func{abi.GetSMPProcessorID: func(*helpers.Env, [5]uint64) (uint64, error) { return 4711, nil }}
	np, err := native.Load(compile(t, p), p, []maps.Map{m}, native.Options{Helper: with(fs)})
	require.NoError(t, err)
	r, err := np.NewRun()
	require.NoError(t, err)
	b, err := mem.Alloc(callBytes)
	require.NoError(t, err)
	defer b.Free()
	ret, err := r.Call(b.Addr(), 0)
	require.NoError(t, err)
	require.EqualValues(t, 4711, ret)
	require.NoError(t, r.Close())
	require.NoError(t, np.Close())
}

// quickOp is an operation of a history on a few keys.
type quickOp struct {
	op    abi.HelperID
	key   uint32
	value uint64
	flags uint64
}

type quickResult struct{ ret, value uint64 }

// quickStep is what a plain map does; a nearly full one may refuse beside others.
func quickStep(state, input, output any) (bool, any) {
	s, in, out := state.([3]uint64), input.(quickOp), output.(quickResult)
	old := s[in.key]
	switch {
	case in.op == abi.MapLookupElem:
		return out == quickResult{min(old, 1), old}, s
	case in.op == abi.MapDeleteElem && old == 0:
		return out.ret == negative(unix.ENOENT), s
	case in.op == abi.MapDeleteElem:
		s[in.key] = 0
		return out.ret == 0, s
	case old != 0 && in.flags == abi.UpdateNoExist:
		return out.ret == negative(unix.EEXIST), s
	case old == 0 && in.flags == abi.UpdateExist:
		return out.ret == negative(unix.ENOENT), s
	}
	s[in.key] = in.value
	return out.ret == 0, s
}

// TestQuickLinearizable: histories of programs in machine code and of the
// application in Go, at the same time on one table, are those of a plain map.
func TestQuickLinearizable(t *testing.T) {
	model := porcupine.Model{Init: func() any { return [3]uint64{} }, Step: quickStep}
	for seed := range uint64(long.N(60, 5000)) {
		size := 4 + 4*uint32(seed%2)
		t.Run(fmt.Sprintf("seed %d, keys of %d bytes", seed, size), func(t *testing.T) {
			require.True(t, porcupine.CheckOperations(model, quickHistory(t, seed, size)))
		})
	}
}

func quickHistory(t *testing.T, seed uint64, size uint32) (ops []porcupine.Operation) {
	m, err := maps.New(&ir.MapSpec{Type: ir.Hash, KeySize: size, ValueSize: 8, MaxEntries: 5})
	require.NoError(t, err)
	defer m.Close()
	const clients, each = 4, 60
	var clock atomic.Int64
	var wg sync.WaitGroup
	var mu sync.Mutex
	for id := range clients {
		c := newCaller(t, m)
		rng := rand.New(rand.NewPCG(seed, uint64(id)))
		wg.Go(func() {
			var mine []porcupine.Operation
			for i := range each {
				in := quickOp{op: abi.HelperID(1 + rng.IntN(3)), key: rng.Uint32N(3), value: uint64(id*each + i + 1), flags: rng.Uint64N(3)}
				key := binary.NativeEndian.AppendUint64(nil, uint64(in.key))[:size]
				o := porcupine.Operation{ClientId: id, Input: in, Call: clock.Add(1)}
				o.Output = quickDo(c, m, in, key, id == 3 && i%2 == 0)
				o.Return = clock.Add(1)
				mine = append(mine, o)
				if rng.IntN(8) == 0 {
					goruntime.Gosched()
				}
			}
			mu.Lock()
			defer mu.Unlock()
			ops = append(ops, mine...)
		})
	}
	wg.Wait()
	return ops
}

// quickDo makes an operation, by the program or by the application.
func quickDo(c *caller, m maps.Map, in quickOp, key []byte, app bool) (out quickResult) {
	value := binary.NativeEndian.AppendUint64(nil, in.value)
	if !app {
		ret, err := c.call(in.op, key, value, in.flags)
		if err != nil {
			panic(err)
		}
		if in.op == abi.MapLookupElem && ret != 0 {
			return quickResult{1, c.answer()}
		}
		return quickResult{ret: ret}
	}
	var err error
	switch in.op {
	case abi.MapLookupElem:
		v, err := m.Lookup(key)
		if err != nil {
			return quickResult{}
		}
		return quickResult{1, binary.NativeEndian.Uint64(v)}
	case abi.MapUpdateElem:
		err = m.Update(key, value, in.flags)
	default:
		err = m.Delete(key)
	}
	var e maps.Error
	if errors.As(err, &e) {
		out.ret = -uint64(e.Errno())
	}
	return out
}

// TestQuickTorture lets programs and the application change and read a table for
// a while, at the same time, with the collector at work: every value that is found
// belongs to its key, whole, and none is lost in the end.
func TestQuickTorture(t *testing.T) {
	for _, spec := range []*ir.MapSpec{
		{Type: ir.Hash, KeySize: 4, ValueSize: 8, MaxEntries: 64},
		{Type: ir.Hash, KeySize: 4, ValueSize: 8, MaxEntries: 5}, // one bucket, whose slots change hands all the time
		{Type: ir.Hash, KeySize: 8, ValueSize: 16, MaxEntries: 64},
		{Type: ir.LRUHash, KeySize: 4, ValueSize: 8, MaxEntries: 30},
	} {
		m, err := maps.New(spec)
		require.NoError(t, err)
		const workers, keys = 4, 40
		var stop atomic.Bool
		var wg, load sync.WaitGroup
		load.Go(func() {
			for !stop.Load() {
				goruntime.GC()
			}
		})
		for id := range workers {
			c := newCaller(t, m)
			rng := rand.New(rand.NewPCG(9, uint64(id)))
			wg.Go(func() {
				key, value := make([]byte, spec.KeySize), make([]byte, spec.ValueSize)
				for i := range long.N(50_000, 20_000_000) {
					k := rng.Uint32N(keys)
					binary.NativeEndian.PutUint32(key, k)
					binary.NativeEndian.PutUint64(value, uint64(k)<<32|uint64(uint32(i)))
					in := quickOp{op: abi.HelperID(1 + rng.IntN(3)), key: k, value: binary.NativeEndian.Uint64(value)}
					if spec.ValueSize > 8 {
						binary.NativeEndian.PutUint64(value[8:], ^in.value)
					}
					ret, err := c.call(in.op, key, value, 0)
					if err != nil {
						t.Errorf("%v", err)
						return
					}
					if in.op == abi.MapLookupElem && ret != 0 && c.answer()>>32 != uint64(k) {
						t.Errorf("key %d has a value of key %d", k, c.answer()>>32)
						return
					}
					if i%1000 == 0 {
						if v, err := m.Lookup(key); err == nil && binary.NativeEndian.Uint64(v)>>32 != uint64(k) {
							t.Errorf("key %d has value %x", k, v)
							return
						}
					}
				}
			})
		}
		wg.Wait()
		stop.Store(true)
		load.Wait()
		seen := map[uint32]bool{}
		for k, v := range maps.All(m) {
			key := binary.NativeEndian.Uint32(k)
			require.False(t, seen[key], "key %d is there twice", key)
			seen[key] = true
			require.EqualValues(t, key, binary.NativeEndian.Uint64(v)>>32)
		}
		info := maps.InfoOf(m)
		require.Equal(t, len(seen), info.Elements)
		require.NoError(t, m.Close())
	}
}
