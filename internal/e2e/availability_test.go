package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"go/format"
	"os"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
)

// hookNames lists the hooks that are asked: a program type, and the attach
// types for which its programs are loaded, or none.
var hookNames = []struct {
	prog   ir.ProgType
	attach []abi.AttachType
	target string // what tracing programs are attached to
}{
	{prog: ir.SocketFilter}, {prog: ir.Kprobe}, {prog: ir.SchedCLS}, {prog: ir.SchedACT}, {prog: ir.Tracepoint}, {prog: ir.XDP},
	{prog: ir.PerfEvent}, {prog: ir.CgroupSKB},
	{prog: ir.CgroupSock, attach: []abi.AttachType{abi.AttachCgroupINETSockCreate, abi.AttachCgroupINETSockRelease,
		abi.AttachCgroupINET4PostBind, abi.AttachCgroupINET6PostBind}},
	{prog: ir.LWTIn}, {prog: ir.LWTOut}, {prog: ir.LWTXmit}, {prog: ir.SockOps}, {prog: ir.SkSKB}, {prog: ir.CgroupDevice},
	{prog: ir.SkMsg}, {prog: ir.RawTracepoint},
	{prog: ir.CgroupSockAddr, attach: []abi.AttachType{abi.AttachCgroupINET4Connect, abi.AttachCgroupINET6Connect,
		abi.AttachCgroupINET4Bind, abi.AttachCgroupINET6Bind, abi.AttachCgroupUDP4SendMsg, abi.AttachCgroupUDP6SendMsg,
		abi.AttachCgroupUDP4RecvMsg, abi.AttachCgroupUDP6RecvMsg, abi.AttachCgroupINET4GetPeername, abi.AttachCgroupINET6GetPeername,
		abi.AttachCgroupINET4GetSockname, abi.AttachCgroupINET6GetSockname, abi.AttachCgroupUnixConnect, abi.AttachCgroupUnixSendMsg}},
	{prog: ir.LWTSeg6Local}, {prog: ir.LircMode2},
	{prog: ir.SkReuseport, attach: []abi.AttachType{abi.AttachSKReuseportSelect}},
	{prog: ir.FlowDissector}, {prog: ir.CgroupSysctl}, {prog: ir.RawTracepointWritable},
	{prog: ir.CgroupSockopt, attach: []abi.AttachType{abi.AttachCgroupSetSockopt, abi.AttachCgroupGetSockopt}},
	{prog: ir.Tracing, attach: []abi.AttachType{abi.AttachTraceFentry, abi.AttachTraceFexit, abi.AttachModifyReturn}, target: "bpf_modify_return_test"},
	{prog: ir.Tracing, attach: []abi.AttachType{abi.AttachTraceRawTP}, target: "sched_switch"},
	{prog: ir.Tracing, attach: []abi.AttachType{abi.AttachTraceIter}, target: "task"},
	{prog: ir.LSM, attach: []abi.AttachType{abi.AttachLSMMAC, abi.AttachLSMCgroup}, target: "socket_bind"},
	{prog: ir.SkLookup, attach: []abi.AttachType{abi.AttachSKLookup}},
	{prog: ir.Syscall},
	{prog: ir.Netfilter, attach: []abi.AttachType{abi.AttachNetfilter}},
}

// askHelper returns what the kernel says of a program that calls the helper and
// exits; asked is false where such programs may not be loaded.
func askHelper(h abi.Hook, target string, id abi.HelperID, license string) (answer string, asked bool) {
	spec := &ebpf.ProgramSpec{
		Type: ebpf.ProgramType(h.Prog), AttachType: ebpf.AttachType(h.Attach), AttachTo: target, License: license,
		Instructions: asm.Instructions{asm.BuiltinFunc(id).Call(), asm.Mov.Imm(asm.R0, 0), asm.Return()},
	}
	if h.Prog == ir.Syscall || h.Prog == ir.LSM && h.Attach == abi.AttachLSMMAC {
		spec.Flags = unix.BPF_F_SLEEPABLE
	}
	p, err := ebpf.NewProgram(spec)
	if err == nil {
		p.Close()
		return "", true
	}
	var v *ebpf.VerifierError
	if !errors.As(err, &v) || len(v.Log) == 0 {
		return "", false // not permitted, or a type that this kernel does not have
	}
	return strings.Join(v.Log, "\n"), true
}

// refusals are the words with which the kernel says that a program type does
// not have a helper.
var refusals = []string{"cannot use helper", "unknown func", "invalid func"}

