package e2e

import (
	"errors"
	"fmt"
	goruntime "runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/absint/reduced"
	"github.com/bpfproof/bpfproof/internal/long"
	"github.com/bpfproof/bpfproof/internal/progen"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/mem"
	"github.com/bpfproof/bpfproof/runtime/vm/reference"
	"github.com/bpfproof/bpfproof/verifier"
	"github.com/bpfproof/bpfproof/verifier/invariant"
	"github.com/bpfproof/bpfproof/verifier/recheck"
)

// invariants is a set over the default domain.
type invariants = invariant.Set[reduced.T]

// invariantsOf returns the program's invariants, or nil if it is not accepted.
func invariantsOf(t testing.TB, v *verifier.Verifier, p *ir.Program) *invariants {
	t.Helper()
	r, err := v.Verify(t.Context(), p, nil)
	require.NoError(t, err)
	if r.Verdict != verifier.Accept {
		return nil
	}
	data, err := r.Invariants.Data()
	require.NoError(t, err)
	return data.(*invariants)
}

// tracer runs programs in the reference and shows its state before each
// instruction as invariants speak of it.
type tracer struct {
	w *world
	invariant.Machine
}

// moment is a state of a run.
type moment struct {
	pc      ir.PC
	machine invariant.Machine
}

// trace runs p on the inputs, one after the other on the same maps, and calls
// visit before each instruction. What it is given is good until it returns.
func trace(p *ir.Program, inputs []runtime.Input, fill byte, visit func(moment) error) error {
	ms, err := runtime.CreateMaps(p)
	if err != nil {
		return err
	}
	w, err := newWorld(p, ms, fill)
	if err != nil {
		return err
	}
	defer w.close()
	t := &tracer{w: w}
	for i, in := range inputs {
		if err := t.run(in, visit); err != nil {
			return fmt.Errorf("input %d: %w", i, err)
		}
	}
	return nil
}

func (t *tracer) run(in runtime.Input, visit func(moment) error) error {
	if err := t.w.prepare(in); err != nil {
		return err
	}
	t.w.env.Enter()
	defer t.w.env.Exit()
	m := t.w.m
	t.Machine = invariant.Machine{Ctx: m.Regs[ir.R1], Objects: t.objects, Frames: []invariant.MachineFrame{{Site: -1}}}
	for steps := 0; !m.Done; steps++ {
		if steps == referenceFuel {
			return reference.ErrFuel
		}
		t.look()
		if err := visit(moment{m.PC, t.Machine}); err != nil {
			return err
		}
		pc, depth := m.PC, m.Depth()
		if err := m.Step(); err != nil {
			return err
		}
		switch n := m.Depth(); {
		case n > depth:
			t.calledBack(depth-1, t.w.p.Insns[pc])
			t.Frames = append(t.Frames, invariant.MachineFrame{Site: pc})
		case n < depth && !m.Done:
			t.Frames = t.Frames[:len(t.Frames)-1]
			t.Frames[len(t.Frames)-1].Calls = 0
		case t.w.p.Insns[pc].Kind() == ir.KindExit && !m.Done: // the helper calls back again
			t.calledBack(depth-2, t.w.p.Insns[t.Frames[depth-1].Site])
		}
	}
	return nil
}

// calledBack counts a callback of the helper called by in, if it is one.
func (t *tracer) calledBack(frame int, in ir.Insn) {
	if in.Row().Pseudo == ir.CallHelper {
		t.Frames[frame].Calls++
	}
}

// look copies what the machine shows of the innermost frame, and of the stacks
// of all.
func (t *tracer) look() {
	top := &t.Frames[len(t.Frames)-1]
	top.Regs = t.w.m.Regs
	for i := range t.Frames {
		f := &t.Frames[i]
		f.Stack = mem.View(f.Regs[ir.FP]-ir.StackSize, ir.StackSize)
	}
	if t.w.frame != nil {
		t.Data, t.DataEnd = t.w.frame.Bounds()
		t.Meta = t.Data
	}
}

// objects gives the addresses of maps and of their values.
func (t *tracer) objects(k invariant.Kind, index int32) (addrs []uint64, known bool) {
	if index < 0 || k != invariant.Map && k != invariant.MapValue {
		return nil, false
	}
	if k == invariant.Map {
		return []uint64{t.w.maps[index].Handle()}, true
	}
	r := t.w.maps[index].Region()
	if r.Count > 1024 {
		return nil, false
	}
	for i := range r.Count {
		addrs = append(addrs, r.Base+i*r.Stride)
	}
	return addrs, true
}

// follower finds for each moment of a run a record that includes it.
type follower struct {
	set  *invariants
	at   map[ir.PC][]int32
	last int32
	d    *reduced.Domain
	n    int
}

func newFollower(set *invariants) *follower {
	return &follower{set: set, at: set.ByPC(), last: -1, d: reduced.New()}
}

