#include "go_asm.h"
#include "funcdata.h"
#include "textflag.h"

// Registers inside an image and in the exits: R12 is the environment, the
// first field of which is the machine structure; see jit/contract.go.
//
// Only helperOnGo and pollOnGo have Go functions above them on the Go stack,
// so only they must be readable for Go's unwinder: they have an ordinary frame
// and do not write SP. What switches stacks is in functions of its own.

// enter calls the image on its own stack with r1 and r2, inside the epochs. Comes
// back when the image returns, when an exit ends the run, or after a fault. It is
// called by Go's internal convention, see entry_amd64.go: the Run in AX, r1 and r2
// in BX and CX, the budget in DI; r0 in AX.
TEXT ·enter(SB), NOSPLIT|NOFRAME, $0-0
	MOVQ AX, R12
	MOVQ SP, machine_goSP(R12)
	MOVQ BP, machine_goBP(R12)
	MOVQ DI, R9
	MOVQ BX, DI
	MOVQ CX, SI
	MOVQ machine_epochAt(R12), BX
	TESTQ BX, BX
	JEQ  inside
	MOVQ machine_epochNow(R12), AX
	MOVQ (AX), AX
	XCHGQ AX, (BX)
inside:
	XORL DX, DX
	XORL CX, CX
	XORL R8, R8
	MOVQ machine_top(R12), SP
	CALL machine_entry(R12)
	MOVQ machine_epochAt(R12), CX
	TESTQ CX, CX
	JEQ  outside
	MOVQ $0, (CX)
outside:
	MOVQ machine_goSP(R12), SP
	MOVQ machine_goBP(R12), BP
	MOVQ (TLS), R14
	XORPS X15, X15
	RET

// func reenter(r *Run)
//
// Calls a function of the image for a helper, with all five arguments, on the
// stack below machine_rsp. What is left of the budget comes back in machine_r9.
TEXT ·reenter(SB), NOSPLIT|NOFRAME, $0-8
	MOVQ r+0(FP), R12
	MOVQ SP, machine_goSP(R12)
	MOVQ BP, machine_goBP(R12)
	MOVQ machine_rdi(R12), DI
	MOVQ machine_rsi(R12), SI
	MOVQ machine_rdx(R12), DX
	MOVQ machine_rcx(R12), CX
	MOVQ machine_r8(R12), R8
	MOVQ machine_r9(R12), R9
	MOVQ machine_entry(R12), AX
	MOVQ machine_rsp(R12), SP
	CALL AX
	MOVQ AX, machine_rax(R12)
	MOVQ R9, machine_r9(R12)
	MOVQ machine_goSP(R12), SP
	MOVQ machine_goBP(R12), BP
	RET

// helperExit is called by an image: eax is the helper's number, the arguments
// are in rdi, rsi, rdx, rcx, r8, and stay there.
TEXT ·helperExit(SB), NOSPLIT|NOFRAME, $0-0
	MOVQ BP, machine_rbp(R12)
	MOVQ R9, machine_r9(R12)
	MOVQ BX, machine_rbx(R12)
	MOVQ R13, machine_r13(R12)
	MOVQ R14, machine_r14(R12)
	MOVQ R15, machine_r15(R12)
	MOVQ SP, machine_rsp(R12)
	MOVQ machine_goSP(R12), SP
	MOVQ machine_goBP(R12), BP
	JMP  ·helperOnGo(SB)

// helperOnGo is on the Go stack in place of enter: SP points to enter's return
// address. It calls the helper, a func(*Env, [5]uint64) (uint64, error), by
// Go's internal convention (abi-internal.md of Go 1.26): the pointer in AX, the
// array on the stack, behind it room for AX, the closure in DX, the goroutine
// in R14, zero in X15; the results in AX, and BX and CX. Numbers that are not
// in the table, and errors, go on in functions of their own.
TEXT ·helperOnGo(SB), NOSPLIT|NOFRAME, $0-0
	NO_LOCAL_POINTERS
	MOVL AX, AX
	MOVQ AX, machine_rax(R12)
	CMPQ AX, Run_helpers+8(R12)
	JCC  other
	MOVQ Run_helpers(R12), R9
	MOVQ (R9)(AX*8), R9
	TESTQ R9, R9
	JEQ  other
	PUSHQ BP
	MOVQ SP, BP
	ADJSP $56
	MOVQ R12, 48(SP)
	MOVQ DI, 0(SP)
	MOVQ SI, 8(SP)
	MOVQ DX, 16(SP)
	MOVQ CX, 24(SP)
	MOVQ R8, 32(SP)
	MOVQ R9, DX
	MOVQ Run_env(R12), AX
	MOVQ (TLS), R14
	XORPS X15, X15
	MOVQ (DX), R9
	CALL R9
	MOVQ 48(SP), R12
	ADJSP $-56
	POPQ BP
	TESTQ BX, BX
	JNE  failed
	JMP  ·helperResume(SB)
