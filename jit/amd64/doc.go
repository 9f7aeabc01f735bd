// Package amd64 compiles eBPF to amd64 machine code in two tiers. The baseline is
// one pass over the program with a fixed home for every register; the optimising
// tier keeps registers at home at cuts only, and writes the values of package opt.
//
//	r0 rax   r1 rdi   r2 rsi   r3 rdx   r4 rcx   r5 r8
//	r6 rbx   r7 r13   r8 r14   r9 r15   r10 rbp
//
// r10 and r11 are scratch within one instruction, r9 is the budget of backward
// jumps, r12 points to the environment, rsp to the lowest address of the frame.
// The contract with the caller is in package jit (contract.go). A frame is, from
// the top: return address, saved registers, the count of may_goto in a function
// that has some, and, in a function that uses r10, 512 bytes of eBPF stack,
// whose top is rbp.
//
// In the baseline every instruction's code stands alone: it assumes nothing but the homes and
// leaves nothing in scratch registers or flags. The one fact used across
// instructions is which register holds which map's handle; it is reported as
// jit.Hint, to be proved. Short loops are moved where they lie in fewer cache
// lines.
//
// The package does not know how code is run or proved. What it has no lowering
// for is a *jit.UnsupportedError.
//
//	code, err := jit.Compile(amd64.New(amd64.Host()), program)
//
// Sources: RFC 9669; Intel SDM volume 2. The registers' homes are those that
// arch/x86/net/bpf_jit_comp.c of Linux 6.18 uses, so listings compare well.
package amd64
