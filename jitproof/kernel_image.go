package jitproof

import (
	"fmt"
	"slices"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jitproof/translated"
	"github.com/bpfproof/bpfproof/jitproof/x86"
)

// kernelTables are what the simulation looks up of an image of Linux.
type kernelTables struct {
	*jit.LinuxImage
	bytecode *translated.Program
	alignment
}

// kernelConvention is that of Linux on amd64 (arch/x86/net/bpf_jit_comp.c).
func kernelConvention() convention {
	return convention{regs: registers(numRegs), id: ir.W64,
		lost: []x86.Reg{x86.RAX, x86.RCX, x86.RDX, x86.RSI, x86.RDI, x86.R8, x86.R9, x86.R10, x86.R11}}
}

// kernelHomes are the machine registers of the bytecode's, by their number.
var kernelHomes = [numRegs]x86.Reg{x86.RAX, x86.RDI, x86.RSI, x86.RDX, x86.RCX, x86.R8, x86.RBX, x86.R13, x86.R14, x86.R15, x86.RBP, x86.R10}

// ImageError says why an image is not one that can be judged.
type ImageError struct {
	Program string
	Code    string // stable name of the reason: one of those below
	Off     int    // in the image
	Reason  string
}

// The reasons why an image cannot be judged.
const (
	CodeHidden    = "hidden"    // the kernel does not show it
	CodeTables    = "tables"    // what it shows does not fit together
	CodeAlignment = "alignment" // what belongs to what is not found
)

func (e *ImageError) Error() string {
	return fmt.Sprintf("jitproof: image of %q: offset %#x: %s", e.Program, e.Off, e.Reason)
}

// newKernelImage reads an image with its bytecode and looks for the places that
// correspond. What it finds is untrusted. The error is an *ImageError or a
// *translated.Error.
func newKernelImage(k *jit.LinuxImage) (*image, error) {
	if err := checkShown(k); err != nil {
		return nil, err
	}
	t, err := translated.Decode(k.Name, k.Slots)
	if err != nil {
		return nil, err
	}
	p := t.IR
	if len(p.Funcs) != len(k.Funcs) {
		return nil, &ImageError{k.Name, CodeTables, 0, fmt.Sprintf("%d functions, the bytecode has %d", len(k.Funcs), len(p.Funcs))}
	}
	tables := &kernelTables{LinuxImage: k, bytecode: t}
	code := &jit.Code{Arch: "amd64", Text: k.Text, PCMap: make([]int32, len(p.Insns))}
	for i := range code.PCMap {
		code.PCMap[i] = jit.NoCode
	}
	img := &image{p: p, code: code, conv: kernelConvention(), insns: map[int]x86.Inst{}, owner: make([]int32, len(k.Text)),
		relocs: map[int]jit.Reloc{}, touched: make([]bool, len(k.Text)), hints: map[ir.PC][]jit.Hint{}, kernel: tables}
	for i, f := range k.Funcs {
		code.Funcs = append(code.Funcs, jit.Func{PC: p.Funcs[i].PC, Entry: f.Off, End: f.Off + f.Len})
	}
	if tables.alignment, err = align(img); err != nil {
		return nil, err
	}
	img.frames = tables.frames
	code.Cuts = chooseCuts(img)
	for i := range k.Funcs {
		img.cuts = append(img.cuts, map[int]bool{})
		for pc := p.Funcs[i].PC; pc < img.end(i); pc++ {
			if code.Cut(pc) {
				img.cuts[i][int(code.PCMap[pc])] = true
			}
		}
		img.deadAX(i)
	}
	return img, nil
}

// trap is the instruction that the kernel puts where nothing may come (int3).
const trap = 0xcc

// idle returns an obligation that is open for each range of bytes that no path
// executes and that does not consist of traps.
func (k *kernelTables) idle(unreached [][2]int) (open []Obligation) {
	for _, gap := range unreached {
		if slices.ContainsFunc(k.Text[gap[0]:gap[1]], func(b byte) bool { return b != trap }) {
			fn := slices.IndexFunc(k.Funcs, func(f jit.LinuxFunc) bool { return int(f.Off+f.Len) > gap[0] })
			open = append(open, Obligation{Func: fn, PC: prologuePC, Off: gap[0], Kind: KindImage,
				Reason: fmt.Sprintf("%d bytes that no path executes", gap[1]-gap[0])})
		}
	}
	return open
}

// needed returns the image without the addresses of maps that it does not refer
// to.
func (k *kernelTables) needed() *jit.LinuxImage {
	img := *k.LinuxImage
	img.Maps, img.Values = map[uint32]uint64{}, map[uint32]uint64{}
	for ref := range k.alignment.maps {
		if at, ok := k.tells(ref); ok && ref.kind == ir.PseudoMapFD {
			img.Maps[ref.id] = at
		} else if ok {
			img.Values[ref.id] = at
		}
	}
	return &img
}

