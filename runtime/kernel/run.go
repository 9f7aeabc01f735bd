package kernel

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	goruntime "runtime"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/runtime"
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

// runner is one thread's way into the kernel: the request and room for what
// comes back, kept between runs.
type runner struct {
	attr runAttr
	out  []byte
}

// Packet runs the program once on a packet. It is the fast way for many
// packets: nothing is allocated.
func (p *Program) Packet(data []byte) (Outcome, error) { return p.TestRun(data, nil, 1) }

// TestRun runs the program repeat times (at least once), with the context ctx or
// the kernel's own if it is nil. Packets outside the kernel's limits are a
// *LimitError, types that it cannot run an *UnsupportedError. SchedCLS and the
// like see the packet from its Ethernet header, a SocketFilter from behind it. A
// run that is repeated finds the bytes of the packet as the run before left them.
//
// It is not safe for concurrent use; Run is.
func (p *Program) TestRun(data, ctx []byte, repeat int) (Outcome, error) {
	return p.runner.do(p, data, ctx, repeat)
}

// Run is TestRun as every engine has it. The kernel returns 32 bits of r0 and
// bounds a run by itself, so the input's fuel does not concern it; the context
// is checked once before the run. Result.Ctx is nil if the input has none.
func (p *Program) Run(ctx context.Context, in runtime.Input) (runtime.Result, error) {
	if err := ctx.Err(); err != nil {
		return runtime.Result{}, fmt.Errorf("kernel: run %s: %w", p.source.Name, err)
	}
	var r runner
	out, err := r.do(p, in.Data, in.Ctx, in.Repeat)
	if err != nil {
		return runtime.Result{}, err
	}
	return runtime.Result{Ret: uint64(out.Ret), Data: out.Data, Ctx: out.Ctx, NsPerRun: float64(out.Ns)}, nil
}

func (r *runner) do(p *Program, data, ctx []byte, repeat int) (Outcome, error) {
	if p.fd < 0 {
		return Outcome{}, fmt.Errorf("kernel: run %s: %w", p.source.Name, ErrClosed)
	}
	if err := p.checkInput(data); err != nil {
		return Outcome{}, err
	}
	r.out = slices.Grow(r.out[:0], len(data)+maxGrowth+len(ctx))
	room := r.out[:len(data)+maxGrowth+len(ctx)]
	dataOut, ctxOut := room[:len(room)-len(ctx)], room[len(room)-len(ctx):]
	a := &r.attr
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
	switch {
	case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, errNotSupported):
		return Outcome{}, &UnsupportedError{p.source.Type}
	case err != nil:
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

// errNotSupported is ENOTSUPP, which the kernel returns but no header of the
// application's side names.
const errNotSupported = unix.Errno(524)

// checkInput refuses what the kernel would refuse with a bare EINVAL.
func (p *Program) checkInput(data []byte) error {
	switch p.source.Type {
	case ir.XDP, ir.SchedCLS, ir.SchedACT, ir.SocketFilter, ir.CgroupSKB, ir.LWTIn, ir.LWTOut, ir.LWTXmit, ir.LWTSeg6Local, ir.SkSKB:
		if len(data) < MinPacket || len(data) > MaxPacket {
			return &LimitError{What: "packet", Got: len(data), Min: MinPacket, Max: MaxPacket}
		}
	}
	if header := ipHeader(data); p.source.Type != ir.XDP && header > 0 && len(data) < MinPacket+header {
		return &LimitError{What: "IP packet", Got: len(data), Min: MinPacket + header, Max: MaxPacket}
	}
	return nil
}

// ipHeader returns the bytes of IP header that a frame's type announces. The
// test run of socket buffers refuses frames that are too short for it.
func ipHeader(data []byte) int {
	if len(data) < MinPacket {
		return 0
	}
	switch binary.BigEndian.Uint16(data[12:]) {
	case unix.ETH_P_IP:
		return 20
	case unix.ETH_P_IPV6:
		return 40
	}
	return 0
}
