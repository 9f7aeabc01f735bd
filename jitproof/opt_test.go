package jitproof_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/internal/long"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jit/amd64"
	"github.com/bpfproof/bpfproof/jit/opt"
	"github.com/bpfproof/bpfproof/jitproof"
)

// optimiser returns the optimising tier without some passes.
func optimiser(t testing.TB, bmi2 bool, off ...string) jit.Backend {
	b, err := amd64.NewTier(jit.Target{ArrayStride: abi.ArrayStride, ArrayArea: abi.ArrayArea, BMI2: bmi2, MOVBE: bmi2}, jit.Options{Tier: jit.Optimising, Off: off})
	require.NoError(t, err)
	return b
}

// TestOptimised proves every accepted program of the corpus as the optimising
// tier compiles it, with all passes and with each left out.
func TestOptimised(t *testing.T) {
	v := jitproof.New(solver(t), jitproof.Options{})
	off := [][]string{nil}
	for _, p := range opt.Passes() {
		off = append(off, []string{string(p.Name)})
	}
	total, rewriter := 0, 0
	for _, without := range off {
		for _, p := range programs(t) {
			code, err := jit.Compile(optimiser(t, without == nil, without...), p)
			require.NoError(t, err, "%s without %v", p.Name, without)
			c, err := v.Validate(t.Context(), p, code)
			require.NoError(t, err, p.Name)
			if c.Status != jitproof.Proved {
				t.Errorf("without %v: %s", without, explain(p, c))
			}
			total, rewriter = total+c.Counts.Total, rewriter+c.Counts.Rewriter
		}
	}
	t.Logf("%d obligations, %d by the rewrite rules alone", total, rewriter)
}

// TestHardened proves the corpus with its constants blinded.
func TestHardened(t *testing.T) {
	v := jitproof.New(solver(t), jitproof.Options{})
	for seed, p := range programs(t) {
		for _, tier := range []jit.Tier{jit.Baseline, jit.Optimising} {
			b, err := amd64.NewTier(jit.Target{BMI2: seed%2 == 0}, jit.Options{Tier: tier, Harden: true, Seed: uint64(seed)})
			require.NoError(t, err)
			code, err := jit.Compile(b, p)
			require.NoError(t, err, p.Name)
			c, err := v.Validate(t.Context(), p, code)
			require.NoError(t, err, p.Name)
			if c.Status != jitproof.Proved {
				t.Error(explain(p, c))
			}
		}
	}
}

// straight reports whether the random programs may have the operation anywhere.
func straight(row *ir.Row) bool {
	switch row.Kind {
	case ir.KindALU, ir.KindSwap, ir.KindLoad, ir.KindStore, ir.KindLoadAcquire, ir.KindStoreRelease:
		return true
	case ir.KindAtomic:
		return row.Fetch
	case ir.KindLoadImm:
		return row.Pseudo == ir.PseudoNone
	case ir.KindBranch:
		return true
	}
	return false
}

// randomProgram returns a program of n operations with few registers, so that
// they have to do with each other, and with the patterns that passes look for.
func randomProgram(rng *rand.Rand, rows []*ir.Row, n int) *ir.Program {
	p := &ir.Program{Name: "random"}
	regs := 2 + rng.IntN(9)
	reg := func() ir.Reg { return ir.Reg(rng.IntN(regs)) }
	for len(p.Insns) < n {
		switch rng.IntN(8) {
		case 0:
			p.Insns = append(p.Insns, ir.Insn{Op: ir.OpALU(ir.Mov, []ir.Width{ir.W32, ir.W64}[rng.IntN(2)], ir.X), Dst: reg(), Src: reg()})
			continue
		case 1:
			p.Insns = append(p.Insns, pattern(rng, reg)...)
			continue
		}
		in := operands(rng, rows[rng.IntN(len(rows))])
		in.Dst, in.Src = min(in.Dst, reg()), min(in.Src, reg())
		if in.Row().Uses&ir.UseOff != 0 {
			in.Off = int16(8 * rng.IntN(4))
		}
		if in.Kind() == ir.KindBranch {
			in.Off = int16(rng.IntN(9) - 4)
			if rng.IntN(3) == 0 {
				in.Off = 1
			}
		}
		p.Insns = append(p.Insns, in)
		if in.Row().Slots() == 2 {
			p.Insns = append(p.Insns, ir.Pad())
		}
	}
	for pc := range p.Insns { // jumps lead to instructions of the program
		in := &p.Insns[pc]
		if target, ok := in.Target(ir.PC(pc)); ok && (target < 0 || int(target) > len(p.Insns) || int(target) < len(p.Insns) && p.Insns[target].Op == ir.OpPad) {
			in.Off = 0
		}
	}
	p.Insns = append(p.Insns, ir.Insn{Op: ir.OpExit()})
	return p
}

