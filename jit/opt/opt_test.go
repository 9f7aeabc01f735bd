package opt_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/ir/cfg"
	"github.com/bpfproof/bpfproof/jit/opt"
)

// plan cuts a program's first function as a backend that compiles calls by
// themselves does.
func plan(t *testing.T, text string, off ...opt.Pass) *opt.Plan {
	t.Helper()
	p, err := asm.Parse("test.s", text)
	require.NoError(t, err)
	g, err := cfg.Build(p)
	require.NoError(t, err)
	c := opt.Config{Swaps: true, Alone: func(in ir.Insn) bool { return in.Kind() == ir.KindCall }, Off: map[opt.Pass]bool{}}
	for _, pass := range off {
		c.Off[pass] = true
	}
	return opt.New(p, g, 0, p.Slots(), c)
}

var numbers = regexp.MustCompile(`(?m)^ *\d+: `)

// values lists what is left of the first segment.
func values(f *opt.Plan) string {
	return strings.TrimSpace(numbers.ReplaceAllString(f.Values(&f.Segments[0], nil).String(), ""))
}

// TestPasses: what each pass makes of the code that it is for, and that it does
// not when it is switched off.
func TestPasses(t *testing.T) {
	for _, tt := range []struct {
		pass       opt.Pass
		text, want string
	}{
		{opt.PassCopy, "r2 = r1\nr0 = r2\nexit", "exit r0=v0"},
		{opt.PassFold, "r1 = 5\nr0 = r2\nr0 += r1\nexit", "add.64 v1, 5"},
		{opt.PassFold, "r0 = 6\nr0 *= 7\nexit", "v1 = 0x2a"},
		{opt.PassFold, "r0 = r2\nr0 *= 8\nexit", "shl.64 v0, 3"},
		{opt.PassNarrow, "r0 = *(u8 *)(r1 + 0)\nr0 &= 255\nw0 = w0\nexit", "v1 = load.8 [v0+0]\nexit r0=v1"},
		{opt.PassNarrow, "r0 = r1\nr0 <<= 32\nr0 s>>= 32\nexit", "sext.64 v0 from 32"},
		{opt.PassBytes, "r0 = *(u8 *)(r1 + 5)\nr2 = *(u8 *)(r1 + 4)\nr2 <<= 8\nr0 |= r2\nexit", "load.16 [v0+4]\nv4 = swap.16 v2"},
		{opt.PassRotate, "w0 = w2\nw0 <<= 5\nw2 >>= 27\nw0 |= w2\nexit", "rotl.32 v0, 5"},
		{opt.PassRotate, "w0 = w2\nw0 *= 0x2e0\nw2 *= 23\nw2 >>= 27\nw0 |= w2\nexit", "rotl.32 v3, 5"},
		{opt.PassAddress, "r2 <<= 3\nr1 += r2\nr0 = *(u32 *)(r1 + 8)\nexit", "load.32 [v2+v0*8+8]"},
		{opt.PassAddress, "r0 = r1\nr0 *= 5\nexit", "lea.64 [v0+v0*4+0]"},
		{opt.PassDead, "r0 = r1\nr3 = r1\nr3 += 1\nexit", "v0 = r1\nexit r0=v0"},
		{opt.PassFuse, "r2 = *(u64 *)(r1 + 0)\nr0 = r3\nr0 += r2\nexit", "load.64 [v0+0] where it is used"},
		{opt.PassFuse, "r0 = *(u64 *)(r1 + 0)\nr0 ^= 1\n*(u64 *)(r1 + 0) = r0\nr0 = 1\nexit", "xor.64 v1, 1 where it is used"},
		{opt.PassFuse, "r2 = *(u8 *)(r1 + 0)\nif r2 > 7 goto out\nr0 = *(u8 *)(r1 + 1)\nout:\nr0 = 2\nexit", "if.8 v1 jgt 7"},
		{opt.PassFuse, "r0 = *(u32 *)(r1 + 0)\nr0 = be32 r0\nexit", "load.32 [v0+0] where it is used"},
		{opt.PassAddress, "r3 = r10\nr3 += -8\nr3 += r2\nr0 = *(u8 *)(r3 + 0)\n*(u8 *)(r3 + 1) = r1\nexit", "load.8 [v0+v3*1-8]"},
		{opt.PassThread, "if r1 == 5 goto out\ngoto on\nout:\nr0 = *(u8 *)(r1 + 0)\non:\nexit", "if.64 v0 jeq 5 goto insn 2 else insn 3"},
		{opt.PassSelect, "r0 = r2\nif r1 s> 7 goto out\nr0 = r3\nout:\nexit", "if.64 v2 jsgt 7 else"},
		{opt.PassDivide, "w0 = w1\nw0 /= 10\nexit", "shr.64 v4, 35"},
	} {
		require.Contains(t, values(plan(t, tt.text)), tt.want, "%s of %s", tt.pass, tt.text)
		if tt.pass != opt.PassDivide { // Config.PlainDivision tells backends
			require.NotContains(t, values(plan(t, tt.text, tt.pass)), tt.want, "without %s: %s", tt.pass, tt.text)
		}
	}
}

