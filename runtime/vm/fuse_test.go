package vm

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
)

// sequence is one kind of sequence that the main loop has a case for, made of
// registers a, b and c and the immediates x and y.
type sequence func(a, b, c ir.Reg, x, y int64) []ir.Insn

func opK(op ir.ALUOp, w ir.Width, dst ir.Reg, imm int64) ir.Insn {
	return ir.Insn{Op: ir.OpALU(op, w, ir.K), Dst: dst, Imm: imm}
}

// sequences returns sequences for every case, in both widths.
func sequences() []sequence {
	var all []sequence
	for _, w := range []ir.Width{ir.W32, ir.W64} {
		for _, op := range []ir.ALUOp{ir.Add, ir.Sub, ir.Or, ir.And, ir.Xor, ir.Mul} {
			all = append(all,
				func(a, b, c ir.Reg, _, _ int64) []ir.Insn { return join(movr(a, b), alu(op, w, a, c)) },
				func(a, b, c ir.Reg, _, _ int64) []ir.Insn { return join(alu(ir.Mov, w, a, b), alu(op, w, a, c)) })
		}
		for _, op := range []ir.ALUOp{ir.Add, ir.And, ir.Lsh, ir.Rsh, ir.Arsh} {
			all = append(all, func(a, b, _ ir.Reg, x, _ int64) []ir.Insn { return join(alu(ir.Mov, w, a, b), opK(op, w, a, x)) })
		}
		for _, first := range []ir.ALUOp{ir.Add, ir.Sub, ir.Xor, ir.Or} {
			for _, second := range []ir.ALUOp{ir.Add, ir.Sub, ir.Xor} {
				all = append(all, func(a, b, c ir.Reg, _, _ int64) []ir.Insn { return join(alu(first, w, a, b), alu(second, w, a, c)) })
			}
		}
		for _, shift := range []ir.ALUOp{ir.Lsh, ir.Rsh} {
			for _, op := range []ir.ALUOp{ir.Add, ir.Or, ir.Xor} {
				all = append(all, func(a, b, c ir.Reg, x, _ int64) []ir.Insn {
					return join(movr(a, b), opK(shift, w, a, x), alu(op, w, a, c))
				})
			}
			other := map[ir.ALUOp]ir.ALUOp{ir.Lsh: ir.Rsh, ir.Rsh: ir.Lsh}[shift]
			all = append(all,
				func(a, b, _ ir.Reg, x, y int64) []ir.Insn {
					return join(movr(a, b), opK(shift, w, a, x), opK(other, w, b, y), alu(ir.Or, w, b, a))
				},
				func(a, b, c ir.Reg, x, y int64) []ir.Insn {
					return join(movr(a, b), opK(shift, w, a, x), movr(c, b), opK(other, w, c, y), alu(ir.Or, w, c, a))
				})
		}
		for _, cmp := range []ir.CmpOp{ir.JNE, ir.JLT, ir.JEQ, ir.JGT} {
			all = append(all,
				func(a, b, c ir.Reg, _, y int64) []ir.Insn {
					return join(movr(a, b), ir.Insn{Op: ir.OpBranch(cmp, w, ir.K), Dst: c, Imm: y, Off: 1}, mov(ir.R8, 1))
				},
				func(a, _, c ir.Reg, x, y int64) []ir.Insn {
					return join(opK(ir.Mov, w, a, x), ir.Insn{Op: ir.OpBranch(cmp, w, ir.K), Dst: c, Imm: y, Off: 1}, mov(ir.R8, 1))
				}, func(a, _, _ ir.Reg, x, y int64) []ir.Insn {
					return join(opK(ir.Add, w, a, x), ir.Insn{Op: ir.OpBranch(cmp, w, ir.K), Dst: a, Imm: y, Off: 1}, mov(ir.R8, 1))
				})
		}
		all = append(all,
			func(a, b, c ir.Reg, _, _ int64) []ir.Insn { return join(alu(ir.Mov, w, a, b), alu(ir.Mov, w, c, a)) },
			func(a, b, c ir.Reg, x, _ int64) []ir.Insn { return join(opK(ir.Add, w, a, x), movr(b, c)) })
	}
	return all
}

// TestSequences runs every kind of sequence, with all aliases of its registers,
// by the main loop at once and by ir/sem step by step, and requires that every
// case for a sequence was taken.
func TestSequences(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	regs := []ir.Reg{ir.R0, ir.R4, ir.R7}
	imms := []int64{0, 1, -1, 5, 7, 26, 31, 63, 127, -128, 300, -0x80000000}
	taken := map[opcode]bool{}
	for _, s := range sequences() {
		for _, a := range regs {
			for _, b := range regs {
				for _, c := range regs {
					x, y := imms[rng.IntN(len(imms))], imms[rng.IntN(len(imms))]
					compareSequence(t, rng, append(s(a, b, c, x, y), exit(), exit()), taken)
				}
			}
		}
	}
	for op := opCopyAdd64X; op < opPureX; op++ {
		if op != opLoad8JNE32K && op != opLoad8JEQ32K && (op < opLoadAt8_2 || op > opLoadAt64_3) { // TestLoadAt and TestLoadJump take those
			require.True(t, taken[op], "no sequence takes case %d", op)
		}
	}
}

