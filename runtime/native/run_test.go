package native_test

import (
	"encoding/binary"
	"errors"
	goruntime "runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/runtime/helpers"
	"github.com/bpfproof/bpfproof/runtime/maps"
	"github.com/bpfproof/bpfproof/runtime/native"
)

// TestLocalCalls nests functions; each has its own stack and keeps r6-r9.
func TestLocalCalls(t *testing.T) {
	local := func(off int64) ir.Insn { return ir.Insn{Op: ir.OpCall(ir.CallLocal), Imm: off} }
	p := program(
		movK(ir.R6, 600), store(ir.W64, ir.R10, -8, ir.R6), movK(ir.R1, 5), local(4),
		aluX(ir.Add, ir.R0, ir.R6), load(ir.W64, ir.R1, ir.R10, -8), aluX(ir.Add, ir.R0, ir.R1), exit(),
		// pc 8: f(n) = n == 0 ? 0 : n + f(n - 1), over its own stack
		movX(ir.R6, ir.R1), store(ir.W64, ir.R10, -8, ir.R1), movK(ir.R0, 0), branchK(ir.JEQ, ir.R1, 0, 5),
		aluK(ir.Sub, ir.R1, 1), local(-6), load(ir.W64, ir.R1, ir.R10, -8), aluX(ir.Add, ir.R0, ir.R1),
		aluX(ir.Xor, ir.R6, ir.R1), exit())
	require.Len(t, p.Funcs, 2)
	r, _ := newRun(t, p, nil)
	ret, err := r.Call(0, 0)
	require.NoError(t, err)
	require.EqualValues(t, 15+600+600, ret)
}

// TestFarJumps crosses more than a short jump reaches, both ways.
func TestFarJumps(t *testing.T) {
	for _, n := range []int{1, 20, 40, 43, 60, 1000, 20000} {
		var body []ir.Insn
		for range n {
			body = append(body, aluK(ir.Add, ir.R0, 1))
		}
		jump := ir.Insn{Op: ir.OpJump(true), Imm: int64(n + 1)}
		back := ir.Insn{Op: ir.OpJump(true), Imm: int64(-n - 2)}
		p := program(movK(ir.R0, 0), jump, body, exit(), back)
		p.Insns[1].Imm = int64(n + 1)
		r, _ := newRun(t, p, nil)
		ret, err := r.Call(0, 0)
		require.NoError(t, err)
		require.EqualValues(t, n, ret)
	}
}

func arrayProgram(spec *ir.MapSpec, between ...ir.Insn) *ir.Program {
	p := program(store(ir.W32, ir.R10, -4, ir.R1), movX(ir.R2, ir.R10), aluK(ir.Add, ir.R2, -4), mapFD(ir.R1, 0), between,
		call(abi.MapLookupElem), exit())
	p.Maps = []*ir.MapSpec{spec}
	return p
}

// TestArrayLookup compares the inlined lookup with the map's own.
func TestArrayLookup(t *testing.T) {
	for _, value := range []uint32{1, 8, 12, 24, 4096} {
		for _, entries := range []uint32{1, 2, 127, 128, 1000} {
			p := arrayProgram(&ir.MapSpec{Name: "a", Type: ir.Array, KeySize: 4, ValueSize: value, MaxEntries: entries})
			code := compile(t, p)
			require.Len(t, code.Relocs, 2)
			require.Contains(t, code.Hints, jit.Hint{PC: 5, Reg: ir.R1, Map: 0})
			r, ms := newRun(t, p, nil)
			for _, key := range []uint32{0, 1, entries - 1, entries, entries + 1, 1 << 31, 1<<32 - 1} {
				got, err := r.Call(uint64(key), 0)
				require.NoError(t, err)
				require.Equal(t, ms[0].LookupAddr(binary.LittleEndian.AppendUint32(nil, key)), got, "key %d of %d", key, entries)
			}
		}
	}
}

