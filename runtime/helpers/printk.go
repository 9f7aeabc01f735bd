package helpers

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// mostText is how many bytes of text one call writes (MAX_BPRINTF_BUF, with the
// end), and mostArgs how many values an array gives to a format.
const (
	mostText = 1023
	mostArgs = 12
)

// tracePrintk writes the formatted text to the environment's sink and returns
// its length (bpf_trace_printk in kernel/trace/bpf_trace.c of Linux 6.18). A
// format that it does not take is -EINVAL.
func tracePrintk(e *Env, args [5]uint64) (uint64, error) {
	format, err := e.Memory.Read(args[0], int(uint32(args[1])))
	if err != nil {
		return 0, err
	}
	text, errs := e.format(format, args[2:5])
	return e.trace(text, errs)
}

func (e *Env) trace(text []byte, errs unix.Errno) (uint64, error) {
	if errs != 0 {
		return errno(errs), nil
	}
	if e.Trace != nil {
		if _, err := e.Trace.Write(text[:min(len(text), mostText)]); err != nil {
			return 0, fmt.Errorf("helpers: write trace: %w", err)
		}
	}
	return uint64(len(text)), nil
}

// values reads the array of a format's values: -EINVAL for a size that is no
// such array's.
func (e *Env) values(addr, n uint64) ([]uint64, unix.Errno, error) {
	if n = uint64(uint32(n)); n%8 != 0 || n > 8*mostArgs || n != 0 && addr == 0 {
		return nil, unix.EINVAL, nil
	}
	b, err := readOrNone(e, addr, uint32(n))
	if err != nil {
		return nil, 0, err
	}
	return words(b), 0, nil
}

// traceVprintk is trace_printk with the values in an array.
func traceVprintk(e *Env, args [5]uint64) (uint64, error) {
	format, err := e.Memory.Read(args[0], int(uint32(args[1])))
	if err != nil {
		return 0, err
	}
	xs, errs, err := e.values(args[2], args[3])
	if err != nil || errs != 0 {
		return errno(errs), err
	}
	text, errs := e.format(format, xs)
	return e.trace(text, errs)
}

// snprintf writes the formatted text with its end to memory, as much as fits,
// and returns the length of all of it (bpf_snprintf in kernel/bpf/helpers.c).
func snprintf(e *Env, args [5]uint64) (uint64, error) {
	out, err := e.Memory.Write(args[0], int(uint32(args[1])))
	if err != nil {
		return 0, err
	}
	format, err := e.constant(args[2])
	if err != nil {
		return 0, err
	}
	xs, errs, err := e.values(args[3], args[4])
	if err != nil || errs != 0 {
		return errno(errs), err
	}
	text, errs := e.format(format, xs)
	if errs != 0 {
		return errno(errs), nil
	}
	if len(out) > 0 {
		n := copy(out[:len(out)-1], text)
		out[n] = 0
	}
	return uint64(len(text) + 1), nil
}

// mostConstant bounds the length of a string in a read-only map.
const mostConstant = 1 << 20

// constant reads a string, with its end, that the verifier found to have one.
func (e *Env) constant(addr uint64) ([]byte, error) {
	for n := 1; n <= mostConstant; n++ {
		b, err := e.Memory.Read(addr, n)
		if err != nil {
			return nil, err
		}
		if b[n-1] == 0 {
			return b, nil
		}
	}
	return nil, fmt.Errorf("helpers: read string at %#x: it has no end", addr)
}

// strncmp compares memory with a constant string, byte by byte (strncmp in
// lib/string.c): the result is -1, 0 or 1.
func strncmp(e *Env, args [5]uint64) (uint64, error) {
	left, err := e.Memory.Read(args[0], int(uint32(args[1])))
	if err != nil {
		return 0, err
	}
	right, err := e.constant(args[2])
	if err != nil {
		return 0, err
	}
	for i, a := range left {
		switch b := right[i]; {
		case a < b:
			return errno(1), nil
		case a > b:
			return 1, nil
		case a == 0:
			return 0, nil
		}
	}
	return 0, nil
}
