package amd64_test

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/arch/x86/x86asm"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jit/amd64"
)

// TestRandomPrograms compiles programs of random rows: the answer is code that
// decodes from front to back and whose tables fit it, or a typed error.
func TestRandomPrograms(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	rows := ir.Rows()
	spec := &ir.MapSpec{Name: "a", Type: ir.Array, KeySize: 4, ValueSize: 12, MaxEntries: 1 << 31}
	compiled, refused, malformed := 0, 0, 0
	for range 20_000 {
		p := &ir.Program{Name: "random", Maps: []*ir.MapSpec{spec}}
		for len(p.Insns) < 2+rng.IntN(12) {
			p.Insns = append(p.Insns, randomInsn(rng, &rows[rng.IntN(len(rows))])...)
		}
		p.Insns = append(p.Insns, ir.Insn{Op: ir.OpExit()})
		code, err := jit.Compile(amd64.New(target()), p)
		var form *ir.FormError
		var unsupported *jit.UnsupportedError
		switch {
		case errors.As(err, &form):
			malformed++
		case errors.As(err, &unsupported):
			refused++
		default:
			require.NoError(t, err, "%+v", p.Insns)
			compiled++
			for at := 0; at < len(code.Text); {
				in, err := x86asm.Decode(code.Text[at:], 64)
				require.NoError(t, err, "offset %#x of % x", at, code.Text)
				at += in.Len
			}
		}
	}
	t.Logf("%d compiled, %d refused, %d malformed", compiled, refused, malformed)
	require.Greater(t, compiled, 1000)
	require.Greater(t, refused, 100)
}

// randomInsn fills the fields that a row uses, most often well.
func randomInsn(rng *rand.Rand, row *ir.Row) []ir.Insn {
	in := ir.Insn{Op: row.Op}
	if row.Uses&ir.UseDst != 0 {
		in.Dst = ir.Reg(rng.IntN(11))
	}
	if row.Uses&ir.UseSrc != 0 {
		in.Src = ir.Reg(rng.IntN(11))
	}
	if row.Uses&ir.UseOff != 0 {
		in.Off = int16(rng.IntN(5) - 2)
	}
	if row.Uses&ir.UseImm != 0 {
		in.Imm = int64(rng.IntN(5) - 2)
		if rng.IntN(3) == 0 && row.Kind != ir.KindJump && row.Kind != ir.KindCall {
			in.Imm = int64(int32(rng.Uint32()))
		}
	}
	if row.Slots() == 2 {
		if _, _, ok := in.Map(); ok {
			in.Imm = 0
		}
		return []ir.Insn{in, ir.Pad()}
	}
	return []ir.Insn{in}
}
