package kernel_test

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/corpus"
	"github.com/bpfproof/bpfproof/internal/long"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/ir/elf"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/kernel"
)

// need skips the test where programs may not be loaded. Any other trouble with
// the kernel fails it.
func need(t testing.TB) {
	t.Helper()
	err := kernel.Available()
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSYS) {
		require.ErrorIs(t, err, kernel.ErrUnavailable)
		t.Skip(err)
	}
	require.NoError(t, err)
}

func object(t testing.TB, path string) *elf.Object {
	t.Helper()
	data, err := corpus.FS.ReadFile(path)
	require.NoError(t, err)
	obj, err := elf.ReadBytes(path, data)
	require.NoError(t, err)
	return obj
}

func movExit(x int64) *ir.Program {
	return &ir.Program{Name: "mov", Type: ir.XDP, Insns: []ir.Insn{
		{Op: ir.OpALU(ir.Mov, ir.W64, ir.K), Imm: x}, {Op: ir.OpExit()},
	}}
}

func TestVerdicts(t *testing.T) {
	need(t)
	t.Run("accept", func(t *testing.T) {
		r, err := kernel.Verify(movExit(2), kernel.Options{})
		require.NoError(t, err)
		require.Equal(t, kernel.Accept, r.Verdict)
		require.Equal(t, 2, r.Stats.Processed)
		require.Equal(t, []int{0}, r.Stats.StackDepths)
		require.Empty(t, r.Reason)
	})
	t.Run("reject", func(t *testing.T) {
		p := object(t, "examples/xdp_planted_bug.o").Programs[0]
		r, err := kernel.Verify(p, kernel.Options{Log: kernel.LogStates})
		require.NoError(t, err)
		require.Equal(t, kernel.Reject, r.Verdict)
		require.Equal(t, unix.EACCES, r.Errno)
		require.Equal(t, "R1 offset is outside of the packet", r.Reason)
		l, ok := p.LineAt(r.PC)
		require.True(t, ok)
		require.Contains(t, l.Text, "tcp->dest", "the instruction that the kernel names is not the planted bug")
	})
	t.Run("not judged", func(t *testing.T) {
		p := movExit(2)
		p.Type = ir.ProgType(9999)
		r, err := kernel.Verify(p, kernel.Options{})
		require.NoError(t, err)
		require.Equal(t, kernel.Unknown, r.Verdict, "%+v", r)
		require.NotEmpty(t, r.Reason)
	})
}

func TestLogGrows(t *testing.T) {
	need(t)
	p := movExit(2)
	exit := p.Insns[1]
	p.Insns = p.Insns[:1]
	for range 3000 {
		p.Insns = append(p.Insns, ir.Insn{Op: ir.OpALU(ir.Add, ir.W64, ir.K), Imm: 1})
	}
	p.Insns = append(p.Insns, exit)
	r, err := kernel.Verify(p, kernel.Options{Log: kernel.LogPaths})
	require.NoError(t, err)
	require.Equal(t, kernel.Accept, r.Verdict)
	require.False(t, r.Truncated)
	require.Greater(t, len(r.Log), 64<<10)
	require.Contains(t, r.Log, "\n3001: (95) exit")
	require.Equal(t, 3002, r.Stats.Processed)
}

func TestTestRun(t *testing.T) {
	need(t)
	p, err := kernel.Load(movExit(2), kernel.Options{})
	require.NoError(t, err)
	defer p.Close()
	packet := make([]byte, 64)
	packet[3] = 7

	out, err := p.Packet(packet)
	require.NoError(t, err)
	require.Equal(t, uint32(abi.XDPPass), out.Ret)
	require.Equal(t, packet, out.Data)

	out, err = p.TestRun(packet, nil, 1000)
	require.NoError(t, err)
	require.Equal(t, uint32(abi.XDPPass), out.Ret)

	res, err := p.Run(t.Context(), runtime.Input{Data: packet})
	require.NoError(t, err)
	require.Equal(t, uint64(abi.XDPPass), res.Ret)
	require.Equal(t, packet, res.Data)

	for _, n := range []int{0, 13, kernel.MaxPacket + 1, 9000} {
		_, err := p.Packet(make([]byte, n))
		var limit *kernel.LimitError
		require.ErrorAs(t, err, &limit, "%d bytes", n)
		require.Equal(t, n, limit.Got)
	}
	for _, n := range []int{14, kernel.MaxPacket} {
		out, err := p.Packet(make([]byte, n))
		require.NoError(t, err, "%d bytes", n)
		require.Len(t, out.Data, n)
	}
	require.NoError(t, p.Close())
	_, err = p.Packet(packet)
	require.ErrorIs(t, err, kernel.ErrClosed)
}

