package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/arch/x86/x86asm"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/ir/dump"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jitproof/x86"
)

// jitJSON is what jit prints of a program.
type jitJSON struct {
	Program string        `json:"program"`
	Arch    string        `json:"arch"`
	Insns   int           `json:"insns"`
	Bytes   int           `json:"bytes"`
	Micros  float64       `json:"micros"` // of the compilation, once
	Error   string        `json:"error,omitempty"`
	Funcs   []jitFuncJSON `json:"funcs,omitempty"`
	PCMap   []int32       `json:"pc_map,omitempty"` // -1 for the second slot of a 64-bit load
	Hints   []hintJSON    `json:"hints,omitempty"`
	// Uncounted are the jumps backward that do not count down the budget.
	Uncounted []ir.PC     `json:"uncounted,omitempty"`
	Relocs    []relocJSON `json:"relocs,omitempty"`
	Text      string      `json:"text,omitempty"` // hexadecimal; relocated places hold zero
}

type jitFuncJSON struct {
	PC    ir.PC             `json:"pc"`
	Entry int32             `json:"entry"`
	End   int32             `json:"end"`
	Size  int32             `json:"frame"`           // bytes
	Stack int32             `json:"stack"`           // bytes of it that are the eBPF stack
	Count int32             `json:"count,omitempty"` // where may_goto is counted, from the entry stack pointer
	Saved []string          `json:"saved"`
	Regs  map[string]string `json:"regs"`
}

type hintJSON struct {
	PC   ir.PC  `json:"pc"`
	Reg  string `json:"reg"`
	Kind string `json:"kind"`          // map, dead or upper
	Map  string `json:"map,omitempty"` // whose handle it holds
}

type relocJSON struct {
	Off  int32  `json:"off"`
	What string `json:"what"`
}

func jitCmd() *cobra.Command {
	var in input
	var tier tierFlags
	var asJSON, show bool
	cmd := &cobra.Command{
		Use:   "jit X",
		Short: "compile programs to machine code and show it",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			programs, err := in.load(cmd, args[0])
			if err != nil {
				return err
			}
			var sink *dump.Sink
			if show && !asJSON {
				sink = dump.Text(cmd.OutOrStdout())
			}
			b, err := tier.backend(sink)
			if err != nil {
				return err
			}
			result := yes
			out := newPrinter(cmd, asJSON)
			for _, p := range programs {
				v, text, err := compiled(b, p, show)
				if err != nil {
					return fmt.Errorf("%s: %w", args[0], err)
				}
				if err := out.answer(v, text); err != nil {
					return err
				}
				if v.Error != "" {
					result = result.worse(unknown)
				}
			}
			return end(result)
		},
	}
	in.flags(cmd)
	jsonFlag(cmd, &asJSON)
	cmd.Flags().BoolVar(&show, "dump", false, "print bytecode and machine code interleaved, with frames, hints and relocations, and what each pass made")
	tier.flags(cmd)
	return cmd
}

// compiled compiles a program. An operation that the backend does not have is
// an answer; every other failure is an error.
func compiled(b jit.Backend, p *ir.Program, dump bool) (v jitJSON, text string, err error) {
	v = jitJSON{Program: p.Name, Arch: b.Arch(), Insns: len(p.Insns)}
	begin := time.Now()
	code, err := jit.Compile(b, p)
	v.Micros = float64(time.Since(begin).Nanoseconds()) / 1000
	var unsupported *jit.UnsupportedError
	switch {
	case errors.As(err, &unsupported):
		v.Error = unsupported.Error()
		return v, fmt.Sprintf("%s: unknown: %s", p.Name, v.Error), nil
	case err != nil:
		return v, "", err
	}
	v.Bytes, v.PCMap, v.Text = len(code.Text), code.PCMap, hex.EncodeToString(code.Text)
	v.Uncounted = code.Uncounted
	for _, f := range code.Funcs {
		v.Funcs = append(v.Funcs, funcJSON(f))
	}
	for _, h := range code.Hints {
		v.Hints = append(v.Hints, hint(p, h))
	}
	for _, r := range code.Relocs {
		v.Relocs = append(v.Relocs, relocJSON{r.Off, relocText(p, r)})
	}
	text = fmt.Sprintf("%s: %d slots, %d bytes (%.1f a slot), %d hints, %d relocations, %.1f us (%.0f ns a slot)",
		p.Name, v.Insns, v.Bytes, float64(v.Bytes)/float64(v.Insns), len(v.Hints), len(v.Relocs), v.Micros, 1000*v.Micros/float64(v.Insns))
	if dump {
		text += "\n" + (&codeDump{p: p, code: code}).text()
	}
	return v, text, nil
}

func hint(p *ir.Program, h jit.Hint) hintJSON {
	v := hintJSON{PC: h.PC, Reg: h.Reg.String(), Kind: h.Kind.String()}
	if h.Kind == jit.HintMap {
		v.Map = p.Maps[h.Map].Name
	}
	return v
}

// text says what the hint claims.
func (h hintJSON) text() string {
	switch h.Kind {
	case jit.HintMap.String():
		return fmt.Sprintf("%s holds map %s", h.Reg, h.Map)
	case jit.HintDead.String():
		return h.Reg + " is dead"
	}
	return h.Reg + " has no upper half"
}