// TestLookupNotInlined: where r1 may hold two maps, the helper decides.
func TestLookupNotInlined(t *testing.T) {
	p := program(movX(ir.R6, ir.R1), store(ir.W32, ir.R10, -4, ir.R2), movX(ir.R2, ir.R10), aluK(ir.Add, ir.R2, -4),
		mapFD(ir.R1, 0), branchK(ir.JEQ, ir.R6, 0, 2), mapFD(ir.R1, 1), call(abi.MapLookupElem), exit())
	spec := ir.MapSpec{Name: "a", Type: ir.Array, KeySize: 4, ValueSize: 8, MaxEntries: 4}
	hash := spec
	hash.Type, hash.Name = ir.Hash, "h"
	p.Maps = []*ir.MapSpec{&spec, &hash}
	for _, h := range compile(t, p).Hints {
		require.NotEqual(t, jit.Hint{PC: 9, Reg: ir.R1, Map: h.Map}, h)
	}
	r, ms := newRun(t, p, nil)
	require.NoError(t, ms[1].Update([]byte{9, 0, 0, 0}, make([]byte, 8), 0))
	for i, m := range ms {
		for _, key := range []uint32{0, 3, 4, 9} {
			got, err := r.Call(uint64(i), uint64(key))
			require.NoError(t, err)
			require.Equal(t, m.LookupAddr(binary.LittleEndian.AppendUint32(nil, key)), got)
		}
	}
}

// TestHashUpdate goes through helpers with memory arguments.
func TestHashUpdate(t *testing.T) {
	p := program(store(ir.W64, ir.R10, -8, ir.R1), store(ir.W64, ir.R10, -16, ir.R2), mapFD(ir.R1, 0), movX(ir.R2, ir.R10),
		aluK(ir.Add, ir.R2, -8), movX(ir.R3, ir.R10), aluK(ir.Add, ir.R3, -16), movK(ir.R4, 0), call(abi.MapUpdateElem), exit())
	p.Maps = []*ir.MapSpec{{Name: "h", Type: ir.Hash, KeySize: 8, ValueSize: 8, MaxEntries: 100}}
	r, ms := newRun(t, p, nil)
	for i := range uint64(100) {
		ret, err := r.Call(i, 2*i)
		require.NoError(t, err)
		require.Zero(t, ret)
		value, err := ms[0].Lookup(binary.LittleEndian.AppendUint64(nil, i))
		require.NoError(t, err)
		require.Equal(t, 2*i, binary.LittleEndian.Uint64(value))
	}
	ret, err := r.Call(100, 0)
	require.NoError(t, err)
	require.EqualValues(t, -int64(unix.E2BIG), ret)
}

func TestHelperError(t *testing.T) {
	broken := errors.New("broken")
	fs := map[abi.HelperID]helpers.Func{4000: func(*helpers.Env, [5]uint64) (uint64, error) { return 0, broken }}
	r, _ := newRun(t, program(movK(ir.R6, 1), call(4000), exit()), fs)
	for range 3 {
		_, err := r.Call(0, 0)
		require.ErrorIs(t, err, broken)
		require.EqualError(t, err, "native: insn 1: call helper 4000: broken")
	}
}

// count returns r1 rounds of a loop: r0 = the sum of 1 to r1.
func count() *ir.Program {
	return program(movK(ir.R0, 0), aluX(ir.Add, ir.R0, ir.R1), aluK(ir.Sub, ir.R1, 1), branchK(ir.JNE, ir.R1, 0, -3), exit())
}

