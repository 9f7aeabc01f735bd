package hooks

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/internal/traffic"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/vm"
)

// Sizes in the pcap format in bytes.
const (
	fileHeader   = 24
	recordHeader = 16
)

// lengthProgram returns the packet's length, or faults where it is over limit.
func lengthProgram(limit int64) *ir.Program {
	load := ir.Insn{Op: ir.OpLoad(ir.W32, false)}
	end, data := load, load
	end.Dst, end.Src, end.Off = ir.R0, ir.R1, 4
	data.Dst, data.Src = ir.R2, ir.R1
	return &ir.Program{Name: "length", Type: ir.XDP, Insns: []ir.Insn{
		end, data,
		{Op: ir.OpALU(ir.Sub, ir.W64, ir.X), Dst: ir.R0, Src: ir.R2},
		{Op: ir.OpBranch(ir.JLE, ir.W64, ir.K), Dst: ir.R0, Imm: limit, Off: 1},
		{Op: ir.OpLoad(ir.W8, false), Dst: ir.R0, Src: ir.R0},
		{Op: ir.OpExit()},
	}}
}

func load(t testing.TB, p *ir.Program) *runtime.Program {
	t.Helper()
	o, err := runtime.Load(context.Background(), []*ir.Program{p}, runtime.Options{Loader: vm.Loader(vm.Options{}), Unverified: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, o.Close()) })
	return o.Program(p.Name)
}

func capture(t testing.TB, n int) ([]traffic.Packet, []byte) {
	t.Helper()
	packets := traffic.Generate(traffic.Options{Packets: n})
	var b bytes.Buffer
	require.NoError(t, traffic.Write(&b, packets))
	return packets, b.Bytes()
}

func file(t testing.TB, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "capture.pcap")
	require.NoError(t, os.WriteFile(path, b, 0o600))
	return path
}

func TestReplay(t *testing.T) {
	packets, b := capture(t, 1000)
	prog := load(t, lengthProgram(1<<20))
	next := 0
	link, err := prog.Attach(&Pcap{Path: file(t, b), ReplayOptions: ReplayOptions{Each: func(p Packet, ret uint64) {
		require.Equal(t, next+1, p.Index)
		require.Equal(t, packets[next].Data, p.Data)
		require.EqualValues(t, len(p.Data), ret)
		next++
	}}})
	require.NoError(t, err)
	rep, err := link.(*Replay).Run(context.Background())
	require.NoError(t, err)
	require.Equal(t, 1000, next)
	want, size := map[uint64]uint64{}, uint64(0)
	for _, p := range packets {
		want[uint64(len(p.Data))]++
		size += uint64(len(p.Data))
	}
	require.Equal(t, want, rep.Verdicts)
	require.Equal(t, size, rep.Bytes)
	require.Positive(t, rep.NsPerPacket())
	require.EqualValues(t, 1000, link.Stats().Runs)
	require.NoError(t, link.Close())
	_, err = link.(*Replay).Run(context.Background())
	require.ErrorContains(t, err, "the link is closed")
}

// TestReplayEnds: a link that is closed, by another or by who sees a packet, ends
// the replay under way.
func TestReplayEnds(t *testing.T) {
	_, b := capture(t, 3000)
	var link runtime.Link
	seen := 0
	link, err := load(t, lengthProgram(1<<20)).Attach(&Pcap{Path: file(t, b), ReplayOptions: ReplayOptions{Each: func(Packet, uint64) {
		if seen++; seen == 700 {
			require.NoError(t, link.Close())
		}
	}}})
	require.NoError(t, err)
	rep, err := link.(*Replay).Run(context.Background())
	require.ErrorIs(t, err, ErrDetached)
	require.EqualValues(t, seen, rep.Packets)
	require.Less(t, seen, 3000)
	require.EqualValues(t, seen, link.Stats().Runs)
}

// plainEngine hides that the interpreter gives sessions.
type plainEngine struct{ runtime.Engine }

func TestReplayWithoutSessions(t *testing.T) {
	_, b := capture(t, 600)
	prog := load(t, lengthProgram(1<<20))
	var reports []Report
	for _, e := range []runtime.Engine{prog.Engine(), plainEngine{prog.Engine()}} {
		r, err := NewReader("x", bytes.NewReader(b), false)
		require.NoError(t, err)
		rep, err := Run(context.Background(), e, r, ReplayOptions{})
		require.NoError(t, err)
		rep.Nanos = 0
		reports = append(reports, rep)
	}
	require.Equal(t, reports[0], reports[1])
}

