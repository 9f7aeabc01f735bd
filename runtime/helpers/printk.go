package helpers

import (
	"bytes"
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"
)

// tracePrintk writes the formatted text to the environment's sink and returns
// its length with the final zero, as bpf_trace_printk does. A format it does
// not take is -EINVAL, a string argument that the program may not read prints
// as the kernel prints a fault.
func tracePrintk(e *Env, args [5]uint64) (uint64, error) {
	format, err := e.Memory.Read(args[0], int(uint32(args[1])))
	if err != nil {
		return 0, err
	}
	text, ok := e.format(format, args[2:5])
	if !ok {
		return errno(unix.EINVAL), nil
	}
	if e.Trace != nil {
		if _, err := e.Trace.Write(text); err != nil {
			return 0, fmt.Errorf("helpers: trace_printk: write text: %w", err)
		}
	}
	return uint64(len(text) + 1), nil
}

// verb is one conversion of a format.
type verb struct {
	pad  byte // '0' or ' '
	min  int  // least width
	long bool // 64 bits
	conv byte // d, i, u, x, X, p, s, c or %
}

// format expands a format that must end in a zero byte and hold printable
// characters, blanks and at most three conversions. ok is false where
// bpf_bprintf_prepare of the kernel refuses.
func (e *Env) format(format []byte, args []uint64) (text []byte, ok bool) {
	end := bytes.IndexByte(format, 0)
	if end < 0 {
		return nil, false
	}
	format = format[:end]
	for len(format) > 0 {
		c := format[0]
		if c >= 0x80 || c < ' ' && !(c >= '\t' && c <= '\r') {
			return nil, false
		}
		format = format[1:]
		if c != '%' {
			text = append(text, c)
			continue
		}
		v, rest, ok := parseVerb(format)
		if !ok || v.conv != '%' && len(args) == 0 {
			return nil, false
		}
		format = rest
		if v.conv == '%' {
			text = append(text, '%')
			continue
		}
		text = append(text, e.expand(v, args[0])...)
		args = args[1:]
	}
	return text, true
}

func parseVerb(f []byte) (v verb, rest []byte, ok bool) {
	v.pad = ' '
	if len(f) > 0 && f[0] == '0' {
		v.pad, f = '0', f[1:]
	}
	for len(f) > 0 && f[0] >= '0' && f[0] <= '9' {
		v.min, f = v.min*10+int(f[0]-'0'), f[1:]
		if v.min > 255 {
			return v, nil, false
		}
	}
	plain := true
	for n := 0; n < 2 && len(f) > 0 && f[0] == 'l'; n++ {
		v.long, plain, f = true, false, f[1:]
	}
	if len(f) == 0 {
		return v, nil, false
	}
	v.conv = f[0]
	switch v.conv {
	case 'd', 'i', 'u', 'x', 'X':
		return v, f[1:], true
	case 'p', 's', 'c', '%':
		return v, f[1:], plain
	}
	return v, nil, false
}

func (e *Env) expand(v verb, x uint64) []byte {
	var out []byte
	if !v.long && v.conv != 'p' && v.conv != 's' {
		x = uint64(uint32(x))
	}
	switch v.conv {
	case 'd', 'i':
		s := int64(x)
		if !v.long {
			s = int64(int32(x))
		}
		out = strconv.AppendInt(nil, s, 10)
	case 'u':
		out = strconv.AppendUint(nil, x, 10)
	case 'x':
		out = strconv.AppendUint(nil, x, 16)
	case 'X':
		out = bytes.ToUpper(strconv.AppendUint(nil, x, 16))
	case 'p':
		out = fmt.Appendf(nil, "%016x", x)
	case 'c':
		out = []byte{byte(x)}
	case 's':
		out = e.str(x)
	}
	if pad := v.min - len(out); pad > 0 {
		if v.pad == '0' && len(out) > 0 && out[0] == '-' {
			return append(append([]byte{'-'}, bytes.Repeat([]byte{'0'}, pad)...), out[1:]...)
		}
		return append(bytes.Repeat([]byte{v.pad}, pad), out...)
	}
	return out
}

// str reads a string of the program, at most 511 bytes.
func (e *Env) str(addr uint64) []byte {
	var out []byte
	for len(out) < 511 {
		b, err := e.Memory.Read(addr+uint64(len(out)), 1)
		if err != nil {
			return []byte("(fault)")
		}
		if b[0] == 0 {
			break
		}
		out = append(out, b[0])
	}
	return out
}
