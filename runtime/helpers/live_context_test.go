package helpers_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
)

// TestLiveContext compares every number in a socket buffer's context with what
// the kernel's test run shows.
func TestLiveContext(t *testing.T) {
	for kind, typ := range map[string]ir.ProgType{"sched_cls": ir.SchedCLS, "cgroup_skb": ir.CgroupSKB, "lwt_xmit": ir.LWTXmit} {
		layout, ok := abi.LookupContext(typ)
		require.True(t, ok)
		var numbers []abi.Field
		for _, f := range layout.Fields {
			if f.Kind == abi.Scalar {
				numbers = append(numbers, f)
			}
		}
		t.Run(kind, func(t *testing.T) {
			i := 0
			compare(t, 4*len(numbers), func(c *chain) string {
				f := numbers[i%len(numbers)]
				i++
				c.open(kind, "")
				for at := 0; at < f.Size; at += 4 {
					unit := min(f.Size, 8)
					if f.Size == 20 {
						unit = 4
					}
					c.line("r0 = *(u%d *)(r6 + %d) // %s", 8*unit, f.Off+at, f.Name)
					c.take()
					if unit == 8 {
						break
					}
				}
				text := c.close()
				if kind == "sched_cls" {
					return text
				}
				// These may return few numbers: a bit of the result, then.
				return fmt.Sprintf("%s\tr0 >>= %d\n\tr0 &= 1\n\texit\n", text[:len(text)-len("\texit\n")], c.rng.IntN(32))
			})
		})
	}
}
