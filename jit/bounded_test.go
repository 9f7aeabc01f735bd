package jit_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/jit"
)

func parse(t *testing.T, text string) *ir.Program {
	t.Helper()
	p, err := asm.Parse("loop.s", text)
	require.NoError(t, err)
	p.FindFuncs()
	return p
}

// TestBounded: which loops are known to be short.
func TestBounded(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       []ir.PC
	}{
		{"up", "r2 = 0\nagain:\nr2 += 8\nif r2 != 64 goto again\nexit", []ir.PC{2}},
		{"down", "r2 = 240\nagain:\nr3 = 1\nr2 += -8\nif r2 != -8 goto again\nexit", []ir.PC{3}},
		{"32 bits", "w2 = 0\nagain:\nw2 += 1\nif w2 != 300 goto again\nexit", []ir.PC{2}},
		{"less", "r2 = r1\nagain:\nr2 += 3\nif r2 < 64 goto again\nexit", []ir.PC{2}},
		{"exit in front of the jump", "r2 = 0\nagain:\nr2 += 1\nif r2 == 9 goto out\ngoto again\nout:\nexit", []ir.PC{3}},
		{"a branch around other things", "r2 = 0\nagain:\nif r1 == 3 goto on\nr1 += 1\non:\nr2 += 1\nif r2 != 9 goto again\nexit", []ir.PC{4}},
		{"twice entered", "r2 = 0\nif r1 == 3 goto again\nr2 = 4\nagain:\nr2 += 1\nif r2 != 9 goto again\nexit", []ir.PC{4}},
		{"entered with anything", "r2 = r1\nagain:\nr2 += 1\nif r2 != 9 goto again\nexit", nil},
		{"a multiple that is missed", "r2 = 0\nagain:\nr2 += 3\nif r2 != 64 goto again\nexit", nil},
		{"a branch around the step", "r2 = 0\nagain:\nif r1 == 3 goto on\nr2 += 1\non:\nr1 += 1\nif r2 != 9 goto again\nexit", nil},
		{"another write", "r2 = 0\nagain:\nr2 += 1\nr2 ^= r1\nif r2 != 9 goto again\nexit", nil},
		{"a jump back inside", "r2 = 0\nagain:\nr1 += 1\nif r1 != 3 goto again\nr2 += 1\nif r2 != 9 goto again\nexit", nil},
		{"long", "r2 = 0\nagain:\nr2 += 1\nif r2 != 90000 goto again\nexit", nil},
		{"wrong way", "r2 = 0\nagain:\nr2 += -1\nif r2 != 9 goto again\nexit", nil},
		{"add of half of what is compared", "r2 = 0\nagain:\nw2 += 1\nif r2 != 9 goto again\nexit", nil},
		{"a call inside", "r6 = 0\nagain:\nr6 += 1\ncall ktime_get_ns\nif r6 != 9 goto again\nexit", nil},
		{"around", "r2 = 0\ngoto in\nagain:\nr2 += 1\nin:\nif r2 != 9 goto again\nexit", nil},
		{"head of the program", "again:\nr2 += 1\nif r2 < 9 goto again\nexit", nil},
		{"in a function", "call f\nexit\n.func f\nr2 = 0\nagain:\nr2 += 1\nif r2 < 9 goto again\nr0 = 0\nexit", nil},
	} {
		p := parse(t, tt.text)
		require.Equal(t, tt.want, jit.ShortLoops(p), tt.name)
		free, bounded := jit.Uncounted(p, tt.want)
		require.Equal(t, len(tt.want), len(free), tt.name)
		require.Equal(t, free, bounded, tt.name)
	}
}

// TestUncounted: a list with a jump that has to count is worth nothing.
func TestUncounted(t *testing.T) {
	p := parse(t, "r2 = 0\nagain:\nr2 += 1\nif r2 != 9 goto again\nr3 += 1\nif r3 != r4 goto again\nexit")
	free, _ := jit.Uncounted(p, []ir.PC{2, 4})
	require.Nil(t, free)
	free, _ = jit.Uncounted(p, []ir.PC{4}) // the other one counts
	require.Equal(t, map[ir.PC]bool{4: true}, free)
	nested := "r3 = 0\nouter:\nr2 = 0\nagain:\nr2 += 1\nif r2 != 9 goto again\nr3 += r1\nif r3 < 90 goto outer\nexit"
	p = parse(t, nested)
	require.Equal(t, []ir.PC{3}, jit.ShortLoops(p))
	free, bounded := jit.Uncounted(p, []ir.PC{3})
	require.Equal(t, map[ir.PC]bool{3: true}, free)
	require.Equal(t, free, bounded)
	free, _ = jit.Uncounted(p, []ir.PC{3, 5})
	require.Nil(t, free)
}

