// Package symgo turns Go functions into terms: it runs the SSA form of Go
// source symbolically, so that what is proved is the code that runs, and no
// model of it.
//
// Source comes from file systems, usually embedded in the packages that are to
// be proved; no Go toolchain is needed. The package knows Go and terms. It must
// not know any abstract domain, nor what is to be proved.
//
// # The subset
//
// Integers of all widths, booleans, structs, arrays, pointers to variables and
// to parts of them, slices of constant bounds, constant maps of package
// variables, functions, closures, methods, generics, interfaces whose dynamic
// type is known, if, switch, goto, loops, early exits, the builtins min, max,
// len and cap, and package math/bits. Calls are inlined. A loop is unrolled
// until no path stays in it, within [Limits], or cut by a declared invariant
// ([Cut]). Anything else is an [Error] that names file, line and construct, but
// only when it is reached: a String method that uses package fmt does no harm.
//
// # Invariants
//
// For every assignment of the variables, if no check is 1, the result terms have
// the values that the compiled function returns; where loops are cut, for some
// values of the variables made for them under which all assumptions are 1. int, uint and uintptr have 64 bits. Everything that can panic
// (index, division by zero, negative shift, nil, explicit panic, failed type
// assertion) is a [Check] with the condition under which it happens; after a
// panic the results mean nothing, so a proof must show that there is none.
//
// Paths that join are merged by if-then-else: the number of paths does not
// matter, only that of blocks. A package variable can be read if nothing but
// its package's initialiser can write it.
//
//	prog, err := symgo.Load(symgo.Source{Path: "example.org/half", Files: half.GoSource})
//	m := symgo.NewMachine(prog, b, symgo.Limits{})
//	fn, err := prog.Func("example.org/half.Half")
//	res, err := m.Call(fn, m.Var("x", fn.Param(0)))
//
// # Sources
//
// The Go Programming Language Specification, version 1.26; package
// golang.org/x/tools/go/ssa for the form that is run; F. Bourdoncle: Efficient
// chaotic iteration strategies with widenings, 1993, for the order of blocks.
package symgo
