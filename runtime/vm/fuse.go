package vm

import (
	"slices"

	"github.com/bpfproof/bpfproof/ir"
)

// pairCase is two operations on one register; copied if the register was
// copied from another one before.
type pairCase struct {
	first, second ir.ALUOp
	width         ir.Width
	copied        bool
}

// rotateCase is a rotation by two shifts, of that many instructions.
type rotateCase struct {
	first ir.ALUOp // the shift of the part that is made first
	width ir.Width
	n     int
}

// fuse returns the code with an instruction for every sequence that the main
// loop has a case for, in the place of its first instruction. The places of the
// others keep theirs: a jump into the middle finds what it should.
func fuse(p *ir.Program, plain []insn) []insn {
	code := slices.Clone(plain)
	for pc := range p.All() {
		ins := ahead(p, pc)
		for _, f := range fusers {
			if len(ins) == 0 {
				break
			}
			if out, ok := f(ins, plain[pc:]); ok {
				code[pc] = out
				break
			}
		}
	}
	return code
}

// ahead returns the instructions from pc on, at most five, and none from one on
// that writes r10: such a one is met by itself.
func ahead(p *ir.Program, pc ir.PC) []ir.Insn {
	ins := p.Insns[pc:min(int(pc)+5, len(p.Insns))]
	for i, in := range ins {
		if in.Op != ir.OpPad && in.WritesFP() {
			return ins[:i]
		}
	}
	return ins
}

// fusers find the sequences that start with the first of the instructions, the
// longest first. code holds the same, decoded.
var fusers = []func(ins []ir.Insn, code []insn) (insn, bool){
	fuseRotate, fuseLoadAt, fuseCopyShift, fuseCopy, fusePair, fuseCount, fuseMoveJump, fuseLoadJump, fuseMoves, fuseAddMove}

// isALU reports whether the instruction is the operation at width w with such
// a second operand.
func isALU(in ir.Insn, op ir.ALUOp, w ir.Width, src ir.Source) bool {
	row := in.Row()
	return row.Kind == ir.KindALU && row.ALU == op && row.Width == w && row.Src == src
}

// copies reports whether the instruction copies a register, so that an
// operation at width w on the copy can read the original instead: its upper
// half does not matter to 32 bits, and has to be there for 64.
func copies(in ir.Insn, w ir.Width) bool {
	return isALU(in, ir.Mov, ir.W64, ir.X) || w == ir.W32 && isALU(in, ir.Mov, ir.W32, ir.X)
}

// second returns the row of the instruction behind a copy into its register.
func second(ins []ir.Insn) (row *ir.Row, ok bool) {
	if len(ins) < 2 || ins[1].Kind() != ir.KindALU || ins[1].Dst != ins[0].Dst {
		return nil, false
	}
	row = ins[1].Row()
	return row, copies(ins[0], row.Width)
}

// fuseCopy: dst = src; dst op= operand. An operand that is dst itself is the
// copy.
func fuseCopy(ins []ir.Insn, _ []insn) (out insn, ok bool) {
	row, ok := second(ins)
	if !ok {
		return insn{}, false
	}
	op, ok := copyCases[aluCase{row.ALU, row.Width, row.Src}]
	aux := ins[1].Src
	if aux == ins[0].Dst {
		aux = ins[0].Src
	}
	return insn{op: op, dst: uint8(ins[0].Dst), src: uint8(ins[0].Src), aux: uint8(aux), imm: int32(ins[1].Imm)}, ok
}

// fuseCopyShift: dst = src; dst shift= imm; dst op= aux, with another register
// as the last operand.
func fuseCopyShift(ins []ir.Insn, _ []insn) (out insn, ok bool) {
	row, ok := second(ins)
	if !ok || len(ins) < 3 || row.Src != ir.K || ins[2].Kind() != ir.KindALU || ins[2].Dst != ins[0].Dst || ins[2].Src == ins[0].Dst {
		return insn{}, false
	}
	last := ins[2].Row()
	op, ok := pairCases[pairCase{row.ALU, last.ALU, row.Width, true}]
	ok = ok && last.Src == ir.X && last.Width == row.Width
	return insn{op: op, dst: uint8(ins[0].Dst), src: uint8(ins[0].Src), aux: uint8(ins[2].Src), imm: int32(ins[1].Imm)}, ok
}

// fusePair: dst a= src; dst b= aux, where aux is not dst.
func fusePair(ins []ir.Insn, _ []insn) (out insn, ok bool) {
	if len(ins) < 2 || ins[0].Kind() != ir.KindALU || ins[1].Kind() != ir.KindALU || ins[0].Dst != ins[1].Dst || ins[1].Src == ins[0].Dst {
		return insn{}, false
	}
	a, b := ins[0].Row(), ins[1].Row()
	op, ok := pairCases[pairCase{a.ALU, b.ALU, a.Width, false}]
	ok = ok && a.Src == ir.X && b.Src == ir.X && a.Width == b.Width
	return insn{op: op, dst: uint8(ins[0].Dst), src: uint8(ins[0].Src), aux: uint8(ins[1].Src)}, ok
}

