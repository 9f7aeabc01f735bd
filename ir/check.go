package ir

import (
	"fmt"
	"slices"
)

// FormError says why a program is not well-formed.
type FormError struct {
	PC     PC
	Reason string
}

func (e *FormError) Error() string { return fmt.Sprintf("ir: insn %d: %s", e.PC, e.Reason) }

func malformed(pc PC, format string, args ...any) error {
	return &FormError{PC: pc, Reason: fmt.Sprintf(format, args...)}
}

// Check reports whether the program is well-formed: operations and registers
// exist, every 64-bit load has its second slot, jumps and calls stay inside
// the program and inside their subprogram and do not lead into the middle of
// a load, map references exist, and no subprogram runs off its end. The error
// is a *FormError. It says nothing of safety: that is the verifier's.
//
// Source: RFC 9669; check_subprogs and check_cfg in kernel/bpf/verifier.c of
// Linux 6.18 refuse the same.
func (p *Program) Check() error {
	if len(p.Insns) == 0 {
		return malformed(0, "program has no instructions")
	}
	if len(p.Insns) > MaxSlots {
		return malformed(0, "program has %d slots, more than %d", len(p.Insns), MaxSlots)
	}
	if err := p.checkFuncs(); err != nil {
		return err
	}
	end := PC(0) // of the function that pc is in
	for i := range p.Insns {
		pc := PC(i)
		if pc >= end {
			end = p.funcEnd(p.FuncAt(pc))
		}
		if err := p.checkInsn(pc, end); err != nil {
			return err
		}
	}
	return nil
}

// funcEnd returns the PC behind the function of that index, which is the whole
// program where it lists none.
func (p *Program) funcEnd(i int) PC {
	if i+1 < len(p.Funcs) {
		return p.Funcs[i+1].PC
	}
	return p.Slots()
}

func (p *Program) checkFuncs() error {
	for i, f := range p.Funcs {
		switch {
		case i == 0 && f.PC != 0:
			return malformed(f.PC, "first function %q does not start at 0", f.Name)
		case i > 0 && f.PC <= p.Funcs[i-1].PC:
			return malformed(f.PC, "function %q is out of order", f.Name)
		case f.PC >= p.Slots():
			return malformed(f.PC, "function %q starts outside the program", f.Name)
		case f.Global != nil && (i == 0 || len(f.Global.Params) > 5):
			return malformed(f.PC, "function %q is global and the main program, or takes more than five arguments", f.Name)
		case p.Insns[f.PC].Op == OpPad:
			return malformed(f.PC, "function %q starts in the middle of a 64-bit load", f.Name)
		}
	}
	return nil
}

// checkInsn checks the instruction at pc, whose function reaches to end.
func (p *Program) checkInsn(pc, end PC) error {
	in := &p.Insns[pc]
	row := in.Op.Row()
	if err := in.check(row, pc); err != nil {
		return err
	}
	switch row.Kind {
	case KindPad:
		if pc == 0 || p.Insns[pc-1].Kind() != KindLoadImm {
			return malformed(pc, "second half of a 64-bit load without the first")
		}
		return nil
	case KindLoadImm:
		if pc+1 == p.Slots() || p.Insns[pc+1].Op != OpPad {
			return malformed(pc, "64-bit load without its second half")
		}
	}
	if target, ok := in.Target(pc); ok {
		if err := p.checkTarget(row, pc, target); err != nil {
			return err
		}
	}
	if pc+row.Slots() >= end && in.FallsThrough() {
		return malformed(pc, "%s: execution runs off the end of the function", row.Name)
	}
	if m, _, ok := in.Map(); ok && (m < 0 || m >= len(p.Maps)) {
		return malformed(pc, "map %d does not exist: the program has %d", m, len(p.Maps))
	}
	return nil
}

// Check reports whether the instruction at pc has a known operation and fields
// that the operation takes: registers that exist, zero in what it does not use,
// an immediate that fits. The error is a *FormError. It does not look at the
// instructions around: see [Program.Check].
func (in Insn) Check(pc PC) error { return in.check(in.Row(), pc) }

func (in *Insn) check(row *Row, pc PC) error {
	switch {
	case row.Kind == KindInvalid:
		return malformed(pc, "unknown operation %d", in.Op)
	case !in.Dst.Valid():
		return malformed(pc, "%s: destination register %v does not exist", row.Name, in.Dst)
	case !in.Src.Valid():
		return malformed(pc, "%s: source register %v does not exist", row.Name, in.Src)
	case row.Uses&UseDst == 0 && in.Dst != 0:
		return malformed(pc, "%s: unused destination %v is not r0", row.Name, in.Dst)
	case row.Uses&UseSrc == 0 && in.Src != 0:
		return malformed(pc, "%s: unused source %v is not r0", row.Name, in.Src)
	case row.Uses&UseOff == 0 && in.Off != 0:
		return malformed(pc, "%s: unused offset %d is not zero", row.Name, in.Off)
	case row.Uses&(UseImm|UseImm64) == 0 && in.Imm != 0:
		return malformed(pc, "%s: unused immediate %#x is not zero", row.Name, in.Imm)
	case row.Uses&UseImm64 == 0 && in.Imm != int64(int32(in.Imm)):
		return malformed(pc, "%s: immediate %#x does not fit 32 bits", row.Name, in.Imm)
	}
	return nil
}

// checkTarget checks where the instruction at pc leads to.
func (p *Program) checkTarget(row *Row, pc, target PC) error {
	switch {
	case target < 0 || target >= p.Slots():
		return malformed(pc, "%s: target %d is outside the program", row.Name, target)
	case p.Insns[target].Op == OpPad:
		return malformed(pc, "%s: target %d is the middle of a 64-bit load", row.Name, target)
	}
	call := row.Kind == KindCall || row.Kind == KindLoadImm
	if !call && p.FuncAt(pc) != p.FuncAt(target) {
		return malformed(pc, "%s: jump to %d leaves its function", row.Name, target)
	}
	if call && len(p.Funcs) > 0 && p.Funcs[p.FuncAt(target)].PC != target {
		return malformed(pc, "%s: target %d is not the start of a function", row.Name, target)
	}
	return nil
}

// FindFuncs fills Funcs from the local calls and function references where the
// program lists no functions: the main program at 0 and every target, named
// "sub_PC". Targets outside the program are passed over; Check refuses them.
func (p *Program) FindFuncs() {
	var starts []PC
	if p.Slots() > 0 {
		starts = append(starts, 0)
	}
	for pc, in := range p.All() {
		if k := in.Kind(); k != KindCall && k != KindLoadImm {
			continue
		}
		if target, ok := in.Target(pc); ok && target >= 0 && target < p.Slots() {
			starts = append(starts, target)
		}
	}
	slices.Sort(starts)
	p.Funcs = p.Funcs[:0:0]
	for _, pc := range slices.Compact(starts) {
		name := fmt.Sprintf("sub_%d", pc)
		if pc == 0 {
			name = p.Name
		}
		p.Funcs = append(p.Funcs, Func{Name: name, PC: pc})
	}
}
