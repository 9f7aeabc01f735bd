package opt

import (
	"fmt"
	"strings"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/jit"
)

// ID is the index of a value in its segment, None for no value.
type ID int32

// None stands for no value.
const None ID = -1

// Op is what a value is.
type Op uint8

// The operations of values. A and B are operands, W is the width of the
// operation; results of 32 bits have no upper half.
const (
	Nop   Op = iota // nothing: taken out
	Entry           // what register Reg holds at the cut
	FP              // the frame pointer, r10
	Const           // Imm
	Addr            // the address that Reloc stands for
	Copy            // A
	Add             // A op B, or where B is None, A op Imm, as below
	Sub
	Or
	And
	Xor
	Mul
	Shl // amounts of shifts are taken modulo the width
	Shr
	Sar
	Rotl // A rotated left by Imm
	Neg
	Zext       // the low From bits of A
	Sext       // the low From bits of A, with their sign, in W bits
	Swap       // the low W bits of A, bytes reversed
	Lea        // Mem's address
	Load       // W bits at Mem
	LoadSigned // W bits at Mem, with their sign, in 64
	Store      // W bits of A, or where A is None of Imm, to Mem
	Select     // X where A Cmp B (or Imm) in W bits, otherwise Y
)

var opNames = [...]string{"nop", "entry", "fp", "const", "addr", "copy", "add", "sub", "or", "and", "xor", "mul", "shl", "shr", "sar", "rotl",
	"neg", "zext", "sext", "swap", "lea", "load", "loads", "store", "select"}

// String returns the operation's name.
func (op Op) String() string {
	if int(op) < len(opNames) {
		return opNames[op]
	}
	return fmt.Sprintf("op(%d)", uint8(op))
}

// Mem is the address Base + Index*Scale + Disp; Index may be None.
type Mem struct {
	Base, Index ID
	Scale       uint8
	Disp        int32
}

// Value is one word that a segment computes, or one access to memory.
type Value struct {
	Op    Op
	W     ir.Width
	From  ir.Width // of Zext and Sext
	A, B  ID
	Imm   int64
	Mem   Mem // of Lea, Load, LoadSigned and Store
	Cmp   ir.CmpOp
	X, Y  ID // of Select
	Reg   ir.Reg
	Reloc jit.Reloc
	PC    ir.PC // of the instruction it comes from
	In    bool  // computed by the instruction of the one value that uses it
}

// Accesses reports whether the value is an access to memory: those stay, and in
// their order.
func (v *Value) Accesses() bool { return v.Op == Load || v.Op == LoadSigned || v.Op == Store }

// Overwrites reports whether the value is an operation that most machines can
// put only where an operand of it is.
func (v *Value) Overwrites() bool { return v.Op >= Add && v.Op <= Neg || v.Op == Swap }

// inMem reports whether Mem holds operands.
func (v *Value) inMem() bool { return v.Accesses() || v.Op == Lea }

// End says how a segment ends.
type End uint8

// The ends of segments.
const (
	Falls    End = iota // at the next segment
	Jumps               // at Target
	Branches            // at Target where A Cmp B, otherwise at the next segment
	Exits
)

// Code is a segment as values.
type Code struct {
	*Segment
	Values []Value
	Final  [ir.NumRegs]ID // what live registers hold at the end; None for others
	End    End
	Cmp    ir.CmpOp // of Branches, with W, A, B, Imm as in a value
	W      ir.Width
	A, B   ID
	Imm    int64
	Target ir.PC
	PC     ir.PC // of the jump, branch or exit
	Counts bool  // the jump counts down the budget
	alias  []ID
	found  bool // something was found to be the same as something else since settle
	swaps  bool // Config.Swaps
	counts []int32
}

// Each calls f with each operand of the value, with repetition.
func (v *Value) Each(f func(ID)) {
	list := [...]ID{v.A, v.B, None, None}
	switch {
	case v.Op == Nop:
		return
	case v.inMem():
		list[2], list[3] = v.Mem.Base, v.Mem.Index
	case v.Op == Select:
		list[2], list[3] = v.X, v.Y
	}
	for _, x := range list {
		if x != None {
			f(x)
		}
	}
}

// Uses counts by value how often it is an operand, of the end too, or what a
// register holds at the end.
func (c *Code) Uses() []int32 {
	return c.countUses(make([]int32, len(c.Values)))
}

// usesHere is Uses in a place that the next call of it takes again.
func (c *Code) usesHere() []int32 {
	clear(c.counts)
	return c.countUses(c.counts)
}

