package helpers

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/runtime/maps"
)

// flat is memory that begins at address 0x1000.
type flat []byte

var errOutside = errors.New("outside")

func (f flat) Read(addr uint64, n int) ([]byte, error) {
	if addr < 0x1000 || addr-0x1000 > uint64(len(f)) || uint64(n) > uint64(len(f))-(addr-0x1000) {
		return nil, fmt.Errorf("%d bytes at %#x: %w", n, addr, errOutside)
	}
	return f[addr-0x1000:][:n], nil
}

func (f flat) Write(addr uint64, n int) ([]byte, error) { return f.Read(addr, n) }

func call(t testing.TB, e *Env, id abi.HelperID, args ...uint64) (uint64, error) {
	t.Helper()
	f, ok := Lookup(id)
	require.True(t, ok)
	var a [5]uint64
	copy(a[:], args)
	return f(e, a)
}

func must(t testing.TB, e *Env, id abi.HelperID, args ...uint64) int64 {
	t.Helper()
	x, err := call(t, e, id, args...)
	require.NoError(t, err)
	return int64(x)
}

func newMap(t testing.TB, spec ir.MapSpec) maps.Map {
	t.Helper()
	m, err := maps.New(&spec)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}

func TestMapHelpers(t *testing.T) {
	a := newMap(t, ir.MapSpec{Type: ir.Array, KeySize: 4, ValueSize: 8, MaxEntries: 2})
	h := newMap(t, ir.MapSpec{Type: ir.Hash, KeySize: 4, ValueSize: 8, MaxEntries: 1})
	memory := make(flat, 64)
	binary.NativeEndian.PutUint32(memory[0:], 1)
	binary.NativeEndian.PutUint32(memory[4:], 2)
	binary.NativeEndian.PutUint64(memory[8:], 99)
	e := NewEnv([]maps.Map{a, h, a})
	defer e.Close()
	e.Memory = memory
	const one, two, value = 0x1000, 0x1004, 0x1008
	require.EqualValues(t, a.LookupAddr(memory[:4]), must(t, e, abi.MapLookupElem, a.Handle(), one))
	require.Zero(t, must(t, e, abi.MapLookupElem, a.Handle(), two))
	require.Zero(t, must(t, e, abi.MapLookupElem, h.Handle(), one))
	require.Zero(t, must(t, e, abi.MapUpdateElem, h.Handle(), one, value, abi.UpdateAny))
	require.EqualValues(t, -int64(unix.EEXIST), must(t, e, abi.MapUpdateElem, h.Handle(), one, value, abi.UpdateNoExist))
	require.EqualValues(t, -int64(unix.E2BIG), must(t, e, abi.MapUpdateElem, h.Handle(), two, value, abi.UpdateAny))
	require.EqualValues(t, -int64(unix.ENOENT), must(t, e, abi.MapDeleteElem, h.Handle(), two))
	require.EqualValues(t, -int64(unix.EINVAL), must(t, e, abi.MapDeleteElem, a.Handle(), one))
	require.EqualValues(t, -int64(unix.EINVAL), must(t, e, abi.MapUpdateElem, a.Handle(), one, value, 77))
	require.Zero(t, must(t, e, abi.MapDeleteElem, h.Handle(), one))

	_, err := call(t, e, abi.MapLookupElem, a.Handle(), 0x1000+61)
	require.ErrorIs(t, err, errOutside, "key outside the program's memory")
	_, err = call(t, e, abi.MapUpdateElem, h.Handle(), one, 0x1000+57)
	require.ErrorIs(t, err, errOutside, "value outside the program's memory")
	other := newMap(t, ir.MapSpec{Type: ir.Hash, KeySize: 4, ValueSize: 8, MaxEntries: 1})
	for _, handle := range []uint64{0, other.Handle(), a.Handle() + 1, ^uint64(0)} {
		_, err = call(t, e, abi.MapLookupElem, handle, one)
		require.ErrorContains(t, err, "is no map of the program")
	}
	_, err = NewEnv(nil).Map(0)
	require.Error(t, err)
}

func TestManyMapsResolve(t *testing.T) {
	var ms []maps.Map
	for range 70 {
		ms = append(ms, newMap(t, ir.MapSpec{Type: ir.Array, KeySize: 4, ValueSize: 8, MaxEntries: 2}))
	}
	for n := range ms {
		e := NewEnv(ms[:n])
		for i, m := range ms {
			got, err := e.Map(m.Handle())
			require.Equal(t, i < n, err == nil, "map %d of %d", i, n)
			if err == nil {
				require.Same(t, m, got)
			}
		}
	}
}

