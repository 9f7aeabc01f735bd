package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"reflect"
	"sort"

	"github.com/bpfproof/bpfproof/internal/traffic"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/jitproof"
	"github.com/bpfproof/bpfproof/pipeline"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/hooks"
	"github.com/bpfproof/bpfproof/runtime/kernel"
	"github.com/bpfproof/bpfproof/runtime/maps"
	"github.com/bpfproof/bpfproof/runtime/native"
)

// answers are the results of a program over a capture, packet by packet.
type answers []uint32

// attach generates the capture, attaches the program to it and runs it
// natively.
func (d *demo) attach(ctx context.Context) error {
	packets := traffic.Generate(traffic.Options{Packets: d.packets})
	f, err := os.Create(d.pcap)
	if err != nil {
		return err
	}
	if err := errors.Join(traffic.Write(f, packets), f.Close()); err != nil {
		return err
	}
	info, err := os.Stat(d.pcap)
	if err != nil {
		return err
	}
	d.object, err = runtime.Load(ctx, []*ir.Program{d.program},
		runtime.Options{Loader: native.Loader(d.prover.backend, native.Options{}), Check: pipeline.Accepts(d.prover.verifier)})
	if err != nil {
		return err
	}
	link, err := d.object.Program(demoProgram).Attach(&hooks.Pcap{Path: d.pcap,
		ReplayOptions: hooks.ReplayOptions{Each: func(_ hooks.Packet, ret uint64) { d.native = append(d.native, uint32(ret)) }}})
	if err != nil {
		return err
	}
	d.title("attached", "to a replay of traffic.pcap: %d packets of %d kinds, %d bytes, made from a fixed seed", len(packets), kinds(packets), info.Size())
	report, err := link.(*hooks.Replay).Run(ctx)
	if err != nil {
		return err
	}
	d.title("executed", "natively: %d packets, %.0f ns/packet", report.Packets, report.NsPerPacket())
	d.say("verdicts: %s", histogram(named(d.program.Type, report.Verdicts)))
	d.expect(int(report.Packets) == len(packets) && report.Errors == 0, "%d of %d packets ran", report.Packets, len(packets))
	return nil
}

func kinds(packets []traffic.Packet) int {
	set := map[string]bool{}
	for _, p := range packets {
		set[p.Kind] = true
	}
	return len(set)
}

// classes are the indices of the classifier's per-protocol maps.
var classes = []string{"other", "arp", "icmp", "tcp", "udp", "icmpv6", "fragment", "malformed"}

// readMaps is the application: it reads the counters through the map API.
func (d *demo) readMaps(context.Context) error {
	d.title("maps", "read by the application")
	packets, bytes := d.object.Map("proto_packets"), d.object.Map("proto_bytes")
	d.say("%-10s %8s %10s", "protocol", "packets", "bytes")
	total := uint64(0)
	for i, name := range classes {
		key := binary.NativeEndian.AppendUint32(nil, uint32(i))
		n, err1 := packets.Lookup(key)
		b, err2 := bytes.Lookup(key)
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		total += binary.NativeEndian.Uint64(n)
		d.say("%-10s %8d %10d", name, binary.NativeEndian.Uint64(n), binary.NativeEndian.Uint64(b))
	}
	d.expect(total == uint64(len(d.native)), "%d packets counted, %d seen", total, len(d.native))
	d.sources(d.object.Map("sources"))
	return nil
}

// sources prints the sources that sent most.
func (d *demo) sources(m maps.Map) {
	type row struct {
		addr           netip.Addr
		packets, bytes uint64
	}
	var rows []row
	for k, v := range maps.All(m) {
		addr, _ := netip.AddrFromSlice(k)
		rows = append(rows, row{addr.Unmap(), binary.NativeEndian.Uint64(v), binary.NativeEndian.Uint64(v[8:])})
	}
	sort.Slice(rows, func(i, j int) bool {
		a, b := rows[i], rows[j]
		return a.packets > b.packets || a.packets == b.packets && a.addr.Less(b.addr)
	})
	d.say("%d sources, the busiest:", len(rows))
	for _, r := range rows[:min(3, len(rows))] {
		d.say("%-24v %5d packets %8d bytes", r.addr, r.packets, r.bytes)
	}
}

