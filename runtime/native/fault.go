package native

import (
	"fmt"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/ir"
)

// FaultError says that machine code accessed memory it must not, or executed
// an instruction that traps.
type FaultError struct {
	PC     ir.PC       // the eBPF instruction
	Offset int32       // in the text
	Addr   uint64      // the address accessed, where the signal has one
	Signal unix.Signal // SIGSEGV, SIGBUS, SIGFPE, SIGILL or SIGTRAP
}

func (e *FaultError) Error() string {
	return fmt.Sprintf("native: insn %d (text+%#x): %v at address %#x", e.PC, e.Offset, e.Signal, e.Addr)
}

// faultSignals are the signals that an instruction can raise.
var faultSignals = [...]unix.Signal{unix.SIGSEGV, unix.SIGBUS, unix.SIGFPE, unix.SIGILL, unix.SIGTRAP}

// oldHandlers holds by signal the handlers that were there before onSignal,
// which reads it. Written once for each signal before onSignal is installed.
var oldHandlers [65]uintptr

// sigaction is the kernel's struct sigaction (rt_sigaction(2)).
type sigaction struct {
	handler  uintptr
	flags    uint64
	restorer uintptr
	mask     uint64
}

// installHandlers puts onSignal before Go's handlers, once in a process. Flags,
// mask and return path stay those of Go: on its alternate stack, with siginfo.
var installHandlers = sync.OnceValue(func() error {
	_, _, handler := addresses()
	for _, sig := range faultSignals {
		var act sigaction
		if err := rtSigaction(sig, nil, &act); err != nil {
			return fmt.Errorf("read handler of %v: %w", sig, err)
		}
		const needed = 0x4 | 0x08000000 // SA_SIGINFO, SA_ONSTACK
		if act.handler <= 1 || act.flags&needed != needed {
			return fmt.Errorf("handler of %v is not Go's: flags %#x", sig, act.flags)
		}
		oldHandlers[sig] = act.handler
		act.handler = handler
		if err := rtSigaction(sig, &act, nil); err != nil {
			return fmt.Errorf("install handler of %v: %w", sig, err)
		}
	}
	return nil
})

func rtSigaction(sig unix.Signal, act, old *sigaction) error {
	_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(act)), uintptr(unsafe.Pointer(old)), 8, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}
