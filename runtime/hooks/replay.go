package hooks

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/runtime"
)

// Pcap is a capture file as a hook: the program runs once for every packet.
type Pcap struct {
	Path     string
	AllowCut bool // deliver what the capture holds of packets that it cut
	ReplayOptions
}

// ReplayOptions say how the packets of a capture are delivered.
type ReplayOptions struct {
	Fuel uint64 // of each run; 0 means runtime.DefaultFuel
	// Each, if not nil, is called after each run. It must not keep the packet.
	Each func(p Packet, ret uint64)
	// Clock, if not nil, shows programs the packets' times. Engines must have been
	// given it when the programs were loaded.
	Clock *EventClock
	// Progress, if not nil, is told now and then how many bytes of the file were
	// read.
	Progress func(offset int64)
}

// Attach returns a *Replay. Programs whose type takes no packet are refused.
func (h *Pcap) Attach(p *runtime.Program) (runtime.Link, error) {
	switch p.Spec().Type {
	case ir.XDP, ir.SocketFilter, ir.SchedCLS, ir.SchedACT, ir.CgroupSKB, ir.LWTIn, ir.LWTOut, ir.LWTXmit, ir.Unspec:
		return &Replay{hook: *h, program: p}, nil
	}
	return nil, fmt.Errorf("hooks: attach program %q to packets: type %v takes none", p.Name(), p.Spec().Type)
}

// Replay is a program attached to a capture.
type Replay struct {
	hook    Pcap
	program *runtime.Program
	mu      sync.Mutex // one replay at a time
	counters
}

// Run reads the whole capture and runs the program for every packet, in order.
// It may be called again. The report is valid up to the packet that failed.
func (l *Replay) Run(ctx context.Context) (Report, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed.Load() {
		return Report{}, fmt.Errorf("hooks: replay %s: %w", l.hook.Path, ErrDetached)
	}
	f, err := os.Open(l.hook.Path)
	if err != nil {
		return Report{}, fmt.Errorf("hooks: replay: %w", err)
	}
	defer f.Close()
	r, err := NewReader(l.hook.Path, f, l.hook.AllowCut)
	if err != nil {
		return Report{}, err
	}
	return replay(ctx, l.program.Engine(), r, l.hook.ReplayOptions, &l.counters)
}

// Close detaches: a replay under way ends with ErrDetached. It returns when no
// run is under way; Each may call it.
func (l *Replay) Close() error { l.finish(); return nil }

// Report is what a replay counted.
type Report struct {
	Packets  uint64            // packets the program returned for
	Bytes    uint64            // of these packets
	Errors   uint64            // packets whose run did not reach its exit: 0 or 1, as it ends the replay
	Verdicts map[uint64]uint64 // how often each result was returned
	Nanos    uint64            // wall time of the runs, with putting the packet in place, without reading the file
}

// NsPerPacket returns the time of one run on average, 0 without packets.
func (r *Report) NsPerPacket() float64 {
	if r.Packets == 0 {
		return 0
	}
	return float64(r.Nanos) / float64(r.Packets)
}

// batch is how many packets are read ahead, so that the clock is read rarely.
const batch = 256

// Run feeds all packets of a reader to an engine, through one session where it
// gives sessions.
func Run(ctx context.Context, e runtime.Engine, r *Reader, opts ReplayOptions) (Report, error) {
	return replay(ctx, e, r, opts, &counters{})
}

