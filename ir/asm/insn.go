package asm

import (
	"fmt"
	"math"
	"strings"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
)

// register is a register with the width of the operations it stands for.
type register struct {
	reg   ir.Reg
	width ir.Width // 32 for w0 ... w10
}

// registerName reads "r7" or "w7".
func registerName(s string) (r register, ok bool) {
	if len(s) < 2 || len(s) > 3 || s[0] != 'r' && s[0] != 'w' {
		return r, false
	}
	n, ok := number(s[1:])
	if !ok || n >= ir.NumRegs || fmt.Sprint(n) != s[1:] {
		return r, false
	}
	r = register{ir.Reg(n), ir.W64}
	if s[0] == 'w' {
		r.width = ir.W32
	}
	return r, true
}

func (t token) isRegister() bool {
	_, ok := registerName(t.text)
	return ok && t.kind == tokName
}

func (p *parser) register() register {
	t := p.take()
	r, ok := registerName(t.text)
	if t.kind != tokName || !ok {
		p.expected(t, "a register (r0 to r10 or w0 to w10)")
		return register{}
	}
	return r
}

// fullRegister reads a 64-bit register.
func (p *parser) fullRegister() ir.Reg {
	t := p.peek()
	r := p.register()
	if r.width != ir.W64 {
		p.fail(t, "expected a 64-bit register, found %q", t.text)
	}
	return r.reg
}

// sameWidth reads a register of width w.
func (p *parser) sameWidth(w ir.Width) ir.Reg {
	t := p.peek()
	r := p.register()
	if r.width != w {
		p.fail(t, "expected a register of %d bits, found %q", w, t.text)
	}
	return r.reg
}

// carrier reads a register that holds a word of w bits: its upper bits do not
// matter or are zero, so w0 says the same as r0 where w is not 64.
func (p *parser) carrier(w ir.Width) ir.Reg {
	if w == ir.W64 {
		return p.fullRegister()
	}
	return p.register().reg
}

// immediate reads an immediate for an operation of w bits. For 32 bits and
// less a bit pattern will do; for 64 the number written must be the number
// used.
func (p *parser) immediate(w ir.Width) int64 {
	t := p.peek()
	if w != ir.W64 {
		return int64(int32(p.signed("immediate", 1<<31, math.MaxUint32)))
	}
	x := p.signed("immediate", 1<<31, math.MaxUint64)
	if x != int64(int32(x)) {
		p.fail(t, "immediate %s does not fit 32 bits with sign; write the number that is meant, or load it with ll", t.text)
	}
	return x
}

// instruction reads an instruction in either syntax.
func (p *parser) instruction() {
	t := p.peek()
	switch {
	case t.isRegister():
		p.assignment()
	case t.isOp("*"):
		p.store()
	case t.isName("if"):
		p.branch()
	case t.isName("goto"):
		p.jump(ir.Insn{Op: ir.OpJump(false)})
	case t.isName("gotol"):
		p.jump(ir.Insn{Op: ir.OpJump(true)})
	case t.isName("may_goto"):
		p.jump(ir.Insn{Op: ir.OpMayGoto()})
	case t.isName("call"):
		p.call()
	case t.isName("callx"):
		p.take()
		p.emit(t, ir.Insn{Op: ir.OpCall(ir.CallX), Dst: p.fullRegister()})
	case t.isName("exit"):
		p.take()
		if p.first < 0 {
			p.first = p.prog.Slots()
		}
		p.emit(t, ir.Insn{Op: ir.OpExit()})
	case t.isName("lock") && p.ahead(1).isOp("*"):
		p.lock()
	case t.isName("store_release"):
		p.storeRelease()
	default:
		p.suiteInstruction()
	}
}

func (p *parser) jump(in ir.Insn) {
	t := p.take()
	p.target(&in, false)
	p.emit(t, in)
}

// target reads a label or a distance; the instruction is emitted next.
func (p *parser) target(in *ir.Insn, suite bool) {
	t := p.peek()
	long := in.Row().Uses&ir.UseOff == 0
	low, high := uint64(1<<15), uint64(1<<15-1)
	if long {
		low, high = 1<<31, 1<<31-1
	}
	if t.isName("pc") && (p.ahead(1).isOp("+") || p.ahead(1).isOp("-")) {
		p.take()
	}
	var distance int64
	switch s := p.peek(); {
	case s.isOp("+") || s.isOp("-"):
		distance = p.signed("distance", low, high)
		if p.accept("<") { // where that is, as llvm-objdump adds: "<main+0x10>"
			p.name("a symbol")
			if p.accept("+") {
				p.number("an offset")
			}
			p.want(">")
		}
	case t.kind == tokName || t.kind == tokStr:
		p.uses = append(p.uses, use{pc: p.prog.Slots(), label: p.take(), line: p.line, suite: suite})
	default:
		p.expected(t, "a label or a distance such as +2 or pc+2")
	}
	if long {
		in.Imm = distance
	} else {
		in.Off = int16(distance)
	}
}

