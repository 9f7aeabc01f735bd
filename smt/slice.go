package smt

import (
	"fmt"
	"math/bits"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
)

// maxHeight bounds how deep a term may be for an extraction to be pushed into
// it, and so the depth of the recursion.
const maxHeight = 2000

type sliceKey struct {
	t      Term
	hi, lo ir.Width
}

func bitLen(x uint64) int { return bits.Len64(x) }

// Extract returns the bits hi down to lo of t, both included, as a word of
// hi-lo+1 bits. It panics unless lo <= hi < width of t.
func (b *Builder) Extract(t Term, hi, lo ir.Width) Term {
	n := b.at(t)
	if hi >= n.w || lo > hi {
		panic(fmt.Sprintf("smt: extract bits %d..%d: the word has %d bits", hi, lo, n.w))
	}
	return b.note(step{kind: stepExtract, w: hi - lo + 1, lo: lo, x: t}, b.extract(t, hi, lo))
}

func (b *Builder) extract(t Term, hi, lo ir.Width) Term {
	n := b.at(t)
	w := hi - lo + 1
	if w == n.w {
		return t
	}
	if k := n.known.slice(hi, lo); k.all(w) {
		return b.Const(w, k.one)
	}
	switch n.op {
	case OpExtract:
		_, from := b.Range(t)
		return b.Extract(b.Args(t)[0], hi+from, lo+from)
	case OpConcat:
		return b.extractConcat(b.Args(t), hi, lo)
	case OpSignExt:
		return b.extractSignExt(b.Args(t)[0], hi, lo)
	}
	if n.height > maxHeight {
		return b.node(OpExtract, w, uint64(hi)<<8|uint64(lo), t)
	}
	key := sliceKey{t, hi, lo}
	if r, ok := b.slices[key]; ok {
		return r
	}
	r, ok := b.push(t, hi, lo)
	if !ok {
		return b.node(OpExtract, w, uint64(hi)<<8|uint64(lo), t)
	}
	b.slices[key] = r
	return r
}

// push returns the extraction as an operation on extractions of the arguments,
// where that is the normal form: the low bits of what works from low bits to
// high, and so no bits above bytes that are taken, any bits of a complement, and of a multiple of a power of two.
func (b *Builder) push(t Term, hi, lo ir.Width) (Term, bool) {
	n, args := b.at(t), b.Args(t)
	w := hi - lo + 1
	if n.op == OpNot {
		return b.Not(b.Extract(args[0], hi, lo)), true
	}
	if lo > 0 {
		switch n.op {
		case OpAdd, OpMul:
			if r, ok := b.extractMultiple(t, hi, lo); ok {
				return r, true
			}
			return b.truncated(t, hi, lo)
		case OpAnd, OpOr, OpXor:
			return b.truncated(t, hi, lo)
		case OpIte:
			if b.Op(args[1]) == OpConst && b.Op(args[2]) == OpConst {
				return b.Ite(args[0], b.Extract(args[1], hi, lo), b.Extract(args[2], hi, lo)), true
			}
		}
		return Term{}, false
	}
	op := sem.Add
	switch n.op {
	case OpIte:
		return b.Ite(args[0], b.Extract(args[1], hi, 0), b.Extract(args[2], hi, 0)), true
	case OpAdd:
	case OpMul:
		op = sem.Mul
	case OpAnd:
		op = sem.And
	case OpOr:
		op = sem.Or
	case OpXor:
		op = sem.Xor
	default:
		return Term{}, false
	}
	r := b.Extract(args[0], hi, 0)
	for _, a := range args[1:] {
		r = b.Bin(op, w, r, b.Extract(a, hi, 0))
	}
	return r, true
}

// truncated takes bytes, bits hi..lo, lo > 0, of a word whose bits up to hi do not
// depend on those above: of the word of these bits. Other slices stay: words that are
// put together from bits of sums have fewer parts then.
func (b *Builder) truncated(t Term, hi, lo ir.Width) (Term, bool) {
	if hi+1 == b.Width(t) || (hi+1)%8 != 0 || lo%8 != 0 {
		return Term{}, false
	}
	low := b.Extract(t, hi, 0)
	if b.Op(low) == OpExtract { // t is too high for it
		return Term{}, false
	}
	return b.Extract(low, hi, lo), true
}

