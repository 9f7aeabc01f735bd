package e2e

import (
	"fmt"
	"slices"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/helpers"
	"github.com/bpfproof/bpfproof/runtime/maps"
	"github.com/bpfproof/bpfproof/runtime/mem"
	"github.com/bpfproof/bpfproof/runtime/vm/reference"
)

// referenceFuel bounds a run of the reference.
const referenceFuel = 1 << 17

// Reference returns the written meaning as an engine: package vm/reference,
// which computes by ir/sem, with our maps and helpers around it. It checks
// every access. Registers and stack hold the byte fill at the start, so that a
// program that reads what it never wrote differs from itself under another one;
// so does one that computes with addresses, since the fill moves stack and input.
//
// It is the one engine of ours that runs Syscall programs: Input.Ctx is the
// memory that r1 points to.
func Reference(fill byte) Engine {
	return Engine{Name: "reference", RetMask: ^uint64(0), Run: func(p *ir.Program, inputs []runtime.Input) (*Outcome, error) {
		ms, err := runtime.CreateMaps(p)
		if err != nil {
			return nil, err
		}
		w, err := newWorld(p, ms, fill)
		if err != nil {
			return nil, err
		}
		defer w.close()
		out := &Outcome{Engine: "reference"}
		for i, in := range inputs {
			res, err := w.run(in)
			if err != nil {
				return nil, fmt.Errorf("input %d: %w", i, err)
			}
			out.Results = append(out.Results, res)
		}
		out.Elems = ourElems(ms)
		return out, nil
	}}
}

// world is what a program of the reference can reach: it implements
// helpers.Memory over stack, input, context and map values.
type world struct {
	p     *ir.Program
	maps  []maps.Map
	fill  byte
	frame *runtime.Frame // nil for Syscall programs
	ctx   *mem.Block     // of Syscall programs
	size  int            // bytes of it
	stack *mem.Block
	top   uint64         // r10 of the main program
	decoy *runtime.Frame // takes the place of frame in memory
	env   *helpers.Env
	m     *reference.Machine // of the run under way
}

// maxCtx bounds the context of a Syscall program (U16_MAX in the kernel).
const maxCtx = 1<<16 - 1

func newWorld(p *ir.Program, ms []maps.Map, fill byte) (*world, error) {
	w := &world{p: p, maps: ms, fill: fill}
	var err error
	if fill != 0 && p.Type != ir.Syscall {
		w.decoy, _ = runtime.NewFrame(p.Type) // the next line tells of an error
	}
	if p.Type == ir.Syscall {
		w.ctx, err = mem.Alloc(maxCtx + 256)
	} else if w.frame, err = runtime.NewFrame(p.Type); err != nil {
		err = fmt.Errorf("%w: %w", ErrSkip, err)
	}
	if err != nil {
		w.close()
		return nil, err
	}
	if w.stack, err = mem.Alloc((reference.MaxFrames + 1) * ir.StackSize); err != nil {
		w.close()
		return nil, err
	}
	w.top = w.stack.Addr() + uint64(w.stack.Size()) - w.shift()
	w.env = helpers.NewEnv(ms)
	w.env.Memory = w
	if w.frame != nil {
		w.env.Packet = w.frame
	}
	return w, nil
}

// shift is how far the fill moves stack and context, in bytes: less than a
// frame.
func (w *world) shift() uint64 { return uint64(w.fill) &^ 15 }

// ctxAddr is the address of a Syscall program's context.
func (w *world) ctxAddr() uint64 { return w.ctx.Addr() + w.shift() }

func (w *world) close() {
	if w.decoy != nil {
		w.decoy.Free()
	}
	if w.env != nil {
		w.env.Close()
	}
	if w.frame != nil {
		w.frame.Free()
	}
	if w.ctx != nil {
		w.ctx.Free()
	}
	if w.stack != nil {
		w.stack.Free()
	}
	for _, m := range w.maps {
		m.Close()
	}
}

// prepare makes the machine of a run on the input.
func (w *world) prepare(in runtime.Input) error {
	w.m = &reference.Machine{Program: w.p, Memory: w, Map: w.mapRef, Call: w.call}
	stack := w.stack.Bytes()
	for i := range stack {
		stack[i] = w.fill
	}
	for r := range w.m.Regs {
		w.m.Regs[r] = uint64(w.fill) * 0x0101010101010101
	}
	w.m.Regs[ir.FP] = w.top
	if w.frame == nil {
		w.size = min(len(in.Ctx), maxCtx)
		w.m.Regs[ir.R1] = w.ctxAddr()
		copy(mem.View(w.ctxAddr(), w.size), in.Ctx)
	} else {
		if err := w.frame.Set(in); err != nil {
			return err
		}
		w.m.Regs[ir.R1], w.m.Regs[ir.R2] = w.frame.Args()
	}
	return nil
}

func (w *world) run(in runtime.Input) (runtime.Result, error) {
	if err := w.prepare(in); err != nil {
		return runtime.Result{}, err
	}
	w.env.Enter()
	defer w.env.Exit()
	if err := w.m.Run(referenceFuel); err != nil {
		return runtime.Result{}, err
	}
	res := runtime.Result{Ret: w.m.Regs[ir.R0]}
	if w.frame == nil {
		res.Ctx = slices.Clone(mem.View(w.ctxAddr(), w.size))
	} else {
		res.Data, res.Ctx = w.frame.Data(), w.frame.Ctx()
	}
	return res, nil
}

func (w *world) mapRef(index int, value bool) (uint64, error) {
	if value {
		return w.maps[index].Region().Base, nil
	}
	return w.maps[index].Handle(), nil
}

func (w *world) call(id abi.HelperID, args [5]uint64) (uint64, error) {
	f, ok := helpers.Lookup(id)
	if !ok {
		return 0, fmt.Errorf("helper %d: %w", id, reference.ErrUnsupported)
	}
	return f(w.env, args)
}

// Read returns memory that the program may read.
func (w *world) Read(addr uint64, n int) ([]byte, error) { return w.view(addr, n, false) }

// Write returns memory that the program may write.
func (w *world) Write(addr uint64, n int) ([]byte, error) { return w.view(addr, n, true) }

func (w *world) view(addr uint64, n int, write bool) ([]byte, error) {
	within := func(lo, hi uint64) bool { return addr >= lo && addr <= hi && uint64(n) <= hi-addr }
	// A call clears the frame below the innermost one before it enters it.
	depth := min(uint64(w.m.Depth())+1, reference.MaxFrames)
	if within(w.top-depth*ir.StackSize, w.top) || w.input(addr, n, write, within) {
		return mem.View(addr, n), nil
	}
	for _, m := range w.maps {
		if r := m.Region(); r.Contains(addr, uint64(n)) && (!write || !r.ReadOnly) {
			return mem.View(addr, n), nil
		}
	}
	return nil, fmt.Errorf("%d bytes at %#x: outside the program's memory", n, addr)
}

// input reports whether the n bytes at addr are packet, memory or context.
func (w *world) input(addr uint64, n int, write bool, within func(lo, hi uint64) bool) bool {
	if w.frame == nil {
		return within(w.ctxAddr(), w.ctxAddr()+uint64(w.size))
	}
	if start, end := w.frame.Bounds(); within(start, end) {
		return !write || w.frame.Writable()
	}
	ctx, layout := w.frame.Context()
	if layout == nil || !within(ctx, ctx+uint64(layout.Size)) {
		return false
	}
	field := layout.Field(int(addr-ctx), n)
	return !write || field != nil && field.Writable
}
