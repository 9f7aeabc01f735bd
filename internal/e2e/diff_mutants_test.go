package e2e

import (
	"errors"
	"fmt"
	goruntime "runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/internal/long"
	"github.com/bpfproof/bpfproof/internal/progen"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/runtime/kernel"
	"github.com/bpfproof/bpfproof/runtime/vm"
	"github.com/bpfproof/bpfproof/verifier"
)

// verdicts counts pairs of verdicts on mutants, ours first.
type verdicts struct {
	mu      sync.Mutex
	pairs   map[string]int
	reasons map[string]int // of the kernel, where ours accepts and it does not
	refused atomic.Int64   // accepted by ours, but not loaded by the interpreter
}

func (v *verdicts) add(ours verifier.Verdict, r *kernel.Report) {
	v.mu.Lock()
	defer v.mu.Unlock()
	theirs := "not asked"
	if r != nil {
		theirs = r.Verdict.String()
		if ours == verifier.Accept && r.Verdict != kernel.Accept {
			v.reasons[r.Reason]++
		}
	}
	v.pairs[fmt.Sprintf("ours %v, kernel %s", ours, theirs)]++
}

func (v *verdicts) String() string {
	var parts []string
	for pair, n := range v.pairs {
		parts = append(parts, fmt.Sprintf("%s: %d", pair, n))
	}
	slices.Sort(parts)
	return strings.Join(parts, "; ") + fmt.Sprintf("; %d with unreached code that the interpreter does not load", v.refused.Load())
}

// mutantVisits bounds the verifier's work on a mutant, so that a run of it ends
// within the reference's fuel.
const mutantVisits = 20_000

// TestMutants changes random programs a little, which makes most of them
// unsafe, and holds our verifier to its word: what it accepts runs without a
// fault in the engines that check accesses. What it accepts under the strict
// policy also gives one answer in all engines. With -long there are 300,000.
func TestMutants(t *testing.T) {
	total := long.N(1000, 300_000)
	c := newCampaign(t, 0)
	seen := &verdicts{pairs: map[string]int{}, reasons: map[string]int{}}
	loose, err := verifier.New(verifier.Policy{Domain: Domain, Budget: verifier.Budget{Visits: mutantVisits}})
	require.NoError(t, err)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range goruntime.GOMAXPROCS(0) {
		wg.Go(func() {
			for c.failed() < 5 {
				seed := next.Add(1) - 1
				if seed >= int64(total) {
					return
				}
				o := options(6 * uint64(seed)) // XDP and SchedCLS
				o.Type = []ir.ProgType{ir.XDP, ir.SchedCLS}[seed%2]
				// Kernels disagree with each other on sizes that are no multiple of 4:
				// before 6.13 csum_diff refused them.
				o.Features = progen.All &^ progen.Checksum
				choices := progen.Seed(1<<32 + uint64(seed))
				p := progen.Mutate(choices, progen.New(choices, o))
				c.mutant(t, int(seed), p, choices, o, loose, seen)
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	progress("mutants", total, c.count, done)
	t.Log(seen.String())
	for reason, n := range seen.reasons {
		t.Logf("ours accepts, the kernel says (%d times): %s", n, reason)
	}
	t.Log(c.summary())
	for _, f := range c.failures {
		t.Error(f)
	}
	require.Greater(t, 10*c.accepted.Load(), c.judged.Load(), "hardly any mutant is accepted")
	require.Less(t, 10*c.accepted.Load(), 9*c.judged.Load(), "hardly any mutant is unsafe")
}

// mutant takes one mutant through the stages.
func (c *campaign) mutant(t *testing.T, seed int, p *ir.Program, choices progen.Choices, o progen.Options, loose *verifier.Verifier, seen *verdicts) {
	name := fmt.Sprintf("mutant %d", seed)
	c.programs.Add(1)
	c.insns.Add(int64(p.Count()))
	c.judged.Add(1)
	r, err := loose.Verify(t.Context(), p, nil)
	if err != nil {
		c.fail(fmt.Sprintf("%s: verify: %v\n%s", name, err, text(p)))
		return
	}
	var theirs *kernel.Report
	// The kernel takes a second to give up on what never ends: it is asked where
	// ours accepts, and now and then.
	if c.kernel != nil && (r.Verdict == verifier.Accept || seed%8 == 0) {
		theirs, err = kernel.Verify(p, kernel.Options{})
		if err != nil {
			c.fail(fmt.Sprintf("%s: %v\n%s", name, err, text(p)))
			return
		}
	}
	seen.add(r.Verdict, theirs)
	if r.Verdict != verifier.Accept {
		return
	}
	c.accepted.Add(1)
	in := inputs(choices, o)
	want, err := Reference(0).Run(p, in)
	if err != nil {
		c.fail(fmt.Sprintf("%s: accepted, but: %v\n%s", name, err, text(p)))
		return
	}
	_, err = c.vm.Run(p, in)
	var unsupported *vm.UnsupportedError
	if errors.As(err, &unsupported) {
		seen.refused.Add(1) // code that no run reaches, but the interpreter looks at at load
		return
	}
	if err != nil {
		c.fail(fmt.Sprintf("%s: accepted, but: %v\n%s", name, err, text(p)))
		return
	}
	if !defined(t, c.strict(t, p), p, in) {
		return
	}
	for _, e := range c.engines(p) {
		if e.Name == "kernel" && p.Type != ir.XDP {
			continue // mutants read fields of the context that the kernel fills from the packet
		}
		if why := c.compare(want, e, p, in); why != "" {
			c.fail(fmt.Sprintf("%s: %s\n%s", name, why, c.report(t, e, p, in)))
		}
	}
}
