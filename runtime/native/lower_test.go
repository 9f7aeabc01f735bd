package native_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/runtime/mem"
	"github.com/bpfproof/bpfproof/runtime/native"
)

// The tests here execute one instruction at a time on the machine, with every
// register in every role, and compare all that it left with package sem.

// state is what an instruction may change: registers, 16 bytes of memory, and
// whether a branch was taken.
type state struct {
	regs  [ir.NumRegs]uint64
	data  [2]uint64
	taken bool
}

// bench executes single instructions. Its block holds registers before (0),
// registers after (128) and, at dataAt, the memory operand.
type bench struct {
	t     *testing.T
	block *mem.Block
	rng   *rand.Rand
	runs  int
}

const (
	afterAt = 128
	dataAt  = 2048
	takenAt = -16 // on the stack: 0 if the branch was taken
	savedAt = -8  // on the stack: address of the block
)

func newBench(t *testing.T) *bench {
	block, err := mem.Alloc(4096)
	require.NoError(t, err)
	t.Cleanup(block.Free)
	return &bench{t: t, block: block, rng: rand.New(rand.NewPCG(1, 9669))}
}

// around builds the program that loads r0-r9, executes in and stores r0-r10.
// A branch taken passes over the store that says that it was not.
func around(in []ir.Insn) *ir.Program {
	var first, last []ir.Insn
	first = append(first, store(ir.W64, ir.R10, savedAt, ir.R1), ir.Insn{Op: ir.OpStore(ir.W64, ir.K), Dst: ir.R10, Off: takenAt})
	for _, r := range []ir.Reg{0, 2, 3, 4, 5, 6, 7, 8, 9, 1} {
		first = append(first, load(ir.W64, r, ir.R1, 8*int(r)))
	}
	notTaken := ir.Insn{Op: ir.OpStore(ir.W64, ir.K), Dst: ir.R10, Off: takenAt, Imm: 1}
	spill := func(r ir.Reg) int { return -24 - 8*int(r) }
	for r := ir.R0; r <= ir.R10; r++ {
		last = append(last, store(ir.W64, ir.R10, spill(r), r))
	}
	last = append(last, load(ir.W64, ir.R1, ir.R10, savedAt))
	for r := ir.R0; r <= ir.R10; r++ {
		last = append(last, load(ir.W64, ir.R2, ir.R10, spill(r)), store(ir.W64, ir.R1, afterAt+8*int(r), ir.R2))
	}
	return program(first, in, notTaken, last, load(ir.W64, ir.R0, ir.R10, takenAt), exit())
}

// run executes a program made by around from the given state; r10 is set to
// what it was.
func (b *bench) run(r *native.Run, before *state) state {
	bytes := b.block.Bytes()
	for i, x := range before.regs[:ir.R10] {
		binary.LittleEndian.PutUint64(bytes[8*i:], x)
	}
	for i, x := range before.data {
		binary.LittleEndian.PutUint64(bytes[dataAt+8*i:], x)
	}
	notTaken, err := r.Call(b.block.Addr(), 0)
	require.NoError(b.t, err)
	b.runs++
	after := state{taken: notTaken == 0}
	for i := range after.regs {
		after.regs[i] = binary.LittleEndian.Uint64(bytes[afterAt+8*i:])
	}
	for i := range after.data {
		after.data[i] = binary.LittleEndian.Uint64(bytes[dataAt+8*i:])
	}
	before.regs[ir.R10] = after.regs[ir.R10]
	return after
}

// check executes in on n states, whose operand registers the caller may set,
// and compares.
func (b *bench) check(in []ir.Insn, n int, prepare func(*state)) {
	b.t.Helper()
	p := around(in)
	np, err := native.Load(compile(b.t, p), p, nil, native.Options{})
	require.NoError(b.t, err)
	r, err := np.NewRun()
	require.NoError(b.t, err)
	for range n {
		var before state
		for i := range before.regs {
			before.regs[i] = b.word()
		}
		before.data = [2]uint64{b.word(), b.word()}
		prepare(&before)
		got := b.run(r, &before)
		want := b.expect(in[0], before)
		if got != want {
			require.Failf(b.t, "wrong result", "%v %+v\nbefore %x\ngot    %x\nwant   %x", in[0].Op, in[0], before, got, want)
		}
	}
	require.NoError(b.t, r.Close())
	require.NoError(b.t, np.Close())
}

