package asm

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"

	"github.com/bpfproof/bpfproof/ir"
)

// Print writes p as text that Parse reads. The error is w's, or an
// *ir.FormError for an instruction that has no text (see [ir.Insn.Check]) or a
// 64-bit load without its second slot; nothing is written then.
func Print(w io.Writer, p *ir.Program) error { return write(w, p, false) }

// PrintSource is Print with the lines of the source as comments before the
// instructions that were made of them, where p.Lines has them.
func PrintSource(w io.Writer, p *ir.Program) error { return write(w, p, true) }

func write(w io.Writer, p *ir.Program, source bool) error {
	for pc, in := range p.Insns {
		if err := in.Check(ir.PC(pc)); err != nil {
			return fmt.Errorf("asm: print program: %w", err)
		}
		wide := pc > 0 && p.Insns[pc-1].Kind() == ir.KindLoadImm
		if (in.Op == ir.OpPad) != wide || in.Row().Slots() == 2 && pc+1 == len(p.Insns) {
			return fmt.Errorf("asm: print program: %w", &ir.FormError{PC: ir.PC(pc), Reason: "64-bit load and second slot do not go together"})
		}
	}
	n := newNames(p)
	n.nameFuncs()
	n.nameLabels()
	b := bufio.NewWriter(w)
	if err := header(b, p); err != nil {
		return err
	}
	next := 0
	lines := p.Lines
	if !source {
		lines = nil
	}
	for pc := range p.All() {
		for next < len(p.Funcs) && p.Funcs[next].PC <= pc {
			if f := p.Funcs[next]; declared(p, f) {
				fmt.Fprintf(b, ".func %s%s\n", quote(f.Name), prototype(f.Global))
			}
			next++
		}
		if label, ok := n.labels[pc]; ok {
			fmt.Fprintf(b, "%s:\n", label)
		}
		lines = comments(b, lines, pc)
		fmt.Fprintf(b, "\t%s\n", n.insn(pc))
	}
	return b.Flush()
}

// prototype returns what a global function takes as text, "" for a static one.
func prototype(t *ir.Prototype) string {
	if t == nil {
		return ""
	}
	text := " global"
	for _, a := range t.Params {
		text += " " + a.Kind.String()
		switch a.Kind {
		case ir.ParamMem:
			text += fmt.Sprintf(" %d", a.Size)
			if a.Null {
				text += " null"
			}
		case ir.ParamOther:
			text += " " + quote(a.Name)
		}
	}
	if t.Void {
		text += " void"
	}
	return text
}

// comments writes the source lines that start at pc or before, and returns the
// others. A line is one comment, whatever it holds.
func comments(w io.Writer, lines []ir.Line, pc ir.PC) []ir.Line {
	for len(lines) > 0 && lines[0].PC <= pc {
		l := lines[0]
		lines = lines[1:]
		text := strings.Map(func(r rune) rune {
			if !unicode.IsPrint(r) {
				return ' '
			}
			return r
		}, l.Text+" @ "+l.File)
		fmt.Fprintf(w, "\t; %s:%d\n", text, l.Line)
	}
	return lines
}

// nameFuncs finds the functions whose name says which they are: the only one
// that .func declares by it.
func (n *names) nameFuncs() {
	n.funcs, n.shadow = map[ir.PC]string{}, map[string]bool{}
	count := map[string]int{}
	for _, f := range n.p.Funcs {
		if declared(n.p, f) {
			count[f.Name]++
		}
	}
	for _, f := range n.p.Funcs {
		n.shadow[f.Name] = true
		if declared(n.p, f) && count[f.Name] == 1 {
			n.funcs[f.PC] = quote(f.Name)
		}
	}
}

// declared reports whether Print writes .func for f; the main program bears the
// program's name without it.
func declared(p *ir.Program, f ir.Func) bool { return f.PC > 0 || f.Name != p.Name }

