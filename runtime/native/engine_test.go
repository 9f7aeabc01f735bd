package native_test

import (
	"context"
	"io"
	goruntime "runtime"
	"runtime/pprof"
	"runtime/trace"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/helpers"
	"github.com/bpfproof/bpfproof/runtime/native"
)

func newEngine(tb testing.TB, p *ir.Program, opts native.Options) runtime.Engine {
	tb.Helper()
	ms, err := runtime.CreateMaps(p)
	require.NoError(tb, err)
	e, err := native.Loader(backend(), opts).Load(tb.Context(), p, ms)
	require.NoError(tb, err)
	tb.Cleanup(func() {
		require.NoError(tb, e.Close())
		for _, m := range ms {
			require.NoError(tb, m.Close())
		}
	})
	return e
}

// TestEngine runs an XDP program that changes its packet, on many goroutines.
func TestEngine(t *testing.T) {
	p := program(load(ir.W32, ir.R2, ir.R1, 0), load(ir.W32, ir.R3, ir.R1, 4), movX(ir.R0, ir.R3), aluX(ir.Sub, ir.R0, ir.R2),
		load(ir.W8, ir.R4, ir.R2, 0), aluK(ir.Add, ir.R4, 1), store(ir.W8, ir.R2, 0, ir.R4), exit())
	p.Type = ir.XDP
	e := newEngine(t, p, native.Options{})
	require.Equal(t, "native", e.Name())
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 100 {
				res, err := e.Run(t.Context(), runtime.Input{Data: []byte{byte(i), 2, 3}, Repeat: 10})
				require.NoError(t, err)
				require.EqualValues(t, 3, res.Ret)
				require.Equal(t, []byte{byte(i + 10), 2, 3}, res.Data)
			}
		})
	}
	wg.Wait()
	s, err := e.(runtime.Opener).Open()
	require.NoError(t, err)
	require.NoError(t, s.Frame().Set(runtime.Input{Data: []byte{1}}))
	ctx := t.Context()
	require.Zero(t, testing.AllocsPerRun(100, func() { _, _ = s.Run(ctx, 1000) }))
	require.NoError(t, s.Close())
}

// TestFuel: jumps that can lead backward are executed exactly as often as there
// is fuel.
func TestFuel(t *testing.T) {
	e := newEngine(t, count(), native.Options{}) // r1 is an address, far more rounds than fuel
	_, err := e.Run(t.Context(), runtime.Input{Data: []byte{1}, Fuel: 1 << 20})
	require.ErrorIs(t, err, native.ErrFuel)
	// A loop of r2 rounds executes its jump r2 times.
	p := program(movX(ir.R1, ir.R2), count().Insns)
	e = newEngine(t, p, native.Options{})
	for _, rounds := range []uint64{2, 3, 4096, 4097, 4098, 8193, 10_000} {
		in := runtime.Input{Data: make([]byte, rounds), Fuel: rounds}
		res, err := e.Run(t.Context(), in)
		require.NoError(t, err, "%d rounds", rounds)
		require.Equal(t, rounds*(rounds+1)/2, res.Ret)
		if in.Fuel--; in.Fuel > 0 {
			_, err = e.Run(t.Context(), in)
			require.ErrorIs(t, err, native.ErrFuel, "%d rounds", rounds)
		}
	}
}

func TestCancel(t *testing.T) {
	e := newEngine(t, program(ir.Insn{Op: ir.OpJump(false), Off: -1}, exit()), native.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	for range 2 { // in the run, and before it
		_, err := e.Run(ctx, runtime.Input{Fuel: 1 << 60})
		require.ErrorIs(t, err, context.DeadlineExceeded)
	}
}

// TestHelperFault: a helper that is given a bad address ends the run, not the
// process.
func TestHelperFault(t *testing.T) {
	p := program(mapFD(ir.R1, 0), wide(ir.R2, 0x7fff_0000_0000), movK(ir.R3, 0), call(abi.MapPushElem), exit())
	p.Maps = []*ir.MapSpec{{Name: "q", Type: ir.Queue, ValueSize: 8, MaxEntries: 4}}
	e := newEngine(t, p, native.Options{})
	for range 3 {
		_, err := e.Run(t.Context(), runtime.Input{})
		var failed *native.HelperError
		require.ErrorAs(t, err, &failed)
		require.Equal(t, ir.PC(5), failed.PC)
	}
	fs := map[abi.HelperID]helpers.Func{4000: func(*helpers.Env, [5]uint64) (uint64, error) { panic("mine") }}
	e = newEngine(t, program(call(4000), exit()), native.Options{Helper: with(fs)})
	require.PanicsWithValue(t, "mine", func() { _, _ = e.Run(t.Context(), runtime.Input{}) })
}

// TestSessionClosed: a closed session refuses, whether its program calls helpers
// or not.
func TestSessionClosed(t *testing.T) {
	for _, p := range []*ir.Program{program(movK(ir.R0, 1), exit()), program(call(abi.GetSMPProcessorID), exit())} {
		s, err := newEngine(t, p, native.Options{}).(runtime.Opener).Open()
		require.NoError(t, err)
		require.NoError(t, s.Close())
		_, err = s.Run(t.Context(), 1)
		require.EqualError(t, err, "native: call program: the run is closed")
	}
}

func TestNoFrame(t *testing.T) {
	p := count()
	p.Type = ir.StructOps
	_, err := native.Loader(backend(), native.Options{}).Load(t.Context(), p, nil)
	require.ErrorContains(t, err, "programs of type struct_ops have no context here")
}

// TestProfile runs under the CPU profiler and the execution tracer: their
// unwinders meet the image, the exits and Go on top of them.
func TestProfile(t *testing.T) {
	require.NoError(t, pprof.StartCPUProfile(io.Discard))
	require.NoError(t, trace.Start(io.Discard))
	fs := map[abi.HelperID]helpers.Func{4000: func(*helpers.Env, [5]uint64) (uint64, error) {
		goruntime.Gosched()
		return 0, nil
	}}
	p := program(movK(ir.R6, 100_000), call(4000), aluK(ir.Sub, ir.R6, 1), branchK(ir.JNE, ir.R6, 0, -3), exit())
	e := newEngine(t, p, native.Options{Helper: with(fs)})
	loop := newEngine(t, count(), native.Options{})
	quick := newEngine(t, gcPrograms(t)[1], native.Options{}) // helpers in machine code
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			_, err := e.Run(t.Context(), runtime.Input{Repeat: 4})
			require.NoError(t, err)
			_, err = loop.Run(t.Context(), runtime.Input{Data: []byte{1}, Fuel: 200_000_000})
			require.ErrorIs(t, err, native.ErrFuel)
			_, err = quick.Run(t.Context(), runtime.Input{Data: []byte{1}, Fuel: 1_000_000})
			require.ErrorIs(t, err, native.ErrFuel)
		})
	}
	wg.Wait()
	trace.Stop()
	pprof.StopCPUProfile()
}
