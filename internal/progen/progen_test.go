package progen_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/internal/progen"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/vm"
)

var types = []ir.ProgType{ir.XDP, ir.SchedCLS, ir.Unspec, ir.Syscall, ir.CgroupSKB}

func text(t testing.TB, p *ir.Program) string {
	t.Helper()
	var b strings.Builder
	require.NoError(t, asm.Print(&b, p))
	return b.String()
}

func TestSameChoicesSameProgram(t *testing.T) {
	seen := map[string]bool{}
	for seed := range uint64(50) {
		for _, typ := range types {
			o := progen.Options{Type: typ}
			a, b := progen.New(progen.Seed(seed), o), progen.New(progen.Seed(seed), o)
			require.Equal(t, a, b)
			require.False(t, seen[text(t, a)], "seed %d gives the program of another one", seed)
			seen[text(t, a)] = true
		}
	}
}

// run runs p in the interpreter, which checks every access; ok is false where
// it does not take the program's type.
func run(t testing.TB, p *ir.Program, data []byte, trace func(pc ir.PC)) (ok bool) {
	t.Helper()
	ms, err := runtime.CreateMaps(p)
	require.NoError(t, err)
	defer func() {
		for _, m := range ms {
			m.Close()
		}
	}()
	steps := 0
	prog, err := vm.Load(p, ms, vm.Options{Trace: func(pc ir.PC, _ *[ir.NumRegs]uint64) { steps++; trace(pc) }})
	if p.Type == ir.Syscall && err != nil {
		return false
	}
	require.NoError(t, err, "%s", text(t, p))
	defer prog.Close()
	_, err = prog.Run(context.Background(), runtime.Input{Data: data})
	var fault *vm.Fault
	require.False(t, errors.As(err, &fault), "%v\n%s", err, text(t, p))
	require.NoError(t, err)
	require.LessOrEqual(t, steps, progen.MaxSteps)
	return true
}

// TestSafe holds programs to what the package promises, and demands that
// together they execute every operation that their options allow.
func TestSafe(t *testing.T) {
	executed := map[ir.Op]int{}
	for seed := range uint64(400) {
		for _, typ := range types {
			o := progen.Options{Type: typ, Size: 1 + int(seed%40)}
			p := progen.New(progen.Seed(seed), o)
			require.NoError(t, p.Check(), "seed %d: %s", seed, text(t, p))
			data := progen.Input(progen.Seed(seed), o)
			run(t, p, data, func(pc ir.PC) { executed[p.Insns[pc].Op]++ })
		}
	}
	for _, row := range ir.Rows() {
		switch row.Kind {
		case ir.KindALU, ir.KindSwap, ir.KindBranch, ir.KindLoad, ir.KindStore, ir.KindAtomic, ir.KindLoadAcquire, ir.KindStoreRelease, ir.KindJump, ir.KindExit:
			require.NotZero(t, executed[row.Op], row.Name)
		}
	}
	for _, op := range []ir.Op{ir.OpLoadImm(ir.PseudoNone), ir.OpLoadImm(ir.PseudoMapFD), ir.OpLoadImm(ir.PseudoMapValue),
		ir.OpCall(ir.CallLocal), ir.OpCall(ir.CallHelper)} {
		require.NotZero(t, executed[op], op)
	}
}

// TestFeatures demands that what the options leave out does not occur.
func TestFeatures(t *testing.T) {
	absent := map[progen.Feature]func(row *ir.Row) bool{
		progen.Branches | progen.Loops | progen.ArrayMaps | progen.HashMaps: func(row *ir.Row) bool {
			return row.Kind == ir.KindJump || row.Kind == ir.KindBranch
		},
		progen.Calls:                    func(row *ir.Row) bool { return row.Kind == ir.KindCall && row.Pseudo == ir.CallLocal },
		progen.Maps:                     func(row *ir.Row) bool { return row.Kind == ir.KindLoadImm && row.Pseudo != ir.PseudoNone },
		progen.Maps | progen.Checksum:   func(row *ir.Row) bool { return row.Kind == ir.KindCall && row.Pseudo == ir.CallHelper },
		progen.Atomics:                  func(row *ir.Row) bool { return row.Kind == ir.KindAtomic },
		progen.Ordered:                  func(row *ir.Row) bool { return row.Kind == ir.KindLoadAcquire || row.Kind == ir.KindStoreRelease },
		progen.V4:                       func(row *ir.Row) bool { return row.Since == "v4" },
		progen.EarlyExit | progen.Calls: func(*ir.Row) bool { return false },
	}
	for without, is := range absent {
		for seed := range uint64(60) {
			p := progen.New(progen.Seed(seed), progen.Options{Type: ir.Unspec, Features: progen.All &^ without})
			for pc, in := range p.All() {
				require.False(t, is(in.Row()), "features %b: insn %d: %v", progen.All&^without, pc, in.Op)
			}
			if without&progen.EarlyExit != 0 {
				require.Equal(t, 1, strings.Count(text(t, p), "exit"))
			}
		}
	}
	for seed := range uint64(20) {
		p := progen.New(progen.Seed(seed), progen.Options{Type: ir.Unspec, Features: progen.Plain})
		for _, in := range p.All() {
			require.Contains(t, []ir.Kind{ir.KindALU, ir.KindSwap, ir.KindLoad, ir.KindStore, ir.KindLoadImm, ir.KindExit}, in.Kind())
		}
	}
}

