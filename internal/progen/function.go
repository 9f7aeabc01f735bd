package progen

import (
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
)

// The main program's stack, in bytes below r10: numbers, then pointers.
const (
	mainStack   = 64
	calleeStack = 32
	bufferSize  = 16
	ctxSlot     = -72
	endSlot     = -80 // the packet's end
)

// base is the register that points to the input of the main program, or to the
// buffer in a function that takes one.
const base = ir.R9

// main makes the main program.
func (g *gen) main() *function {
	f := &function{gen: g, left: g.o.Size, stack: mainStack}
	f.regions = []region{{base: ir.FP, lo: -mainStack, aligned: true, atomic: true}}
	f.input()
	f.fill(g.IntN(2) == 0)
	f.block(0)
	f.landSome(0, true)
	f.fold()
	f.result()
	f.emit(ir.Insn{Op: ir.OpExit()})
	if len(f.short) > 0 {
		for _, at := range f.short {
			f.insns[at].Off = int16(len(f.insns) - at - 1)
		}
		f.alu(ir.Mov, ir.R0, f.imm())
		f.emit(ir.Insn{Op: ir.OpExit()})
	}
	return f
}

// input makes the region of the program's input.
func (f *function) input() {
	switch t := f.o.Type; {
	case hasPacket(t):
		f.packet(t)
		f.regions = append(f.regions, region{base: base, hi: InputBytes - 8})
	case t == ir.Syscall || t == ir.Unspec:
		f.alux(ir.Mov, base, ir.R1)
		f.regions = append(f.regions, region{base: base, hi: InputBytes, aligned: t == ir.Syscall})
	default:
		return
	}
	f.hold(base)
}

// packet checks that the packet has InputBytes bytes, leaves its start in base
// and spills the context and the packet's end.
func (f *function) packet(t ir.ProgType) {
	c, _ := abi.LookupContext(t)
	load := func(dst ir.Reg, kind abi.FieldKind) {
		for _, x := range c.Fields {
			if x.Kind == kind {
				f.emit(ir.Insn{Op: ir.OpLoad(ir.W32, false), Dst: dst, Src: ir.R1, Off: int16(x.Off)})
				return
			}
		}
	}
	load(ir.R2, abi.PacketEnd)
	load(base, abi.PacketPtr)
	f.emit(ir.Insn{Op: ir.OpStore(ir.W64, ir.X), Dst: ir.FP, Src: ir.R1, Off: ctxSlot})
	f.emit(ir.Insn{Op: ir.OpStore(ir.W64, ir.X), Dst: ir.FP, Src: ir.R2, Off: endSlot})
	f.alux(ir.Mov, ir.R3, base)
	f.alu(ir.Add, ir.R3, InputBytes)
	cmp, x, y := ir.JGT, ir.R3, ir.R2
	if f.IntN(2) == 1 {
		cmp, x, y = ir.JLT, ir.R2, ir.R3
	}
	f.short = append(f.short, len(f.insns))
	f.emit(ir.Insn{Op: ir.OpBranch(cmp, ir.W64, ir.X), Dst: x, Src: y})
}

// callee makes a function that may call those that are there.
func (g *gen) callee() *function {
	f := &function{gen: g, left: 1 + g.IntN(max(g.o.Size/3, 1)), stack: calleeStack, args: g.IntN(5), buffer: g.IntN(3) == 0}
	f.regions = []region{{base: ir.FP, lo: -calleeStack, aligned: true, atomic: true}}
	first := ir.R1
	if f.buffer {
		f.alux(ir.Mov, base, ir.R1)
		f.regions = append(f.regions, region{base: base, hi: bufferSize, aligned: true, atomic: true})
		f.hold(base)
		first = ir.R2
	}
	for i := range f.args {
		f.numbers |= setOf(first + ir.Reg(i))
	}
	f.fill(false)
	f.block(0)
	f.landSome(0, true)
	f.fold()
	f.emit(ir.Insn{Op: ir.OpExit()})
	return f
}

// fill gives numbers to r0, r6, some more registers and the whole stack of
// numbers.
func (f *function) fill(many bool) {
	for _, r := range []ir.Reg{ir.R0, ir.R6, ir.R7, ir.R8, ir.R2, ir.R3, ir.R1, ir.R4, ir.R5, ir.R9} {
		if f.numbers.has(r) || f.pinned.has(r) || r != ir.R0 && r != ir.R6 && !many && f.IntN(2) == 0 {
			continue
		}
		f.fresh(r)
	}
	for off := -8; off >= -f.stack; off -= 8 {
		if f.IntN(2) == 0 {
			f.emit(ir.Insn{Op: ir.OpStore(ir.W64, ir.X), Dst: ir.FP, Src: f.number(), Off: int16(off)})
		} else {
			f.emit(ir.Insn{Op: ir.OpStore(ir.W64, ir.K), Dst: ir.FP, Off: int16(off), Imm: f.imm()})
		}
	}
}

// fresh gives a register a number from the input or a constant.
func (f *function) fresh(r ir.Reg) {
	switch input := f.regions[len(f.regions)-1]; {
	case input.base == base && f.IntN(3) > 0:
		w := f.width()
		f.emit(ir.Insn{Op: ir.OpLoad(w, false), Dst: r, Src: base, Off: f.place(input, w.Bytes(), input.aligned)})
	case f.IntN(2) == 0:
		f.alu(ir.Mov, r, f.imm())
	default:
		f.emit(ir.Insn{Op: ir.OpLoadImm(ir.PseudoNone), Dst: r, Imm: f.imm64()})
	}
	f.numbers |= setOf(r)
}

// fold makes r0 a sum of all registers with numbers and of the stack, each with
// another odd factor: a difference in one of them is one of r0.
func (f *function) fold() {
	add := func(r ir.Reg) {
		f.alu(ir.Mul, ir.R0, 0x01000193)
		f.alux(ir.Add, ir.R0, r)
	}
	for r := ir.R1; r < ir.FP; r++ {
		if f.numbers.has(r) {
			add(r)
		}
	}
	for off := -8; off >= -f.stack; off -= 8 {
		f.emit(ir.Insn{Op: ir.OpLoad(ir.W64, false), Dst: ir.R1, Src: ir.FP, Off: int16(off)})
		add(ir.R1)
	}
}

// result writes all of r0 where it is seen.
func (f *function) result() {
	switch {
	case hasPacket(f.o.Type):
		f.emit(ir.Insn{Op: ir.OpStore(ir.W64, ir.X), Dst: base, Src: ir.R0, Off: InputBytes - 8})
	case f.has(Globals):
		f.emit(ir.Insn{Op: ir.OpLoadImm(ir.PseudoMapValue), Dst: ir.R1, Imm: f.mapIndex(globals) | (globalsSize-8)<<32})
		f.emit(ir.Insn{Op: ir.OpStore(ir.W64, ir.X), Dst: ir.R1, Src: ir.R0})
	case f.o.Type == ir.Syscall || f.o.Type == ir.Unspec:
		f.emit(ir.Insn{Op: ir.OpStore(ir.W64, ir.X), Dst: base, Src: ir.R0, Off: InputBytes - 8})
	}
}
