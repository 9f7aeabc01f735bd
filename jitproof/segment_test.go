package jitproof_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jitproof"
)

// blockCuts marks the heads of blocks, and what calls, loops of the machine and
// traps lie between.
func blockCuts(p *ir.Program) []bool {
	cuts := make([]bool, len(p.Insns)+1)
	for _, f := range p.Funcs {
		cuts[f.PC] = true
	}
	for pc, in := range p.All() {
		after := pc + in.Row().Slots()
		switch in.Kind() {
		case ir.KindAtomic, ir.KindCall, ir.KindLoadPacket, ir.KindMayGoto:
			cuts[pc], cuts[after] = true, true
		case ir.KindJump, ir.KindBranch, ir.KindExit:
			cuts[after] = true
		}
		if in.WritesFP() {
			cuts[pc], cuts[after] = true, true
		}
		if target, ok := in.Target(pc); ok && in.Kind() != ir.KindCall && in.Kind() != ir.KindLoadImm {
			cuts[target] = true
		}
	}
	cuts = cuts[:len(p.Insns)]
	for pc, in := range p.Insns {
		cuts[pc] = cuts[pc] && in.Op != ir.OpPad
	}
	return cuts
}

// TestBlocks proves the corpus with cuts at the heads of blocks only.
func TestBlocks(t *testing.T) {
	v := jitproof.New(solver(t), jitproof.Options{})
	for _, p := range programs(t) {
		code := *compile(t, p)
		if len(p.Funcs) == 0 {
			p.FindFuncs()
		}
		code.Cuts = blockCuts(p)
		c, err := v.Validate(t.Context(), p, &code)
		require.NoError(t, err, p.Name)
		if c.Status != jitproof.Proved {
			t.Error(explain(p, c))
		}
	}
}

// TestUncounted: a jump backward that closes no loop of its own need not count;
// a list that leaves a loop without a count does not count, nor does a jump that
// is listed and counts all the same.
func TestUncounted(t *testing.T) {
	v := jitproof.New(nil, jitproof.Options{})
	for _, tt := range []struct {
		name, text string
		list       []ir.PC
		want       jitproof.Status
	}{
		{"a loop", "r0 = 0\nagain:\nr0 += 3\nif r0 < 40 goto again\nexit\n", []ir.PC{2}, jitproof.Proved},
		{"no loop", "goto b\na:\nr0 = 0\nexit\nb:\ngoto a\n", []ir.PC{3}, jitproof.Refuted},
	} {
		p := parse(t, tt.text)
		code := *compile(t, p)
		code.Uncounted = tt.list
		c, err := v.Validate(t.Context(), p, &code)
		require.NoError(t, err)
		require.Equal(t, tt.want, c.Status, "%s: %s", tt.name, explain(p, c))
	}
}

// TestNoCut: code whose cuts leave out a place that the proof needs is unknown.
func TestNoCut(t *testing.T) {
	v := jitproof.New(nil, jitproof.Options{})
	p := parse(t, "r0 = 0\nagain:\nr0 += 3\nif r0 < 40 goto again\ncall ktime_get_ns\nr0 += 1\nexit\n")
	for _, pc := range []ir.PC{1, 4} {
		code := *compile(t, p)
		code.Cuts = []bool{true, true, true, true, true, true}
		code.Cuts[pc] = false
		c, err := v.Validate(t.Context(), p, &code)
		require.NoError(t, err)
		require.Equal(t, jitproof.Unknown, c.Status)
		require.Contains(t, c.First(jitproof.Unknown).Reason, "no cut")
	}
	code := *compile(t, p)
	code.Cuts = make([]bool, len(p.Insns))
	_, err := v.Validate(t.Context(), p, &code)
	require.EqualError(t, err, `jitproof: validate "test": insn 0: a function starts at no cut`)
	code.Cuts = code.Cuts[:2]
	_, err = v.Validate(t.Context(), p, &code)
	require.ErrorContains(t, err, "cuts have 2 entries for 6 slots")
}

// TestHints: what a hint claims falsely is refuted.
func TestHints(t *testing.T) {
	v := jitproof.New(nil, jitproof.Options{})
	p := parse(t, "r6 = r1\nr0 = 1\nr0 += r6\nexit\n")
	for _, tt := range []struct {
		hint jit.Hint
		want jitproof.Status
	}{
		{jit.Hint{PC: 1, Reg: ir.R6, Kind: jit.HintDead}, jitproof.Refuted},
		{jit.Hint{PC: 3, Reg: ir.R6, Kind: jit.HintDead}, jitproof.Proved},
		{jit.Hint{PC: 1, Reg: ir.R6, Kind: jit.HintUpper}, jitproof.Refuted},
		{jit.Hint{PC: 2, Reg: ir.R0, Kind: jit.HintUpper}, jitproof.Proved},
	} {
		code := *compile(t, p)
		code.Hints = []jit.Hint{tt.hint}
		c, err := v.Validate(t.Context(), p, &code)
		require.NoError(t, err)
		require.Equal(t, tt.want, c.Status, "%+v: %s", tt.hint, explain(p, c))
	}
}
