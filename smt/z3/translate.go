//go:build cgo

package z3

// #include <z3.h>
import "C"

import (
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/smt"
)

// Term is a Z3 term; it lives as long as its context.
type Term struct{ raw C.Z3_ast }

// Translator turns terms of one Builder into Z3 terms of one context. What is
// shared stays shared, also between calls.
type Translator struct {
	ctx   *Context
	b     *smt.Builder
	terms map[smt.Term]Term
	funcs map[string]C.Z3_func_decl
}

// NewTranslator returns a translator for terms of b.
func (c *Context) NewTranslator(b *smt.Builder) *Translator {
	return &Translator{ctx: c, b: b, terms: map[smt.Term]Term{}, funcs: map[string]C.Z3_func_decl{}}
}

// Functions reports whether an uninterpreted function has been translated.
func (tr *Translator) Functions() bool { return len(tr.funcs) > 0 }

// failure carries an error of libz3 out of the translation of a term.
type failure struct{ err error }

// Term returns the Z3 term for t: a boolean for one bit, otherwise a
// bit-vector. An error means that libz3 ran out of memory.
func (tr *Translator) Term(t smt.Term) (z Term, err error) {
	if have, ok := tr.terms[t]; ok {
		return have, nil
	}
	if err := tr.ctx.enter(); err != nil {
		return Term{}, err
	}
	defer tr.ctx.leave()
	defer func() {
		if r := recover(); r != nil {
			f, ok := r.(failure)
			if !ok {
				panic(r)
			}
			z, err = Term{}, f.err
		}
	}()
	done := func(x smt.Term) bool { _, ok := tr.terms[x]; return ok }
	for x := range tr.b.TermsBut(done, t) {
		tr.terms[x] = Term{tr.node(x)}
	}
	return tr.terms[t], nil
}

// keep takes a reference to a new term, for as long as the context lives: Z3
// itself keeps only the result of the last call.
func (tr *Translator) keep(x C.Z3_ast) C.Z3_ast {
	if err := tr.ctx.err("translate term"); err != nil {
		panic(failure{err})
	}
	C.Z3_inc_ref(tr.ctx.raw, x)
	return x
}

// node translates a term whose arguments have been translated.
func (tr *Translator) node(t smt.Term) C.Z3_ast {
	c, b, w := tr.ctx.raw, tr.b, tr.b.Width(t)
	args := make([]C.Z3_ast, 0, 8)
	for _, a := range b.Args(t) {
		args = append(args, tr.terms[a].raw)
	}
	switch b.Op(t) {
	case smt.OpConst:
		x, _ := b.ConstValue(t)
		return tr.constant(w, x)
	case smt.OpVar:
		return tr.keep(C.Z3_mk_const(c, tr.ctx.symbol(b.Symbol(t).Name), tr.sort(w)))
	case smt.OpApply:
		return tr.keep(C.Z3_mk_app(c, tr.function(b.Symbol(t)), C.uint(len(args)), &args[0]))
	case smt.OpNot:
		if w == ir.W1 {
			return tr.keep(C.Z3_mk_not(c, args[0]))
		}
		return tr.keep(C.Z3_mk_bvnot(c, args[0]))
	case smt.OpExtract:
		hi, lo := b.Range(t)
		x := tr.keep(C.Z3_mk_extract(c, C.uint(hi), C.uint(lo), args[0]))
		if w == ir.W1 {
			return tr.keep(C.Z3_mk_eq(c, x, tr.bits(w, 1)))
		}
		return x
	case smt.OpSignExt:
		return tr.keep(C.Z3_mk_sign_ext(c, C.uint(w-b.Width(b.Args(t)[0])), args[0]))
	case smt.OpIte:
		return tr.keep(C.Z3_mk_ite(c, args[0], args[1], args[2]))
	case smt.OpConcat:
		for i, a := range b.Args(t) {
			if b.Width(a) == ir.W1 {
				args[i] = tr.keep(C.Z3_mk_ite(c, args[i], tr.bits(ir.W1, 1), tr.bits(ir.W1, 0)))
			}
		}
	case smt.OpAnd:
		if w == ir.W1 {
			return tr.keep(C.Z3_mk_and(c, C.uint(len(args)), &args[0]))
		}
	}
	x := args[0]
	for _, y := range args[1:] {
		x = tr.keep(tr.binary(b.Op(t), w, x, y))
	}
	return x
}

