package jitproof_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jitproof"
)

// TestLookup proves inlined lookups in arrays of either kind, in both tiers,
// where distances are powers of two and where they are not. The code asks for
// no helper.
func TestLookup(t *testing.T) {
	v := jitproof.New(solver(t), jitproof.Options{})
	for _, kind := range []string{"array", "percpu_array"} {
		for _, value := range []int{1, 8, 12, 24, 4096} {
			for _, entries := range []int{1, 5, 64, 1000} {
				p := parse(t, fmt.Sprintf(".map a %s key 4 value %d entries %d\nr6 = r1\nagain:\n*(u32 *)(r10 - 4) = r6\n"+
					"r2 = r10\nr2 += -4\nr1 = map[a]\ncall map_lookup_elem\nif r0 == 0 goto out\nr6 += 1\n"+
					"if r6 < 9 goto again\nout:\nr0 = r6\nexit\n", kind, value, entries))
				for name, b := range map[string]jit.Backend{"baseline": backend(), "opt": optimiser(t, true)} {
					code, err := jit.Compile(b, p)
					require.NoError(t, err)
					c, err := v.Validate(t.Context(), p, code)
					require.NoError(t, err)
					require.Equal(t, jitproof.Proved, c.Status, "%s %s", name, explain(p, c))
					require.Zero(t, c.Counts.Unknown)
					want := map[string][]jit.RelocKind{"array": {jit.RelocMapHandle, jit.RelocMapValues},
						"percpu_array": {jit.RelocMapHandle, jit.RelocMapCPUs, jit.RelocMapLanes}}[kind]
					var got []jit.RelocKind
					for _, r := range code.Relocs {
						got = append(got, r.Kind)
					}
					require.Equal(t, want, got, "%s: %s of %d values of %d bytes", name, kind, entries, value)
				}
			}
		}
	}
	p := parse(t, ".map h percpu_hash key 4 value 8 entries 5\nr1 = map[h]\nr2 = r10\nr2 += -4\n*(u32 *)(r10 - 4) = 0\ncall map_lookup_elem\nexit\n")
	require.Len(t, compile(t, p).Relocs, 1, "a hash table's lookup is a helper's")
}
