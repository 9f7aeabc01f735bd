package helpers

import (
	"bytes"
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// putWords writes words in host order one after the other.
func putWords(out []byte, xs ...uint32) {
	for i, x := range xs {
		binary.NativeEndian.PutUint32(out[4*i:], x)
	}
}

// probe copies memory that the program may name by any number: false where it
// cannot be read. In native code that is all of the process's memory, which the
// system reads, so that a wrong address is no fault; in the interpreter what the
// program may reach.
func (e *Env) probe(out []byte, addr uint64) bool {
	if len(out) == 0 {
		return true
	}
	if !e.Proved {
		b, err := e.Memory.Read(addr, len(out))
		copy(out, b)
		return err == nil
	}
	local := []unix.Iovec{{Base: &out[0]}}
	local[0].SetLen(len(out))
	n, err := unix.ProcessVMReadv(unix.Getpid(), local, []unix.RemoteIovec{{Base: uintptr(addr), Len: len(out)}}, 0)
	return err == nil && n == len(out)
}

// unreadable is why memory cannot be copied: the helpers that copy from the
// kernel tell addresses that can be none of its (copy_from_kernel_nofault in
// mm/maccess.c and arch/x86/mm/maccess.c of Linux 6.18).
type unreadable func(addr uint64) unix.Errno

func userFault(uint64) unix.Errno { return unix.EFAULT }

func kernelFault(addr uint64) unix.Errno {
	const kernelHalf = 0xffff_8000_0000_0000
	if addr < kernelHalf {
		return unix.ERANGE
	}
	return unix.EFAULT
}

func probeReadKernel(e *Env, args [5]uint64) (uint64, error) { return probeRead(e, args, kernelFault) }

func probeReadUser(e *Env, args [5]uint64) (uint64, error) { return probeRead(e, args, userFault) }

func probeReadKernelStr(e *Env, args [5]uint64) (uint64, error) {
	return probeReadStr(e, args, kernelFault)
}

func probeReadUserStr(e *Env, args [5]uint64) (uint64, error) {
	return probeReadStr(e, args, userFault)
}

// probeRead copies memory from an address that need not be good: an error, and
// zeros, where it is not (bpf_probe_read_kernel_common in kernel/trace/bpf_trace.c).
func probeRead(e *Env, args [5]uint64, why unreadable) (uint64, error) {
	out, err := e.Memory.Write(args[0], int(uint32(args[1])))
	if err != nil {
		return 0, err
	}
	if !e.probe(out, args[2]) {
		clear(out)
		return errno(why(args[2])), nil
	}
	return 0, nil
}

// pageBytes is the least piece of memory that can be read as a whole or not.
const pageBytes = 4096

// probeReadStr copies a string with its end and returns the length of both. A
// string that does not fit is cut; an error, and zeros, where it cannot be read.
func probeReadStr(e *Env, args [5]uint64, why unreadable) (uint64, error) {
	out, err := e.Memory.Write(args[0], int(uint32(args[1])))
	if err != nil || len(out) == 0 {
		return 0, err
	}
	for n := 0; n < len(out); {
		at, step := args[2]+uint64(n), 1
		if e.Proved {
			step = int(min(uint64(len(out)-n), pageBytes-at%pageBytes, uint64(len(e.piece))))
		}
		piece := e.piece[:step]
		if !e.probe(piece, at) {
			clear(out)
			return errno(why(args[2])), nil
		}
		if end := bytes.IndexByte(piece, 0); end >= 0 {
			copy(out[n:], piece[:end+1]) // what is behind stays
			return uint64(n + end + 1), nil
		}
		n += copy(out[n:], piece)
	}
	out[len(out)-1] = 0
	return uint64(len(out)), nil
}
