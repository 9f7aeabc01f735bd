package smt

import (
	"fmt"

	"github.com/bpfproof/bpfproof/ir"
)

// Term names a term of one Builder. Terms of one Builder are equal exactly if
// they are ==. The zero Term is no term.
type Term struct{ id int32 }

// Valid reports whether t was made by a Builder.
func (t Term) Valid() bool { return t.id != 0 }

// ID returns the term's number: positive, larger than those of its arguments,
// and the same in every run that makes the same calls.
func (t Term) ID() int { return int(t.id) }

// Op is the operation at the root of a term, after simplification. This is
// all a translator has to know.
type Op uint8

// The operations, with the meaning of SMT-LIB's bit-vectors (package sem has
// the same). n-ary means two arguments or more.
const (
	OpConst   Op = iota + 1 // ConstValue
	OpVar                   // Symbol
	OpApply                 // Symbol applied to the arguments
	OpAdd                   // n-ary, wider than one bit
	OpMul                   // n-ary, wider than one bit; a constant comes first
	OpUDiv                  // wider than one bit
	OpURem                  // wider than one bit
	OpSDiv                  // wider than one bit
	OpSRem                  // wider than one bit
	OpAnd                   // n-ary
	OpOr                    // n-ary, wider than one bit
	OpXor                   // n-ary
	OpNot                   // complement of every bit
	OpShl                   // wider than one bit; the amount is not constant
	OpLShr                  // wider than one bit; the amount is not constant
	OpAShr                  // wider than one bit; the amount is not constant
	OpConcat                // n-ary, highest part first
	OpExtract               // bits Range of the argument
	OpSignExt               // the argument, wider than one bit, sign-extended
	OpIte                   // condition, then, else
	OpEq                    // one bit; arguments wider than one bit
	OpULT                   // one bit; unsigned less than, arguments wider than one bit
	OpSLT                   // one bit; signed less than, arguments wider than one bit
)

var opNames = [...]string{OpConst: "const", OpVar: "var", OpApply: "apply", OpAdd: "add", OpMul: "mul", OpUDiv: "udiv",
	OpURem: "urem", OpSDiv: "sdiv", OpSRem: "srem", OpAnd: "and", OpOr: "or", OpXor: "xor", OpNot: "not", OpShl: "shl",
	OpLShr: "lshr", OpAShr: "ashr", OpConcat: "concat", OpExtract: "extract", OpSignExt: "sext", OpIte: "ite",
	OpEq: "eq", OpULT: "ult", OpSLT: "slt"}

// String returns the operation's name, such as "lshr".
func (op Op) String() string {
	if int(op) < len(opNames) && opNames[op] != "" {
		return opNames[op]
	}
	return fmt.Sprintf("op(%d)", uint8(op))
}

// Sort is the type of a symbol: a word if Args is empty, and otherwise a
// function from words of these widths to a word of Result bits.
type Sort struct {
	Args   []ir.Width
	Result ir.Width
}

// Symbol is a variable or an uninterpreted function.
type Symbol struct {
	Name string
	Sort Sort
}

// node is one hash-consed term. The arguments are in Builder.args.
type node struct {
	op     Op
	w      ir.Width
	n      uint16 // number of arguments
	at     int32  // first argument
	height int32  // longest path to a leaf
	val    uint64 // constant; index of the symbol; hi<<8 | lo of an extraction
	known  known
}

// Width returns the number of bits of t.
func (b *Builder) Width(t Term) ir.Width { return b.at(t).w }

// Op returns the operation at the root of t.
func (b *Builder) Op(t Term) Op { return b.at(t).op }

// Args returns the arguments of t. The caller must not change them.
func (b *Builder) Args(t Term) []Term {
	n := b.at(t)
	return b.args[n.at : int(n.at)+int(n.n) : int(n.at)+int(n.n)]
}

// ConstValue returns the value of a constant; ok is false for other terms.
func (b *Builder) ConstValue(t Term) (x uint64, ok bool) {
	n := b.at(t)
	return n.val, n.op == OpConst
}

// Symbol returns the variable or function at the root of t, which must be an
// OpVar or OpApply; other terms panic.
func (b *Builder) Symbol(t Term) Symbol {
	n := b.at(t)
	if n.op != OpVar && n.op != OpApply {
		panic(fmt.Sprintf("smt: symbol of %v: not a variable or application", n.op))
	}
	return b.symbols[n.val]
}

// Range returns the bits that an OpExtract takes from its argument, both
// included; other terms panic.
func (b *Builder) Range(t Term) (hi, lo ir.Width) {
	n := b.at(t)
	if n.op != OpExtract {
		panic(fmt.Sprintf("smt: range of %v: not an extraction", n.op))
	}
	return ir.Width(n.val >> 8), ir.Width(n.val & 0xff)
}

// Bounds returns the least and greatest unsigned value that t can have as far
// as the bits that are known without solving tell.
func (b *Builder) Bounds(t Term) (least, greatest uint64) {
	n := b.at(t)
	return n.known.one, ^n.known.zero & n.w.Mask()
}

func (b *Builder) at(t Term) *node {
	if t.id <= 0 || int(t.id) >= len(b.nodes) {
		panic(fmt.Sprintf("smt: use of term %d: not a term of this Builder", t.id))
	}
	return &b.nodes[t.id]
}