func funcJSON(f jit.Func) jitFuncJSON {
	v := jitFuncJSON{PC: f.PC, Entry: f.Entry, End: f.End, Size: f.Frame.Size, Stack: f.Frame.Stack, Count: f.Frame.Count,
		Saved: []string{}, Regs: map[string]string{}}
	for _, r := range f.Frame.Saved {
		v.Saved = append(v.Saved, x86.Reg(r).String())
	}
	for r, home := range f.Frame.Regs {
		v.Regs[ir.Reg(r).String()] = x86.Reg(home).String()
	}
	return v
}

func relocText(p *ir.Program, r jit.Reloc) string {
	switch r.Kind {
	case jit.RelocFunc:
		return fmt.Sprintf("function %d", r.Func)
	case jit.RelocMapHandle:
		return "map " + p.Maps[r.Map].Name
	case jit.RelocMapLanes:
		return fmt.Sprintf("values of map %s on processor 0", p.Maps[r.Map].Name)
	case jit.RelocMapCPUs:
		return fmt.Sprintf("number of processors of map %s", p.Maps[r.Map].Name)
	}
	return fmt.Sprintf("values of map %s + %d", p.Maps[r.Map].Name, r.Addend)
}

// codeDump prints code beside the program it was made from.
type codeDump struct {
	p    *ir.Program
	code *jit.Code
	b    strings.Builder
}

func (d *codeDump) text() string {
	for i, f := range d.code.Funcs {
		d.frame(i, f)
		end := d.p.Slots()
		if i+1 < len(d.code.Funcs) {
			end = d.code.Funcs[i+1].PC
		}
		d.machine(f.Entry, d.code.PCMap[f.PC])
		for pc := f.PC; pc < end; pc++ {
			if d.code.PCMap[pc] == jit.NoCode {
				continue
			}
			fmt.Fprintf(&d.b, "%4d: %s\n", pc, asm.Insn(d.p, pc))
			d.hints(pc)
			if slices.Contains(d.code.Uncounted, pc) {
				d.b.WriteString("      ; does not count down the budget\n")
			}
			if off := d.code.PCMap[pc]; d.last(pc, end) {
				d.machine(off, d.after(off, f))
			}
		}
		d.pcMap(f.PC, end)
	}
	return strings.TrimSuffix(d.b.String(), "\n")
}

// pcMap prints where the code of each instruction begins.
func (d *codeDump) pcMap(from, to ir.PC) {
	d.b.WriteString("      ; pc map:")
	for pc := from; pc < to; pc++ {
		if off := d.code.PCMap[pc]; off != jit.NoCode {
			fmt.Fprintf(&d.b, " %d=%#x", pc, off)
		}
	}
	d.b.WriteByte('\n')
}

// hints prints what holds at pc, if that is a cut.
func (d *codeDump) hints(pc ir.PC) {
	if d.code.Cuts == nil || !d.code.Cuts[pc] {
		for _, h := range d.code.Hints {
			if h.PC == pc {
				fmt.Fprintf(&d.b, "      ; %s\n", hint(d.p, h).text())
			}
		}
		return
	}
	said := []string{}
	for _, h := range d.code.Hints {
		if h.PC == pc {
			said = append(said, hint(d.p, h).text())
		}
	}
	fmt.Fprintf(&d.b, "      ; cut: %s\n", strings.Join(said, ", "))
}

// last reports whether pc is the last instruction up to end whose code begins
// where it does: the others have none.
func (d *codeDump) last(pc, end ir.PC) bool {
	for next := pc + 1; next < end; next++ {
		if d.code.PCMap[next] == d.code.PCMap[pc] {
			return false
		}
	}
	return true
}

// after returns where the code that begins at off ends: where other code of the
// function begins.
func (d *codeDump) after(off int32, f jit.Func) int32 {
	end := f.End
	for _, o := range d.code.PCMap {
		if o > off && o < end {
			end = o
		}
	}
	return end
}

func (d *codeDump) frame(i int, f jit.Func) {
	v := funcJSON(f)
	saved := "nothing"
	if len(v.Saved) > 0 {
		saved = strings.Join(v.Saved, ", ")
	}
	fmt.Fprintf(&d.b, "function %d: insn %d, text %#x to %#x, frame of %d bytes, stack of %d, saves %s\n",
		i, f.PC, f.Entry, f.End, v.Size, v.Stack, saved)
	d.b.WriteString("      ;")
	for r := range f.Frame.Regs {
		fmt.Fprintf(&d.b, " %v=%s", ir.Reg(r), v.Regs[ir.Reg(r).String()])
	}
	d.b.WriteByte('\n')
}

// machine prints the machine instructions from one offset to another.
func (d *codeDump) machine(from, to int32) {
	for from < to {
		n := int32(1) // a byte that is no instruction
		if in, err := x86asm.Decode(d.code.Text[from:to], 64); err == nil {
			n = int32(in.Len)
		}
		note := ""
		for _, r := range d.code.Relocs {
			if r.Off > from && r.Off < from+n {
				note = "   ; " + relocText(d.p, r)
			}
		}
		fmt.Fprintf(&d.b, "      %6x  %-30s %s%s\n", from, hex.EncodeToString(d.code.Text[from:from+n]), x86.Text(d.code.Text[from:to], int(from)), note)
		from += n
	}
}
