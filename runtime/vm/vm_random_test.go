package vm

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/runtime/vm/reference"
)

// randomProgram returns a well-formed program: any operation, accesses mostly
// inside the stack or the memory, short jumps both ways, and a subprogram.
func randomProgram(rng *rand.Rand) *ir.Program {
	const size, sub = 60, 30
	p := &ir.Program{Name: "random", Insns: make([]ir.Insn, 0, size)}
	rows := ir.Rows()
	for pc := ir.PC(0); pc < size; pc++ {
		end := ir.PC(sub)
		if pc >= sub {
			end = size
		}
		if pc == end-1 {
			p.Insns = append(p.Insns, ir.Insn{Op: ir.OpExit()})
			continue
		}
		in := randomInsn(rng, rows, pc, end)
		if in.Row().Slots() == 2 {
			if pc+2 >= end {
				in = ir.Insn{Op: ir.OpExit()}
			} else {
				p.Insns = append(p.Insns, in)
				in, pc = ir.Pad(), pc+1
			}
		}
		p.Insns = append(p.Insns, in)
	}
	p.Funcs = []ir.Func{{Name: "main"}, {Name: "sub", PC: sub}}
	return p
}

func randomInsn(rng *rand.Rand, rows []ir.Row, pc, end ir.PC) ir.Insn {
	for {
		row := &rows[rng.IntN(len(rows))]
		in := ir.Insn{Op: row.Op}
		if row.Uses&ir.UseDst != 0 {
			in.Dst = ir.Reg(rng.IntN(10))
		}
		if row.Uses&ir.UseSrc != 0 {
			in.Src = ir.Reg(rng.IntN(10))
		}
		if row.Uses&ir.UseImm != 0 {
			in.Imm = int64(int32(rng.Uint32())) >> rng.IntN(32)
		}
		lo, hi := pc+1, end-1
		if pc > 2 && rng.IntN(8) == 0 {
			lo = max(0, pc-5)
			if end > 30 {
				lo = max(30, lo)
			}
		}
		switch row.Kind {
		case ir.KindBranch, ir.KindMayGoto:
			in.Off = int16(lo + ir.PC(rng.IntN(int(hi-lo)+1)) - pc - 1)
		case ir.KindJump:
			if rng.IntN(4) != 0 {
				continue
			}
			d := lo + ir.PC(rng.IntN(int(hi-lo)+1)) - pc - 1
			if row.Long {
				in.Imm = int64(d)
			} else {
				in.Off = int16(d)
			}
		case ir.KindLoad, ir.KindLoadAcquire:
			in.Src, in.Off = randomPlace(rng)
		case ir.KindStore, ir.KindAtomic, ir.KindStoreRelease:
			in.Dst, in.Off = randomPlace(rng)
		case ir.KindLoadImm:
			if row.Pseudo != ir.PseudoNone {
				continue
			}
			in.Imm = int64(rng.Uint64())
		case ir.KindCall:
			if row.Pseudo != ir.CallLocal {
				continue
			}
			in.Imm = int64(30 - pc - 1)
		case ir.KindExit, ir.KindCast, ir.KindLoadPacket:
			continue
		}
		return in
	}
}

// randomPlace returns an address mostly within the stack or, while r1 still
// holds it, the memory.
func randomPlace(rng *rand.Rand) (ir.Reg, int16) {
	switch rng.IntN(16) {
	case 0:
		return ir.R1, int16(rng.IntN(64))
	case 1:
		return ir.Reg(rng.IntN(11)), int16(rng.Uint32())
	case 2:
		return ir.FP, int16(rng.IntN(600) - 590)
	}
	return ir.FP, -8 * int16(1+rng.IntN(8))
}

