package e2e

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	goruntime "runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/internal/filetest"
	"github.com/bpfproof/bpfproof/internal/long"
	"github.com/bpfproof/bpfproof/internal/progen"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/jitproof"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/kernel"
	"github.com/bpfproof/bpfproof/runtime/native"
	"github.com/bpfproof/bpfproof/runtime/vm"
	"github.com/bpfproof/bpfproof/verifier"
)

// campaign compares engines on random programs and counts.
type campaign struct {
	verifier *verifier.Verifier
	vm       Engine
	native   Engine
	kernel   *Engine // nil if it is not there
	prove    int     // the translation of one program in so many is proved

	programs, insns, accepted, judged, proved atomic.Int64
	asked, taken                              atomic.Int64 // by the kernel
	left                                      atomic.Int64 // not run for a limit of the engine
	fetchBug, exchangeBug                     bool         // the live kernel's bugs of TestFetchPrecision and TestExchangeExtension
	excused                                   atomic.Int64 // differences of the kernel that they explain
	compared                                  sync.Map     // engine name to *atomic.Int64: programs

	mu       sync.Mutex
	failures []string
	refused  map[string]int // the kernel's reasons
}

func newCampaign(t testing.TB, prove int) *campaign {
	c := &campaign{vm: Ours(vm.Loader(vm.Options{})), native: Ours(native.Loader(Backend(), native.Options{})), prove: prove, refused: map[string]int{}}
	var err error
	c.verifier, err = verifier.New(verifier.Policy{Domain: Domain})
	require.NoError(t, err)
	if err := kernel.Available(); err != nil {
		t.Logf("the live kernel is left out: %v", err)
	} else {
		k := Kernel()
		c.kernel = &k
		c.fetchBug, c.exchangeBug = hasFetchBug(t), hasExchangeBug(t)
	}
	return c
}

// options returns what the program of a seed is made by. Half of all are XDP
// programs; Syscall programs run in the reference, and the kernel's verifier judges them; Unspec
// ones are not verified and so only run in engines that check accesses.
func options(seed uint64) progen.Options {
	types := [...]ir.ProgType{ir.XDP, ir.XDP, ir.XDP, ir.XDP, ir.SchedCLS, ir.SchedCLS, ir.Syscall, ir.Unspec}
	return progen.Options{Type: types[seed%8], Size: 4 + int(seed/8%40)}
}

// inputs returns two inputs for a program: the second finds the maps as the
// first left them.
func inputs(c progen.Choices, o progen.Options) []runtime.Input {
	list := make([]runtime.Input, 2)
	for i := range list {
		if data := progen.Input(c, o); o.Type == ir.Syscall {
			list[i].Ctx = data
		} else {
			list[i].Data = data
		}
	}
	return list
}

func modelled(t ir.ProgType) bool {
	_, ok := abi.LookupContext(t)
	return ok
}

// engines returns the engines to compare with the reference.
func (c *campaign) engines(p *ir.Program) []Engine {
	var list []Engine
	if p.Type != ir.Syscall {
		list = append(list, c.vm)
	}
	if modelled(p.Type) {
		list = append(list, c.native)
	}
	if c.kernel != nil && modelled(p.Type) {
		list = append(list, *c.kernel)
	}
	return list
}

// run takes one program through all stages.
func (c *campaign) run(t testing.TB, name string, p *ir.Program, in []runtime.Input, prove bool) {
	c.programs.Add(1)
	c.insns.Add(int64(p.Count()))
	if modelled(p.Type) {
		c.judged.Add(1)
		r, err := c.verifier.Verify(t.Context(), p, nil)
		if err != nil {
			c.fail(fmt.Sprintf("%s: verify: %v", name, err))
			return
		}
		if r.Verdict != verifier.Accept {
			return // counted by the difference of judged and accepted
		}
		c.accepted.Add(1)
	}
	want, err := Reference(0).Run(p, in)
	if err != nil {
		c.fail(fmt.Sprintf("%s: the reference: %v\n%s", name, err, text(p)))
		return
	}
	for _, e := range c.engines(p) {
		why := c.compare(want, e, p, in)
		if why != "" && c.kernel != nil && e.Name == c.kernel.Name && c.kernelBug(want, p, in) {
			c.excused.Add(1)
			continue
		}
		if why != "" {
			c.fail(fmt.Sprintf("%s: %s\n%s", name, why, c.report(t, e, p, in)))
		}
	}
	if p.Type == ir.Syscall && c.kernel != nil {
		c.load(name, p)
	}
	if prove && modelled(p.Type) {
		if cert := Prove(t, p); cert.Status != jitproof.Proved {
			c.fail(fmt.Sprintf("%s: the translation is %v\n%s", name, cert.Status, text(p)))
		}
		c.proved.Add(1)
	}
}

