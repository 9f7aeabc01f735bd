package x86

import "golang.org/x/arch/x86/x86asm"

// class groups the instructions that one function gives the meaning of.
type class uint8

const (
	classNone class = iota
	classMov
	classMovExtend // movzx, movsx, movsxd
	classLea
	classArith // add or adc sbb and sub xor cmp test
	classUnary // neg not inc dec
	classShift // shl shr sar rol ror by an immediate or cl
	classShiftX
	classIMul // two and three operands, and one
	classMul
	classDiv
	classBSwap
	classMovBE
	classXchg
	classXadd
	classCmpxchg
	classPush
	classPop
	classLeave
	classCmov
	classSet
	classSign // cdq cqo cwde cdqe
	classNop
	classJump
	classBranch
	classCall
	classRet
	classTrap
)

var classes = map[x86asm.Op]class{
	x86asm.MOV: classMov, x86asm.MOVZX: classMovExtend, x86asm.MOVSX: classMovExtend, x86asm.MOVSXD: classMovExtend,
	x86asm.LEA: classLea,
	x86asm.ADD: classArith, x86asm.OR: classArith, x86asm.ADC: classArith, x86asm.SBB: classArith, x86asm.AND: classArith,
	x86asm.SUB: classArith, x86asm.XOR: classArith, x86asm.CMP: classArith, x86asm.TEST: classArith,
	x86asm.NEG: classUnary, x86asm.NOT: classUnary, x86asm.INC: classUnary, x86asm.DEC: classUnary,
	x86asm.SHL: classShift, x86asm.SHR: classShift, x86asm.SAR: classShift, x86asm.ROL: classShift, x86asm.ROR: classShift,
	x86asm.SHLX: classShiftX, x86asm.SHRX: classShiftX, x86asm.SARX: classShiftX, x86asm.RORX: classShiftX,
	x86asm.IMUL: classIMul, x86asm.MUL: classMul, x86asm.DIV: classDiv, x86asm.IDIV: classDiv,
	x86asm.BSWAP: classBSwap, x86asm.MOVBE: classMovBE,
	x86asm.XCHG: classXchg, x86asm.XADD: classXadd, x86asm.CMPXCHG: classCmpxchg,
	x86asm.PUSH: classPush, x86asm.POP: classPop, x86asm.LEAVE: classLeave,
	x86asm.CWDE: classSign, x86asm.CDQE: classSign, x86asm.CDQ: classSign, x86asm.CQO: classSign,
	x86asm.NOP: classNop, x86asm.PAUSE: classNop, x86asm.MFENCE: classNop, x86asm.LFENCE: classNop,
	x86asm.JMP: classJump, x86asm.CALL: classCall, x86asm.RET: classRet, x86asm.UD2: classTrap,
}

// Cond is the condition of Jcc, SETcc and CMOVcc, by its number in the opcode.
type Cond uint8

// The conditions.
const (
	CondO Cond = iota
	CondNO
	CondB
	CondAE
	CondE
	CondNE
	CondBE
	CondA
	CondS
	CondNS
	CondP
	CondNP
	CondL
	CondGE
	CondLE
	CondG
)

type condOp struct {
	class class
	cond  Cond
}

var condOps = map[x86asm.Op]condOp{
	x86asm.JO: {classBranch, CondO}, x86asm.JNO: {classBranch, CondNO}, x86asm.JB: {classBranch, CondB}, x86asm.JAE: {classBranch, CondAE},
	x86asm.JE: {classBranch, CondE}, x86asm.JNE: {classBranch, CondNE}, x86asm.JBE: {classBranch, CondBE}, x86asm.JA: {classBranch, CondA},
	x86asm.JS: {classBranch, CondS}, x86asm.JNS: {classBranch, CondNS}, x86asm.JP: {classBranch, CondP}, x86asm.JNP: {classBranch, CondNP},
	x86asm.JL: {classBranch, CondL}, x86asm.JGE: {classBranch, CondGE}, x86asm.JLE: {classBranch, CondLE}, x86asm.JG: {classBranch, CondG},

	x86asm.SETO: {classSet, CondO}, x86asm.SETNO: {classSet, CondNO}, x86asm.SETB: {classSet, CondB}, x86asm.SETAE: {classSet, CondAE},
	x86asm.SETE: {classSet, CondE}, x86asm.SETNE: {classSet, CondNE}, x86asm.SETBE: {classSet, CondBE}, x86asm.SETA: {classSet, CondA},
	x86asm.SETS: {classSet, CondS}, x86asm.SETNS: {classSet, CondNS}, x86asm.SETP: {classSet, CondP}, x86asm.SETNP: {classSet, CondNP},
	x86asm.SETL: {classSet, CondL}, x86asm.SETGE: {classSet, CondGE}, x86asm.SETLE: {classSet, CondLE}, x86asm.SETG: {classSet, CondG},

	x86asm.CMOVO: {classCmov, CondO}, x86asm.CMOVNO: {classCmov, CondNO}, x86asm.CMOVB: {classCmov, CondB}, x86asm.CMOVAE: {classCmov, CondAE},
	x86asm.CMOVE: {classCmov, CondE}, x86asm.CMOVNE: {classCmov, CondNE}, x86asm.CMOVBE: {classCmov, CondBE}, x86asm.CMOVA: {classCmov, CondA},
	x86asm.CMOVS: {classCmov, CondS}, x86asm.CMOVNS: {classCmov, CondNS}, x86asm.CMOVP: {classCmov, CondP}, x86asm.CMOVNP: {classCmov, CondNP},
	x86asm.CMOVL: {classCmov, CondL}, x86asm.CMOVGE: {classCmov, CondGE}, x86asm.CMOVLE: {classCmov, CondLE}, x86asm.CMOVG: {classCmov, CondG},
}

// lockable are the instructions that may carry a lock prefix (with a memory
// destination; cmp and test may not).
var lockable = map[x86asm.Op]bool{
	x86asm.ADD: true, x86asm.OR: true, x86asm.ADC: true, x86asm.SBB: true, x86asm.AND: true, x86asm.SUB: true, x86asm.XOR: true,
	x86asm.NEG: true, x86asm.NOT: true, x86asm.INC: true, x86asm.DEC: true, x86asm.XADD: true, x86asm.CMPXCHG: true, x86asm.XCHG: true,
}

// classOf returns the class and condition of an operation; classNone if it has
// no meaning here.
func classOf(op x86asm.Op) (class, Cond) {
	if c, ok := condOps[op]; ok {
		return c.class, c.cond
	}
	return classes[op], 0
}
