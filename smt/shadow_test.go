package smt

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
)

// tree is a term before simplification: what the rewrite rules are compared
// with. It is evaluated by sem.Concrete, never by the Builder.
type tree struct {
	op   string // bin, cmp, resize, extract, concat, not, ite, const, var, apply
	bin  sem.BinOp
	cmp  sem.CmpOp
	w    ir.Width // of the result
	arg  uint64   // constant; index of a variable; lo of an extraction; 1 for a signed resize
	kids []*tree

	under *Model // the value below is the one under this model
	value uint64
}

func (t *tree) String() string {
	name := t.op
	switch t.op {
	case "bin":
		name = t.bin.String()
	case "cmp":
		name = t.cmp.String()
	}
	kids := make([]string, len(t.kids))
	for i, k := range t.kids {
		kids[i] = k.String()
	}
	return fmt.Sprintf("%s:%d/%#x(%s)", name, t.w, t.arg, strings.Join(kids, ", "))
}

func varName(w ir.Width, i uint64) string { return fmt.Sprintf("v%d_%d", w, i) }

func (t *tree) build(b *Builder) Term {
	k := make([]Term, len(t.kids))
	for i, kid := range t.kids {
		k[i] = kid.build(b)
	}
	switch t.op {
	case "const":
		return b.Const(t.w, t.arg)
	case "var":
		return b.Var(varName(t.w, t.arg), t.w)
	case "apply":
		return b.Apply(fmt.Sprintf("f%d_%d", t.w, b.Width(k[0])), t.w, k...)
	case "bin":
		return b.Bin(t.bin, t.w, k[0], k[1])
	case "cmp":
		return b.Cmp(t.cmp, t.kids[0].w, k[0], k[1])
	case "resize":
		return b.Resize(k[0], t.kids[0].w, t.w, t.arg == 1)
	case "extract":
		return b.Extract(k[0], ir.Width(t.arg)+t.w-1, ir.Width(t.arg))
	case "concat":
		return b.Concat(k[0], k[1])
	case "not":
		return b.Not(k[0])
	}
	return b.Ite(k[0], k[1], k[2])
}

func (t *tree) eval(m *Model) uint64 {
	if t.under != m { // trees share subtrees
		t.under, t.value = m, t.evalNew(m)
	}
	return t.value
}

func (t *tree) evalNew(m *Model) uint64 {
	var args [3]uint64
	k := args[:len(t.kids)]
	for i, kid := range t.kids {
		k[i] = kid.eval(m)
	}
	c := sem.Concrete{}
	switch t.op {
	case "const":
		return t.arg & t.w.Mask()
	case "var":
		x, _ := m.Value(varName(t.w, t.arg))
		return x & t.w.Mask()
	case "apply":
		x, _ := m.Apply(fmt.Sprintf("f%d_%d", t.w, t.kids[0].w), k...)
		return x & t.w.Mask()
	case "bin":
		return c.Bin(t.bin, t.w, k[0], k[1])
	case "cmp":
		return c.Cmp(t.cmp, t.kids[0].w, k[0], k[1])
	case "resize":
		return c.Resize(k[0], t.kids[0].w, t.w, t.arg == 1)
	case "extract":
		return k[0] >> t.arg & t.w.Mask()
	case "concat":
		return k[0]<<t.kids[1].w | k[1]
	case "not":
		return ^k[0] & t.w.Mask()
	}
	return c.Ite(k[0], k[1], k[2])
}

// widths are where rules meet their edge cases.
var widths = []ir.Width{1, 2, 3, 4, 7, 8, 16, 31, 32, 33, 63, 64}

// interesting draws words that masks, sign bits and carries depend on.
func interesting(w ir.Width) *rapid.Generator[uint64] {
	return rapid.Custom(func(t *rapid.T) uint64 {
		switch rapid.IntRange(0, 5).Draw(t, "kind") {
		case 0:
			return uint64(rapid.Int64Range(-9, 9).Draw(t, "small")) & w.Mask()
		case 1:
			return uint64(1) << rapid.Uint64Range(0, uint64(w-1)).Draw(t, "bit")
		case 2:
			return (uint64(1)<<rapid.Uint64Range(0, uint64(w-1)).Draw(t, "bit") - 1)
		case 3:
			lo := rapid.Uint64Range(0, uint64(w-1)).Draw(t, "lo")
			return w.Mask() << lo & w.Mask()
		case 4:
			return (w.SignBit() + uint64(rapid.Int64Range(-2, 2).Draw(t, "sign"))) & w.Mask()
		}
		return rapid.Uint64().Draw(t, "word") & w.Mask()
	})
}

