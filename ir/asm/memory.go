package asm

import (
	"math"

	"github.com/bpfproof/bpfproof/ir"
)

var sizes = map[string]ir.Width{"u8": ir.W8, "u16": ir.W16, "u32": ir.W32, "u64": ir.W64,
	"s8": ir.W8, "s16": ir.W16, "s32": ir.W32}

// pointer reads "(u8 *)".
func (p *parser) pointer() (w ir.Width, signed bool) {
	p.want("(")
	t := p.take()
	w, ok := sizes[t.text]
	if !ok || t.kind != tokName {
		p.expected(t, "a size (u8 u16 u32 u64 s8 s16 s32)")
		return ir.W64, false
	}
	p.want("* )")
	return w, t.text[0] == 's'
}

// unsignedPointer reads "(u8 *)" and refuses "(s8 *)".
func (p *parser) unsignedPointer() ir.Width {
	t := p.ahead(1)
	w, signed := p.pointer()
	if signed {
		p.expected(t, "an unsigned size (u8 u16 u32 u64)")
	}
	return w
}

// place reads "(r1 + 8)".
func (p *parser) place() (base ir.Reg, off int16) {
	p.want("(")
	base, off = p.baseOffset()
	p.want(")")
	return base, off
}

// baseOffset reads "r1 + 8", "r1 - 8" or "r1".
func (p *parser) baseOffset() (base ir.Reg, off int16) {
	base = p.fullRegister()
	if t := p.peek(); t.isOp("+") || t.isOp("-") {
		off = int16(p.signed("offset", 1<<15, math.MaxInt16))
	}
	return base, off
}

// loaded checks that a word of w bits may be loaded into dst: a 32-bit register
// is as good as its 64-bit one where w is less than 64.
func (p *parser) loaded(start token, dst register, w ir.Width) {
	if w == ir.W64 && dst.width != ir.W64 {
		p.fail(start, "expected a 64-bit register, found %q", start.text)
	}
}

// load reads "*(u8 *)(r1 + 0)" or "*(u8 *)skb[...]".
func (p *parser) load(start token, dst register) {
	p.want("*")
	t := p.ahead(1)
	w, signed := p.pointer()
	if p.accept("skb") {
		if signed || dst.reg != ir.R0 {
			p.fail(t, "a load from the packet has an unsigned size and goes to r0")
		}
		p.loaded(start, dst, w)
		p.packet(start, w)
		return
	}
	in := ir.Insn{Op: ir.OpLoad(w, signed), Dst: dst.reg}
	in.Src, in.Off = p.place()
	p.loaded(start, dst, w)
	if signed && dst.width != ir.W64 {
		p.fail(start, "a load that extends the sign fills 64 bits: expected a 64-bit register, found %q", start.text)
	}
	p.emit(start, in)
}

// packet reads "[20]" or "[r2 + 20]".
func (p *parser) packet(start token, w ir.Width) {
	p.want("[")
	in := ir.Insn{Op: ir.OpLoadPacket(w, false)}
	if p.peek().isRegister() {
		in.Op, in.Src = ir.OpLoadPacket(w, true), p.fullRegister()
		if t := p.peek(); t.isOp("+") || t.isOp("-") {
			in.Imm = p.signed("offset", 1<<31, math.MaxInt32)
		}
	} else {
		in.Imm = p.signed("offset", 1<<31, math.MaxInt32)
	}
	p.want("]")
	p.emit(start, in)
}

// store reads "*(u8 *)(r1 + 0) = r2".
func (p *parser) store() {
	start := p.take()
	w := p.unsignedPointer()
	var in ir.Insn
	in.Dst, in.Off = p.place()
	p.want("=")
	if p.peek().isRegister() {
		in.Op, in.Src = ir.OpStore(w, ir.X), p.carrier(w)
	} else {
		in.Op, in.Imm = ir.OpStore(w, ir.K), p.immediate(w)
	}
	p.emit(start, in)
}

// lock reads "lock *(u64 *)(r1 + 0) += r2".
func (p *parser) lock() {
	start := p.take()
	p.want("*")
	w := p.unsignedPointer()
	var in ir.Insn
	in.Dst, in.Off = p.place()
	t := p.take()
	op, ok := map[string]ir.AtomicOp{"+=": ir.AtomicAdd, "|=": ir.AtomicOr, "&=": ir.AtomicAnd, "^=": ir.AtomicXor}[t.text]
	if !ok {
		p.expected(t, "an atomic operation (+= |= &= ^=)")
	}
	in.Op, in.Src = ir.OpAtomic(op, w, false), p.carrier(w)
	p.emit(start, in)
}

// storeRelease reads "store_release((u64 *)(r1 + 0), r2)".
func (p *parser) storeRelease() {
	start := p.take()
	p.want("(")
	w := p.unsignedPointer()
	in := ir.Insn{Op: ir.OpStoreRelease(w)}
	in.Dst, in.Off = p.place()
	p.want(",")
	in.Src = p.carrier(w)
	p.want(")")
	p.emit(start, in)
}
