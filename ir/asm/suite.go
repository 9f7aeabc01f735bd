package asm

import (
	"fmt"
	"math"

	"github.com/bpfproof/bpfproof/ir"
)

// shape is how the operands of a mnemonic are written.
type shape uint8

const (
	shapeBinary shape = iota + 1 // %r0, %r1 or %r0, 1
	shapeUnary                   // %r0
	shapeLoad                    // %r0, [%r1+2]
	shapeStore                   // [%r1+2], %r0 or [%r1+2], 1
	shapeBranch                  // %r0, %r1, label or %r0, 1, label
	shapeJump                    // label
	shapeWide                    // %r0, 64-bit number
)

// mnemonic is a word of the bpf_conformance suite's assembler, with the
// operations it stands for: k with an immediate, x without.
type mnemonic struct {
	shape shape
	k, x  ir.Op
}

var mnemonics = suiteMnemonics()

var suiteSizes = map[ir.Width]string{ir.W8: "b", ir.W16: "h", ir.W32: "w", ir.W64: "dw"}

// suiteMnemonics derives the words from the table of operations: the name of
// the operation, and 32 for the narrow one.
func suiteMnemonics() map[string]mnemonic {
	m := map[string]mnemonic{"lddw": {shapeWide, ir.OpLoadImm(ir.PseudoNone), 0}}
	add := func(name string, sh shape, r *ir.Row) {
		x := m[name]
		x.shape = sh
		if r.Src == ir.K {
			x.k = r.Op
		} else {
			x.x = r.Op
		}
		m[name] = x
	}
	rows := ir.Rows()
	for i := range rows {
		r := &rows[i]
		narrow := ""
		if r.Width == ir.W32 {
			narrow = "32"
		}
		switch r.Kind {
		case ir.KindALU:
			switch from := r.ALU.MovSX(); {
			case from != 0:
				add(fmt.Sprintf("movsx%d%d", from, r.Width), shapeBinary, r)
			case r.ALU == ir.Neg:
				add("neg"+narrow, shapeUnary, r)
			default:
				add(r.ALU.String()+narrow, shapeBinary, r)
			}
		case ir.KindSwap:
			add(fmt.Sprintf("%v%d", r.Swap, r.Width), shapeUnary, r)
			if r.Swap == ir.BSwap {
				add(fmt.Sprintf("swap%d", r.Width), shapeUnary, r)
			}
		case ir.KindLoad:
			sign := ""
			if r.Signed {
				sign = "s"
			}
			add("ldx"+sign+suiteSizes[r.Width], shapeLoad, r)
		case ir.KindStore:
			x := ""
			if r.Src == ir.X {
				x = "x"
			}
			add("st"+x+suiteSizes[r.Width], shapeStore, r)
		case ir.KindBranch:
			add(r.Cmp.String()+narrow, shapeBranch, r)
		case ir.KindJump:
			if r.Long {
				narrow = "32"
			}
			add("ja"+narrow, shapeJump, r)
		}
	}
	return m
}

// suiteInstruction reads an instruction in the suite's syntax.
func (p *parser) suiteInstruction() {
	start := p.take()
	if start.isName("lock") {
		p.suiteLock(start)
		return
	}
	m, ok := mnemonics[start.text]
	if !ok || start.kind != tokName {
		p.expected(start, "an instruction, a label or a directive")
		return
	}
	in := ir.Insn{Op: m.x}
	switch m.shape {
	case shapeUnary:
		in.Dst = p.suiteRegister()
	case shapeWide:
		in.Op, in.Dst = m.k, p.suiteRegister()
		p.want(",")
		in.Imm = p.wideNumber()
	case shapeLoad:
		in.Dst = p.suiteRegister()
		p.want(",")
		in.Src, in.Off = p.suitePlace()
	case shapeStore:
		in.Dst, in.Off = p.suitePlace()
		p.want(",")
		p.suiteOperand(&in, m)
	case shapeJump:
		p.target(&in, true)
	case shapeBinary, shapeBranch:
		in.Dst = p.suiteRegister()
		p.want(",")
		p.suiteOperand(&in, m)
		if m.shape == shapeBranch {
			p.want(",")
			p.target(&in, true)
		}
	}
	p.emit(start, in)
}

func (p *parser) suiteRegister() ir.Reg {
	p.want("%")
	return p.fullRegister()
}

// suiteOperand reads a register or a 32-bit immediate. The suite writes an
// immediate in hex as a bit pattern, to be extended by its sign.
func (p *parser) suiteOperand(in *ir.Insn, m mnemonic) {
	if p.peek().isOp("%") {
		in.Op, in.Src = m.x, p.suiteRegister()
	} else {
		t := p.peek()
		in.Op = m.k
		high := uint64(math.MaxInt32)
		if t.kind == tokNum && len(t.text) > 2 && (t.text[1] == 'x' || t.text[1] == 'X') {
			high = math.MaxUint32
		}
		in.Imm = int64(int32(p.signed("immediate", 1<<31, high)))
	}
}

// suitePlace reads "[%r1+2]".
func (p *parser) suitePlace() (base ir.Reg, off int16) {
	p.want("[ %")
	base, off = p.baseOffset()
	p.want("]")
	return base, off
}

// suiteLock reads what follows lock: "fetch add32 [%r10-8], %r1".
func (p *parser) suiteLock(start token) {
	fetch := p.accept("fetch")
	t := p.take()
	for op := ir.AtomicAdd; op <= ir.AtomicCmpXchg; op++ {
		w := ir.W64
		if t.text == op.String()+"32" {
			w = ir.W32
		} else if t.text != op.String() {
			continue
		}
		in := ir.Insn{Op: ir.OpAtomic(op, w, fetch || op >= ir.AtomicXchg)}
		in.Dst, in.Off = p.suitePlace()
		p.want(",")
		in.Src = p.suiteRegister()
		p.emit(start, in)
		return
	}
	p.expected(t, "an atomic operation (add or and xor xchg cmpxchg, with 32 for 32 bits)")
}