// genTree draws a tree of w bits.
func genTree(t *rapid.T, w ir.Width, depth int) *tree {
	if depth == 0 {
		if rapid.IntRange(0, 2).Draw(t, "leaf") == 0 {
			return &tree{op: "const", w: w, arg: interesting(w).Draw(t, "const")}
		}
		return &tree{op: "var", w: w, arg: rapid.Uint64Range(0, 2).Draw(t, "var")}
	}
	sub := func(w ir.Width) *tree { return genTree(t, w, rapid.IntRange(0, depth-1).Draw(t, "depth")) }
	other := rapid.SampledFrom(widths).Draw(t, "width")
	kind := rapid.IntRange(0, 11).Draw(t, "kind")
	switch {
	case w == 1 && kind >= 8:
		return &tree{op: "cmp", w: 1, cmp: rapid.SampledFrom(sem.CmpOps()).Draw(t, "cmp"), kids: []*tree{sub(other), sub(other)}}
	case kind == 0:
		return &tree{op: "not", w: w, kids: []*tree{sub(w)}}
	case kind == 1:
		return &tree{op: "ite", w: w, kids: []*tree{sub(1), sub(w), sub(w)}}
	case kind == 2:
		return &tree{op: "resize", w: w, arg: rapid.Uint64Range(0, 1).Draw(t, "signed"), kids: []*tree{sub(other)}}
	case kind == 3 && w > 1:
		lo := rapid.Uint64Range(1, uint64(w-1)).Draw(t, "split")
		return &tree{op: "concat", w: w, kids: []*tree{sub(w - ir.Width(lo)), sub(ir.Width(lo))}}
	case kind == 4 && other >= w:
		return &tree{op: "extract", w: w, arg: rapid.Uint64Range(0, uint64(other-w)).Draw(t, "lo"), kids: []*tree{sub(other)}}
	case kind == 5 && depth > 2:
		return &tree{op: "apply", w: w, kids: []*tree{sub(other)}}
	}
	op := sem.BinOp(rapid.IntRange(int(sem.Add), int(sem.AShr)).Draw(t, "op"))
	return &tree{op: "bin", w: w, bin: op, kids: []*tree{sub(w), sub(w)}}
}

// checkTree compares the simplified term with the tree under one assignment,
// and the known bits of every term under it with its value.
func checkTree(t require.TestingT, b *Builder, tr *tree, term Term, m *Model) {
	got, want := m.Eval(b, term), tr.eval(m)
	if got != want {
		require.Failf(t, "simplified term has another value", "tree %v\nterm %s\nunder %v\ngot %#x, want %#x",
			tr, b.String(term), m, got, want)
	}
}

func checkKnown(t require.TestingT, b *Builder, m *Model) {
	all := make([]Term, 0, b.Len())
	for id := 1; id <= b.Len(); id++ {
		all = append(all, Term{int32(id)})
	}
	for i, x := range b.Eval(m, all...) {
		k := b.nodes[all[i].id].known
		if x&k.zero != 0 || ^x&k.one != 0 {
			require.Failf(t, "known bits are wrong", "term %s\nunder %v\nvalue %#x, known %+v", b.String(all[i]), m, x, k)
		}
	}
}

// checkForm holds what the documentation of Op promises to translators.
func checkForm(t require.TestingT, b *Builder) {
	bit := map[Op]bool{OpConst: true, OpVar: true, OpApply: true, OpAnd: true, OpXor: true, OpNot: true, OpExtract: true,
		OpIte: true, OpEq: true, OpULT: true, OpSLT: true}
	arity := map[Op][2]int{OpConst: {0, 0}, OpVar: {0, 0}, OpApply: {1, 99}, OpAdd: {2, 99}, OpMul: {2, 99}, OpAnd: {2, 99},
		OpOr: {2, 99}, OpXor: {2, 99}, OpConcat: {2, 64}, OpNot: {1, 1}, OpExtract: {1, 1}, OpSignExt: {1, 1}, OpIte: {3, 3},
		OpUDiv: {2, 2}, OpURem: {2, 2}, OpSDiv: {2, 2}, OpSRem: {2, 2}, OpShl: {2, 2}, OpLShr: {2, 2}, OpAShr: {2, 2},
		OpEq: {2, 2}, OpULT: {2, 2}, OpSLT: {2, 2}}
	for id := 1; id <= b.Len(); id++ {
		x := Term{int32(id)}
		op, w, args := b.Op(x), b.Width(x), b.Args(x)
		ok := (w > 1 || bit[op]) && len(args) >= arity[op][0] && len(args) <= arity[op][1]
		total, same := ir.Width(0), true
		for i, a := range args {
			ok = ok && a.id < x.id && (op != OpMul || i == 0 || b.Op(a) != OpConst)
			total, same = total+b.Width(a), same && b.Width(a) == b.Width(args[0])
		}
		switch op {
		case OpConcat:
			ok = ok && total == w
		case OpEq, OpULT, OpSLT:
			ok = ok && same && w == 1 && b.Width(args[0]) > 1
		case OpExtract:
			hi, lo := b.Range(x)
			ok = ok && hi < b.Width(args[0]) && hi-lo+1 == w && w < b.Width(args[0])
		case OpSignExt:
			ok = ok && b.Width(args[0]) > 1 && b.Width(args[0]) < w
		case OpIte:
			ok = ok && b.Width(args[0]) == 1 && b.Width(args[1]) == w && b.Width(args[2]) == w
		case OpConst, OpVar, OpApply:
		default:
			ok = ok && same && b.Width(args[0]) == w
		}
		if !ok {
			require.Failf(t, "term is not in the documented form", "%s: %v of %d bits", b.String(x), op, w)
		}
	}
}

