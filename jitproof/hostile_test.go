package jitproof_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jitproof"
)

// image makes code for "r0 = 0; exit" by hand, with the given bytes for the
// first instruction.
func image(first []byte) (*ir.Program, *jit.Code) {
	p := &ir.Program{Name: "hand", Insns: []ir.Insn{{Op: ir.OpALU(ir.Mov, ir.W64, ir.K)}, {Op: ir.OpExit()}}}
	prologue := []byte{0x55, 0x48, 0x89, 0xe5, 0x48, 0x81, 0xec, 0, 2, 0, 0} // push rbp; mov rbp, rsp; sub rsp, 512
	epilogue := []byte{0x48, 0x81, 0xc4, 0, 2, 0, 0, 0x5d, 0xc3}             // add rsp, 512; pop rbp; ret
	text := slices.Concat(prologue, first, epilogue)
	a, b := int32(len(prologue)), int32(len(prologue)+len(first))
	frame := jit.Frame{Regs: [ir.NumRegs]uint8{0, 7, 6, 2, 1, 8, 3, 13, 14, 15, 5}, Size: 520, Stack: 512, Saved: []uint8{5}}
	return p, &jit.Code{Arch: "amd64", Text: text, PCMap: []int32{a, b},
		Funcs: []jit.Func{{Entry: 0, End: int32(len(text)), Frame: frame}}}
}

// TestHandMade: images for "r0 = 0; exit" that a compiler might make, and that
// an attacker would.
func TestHandMade(t *testing.T) {
	v := jitproof.New(solver(t), jitproof.Options{})
	tests := []struct {
		name string
		code []byte
		want jitproof.Status
		kind jitproof.Kind
	}{
		{"xor", []byte{0x31, 0xc0}, jitproof.Proved, ""},
		{"mov and nops", []byte{0x0f, 0x1f, 0, 0xb8, 0, 0, 0, 0, 0x90}, jitproof.Proved, ""},
		{"jump over garbage", []byte{0x31, 0xc0, 0xeb, 2, 0x0f, 0xff}, jitproof.Proved, ""},
		{"push and pop", []byte{0x6a, 0, 0x58}, jitproof.Proved, ""},
		{"scratch below the frame", []byte{0x31, 0xc0, 0x48, 0x89, 0x44, 0x24, 0xf8}, jitproof.Proved, ""},
		{"nothing", []byte{0x90}, jitproof.Refuted, jitproof.KindRegisters},
		{"garbage", []byte{0x31, 0xc0, 0x0f, 0xff}, jitproof.Unknown, jitproof.KindDecode},
		{"syscall", []byte{0x31, 0xc0, 0x0f, 0x05}, jitproof.Unknown, jitproof.KindDecode},
		{"trap", []byte{0x0f, 0x0b}, jitproof.Refuted, jitproof.KindImage},
		{"extra store", []byte{0x31, 0xc0, 0x89, 0x07}, jitproof.Refuted, jitproof.KindMemory},
		{"extra load", []byte{0x31, 0xc0, 0x8b, 0x0f}, jitproof.Refuted, jitproof.KindMemory},
		{"store to the eBPF stack", []byte{0x31, 0xc0, 0x89, 0x45, 0xf8}, jitproof.Refuted, jitproof.KindMemory},
		{"store over the saved register", []byte{0x31, 0xc0, 0x48, 0x89, 0x45, 0}, jitproof.Refuted, jitproof.KindFrame},
		{"store over the return address", []byte{0x31, 0xc0, 0x48, 0x89, 0x45, 8}, jitproof.Refuted, jitproof.KindFrame},
		{"store above the frame", []byte{0x31, 0xc0, 0x48, 0x89, 0x45, 16}, jitproof.Refuted, jitproof.KindFrame},
		{"store to the environment", []byte{0x31, 0xc0, 0x49, 0x89, 0x04, 0x24}, jitproof.Refuted, jitproof.KindEnv},
		{"uncalled budget", []byte{0x31, 0xc0, 0x49, 0x83, 0xe9, 0x01}, jitproof.Refuted, jitproof.KindPoll},
		{"helper call", []byte{0x31, 0xc0, 0x41, 0xff, 0x14, 0x24, 0x31, 0xc0}, jitproof.Refuted, jitproof.KindMemory},
		{"call itself", []byte{0xe8, 0xf0, 0xff, 0xff, 0xff, 0x31, 0xc0}, jitproof.Refuted, jitproof.KindMemory},
		{"call into the middle", []byte{0xe8, 0, 0, 0, 0, 0x58, 0x31, 0xc0}, jitproof.Refuted, jitproof.KindCall},
		{"jump out", []byte{0x31, 0xc0, 0xeb, 0x70}, jitproof.Refuted, jitproof.KindImage},
		{"jump register", []byte{0x31, 0xc0, 0xff, 0xe7}, jitproof.Unknown, jitproof.KindImage},
		{"jump back forever", []byte{0x31, 0xc0, 0xeb, 0xfe}, jitproof.Unknown, jitproof.KindLoop},
		{"jump into itself", []byte{0x31, 0xc0, 0xeb, 0xff, 0xc0}, jitproof.Unknown, jitproof.KindImage},
		{"early return", []byte{0x31, 0xc0, 0xc3}, jitproof.Refuted, jitproof.KindBranch},
		{"return in the middle", []byte{0x48, 0x81, 0xc4, 0, 2, 0, 0, 0x5d, 0xc3}, jitproof.Refuted, jitproof.KindBranch},
		{"stack pointer moved", []byte{0x31, 0xc0, 0x48, 0x83, 0xec, 8}, jitproof.Refuted, jitproof.KindFrame},
		{"environment lost", []byte{0x31, 0xc0, 0x45, 0x31, 0xe4}, jitproof.Refuted, jitproof.KindFrame},
		{"callee-saved lost", []byte{0x31, 0xc0, 0x31, 0xdb}, jitproof.Refuted, jitproof.KindRegisters},
		{"division may fault", []byte{0x31, 0xd2, 0x31, 0xc0, 0x48, 0xf7, 0xf1, 0x31, 0xc0}, jitproof.Refuted, jitproof.KindFault},
		{"flags from before", []byte{0x74, 2, 0x31, 0xc0, 0x31, 0xc0}, jitproof.Unknown, jitproof.KindDecode},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, code := image(tt.code)
			c, err := v.Validate(t.Context(), p, code)
			require.NoError(t, err)
			require.Equal(t, tt.want, c.Status, explain(p, c))
			if tt.want == jitproof.Proved {
				return
			}
			found := slices.ContainsFunc(c.Obligations, func(o jitproof.Obligation) bool { return o.Kind == tt.kind && o.Status == tt.want })
			require.True(t, found, "no obligation about %s is %v\n%s", tt.kind, tt.want, explain(p, c))
			if tt.want == jitproof.Refuted {
				require.NotNil(t, c.First(jitproof.Refuted).Witness)
			}
		})
	}
}