// load asks the kernel for its verdict on a program that only the reference
// runs.
func (c *campaign) load(name string, p *ir.Program) {
	c.asked.Add(1)
	switch r, err := kernel.Verify(p, kernel.Options{}); {
	case err != nil:
		c.fail(fmt.Sprintf("%s: %v\n%s", name, err, text(p)))
	case r.Verdict == kernel.Accept:
		c.taken.Add(1)
	default:
		c.refuse(r.Reason)
	}
}

func (c *campaign) refuse(reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refused[reason]++
}

// compare runs the program in one engine and returns how the outcome differs
// from the reference's, "" if it does not or the engine does not take the
// program.
func (c *campaign) compare(want *Outcome, e Engine, p *ir.Program, in []runtime.Input) string {
	isKernel := c.kernel != nil && e.Name == c.kernel.Name
	if isKernel {
		c.asked.Add(1)
	}
	got, err := e.Run(p, in)
	var refused *kernel.LoadError
	switch {
	case errors.As(err, &refused):
		c.refuse(refused.Report.Reason)
		return ""
	case errors.Is(err, ErrSkip): // a limit of the engine: it ran nothing
		c.left.Add(1)
		return ""
	case err != nil:
		return fmt.Sprintf("%s: %v", e.Name, err)
	case isKernel:
		c.taken.Add(1)
	}
	n, _ := c.compared.LoadOrStore(e.Name, new(atomic.Int64))
	n.(*atomic.Int64).Add(1)
	return Difference(want, got, e.RetMask)
}

func (c *campaign) fail(text string) {
	if long.Enabled() { // hours may pass before the test prints them
		fmt.Fprintln(os.Stderr, text)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failures = append(c.failures, text)
}

func (c *campaign) failed() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.failures)
}

// summary is one line with the campaign's counts.
func (c *campaign) summary() string {
	s := fmt.Sprintf("%d programs (%d instructions); ours accepts %d of %d; the kernel accepts %d of %d; proved %d; compared",
		c.programs.Load(), c.insns.Load(), c.accepted.Load(), c.judged.Load(), c.taken.Load(), c.asked.Load(), c.proved.Load())
	var parts []string
	c.compared.Range(func(name, n any) bool {
		parts = append(parts, fmt.Sprintf(" %s %d", name, n.(*atomic.Int64).Load()))
		return true
	})
	slices.Sort(parts)
	if n := c.excused.Load(); n > 0 {
		parts = append(parts, fmt.Sprintf(" %d differences of the kernel are its bugs with atomic operations (BUGS.md)", n))
	}
	if n := c.left.Load(); n > 0 {
		parts = append(parts, fmt.Sprintf(" %d not run for a limit of the kernel's test run", n))
	}
	return s + strings.Join(parts, ",")
}

// finish fails the test unless all went well.
func (c *campaign) finish(t *testing.T) {
	t.Log(c.summary())
	for reason, n := range c.refused {
		t.Logf("the kernel refused %d: %s", n, reason)
	}
	for _, f := range c.failures {
		t.Error(f)
	}
	require.GreaterOrEqual(t, 10*c.accepted.Load(), 9*c.judged.Load(), "our verifier accepts less than 90 %%")
	require.GreaterOrEqual(t, 10*c.taken.Load(), 9*c.asked.Load(), "the kernel accepts less than 90 %%")
}

func text(p *ir.Program) string {
	var b strings.Builder
	if err := asm.Print(&b, p); err != nil {
		return err.Error()
	}
	return b.String()
}

// tries bounds the programs that a minimisation asks about.
const tries = 4000

