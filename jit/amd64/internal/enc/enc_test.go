package enc

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/arch/x86/x86asm"
)

var (
	names64 = strings.Fields("rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15")
	names32 = strings.Fields("eax ecx edx ebx esp ebp esi edi r8d r9d r10d r11d r12d r13d r14d r15d")
	names16 = strings.Fields("ax cx dx bx sp bp si di r8w r9w r10w r11w r12w r13w r14w r15w")
	names8  = strings.Fields("al cl dl bl spl bpl sil dil r8b r9b r10b r11b r12b r13b r14b r15b")
)

func name(s Size, r Reg) string {
	return map[Size][]string{S8: names8, S16: names16, S32: names32, S64: names64}[s][r]
}

// memText writes a memory operand as the disassembler does.
func memText(s Size, m Mem) string {
	size := map[Size]string{S8: "byte", S16: "word", S32: "dword", S64: "qword"}[s]
	disp := ""
	switch {
	case m.Disp == 0:
	case m.Disp == int32(int8(m.Disp)):
		disp = fmt.Sprintf("%+#x", m.Disp)
	default: // x86asm prints four bytes as they are
		disp = fmt.Sprintf("+%#x", uint32(m.Disp))
	}
	index := ""
	if m.Scale != 0 {
		index = "+"
		if m.Scale > 1 {
			index += fmt.Sprintf("%d*", m.Scale)
		}
		index += names64[m.Index]
	}
	return fmt.Sprintf("%s ptr [%s%s%s]", size, names64[m.Base], index, disp)
}

func hex(x int32) string { return fmt.Sprintf("%#x", x) }

// row is one call of the encoder: the bytes and the text it must mean.
type row struct {
	bytes []byte
	text  string
}

var (
	aluNames   = map[ALU]string{ADD: "add", OR: "or", AND: "and", SUB: "sub", XOR: "xor", CMP: "cmp"}
	unaryNames = map[Unary]string{NOT: "not", NEG: "neg", MUL: "mul", DIV: "div", IDIV: "idiv"}
	shiftNames = map[Shift]string{ROL: "rol", SHL: "shl", SHR: "shr", SAR: "sar"}
	condNames  = map[Cond]string{B: "jb", AE: "jnb", E: "jz", NE: "jnz", BE: "jbe", A: "jnbe", S: "js", NS: "jns",
		L: "jl", GE: "jnl", LE: "jle", G: "jnle"}
	imms  = []int32{0, 1, -1, 127, 128, -128, -129, 0x1234567, 1<<31 - 1, -1 << 31}
	disps = []int32{0, 1, -1, 8, 127, 128, -128, -129, 0x7fff, -0x8000, 0x1234567}
)

func registers() []Reg {
	var regs []Reg
	for r := RAX; r <= R15; r++ {
		regs = append(regs, r)
	}
	return regs
}

func rowsRegReg() (rows []row) {
	for _, s := range []Size{S32, S64} {
		for _, x := range registers() {
			for _, y := range registers() {
				pair := name(s, x) + ", " + name(s, y)
				for op, n := range aluNames {
					rows = append(rows, row{RR(nil, op, s, x, y), n + " " + pair})
				}
				rows = append(rows, row{MovRR(nil, s, x, y), "mov " + pair},
					row{TestRR(nil, s, x, y), "test " + pair}, row{ImulRR(nil, s, x, y), "imul " + pair},
					row{Movsx(nil, S8, s, x, y), "movsx " + name(s, x) + ", " + name(S8, y)},
					row{Movsx(nil, S16, s, x, y), "movsx " + name(s, x) + ", " + name(S16, y)})
				for _, imm := range imms {
					rows = append(rows, row{ImulRI(nil, s, x, y, imm), "imul " + pair + ", " + hex(imm)})
				}
			}
		}
	}
	for _, x := range registers() {
		for _, y := range registers() {
			rows = append(rows, row{Movzx(nil, S8, x, y), "movzx " + name(S32, x) + ", " + name(S8, y)},
				row{Movzx(nil, S16, x, y), "movzx " + name(S32, x) + ", " + name(S16, y)},
				row{Movsx(nil, S32, S64, x, y), "movsxd " + name(S64, x) + ", " + name(S32, y)})
		}
	}
	return rows
}

