package amd64_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/arch/x86/x86asm"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jit/amd64"
)

// That the code computes what package sem says is tested where it is run, in
// runtime/native; the tests here are of the tables beside it and of its shape.

func target() jit.Target { return jit.Target{ArrayStride: abi.ArrayStride, ArrayArea: abi.ArrayArea} }

func compile(t *testing.T, text string) (*ir.Program, *jit.Code) {
	t.Helper()
	p, err := asm.Parse("test.s", text)
	require.NoError(t, err)
	if len(p.Funcs) == 0 {
		p.FindFuncs()
	}
	code, err := jit.Compile(amd64.New(target()), p)
	require.NoError(t, err)
	return p, code
}

// listing disassembles the code of one instruction.
func listing(t *testing.T, code *jit.Code, from, to int32) string {
	t.Helper()
	var lines []string
	for from < to {
		in, err := x86asm.Decode(code.Text[from:to], 64)
		require.NoError(t, err)
		lines = append(lines, x86asm.IntelSyntax(in, 0, nil))
		from += int32(in.Len)
	}
	return strings.Join(lines, "; ")
}

func TestShape(t *testing.T) {
	tests := []struct {
		name, text string
		pc         ir.PC
		want       string
	}{
		{"mov", "r0 = r9\nexit", 0, "mov rax, r15"},
		{"mov32 to itself zeroes the upper half", "w1 = w1\nr0 = 0\nexit", 0, "mov edi, edi"},
		{"shift by r4", "r1 <<= r4\nr0 = 0\nexit", 0, "shl rdi, cl"},
		{"shift by another", "r1 >>= r2\nr0 = 0\nexit", 0, "mov r11, rcx; mov ecx, esi; shr rdi, cl; mov rcx, r11"},
		{"shift of r4", "w4 s>>= w2\nr0 = 0\nexit", 0, "mov r11, rcx; mov ecx, esi; sar r11d, cl; mov ecx, r11d"},
		{"divide by a power of two", "r1 /= 8\nr0 = 0\nexit", 0, "shr rdi, 0x3"},
		{"rest by a power of two", "w1 %= 8\nr0 = 0\nexit", 0, "and edi, 0x7"},
		{"rest by zero", "w1 %= 0\nr0 = 0\nexit", 0, "mov edi, edi"},
		{"byte of r5", "*(u8 *)(r10 - 1) = r1\nr0 = 0\nexit", 0, "mov byte ptr [rbp-0x1], dil"},
		{"forward branch", "if r1 == 0 goto +1\nr2 = 1\nr0 = 0\nexit", 0, "test rdi, rdi; jz .+0x5"},
		{"backward branch polls", "r0 = 0\nif r1 s> 7 goto -2\nexit", 1,
			"sub r9, 0x1; jb .+0x7; cmp rdi, 0x7; jnle .-0x11"},
		{"helper", "call 5\nexit", 0, "mov eax, 0x5; call qword ptr [r12]"},
		{"exit", "r6 = 1\nr9 = 2\nr0 = 0\nexit", 3, "pop r15; pop rbx; ret"},
		{"exit with a stack", "*(u8 *)(r10 - 1) = 1\nr0 = 0\nexit", 2, "add rsp, 0x200; pop rbp; ret"},
		{"may_goto ahead", "r0 = 0\nmay_goto +1\nr0 += 1\nexit", 1, "cmp qword ptr [rbp], 0x0; jz .+0x9; sub qword ptr [rbp], 0x1"},
		{"may_goto back", "r0 = 0\nmay_goto -2\nexit", 1, "sub r9, 0x1; jb .+0x15; " +
			"cmp qword ptr [rbp], 0x0; jz .-0x12; sub qword ptr [rbp], 0x1"},
		{"tail call", "call 12\nexit", 0, "push rdi; mov eax, 0xc; call qword ptr [r12]; pop rdi; test rax, rax; jz .+0x2; jmp rax"},
		{"packet", "r0 = *(u16 *)skb[r1 + 14]\nexit", 0, "mov esi, edi; add esi, 0xe; mov rdi, rbx; mov eax, 0x10002; " +
			"call qword ptr [r12]; test rax, rax; jns .+0x3; xor eax, eax; ret"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, code := compile(t, tt.text)
			end := code.Funcs[0].End
			if next := tt.pc + 1; next < p.Slots() {
				end = code.PCMap[next]
			}
			require.Equal(t, tt.want, listing(t, code, code.PCMap[tt.pc], end))
		})
	}
}

