package kernel

import (
	"errors"
	"fmt"
	goruntime "runtime"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/ir"
)

// The sizes of packets that the kernel's test run takes, in bytes.
const (
	// MinPacket is an Ethernet header (ETH_HLEN).
	MinPacket = 14
	// MaxPacket is what fits one page beside the headroom and the shared info of
	// a packet that is not split (bpf_prog_test_run_xdp).
	MaxPacket = 4096 - 256 - 320
	// maxGrowth is the room around a packet that a program may move its ends to.
	maxGrowth = 4096
)

// LimitError says that the kernel's test run cannot take an input that other
// engines can.
type LimitError struct {
	What     string // such as "packet"
	Got      int    // bytes
	Min, Max int    // bytes, both allowed
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("kernel: run: %s of %d bytes: the kernel's test run takes %d to %d", e.What, e.Got, e.Min, e.Max)
}

// UnsupportedError says that the kernel has no test run for a program type.
type UnsupportedError struct {
	Type ir.ProgType
}

func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("kernel: run: no test run for programs of type %v", e.Type)
}

// Outcome is what one call of the test run returned.
type Outcome struct {
	Ret  uint32
	Data []byte // the packet after the last run; valid until the next call
	Ctx  []byte // the context after the last run, nil if none was given; valid until the next call
	Ns   uint32 // mean time of a run in nanoseconds, as the kernel measured it
}

// Packet runs the program once on a packet. It is the fast way for many
// packets: nothing is allocated.
func (p *Program) Packet(data []byte) (Outcome, error) { return p.TestRun(data, nil, 1) }

// TestRun runs the program repeat times (at least once) on a copy of data each,
// with the context ctx or the kernel's own if it is nil. Packets outside the
// kernel's limits are a *LimitError, types that it cannot run an
// *UnsupportedError. A run of SchedCLS and the like sees the packet from its
// Ethernet header, a SocketFilter from behind it.
//
// Runs that repeat see the packet as the run before left it, as
// bpf_prog_test_run_xdp and bpf_prog_test_run_skb have it, ends restored.
func (p *Program) TestRun(data, ctx []byte, repeat int) (Outcome, error) {
	if p.fd < 0 {
		return Outcome{}, fmt.Errorf("kernel: run %s: %w", p.source.Name, ErrClosed)
	}
	if err := p.checkInput(data, ctx); err != nil {
		return Outcome{}, err
	}
	if p.run == nil {
		p.run = &runAttr{}
	}
	p.out = slices.Grow(p.out[:0], len(data)+maxGrowth+len(ctx))
	room := p.out[:cap(p.out)]
	dataOut, ctxOut := room[:len(room)-len(ctx)], room[len(room)-len(ctx):]
	a := p.run
	*a = runAttr{fd: uint32(p.fd), repeat: uint32(max(repeat, 1))}
	if len(data) > 0 {
		a.dataIn, a.dataSizeIn = bytesPtr(data), uint32(len(data))
		a.dataOut, a.dataSize = bytesPtr(dataOut), uint32(len(dataOut))
	}
	if len(ctx) > 0 {
		a.ctxIn, a.ctxSizeIn, a.ctxOut, a.ctxSizeOut = bytesPtr(ctx), uint32(len(ctx)), bytesPtr(ctxOut), uint32(len(ctxOut))
	}
	call := bpf[runAttr]
	if repeat > 1 {
		call = bpfQuiet[runAttr] // a signal would end the repetitions half way
	}
	_, err := call(cmdTestRun, a)
	goruntime.KeepAlive(data)
	goruntime.KeepAlive(ctx)
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.Errno(524)) {
		return Outcome{}, &UnsupportedError{p.source.Type}
	}
	if err != nil {
		return Outcome{}, fmt.Errorf("kernel: run %s on %d bytes: %w", p.source.Name, len(data), err)
	}
	out := Outcome{Ret: a.retval, Ns: a.duration}
	if len(data) > 0 {
		out.Data = dataOut[:min(int(a.dataSize), len(dataOut))]
	}
	if len(ctx) > 0 {
		out.Ctx = ctxOut[:min(int(a.ctxSizeOut), len(ctxOut))]
	}
	return out, nil
}

// checkInput refuses what the kernel would refuse with a bare EINVAL.
func (p *Program) checkInput(data, ctx []byte) error {
	switch p.source.Type {
	case ir.XDP, ir.SchedCLS, ir.SchedACT, ir.SocketFilter, ir.CgroupSKB, ir.LWTIn, ir.LWTOut, ir.LWTXmit, ir.LWTSeg6Local, ir.SkSKB:
		if len(data) < MinPacket || len(data) > MaxPacket {
			return &LimitError{What: "packet", Got: len(data), Min: MinPacket, Max: MaxPacket}
		}
	}
	return nil
}