// nameLabels gives every jump target a label that no function has.
func (n *names) nameLabels() {
	n.labels = map[ir.PC]string{}
	prefix := "L" // followed by more "_" than in any function's name of that form
	for _, f := range n.p.Funcs {
		rest, ok := strings.CutPrefix(f.Name, "L")
		digits := strings.TrimLeft(rest, "_")
		if _, isNumber := number(digits); ok && isNumber && len(rest)-len(digits) >= len(prefix)-1 {
			prefix = "L" + strings.Repeat("_", len(rest)-len(digits)+1)
		}
	}
	for pc, in := range n.p.All() {
		target, ok := in.Target(pc)
		if ok && !called(in) && target >= 0 && target < n.p.Slots() && n.p.Insns[target].Op != ir.OpPad {
			n.labels[target] = fmt.Sprintf("%s%d", prefix, target)
		}
	}
}

// header writes the directives of the program and its maps.
func header(w io.Writer, p *ir.Program) error {
	fmt.Fprintf(w, ".name %s\n", quote(p.Name))
	if p.Section != "" {
		fmt.Fprintf(w, ".section %s\n", quote(p.Section))
	}
	if p.Type != ir.Unspec {
		fmt.Fprintf(w, ".type %s\n", kindText(p.Type, ir.ParseProgType))
	}
	if p.License != "" {
		fmt.Fprintf(w, ".license %s\n", quote(p.License))
	}
	for _, m := range p.Maps {
		text, err := specText(m, 0)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, ".map %s\n", text)
	}
	for i, m := range p.Maps { // elements may refer to any of the maps
		for _, e := range m.Contents {
			value, err := elemText(p, e)
			if err != nil {
				return fmt.Errorf("asm: print map %q: %w", m.Name, err)
			}
			fmt.Fprintf(w, ".elem %d %s %s\n", i, hexText(e.Key), value)
		}
	}
	return nil
}

// kindText returns the name of a program type or map kind, or its number where
// it has none.
func kindText[T interface {
	~uint32
	fmt.Stringer
}](x T, parse func(string) (T, bool)) string {
	if _, ok := parse(x.String()); ok {
		return x.String()
	}
	return fmt.Sprint(uint32(x))
}

// elemText returns the value of an element: bytes, or what it refers to.
func elemText(p *ir.Program, e ir.MapElem) (string, error) {
	switch {
	case e.Program != "":
		return "program " + quote(e.Program), nil
	case e.Map == nil:
		return hexText(e.Value), nil
	}
	i := slices.Index(p.Maps, e.Map)
	if i < 0 {
		return "", fmt.Errorf("an element refers to map %q, which the program does not list", e.Map.Name)
	}
	return fmt.Sprintf("map %d", i), nil
}

func hexText(b []byte) string {
	if len(b) == 0 {
		return `""`
	}
	return fmt.Sprintf("%x", b)
}

// specText returns the attributes of a map, inner ones in parentheses.
func specText(m *ir.MapSpec, depth int) (string, error) {
	if depth > maxInner {
		return "", fmt.Errorf("asm: print map %q: inner maps are more than %d deep", m.Name, maxInner)
	}
	s := fmt.Sprintf("%s %s key %d value %d entries %d", quote(m.Name), kindText(m.Type, ir.ParseMapType), m.KeySize, m.ValueSize, m.MaxEntries)
	if m.Flags != 0 {
		s += fmt.Sprintf(" flags %#x", m.Flags)
	}
	if m.Extra != 0 {
		s += fmt.Sprintf(" extra %#x", m.Extra)
	}
	if m.Frozen {
		s += " frozen"
	}
	if m.Opaque {
		s += " opaque"
	}
	for _, f := range m.Fields {
		s += fmt.Sprintf(" field %s %d %d", f.Kind.Word(), f.Off, f.Size)
	}
	if m.Inner != nil {
		inner, err := specText(m.Inner, depth+1)
		if err != nil {
			return "", err
		}
		s += " inner (" + inner + ")"
	}
	return s, nil
}
