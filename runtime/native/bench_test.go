package native_test

import (
	"bytes"
	"math"
	goruntime "runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/corpus"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/ir/elf"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/helpers"
	"github.com/bpfproof/bpfproof/runtime/native"
)

// BenchmarkEntry is the cost of calling a program that returns at once.
func BenchmarkEntry(b *testing.B) {
	r, _ := newRun(b, program(movK(ir.R0, 0), exit()), nil)
	goruntime.LockOSThread() // for cpuTime
	defer goruntime.UnlockOSThread()
	best := int64(math.MaxInt64)
	for b.Loop() {
		_, _ = r.Call(0, 0)
	}
	for range 200 { // the quickest of many short rounds says most on a busy machine
		start := cpuTime(b)
		for range 10_000 {
			_, _ = r.Call(0, 0)
		}
		best = min(best, cpuTime(b)-start)
	}
	b.ReportMetric(float64(best)/10_000, "best-cpu-ns/op")
}

// BenchmarkHelper is the cost of one helper call, the function itself empty.
func BenchmarkHelper(b *testing.B) {
	const calls = 100
	fs := map[abi.HelperID]helpers.Func{4000: func(*helpers.Env, [5]uint64) (uint64, error) { return 0, nil }}
	var body []ir.Insn
	for range calls {
		body = append(body, call(4000))
	}
	r, _ := newRun(b, program(body, exit()), fs)
	for b.Loop() {
		_, _ = r.Call(0, 0)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/calls, "ns/helper")
}

// BenchmarkLoop is the cost of a loop of three instructions, poll included.
func BenchmarkLoop(b *testing.B) {
	const rounds = 10_000
	p := program(movK(ir.R0, 0), movK(ir.R1, rounds), aluX(ir.Add, ir.R0, ir.R1), aluK(ir.Sub, ir.R1, 1),
		branchK(ir.JNE, ir.R1, 0, -3), exit())
	r, _ := newRun(b, p, nil)
	for b.Loop() {
		if ret, _ := r.Call(0, 0); ret != rounds*(rounds+1)/2 {
			b.Fatal(ret)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rounds, "ns/round")
}

// BenchmarkCompile is the cost of each tier.
func BenchmarkCompile(b *testing.B) {
	var body []ir.Insn
	for i := range 1000 {
		body = append(body, movX(ir.R3, ir.R1), aluK(ir.Add, ir.R3, int64(i)), load(ir.W32, ir.R4, ir.R2, i&63),
			aluX(ir.Xor, ir.R3, ir.R4), branchK(ir.JGT, ir.R3, 77, 1), store(ir.W16, ir.R10, -8, ir.R3))
	}
	p := program(body, movK(ir.R0, 0), exit())
	require.NoError(b, p.Check()) // done once, by the verifier at the latest
	for _, tier := range []string{"baseline", "opt"} {
		b.Run("tier="+tier, func(b *testing.B) {
			be := backendOf(tier)
			goruntime.LockOSThread() // for cpuTime
			defer goruntime.UnlockOSThread()
			start := cpuTime(b)
			for b.Loop() {
				if _, err := be.Compile(p); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(cpuTime(b)-start)/float64(b.N)/float64(len(p.Insns)), "cpu-ns/insn")
		})
	}
}

// cpuTime returns the processor time of the calling thread in nanoseconds: on a
// busy machine the clock on the wall says nothing.
func cpuTime(b *testing.B) int64 {
	var t unix.Timespec
	require.NoError(b, unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t))
	return t.Nano()
}

// BenchmarkProgram runs the programs of corpus/bench in each tier.
func BenchmarkProgram(b *testing.B) {
	for _, e := range corpus.Benchmarks() {
		file, err := corpus.FS.ReadFile(e.Object)
		require.NoError(b, err)
		o, err := elf.Read(e.Object, bytes.NewReader(file))
		require.NoError(b, err)
		p := o.Program(e.Name)
		for _, tier := range []string{"baseline", "opt"} {
			b.Run("prog="+e.Name+"/tier="+tier, func(b *testing.B) { benchProgram(b, p, tier) })
		}
	}
}

func benchProgram(b *testing.B, p *ir.Program, tier string) {
	ms, err := runtime.CreateMaps(p)
	require.NoError(b, err)
	engine, err := native.Loader(backendOf(tier), native.Options{}).Load(b.Context(), p, ms)
	require.NoError(b, err)
	s, err := engine.(runtime.Opener).Open()
	require.NoError(b, err)
	require.NoError(b, s.Frame().Set(runtime.Input{Data: corpus.BenchPacket()}))
	for b.Loop() {
		if _, err := s.Run(b.Context(), runtime.DefaultFuel); err != nil {
			b.Fatal(err)
		}
	}
	require.NoError(b, s.Close())
	require.NoError(b, engine.Close())
	for _, m := range ms {
		require.NoError(b, m.Close())
	}
}
