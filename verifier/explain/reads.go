package explain

import (
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/runtime/mem"
)

// part is where a part of the input lies while the program runs.
type part struct {
	addr uint64
	size int
}

// site is a piece of the input that the program read.
type site struct {
	part, off, size int
}

// place notes where the input's data and context lie; the elements' addresses
// are there already.
func (w *watch) place(regs *[ir.NumRegs]uint64) {
	data, ctx := &w.parts[0], w.ctxPart
	w.frame = regs[ir.FP]
	w.objects.regs[ir.FP] = frameAt(w.frame)
	if w.layout == nil {
		data.addr = regs[ir.R1]
		return
	}
	w.ctx = regs[ir.R1]
	if ctx > 0 {
		w.parts[ctx].addr = regs[ir.R1]
	}
	for _, f := range w.layout.Fields {
		if f.Kind == abi.PacketPtr {
			data.addr = pointer(regs[ir.R1]+uint64(f.Off), f.Size)
		}
	}
}

// pointer reads an address from the context.
func pointer(addr uint64, size int) uint64 {
	if size == 4 {
		return mem.Load32(addr)
	}
	return mem.Load64(addr)
}

// access notes which piece of the input the instruction is about to read.
func (w *watch) access(in ir.Insn, regs *[ir.NumRegs]uint64) {
	base := in.Src
	switch in.Kind() {
	case ir.KindLoad, ir.KindLoadAcquire:
	case ir.KindAtomic:
		base = in.Dst
	default:
		return
	}
	addr, n := regs[base]+uint64(int64(in.Off)), in.Row().Width.Bytes()
	for i, p := range w.parts {
		if off := addr - p.addr; p.addr != 0 && off < uint64(p.size) && off+uint64(n) <= uint64(p.size) {
			w.read(site{i, int(off), n})
			return
		}
	}
}

// mostSites bounds the pieces of the input that are noted.
const mostSites = 64

func (w *watch) read(s site) {
	if len(w.reads) >= mostSites {
		return
	}
	for _, r := range w.reads {
		if r == s {
			return
		}
	}
	w.reads = append(w.reads, s)
}
