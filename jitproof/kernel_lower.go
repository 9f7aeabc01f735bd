package jitproof

import (
	"bytes"

	"golang.org/x/arch/x86/x86asm"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/jitproof/x86"
)

// alu passes over the code of an arithmetic instruction: a single machine
// instruction but for divisions and for shifts by a register.
func (a *aligner) alu(in ir.Insn) bool {
	row := in.Row()
	switch row.ALU {
	case ir.Div, ir.SDiv, ir.Mod, ir.SMod:
		return a.division(in)
	case ir.Mov:
		if row.Src == ir.X && row.Width == ir.W64 && in.Dst == in.Src { // may be left out
			a.next(moves(kernelHomes[in.Dst], kernelHomes[in.Src]))
			return true
		}
	case ir.Lsh, ir.Rsh, ir.Arsh:
		if row.Src == ir.X {
			return a.shift(in)
		}
	}
	return a.next(any1)
}

// division passes over the saving of rax and rdx, the division itself with what
// comes in front of it, the move of the result, and the restoring.
func (a *aligner) division(in ir.Insn) bool {
	saved := []x86.Reg{}
	for _, r := range []x86.Reg{x86.RAX, x86.RDX} {
		if kernelHomes[in.Dst] != r && a.next(on(x86asm.PUSH, r)) {
			saved = append([]x86.Reg{r}, saved...)
		}
	}
	divides := func(in x86.Inst) bool { return in.Op == x86asm.DIV || in.Op == x86asm.IDIV }
	for n := 0; !a.next(divides); n++ {
		if n == 4 || !a.next(any1) {
			return false
		}
	}
	result := x86.RAX
	if op := in.Row().ALU; op == ir.Mod || op == ir.SMod {
		result = x86.RDX
	}
	if kernelHomes[in.Dst] != result {
		a.next(moves(kernelHomes[in.Dst], result))
	}
	for _, r := range saved {
		if !a.next(on(x86asm.POP, r)) {
			return false
		}
	}
	return true
}

// shift passes over a shift by a register: one instruction where the machine has
// such, otherwise the count is brought into rcx.
func (a *aligner) shift(in ir.Insn) bool {
	if a.next(func(in x86.Inst) bool { return in.Op == x86asm.SHLX || in.Op == x86asm.SHRX || in.Op == x86asm.SARX }) {
		return true
	}
	rcx := kernelHomes[in.Dst] == x86.RCX
	if rcx && !a.next(moves(x86.R11, x86.RCX)) {
		return false
	}
	saved := a.next(on(x86asm.PUSH, x86.RCX)) && a.next(on(x86asm.MOV, x86.RCX))
	shifts := func(in x86.Inst) bool { return in.Op == x86asm.SHL || in.Op == x86asm.SHR || in.Op == x86asm.SAR }
	return a.next(shifts) && (!saved || a.next(on(x86asm.POP, x86.RCX))) && (!rcx || a.next(moves(x86.RCX, x86.R11)))
}

// swap passes over a byte order conversion.
func (a *aligner) swap(in ir.Insn) bool {
	row := in.Row()
	switch {
	case row.Swap == ir.ToLE && row.Width == ir.W64:
		return true
	case row.Swap == ir.ToLE || row.Width != ir.W16:
		return a.next(any1)
	}
	return a.next(any1) && a.next(any1)
}

// loadImm passes over a move of a constant, and takes from it the address of a
// map.
func (a *aligner) loadImm(in ir.Insn) bool {
	m, ok := a.peek()
	if !ok || !a.next(any1) {
		return false
	}
	id, off, refers := in.Map()
	if !refers {
		return true
	}
	ref := mapRef{uint32(id), in.Row().Pseudo}
	if _, known := a.maps[ref]; known || m.Op != x86asm.MOV || m.Args[1].Kind != x86.ArgImm {
		return true
	}
	x := m.Args[1].Imm
	if m.Args[0].Width == ir.W32 {
		x = uint64(uint32(x))
	}
	a.maps[ref] = x - uint64(off)
	return true
}

// load passes over a load, and notes where it has a way for addresses that are
// not the kernel's: AX and r11 are loaded with the bounds in front of it.
func (a *aligner) load(pc ir.PC) bool {
	if !a.next(func(in x86.Inst) bool { return on(x86asm.MOV, x86.R10)(in) && in.Args[1].Kind == x86.ArgImm }) {
		return a.next(any1)
	}
	for n := 0; !a.next(op(x86asm.JMP)); n++ {
		m, ok := a.peek()
		if n == 8 || !ok {
			return false
		}
		if on(x86asm.MOV, x86.R10)(m) && m.Args[1].Kind == x86.ArgImm {
			a.user = m.Args[1].Imm + vsyscall
		}
		a.off = m.End()
	}
	a.probes[pc] = true
	return a.next(any1)
}

