package verifier

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/bpfproof/bpfproof/absint/reduced"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/ir/asm"
)

// loopProgram draws a program of few counters and many jumps, forth and back:
// most do not end.
func loopProgram(t *rapid.T) *ir.Program {
	counters := rapid.SampledFrom([]ir.Reg{6, 7, 8})
	small := rapid.Int64Range(-3, 3)
	bound := rapid.SampledFrom([]int64{-9, -2, -1, 0, 1, 2, 5, 10, 17})
	random := ir.Insn{Op: ir.OpCall(ir.CallHelper), Imm: int64(abi.GetPrandomU32)}
	insns := []ir.Insn{random}
	for n := ir.Reg(6); n <= 8; n++ {
		in := ir.Insn{Op: ir.OpALU(ir.Mov, ir.W64, ir.K), Dst: n, Imm: bound.Draw(t, "start")}
		if rapid.IntRange(0, 3).Draw(t, "unknown") == 0 {
			in = ir.Insn{Op: ir.OpALU(ir.Mov, ir.W64, ir.X), Dst: n}
		}
		insns = append(insns, in)
	}
	first, length := len(insns), rapid.IntRange(3, 12).Draw(t, "length")
	calls := rapid.IntRange(0, 3).Draw(t, "calls") == 0
	for i := range length {
		var in ir.Insn
		w := rapid.SampledFrom([]ir.Width{ir.W64, ir.W64, ir.W64, ir.W32}).Draw(t, "width")
		switch rapid.IntRange(0, 11).Draw(t, "kind") {
		case 0, 1, 2, 3:
			in = ir.Insn{Op: ir.OpALU(ir.Add, w, ir.K), Dst: counters.Draw(t, "dst"), Imm: small.Draw(t, "step")}
		case 4:
			in = ir.Insn{Op: ir.OpALU(ir.Mov, w, ir.K), Dst: counters.Draw(t, "dst"), Imm: bound.Draw(t, "reset")}
		case 5:
			in = ir.Insn{Op: ir.OpALU(ir.Mov, w, ir.X), Dst: counters.Draw(t, "dst"), Src: counters.Draw(t, "src")}
		case 6:
			if in = random; calls {
				in = ir.Insn{Op: ir.OpCall(ir.CallLocal), Imm: int64(length - i + 1)}
			}
		case 7:
			in = ir.Insn{Op: ir.OpALU(ir.And, w, ir.K), Dst: counters.Draw(t, "dst"), Imm: 15}
		default:
			cmp := rapid.SampledFrom([]ir.CmpOp{ir.JEQ, ir.JNE, ir.JGT, ir.JGE, ir.JLT, ir.JLE, ir.JSGT, ir.JSLT, ir.JSGE, ir.JSLE}).Draw(t, "cmp")
			in = ir.Insn{Op: ir.OpBranch(cmp, w, ir.K), Dst: counters.Draw(t, "dst"), Imm: bound.Draw(t, "bound")}
			if rapid.IntRange(0, 3).Draw(t, "registers") == 0 {
				in = ir.Insn{Op: ir.OpBranch(cmp, w, ir.X), Dst: counters.Draw(t, "dst"), Src: counters.Draw(t, "src")}
			}
			in.Off = int16(rapid.IntRange(0, length).Draw(t, "target") - i - 1)
		}
		insns = append(insns, in)
	}
	require.Len(t, insns, first+length)
	insns = append(insns, ir.Insn{Op: ir.OpALU(ir.Mov, ir.W64, ir.K)}, ir.Insn{Op: ir.OpExit()})
	if calls { // a function with a loop of its own
		insns = append(insns, ir.Insn{Op: ir.OpALU(ir.Mov, ir.W64, ir.K), Dst: 6},
			ir.Insn{Op: ir.OpALU(ir.Add, ir.W64, ir.K), Dst: 6, Imm: 1},
			ir.Insn{Op: ir.OpBranch(ir.JLT, ir.W64, ir.K), Dst: 6, Imm: 9, Off: -2},
			ir.Insn{Op: ir.OpALU(ir.Mov, ir.W64, ir.X), Dst: 0, Src: 6}, ir.Insn{Op: ir.OpExit()})
		if !usesCall(insns) {
			insns = insns[:len(insns)-5]
		}
	}
	p := &ir.Program{Name: "loops", Type: ir.XDP, License: "GPL", Insns: insns}
	p.FindFuncs()
	return p
}