var corners = []uint64{0, 1, 2, 7, 8, 31, 32, 33, 63, 64, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0x7fffffff, 0x80000000, 0xffffffff,
	0x100000000, 0x7fffffff00000000, 0xffffffff80000000, 0xfffffffffffffff8, 1<<63 - 1, 1 << 63, 1<<64 - 1}

// word returns a corner, a small number or any number.
func (b *bench) word() uint64 {
	switch b.rng.IntN(4) {
	case 0, 1:
		return corners[b.rng.IntN(len(corners))]
	case 2:
		return uint64(b.rng.Int64N(257) - 128)
	}
	return b.rng.Uint64()
}

// expect is the reference: package sem over registers and memory.
func (b *bench) expect(in ir.Insn, s state) state {
	c, row := sem.Concrete{}, in.Row()
	dst, src := s.regs[in.Dst], s.regs[in.Src]
	switch row.Kind {
	case ir.KindALU, ir.KindSwap:
		s.regs[in.Dst] = sem.Result(c, in, dst, src)
	case ir.KindLoadImm:
		s.regs[in.Dst] = uint64(in.Imm)
	case ir.KindBranch:
		s.taken = sem.Taken(c, in, dst, src) == 1
	case ir.KindLoad, ir.KindLoadAcquire:
		s.regs[in.Dst] = sem.Loaded(c, row.Width, row.Signed, b.read(&s, row.Width, sem.Address(c, src, in.Off)))
	case ir.KindStore, ir.KindStoreRelease:
		b.write(&s, row.Width, sem.Address(c, dst, in.Off), sem.Stored(c, row.Width, sem.Operand(c, in, src)))
	case ir.KindAtomic:
		addr := sem.Address(c, dst, in.Off)
		old := b.read(&s, row.Width, addr)
		b.write(&s, row.Width, addr, sem.Atomic(c, row.Atomic, row.Width, old, src, s.regs[ir.R0]))
		if row.Atomic == ir.AtomicCmpXchg {
			s.regs[ir.R0] = sem.Loaded(c, row.Width, false, old)
		} else if row.Fetch {
			s.regs[in.Src] = sem.Loaded(c, row.Width, false, old)
		}
	}
	return s
}

func (b *bench) read(s *state, w ir.Width, addr uint64) uint64 {
	shift := 8 * (addr - b.block.Addr() - dataAt)
	x := s.data[0]>>shift | s.data[1]<<(64-shift)
	return x & w.Mask()
}

func (b *bench) write(s *state, w ir.Width, addr, x uint64) {
	shift := 8 * (addr - b.block.Addr() - dataAt)
	s.data[0] = s.data[0]&^(w.Mask()<<shift) | x<<shift
	if over := 64 - shift; over < 64 {
		s.data[1] = s.data[1]&^(w.Mask()>>over) | x>>over
	}
}

func nothing(*state) {}

var immediates = []int64{0, 1, -1, 2, 7, 8, 31, 32, 33, 63, 64, 127, 128, -128, -129, 1 << 30, 0x12345678, 1<<31 - 1, -1 << 31}

// TestRegisters executes every operation on registers: arithmetic, byte
// swaps, immediate loads and branches.
func TestRegisters(t *testing.T) {
	b := newBench(t)
	for _, row := range ir.Rows() {
		branch := row.Kind == ir.KindBranch
		if row.Kind != ir.KindALU && row.Kind != ir.KindSwap && !branch {
			continue
		}
		in := ir.Insn{Op: row.Op}
		if branch {
			in.Off = 1
		}
		for in.Dst = ir.R0; in.Dst <= ir.R10; in.Dst++ {
			if in.Dst == ir.R10 && !branch {
				break
			}
			switch row.Src {
			case ir.NoSource:
				b.check([]ir.Insn{in}, 20, nothing)
			case ir.K:
				for _, imm := range immediates {
					in.Imm = imm
					b.check([]ir.Insn{in}, 12, nothing)
				}
			case ir.X:
				for in.Src = ir.R0; in.Src <= ir.R10; in.Src++ {
					b.check([]ir.Insn{in}, 25, nothing)
				}
				in.Src = 0
			}
		}
	}
	for _, x := range corners {
		for r := ir.R0; r < ir.R10; r++ {
			b.check(wide(r, x), 1, nothing)
		}
	}
	t.Logf("%d runs", b.runs)
}

