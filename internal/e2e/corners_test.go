package e2e

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/internal/conformance"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/runtime/kernel"
)

var cornerWords = []uint64{0, 1, 7, 31, 32, 63, 64, 0x80, 0x7fff, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000,
	0x7fffffffffffffff, 0x8000000000000000, 0xffffffff80000000, 0xfffffffffffffff9, 0xffffffffffffffff, 0x0123456789abcdef}

var cornerImms = []int64{0, 1, -1, 3, -7, 31, 32, 63, 64, -0x80000000, 0x7fffffff}

// pair is the place of one pair of operands in memory, in bytes.
const pair = 16

// cornerMemory lays out all pairs of corners.
func cornerMemory() (memory []byte) {
	for _, x := range cornerWords {
		for _, y := range cornerWords {
			memory = binary.LittleEndian.AppendUint64(memory, x)
			memory = binary.LittleEndian.AppendUint64(memory, y)
		}
	}
	return memory
}

// cornerProgram returns a program that executes in, whose operands are r6 and
// r7, on every pair in memory, puts each result in the place of the pair's
// first word, and then folds all of them into r0 so that one that differs
// makes r0 differ.
func cornerProgram(in ir.Insn, pairs int) *ir.Program {
	load := func(dst ir.Reg, at int) ir.Insn {
		return ir.Insn{Op: ir.OpLoad(ir.W64, false), Dst: dst, Src: ir.R1, Off: int16(at)}
	}
	op := func(op ir.ALUOp, src ir.Source, dst, x ir.Reg, imm int64) ir.Insn {
		return ir.Insn{Op: ir.OpALU(op, ir.W64, src), Dst: dst, Src: x, Imm: imm}
	}
	var insns []ir.Insn
	for at := 0; at < pairs*pair; at += pair {
		insns = append(insns, load(ir.R6, at), load(ir.R7, at+8))
		if in.Kind() == ir.KindBranch {
			in.Off = 1
			insns = append(insns, op(ir.Mov, ir.K, ir.R8, 0, 1), in, op(ir.Mov, ir.K, ir.R8, 0, 0), op(ir.Mov, ir.X, ir.R6, ir.R8, 0))
		} else {
			insns = append(insns, in)
		}
		insns = append(insns, ir.Insn{Op: ir.OpStore(ir.W64, ir.X), Dst: ir.R1, Src: ir.R6, Off: int16(at)})
	}
	insns = append(insns, op(ir.Mov, ir.K, ir.R0, 0, 0))
	for at := 0; at < pairs*pair; at += pair {
		insns = append(insns, op(ir.Mul, ir.K, ir.R0, 0, fold), load(ir.R6, at), op(ir.Add, ir.X, ir.R0, ir.R6, 0))
	}
	return &ir.Program{Insns: append(insns, ir.Insn{Op: ir.OpExit()})}
}

// fold is odd, so that multiplying by it loses nothing.
const fold = 0x5bd1e995

// cornerResult is what package sem says that the program returns.
func cornerResult(in ir.Insn) (r0 uint64) {
	for _, x := range cornerWords {
		for _, y := range cornerWords {
			if in.Kind() == ir.KindBranch {
				r0 = r0*fold + sem.Taken(sem.Concrete{}, in, x, y)
			} else {
				r0 = r0*fold + sem.Result(sem.Concrete{}, in, x, y)
			}
		}
	}
	return r0
}

// TestEveryRowAtItsCorners executes every operation on registers, with all
// pairs of corner operands and corner immediates, in every engine, and compares
// with package sem. Immediates that verifiers refuse (a division by zero, a
// shift by the width or more) run in vm and native, as RFC 9669 section 4.1
// defines them; the kernel rejects them.
func TestEveryRowAtItsCorners(t *testing.T) {
	memory := cornerMemory()
	asked := kernel.Available() == nil
	ran := map[string]int{}
	for _, row := range ir.Rows() {
		if row.Kind != ir.KindALU && row.Kind != ir.KindSwap && row.Kind != ir.KindBranch {
			continue
		}
		imms := []int64{0}
		if row.Src == ir.K {
			imms = cornerImms
		}
		for _, imm := range imms {
			in := ir.Insn{Op: row.Op, Dst: ir.R6, Imm: imm}
			if row.Src == ir.X {
				in.Src = ir.R7
			}
			p, err := conformance.Prepare(cornerProgram(in, len(memory)/pair))
			require.NoError(t, err)
			want := cornerResult(in)
			engines := []string{"vm", "native"}
			if asked && definedOnlyHere(row, imm) {
				_, err := conformance.Run(t.Context(), "kernel", p, memory)
				require.ErrorContains(t, err, "rejected by kernel", "%s %d", row.Name, imm)
				ran["rejected"]++
			} else if asked {
				engines = append(engines, "kernel")
			}
			for _, engine := range engines {
				got, err := conformance.Run(t.Context(), engine, p, memory)
				require.NoError(t, err, "%s: %s %d", engine, row.Name, imm)
				require.Equal(t, want, got, "%s: %s %d", engine, row.Name, imm)
				ran[engine]++
			}
		}
	}
	t.Logf("programs of %d pairs: %v", len(memory)/pair, ran)
	require.Greater(t, ran["vm"], 600)
	require.Equal(t, ran["vm"], ran["native"])
	if asked {
		require.Equal(t, ran["vm"], ran["kernel"]+ran["rejected"])
	}
}

// definedOnlyHere reports whether verifiers refuse the immediate.
func definedOnlyHere(row ir.Row, imm int64) bool {
	if row.Src != ir.K {
		return false
	}
	switch row.ALU {
	case ir.Div, ir.SDiv, ir.Mod, ir.SMod:
		return imm == 0
	case ir.Lsh, ir.Rsh, ir.Arsh:
		return imm < 0 || imm >= int64(row.Width)
	}
	return false
}
