package ir

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func exit() Insn { return Insn{Op: OpExit()} }

func TestCheck(t *testing.T) {
	mov := Insn{Op: OpALU(Mov, W64, K), Imm: 1}
	wide := Insn{Op: OpLoadImm(PseudoNone), Imm: 1 << 40}
	jump := func(off int16) Insn { return Insn{Op: OpJump(false), Off: off} }
	call := func(off int64) Insn { return Insn{Op: OpCall(CallLocal), Imm: off} }
	tests := []struct {
		name  string
		insns []Insn
		want  string
	}{
		{"smallest", []Insn{exit()}, ""},
		{"load", []Insn{wide, Pad(), exit()}, ""},
		{"empty", nil, "ir: insn 0: program has no instructions"},
		{"unknown", []Insn{{Op: 9999}, exit()}, "ir: insn 0: unknown operation 9999"},
		{"lone pad", []Insn{mov, Pad(), exit()}, "ir: insn 1: second half of a 64-bit load without the first"},
		{"no pad", []Insn{wide, exit()}, "ir: insn 0: 64-bit load without its second half"},
		{"cut load", []Insn{exit(), wide}, "ir: insn 1: 64-bit load without its second half"},
		{"register", []Insn{{Op: OpALU(Mov, W64, K), Dst: 11}, exit()}, "ir: insn 0: mov64_k: destination register r11 does not exist"},
		{"unused source", []Insn{{Op: OpALU(Mov, W64, K), Src: 1}, exit()}, "ir: insn 0: mov64_k: unused source r1 is not r0"},
		{"unused offset", []Insn{{Op: OpALU(Mov, W64, K), Off: 1}, exit()}, "ir: insn 0: mov64_k: unused offset 1 is not zero"},
		{"unused immediate", []Insn{{Op: OpExit(), Imm: 1}}, "ir: insn 0: exit: unused immediate 0x1 is not zero"},
		{"wide immediate", []Insn{{Op: OpALU(Mov, W64, K), Imm: 1 << 32}, exit()}, "ir: insn 0: mov64_k: immediate 0x100000000 does not fit 32 bits"},
		{"jump out", []Insn{jump(5), exit()}, "ir: insn 0: goto: target 6 is outside the program"},
		{"jump before", []Insn{jump(-2), exit()}, "ir: insn 0: goto: target -1 is outside the program"},
		{"jump into load", []Insn{jump(1), wide, Pad(), exit()}, "ir: insn 0: goto: target 2 is the middle of a 64-bit load"},
		{"off the end", []Insn{exit(), mov}, "ir: insn 1: mov64_k: execution runs off the end of the function"},
		{"map", []Insn{{Op: OpLoadImm(PseudoMapFD), Dst: R1, Imm: 3}, Pad(), exit()}, "ir: insn 0: map 3 does not exist: the program has 0"},
		{"into other function", []Insn{call(2), jump(1), exit(), mov, exit()}, "ir: insn 1: goto: jump to 3 leaves its function"},
		{"into next function", []Insn{call(1), mov, exit()}, "ir: insn 1: mov64_k: execution runs off the end of the function"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := &Program{Name: tt.name, Insns: tt.insns}
			p.FindFuncs()
			err := p.Check()
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, tt.want)
		})
	}
}