func rowsReg() (rows []row) {
	for _, x := range registers() {
		for _, s := range []Size{S32, S64} {
			for _, imm := range imms {
				for op, n := range aluNames {
					rows = append(rows, row{RI(nil, op, s, x, imm), n + " " + name(s, x) + ", " + hex(imm)})
				}
				rows = append(rows, row{TestRI(nil, s, x, imm), "test " + name(s, x) + ", " + hex(imm)})
			}
			for op, n := range unaryNames {
				rows = append(rows, row{R(nil, op, s, x), n + " " + name(s, x)})
			}
			for op, n := range shiftNames {
				rows = append(rows, row{ShiftI(nil, op, s, x, 9), n + " " + name(s, x) + ", 0x9"},
					row{ShiftCL(nil, op, s, x), n + " " + name(s, x) + ", cl"})
			}
			rows = append(rows, row{Bswap(nil, s, x), "bswap " + name(s, x)})
		}
		for _, imm := range imms {
			rows = append(rows, row{MovRS32(nil, x, imm), "mov " + name(S64, x) + ", " + hex(imm)},
				row{MovRI32(nil, x, uint32(imm)), "mov " + name(S32, x) + ", " + hex(imm)})
		}
		rows = append(rows, row{ShiftI(nil, ROL, S16, x, 8), "rol " + name(S16, x) + ", 0x8"},
			row{MovRI64(nil, x, 0x123456789abcdef), "mov " + name(S64, x) + ", 0x123456789abcdef"},
			row{Push(nil, x), "push " + name(S64, x)}, row{Pop(nil, x), "pop " + name(S64, x)},
			row{JmpR(nil, x), "jmp " + name(S64, x)})
	}
	rows = append(rows, rowsShiftX()...)
	for _, imm := range imms {
		rows = append(rows, row{PushI(nil, imm), fmt.Sprintf("push %#x", uint32(imm))})
	}
	return append(rows, row{SignAcc(nil, S32), "cdq"}, row{SignAcc(nil, S64), "cqo"}, row{Ret(nil), "ret"}, row{Nop(nil), "nop"}, row{Trap(nil), "ud2"})
}

func rowsShiftX() (rows []row) {
	names := map[Shift]string{SHL: "shlx", SHR: "shrx", SAR: "sarx"}
	for op, n := range names {
		for _, s := range []Size{S32, S64} {
			for _, x := range registers() {
				for _, y := range registers() {
					rows = append(rows, row{ShiftX(nil, op, s, x, y, y^5), n + " " + name(s, x) + ", " + name(s, y) + ", " + name(s, y^5)})
				}
			}
		}
	}
	for _, s := range []Size{S32, S64} {
		for _, x := range registers() {
			for _, y := range registers() {
				rows = append(rows, row{RorX(nil, s, x, y, 7), "rorx " + name(s, x) + ", " + name(s, y) + ", 0x7"})
				for c, n := range condNames {
					rows = append(rows, row{Cmov(nil, c, s, x, y), "cmov" + n[1:] + " " + name(s, x) + ", " + name(s, y)})
				}
			}
		}
	}
	return rows
}

func rowsMem() (rows []row) {
	for _, base := range registers() {
		for _, disp := range disps {
			m := Mem{Base: base, Disp: disp}
			for _, s := range []Size{S8, S16, S32, S64} {
				at := memText(s, m)
				for _, x := range registers() {
					rows = append(rows, row{Store(nil, s, m, x), "mov " + at + ", " + name(s, x)})
					rows = append(rows, loads(s, m, x)...)
				}
				rows = append(rows, row{StoreI(nil, s, m, 0x56), "mov " + at + ", 0x56"})
				if s >= S32 {
					rows = append(rows, row{StoreI(nil, s, m, -0x123456), "mov " + at + ", -0x123456"},
						row{MI8(nil, SUB, s, m, 1), "sub " + at + ", 0x1"}, row{MI8(nil, CMP, s, m, -5), "cmp " + at + ", -0x5"})
				}
			}
			rows = append(rows, row{CallM(nil, m), "call " + memText(S64, m)})
		}
	}
	return append(rows, rowsIndex()...)
}

