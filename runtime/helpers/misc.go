package helpers

import (
	"encoding/binary"
	"math/bits"
	"sync/atomic"

	"github.com/bpfproof/bpfproof/runtime/mem"
)

// getPrandomU32 is splitmix64 (Steele, Lea and Flood, OOPSLA 2014), upper half.
func getPrandomU32(e *Env, _ [5]uint64) (uint64, error) {
	e.Random += 0x9e3779b97f4a7c15
	z := e.Random
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return (z ^ z>>31) >> 32, nil
}

func getSMPProcessorID(e *Env, _ [5]uint64) (uint64, error) { return uint64(e.CPU), nil }

// csumDiff returns the checksum change that replacing the old memory by the
// new one makes, added to seed (bpf_csum_diff in net/core/filter.c).
func csumDiff(e *Env, args [5]uint64) (uint64, error) {
	from, fromLen, to, toLen, seed := args[0], uint32(args[1]), args[2], uint32(args[3]), uint32(args[4])
	oldBytes, err := readOrNone(e, from, fromLen)
	if err != nil {
		return 0, err
	}
	newBytes, err := readOrNone(e, to, toLen)
	if err != nil {
		return 0, err
	}
	return uint64(Csum(oldBytes, newBytes, seed)), nil
}

func readOrNone(e *Env, addr uint64, n uint32) ([]byte, error) {
	if n == 0 {
		return nil, nil
	}
	return e.Memory.Read(addr, int(n))
}

// Csum returns what csum_diff does: the one's complement sum, in host order, of
// seed, the words of to and the complements of the words of from, folded to 16
// bits; seed itself if both are empty. Memory that does not end with a word
// counts as if zeros followed. Linux folds, and takes any size, since 6.13;
// before, the result depended on the machine.
func Csum(from, to []byte, seed uint32) uint32 {
	switch {
	case len(from) == 0 && len(to) == 0:
		return seed
	case len(from) == 0:
		return fold16(onesSum(to, seed))
	case len(to) == 0:
		return fold16(^onesSum(from, ^seed))
	}
	return fold16(onesAdd(onesSum(to, seed), ^onesSum(from, 0)))
}

func onesSum(b []byte, sum uint32) uint32 {
	for ; len(b) >= 4; b = b[4:] {
		sum = onesAdd(sum, binary.NativeEndian.Uint32(b))
	}
	if len(b) > 0 {
		var last [4]byte
		copy(last[:], b)
		sum = onesAdd(sum, binary.NativeEndian.Uint32(last[:]))
	}
	return sum
}

// fold16 adds the halves of a one's complement sum.
func fold16(sum uint32) uint32 { return (sum + bits.RotateLeft32(sum, 16)) >> 16 }

func onesAdd(x, y uint32) uint32 {
	sum, carry := bits.Add32(x, y, 0)
	return sum + carry
}

// kptrXchg puts a pointer into a map's value and returns the one that was there.
func kptrXchg(e *Env, args [5]uint64) (uint64, error) {
	if _, err := e.Memory.Write(args[0], 8); err != nil {
		return 0, err
	}
	return atomic.SwapUint64(mem.Ptr64(args[0]), args[1]), nil
}
