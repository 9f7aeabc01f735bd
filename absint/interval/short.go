package interval

import "github.com/bpfproof/bpfproof/ir"

// Small returns the element of the words in r, which has some, all of them
// below 2^(half(w)-1).
func Small(r Range) T {
	h := Halves{r, noRange()}
	return T{h, h}
}

// SetSmall sets t to Small(r).
func (t *T) SetSmall(r Range) {
	t.Full.Pos, t.Full.Neg = r, noRange()
	t.Low.Pos, t.Low.Neg = r, noRange()
}

// Small returns the words of t as one range if all are below 2^(half(w)-1) and
// there is one: then every range of t is that range, or is empty. Most values
// in programs are such.
func (t *T) Small(w ir.Width) (Range, bool) {
	return t.Full.Pos, t.small(half(w).SignBit())
}

// small reports whether t has words, and all are below limit.
func (t *T) small(limit uint64) bool {
	return t.Full.Pos.Max < limit && t.Full.Neg.Max == 0 && t.Full.Pos.Min <= t.Full.Pos.Max
}

// Short returns the result of an eBPF operation on words of ranges that are
// small at width w (see T.Small) if it is small too and known without further
// ado; otherwise ok is false.
//
// Sound: nothing here overflows or is negative. Sums, products and left shifts
// grow with both operands; differences, quotients and right shifts grow with
// the first and fall with the second; for the others see andRange, orRange,
// xorRange and remainder. Amounts below a width that is a power of two are
// their own low bits.
func Short(op ir.ALUOp, w ir.Width, x, y Range) (r Range, ok bool) {
	limit := half(w).SignBit()
	plain := y.Max < uint64(w) && w&(w-1) == 0
	switch op {
	case ir.Add:
		return Range{x.Min + y.Min, x.Max + y.Max}, x.Max+y.Max < limit
	case ir.Sub:
		return Range{x.Min - y.Max, x.Max - y.Min}, x.Min >= y.Max
	case ir.Mul:
		return Range{x.Min * y.Min, x.Max * y.Max}, x.Max*y.Max < limit
	case ir.And:
		return andRange(x, y), true
	case ir.Or:
		return orRange(x, y), true
	case ir.Xor:
		return xorRange(x, y), true
	case ir.Lsh:
		return Range{x.Min << (y.Min & 63), x.Max << (y.Max & 63)}, plain && x.Max <= (limit-1)>>(y.Max&63)
	case ir.Rsh, ir.Arsh:
		return Range{x.Min >> (y.Max & 63), x.Max >> (y.Min & 63)}, plain
	case ir.Div, ir.SDiv:
		if y.Min == 0 {
			return y, false
		}
		return Range{x.Min / y.Max, x.Max / y.Min}, true
	case ir.Mod, ir.SMod:
		if y.Min == 0 {
			return y, false
		}
		return remainder(x, y), true
	case ir.Mov:
		return y, true
	}
	return y, false
}
