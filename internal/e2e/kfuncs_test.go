package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"go/format"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
)

// askKfunc returns what the kernel says of a program that calls the function of
// that BTF id and exits; asked is false where such programs may not be loaded.
func askKfunc(h abi.Hook, target string, id btf.TypeID) (answer string, asked bool) {
	spec := &ebpf.ProgramSpec{
		Type: ebpf.ProgramType(h.Prog), AttachType: ebpf.AttachType(h.Attach), AttachTo: target, License: "GPL",
		Instructions: asm.Instructions{
			asm.Instruction{OpCode: asm.OpCode(asm.JumpClass).SetJumpOp(asm.Call), Src: asm.PseudoKfuncCall, Constant: int64(id)},
			asm.Mov.Imm(asm.R0, 0), asm.Return()},
	}
	if h.Prog == ir.Syscall {
		spec.Flags = unix.BPF_F_SLEEPABLE
	}
	p, err := ebpf.NewProgram(spec)
	if err == nil {
		p.Close()
		return "", true
	}
	var v *ebpf.VerifierError
	if !errors.As(err, &v) || len(v.Log) == 0 {
		return "", false
	}
	return strings.Join(v.Log, "\n"), true
}

func refusedKfunc(answer string) bool { return strings.Contains(answer, "is not allowed") }

// TestKfuncAvailability compares the table of package abi with the live kernel:
// which functions each hook has. It asks one in eight; all with BPFPROOF_UPDATE=1,
// with which it writes ir/abi/kfunc_hooks.go.
func TestKfuncAvailability(t *testing.T) {
	if p, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.SocketFilter, Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()}}); err == nil {
		p.Close()
	} else if errors.Is(err, unix.EPERM) {
		t.Skip("bpf() is not permitted here")
	}
	spec, err := btf.LoadKernelSpec()
	if err != nil {
		t.Skip(err)
	}
	ids := map[string]btf.TypeID{}
	for typ, err := range spec.All() {
		require.NoError(t, err)
		if f, ok := typ.(*btf.Func); ok && slices.Contains(f.Tags, "bpf_kfunc") {
			ids[f.Name], err = spec.TypeID(f)
			require.NoError(t, err)
		}
	}
	if os.Getenv("BPFPROOF_UPDATE") != "" {
		table := map[string]uint64{}
		for name, id := range ids {
			table[name] = 0
			for i, h := range abi.Hooks() {
				answer, asked := askKfunc(h, targetOf(h), id)
				require.True(t, asked || answer == "", "%s %v", name, h)
				if !refusedKfunc(answer) {
					table[name] |= 1 << i
				}
			}
		}
		require.NoError(t, os.WriteFile("../../ir/abi/kfunc_hooks.go", kfuncText(t, table), 0o644))
		return
	}
	for n, name := range abi.Kfuncs() {
		id, ok := ids[name]
		if !ok {
			continue // another kernel
		}
		for i, h := range abi.Hooks() {
			if (n+i)%8 != 0 {
				continue
			}
			answer, _ := askKfunc(h, targetOf(h), id)
			available, known := abi.KfuncAvailable(name, h.Prog, h.Attach)
			require.True(t, known, name)
			require.Equal(t, !refusedKfunc(answer), available, "%s %v: %s", name, h, answer)
		}
	}
}

func kfuncText(t *testing.T, table map[string]uint64) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "package abi\n\n// Written by TestKfuncAvailability of internal/e2e with BPFPROOF_UPDATE=1, from the\n// answers of a live kernel: Linux 6.18.\n\n")
	fmt.Fprintf(&b, "// kfuncHooks has, by function, a bit for each of hooks that may call it.\nvar kfuncHooks = map[string]uint64{\n")
	for _, name := range slices.Sorted(maps.Keys(table)) {
		fmt.Fprintf(&b, "\t%q: %#016x,\n", name, table[name])
	}
	b.WriteString("}\n")
	text, err := format.Source(b.Bytes())
	require.NoError(t, err)
	return text
}
