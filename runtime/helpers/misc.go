package helpers

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"time"

	"golang.org/x/sys/unix"
)

// machineClock reads the machine's clocks. The system call is made once; from
// then on Go's monotonic clock, which needs none, tells the time passed.
type machineClock struct {
	start      time.Time
	mono, boot uint64
}

// NewClock returns the machine's clocks (CLOCK_MONOTONIC, CLOCK_BOOTTIME). A
// suspend after this call is not counted in Boot.
func NewClock() (Clock, error) {
	var mono, boot unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &mono); err != nil {
		return nil, fmt.Errorf("helpers: read clock: %w", err)
	}
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot); err != nil {
		return nil, fmt.Errorf("helpers: read clock: %w", err)
	}
	return &machineClock{start: time.Now(), mono: uint64(mono.Nano()), boot: uint64(boot.Nano())}, nil
}

func (c *machineClock) Monotonic() uint64 { return c.mono + uint64(time.Since(c.start)) }
func (c *machineClock) Boot() uint64      { return c.boot + uint64(time.Since(c.start)) }

func (e *Env) clock() (Clock, error) {
	if e.Clock == nil {
		c, err := NewClock()
		if err != nil {
			return nil, err
		}
		e.Clock = c
	}
	return e.Clock, nil
}

func ktimeGetNs(e *Env, _ [5]uint64) (uint64, error) {
	c, err := e.clock()
	if err != nil {
		return 0, err
	}
	return c.Monotonic(), nil
}

func ktimeGetBootNs(e *Env, _ [5]uint64) (uint64, error) {
	c, err := e.clock()
	if err != nil {
		return 0, err
	}
	return c.Boot(), nil
}

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

func adjust(e *Env, what string, args [5]uint64, f func(Packet, int32) int64) (uint64, error) {
	if e.Packet == nil {
		return 0, fmt.Errorf("helpers: %s: the run has no packet", what)
	}
	return uint64(f(e.Packet, int32(args[1]))), nil
}

func xdpAdjustHead(e *Env, args [5]uint64) (uint64, error) {
	return adjust(e, "xdp_adjust_head", args, Packet.AdjustHead)
}

func xdpAdjustTail(e *Env, args [5]uint64) (uint64, error) {
	return adjust(e, "xdp_adjust_tail", args, Packet.AdjustTail)
}
