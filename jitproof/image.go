package jitproof

import (
	"fmt"
	"slices"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jitproof/x86"
)

// image is the code as the validator found it: decoded once, each byte in at
// most one instruction.
type image struct {
	p       *ir.Program
	code    *jit.Code
	insns   map[int]x86.Inst
	owner   []int32 // by byte: 1 + offset of the instruction it belongs to
	cuts    []map[int]bool
	relocs  map[int]jit.Reloc // by offset of the relocated bytes
	touched []bool            // by byte: part of a relocation
	hints   map[ir.PC][]jit.Hint
	free    map[ir.PC]bool // jumps backward that need not count
	bounded map[ir.PC]bool // of these, those that belong to loops that end after few rounds
	frames  []frame        // by function
	conv    convention
	kernel  *kernelTables // of an image of Linux; nil for our own
}

func newImage(p *ir.Program, code *jit.Code) (*image, error) {
	if code.Arch != "amd64" {
		return nil, fmt.Errorf("jitproof: validate %q: no machine semantics for %q", p.Name, code.Arch)
	}
	if err := code.Check(p); err != nil {
		return nil, fmt.Errorf("jitproof: validate: %w", err)
	}
	img := &image{p: p, code: code, conv: ours(), insns: map[int]x86.Inst{}, owner: make([]int32, len(code.Text)),
		relocs: map[int]jit.Reloc{}, touched: make([]bool, len(code.Text)), hints: map[ir.PC][]jit.Hint{}}
	if err := img.functions(); err != nil {
		return nil, fmt.Errorf("jitproof: validate %q: %w", p.Name, err)
	}
	for _, r := range code.Relocs {
		for i := range int32(8) {
			if img.touched[r.Off+i] {
				return nil, fmt.Errorf("jitproof: validate %q: relocations overlap at offset %#x", p.Name, r.Off)
			}
			img.touched[r.Off+i] = true
		}
		img.relocs[int(r.Off)] = r
	}
	return img, nil
}

// functions checks the function table: the program's functions in order,
// each with its instructions inside its bytes, and a frame that makes sense.
func (img *image) functions() error {
	if len(img.code.Funcs) != len(img.p.Funcs) {
		return fmt.Errorf("code has %d functions, the program %d", len(img.code.Funcs), len(img.p.Funcs))
	}
	for i, f := range img.code.Funcs {
		if f.PC != img.p.Funcs[i].PC {
			return fmt.Errorf("function %d starts at insn %d, not %d", i, img.p.Funcs[i].PC, f.PC)
		}
		for j, g := range img.code.Funcs[:i] {
			if f.Entry < g.End && g.Entry < f.End {
				return fmt.Errorf("functions %d and %d overlap", j, i)
			}
		}
		if err := checkFrame(f.Frame); err != nil {
			return fmt.Errorf("function %d: %w", i, err)
		}
		img.frames = append(img.frames, ourFrame(f.Frame))
		cuts := map[int]bool{}
		for pc := f.PC; pc < img.end(i); pc++ {
			off := img.code.PCMap[pc]
			if off == jit.NoCode {
				continue
			}
			if off < f.Entry || off >= f.End {
				return fmt.Errorf("insn %d: offset %#x is outside its function", pc, off)
			}
			if img.code.Cut(pc) {
				cuts[int(off)] = true
			} else if pc == f.PC {
				return fmt.Errorf("insn %d: a function starts at no cut", pc)
			}
		}
		img.cuts = append(img.cuts, cuts)
	}
	for _, h := range img.code.Hints {
		if h.PC < 0 || h.PC >= img.p.Slots() || !h.Reg.Valid() || h.Reg == ir.FP || h.Kind > jit.HintUpper ||
			h.Kind == jit.HintMap && (h.Map < 0 || h.Map >= len(img.p.Maps)) {
			return fmt.Errorf("hint %+v: instruction, register or map does not exist", h)
		}
		img.hints[h.PC] = append(img.hints[h.PC], h)
	}
	img.free, img.bounded = jit.Uncounted(img.p, img.code.Uncounted)
	return nil
}

func (img *image) end(fn int) ir.PC {
	if fn+1 < len(img.p.Funcs) {
		return img.p.Funcs[fn+1].PC
	}
	return img.p.Slots()
}