// loopProgram returns a random program of moves, additions and branches on few
// registers: many have loops, some of them short.
func loopProgram(rng *rand.Rand) *ir.Program {
	p := &ir.Program{Name: "loops"}
	n := 4 + rng.IntN(9)
	reg := func() ir.Reg { return ir.Reg(1 + rng.IntN(2)) }
	width := func() ir.Width { return []ir.Width{ir.W32, ir.W64, ir.W64}[rng.IntN(3)] }
	small := func() int64 { return int64(rng.IntN(9) - 3) }
	for pc := range n {
		switch rng.IntN(7) {
		case 0:
			p.Insns = append(p.Insns, ir.Insn{Op: ir.OpALU(ir.Mov, width(), ir.K), Dst: reg(), Imm: small()})
		case 1:
			p.Insns = append(p.Insns, ir.Insn{Op: ir.OpALU(ir.Mov, width(), ir.X), Dst: reg(), Src: reg()})
		case 2, 3:
			p.Insns = append(p.Insns, ir.Insn{Op: ir.OpALU(ir.Add, width(), ir.K), Dst: reg(), Imm: small()})
		case 4:
			p.Insns = append(p.Insns, ir.Insn{Op: ir.OpJump(false), Off: int16(rng.IntN(n-pc) - rng.IntN(pc+1))})
		default:
			op := []ir.CmpOp{ir.JNE, ir.JNE, ir.JLT, ir.JEQ, ir.JGE, ir.JSET}[rng.IntN(6)]
			p.Insns = append(p.Insns, ir.Insn{Op: ir.OpBranch(op, width(), ir.K), Dst: reg(), Imm: 4 * small(), Off: int16(rng.IntN(n-pc) - rng.IntN(pc+1))})
		}
		if in := &p.Insns[pc]; in.Kind() == ir.KindJump || in.Kind() == ir.KindBranch { // to an instruction
			in.Off = max(in.Off, int16(-pc-1))
		}
	}
	if rng.IntN(8) > 0 { // a loop, so that many are short
		head, jump, r := rng.IntN(n-3), 2+rng.IntN(n-2), reg()
		if jump > head+1 {
			p.Insns[head] = ir.Insn{Op: ir.OpALU(ir.Mov, width(), ir.K), Dst: r, Imm: small()}
			p.Insns[jump-1] = ir.Insn{Op: ir.OpALU(ir.Add, width(), ir.K), Dst: r, Imm: small()}
			p.Insns[jump] = ir.Insn{Op: ir.OpBranch([]ir.CmpOp{ir.JNE, ir.JLT}[rng.IntN(2)], width(), ir.K), Dst: r, Imm: 2 * small(), Off: int16(head - jump)}
		}
	}
	p.Insns = append(p.Insns, ir.Insn{Op: ir.OpExit()})
	p.FindFuncs()
	return p
}

// TestBoundedRuns: what is said to be short is, in random programs that are run from
// random registers: no short loop's jump is taken often without another jump backward.
func TestBoundedRuns(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	programs, taken := 0, 0
	for range 20_000 {
		p := loopProgram(rng)
		short := map[ir.PC]bool{}
		for _, pc := range jit.ShortLoops(p) {
			short[pc] = true
		}
		if len(short) == 0 {
			continue
		}
		programs++
		for range 4 {
			r := [ir.NumRegs]uint64{1: rng.Uint64() >> rng.IntN(64), 2: -rng.Uint64N(40)}
			taken += run(t, p, r, short)
		}
	}
	t.Logf("%d programs with short loops, whose jumps were taken %d times", programs, taken)
	require.Greater(t, programs, 500)
	require.Greater(t, taken, 2000)
}

// run executes p for a while and returns how often short jumps were taken.
func run(t *testing.T, p *ir.Program, r [ir.NumRegs]uint64, short map[ir.PC]bool) (taken int) {
	const steps, rounds = 3000, 64 // numbers in the programs are below 40
	since := 0
	for pc, n := ir.PC(0), 0; n < steps; n++ {
		in := p.Insns[pc]
		next := pc + 1
		switch in.Kind() {
		case ir.KindExit:
			return taken
		case ir.KindALU:
			r[in.Dst] = sem.Result[uint64](sem.Concrete{}, in, r[in.Dst], r[in.Src])
		case ir.KindJump:
			next, _ = in.Target(pc)
		case ir.KindBranch:
			if sem.Taken[uint64](sem.Concrete{}, in, r[in.Dst], r[in.Src]) != 0 {
				next, _ = in.Target(pc)
			}
		}
		switch {
		case short[pc] && next <= pc:
			taken++
			since++
		case next <= pc:
			since = 0
		}
		if since >= rounds {
			require.Less(t, since, rounds, "insn %d of %s", pc, listing(p))
		}
		pc = next
	}
	return taken
}

func listing(p *ir.Program) (s string) {
	for pc := range p.Insns {
		s += fmt.Sprintf("%3d: %s\n", pc, asm.Insn(p, ir.PC(pc)))
	}
	return s
}