// outsideError is a state of a run that no record includes.
type outsideError struct {
	pc   ir.PC
	text string
}

func (e *outsideError) Error() string { return fmt.Sprintf("pc %d: %s", e.pc, e.text) }

func (f *follower) visit(m moment) error {
	f.n++
	holds := func(i int32) bool {
		if r := &f.set.Records[i]; r.PC == m.pc && r.State.Contains(f.d, &m.machine) {
			f.last = i
			return true
		}
		return false
	}
	if f.last >= 0 && slices.ContainsFunc(f.set.Records[f.last].Next, holds) || slices.ContainsFunc(f.at[m.pc], holds) {
		return nil
	}
	var states string
	for _, i := range f.at[m.pc] {
		states += "\n\t" + f.set.Records[i].State.String()
	}
	top := m.machine.Frames[len(m.machine.Frames)-1]
	return &outsideError{m.pc, fmt.Sprintf("registers %x, packet %x to %x\nstates:%s", top.Regs, m.machine.Data, m.machine.DataEnd, states)}
}

// includesRuns checks that every state of the program's runs on the inputs is in
// the set, whatever stack and registers held before; it returns how many were.
func includesRuns(p *ir.Program, set *invariants, inputs []runtime.Input) (int, error) {
	n := 0
	for _, fill := range []byte{0, 0xa5} {
		f := newFollower(set)
		err := trace(p, inputs, fill, f.visit)
		n += f.n
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// invariantCase takes one program through the verifier; what it accepts must
// pass the checker, and its runs must lie in the invariants.
func invariantCase(t testing.TB, v *verifier.Verifier, p *ir.Program, inputs []runtime.Input) (accepted bool, states int, err error) {
	set := invariantsOf(t, v, p)
	if set == nil {
		return false, 0, nil
	}
	if r := recheck.Program(p, set); r.Verdict != recheck.Confirmed {
		return true, 0, fmt.Errorf("recheck: %v at record %d, pc %d: %s\n%s", r.Verdict, r.Record, r.PC, r.Reason, text(p))
	}
	states, err = includesRuns(p, set, inputs)
	if errors.Is(err, ErrSkip) || errors.Is(err, reference.ErrUnsupported) { // helpers that the reference does not have
		err = nil
	}
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, text(p))
	}
	return true, states, err
}

// TestInvariantsIncludeRuns: random programs, 200,000 of them with -long.
func TestInvariantsIncludeRuns(t *testing.T) {
	total := long.N(300, 200_000)
	v, err := verifier.New(verifier.Policy{Domain: Domain})
	require.NoError(t, err)
	var next, accepted, judged, states, failed atomic.Int64
	var wg sync.WaitGroup
	for range goruntime.GOMAXPROCS(0) {
		wg.Go(func() {
			for failed.Load() < 5 {
				seed := next.Add(1) - 1
				if seed >= int64(total) {
					return
				}
				o := options(uint64(seed))
				if o.Type == ir.Unspec { // is not verified
					o.Type = ir.XDP
				}
				choices := progen.Seed(uint64(seed))
				p := progen.New(choices, o)
				ok, n, err := invariantCase(t, v, p, inputs(choices, o))
				judged.Add(1)
				if ok {
					accepted.Add(1)
				}
				states.Add(int64(n))
				if err != nil {
					failed.Add(1)
					t.Errorf("seed %d: %v", seed, err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	progress("invariants", total, func() (n, fails int64) { return judged.Load(), failed.Load() }, done)
	t.Logf("%d programs, %d accepted and rechecked, %d states of runs inside", judged.Load(), accepted.Load(), states.Load())
	require.GreaterOrEqual(t, 10*accepted.Load(), 9*int64(total))
	require.Greater(t, states.Load(), int64(100*total))
}

// FuzzInvariant: the states of every run of an accepted program lie inside the
// invariants, and the checker confirms these.
func FuzzInvariant(f *testing.F) {
	v, err := verifier.New(verifier.Policy{Domain: Domain, Budget: verifier.Budget{Visits: 50_000}})
	require.NoError(f, err)
	for seed := range uint64(8) {
		f.Add([]byte{byte(seed), byte(37 * seed), byte(101 * seed), 3, 1, 4, 1, 5, 9, 2, 6}, seed)
	}
	f.Fuzz(func(t *testing.T, data []byte, seed uint64) {
		o := options(seed)
		if o.Type == ir.Unspec {
			o.Type = ir.XDP
		}
		choices := progen.Bytes(data)
		p := progen.New(choices, o)
		if seed%3 == 0 {
			p = progen.Mutate(progen.Seed(seed), p)
		}
		_, _, err := invariantCase(t, v, p, inputs(progen.Seed(seed), o))
		require.NoError(t, err)
	})
}
