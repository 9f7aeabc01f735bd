package jit

import "github.com/bpfproof/bpfproof/ir"

// The contract between an image and the runtime that calls it, for amd64. The
// validator proves that an image keeps its side.
//
// Entry: a function is called with its eBPF arguments R1-R5 in rdi, rsi, rdx,
// rcx, r8; r9 holds the budget; r12 points to the environment; rsp to the
// return address, with at least StackBytes free below it. It returns by ret
// with R0 in rax and what is left of the budget in r9, having kept rbx, rbp,
// rsp, r12, r13, r14 and r15 and written nothing above its own frame but what
// the program itself writes.
//
// Environment: a block of memory private to the run. An image may read the
// exits' addresses and the processor's number, and write nothing. The number is
// of 64 bits and the same from entry to return; a map may have values for fewer
// processors than that.
//
// Helper call: eax holds the helper's number, rdi, rsi, rdx, rcx, r8 its
// arguments; "call [r12+EnvHelper]" returns with the result in rax, and rbx,
// rbp, rsp, r12-r15 kept, and in r9 what is left of the budget; all else, flags
// included, is lost. The helper may write only memory that the program owns.
//
// A helper may call the program's functions back, by the address that
// RelocFunc stands for and by the rules of entry, on the stack below rsp.
//
// Two kinds of instructions are calls of the helper exit with a meaning of
// their own. bpf_tail_call (helper 12) returns the entry point to go on at, or
// 0 where the program goes on behind the call; the image unwinds its frame and
// jumps there with rdi and all else as at its own entry. LD_ABS and LD_IND call
// the number that LoadPacket returns, with r6 in rdi and in esi the 32-bit
// offset in the packet, zero-extended; the result is the value in host order,
// or, where the packet has no such bytes, negative: then the image leaves 0 in
// r0 and returns from its function.
//
// Poll: the budget is a number of 64 bits: how many jumps are left of those whose
// target is not ahead. On every execution of one, taken or not, an image
// subtracts 1 from the budget; where it was 0 before, "call [r12+EnvPoll]", which
// returns with a new budget in r9, keeps every other register but not the flags,
// and may not return at all (the run is cancelled). Jumps that Code.Uncounted
// lists do neither: every cycle of the function's control flow has another one
// that does, but for few loops of few rounds (Loops.Bounded), or the list does
// not count.
//
// Subprograms keep the same contract among each other.
const (
	EnvHelper = 0  // address of the helper exit
	EnvPoll   = 8  // address of the poll exit
	EnvCPU    = 16 // number of the processor whose values per-CPU maps give
	EnvBytes  = 24 // size of what an image may know of the environment
)

// LoadPacket returns the number at the helper exit of the load of w bits from
// the packet: no helper of the kernel's has one as great.
func LoadPacket(w ir.Width) uint32 { return 1<<16 | uint32(w.Bytes()) }

// StackBytes is the machine stack a run has at its disposal: 8 nested eBPF
// frames with what the contract needs around them.
const StackBytes = 64 << 10