// binary translates an operation on two terms; w is the width of the result.
func (tr *Translator) binary(op smt.Op, w ir.Width, x, y C.Z3_ast) C.Z3_ast {
	c := tr.ctx.raw
	switch op {
	case smt.OpAdd:
		return C.Z3_mk_bvadd(c, x, y)
	case smt.OpMul:
		return C.Z3_mk_bvmul(c, x, y)
	case smt.OpUDiv:
		return C.Z3_mk_bvudiv(c, x, y)
	case smt.OpURem:
		return C.Z3_mk_bvurem(c, x, y)
	case smt.OpSDiv:
		return C.Z3_mk_bvsdiv(c, x, y)
	case smt.OpSRem:
		return C.Z3_mk_bvsrem(c, x, y)
	case smt.OpAnd:
		return C.Z3_mk_bvand(c, x, y)
	case smt.OpOr:
		return C.Z3_mk_bvor(c, x, y)
	case smt.OpXor:
		if w == ir.W1 {
			return C.Z3_mk_xor(c, x, y)
		}
		return C.Z3_mk_bvxor(c, x, y)
	case smt.OpShl:
		return C.Z3_mk_bvshl(c, x, y)
	case smt.OpLShr:
		return C.Z3_mk_bvlshr(c, x, y)
	case smt.OpAShr:
		return C.Z3_mk_bvashr(c, x, y)
	case smt.OpConcat:
		return C.Z3_mk_concat(c, x, y)
	case smt.OpEq:
		return C.Z3_mk_eq(c, x, y)
	case smt.OpULT:
		return C.Z3_mk_bvult(c, x, y)
	case smt.OpSLT:
		return C.Z3_mk_bvslt(c, x, y)
	}
	panic("z3: translate " + op.String() + ": not an operation of package smt")
}

func (tr *Translator) constant(w ir.Width, x uint64) C.Z3_ast {
	switch {
	case w > ir.W1:
		return tr.bits(w, x)
	case x == 1:
		return tr.keep(C.Z3_mk_true(tr.ctx.raw))
	}
	return tr.keep(C.Z3_mk_false(tr.ctx.raw))
}

// bits returns a bit-vector constant, also for one bit.
func (tr *Translator) bits(w ir.Width, x uint64) C.Z3_ast {
	s := tr.keepSort(C.Z3_mk_bv_sort(tr.ctx.raw, C.uint(w)))
	return tr.keep(C.Z3_mk_unsigned_int64(tr.ctx.raw, C.uint64_t(x), s))
}

// sort returns the sort of a variable of w bits.
func (tr *Translator) sort(w ir.Width) C.Z3_sort {
	if w == ir.W1 {
		return tr.keepSort(C.Z3_mk_bool_sort(tr.ctx.raw))
	}
	return tr.keepSort(C.Z3_mk_bv_sort(tr.ctx.raw, C.uint(w)))
}

func (tr *Translator) keepSort(s C.Z3_sort) C.Z3_sort {
	tr.keep(C.Z3_sort_to_ast(tr.ctx.raw, s))
	return s
}

func (tr *Translator) function(s smt.Symbol) C.Z3_func_decl {
	if f, ok := tr.funcs[s.Name]; ok {
		return f
	}
	domain := make([]C.Z3_sort, 0, 8)
	for _, w := range s.Sort.Args {
		domain = append(domain, tr.sort(w))
	}
	f := C.Z3_mk_func_decl(tr.ctx.raw, tr.ctx.symbol(s.Name), C.uint(len(domain)), &domain[0], tr.sort(s.Sort.Result))
	tr.keep(C.Z3_func_decl_to_ast(tr.ctx.raw, f))
	tr.funcs[s.Name] = f
	return f
}
