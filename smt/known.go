package smt

import (
	"math/bits"

	"github.com/bpfproof/bpfproof/ir"
)

// known holds the bits of a word that are the same under every assignment:
// those of zero are 0, those of one are 1. The two never overlap.
type known struct{ zero, one uint64 }

func knownConst(w ir.Width, x uint64) known { return known{zero: ^x & w.Mask(), one: x} }

func (k known) all(w ir.Width) bool { return k.zero|k.one == w.Mask() }

// greatest is the word with every unknown bit set.
func (k known) greatest(w ir.Width) uint64 { return ^k.zero & w.Mask() }

// slice returns what is known of the bits hi..lo.
func (k known) slice(hi, lo ir.Width) known {
	m := (hi - lo + 1).Mask()
	return known{k.zero >> lo & m, k.one >> lo & m}
}

// knownOf derives the known bits of a term from those of its arguments.
func (b *Builder) knownOf(op Op, w ir.Width, val uint64, args []Term) known {
	switch op {
	case OpConst:
		return knownConst(w, val)
	case OpVar, OpApply, OpEq, OpULT, OpSLT, OpSDiv, OpSRem:
		return known{}
	case OpExtract:
		return b.nodes[args[0].id].known.slice(ir.Width(val>>8), ir.Width(val&0xff))
	case OpConcat:
		k := known{}
		for _, a := range args {
			n := &b.nodes[a.id]
			k.zero, k.one = k.zero<<n.w|n.known.zero, k.one<<n.w|n.known.one
		}
		return k
	case OpSignExt:
		return signExtKnown(b.nodes[args[0].id].known, b.nodes[args[0].id].w, w)
	case OpIte:
		x, y := b.nodes[args[1].id].known, b.nodes[args[2].id].known
		return known{x.zero & y.zero, x.one & y.one}
	}
	k := b.nodes[args[0].id].known
	if op == OpNot {
		return known{k.one, k.zero}
	}
	for _, a := range args[1:] {
		k = knownBin(op, w, k, b.nodes[a.id].known)
	}
	return k
}

// knownBin derives the known bits of x op y.
func knownBin(op Op, w ir.Width, x, y known) known {
	switch op {
	case OpAnd:
		return known{x.zero | y.zero, x.one & y.one}
	case OpOr:
		return known{x.zero & y.zero, x.one | y.one}
	case OpXor:
		return known{x.zero&y.zero | x.one&y.one, x.zero&y.one | x.one&y.zero}
	case OpAdd:
		return addKnown(w, x, y)
	case OpMul:
		return mulKnown(w, x, y)
	case OpShl: // zeros at the low end stay, and more come
		return known{zero: lowMask(bits.TrailingZeros64(^x.zero)) & w.Mask()}
	case OpLShr: // x >> y <= x
		return atMost(w, x.greatest(w))
	case OpAShr:
		if x.one&w.SignBit() != 0 { // the complement shifts in zeros
			return known{one: atMost(w, ^x.one&w.Mask()).zero}
		}
		if x.zero&w.SignBit() != 0 {
			return atMost(w, x.greatest(w))
		}
	case OpUDiv:
		if y.one != 0 { // y >= 1, so x / y <= x
			return atMost(w, x.greatest(w))
		}
	case OpURem:
		if y.one != 0 { // y >= 1, so x % y < y
			return atMost(w, min(x.greatest(w), y.greatest(w)-1))
		}
		return atMost(w, x.greatest(w)) // x % 0 = x
	}
	return known{}
}

// addKnown adds as tristate numbers do (Vishwanathan et al., CGO 2022,
// algorithm 1): a bit of the sum is known where both operands are and no
// unknown carry can arrive.
func addKnown(w ir.Width, x, y known) known {
	xm, ym := ^(x.zero|x.one)&w.Mask(), ^(y.zero|y.one)&w.Mask()
	sv := x.one + y.one
	sigma := xm + ym + sv
	mu := (sigma ^ sv) | xm | ym
	return known{zero: ^mu & ^sv & w.Mask(), one: ^mu & sv & w.Mask()}
}

// mulKnown keeps the zeros at the low end, which add up, and those at the high
// end where the product cannot overflow.
func mulKnown(w ir.Width, x, y known) known {
	low := bits.TrailingZeros64(^x.zero) + bits.TrailingZeros64(^y.zero)
	k := known{zero: lowMask(low) & w.Mask()}
	if hi, lo := bits.Mul64(x.greatest(w), y.greatest(w)); hi == 0 && lo <= w.Mask() {
		k.zero |= atMost(w, lo).zero
	}
	return k
}

func signExtKnown(k known, from, to ir.Width) known {
	upper := to.Mask() &^ from.Mask()
	if k.zero&from.SignBit() != 0 {
		k.zero |= upper
	}
	if k.one&from.SignBit() != 0 {
		k.one |= upper
	}
	return k
}

// atMost returns what is known of a word that is at most x.
func atMost(w ir.Width, x uint64) known { return known{zero: ^lowMask(bits.Len64(x)) & w.Mask()} }

// lowMask returns n one bits, for n of 0 and more.
func lowMask(n int) uint64 {
	if n >= 64 {
		return ^uint64(0)
	}
	return 1<<n - 1
}