// replay counts as it goes, so that who looks meanwhile sees how far it is.
func replay(ctx context.Context, e runtime.Engine, r *Reader, opts ReplayOptions, c *counters) (Report, error) {
	d := delivery{counters: c, ReplayOptions: opts, ctx: ctx, engine: e, rep: Report{Verdicts: map[uint64]uint64{}}}
	if d.Fuel == 0 {
		d.Fuel = runtime.DefaultFuel
	}
	if o, ok := e.(runtime.Opener); ok {
		s, err := o.Open()
		if err != nil {
			return d.rep, fmt.Errorf("hooks: open session: %w", err)
		}
		defer s.Close()
		if err := s.Frame().Set(runtime.Input{}); err != nil {
			return d.rep, err
		}
		d.session = s
	}
	for {
		last, readErr := d.read(r)
		before := d.rep
		err := d.deliver(r.name)
		d.add(d.rep.Packets-before.Packets, d.rep.Errors-before.Errors, d.rep.Nanos-before.Nanos)
		if err != nil {
			return d.rep, err
		}
		if d.Progress != nil {
			d.Progress(r.Offset())
		}
		if last {
			return d.rep, readErr
		}
		if err := ctx.Err(); err != nil {
			return d.rep, fmt.Errorf("hooks: replay %s: after packet %d: %w", r.name, r.index, err)
		}
	}
}

type delivery struct {
	ReplayOptions
	ctx     context.Context
	engine  runtime.Engine
	session runtime.Session // nil if the engine gives none
	rep     Report
	*counters

	buf     []byte
	packets []Packet
	rets    [batch]uint64
}

// read fills the batch; last is set at the end of the file or at an error.
func (d *delivery) read(r *Reader) (last bool, err error) {
	d.buf, d.packets = d.buf[:0], d.packets[:0]
	for len(d.packets) < batch {
		p, err := r.Next()
		switch {
		case err == io.EOF:
			return true, nil
		case err != nil:
			return true, err
		}
		d.buf = append(d.buf, p.Data...)
		p.Data = d.buf[len(d.buf)-len(p.Data):] // earlier ones stay in the old array if it moves
		d.packets = append(d.packets, p)
	}
	return false, nil
}

// deliver runs the program for the packets of the batch.
func (d *delivery) deliver(name string) error {
	if !d.enter() {
		return fmt.Errorf("hooks: replay %s: %w", name, ErrDetached)
	}
	run := d.runSession
	if d.session == nil {
		run = d.runEngine
	}
	done, err := run()
	d.leave()
	return d.count(name, done, err)
}

// runSession returns how many packets the program returned for.
func (d *delivery) runSession() (done int, err error) {
	frame := d.session.Frame()
	start := time.Since(began)
	for i := range d.packets {
		if err = frame.SetData(d.packets[i].Data); err != nil {
			break
		}
		d.tick(i)
		if d.rets[i], err = d.session.Run(d.ctx, d.Fuel); err != nil {
			break
		}
		done++
	}
	d.rep.Nanos += uint64(time.Since(began) - start)
	return done, err
}

func (d *delivery) runEngine() (done int, err error) {
	for i := range d.packets {
		var res runtime.Result
		d.tick(i)
		if res, err = d.engine.Run(d.ctx, runtime.Input{Data: d.packets[i].Data, Fuel: d.Fuel}); err != nil {
			break
		}
		d.rets[i] = res.Ret
		d.rep.Nanos += uint64(res.NsPerRun)
		done++
	}
	return done, err
}

// tick shows programs the time of the i-th packet.
func (d *delivery) tick(i int) {
	if d.Clock != nil {
		d.Clock.now.Store(uint64(d.packets[i].Time.UnixNano()))
	}
}

func (d *delivery) count(name string, done int, err error) error {
	for i, p := range d.packets[:done] {
		d.rep.Packets++
		d.rep.Bytes += uint64(len(p.Data))
		d.rep.Verdicts[d.rets[i]]++
		if d.Each != nil {
			d.Each(p, d.rets[i])
		}
	}
	if err != nil {
		d.rep.Errors++
		return fmt.Errorf("hooks: replay %s: packet %d: %w", name, d.packets[done].Index, err)
	}
	return nil
}

// VerdictName returns what a result means for the program's type, such as
// "drop"; the number where it has no name.
func VerdictName(t ir.ProgType, ret uint64) string {
	xdp := [...]string{"aborted", "drop", "pass", "tx", "redirect"} // enum xdp_action
	if t == ir.XDP && ret < uint64(len(xdp)) {
		return xdp[ret]
	}
	return strconv.FormatUint(ret, 10)
}
