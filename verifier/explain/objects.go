package explain

import (
	"fmt"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
)

// object is the map value or stack frame that a register points into.
type object struct {
	base, size uint64
	frame      bool // it is a frame
}

func (x object) String() string {
	if x.frame {
		return "a stack frame"
	}
	return fmt.Sprintf("a map value of %d bytes", x.size)
}

// offset returns where an address is: from the frame's r10, or from the value's
// first byte.
func (x object) offset(addr uint64) int64 {
	if x.frame {
		return int64(addr - x.base - x.size)
	}
	return int64(addr - x.base)
}

// frameAt returns the frame below the address in r10.
func frameAt(fp uint64) object { return object{fp - ir.StackSize, ir.StackSize, true} }

// stray is an access that began in one object's pointer and ended outside that
// object. The interpreter sees it only if no other object lies there.
type stray struct {
	pc   ir.PC
	off  int64
	size uint64
	in   object
}

// objects follows pointers to map values and frames through registers and spills.
type objects struct {
	regs   [ir.NumRegs]object
	saved  [][4]object // r6 to r9 of callers
	spills map[uint64]object
	size   func(pc ir.PC, in ir.Insn, regs *[ir.NumRegs]uint64) uint64 // of the value that a lookup finds
	off    bool
}

// after does what the instruction at pc did; before and now are the registers
// around it.
func (o *objects) after(p *ir.Program, pc ir.PC, before, now *[ir.NumRegs]uint64) {
	in := p.Insns[pc]
	row := in.Row()
	switch row.Kind {
	case ir.KindALU:
		o.alu(in)
	case ir.KindLoadImm:
		o.regs[in.Dst] = object{}
		if i, off, ok := in.Map(); ok && (row.Pseudo == ir.PseudoMapValue || row.Pseudo == ir.PseudoMapIdxV) {
			o.regs[in.Dst] = object{base: now[in.Dst] - uint64(off), size: uint64(p.Maps[i].ValueSize)}
		}
	case ir.KindSwap:
		o.regs[in.Dst] = object{}
	case ir.KindLoad, ir.KindLoadAcquire:
		o.regs[in.Dst] = object{}
		if row.Width == ir.W64 {
			o.regs[in.Dst] = o.spills[before[in.Src]+uint64(int64(in.Off))]
		}
	case ir.KindStore, ir.KindStoreRelease:
		o.store(in, before)
	case ir.KindAtomic:
		o.off = o.off || row.Width == ir.W64 // may exchange pointers
	case ir.KindCall:
		o.call(p, pc, in, before, now)
	case ir.KindExit:
		if n := len(o.saved); n > 0 {
			copy(o.regs[ir.R6:ir.FP], o.saved[n-1][:])
			o.saved = o.saved[:n-1]
			o.regs[ir.FP] = frameAt(now[ir.FP])
		}
	}
}

func (o *objects) alu(in ir.Insn) {
	row := in.Row()
	var src object
	if row.Src == ir.X {
		src = o.regs[in.Src]
	}
	dst := &o.regs[in.Dst]
	switch {
	case row.Width != ir.W64:
		*dst = object{}
	case row.ALU == ir.Mov:
		*dst = src
	case row.ALU == ir.Add && dst.size == 0:
		*dst = src
	case row.ALU != ir.Add && row.ALU != ir.Sub, src.size > 0:
		*dst = object{}
	}
}

// store keeps spills. Every store forgets what it may overlap.
func (o *objects) store(in ir.Insn, before *[ir.NumRegs]uint64) {
	addr := before[in.Dst] + uint64(int64(in.Off))
	for d := uint64(0); d < 15 && len(o.spills) > 0; d++ {
		delete(o.spills, addr+7-d)
	}
	if x := o.regs[in.Src]; in.Row().Width == ir.W64 && in.Row().Src == ir.X && x.size > 0 {
		if o.spills == nil {
			o.spills = map[uint64]object{}
		}
		o.spills[addr] = x
	}
}

func (o *objects) call(p *ir.Program, pc ir.PC, in ir.Insn, before, now *[ir.NumRegs]uint64) {
	if in.Row().Pseudo == ir.CallLocal {
		o.saved = append(o.saved, [4]object(o.regs[ir.R6:ir.FP]))
		o.regs[ir.FP] = frameAt(now[ir.FP])
		return
	}
	for r := ir.R0; r <= ir.R5; r++ {
		o.regs[r] = object{}
	}
	switch abi.HelperID(in.Imm) {
	case abi.Loop, abi.ForEachMapElem, abi.TailCall:
		o.off = true
	case abi.MapLookupElem:
		if n := o.size(pc, in, before); n > 0 && now[ir.R0] != 0 {
			o.regs[ir.R0] = object{base: now[ir.R0], size: n}
		}
	default:
		o.spills = nil // it may have written there
	}
}

// pointsInto returns what an access of the instruction is made for, and the
// address; ok is false if that is not known.
func (o *objects) pointsInto(in ir.Insn, regs *[ir.NumRegs]uint64) (x object, addr uint64, ok bool) {
	base := in.Dst
	switch in.Kind() {
	case ir.KindLoad, ir.KindLoadAcquire:
		base = in.Src
	case ir.KindStore, ir.KindStoreRelease, ir.KindAtomic:
	default:
		return x, 0, false
	}
	x = o.regs[base]
	return x, regs[base] + uint64(int64(in.Off)), !o.off && x.size > 0
}

// check tells whether the access that the instruction is about to make leaves
// the object that its pointer was made for.
func (o *objects) check(pc ir.PC, in ir.Insn, regs *[ir.NumRegs]uint64) *stray {
	x, addr, ok := o.pointsInto(in, regs)
	n := uint64(in.Row().Width.Bytes())
	if off := addr - x.base; !ok || off <= x.size && n <= x.size-off {
		return nil
	}
	return &stray{pc, x.offset(addr), n, x}
}
