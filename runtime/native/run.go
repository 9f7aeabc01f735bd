package native

import (
	"context"
	"errors"
	"fmt"
	goruntime "runtime"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/helpers"
	"github.com/bpfproof/bpfproof/runtime/maps"
	"github.com/bpfproof/bpfproof/runtime/mem"
)

// pollInterval is how many backward jumps a run makes before it lets Go have
// its turn. A loop body that long in all takes well below a millisecond.
const pollInterval = 4096

// ErrFuel says that a run made more backward jumps than it was given.
var ErrFuel = errors.New("native: budget of backward jumps is used up")

var errClosed = errors.New("native: call program: the run is closed")

// machine is what image and assembly know of a run; jit/contract.go fixes the
// first three fields.
type machine struct {
	helper uintptr // jit.EnvHelper
	poll   uintptr // jit.EnvPoll
	cpu    uint64  // jit.EnvCPU: env.CPU as it was at entry

	slow  uintptr // helperExit, for quick
	entry uintptr // where enter calls the image
	top   uint64  // stack pointer at entry

	// The epochs of the run's maps, which enter enters and leaves: addresses of the
	// clock and of the reader's time, 0 if there are none or Go does it.
	epochNow, epochAt uint64

	goSP uintptr // Go stack at enter, of use only while the image runs
	goBP uintptr

	// The image's registers: arguments at entry, all at an exit.
	rax, rdi, rsi, rdx, rcx, r8, r9, r10, r11 uint64
	rbx, rbp, r13, r14, r15                   uint64
	rsp                                       uint64

	faultPC, faultSP, faultAddr, faultSignal uint64 // set by onSignal

	held uint64 // stripe whose lock quick holds, or 0

	// The record of a ring buffer that the program reserved through quick and has
	// not ended: its address or 0, and the ring's handle.
	record, ring uint64
}

// The contract's offsets are those of the structure.
var (
	_ [unsafe.Offsetof(machine{}.helper)]struct{} = [jit.EnvHelper]struct{}{}
	_ [unsafe.Offsetof(machine{}.poll)]struct{}   = [jit.EnvPoll]struct{}{}
	_ [unsafe.Offsetof(machine{}.cpu)]struct{}    = [jit.EnvCPU]struct{}{}
	_ [unsafe.Offsetof(Run{}.m)]struct{}          = [0]struct{}{}
)

// Run is one place to run a program in: an environment with its own machine
// stack. It is for one goroutine at a time; a program may have many.
type Run struct {
	m       machine // must be first: the assembly takes a *Run for a *machine
	prog    *Program
	exits   bool           // prog.exits
	helpers []helpers.Func // prog.helpers
	env     *helpers.Env
	ctx     context.Context // nil: cannot be cancelled
	fuel    int64           // backward jumps left beyond the budget, or unbounded
	err     error           // why an exit ended the run
	stack   *mem.Block
	number  int // among the program's runs that are open

	frame  *runtime.Frame // what LD_ABS reads; nil: nothing
	maps   []maps.Map     // of env
	tails  int            // tail calls made
	joined []*Program     // that tail calls led to, besides prog
	left   []*helpers.Env // that env took the place of in this run
}

// NewRun returns a place to run the program in, apart from frames and hooks:
// what r1 points to is the caller's affair. The caller closes it.
func (p *Program) NewRun() (*Run, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, fmt.Errorf("native: run program %q: it is closed", p.prog.Name)
	}
	stack, err := mem.Alloc(jit.StackBytes)
	if err != nil {
		return nil, fmt.Errorf("native: run program %q: %w", p.prog.Name, err)
	}
	p.live++
	r := &Run{prog: p, exits: p.exits, helpers: p.helpers, env: helpers.NewEnv(p.maps), maps: p.maps, fuel: unbounded, stack: stack}
	r.bind()
	r.env.Memory, r.env.Proved = hostMemory{}, true
	r.env.Clock, r.env.Trace, r.env.Later = p.opts.Clock, p.opts.Output, r.later
	r.number, r.env.CPU = p.cpus.Take()
	if p.opts.CPU != 0 {
		r.env.CPU = p.opts.CPU
	}
	r.seed()
	r.m.slow, r.m.poll, _ = addresses()
	r.m.helper = p.helperExit
	r.watch()
	r.m.top = p.stackTop(stack)
	r.m.entry = p.entry
	return r, nil
}

