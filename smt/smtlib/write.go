package smtlib

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/smt"
)

// Write writes a script that asks whether the assertions, terms of one bit,
// can hold together. The title becomes a comment.
func Write(w io.Writer, b *smt.Builder, title string, assertions ...smt.Term) error {
	buf := bufio.NewWriter(w)
	for _, line := range strings.Split(title, "\n") {
		fmt.Fprintf(buf, "; %s\n", line)
	}
	fmt.Fprintln(buf, "(set-logic QF_UFBV)")
	p := newPrinter(b)
	p.define(buf, assertions...)
	for _, t := range assertions {
		fmt.Fprintf(buf, "(assert %s)\n", p.text[t])
	}
	fmt.Fprintln(buf, "(check-sat)")
	if err := buf.Flush(); err != nil {
		return fmt.Errorf("smtlib: write script: %w", err)
	}
	return nil
}

const maxText = 400 // bytes of an expression, above which it gets a name

// printer writes terms, and remembers what it has written.
type printer struct {
	b        *smt.Builder
	text     map[smt.Term]string // how a term is written from here on
	declared map[string]bool
}

func newPrinter(b *smt.Builder) *printer {
	return &printer{b: b, text: map[smt.Term]string{}, declared: map[string]bool{}}
}

// define writes the declarations and definitions that the roots need and that
// have not been written yet. They are valid in every scope if written outside
// all.
func (p *printer) define(w io.Writer, roots ...smt.Term) {
	var fresh []smt.Term
	uses := map[smt.Term]int{}
	for t := range p.b.TermsBut(func(t smt.Term) bool { return p.text[t] != "" }, roots...) {
		fresh = append(fresh, t)
		for _, a := range p.b.Args(t) {
			uses[a]++
		}
	}
	for _, t := range roots {
		uses[t]++
	}
	for _, t := range fresh {
		s, op := p.expr(w, t), p.b.Op(t)
		if op != smt.OpConst && op != smt.OpVar && op != smt.OpApply && (uses[t] > 1 || len(s) > maxText) {
			name := fmt.Sprintf("?%d", t.ID())
			fmt.Fprintf(w, "(define-fun %s () %s %s)\n", name, sortOf(p.b.Width(t)), s)
			s = name
		}
		p.text[t] = s
	}
}

func (p *printer) declare(w io.Writer, s smt.Symbol) string {
	name := quote(s.Name)
	if p.declared[name] {
		return name
	}
	p.declared[name] = true
	args := make([]string, len(s.Sort.Args))
	for i, a := range s.Sort.Args {
		args[i] = sortOf(a)
	}
	fmt.Fprintf(w, "(declare-fun %s (%s) %s)\n", name, strings.Join(args, " "), sortOf(s.Sort.Result))
	return name
}

// expr returns the expression of a term whose arguments have a text.
func (p *printer) expr(w io.Writer, t smt.Term) string {
	b := p.b
	args := make([]string, 0, 8)
	for _, a := range b.Args(t) {
		s := p.text[a]
		if b.Op(t) == smt.OpConcat && b.Width(a) == ir.W1 {
			s = "(ite " + s + " #b1 #b0)"
		}
		args = append(args, s)
	}
	switch op := b.Op(t); op {
	case smt.OpConst:
		x, _ := b.ConstValue(t)
		return constant(b.Width(t), x)
	case smt.OpVar:
		return p.declare(w, b.Symbol(t))
	case smt.OpApply:
		// A name for the value, so that a model can be asked for it.
		f, name := p.declare(w, b.Symbol(t)), fmt.Sprintf("?%d", t.ID())
		fmt.Fprintf(w, "(declare-fun %s () %s)\n(assert (= %s %s))\n", name, sortOf(b.Width(t)), name, apply(f, args))
		return name
	case smt.OpExtract:
		hi, lo := b.Range(t)
		s := fmt.Sprintf("((_ extract %d %d) %s)", hi, lo, args[0])
		if hi == lo {
			return "(= " + s + " #b1)"
		}
		return s
	case smt.OpSignExt:
		return fmt.Sprintf("((_ sign_extend %d) %s)", b.Width(t)-b.Width(b.Args(t)[0]), args[0])
	default:
		if b.Width(t) == ir.W1 && boolNames[op] != "" {
			return apply(boolNames[op], args) // n-ary in the language
		}
		if len(args) < 3 || op == smt.OpIte {
			return apply(wordNames[op], args)
		}
		s := args[0]
		for _, a := range args[1:] { // not every solver takes more than two
			s = apply(wordNames[op], []string{s, a})
		}
		return s
	}
}

var boolNames = map[smt.Op]string{smt.OpAnd: "and", smt.OpXor: "xor", smt.OpNot: "not"}

var wordNames = map[smt.Op]string{smt.OpAdd: "bvadd", smt.OpMul: "bvmul", smt.OpUDiv: "bvudiv", smt.OpURem: "bvurem",
	smt.OpSDiv: "bvsdiv", smt.OpSRem: "bvsrem", smt.OpAnd: "bvand", smt.OpOr: "bvor", smt.OpXor: "bvxor",
	smt.OpNot: "bvnot", smt.OpShl: "bvshl", smt.OpLShr: "bvlshr", smt.OpAShr: "bvashr", smt.OpConcat: "concat",
	smt.OpIte: "ite", smt.OpEq: "=", smt.OpULT: "bvult", smt.OpSLT: "bvslt"}

func apply(f string, args []string) string { return "(" + f + " " + strings.Join(args, " ") + ")" }

func sortOf(w ir.Width) string {
	if w == ir.W1 {
		return "Bool"
	}
	return fmt.Sprintf("(_ BitVec %d)", w)
}

func constant(w ir.Width, x uint64) string {
	switch {
	case w == ir.W1:
		return fmt.Sprint(x == 1)
	case w%4 == 0:
		return fmt.Sprintf("#x%0*x", w/4, x)
	}
	return fmt.Sprintf("#b%0*b", w, x)
}

// quote writes a name as a simple symbol (3.1 of the standard); different
// names stay different.
func quote(name string) string {
	var sb strings.Builder
	sb.WriteByte('$')
	for i := range len(name) {
		c := name[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("~!@$^&*_-+=<>.?/", c) >= 0 {
			sb.WriteByte(c)
		} else {
			fmt.Fprintf(&sb, "%%%02x", c)
		}
	}
	return sb.String()
}