// atomic passes over an atomic update: one instruction, or where the machine has
// none that returns what was there, a loop around a compare-and-exchange.
func (a *aligner) atomic(in ir.Insn) bool {
	row := in.Row()
	loops := row.Fetch && (row.Atomic == ir.AtomicAnd || row.Atomic == ir.AtomicOr || row.Atomic == ir.AtomicXor)
	if !loops {
		return a.next(any1)
	}
	for n := 0; !a.next(op(x86asm.JNE)); n++ {
		if n == 8 || !a.next(any1) {
			return false
		}
	}
	return a.next(any1) && a.next(any1)
}

// jump passes over a jump, which is left out where it leads to what follows.
func (a *aligner) jump(pc ir.PC, in ir.Insn) {
	if target, _ := in.Target(pc); target == pc+1 {
		if m, ok := a.peek(); !ok || m.Op != x86asm.JMP || m.Target != m.End() {
			return
		}
	}
	a.next(func(m x86.Inst) bool { return m.Op == x86asm.JMP && m.Target != 0 })
}

// exit passes over the epilogue, or over the jump to the one of another exit.
func (a *aligner) exit(pc ir.PC) bool {
	f := a.img.code.Funcs[a.fn]
	inside := func(in x86.Inst) bool {
		return in.Op == x86asm.JMP && in.Target >= int(f.Entry) && in.Target < int(f.End)
	}
	if a.ret >= 0 && a.next(inside) {
		a.shared[pc] = a.ret
		return true
	}
	a.ret, a.shared[pc] = pc, pc
	for n := 0; !a.next(op(x86asm.LEAVE)); n++ {
		if n == len(calleeOrder) || !a.next(op(x86asm.POP)) {
			return false
		}
	}
	ok := a.next(op(x86asm.RET)) || a.next(op(x86asm.JMP))
	a.padding()
	return ok
}

// perCPU passes over a move and the addition of the processor's offset, and
// takes from it where that is.
func (a *aligner) perCPU(in ir.Insn) bool {
	a.next(moves(kernelHomes[in.Dst], kernelHomes[in.Src]))
	return a.addsProcessor(kernelHomes[in.Dst])
}

// addsProcessor passes over the addition of the processor's offset to a register.
func (a *aligner) addsProcessor(r x86.Reg) bool {
	m, ok := a.peek()
	if !ok || !on(x86asm.ADD, r)(m) || !m.Args[1].Mem.GS {
		return false
	}
	if a.cpuOff == 0 {
		a.cpuOff = uint64(m.Args[1].Mem.Disp)
	}
	a.off = m.End()
	return true
}

// tailCall passes over the code of bpf_tail_call, which ends where its first
// condition leads to. Where that is the count, the call goes to one program.
func (a *aligner) tailCall(pc ir.PC) bool {
	indirect := a.next(on(x86asm.MOV, x86.RDX))
	for n := 0; n < 4; n++ {
		m, ok := a.peek()
		if !ok || !a.next(any1) {
			return false
		}
		if m.Op != x86asm.JBE && m.Op != x86asm.JAE || m.Target <= a.off || m.Target > a.end {
			continue
		}
		if !indirect && !a.slot(pc, m.Target) {
			return false
		}
		a.off = m.Target
		return true
	}
	return false
}

// site5 is an instruction of 5 bytes that the kernel exchanges: it jumps, or
// does nothing.
type site5 struct {
	pc  ir.PC // of the tail call
	out int   // where it jumps to if the slot is empty; 0: to the program in the slot, if there is one
}

// slot notes the two instructions that depend on the slot of a tail call with a
// constant index: the one here passes by the call, the last one before end makes
// it. One of them jumps.
func (a *aligner) slot(pc ir.PC, end int) bool {
	text := a.img.code.Text
	bypass, target := a.off, end-len(patched)
	if target < bypass+len(patched) || target >= a.end {
		return false
	}
	empty := text[bypass] == 0xe9 && bytes.HasPrefix(text[target:], patched)
	filled := bytes.HasPrefix(text[bypass:], patched) && text[target] == 0xe9
	if m, ok := a.peek(); !empty && !filled || empty && (!ok || m.Target != end) {
		return false
	}
	a.direct[pc] = true
	a.sites[bypass], a.sites[target] = site5{pc, end}, site5{pc, 0}
	return true
}