func refusedHelper(answer string) bool {
	for _, words := range refusals {
		if strings.Contains(answer, words) {
			return true
		}
	}
	return false
}

// TestHelperAvailability compares the tables of package abi with the live
// kernel: which helpers each hook has, and which of them are GPL only. It asks
// one in eight; all with BPFPROOF_UPDATE=1, with which it writes
// ir/abi/availability.go.
func TestHelperAvailability(t *testing.T) {
	if p, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.SocketFilter, Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()}}); err == nil {
		p.Close()
	} else if errors.Is(err, unix.EPERM) {
		t.Skip("bpf() is not permitted here")
	}
	if os.Getenv("BPFPROOF_UPDATE") != "" {
		hooks, table := askAll(t)
		require.NoError(t, os.WriteFile("../../ir/abi/availability.go", availabilityText(t, hooks, table), 0o644))
		return
	}
	for i, hook := range abi.Hooks() {
		for id := abi.HelperID(1); id <= abi.LastHelper; id++ {
			if (int(id)+i)%8 != 0 {
				continue
			}
			compareHelper(t, hook, id)
		}
	}
}

// askAll asks for every hook and helper.
func askAll(t *testing.T) (hooks []abi.Hook, table *[abi.LastHelper + 1]uint64) {
	table = new([abi.LastHelper + 1]uint64)
	for _, row := range hookNames {
		attach := row.attach
		if attach == nil {
			attach = []abi.AttachType{0}
		}
		for _, a := range attach {
			hook := abi.Hook{Prog: row.prog, Attach: a}
			if _, asked := askHelper(hook, row.target, abi.MapLookupElem, "GPL"); !asked {
				t.Logf("%v %v: not to be had here", row.prog, a)
				continue
			}
			for id := abi.HelperID(1); id <= abi.LastHelper; id++ {
				if answer, _ := askHelper(hook, row.target, id, "GPL"); !refusedHelper(answer) {
					table[id] |= 1 << len(hooks)
				}
			}
			hooks = append(hooks, hook)
		}
	}
	return hooks, table
}

// compareHelper compares one helper at one hook with the tables.
func compareHelper(t *testing.T, hook abi.Hook, id abi.HelperID) {
	h, ok := abi.LookupHelper(id)
	require.True(t, ok, "helper %d has no prototype", id)
	answer, asked := askHelper(hook, targetOf(hook), id, "GPL")
	if !asked {
		return
	}
	got, known := abi.Available(id, hook.Prog, hook.Attach)
	require.True(t, known)
	require.Equal(t, !refusedHelper(answer), got, "%s in %v %v; update with BPFPROOF_UPDATE=1", h.Name, hook.Prog, hook.Attach)
	if !got {
		return
	}
	if answer, asked = askHelper(hook, targetOf(hook), id, "BSD"); asked {
		require.Equal(t, strings.Contains(answer, "GPL-restricted"), h.GPLOnly, "%s in %v %v: %s", h.Name, hook.Prog, hook.Attach, answer)
	}
}

func targetOf(h abi.Hook) string {
	for _, row := range hookNames {
		for _, a := range row.attach {
			if row.prog == h.Prog && a == h.Attach {
				return row.target
			}
		}
	}
	return ""
}

// availabilityText returns the file with the tables.
func availabilityText(t *testing.T, hooks []abi.Hook, table *[abi.LastHelper + 1]uint64) []byte {
	var b bytes.Buffer
	b.WriteString("package abi\n\n// Written by TestHelperAvailability of internal/e2e with BPFPROOF_UPDATE=1, from the\n// answers of a live kernel: Linux 6.18.\n\nimport \"github.com/bpfproof/bpfproof/ir\"\n\n")
	b.WriteString("// hooks are the bits of availability, from the lowest.\nvar hooks = []Hook{\n")
	for _, h := range hooks {
		name := h.Prog.String()
		if h.Attach != 0 {
			name += " " + h.Attach.String()
		}
		fmt.Fprintf(&b, "{ir.ProgType(%d), %d}, // %s\n", h.Prog, h.Attach, name)
	}
	b.WriteString("}\n\n// availability has, by helper, a bit for each hook that may call it.\nvar availability = [LastHelper + 1]uint64{\n")
	for id := 1; id < len(table); id++ {
		h, _ := abi.LookupHelper(abi.HelperID(id))
		fmt.Fprintf(&b, "%d: %#016x, // %s\n", id, table[id], h.Name)
	}
	b.WriteString("}\n")
	text, err := format.Source(b.Bytes())
	require.NoError(t, err)
	return text
}
