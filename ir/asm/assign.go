package asm

import (
	"fmt"
	"math"
	"strings"

	"github.com/bpfproof/bpfproof/ir"
)

var assignments = map[string]ir.ALUOp{"+=": ir.Add, "-=": ir.Sub, "*=": ir.Mul, "/=": ir.Div, "s/=": ir.SDiv, "|=": ir.Or,
	"&=": ir.And, "<<=": ir.Lsh, ">>=": ir.Rsh, "s>>=": ir.Arsh, "%=": ir.Mod, "s%=": ir.SMod, "^=": ir.Xor, "=": ir.Mov}

// assignment reads an instruction that starts with a register.
func (p *parser) assignment() {
	start := p.peek()
	dst := p.register()
	t := p.take()
	op, ok := assignments[t.text]
	if !ok || t.kind != tokOp {
		p.expected(t, "an assignment (= += -= *= /= s/= %= s%= |= &= ^= <<= >>= s>>=)")
		return
	}
	if op == ir.Mov && !p.plainOperand() {
		p.special(start, dst)
		return
	}
	in := ir.Insn{Dst: dst.reg}
	if p.peek().isRegister() {
		in.Op, in.Src = ir.OpALU(op, dst.width, ir.X), p.sameWidth(dst.width)
	} else {
		in.Op, in.Imm = ir.OpALU(op, dst.width, ir.K), p.immediate(dst.width)
	}
	p.emit(start, in)
}

// plainOperand reports whether the right side is a register or a number
// without ll.
func (p *parser) plainOperand() bool {
	t := p.peek()
	if t.isRegister() {
		return true
	}
	n := 1
	if t.isOp("-") || t.isOp("+") {
		t, n = p.ahead(1), 2
	}
	return t.kind == tokNum && !p.ahead(n).isName("ll")
}

// special reads the right side of "=" that is neither a register nor a 32-bit
// immediate.
func (p *parser) special(start token, dst register) {
	t := p.peek()
	switch {
	case t.isOp("-") && p.ahead(1).isRegister():
		p.take()
		p.same(dst)
		p.emit(start, ir.Insn{Op: ir.OpALU(ir.Neg, dst.width, ir.NoSource), Dst: dst.reg})
	case t.kind == tokNum || t.isOp("-") || t.isOp("+"):
		x := p.wideNumber()
		p.want("ll")
		p.loadImm(start, dst, ir.PseudoNone, x)
	case t.isOp("("):
		p.moveSX(start, dst)
	case t.isOp("*"):
		p.load(start, dst)
	case t.kind != tokName:
		p.expected(t, "a register, a number or a load")
	default:
		p.function(start, dst)
	}
}

// same reads a register that must be dst.
func (p *parser) same(dst register) {
	t := p.peek()
	if p.register() != dst {
		p.fail(t, "expected the destination register again, found %q", t.text)
	}
}

// wideNumber reads a 64-bit number with an optional sign.
func (p *parser) wideNumber() int64 { return p.signed("a number", 1<<63, math.MaxUint64) }

func (p *parser) loadImm(start token, dst register, kind ir.Pseudo, imm int64) {
	if dst.width != ir.W64 {
		p.fail(start, "expected a 64-bit register, found %q", start.text)
	}
	p.emit(start, ir.Insn{Op: ir.OpLoadImm(kind), Dst: dst.reg, Imm: imm})
}

// moveSX reads "(s8)r2".
func (p *parser) moveSX(start token, dst register) {
	p.want("(")
	t := p.take()
	op, ok := map[string]ir.ALUOp{"s8": ir.MovSX8, "s16": ir.MovSX16, "s32": ir.MovSX32}[t.text]
	if !ok {
		p.expected(t, "s8, s16 or s32")
	}
	p.want(")")
	p.emit(start, ir.Insn{Op: ir.OpALU(op, dst.width, ir.X), Dst: dst.reg, Src: p.sameWidth(dst.width)})
}

// function reads a right side that starts with a word.
func (p *parser) function(start token, dst register) {
	t := p.take()
	if op, w := swapName(t.text); w != 0 {
		p.same(dst)
		if dst.width != ir.W64 {
			p.fail(start, "expected a 64-bit register, found %q", start.text)
		}
		p.emit(start, ir.Insn{Op: ir.OpSwap(op, w), Dst: dst.reg})
		return
	}
	switch t.text {
	case "map", "map_idx":
		p.mapReference(start, dst, t.text == "map_idx")
	case "func":
		p.want("[")
		in := ir.Insn{Op: ir.OpLoadImm(ir.PseudoFunc), Dst: dst.reg}
		if dst.width != ir.W64 {
			p.fail(start, "expected a 64-bit register, found %q", start.text)
		}
		p.target(&in, false)
		p.want("]")
		p.emit(start, in)
	case "btf_var":
		p.want("[")
		x := p.wideNumber()
		p.want("]")
		p.loadImm(start, dst, ir.PseudoBTFVar, x)
	case "addr_space_cast":
		p.cast(start, dst)
	case "load_acquire":
		p.want("(")
		w, signed := p.pointer()
		src, off := p.place()
		p.want(")")
		p.loaded(start, dst, w)
		if signed {
			p.fail(t, "expected an unsigned size")
		}
		p.emit(start, ir.Insn{Op: ir.OpLoadAcquire(w), Dst: dst.reg, Src: src, Off: off})
	default:
		p.fetching(start, t, dst)
	}
}

