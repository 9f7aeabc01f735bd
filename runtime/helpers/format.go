package helpers

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"
)

// Formats of trace_printk, trace_vprintk and snprintf (bpf_bprintf_prepare in
// kernel/bpf/helpers.c and lib/vsprintf.c of Linux 6.18).

// mostBinary is how many bytes the values of a format take before they are
// expanded (MAX_BPRINTF_BIN_ARGS).
const mostBinary = 512

// verb is one conversion of a format.
type verb struct {
	zero, plus, space, left bool // flags
	width                   int
	long                    bool // 64 bits
	conv                    byte // d, i, u, x, X, p, s or c
	kind                    byte // what follows a p: x, s, S, B, i, I, k, u, or 0
	size                    byte // of pi and pI: 4 or 6, in ASCII
}

// format expands a format, which must have an end. -EINVAL is for what the
// kernel does not take or has no value for, -ENOSPC for too long values.
func (e *Env) format(format []byte, args []uint64) (text []byte, errs unix.Errno) {
	end := bytes.IndexByte(format, 0)
	if end < 0 {
		return nil, unix.EINVAL
	}
	f, room := format[:end], mostBinary
	for len(f) > 0 {
		c := f[0]
		if c < 0x80 && !graphic(c) && !space(c) {
			return nil, unix.EINVAL
		}
		f = f[1:]
		if c != '%' {
			text = append(text, c)
			continue
		}
		if len(f) > 0 && f[0] == '%' {
			text, f = append(text, '%'), f[1:]
			continue
		}
		v, rest, ok := parseVerb(f)
		if !ok || len(args) == 0 {
			return nil, unix.EINVAL
		}
		out, took, ok := e.expand(v, args[0], room)
		if !ok {
			return nil, unix.ENOSPC
		}
		if v.conv == 'p' { // letters behind are taken for more of its kind
			rest = bytes.TrimLeftFunc(rest, func(r rune) bool { return r < 0x80 && alphanumeric(byte(r)) })
		}
		text, room, f, args = append(text, out...), room-took, rest, args[1:]
	}
	return text, 0
}

func graphic(c byte) bool { return c >= ' ' && c < 0x7f }

