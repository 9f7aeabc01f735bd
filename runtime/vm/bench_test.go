package vm

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/runtime"
)

func jne(dst ir.Reg, off int16) ir.Insn {
	return ir.Insn{Op: ir.OpBranch(ir.JNE, ir.W64, ir.K), Dst: dst, Off: off}
}

func alu(op ir.ALUOp, w ir.Width, dst, src ir.Reg) ir.Insn {
	return ir.Insn{Op: ir.OpALU(op, w, ir.X), Dst: dst, Src: src}
}

// BenchmarkShort runs small programs; insns/s counts executed instructions.
func BenchmarkShort(b *testing.B) {
	const n = 1000
	loop := func(body ...any) []ir.Insn {
		insns := join(body...)
		head := join(mov(ir.R0, 1), mov(ir.R3, 3), mov(ir.R6, n))
		return join(head, insns, add(ir.R6, -1), jne(ir.R6, int16(-2-len(insns))), exit())
	}
	spec := &ir.MapSpec{Name: "m", Type: ir.Array, KeySize: 4, ValueSize: 8, MaxEntries: 300}
	hash := *spec
	hash.Type = ir.Hash
	cases := []struct {
		name string
		p    *ir.Program
	}{
		{"alu", &ir.Program{Insns: loop(alu(ir.Add, ir.W64, ir.R0, ir.R3), alu(ir.Xor, ir.W32, ir.R0, ir.R6), alu(ir.Lsh, ir.W64, ir.R0, ir.R3), alu(ir.Sub, ir.W64, ir.R0, ir.R6))}},
		{"divide", &ir.Program{Insns: loop(alu(ir.Add, ir.W64, ir.R0, ir.R6), alu(ir.Div, ir.W64, ir.R0, ir.R3))}},
		{"stack", &ir.Program{Insns: loop(ir.Insn{Op: ir.OpStore(ir.W64, ir.X), Dst: ir.FP, Src: ir.R6, Off: -8}, load64(ir.R1, ir.FP, -8), alu(ir.Add, ir.W64, ir.R0, ir.R1))}},
		{"call", &ir.Program{Insns: append(loop(ir.Insn{Op: ir.OpCall(ir.CallLocal), Imm: 3}), alu(ir.Add, ir.W64, ir.R0, ir.R3), exit())}},
		{"count_array", countProgram(spec)},
		{"count_hash", countProgram(&hash)},
	}
	for _, c := range cases {
		b.Run("prog="+c.name, func(b *testing.B) {
			executed := 0
			in := runtime.Input{Data: make([]byte, 64)}
			traced, _ := loadWith(b, c.p, Options{Trace: func(ir.PC, *[ir.NumRegs]uint64) { executed++ }})
			_, err := traced.Run(context.Background(), in)
			require.NoError(b, err)
			prog, _ := loadWith(b, c.p, Options{})
			s, err := prog.Open()
			require.NoError(b, err)
			defer s.Close()
			require.NoError(b, s.Frame().Set(in))
			for b.Loop() {
				if _, err := s.Run(context.Background(), runtime.DefaultFuel); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(executed)*float64(b.N)/b.Elapsed().Seconds(), "insns/s")
		})
	}
}