func TestReplayNamesThePacket(t *testing.T) {
	packets, b := capture(t, 400)
	at := 0
	for at = 300; len(packets[at].Data) < 400; at++ {
	}
	limit := 0
	for _, p := range packets[:at] {
		limit = max(limit, len(p.Data))
	}
	if len(packets[at].Data) <= limit {
		packets[at].Data = make([]byte, limit+1)
		var out bytes.Buffer
		require.NoError(t, traffic.Write(&out, packets))
		b = out.Bytes()
	}
	link, err := load(t, lengthProgram(int64(limit))).Attach(&Pcap{Path: file(t, b)})
	require.NoError(t, err)
	rep, err := link.(*Replay).Run(context.Background())
	var fault *vm.Fault
	require.ErrorAs(t, err, &fault)
	require.ErrorContains(t, err, "capture.pcap: packet "+itoa(at+1)+": vm: insn 4: load of 1 bytes")
	require.EqualValues(t, at, rep.Packets)
	require.EqualValues(t, 1, rep.Errors)
}

func itoa(n int) string { return VerdictName(ir.Unspec, uint64(n)) }

func TestReaderErrors(t *testing.T) {
	packets, b := capture(t, 3)
	second := fileHeader + recordHeader + len(packets[0].Data)
	patch := func(off int, x uint32) []byte {
		c := bytes.Clone(b)
		binary.LittleEndian.PutUint32(c[off:], x)
		return c
	}
	longer := patch(second+12, 1514)
	tests := []struct {
		name string
		in   []byte
		want string
	}{
		{"empty", nil, "hooks: read x: offset 0: file is empty"},
		{"cut header", b[:10], "hooks: read x: offset 0: file header is cut: the file has 10 bytes"},
		{"foreign", bytes.Repeat([]byte("text"), 20), "hooks: read x: offset 0: no pcap file: Unknown magic 74786574"},
		{"link type", patch(20, 101), "hooks: read x: offset 20: link type 101 (Raw), not Ethernet"},
		{"cut record", b[:second+7], "hooks: read x: packet 2 at offset " + itoa(second) + ": file ends inside the record's header"},
		{"cut packet", b[:second+recordHeader+1], "hooks: read x: packet 2 at offset " + itoa(second) + ": file ends inside the packet's " + itoa(len(packets[1].Data)) + " bytes"},
		{"no packet", b[:second+recordHeader], "hooks: read x: packet 2 at offset " + itoa(second) + ": file ends inside the packet's " + itoa(len(packets[1].Data)) + " bytes"},
		{"snap length", longer, "hooks: read x: packet 2 at offset " + itoa(second) + ": captured " + itoa(len(packets[1].Data)) + " of 1514 bytes"},
		{"huge", patch(second+8, 1<<31), "hooks: read x: packet 2 at offset " + itoa(second) + ": capture length exceeds snap length: 2147483648 > 65536"},
		{"shorter than captured", patch(second+12, 1), "hooks: read x: packet 2 at offset " + itoa(second) + ": capture length exceeds original packet length: " + itoa(len(packets[1].Data)) + " > 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := NewReader("x", bytes.NewReader(tt.in), false)
			for err == nil {
				_, err = r.Next()
			}
			require.EqualError(t, err, tt.want)
		})
	}
	r, err := NewReader("x", bytes.NewReader(longer), true)
	require.NoError(t, err)
	for _, want := range packets {
		p, err := r.Next()
		require.NoError(t, err)
		require.Equal(t, want.Data, p.Data)
		require.GreaterOrEqual(t, p.Whole, len(p.Data))
	}
	_, err = r.Next()
	require.Equal(t, io.EOF, err)
}

// ng writes the packets as a pcapng file.
func ng(t testing.TB, packets []traffic.Packet, link layers.LinkType) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := pcapgo.NewNgWriter(&b, link)
	require.NoError(t, err)
	for _, p := range packets {
		ci := gopacket.CaptureInfo{Timestamp: p.Time, CaptureLength: len(p.Data), Length: len(p.Data)}
		require.NoError(t, w.WritePacket(ci, p.Data))
	}
	require.NoError(t, w.Flush())
	return b.Bytes()
}