var comparisons = map[string]ir.CmpOp{"==": ir.JEQ, "!=": ir.JNE, ">": ir.JGT, ">=": ir.JGE, "<": ir.JLT, "<=": ir.JLE,
	"&": ir.JSET, "s>": ir.JSGT, "s>=": ir.JSGE, "s<": ir.JSLT, "s<=": ir.JSLE}

// branch reads "if r1 == 2 goto target".
func (p *parser) branch() {
	start := p.take()
	dst := p.register()
	t := p.take()
	cmp, ok := comparisons[t.text]
	if !ok || t.kind != tokOp {
		p.expected(t, "a comparison (== != > >= < <= & s> s>= s< s<=)")
	}
	in := ir.Insn{Dst: dst.reg}
	if p.peek().isRegister() {
		in.Op, in.Src = ir.OpBranch(cmp, dst.width, ir.X), p.sameWidth(dst.width)
	} else {
		in.Op, in.Imm = ir.OpBranch(cmp, dst.width, ir.K), p.immediate(dst.width)
	}
	p.want("goto")
	p.target(&in, false)
	p.emit(start, in)
}

// call reads what is called: a helper by number or name, a function by label or
// distance, a kernel function by BTF id, or in the suite's syntax a register.
func (p *parser) call() {
	start := p.take()
	t := p.peek()
	next := p.ahead(1)
	switch {
	case t.isOp("%"):
		p.take()
		p.emit(start, ir.Insn{Op: ir.OpCall(ir.CallX), Dst: p.fullRegister()})
	case t.isName("kfunc") && next.isOp("["):
		p.want("kfunc [")
		in := ir.Insn{Op: ir.OpCall(ir.CallKfunc), Imm: p.signed("a BTF id", 1<<31, math.MaxInt32)}
		if p.accept(",") {
			in.Off = int16(p.signed("a module's index", 1<<15, math.MaxInt16))
		}
		p.want("]")
		p.emit(start, in)
	case t.kind == tokNum || t.isOp("-"):
		p.emit(start, ir.Insn{Op: ir.OpCall(ir.CallHelper), Imm: p.signed("a helper's number", 1<<31, math.MaxInt32)})
	case t.isOp("+"):
		p.expected(t, "a helper, a label, or a distance such as pc+2")
	case (t.isName("helper") || t.isName("runtime")) && next.kind == tokNum:
		kind := map[string]ir.Pseudo{"helper": ir.CallHelper, "runtime": ir.CallKfunc}[p.take().text]
		p.emit(start, ir.Insn{Op: ir.OpCall(kind), Imm: int64(p.small("a number", math.MaxInt32))})
	case t.isName("local") && next.kind != tokEnd:
		p.take()
		in := ir.Insn{Op: ir.OpCall(ir.CallLocal)}
		p.target(&in, true)
		p.emit(start, in)
	case t.kind == tokName && next.isOp("#"):
		p.numberedHelper(start)
	default:
		p.namedCall(start)
	}
}

// numberedHelper reads "name#5", as the verifier's log prints a helper.
func (p *parser) numberedHelper(start token) {
	name := p.take()
	p.want("#")
	id := int64(p.small("a helper's number", math.MaxInt32))
	if h, ok := abi.LookupHelperName(strings.TrimPrefix(name.text, "bpf_")); ok && int64(h.ID) != id {
		p.fail(name, "helper %q has number %d, not %d", name.text, h.ID, id)
	}
	p.emit(start, ir.Insn{Op: ir.OpCall(ir.CallHelper), Imm: id})
}

// namedCall reads a label or a helper's name; a label of that name wins.
func (p *parser) namedCall(start token) {
	t := p.peek()
	in := ir.Insn{Op: ir.OpCall(ir.CallLocal)}
	uses := len(p.uses)
	p.target(&in, false)
	if h, ok := abi.LookupHelperName(strings.TrimPrefix(t.text, "bpf_")); ok && len(p.uses) > uses {
		p.uses[uses].helper = int64(h.ID)
	}
	p.emit(start, in)
}