// report makes a small program and input with the same difference and returns
// them as a test file.
func (c *campaign) report(t testing.TB, e Engine, p *ir.Program, in []runtime.Input) string {
	strict := c.strict(t, p)
	differs := func(p *ir.Program, in []runtime.Input) bool {
		if !defined(t, strict, p, in) {
			return false
		}
		want, err := Reference(0).Run(p, in)
		if err != nil {
			return false
		}
		got, err := e.Run(p, in)
		if errors.Is(err, ErrSkip) {
			return false
		}
		return err != nil || Difference(want, got, e.RetMask) != ""
	}
	p, in = single(p, in, differs)
	p = progen.Minimise(p, func(q *ir.Program) bool { return differs(q, in) }, tries)
	// Test files know programs that are verified: what does not need its own type
	// becomes an XDP program.
	if q := *p; !modelled(p.Type) {
		q.Type, q.LoadFlags = ir.XDP, 0
		data := []runtime.Input{{Data: make([]byte, progen.InputBytes)}}
		if differs(&q, data) {
			p, in = &q, data
		}
	}
	last := &in[len(in)-1]
	shrink := func(data *[]byte) {
		whole := *data
		*data = progen.MinimiseBytes(whole, func(b []byte) bool {
			*data = b
			// The kernel's test run takes no shorter packets.
			return (len(b) >= progen.LeastInput || !modelled(p.Type)) && differs(p, in)
		}, tries)
	}
	if p.Type == ir.Syscall {
		shrink(&last.Ctx)
	} else {
		shrink(&last.Data)
	}
	return fileOf(p, in)
}

// single returns a program with one input and the same difference: the
// first input that differs, on maps that hold what the inputs before it left.
// Where that does not differ any more, it returns what it was given.
func single(p *ir.Program, in []runtime.Input, differs func(*ir.Program, []runtime.Input) bool) (*ir.Program, []runtime.Input) {
	for i := range in {
		q := *p
		if i > 0 {
			before, err := Reference(0).Run(p, in[:i])
			if err != nil {
				break
			}
			q.Maps = nil
			for _, m := range p.Maps {
				filled := *m
				filled.Contents = before.Elems[m.Name]
				q.Maps = append(q.Maps, &filled)
			}
		}
		if one := in[i : i+1 : i+1]; differs(&q, one) {
			return &q, slices.Clone(one)
		}
	}
	return p, slices.Clone(in)
}

// strict returns a verifier that refuses what reads before it writes and what
// computes with addresses, with a budget for programs smaller than p: a smaller
// one that loops for ever is soon given up.
func (c *campaign) strict(t testing.TB, p *ir.Program) *verifier.Verifier {
	budget := verifier.Budget{Visits: 1000}
	if r, err := c.verifier.Verify(t.Context(), p, nil); err == nil {
		budget.Visits += 4 * r.Stats.Visits
	}
	v, err := verifier.New(verifier.Policy{Domain: Domain, Unprivileged: true, Budget: budget})
	require.NoError(t, err)
	return v
}

// defined reports whether all engines have to agree on p: it is safe, reads
// nothing that it has not written, and does not depend on addresses.
func defined(t testing.TB, strict *verifier.Verifier, p *ir.Program, in []runtime.Input) bool {
	if modelled(p.Type) {
		r, err := strict.Verify(t.Context(), p, nil)
		return err == nil && r.Verdict == verifier.Accept
	}
	a, err := Reference(0).Run(p, in)
	if err != nil {
		return false
	}
	b, err := Reference(0xa5).Run(p, in)
	return err == nil && Difference(a, b, ^uint64(0)) == ""
}

// fileOf writes a test file that runs p on the inputs.
func fileOf(p *ir.Program, in []runtime.Input) string {
	var b strings.Builder
	for _, x := range in {
		fmt.Fprintf(&b, "test run mem=%s\n", hex.EncodeToString(append(slices.Clone(x.Data), x.Ctx...)))
	}
	b.WriteString("\n" + text(p))
	if want, err := Reference(0).Run(p, in); err == nil {
		fmt.Fprintf(&b, "; run: r0 = %#x\n", want.Results[0].Ret)
	}
	return b.String()
}

