package jitproof_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jit/amd64"
	"github.com/bpfproof/bpfproof/jitproof"
)

// operands returns register pairs, offsets and immediates that lowerings treat
// apart: the division and shift registers, equal registers, the stack pointer
// as base, and immediates at the edges of encodings.
func operands(rng *rand.Rand, row *ir.Row) ir.Insn {
	regs := []ir.Reg{ir.R0, ir.R1, ir.R2, ir.R3, ir.R4, ir.R5, ir.R6, ir.R7, ir.R8, ir.R9}
	imms := []int64{0, 1, -1, 2, 3, 7, 8, 31, 32, 63, 64, 127, 128, -128, -129, 255, 256, 4096, 0x7fffffff, -0x80000000, 0x12345678, -7}
	offs := []int16{0, 1, -1, 8, -8, 127, 128, -128, -129, 0x7fff, -0x8000}
	in := ir.Insn{Op: row.Op}
	if row.Uses&ir.UseDst != 0 {
		in.Dst = regs[rng.IntN(len(regs))]
	}
	if row.Uses&ir.UseSrc != 0 {
		in.Src = regs[rng.IntN(len(regs))]
		if rng.IntN(6) == 0 {
			in.Src = in.Dst
		}
	}
	if row.Uses&ir.UseOff != 0 {
		in.Off = offs[rng.IntN(len(offs))]
	}
	if row.Uses&ir.UseImm != 0 {
		in.Imm = imms[rng.IntN(len(imms))]
	}
	if row.Kind == ir.KindLoadImm && row.Pseudo == ir.PseudoFunc {
		in.Imm = -3 // the program itself
	} else if row.Kind == ir.KindLoadImm {
		in.Imm = []int64{0, -1, 1 << 31, 1 << 32, 0x123456789abcdef, -1 << 63}[rng.IntN(6)]
	}
	return in
}

// around puts one instruction into a program: branches get targets ahead and
// behind.
func around(rng *rand.Rand, row *ir.Row) *ir.Program {
	mov := ir.Insn{Op: ir.OpALU(ir.Mov, ir.W64, ir.K), Imm: 7}
	insns := []ir.Insn{mov, mov}
	in := operands(rng, row)
	switch row.Kind {
	case ir.KindBranch, ir.KindMayGoto:
		in.Off = []int16{1, 0, -1, -2}[rng.IntN(4)]
	case ir.KindJump:
		in.Off, in.Imm = 0, 0
		if d := []int16{1, 0, -1, -2}[rng.IntN(4)]; row.Long {
			in.Imm = int64(d)
		} else {
			in.Off = d
		}
	case ir.KindCall:
		in.Imm = int64(1 + rng.IntN(200))
	}
	insns = append(insns, in)
	if row.Kind == ir.KindLoadImm {
		insns = append(insns, ir.Pad())
	}
	insns = append(insns, mov, ir.Insn{Op: ir.OpExit()})
	return &ir.Program{Name: row.Name, Insns: insns}
}

func compiled(row *ir.Row) bool {
	switch row.Kind {
	case ir.KindCast:
		return false
	case ir.KindCall:
		return row.Pseudo == ir.CallHelper
	case ir.KindLoadImm:
		return row.Pseudo == ir.PseudoNone || row.Pseudo == ir.PseudoFunc
	}
	return true
}

// TestRows proves every operation the baseline compiles, with operands that
// its lowerings treat apart.
func TestRows(t *testing.T) {
	v := jitproof.New(solver(t), jitproof.Options{})
	rng := rand.New(rand.NewPCG(5, 6))
	n := 0
	for i := range ir.Rows() {
		row := &ir.Rows()[i]
		if !compiled(row) {
			continue
		}
		n++
		for k := range 24 {
			p := around(rng, row)
			code, err := jit.Compile(amd64.New(jit.Target{ArrayStride: abi.ArrayStride, ArrayArea: abi.ArrayArea, BMI2: k%2 == 1}), p)
			require.NoError(t, err)
			c, err := v.Validate(t.Context(), p, code)
			require.NoError(t, err, "%s", row.Name)
			require.Equal(t, jitproof.Proved, c.Status, "%+v\n%s", p.Insns[2], explain(p, c))
		}
	}
	t.Logf("%d operations", n)
	require.Greater(t, n, 137)
}
