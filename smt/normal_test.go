package smt

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
)

// words are the variables and shorthands of the tables below.
type words struct {
	*Builder
	x, y, z, a, b Term // 64, 64, 64, 32, 32 bits
	p, q          Term // 1 bit
}

func newWords() words {
	b := NewBuilder()
	return words{b, b.Var("x", 64), b.Var("y", 64), b.Var("z", 64), b.Var("a", 32), b.Var("b", 32), b.Var("p", 1), b.Var("q", 1)}
}

func (s words) k(x int64) Term                  { return s.Const(64, uint64(x)) }
func (s words) op(o sem.BinOp, x, y Term) Term  { return s.Bin(o, s.Width(x), x, y) }
func (s words) add(x, y Term) Term              { return s.op(sem.Add, x, y) }
func (s words) sub(x, y Term) Term              { return s.op(sem.Sub, x, y) }
func (s words) mul(x, y Term) Term              { return s.op(sem.Mul, x, y) }
func (s words) and(x, y Term) Term              { return s.op(sem.And, x, y) }
func (s words) or(x, y Term) Term               { return s.op(sem.Or, x, y) }
func (s words) xor(x, y Term) Term              { return s.op(sem.Xor, x, y) }
func (s words) shl(x Term, k int64) Term        { return s.op(sem.Shl, x, s.Const(s.Width(x), uint64(k))) }
func (s words) shr(x Term, k int64) Term        { return s.op(sem.LShr, x, s.Const(s.Width(x), uint64(k))) }
func (s words) sar(x Term, k int64) Term        { return s.op(sem.AShr, x, s.Const(s.Width(x), uint64(k))) }
func (s words) low(x Term) Term                 { return s.Resize(x, 64, 32, false) }
func (s words) zext(x Term) Term                { return s.Resize(x, s.Width(x), 64, false) }
func (s words) sext(x Term) Term                { return s.Resize(x, s.Width(x), 64, true) }
func (s words) cmp(o sem.CmpOp, x, y Term) Term { return s.Cmp(o, s.Width(x), x, y) }
func (s words) byteAt(x Term, i int) Term       { return s.Extract(x, ir.Width(8*i+7), ir.Width(8*i)) }

// bytes takes a word apart and puts it together, as memory does.
func (s words) bytes(x Term) Term {
	out := s.byteAt(x, int(s.Width(x))/8-1)
	for i := int(s.Width(x))/8 - 2; i >= 0; i-- {
		out = s.Concat(out, s.byteAt(x, i))
	}
	return out
}

