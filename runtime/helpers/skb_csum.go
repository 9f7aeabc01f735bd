package helpers

import (
	"encoding/binary"
	"math"

	"golang.org/x/sys/unix"
)

// Flags of l3_csum_replace and l4_csum_replace: the size of the replaced field
// in bytes in the low bits.
const (
	fieldMask    = 0xf
	pseudoHeader = 1 << 4
	mangledZero  = 1 << 5
	enforceMark  = 1 << 6
	overIPv6     = 1 << 7
)

// noChecksum is what a UDP checksum of 0 is written as (CSUM_MANGLED_0).
const noChecksum = 0xffff

// checksumAt returns the checksum at an even offset of a packet.
func checksumAt(b Buffer, off uint64) ([]byte, unix.Errno) {
	sum, ok := bytesOf(b, off, 2)
	if !ok || off > math.MaxUint16 || off&1 != 0 {
		return nil, unix.EFAULT
	}
	return sum, 0
}

// replaced returns a checksum after a field changed from one value to another;
// a size of 0 stands for a difference in to.
func replaced(sum uint16, from, to, size uint64) (uint16, unix.Errno) {
	switch size {
	case 0:
		if from != 0 {
			return 0, unix.EINVAL
		}
		return ^uint16(fold16(onesAdd(uint32(to), uint32(^sum)))), 0
	case 2:
		return ^add16(add16(^sum, ^uint16(from)), uint16(to)), 0
	case 4:
		without := onesAdd(^uint32(sum), ^uint32(from))
		return ^uint16(fold16(onesAdd(without, uint32(to)))), 0
	}
	return 0, unix.EINVAL
}

// add16 is the one's complement sum.
func add16(x, y uint16) uint16 {
	sum := x + y
	if sum < y {
		sum++
	}
	return sum
}

// l3CsumReplace updates the checksum of an IP header for a field that changed.
func l3CsumReplace(e *Env, args [5]uint64) (uint64, error) {
	b, err := e.buffer("l3_csum_replace")
	if err != nil {
		return 0, err
	}
	off, from, to, flags := uint64(uint32(args[1])), args[2], args[3], args[4]
	if flags&^fieldMask != 0 {
		return errno(unix.EINVAL), nil
	}
	at, errs := checksumAt(b, off)
	if errs != 0 {
		return errno(errs), nil
	}
	sum, errs := replaced(binary.NativeEndian.Uint16(at), from, to, flags)
	if errs != 0 {
		return errno(errs), nil
	}
	binary.NativeEndian.PutUint16(at, sum)
	return 0, nil
}

// l4CsumReplace does the same for a transport header, where 0 may stand for no
// checksum. Checksums of whole packets, that a pseudo header would matter for,
// are not kept.
func l4CsumReplace(e *Env, args [5]uint64) (uint64, error) {
	b, err := e.buffer("l4_csum_replace")
	if err != nil {
		return 0, err
	}
	off, from, to, flags := uint64(uint32(args[1])), args[2], args[3], args[4]
	if flags&^(fieldMask|pseudoHeader|mangledZero|enforceMark|overIPv6) != 0 {
		return errno(unix.EINVAL), nil
	}
	at, errs := checksumAt(b, off)
	if errs != 0 {
		return errno(errs), nil
	}
	old := binary.NativeEndian.Uint16(at)
	if flags&mangledZero != 0 && flags&enforceMark == 0 && old == 0 {
		return 0, nil
	}
	n := flags & fieldMask
	if n == 2 { // fields of 16 bits are added as such of 32
		n, from, to = 4, from&math.MaxUint16, to&math.MaxUint16
	}
	sum, errs := replaced(old, from, to, n)
	if errs != 0 {
		return errno(errs), nil
	}
	if flags&mangledZero != 0 && sum == 0 {
		sum = noChecksum
	}
	binary.NativeEndian.PutUint16(at, sum)
	return 0, nil
}

// errNotSupported is ENOTSUPP, which the kernel keeps to itself but for helpers.
const errNotSupported unix.Errno = 524

// csumUpdate would add to the checksum of the whole packet, which none has here.
func csumUpdate(e *Env, _ [5]uint64) (uint64, error) {
	_, err := e.buffer("csum_update")
	return errno(errNotSupported), err
}

// What csum_level does (enum of BPF_CSUM_LEVEL_*), and how many layers it counts
// at most beside the first.
const (
	levelQuery = iota
	levelInc
	levelDec
	levelReset
	mostLevels = 4
)

// csumLevel changes or tells how many layers' checksums count as right.
func csumLevel(e *Env, args [5]uint64) (uint64, error) {
	b, err := e.buffer("csum_level")
	if err != nil {
		return 0, err
	}
	m := b.Marks()
	switch args[1] {
	case levelQuery:
		if m.Checked == 0 {
			return errno(unix.EACCES), nil
		}
		return uint64(m.Checked - 1), nil
	case levelInc:
		m.Checked = min(m.Checked+1, mostLevels)
	case levelDec:
		m.Checked = max(m.Checked-1, 0)
	case levelReset:
		m.Checked = 0
	default:
		return errno(unix.EINVAL), nil
	}
	return 0, nil
}