// rowsIndex are memory operands with an index.
func rowsIndex() (rows []row) {
	for _, base := range registers() {
		for _, index := range registers() {
			if index == RSP {
				continue
			}
			for i, disp := range disps {
				m := Mem{Base: base, Index: index, Scale: 1 << (i % 4), Disp: disp}
				for _, s := range []Size{S8, S16, S32, S64} {
					at, x := memText(s, m), (base^index^5+Reg(i))&15
					rows = append(rows, row{Store(nil, s, m, x), "mov " + at + ", " + name(s, x)},
						row{StoreI(nil, s, m, 0x56), "mov " + at + ", 0x56"}, row{MI(nil, CMP, s, m, 5), "cmp " + at + ", 0x5"})
					rows = append(rows, loads(s, m, x)...)
					for op, n := range aluNames {
						rows = append(rows, row{MR(nil, op, s, m, x), n + " " + at + ", " + name(s, x)})
					}
					rows = append(rows, row{RM(nil, CMP, s, x, m), "cmp " + name(s, x) + ", " + at})
					if s >= S32 {
						rows = append(rows, row{ImulRM(nil, s, x, m), "imul " + name(s, x) + ", " + at},
							row{LoadSwapped(nil, s, x, m), "movbe " + name(s, x) + ", " + at},
							row{StoreSwapped(nil, s, m, x), "movbe " + at + ", " + name(s, x)})
						rows = append(rows, row{Lea(nil, s, x, m), "lea " + name(s, x) + ", " + strings.TrimPrefix(at, strings.Fields(at)[0]+" ")},
							row{RM(nil, ADD, s, x, m), "add " + name(s, x) + ", " + at})
					}
				}
			}
		}
	}
	return rows
}

func loads(s Size, m Mem, x Reg) (rows []row) {
	at := memText(s, m)
	switch s {
	case S8, S16:
		rows = append(rows, row{Load(nil, s, x, m), "movzx " + name(S32, x) + ", " + at},
			row{LoadSigned(nil, s, x, m), "movsx " + name(S64, x) + ", " + at})
	case S32:
		rows = append(rows, row{LoadSigned(nil, s, x, m), "movsxd " + name(S64, x) + ", " + at})
	}
	if s < S32 {
		return rows
	}
	rows = append(rows, row{Load(nil, s, x, m), "mov " + name(s, x) + ", " + at})
	for op, n := range aluNames {
		if op != CMP {
			rows = append(rows, row{LockMR(nil, op, s, m, x), "lock " + n + " " + at + ", " + name(s, x)})
		}
	}
	return append(rows, row{Xchg(nil, s, m, x), "xchg " + at + ", " + name(s, x)},
		row{LockXadd(nil, s, m, x), "lock xadd " + at + ", " + name(s, x)},
		row{LockCmpxchg(nil, s, m, x), "lock cmpxchg " + at + ", " + name(s, x)})
}

func rowsJump() (rows []row) {
	for _, d := range []int8{0, 1, -2, 127, -128} {
		for c, n := range condNames {
			rows = append(rows, row{Jcc8(nil, c, d), fmt.Sprintf("%s .%+#x", n, d)})
			rows = append(rows, row{Jcc8(nil, c.Not(), d), fmt.Sprintf("%s .%+#x", condNames[c^1], d)})
		}
		rows = append(rows, row{Jmp8(nil, d), fmt.Sprintf("jmp .%+#x", d)})
	}
	for _, d := range disps {
		for c, n := range condNames {
			rows = append(rows, row{Jcc32(nil, c, d), fmt.Sprintf("%s .%+#x", n, d)})
		}
		rows = append(rows, row{Jmp32(nil, d), fmt.Sprintf("jmp .%+#x", d)}, row{Call(nil, d), fmt.Sprintf("call .%+#x", d)})
	}
	return rows
}

// TestRows decodes every form with every register and compares the text.
func TestRows(t *testing.T) {
	for _, group := range []struct {
		name string
		rows []row
	}{{"reg reg", rowsRegReg()}, {"reg", rowsReg()}, {"mem", rowsMem()}, {"jump", rowsJump()}} {
		t.Run(group.name, func(t *testing.T) {
			for _, r := range group.rows {
				inst, err := x86asm.Decode(append(r.bytes, 0x90, 0x90), 64)
				if err != nil || inst.Len != len(r.bytes) || text(inst) != r.text {
					require.Failf(t, "wrong encoding", "bytes % x: want %q, decoded %q (%d of %d bytes, error %v)",
						r.bytes, r.text, text(inst), inst.Len, len(r.bytes), err)
				}
			}
			t.Logf("%d rows", len(group.rows))
		})
	}
}

// TestNames: registers have the disassembler's names.
func TestNames(t *testing.T) {
	for _, r := range registers() {
		require.Equal(t, names64[r], r.String())
	}
}

// TestNops: each is one instruction of its length that does nothing.
func TestNops(t *testing.T) {
	for n := 1; n <= MaxNop; n++ {
		inst, err := x86asm.Decode(NopN(nil, n), 64)
		require.NoError(t, err)
		require.Equal(t, n, inst.Len)
		require.Equal(t, x86asm.NOP, inst.Op)
	}
}

func text(inst x86asm.Inst) string { return x86asm.IntelSyntax(inst, 0, nil) }