// TestMemory executes every operation on memory with every pair of registers.
func TestMemory(t *testing.T) {
	b := newBench(t)
	data := b.block.Addr() + dataAt
	for _, row := range ir.Rows() {
		base, other := ir.UseDst, ir.UseSrc
		switch row.Kind {
		case ir.KindLoad, ir.KindLoadAcquire:
			base, other = ir.UseSrc, ir.UseDst
		case ir.KindStore, ir.KindStoreRelease, ir.KindAtomic:
		default:
			continue
		}
		for x := ir.R0; x < ir.R10; x++ {
			for y := ir.R0; y <= ir.R10; y++ {
				if row.Src == ir.K && y > 0 || y == ir.R10 && (other == ir.UseDst || row.Fetch) {
					continue
				}
				for _, off := range []int16{0, 127, 128, -129, -32768} {
					in := ir.Insn{Op: row.Op, Dst: x, Src: y, Off: off}
					if base == ir.UseSrc {
						in.Dst, in.Src = y, x
					}
					if row.Src == ir.K {
						in.Src, in.Imm = 0, immediates[b.rng.IntN(len(immediates))]
					}
					b.check([]ir.Insn{in}, 3, func(s *state) { b.aim(s, in, row, x, data) })
				}
			}
		}
	}
	t.Logf("%d runs", b.runs)
}

// aim points the base register at the data, aligned for atomic operations, and
// lets half of the cmpxchg find what they expect.
func (b *bench) aim(s *state, in ir.Insn, row ir.Row, base ir.Reg, data uint64) {
	at := uint64(b.rng.IntN(9))
	if row.Kind == ir.KindAtomic || row.Kind == ir.KindLoadAcquire || row.Kind == ir.KindStoreRelease {
		at &^= uint64(row.Width.Bytes() - 1)
	}
	s.regs[base] = data + at - uint64(int64(in.Off))
	if row.Atomic == ir.AtomicCmpXchg && base != ir.R0 && b.rng.IntN(2) == 0 {
		s.regs[ir.R0] = b.read(s, row.Width, data+at) | b.rng.Uint64()&^row.Width.Mask()
	}
}

// TestFramePointer executes loads and stores with r10 as base.
func TestFramePointer(t *testing.T) {
	for _, w := range []ir.Width{ir.W8, ir.W16, ir.W32, ir.W64} {
		for _, off := range []int{-8, -128, -136, -512} {
			r, _ := newRun(t, program(store(w, ir.R10, off, ir.R1), load(w, ir.R0, ir.R10, off), exit()), nil)
			ret, err := r.Call(0xfedcba9876543210, 0)
			require.NoError(t, err)
			require.Equal(t, 0xfedcba9876543210&w.Mask(), ret, "width %d offset %d", w, off)
		}
	}
}

// TestRowsAreCovered makes sure that every row is executed above, has a test
// of its own, or is refused with an UnsupportedError.
func TestRowsAreCovered(t *testing.T) {
	backend := backend()
	for _, row := range ir.Rows() {
		switch row.Kind {
		case ir.KindALU, ir.KindSwap, ir.KindBranch, ir.KindLoad, ir.KindStore, ir.KindAtomic, ir.KindLoadAcquire,
			ir.KindStoreRelease, ir.KindJump, ir.KindExit, ir.KindMayGoto, ir.KindLoadPacket:
			continue
		case ir.KindLoadImm:
			if row.Pseudo != ir.PseudoBTFVar {
				continue
			}
		case ir.KindCall:
			if row.Pseudo == ir.CallHelper || row.Pseudo == ir.CallLocal {
				continue
			}
		}
		t.Run(row.Name, func(t *testing.T) {
			in := []ir.Insn{{Op: row.Op}}
			if row.Slots() == 2 {
				in = append(in, ir.Pad())
			}
			_, err := jit.Compile(backend, program(in, exit(), exit()))
			var unsupported *jit.UnsupportedError
			require.ErrorAs(t, err, &unsupported, fmt.Sprint(err))
			require.Equal(t, row.Op, unsupported.Op)
		})
	}
}