// extractMultiple takes bits hi..lo, lo > 0, of a word that is 2^z * q with
// z > 0: bit i of it is bit i-z of q.
func (b *Builder) extractMultiple(t Term, hi, lo ir.Width) (Term, bool) {
	p := b.polynomial(b.Width(t), t)
	all := p.k
	for _, m := range p.ms {
		all |= m.coef
	}
	z := ir.Width(bits.TrailingZeros64(all))
	if z == 0 || len(p.ms) == 0 {
		return Term{}, false
	}
	p.k >>= z
	for i := range p.ms {
		p.ms[i].coef >>= z
	}
	q := b.sum(p)
	if lo >= z {
		return b.Extract(q, hi-z, lo-z), true
	}
	return b.concat(b.Extract(q, hi-z, 0), b.Const(z-lo, 0)), true // hi >= z, or the bits would be known
}

func (b *Builder) extractConcat(parts []Term, hi, lo ir.Width) Term {
	var picked []Term
	at := ir.Width(0) // lowest bit of the part, from the end
	for i := len(parts) - 1; i >= 0; i-- {
		w := b.Width(parts[i])
		if from, to := max(at, lo), min(at+w-1, hi); from <= to {
			picked = append(picked, b.Extract(parts[i], to-at, from-at))
		}
		at += w
	}
	for i, j := 0, len(picked)-1; i < j; i, j = i+1, j-1 {
		picked[i], picked[j] = picked[j], picked[i]
	}
	return b.concat(picked...)
}

// extractSignExt takes bits of a sign extension of x.
func (b *Builder) extractSignExt(x Term, hi, lo ir.Width) Term {
	n := b.Width(x)
	switch {
	case hi < n:
		return b.Extract(x, hi, lo)
	case lo < n:
		return b.signExt(b.Extract(x, n-1, lo), hi-lo+1)
	}
	return b.signExt(b.Extract(x, n-1, n-1), hi-lo+1)
}

// Concat returns the word whose high bits are hi and whose low bits are lo.
// It panics if that is more than 64 bits.
func (b *Builder) Concat(hi, lo Term) Term {
	w := b.Width(hi) + b.Width(lo)
	checkWidth(w)
	return b.note(step{kind: stepConcat, w: w, x: hi, y: lo}, b.concat(hi, lo))
}

// concat joins parts, highest first.
func (b *Builder) concat(parts ...Term) Term {
	var list []Term
	for _, p := range parts {
		if b.Op(p) != OpConcat {
			list = b.join(list, p)
			continue
		}
		for _, q := range b.Args(p) {
			list = b.join(list, q)
		}
	}
	if len(list) == 1 {
		return list[0]
	}
	w := ir.Width(0)
	for _, p := range list {
		w += b.Width(p)
	}
	if last := b.at(list[len(list)-1]); len(list) == 2 && last.op == OpConst && last.val == 0 && b.Op(list[0]) == OpExtract {
		x := b.Args(list[0])[0]
		if hi, lo := b.Range(list[0]); lo == 0 && b.Width(x) == w && hi == w-last.w-1 {
			return b.add(w, b.Const(w, 0), x, 1<<last.w) // x << z
		}
	}
	return b.node(OpConcat, w, 0, list...)
}

// join appends a part, merging it with those above as long as that works.
func (b *Builder) join(list []Term, p Term) []Term {
	for len(list) > 0 {
		m, ok := b.merge(list[len(list)-1], p)
		if !ok {
			break
		}
		p, list = m, list[:len(list)-1]
	}
	if b.Op(p) == OpConcat {
		return append(list, b.Args(p)...)
	}
	return append(list, p)
}

// merge returns hi and lo side by side as one term, if they are neighbouring
// parts of one.
func (b *Builder) merge(hi, lo Term) (Term, bool) {
	h, l := b.at(hi), b.at(lo)
	switch {
	case h.op == OpConst && l.op == OpConst:
		return b.Const(h.w+l.w, h.val<<l.w|l.val), true
	case h.op == OpNot && l.op == OpNot:
		if m, ok := b.merge(b.Args(hi)[0], b.Args(lo)[0]); ok {
			return b.Not(m), true
		}
	case h.op == OpSignExt:
		if m, ok := b.merge(b.Args(hi)[0], lo); ok {
			return b.signExt(m, h.w+l.w), true
		}
	case h.op == OpIte && b.isOnes(b.Args(hi)[1]) && b.isZero(b.Args(hi)[2]):
		if b.Extract(lo, l.w-1, l.w-1) == b.Args(hi)[0] {
			return b.signExt(lo, h.w+l.w), true
		}
	case h.op == OpExtract:
		return b.mergeExtract(hi, lo)
	}
	return Term{}, false
}

