package helpers

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/runtime/mem"
)

// A dynptr is 16 bytes on the stack that programs only hand to helpers: the
// address of the memory, its size in bytes, and where it begins in the record
// (struct bpf_dynptr_kern of Linux 6.18, of which no program sees the inside). 0
// as the address is the dynptr of nothing.
const (
	dynptrBytes = 16
	dynptrLen   = 8 // offset of the size
	dynptrMax   = 1<<24 - 1
)

// setDynptr writes a dynptr.
func (e *Env) setDynptr(at, addr, n uint64) error {
	out, err := e.Memory.Write(at, dynptrBytes)
	if err != nil {
		return err
	}
	clear(out)
	binary.NativeEndian.PutUint64(out, addr)
	binary.NativeEndian.PutUint64(out[dynptrLen:], n)
	return nil
}

// dynptr reads one.
func (e *Env) dynptr(at uint64) (addr, n uint64, err error) {
	if e.lent != nil && at-e.lent.Addr() < mostDrains*dynptrBytes { // one that Drain lent
		return mem.Load64(at), mem.Load64(at + dynptrLen), nil
	}
	b, err := e.Memory.Read(at, dynptrBytes)
	if err != nil {
		return 0, 0, err
	}
	return binary.NativeEndian.Uint64(b), binary.NativeEndian.Uint64(b[dynptrLen:]), nil
}

// dynptrFromMem makes a dynptr of memory.
func dynptrFromMem(e *Env, args [5]uint64) (uint64, error) {
	n := uint64(uint32(args[1]))
	errs := unix.Errno(0)
	switch {
	case n > dynptrMax:
		errs = unix.E2BIG
	case args[2] != 0:
		errs = unix.EINVAL
	}
	if errs != 0 {
		return errno(errs), e.setDynptr(args[3], 0, 0)
	}
	return 0, e.setDynptr(args[3], args[0], n)
}

// dynptrPiece returns n bytes at an offset behind a dynptr: -EINVAL for one of
// nothing and for flags, -E2BIG where it has not so many.
func (e *Env) dynptrPiece(at, off, n, flags uint64) (piece []byte, errs unix.Errno, err error) {
	addr, size, err := e.dynptr(at)
	switch {
	case err != nil:
		return nil, 0, err
	case addr == 0 || flags != 0:
		return nil, unix.EINVAL, nil
	case off > size || n > size-off:
		return nil, unix.E2BIG, nil
	}
	if piece, err = e.Memory.Write(addr+off, int(n)); err != nil {
		return nil, 0, err
	}
	return piece, 0, nil
}

func dynptrRead(e *Env, args [5]uint64) (uint64, error) {
	n := uint64(uint32(args[1]))
	piece, errs, err := e.dynptrPiece(args[2], uint64(uint32(args[3])), n, args[4])
	if err != nil || errs != 0 {
		return errno(errs), err
	}
	out, err := e.Memory.Write(args[0], int(n))
	copy(out, piece)
	return 0, err
}

func dynptrWrite(e *Env, args [5]uint64) (uint64, error) {
	n := uint64(uint32(args[3]))
	piece, errs, err := e.dynptrPiece(args[0], uint64(uint32(args[1])), n, 0)
	if errs == 0 && args[4] != 0 { // this one looks at its flags last
		errs = unix.EINVAL
	}
	if err != nil || errs != 0 {
		return errno(errs), err
	}
	in, err := e.Memory.Read(args[2], int(n))
	copy(piece, in)
	return 0, err
}

// dynptrData returns the address of n bytes at an offset, or 0.
func dynptrData(e *Env, args [5]uint64) (uint64, error) {
	piece, errs, err := e.dynptrPiece(args[0], uint64(uint32(args[1])), uint64(uint32(args[2])), 0)
	if err != nil || errs != 0 || len(piece) == 0 {
		return 0, err
	}
	return mem.Addr(piece), nil
}

// ringbufReserveDynptr makes a dynptr of a new record, or of nothing where there
// is no room, which has to be given back too.
func ringbufReserveDynptr(e *Env, args [5]uint64) (uint64, error) {
	n, errs, addr := uint64(uint32(args[1])), unix.Errno(0), uint64(0)
	switch {
	case args[2] != 0:
		errs = unix.EINVAL
	case n > dynptrMax:
		errs = unix.E2BIG
	default:
		var err error
		if addr, err = ringbufReserve(e, [5]uint64{args[0], n}); err != nil {
			return 0, err
		}
		if addr == 0 {
			errs = unix.EINVAL
		}
	}
	if errs != 0 {
		n = 0
	}
	return errno(errs), e.setDynptr(args[3], addr, n)
}

func ringbufSubmitDynptr(e *Env, args [5]uint64) (uint64, error) {
	return 0, e.finishDynptr(args, false)
}

func ringbufDiscardDynptr(e *Env, args [5]uint64) (uint64, error) {
	return 0, e.finishDynptr(args, true)
}

// finishDynptr gives the record behind a dynptr back, if there is one.
func (e *Env) finishDynptr(args [5]uint64, discard bool) error {
	addr, _, err := e.dynptr(args[0])
	if err != nil || addr == 0 {
		return err
	}
	if err := e.finish([5]uint64{addr, args[1]}, discard); err != nil {
		return err
	}
	return e.setDynptr(args[0], 0, 0)
}
