package runtime

import (
	"context"
	"time"

	"github.com/bpfproof/bpfproof/runtime/helpers"
)

// Input is what a test run works on.
type Input struct {
	// Data is the packet, or the memory of a program without a context.
	Data []byte
	// Ctx is the context as the program's type lays it out; nil for the usual
	// one. Packet pointers in it are offsets, as bpf(2) takes them.
	Ctx []byte
	// Repeat is how often the program runs; 0 and 1 both mean once. As in the
	// kernel, a run finds the packet as the one before left it.
	Repeat int
	// Fuel bounds a run; 0 means DefaultFuel. A run is stopped no earlier than
	// after Fuel instructions and no later than after Fuel backward jumps or
	// calls: the interpreter counts the former, native code the latter.
	Fuel uint64
}

// DefaultFuel bounds a run that names no fuel.
const DefaultFuel = 1 << 30

// Result is what a test run leaves.
type Result struct {
	Ret      uint64  // r0
	Data     []byte  // the packet or memory after the last run
	Ctx      []byte  // the context after the last run, pointers as offsets again
	NsPerRun float64 // wall time of one run on average
}

// Engine is one loaded program, ready to run.
type Engine interface {
	// Name returns the engine's name, such as "vm".
	Name() string
	// Run runs the program on the input. It is safe for concurrent use; every
	// call has a frame of its own. An error means that the run did not reach an
	// exit, or that the input does not fit the program's type.
	Run(ctx context.Context, in Input) (Result, error)
	// Close gives the engine's memory back. No run may be under way.
	Close() error
}

// Session is one thread's hold on an engine: frame and environment are set up
// once, and a run costs no allocation. It is not safe for concurrent use.
type Session interface {
	// Frame returns the frame that Run works on. The caller fills it before each
	// run and reads it after.
	Frame() *Frame
	// Run runs the program once on the frame.
	Run(ctx context.Context, fuel uint64) (ret uint64, err error)
	// Close gives the session's memory back.
	Close() error
}

// Environed is a session that shows the environment that its helpers work in:
// hooks that act on verdicts read there where a packet was redirected. Between
// runs the exported fields may be set, but for Memory.
type Environed interface {
	Env() *helpers.Env
}

// Opener is an engine that gives sessions. Hooks use them where they can.
type Opener interface {
	Open() (Session, error)
}

// RunSession runs a session's program on the input as Engine.Run does. Engines
// that are Openers implement Run by it.
func RunSession(ctx context.Context, s Session, in Input) (Result, error) {
	f := s.Frame()
	if err := f.Set(in); err != nil {
		return Result{}, err
	}
	fuel := in.Fuel
	if fuel == 0 {
		fuel = DefaultFuel
	}
	repeat := max(in.Repeat, 1)
	var res Result
	start := time.Now()
	for range repeat {
		ret, err := s.Run(ctx, fuel)
		if err != nil {
			return Result{}, err
		}
		res.Ret = ret
	}
	res.NsPerRun = float64(time.Since(start).Nanoseconds()) / float64(repeat)
	res.Data, res.Ctx = f.Data(), f.Ctx()
	return res, nil
}