// TestTables: what is said beside the text is so.
func TestTables(t *testing.T) {
	_, code := compile(t, "r6 = r1\ncall pc+4\nr0 += r6\n*(u8 *)(r10 - 1) = 1\nmay_goto +0\nexit\nr0 = 1 ll\nexit")
	require.Len(t, code.Funcs, 2)
	first, second := code.Funcs[0], code.Funcs[1]
	require.Equal(t, jit.NoCode, code.PCMap[7])
	require.EqualValues(t, 0, first.Entry)
	require.Equal(t, first.End, second.Entry)
	require.EqualValues(t, len(code.Text), second.End)
	require.Equal(t, []uint8{5, 3}, first.Frame.Saved)
	require.EqualValues(t, 16+8+512, first.Frame.Size)
	require.EqualValues(t, 512, first.Frame.Stack)
	require.EqualValues(t, -24, first.Frame.Count)
	require.Empty(t, second.Frame.Saved)
	require.Zero(t, second.Frame.Size)
	require.Equal(t, [ir.NumRegs]uint8{0, 7, 6, 2, 1, 8, 3, 13, 14, 15, 5}, first.Frame.Regs)
	require.Equal(t, "push rbp; push rbx; push 0x800000; mov rbp, rsp; sub rsp, 0x200", listing(t, code, first.Entry, code.PCMap[0]))
}

// TestFacts: handles are followed through moves, loops and joins, and a fact
// that does not hold on every path is not stated.
func TestFacts(t *testing.T) {
	load := func(r ir.Reg, m int64) []ir.Insn {
		return []ir.Insn{{Op: ir.OpLoadImm(ir.PseudoMapFD), Dst: r, Imm: m}, ir.Pad()}
	}
	mov := func(dst, src ir.Reg) ir.Insn { return ir.Insn{Op: ir.OpALU(ir.Mov, ir.W64, ir.X), Dst: dst, Src: src} }
	inc := func(dst ir.Reg) ir.Insn { return ir.Insn{Op: ir.OpALU(ir.Add, ir.W64, ir.K), Dst: dst, Imm: 1} }
	branch := func(off int16) ir.Insn {
		return ir.Insn{Op: ir.OpBranch(ir.JNE, ir.W64, ir.K), Dst: ir.R8, Off: off}
	}
	call := ir.Insn{Op: ir.OpCall(ir.CallHelper), Imm: 1}
	exit := ir.Insn{Op: ir.OpExit()}
	array := &ir.MapSpec{Name: "a", Type: ir.Array, KeySize: 4, ValueSize: 8, MaxEntries: 4}
	hash := &ir.MapSpec{Name: "h", Type: ir.Hash, KeySize: 4, ValueSize: 8, MaxEntries: 4}
	join := func(parts ...[]ir.Insn) (all []ir.Insn) {
		for _, p := range parts {
			all = append(all, p...)
		}
		return all
	}
	tests := []struct {
		name   string
		insns  []ir.Insn
		inline []ir.PC // lookups without a helper call
		calls  []ir.PC
	}{
		{"straight", join(load(ir.R1, 0), []ir.Insn{call, exit}), []ir.PC{2}, nil},
		{"hash", join(load(ir.R1, 1), []ir.Insn{call, exit}), nil, []ir.PC{2}},
		{"loop", join(load(ir.R6, 0), []ir.Insn{mov(ir.R1, ir.R6), call, branch(-3), exit}), []ir.PC{3}, nil},
		{"loop that changes the register", join(load(ir.R6, 0), []ir.Insn{mov(ir.R1, ir.R6), call, inc(ir.R6), branch(-4), exit}),
			nil, []ir.PC{3}},
		{"r1 is lost in a call", join(load(ir.R1, 0), []ir.Insn{call, call, exit}), []ir.PC{2}, []ir.PC{3}},
		{"same on both paths", join([]ir.Insn{branch(3)}, load(ir.R1, 0), []ir.Insn{{Op: ir.OpJump(false), Off: 2}}, load(ir.R1, 0),
			[]ir.Insn{call, exit}), []ir.PC{6}, nil},
		{"other on one path", join([]ir.Insn{branch(3)}, load(ir.R1, 0), []ir.Insn{{Op: ir.OpJump(false), Off: 2}}, load(ir.R1, 1),
			[]ir.Insn{call, exit}), nil, []ir.PC{6}},
		{"nothing on one path", join([]ir.Insn{branch(2)}, load(ir.R1, 0), []ir.Insn{call, exit}), nil, []ir.PC{3}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := &ir.Program{Insns: tt.insns, Maps: []*ir.MapSpec{array, hash}}
			p.FindFuncs()
			code, err := jit.Compile(amd64.New(target()), p)
			require.NoError(t, err)
			for _, pc := range tt.inline {
				require.NotContains(t, listing(t, code, code.PCMap[pc], code.PCMap[pc+1]), "call", "insn %d", pc)
				require.Contains(t, code.Hints, jit.Hint{PC: pc, Reg: ir.R1})
			}
			for _, pc := range tt.calls {
				require.Contains(t, listing(t, code, code.PCMap[pc], code.PCMap[pc+1]), "call", "insn %d", pc)
			}
		})
	}
}

