package explain

import (
	"fmt"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/runtime/vm"
)

// fault says what happened in words that do not depend on where this run's
// memory was.
func (w *watch) fault(f *vm.Fault) string {
	verb := "reads"
	if f.Write {
		verb = "writes"
	}
	switch f.Kind {
	case vm.FaultMemory:
		return fmt.Sprintf("insn %d %s %d bytes at %s", f.PC, verb, f.Size, w.where(f.Addr))
	case vm.FaultMisaligned:
		return fmt.Sprintf("insn %d accesses %d bytes atomically at an address that is no multiple of that", f.PC, f.Size)
	case vm.FaultForbidden:
		return fmt.Sprintf("insn %d writes r10", f.PC)
	case vm.FaultDepth:
		return fmt.Sprintf("insn %d calls with %d frames in use", f.PC, vm.MaxFrames)
	}
	return fmt.Sprintf("insn %d: a helper refuses its arguments", f.PC)
}

// stackRoom is the size of all frames in bytes.
const stackRoom = vm.MaxFrames * ir.StackSize

// near is how far from an object an address is still told relative to it.
const near = 1 << 16

// where names an address by what lies there or near it.
func (w *watch) where(addr uint64) string {
	if x, at, ok := w.objects.pointsInto(w.p.Insns[w.last], &w.regs); ok && at == addr {
		return fmt.Sprintf("offset %d of %v", x.offset(addr), x)
	}
	data := w.parts[0]
	if off := addr - data.addr; data.addr != 0 && off < uint64(data.size) {
		return fmt.Sprintf("offset %d of the data, where it has no such access now", off)
	}
	if off := int64(addr - data.addr); data.addr != 0 && off > -near && off < near+int64(data.size) {
		return fmt.Sprintf("offset %d of the data, which has %d bytes", off, data.size)
	}
	switch off := int64(addr - w.frame); {
	case off >= -2*stackRoom && off < stackRoom:
		return fmt.Sprintf("offset %d from the stack's top", off)
	case w.layout != nil && addr-w.ctx < uint64(w.layout.Size):
		return fmt.Sprintf("offset %d of the context, where it has no such access", addr-w.ctx)
	case w.layout != nil && addr-w.ctx < near:
		return fmt.Sprintf("offset %d of the context, which has %d bytes", addr-w.ctx, w.layout.Size)
	case addr < near:
		return fmt.Sprintf("address %#x", addr)
	}
	return "an address that is not the program's"
}
