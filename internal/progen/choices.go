package progen

import "math/rand/v2"

// Choices decides wherever a program could go on in several ways.
type Choices interface {
	// IntN returns a number in [0, n), for n > 0.
	IntN(n int) int
	// Uint64 returns any 64 bits.
	Uint64() uint64
}

// Seed returns pseudo-random choices (PCG), which are the same for the same
// seed.
func Seed(seed uint64) Choices { return rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15)) }

// Bytes returns choices that are read off data, for fuzzers that change bytes:
// one byte for a choice among up to 256, eight for others. Behind the end all
// choices are 0.
func Bytes(data []byte) Choices { return &byteChoices{data} }

type byteChoices struct{ left []byte }

func (b *byteChoices) next() uint64 {
	if len(b.left) == 0 {
		return 0
	}
	x := b.left[0]
	b.left = b.left[1:]
	return uint64(x)
}

func (b *byteChoices) IntN(n int) int {
	if n <= 256 {
		return int(b.next()) % n
	}
	return int(b.Uint64() % uint64(n))
}

func (b *byteChoices) Uint64() (x uint64) {
	for i := range 8 {
		x |= b.next() << (8 * i)
	}
	return x
}

// draw wraps choices with the draws that generation is made of.
type draw struct{ Choices }

// oneIn is true once in n times.
func (d draw) oneIn(n int) bool { return d.IntN(n) == n-1 }

var corners = [...]int64{0, 1, -1, 2, 7, 8, 15, 16, 31, 32, 63, 64, 127, 128, 255, 256, -128, 0x7fff, 0x8000, 0xffff, -0x8000,
	1<<31 - 1, -1 << 31, 0x12345678, 0x00ff00ff, -256}

// imm returns a number that fits a signed 32-bit immediate.
func (d draw) imm() int64 {
	switch d.IntN(4) {
	case 0:
		return int64(d.IntN(17) - 8)
	case 1:
		return corners[d.IntN(len(corners))]
	case 2:
		return int64(int32(uint32(1)<<d.IntN(32) - uint32(d.IntN(2))))
	}
	return int64(int32(d.Uint64()))
}

// imm64 returns any 64 bits.
func (d draw) imm64() int64 {
	switch d.IntN(4) {
	case 0:
		return d.imm()
	case 1:
		return int64(uint64(1)<<d.IntN(64)) - int64(d.IntN(3)-1)
	case 2:
		return d.imm() << 32
	}
	return int64(d.Uint64())
}

// weighted returns an index with the frequency that the weights give it.
func (d draw) weighted(weights []int) int {
	sum := 0
	for _, w := range weights {
		sum += w
	}
	x := d.IntN(sum)
	for i, w := range weights {
		if x -= w; x < 0 {
			return i
		}
	}
	return 0
}