// stackTop returns the stack pointer at entry. Above it is room: who looks for
// a return address there at the wrong moment finds zero. It puts the top of the
// first eBPF stack at 32 bytes into a cache line: processors of the Zen 5 kind
// forward stores to loads fastest there (1.0 ns a round instead of 1.6 in
// BenchmarkBaseline/prog=stack).
func (p *Program) stackTop(stack *mem.Block) uint64 {
	const returnAddress, line = 8, 64
	f := p.code.Funcs[0].Frame
	top := stack.Addr() + uint64(stack.Size()) - line
	r10 := top - returnAddress - uint64(f.Size-f.Stack)
	return top - (r10-line/2)%line
}

// seed starts the random numbers anew.
func (r *Run) seed() { r.env.Random = max(r.prog.opts.Seed, 1) }

// Env returns the environment that the run's helpers see. The caller may set
// its exported fields, but for Memory, between calls.
func (r *Run) Env() *helpers.Env { return r.env }

// Call runs the program with r1 and r2 and returns r0. It allocates nothing
// unless the run fails. An error is a *FaultError, a *HelperError, ErrFuel or
// wraps the context's.
func (r *Run) Call(r1, r2 uint64) (uint64, error) {
	if r.m.top == 0 {
		return 0, errClosed
	}
	var ret uint64
	if r.exits {
		ret = r.callOut(r1, r2)
	} else { // nothing to enter: it meets no Go code and no map that frees elements
		r.m.cpu = uint64(r.env.CPU)
		ret = enterImage(r, r1, r2, r.portion())
	}
	if r.m.faultSignal != 0 || r.err != nil {
		return 0, r.failure()
	}
	return ret, nil
}

// callOut enters a program that calls helpers.
func (r *Run) callOut(r1, r2 uint64) uint64 {
	r.m.cpu = uint64(r.env.CPU)
	r.env.Begin()
	if r.m.epochAt == 0 {
		for _, e := range r.env.Readers() {
			e.Enter()
		}
	}
	ret := enterImage(r, r1, r2, r.portion())
	r.m.abandon()
	if r.m.epochAt == 0 || r.m.faultSignal != 0 || r.err != nil {
		r.env.Exit()
	} else {
		r.env.End()
	}
	if r.tails != 0 {
		r.tails = 0
		r.leaveOld()
	}
	return ret
}

// watch tells enter about the epochs of the run's environment.
func (r *Run) watch() {
	r.m.epochNow, r.m.epochAt = 0, 0
	if rs := r.env.Readers(); len(rs) == 1 {
		r.m.epochNow, r.m.epochAt = rs[0].Addresses()
	}
}

// Close gives the run's memory back, and the program's if that is closed and
// this was its last run. Further calls do nothing.
func (r *Run) Close() error {
	p := r.prog
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.m.top == 0 {
		return nil
	}
	r.m.top = 0
	p.cpus.Give(r.number)
	r.env.Close()
	r.stack.Free()
	p.live--
	err := p.freeImage()
	for _, q := range r.joined {
		err = errors.Join(err, q.release())
	}
	return err
}

// release gives up a run's hold on the program.
func (p *Program) release() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.live--
	return p.freeImage()
}

// unbounded is the fuel of a run that may go on for ever.
const unbounded = -1

// portion takes the next budget out of the fuel.
func (r *Run) portion() uint64 {
	if r.fuel == unbounded {
		return pollInterval
	}
	n := min(r.fuel, pollInterval)
	r.fuel -= n
	return uint64(n)
}

