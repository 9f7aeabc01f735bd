// Package sem is the one written meaning of eBPF's word operations.
//
// Every operation is written once, over an [Algebra] of words: with uint64
// ([Concrete]) it is the reference interpreter, with an abstract domain's
// elements the default transfer function, with SMT terms the specification
// that machine code is proved against. A second implementation anywhere in
// the tree (the fast interpreter, a domain's own operator) owes a proof or a
// test against this one.
//
// Package sem knows words only. Memory, calls and control are its callers';
// what an algebra cannot express, such as whether an access is in bounds, is
// not here.
//
// Division by zero and over-wide shift amounts are decided here and nowhere
// else: x/0 = 0, x%0 = x, shift amounts are taken modulo the width
// (RFC 9669, section 4.1).
//
//	sum := sem.ALU(sem.Concrete{}, ir.Add, ir.W32, 0xffffffff, 1) // 0
package sem