// What we link and load is what another loader links and loads.
func TestTagsAgreeWithAnotherLoader(t *testing.T) {
	need(t)
	for _, path := range []string{"examples/xdp_classifier.o", "examples/xdp_globals.o"} {
		data, err := corpus.FS.ReadFile(path)
		require.NoError(t, err)
		spec, err := ebpf.LoadCollectionSpecFromReader(bytes.NewReader(data))
		require.NoError(t, err)
		theirs, err := ebpf.NewCollection(spec)
		require.NoError(t, err)
		defer theirs.Close()
		for _, p := range object(t, path).Programs {
			ours, err := kernel.Load(p, kernel.Options{})
			require.NoError(t, err)
			tag, err := ours.Tag()
			require.NoError(t, err)
			require.NoError(t, ours.Close())
			info, err := theirs.Programs[p.Name].Info()
			require.NoError(t, err)
			require.Equal(t, info.Tag, tag, p.Name)
		}
	}
}

// A context that is given is seen by the program and comes back.
func TestContext(t *testing.T) {
	need(t)
	prog := movExit(0)
	prog.Insns[0] = ir.Insn{Op: ir.OpLoad(ir.W32, false), Src: ir.R1, Off: 12} // ingress_ifindex
	p, err := kernel.Load(prog, kernel.Options{})
	require.NoError(t, err)
	defer p.Close()
	packet := make([]byte, 64)
	md := make([]byte, 24)
	md[4], md[12] = 64, 1
	res, err := p.Run(t.Context(), runtime.Input{Data: packet, Ctx: md})
	require.NoError(t, err)
	require.Equal(t, uint64(1), res.Ret)
	require.Equal(t, md, res.Ctx)
	res, err = p.Run(t.Context(), runtime.Input{Data: packet})
	require.NoError(t, err)
	require.Equal(t, uint64(1), res.Ret, "the kernel's own context names the loopback device")
	require.Nil(t, res.Ctx)
	md[4] = 65
	_, err = p.Run(t.Context(), runtime.Input{Data: packet, Ctx: md})
	require.ErrorIs(t, err, unix.EINVAL)
}

// The whole packet is what the program sees, up to the limit: beyond it the
// kernel would show the program a part only.
func TestLimitIsWhatTheProgramSees(t *testing.T) {
	need(t)
	p, err := kernel.Load(object(t, "examples/xdp_globals.o").Program("xdp_count"), kernel.Options{})
	require.NoError(t, err)
	defer p.Close()
	_, err = p.Packet(make([]byte, kernel.MaxPacket))
	require.NoError(t, err)
	elems, err := p.Maps()[1].Elems()
	require.NoError(t, err)
	require.Equal(t, []ir.MapElem{{Key: []byte{kernel.MaxPacket & 0xff, kernel.MaxPacket >> 8, 0, 0}, Value: []byte{1, 0, 0, 0, 0, 0, 0, 0}}}, elems)
}

func TestMaps(t *testing.T) {
	need(t)
	m, err := kernel.NewMap(&ir.MapSpec{Name: "m", Type: ir.Hash, KeySize: 4, ValueSize: 4, MaxEntries: 2,
		Contents: []ir.MapElem{{Key: []byte{1, 0, 0, 0}, Value: []byte{9, 9, 9, 9}}}})
	require.NoError(t, err)
	defer m.Close()
	key, other := []byte{1, 0, 0, 0}, []byte{2, 0, 0, 0}
	v, err := m.Lookup(key)
	require.NoError(t, err)
	require.Equal(t, []byte{9, 9, 9, 9}, v)
	_, err = m.Lookup(other)
	require.ErrorIs(t, err, unix.ENOENT)
	require.ErrorIs(t, m.Update(key, v, abi.UpdateNoExist), unix.EEXIST)
	require.ErrorIs(t, m.Update(other, v, abi.UpdateExist), unix.ENOENT)
	require.NoError(t, m.Update(other, v, abi.UpdateNoExist))
	require.ErrorIs(t, m.Update([]byte{3, 0, 0, 0}, v, abi.UpdateAny), unix.E2BIG)
	require.NoError(t, m.Delete(key))
	require.ErrorIs(t, m.Delete(key), unix.ENOENT)
	elems, err := m.Elems()
	require.NoError(t, err)
	require.Equal(t, []ir.MapElem{{Key: other, Value: v}}, elems)
}

func TestGlobalsAreFrozenAndFilled(t *testing.T) {
	need(t)
	obj := object(t, "examples/xdp_globals.o")
	require.NoError(t, obj.SetGlobal("limit", []byte{200, 0, 0, 0}))
	p, err := kernel.Load(obj.Program("xdp_globals"), kernel.Options{})
	require.NoError(t, err)
	defer p.Close()
	out, err := p.Packet(make([]byte, 64)) // 64*3+1 = 193
	require.NoError(t, err)
	require.Equal(t, uint32(abi.XDPPass), out.Ret)
	out, err = p.Packet(make([]byte, 80)) // 80*3+1 = 241
	require.NoError(t, err)
	require.Equal(t, uint32(abi.XDPDrop), out.Ret)

	rodata := p.Maps()[0]
	require.True(t, rodata.Spec().Frozen)
	require.ErrorIs(t, rodata.Update(make([]byte, 4), make([]byte, 4), abi.UpdateAny), unix.EPERM)
	v, err := rodata.Lookup(make([]byte, 4))
	require.NoError(t, err)
	require.Equal(t, []byte{200, 0, 0, 0}, v)
}