// TestTables: tables that contradict themselves or the program are refused.
func TestTables(t *testing.T) {
	v := jitproof.New(nil, jitproof.Options{})
	tests := []struct {
		name   string
		change func(p *ir.Program, c *jit.Code)
		want   string
	}{
		{"machine", func(_ *ir.Program, c *jit.Code) { c.Arch = "arm64" }, `no machine semantics for "arm64"`},
		{"no functions", func(_ *ir.Program, c *jit.Code) { c.Funcs = nil }, "0 functions for 1"},
		{"too many functions", func(_ *ir.Program, c *jit.Code) { c.Funcs = append(c.Funcs, c.Funcs[0]) }, "2 functions for 1"},
		{"function start", func(_ *ir.Program, c *jit.Code) { c.Funcs[0].PC = 1 }, "function 0 starts at insn 0, not 1"},
		{"insn outside function", func(_ *ir.Program, c *jit.Code) { c.Funcs[0].Entry = 12 }, "insn 0: offset 0xb is outside its function"},
		{"two homes", func(_ *ir.Program, c *jit.Code) { c.Funcs[0].Frame.Regs[3] = 7 }, "frame keeps r3 in a register that is taken"},
		{"home in rsp", func(_ *ir.Program, c *jit.Code) { c.Funcs[0].Frame.Regs[3] = 4 }, "frame keeps r3 in a register that is taken"},
		{"home of r0", func(_ *ir.Program, c *jit.Code) { c.Funcs[0].Frame.Regs[0] = 10 }, "frame keeps r0 in register 10"},
		{"home in the budget", func(_ *ir.Program, c *jit.Code) { c.Funcs[0].Frame.Regs[3] = 9 }, "frame keeps r3 in a register that is taken"},
		{"no such register", func(_ *ir.Program, c *jit.Code) { c.Funcs[0].Frame.Regs[3] = 16 }, "does not exist (16)"},
		{"saves scratch", func(_ *ir.Program, c *jit.Code) { c.Funcs[0].Frame.Saved[0] = 9 }, "frame saves register 9"},
		{"small frame", func(_ *ir.Program, c *jit.Code) { c.Funcs[0].Frame.Size = 512 }, "frame of 512 bytes"},
		{"small stack", func(_ *ir.Program, c *jit.Code) { c.Funcs[0].Frame.Stack = 256 }, "stack of 256 bytes"},
		{"count in the stack", func(_ *ir.Program, c *jit.Code) { c.Funcs[0].Frame.Count = -16 }, "frame counts may_goto at -16"},
		{"count over a saved register", func(_ *ir.Program, c *jit.Code) { c.Funcs[0].Frame.Count = -8 }, "frame counts may_goto at -8"},
		{"huge frame", func(_ *ir.Program, c *jit.Code) { c.Funcs[0].Frame.Size = 1 << 20 }, "frame of 1048576 bytes"},
		{"hint", func(_ *ir.Program, c *jit.Code) { c.Hints = []jit.Hint{{Reg: 1}} }, "register or map does not exist"},
		{"pc map", func(_ *ir.Program, c *jit.Code) { c.PCMap = c.PCMap[:1] }, "PC map has 1 entries"},
		{"program", func(p *ir.Program, _ *jit.Code) { p.Insns = p.Insns[:1] }, "runs off the end"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, code := image([]byte{0x31, 0xc0})
			tt.change(p, code)
			_, err := v.Validate(t.Context(), p, code)
			require.ErrorContains(t, err, tt.want)
		})
	}
	_, err := v.Validate(t.Context(), nil, nil)
	require.Error(t, err)
}
