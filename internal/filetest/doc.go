// Package filetest reads test files: a program text with what is to be done to
// it and what must come out, and the public bpf_conformance suite's files.
//
// It parses only; which engine runs a test and how an expectation is compared
// is its callers' business.
//
// # The format
//
// A file starts with lines that say what to do, followed by the program
// (package asm). An expectation stands in a comment on the line it concerns:
//
//	test verify domain=tnum+interval
//	test run    mem=0102030405060708
//
//		r2 = *(u8 *)(r1 + 0)
//		r2 &= 7                         ; state: r2=[0,7]
//		if r2 > 7 goto out              ; dead: taken
//		r0 = r2
//	out:
//		exit
//	; run: r0 = 0x2
//
// An expectation on a line with an instruction belongs to that instruction; on
// a line of its own, to the whole test. A comment is an expectation if it
// starts with one of the words in [Words] and a colon; other comments are
// ignored, but a word that is nearly one of them is an error, since a mistyped
// expectation would never fail.
//
// # Invariants
//
// Every expectation that is written is in File.Expects, in order of lines.
// Positions are those of the file, header included.
package filetest
