package explain

// The interpreter's get_prandom_u32 is splitmix64, upper half (package
// runtime/helpers), a bijection of its state: so there is a seed for every first
// number.

const golden = 0x9e3779b97f4a7c15

// seedFor returns the seed with which the first random number is x.
func seedFor(x uint32) uint64 {
	for low := uint64(0); ; low++ { // 0 is no seed: it stands for the usual one
		z := uint64(x)<<32 | low
		z = unshift(z, 31) * inverse(0x94d049bb133111eb)
		z = unshift(z, 27) * inverse(0xbf58476d1ce4e5b9)
		if seed := unshift(z, 30) - golden; seed != 0 {
			return seed
		}
	}
}

// unshift returns the y with y ^ y>>n == z.
func unshift(z uint64, n int) uint64 {
	y := z
	for i := n; i < 64; i += n {
		y = z ^ y>>n
	}
	return y
}

// inverse returns the inverse of an odd number modulo 2^64, by Newton's
// iteration: each step doubles the low bits that are right.
func inverse(a uint64) uint64 {
	x := a // right in 3 bits
	for range 5 {
		x *= 2 - a*x
	}
	return x
}