// TestFrameWrite: a write of r10, which only code can be that no run reaches,
// becomes a trap.
func TestFrameWrite(t *testing.T) {
	p := &ir.Program{Type: ir.XDP, Insns: []ir.Insn{{Op: ir.OpALU(ir.Add, ir.W64, ir.K), Dst: ir.R10, Imm: 8}, {Op: ir.OpExit()}}}
	code, err := jit.Compile(amd64.New(target()), p)
	require.NoError(t, err)
	require.Equal(t, []byte{0x0f, 0x0b}, code.Text[code.PCMap[0]:code.PCMap[1]])
}

// TestUnsupported lists what the baseline tier refuses, with the place.
func TestUnsupported(t *testing.T) {
	exit := ir.Insn{Op: ir.OpExit()}
	for _, tt := range []struct {
		in   ir.Insn
		want string
	}{
		{ir.Insn{Op: ir.OpCall(ir.CallKfunc)}, "jit: compile insn 0: call_kfunc is not supported"},
		{ir.Insn{Op: ir.OpCast(false)}, "jit: compile insn 0: addr_space_cast_kern is not supported: there are no arenas"},
	} {
		p := &ir.Program{Insns: []ir.Insn{tt.in, exit}}
		_, err := jit.Compile(amd64.New(target()), p)
		var unsupported *jit.UnsupportedError
		require.ErrorAs(t, err, &unsupported)
		require.EqualError(t, unsupported, tt.want)
	}
	_, err := jit.Compile(amd64.New(target()), &ir.Program{Name: "p"})
	require.EqualError(t, err, `jit: compile "p": ir: insn 0: program has no instructions`)
}

// TestLargest compiles a program of the greatest length.
func TestLargest(t *testing.T) {
	p := &ir.Program{Insns: make([]ir.Insn, ir.MaxSlots)}
	for i := range p.Insns {
		p.Insns[i] = ir.Insn{Op: ir.OpBranch(ir.JEQ, ir.W64, ir.X), Off: 32767}
		if i+40000 > len(p.Insns) {
			p.Insns[i] = ir.Insn{Op: ir.OpExit()}
		}
	}
	code, err := jit.Compile(amd64.New(target()), p)
	require.NoError(t, err)
	require.Len(t, code.PCMap, ir.MaxSlots)
}
