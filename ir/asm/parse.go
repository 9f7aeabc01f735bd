package asm

import (
	"encoding/hex"
	"fmt"
	"math"
	"path"
	"strings"

	"github.com/bpfproof/bpfproof/ir"
)

// Parse assembles text; name is the file's name, for messages, and without
// folder and extension the program's name unless .name gives one. Program.Lines
// ties every instruction to its line. Program.Funcs lists the main program,
// what .func declares, and the targets of local calls. The error is an *Error.
func Parse(name, text string) (*ir.Program, error) {
	p := &parser{
		prog:   &ir.Program{Name: strings.TrimSuffix(path.Base(name), path.Ext(name))},
		file:   name,
		labels: map[string]ir.PC{},
		twice:  map[string]bool{},
		maps:   map[string]int{},
		first:  -1,
	}
	for line := range strings.Lines(text) {
		p.line++
		line = strings.TrimRight(line, "\r\n")
		p.toks, p.at = lex(line), 0
		p.text = strings.TrimSpace(line)
		if p.statement(); p.err != nil {
			return nil, p.err
		}
	}
	if len(p.prog.Insns) == 0 {
		return nil, &Error{File: name, Line: max(p.line, 1), Col: 1, Reason: "expected an instruction, found none in the whole text"}
	}
	if p.resolve(); p.err != nil {
		return nil, p.err
	}
	p.functions()
	return p.prog, nil
}

// parser reads one line at a time. The first error stays in err; after it
// every method returns zero values and consumes nothing.
type parser struct {
	prog *ir.Program
	file string
	err  error

	line int
	text string
	toks []token
	at   int

	labels map[string]ir.PC
	twice  map[string]bool // names that stand for two places
	maps   map[string]int  // index of a name in prog.Maps
	funcs  []ir.Func       // declared by .func
	uses   []use           // of labels, to resolve at the end
	first  ir.PC           // the first exit, -1 if there is none
}

// use is an instruction that names a label.
type use struct {
	pc    ir.PC
	label token
	line  int
	// helper is the number to call if there is no such label, 0 if none.
	helper int64
	suite  bool // in a line of the conformance suite's syntax
}

func (p *parser) failAt(line int, t token, format string, args ...any) {
	if p.err == nil {
		p.err = &Error{File: p.file, Line: line, Col: t.col, Reason: fmt.Sprintf(format, args...)}
	}
}

func (p *parser) fail(t token, format string, args ...any) { p.failAt(p.line, t, format, args...) }

// expected says that something else than what should stand where t is.
func (p *parser) expected(t token, what string) { p.fail(t, "expected %s, found %v", what, t) }

func (p *parser) peek() token { return p.ahead(0) }

// ahead returns the token n places ahead; behind the last, the last.
func (p *parser) ahead(n int) token { return p.toks[min(p.at+n, len(p.toks)-1)] }

// take returns the next token and goes past it.
func (p *parser) take() token {
	t := p.peek()
	if p.err == nil && p.at < len(p.toks)-1 {
		p.at++
	}
	return t
}

// isOp reports whether t is the operator op.
func (t token) isOp(op string) bool { return t.kind == tokOp && t.text == op }

// isName reports whether t is the word name.
func (t token) isName(name string) bool { return t.kind == tokName && t.text == name }

// accept goes past the operator or word s if it is next.
func (p *parser) accept(s string) bool {
	if t := p.peek(); p.err != nil || !t.isOp(s) && !t.isName(s) {
		return false
	}
	p.take()
	return true
}

// want goes past the operators and words in list, separated by blanks.
func (p *parser) want(list string) {
	for s := range strings.FieldsSeq(list) {
		if t := p.peek(); !p.accept(s) {
			p.expected(t, fmt.Sprintf("%q", s))
		}
	}
}

// number reads a number.
func (p *parser) number(what string) uint64 {
	t := p.take()
	if t.kind != tokNum {
		p.expected(t, what)
		return 0
	}
	x, ok := number(t.text)
	if !ok {
		p.fail(t, "expected %s, found %q: not a decimal or 0x number of 64 bits", what, t.text)
	}
	return x
}

// small reads a number of at most limit.
func (p *parser) small(what string, limit uint64) uint64 {
	t := p.peek()
	x := p.number(what)
	if x > limit {
		p.fail(t, "%s %s is above %d", what, t.text, limit)
		return 0
	}
	return x
}

// signed reads a number with an optional sign in [-low, high].
func (p *parser) signed(what string, low, high uint64) int64 {
	t := p.peek()
	minus := p.accept("-")
	if !minus {
		p.accept("+")
	}
	x := p.number(what)
	switch {
	case minus && x > low:
		p.fail(t, "%s -%d is below -%d", what, x, low)
	case !minus && x > high:
		p.fail(t, "%s %d is above %d", what, x, high)
	case minus:
		return -int64(x)
	}
	return int64(x)
}

// name reads a name, quoted or not.
func (p *parser) name(what string) string {
	t := p.take()
	if t.kind != tokName && t.kind != tokStr {
		p.expected(t, what)
	}
	return t.text
}