func TestEveryPrototypeOrNone(t *testing.T) {
	for _, h := range abi.Helpers() {
		_, ok := Lookup(h.ID)
		p := &ir.Program{Insns: []ir.Insn{{Op: ir.OpCall(ir.CallHelper), Imm: int64(h.ID)}, {Op: ir.OpExit()}}}
		err := Check(p)
		require.Equal(t, ok, err == nil, h.Name)
		if !ok {
			require.EqualError(t, err, fmt.Sprintf("helpers: insn 0: helper %d (%s) has no implementation", h.ID, h.Name))
		}
	}
	for id := range funcs {
		_, ok := abi.LookupHelper(id)
		require.True(t, ok, "helper %d has no prototype", id)
	}
	p := &ir.Program{Insns: []ir.Insn{{Op: ir.OpExit()}, {Op: ir.OpCall(ir.CallHelper), Imm: 9999}}}
	require.EqualError(t, Check(p), "helpers: insn 1: helper 9999 (unknown) has no implementation")
}

type fixedClock struct{}

func (fixedClock) Monotonic() uint64 { return 17 }
func (fixedClock) Boot() uint64      { return 18 }

func TestEnvironment(t *testing.T) {
	e := NewEnv(nil)
	e.CPU = 3
	require.EqualValues(t, 3, must(t, e, abi.GetSMPProcessorID))
	a, b := must(t, e, abi.GetPrandomU32), must(t, e, abi.GetPrandomU32)
	require.NotEqual(t, a, b)
	require.Equal(t, a, must(t, NewEnv(nil), abi.GetPrandomU32), "runs repeat")
	require.Less(t, uint64(a), uint64(1<<32))
	var before, after unix.Timespec
	require.NoError(t, unix.ClockGettime(unix.CLOCK_MONOTONIC, &before))
	now := must(t, e, abi.KtimeGetNs)
	require.NoError(t, unix.ClockGettime(unix.CLOCK_MONOTONIC, &after))
	const slack = 1e6 // the two clocks are read one after the other
	require.GreaterOrEqual(t, now, before.Nano()-slack)
	require.LessOrEqual(t, now, after.Nano()+slack)
	require.GreaterOrEqual(t, must(t, e, abi.KtimeGetBootNs), now-slack)
	e.Clock = fixedClock{}
	require.EqualValues(t, 17, must(t, e, abi.KtimeGetNs))
	require.EqualValues(t, 18, must(t, e, abi.KtimeGetBootNs))
	_, err := call(t, e, abi.XDPAdjustHead, 0, 1)
	require.ErrorContains(t, err, "the run has no packet")
}

func TestTracePrintk(t *testing.T) {
	minus := uint64(1<<64 - 5)
	tests := []struct {
		format string
		args   []uint64
		want   string // "?" for -EINVAL
	}{
		{"hello\n\x00", nil, "hello\n"},
		{"%d %u %x\x00", []uint64{minus, minus, 255}, "-5 4294967291 ff"},
		{"%lld %llu %llx\x00", []uint64{minus, minus, minus}, "-5 18446744073709551611 fffffffffffffffb"},
		{"%ld|%lx|%i\x00", []uint64{7, 8, 9}, "7|8|9"},
		{"%X %p\x00", []uint64{0xabc, 0xabc}, "ABC 0000000000000abc"},
		{"%5d|%05d|%08x\x00", []uint64{minus, minus, 0xbeef}, "   -5|-0005|0000beef"},
		{"%s!%c\x00", []uint64{0x1000, 'z'}, "text!z"},
		{"%s|\x00", []uint64{7}, "|"},
		{"100%%\x00", nil, "100%"},
		{"%d%d%d%d\x00", []uint64{1, 2, 3}, "?"},
		{"%q\x00", nil, "?"},
		{"%\x00", nil, "?"},
		{"%lls\x00", nil, "?"},
		{"no end", nil, "?"},
		{"\x80\x00", nil, "\x80"},
		{"\x01\x00", nil, "?"},
	}
	for _, tt := range tests {
		var out bytes.Buffer
		e := NewEnv(nil)
		e.Memory = append(flat("text\x00"), tt.format...)
		e.Trace = &out
		n := must(t, e, abi.TracePrintk, append([]uint64{0x1005, uint64(len(tt.format))}, tt.args...)...)
		if tt.want == "?" {
			require.EqualValues(t, -int64(unix.EINVAL), n, "%q", tt.format)
			require.Empty(t, out.String(), "%q", tt.format)
			continue
		}
		require.Equal(t, tt.want, out.String(), "%q", tt.format)
		require.EqualValues(t, len(tt.want), n, "%q", tt.format)
	}
	e := NewEnv(nil)
	e.Memory = flat("x\x00")
	require.EqualValues(t, 1, must(t, e, abi.TracePrintk, 0x1000, 2), "without a sink")
	_, err := call(t, e, abi.TracePrintk, 0x1000, 3)
	require.ErrorIs(t, err, errOutside)
}