// compareKernel runs the same object on the live kernel over the same capture.
func (d *demo) compareKernel(ctx context.Context) error {
	if err := kernel.Available(); err != nil {
		d.title("kernel", "left out: %v", err)
		return nil
	}
	prog, err := kernel.Load(d.program, kernel.Options{})
	if err != nil {
		d.title("kernel", "does not load the program: %v", err)
		d.expect(false, "the live kernel has to accept what we accept")
		return nil
	}
	defer prog.Close()
	theirs, ns, err := d.replayKernel(prog)
	if err != nil {
		return err
	}
	differ := 0
	for i := range d.native {
		if i >= len(theirs) || theirs[i] != d.native[i] {
			differ++
		}
	}
	st := prog.Report().Stats
	d.title("kernel", "%s, the same object and packets: accepted in %d us (%d instructions processed), %.0f ns/packet", release(), st.Micros, st.Processed, ns)
	same, err := d.sameMaps(prog)
	if err != nil {
		return err
	}
	d.say("return values: %d of %d equal; map contents: %s", len(d.native)-differ, len(d.native), same)
	d.expect(differ == 0 && same == "equal", "engines differ")
	return d.proveKernel(ctx, prog)
}

// proveKernel proves the machine code that the live kernel's own JIT made of the
// program.
func (d *demo) proveKernel(ctx context.Context, prog *kernel.Program) error {
	o, err := kernel.NewObserver()
	if err != nil {
		return err
	}
	defer o.Close()
	img, err := o.Linux(prog)
	var hidden *kernel.HiddenError
	if errors.As(err, &hidden) {
		d.say("its machine code is not shown to us: %v", err)
		return nil
	}
	if err != nil {
		return err
	}
	cert, err := jitproof.New(d.prover.solver, jitproof.Options{}).ValidateKernel(ctx, img)
	if err != nil {
		return err
	}
	c := cert.Counts
	d.say("its JIT's %d bytes do what its bytecode means: %s (%d obligations, %d by rewriting)", cert.Bytes, cert.Status, c.Total, c.Rewriter)
	d.expect(cert.Status == jitproof.Proved, "%s", blame(cert))
	return nil
}

// replayKernel runs the capture through BPF_PROG_TEST_RUN. Its time is the
// kernel's own measurement of each run.
func (d *demo) replayKernel(prog *kernel.Program) (theirs answers, ns float64, err error) {
	f, err := os.Open(d.pcap)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	reader, err := hooks.NewReader(d.pcap, f, false)
	if err != nil {
		return nil, 0, err
	}
	for {
		packet, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return theirs, ns / float64(max(len(theirs), 1)), nil
		}
		if err != nil {
			return nil, 0, err
		}
		out, err := prog.Packet(packet.Data)
		if err != nil {
			return nil, 0, fmt.Errorf("packet %d: %w", packet.Index, err)
		}
		theirs = append(theirs, out.Ret)
		ns += float64(out.Ns)
	}
}

// sameMaps compares every map with the kernel's: "equal", or the first that is
// not.
func (d *demo) sameMaps(prog *kernel.Program) (string, error) {
	for _, m := range prog.Maps() {
		theirs, err := m.Elems()
		if err != nil {
			return "", err
		}
		var ours []ir.MapElem
		for k, v := range maps.All(d.object.Map(m.Spec().Name)) {
			ours = append(ours, ir.MapElem{Key: k, Value: v})
		}
		if !reflect.DeepEqual(sorted(ours), sorted(theirs)) {
			return m.Spec().Name + " differs", nil
		}
	}
	return "equal", nil
}
