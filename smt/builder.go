package smt

import (
	"fmt"
	"slices"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
)

// Builder makes terms. It is not safe for use by several goroutines while one
// of them makes terms; reading (and solving) from several is.
//
// A width outside 1..64, an argument of another width than the operation
// names, a term of another Builder and a symbol used with two sorts are errors
// of the programmer and panic.
type Builder struct {
	nodes   []node
	args    []Term
	table   []int32 // open addressing; 0 is free
	symbols []Symbol
	names   map[string]int
	slices  map[sliceKey]Term // results of extractions that were pushed inwards
	monos   []monomial        // scratch
	terms   []Term            // scratch
	journal *journal          // what was asked for; nil unless Record was called
}

var _ sem.Algebra[Term] = (*Builder)(nil)

// NewBuilder returns a Builder without terms.
func NewBuilder() *Builder {
	return &Builder{
		nodes:  make([]node, 1, 256),
		table:  make([]int32, 512),
		names:  map[string]int{},
		slices: map[sliceKey]Term{},
	}
}

// Len returns the number of terms made so far.
func (b *Builder) Len() int { return len(b.nodes) - 1 }

// Symbols returns the variables and functions in the order they were made.
func (b *Builder) Symbols() []Symbol { return slices.Clone(b.symbols) }

// Var returns the variable with the given name. The same name with another
// width panics.
func (b *Builder) Var(name string, w ir.Width) Term {
	checkWidth(w)
	return b.node(OpVar, w, b.symbol(name, w, nil))
}

// Apply returns the uninterpreted function of the given name, with a result of
// w bits, applied to args: equal arguments give equal results, and nothing
// else is known. Without arguments it is the variable of that name. The same
// name with other widths panics.
func (b *Builder) Apply(name string, w ir.Width, args ...Term) Term {
	if len(args) == 0 {
		return b.Var(name, w)
	}
	checkWidth(w)
	return b.node(OpApply, w, b.symbol(name, w, args), args...)
}

func (b *Builder) symbol(name string, w ir.Width, args []Term) uint64 {
	at, ok := b.names[name]
	if !ok {
		at = len(b.symbols)
		b.names[name] = at
		s := Symbol{Name: name, Sort: Sort{Result: w}}
		for _, a := range args {
			s.Sort.Args = append(s.Sort.Args, b.Width(a))
		}
		b.symbols = append(b.symbols, s)
		return uint64(at)
	}
	have := b.symbols[at].Sort
	same := have.Result == w && len(have.Args) == len(args)
	for i := 0; same && i < len(args); i++ {
		same = have.Args[i] == b.Width(args[i])
	}
	if !same {
		panic(fmt.Sprintf("smt: use symbol %q: it has two sorts", name))
	}
	return uint64(at)
}

// node returns the term with this root and these arguments, which are in
// normal form. The slice is not kept.
func (b *Builder) node(op Op, w ir.Width, val uint64, args ...Term) Term {
	t, at := b.find(op, w, val, args)
	if t.Valid() {
		return t
	}
	k := b.knownOf(op, w, val, args)
	if op != OpConst && k.zero|k.one == w.Mask() {
		return b.Const(w, k.one)
	}
	return b.insert(at, node{op: op, w: w, val: val, known: k}, args)
}

// find looks for a term; if there is none, at is its place in the table.
func (b *Builder) find(op Op, w ir.Width, val uint64, args []Term) (t Term, at uint64) {
	mask := uint64(len(b.table) - 1)
	at = hash(op, w, val, args) & mask
	for ; b.table[at] != 0; at = (at + 1) & mask {
		t := Term{b.table[at]}
		if n := &b.nodes[t.id]; n.op == op && n.w == w && n.val == val && slices.Equal(b.Args(t), args) {
			return t, at
		}
	}
	return Term{}, at
}

// insert adds a term that find did not find.
func (b *Builder) insert(at uint64, n node, args []Term) Term {
	n.n, n.at = uint16(len(args)), int32(len(b.args))
	for _, a := range args {
		n.height = max(n.height, b.nodes[a.id].height+1)
	}
	t := Term{int32(len(b.nodes))}
	b.args = append(b.args, args...)
	b.nodes = append(b.nodes, n)
	b.table[at] = t.id
	if 2*len(b.nodes) > len(b.table) {
		b.grow()
	}
	return t
}

func (b *Builder) grow() {
	b.table = make([]int32, 2*len(b.table))
	mask := uint64(len(b.table) - 1)
	for id := 1; id < len(b.nodes); id++ {
		n := &b.nodes[id]
		at := hash(n.op, n.w, n.val, b.Args(Term{int32(id)})) & mask
		for b.table[at] != 0 {
			at = (at + 1) & mask
		}
		b.table[at] = int32(id)
	}
}

// hash mixes by multiplication with odd constants and folding of the high
// bits; it has no seed, so that runs repeat.
func hash(op Op, w ir.Width, val uint64, args []Term) uint64 {
	h := (uint64(op)<<8 | uint64(w)) * 0x9e3779b97f4a7c15
	h = (h ^ val) * 0xff51afd7ed558ccd
	h ^= h >> 32
	for _, a := range args {
		h = (h ^ uint64(a.id)) * 0xc4ceb9fe1a85ec53
		h ^= h >> 29
	}
	return h
}

func checkWidth(w ir.Width) {
	if w < 1 || w > 64 {
		panic(fmt.Sprintf("smt: make word of %d bits: the width is not in 1..64", w))
	}
}

// want panics unless every term has w bits.
func (b *Builder) want(what fmt.Stringer, w ir.Width, ts ...Term) {
	for _, t := range ts {
		if b.at(t).w != w {
			panic(fmt.Sprintf("smt: %v of %d bits: argument has %d bits", what, w, b.at(t).w))
		}
	}
}
