package jitproof_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/internal/long"
	"github.com/bpfproof/bpfproof/internal/progen"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jitproof"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/native"
)

// closed are programs of two numbers, r1 and r2, that touch only their stack,
// so that any image of them that is proved may be executed.
var closed = []string{
	`r0 = r1
	 r0 += r2
	 w0 *= 77
	 r0 ^= -5
	 exit`,
	`r7 = r1
	 r8 = r2
	 *(u64 *)(r10 - 16) = r7
	 *(u16 *)(r10 - 14) = r8
	 r3 = *(u32 *)(r10 - 16)
	 r7 <<= r3
	 r7 s>>= 9
	 w8 >>= 3
	 r0 = r7
	 r0 -= r8
	 exit`,
	`r0 = 0
	 r6 = r1
	 if r1 s> r2 goto a
	 r6 /= r2
	 r0 += 3
a:	 if w1 & 64 goto b
	 w6 %= 10
	 r0 = be32 r0
b:	 r0 += r6
	 exit`,
	`r0 = 7
	 r9 = r2
	 *(u64 *)(r10 - 8) = r1
	 r9 = atomic_fetch_add((u64 *)(r10 - 8), r9)
	 lock *(u32 *)(r10 - 8) |= w9
	 r4 = 5
	 r4 = atomic_fetch_xor((u64 *)(r10 - 8), r4)
	 r0 = (s16)r4
	 exit`,
	`r0 = 0
	 r1 &= 31
l:	 r0 += r2
	 r1 -= 1
	 if r1 s> 0 goto l
	 call s
	 exit
s:	 r0 = -1
	 exit`,
}

func number(rng *rand.Rand) uint64 {
	if rng.IntN(2) == 0 {
		return []uint64{0, 1, 63, 64, 255, 1 << 31, 1<<32 - 1, 1 << 32, 1<<63 - 1, 1 << 63, ^uint64(0), ^uint64(1)}[rng.IntN(12)]
	}
	return rng.Uint64() >> rng.IntN(64)
}

// results runs code on inputs that depend on the seed only.
func results(t *testing.T, p *ir.Program, code *jit.Code) []uint64 {
	n, err := native.Load(code, p, nil, native.Options{})
	require.NoError(t, err)
	defer n.Close()
	run, err := n.NewRun()
	require.NoError(t, err)
	defer run.Close()
	rng := rand.New(rand.NewPCG(9, 9))
	var all []uint64
	for range 200 {
		x, err := run.Call(number(rng), number(rng))
		require.NoError(t, err)
		all = append(all, x)
	}
	return all
}

// TestBitFlips flips single bits of images of both tiers. An image that is still proved
// must do the same, which is shown by running it; and no image on which the
// two differ may be proved.
func TestBitFlips(t *testing.T) {
	v := jitproof.New(solver(t), jitproof.Options{})
	rng := rand.New(rand.NewPCG(7, 8))
	counts := map[jitproof.Status]int{}
	for i, text := range slices.Concat(closed, closed) {
		p := parse(t, text)
		p.Name = fmt.Sprintf("closed%d", i)
		if len(p.Funcs) == 0 {
			p.FindFuncs()
		}
		code := compile(t, p)
		if i >= len(closed) {
			var err error
			code, err = jit.Compile(optimiser(t, i%2 == 0), p)
			require.NoError(t, err)
		}
		c, err := v.Validate(t.Context(), p, code)
		require.NoError(t, err)
		require.Equal(t, jitproof.Proved, c.Status, explain(p, c))
		want := results(t, p, code)
		for range 200 {
			bit := rng.IntN(8 * len(code.Text))
			flipped := *code
			flipped.Text = slices.Clone(code.Text)
			flipped.Text[bit/8] ^= 1 << (bit % 8)
			c, err := v.Validate(t.Context(), p, &flipped)
			require.NoError(t, err)
			counts[c.Status]++
			if c.Status == jitproof.Proved {
				t.Logf("%s: byte %#x bit %d is the same: % x", p.Name, bit/8, bit%8, flipped.Text[bit/8:min(bit/8+8, len(code.Text))])
				require.Equal(t, want, results(t, p, &flipped), "%s: byte %#x bit %d, % x", p.Name, bit/8, bit%8, flipped.Text)
			}
		}
	}
	t.Logf("%v", counts)
	require.Greater(t, counts[jitproof.Refuted], 200)
}

// TestBitFlipsRandom flips one bit in each of many proved images of random
// programs, of both tiers. What is still proved is run beside the right one.
func TestBitFlipsRandom(t *testing.T) {
	v := jitproof.New(solver(t), jitproof.Options{})
	counts := map[jitproof.Status]int{}
	broken := 0
	for seed := range uint64(long.N(200, 10_000)) {
		o := progen.Options{Type: ir.XDP, Size: 4 + int(seed%30), Features: progen.All &^ (progen.Maps | progen.Checksum)}
		choices := progen.Seed(seed)
		p := progen.New(choices, o)
		var code *jit.Code
		if seed%2 == 0 {
			code = compile(t, p)
		} else {
			var err error
			code, err = jit.Compile(optimiser(t, true), p)
			require.NoError(t, err)
		}
		c, err := v.Validate(t.Context(), p, code)
		require.NoError(t, err)
		require.Equal(t, jitproof.Proved, c.Status, "seed %d: %s", seed, explain(p, c))
		bit := choices.IntN(8 * len(code.Text))
		flipped := *code
		flipped.Text = slices.Clone(code.Text)
		flipped.Text[bit/8] ^= 1 << (bit % 8)
		if c, err = v.Validate(t.Context(), p, &flipped); err != nil {
			broken++ // the tables do not fit any more
			continue
		}
		counts[c.Status]++
		if c.Status != jitproof.Proved {
			continue
		}
		in := runtime.Input{Data: progen.Input(choices, o)}
		want, got := once(t, p, code, in), once(t, p, &flipped, in)
		require.Equal(t, want, got, "seed %d: byte %#x bit %d", seed, bit/8, bit%8)
	}
	t.Logf("%v, %d not judged", counts, broken)
	require.Greater(t, counts[jitproof.Refuted], 10)
}

// once runs code on an input.
func once(t *testing.T, p *ir.Program, code *jit.Code, in runtime.Input) (out [2]any) {
	n, err := native.Load(code, p, nil, native.Options{})
	require.NoError(t, err)
	defer n.Close()
	res, err := n.Run(t.Context(), in)
	require.NoError(t, err)
	return [2]any{res.Ret, string(res.Data)}
}
