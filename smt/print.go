package smt

import (
	"fmt"
	"strings"
)

// letAbove is the number of terms from which String names shared terms.
const letAbove = 24

// String returns the term in infix notation: "x[31:0] + 0x8", "a ++ b" for
// concatenation, <u and <s for the comparisons. In a large term, what is used
// more than once is written once, as "let t5 = ...; ".
func (b *Builder) String(t Term) string {
	list := b.reachable([]Term{t}, nil)
	uses := map[Term]int{}
	for _, x := range list {
		for _, a := range b.Args(x) {
			uses[a]++
		}
	}
	text := map[Term]string{}
	var sb strings.Builder
	for _, x := range list {
		s := b.format(x, text)
		shared := uses[x] > 1 && len(list) > letAbove || len(s) > 2000
		if op := b.Op(x); shared && op != OpConst && op != OpVar && x != t {
			name := fmt.Sprintf("t%d", x.id)
			fmt.Fprintf(&sb, "let %s = %s; ", name, s)
			s = name
		}
		text[x] = s
	}
	sb.WriteString(outer(text[t]))
	return sb.String()
}

// outer drops one pair of brackets around the whole.
func outer(s string) string {
	if !strings.HasPrefix(s, "(") {
		return s
	}
	depth := 0
	for i, c := range s {
		switch c {
		case '(':
			depth++
		case ')':
			depth--
		}
		if depth == 0 && i < len(s)-1 {
			return s
		}
	}
	return s[1 : len(s)-1]
}

var infix = map[Op]string{OpAdd: " + ", OpMul: " * ", OpUDiv: " /u ", OpURem: " %u ", OpSDiv: " /s ", OpSRem: " %s ",
	OpAnd: " & ", OpOr: " | ", OpXor: " ^ ", OpShl: " << ", OpLShr: " >>u ", OpAShr: " >>s ", OpConcat: " ++ ",
	OpEq: " == ", OpULT: " <u ", OpSLT: " <s "}

func (b *Builder) format(t Term, text map[Term]string) string {
	n := b.at(t)
	args := make([]string, 0, n.n)
	for _, a := range b.Args(t) {
		s := text[a]
		if n.op == OpConcat && b.Op(a) == OpConst { // the width of a part matters
			s = fmt.Sprintf("%s:%d", s, b.Width(a))
		}
		args = append(args, s)
	}
	switch n.op {
	case OpConst:
		if n.w > 8 && n.val > n.w.Mask()-4096 {
			return fmt.Sprintf("%d", n.w.SignExtend(n.val))
		}
		return fmt.Sprintf("%#x", n.val)
	case OpVar:
		return b.symbols[n.val].Name
	case OpApply:
		return b.symbols[n.val].Name + "(" + strings.Join(args, ", ") + ")"
	case OpNot:
		return "~" + args[0]
	case OpExtract:
		hi, lo := b.Range(t)
		return fmt.Sprintf("%s[%d:%d]", args[0], hi, lo)
	case OpSignExt:
		return fmt.Sprintf("sext%d(%s)", n.w, args[0])
	case OpIte:
		return "ite(" + strings.Join(args, ", ") + ")"
	}
	s := "(" + strings.Join(args, infix[n.op]) + ")"
	if n.op == OpAdd {
		s = strings.ReplaceAll(s, "+ -", "- ") // a negative constant
	}
	return s
}
