package progen

import (
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
)

// called notes that a call left r0 a number and r1-r5 without any.
func (f *function) called() { f.numbers = f.numbers&^clobbered | setOf(ir.R0) }

// call adds a call of a function of the program.
func (f *function) call() {
	callee := f.funcs[f.IntN(len(f.funcs))]
	if f.steps+max(f.turns, 1)*callee.steps > MaxSteps {
		f.constant()
		return
	}
	first := ir.R1
	if callee.buffer {
		first = ir.R2
	}
	for i := range callee.args {
		dst := first + ir.Reg(i)
		if f.IntN(2) == 0 {
			f.alux(ir.Mov, dst, f.number())
		} else {
			f.alu(ir.Mov, dst, f.imm())
		}
		f.numbers |= setOf(dst)
	}
	if callee.buffer {
		f.slot(ir.R1, bufferSize)
	}
	f.calls = append(f.calls, call{len(f.insns), callee})
	f.emit(ir.Insn{Op: ir.OpCall(ir.CallLocal)})
	f.steps += max(f.turns, 1) * callee.steps
	f.called()
}

// slot leaves in r the address of n bytes of the stack's numbers.
func (f *function) slot(r ir.Reg, n int) (off int16) {
	off = f.place(region{lo: -f.stack}, (n+7)&^7, false) &^ 7
	f.alux(ir.Mov, r, ir.FP)
	f.alu(ir.Add, r, int64(off))
	return off
}

func (f *function) helper(id abi.HelperID) {
	f.emit(ir.Insn{Op: ir.OpCall(ir.CallHelper), Imm: int64(id)})
	f.called()
}

// mapStep adds a lookup with accesses to the value, an update or a delete.
func (f *function) mapStep(which int) {
	size := [...]int{array: arraySize, hash: hashSize}[which]
	// The key goes to the stack: mostly one of few.
	key := int16(-f.stack + 8*f.IntN(f.stack/8))
	if f.IntN(3) == 0 {
		f.emit(ir.Insn{Op: ir.OpStore(ir.W64, ir.K), Dst: ir.FP, Off: key, Imm: int64(f.IntN(entries + 1))})
	} else {
		r := f.pick(f.numbers &^ f.pinned)
		f.alu(ir.And, r, int64(f.IntN(4*entries)))
		f.emit(ir.Insn{Op: ir.OpStore(ir.W64, ir.X), Dst: ir.FP, Off: key, Src: r})
	}
	f.emit(ir.Insn{Op: ir.OpLoadImm(ir.PseudoMapFD), Dst: ir.R1, Imm: f.mapIndex(which)})
	f.alux(ir.Mov, ir.R2, ir.FP)
	f.alu(ir.Add, ir.R2, int64(key))
	switch f.weighted([]int{4, 3, 1}) {
	case 0:
		f.helper(abi.MapLookupElem)
		f.value(size)
	case 1:
		f.slot(ir.R3, size)
		f.alu(ir.Mov, ir.R4, int64(f.weighted([]int{4, 1, 1, 1}))) // the flags, one of them invalid
		f.helper(abi.MapUpdateElem)
	case 2:
		f.helper(abi.MapDeleteElem)
	}
}

// value accesses the map value at r0, which may be null, and leaves a number in
// r0.
func (f *function) value(size int) {
	f.hold(ir.R0)
	miss := f.jump(ir.Insn{Op: ir.OpBranch(ir.JEQ, ir.W64, ir.K), Dst: ir.R0})
	p := ir.R0
	if f.IntN(2) == 0 {
		p = f.scratch()
		f.alux(ir.Mov, p, ir.R0)
		f.release(ir.R0)
		f.fresh(ir.R0)
	}
	hi := size
	if f.has(VarOffset) && f.oneIn(3) {
		x := f.pick(f.numbers &^ f.pinned)
		f.alu(ir.And, x, 8)
		f.alux(ir.Add, p, x)
		hi -= 8
	}
	for range 1 + f.IntN(3) {
		f.access(region{base: p, hi: hi, atomic: true})
	}
	f.release(p)
	f.release(ir.R0)
	f.land(miss)
	f.fresh(ir.R0)
}

// global accesses the value of the map of globals by its address.
func (f *function) global() {
	p := f.scratch()
	f.emit(ir.Insn{Op: ir.OpLoadImm(ir.PseudoMapValue), Dst: p, Imm: f.mapIndex(globals) | int64(8*f.IntN(3))<<32})
	for range 1 + f.IntN(3) {
		f.access(region{base: p, hi: globalsSize - 16 - 8, atomic: true})
	}
	f.release(p)
}

// checksum calls csum_diff on two pieces of the stack.
func (f *function) checksum() {
	seed := f.number()
	f.alux(ir.Mov, ir.R5, seed)
	for _, r := range []ir.Reg{ir.R1, ir.R3} {
		n := 4 * (1 + f.IntN(4))
		f.slot(r, n)
		f.alu(ir.Mov, r+1, int64(n))
	}
	f.helper(abi.CsumDiff)
}

// farPacket accesses the packet at an offset that depends on a number, behind a
// check of its own.
func (f *function) farPacket() {
	p, end, limit := f.scratch(), f.scratch(), f.scratch()
	x := f.pick(f.numbers &^ f.pinned)
	f.alu(ir.And, x, 63)
	f.alux(ir.Mov, p, base)
	f.alux(ir.Add, p, x)
	f.alux(ir.Mov, limit, p)
	f.alu(ir.Add, limit, 8)
	f.emit(ir.Insn{Op: ir.OpLoad(ir.W64, false), Dst: end, Src: ir.FP, Off: endSlot})
	out := f.jump(ir.Insn{Op: ir.OpBranch(ir.JGT, ir.W64, ir.X), Dst: limit, Src: end})
	for range 1 + f.IntN(2) {
		f.access(region{base: p, hi: 8})
	}
	f.land(out)
	f.release(p)
	f.release(end)
	f.release(limit)
}

// context reads a number from the context of an XDP program.
func (f *function) context() {
	c, _ := abi.LookupContext(f.o.Type)
	field := c.Field(12, 4) // ingress_ifindex of xdp_md, the same in every test run
	if f.o.Type != ir.XDP || field == nil {
		f.constant()
		return
	}
	p := f.scratch()
	dst := f.pick(general &^ f.pinned)
	f.emit(ir.Insn{Op: ir.OpLoad(ir.W64, false), Dst: p, Src: ir.FP, Off: ctxSlot})
	f.emit(ir.Insn{Op: ir.OpLoad(ir.W32, false), Dst: dst, Src: p, Off: int16(field.Off)})
	f.numbers |= setOf(dst)
	f.release(p)
}