// TestNormalForm lists pairs of terms that are the same term.
func TestNormalForm(t *testing.T) {
	s := newWords()
	x, y, z, a, b := s.x, s.y, s.z, s.a, s.b
	divided := s.Ite(s.Eq(y, s.k(0)), s.k(0), s.op(sem.UDiv, x, y))
	for name, pair := range map[string][2]Term{
		"offset there and back":   {s.sub(s.add(x, s.k(8)), s.k(8)), x},
		"base and offsets":        {s.add(s.add(x, s.k(-16)), s.add(y, s.k(12))), s.add(y, s.sub(x, s.k(4)))},
		"scaled index":            {s.add(x, s.shl(y, 3)), s.add(s.mul(y, s.k(8)), x)},
		"distribution":            {s.mul(x, s.add(y, z)), s.add(s.mul(z, x), s.mul(x, y))},
		"multiplication order":    {s.mul(s.mul(x, y), z), s.mul(x, s.mul(z, y))},
		"square of a sum":         {s.mul(s.add(x, y), s.add(x, y)), s.add(s.add(s.mul(x, x), s.shl(s.mul(x, y), 1)), s.mul(y, y))},
		"negation is not and one": {s.sub(s.k(0), x), s.add(s.Not(x), s.k(1))},
		"not by xor":              {s.xor(x, s.k(-1)), s.sub(s.k(-1), x)},
		"shift and add":           {s.add(s.mul(s.and(x, s.k(1)), y), s.mul(s.shr(x, 1), s.shl(y, 1))), s.mul(x, y)},
		"mask is extension":       {s.and(x, s.k(0xffffffff)), s.zext(s.low(x))},
		"shifts are extension":    {s.shr(s.shl(x, 32), 32), s.zext(s.low(x))},
		"shifts are sign":         {s.sar(s.shl(x, 32), 32), s.sext(s.low(x))},
		"truncated extension":     {s.low(s.zext(a)), a},
		"truncated sum":           {s.low(s.add(s.zext(a), s.sext(b))), s.add(a, b)},
		"truncated product":       {s.low(s.mul(x, y)), s.mul(s.low(x), s.low(y))},
		"bytes":                   {s.bytes(x), x},
		"bytes of a sum":          {s.bytes(s.add(x, s.mul(y, s.k(3)))), s.add(x, s.mul(y, s.k(3)))},
		"bytes of a difference":   {s.bytes(s.Not(s.and(x, y))), s.Not(s.and(x, y))},
		"bytes of a choice":       {s.bytes(divided), divided},
		"bytes of a sign":         {s.bytes(s.sext(a)), s.sext(a)},
		"bytes of zero":           {s.bytes(s.zext(s.add(a, b))), s.zext(s.add(a, b))},
		"swap twice":              {sem.Swap(s.Builder, ir.BSwap, 64, sem.Swap(s.Builder, ir.BSwap, 64, x)), x},
		"or of halves":            {s.or(s.and(x, s.k(0xff00)), s.and(x, s.k(0xff))), s.and(x, s.k(0xffff))},
		"or of shifted":           {s.or(s.shl(s.zext(a), 32), s.zext(b)), s.Concat(a, b)},
		"xor twice":               {s.xor(s.xor(x, y), x), y},
		"and itself":              {s.and(s.and(x, y), x), s.and(y, x)},
		"mask of a shift amount":  {s.op(sem.Shl, x, s.and(y, s.k(63))), s.op(sem.Shl, x, s.and(s.zext(s.byteAt(y, 0)), s.k(63)))},
		"remainder by 8":          {s.op(sem.URem, x, s.k(8)), s.and(x, s.k(7))},
		"division by 8":           {s.op(sem.UDiv, x, s.k(8)), s.shr(x, 3)},
		"equality moves terms":    {s.Eq(s.add(x, s.k(8)), s.add(y, s.k(8))), s.Eq(x, y)},
		"difference is zero":      {s.Eq(s.sub(x, y), s.k(0)), s.Eq(y, x)},
		"odd factor":              {s.Eq(s.mul(x, s.k(3)), s.k(21)), s.Eq(x, s.k(7))},
		"unequal by offset":       {s.Eq(s.add(x, s.k(1)), x), s.Bool(false)},
		"unequal by known bits":   {s.Eq(s.shl(x, 3), s.add(s.shl(y, 4), s.k(4))), s.Bool(false)},
		"narrow equality":         {s.Eq(s.zext(a), s.zext(b)), s.Eq(a, b)},
		"narrow order":            {s.cmp(sem.ULT, s.zext(a), s.zext(b)), s.cmp(sem.ULT, a, b)},
		"narrow signed order":     {s.cmp(sem.SLT, s.sext(a), s.sext(b)), s.cmp(sem.SLT, a, b)},
		"out of range":            {s.cmp(sem.ULT, s.zext(a), s.k(1<<32)), s.Bool(true)},
		"opposite":                {s.cmp(sem.UGE, x, y), s.Not(s.cmp(sem.ULT, x, y))},
		"flip":                    {s.cmp(sem.SGT, x, y), s.cmp(sem.SLT, y, x)},
		"at most is below":        {s.cmp(sem.ULE, x, s.k(7)), s.cmp(sem.ULT, x, s.k(8))},
		"sign bit":                {s.cmp(sem.SLT, x, s.k(0)), s.Extract(x, 63, 63)},
		"test of a flag":          {s.Eq(s.zext(s.p), s.k(0)), s.Not(s.p)},
		"flag from a choice":      {s.Eq(s.Ite(s.p, s.k(3), s.k(5)), s.k(3)), s.p},
		"choice of flags":         {s.Ite(s.p, s.k(1), s.k(0)), s.zext(s.p)},
		"choice of the same":      {s.Ite(s.p, s.add(x, y), s.add(y, x)), s.add(x, y)},
		"nested choice":           {s.Ite(s.p, s.Ite(s.p, x, y), z), s.Ite(s.p, x, z)},
		"negated choice":          {s.Ite(s.Not(s.p), x, y), s.Ite(s.p, y, x)},
		"De Morgan":               {s.Not(s.And(s.p, s.q)), s.Or(s.Not(s.q), s.Not(s.p))},
		"excluded middle":         {s.Or(s.p, s.Not(s.p)), s.Bool(true)},
		"implies itself":          {s.Implies(s.And(s.p, s.q), s.And(s.q, s.p)), s.Bool(true)},
		"absorption":              {s.And(s.p, s.Not(s.And(s.p, s.q))), s.And(s.p, s.Not(s.q))},
		"function of equals":      {s.Apply("f", 64, s.add(x, s.k(0))), s.Apply("f", 64, x)},
	} {
		require.Equal(t, s.String(pair[1]), s.String(pair[0]), name)
		require.Equal(t, pair[1], pair[0], name)
	}
}

