package e2e

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/kernel"
	"github.com/bpfproof/bpfproof/runtime/native"
	"github.com/bpfproof/bpfproof/verifier"
)

// speedPrograms are short loops over one kind of work each. The kernel takes
// them as XDP programs. Each runs well above a microsecond, so that what lies
// around a run weighs little.
var speedPrograms = []struct{ name, text string }{
	{"alu64", rounds(2000, "r6 += r7\nr8 ^= r6\nr6 *= 31\nr8 -= 7\nr7 |= r8\nr7 &= 0xffff\n")},
	{"alu32", rounds(2000, "w6 += w7\nw8 ^= w6\nw6 *= 31\nw8 -= 7\nw7 |= w8\nw7 &= 0xffff\n")},
	{"shift", rounds(2000, "r6 <<= r7\nr8 >>= r6\nr7 s>>= r8\nw6 <<= w8\nr6 += 3\nr7 ^= r9\nr8 |= 77\n")},
	{"rotate", rounds(2000, "r1 = r6\nr1 <<= 13\nr6 >>= 51\nr6 |= r1\nr6 += r7\nr2 = r7\nr2 <<= 32\nr7 >>= 32\nr7 |= r2\nr7 ^= r6\n")},
	{"divide", rounds(500, "r6 += 77777\nr1 = r6\nr1 /= 13\nr8 += r1\nr2 = r8\nr2 %= r6\nr7 += r2\nw3 = w7\nw3 /= w6\nr8 ^= r3\n")},
	{"stack", rounds(1000, "*(u64 *)(r10 - 8) = r6\n*(u32 *)(r10 - 16) = r7\nr1 = *(u64 *)(r10 - 8)\nr2 = *(u32 *)(r10 - 16)\nr6 += r2\nr7 += r1\n*(u8 *)(r10 - 24) = r7\nr3 = *(u8 *)(r10 - 24)\nr8 += r3\n")},
	{"branches", rounds(1000, "r6 *= 1103515245\nr6 += 12345\nr1 = r6\nr1 >>= 16\nr1 &= 3\nif r1 == 0 goto zero\nif r1 == 1 goto one\nif r1 s> 2 goto three\nr7 += 5\ngoto join\nzero:\nr7 ^= 9\ngoto join\none:\nr7 -= 3\ngoto join\nthree:\nr7 <<= 1\njoin:\nr8 += r7\n")},
	{"calls", rounds(500, "r1 = r6\nr2 = r7\ncall f\nr6 += r0\nr7 ^= r6\n") + "f:\nr0 = r1\nr0 *= 3\nr0 += r2\nexit\n"},
	{"atomics", rounds(300, "lock *(u64 *)(r10 - 8) += r6\nr1 = 5\nr1 = atomic_fetch_add((u64 *)(r10 - 8), r1)\nr6 ^= r1\n")},
	{"bytes", rounds(1000, "r6 = bswap64 r6\nr7 = be16 r7\nr7 += r6\nw1 = w7\nr1 = (s8)r1\nr8 += r1\nr6 += 1\n")},
	{"murmur", rounds(1000, "r1 = r6\nr1 >>= 33\nr6 ^= r1\nr2 = 0xff51afd7ed558ccd ll\nr6 *= r2\nr1 = r6\nr1 >>= 33\nr6 ^= r1\nr2 = 0xc4ceb9fe1a85ec53 ll\nr6 *= r2\nr1 = r6\nr1 >>= 33\nr6 ^= r1\nr7 += r6\n")},
	{"primes", `
	r6 = 2
	r7 = 0
next:
	r8 = 2
try:
	r1 = r8
	r1 *= r8
	if r1 > r6 goto prime
	r2 = r6
	r2 %= r8
	if r2 == 0 goto composite
	r8 += 1
	if r8 < 40 goto try
prime:
	r7 += 1
composite:
	r6 += 1
	if r6 < 300 goto next
	r0 = r7
	exit
`},
	{"checksum", `
	r2 = *(u32 *)(r1 + 0)
	r3 = *(u32 *)(r1 + 4)
	r6 = r2
	r6 += 1480
	r0 = 0
	if r6 > r3 goto out
	r4 = 0
	r5 = 0
again:
	r6 = r2
	r6 += r4
	r7 = *(u16 *)(r6 + 0)
	r5 += r7
	r4 += 2
	if r4 < 1480 goto again
	r0 = r5
	r0 >>= 16
	r5 &= 0xffff
	r0 += r5
out:
	exit
`},
}

// rounds returns a program that executes a body n times on r6, r7 and r8; r9
// counts.
func rounds(n int, body string) string {
	return fmt.Sprintf("r6 = 1\nr7 = 2\nr8 = 3\nr9 = 0\n*(u64 *)(r10 - 8) = 0\nround:\n%sr9 += 1\nif r9 < %d goto round\nr0 = r6\nr0 += r7\nr0 += r8\nexit\n", body, n)
}

// BenchmarkBaseline runs the same bytecode by our baseline tier and by the
// live kernel's JIT, in turns, and reports the least time per run of each and
// their ratio.
func BenchmarkBaseline(b *testing.B) {
	if err := kernel.Available(); err != nil {
		b.Skipf("needs the live kernel: %v", err)
	}
	logs, n := 0.0, 0
	for _, x := range speedPrograms {
		b.Run("prog="+x.name, func(b *testing.B) {
			ours, theirs := raceKernel(b, x.name, x.text)
			b.ReportMetric(ours, "ns/run")
			b.ReportMetric(theirs, "kernel-ns/run")
			b.ReportMetric(ours/theirs, "ratio")
			b.ReportMetric(0, "ns/op")
			logs, n = logs+math.Log(ours/theirs), n+1 // each is run once: it measures by itself
		})
	}
	b.Run("geomean", func(b *testing.B) {
		b.ReportMetric(math.Exp(logs/float64(n)), "ratio")
		b.ReportMetric(0, "ns/op")
	})
}

// raceKernel returns the least time of a run in either engine.
func raceKernel(b *testing.B, name, text string) (ours, theirs float64) {
	p, err := asm.Parse(name, text)
	require.NoError(b, err)
	p.Type = ir.XDP
	k, err := kernel.Load(p, kernel.Options{})
	require.NoError(b, err)
	defer k.Close()
	ctx := context.Background()
	obj, err := runtime.Load(ctx, []*ir.Program{p}, runtime.Options{Loader: native.Loader(Backend(), native.Options{}),
		Check: func(ctx context.Context, p *ir.Program) error {
			require.Equal(b, verifier.Accept, Verify(b, p, Domain).Verdict, name)
			return nil
		}})
	require.NoError(b, err)
	defer obj.Close()
	in := runtime.Input{Data: make([]byte, 1500), Repeat: 20}
	for i := range in.Data {
		in.Data[i] = byte(i * 7)
	}
	ours, theirs = math.Inf(1), math.Inf(1)
	for range 60 {
		x, err := obj.Programs()[0].Run(ctx, in)
		require.NoError(b, err)
		y, err := k.Run(ctx, in)
		require.NoError(b, err)
		require.Equal(b, uint32(x.Ret), uint32(y.Ret), name)
		ours, theirs = min(ours, x.NsPerRun), min(theirs, y.NsPerRun)
	}
	return ours, theirs
}
