package verifier_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/verifier"
)

// What programs of the largest shapes are made of.
var (
	setR6  = ir.Insn{Op: ir.OpALU(ir.Mov, ir.W64, ir.K), Dst: 6}
	setR0  = ir.Insn{Op: ir.OpALU(ir.Mov, ir.W64, ir.K)}
	incR6  = ir.Insn{Op: ir.OpALU(ir.Add, ir.W64, ir.K), Dst: 6, Imm: 1}
	random = ir.Insn{Op: ir.OpCall(ir.CallHelper), Imm: 7}
	leave  = ir.Insn{Op: ir.OpExit()}
)

func ifR0(imm int64, off int) ir.Insn {
	return ir.Insn{Op: ir.OpBranch(ir.JEQ, ir.W64, ir.K), Imm: imm, Off: int16(off)}
}

func callLocal(off int) ir.Insn { return ir.Insn{Op: ir.OpCall(ir.CallLocal), Imm: int64(off)} }

// repeated returns n times what make gives.
func repeated(n int, make func(i int) []ir.Insn) (all []ir.Insn) {
	for i := range n {
		all = append(all, make(i)...)
	}
	return all
}

// TestScale gives the verifier what breaks verifiers, and counts its work: a
// verdict or a budget that ran out, in visits by instruction, not in time.
func TestScale(t *testing.T) {
	const jumps = 8192
	tests := []struct {
		name   string
		insns  []ir.Insn
		want   verifier.Verdict
		code   verifier.Code
		visits int // at most
	}{
		{"a million instructions", append(repeated(ir.MaxSlots-2, func(int) []ir.Insn { return []ir.Insn{incR6} })[:ir.MaxSlots-3], setR0, leave),
			verifier.Reject, verifier.UninitRead, 1},
		{"a million instructions that are safe", append(repeated(ir.MaxSlots-2, func(int) []ir.Insn { return []ir.Insn{setR6} }), setR0, leave),
			verifier.Accept, "", ir.MaxSlots},
		{"jumps to one target", append(append([]ir.Insn{random}, repeated(jumps, func(i int) []ir.Insn { return []ir.Insn{ifR0(int64(i), jumps-i-1)} })...), setR0, leave),
			verifier.Accept, "", 2 * jumps},
		{"jumps to one target that all differ", append(append([]ir.Insn{random, setR6}, repeated(jumps/2, func(i int) []ir.Insn { return []ir.Insn{incR6, ifR0(int64(i), jumps-2*i-2)} })...),
			ir.Insn{Op: ir.OpBranch(ir.JEQ, ir.W64, ir.K), Dst: 6, Imm: 5}, setR0, leave), verifier.Accept, "", 4 * jumps},
		{"branches that join again", append(repeated(8000, func(int) []ir.Insn { return []ir.Insn{random, ifR0(0, 1), setR6} }), setR0, leave),
			verifier.Accept, "", 40_000},
		{"a function that calls itself", []ir.Insn{callLocal(1), leave, callLocal(-1), leave}, verifier.Reject, verifier.CallDepth, 50},
		{"functions that call each other", []ir.Insn{callLocal(1), leave, callLocal(1), leave, callLocal(-3), leave}, verifier.Reject, verifier.CallDepth, 50},
		{"a loop without exit", []ir.Insn{setR6, random, ifR0(0, 2), incR6, ir.Insn{Op: ir.OpJump(false), Off: -2}, setR0, leave}, verifier.Reject, verifier.InfiniteLoop, 20},
		{"loops inside loops without a bound", append(append(repeated(2000, func(int) []ir.Insn { return []ir.Insn{random} }),
			repeated(2000, func(i int) []ir.Insn { return []ir.Insn{ifR0(1, -2*i-2)} })...), setR0, leave), verifier.Reject, verifier.InfiniteLoop, 10_000},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := &ir.Program{Name: "scale", Type: ir.XDP, License: "GPL", Insns: tt.insns}
			r := verify(t, verifier.Policy{}, p)
			require.Equal(t, tt.want, r.Verdict, "%v", r.Findings)
			if tt.code != "" {
				require.Equal(t, tt.code, r.Findings[0].Code, "%v", r.Findings)
			}
			require.LessOrEqual(t, r.Stats.Visits, tt.visits)
		})
	}
}

// TestMemoryIsBounded walks more paths than there can be states, each of which
// differs: what is held is bounded and reported.
func TestMemoryIsBounded(t *testing.T) {
	var text strings.Builder
	text.WriteString("r6 = 0\n")
	for i := range 40 {
		fmt.Fprintf(&text, "call get_prandom_u32\nif r0 == 0 goto +1\nr6 += %d\n*(u64 *)(r10 - %d) = r6\n", 1<<(i%20), 8*(i+1))
	}
	text.WriteString("r1 = r10\nr1 += -320\nr2 = 320\nr3 = 0\nr4 = 0\nr5 = 0\nif r6 == 7 goto +1\ncall trace_printk\nr0 = 0\nexit")
	p := parse(t, "paths", text.String())
	const cells = 2000
	r := verify(t, verifier.Policy{Budget: verifier.Budget{Visits: 50_000, Cells: cells}}, p)
	require.NotEqual(t, verifier.Reject, r.Verdict, "%v", r.Findings)
	require.Positive(t, r.Stats.PeakBytes)
	require.LessOrEqual(t, r.Stats.PeakBytes, 2*(cells+100)*160)
}

// TestNothingIsAllocatedByInstruction compares the allocations of verifying a
// short loop and a long one, both unrolled, in steady state.
func TestNothingIsAllocatedByInstruction(t *testing.T) {
	v, err := verifier.New(verifier.Policy{})
	require.NoError(t, err)
	allocs := func(laps int) (float64, int) {
		p := parse(t, "laps", fmt.Sprintf("r6 = 1\nr7 = 1\nl: call get_prandom_u32\nif r0 == 0 goto +1\nr0 += 1\nr7 *= 3\nr7 &= 255\n*(u64 *)(r10 - 8) = r7\nr6 ^= 4\nr6 += 4\nr6 ^= 1\nr6 += 3\nif r6 < %d goto l\nr0 = 0\nexit", laps))
		visits := 0
		n := testing.AllocsPerRun(20, func() {
			r, err := v.Verify(t.Context(), p, nil)
			require.NoError(t, err)
			require.Equal(t, verifier.Accept, r.Verdict, "%v", r.Findings)
			visits = r.Stats.Visits
		})
		return n, visits
	}
	allocs(2000) // the memory that is kept
	few, short := allocs(50)
	many, long := allocs(2000)
	require.Greater(t, long, 10*short, "the loop is unrolled")
	require.InDelta(t, few, many, 8, "%d visits and %d", short, long)
}
