package verifier_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/internal/long"
	"github.com/bpfproof/bpfproof/internal/vectors"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/vm"
	"github.com/bpfproof/bpfproof/verifier/explain"
)

// TestSaferThanKernel runs what we accept and the kernel rejects in the
// interpreter, which checks every access: on no input may it fault. Each
// program's every instruction has to be reached, so the access that the kernel
// refuses is made.
func TestSaferThanKernel(t *testing.T) {
	all := readVectors(t)
	for _, id := range saferThanKernel {
		t.Run(id, func(t *testing.T) {
			i := slices.IndexFunc(all, func(v vectors.Vector) bool { return v.ID == id })
			require.GreaterOrEqual(t, i, 0)
			p, err := all[i].Program()
			require.NoError(t, err)
			reached := make([]bool, len(p.Insns))
			rng := rand.New(rand.NewPCG(1, 0))
			for n := range long.N(3_000, 300_000) {
				in := someInput(rng, p, n)
				loader := vm.Loader(vm.Options{Trace: func(pc ir.PC, _ *[ir.NumRegs]uint64) { reached[pc] = true }})
				obj, err := runtime.Load(t.Context(), []*ir.Program{in.Program(p)}, runtime.Options{Loader: loader, Unverified: true})
				require.NoError(t, err)
				_, err = obj.Programs()[0].Run(t.Context(), runtime.Input{Data: in.Data})
				require.NoError(t, err, "input %d: %v", n, in.String())
				require.NoError(t, obj.Close())
			}
			for pc := range p.All() {
				require.True(t, reached[pc], "insn %d was never reached", pc)
			}
		})
	}
}

// someInput returns a packet of n bytes or of some other length, and sometimes
// the element that a lookup with a key of zeros finds in each map.
func someInput(rng *rand.Rand, p *ir.Program, n int) explain.Input {
	random := func(size int) []byte {
		b := make([]byte, size)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		return b
	}
	if n > 256 {
		n = rng.IntN(2048)
	}
	in := explain.Input{Data: random(n)}
	for i, m := range p.Maps {
		if rng.IntN(4) > 0 {
			in.Elems = append(in.Elems, explain.Elem{Map: i, Key: make([]byte, m.KeySize), Value: random(int(m.ValueSize))})
		}
	}
	return in
}
