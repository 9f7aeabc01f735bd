package e2e

import (
	"cmp"
	"context"
	"errors"
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/kernel"
	"github.com/bpfproof/bpfproof/runtime/vm"
	"github.com/bpfproof/bpfproof/verifier"
)

// fact is a difference between the kernel and our engines that follows from
// their specifications: docs/kernel-differences.md has its reason.
type fact struct {
	name    string // the heading in the document
	typ     string // the program type; "" is xdp
	text    string
	refusal string // part of what the kernel says; "" if it accepts the program
	finding verifier.Code
	ours    func(t *testing.T, p *ir.Program) // what our engines make of it, unverified
	kernel  func(t *testing.T, p *ir.Program) // what the kernel makes of it; nil: nothing more
}

// once runs p in the interpreter on fresh maps.
func once(p *ir.Program, data []byte) (runtime.Result, error) {
	ms, err := runtime.CreateMaps(p)
	if err != nil {
		return runtime.Result{}, err
	}
	defer func() {
		for _, m := range ms {
			m.Close()
		}
	}()
	prog, err := vm.Load(p, ms, vm.Options{})
	if err != nil {
		return runtime.Result{}, err
	}
	defer prog.Close()
	return prog.Run(context.Background(), runtime.Input{Data: data, Fuel: 100_000})
}

// returns demands a result of the interpreter and of the reference.
func returns(want uint64) func(*testing.T, *ir.Program) {
	return func(t *testing.T, p *ir.Program) {
		got, err := once(p, make([]byte, 64))
		require.NoError(t, err)
		require.Equal(t, want, got.Ret)
		ref, err := Reference(0).Run(p, []runtime.Input{{Data: make([]byte, 64)}})
		require.NoError(t, err)
		require.Equal(t, want, ref.Results[0].Ret)
	}
}

// faults demands that a run of the interpreter ends so.
func faults(kind vm.FaultKind) func(*testing.T, *ir.Program) {
	return func(t *testing.T, p *ir.Program) {
		_, err := once(p, make([]byte, 64))
		var f *vm.Fault
		require.ErrorAs(t, err, &f)
		require.Equal(t, kind, f.Kind, "%v", err)
	}
}

// unsupported demands that the interpreter refuses the program at load.
func unsupported(t *testing.T, p *ir.Program) {
	_, err := once(p, make([]byte, 64))
	var u *vm.UnsupportedError
	require.ErrorAs(t, err, &u)
}

// repeats demands that the interpreter gives the same result twice, or refuses
// the program.
func repeats(t *testing.T, p *ir.Program) {
	a, err := once(p, make([]byte, 64))
	var u *vm.UnsupportedError
	if errors.As(err, &u) {
		return
	}
	require.NoError(t, err)
	b, err := once(p, make([]byte, 64))
	require.NoError(t, err)
	require.Equal(t, a.Ret, b.Ret)
}

// acceptedAndReturns demands that our verifier accepts, and a result of the
// interpreter.
func acceptedAndReturns(want uint64) func(*testing.T, *ir.Program) {
	return func(t *testing.T, p *ir.Program) {
		r := Verify(t, p, Domain)
		require.Equal(t, verifier.Accept, r.Verdict, "%v", r.Findings)
		got, err := once(p, make([]byte, 64))
		require.NoError(t, err)
		require.Equal(t, want, got.Ret)
	}
}

// countsTurns demands that the interpreter ends the loop of three instructions a
// turn after as many turns as the ABI says, neither more nor less.
func countsTurns(t *testing.T, p *ir.Program) {
	const steps = 1 + 3*abi.MayGotoLimit + 3
	prog, err := vm.Load(p, nil, vm.Options{})
	require.NoError(t, err)
	defer prog.Close()
	got, err := prog.Run(context.Background(), runtime.Input{Data: make([]byte, 64), Fuel: steps})
	require.NoError(t, err)
	require.EqualValues(t, 7, got.Ret)
	_, err = prog.Run(context.Background(), runtime.Input{Data: make([]byte, 64), Fuel: steps - 1})
	var f *vm.Fault
	require.ErrorAs(t, err, &f)
	require.Equal(t, vm.FaultFuel, f.Kind)
}

func testRun(t *testing.T, p *ir.Program, size int) (kernel.Outcome, error) {
	prog, err := kernel.Load(p, kernel.Options{})
	require.NoError(t, err)
	defer prog.Close()
	return prog.TestRun(make([]byte, size), nil, 1)
}