// failure takes the reason why the last call ended early out of the run.
func (r *Run) failure() error {
	err := r.err
	if r.m.faultSignal != 0 {
		at := r.m.faultPC
		if inQuick(at) {
			r.m.letGo()
			at = mem.Load64(r.m.faultSP) - 1 // in the call of the helper
		}
		p, off := r.at(at)
		fault := &FaultError{PC: -1, Addr: r.m.faultAddr, Signal: unix.Signal(r.m.faultSignal)}
		if p != nil { // or a jump into the arena, but into no image of the run
			fault.PC, fault.Offset = p.pcAt(off), off
		}
		err = fault
	}
	r.m.faultPC, r.m.faultSP, r.m.faultAddr, r.m.faultSignal, r.err = 0, 0, 0, 0, nil
	return err
}

// onOther is called on the Go stack for an image that calls a number which is
// not in its table of helpers. It returns what the image gets, and whether the
// run must end instead.
func onOther(r *Run) (ret uint64, stop bool) {
	id := uint32(r.m.rax)
	if id == idWake {
		ret, err := r.wake(r.m.rdi)
		return ret, err != nil
	}
	err := errors.New("it is not one of the program's")
	for _, w := range []ir.Width{ir.W8, ir.W16, ir.W32} {
		if id == jit.LoadPacket(w) {
			ret, err = r.loadPacket(r.m.rdi, int64(int32(r.m.rsi)), uint64(w.Bytes()))
		}
	}
	if err != nil {
		r.err = r.helperError(id, err)
	}
	return ret, err != nil
}

// onHelperError is called on the Go stack where a helper has failed; the run
// ends.
func onHelperError(r *Run, err error) {
	if !r.ended() {
		r.err = r.helperError(uint32(r.m.rax), err)
	}
}

// onPoll is called on the Go stack when the budget is used up. Go's scheduler
// has had its turn by the time this runs, in the check at a function's start.
func onPoll(r *Run) (stop bool) {
	if r.ctx != nil {
		if err := r.ctx.Err(); err != nil {
			r.err = fmt.Errorf("native: run program: %w", context.Cause(r.ctx))
			return true
		}
	}
	n := r.portion()
	if n == 0 {
		r.err = ErrFuel
		return true
	}
	r.m.r9 = n - 1 // the jump that polls is one of them
	return false
}

// HelperError says that a helper refused its arguments.
type HelperError struct {
	PC  ir.PC  // the calling instruction; -1 if that is not known
	ID  uint32 // the helper
	Err error
}

func (e *HelperError) Error() string {
	return fmt.Sprintf("native: insn %d: call helper %d: %v", e.PC, e.ID, e.Err)
}

// Unwrap returns the helper's own error.
func (e *HelperError) Unwrap() error { return e.Err }

func (r *Run) helperError(id uint32, err error) error {
	// The return address lies behind the call, so one byte before is inside.
	p, off := r.at(mem.Load64(r.m.rsp) - 1)
	if p == nil {
		return &HelperError{PC: -1, ID: id, Err: err}
	}
	return &HelperError{PC: p.pcAt(off), ID: id, Err: err}
}

// hostMemory gives helpers the memory of the process: the program was verified
// to pass good addresses only.
type hostMemory struct{}

func (hostMemory) Read(addr uint64, n int) ([]byte, error)  { return view(addr, n) }
func (hostMemory) Write(addr uint64, n int) ([]byte, error) { return view(addr, n) }

func view(addr uint64, n int) ([]byte, error) {
	if n < 0 || addr < 4096 {
		return nil, fmt.Errorf("access %d bytes at address %#x", n, addr)
	}
	goruntime.KeepAlive(mem.Touch(addr, uint64(n))) // a fault comes before the helper takes a lock
	return mem.View(addr, n), nil
}
