package native_test

import (
	"context"
	"errors"
	goruntime "runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/helpers"
	"github.com/bpfproof/bpfproof/runtime/native"
)

func parse(tb testing.TB, text string) *ir.Program {
	tb.Helper()
	p, err := asm.Parse("test.s", text)
	require.NoError(tb, err)
	if len(p.Funcs) == 0 {
		p.FindFuncs()
	}
	return p
}

// TestMayGoto: every call of a function may go round as often as the kernel
// allows, whichever way the jump leads.
func TestMayGoto(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       uint64
	}{
		{"ahead", "r0 = 0\nagain:\nmay_goto out\nr0 += 1\ngoto again\nout:\nexit", abi.MayGotoLimit},
		{"back", "r0 = 0\nagain:\nr0 += 1\nmay_goto done\ngoto again\ndone:\nexit", abi.MayGotoLimit + 1},
		{"two share the count", "r0 = 0\nagain:\nmay_goto out\nmay_goto out\nr0 += 1\ngoto again\nout:\nexit", abi.MayGotoLimit / 2},
		{"stays used up", "r0 = 0\nagain:\nmay_goto next\nr0 += 1\ngoto again\nnext:\nmay_goto out\nr0 = 0\nout:\nexit", abi.MayGotoLimit},
		{"a frame each", "call f\nr6 = r0\ncall f\nr0 += r6\nexit\nf:\nr0 = 0\nagain:\nmay_goto out\nr0 += 1\ngoto again\nout:\nexit", 2 * abi.MayGotoLimit},
		{"back, unused", "goto start\nback:\nr0 = 7\nexit\nstart:\nmay_goto back\nr0 = 1\nexit", 1},
		{"back, used up", "goto start\nback:\nr0 = 7\nexit\nstart:\nmay_goto used\ngoto start\nused:\nmay_goto back\nr0 = 1\nexit", 7},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, _ := newRun(t, parse(t, tt.text), nil)
			ret, err := r.Call(0, 0)
			require.NoError(t, err)
			require.Equal(t, tt.want, ret)
		})
	}
}

// tails loads programs that share the prog_array "tails" of four entries.
func tails(t *testing.T, texts map[string]string) *runtime.Object {
	t.Helper()
	var programs []*ir.Program
	for name, text := range texts {
		p := parse(t, ".type xdp\n.map tails prog_array key 4 value 4 entries 4\n"+text)
		p.Name = name
		programs = append(programs, p)
	}
	obj, err := runtime.Load(t.Context(), programs, runtime.Options{Loader: native.Loader(backend(), native.Options{}),
		Check: func(context.Context, *ir.Program) error { return nil }})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, obj.Close()) })
	return obj
}

const tailCall = "\nr2 = map[tails]\ncall tail_call\n"

// TestTailCall: another program takes the place of a function, with its own
// maps and helpers, and returns to whoever called that function.
func TestTailCall(t *testing.T) {
	obj := tails(t, map[string]string{
		"a": "r6 = 40\n*(u64 *)(r10 - 8) = 5\ncall sub\nr0 += r6\nr7 = *(u64 *)(r10 - 8)\nr0 += r7\nexit\nsub:\nr6 = 7\nr3 = 1" + tailCall + "r0 = 7\nexit",
		"b": "r6 = r1\nr6 = *(u32 *)(r6 + 0)\nr0 = *(u8 *)(r6 + 0)\nr3 = 3" + tailCall + "call get_smp_processor_id\nr0 += 2\nexit",
	})
	run := func() uint64 {
		res, err := obj.Program("a").Run(t.Context(), runtime.Input{Data: make([]byte, 14), Repeat: 3})
		require.NoError(t, err)
		return res.Ret
	}
	require.EqualValues(t, 52, run(), "no program at the index")
	require.NoError(t, obj.SetTail("tails", 1, obj.Program("b")))
	require.EqualValues(t, 47, run())
	require.EqualValues(t, 47, run())
	require.NoError(t, obj.Map("tails").Delete([]byte{1, 0, 0, 0}))
	require.EqualValues(t, 52, run())
}

// TestTailCallLimit: 33 tail calls are made, further ones fall through; those
// that find no program do not count.
func TestTailCallLimit(t *testing.T) {
	obj := tails(t, map[string]string{
		"a": "r6 = r1\nr7 = 100\nagain:\nr1 = r6\nr3 = 3" + tailCall + "r7 += -1\nif r7 != 0 goto again\nr1 = r6\nr3 = 9" + tailCall + "r1 = r6\nr3 = 1" + tailCall + "r0 = 0\nexit",
		"b": "r6 = r1\nr2 = *(u32 *)(r1 + 0)\nr7 = *(u8 *)(r2 + 0)\nr7 += 1\n*(u8 *)(r2 + 0) = r7\nr3 = 1" + tailCall + "r0 = r7\nexit",
	})
	require.NoError(t, obj.SetTail("tails", 1, obj.Program("b")))
	for range 2 {
		res, err := obj.Program("a").Run(t.Context(), runtime.Input{Data: make([]byte, 14)})
		require.NoError(t, err)
		require.EqualValues(t, abi.TailCallLimit, res.Ret)
	}
}