func compareSequence(t *testing.T, rng *rand.Rand, insns []ir.Insn, taken map[opcode]bool) {
	p := &ir.Program{Name: "sequence", Insns: insns}
	prog, err := Load(p, nil, Options{})
	require.NoError(t, err)
	defer prog.Close()
	m := prog.idle[0]
	taken[prog.code[0].op] = true
	for range 8 {
		m.reset()
		for i := range ir.R10 {
			if m.r[i] = rng.Uint64() >> (8 * rng.UintN(8)); rng.IntN(2) == 0 {
				m.r[i] = corners[rng.IntN(len(corners))]
			}
		}
		before := [ir.NumRegs]uint64(m.r[:ir.NumRegs])
		ref := newReference(m)
		require.NoError(t, ref.Run(100))
		for !m.stop {
			m.advance(100)
		}
		require.Equal(t, ref.Regs, [ir.NumRegs]uint64(m.r[:ir.NumRegs]), "%+v on %x", insns, before)
	}
}

// TestLoadAt: the address of a load is added up in the same case; where the
// load faults, the fault is the load's.
func TestLoadAt(t *testing.T) {
	taken := map[opcode]bool{}
	for _, w := range []ir.Width{ir.W8, ir.W16, ir.W32, ir.W64} {
		for _, off := range []int16{0, 3, -5, 24, 40, -9} {
			for _, index := range []ir.Reg{ir.R5, ir.R3} { // r3: twice the base, always a fault
				for _, dst := range []ir.Reg{ir.R3, ir.R5, ir.R7} {
					load := ir.Insn{Op: ir.OpLoad(w, false), Dst: dst, Src: ir.R3, Off: off}
					head := join(movr(ir.R4, ir.R1), mov(ir.R5, 8))
					compareLoad(t, join(head, movr(ir.R3, ir.R4), alu(ir.Add, ir.W64, ir.R3, index), load, movr(ir.R0, dst), exit()), taken)
					compareLoad(t, join(movr(ir.R3, ir.R1), mov(ir.R5, 8), alu(ir.Add, ir.W64, ir.R3, index), load, movr(ir.R0, dst), exit()), taken)
				}
			}
		}
	}
	for op := opLoadAt8_2; op <= opLoadAt64_3; op++ {
		require.True(t, taken[op], "no sequence takes case %d", op)
	}
}

// TestLoadJump: a byte is loaded and compared in one case.
func TestLoadJump(t *testing.T) {
	taken := map[opcode]bool{}
	for _, cmp := range []ir.CmpOp{ir.JEQ, ir.JNE} {
		for _, off := range []int16{0, 7, 31, 32, 255, 256, -1} {
			for _, imm := range []int64{'0', '7', 'v', -1} {
				compareLoad(t, join(mov(ir.R3, 1), mov(ir.R4, 2), ir.Insn{Op: ir.OpLoad(ir.W8, false), Dst: ir.R3, Src: ir.R1, Off: off},
					ir.Insn{Op: ir.OpBranch(cmp, ir.W32, ir.K), Dst: ir.R3, Imm: imm, Off: 1}, mov(ir.R4, 1), movr(ir.R0, ir.R4), exit()), taken)
			}
		}
	}
	require.True(t, taken[opLoad8JNE32K] && taken[opLoad8JEQ32K])
}

// compareLoad runs a program whose third instruction starts a sequence, on a
// memory of 32 bytes, by the main loop and by ir/sem.
func compareLoad(t *testing.T, insns []ir.Insn, taken map[opcode]bool) {
	t.Helper()
	prog, err := Load(&ir.Program{Name: "load", Insns: insns}, nil, Options{})
	require.NoError(t, err)
	defer prog.Close()
	taken[prog.code[2].op] = true
	m := prog.idle[0]
	require.NoError(t, m.frame.SetData([]byte("0123456789abcdefghijklmnopqrstuv")))
	m.reset()
	ref := newReference(m)
	want := ref.Run(100)
	_, got := m.Run(t.Context(), 100)
	if want == nil {
		require.NoError(t, got, "%+v", insns)
		require.Equal(t, ref.Regs, [ir.NumRegs]uint64(m.r[:ir.NumRegs]), "%+v", insns)
		return
	}
	var f *Fault
	require.ErrorAs(t, got, &f, "%+v", insns)
	require.Equal(t, ref.PC, f.PC, "%v, %v", want, got)
	require.EqualValues(t, insns[f.PC].Row().Width.Bytes(), f.Size)
}

// TestFuelIsExact: a run of n instructions needs n fuel, however they are put
// together.
func TestFuelIsExact(t *testing.T) {
	loop := join(mov(ir.R0, 0), mov(ir.R6, 10), movr(ir.R1, ir.R6), add(ir.R1, 5), alu(ir.Xor, ir.W64, ir.R0, ir.R1),
		alu(ir.Add, ir.W64, ir.R0, ir.R6), add(ir.R6, -1), jne(ir.R6, -6), exit())
	const steps = 2 + 10*6 + 1
	prog, _ := loadWith(t, &ir.Program{Name: "loop", Insns: loop}, Options{})
	s, err := prog.Open()
	require.NoError(t, err)
	defer s.Close()
	for fuel := range uint64(steps + 3) {
		_, err := s.Run(t.Context(), fuel)
		if fuel >= steps {
			require.NoError(t, err, "fuel %d", fuel)
			continue
		}
		var f *Fault
		require.ErrorAs(t, err, &f, "fuel %d", fuel)
		require.Equal(t, FaultFuel, f.Kind)
	}
}