// pattern returns what a pass makes something of: rotations, extensions by
// shifts, words put together from bytes, short loops, operations on memory, and
// divisions by constants.
func pattern(rng *rand.Rand, reg func() ir.Reg) []ir.Insn {
	w := []ir.Width{ir.W32, ir.W64}[rng.IntN(2)]
	alu := func(op ir.ALUOp, dst ir.Reg, imm int64) ir.Insn {
		return ir.Insn{Op: ir.OpALU(op, w, ir.K), Dst: dst, Imm: imm}
	}
	two := func(op ir.ALUOp, dst, src ir.Reg) ir.Insn {
		return ir.Insn{Op: ir.OpALU(op, w, ir.X), Dst: dst, Src: src}
	}
	x, y, base := reg(), reg(), reg()
	n := int64(1 + rng.IntN(int(w)-1))
	load := func(dst ir.Reg, off int) ir.Insn {
		return ir.Insn{Op: ir.OpLoad(ir.W8, false), Dst: dst, Src: base, Off: int16(off)}
	}
	branch := func(op ir.CmpOp, r ir.Reg, imm int64, off int16) ir.Insn {
		return ir.Insn{Op: ir.OpBranch(op, w, ir.K), Dst: r, Imm: imm, Off: off}
	}
	switch rng.IntN(7) {
	case 3:
		return []ir.Insn{alu(ir.Mov, x, 0), two(ir.Xor, y, base), alu(ir.Add, x, 2), branch(ir.JNE, x, 2*n, -3)}
	case 4:
		return []ir.Insn{alu(ir.Mov, x, n), two(ir.Add, base, y), alu(ir.Add, x, -1), branch(ir.JEQ, x, 0, 1), {Op: ir.OpJump(false), Off: -4}}
	case 5:
		word := ir.Insn{Op: ir.OpLoad(w, false), Dst: x, Src: base, Off: 8}
		back := ir.Insn{Op: ir.OpStore(w, ir.X), Dst: base, Src: x, Off: 8}
		return []ir.Insn{word, two([]ir.ALUOp{ir.Add, ir.Sub, ir.And}[rng.IntN(3)], x, y), back, word, two(ir.Or, y, x)}
	case 6:
		return []ir.Insn{alu([]ir.ALUOp{ir.Div, ir.Mod}[rng.IntN(2)], x, 3+n*n)}
	case 0:
		return []ir.Insn{two(ir.Mov, y, x), alu(ir.Lsh, x, n), alu(ir.Rsh, y, int64(w)-n), two(ir.Or, x, y)}
	case 1:
		n = []int64{8, 16, 24, 32, 48, 56}[rng.IntN(6)] % int64(w)
		return []ir.Insn{alu(ir.Lsh, x, n), alu([]ir.ALUOp{ir.Rsh, ir.Arsh}[rng.IntN(2)], x, n)}
	}
	big := rng.IntN(2)
	return []ir.Insn{load(x, 1-big), load(y, big), alu(ir.Lsh, y, 8), two([]ir.ALUOp{ir.Or, ir.Add, ir.Xor}[rng.IntN(3)], x, y)}
}

// TestOptimisedRandom proves random programs: all operations, few registers and
// many, loops, and what the passes look for.
func TestOptimisedRandom(t *testing.T) {
	v := jitproof.New(solver(t), jitproof.Options{})
	rng := rand.New(rand.NewPCG(11, 12))
	var rows []*ir.Row
	for i := range ir.Rows() {
		if row := &ir.Rows()[i]; straight(row) {
			rows = append(rows, row)
		}
	}
	rewriter, total := 0, 0
	for i := range long.N(300, 20_000) {
		p := randomProgram(rng, rows, 5+rng.IntN(60))
		var off []string
		for _, pass := range opt.Passes() {
			if rng.IntN(12) == 0 {
				off = append(off, string(pass.Name))
			}
		}
		code, err := jit.Compile(optimiser(t, i%2 == 0, off...), p)
		require.NoError(t, err)
		c, err := v.Validate(t.Context(), p, code)
		require.NoError(t, err)
		if c.Status != jitproof.Proved {
			var b strings.Builder
			_ = asm.Print(&b, p)
			t.Errorf("program %d: %s\nwithout %v\n%s", i, b.String(), off, explain(p, c))
		}
		total, rewriter = total+c.Counts.Total, rewriter+c.Counts.Rewriter
	}
	t.Logf("%d obligations, %d by the rewrite rules alone", total, rewriter)
}
