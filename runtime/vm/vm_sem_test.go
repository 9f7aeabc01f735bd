package vm

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/runtime/mem"
	"github.com/bpfproof/bpfproof/runtime/vm/reference"
)

var corners = []uint64{0, 1, 2, 7, 8, 31, 32, 63, 64, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000,
	0xffffffff, 0x100000000, 0x7fffffffffffffff, 0x8000000000000000, 0xffffffff80000000, 0xffffffffffffffff, 0x0123456789abcdef}

var cornerImms = []int64{0, 1, 2, 31, 32, 63, 64, -1, -2, -0x80000000, 0x7fffffff, 0x12345678}

// reachable is memory that the reference may touch: the stack frames in use and
// the data.
type reachable struct {
	m    *reference.Machine
	top  uint64
	data [2]uint64
}

func (w *reachable) Read(addr uint64, n int) ([]byte, error) {
	low := w.top - uint64(w.m.Depth())*ir.StackSize
	if addr >= low && addr+uint64(n) <= w.top || addr == low-ir.StackSize && n == ir.StackSize || addr >= w.data[0] && addr+uint64(n) <= w.data[1] {
		return mem.View(addr, n), nil
	}
	return nil, fmt.Errorf("%d bytes at %#x: outside", n, addr)
}

func (w *reachable) Write(addr uint64, n int) ([]byte, error) { return w.Read(addr, n) }

func newReference(m *machine) *reference.Machine {
	ref := &reference.Machine{Program: m.prog.ir}
	start, end := m.frame.Bounds()
	ref.Memory = &reachable{m: ref, top: m.block.Addr() + uint64(m.block.Size()), data: [2]uint64{start, end}}
	copy(ref.Regs[:], m.r[:])
	return ref
}

// instances returns the instruction of a row with the given registers and each
// immediate worth trying, followed by an exit for either way of a branch.
func instances(row ir.Row, dst, src ir.Reg) []ir.Insn {
	in := ir.Insn{Op: row.Op}
	if row.Uses&ir.UseDst != 0 {
		in.Dst = dst
	}
	if row.Uses&ir.UseSrc != 0 {
		in.Src = src
	}
	if row.Uses&ir.UseImm == 0 {
		return []ir.Insn{in}
	}
	var all []ir.Insn
	for _, imm := range cornerImms {
		in.Imm = imm
		all = append(all, in)
	}
	return all
}

// TestEveryRow executes each instruction by the main loop and by ir/sem, for
// all aliases of the registers that matter and corner and random operands, and
// compares registers, memory and where execution goes on.
func TestEveryRow(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	regs := []ir.Reg{ir.R0, ir.R1, ir.R9}
	for _, row := range ir.Rows() {
		memory := false
		switch row.Kind {
		case ir.KindALU, ir.KindSwap, ir.KindBranch:
		case ir.KindLoad, ir.KindStore, ir.KindAtomic, ir.KindLoadAcquire, ir.KindStoreRelease:
			memory = true
		default:
			continue
		}
		t.Run(row.Name, func(t *testing.T) {
			for _, dst := range regs {
				for _, src := range regs {
					for _, in := range instances(row, dst, src) {
						testInsn(t, rng, in, memory)
					}
				}
			}
		})
	}
}

func testInsn(t *testing.T, rng *rand.Rand, in ir.Insn, memory bool) {
	p := &ir.Program{Name: "one", Insns: []ir.Insn{in, {Op: ir.OpExit()}, {Op: ir.OpExit()}}}
	if in.Kind() == ir.KindBranch {
		p.Insns[0].Off = 1
	}
	if memory {
		p.Insns[0].Off = -16
	}
	prog, err := Load(p, nil, Options{})
	require.NoError(t, err)
	defer prog.Close()
	m := prog.idle[0]
	pick := func(i int) uint64 {
		if i < 0 {
			return rng.Uint64() >> (rng.UintN(8) * 8)
		}
		return corners[i]
	}
	trial := func(x, y uint64) {
		m.reset()
		for i := range ir.R10 {
			m.r[i] = pick(rng.IntN(2*len(corners)) - len(corners))
		}
		m.r[in.Dst], m.r[in.Src] = x, y
		if memory {
			compareMemory(t, rng, m, in)
			return
		}
		compareStep(t, m, in)
	}
	for i := range corners {
		if memory || in.Row().Uses&ir.UseSrc == 0 { // one register counts: the other varies with it
			trial(pick(i), pick(len(corners)-1-i))
			continue
		}
		for j := range corners {
			trial(pick(i), pick(j))
		}
	}
	for range 40 {
		trial(pick(-1), pick(-1))
	}
}

func compareMemory(t *testing.T, rng *rand.Rand, m *machine, in ir.Insn) {
	stack := mem.View(m.low(), ir.StackSize)
	for i := range stack {
		stack[i] = byte(rng.Uint32())
	}
	m.clean[0] = m.low() // what is there now counts
	base := in.Dst
	if k := in.Kind(); k == ir.KindLoad || k == ir.KindLoadAcquire {
		base = in.Src
	}
	m.r[base] = m.r[ir.FP] - 8*uint64(rng.IntN(4))
	addr := m.r[base] - 16
	if in.Row().Atomic == ir.AtomicCmpXchg && rng.IntN(2) == 0 && in.Dst != ir.R0 {
		m.r[0] = mem.Load64(addr) ^ rng.Uint64()<<32*uint64(rng.IntN(2))
	}
	if in.Kind() == ir.KindLoad || in.Kind() == ir.KindStore {
		m.r[base] += uint64(rng.IntN(8)) // unaligned accesses
	}
	compareStep(t, m, in)
}

func compareStep(t *testing.T, m *machine, in ir.Insn) {
	stack := mem.View(m.low(), ir.StackSize)
	before, regs := bytes.Clone(stack), [ir.NumRegs]uint64(m.r[:ir.NumRegs])
	ref := newReference(m)
	if err := ref.Step(); err != nil {
		require.NoError(t, err)
	}
	want := bytes.Clone(stack)
	copy(stack, before)
	m.advance(1)
	if m.err != nil || !bytes.Equal(want, stack) || [ir.NumRegs]uint64(m.r[:ir.NumRegs]) != ref.Regs || ir.PC(m.pc) != ref.PC {
		require.Failf(t, "differs from ir/sem", "%+v on %x\ngot  %x pc %d %v\nwant %x pc %d\nstack equal: %v",
			in, regs, m.r[:ir.NumRegs], m.pc, m.err, ref.Regs, ref.PC, bytes.Equal(want, stack))
	}
}
