package verifier_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/dump"
	"github.com/bpfproof/bpfproof/verifier"
)

func verify(t testing.TB, policy verifier.Policy, p *ir.Program) *verifier.Report {
	v, err := verifier.New(policy)
	require.NoError(t, err)
	r, err := v.Verify(t.Context(), p, nil)
	require.NoError(t, err)
	return r
}

func TestNewRefuses(t *testing.T) {
	_, err := verifier.New(verifier.Policy{Domain: "zone"})
	require.EqualError(t, err, `verifier: read policy: no domain "zone": there are interval, tnum, tnum+interval`)
	_, err = verifier.New(verifier.Policy{Budget: verifier.Budget{Visits: -1}})
	require.EqualError(t, err, "verifier: read policy: a budget is negative")
	v, err := verifier.New(verifier.Policy{})
	require.NoError(t, err)
	require.Equal(t, verifier.DefaultDomain, v.Policy().Domain)
	require.Equal(t, 1_000_000, v.Policy().Budget.Visits)
}

func TestVerifyErrors(t *testing.T) {
	v, err := verifier.New(verifier.Policy{})
	require.NoError(t, err)
	_, err = v.Verify(t.Context(), &ir.Program{Name: "p", Type: ir.XDP}, nil)
	require.EqualError(t, err, `verifier: read program "p": ir: insn 0: program has no instructions`)
	var form *ir.FormError
	require.ErrorAs(t, err, &form)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = v.Verify(ctx, parse(t, "endless", "r0 = 0\nagain: r0 += 1\nif r0 != 0 goto again\nexit"), nil)
	require.ErrorIs(t, err, context.Canceled)
}

func TestZeroVerdictIsUnknown(t *testing.T) {
	require.Equal(t, verifier.Unknown, verifier.Report{}.Verdict)
	require.Equal(t, "unknown", verifier.Verdict(0).String())
}

func TestBudgets(t *testing.T) {
	endless := parse(t, "endless", "r0 = 0\nagain: r0 += 1\nif r0 != 0 goto again\nexit")
	r := verify(t, verifier.Policy{Budget: verifier.Budget{Visits: 1000}}, endless)
	require.Equal(t, verifier.Unknown, r.Verdict)
	require.Equal(t, verifier.BudgetExhausted, r.Findings[0].Code)
	require.LessOrEqual(t, r.Stats.Visits, 1001+1001/4, "the walk that widens loops may take a quarter more")

	text := "r6 = 0\n" + strings.Repeat("call get_prandom_u32\nif r0 == 0 goto +1\nr6 += 1\n", 40) + "r0 = r6\nexit"
	few := verify(t, verifier.Policy{Budget: verifier.Budget{Branches: 10}}, parse(t, "branches", text))
	require.Equal(t, verifier.Unknown, few.Verdict)
	enough := verify(t, verifier.Policy{}, parse(t, "branches", text))
	require.Equal(t, verifier.Accept, enough.Verdict)
	require.Less(t, enough.Stats.Visits, 300, "the counter that nothing needs must not keep states apart")
	forgetful := verify(t, verifier.Policy{Budget: verifier.Budget{Visits: 5000, States: 1}}, parse(t, "branches", text))
	require.Equal(t, verifier.Unknown, forgetful.Verdict, "with one state kept the paths are too many")
}

func TestInvariantsText(t *testing.T) {
	p := parse(t, "text", `
		r6 = r1
		call get_prandom_u32
		r0 &= 7
		*(u64 *)(r10 - 8) = r6
		*(u32 *)(r10 - 12) = r0
		r2 = *(u32 *)(r6 + 0)
		r7 = r0
		if r0 > 3 goto out
		r0 = 1
	out:
		exit
	`)
	r := verify(t, verifier.Policy{Domain: "tnum"}, p)
	require.Equal(t, verifier.Accept, r.Verdict, "%v", r.Findings)
	var pcs []ir.PC
	for pc := range p.Slots() {
		pcs = append(pcs, pc)
	}
	require.Equal(t, pcs, r.Invariants.PCs())
	require.Equal(t, []string{"R1=ctx() R10=fp[0]+0"}, r.Invariants.At(0))
	require.Equal(t, []string{"R0=scalar(id=1,smin=0,smax=7,umax=7,val=(0x0; 0x7)) R2=pkt(r=0) R6=ctx() R10=fp[0]+0 fp-8=ctx() " +
		"fp-16=rrrr????:scalar(id=1,smin=0,smax=7,umax=7,val=(0x0; 0x7))"}, r.Invariants.At(6))
	require.Equal(t, []string{"R0=scalar()"}, r.Invariants.At(9), "where paths meet, numbers that nothing needs are forgotten")
}

func TestSink(t *testing.T) {
	v, err := verifier.New(verifier.Policy{})
	require.NoError(t, err)
	var b bytes.Buffer
	sink := dump.Text(&b)
	_, err = v.Verify(t.Context(), parse(t, "p", "r0 = r2\nexit"), sink)
	require.NoError(t, err)
	require.NoError(t, sink.Close())
	require.Equal(t, "== verify/states\n0: R1=ctx() R10=fp[0]+0\n== verify/report\n0: uninit-read: R2 !read_ok\nreject: processed 1 insns, 0 states, peak 1\n", b.String())
}

// TestLarge shows that no pass is quadratic and none runs out of stack.
func TestLarge(t *testing.T) {
	mov := ir.Insn{Op: ir.OpALU(ir.Mov, ir.W64, ir.K)}
	exit := ir.Insn{Op: ir.OpExit()}
	random := ir.Insn{Op: ir.OpCall(ir.CallHelper), Imm: 7}
	program := func(insns ...ir.Insn) *ir.Program {
		return &ir.Program{Name: "large", Type: ir.XDP, License: "GPL", Insns: insns}
	}
	straight := make([]ir.Insn, 300_000)
	for i := range straight {
		straight[i] = mov
	}
	straight[len(straight)-1] = exit
	require.Equal(t, verifier.Accept, verify(t, verifier.Policy{}, program(straight...)).Verdict)

	const jumps = 8192
	fan := []ir.Insn{random}
	for i := range jumps {
		fan = append(fan, ir.Insn{Op: ir.OpBranch(ir.JEQ, ir.W64, ir.K), Imm: int64(i), Off: int16(jumps - i - 1)})
	}
	require.Equal(t, verifier.Accept, verify(t, verifier.Policy{}, program(append(fan, mov, exit)...)).Verdict)

	var nested []ir.Insn // 2,000 loops one inside the other, with conditions that are not known
	for range 2000 {
		nested = append(nested, random)
	}
	for i := range 2000 {
		nested = append(nested, ir.Insn{Op: ir.OpBranch(ir.JEQ, ir.W64, ir.K), Imm: 1, Off: int16(-2*i - 2)})
	}
	r := verify(t, verifier.Policy{Budget: verifier.Budget{Visits: 100_000}}, program(append(nested, exit)...))
	require.NotEqual(t, verifier.Accept, r.Verdict)

	var deep []ir.Insn // a chain of 2,000 functions
	for range 2000 {
		deep = append(deep, ir.Insn{Op: ir.OpCall(ir.CallLocal), Imm: 1}, exit)
	}
	r = verify(t, verifier.Policy{}, program(append(deep, mov, exit)...))
	require.Equal(t, verifier.CallDepth, r.Findings[0].Code)
}
