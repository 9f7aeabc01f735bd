package verifier

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bpfproof/bpfproof/ir/ktypes"
)

// Policy holds every knob that can change a verdict. The zero value is the
// default domain, a privileged loader and the default budget.
type Policy struct {
	// Domain names the abstract domain of numbers; see Domains. Empty means
	// DefaultDomain.
	Domain string
	// Unprivileged forbids to learn addresses and old memory, as the kernel does
	// to a loader without CAP_PERFMON: pointers may not leak into maps, results
	// or comparisons, and stack bytes may not be read before they were written.
	// What a processor may do speculatively is not part of it.
	Unprivileged bool
	// StrictAlignment demands natural alignment of packet, context and map value
	// accesses (BPF_F_STRICT_ALIGNMENT). Stack accesses and atomic operations
	// are always aligned.
	StrictAlignment bool
	// Types are those of the kernel that programs are for. Without them what takes
	// its structures and functions is Unknown.
	Types *ktypes.Types
	// Budget bounds the work.
	Budget Budget
}

// Budget bounds the work of one Verify in counts, so that results repeat. A
// zero field means the default. When Visits or Branches runs out the verdict is
// Unknown. A walk that widens loops may take a quarter of Visits more; what is
// refused is walked anew with all that a walk can keep in mind, in as many again
// each time: all numbers, then how often bpf_loop has called back.
type Budget struct {
	Visits   int // instructions visited over all paths; default 1,000,000 as in Linux
	Branches int // ways put aside at once; default 8,192 as in Linux
	// States and Cells bound the states kept to compare later ones with, by
	// their number and by the registers and stack slots in them. When one is
	// used up no more are kept: the walk goes on and prunes less. Cells bounds the
	// states put aside as well; when those use it up the verdict is Unknown. So
	// Stats.PeakBytes is at most twice Cells, each of about 120 bytes. Defaults
	// 200,000 and 2,000,000.
	States, Cells int
}

// DefaultDomain is the domain that an empty Policy.Domain names.
const DefaultDomain = "tnum+interval"

const (
	defaultVisits   = 1_000_000
	defaultBranches = 8_192
	defaultStates   = 200_000
	defaultCells    = 2_000_000
)

// withDefaults fills the zero fields in.
func (p Policy) withDefaults() Policy {
	if p.Domain == "" {
		p.Domain = DefaultDomain
	}
	b := &p.Budget
	b.Visits, b.Branches = cmp.Or(b.Visits, defaultVisits), cmp.Or(b.Branches, defaultBranches)
	b.States, b.Cells = cmp.Or(b.States, defaultStates), cmp.Or(b.Cells, defaultCells)
	return p
}

// Domains returns the names Policy.Domain may have, sorted.
func Domains() []string { return slices.Sorted(maps.Keys(analyses)) }

// PolicyError says that a policy cannot be used.
type PolicyError struct{ Reason string }

func (e *PolicyError) Error() string { return "verifier: read policy: " + e.Reason }

func (p Policy) check() error {
	if _, ok := analyses[p.Domain]; !ok {
		return &PolicyError{fmt.Sprintf("no domain %q: there are %s", p.Domain, strings.Join(Domains(), ", "))}
	}
	if b := p.Budget; min(b.Visits, b.Branches, b.States, b.Cells) < 0 {
		return &PolicyError{"a budget is negative"}
	}
	return nil
}
