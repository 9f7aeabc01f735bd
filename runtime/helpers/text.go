package helpers

import (
	"encoding/binary"
	"math"

	"golang.org/x/sys/unix"
)

// Limits of the helpers that read numbers from text.
const (
	baseMask   = 0x1f // of flags (BPF_STRTOX_BASE_MASK)
	maxNumeral = 63   // bytes looked at behind blanks and sign
)

// numeral reads an unsigned number at the start of text, behind blanks and a
// sign, and returns it with the number of bytes up to its end
// (__bpf_strtoull in kernel/bpf/helpers.c of Linux 6.18).
func numeral(text []byte, flags uint64) (x uint64, negative bool, consumed int, errs unix.Errno) {
	base := flags & baseMask
	if len(text) == 0 || flags&^baseMask != 0 || base != 0 && base != 8 && base != 10 && base != 16 {
		return 0, false, 0, unix.EINVAL
	}
	at := 0
	for at < len(text) && blank(text[at]) {
		at++
	}
	if at < len(text) && text[at] == '-' {
		negative = true
		at++
	}
	rest := text[at:]
	rest = rest[:min(len(rest), maxNumeral)]
	prefix, base := radix(rest, base)
	n := prefix
	for n < len(rest) && digit(rest[n]) < base {
		d := digit(rest[n])
		if x > (math.MaxUint64-d)/base {
			return 0, negative, 0, unix.ERANGE
		}
		x = x*base + d
		n++
	}
	if n == prefix {
		return 0, negative, 0, unix.EINVAL
	}
	return x, negative, at + n, 0
}

// blank is isspace of the kernel, which counts the no-break space of Latin-1.
func blank(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' || c == 0xa0 }

// digit returns the value of a digit, or one that no base has.
func digit(c byte) uint64 {
	switch lower := c | 0x20; {
	case c >= '0' && c <= '9':
		return uint64(c - '0')
	case lower >= 'a' && lower <= 'f':
		return uint64(lower-'a') + 10
	}
	return math.MaxUint8
}

// radix returns the length of a prefix "0x" and the base that is meant.
func radix(s []byte, base uint64) (prefix int, _ uint64) {
	at := func(i int) byte {
		if i < len(s) {
			return s[i]
		}
		return 0
	}
	hex := at(0) == '0' && at(1)|0x20 == 'x'
	if base == 0 {
		switch {
		case hex && digit(at(2)) < 16:
			base = 16
		case at(0) == '0':
			base = 8
		default:
			base = 10
		}
	}
	if base == 16 && hex {
		prefix = 2
	}
	return prefix, base
}

// parse is strtol and strtoul: the number is written to args[3], 0 where there
// is none, and the result is how many bytes it took.
func parse(e *Env, args [5]uint64, signed bool) (uint64, error) {
	text, err := e.Memory.Read(args[0], int(uint32(args[1])))
	if err != nil {
		return 0, err
	}
	out, err := e.Memory.Write(args[3], 8)
	if err != nil {
		return 0, err
	}
	x, negative, n, errs := numeral(text, args[2])
	clear(out)
	switch {
	case errs != 0:
		return errno(errs), nil
	case !signed && negative:
		return errno(unix.EINVAL), nil
	case signed && negative && int64(-x) > 0, signed && !negative && int64(x) < 0:
		return errno(unix.ERANGE), nil
	case negative:
		x = -x
	}
	binary.NativeEndian.PutUint64(out, x)
	return uint64(n), nil
}

func strtol(e *Env, args [5]uint64) (uint64, error) { return parse(e, args, true) }

func strtoul(e *Env, args [5]uint64) (uint64, error) { return parse(e, args, false) }
