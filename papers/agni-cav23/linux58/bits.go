package linux58

// Bits is a tristate number: Value holds the bits that are known to be 1, Mask
// those that are not known. A pair that shares a bit stands for no word.
type Bits struct{ Value, Mask uint64 }

// low is the mask of the low half of a word.
const low = 1<<32 - 1

// constant returns the tristate number of one word.
func constant(x uint64) Bits { return Bits{Value: x} }

// isConstant tells whether all bits are known.
func (t Bits) isConstant() bool { return t.Mask == 0 }

// lowHalf keeps what is known of the low half; the high half is 0.
func (t Bits) lowHalf() Bits { return Bits{t.Value & low, t.Mask & low} }

// highHalf keeps what is known of the high half; the low half is 0.
func (t Bits) highHalf() Bits { return Bits{t.Value &^ low, t.Mask &^ low} }

// with puts the low half of l under the high half of t.
func (t Bits) with(l Bits) Bits { return or(t.highHalf(), l.lowHalf()) }

// between returns the prefix that least and greatest share, all bits below it
// open. If they differ in the top bit, nothing is known.
func between(least, greatest uint64) Bits {
	differ := least ^ greatest
	differ |= differ >> 1
	differ |= differ >> 2
	differ |= differ >> 4
	differ |= differ >> 8
	differ |= differ >> 16
	differ |= differ >> 32
	return Bits{least &^ differ, differ}
}

// meet takes what either knows; where they contradict each other a bit is 1.
func meet(a, b Bits) Bits {
	open := a.Mask & b.Mask
	return Bits{(a.Value | b.Value) &^ open, open}
}

func and(a, b Bits) Bits {
	ones := a.Value & b.Value
	return Bits{ones, (a.Value | a.Mask) & (b.Value | b.Mask) &^ ones}
}

func or(a, b Bits) Bits {
	ones := a.Value | b.Value
	return Bits{ones, (a.Mask | b.Mask) &^ ones}
}

// sub borrows wherever some member does.
func sub(a, b Bits) Bits {
	d := a.Value - b.Value
	open := (d + a.Mask) ^ (d - b.Mask) | a.Mask | b.Mask
	return Bits{d &^ open, open}
}
