package maps

import (
	"errors"
	"testing"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/rlimit"
	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/ir"
)

// live is a map of the running kernel, asked by bpf(2) itself, so that errno
// are the kernel's and not a library's.
type live struct {
	m    *ebpf.Map
	spec *ir.MapSpec
	size int // of a value as the application sees it
}

// Commands of bpf(2) (enum bpf_cmd).
const (
	cmdLookup = 1
	cmdUpdate = 2
	cmdDelete = 3
	cmdNext   = 4
	cmdTake   = 21
)

type elemAttr struct {
	fd, _ uint32
	key   unsafe.Pointer
	value unsafe.Pointer
	flags uint64
}

// kernelCPUs is the number of processors in a per-CPU map of the kernel.
func kernelCPUs(t testing.TB) uint32 {
	n, err := ebpf.PossibleCPU()
	if err != nil {
		t.Skipf("the live kernel is not asked: %v", err)
	}
	return uint32(n)
}

// cilium returns the spec for the library.
func cilium(s *ir.MapSpec) *ebpf.MapSpec {
	c := &ebpf.MapSpec{Type: ebpf.MapType(s.Type), KeySize: s.KeySize, ValueSize: s.ValueSize, MaxEntries: s.MaxEntries, Flags: s.Flags, MapExtra: s.Extra}
	if s.Inner != nil {
		c.InnerMap = cilium(s.Inner)
	}
	return c
}

// newLive creates a map of the kernel, and skips the test where that is not
// allowed.
func newLive(t testing.TB, s *ir.MapSpec) *live {
	_ = rlimit.RemoveMemlock() // kernels since 5.11 do not need it
	m, err := ebpf.NewMap(cilium(s))
	if errors.Is(err, unix.EPERM) {
		t.Skip("the live kernel is not asked: bpf(2) is not permitted")
	}
	if err != nil {
		t.Fatalf("create %v in the kernel: %v", s, err)
	}
	l := &live{m: m, spec: s, size: int(s.ValueSize)}
	switch s.Type {
	case ir.PerCPUArray, ir.PerCPUHash, ir.LRUPerCPUHash:
		l.size = int(pad8(s.ValueSize)) * int(kernelCPUs(t))
	}
	return l
}

func (l *live) close() { _ = l.m.Close() }

func data(b []byte) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(b)) }

func (l *live) do(cmd uintptr, key, value []byte, flags uint64) error {
	a := elemAttr{fd: uint32(l.m.FD()), key: data(key), value: data(value), flags: flags}
	_, _, errno := unix.Syscall(unix.SYS_BPF, cmd, uintptr(unsafe.Pointer(&a)), unsafe.Sizeof(a))
	if errno != 0 {
		return errno
	}
	return nil
}

func (l *live) Lookup(key []byte) ([]byte, error) {
	v := make([]byte, l.size)
	return v, l.do(cmdLookup, key, v, 0)
}

func (l *live) Take(key []byte) ([]byte, error) {
	v := make([]byte, l.size)
	return v, l.do(cmdTake, key, v, 0)
}

func (l *live) Update(key, value []byte, flags uint64) error {
	return l.do(cmdUpdate, key, value, flags)
}

func (l *live) Delete(key []byte) error { return l.do(cmdDelete, key, nil, 0) }

func (l *live) NextKey(key []byte) ([]byte, error) {
	next := make([]byte, l.spec.KeySize)
	return next, l.do(cmdNext, key, next, 0)
}