// TestPoll runs loops past many polls: no register may change in one.
func TestPoll(t *testing.T) {
	b := newBench(t)
	r, _ := newRun(t, count(), nil)
	for _, n := range []uint64{1, 2, 4095, 4096, 4097, 4098, 8192, 100_000} {
		ret, err := r.Call(n, 0)
		require.NoError(t, err)
		require.Equal(t, n*(n+1)/2, ret)
	}
	// All registers through a loop of 5000 rounds counted on the stack.
	loop := []ir.Insn{{Op: ir.OpStore(ir.W64, ir.K), Dst: ir.R10, Off: -120, Imm: 5000},
		store(ir.W64, ir.R10, -128, ir.R3), load(ir.W64, ir.R3, ir.R10, -120), aluK(ir.Sub, ir.R3, 1),
		store(ir.W64, ir.R10, -120, ir.R3), branchK(ir.JEQ, ir.R3, 0, 2), load(ir.W64, ir.R3, ir.R10, -128),
		{Op: ir.OpJump(false), Off: -7}, load(ir.W64, ir.R3, ir.R10, -128)}
	r, _ = newRun(t, around(loop), nil)
	for range 50 {
		var s state
		for i := range s.regs {
			s.regs[i] = b.word()
		}
		got := b.run(r, &s)
		require.Equal(t, s, got)
	}
}

// gcPrograms are long loops: one of arithmetic, and one whose every round updates
// and looks up in a hash table.
func gcPrograms(t *testing.T) []*ir.Program {
	return []*ir.Program{count(), parse(t, `
.map m hash key 4 value 8 entries 64
r6 = r1
r7 = 0
again:
r7 += 1
r1 = r7
r1 &= 31
*(u32 *)(r10 - 4) = r1
*(u64 *)(r10 - 16) = r7
r1 = map[m]
r2 = r10
r2 += -4
r3 = r10
r3 += -16
r4 = 0
call map_update_elem
if r0 != 0 goto bad
r1 = map[m]
r2 = r10
r2 += -4
call map_lookup_elem
if r0 == 0 goto bad
r6 += -1
if r6 != 0 goto again
bad:
r0 = r6
exit`)}
}

// TestGC runs long loops on eight goroutines while the collector works: it gets
// through, and stops the world no longer than the loops take from one poll to the
// next. How long that is depends on the machine and what else it does, so a loop of
// one interval is timed beside it.
func TestGC(t *testing.T) {
	var stop atomic.Bool
	var calls, interval atomic.Int64
	var wg sync.WaitGroup
	for i, p := range gcPrograms(t) {
		for range 4 {
			wg.Go(func() {
				r, _ := newRun(t, p, nil)
				n, want := uint64(2_000_000), uint64(2_000_000)*2_000_001/2
				if i == 1 {
					n, want = 100_000, 0
				}
				for !stop.Load() {
					ret, err := r.Call(n, 0)
					require.NoError(t, err)
					require.Equal(t, want, ret)
					calls.Add(1)
				}
			})
		}
	}
	wg.Go(func() {
		r, _ := newRun(t, count(), nil)
		for !stop.Load() {
			start := time.Now()
			_, err := r.Call(native.PollInterval, 0)
			require.NoError(t, err)
			interval.Store(max(interval.Load(), int64(time.Since(start))))
		}
	})
	var before debug.GCStats
	debug.ReadGCStats(&before)
	for range 5 {
		goruntime.GC()
	}
	var stats debug.GCStats
	debug.ReadGCStats(&stats)
	stop.Store(true)
	wg.Wait()
	require.Positive(t, calls.Load())
	require.GreaterOrEqual(t, stats.NumGC-before.NumGC, int64(5))
	longest := time.Duration(0)
	for _, d := range stats.Pause[:min(len(stats.Pause), int(stats.NumGC-before.NumGC))] {
		longest = max(longest, d)
	}
	bound := 10*time.Duration(interval.Load()) + 50*time.Millisecond
	t.Logf("%d calls, longest pause %v, longest interval %v", calls.Load(), longest, time.Duration(interval.Load()))
	require.Less(t, longest, bound)
}