var facts = []fact{
	{name: "callx", text: "r1 = 5\ncallx r1\nexit", refusal: "unknown opcode 8d", finding: verifier.IndirectCall, ours: unsupported},
	{name: "over-wide shift", text: "r0 = 3\nr0 <<= 65\nexit", refusal: "invalid shift 65", finding: verifier.BadOperand, ours: returns(6)},
	{name: "division by the constant zero", text: "r0 = 3\nr0 /= 0\nexit", refusal: "div by zero", finding: verifier.BadOperand, ours: returns(0)},
	{name: "modulo by the constant zero", text: "r0 = 3\nr0 %= 0\nexit", refusal: "div by zero", finding: verifier.BadOperand, ours: returns(3)},
	{name: "32-bit result", text: "r0 = 0x100000002 ll\nexit", ours: returns(0x100000002), kernel: func(t *testing.T, p *ir.Program) {
		out, err := testRun(t, p, 64)
		require.NoError(t, err)
		require.Equal(t, uint32(2), out.Ret)
	}},
	{name: "short packets", text: "r0 = 2\nexit", ours: func(t *testing.T, p *ir.Program) {
		got, err := once(p, []byte{1})
		require.NoError(t, err)
		require.Equal(t, []byte{1}, got.Data)
	}, kernel: func(t *testing.T, p *ir.Program) {
		_, err := testRun(t, p, kernel.MinPacket-1)
		var limit *kernel.LimitError
		require.ErrorAs(t, err, &limit)
	}},
	{name: "stack that was never written", text: "r0 = *(u64 *)(r10 - 8)\nexit", ours: returns(0)},
	{name: "registers that were never written", text: "r0 = r5\nexit", refusal: "R5 !read_ok", finding: verifier.UninitRead, ours: returns(0)},
	{name: "misaligned atomic operation", text: "r0 = 0\n*(u64 *)(r10 - 8) = r0\n*(u64 *)(r10 - 16) = r0\nlock *(u64 *)(r10 - 12) += r0\nexit",
		refusal: "misaligned stack access", finding: verifier.Alignment, ours: faults(vm.FaultMisaligned)},
	{name: "endless loop", text: "r0 = 0\nagain:\ngoto again\nexit", refusal: "unreachable insn", finding: verifier.Unreachable, ours: faults(vm.FaultFuel)},
	{name: "loop without an end in sight", text: "r0 = 0\nagain:\nr0 += 0\nif r0 == 0 goto again\nexit", refusal: "infinite loop detected", finding: verifier.InfiniteLoop, ours: faults(vm.FaultFuel)},
	{name: "unreachable code", text: "r0 = 1\nexit\nr0 = 2\nexit", refusal: "unreachable insn", finding: verifier.Unreachable, ours: returns(1)},
	{name: "stack of a call chain", text: "r1 = 1\n*(u64 *)(r10 - 512) = r1\ncall deep\nexit\n.func deep\n*(u64 *)(r10 - 512) = r1\nr0 = 4\nexit",
		refusal: "combined stack size", finding: verifier.StackTotal, ours: returns(4)},
	{name: "packet loads of the old kind", text: "r6 = r1\nr0 = *(u16 *)skb[12]\nexit", refusal: "not allowed for this program type", finding: verifier.HelperUnknown, ours: unsupported},
	{name: "address space casts", text: "r1 = 0\nr1 = addr_space_cast(r1, 0x0, 0x1)\nr0 = 0\nexit", refusal: "arena", finding: verifier.Unsupported, ours: unsupported},
	{name: "may_goto", text: "r0 = 0\nagain:\nmay_goto out\nr0 += 1\ngoto again\nout:\nr0 = 7\nexit", ours: countsTurns, kernel: func(t *testing.T, p *ir.Program) {
		out, err := testRun(t, p, 64) // it does end, when the kernel's budget of turns or time does
		require.NoError(t, err)
		require.Equal(t, uint32(7), out.Ret)
	}},
	{name: "sockets of socket buffers", typ: "sched_cls", text: "r1 = *(u64 *)(r1 + 168)\nr0 = 0\nif r1 == 0 goto +1\nr0 = 1\nexit", ours: returns(0), kernel: func(t *testing.T, p *ir.Program) {
		out, err := testRun(t, p, 64)
		require.NoError(t, err)
		require.Equal(t, uint32(1), out.Ret)
	}},
	{name: "packet loads in functions", typ: "sched_cls", text: "call f\nexit\n.func f\nr6 = r1\nr0 = *(u8 *)skb[60]\nr0 += 5\nexit",
		refusal: "LD_ABS is not allowed in subprogs without BTF", ours: acceptedAndReturns(5)},
	{name: "tail calls in functions", text: ".map p prog_array key 4 value 4 entries 4\ncall f\nr0 = 7\nexit\n.func f\nr2 = map[p]\nr3 = 1\ncall tail_call\nr0 = 0\nexit",
		refusal: "tail_call is not allowed in subprogs without BTF", ours: acceptedAndReturns(7)},
	{name: "random numbers", text: "call get_prandom_u32\nexit", ours: repeats},
}

// TestKernelDifferences holds each of the known differences to both sides, and
// the document to the list.
func TestKernelDifferences(t *testing.T) {
	live := kernel.Available()
	if live != nil {
		t.Logf("the live kernel is left out: %v", live)
	}
	doc, err := os.ReadFile("../../docs/kernel-differences.md")
	require.NoError(t, err)
	var names, headings []string
	for _, f := range facts {
		names = append(names, f.name)
	}
	for _, m := range regexp.MustCompile(`(?m)^### (.*)$`).FindAllSubmatch(doc, -1) {
		headings = append(headings, string(m[1]))
	}
	require.ElementsMatch(t, names, headings, "docs/kernel-differences.md and the tests list the same differences")
	for _, f := range facts {
		t.Run(f.name, func(t *testing.T) {
			p, err := asm.Parse("fact.s", ".type "+cmp.Or(f.typ, "xdp")+"\n.license GPL\n"+f.text+"\n")
			require.NoError(t, err)
			if f.finding != "" {
				r := Verify(t, p, Domain)
				require.NotEqual(t, verifier.Accept, r.Verdict)
				require.Equal(t, f.finding, r.Findings[0].Code, "%v", r.Findings)
			}
			f.ours(t, p)
			if live != nil {
				return
			}
			r, err := kernel.Verify(p, kernel.Options{Log: kernel.LogStates})
			require.NoError(t, err)
			if f.refusal != "" {
				require.NotEqual(t, kernel.Accept, r.Verdict)
				require.Contains(t, r.Log, f.refusal)
				return
			}
			require.Equal(t, kernel.Accept, r.Verdict, "%s", r.Log)
			if f.kernel != nil {
				f.kernel(t, p)
			}
		})
	}
}