// TestRandomPrograms runs random programs by the interpreter and by the
// reference, and compares the registers before every instruction, memory, and
// how the run ends.
func TestRandomPrograms(t *testing.T) {
	programs := 3000
	if testing.Short() {
		programs = 300
	}
	ends := map[string]int{}
	for seed := range programs {
		rng := rand.New(rand.NewPCG(uint64(seed), 7))
		p := randomProgram(rng)
		// A jump into the middle of a load is not well-formed: try again.
		for p.Check() != nil {
			p = randomProgram(rng)
		}
		data := make([]byte, 64)
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
		ends[compareRun(t, seed, p, data)]++
	}
	t.Logf("ends: %v", ends)
	require.Greater(t, ends["exit"], programs/20, "too few programs reach their exit")
	require.Greater(t, ends["memory"], 0)
	require.Greater(t, ends["fuel"], 0)
}

type state struct {
	pc   ir.PC
	regs [ir.NumRegs]uint64
}

func compareRun(t *testing.T, seed int, p *ir.Program, data []byte) string {
	const fuel = 2000
	var trace []state
	prog, err := Load(p, nil, Options{Trace: func(pc ir.PC, regs *[ir.NumRegs]uint64) {
		trace = append(trace, state{pc, *regs})
	}})
	require.NoError(t, err, "seed %d", seed)
	defer prog.Close()
	m := prog.idle[0]
	stack := m.block.Bytes()

	require.NoError(t, m.frame.SetData(data))
	m.reset()
	clear(stack)
	ref := newReference(m)
	var want []state
	var refErr error
	for !ref.Done && refErr == nil && len(want) < fuel {
		want = append(want, state{ref.PC, ref.Regs})
		refErr = ref.Step()
	}
	inUse := (reference.MaxFrames - ref.Depth()) * ir.StackSize // from here on; the frames below are nobody's
	wantStack, wantData := bytes.Clone(stack[inUse:]), m.frame.Data()

	require.NoError(t, m.frame.SetData(data))
	clear(stack)
	ret, err := m.Run(context.Background(), fuel)
	n := min(len(want), len(trace))
	for i := range n {
		require.Equal(t, want[i], trace[i], "seed %d step %d: before %+v", seed, i, p.Insns[want[i].pc])
	}
	require.Equal(t, len(want), len(trace), "seed %d: number of steps; reference %v, vm %v", seed, refErr, err)
	require.True(t, m.reachStack(m.low(), 1, &m.read), "clear what was not touched")
	require.Equal(t, wantStack, stack[inUse:], "seed %d: stack", seed)
	require.Equal(t, wantData, m.frame.Data(), "seed %d: memory", seed)

	// Without a trace the same comes out.
	require.NoError(t, m.frame.SetData(data))
	clear(stack)
	m.prog.opts.Trace = nil
	fast, fastErr := m.Run(context.Background(), fuel)
	require.Equal(t, ret, fast, "seed %d", seed)
	require.Equal(t, err, fastErr, "seed %d", seed)
	require.True(t, m.reachStack(m.low(), 1, &m.read), "clear what was not touched")
	require.Equal(t, wantStack, stack[inUse:], "seed %d: stack of the fast run", seed)
	return compareEnd(t, seed, ref, refErr, ret, err)
}

func compareEnd(t *testing.T, seed int, ref *reference.Machine, refErr error, ret uint64, err error) string {
	if err == nil {
		require.NoError(t, refErr, "seed %d", seed)
		require.True(t, ref.Done, "seed %d", seed)
		require.Equal(t, ref.Regs[0], ret, "seed %d", seed)
		return "exit"
	}
	var f *Fault
	require.ErrorAs(t, err, &f, "seed %d", seed)
	require.Equal(t, ref.PC, f.PC, "seed %d: %v, %v", seed, err, refErr)
	switch f.Kind {
	case FaultFuel:
		require.NoError(t, refErr, "seed %d", seed)
		return "fuel"
	case FaultDepth:
		require.ErrorIs(t, refErr, reference.ErrDepth, "seed %d", seed)
		return "depth"
	case FaultMisaligned:
		require.ErrorIs(t, refErr, reference.ErrMisaligned, "seed %d", seed)
		return "misaligned"
	}
	require.Error(t, refErr, "seed %d", seed)
	require.False(t, errors.Is(refErr, reference.ErrMisaligned), "seed %d", seed)
	return "memory"
}
