package jitproof

import (
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/ir/cfg"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jitproof/x86"
)

// Log writes the proof of p's code for readers: for each function its
// prologue, then each block of the bytecode, in four columns: bytecode, machine
// code, the relation of the states at the block's first instruction, and what
// became of the block's obligations, with their time. A block's machine code is
// what the PC map puts between its instructions and the next code; what is not
// proved follows with its reason. Code must fit p, as Validate demands.
func (c *Certificate) Log(w io.Writer, p *ir.Program, code *jit.Code) error {
	p = withFuncs(p)
	if err := code.Check(p); err != nil {
		return fmt.Errorf("jitproof: log %q: %w", p.Name, err)
	}
	g, err := cfg.Build(p)
	if err != nil {
		return fmt.Errorf("jitproof: log %q: %w", p.Name, err)
	}
	l := &logger{c: c, p: p, code: code, starts: starts(code), w: tabwriter.NewWriter(w, 0, 0, 1, ' ', 0), hints: map[ir.PC][]jit.Hint{}}
	for _, f := range code.Funcs {
		l.frames = append(l.frames, ourFrame(f.Frame))
	}
	for _, h := range code.Hints {
		l.hints[h.PC] = append(l.hints[h.PC], h)
	}
	return l.write(slices.Clone(g.Blocks))
}

// LogKernel is Log of a proof of an image of Linux, which must hold its image: as
// ValidateKernel returns it.
func (c *Certificate) LogKernel(w io.Writer) error {
	if c.Linux == nil {
		return fmt.Errorf("jitproof: log %q: it holds no image", c.Program)
	}
	img, err := newKernelImage(c.Linux)
	if err != nil {
		return err
	}
	l := &logger{c: c, p: img.p, code: img.code, frames: img.frames, hints: img.hints, starts: starts(img.code), w: tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)}
	return l.write(img.blocks())
}

// blocks splits a translated program where jumps come from and lead to.
func (img *image) blocks() (all []cfg.Block) {
	p := img.p
	starts := map[ir.PC]bool{}
	for pc, in := range p.All() {
		target, ok := in.Target(pc)
		if jumps := in.Kind() == ir.KindJump || in.Kind() == ir.KindBranch; jumps && ok {
			starts[target], starts[pc+1] = true, true
		}
		starts[pc+1] = starts[pc+1] || in.Kind() == ir.KindExit
	}
	for i, f := range p.Funcs {
		b := cfg.Block{Func: i, Start: f.PC}
		for pc := f.PC + 1; pc <= img.end(i); pc++ {
			if pc == img.end(i) || starts[pc] {
				b.End = pc
				all = append(all, b)
				b.Start = pc
			}
		}
	}
	return all
}

// write writes all functions, of the given blocks.
func (l *logger) write(blocks []cfg.Block) error {
	p, code := l.p, l.code
	l.row("bytecode", "machine code", "relation", "status and time")
	slices.SortFunc(blocks, func(a, b cfg.Block) int { return int(a.Start - b.Start) })
	for i, f := range code.Funcs {
		first := code.PCMap[f.PC]
		if first > f.Entry { // else there is none, or it is elsewhere
			l.block(fmt.Sprintf("function %d: prologue", i), l.machine(f.Entry, l.next(f.Entry, f)), []string{"arguments in r1-r5"}, i, prologuePC, 0)
		} else {
			l.block(fmt.Sprintf("function %d: no prologue", i), nil, nil, i, prologuePC, 0)
		}
		for _, b := range blocks {
			if b.Func == i {
				l.bytecode(i, f, b)
			}
		}
	}
	if err := l.w.Flush(); err != nil {
		return fmt.Errorf("jitproof: log %q: %w", p.Name, err)
	}
	return nil
}

// logger writes one log.
type logger struct {
	c      *Certificate
	p      *ir.Program
	code   *jit.Code
	frames []frame // by function
	hints  map[ir.PC][]jit.Hint
	starts []int32 // where code begins: of instructions, of functions
	w      *tabwriter.Writer
}