func TestString(t *testing.T) {
	s := newWords()
	for want, term := range map[string]Term{
		"x + (0x8 * y) + 0x4":     s.add(s.add(s.x, s.shl(s.y, 3)), s.k(4)),
		"x - 1":                   s.sub(s.x, s.k(1)),
		"0x0:32 ++ x[31:0]":       s.and(s.x, s.k(0xffffffff)),
		"ite(p, x, f(y, a))":      s.Ite(s.p, s.x, s.Apply("f", 64, s.y, s.a)),
		"~(x <u y) & (x == z)":    s.And(s.cmp(sem.UGE, s.x, s.y), s.Eq(s.x, s.z)),
		"sext64(a)":               s.sext(s.a),
		"z ^ (x & y)":             s.xor(s.and(s.x, s.y), s.z),
		"(x >>u y) %u z":          s.op(sem.URem, s.op(sem.LShr, s.x, s.y), s.z),
		"p":                       s.p,
		"(x[7:0] + 0x2) ++ 0x1:8": s.Concat(s.add(s.byteAt(s.x, 0), s.Const(8, 2)), s.Const(8, 1)),
	} {
		require.Equal(t, want, s.String(term))
	}
	t1 := s.x
	for i := range 20 {
		t1 = s.op(sem.UDiv, s.xor(t1, s.y), s.add(t1, s.k(int64(i))))
	}
	require.Contains(t, s.String(t1), "let t")
	require.Less(t, len(s.String(t1)), 3000, "shared terms are written once")
}

func TestMisuse(t *testing.T) {
	b := NewBuilder()
	x := b.Var("x", 8)
	for want, f := range map[string]func(){
		"smt: make word of 65 bits: the width is not in 1..64": func() { b.Const(65, 0) },
		"smt: make word of 0 bits: the width is not in 1..64":  func() { b.Var("y", 0) },
		"smt: add of 16 bits: argument has 8 bits":             func() { b.Bin(sem.Add, 16, x, x) },
		"smt: eq of 1 bits: argument has 8 bits":               func() { b.Cmp(sem.EQ, 1, x, x) },
		"smt: ite of 1 bits: argument has 8 bits":              func() { b.Ite(x, x, x) },
		"smt: extract bits 8..0: the word has 8 bits":          func() { b.Extract(x, 8, 0) },
		"smt: make word of 72 bits: the width is not in 1..64": func() { b.Concat(x, b.Var("z", 64)) },
		`smt: use symbol "x": it has two sorts`:                func() { b.Var("x", 16) },
		"smt: use of term 0: not a term of this Builder":       func() { b.Not(Term{}) },
		"smt: use of term 99: not a term of this Builder":      func() { b.Eq(x, Term{99}) },
	} {
		require.PanicsWithValue(t, want, f)
	}
	b.Apply("g", 8, x)
	require.Panics(t, func() { b.Apply("g", 8, x, x) })
	require.Panics(t, func() { b.Apply("g", 8, b.Var("w", 16)) })
}

// TestDeep holds that depth costs neither the stack nor more than linear time.
func TestDeep(t *testing.T) {
	b := NewBuilder()
	x, y := b.Var("x", 64), b.Var("y", 64)
	n := 50_000
	for i := range n {
		x = b.Bin(sem.Xor, 64, b.Bin(sem.Add, 64, x, y), b.Const(64, uint64(i)|1<<20))
		x = b.Bin(sem.UDiv, 64, x, y)
	}
	require.Greater(t, b.Stats(x).Height, n)
	m := NewModel()
	m.Set("x", 1<<63)
	m.Set("y", 3)
	want := uint64(1 << 63)
	for i := range n {
		want = ((want + 3) ^ (uint64(i) | 1<<20)) / 3
	}
	require.Equal(t, want, m.Eval(b, x))
	low := b.Extract(x, 31, 0)
	require.Equal(t, want&0xffffffff, m.Eval(b, low))
	require.NotEmpty(t, b.String(x))

	c := b.Bool(true)
	for i := range 20_000 {
		c = b.And(c, b.Var(fmt.Sprintf("p%d", i), 1))
	}
	require.LessOrEqual(t, b.Stats(c).Edges, 60_000, "long conjunctions do not grow quadratically")
	for i := range 500 { // nor do sums
		y = b.Bin(sem.Add, 64, y, b.Var(fmt.Sprintf("w%d", i), 64))
	}
	require.LessOrEqual(t, b.Stats(y).Terms, 2000)
}

func TestStats(t *testing.T) {
	s := newWords()
	u := s.mul(s.add(s.x, s.y), s.Apply("f", 64, s.x))
	require.Equal(t, Stats{Terms: 6, Edges: 7, Height: 3, Vars: 2, Applies: 1, Multiply: 2}, s.Stats(u, s.x), s.String(u))
	require.Equal(t, []Symbol{{"x", Sort{Result: 64}}, {"f", Sort{[]ir.Width{64}, 64}}}, []Symbol{s.Symbols()[0], s.Symbols()[7]})
}