func checkFrame(f jit.Frame) error {
	used := map[uint8]bool{uint8(x86.RSP): true, uint8(x86.R12): true, uint8(budgetReg): true}
	for r, m := range f.Regs {
		if m >= x86.NumRegs || used[m] {
			return fmt.Errorf("frame keeps r%d in a register that is taken or does not exist (%d)", r, m)
		}
		used[m] = true
	}
	saved := map[uint8]bool{uint8(x86.R12): true}
	for _, m := range f.Saved {
		if !slices.Contains(calleeSaved, x86.Reg(m)) || saved[m] {
			return fmt.Errorf("frame saves register %d, which is not to be saved or is saved twice", m)
		}
		saved[m] = true
	}
	if f.Stack != 0 && f.Stack != ir.StackSize {
		return fmt.Errorf("frame has a stack of %d bytes: want %d, or 0 where r10 is not kept", f.Stack, ir.StackSize)
	}
	least := f.Stack + 8*int32(len(f.Saved))
	if f.Count != 0 {
		if f.Count%8 != 0 || f.Count >= -8*int32(len(f.Saved)) || f.Count < f.Stack-f.Size {
			return fmt.Errorf("frame counts may_goto at %d, which is not a free word of its %d bytes", f.Count, f.Size)
		}
		least += 8
	}
	if f.Size < least || f.Size > jit.StackBytes/16 || f.Size%8 != 0 {
		return fmt.Errorf("frame of %d bytes: want at least %d, at most %d, and a multiple of 8", f.Size, least, jit.StackBytes/16)
	}
	if x86.Reg(f.Regs[ir.R0]) != x86.RAX {
		return fmt.Errorf("frame keeps r0 in register %d, not where results are returned", f.Regs[ir.R0])
	}
	return nil
}

// decode returns the instruction at off of function fn.
func (img *image) decode(fn, off int) (x86.Inst, error) {
	f := img.code.Funcs[fn]
	if off < int(f.Entry) || off >= int(f.End) {
		return x86.Inst{}, refused(KindImage, "execution leaves the function at offset %#x", off)
	}
	if in, ok := img.insns[off]; ok {
		return in, nil
	}
	in, err := x86.Decode(img.code.Text[off:f.End], off)
	if err != nil {
		return in, err
	}
	for i := off; i < in.End(); i++ {
		if o := img.owner[i]; o != 0 {
			return in, unclear(KindImage, "the instruction at offset %#x overlaps the one at %#x", off, o-1)
		}
		if img.touched[i] && (!img.isMove(in) || i < off+2) {
			return in, unclear(KindImage, "relocated bytes at offset %#x are not the operand of a 64-bit move", i)
		}
	}
	for i := off; i < in.End(); i++ {
		img.owner[i] = int32(off) + 1
	}
	img.insns[off] = in
	return in, nil
}

// isMove reports whether the instruction is a move of a relocated 64-bit
// immediate into a register: REX.W, b8 and the register, 8 bytes.
func (img *image) isMove(in x86.Inst) bool {
	t := img.code.Text[in.Off:]
	_, ok := img.relocs[in.End()-8]
	return ok && in.Len == 10 && t[0]&0xf8 == 0x48 && t[1]&0xf8 == 0xb8 && in.Args[0].Kind == x86.ArgReg && in.Args[1].Imm == 0
}

// reloc returns the relocation of an instruction's operand.
func (img *image) reloc(in x86.Inst) (jit.Reloc, bool) {
	r, ok := img.relocs[in.End()-8]
	return r, ok && img.isMove(in)
}

// hint returns the map whose handle a hint says is in r at pc: the first one,
// if there are several.
func (img *image) hint(pc ir.PC, r ir.Reg) (m int, ok bool) {
	for _, h := range img.hintsAt(pc) {
		if h.Reg == r && h.Kind == jit.HintMap {
			return h.Map, true
		}
	}
	return 0, false
}

// says reports whether a hint says k of r at pc.
func (img *image) says(pc ir.PC, r ir.Reg, k jit.HintKind) bool {
	return slices.ContainsFunc(img.hintsAt(pc), func(h jit.Hint) bool { return h.Reg == r && h.Kind == k })
}

// hintsAt returns the hints for pc, in their order.
func (img *image) hintsAt(pc ir.PC) []jit.Hint {
	return img.hints[pc]
}

// unreached returns the ranges of bytes that no path executes.
func (img *image) unreached() [][2]int {
	var gaps [][2]int
	for i, o := range img.owner {
		if o != 0 {
			continue
		}
		if n := len(gaps); n > 0 && gaps[n-1][1] == i {
			gaps[n-1][1]++
		} else {
			gaps = append(gaps, [2]int{i, i + 1})
		}
	}
	return gaps
}