func usesCall(insns []ir.Insn) bool {
	for _, in := range insns {
		if in.Op == ir.OpCall(ir.CallLocal) {
			return true
		}
	}
	return false
}

// TestLoopsEnd runs what is accepted: it must end. Loops that are not unrolled
// must be among them.
func TestLoopsEnd(t *testing.T) {
	const steps = 2_000_000
	d := reduced.New()
	accepted, widened := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		p := loopProgram(t)
		c, _ := abi.LookupContext(p.Type)
		f, err := findFlow(p, c)
		require.NoError(t, err)
		e := newEngine[reduced.T](d, Policy{Budget: Budget{Visits: 5000}}.withDefaults(), p, c, f)
		e.setMode(walkMode{coarse: true, widen: true})
		require.NoError(t, e.run(t.Context()))
		if e.gaveUp || e.report().Verdict != Accept {
			return
		}
		accepted++
		if e.widened {
			widened++
		}
		for _, x := range []uint64{0, 1, 7, 16, 1 << 31, 1<<32 - 1} {
			m := &machine{frames: make([]machineFrame, 1), random: []uint64{x, x * 3 & 0xffffffff, x + 5&0xffffffff}}
			n := 0
			for ; n < steps && m.step(p); n++ {
			}
			require.Less(t, n, steps, "accepted, but with random words %d... it does not end: %s", x, dumpInsns(p))
		}
	})
	t.Logf("accepted %d programs, %d of them with loops that were not unrolled", accepted, widened)
}

