package hooks

import (
	"context"
	"encoding/binary"
	"fmt"
	"reflect"

	"github.com/bpfproof/bpfproof/runtime"
)

// Probe is a hook on a function of the application, which calls it where the
// function begins and where it returns: programs of type kprobe see registers
// as a uprobe shows them, with the arguments and the result where the System V
// calling convention of x86-64 has them. The registers of the machine are not
// read; what is not said is zero. It is safe for concurrent use.
type Probe struct {
	event *Event
	entry uint64
}

// MaxProbeArgs is how many arguments a probe passes: those in registers.
const MaxProbeArgs = 6

// Offsets in struct pt_regs of x86-64, and its size.
const (
	regsResult = 80
	regsIP     = 128
	regsSize   = 168
)

// regsArgs are the offsets of rdi, rsi, rdx, rcx, r8 and r9.
var regsArgs = [MaxProbeArgs]int{112, 104, 96, 88, 72, 64}

// NewProbe returns a probe on a function, whose address programs find as the
// instruction pointer. fn must be a function.
func NewProbe(name string, fn any) (*Probe, error) {
	v := reflect.ValueOf(fn)
	if v.Kind() != reflect.Func || v.IsNil() {
		return nil, fmt.Errorf("hooks: probe %q: a %T is no function", name, fn)
	}
	e, err := NewEvent(Layout{Name: name, Size: regsSize}, EventOptions{})
	if err != nil {
		return nil, err
	}
	return &Probe{event: e, entry: uint64(v.Pointer())}, nil
}

// Attach attaches a program of type kprobe.
func (p *Probe) Attach(prog *runtime.Program) (runtime.Link, error) { return p.event.Attach(prog) }

// Enter tells the programs that the function is called with the arguments, at
// most MaxProbeArgs, and returns their results.
func (p *Probe) Enter(ctx context.Context, args ...uint64) ([]uint64, error) {
	if len(args) > MaxProbeArgs {
		return nil, fmt.Errorf("hooks: probe %q: %d arguments, at most %d are in registers", p.event.layout.Name, len(args), MaxProbeArgs)
	}
	var regs [regsSize]byte
	for i, x := range args {
		binary.NativeEndian.PutUint64(regs[regsArgs[i]:], x)
	}
	return p.fire(ctx, regs[:])
}

// Return tells the programs that the function returns a result.
func (p *Probe) Return(ctx context.Context, result uint64) ([]uint64, error) {
	var regs [regsSize]byte
	binary.NativeEndian.PutUint64(regs[regsResult:], result)
	return p.fire(ctx, regs[:])
}

func (p *Probe) fire(ctx context.Context, regs []byte) ([]uint64, error) {
	binary.NativeEndian.PutUint64(regs[regsIP:], p.entry)
	return p.event.Fire(ctx, regs)
}