// starts lists in order where code begins.
func starts(code *jit.Code) (all []int32) {
	for _, off := range code.PCMap {
		if off != jit.NoCode {
			all = append(all, off)
		}
	}
	for _, f := range code.Funcs {
		all = append(all, f.Entry, f.End)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// next returns where the code that begins at off ends.
func (l *logger) next(off int32, f jit.Func) int32 {
	i, _ := slices.BinarySearch(l.starts, off+1)
	if i == len(l.starts) {
		return f.End
	}
	return min(l.starts[i], f.End)
}

func (l *logger) row(cells ...string) { fmt.Fprintln(l.w, strings.Join(cells, "\t| ")) }

// line is a row's bytecode and machine code.
type line struct{ bytecode, machine string }

// bytecode writes a block of the program.
func (l *logger) bytecode(fi int, f jit.Func, b cfg.Block) {
	var lines []line
	for pc := b.Start; pc < b.End; pc++ {
		off := l.code.PCMap[pc]
		if off == jit.NoCode {
			continue
		}
		var code []line
		if l.last(pc, f, fi) {
			code = l.machine(off, l.next(off, f))
		}
		if len(code) == 0 {
			code = []line{{}}
		}
		code[0].bytecode = fmt.Sprintf("%d: %s", pc, asm.Insn(l.p, pc))
		lines = append(lines, code...)
	}
	title := fmt.Sprintf("block of insns %d to %d", b.Start, b.End-1)
	l.block(title, lines, l.relation(b.Start, &l.frames[fi]), fi, b.Start, b.End)
}

// last reports whether pc is the last instruction of its function whose code
// begins where it does: the others have none of their own.
func (l *logger) last(pc ir.PC, f jit.Func, fi int) bool {
	end := l.p.Slots()
	if fi+1 < len(l.code.Funcs) {
		end = l.code.Funcs[fi+1].PC
	}
	return !slices.Contains(l.code.PCMap[pc+1:max(end, pc+1)], l.code.PCMap[pc])
}

// machine lists the machine instructions from one offset to another.
func (l *logger) machine(from, to int32) (lines []line) {
	for from < to {
		n := int32(1) // of a byte that is no instruction
		if in, err := x86.Decode(l.code.Text[from:to], int(from)); err == nil {
			n = int32(in.Len)
		}
		lines = append(lines, line{machine: fmt.Sprintf("%x: %s  %s", from, hex.EncodeToString(l.code.Text[from:from+n]), x86.Text(l.code.Text[from:to], int(from)))})
		from += n
	}
	return lines
}

// relation says how the states at pc are related: where each register is, and
// what the hints say.
func (l *logger) relation(pc ir.PC, f *frame) (cells []string) {
	if !l.code.Cut(pc) {
		return []string{"no cut: proved with", "the code before it"}
	}
	text := make([]string, 0, numRegs)
	regs := f.regs[:ir.NumRegs]
	if l.c.Linux != nil {
		regs = f.regs[:]
	}
	for r, home := range regs {
		said := fmt.Sprintf("%v=%v", ir.Reg(r), home)
		for _, h := range l.hints[pc] {
			switch {
			case int(h.Reg) != r:
			case h.Kind == jit.HintDead:
				said = ""
			case h.Kind == jit.HintUpper:
				said += "<2^32"
			case h.Kind == jit.HintMap:
				said += " is map " + l.p.Maps[h.Map].Name
			}
		}
		if ir.Reg(r) == ir.FP && !f.fp || said == "" {
			continue
		}
		text = append(text, said)
	}
	for part := range slices.Chunk(text, 3) {
		cells = append(cells, strings.Join(part, " "))
	}
	return append(cells, fmt.Sprintf("rsp=entry-%d", f.size))
}

// block writes one block with the obligations of instructions [from, to), or
// of the prologue.
func (l *logger) block(title string, lines []line, relation []string, fi int, from, to ir.PC) {
	var own []Obligation
	for _, o := range l.c.Obligations {
		if o.Func == fi && (from == prologuePC && o.PC == prologuePC || from != prologuePC && from <= o.PC && o.PC < to) {
			own = append(own, o)
		}
	}
	status := l.status(own)
	l.row("-- "+title, "", "", "")
	for i := range max(len(lines), len(relation), len(status)) {
		l.row(cell(lines, i).bytecode, cell(lines, i).machine, cell(relation, i), cell(status, i))
	}
	for _, o := range own {
		if o.Status != Proved {
			l.row(fmt.Sprintf("!! insn %d", o.PC), fmt.Sprintf("%x: %s %v", o.Off, o.Kind, o.Status), "", o.Reason)
		}
	}
}

// status sums up obligations: how many of each kind, and by whom.
func (l *logger) status(own []Obligation) []string {
	if len(own) == 0 {
		return []string{"no obligations"}
	}
	n, s := tally(own)
	micros, solved, kinds := int64(0), 0, map[Kind]int{}
	for _, o := range own {
		micros += o.Micros
		kinds[o.Kind]++
		if o.Status == Proved && o.By != byRewriter {
			solved++
		}
	}
	cells := []string{fmt.Sprintf("%v, %d us", s, micros), fmt.Sprintf("%d obligations: %d by rewriting, %d by solver", n.Total, n.Rewriter, solved)}
	var names []string
	for k, n := range kinds {
		names = append(names, fmt.Sprintf("%s %d", k, n))
	}
	slices.Sort(names)
	for part := range slices.Chunk(names, 3) {
		cells = append(cells, strings.Join(part, ", "))
	}
	return cells
}

// cell returns the element i, or none behind the end.
func cell[T any](all []T, i int) (x T) {
	if i < len(all) {
		return all[i]
	}
	return x
}
