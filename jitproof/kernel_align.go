package jitproof

import (
	"bytes"
	"fmt"

	"golang.org/x/arch/x86/x86asm"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/jitproof/translated"
	"github.com/bpfproof/bpfproof/jitproof/x86"
)

// alignment is a guess of what belongs to what in an image of Linux: where the
// code of each instruction starts (in jit.Code.PCMap), what the frames are, and
// what the bytecode as it is shown does not tell. The proof decides.
type alignment struct {
	frames []frame
	tail   int // bytes from a function's entry to where tail calls enter
	maps   map[mapRef]uint64
	direct map[ir.PC]bool  // tail calls with a constant index
	sites  map[int]site5   // by offset in Text: instructions of such that the kernel exchanges as it fills and empties the slot
	probes map[ir.PC]bool  // loads with a way for addresses that are not the kernel's
	user   uint64          // greatest address that is not the kernel's, by the code of probes
	cpuOff uint64          // distance from the segment's base of the processor's offset
	shared map[ir.PC]ir.PC // exits with that of the same function whose code they share, which may be itself
}

// mapRef names a map, or its values, as bytecode refers to them.
type mapRef struct {
	id   uint32
	kind ir.Pseudo
}

// aligner walks over bytecode and image side by side: for each kind of
// instruction it knows how many machine instructions its code has, or how it
// ends.
type aligner struct {
	*alignment
	img *image
	fn  int
	off int
	end int
	ret ir.PC // the exit of the function with the epilogue; -1 before it
}

// align finds the alignment of all functions and fills in the PC map.
func align(img *image) (alignment, error) {
	a := &aligner{img: img, alignment: &alignment{maps: map[mapRef]uint64{}, direct: map[ir.PC]bool{}, sites: map[int]site5{}, shared: map[ir.PC]ir.PC{}, probes: map[ir.PC]bool{}}}
	for i, f := range img.code.Funcs {
		a.fn, a.off, a.end, a.ret = i, int(f.Entry), int(f.End), -1
		fr, err := a.prologue()
		if err != nil {
			return *a.alignment, err
		}
		a.frames = append(a.frames, fr)
		for pc := f.PC; pc < img.end(i); pc++ {
			if img.p.Insns[pc].Op == ir.OpPad {
				continue
			}
			img.code.PCMap[pc] = int32(a.off)
			if err := a.insn(pc); err != nil {
				return *a.alignment, err
			}
		}
		a.padding()
		if a.off != a.end {
			return *a.alignment, a.fail("%d bytes are left behind the last instruction of function %d", a.end-a.off, i)
		}
	}
	return *a.alignment, nil
}

func (a *aligner) fail(format string, args ...any) error {
	return &ImageError{a.img.p.Name, CodeAlignment, a.off, "no alignment: " + fmt.Sprintf(format, args...)}
}

// peek decodes the next machine instruction; ok is false where there is none.
func (a *aligner) peek() (in x86.Inst, ok bool) {
	if a.off >= a.end {
		return in, false
	}
	in, err := x86.Decode(a.img.code.Text[a.off:a.end], a.off)
	return in, err == nil
}

// next passes over a machine instruction if it satisfies f.
func (a *aligner) next(f func(x86.Inst) bool) bool {
	in, ok := a.peek()
	if ok = ok && f(in); ok {
		a.off = in.End()
	}
	return ok
}

// op returns a test for an operation.
func op(want x86asm.Op) func(x86.Inst) bool { return func(in x86.Inst) bool { return in.Op == want } }

// on returns a test for an operation on a register.
func on(want x86asm.Op, r x86.Reg) func(x86.Inst) bool {
	return func(in x86.Inst) bool {
		return in.Op == want && in.Args[0].Kind == x86.ArgReg && in.Args[0].Reg == r
	}
}

// moves returns a test for a move of one register to another.
func moves(to, from x86.Reg) func(x86.Inst) bool {
	return func(in x86.Inst) bool {
		return on(x86asm.MOV, to)(in) && in.Args[1].Kind == x86.ArgReg && in.Args[1].Reg == from
	}
}

func any1(x86.Inst) bool { return true }

// padding passes over traps that stand behind jumps against speculation.
func (a *aligner) padding() {
	for a.off < a.end && a.img.code.Text[a.off] == trap {
		a.off++
	}
}

// filled passes over what keeps a jump's code from becoming shorter.
func (a *aligner) filled() bool {
	for a.next(op(x86asm.NOP)) {
	}
	return true
}

// Bytes that the kernel finds again: where indirect calls and jumps may land
// (endbr64), and the nop at a function's entry, which becomes a jump or call when
// the function is traced or replaced.
var (
	landing = []byte{0xf3, 0x0f, 0x1e, 0xfa}
	patched = []byte{0x0f, 0x1f, 0x44, 0x00, 0x00}
)

// tailEntry is how many bytes behind its entry a tail call enters a function that
// does not begin with landing (X86_TAIL_CALL_OFFSET).
const tailEntry = 12

// bytes passes over these bytes.
func (a *aligner) bytes(want []byte) bool {
	ok := bytes.HasPrefix(a.img.code.Text[a.off:a.end], want)
	if ok {
		a.off += len(want)
	}
	return ok
}

// calleeOrder is the order in which Linux saves registers.
var calleeOrder = []x86.Reg{x86.R12, x86.RBX, x86.R13, x86.R14, x86.R15}