func (c *Code) countUses(uses []int32) []int32 {
	count := func(x ID) {
		if x != None {
			uses[x]++
		}
	}
	for i := range c.Values {
		v := &c.Values[i]
		if v.Op == Nop {
			continue
		}
		count(v.A)
		count(v.B)
		switch {
		case v.inMem():
			count(v.Mem.Base)
			count(v.Mem.Index)
		case v.Op == Select:
			count(v.X)
			count(v.Y)
		}
	}
	for _, x := range []ID{c.A, c.B} {
		if x != None {
			uses[x]++
		}
	}
	for _, x := range c.Final {
		if x != None {
			uses[x]++
		}
	}
	return uses
}

// settle puts for every operand what it has been found to be the same as.
func (c *Code) settle() {
	if !c.found {
		return
	}
	c.found = false
	root := func(x ID) ID {
		for x != None && c.alias[x] != None {
			x = c.alias[x]
		}
		return x
	}
	for i := range c.Values {
		v := &c.Values[i]
		if v.Op == Nop {
			continue
		}
		v.A, v.B = root(v.A), root(v.B)
		switch {
		case v.inMem():
			v.Mem.Base, v.Mem.Index = root(v.Mem.Base), root(v.Mem.Index)
		case v.Op == Select:
			v.X, v.Y = root(v.X), root(v.Y)
		}
	}
	for r := range c.Final {
		c.Final[r] = root(c.Final[r])
	}
	c.A, c.B = root(c.A), root(c.B)
}

// same says that x is the same as y, which comes before it.
func (c *Code) same(x, y ID) { c.alias[x], c.found = y, true }

// at returns the value that x is the same as.
func (c *Code) at(x ID) *Value { return &c.Values[c.root(x)] }

func (c *Code) root(x ID) ID {
	for c.alias[x] != None {
		x = c.alias[x]
	}
	return x
}

// String lists the segment, a line for each value.
func (c *Code) String() string {
	var b strings.Builder
	for i := range c.Values {
		if v := &c.Values[i]; v.Op != Nop {
			fmt.Fprintf(&b, "%4d: v%d = %s\n", v.PC, i, v)
		}
	}
	fmt.Fprintf(&b, "%4d: ", c.PC)
	switch c.End {
	case Falls:
		b.WriteString("next")
	case Jumps:
		fmt.Fprintf(&b, "goto insn %d", c.Target)
	case Exits:
		b.WriteString("exit")
	case Branches:
		fmt.Fprintf(&b, "if.%d v%d %v %s goto insn %d", c.W, c.A, c.Cmp, operand(c.B, c.Imm), c.Target)
		if c.After != c.Segment.End {
			fmt.Fprintf(&b, " else insn %d", c.After)
		}
	}
	for r, x := range c.Final {
		if x != None {
			fmt.Fprintf(&b, " r%d=v%d", r, x)
		}
	}
	return b.String()
}

func operand(x ID, imm int64) string {
	if x == None {
		return fmt.Sprint(imm)
	}
	return fmt.Sprintf("v%d", x)
}

// String returns the value's text, without its number.
func (v *Value) String() string {
	if v.In {
		alone := *v
		alone.In = false
		return alone.String() + " where it is used"
	}
	switch v.Op {
	case Entry:
		return v.Reg.String()
	case FP:
		return "r10"
	case Const:
		return fmt.Sprintf("%#x", uint64(v.Imm))
	case Addr:
		return fmt.Sprintf("addr of map %d, function %d, + %d", v.Reloc.Map, v.Reloc.Func, v.Reloc.Addend)
	case Copy, Neg:
		return fmt.Sprintf("%v.%d v%d", v.Op, v.W, v.A)
	case Zext, Sext:
		return fmt.Sprintf("%v.%d v%d from %d", v.Op, v.W, v.A, v.From)
	case Swap:
		return fmt.Sprintf("swap.%d v%d", v.W, v.A)
	case Lea:
		return fmt.Sprintf("lea.%d %s", v.W, v.Mem)
	case Load, LoadSigned:
		return fmt.Sprintf("%v.%d %s", v.Op, v.W, v.Mem)
	case Store:
		return fmt.Sprintf("store.%d %s, %s", v.W, v.Mem, operand(v.A, v.Imm))
	case Select:
		return fmt.Sprintf("v%d if.%d v%d %v %s else v%d", v.X, v.W, v.A, v.Cmp, operand(v.B, v.Imm), v.Y)
	}
	return fmt.Sprintf("%v.%d v%d, %s", v.Op, v.W, v.A, operand(v.B, v.Imm))
}

// String returns the address' text.
func (m Mem) String() string {
	s := fmt.Sprintf("[v%d", m.Base)
	if m.Index != None {
		s += fmt.Sprintf("+v%d*%d", m.Index, m.Scale)
	}
	return s + fmt.Sprintf("%+d]", m.Disp)
}
