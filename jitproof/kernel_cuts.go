package jitproof

import (
	"github.com/bpfproof/bpfproof/ir"
)

// chooseCuts makes a cut of every instruction but those whose code is right only
// behind what comes in front of them: a division, behind the test that the divisor
// is not 0 (and of signed ones, not -1). Where such an instruction can be
// come to in several ways it is a cut, and the proof fails if it must not be.
func chooseCuts(img *image) []bool {
	p := img.p
	cuts := make([]bool, len(p.Insns))
	for pc, in := range p.Insns {
		cuts[pc] = in.Op != ir.OpPad
	}
	before := predecessors(p)
	join := func(pc ir.PC) { // what is at pc goes with what is in front of it
		if len(before[pc]) == 1 && p.Insns[before[pc][0]].Kind() != ir.KindCall {
			cuts[pc] = false
		}
	}
	for pc, in := range p.All() {
		row := in.Row()
		if row.Kind != ir.KindALU || row.Src != ir.X || row.ALU != ir.Div && row.ALU != ir.Mod && row.ALU != ir.SDiv && row.ALU != ir.SMod {
			continue
		}
		// The test itself may be on what instructions in front of it made of the
		// divisor, or of a blinded constant, in the kernel's own register.
		for at, n := pc, 0; n == 0 || n < guardInsns && img.kernel.readsAX(at, p.Insns[at]); n++ {
			join(at)
			if len(before[at]) != 1 {
				break
			}
			at = before[at][0]
		}
	}
	for _, f := range p.Funcs {
		cuts[f.PC] = true
	}
	return cuts
}

// guardInsns bounds the instructions of a guard.
const guardInsns = 8

// predecessors returns by PC the instructions that execution comes from, within
// their function and forward only: a PC that is jumped back to has one more.
func predecessors(p *ir.Program) [][]ir.PC {
	before := make([][]ir.PC, len(p.Insns))
	add := func(to, from ir.PC) {
		if int(to) >= len(before) {
			return
		}
		before[to] = append(before[to], from)
		if to <= from { // a loop's head stays a cut
			before[to] = append(before[to], from)
		}
	}
	for pc, in := range p.All() {
		if in.FallsThrough() {
			add(pc+in.Row().Slots(), pc)
		}
		if target, ok := in.Target(pc); ok && (in.Kind() == ir.KindJump || in.Kind() == ir.KindBranch) {
			add(target, pc)
		}
	}
	return before
}
