// Command ratelimit is an example of an application of bpfproof: it limits how
// many packets a second each source may send, by an XDP program that keeps a
// bucket of tokens for every source in an LRU hash.
//
// It replays a capture, or listens on an interface, where packets are copies and
// verdicts are counted. It knows the program by the names and layouts of its
// maps, which bpf/ratelimit.c states.
//
// Invariant: verdicts and maps are those of the model in model.go, which a test
// checks packet by packet.
//
//	ratelimit --rate 50 --burst 10 --pcap traffic.pcap
//
// Sources: the token bucket of RFC 2697 with one colour.
package main

import (
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/signal"
	"slices"

	"github.com/bpfproof/bpfproof/pipeline"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/hooks"
	"github.com/bpfproof/bpfproof/runtime/maps"
)

//go:embed bpf/ratelimit.o
var object []byte

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "ratelimit:", err)
		os.Exit(2)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	f := flag.NewFlagSet("ratelimit", flag.ContinueOnError)
	rate := f.Uint64("rate", 50, "packets a second that each source may send, 1 to 1000000")
	burst := f.Uint64("burst", 10, "packets that a source may send at once, 1 to 1000000")
	pcap := f.String("pcap", "", "capture to replay")
	live := f.String("interface", "", "interface to listen on, until interrupted")
	pin := f.String("pin", "", "file in which the table of sources outlives the process")
	if err := f.Parse(args); err != nil {
		return err
	}
	if (*pcap == "") == (*live == "") {
		return errors.New("want one of --pcap and --interface")
	}
	l, err := load(ctx, config{*rate, *burst}, *pcap != "", *pin)
	if err != nil {
		return err
	}
	defer l.object.Close()
	var report hooks.Report
	if *pcap != "" {
		report, err = l.replay(ctx, *pcap, nil)
	} else {
		report, err = l.listen(ctx, *live)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d packets: %d passed, %d dropped, %.0f ns a packet\n",
		report.Packets, report.Verdicts[pass], report.Verdicts[drop], report.NsPerPacket())
	return l.print(out, 5)
}

// limiter is the loaded program.
type limiter struct {
	object  *runtime.Object
	program *runtime.Program
	clock   *hooks.EventClock // the packets' time; nil: the machine's
}

// load loads the program and sets the limit. With replayed the program's time is
// that of the packets.
func load(ctx context.Context, c config, replayed bool, pin string) (*limiter, error) {
	if c.Rate < 1 || c.Rate > 1e6 || c.Burst < 1 || c.Burst > 1e6 {
		return nil, fmt.Errorf("rate %d, burst %d: want 1 to 1000000", c.Rate, c.Burst)
	}
	l := &limiter{}
	opts := pipeline.Options{}
	if replayed {
		l.clock = &hooks.EventClock{}
		opts.Native.Clock = l.clock
	}
	if pin != "" {
		opts.Pin = map[string]string{"sources": pin}
	}
	o, err := pipeline.LoadObject(ctx, "ratelimit.o", bytes.NewReader(object), opts)
	if err != nil {
		return nil, err
	}
	limit, err := maps.Of[uint32, config](o.Map("config"))
	if err == nil {
		err = limit.Update(0, c, 0)
	}
	if err != nil {
		return nil, errors.Join(err, o.Close())
	}
	o.Map("config").Freeze() // nobody changes the limit any more
	l.object, l.program = o, o.Program("rate_limit")
	return l, nil
}

func (l *limiter) replay(ctx context.Context, path string, each func(hooks.Packet, uint64)) (hooks.Report, error) {
	link, err := l.program.Attach(&hooks.Pcap{Path: path, ReplayOptions: hooks.ReplayOptions{Clock: l.clock, Each: each}})
	if err != nil {
		return hooks.Report{}, err
	}
	return link.(*hooks.Replay).Run(ctx)
}

func (l *limiter) listen(ctx context.Context, name string) (hooks.Report, error) {
	link, err := l.program.Attach(&hooks.Live{Interface: name})
	if err != nil {
		return hooks.Report{}, err
	}
	return link.(*hooks.LiveLink).Run(ctx)
}

// row is a source and its bucket.
type row struct {
	from netip.Addr
	bucket
}

// sources reads the table, those that lost most packets first.
func (l *limiter) sources() ([]row, error) {
	m, err := maps.Of[[16]byte, bucket](l.object.Map("sources"))
	if err != nil {
		return nil, err
	}
	var rows []row
	for k, b := range m.All() {
		rows = append(rows, row{netip.AddrFrom16(k).Unmap(), b})
	}
	slices.SortFunc(rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(b.Dropped, a.Dropped), cmp.Compare(b.Passed, a.Passed), a.from.Compare(b.from))
	})
	return rows, nil
}

func (l *limiter) print(out io.Writer, n int) error {
	rows, err := l.sources()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d sources, those that lost most:\n", len(rows))
	for _, r := range rows[:min(n, len(rows))] {
		if _, err := fmt.Fprintf(out, "%-24v %6d passed %6d dropped\n", r.from, r.Passed, r.Dropped); err != nil {
			return err
		}
	}
	return nil
}