func TestRulesRandom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for range rapid.IntRange(1, 16).Draw(t, "trees") {
			checkRandom(t)
		}
	})
}

func checkRandom(t *rapid.T) {
	b := NewBuilder()
	tr := genTree(t, rapid.SampledFrom(widths).Draw(t, "w"), 5)
	term := tr.build(b)
	require.Equal(t, tr.w, b.Width(term))
	require.Equal(t, term, tr.build(b), "building twice gives another term")
	checkForm(t, b)
	for range 6 {
		m := NewModel()
		for _, s := range b.Symbols() {
			if len(s.Sort.Args) == 0 {
				m.Set(s.Name, interesting(s.Sort.Result).Draw(t, s.Name))
			}
		}
		checkTree(t, b, tr, term, m)
		checkKnown(t, b, m)
	}
}

// TestRulesExhaustive builds every term of two operations over two variables
// and constants of a small width, and compares under all assignments.
func TestRulesExhaustive(t *testing.T) {
	for _, w := range []ir.Width{1, 2, 3} {
		t.Run(fmt.Sprintf("w=%d", w), func(t *testing.T) { exhaust(t, w) })
	}
}

func exhaust(t *testing.T, w ir.Width) {
	b := NewBuilder()
	leaves := []*tree{{op: "var", w: w, arg: 0}, {op: "var", w: w, arg: 1}}
	for x := uint64(0); x <= w.Mask(); x++ {
		leaves = append(leaves, &tree{op: "const", w: w, arg: x})
	}
	first, second := leaves, leaves
	if w > 1 { // all would be millions; the second operand is a variable, 1, the least or the greatest but one
		first = []*tree{leaves[0], leaves[1], {op: "const", w: w, arg: 1}, {op: "const", w: w, arg: w.SignBit()}}
		second = []*tree{leaves[0], {op: "const", w: w, arg: w.Mask() - 1}}
	}
	one := operations(w, leaves, first)
	var models []*Model
	for x := uint64(0); x <= w.Mask(); x++ {
		for y := uint64(0); y <= w.Mask(); y++ {
			m := NewModel()
			m.Set(varName(w, 0), x)
			m.Set(varName(w, 1), y)
			models = append(models, m)
		}
	}
	// Checking many trees at a time evaluates shared terms once per model.
	var trees []*tree
	var terms []Term
	for _, tr := range operations(w, one, second) {
		trees, terms = append(trees, tr), append(terms, tr.build(b))
	}
	t.Logf("%d trees, %d terms", len(trees), b.Len())
	checkForm(t, b)
	for _, m := range models {
		for i, got := range b.Eval(m, terms...) {
			if want := trees[i].eval(m); got != want {
				require.Failf(t, "simplified term has another value", "tree %v\nterm %s\nunder %v\ngot %#x, want %#x",
					trees[i], b.String(terms[i]), m, got, want)
			}
		}
		checkKnown(t, b, m)
	}
}

// operations lists every operation of w bits on operands from xs and ys; what
// does not have w bits is brought back to them.
func operations(w ir.Width, xs, ys []*tree) []*tree {
	var out []*tree
	for _, x := range xs {
		out = append(out, &tree{op: "not", w: w, kids: []*tree{x}})
		for _, to := range []ir.Width{1, w - 1, w + 1, 2 * w} {
			for signed := uint64(0); signed < 2 && to > 0; signed++ {
				r := &tree{op: "resize", w: to, arg: signed, kids: []*tree{x}}
				out = append(out, &tree{op: "resize", w: w, arg: 1, kids: []*tree{r}})
			}
		}
		for lo := ir.Width(0); lo < w; lo++ {
			e := &tree{op: "extract", w: w - lo, arg: uint64(lo), kids: []*tree{x}}
			out = append(out, &tree{op: "resize", w: w, arg: uint64(lo & 1), kids: []*tree{e}})
		}
		for _, y := range ys {
			for op := sem.Add; op <= sem.AShr; op++ {
				out = append(out, &tree{op: "bin", bin: op, w: w, kids: []*tree{x, y}}, &tree{op: "bin", bin: op, w: w, kids: []*tree{y, x}})
			}
			for _, op := range sem.CmpOps() {
				c := &tree{op: "cmp", cmp: op, w: 1, kids: []*tree{x, y}}
				out = append(out, &tree{op: "ite", w: w, kids: []*tree{c, x, y}}, &tree{op: "resize", w: w, kids: []*tree{c}})
			}
			c := &tree{op: "concat", w: 2 * w, kids: []*tree{x, y}}
			out = append(out, &tree{op: "extract", w: w, arg: uint64(w / 2), kids: []*tree{c}})
		}
	}
	return out
}
