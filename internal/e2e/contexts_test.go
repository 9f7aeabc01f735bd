package e2e

import (
	"errors"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/internal/long"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
)

var asmSizes = map[int]asm.Size{1: asm.Byte, 2: asm.Half, 4: asm.Word, 8: asm.DWord}

// askAccess reports whether the kernel accepts an access to the context.
func askAccess(t *testing.T, h abi.Hook, ret int64, off, size int, write bool) bool {
	access := asm.LoadMem(asm.R3, asm.R1, int16(off), asmSizes[size])
	if write {
		access = asm.StoreMem(asm.R1, int16(off), asm.R2, asmSizes[size])
	}
	p, err := ebpf.NewProgramWithOptions(&ebpf.ProgramSpec{
		Type: ebpf.ProgramType(h.Prog), AttachType: ebpf.AttachType(h.Attach), License: "GPL",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R2, 0), access, asm.Mov.Imm(asm.R0, int32(ret)), asm.Return()},
	}, ebpf.ProgramOptions{LogDisabled: true})
	if err == nil {
		p.Close()
		return true
	}
	require.False(t, errors.Is(err, unix.EPERM), "%v: %v", h, err)
	return false
}

// TestContextsAgainstKernel asks the live kernel for accesses of every size and
// offset to every context, and compares with the tables of package abi. It asks
// one in eight; all with -long. Only types that the kernel at hand
// lets us load are asked.
func TestContextsAgainstKernel(t *testing.T) {
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.SocketFilter, Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()}})
	if errors.Is(err, unix.EPERM) {
		t.Skip("bpf() is not permitted here")
	}
	require.NoError(t, err)
	p.Close()
	every := 8
	if long.Enabled() {
		every = 1
	}
	for _, h := range abi.Hooks() {
		if h.Prog == ir.Syscall || h.Prog == ir.Tracing || h.Prog == ir.LSM {
			continue // another form of load, or no table
		}
		c, known, ok := abi.ContextFor(h.Prog, h.Attach)
		require.True(t, known && ok, "%v", h)
		ret := int64(0)
		if c.Bounded() {
			ret = c.RetMin
		}
		for off := -2; off < min(c.Size, 256)+8; off++ {
			for size := 1; size <= 8; size *= 2 {
				for _, write := range []bool{false, true} {
					if (off*11+size*3+int(h.Prog))%every == 0 {
						compareAccess(t, h, c, ret, off, size, write)
					}
				}
			}
		}
	}
}

func compareAccess(t *testing.T, h abi.Hook, c *abi.Context, ret int64, off, size int, write bool) {
	f, ours := c.Allows(off, size, write)
	switch {
	case f != nil && f.Kind == abi.Object:
		return // neither yes nor no
	case h.Prog == ir.Tracepoint && off < 0:
		return // the kernel compares the offset unsigned, and lets reads before the context pass
	case f != nil && f.Kind == abi.BufferPtr && size < f.Size:
		return // the kernel lets parts of the pointer be read as numbers; we do not
	}
	if kernel := askAccess(t, h, ret, off, size, write); kernel != ours {
		t.Errorf("%v %v: %s off=%d size=%d write=%v: the kernel says %v, the table %v", h.Prog, h.Attach, c.Name, off, size, write, kernel, ours)
	}
}
