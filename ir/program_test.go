package ir

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestTarget(t *testing.T) {
	tests := []struct {
		in   Insn
		want PC
		ok   bool
	}{
		{Insn{Op: OpJump(false), Off: -3}, 8, true},
		{Insn{Op: OpJump(true), Imm: 100000}, 100011, true},
		{Insn{Op: OpBranch(JEQ, W32, K), Off: 2, Imm: 99}, 13, true},
		{Insn{Op: OpMayGoto(), Off: 1}, 12, true},
		{Insn{Op: OpCall(CallLocal), Imm: -5}, 6, true},
		{Insn{Op: OpLoadImm(PseudoFunc), Imm: -5}, 6, true},
		{Insn{Op: OpCall(CallHelper), Imm: 5}, 0, false},
		{Insn{Op: OpCall(CallKfunc), Imm: 5}, 0, false},
		{Insn{Op: OpLoadImm(PseudoNone), Imm: 5}, 0, false},
		{Insn{Op: OpExit()}, 0, false},
	}
	for _, tt := range tests {
		got, ok := tt.in.Target(10)
		require.Equal(t, tt.ok, ok, "%v", tt.in.Op)
		require.Equal(t, tt.want, got, "%v", tt.in.Op)
	}
}

func TestFallsThrough(t *testing.T) {
	for _, r := range Rows() {
		want := r.Kind != KindExit && r.Kind != KindJump
		require.Equal(t, want, Insn{Op: r.Op}.FallsThrough(), r.Name)
	}
}

func TestMapReference(t *testing.T) {
	for _, r := range Rows() {
		in := Insn{Op: r.Op, Imm: 7<<32 | 3}
		index, offset, ok := in.Map()
		switch r.Name {
		case "ld_map_value", "ld_map_idx_value":
			require.True(t, ok)
			require.Equal(t, uint32(7), offset)
			require.Equal(t, 3, index)
		case "ld_map_fd", "ld_map_idx":
			require.True(t, ok)
			require.Equal(t, 3, index)
		default:
			require.False(t, ok, r.Name)
		}
	}
}

func TestAllPassesOverPadding(t *testing.T) {
	p := &Program{Insns: []Insn{{Op: OpLoadImm(0)}, Pad(), exit()}}
	var pcs []PC
	for pc, in := range p.All() {
		require.NotEqual(t, OpPad, in.Op)
		pcs = append(pcs, pc)
	}
	require.Equal(t, []PC{0, 2}, pcs)
	require.Equal(t, 2, p.Count())
	require.Equal(t, PC(3), p.Slots())
}

// TestLookups compares the searches with a walk from the front.
func TestLookups(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := &Program{}
		for pc := range PC(30) {
			if rapid.Bool().Draw(t, "line") {
				p.Lines = append(p.Lines, Line{PC: pc, Line: int(pc) + 1})
			}
			if len(p.Funcs) == 0 && pc == 0 || len(p.Funcs) > 0 && rapid.Bool().Draw(t, "func") {
				p.Funcs = append(p.Funcs, Func{PC: pc})
			}
		}
		for pc := range PC(40) {
			fn, line, found := 0, Line{}, false
			for i, f := range p.Funcs {
				if f.PC <= pc {
					fn = i
				}
			}
			for _, l := range p.Lines {
				if l.PC <= pc {
					line, found = l, true
				}
			}
			got, ok := p.LineAt(pc)
			require.Equal(t, fn, p.FuncAt(pc), "function at %d", pc)
			require.Equal(t, found, ok, "line at %d", pc)
			require.Equal(t, line, got, "line at %d", pc)
		}
	})
	require.Zero(t, (&Program{}).FuncAt(5))
}

func TestFindFuncs(t *testing.T) {
	call := func(off int64) Insn { return Insn{Op: OpCall(CallLocal), Imm: off} }
	p := &Program{Name: "main", Insns: []Insn{
		{Op: OpLoadImm(PseudoFunc), Imm: 4}, Pad(), call(1), exit(), exit(), exit(), call(100)}}
	p.FindFuncs()
	require.Equal(t, []Func{{Name: "main", PC: 0}, {Name: "sub_4", PC: 4}, {Name: "sub_5", PC: 5}}, p.Funcs)
}

func TestCheckFuncs(t *testing.T) {
	wide := []Insn{{Op: OpLoadImm(0)}, Pad(), exit()}
	tests := []struct {
		funcs []Func
		want  string
	}{
		{nil, ""},
		{[]Func{{Name: "a", PC: 0}}, ""},
		{[]Func{{Name: "a", PC: 1}}, `ir: insn 1: first function "a" does not start at 0`},
		{[]Func{{Name: "a", PC: 0}, {Name: "b", PC: 1}}, `ir: insn 1: function "b" starts in the middle of a 64-bit load`},
		{[]Func{{Name: "a", PC: 0}, {Name: "b", PC: 0}}, `ir: insn 0: function "b" is out of order`},
		{[]Func{{Name: "a", PC: 0}, {Name: "b", PC: 3}}, `ir: insn 3: function "b" starts outside the program`},
	}
	for _, tt := range tests {
		err := (&Program{Insns: wide, Funcs: tt.funcs}).Check()
		if tt.want == "" {
			require.NoError(t, err)
			continue
		}
		require.EqualError(t, err, tt.want)
	}
	calls := &Program{Insns: []Insn{{Op: OpCall(CallLocal), Imm: 0}, exit(), exit()}, Funcs: []Func{{Name: "a", PC: 0}, {Name: "b", PC: 2}}}
	require.EqualError(t, calls.Check(), "ir: insn 0: call_local: target 1 is not the start of a function")
}

func TestNames(t *testing.T) {
	for i := XDP - 6; i <= Netfilter; i++ {
		got, ok := ParseProgType(i.String())
		require.True(t, ok)
		require.Equal(t, i, got)
	}
	require.Equal(t, "netfilter", Netfilter.String())
	require.Equal(t, "prog_type(99)", ProgType(99).String())
	for i := MapUnspec; i <= Arena; i++ {
		got, ok := ParseMapType(i.String())
		require.True(t, ok)
		require.Equal(t, i, got)
	}
	require.Equal(t, "arena", Arena.String())
	_, ok := ParseMapType("tree")
	require.False(t, ok)
}

func TestWidth(t *testing.T) {
	require.Equal(t, ^uint64(0), W64.Mask())
	require.Equal(t, uint64(1), W1.Mask())
	require.Equal(t, uint64(0x80), W8.SignBit())
	require.Equal(t, int64(-128), W8.SignExtend(0xf80))
	require.Equal(t, int64(127), W8.SignExtend(0x7f))
	require.Equal(t, int64(-1), W1.SignExtend(1))
	require.Equal(t, 8, W64.Bytes())
	require.True(t, R10.Valid())
	require.False(t, Reg(11).Valid())
	require.Equal(t, "r10", FP.String())
}
