package e2e

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/absint/mutants"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/kernel"
	"github.com/bpfproof/bpfproof/runtime/vm"
	"github.com/bpfproof/bpfproof/verifier"
)

// exploits holds for each mutant a program that it lets through: r6 and r7 are
// two words of the packet; the body leaves in r1 what the mutant takes for 0,
// or runs code at "escape" that the mutant takes for dead. Packets are given
// that make it something else.
var exploits = map[string]struct {
	body   string
	packet [2]uint64
}{
	"cve-2017-16995":    {"w1 = -1; r1 += 1", [2]uint64{}},
	"cve-2017-16996":    {"r1 = r6; if r1 < 5 goto out; w1 += 0; if r1 > 5 goto out; r1 -= 5", [2]uint64{1 << 32}},
	"cve-2017-17853":    {"r1 = r6; if r1 s> 4 goto out; if r1 s< -4 goto out; r1 >>= 1; r1 >>= 2", [2]uint64{^uint64(3)}},
	"cve-2018-18445":    {"r1 = 0x100000000 ll; w1 >>= 1; r1 >>= 31; r1 -= 1", [2]uint64{}},
	"arsh32-at-64":      {"w1 = -1; w1 s>>= 1; r1 >>= 31", [2]uint64{}},
	"cve-2020-8835":     {"r1 = r6; if r1 < 1 goto out; r2 = 0x100000001 ll; if r1 > r2 goto out; if w1 > 100 goto out; w1 = w1; r1 -= 1", [2]uint64{7}},
	"s32-to-s64":        {"w1 = w6; r1 >>= 31", [2]uint64{0xffffffff}},
	"cve-2020-27194":    {"r1 = r6; if r1 < 1 goto out; r2 = 0x100000001 ll; if r1 > r2 goto out; r1 |= 0; w1 = w1; r1 -= 1", [2]uint64{7}},
	"lone-signed-bound": {"r1 = r6; if r1 s< 1 goto out; w1 = w1; r1 >>= 31", [2]uint64{0x180000000}},
	"cve-2021-3490":     {"r1 = r6; r1 <<= 32; r1 |= 1; w1 = w1", [2]uint64{1, 1}},
	"cve-2021-31440":    {"r1 = r6; if r1 < 5 goto out; w1 = w1; if r1 > 5 goto out; r1 -= 5", [2]uint64{1 << 32}},
	"cve-2021-45402":    {"if r6 < 5 goto out; w1 = w6; if r1 > 5 goto out; r1 -= 5", [2]uint64{1 << 32}},
	"cve-2022-2905":     {"r1 = r6; r1 &= 7; if r1 > 4 goto escape; r1 = 0", [2]uint64{5}},
	"sdiv-least":        {"w1 = -2147483648; w1 s/= 2; r1 >>= 31", [2]uint64{}},
	"cve-2026-31413":    {"r1 = r6; r1 s>>= 63; r1 |= 1; if r1 s< 0 goto out", [2]uint64{}},
}

// frame surrounds the bodies. Where r1 is not 0, the store leaves the stack.
const exploitFrame = `.type xdp

	r2 = *(u32 *)(r1 + 0)
	r3 = *(u32 *)(r1 + 4)
	r4 = r2
	r4 += 16
	if r4 > r3 goto out
	r6 = *(u64 *)(r2 + 0)
	r7 = *(u64 *)(r2 + 8)
%s
escape:
	r1 *= 4096
	r2 = r10
	r2 += r1
	*(u8 *)(r2 - 1) = 0
out:
	r0 = 2
	exit
`

func exploit(t *testing.T, name string) *ir.Program {
	e, ok := exploits[name]
	require.True(t, ok, "no program for mutant %s", name)
	p, err := asm.Parse(name+".s", fmt.Sprintf(exploitFrame, strings.ReplaceAll("\t"+e.body, "; ", "\n\t")))
	require.NoError(t, err)
	return p
}

// TestDomainMutants: for every wrong domain there is a program that the verifier
// over it accepts, that faults in the checking interpreter, that the verifier
// over the sound domain rejects, and that the kernel rejects or runs safely.
func TestDomainMutants(t *testing.T) {
	for _, m := range mutants.All() {
		t.Run(m.Name, func(t *testing.T) {
			p := exploit(t, m.Name)
			fooled, err := verifier.With[mutants.T](m.Domain, verifier.Policy{})
			require.NoError(t, err)
			r, err := fooled.Verify(t.Context(), p, nil)
			require.NoError(t, err)
			require.Equal(t, verifier.Accept, r.Verdict, "the mutant's verdict: %v\n%v", r.Findings, r.Invariants)

			right, err := verifier.New(verifier.Policy{})
			require.NoError(t, err)
			r, err = right.Verify(t.Context(), p, nil)
			require.NoError(t, err)
			require.Equal(t, verifier.Reject, r.Verdict, "the sound domain's verdict")

			engine, err := vm.Load(p, nil, vm.Options{})
			require.NoError(t, err)
			_, err = engine.Run(t.Context(), runtime.Input{Data: packet(m.Name)})
			var fault *vm.Fault
			require.True(t, errors.As(err, &fault), "the run faults, got %v", err)
			require.Equal(t, vm.FaultMemory, fault.Kind)
		})
	}
}

func packet(name string) []byte {
	e := exploits[name]
	return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, e.packet[0]), e.packet[1])
}

// TestDomainMutantsInKernel: the live kernel has none of the bugs.
func TestDomainMutantsInKernel(t *testing.T) {
	if err := kernel.Available(); err != nil {
		t.Skip(err)
	}
	for _, m := range mutants.All() {
		p := exploit(t, m.Name)
		r, err := kernel.Verify(p, kernel.Options{})
		require.NoError(t, err)
		if r.Verdict == kernel.Reject {
			continue
		}
		engine, err := kernel.Load(p, kernel.Options{})
		require.NoError(t, err, m.Name)
		res, err := engine.Run(t.Context(), runtime.Input{Data: packet(m.Name)})
		require.NoError(t, err, m.Name)
		require.Equal(t, uint64(2), res.Ret, m.Name)
		require.NoError(t, engine.Close())
	}
}
