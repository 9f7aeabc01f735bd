package e2e

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/internal/progen"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/kernel"
	"github.com/bpfproof/bpfproof/runtime/vm"
)

// fetchText shows that the kernel's precision tracking passes over atomic
// operations that fetch from the stack: the branch on r2 makes r2 precise, the
// walk back stops at "r2 = 0" instead of going on to the stack slot, and the
// state with 1 in the slot is pruned by the one with 0. So "r0 = 1" is never
// seen, and removed as dead code. The moves make the kernel keep a state at
// "same", which it does only so many instructions after the last.
const fetchText = `
.type xdp
.license GPL
	call get_prandom_u32
	*(u64 *)(r10 - 8) = 1
	if w0 s<= w0 goto same          ; always
	*(u64 *)(r10 - 8) = 0
	goto a
a:	goto b
b:
	r3 = 0
	r3 = 0
	r3 = 0
	r3 = 0
	r3 = 0
	r3 = 0
	r3 = 0
	r3 = 0
same:
	r3 = 0
	r2 = 0
	r2 = atomic_fetch_add((u64 *)(r10 - 8), r2)
	r0 = 0
	if w2 <= 0 goto out
	r0 = 1
out:
	exit
`

// TestFetchPrecision holds that our engines are right where Linux 6.18.44 is
// wrong (BUGS.md), and says what the live kernel does.
func TestFetchPrecision(t *testing.T) {
	p, err := asm.Parse("fetch.s", fetchText)
	require.NoError(t, err)
	in := []runtime.Input{{Data: make([]byte, 64)}}
	want, err := Reference(0).Run(p, in)
	require.NoError(t, err)
	require.EqualValues(t, 1, want.Results[0].Ret)
	c := newCampaign(t, 1)
	for _, e := range []Engine{c.vm, c.native} {
		got, err := e.Run(p, in)
		require.NoError(t, err)
		require.Empty(t, Difference(want, got, e.RetMask), e.Name)
	}
	if c.kernel != nil {
		t.Logf("the live kernel has the bug: %v", c.fetchBug)
		pc, missed := overlooked(p, in)
		require.Equal(t, c.fetchBug, missed)
		if missed {
			require.Equal(t, "r0 = 1", asm.Insn(p, pc), "pc %d", pc)
		}
	}
}

// TestNothingOverlooked: where the kernel is right it has seen all that runs.
func TestNothingOverlooked(t *testing.T) {
	if err := kernel.Available(); err != nil {
		t.Skip(err)
	}
	for seed := range uint64(64) {
		o := options(seed)
		choices := progen.Seed(seed)
		p := progen.New(choices, o)
		if !modelled(p.Type) || fetches(p) {
			continue
		}
		pc, missed := overlooked(p, inputs(choices, o))
		require.False(t, missed, "seed %d, pc %d: %s\n%s", seed, pc, asm.Insn(p, pc), text(p))
	}
}

// hasFetchBug asks the live kernel.
func hasFetchBug(t testing.TB) bool { return returned(t, fetchText) != 1 }

// returned is what a program returns in the live kernel.
func returned(t testing.TB, text string) uint64 {
	t.Helper()
	p, err := asm.Parse("bug.s", text)
	require.NoError(t, err)
	prog, err := kernel.Load(p, kernel.Options{})
	require.NoError(t, err)
	defer prog.Close()
	res, err := prog.Run(t.Context(), runtime.Input{Data: make([]byte, 64)})
	require.NoError(t, err)
	return res.Ret
}

// overlooked returns an instruction that a run on the inputs executes and that
// the kernel's verifier says it never saw, though it accepted the program: its
// log of all paths does not have it. The kernel then removed code that is
// reached, and what it returns says nothing.
func overlooked(p *ir.Program, in []runtime.Input) (ir.PC, bool) {
	seen := map[ir.PC]bool{}
	r, err := kernel.Verify(p, kernel.Options{Log: kernel.LogPaths})
	if err != nil || r.Verdict != kernel.Accept || r.Truncated {
		return 0, false
	}
	log, err := r.ParseLog()
	if err != nil {
		return 0, false
	}
	for _, s := range log.Steps {
		seen[s.PC] = seen[s.PC] || s.Kind == kernel.StepInsn
	}
	var first ir.PC
	missed := false
	mark := func(pc ir.PC, _ *[ir.NumRegs]uint64) {
		if !missed && !seen[pc] {
			first, missed = pc, true
		}
	}
	if _, err := Ours(vm.Loader(vm.Options{Trace: mark})).Run(p, in); err != nil {
		return 0, false
	}
	return first, missed
}