// TestFault: accesses outside of memory, stack overflow included, are errors
// that name instruction and address, again and again, on many goroutines,
// while Go's own faults stay panics.
func TestFault(t *testing.T) {
	p := program(movK(ir.R6, 3), load(ir.W64, ir.R0, ir.R1, 16), exit())
	np, err := native.Load(compile(t, p), p, nil, native.Options{})
	require.NoError(t, err)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			r, err := np.NewRun()
			require.NoError(t, err)
			defer func() { require.NoError(t, r.Close()) }()
			for i := range 5000 {
				_, err := r.Call(uint64(i%4096), 0)
				var fault *native.FaultError
				require.ErrorAs(t, err, &fault)
				require.Equal(t, ir.PC(1), fault.PC)
				require.EqualValues(t, i%4096+16, fault.Addr)
				require.Equal(t, unix.SIGSEGV, fault.Signal)
				require.Panics(t, func() { nilRead(nil) })
			}
		})
	}
	wg.Wait()
	require.NoError(t, np.Close())
}

//go:noinline
func nilRead(p *int) int { return *p }

// TestStackOverflow recurses without end.
func TestStackOverflow(t *testing.T) {
	p := program(ir.Insn{Op: ir.OpCall(ir.CallLocal), Imm: 1}, exit(), ir.Insn{Op: ir.OpCall(ir.CallLocal), Imm: -1}, exit())
	r, _ := newRun(t, p, nil)
	for range 3 {
		_, err := r.Call(0, 0)
		var fault *native.FaultError
		require.ErrorAs(t, err, &fault)
		require.Equal(t, ir.PC(2), fault.PC)
	}
}

// TestLoadRefuses lists what Load must not take.
func TestLoadRefuses(t *testing.T) {
	spec := &ir.MapSpec{Name: "a", Type: ir.Array, KeySize: 4, ValueSize: 8, MaxEntries: 4}
	p := arrayProgram(spec)
	m, err := maps.New(spec)
	require.NoError(t, err)
	t.Cleanup(func() { _ = m.Close() })
	for _, tt := range []struct {
		name   string
		change func(c *jit.Code, ms []maps.Map) []maps.Map
		want   string
	}{
		{"arch", func(c *jit.Code, ms []maps.Map) []maps.Map { c.Arch = "arm64"; return ms },
			`native: load "test": code is for "arm64", this machine is amd64`},
		{"no maps", func(*jit.Code, []maps.Map) []maps.Map { return nil }, `native: load "test": it has 1 maps, got 0`},
		{"nil map", func(*jit.Code, []maps.Map) []maps.Map { return []maps.Map{nil} }, `native: load "test": map 0 is nil`},
		{"reloc", func(c *jit.Code, ms []maps.Map) []maps.Map { c.Relocs[0].Off = int32(len(c.Text)) - 7; return ms },
			`native: load "test": jit: check code of "test": relocation at 61 is outside the text of 68 bytes`},
		{"reloc kind", func(c *jit.Code, ms []maps.Map) []maps.Map { c.Relocs[0].Kind = 9; return ms },
			`native: load "test": relocation at 23: unknown kind 9`},
		{"reloc map", func(c *jit.Code, ms []maps.Map) []maps.Map { c.Relocs[0].Map = 1; return ms },
			`native: load "test": jit: check code of "test": relocation at 23: map 1 does not exist: the program has 1`},
		{"addend", func(c *jit.Code, ms []maps.Map) []maps.Map { c.Relocs[1].Addend = 32; return ms },
			`native: load "test": relocation at 48: offset 32 is outside the values of map 0`},
		{"too long", func(c *jit.Code, ms []maps.Map) []maps.Map {
			c.Text = append(make([]byte, 0, native.ArenaBytes+1), c.Text...)[:native.ArenaBytes+1]
			return ms
		}, `native: load "test": text of 268435457 bytes is over the 268435456 of executable memory`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code := baseline(t, p)
			_, err := native.Load(code, p, tt.change(code, []maps.Map{m}), native.Options{})
			require.EqualError(t, err, tt.want)
		})
	}
	p = program(call(9999), exit())
	_, err = native.Load(compile(t, p), p, nil, native.Options{})
	var missing *helpers.MissingError
	require.ErrorAs(t, err, &missing)
}