// mergeExtract merges an extraction with the bits just below it.
func (b *Builder) mergeExtract(hi, lo Term) (Term, bool) {
	x, w := b.Args(hi)[0], b.Width(lo)
	top, low := b.Range(hi)
	if low < w {
		return Term{}, false
	}
	same := false
	if b.Op(lo) == OpExtract && b.Args(lo)[0] == x {
		last, _ := b.Range(lo)
		same = last == low-1
	} else if low == w { // the low bits may have been pushed inwards
		switch b.Op(x) {
		case OpAdd, OpMul, OpAnd, OpOr, OpXor, OpIte:
			same = b.Extract(x, low-1, 0) == lo
		}
	}
	if !same {
		return Term{}, false
	}
	return b.Extract(x, top, low-w), true
}

func (b *Builder) isZero(t Term) bool {
	v, ok := b.ConstValue(t)
	return ok && v == 0
}

func (b *Builder) isOnes(t Term) bool {
	v, ok := b.ConstValue(t)
	return ok && v == b.Width(t).Mask()
}

// signExt extends x to a larger or equal width by copies of its top bit.
func (b *Builder) signExt(x Term, to ir.Width) Term {
	n := b.at(x)
	switch {
	case n.w == to:
		return x
	case n.op == OpConst:
		return b.Const(to, uint64(n.w.SignExtend(n.val)))
	case n.w == ir.W1:
		return b.Ite(x, b.Const(to, to.Mask()), b.Const(to, 0))
	case n.known.zero&n.w.SignBit() != 0:
		return b.concat(b.Const(to-n.w, 0), x)
	case n.known.one&n.w.SignBit() != 0:
		return b.concat(b.Const(to-n.w, ^uint64(0)), x)
	case n.op == OpSignExt:
		return b.signExt(b.Args(x)[0], to)
	case n.op == OpIte:
		if a := b.Args(x); b.Op(a[1]) == OpConst && b.Op(a[2]) == OpConst {
			return b.Ite(a[0], b.signExt(a[1], to), b.signExt(a[2], to))
		}
	}
	return b.node(OpSignExt, to, 0, x)
}

// shift returns x op y for a shift.
func (b *Builder) shift(op sem.BinOp, w ir.Width, x, y Term) Term {
	if k, ok := b.ConstValue(y); ok {
		return b.shiftConst(op, w, x, k)
	}
	switch {
	case b.isZero(x), op == sem.AShr && b.isOnes(x):
		return x
	case op == sem.Shl:
		return b.node(OpShl, w, 0, x, y)
	case op == sem.LShr || b.nodes[x.id].known.zero&w.SignBit() != 0:
		return b.node(OpLShr, w, 0, x, y)
	}
	return b.node(OpAShr, w, 0, x, y)
}

func (b *Builder) shiftConst(op sem.BinOp, w ir.Width, x Term, k uint64) Term {
	if op == sem.AShr {
		k = min(k, uint64(w-1))
	}
	switch {
	case k == 0:
		return x
	case k >= uint64(w):
		return b.Const(w, 0)
	case op == sem.Shl:
		return b.add(w, b.Const(w, 0), x, 1<<k)
	}
	top := b.Extract(x, w-1, ir.Width(k))
	return b.Resize(top, w-ir.Width(k), w, op == sem.AShr)
}

// divide returns x op y for a division or remainder, wider than one bit.
func (b *Builder) divide(op sem.BinOp, w ir.Width, x, y Term) Term {
	if v, ok := b.ConstValue(y); ok {
		switch {
		case v == 0 && op == sem.UDiv:
			return b.Const(w, w.Mask())
		case v == 0 && (op == sem.URem || op == sem.SRem):
			return x
		case v == 1 && (op == sem.UDiv || op == sem.SDiv):
			return x
		case v == 1 || v == w.Mask() && op == sem.SRem:
			return b.Const(w, 0)
		case v&(v-1) == 0 && v != 0 && op == sem.UDiv:
			return b.shiftConst(sem.LShr, w, x, uint64(bits.TrailingZeros64(v)))
		case v&(v-1) == 0 && v != 0 && op == sem.URem:
			return b.bitwise(OpAnd, w, x, b.Const(w, v-1))
		}
	}
	return b.node([...]Op{sem.UDiv: OpUDiv, sem.URem: OpURem, sem.SDiv: OpSDiv, sem.SRem: OpSRem}[op], w, 0, x, y)
}