// TestDifferential runs random programs through the reference, the interpreter,
// native code and the live kernel: r0, packet or memory, and maps agree. What
// our verifier accepts runs without a fault in the engines that check accesses,
// and the translation of a part of the programs is proved. With -long there are
// 1,000,000 programs.
func TestDifferential(t *testing.T) {
	total := long.N(3000, 1_000_000)
	c := newCampaign(t, long.N(10, 50))
	var next atomic.Int64
	var wg sync.WaitGroup
	for range 4 * goruntime.GOMAXPROCS(0) { // most of the time the kernel waits to free what it held
		wg.Go(func() {
			for c.failed() < 5 {
				seed := next.Add(1) - 1
				if seed >= int64(total) {
					return
				}
				o := options(uint64(seed))
				choices := progen.Seed(uint64(seed))
				p := progen.New(choices, o)
				c.run(t, fmt.Sprintf("seed %d, %v", seed, o.Type), p, inputs(choices, o), int(seed)%c.prove == 0)
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	progress("differential", total, c.count, done)
	c.finish(t)
	require.Equal(t, int64(total), c.programs.Load())
}

// count returns how many programs were run and how many failed.
func (c *campaign) count() (n, failed int64) { return c.programs.Load(), int64(c.failed()) }

// progress waits for done; in a long run it says now and then how far it is.
func progress(name string, total int, count func() (n, failed int64), done <-chan struct{}) {
	start := time.Now()
	tick := time.NewTicker(10 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			if long.Enabled() {
				n, failed := count()
				fmt.Fprintf(os.Stderr, "%s: %d of %d, %.0f/s, %d failures\n", name, n, total, float64(n)/time.Since(start).Seconds(), failed)
			}
		}
	}
}

// FuzzDifferential compares the engines on programs of any choices.
func FuzzDifferential(f *testing.F) {
	f.Add(uint64(0), []byte{})
	f.Add(uint64(1), []byte("any bytes make a program; these make one"))
	f.Add(uint64(6), []byte{255, 254, 253, 252, 251, 250, 7, 8, 9, 200, 100, 50, 25, 12, 6, 3, 1})
	f.Add(uint64(100), []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20})
	c := newCampaign(f, 0)
	f.Fuzz(func(t *testing.T, seed uint64, data []byte) {
		o := options(seed)
		p := progen.New(progen.Bytes(data), o)
		c.run(t, "fuzz", p, inputs(progen.Seed(seed), o), false)
		for _, text := range c.failures {
			t.Error(text)
		}
		c.failures = nil
	})
}

// wrong returns an engine that takes one operation for another.
func wrong(name string, from, to ir.Op) Engine {
	e := Reference(0)
	return Engine{Name: name, RetMask: e.RetMask, Run: func(p *ir.Program, in []runtime.Input) (*Outcome, error) {
		q := *p
		q.Insns = slices.Clone(p.Insns)
		for pc := range q.Insns {
			if q.Insns[pc].Op == from {
				q.Insns[pc].Op = to
			}
		}
		out, err := e.Run(&q, in)
		if out != nil {
			out.Engine = name
		}
		return out, err
	}}
}

// TestMinimise plants errors in an engine, and demands that each is found and
// that the test file shows it in a few lines and reproduces it.
func TestMinimise(t *testing.T) {
	c := newCampaign(t, 0)
	mistakes := []struct {
		name     string
		from, to ir.Op
		most     int // instructions
	}{
		{"arithmetic shift without sign", ir.OpALU(ir.Arsh, ir.W32, ir.X), ir.OpALU(ir.Rsh, ir.W32, ir.X), 8},
		{"signed division as unsigned", ir.OpALU(ir.SDiv, ir.W64, ir.K), ir.OpALU(ir.Div, ir.W64, ir.K), 6},
		{"load without sign", ir.OpLoad(ir.W16, true), ir.OpLoad(ir.W16, false), 9},
		{"atomic xor as or", ir.OpAtomic(ir.AtomicXor, ir.W32, true), ir.OpAtomic(ir.AtomicOr, ir.W32, true), 9},
		{"comparison off by one", ir.OpBranch(ir.JSLE, ir.W32, ir.X), ir.OpBranch(ir.JSLT, ir.W32, ir.X), 8},
	}
	for i, m := range mistakes {
		t.Run(m.name, func(t *testing.T) {
			bad := wrong(m.name, m.from, m.to)
			for seed := uint64(0); ; seed++ {
				require.Less(t, seed, uint64(2000), "no program shows the mistake")
				o := options(8*seed + uint64(i)*2) // all types
				choices := progen.Seed(seed)
				p := progen.New(choices, o)
				in := inputs(choices, o)
				want, err := Reference(0).Run(p, in)
				require.NoError(t, err)
				got, err := bad.Run(p, in)
				require.NoError(t, err)
				if Difference(want, got, bad.RetMask) == "" {
					continue
				}
				shown := c.report(t, bad, p, in)
				f, err := filetest.Parse("difference.s", shown)
				require.NoError(t, err, shown)
				require.LessOrEqual(t, f.Program.Count(), m.most, shown)
				mem, err := hex.DecodeString(f.Steps[0].Param("mem", ""))
				require.NoError(t, err)
				one := []runtime.Input{{Data: mem}}
				if f.Program.Type == ir.Syscall {
					one = []runtime.Input{{Ctx: mem}}
				}
				want, err = Reference(0).Run(f.Program, one)
				require.NoError(t, err, shown)
				got, err = bad.Run(f.Program, one)
				require.NoError(t, err, shown)
				require.NotEmpty(t, Difference(want, got, bad.RetMask), shown)
				t.Logf("from %d instructions:\n%s", p.Count(), shown)
				return
			}
		})
	}
}
