package verifier_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/ir/ktypes"
	"github.com/bpfproof/bpfproof/verifier"
)

// TestUnknownInnerMap: what a map of maps holds may not be known.
func TestUnknownInnerMap(t *testing.T) {
	r := verify(t, verifier.Policy{}, parse(t, "inner", `
		.map outer array_of_maps key 4 value 4 entries 2
		*(u32 *)(r10 - 4) = 0
		r2 = r10
		r2 += -4
		r1 = map[outer]
		call map_lookup_elem
		if r0 == 0 goto out
		r2 = r10
		r2 += -4
		r1 = r0
		call map_lookup_elem
	out:
		r0 = 0
		exit
	`))
	require.Equal(t, verifier.Unknown, r.Verdict)
	require.Contains(t, r.Findings[0].Msg, `the map in map "outer" is not known`)
}

// attached is a program for some place of the kernel: accept where code is empty.
// Linux 6.18 here says the same of those at iterators and tracepoints; it loads no
// programs at functions and LSM hooks, whose verdicts are those of the source of 6.12.
type attached struct {
	name, text, to string
	prog           ir.ProgType
	attach         abi.AttachType
	sleeps         bool
	code           verifier.Code
	msg            string
}

const sleepable = 1 << 4

var attachedPrograms = []attached{
	{name: "fentry", text: "r0 = 0\nexit", to: "bpf_fentry_test1", prog: ir.Tracing, attach: abi.AttachTraceFentry},
	{name: "fentry result", text: "r0 = 1\nexit", to: "bpf_fentry_test1", prog: ir.Tracing, attach: abi.AttachTraceFentry, code: verifier.ReturnValue, msg: "smin=1 smax=1"},
	{name: "fentry sleeps", text: "r0 = 0\nexit", to: "bpf_fentry_test1", prog: ir.Tracing, attach: abi.AttachTraceFentry, sleeps: true},
	{name: "fexit sleeps", text: "r0 = 0\nexit", to: "bpf_fentry_test1", prog: ir.Tracing, attach: abi.AttachTraceFexit, sleeps: true},
	{name: "fmod_ret sleeps", text: "r0 = 0\nexit", to: "bpf_fentry_test1", prog: ir.Tracing, attach: abi.AttachModifyReturn, sleeps: true},
	{name: "iter sleeps", text: "r0 = 0\nexit", to: "task", prog: ir.Tracing, attach: abi.AttachTraceIter, sleeps: true},
	{name: "lsm sleeps", text: "r0 = 0\nexit", to: "bpf", prog: ir.LSM, attach: abi.AttachLSMMAC, sleeps: true},
	{name: "lsm does not sleep", text: "r0 = 0\nexit", to: "file_permission", prog: ir.LSM, attach: abi.AttachLSMMAC, sleeps: true, code: verifier.AttachPoint, msg: "bpf_lsm_file_permission is not sleepable"},
	{name: "lsm disabled", text: "r0 = 0\nexit", to: "getprocattr", prog: ir.LSM, attach: abi.AttachLSMMAC, code: verifier.AttachPoint, msg: "disabled hook"},
	{name: "lsm result", text: "r0 = 1\nexit", to: "file_open", prog: ir.LSM, attach: abi.AttachLSMMAC, code: verifier.ReturnValue, msg: "[-4095, 0]"},
	{name: "lsm passes the result on", text: "r0 = *(u64 *)(r1 + 8)\nexit", to: "file_open", prog: ir.LSM, attach: abi.AttachLSMMAC},
	{name: "tracepoint sleeps", text: "r0 = 0\nexit", to: "sched_switch", prog: ir.Tracing, attach: abi.AttachTraceRawTP, sleeps: true, code: verifier.AttachPoint, msg: "can be sleepable"},
	{name: "fentry sees no result", text: "r0 = *(u64 *)(r1 + 8)\nr0 = 0\nexit", to: "bpf_fentry_test1", prog: ir.Tracing, attach: abi.AttachTraceFentry, code: verifier.CtxAccess, msg: "doesn't have 2-th argument"},
	{name: "fexit sees it", text: "r0 = *(u64 *)(r1 + 8)\nr0 = 0\nexit", to: "bpf_fentry_test1", prog: ir.Tracing, attach: abi.AttachTraceFexit},
	{name: "context written", text: "*(u64 *)(r1 + 0) = 0\nr0 = 0\nexit", to: "bpf_fentry_test1", prog: ir.Tracing, attach: abi.AttachTraceFentry, code: verifier.CtxAccess},
	{name: "between arguments", text: "r0 = *(u32 *)(r1 + 4)\nr0 = 0\nexit", to: "bpf_fentry_test1", prog: ir.Tracing, attach: abi.AttachTraceFentry, code: verifier.CtxAccess, msg: "not multiple of 8"},
	{name: "null perhaps", text: "r1 = *(u64 *)(r1 + 8)\nr0 = *(u64 *)(r1 + 0)\nr0 = 0\nexit", to: "sched_pi_setprio", prog: ir.Tracing, attach: abi.AttachTraceRawTP, code: verifier.NullDeref, msg: "trusted_ptr_or_null"},
	{name: "no such function", text: "r0 = 0\nexit", to: "no_such_function", prog: ir.Tracing, attach: abi.AttachTraceFentry, code: verifier.Unsupported, msg: "not in the kernel's types"},
	{name: "no target", text: "r0 = 0\nexit", prog: ir.Tracing, attach: abi.AttachTraceFentry, code: verifier.Unsupported, msg: "what it is attached to"},
}

// TestAttached: what programs find, and may return, by what they are attached to.
func TestAttached(t *testing.T) {
	types := ktypes.Running()
	if err := types.Available(); err != nil {
		t.Skip(err)
	}
	for _, a := range attachedPrograms {
		t.Run(a.name, func(t *testing.T) {
			p := parse(t, a.name, a.text)
			p.Type, p.AttachType, p.AttachTo, p.License = a.prog, uint32(a.attach), a.to, "GPL"
			if a.sleeps {
				p.LoadFlags |= sleepable
			}
			r := verify(t, verifier.Policy{Types: types}, p)
			if a.code == "" {
				require.Equal(t, verifier.Accept, r.Verdict, "%v", r.Findings)
				return
			}
			require.NotEqual(t, verifier.Accept, r.Verdict)
			require.Equal(t, a.code, r.Findings[0].Code, "%v", r.Findings)
			require.Contains(t, r.Findings[0].Msg, a.msg)
			blind := verify(t, verifier.Policy{}, p)
			require.Equal(t, verifier.Unknown, blind.Verdict, "without the kernel's types")
		})
	}
}