failed:
	JMP  ·helperFailed(SB)
other:
	JMP  ·helperOther(SB)

// helperOther is on the Go stack in place of enter: the number in rax is not
// in the table.
TEXT ·helperOther(SB), NOSPLIT|NOFRAME, $0-0
	NO_LOCAL_POINTERS
	MOVQ DI, machine_rdi(R12)
	MOVQ SI, machine_rsi(R12)
	MOVQ DX, machine_rdx(R12)
	PUSHQ BP
	MOVQ SP, BP
	ADJSP $32
	MOVQ R12, 24(SP)
	MOVQ R12, 0(SP)
	CALL ·onOther(SB)
	MOVQ 24(SP), R12
	MOVQ 8(SP), AX
	MOVBLZX 16(SP), CX
	ADJSP $-32
	POPQ BP
	TESTB CL, CL
	JNE  stop
	JMP  ·helperResume(SB)
stop:
	MOVQ (TLS), R14
	XORPS X15, X15
	RET

// helperFailed is on the Go stack in place of enter: the helper's error is in
// BX and CX. It goes back to enter's caller.
TEXT ·helperFailed(SB), NOSPLIT|NOFRAME, $0-0
	NO_LOCAL_POINTERS
	PUSHQ BP
	MOVQ SP, BP
	ADJSP $24
	MOVQ R12, 0(SP)
	MOVQ BX, 8(SP)
	MOVQ CX, 16(SP)
	CALL ·onHelperError(SB)
	ADJSP $-24
	POPQ BP
	MOVQ (TLS), R14
	XORPS X15, X15
	RET

// helperResume goes back behind the image's call with the result in rax.
TEXT ·helperResume(SB), NOSPLIT|NOFRAME, $0-0
	MOVQ SP, machine_goSP(R12)
	MOVQ BP, machine_goBP(R12)
	MOVQ machine_r9(R12), R9
	MOVQ machine_rbx(R12), BX
	MOVQ machine_r13(R12), R13
	MOVQ machine_r14(R12), R14
	MOVQ machine_r15(R12), R15
	MOVQ machine_rsp(R12), SP
	MOVQ machine_rbp(R12), BP
	RET

// pollExit is called by an image that has used up its budget.
TEXT ·pollExit(SB), NOSPLIT|NOFRAME, $0-0
	MOVQ BP, machine_rbp(R12)
	MOVQ AX, machine_rax(R12)
	MOVQ DI, machine_rdi(R12)
	MOVQ SI, machine_rsi(R12)
	MOVQ DX, machine_rdx(R12)
	MOVQ CX, machine_rcx(R12)
	MOVQ R8, machine_r8(R12)
	MOVQ R9, machine_r9(R12)
	MOVQ R10, machine_r10(R12)
	MOVQ R11, machine_r11(R12)
	MOVQ BX, machine_rbx(R12)
	MOVQ R13, machine_r13(R12)
	MOVQ R14, machine_r14(R12)
	MOVQ R15, machine_r15(R12)
	MOVQ SP, machine_rsp(R12)
	MOVQ machine_goSP(R12), SP
	MOVQ machine_goBP(R12), BP
	JMP  ·pollOnGo(SB)

