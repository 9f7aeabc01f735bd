package kernel

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf/rlimit"
	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/ir"
)

// ErrUnavailable is wrapped by the error of Available.
var ErrUnavailable = errors.New("live kernel not available")

// Available returns nil if this process may load programs of the kinds the
// project works with, or the one reason why not: an error that is unix.EPERM
// where it lacks the right, unix.ENOSYS where there is no bpf(2). It loads "r0 = 0; exit" as an
// XDP program and gives it back.
func Available() error {
	p := &ir.Program{Name: "probe", Type: ir.XDP, Insns: []ir.Insn{
		{Op: ir.OpALU(ir.Mov, ir.W64, ir.K), Dst: ir.R0}, {Op: ir.OpExit()},
	}}
	r, err := Verify(p, Options{})
	switch {
	case err != nil:
		return fmt.Errorf("kernel: %w: %w", ErrUnavailable, err)
	case r.Verdict == Accept:
		return nil
	case r.Errno == unix.EPERM:
		return fmt.Errorf("kernel: %w: bpf(2): %w: it takes root, or CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN", ErrUnavailable, unix.EPERM)
	case r.Errno == unix.ENOSYS:
		return fmt.Errorf("kernel: %w: this kernel has no bpf(2): %w", ErrUnavailable, unix.ENOSYS)
	}
	return fmt.Errorf("kernel: %w: the kernel refuses the smallest program: %s", ErrUnavailable, r.Reason)
}

// raiseMemlock lifts the limit on locked memory, which kernels before 5.11
// charge maps and programs to; later ones ignore it. A failure shows up as
// ENOMEM or EPERM of the load itself.
func raiseMemlock() { _ = rlimit.RemoveMemlock() }