// prologue reads what the frame is off the code at the function's entry.
func (a *aligner) prologue() (frame, error) {
	fr := frame{regs: kernelHomes, fp: true, size: 8, low: -8, high: -8, saved: []savedReg{{x86.RBP, -8}}}
	start := a.off
	a.bytes(landing)
	if !a.bytes(patched) || !a.next(op(x86asm.NOP)) && !a.next(on(x86asm.XOR, x86.RAX)) ||
		!a.next(on(x86asm.PUSH, x86.RBP)) || !a.next(moves(x86.RBP, x86.RSP)) {
		return fr, a.fail("the entry of function %d is not known", a.fn)
	}
	if tail := a.off - start; a.fn > 0 && a.tail != tail || tail != tailEntry && tail != tailEntry+len(landing) {
		return fr, a.fail("tail calls would enter function %d in the middle of its prologue", a.fn)
	}
	a.tail = a.off - start
	a.bytes(landing)
	a.next(func(in x86.Inst) bool {
		if !on(x86asm.SUB, x86.RSP)(in) || in.Args[1].Kind != x86.ArgImm {
			return false
		}
		fr.size += int64(in.Args[1].Imm)
		fr.low = -fr.size
		return true
	})
	if a.counter() {
		fr.counter = &counter{count: -fr.size - 8, addr: -fr.size - 16, main: a.fn == 0}
		fr.size += 16
	}
	for _, r := range calleeOrder {
		if a.next(on(x86asm.PUSH, r)) {
			fr.size += 8
			fr.saved = append(fr.saved, savedReg{r, -fr.size})
		}
	}
	a.private(&fr)
	return fr, a.frame(&fr)
}

// private passes over the code that makes r9 the frame pointer of a stack that
// is the processor's.
func (a *aligner) private(fr *frame) {
	start := a.off
	m, ok := a.peek()
	if !ok || !a.next(on(x86asm.MOV, x86.R9)) || m.Args[1].Kind != x86.ArgImm || !a.addsProcessor(x86.R9) {
		a.off = start
		return
	}
	fr.private, fr.fixed, fr.regs[ir.FP] = true, m.Args[1].Imm, x86.R9
}

// counter passes over the code that puts the words of the tail-call count in
// place.
func (a *aligner) counter() bool {
	start := a.off
	if a.next(on(x86asm.CMP, x86.RAX)) {
		if a.next(op(x86asm.JA)) && a.next(on(x86asm.PUSH, x86.RAX)) && a.next(moves(x86.RAX, x86.RSP)) && a.next(op(x86asm.JMP)) &&
			a.next(on(x86asm.PUSH, x86.RAX)) && a.next(on(x86asm.PUSH, x86.RAX)) {
			return true
		}
	} else if a.next(on(x86asm.PUSH, x86.RAX)) && a.next(on(x86asm.PUSH, x86.RAX)) {
		return true
	}
	a.off = start
	return false
}

// maxStack is how large the eBPF stack of a function may be: what programs may
// have, and two words of the kernel's own for may_goto.
const maxStack = ir.StackSize + 16

// frame refuses frames whose words would overlap.
func (a *aligner) frame(fr *frame) error {
	if stack := fr.high - fr.low; stack < 0 || stack > maxStack || stack%8 != 0 {
		return a.fail("a frame of %d bytes with a stack of %d", fr.size, fr.high-fr.low)
	}
	if f := a.img.kernel.Funcs[a.fn]; !fr.private && f.Stack >= 0 && fr.high-fr.low != (int64(f.Stack)+7)&^7 {
		return a.fail("a stack of %d bytes, the program uses %d", fr.high-fr.low, f.Stack)
	}
	used := map[int64]bool{}
	var words []int64
	for _, s := range fr.saved {
		words = append(words, s.off)
	}
	if fr.counter != nil {
		words = append(words, fr.counter.count, fr.counter.addr)
	}
	for _, off := range words {
		if used[off] || off%8 != 0 || off > -8 || off < -fr.size || off >= fr.low && off < fr.high {
			return a.fail("the word at %d of the frame is not free", off)
		}
		used[off] = true
	}
	return nil
}

// insn passes over the code of the instruction at pc.
func (a *aligner) insn(pc ir.PC) error {
	in := a.img.p.Insns[pc]
	ok := false
	switch a.img.kernel.bytecode.Forms[pc] {
	case translated.TailCall:
		ok = a.tailCall(pc)
	case translated.PerCPU:
		ok = a.perCPU(in)
	case translated.Nospec:
		a.next(op(x86asm.LFENCE))
		ok = true
	default:
		ok = a.plain(pc, in)
	}
	if !ok {
		return a.fail("insn %d: no code of %v is recognised", pc, in.Op)
	}
	return nil
}

func (a *aligner) plain(pc ir.PC, in ir.Insn) bool {
	row := in.Row()
	switch row.Kind {
	case ir.KindALU:
		return a.alu(in)
	case ir.KindSwap:
		return a.swap(in)
	case ir.KindLoadImm:
		return a.loadImm(in)
	case ir.KindLoad:
		return a.load(pc)
	case ir.KindStore, ir.KindLoadAcquire, ir.KindStoreRelease:
		return a.next(any1)
	case ir.KindAtomic:
		return a.atomic(in)
	case ir.KindBranch:
		return a.next(any1) && a.filled() && a.next(func(in x86.Inst) bool { return in.Target != 0 && in.Op != x86asm.JMP && in.Op != x86asm.CALL })
	case ir.KindJump:
		a.filled()
		a.jump(pc, in)
		return true
	case ir.KindCall:
		a.next(func(in x86.Inst) bool { return on(x86asm.MOV, x86.RAX)(in) && in.Args[1].Kind == x86.ArgMem })
		private := a.next(on(x86asm.PUSH, x86.R9))
		return a.next(op(x86asm.CALL)) && (!private || a.next(on(x86asm.POP, x86.R9)))
	case ir.KindExit:
		return a.exit(pc)
	}
	return false
}