const loop = `
	r6 = r1
	w0 = 0
again:
	r2 = *(u32 *)(r6 + 0)
	if w2 == 3 goto rare
	w0 += w2
back:
	r6 += 4
	if w0 < 40 goto again
	exit
rare:
	w0 += 9
	goto back
`

// TestWideLoadNarrowCompared: a comparison of half of a word does not read all of it
// from memory.
func TestWideLoadNarrowCompared(t *testing.T) {
	got := values(plan(t, "r2 = *(u64 *)(r1 + 0)\nif w2 > 7 goto out\nr0 = *(u8 *)(r1 + 1)\nout:\nr0 = 2\nexit"))
	require.Contains(t, got, "v1 = load.64 [v0+0]\nif.32 v1 jgt 7")
}

// TestPlan: liveness, upper halves, which jumps count, and the order of code.
func TestPlan(t *testing.T) {
	f := plan(t, loop)
	var starts []ir.PC
	for _, s := range f.Segments {
		starts = append(starts, s.Start)
	}
	require.Equal(t, []ir.PC{0, 2, 4, 5, 7, 8}, starts)
	require.Equal(t, opt.Regs(1<<ir.R1), f.Segments[0].In)
	require.Equal(t, opt.Regs(1<<ir.R0|1<<ir.R6), f.Segments[1].In)
	require.Equal(t, opt.Regs(1<<ir.R0), f.Segments[4].In)
	require.True(t, f.Segments[1].Upper.Has(ir.R0))
	require.False(t, f.Segments[1].Upper.Has(ir.R6))
	require.True(t, f.Segments[1].Align)
	require.Equal(t, map[ir.PC]bool{6: true}, f.Counts, "the jump back from the rare case leads to no loop around it")
	require.Equal(t, []int{0, 1, 2, 3, 4, 5}, f.Order)
	require.Equal(t, map[ir.PC]bool{6: true, 9: true}, plan(t, loop, opt.PassPoll).Counts)
	require.Zero(t, plan(t, loop, opt.PassUpper).Segments[1].Upper)
	require.Equal(t, opt.All, plan(t, loop, opt.PassLive).Segments[1].In)
}

// TestPassTable: names are told apart, and everybody can read what a pass does.
func TestPassTable(t *testing.T) {
	seen := map[opt.Pass]bool{}
	for _, p := range opt.Passes() {
		require.False(t, seen[p.Name], p.Name)
		require.NotEmpty(t, p.Does)
		require.NotEmpty(t, p.Proof)
		seen[p.Name] = true
	}
	require.GreaterOrEqual(t, len(seen), 14)
}
