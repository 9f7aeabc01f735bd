package linux58

// Initial returns the register that a program starts with: nothing is known of
// it, or that it holds x.
func Initial(known bool, x uint64) Reg {
	if known {
		return Known(x)
	}
	return Unknown()
}

// Choose returns a if first is set, else b.
func Choose(first bool, a, b Reg) Reg {
	if first {
		return a
	}
	return b
}