func TestClosed(t *testing.T) {
	p := count()
	np, err := native.Load(compile(t, p), p, nil, native.Options{})
	require.NoError(t, err)
	r, err := np.NewRun()
	require.NoError(t, err)
	require.NoError(t, np.Close())
	require.NoError(t, np.Close())
	ret, err := r.Call(3, 0) // a run that exists goes on
	require.NoError(t, err)
	require.EqualValues(t, 6, ret)
	require.NoError(t, r.Close())
	_, err = r.Call(3, 0)
	require.EqualError(t, err, "native: call program: the run is closed")
	_, err = np.NewRun()
	require.EqualError(t, err, `native: run program "test": it is closed`)
}

// baseline compiles p in the baseline tier, whatever the tests run.
func baseline(t *testing.T, p *ir.Program) *jit.Code {
	code, err := jit.Compile(backendOf("baseline"), p)
	require.NoError(t, err)
	return code
}

// TestPerCPULookup compares the inlined lookup in a per-CPU array with the
// map's own, in both tiers, also on processors that the map has no values for.
// It calls no helper, and follows the environment's processor from run to run.
func TestPerCPULookup(t *testing.T) {
	noHelper := func(*helpers.Env, [5]uint64) (uint64, error) { return 0, errors.New("the lookup is not inlined") }
	for _, tier := range []string{"baseline", "opt"} {
		for _, value := range []uint32{1, 8, 12, 4096} {
			for _, entries := range []uint32{1, 5, 64, 1000} {
				spec := &ir.MapSpec{Name: "a", Type: ir.PerCPUArray, KeySize: 4, ValueSize: value, MaxEntries: entries}
				p := arrayProgram(spec)
				code, err := jit.Compile(backendOf(tier), p)
				require.NoError(t, err)
				m, err := maps.New(spec, maps.CPUs(3))
				require.NoError(t, err)
				np, err := native.Load(code, p, []maps.Map{m}, native.Options{
					Helper: with(map[abi.HelperID]helpers.Func{abi.MapLookupElem: noHelper})})
				require.NoError(t, err)
				r, err := np.NewRun()
				require.NoError(t, err)
				for _, cpu := range []uint32{0, 1, 2, 3, 1 << 31, 1<<32 - 1, 1} {
					r.Env().CPU = cpu
					for _, key := range []uint32{0, 1, entries - 1, entries, 1 << 31, 1<<32 - 1} {
						got, err := r.Call(uint64(key), 0)
						require.NoError(t, err)
						want := m.(maps.PerCPU).LookupCPU(binary.LittleEndian.AppendUint32(nil, key), cpu)
						require.Equal(t, cpu >= 3 || key >= entries, want == 0)
						require.Equal(t, want, got, "%s: values of %d bytes, key %d of %d, processor %d", tier, value, key, entries, cpu)
					}
				}
				require.NoError(t, r.Close())
				require.NoError(t, np.Close())
				require.NoError(t, m.Close())
			}
		}
	}
}

// TestPerCPURelocation: code that was compiled for a per-CPU array is not
// loaded with a map of another kind.
func TestPerCPURelocation(t *testing.T) {
	p := arrayProgram(&ir.MapSpec{Name: "a", Type: ir.PerCPUArray, KeySize: 4, ValueSize: 8, MaxEntries: 4})
	code := compile(t, p)
	for _, kind := range []ir.MapType{ir.Array, ir.PerCPUHash} {
		m, err := maps.New(&ir.MapSpec{Name: "m", Type: kind, KeySize: 4, ValueSize: 8, MaxEntries: 4})
		require.NoError(t, err)
		_, err = native.Load(code, p, []maps.Map{m}, native.Options{})
		require.ErrorContains(t, err, "is no per-CPU array")
		require.NoError(t, m.Close())
	}
}
