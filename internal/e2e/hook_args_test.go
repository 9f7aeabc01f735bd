package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"go/format"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/ir/ktypes"
)

// readAs lists what the log says of the register that a program has read an
// argument to, by what it means.
var readAs = []struct {
	text *regexp.Regexp
	arg  abi.HookArg
}{
	{regexp.MustCompile(`R2(_w)?=trusted_ptr_or_null_`), abi.ArgTrustedOrNull},
	{regexp.MustCompile(`R2(_w)?=trusted_ptr_`), abi.ArgTrusted},
	{regexp.MustCompile(`R2(_w)?=ptr_or_null_`), abi.ArgPlainOrNull},
	{regexp.MustCompile(`R2(_w)?=rdonly_buf_or_null`), abi.ArgReadBufferOrNull},
	{regexp.MustCompile(`R2(_w)?=buf_or_null`), abi.ArgBufferOrNull},
	{regexp.MustCompile(`R2(_w)?=scalar`), abi.ArgNumber},
}

// askArgument tells what the kernel takes that argument, a pointer, for that
// programs at a tracepoint or an iterator are given; asked is false where it does
// not let programs read it.
func askArgument(at ebpf.AttachType, name string, arg int) (a abi.HookArg, asked bool) {
	p, err := ebpf.NewProgramWithOptions(&ebpf.ProgramSpec{
		Type: ebpf.Tracing, AttachType: at, AttachTo: name, License: "GPL",
		Instructions: asm.Instructions{asm.LoadMem(asm.R2, asm.R1, int16(8*arg), asm.DWord), asm.Mov.Imm(asm.R0, 0), asm.Return()},
	}, ebpf.ProgramOptions{LogLevel: ebpf.LogLevelInstruction, LogSizeStart: 1 << 14})
	if err != nil {
		return 0, false
	}
	defer p.Close()
	for _, r := range readAs {
		if r.text.MatchString(p.VerifierLog) {
			return r.arg, true
		}
	}
	return 0, false
}

// TestHookArguments compares the table of package abi with the live kernel:
// what arguments of tracepoints and iterators that are pointers may be. It asks one in sixteen; all with
// BPFPROOF_UPDATE=1, with which it writes ir/abi/hook_args.go.
func TestHookArguments(t *testing.T) {
	if p, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.SocketFilter, Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()}}); err == nil {
		p.Close()
	} else if errors.Is(err, unix.EPERM) {
		t.Skip("bpf() is not permitted here")
	}
	spec, err := btf.LoadKernelSpec()
	if err != nil {
		t.Skip(err)
	}
	kernel := ktypes.Running()
	update := os.Getenv("BPFPROOF_UPDATE") != ""
	table := map[string]uint64{}
	n, asked := 0, 0
	for typ, err := range spec.All() {
		require.NoError(t, err)
		f, at, key := hookOf(kernel, typ)
		if f == nil {
			continue
		}
		if n++; !update && n%16 != 0 {
			continue
		}
		for i, a := range f.Args {
			if !a.Pointer || at == ebpf.AttachTraceRawTp && a.Target == 0 {
				continue
			}
			answer, ok := askArgument(at, f.Name, i)
			if !ok {
				continue
			}
			asked++
			if update && answer != abi.ArgTrusted {
				table[key] |= uint64(answer) << (4 * i)
			}
			if !update {
				require.Equal(t, answer, abi.HookArgOf(key, i), "%s, argument %d", key, i)
			}
		}
	}
	t.Logf("%d hooks, %d arguments", n, asked)
	if update {
		require.NoError(t, os.WriteFile("../../ir/abi/hook_args.go", hookArgsText(t, table), 0o644))
	}
}

// hookOf returns the tracepoint or iterator that a type is of, nil for another one.
func hookOf(kernel *ktypes.Types, typ btf.Type) (f *ktypes.Func, at ebpf.AttachType, key string) {
	switch u := typ.(type) {
	case *btf.Typedef:
		if name, ok := strings.CutPrefix(u.Name, "btf_trace_"); ok {
			f, _ = kernel.Tracepoint(name)
			return f, ebpf.AttachTraceRawTp, name
		}
	case *btf.Func:
		if name, ok := strings.CutPrefix(u.Name, "bpf_iter_"); ok && !slices.Contains(u.Tags, "bpf_kfunc") {
			if f, ok = kernel.Func(u.Name); ok {
				g := *f
				g.Name = name
				return &g, ebpf.AttachTraceIter, abi.IterHook + name
			}
		}
	}
	return nil, 0, ""
}

func hookArgsText(t *testing.T, table map[string]uint64) []byte {
	var b bytes.Buffer
	b.WriteString("package abi\n\n// Written by TestHookArguments of internal/e2e with BPFPROOF_UPDATE=1, from the\n// answers of a live kernel: Linux 6.18.\n\n")
	b.WriteString("// hookArgs has, by tracepoint or iterator, four bits for each argument: a HookArg.\nvar hookArgs = map[string]uint64{\n")
	for _, name := range slices.Sorted(maps.Keys(table)) {
		fmt.Fprintf(&b, "\t%q: %#x,\n", name, table[name])
	}
	b.WriteString("}\n")
	text, err := format.Source(b.Bytes())
	require.NoError(t, err)
	return text
}
