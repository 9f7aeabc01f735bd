package native_test

import (
	"flag"
	goruntime "runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jit/amd64"
	"github.com/bpfproof/bpfproof/runtime/helpers"
	"github.com/bpfproof/bpfproof/runtime/maps"
	"github.com/bpfproof/bpfproof/runtime/native"
)

// Short forms of the instructions that tests are made of.

func movK(dst ir.Reg, x int64) ir.Insn {
	return ir.Insn{Op: ir.OpALU(ir.Mov, ir.W64, ir.K), Dst: dst, Imm: x}
}

func movX(dst, src ir.Reg) ir.Insn {
	return ir.Insn{Op: ir.OpALU(ir.Mov, ir.W64, ir.X), Dst: dst, Src: src}
}

func aluK(op ir.ALUOp, dst ir.Reg, x int64) ir.Insn {
	return ir.Insn{Op: ir.OpALU(op, ir.W64, ir.K), Dst: dst, Imm: x}
}

func aluX(op ir.ALUOp, dst, src ir.Reg) ir.Insn {
	return ir.Insn{Op: ir.OpALU(op, ir.W64, ir.X), Dst: dst, Src: src}
}

func load(w ir.Width, dst, src ir.Reg, off int) ir.Insn {
	return ir.Insn{Op: ir.OpLoad(w, false), Dst: dst, Src: src, Off: int16(off)}
}

func store(w ir.Width, dst ir.Reg, off int, src ir.Reg) ir.Insn {
	return ir.Insn{Op: ir.OpStore(w, ir.X), Dst: dst, Off: int16(off), Src: src}
}

func branchK(op ir.CmpOp, dst ir.Reg, x int64, off int) ir.Insn {
	return ir.Insn{Op: ir.OpBranch(op, ir.W64, ir.K), Dst: dst, Imm: x, Off: int16(off)}
}

func call(id abi.HelperID) ir.Insn { return ir.Insn{Op: ir.OpCall(ir.CallHelper), Imm: int64(id)} }

func exit() ir.Insn { return ir.Insn{Op: ir.OpExit()} }

// wide is a 64-bit load with its padding.
func wide(dst ir.Reg, x uint64) []ir.Insn {
	return []ir.Insn{{Op: ir.OpLoadImm(ir.PseudoNone), Dst: dst, Imm: int64(x)}, ir.Pad()}
}

func mapFD(dst ir.Reg, m int) []ir.Insn {
	return []ir.Insn{{Op: ir.OpLoadImm(ir.PseudoMapFD), Dst: dst, Imm: int64(m)}, ir.Pad()}
}

// program joins instructions (ir.Insn or []ir.Insn) to a program.
func program(parts ...any) *ir.Program {
	p := &ir.Program{Name: "test"}
	for _, x := range parts {
		switch x := x.(type) {
		case ir.Insn:
			p.Insns = append(p.Insns, x)
		case []ir.Insn:
			p.Insns = append(p.Insns, x...)
		}
	}
	p.FindFuncs()
	return p
}

// tier is what the tests run; TestCorpus runs both.
var tier = flag.String("tier", "baseline", "tier of the compiler that the tests run: baseline or opt")

func backend() jit.Backend { return backendOf(*tier) }

func backendOf(name string) jit.Backend {
	t, _ := jit.ParseTier(name)
	b, err := amd64.NewTier(amd64.Host(), jit.Options{Tier: t})
	if err != nil {
		panic(err) // no pass is switched off
	}
	return b
}

func compile(tb testing.TB, p *ir.Program) *jit.Code {
	tb.Helper()
	code, err := jit.Compile(backend(), p)
	require.NoError(tb, err)
	return code
}

// with adds helpers to the table.
func with(fs map[abi.HelperID]helpers.Func) func(abi.HelperID) (helpers.Func, bool) {
	return func(id abi.HelperID) (helpers.Func, bool) {
		if f, ok := fs[id]; ok {
			return f, true
		}
		return helpers.Lookup(id)
	}
}

// newRun compiles and loads p with fresh maps and gives a run of it.
func newRun(tb testing.TB, p *ir.Program, fs map[abi.HelperID]helpers.Func) (*native.Run, []maps.Map) {
	tb.Helper()
	var ms []maps.Map
	for _, spec := range p.Maps {
		m, err := maps.New(spec)
		require.NoError(tb, err)
		tb.Cleanup(func() { require.NoError(tb, m.Close()) })
		ms = append(ms, m)
	}
	np, err := native.Load(compile(tb, p), p, ms, native.Options{Helper: with(fs)})
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, np.Close()) })
	r, err := np.NewRun()
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, r.Close()) })
	return r, ms
}

// TestArguments checks entry and return.
func TestArguments(t *testing.T) {
	r, _ := newRun(t, program(movX(ir.R0, ir.R1), aluX(ir.Sub, ir.R0, ir.R2), exit()), nil)
	ret, err := r.Call(100, 58)
	require.NoError(t, err)
	require.EqualValues(t, 42, ret)
	require.Zero(t, testing.AllocsPerRun(100, func() { _, _ = r.Call(1, 2) }))
}

// TestHelper checks that arguments, result, r6-r10 and the stack survive the
// way to Go and back, also where the goroutine's stack moves meanwhile.
func TestHelper(t *testing.T) {
	var got [][5]uint64
	fs := map[abi.HelperID]helpers.Func{4000: func(_ *helpers.Env, args [5]uint64) (uint64, error) {
		got = append(got, args)
		grow(200)
		goruntime.GC()
		return args[4] << 40, nil
	}}
	arguments := []ir.Insn{movK(ir.R1, -1), movK(ir.R2, 2), movK(ir.R3, 3), movK(ir.R4, 4), movK(ir.R5, 5)}
	p := program(movK(ir.R6, 6), movK(ir.R7, 7), movK(ir.R8, 8), movK(ir.R9, 9), store(ir.W64, ir.R10, -8, ir.R7),
		arguments, call(4000), arguments, call(4000),
		aluX(ir.Add, ir.R0, ir.R6), aluX(ir.Lsh, ir.R7, ir.R6), aluX(ir.Add, ir.R0, ir.R7), aluX(ir.Add, ir.R0, ir.R8),
		aluX(ir.Add, ir.R0, ir.R9), load(ir.W64, ir.R1, ir.R10, -8), aluX(ir.Add, ir.R0, ir.R1), exit())
	r, _ := newRun(t, p, fs)
	done := make(chan struct{})
	go func() { // a fresh goroutine has a small stack
		defer close(done)
		ret, err := r.Call(0, 0)
		require.NoError(t, err)
		require.EqualValues(t, 5<<40+6+7<<6+8+9+7, ret)
	}()
	<-done
	want := [5]uint64{1<<64 - 1, 2, 3, 4, 5}
	require.Equal(t, [][5]uint64{want, want}, got)
}

func grow(n int) int {
	var pad [512]byte
	if n == 0 {
		return len(pad)
	}
	return grow(n-1) + int(pad[n%512])
}