// TestPcapng: both formats give the same packets; every cut of a file is an
// error with its place, or the end of a whole packet.
func TestPcapng(t *testing.T) {
	packets, _ := capture(t, 20)
	b := ng(t, packets, layers.LinkTypeEthernet)
	r, err := NewReader("x", bytes.NewReader(b), false)
	require.NoError(t, err)
	for i, want := range packets {
		p, err := r.Next()
		require.NoError(t, err)
		require.Equal(t, want.Data, p.Data)
		require.Equal(t, i+1, p.Index)
		require.True(t, want.Time.Equal(p.Time), "%v, want %v", p.Time, want.Time)
	}
	_, err = r.Next()
	require.Equal(t, io.EOF, err)
	require.EqualValues(t, len(b), r.Offset())

	ends := map[int64]int{}
	for n := range packets {
		part := ng(t, packets[:n], layers.LinkTypeEthernet)
		ends[int64(len(part))] = n
	}
	for size := range len(b) {
		r, err := NewReader("x", bytes.NewReader(b[:size]), false)
		n := 0
		for err == nil {
			if _, err = r.Next(); err == nil {
				n++
			}
		}
		if whole, ok := ends[int64(size)]; ok && err == io.EOF {
			require.Equal(t, whole, n, "%d bytes", size)
			continue
		}
		require.Regexp(t, `^hooks: read x: (offset 0|packet \d+ at offset \d+): file `, err.Error(), "%d of %d bytes", size, len(b))
	}
	_, err = NewReader("x", bytes.NewReader(ng(t, packets, layers.LinkTypeRaw)), false)
	require.EqualError(t, err, "hooks: read x: offset 0: link type 101 (Raw), not Ethernet")
	bad := bytes.Clone(b)
	copy(bad[8:], "text")
	_, err = NewReader("x", bytes.NewReader(bad), false)
	require.ErrorContains(t, err, "hooks: read x: offset 0: no pcapng file: ")
}

func TestGzip(t *testing.T) {
	_, b := capture(t, 5)
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	_, err := w.Write(b)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	r, err := NewReader("x", &z, false)
	require.NoError(t, err)
	n := 0
	for _, err = r.Next(); err == nil; _, err = r.Next() {
		n++
	}
	require.Equal(t, io.EOF, err)
	require.Equal(t, 5, n)
}

func TestDirect(t *testing.T) {
	prog := load(t, lengthProgram(100))
	link, err := prog.Attach(Direct{})
	require.NoError(t, err)
	d := link.(*DirectLink)
	res, err := d.Fire(context.Background(), runtime.Input{Data: make([]byte, 77), Repeat: 3})
	require.NoError(t, err)
	require.EqualValues(t, 77, res.Ret)
	_, err = d.Fire(context.Background(), runtime.Input{Data: make([]byte, 101)})
	require.Error(t, err)
	s := link.Stats()
	require.EqualValues(t, 3, s.Runs)
	require.EqualValues(t, 1, s.Errors)
	require.NoError(t, link.Close())
	_, err = d.Fire(context.Background(), runtime.Input{})
	require.ErrorContains(t, err, "the link is closed")
}

func TestVerdictName(t *testing.T) {
	require.Equal(t, "drop", VerdictName(ir.XDP, 1))
	require.Equal(t, "5", VerdictName(ir.XDP, 5))
	require.Equal(t, "1", VerdictName(ir.SocketFilter, 1))
}

// FuzzReader: any bytes give packets and then one clear error or the end, and
// packets never hold more than the input does.
func FuzzReader(f *testing.F) {
	_, b := capture(f, 3)
	f.Add(b)
	f.Add(b[:30])
	packets, _ := capture(f, 3)
	f.Add(ng(f, packets, layers.LinkTypeEthernet))
	f.Add([]byte{0x1f, 0x8b, 8})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, in []byte) {
		r, err := NewReader("x", bytes.NewReader(in), true)
		total := 0
		for err == nil {
			var p Packet
			if p, err = r.Next(); err == nil {
				total += recordHeader + len(p.Data)
				if !bytes.HasPrefix(in, []byte{0x1f, 0x8b}) && total > len(in) {
					t.Fatalf("%d bytes of packets from %d bytes", total, len(in))
				}
			}
		}
		if err != io.EOF && !bytes.HasPrefix([]byte(err.Error()), []byte("hooks: read x: ")) {
			t.Fatalf("error without place: %v", err)
		}
	})
}