// pollOnGo is on the Go stack in place of enter.
TEXT ·pollOnGo(SB), NOSPLIT|NOFRAME, $0-0
	NO_LOCAL_POINTERS
	PUSHQ BP
	MOVQ SP, BP
	ADJSP $24
	MOVQ R12, 16(SP)
	MOVQ R12, 0(SP)
	CALL ·onPoll(SB)
	MOVQ 16(SP), R12
	MOVBLZX 8(SP), AX
	ADJSP $-24
	POPQ BP
	TESTB AL, AL
	JNE  stop
	JMP  ·pollResume(SB)
stop:
	MOVQ (TLS), R14
	XORPS X15, X15
	RET

// pollResume goes back behind the image's call with every register as it was.
TEXT ·pollResume(SB), NOSPLIT|NOFRAME, $0-0
	MOVQ SP, machine_goSP(R12)
	MOVQ BP, machine_goBP(R12)
	MOVQ machine_rax(R12), AX
	MOVQ machine_rdi(R12), DI
	MOVQ machine_rsi(R12), SI
	MOVQ machine_rdx(R12), DX
	MOVQ machine_rcx(R12), CX
	MOVQ machine_r8(R12), R8
	MOVQ machine_r9(R12), R9
	MOVQ machine_r10(R12), R10
	MOVQ machine_r11(R12), R11
	MOVQ machine_rbx(R12), BX
	MOVQ machine_r13(R12), R13
	MOVQ machine_r14(R12), R14
	MOVQ machine_r15(R12), R15
	MOVQ machine_rsp(R12), SP
	MOVQ machine_rbp(R12), BP
	RET

// faultExit is where a faulting image goes on: back to Go, as if enter had
// returned.
TEXT ·faultExit(SB), NOSPLIT|NOFRAME, $0-0
	MOVQ BP, machine_rbp(R12)
	MOVQ machine_goSP(R12), SP
	MOVQ machine_goBP(R12), BP
	MOVQ (TLS), R14
	XORPS X15, X15
	RET

// Offsets in the kernel's siginfo_t and ucontext_t (sigaction(2)).
#define SI_CODE 8
#define SI_ADDR 16
#define UC_R12 72
#define UC_RSP 160
#define UC_RIP 168

// onSignal handles the signals of faults; the kernel calls it on the
// alternate signal stack with the signal in edi, siginfo in rsi, ucontext in
// rdx. Where the kernel itself raised the signal for an instruction inside
// executable memory, it notes the fault in the environment and lets the thread
// go on at faultExit; everything else goes to the handler that was there.
TEXT ·onSignal(SB), NOSPLIT|NOFRAME, $0-0
	MOVL SI_CODE(SI), AX
	CMPL AX, $0
	JLE  chain
	MOVQ UC_RIP(DX), AX
	CMPQ AX, ·textLow(SB)
	JCS  chain
	CMPQ AX, ·textHigh(SB)
	JCC  chain
	MOVQ UC_R12(DX), CX
	MOVQ AX, machine_faultPC(CX)
	MOVQ UC_RSP(DX), AX
	MOVQ AX, machine_faultSP(CX)
	MOVQ SI_ADDR(SI), AX
	MOVQ AX, machine_faultAddr(CX)
	MOVLQZX DI, AX
	MOVQ AX, machine_faultSignal(CX)
	LEAQ ·faultExit(SB), AX
	MOVQ AX, UC_RIP(DX)
	RET
chain:
	LEAQ ·oldHandlers(SB), AX
	MOVLQZX DI, CX
	MOVQ (AX)(CX*8), AX
	JMP  AX

// func enterAddress() uintptr
TEXT ·enterAddress(SB), NOSPLIT, $0-8
	LEAQ ·enter(SB), AX
	MOVQ AX, ret+0(FP)
	RET

// func quickAddress() uintptr
TEXT ·quickAddress(SB), NOSPLIT, $0-8
	LEAQ ·quick(SB), AX
	MOVQ AX, ret+0(FP)
	RET

// func addresses() (helper, poll, signal uintptr)
TEXT ·addresses(SB), NOSPLIT, $0-24
	LEAQ ·helperExit(SB), AX
	MOVQ AX, helper+0(FP)
	LEAQ ·pollExit(SB), AX
	MOVQ AX, poll+8(FP)
	LEAQ ·onSignal(SB), AX
	MOVQ AX, signal+16(FP)
	RET