// TestLapsOfLoops counts the visits that loops take: far fewer than there are
// laps, where a counter bounds them, whichever way it counts.
func TestLapsOfLoops(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		verdict    Verdict
		most       int // visits
	}{
		{"up", "r6 = 0\nl: call get_prandom_u32\nr6 += 1\nif r6 < 100000 goto l\nr0 = 0\nexit", Accept, 60},
		{"up to equality", "r6 = 0\nl: call get_prandom_u32\nr6 += 1\nif r6 != 100000 goto l\nr0 = 0\nexit", Accept, 60},
		{"up by four", "r6 = 0\nl: call get_prandom_u32\nr6 += 4\nif r6 != 100000 goto l\nr0 = 0\nexit", Accept, 60},
		{"down", "r6 = 100000\nl: call get_prandom_u32\nr6 += -1\nif r6 > 0 goto l\nr0 = 0\nexit", Accept, 60},
		{"below zero", "r6 = 1000\nl: call get_prandom_u32\nr6 -= 3\nif r6 s> -1000 goto l\nr0 = 0\nexit", Accept, 60},
		{"in 32 bits", "w6 = 0\nl: call get_prandom_u32\nw6 += 1\nif w6 < 100000 goto l\nr0 = 0\nexit", Accept, 60},
		{"a loop in a loop", "r6 = 0\no: r7 = 0\ni: call get_prandom_u32\nr7 += 1\nif r7 < 500 goto i\nr6 += 1\nif r6 < 500 goto o\nr0 = 0\nexit", Accept, 300},
		{"two ways around", "r6 = 0\nl: call get_prandom_u32\nif r0 == 0 goto a\nr6 += 1\ngoto b\na: r6 += 2\nb: if r6 < 100000 goto l\nr0 = 0\nexit", Accept, 200},
		{"left in the middle", "r6 = 0\nl: call get_prandom_u32\nif r0 == 0 goto out\nr6 += 1\nif r6 < 100000 goto l\nout: r0 = 0\nexit", Accept, 100},
		{"in a function", "r6 = 0\nl: call f\nr6 += 1\nif r6 < 5000 goto l\nr0 = 0\nexit\n.func f\nr6 = 9000\nm: r6 += -1\nif r6 != 0 goto m\nr0 = 0\nexit", Accept, 300},
		{"bound in a register", "call get_prandom_u32\nr7 = r0\nr7 &= 0xffff\nr6 = 0\nl: r6 += 1\nif r6 < r7 goto l\nr0 = 0\nexit", Accept, 100},
		{"bits that a sum leaves soon", "r6 = r1\ncall get_prandom_u32\nr7 = r0\nr7 &= 0xffff\nl: r7 += 447767737\nif r7 & 0x702000 goto l\nr7 &= 0x1ee60e\nr7 += r6\nr0 = 0\nexit", Accept, 1000},
		{"a sum that is needed is unrolled", "r6 = 0\nr7 = r10\nr7 += -16\nl: r8 = r6\nr8 += r10\nr6 += 1\nif r6 < 5 goto l\n*(u8 *)(r10 - 16) = 0\nr7 += r6\nr0 = *(u8 *)(r7 + 0)\nexit", Accept, 200},
		{"one way back goes on for ever", "r6 = 0\nl: call get_prandom_u32\nif r0 == 0 goto a\nr6 += 1\ngoto b\na: r6 = 0\nb: if r6 < 10 goto l\nr0 = 0\nexit", Reject, 200},
		{"ways back undo each other", "r6 = 5\nl: call get_prandom_u32\nif r0 == 0 goto a\nr6 += 1\ngoto b\na: r6 += -1\nb: if r6 == 0 goto out\nif r6 < 1000 goto l\nout: r0 = 0\nexit", Reject, 20_000},
		{"an inner lap undoes an outer one", "r6 = 0\no: r7 = 0\ni: call get_prandom_u32\nr6 = 0\nr7 += 1\nif r7 < 50 goto i\nr6 += 1\nif r6 < 50 goto o\nr0 = 0\nexit", Reject, 20_000},
		{"no exit", "r0 = 5\nif r0 < 4 goto out\nl: r0 += 1\ngoto l\nout: exit", Reject, 5},
		{"until a word comes", "l: call get_prandom_u32\nif r0 != 7 goto l\nr0 = 0\nexit", Reject, 50},
		{"nothing bounds it", "r6 = 1\nl: call get_prandom_u32\nr6 *= 3\nr6 ^= r0\nif r6 & 4 goto l\nr0 = 0\nexit", Reject, 50_000},
		{"it wraps around", "r6 = 1\nl: r6 += -2\nif r6 != 0 goto l\nr0 = 0\nexit", Unknown, 1_100_000},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := asm.Parse(tt.name, ".type xdp\n.license GPL\n"+tt.text)
			require.NoError(t, err)
			v, err := New(Policy{})
			require.NoError(t, err)
			r, err := v.Verify(t.Context(), p, nil)
			require.NoError(t, err)
			t.Logf("%v, %d visits, %d states %v", r.Verdict, r.Stats.Visits, r.Stats.States, r.Findings)
			require.Equal(t, tt.verdict, r.Verdict, "%v", r.Findings)
			require.LessOrEqual(t, r.Stats.Visits, tt.most)
		})
	}
}

// TestShortLoop counts the laps of "bits that a sum leaves soon" for every number
// it can start with.
func TestShortLoop(t *testing.T) {
	most := 0
	for x := range uint64(1 << 16) {
		laps := 1
		for x += 447767737; x&0x702000 != 0; x += 447767737 {
			laps++
			require.LessOrEqual(t, laps, 100)
		}
		most = max(most, laps)
	}
	require.Equal(t, 24, most, "as corpus/vectors-notes.md says")
}
