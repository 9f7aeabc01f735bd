package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	goruntime "runtime"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
	"gonum.org/v1/gonum/stat"

	"github.com/bpfproof/bpfproof/corpus"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/elf"
	"github.com/bpfproof/bpfproof/runtime"
)

// benchCmd holds the benchmarks: each has a file of its own, and measures by
// the parts of this one.
func benchCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "measure engines side by side, in one run",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(benchRunCmd(), benchVMCmd(), benchVerifyCmd(), benchMapsCmd())
	return cmd
}

// timer is one thing to measure, ready to be called. It is not safe for
// concurrent use.
type timer interface {
	// time calls it n times in a row and returns the nanoseconds of one call on
	// average and what the last call returned.
	time(ctx context.Context, n int) (ns float64, result uint32, err error)
	io.Closer
}

// rounds says how long to measure.
type rounds struct {
	count    int
	length   time.Duration // of one round of one timer
	quantile float64       // of the rounds, from the fastest at 0 to the slowest at 1
}

func (r *rounds) flags(cmd *cobra.Command) {
	cmd.Flags().IntVar(&r.count, "rounds", 11, "rounds of each measurement; the median counts")
	cmd.Flags().Float64Var(&r.quantile, "quantile", 0.5, "which round counts, from the fastest at 0 to the slowest at 1: below the median on a busy machine")
	cmd.Flags().DurationVar(&r.length, "round-time", 20*time.Millisecond, "length of a round")
}

func (r *rounds) check() error {
	if r.quantile < 0 || r.quantile > 1 {
		return fmt.Errorf("--quantile %v: want 0 to 1", r.quantile)
	}
	if r.count < 1 || r.length <= 0 {
		return fmt.Errorf("--rounds %d, --round-time %v: want at least 1 and more than 0", r.count, r.length)
	}
	return nil
}

// maxRepeat bounds the calls of one round.
const maxRepeat = 1 << 22

// interleave measures all timers in turn, round by round, so that what
// disturbs the machine disturbs all of them, and returns each one's quantile in
// nanoseconds a call. A result that differs between timers is an error.
func (r *rounds) interleave(ctx context.Context, timers []timer) ([]float64, error) {
	goruntime.LockOSThread() // for cpuTime
	defer goruntime.UnlockOSThread()
	repeat := make([]int, len(timers))
	var want uint32
	for i, t := range timers {
		n, result, err := r.repeats(ctx, t)
		if err != nil {
			return nil, err
		}
		if repeat[i] = n; i == 0 {
			want = result
		}
		if result != want {
			return nil, fmt.Errorf("results differ: %#x and %#x: %w", want, result, errDiffer)
		}
	}
	samples := make([][]float64, len(timers))
	for range r.count {
		for i, t := range timers {
			ns, result, err := t.time(ctx, repeat[i])
			if err != nil {
				return nil, err
			}
			if result != want {
				return nil, fmt.Errorf("results differ: %#x and %#x: %w", want, result, errDiffer)
			}
			samples[i] = append(samples[i], ns)
		}
	}
	medians := make([]float64, len(timers))
	for i, s := range samples {
		slices.Sort(s)
		medians[i] = stat.Quantile(r.quantile, stat.Empirical, s, nil)
	}
	return medians, nil
}

var errDiffer = errors.New("no measurement of a wrong answer")

// estimates is how often a number of calls is timed before it is believed: a
// first call that meets untouched memory takes a hundred times longer, and rounds
// of few calls would measure cold caches ever after.
const estimates = 3

// repeats finds how many calls fill a round, and warms up by it.
func (r *rounds) repeats(ctx context.Context, t timer) (n int, result uint32, err error) {
	for n = 1; ; n *= 2 {
		ns := math.Inf(1)
		for range estimates {
			took, ret, err := t.time(ctx, n)
			if err != nil {
				return 0, 0, err
			}
			ns, result = min(ns, took), ret
		}
		total := ns * float64(n)
		if 2*total < float64(r.length) && n < maxRepeat {
			continue
		}
		return max(1, min(maxRepeat, int(float64(r.length)/math.Max(ns, 1)))), result, nil
	}
}

// cpuTime returns the processor time of the calling thread in nanoseconds, user
// and system together: what other processes take does not count.
func cpuTime() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		panic(err) // Linux has had this clock since 2.6.12
	}
	return t.Nano()
}

// geomean returns the geometric mean of numbers above zero.
func geomean(xs []float64) float64 { return stat.GeometricMean(xs, nil) }

// benchProgram is one program to measure, and its input.
type benchProgram struct {
	corpus.Benchmark
	program *ir.Program
	packet  []byte
}

// benchPrograms reads the programs of corpus/bench that keep says.
func benchPrograms(only []string, keep func(corpus.Benchmark) bool) ([]benchProgram, error) {
	var list []benchProgram
	for _, b := range corpus.Benchmarks() {
		if !keep(b) || len(only) > 0 && !slices.Contains(only, b.Name) {
			continue
		}
		data, err := corpus.FS.ReadFile(b.Object)
		if err != nil {
			return nil, err
		}
		object, err := elf.Read(b.Object, bytes.NewReader(data))
		if err != nil {
			return nil, err
		}
		p := object.Program(b.Name)
		if p == nil {
			return nil, fmt.Errorf("%s defines no program %s", b.Object, b.Name)
		}
		list = append(list, benchProgram{b, p, corpus.BenchPacket()})
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("--prog %v: no such benchmark program", only)
	}
	return list, nil
}

// sessionTimer measures one of our engines from outside.
type sessionTimer struct {
	runtime.Session
	object *runtime.Object
}

// openSession verifies and loads a program into an engine.
func openSession(ctx context.Context, loader runtime.Loader, b *benchProgram, check runtime.Check) (timer, error) {
	obj, err := runtime.Load(ctx, []*ir.Program{b.program}, runtime.Options{Loader: loader, Check: check})
	if err != nil {
		return nil, err
	}
	s, err := obj.Programs()[0].Open()
	if err == nil {
		err = s.Frame().Set(runtime.Input{Data: b.packet})
	}
	if err != nil {
		return nil, errors.Join(err, obj.Close())
	}
	return &sessionTimer{s, obj}, nil
}

func (t *sessionTimer) time(ctx context.Context, n int) (float64, uint32, error) {
	var last uint64
	start := cpuTime()
	for range n {
		ret, err := t.Run(ctx, runtime.DefaultFuel)
		if err != nil {
			return 0, 0, err
		}
		last = ret
	}
	return float64(cpuTime()-start) / float64(n), uint32(last), nil
}

// Close closes the session and what it was opened from.
func (t *sessionTimer) Close() error { return errors.Join(t.Session.Close(), t.object.Close()) }
