package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/ir"
	bpfasm "github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/ir/elf"
	"github.com/bpfproof/bpfproof/ir/ktypes"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/kernel"
	"github.com/bpfproof/bpfproof/runtime/vm"
	"github.com/bpfproof/bpfproof/verifier"
	"github.com/bpfproof/bpfproof/verifier/recheck"
)

// kernelPrograms is compiled from the C file beside it.
const kernelPrograms = "testdata/kernel/kernel.o"

// wantedVerdict is what the kernel says of a program of kernelPrograms, by its name.
func wantedVerdict(t *testing.T, name string) verifier.Verdict {
	switch {
	case strings.HasPrefix(name, "ok_"):
		return verifier.Accept
	case strings.HasPrefix(name, "bad_"):
		return verifier.Reject
	}
	t.Fatalf("program %s tells no verdict", name)
	return verifier.Unknown
}

// TestKernelPrograms: programs that take a kernel's structures, functions, iterators,
// sections, dynamic pointers and pointers in map values have the verdict that their
// names tell, here in every domain and in the live kernel. No second checker confirms
// the accepted ones, and each says which construct it is for.
func TestKernelPrograms(t *testing.T) {
	types := ktypes.Running()
	if err := types.Available(); err != nil {
		t.Skip(err)
	}
	object, err := elf.Load(kernelPrograms)
	require.NoError(t, err)
	live := liveVerdicts(t)
	accepted := 0
	for _, p := range object.Programs {
		want := wantedVerdict(t, p.Name)
		if got, asked := live[p.Name]; asked {
			require.Equal(t, want == verifier.Accept, got, "%s: the live kernel", p.Name)
		}
		for _, domain := range verifier.Domains() {
			v, err := verifier.New(verifier.Policy{Domain: domain, Types: types})
			require.NoError(t, err)
			r, err := v.Verify(t.Context(), p, nil)
			require.NoError(t, err)
			require.Equal(t, want, r.Verdict, "%s: %s: %v", p.Name, domain, r.Findings)
			if r.Verdict != verifier.Accept {
				continue
			}
			accepted++
			data, err := r.Invariants.Data()
			require.NoError(t, err)
			again := recheck.Program(p, data)
			require.Equal(t, recheck.Unknown, again.Verdict, "%s: %s: %s", p.Name, domain, again.Reason)
			require.NotEmpty(t, again.Construct, p.Name)
		}
		blind, err := verifier.New(verifier.Policy{})
		require.NoError(t, err)
		r, err := blind.Verify(t.Context(), p, nil)
		require.NoError(t, err)
		require.True(t, r.Verdict != verifier.Accept || takesNoTypes(p), "%s is accepted without types of a kernel", p.Name)
	}
	require.Len(t, live, len(object.Programs), "each was asked")
	require.Greater(t, accepted, 60)
}

// takesNoTypes reports that a program takes helpers only whose tables say all.
func takesNoTypes(p *ir.Program) bool {
	return p.Name == "ok_local" || p.Name == "ok_ring" || p.Name == "ok_store_plain"
}

// liveVerdicts asks the live kernel for its verdicts on kernelPrograms.
func liveVerdicts(t *testing.T) map[string]bool {
	spec, err := ebpf.LoadCollectionSpec(kernelPrograms)
	require.NoError(t, err)
	if p, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.SocketFilter, Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()}}); err == nil {
		p.Close()
	} else if errors.Is(err, unix.EPERM) {
		t.Skip("bpf() is not permitted here")
	}
	verdicts := map[string]bool{}
	for name := range spec.Programs {
		one := spec.Copy()
		one.Programs = map[string]*ebpf.ProgramSpec{name: one.Programs[name]}
		c, err := ebpf.NewCollection(one)
		var refused *ebpf.VerifierError
		if err != nil {
			require.ErrorAs(t, err, &refused, "%s", name)
		} else {
			c.Close()
		}
		verdicts[name] = err == nil
	}
	return verdicts
}

// trust takes every program for verified.
func trust(context.Context, *ir.Program) error { return nil }

// TestKernelProgramsAreNotRun: the interpreter refuses programs that call functions
// of the kernel when they are loaded, by the name of the instruction.
func TestKernelProgramsAreNotRun(t *testing.T) {
	raw, err := os.ReadFile(kernelPrograms)
	require.NoError(t, err)
	object, err := elf.ReadBytes(kernelPrograms, raw)
	if err != nil {
		t.Skip(err) // without the running kernel's types
	}
	for _, p := range object.Programs {
		if p.Type != ir.SocketFilter {
			continue
		}
		_, err := runtime.Load(t.Context(), []*ir.Program{p}, runtime.Options{Loader: vm.Loader(vm.Options{}), Check: trust})
		require.ErrorContains(t, err, "call_kfunc: not executed by the interpreter", "%s", p.Name)
	}
}

// aboveText ends an iterator where r10 points to: behind the frame. The kernel rounds
// that offset to the slot below, where there is one (stack_slot_obj_get_spi), and
// looks at no bounds, so it loads the program, which then takes what lies above its
// frame for the iterator.
const aboveText = `
.type socket_filter
.license GPL
	r1 = r10
	r1 += -8
	w2 = 0
	w3 = 3
	call kfunc[bpf_iter_num_new]
	r1 = r10
	call kfunc[bpf_iter_num_destroy]
	r0 = 0
	exit
`

// TestIteratorAboveFrame holds that we refuse what Linux 6.18.44 takes wrongly
// (BUGS.md), and says what the live kernel does.
func TestIteratorAboveFrame(t *testing.T) {
	spec, err := btf.LoadKernelSpec()
	if err != nil {
		t.Skip(err)
	}
	text := regexp.MustCompile(`kfunc\[(\w+)\]`).ReplaceAllStringFunc(aboveText, func(call string) string {
		var f *btf.Func
		require.NoError(t, spec.TypeByName(call[len("kfunc["):len(call)-1], &f))
		id, err := spec.TypeID(f)
		require.NoError(t, err)
		return fmt.Sprintf("kfunc[%d]", id)
	})
	p, err := bpfasm.Parse("above.s", text)
	require.NoError(t, err)
	v, err := verifier.New(verifier.Policy{Types: ktypes.Running()})
	require.NoError(t, err)
	r, err := v.Verify(t.Context(), p, nil)
	require.NoError(t, err)
	require.Equal(t, verifier.Reject, r.Verdict)
	require.Contains(t, r.Findings[0].Msg, "cannot pass in iter_num at an offset=0")
	live, err := kernel.Verify(p, kernel.Options{})
	if errors.Is(err, unix.EPERM) {
		t.Skip("bpf() is not permitted here")
	}
	require.NoError(t, err)
	t.Logf("the live kernel: %v %s", live.Verdict, live.Reason)
}