// statement reads one line.
func (p *parser) statement() {
	p.listing()
	for (p.peek().kind == tokName || p.peek().kind == tokStr) && p.ahead(1).isOp(":") {
		t := p.take()
		p.take()
		p.label(t)
	}
	t := p.peek()
	switch {
	case t.kind == tokEnd:
		return
	case t.kind == tokName && strings.HasPrefix(t.text, "."):
		p.directive(p.take())
	default:
		p.instruction()
	}
	if t := p.peek(); t.kind != tokEnd {
		p.expected(t, "end of line")
	}
}

// listing goes past what the verifier's log ("3: (b7) ") or llvm-objdump
// ("3: b7 00 00 00 01 00 00 00 ") print before an instruction. The slot must be
// the one that the instruction gets.
func (p *parser) listing() {
	t := p.peek()
	if t.kind != tokNum || !p.ahead(1).isOp(":") {
		return
	}
	if pc := p.number("a slot"); p.err == nil && pc != uint64(p.prog.Slots()) {
		p.fail(t, "the listing says slot %d, but this is slot %d", pc, p.prog.Slots())
	}
	p.take()
	if p.peek().isOp("(") && p.ahead(1).isByte() && p.ahead(2).isOp(")") {
		p.at += 3
		return
	}
	n := 0
	for p.ahead(n).isByte() {
		n++
	}
	if n == 8 || n == 16 {
		p.at += n
	}
}

// isByte reports whether t is two hexadecimal digits.
func (t token) isByte() bool {
	b, err := hex.DecodeString(t.text)
	return err == nil && len(b) == 1 && (t.kind == tokName || t.kind == tokNum)
}

func (p *parser) label(t token) {
	if pc, ok := p.labels[t.text]; ok {
		p.fail(t, "label %q is already at slot %d", t.text, pc)
	}
	p.labels[t.text] = p.prog.Slots()
}

// emit adds an instruction that starts at token t.
func (p *parser) emit(t token, in ir.Insn) {
	if p.err != nil {
		return
	}
	if in.Op == 0 {
		p.fail(t, "the instruction set has no such operation")
		return
	}
	p.prog.Lines = append(p.prog.Lines, ir.Line{PC: p.prog.Slots(), File: p.file, Line: p.line, Column: t.col, Text: p.text})
	p.prog.Insns = append(p.prog.Insns, in)
	if in.Row().Slots() == 2 {
		p.prog.Insns = append(p.prog.Insns, ir.Pad())
	}
}

// resolve fills in the distances to labels.
func (p *parser) resolve() {
	for _, u := range p.uses {
		in := &p.prog.Insns[u.pc]
		target, ok := p.labels[u.label.text]
		if !ok && u.suite && u.label.text == "exit" && p.first >= 0 {
			target, ok = p.first, true // the suite's implicit label
		}
		switch {
		case p.twice[u.label.text]:
			p.failAt(u.line, u.label, "label %q is ambiguous: it is declared more than once", u.label.text)
			return
		case !ok && u.helper != 0:
			*in = ir.Insn{Op: ir.OpCall(ir.CallHelper), Imm: u.helper}
			continue
		case !ok && in.Kind() == ir.KindCall:
			p.failAt(u.line, u.label, "expected a label or the name of a helper, found %q", u.label.text)
			return
		case !ok:
			p.failAt(u.line, u.label, "label %q is not defined", u.label.text)
			return
		}
		distance := int64(target) - int64(u.pc) - 1
		if in.Row().Uses&ir.UseOff == 0 {
			in.Imm = distance
			continue
		}
		if distance < math.MinInt16 || distance > math.MaxInt16 {
			p.failAt(u.line, u.label, "label %q is %d slots away, out of the reach of 16 bits; gotol reaches further", u.label.text, distance)
			return
		}
		in.Off = int16(distance)
	}
}

// functions fills Program.Funcs.
func (p *parser) functions() {
	names := map[ir.PC]string{0: p.prog.Name}
	for _, u := range p.uses {
		if target, ok := p.called(u.pc); ok {
			names[target] = u.label.text
		}
	}
	for pc := range p.prog.All() {
		target, ok := p.called(pc)
		if _, named := names[target]; ok && !named {
			names[target] = fmt.Sprintf("sub_%d", target)
		}
	}
	global := map[ir.PC]*ir.Prototype{}
	for _, f := range p.funcs {
		names[f.PC], global[f.PC] = f.Name, f.Global
	}
	for pc := range p.prog.All() {
		if name, ok := names[pc]; ok {
			p.prog.Funcs = append(p.prog.Funcs, ir.Func{Name: name, PC: pc, Global: global[pc]})
		}
	}
}

// called returns the target of the local call or function reference at pc.
func (p *parser) called(pc ir.PC) (target ir.PC, ok bool) {
	in := p.prog.Insns[pc]
	if k := in.Kind(); k != ir.KindCall && k != ir.KindLoadImm {
		return 0, false
	}
	return in.Target(pc)
}