func TestInput(t *testing.T) {
	short := 0
	for seed := range uint64(300) {
		for _, typ := range types {
			n := len(progen.Input(progen.Seed(seed), progen.Options{Type: typ}))
			require.GreaterOrEqual(t, n, progen.LeastInput)
			if n < progen.InputBytes {
				require.Contains(t, []ir.ProgType{ir.XDP, ir.SchedCLS}, typ)
				short++
			}
		}
	}
	require.NotZero(t, short)
}

// FuzzBytes holds programs of any choices to the package's promises.
func FuzzBytes(f *testing.F) {
	f.Add([]byte{}, uint8(0), uint16(24))
	f.Add([]byte("any bytes make a program; these make one"), uint8(1), uint16(9))
	f.Add([]byte{255, 254, 253, 252, 251, 250, 7, 8, 9, 200, 100, 50, 25, 12, 6, 3, 1}, uint8(2), uint16(40))
	f.Fuzz(func(t *testing.T, data []byte, kind uint8, size uint16) {
		o := progen.Options{Type: types[int(kind)%len(types)], Size: int(size % 200)}
		p := progen.New(progen.Bytes(data), o)
		require.NoError(t, p.Check(), "%s", text(t, p))
		run(t, p, progen.Input(progen.Bytes(data), o), func(ir.PC) {})
	})
}

func TestMutate(t *testing.T) {
	same := 0
	for seed := range uint64(500) {
		p := progen.New(progen.Seed(seed), progen.Options{Type: types[seed%5], Size: 1 + int(seed%30)})
		before := text(t, p)
		q := progen.Mutate(progen.Seed(seed), p)
		require.Equal(t, before, text(t, p), "the original changed")
		require.NoError(t, q.Check())
		require.Equal(t, text(t, q), text(t, progen.Mutate(progen.Seed(seed), p)))
		if text(t, q) == before {
			same++
		}
	}
	require.Less(t, same, 100)
}

// TestMinimise looks for the smallest program with some property, which is
// known.
func TestMinimise(t *testing.T) {
	has := func(p *ir.Program, op ir.Op) bool {
		for _, in := range p.All() {
			if in.Op == op {
				return true
			}
		}
		return false
	}
	smallest := map[ir.Op]int{
		ir.OpALU(ir.SMod, ir.W32, ir.X):      2, // and exit
		ir.OpStore(ir.W16, ir.X):             2,
		ir.OpBranch(ir.JSGE, ir.W64, ir.X):   2,
		ir.OpCall(ir.CallHelper):             2,
		ir.OpCall(ir.CallLocal):              3, // and the function's exit
		ir.OpLoadImm(ir.PseudoMapFD):         2,
		ir.OpAtomic(ir.AtomicXchg, 64, true): 2,
	}
	for op, want := range smallest {
		found := 0
		for seed := uint64(0); found < 3; seed++ {
			require.Less(t, seed, uint64(2000), op)
			p := progen.New(progen.Seed(seed), progen.Options{Type: ir.XDP})
			if !has(p, op) {
				continue
			}
			found++
			before, asked := text(t, p), 0
			q := progen.Minimise(p, func(q *ir.Program) bool {
				asked++
				require.NoError(t, q.Check())
				return has(q, op)
			}, 3000)
			require.LessOrEqual(t, asked, 3000)
			require.Equal(t, before, text(t, p), "the original changed")
			require.Equal(t, want, q.Count(), "%v, seed %d:\n%s", op, seed, text(t, q))
			require.LessOrEqual(t, len(q.Maps), 1)
		}
	}
}

func TestMinimiseKeeps(t *testing.T) {
	p := progen.New(progen.Seed(1), progen.Options{Type: ir.XDP})
	require.Same(t, p, progen.Minimise(p, func(*ir.Program) bool { return false }, 1000))
	asked := 0
	progen.Minimise(p, func(*ir.Program) bool { asked++; return true }, 7)
	require.Equal(t, 7, asked)
}

func TestMinimiseBytes(t *testing.T) {
	data := []byte("0123456789abcdef0123456789abcdef")
	got := progen.MinimiseBytes(data, func(b []byte) bool { return len(b) > 20 && b[5] >= 3 && b[17] != 0 }, 1000)
	want := make([]byte, 21)
	want[5], want[17] = 3, 1
	require.Equal(t, want[:17], got[:17])
	require.Equal(t, byte(1), got[17])
	require.Len(t, got, 21)
	require.Equal(t, []byte("0123456789abcdef0123456789abcdef"), data)
}
