package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/internal/long"
	"github.com/bpfproof/bpfproof/internal/progen"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/runtime/kernel"
	"github.com/bpfproof/bpfproof/verifier"
)

// TestGlobals: random programs with global functions. What is accepted passes
// recheck, and its runs lie in the invariants, of which those of a function speak of
// all calls of it; the live kernel gives the same verdict, but to mutants.
func TestGlobals(t *testing.T) {
	v, err := verifier.New(verifier.Policy{Domain: Domain})
	require.NoError(t, err)
	live := kernel.Available() == nil
	accepted, functions, states := 0, 0, 0
	total := long.N(300, 20_000)
	for seed := range total {
		o := progen.Options{Type: ir.XDP, Size: 8 + seed%24, Features: progen.Calls | progen.Branches | progen.Loops | progen.Globals | progen.EarlyExit, Global: true}
		choices := progen.Seed(uint64(seed))
		p := progen.New(choices, o)
		if seed%4 == 3 {
			p = progen.Mutate(progen.Seed(uint64(seed)), p)
		}
		for _, f := range p.Funcs {
			if f.Global != nil {
				functions++
			}
		}
		ok, n, err := invariantCase(t, v, p, inputs(choices, o))
		require.NoError(t, err, "seed %d", seed)
		if ok {
			accepted++
		}
		states += n
		if live && seed%4 != 3 { // of mutants we see more branches that cannot be taken
			r, err := kernel.Verify(p, kernel.Options{})
			require.NoError(t, err)
			require.Equal(t, r.Verdict == kernel.Accept, ok, "seed %d: the kernel says: %v %s\n%s", seed, r.Verdict, r.Reason, text(p))
		}
	}
	t.Logf("%d programs, %d accepted, %d global functions, %d states of runs inside", total, accepted, functions, states)
	require.Greater(t, 4*accepted, 3*total)
	require.Greater(t, 2*functions, total)
}
