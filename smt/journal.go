package smt

import (
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
)

// A journal makes the rewrite rules checkable: it remembers every operation
// that was asked for and the term that was given instead. Each such step is an
// equation between the operation as written and the term; a solver that
// confirms all of them has confirmed whatever the rewriting concluded, since
// everything else is congruence.

// stepKind is the constructor that was called.
type stepKind uint8

const (
	stepBin stepKind = iota
	stepCmp
	stepResize
	stepNot
	stepIte
	stepExtract
	stepConcat
)

// step is one call of a constructor.
type step struct {
	kind    stepKind
	bin     sem.BinOp
	cmp     sem.CmpOp
	w       ir.Width // of the result; of the operands for stepCmp
	lo      ir.Width // lowest bit of an extraction
	signed  bool     // of a resize
	x, y, z Term
}

type journal struct {
	seen  map[step]bool
	steps []step
	gave  []Term // by index in steps
}

// Record makes the Builder remember what it rewrites, for Confirm. It costs
// time and memory; call it before the first term is made.
func (b *Builder) Record() { b.journal = &journal{seen: map[step]bool{}} }

// note remembers that s was asked for and t was given.
func (b *Builder) note(s step, t Term) Term {
	if j := b.journal; j != nil && !j.seen[s] {
		j.seen[s] = true
		j.steps = append(j.steps, s)
		j.gave = append(j.gave, t)
	}
	return t
}

// equations returns for every step that changed anything the one-bit term that
// says so, built without any rewriting, and the number of all steps.
func (b *Builder) equations() (eqs []Term, steps int) {
	j := b.journal
	if j == nil {
		return nil, 0
	}
	b.journal = nil // what is built here is no step
	for i, s := range j.steps {
		if asked := b.written(s); asked != j.gave[i] {
			eqs = append(eqs, b.plainEq(asked, j.gave[i]))
		}
	}
	b.journal = j
	return eqs, len(j.steps)
}

// plain returns the term with this root and these arguments as they are.
func (b *Builder) plain(op Op, w ir.Width, val uint64, args ...Term) Term {
	t, at := b.find(op, w, val, args)
	if t.Valid() {
		return t
	}
	return b.insert(at, node{op: op, w: w, val: val, known: b.knownOf(op, w, val, args)}, args)
}

func (b *Builder) plainNot(x Term) Term { return b.plain(OpNot, b.Width(x), 0, x) }

func (b *Builder) plainEq(x, y Term) Term {
	if b.Width(x) == ir.W1 {
		return b.plainNot(b.plain(OpXor, ir.W1, 0, x, y))
	}
	return b.plain(OpEq, ir.W1, 0, x, y)
}

// written returns the operation of a step as it was asked for.
func (b *Builder) written(s step) Term {
	switch s.kind {
	case stepBin:
		return b.writtenBin(s)
	case stepCmp:
		return b.writtenCmp(s.cmp, s.w, s.x, s.y)
	case stepResize:
		return b.writtenResize(s)
	case stepNot:
		return b.plainNot(s.x)
	case stepIte:
		return b.plain(OpIte, s.w, 0, s.x, s.y, s.z)
	case stepConcat:
		return b.plain(OpConcat, s.w, 0, s.x, s.y)
	}
	if s.w == b.Width(s.x) {
		return s.x
	}
	return b.plain(OpExtract, s.w, uint64(s.lo+s.w-1)<<8|uint64(s.lo), s.x)
}

var plainBins = [...]Op{sem.Add: OpAdd, sem.Mul: OpMul, sem.UDiv: OpUDiv, sem.URem: OpURem, sem.SDiv: OpSDiv, sem.SRem: OpSRem,
	sem.And: OpAnd, sem.Or: OpOr, sem.Xor: OpXor, sem.Shl: OpShl, sem.LShr: OpLShr, sem.AShr: OpAShr}

func (b *Builder) writtenBin(s step) Term {
	if s.w == ir.W1 {
		return b.writtenBit(s.bin, s.x, s.y)
	}
	if s.bin == sem.Sub { // terms have no subtraction: x + -1*y
		return b.plain(OpAdd, s.w, 0, s.x, b.plain(OpMul, s.w, 0, b.Const(s.w, s.w.Mask()), s.y))
	}
	return b.plain(plainBins[s.bin], s.w, 0, s.x, s.y)
}

// writtenBit is an operation on words of one bit by its truth table.
func (b *Builder) writtenBit(op sem.BinOp, x, y Term) Term {
	value := func(x, y uint64) Term { return b.Const(ir.W1, sem.Concrete{}.Bin(op, ir.W1, x, y)) }
	row := func(x uint64) Term { return b.plain(OpIte, ir.W1, 0, y, value(x, 1), value(x, 0)) }
	return b.plain(OpIte, ir.W1, 0, x, row(1), row(0))
}

func (b *Builder) writtenCmp(op sem.CmpOp, w ir.Width, x, y Term) Term {
	if w == ir.W1 {
		value := func(x, y uint64) Term { return b.Const(ir.W1, sem.Concrete{}.Cmp(op, ir.W1, x, y)) }
		row := func(x uint64) Term { return b.plain(OpIte, ir.W1, 0, y, value(x, 1), value(x, 0)) }
		return b.plain(OpIte, ir.W1, 0, x, row(1), row(0))
	}
	switch op {
	case sem.EQ:
		return b.plainEq(x, y)
	case sem.ULT:
		return b.plain(OpULT, ir.W1, 0, x, y)
	case sem.SLT:
		return b.plain(OpSLT, ir.W1, 0, x, y)
	case sem.UGT, sem.SGT:
		return b.writtenCmp(op.Flip(), w, y, x)
	case sem.SET:
		return b.plainNot(b.plainEq(b.plain(OpAnd, w, 0, x, y), b.Const(w, 0)))
	}
	not, _ := op.Not()
	return b.plainNot(b.writtenCmp(not, w, x, y))
}

func (b *Builder) writtenResize(s step) Term {
	from := b.Width(s.x)
	switch {
	case s.w == from:
		return s.x
	case s.w < from:
		return b.plain(OpExtract, s.w, uint64(s.w-1)<<8, s.x)
	case !s.signed:
		return b.plain(OpConcat, s.w, 0, b.Const(s.w-from, 0), s.x)
	case from == ir.W1:
		return b.plain(OpIte, s.w, 0, s.x, b.Const(s.w, s.w.Mask()), b.Const(s.w, 0))
	}
	return b.plain(OpSignExt, s.w, 0, s.x)
}