func TestCsumDiffRefuses(t *testing.T) {
	e := NewEnv(nil)
	e.Memory = make(flat, 8)
	require.EqualValues(t, 0x12345678, must(t, e, abi.CsumDiff, 0, 0, 0, 0, 0x12345678))
	_, err := call(t, e, abi.CsumDiff, 0x1000, 12, 0, 0, 0)
	require.ErrorIs(t, err, errOutside)
}

// TestCsumDiffIsTheKernels asks the live kernel for the same sums.
func TestCsumDiffIsTheKernels(t *testing.T) {
	var u unix.Utsname
	require.NoError(t, unix.Uname(&u))
	var major, minor int
	_, err := fmt.Sscanf(unix.ByteSliceToString(u.Release[:]), "%d.%d", &major, &minor)
	require.NoError(t, err)
	if major < 6 || major == 6 && minor < 13 {
		t.Skip("before Linux 6.13 the result of csum_diff depends on the machine")
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range 60 {
		from, to := make([]byte, rng.IntN(17)), make([]byte, rng.IntN(17))
		if i < 9 {
			from, to = make([]byte, 4*(i%3)), make([]byte, 4*(i/3))
		}
		for _, b := range [][]byte{from, to} {
			for j := range b {
				b[j] = byte(rng.Uint32() * uint32(min(i/20, 1)))
				if i%5 == 4 {
					b[j] = 0xff
				}
			}
		}
		seed := []uint32{0, 0xffffffff, 0xffff, rng.Uint32()}[i%4]
		want := kernelCsum(t, from, to, seed)
		memory := append(append(flat{}, from...), to...)
		e := NewEnv(nil)
		e.Memory = memory
		got := must(t, e, abi.CsumDiff, 0x1000, uint64(len(from)), 0x1000+uint64(len(from)), uint64(len(to)), uint64(seed))
		require.EqualValues(t, want, got, "from %x to %x seed %#x", from, to, seed)
	}
}

func kernelCsum(t *testing.T, from, to []byte, seed uint32) uint32 {
	t.Helper()
	var insns asm.Instructions
	words := func(b []byte) int { return (len(b) + 3) / 4 }
	put := func(b []byte, base int16) {
		padded := append(slices.Clone(b), 0, 0, 0)
		for i := 0; i < len(b); i += 4 {
			insns = append(insns, asm.StoreImm(asm.R10, base+int16(i), int64(int32(binary.NativeEndian.Uint32(padded[i:]))), asm.Word))
		}
	}
	put(from, -32)
	put(to, -16)
	insns = append(insns,
		asm.Mov.Reg(asm.R1, asm.R10), asm.Add.Imm(asm.R1, -32), asm.Mov.Imm(asm.R2, int32(len(from))),
		asm.Mov.Reg(asm.R3, asm.R10), asm.Add.Imm(asm.R3, -16), asm.Mov.Imm(asm.R4, int32(len(to))),
		asm.LoadImm(asm.R5, int64(seed), asm.DWord), asm.FnCsumDiff.Call(), asm.Return())
	if len(from) == 0 {
		insns = append(insns[:words(from)+words(to)], append(asm.Instructions{asm.Mov.Imm(asm.R1, 0), asm.Mov.Imm(asm.R1, 0)}, insns[words(to)+2:]...)...)
	}
	if len(to) == 0 {
		at := words(from) + 3
		insns[at], insns[at+1] = asm.Mov.Imm(asm.R3, 0), asm.Mov.Imm(asm.R3, 0)
	}
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.XDP, Instructions: insns, License: "GPL"})
	if errors.Is(err, unix.EPERM) {
		t.Skip("bpf() is not permitted here")
	}
	require.NoError(t, err, "%+v", err)
	defer p.Close()
	ret, _, err := p.Test(make([]byte, 14))
	require.NoError(t, err)
	return ret
}