// TestTailCallFault: a fault, and a helper's error, behind a tail call name the
// instruction of the program that is at fault, and the next run is well.
func TestTailCallFault(t *testing.T) {
	obj := tails(t, map[string]string{"a": "r3 = 1" + tailCall + "r0 = 0\nexit", "b": "r1 = 0\nr0 = *(u64 *)(r1 + 16)\nexit"})
	require.NoError(t, obj.SetTail("tails", 1, obj.Program("b")))
	for range 3 {
		_, err := obj.Program("a").Run(t.Context(), runtime.Input{Data: make([]byte, 14)})
		var fault *native.FaultError
		require.ErrorAs(t, err, &fault)
		require.EqualValues(t, 1, fault.PC)
		require.EqualValues(t, 16, fault.Addr)
	}
}

// TestCallback: bpf_loop calls a function with its number and context, as often
// as that returns 0; callbacks nest, and what the caller has in registers and
// on the stack stays, while Go moves stacks and collects.
func TestCallback(t *testing.T) {
	const text = `
	r6 = 6
	r7 = 7
	*(u64 *)(r10 - 8) = 0
	r1 = 10
	r2 = func[outer]
	r3 = r10
	r3 += -8
	r4 = 0
	call loop
	r6 *= r7
	r0 += r6
	r0 <<= 32
	r1 = *(u64 *)(r10 - 8)
	r0 |= r1
	exit
outer:
	r6 = r2
	r7 = r1
	r3 = r2
	r1 = 5
	r2 = func[inner]
	r4 = 0
	call loop
	r0 = 0
	if r7 != 6 goto more
	r0 = 1
more:
	exit
inner:
	r6 = r2
	call 4000
	r1 = *(u64 *)(r6 + 0)
	r1 += r0
	*(u64 *)(r6 + 0) = r1
	r0 = 0
	exit
`
	fs := map[abi.HelperID]helpers.Func{4000: func(*helpers.Env, [5]uint64) (uint64, error) {
		grow(100)
		goruntime.GC()
		return 3, nil
	}}
	r, _ := newRun(t, parse(t, text), fs)
	done := make(chan struct{})
	go func() { // a fresh goroutine has a small stack
		defer close(done)
		for range 2 {
			ret, err := r.Call(0, 0)
			require.NoError(t, err)
			require.EqualValues(t, (7+6*7)<<32|7*5*3, ret)
		}
	}()
	<-done
}

// TestCallbackEnds: whatever ends a run ends it inside a callback, too, and the
// next run is well.
func TestCallbackEnds(t *testing.T) {
	text := func(body string) string {
		return "r1 = 8\nr2 = func[f]\nr3 = 0\nr4 = 0\ncall loop\nexit\nf:\n" + body
	}
	failing := map[abi.HelperID]helpers.Func{4000: func(*helpers.Env, [5]uint64) (uint64, error) { return 0, errors.New("no") }}
	r, _ := newRun(t, parse(t, text("r1 = 0\nr0 = *(u64 *)(r1 + 8)\nexit")), nil)
	for range 3 {
		_, err := r.Call(0, 0)
		var fault *native.FaultError
		require.ErrorAs(t, err, &fault)
		require.EqualValues(t, 8, fault.PC)
	}
	r, _ = newRun(t, parse(t, text("call 4000\nexit")), failing)
	for range 3 {
		_, err := r.Call(0, 0)
		var helper *native.HelperError
		require.ErrorAs(t, err, &helper)
		require.EqualValues(t, 7, helper.PC)
	}
	// A function that calls itself back for ever ends at the stack's end.
	r, _ = newRun(t, parse(t, text("r1 = 8\nr2 = func[f]\nr3 = 0\nr4 = 0\ncall loop\nexit")), nil)
	for range 3 {
		_, err := r.Call(0, 0)
		require.ErrorContains(t, err, "nested too deep")
	}
	r, _ = newRun(t, parse(t, "r1 = 8\nr2 = 77\nr3 = 0\nr4 = 0\ncall loop\nexit"), nil)
	_, err := r.Call(0, 0)
	require.ErrorContains(t, err, "0x4d is no function of the program")
}