// exchangeText shows that the kernel forgets to clear the upper half of r0
// behind a 32-bit compare-and-exchange: only a read of the whole of r0 makes it
// do so, and the one here lies behind a state that was seen before, where its
// walk ends. On amd64 the instruction writes nothing if the words are equal. The
// moves are there for the reason that they are there for in fetchText.
const exchangeText = `
.type sched_cls
.license GPL
.map one array key 4 value 8 entries 1
	call get_prandom_u32
	w2 = w0
	r0 = 0x1234567800000000 ll
	r3 = 0
	r3 = 0
	r3 = 0
	r3 = 0
	if w2 != 0 goto exchange
	goto same
exchange:
	r2 = 1
	r1 = map[one] + 0
	w0 = cmpxchg32_32(r1 + 0, w0, w2)
same:
	r0 >>= 32
	exit
`

// TestExchangeExtension holds that our engines clear the upper half, and says
// what the live kernel does.
func TestExchangeExtension(t *testing.T) {
	p, err := asm.Parse("exchange.s", exchangeText)
	require.NoError(t, err)
	in := []runtime.Input{{Data: make([]byte, 64)}}
	c := newCampaign(t, 1)
	for _, e := range []Engine{Reference(0), c.vm, c.native} {
		got, err := e.Run(p, in)
		require.NoError(t, err)
		require.EqualValues(t, 0, got.Results[0].Ret, e.Name)
	}
	if c.kernel == nil {
		return
	}
	t.Logf("the live kernel has the bug: %v", c.exchangeBug)
	q, err := extended(p)
	require.NoError(t, err)
	require.Equal(t, p.Slots()+1, q.Slots())
	got, err := c.kernel.Run(q, in)
	require.NoError(t, err)
	require.EqualValues(t, 0, got.Results[0].Ret, "with the extension written out")
}

// hasExchangeBug asks the live kernel. The program is unlucky enough to show
// nothing where its random number is 0, once in 2^32 runs.
func hasExchangeBug(t testing.TB) bool { return returned(t, exchangeText) != 0 }

// exchanges reports whether the program has a 32-bit compare-and-exchange.
func exchanges(p *ir.Program) bool {
	for _, in := range p.All() {
		if row := in.Row(); row.Kind == ir.KindAtomic && row.Atomic == ir.AtomicCmpXchg && row.Width == ir.W32 {
			return true
		}
	}
	return false
}

// extended returns the program with what every 32-bit compare-and-exchange does
// to r0 written out behind it: "w0 = w0", which means nothing new.
func extended(p *ir.Program) (*ir.Program, error) {
	var lines []string
	for line := range strings.Lines(text(p)) {
		lines = append(lines, line)
		if strings.Contains(line, "cmpxchg32_32(") {
			lines = append(lines, "w0 = w0\n")
		}
	}
	return asm.Parse("extended.s", strings.Join(lines, ""))
}

// kernelBug reports whether one of the live kernel's bugs explains that it
// differs from what the reference says: it never saw an instruction that was
// executed, or the difference goes away with an instruction that changes
// nothing.
func (c *campaign) kernelBug(want *Outcome, p *ir.Program, in []runtime.Input) bool {
	if c.fetchBug && fetches(p) {
		if _, missed := overlooked(p, in); missed {
			return true
		}
	}
	if !c.exchangeBug || !exchanges(p) {
		return false
	}
	q, err := extended(p)
	if err != nil {
		return false
	}
	got, err := c.kernel.Run(q, in)
	return err == nil && Difference(want, got, c.kernel.RetMask) == ""
}

// fetches reports whether the program fetches atomically, which is what it
// takes to meet the bug.
func fetches(p *ir.Program) bool {
	for _, in := range p.All() {
		if in.Kind() == ir.KindAtomic && in.Row().Fetch {
			return true
		}
	}
	return false
}

// TestLimitIsNoDifference: a seed whose input is an IP packet that the kernel's
// test run does not take is left out and counted.
func TestLimitIsNoDifference(t *testing.T) {
	const seed = 332100
	c := newCampaign(t, 1)
	if c.kernel == nil {
		t.Skip("the live kernel is not available")
	}
	o, choices := options(seed), progen.Seed(seed)
	c.run(t, "seed", progen.New(choices, o), inputs(choices, o), false)
	require.Empty(t, c.failures)
	require.EqualValues(t, 1, c.left.Load())
}
