package e2e

import (
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
func hasFetchBug(t testing.TB) bool {
	t.Helper()
	p, err := asm.Parse("fetch.s", fetchText)
	require.NoError(t, err)
	prog, err := kernel.Load(p, kernel.Options{})
	require.NoError(t, err)
	defer prog.Close()
	res, err := prog.Run(t.Context(), runtime.Input{Data: make([]byte, 64)})
	require.NoError(t, err)
	return res.Ret != 1
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