func space(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// ends reports whether a conversion of a string or a pointer may end before c.
func ends(rest []byte) bool {
	if len(rest) == 0 || space(rest[0]) {
		return true
	}
	return graphic(rest[0]) && !alphanumeric(rest[0])
}

func alphanumeric(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9'
}

func parseVerb(f []byte) (v verb, rest []byte, ok bool) {
	for ; len(f) > 0; f = f[1:] {
		switch f[0] {
		case '0':
			v.zero = true
			continue
		case '+':
			v.plus = true
			continue
		case '-':
			v.left = true
			continue
		case ' ':
			v.space = true
			continue
		}
		break
	}
	for len(f) > 0 && f[0] >= '0' && f[0] <= '9' {
		v.width, f = min(v.width*10+int(f[0]-'0'), mostWidth), f[1:]
	}
	if len(f) == 0 {
		return v, nil, false
	}
	switch v.conv = f[0]; v.conv {
	case 'p':
		return pointerVerb(v, f[1:])
	case 's':
		return v, f[1:], ends(f[1:])
	case 'c':
		return v, f[1:], true
	}
	for n := 0; n < 2 && len(f) > 0 && f[0] == 'l'; n++ {
		v.long, f = true, f[1:]
	}
	if len(f) == 0 {
		return v, nil, false
	}
	v.conv = f[0]
	return v, f[1:], bytes.IndexByte([]byte("iduxX"), v.conv) >= 0
}

// mostWidth bounds a field's width (FIELD_WIDTH_MAX).
const mostWidth = 1<<23 - 1

// pointerVerb reads what follows a p.
func pointerVerb(v verb, f []byte) (_ verb, rest []byte, ok bool) {
	if ends(f) {
		return v, f, true
	}
	switch f[0] {
	case 'k', 'u':
		v.conv, v.kind = 's', f[0]
		return v, f[min(2, len(f)):], len(f) > 1 && f[1] == 's' && ends(f[2:])
	case 'K':
		return v, f[1:], true
	case 'x', 's', 'S', 'B':
		v.kind = f[0]
		return v, f[1:], true
	case 'i', 'I':
		if len(f) < 2 || f[1] != '4' && f[1] != '6' {
			return v, nil, false
		}
		v.kind, v.size = f[0], f[1]
		return v, f[2:], true
	}
	return v, nil, false
}

// expand returns the text of a value, and how much of the room for values it
// took; false where there was not enough. What the kernel expands beforehand has
// no width.
func (e *Env) expand(v verb, x uint64, room int) (out []byte, took int, ok bool) {
	switch {
	case v.conv == 's':
		if room == 0 {
			return nil, 0, false
		}
		out = e.str(x, room)
		took = len(out) + 1
		if v.kind == 0 {
			out = v.pad(out, false)
		}
		return out, took, true
	case v.conv == 'c':
		return v.pad([]byte{byte(x)}, false), 1, room >= 1
	case v.conv == 'p' && v.size != 0:
		out = e.ip(v, x)
		return out, len(out) + 1, room > len(out)
	case v.conv == 'p' && v.kind == 'B':
		out = fmt.Appendf(nil, "%#x", x)
		return out, len(out) + 1, room > len(out)
	}
	took = 4
	if v.long || v.conv == 'p' {
		took = 8
	}
	took += room & 3
	return v.number(x), took, room >= took
}

// number expands an integer or an address.
func (v verb) number(x uint64) []byte {
	if !v.long && v.conv != 'p' {
		x = uint64(uint32(x))
	}
	switch v.conv {
	case 'd', 'i':
		s := int64(x)
		if !v.long {
			s = int64(int32(x))
		}
		out := strconv.AppendInt(nil, s, 10)
		switch {
		case s >= 0 && v.plus:
			out = append([]byte{'+'}, out...)
		case s >= 0 && v.space:
			out = append([]byte{' '}, out...)
		}
		return v.pad(out, true)
	case 'u':
		return v.pad(strconv.AppendUint(nil, x, 10), true)
	case 'x':
		return v.pad(strconv.AppendUint(nil, x, 16), true)
	case 'X':
		return v.pad(bytes.ToUpper(strconv.AppendUint(nil, x, 16)), true)
	}
	if v.kind == 's' || v.kind == 'S' {
		return v.pad(fmt.Appendf(nil, "%#x", x), false) // no symbol is there
	}
	if v.width == 0 {
		v.width, v.zero = 16, true
	}
	return v.pad(strconv.AppendUint(nil, x, 16), true)
}

// pad brings text to the width: numbers with zeros behind the sign if asked to.
func (v verb) pad(out []byte, number bool) []byte {
	n := v.width - len(out)
	switch {
	case n <= 0:
		return out
	case v.left:
		return append(out, bytes.Repeat([]byte{' '}, n)...)
	case v.zero && number:
		sign := 0
		if out[0] == '-' || out[0] == '+' || out[0] == ' ' {
			sign = 1
		}
		zeros := bytes.Repeat([]byte{'0'}, n)
		return append(append(append([]byte{}, out[:sign]...), zeros...), out[sign:]...)
	}
	return append(bytes.Repeat([]byte{' '}, n), out...)
}

// ip expands the address of an IP address; what cannot be read is zeros.
func (e *Env) ip(v verb, addr uint64) []byte {
	var b [16]byte
	n := 4
	if v.size == '6' {
		n = 16
	}
	if !e.probe(b[:n], addr) {
		b = [16]byte{}
	}
	switch {
	case v.size == '4' && v.kind == 'i':
		return fmt.Appendf(nil, "%03d.%03d.%03d.%03d", b[0], b[1], b[2], b[3])
	case v.size == '4':
		return fmt.Appendf(nil, "%d.%d.%d.%d", b[0], b[1], b[2], b[3])
	}
	var out []byte
	for i := 0; i < n; i += 2 {
		if i > 0 && v.kind == 'I' {
			out = append(out, ':')
		}
		out = fmt.Appendf(out, "%04x", binary.BigEndian.Uint16(b[i:]))
	}
	return out
}

// str reads a string of at most room bytes with its end; one that cannot be read
// is empty.
func (e *Env) str(addr uint64, room int) []byte {
	var out []byte
	var b [1]byte
	for len(out) < room-1 {
		if !e.probe(b[:], addr+uint64(len(out))) {
			return nil
		}
		if b[0] == 0 {
			break
		}
		out = append(out, b[0])
	}
	return out
}

// words reads numbers of 64 bits in host order.
func words(b []byte) []uint64 {
	xs := make([]uint64, len(b)/8)
	for i := range xs {
		xs[i] = binary.NativeEndian.Uint64(b[8*i:])
	}
	return xs
}
