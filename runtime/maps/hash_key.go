package maps

import (
	"encoding/binary"
	"math/bits"

	"github.com/bpfproof/bpfproof/runtime/mem"
)

// Odd constants with their bits well mixed: the golden ratio and the square
// roots of 2, 3 and 5 as 64-bit fractions.
const (
	mix0 = 0x9e3779b97f4a7c15
	mix1 = 0x6a09e667f3bcc909
	mix2 = 0xbb67ae8584caa73b
	mix3 = 0x3c6ef372fe94f82b
)

// fold multiplies to 128 bits and folds the halves, which spreads every bit of
// either factor over the result.
func fold(x, y uint64) uint64 {
	hi, lo := bits.Mul64(x, y)
	return hi ^ lo
}

// hashKey returns the hash of a key: its low half picks the bucket, its high
// half is the tag kept in the element. It is not seeded, so that the order of
// a walk repeats; it does not withstand an adversary that chooses keys.
func hashKey(key []byte) uint64 {
	switch len(key) {
	case 4:
		return hash4(uint64(binary.NativeEndian.Uint32(key)))
	case 8:
		return hash8(binary.NativeEndian.Uint64(key))
	}
	h := uint64(len(key)) ^ mix0
	for len(key) >= 8 {
		h = fold(h^binary.NativeEndian.Uint64(key), mix2)
		key = key[8:]
	}
	var tail uint64
	for i, b := range key {
		tail |= uint64(b) << (8 * i)
	}
	return fold(h^tail, mix3) ^ h
}

// sameKey reports whether the key of an element, at addr, equals key.
func sameKey(addr uint64, key []byte) bool {
	switch len(key) {
	case 4:
		return uint32(mem.Load32(addr)) == binary.NativeEndian.Uint32(key)
	case 8:
		return mem.Load64(addr) == binary.NativeEndian.Uint64(key)
	}
	for len(key) >= 8 {
		if mem.Load64(addr) != binary.NativeEndian.Uint64(key) {
			return false
		}
		addr, key = addr+8, key[8:]
	}
	for i, b := range key {
		if mem.Load8(addr+uint64(i)) != uint64(b) {
			return false
		}
	}
	return true
}