func TestSharedMaps(t *testing.T) {
	need(t)
	obj := object(t, "examples/xdp_globals.o")
	writer, err := kernel.Load(obj.Program("xdp_globals"), kernel.Options{})
	require.NoError(t, err)
	defer writer.Close()
	bss := writer.Maps()[2]
	require.Equal(t, ".bss", bss.Spec().Name)
	reader, err := kernel.Load(obj.Program("xdp_count"), kernel.Options{Maps: []*kernel.Map{bss}})
	require.NoError(t, err)
	packet := make([]byte, 64)
	out, err := reader.Packet(packet)
	require.NoError(t, err)
	require.Equal(t, uint32(abi.XDPTX), out.Ret)
	_, err = writer.Packet(packet)
	require.NoError(t, err)
	out, err = reader.Packet(packet)
	require.NoError(t, err)
	require.Equal(t, uint32(abi.XDPPass), out.Ret, "the count that the other program writes is not seen")
	require.NoError(t, reader.Close())
	_, err = bss.Lookup(make([]byte, 4))
	require.NoError(t, err, "a map that was given to Load was closed with the program")
}

func TestImage(t *testing.T) {
	need(t)
	p, err := kernel.Load(object(t, "examples/xdp_globals.o").Program("xdp_globals"), kernel.Options{LineInfo: true})
	require.NoError(t, err)
	defer p.Close()
	code, err := p.Translated()
	require.NoError(t, err)
	require.Zero(t, len(code)%8)
	img, err := p.Image()
	var hidden *kernel.HiddenError
	if errors.As(err, &hidden) {
		t.Skip(err)
	}
	require.NoError(t, err)
	require.Len(t, img.Funcs, 3)
	src := p.Source()
	for i, f := range img.Funcs {
		require.Equal(t, src.Funcs[i].PC, f.PC, "function %d", i)
		// A kernel that guards its returns jumps to a thunk instead (emit_return in
		// arch/x86/net/bpf_jit_comp.c).
		text := img.Text[f.Off : f.Off+f.Len]
		ret, thunk := text[len(text)-1] == 0xc3, text[len(text)-5] == 0xe9
		require.True(t, ret || thunk, "function %d ends in neither ret nor a jump: % x", i, text[max(0, len(text)-16):])
	}
	last := int32(-1)
	for pc, in := range src.All() {
		off := img.PCMap[pc]
		if off == kernel.NoCode {
			continue
		}
		require.Greater(t, off, last, "insn %d: %+v", pc, in)
		last = off
	}
	for pc, in := range src.Insns {
		if in.Op == ir.OpPad {
			require.Equal(t, kernel.NoCode, img.PCMap[pc])
		}
	}
}

func descriptors(t testing.TB) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(list)
}

// Accepted, rejected, with maps, with line records and images: nothing stays
// open.
func TestNoDescriptorLeaks(t *testing.T) {
	need(t)
	good := object(t, "examples/xdp_globals.o").Programs[0]
	bad := object(t, "examples/xdp_planted_bug.o").Programs[0]
	once := func() {
		r, err := kernel.Verify(good, kernel.Options{LineInfo: true})
		require.NoError(t, err)
		require.Equal(t, kernel.Accept, r.Verdict)
		r, err = kernel.Verify(bad, kernel.Options{})
		require.NoError(t, err)
		require.Equal(t, kernel.Reject, r.Verdict)
	}
	once() // what is opened once and kept, such as by the poller
	before := descriptors(t)
	for range long.N(500, 50_000) { // two loads each
		once()
	}
	require.Equal(t, before, descriptors(t))
}

func BenchmarkLoad(b *testing.B) {
	need(b)
	p := object(b, "examples/xdp_classifier.o").Programs[0]
	insns := 0
	for b.Loop() {
		r, err := kernel.Verify(p, kernel.Options{})
		require.NoError(b, err)
		insns += r.Stats.Processed
	}
	b.ReportMetric(float64(insns)/b.Elapsed().Seconds(), "insns/s")
}

func BenchmarkPacket(b *testing.B) {
	need(b)
	p, err := kernel.Load(object(b, "examples/xdp_classifier.o").Programs[0], kernel.Options{})
	require.NoError(b, err)
	defer p.Close()
	packet := make([]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Packet(packet); err != nil {
			b.Fatal(err)
		}
	}
}