// checkShown refuses tables that contradict, and an image that the kernel does not
// show.
func checkShown(k *jit.LinuxImage) error {
	refuse := func(off int, format string, args ...any) error {
		return &ImageError{k.Name, CodeTables, off, fmt.Sprintf(format, args...)}
	}
	if len(k.Text) == 0 || !slices.ContainsFunc(k.Text, func(b byte) bool { return b != 0 }) {
		return &ImageError{k.Name, CodeHidden, 0, "the kernel does not show it (kernel.kptr_restrict, net.core.bpf_jit_harden, CAP_SYSLOG)"}
	}
	off := int32(0)
	for i, f := range k.Funcs {
		switch {
		case f.Off != off || f.Len <= 0 || int(f.Off)+int(f.Len) > len(k.Text):
			return refuse(int(f.Off), "function %d takes %d bytes, the image has %d", i, f.Len, len(k.Text))
		case f.Addr == 0:
			return refuse(int(f.Off), "the kernel does not tell where function %d is", i)
		}
		for j, g := range k.Funcs[:i] {
			if f.Addr < g.Addr+uint64(g.Len) && g.Addr < f.Addr+uint64(f.Len) {
				return refuse(int(f.Off), "functions %d and %d overlap", j, i)
			}
		}
		off += f.Len
	}
	if int(off) != len(k.Text) {
		return refuse(int(off), "functions take %d bytes, the image has %d", off, len(k.Text))
	}
	return nil
}

// address returns where a direct jump or call of function fn to offset target
// leads.
func (k *kernelTables) address(fn, target int) uint64 {
	f := k.Funcs[fn]
	return f.Addr + uint64(int64(target)-int64(f.Off))
}

// helperID is what names the helper that in calls.
func (s *sim[V]) helperID(in ir.Insn) uint64 {
	if k := s.img.kernel; k != nil {
		return k.CallBase + uint64(in.Imm)
	}
	return uint64(in.Imm)
}

// leaves reports whether a jump of function fn to offset target leaves the
// function by a way that only images of Linux have.
func (img *image) leaves(fn, target int) bool {
	f := img.code.Funcs[fn]
	return img.kernel != nil && (target < int(f.Entry) || target >= int(f.End))
}

// mapAddress returns the address that a 64-bit load of a map's id stands for.
func (k *kernelTables) mapAddress(in ir.Insn) (uint64, error) {
	id, off, _ := in.Map()
	ref := mapRef{uint32(id), in.Row().Pseudo}
	at, ok := k.tells(ref)
	if !ok {
		at, ok = k.maps[ref]
	}
	if !ok {
		return 0, fmt.Errorf("the address of map %d is not known", id)
	}
	return at + uint64(off), nil
}

// tells returns what the kernel itself tells of the address.
func (k *kernelTables) tells(ref mapRef) (at uint64, ok bool) {
	if ref.kind == ir.PseudoMapFD {
		at, ok = k.Maps[ref.id]
	} else {
		at, ok = k.Values[ref.id]
	}
	return at, ok
}

// deadAX hints where the kernel's own register holds nothing of the program's,
// by the way of live-variable analysis. A wrong hint only makes a proof fail.
func (img *image) deadAX(fn int) {
	p, first, end := img.p, img.p.Funcs[fn].PC, img.end(fn)
	live := make([]bool, end-first+1)
	for changed := true; changed; {
		changed = false
		for pc := end - 1; pc >= first; pc-- {
			in := p.Insns[pc]
			if in.Op == ir.OpPad {
				continue
			}
			is := in.FallsThrough() && live[pc+in.Row().Slots()-first]
			if target, ok := in.Target(pc); ok && target >= first && target < end && in.Kind() != ir.KindCall && in.Kind() != ir.KindLoadImm {
				is = is || live[target-first]
			}
			if is = img.kernel.readsAX(pc, in) || is && !writesAX(in); is != live[pc-first] {
				live[pc-first], changed = is, true
			}
		}
	}
	for pc := first; pc < end; pc++ {
		if p.Insns[pc].Op != ir.OpPad && !live[pc-first] {
			img.hints[pc] = append(img.hints[pc], jit.Hint{PC: pc, Reg: translated.AX, Kind: jit.HintDead})
		}
	}
}

func (k *kernelTables) readsAX(pc ir.PC, in ir.Insn) bool {
	if in.Kind() == ir.KindCall {
		return k.timed(pc, in)
	}
	if in.Src == translated.AX {
		return true
	}
	w, ok := in.Writes()
	fresh := ok && w == in.Dst && (in.Kind() != ir.KindALU || in.Row().ALU == ir.Mov || in.Row().ALU.MovSX() != 0) && in.Kind() != ir.KindSwap
	return in.Dst == translated.AX && !fresh
}

func writesAX(in ir.Insn) bool {
	w, ok := in.Writes()
	return ok && w == translated.AX || in.Kind() == ir.KindCall
}

// timed reports whether the instruction calls arch_bpf_timed_may_goto, which
// has AX for argument and result and keeps the registers of programs.
func (k *kernelTables) timed(pc ir.PC, in ir.Insn) bool {
	return k.bytecode.Forms[pc] == translated.Call && k.TimedMayGoto != 0 && k.CallBase+uint64(in.Imm) == k.TimedMayGoto
}