// fuseRotate: part = src; part shift= imm; [dst = src;] dst other= off;
// dst |= part.
func fuseRotate(ins []ir.Insn, _ []insn) (out insn, ok bool) {
	row, ok := second(ins)
	if !ok || row.Src != ir.K || len(ins) < 4 {
		return insn{}, false
	}
	part, src, w := ins[0].Dst, ins[0].Src, row.Width
	other := map[ir.ALUOp]ir.ALUOp{ir.Rsh: ir.Lsh, ir.Lsh: ir.Rsh}[row.ALU]
	dst, rest := src, ins[2:]
	if len(ins) == 5 && copies(ins[2], w) && ins[2].Src == src {
		dst, rest = ins[2].Dst, ins[3:]
	}
	op, ok := rotateCases[rotateCase{row.ALU, w, len(ins) - len(rest) + 2}]
	ok = ok && part != src && part != dst && len(rest) >= 2 && isALU(rest[0], other, w, ir.K) && rest[0].Dst == dst &&
		isALU(rest[1], ir.Or, w, ir.X) && rest[1].Dst == dst && rest[1].Src == part
	if !ok {
		return insn{}, false
	}
	return insn{op: op, dst: uint8(dst), src: uint8(src), aux: uint8(part), imm: int32(ins[1].Imm), off: int32(rest[0].Imm)}, true
}

// loadAtCase is a load by a sum, of that many instructions.
type loadAtCase struct {
	width ir.Width
	n     int
}

// fuseLoadAt: [dst = src;] dst += aux; imm = *(dst + off).
func fuseLoadAt(ins []ir.Insn, _ []insn) (out insn, ok bool) {
	dst, src, n := ins[0].Dst, ins[0].Dst, 2
	if copies(ins[0], ir.W64) {
		src, n = ins[0].Src, 3
	}
	if len(ins) < n {
		return insn{}, false
	}
	sum, load := ins[n-2], ins[n-1]
	if !isALU(sum, ir.Add, ir.W64, ir.X) || sum.Dst != dst || load.Kind() != ir.KindLoad || load.Row().Signed || load.Src != dst {
		return insn{}, false
	}
	aux := sum.Src
	if aux == dst {
		aux = src
	}
	return insn{op: loadAtCases[loadAtCase{load.Row().Width, n}], dst: uint8(dst), src: uint8(src), aux: uint8(aux), off: int32(load.Off), imm: int32(load.Dst)}, true
}

// fuseCount: dst += a small number; if dst op imm goto.
func fuseCount(ins []ir.Insn, code []insn) (out insn, ok bool) {
	if len(ins) < 2 || ins[1].Kind() != ir.KindBranch || ins[0].Dst != ins[1].Dst {
		return insn{}, false
	}
	row := ins[1].Row()
	op, ok := countCases[jumpCase{row.Cmp, row.Width, row.Src}]
	if !ok || !isALU(ins[0], ir.Add, row.Width, ir.K) || ins[0].Imm != int64(int8(ins[0].Imm)) {
		return insn{}, false
	}
	out = code[1]
	out.op, out.src, out.off = op, uint8(ins[0].Imm), out.off+int32(insnBytes)
	return out, true
}

// fuseMoves: dst = src; imm = aux.
func fuseMoves(ins []ir.Insn, _ []insn) (out insn, ok bool) {
	if len(ins) < 2 || !copies(ins[0], ir.W64) || !copies(ins[1], ir.W64) {
		return insn{}, false
	}
	return insn{op: opMovMov, dst: uint8(ins[0].Dst), src: uint8(ins[0].Src), aux: uint8(ins[1].Src), imm: int32(ins[1].Dst)}, true
}

// fuseMoveJump: dst = src, or dst = a byte; if aux op imm goto.
func fuseMoveJump(ins []ir.Insn, code []insn) (out insn, ok bool) {
	if len(ins) < 2 || ins[1].Kind() != ir.KindBranch {
		return insn{}, false
	}
	row := ins[1].Row()
	out = code[1]
	out.off += int32(insnBytes)
	out.dst, out.src, out.aux = uint8(ins[0].Dst), uint8(ins[0].Src), uint8(ins[1].Dst)
	set := ins[0].Row()
	switch {
	case isALU(ins[0], ir.Mov, ir.W64, ir.X):
		out.op, ok = moveJumpCases[jumpCase{row.Cmp, row.Width, row.Src}]
	case set.Kind == ir.KindALU && set.ALU == ir.Mov && set.Src == ir.K && ins[0].Imm == int64(uint8(ins[0].Imm)):
		out.src = uint8(ins[0].Imm)
		out.op, ok = setJumpCases[jumpCase{row.Cmp, row.Width, row.Src}]
	}
	return out, ok
}

// fuseLoadJump: dst = *(u8 *)(src + aux); if dst op imm goto.
func fuseLoadJump(ins []ir.Insn, code []insn) (out insn, ok bool) {
	if len(ins) < 2 || ins[0].Op != ir.OpLoad(ir.W8, false) || ins[1].Kind() != ir.KindBranch || ins[1].Dst != ins[0].Dst || int16(uint8(ins[0].Off)) != ins[0].Off {
		return insn{}, false
	}
	row := ins[1].Row()
	out = code[1]
	out.off += int32(insnBytes)
	out.dst, out.src, out.aux = uint8(ins[0].Dst), uint8(ins[0].Src), uint8(ins[0].Off)
	out.op, ok = loadJumpCases[jumpCase{row.Cmp, row.Width, row.Src}]
	return out, ok
}

// fuseAddMove: dst += imm; aux = src.
func fuseAddMove(ins []ir.Insn, _ []insn) (out insn, ok bool) {
	if len(ins) < 2 || !isALU(ins[0], ir.Add, ir.W64, ir.K) || !isALU(ins[1], ir.Mov, ir.W64, ir.X) {
		return insn{}, false
	}
	return insn{op: opAddMov, dst: uint8(ins[0].Dst), imm: int32(ins[0].Imm), aux: uint8(ins[1].Dst), src: uint8(ins[1].Src)}, true
}