// swapName reads "be16"; the width is 0 for other words.
func swapName(s string) (ir.SwapOp, ir.Width) {
	for name, op := range map[string]ir.SwapOp{"le": ir.ToLE, "be": ir.ToBE, "bswap": ir.BSwap, "swap": ir.BSwap} {
		for _, w := range []ir.Width{ir.W16, ir.W32, ir.W64} {
			if s == fmt.Sprintf("%s%d", name, w) {
				return op, w
			}
		}
	}
	return 0, 0
}

// mapReference reads "[name]", the map, or "[name] + 16", an address in its
// values. bpftool's "[name][0]+16" is read too.
func (p *parser) mapReference(start token, dst register, idx bool) {
	fd, value := ir.PseudoMapFD, ir.PseudoMapValue
	if idx {
		fd, value = ir.PseudoMapIdx, ir.PseudoMapIdxV
	}
	p.want("[")
	imm := int64(p.mapIndex())
	p.want("]")
	if p.accept("[") {
		p.small("element 0", 0)
		p.want("]")
	}
	if !p.accept("+") {
		p.loadImm(start, dst, fd, imm)
		return
	}
	imm |= int64(p.small("an offset", math.MaxUint32) << 32)
	p.loadImm(start, dst, value, imm)
}

// cast reads "(r1, 0, 1)": the spaces to cast to and from.
func (p *parser) cast(start token, dst register) {
	p.want("(")
	src := p.fullRegister()
	p.want(",")
	t := p.peek()
	to := p.small("an address space", 1)
	p.want(",")
	from := p.small("an address space", 1)
	p.want(")")
	if to == from {
		p.fail(t, "a cast leads from address space 0 to 1 or back")
	}
	if dst.width != ir.W64 {
		p.fail(start, "expected a 64-bit register, found %q", start.text)
	}
	p.emit(start, ir.Insn{Op: ir.OpCast(to == 1), Dst: dst.reg, Src: src})
}

// fetching reads the atomic operations that return the old value, in LLVM's
// words (xchg_64, atomic_fetch_add) or the kernel's (atomic64_xchg).
func (p *parser) fetching(start, word token, dst register) {
	var in ir.Insn
	var w ir.Width
	name := strings.Replace(strings.Replace(word.text, "atomic64_", "atomic_", 1), "atomic_fetch_", "atomic_", 1)
	op := map[string]ir.AtomicOp{"atomic_add": ir.AtomicAdd, "atomic_or": ir.AtomicOr, "atomic_and": ir.AtomicAnd,
		"atomic_xor": ir.AtomicXor, "xchg_64": ir.AtomicXchg, "xchg32_32": ir.AtomicXchg, "atomic_xchg": ir.AtomicXchg,
		"cmpxchg_64": ir.AtomicCmpXchg, "cmpxchg32_32": ir.AtomicCmpXchg, "atomic_cmpxchg": ir.AtomicCmpXchg}[name]
	fetch := strings.Contains(word.text, "_fetch_") || op >= ir.AtomicXchg
	if op == ir.NoAtomic || !fetch {
		p.expected(word, "a register, a number, a load, a map or an operation that returns a value")
		return
	}
	p.want("(")
	switch name {
	case "xchg_64", "cmpxchg_64":
		w = ir.W64
		in.Dst, in.Off = p.baseOffset()
	case "xchg32_32", "cmpxchg32_32":
		w = ir.W32
		in.Dst, in.Off = p.baseOffset()
	default:
		w = p.unsignedPointer()
		in.Dst, in.Off = p.place()
	}
	result := dst.reg
	if op == ir.AtomicCmpXchg {
		p.want(",")
		t := p.peek()
		if p.carrier(w) != ir.R0 || result != ir.R0 {
			p.fail(t, "compare and exchange compares with r0 and returns the old value in r0")
		}
	}
	p.want(",")
	t := p.peek()
	in.Src = p.carrier(w)
	p.want(")")
	if op != ir.AtomicCmpXchg && in.Src != result {
		p.fail(t, "expected the destination register %v again, found %q", result, t.text)
	}
	p.loaded(start, dst, w)
	in.Op = ir.OpAtomic(op, w, true)
	p.emit(start, in)
}
