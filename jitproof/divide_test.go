package jitproof_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/internal/long"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jit/amd64"
	"github.com/bpfproof/bpfproof/jitproof"
)

// TestDivisionsByConstants proves both tiers' divisions by constants, of words of
// several widths and in every register that matters.
func TestDivisionsByConstants(t *testing.T) {
	v := jitproof.New(solver(t), jitproof.Options{})
	rng := rand.New(rand.NewPCG(5, 6))
	divisors := []int64{3, 5, 6, 7, 9, 10, 12, 24, 60, 100, 125, 641, 1000, 1 << 20 * 3, 1e6, 1e9, 1<<31 - 1, 1<<31 - 2, -1, -3}
	for range long.N(100, 5000) {
		divisors = append(divisors, int64(3+rng.Uint32N(1<<(2+rng.IntN(29)))))
	}
	multiplied := 0
	for i, d := range divisors {
		for _, op := range []ir.ALUOp{ir.Div, ir.Mod} {
			for _, w := range []ir.Width{ir.W32, ir.W64} {
				r := []ir.Reg{ir.R0, ir.R3, ir.R7}[i%3]
				p := &ir.Program{Name: "divide", Insns: []ir.Insn{
					{Op: ir.OpLoad([]ir.Width{ir.W16, ir.W32, ir.W64, ir.W64}[i%4], false), Dst: r, Src: ir.R1},
					{Op: ir.OpALU(op, w, ir.K), Dst: r, Imm: d},
					{Op: ir.OpALU(ir.Mov, ir.W64, ir.X), Dst: ir.R0, Src: r},
					{Op: ir.OpALU(ir.Add, ir.W64, ir.X), Dst: ir.R0, Src: ir.R3},
					{Op: ir.OpExit()}}}
				for _, b := range []jit.Backend{amd64.New(jit.Target{}), optimiser(t, true)} {
					code, err := jit.Compile(b, p)
					require.NoError(t, err)
					c, err := v.Validate(t.Context(), p, code)
					require.NoError(t, err)
					require.Equal(t, jitproof.Proved, c.Status, "divisor %d: %s", d, explain(p, c))
				}
				if plain, err := jit.Compile(optimiser(t, true, "divide"), p); err == nil {
					code, err := jit.Compile(optimiser(t, true), p)
					require.NoError(t, err)
					if string(code.Text) != string(plain.Text) {
						multiplied++
					}
				}
			}
		}
	}
	t.Logf("%d of %d divisions are multiplications", multiplied, 4*len(divisors))
	require.Greater(t, multiplied, 2*len(divisors))
}
