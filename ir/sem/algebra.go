package sem

import "github.com/bpfproof/bpfproof/ir"

// BinOp is a total operation on two words of one width.
type BinOp uint8

// The operations an algebra provides, with the meaning of SMT-LIB's
// bit-vectors: arithmetic modulo 2^w; UDiv by 0 is all ones, URem by 0 the
// dividend; SDiv and SRem round towards zero, and are total in the same way
// (bvsdiv, bvsrem); a shift by w or more gives 0, or for AShr the sign.
const (
	Add BinOp = iota
	Sub
	Mul
	UDiv
	URem
	SDiv
	SRem
	And
	Or
	Xor
	Shl
	LShr
	AShr
)

var binNames = [...]string{"add", "sub", "mul", "udiv", "urem", "sdiv", "srem", "and", "or", "xor", "shl", "lshr", "ashr"}

// String returns the operation's name, such as "lshr".
func (op BinOp) String() string { return binNames[op] }

// CmpOp compares two words of one width; the result is a word of one bit.
type CmpOp uint8

// The comparisons an algebra provides. SET is (x & y) != 0.
const (
	EQ CmpOp = iota
	NE
	ULT
	ULE
	UGT
	UGE
	SLT
	SLE
	SGT
	SGE
	SET
)

var cmpNames = [...]string{"eq", "ne", "ult", "ule", "ugt", "uge", "slt", "sle", "sgt", "sge", "set"}

// String returns the comparison's name, such as "ult".
func (op CmpOp) String() string { return cmpNames[op] }

// CmpOps lists all comparisons.
func CmpOps() []CmpOp { return []CmpOp{EQ, NE, ULT, ULE, UGT, UGE, SLT, SLE, SGT, SGE, SET} }

// Not returns the comparison that holds exactly where op does not; ok is
// false for SET, whose opposite is not one of them.
func (op CmpOp) Not() (inverse CmpOp, ok bool) {
	inverses := [...]CmpOp{NE, EQ, UGE, UGT, ULE, ULT, SGE, SGT, SLE, SLT, SET}
	return inverses[op], op != SET
}

// Flip returns the comparison with its operands exchanged: x op y == y op.Flip() x.
func (op CmpOp) Flip() CmpOp {
	return [...]CmpOp{EQ, NE, UGT, UGE, ULT, ULE, SGT, SGE, SLT, SLE, SET}[op]
}

// Algebra gives the operations on words of w bits, 1 <= w <= 64, held as V.
// Every operation is total. The caller passes words of the width it names;
// conditions are words of one bit.
type Algebra[V any] interface {
	// Const returns the word of the low w bits of x.
	Const(w ir.Width, x uint64) V
	// Bin returns x op y.
	Bin(op BinOp, w ir.Width, x, y V) V
	// Cmp compares two w-bit words; the result has one bit.
	Cmp(op CmpOp, w ir.Width, x, y V) V
	// Ite returns x where the one-bit word c is 1, and y where it is 0.
	Ite(c, x, y V) V
	// Resize truncates or extends x from one width to another; an extension
	// copies the top bit if signed, and is zero otherwise.
	Resize(x V, from, to ir.Width, signed bool) V
}
