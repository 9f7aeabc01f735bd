package verifier

import (
	"fmt"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
)

// outcome is what became of an obligation.
type outcome uint8

const (
	holds    outcome = iota
	violated         // it was not shown to hold
	unknown          // the verifier does not model what it is about
)

// decision is an outcome with its reason. The zero decision is: it holds.
type decision struct {
	outcome outcome
	code    Code
	msg     string
}

func refuse(code Code, format string, args ...any) decision {
	return decision{violated, code, fmt.Sprintf(format, args...)}
}

func unmodelled(format string, args ...any) decision {
	return decision{unknown, Unsupported, fmt.Sprintf(format, args...)}
}

// checker decides obligations. It reads states and changes nothing.
type checker[E comparable] struct {
	w      words[E]
	policy Policy
	prog   *ir.Program
	ctx    *abi.Context
	kern   *kernel
	// based holds, by PC, the origin of the pointer that the instruction's access
	// was through on the paths walked before; 0 if there was none.
	based []int16
}

// decide tells whether the obligation of the instruction at pc holds in s.
func (c *checker[E]) decide(s *state[E], pc ir.PC, in ir.Insn, ob *obligation) decision {
	fr := s.top()
	switch ob.rule {
	case ruleRead:
		if fr.regs[ob.reg].kind == uninit {
			return refuse(UninitRead, "R%d !read_ok", ob.reg)
		}
	case ruleWrite:
		if ob.reg == ir.FP {
			return refuse(FrameWrite, "frame pointer is read only")
		}
	case ruleOperand:
		return checkOperand(in)
	case ruleArith:
		return c.checkArith(fr, in)
	case ruleLeak:
		return c.checkLeak(s, ob)
	case ruleAccess:
		return c.checkAccess(s, in, ob)
	case ruleSame:
		now, before := fr.regs[ob.reg].origin(), c.based[pc]
		if before != 0 && before != now && (rewritten(before) || rewritten(now)) {
			return refuse(MixedPointers, "same insn cannot be used with different pointers (R%d=%s)", ob.reg, fr.regs[ob.reg].name())
		}
	case ruleCompare:
		return c.checkCompare(fr, in, ob)
	case ruleMapRef:
		if target, ok := in.Target(pc); ok {
			if c.prog.GlobalAt(target) != nil {
				return refuse(HelperArg, "callback function not static")
			}
			return decision{}
		}
		return checkMapRef(c.prog, in)
	case ruleHelper:
		return c.checkHelper(s, in)
	case ruleArg:
		return c.checkArg(s, in, ob)
	case ruleFrame:
		if target, ok := in.Target(pc); ok {
			if g := c.prog.GlobalAt(target); g != nil {
				return c.checkGlobal(s, g)
			}
		}
		if len(s.frames) >= ir.MaxFrames {
			return refuse(CallDepth, "the call stack of %d frames is too deep", len(s.frames))
		}
	case ruleReturn:
		return c.checkReturn(s)
	case ruleSkb:
		return c.checkSkb(fr)
	case ruleHeld:
		return c.checkHeld(s, in)
	default:
		if in.Row().Pseudo == ir.CallX && in.Kind() == ir.KindCall {
			return refuse(IndirectCall, "call of the address in R%d: only known functions are called", in.Dst)
		}
		if missing(c.prog, pc) {
			return refuse(HelperUnknown, "invalid kernel function call not eliminated in verifier pass")
		}
		if in.Kind() == ir.KindCall && in.Row().Pseudo == ir.CallKfunc {
			return c.checkKfunc(s, pc, in)
		}
		if isVar(&in) {
			return c.checkVar(pc, in)
		}
		return unmodelled("%s is not modelled", in.Op)
	}
	return decision{}
}

// plain reports that the instruction computes with numbers, or compares them,
// and that all its obligations hold: the most frequent case, decided without
// listing them.
//
// Sound: it demands what ruleRead, ruleWrite and ruleOperand demand; with
// numbers alone ruleArith and ruleCompare hold.
func (c *checker[E]) plain(fr *frame[E], in ir.Insn) bool {
	row := in.Row()
	if row.Src == ir.X && fr.regs[in.Src].kind != scalar {
		return false
	}
	switch row.Kind {
	case ir.KindBranch:
		return fr.regs[in.Dst].kind == scalar
	case ir.KindALU:
		if in.Dst == ir.FP || row.ALU == ir.Neg {
			return false
		}
		moves := row.ALU == ir.Mov || row.ALU.MovSX() != 0
		return (moves || fr.regs[in.Dst].kind == scalar) && (row.Src != ir.K || row.Meaningful(in.Imm))
	}
	return false
}

// checkOperand refuses immediates without a meaning: the kernel does, though
// the instruction set defines division by zero and masks shift amounts.
func checkOperand(in ir.Insn) decision {
	row := in.Row()
	switch {
	case row.Src != ir.K || row.Meaningful(in.Imm):
		return decision{}
	case in.Imm == 0:
		return refuse(BadOperand, "div by zero")
	}
	return refuse(BadOperand, "invalid shift %d", in.Imm)
}

// checkMapRef decides a 64-bit load of a map or of a map value's address.
func checkMapRef(p *ir.Program, in ir.Insn) decision {
	index, off, _ := in.Map()
	m := p.Maps[index]
	if k := in.Row().Pseudo; k == ir.PseudoMapFD || k == ir.PseudoMapIdx {
		return decision{}
	}
	switch {
	case m.Type == ir.Arena:
		return unmodelled("memory of map kind %s is not modelled", m.Type)
	case m.Type != ir.Array || m.MaxEntries != 1:
		return refuse(MapReference, "map %q (%s, %d entries) gives no direct value", m.Name, m.Type, m.MaxEntries)
	case off >= maxVar:
		return refuse(MapReference, "direct value offset of %d is not allowed", off)
	case off >= m.ValueSize:
		return refuse(MapReference, "invalid access to map value pointer, value_size=%d off=%d", m.ValueSize, off)
	}
	return decision{}
}

// checkLeak decides whether the content of ob.other may be stored behind
// ob.reg. A stack pointer must not be stored in a frame that outlives its own.
func (c *checker[E]) checkLeak(s *state[E], ob *obligation) decision {
	fr := s.top()
	base, v := &fr.regs[ob.reg], &fr.regs[ob.other]
	if !v.pointer() {
		return decision{}
	}
	if c.policy.Unprivileged && ob.mode&atomic != 0 {
		return refuse(PtrLeak, "R%d leaks addr into mem", ob.other)
	}
	if base.kind == stackPtr {
		if v.kind == stackPtr && int(base.frame) != len(s.frames)-1 {
			return refuse(StackEscape, "cannot spill pointers to stack into stack frame of the caller")
		}
		return decision{}
	}
	if c.policy.Unprivileged {
		where := map[kind]string{ctxPtr: "ctx", packetPtr: "packet", mapValue: "map"}[base.kind]
		return refuse(PtrLeak, "R%d leaks addr into %s", ob.other, where)
	}
	return decision{}
}

// checkCompare decides a comparison: without privileges a pointer may only be
// compared with null, or with another pointer of the same packet.
func (c *checker[E]) checkCompare(fr *frame[E], in ir.Insn, ob *obligation) decision {
	if !c.policy.Unprivileged {
		return decision{}
	}
	x := &fr.regs[ob.reg]
	if ob.other == noReg {
		equality := in.Row().Width == ir.W64 && (in.Row().Cmp == ir.JEQ || in.Row().Cmp == ir.JNE)
		if x.pointer() && !(equality && in.Imm == 0 && (x.null || c.w.notNull(x))) {
			return refuse(PtrLeak, "R%d pointer comparison prohibited", ob.reg)
		}
		return decision{}
	}
	y := &fr.regs[ob.other]
	if !x.pointer() && !y.pointer() {
		return decision{}
	}
	inPacket := func(r *reg[E]) bool { return r.packet() || r.kind == packetEnd }
	if inPacket(x) && inPacket(y) && in.Row().Width == ir.W64 {
		return decision{}
	}
	if y.pointer() {
		return refuse(PtrLeak, "R%d pointer comparison prohibited", ob.other)
	}
	return refuse(PtrLeak, "R%d pointer comparison prohibited", ob.reg)
}

// checkReturn decides an exit, from a subprogram, a callback or the program.
func (c *checker[E]) checkReturn(s *state[E]) decision {
	r := &s.top().regs[ir.R0]
	lo, hi, what := c.ctx.RetMin, c.ctx.RetMax, "program exit"
	if cb := s.top().back; cb != nil {
		lo, hi, what = 0, cb.RetMax, "callback return"
	} else if len(s.frames) > 1 {
		if r.kind == stackPtr {
			return refuse(StackEscape, "cannot return stack pointer to the caller")
		}
		return decision{}
	}
	if s.top().site == anyone && r.kind != scalar {
		return refuse(ReturnValue, "At subprogram exit the register R0 is not a scalar value (%s)", r.name())
	}
	switch {
	case r.kind == uninit:
		return refuse(UninitRead, "R0 !read_ok")
	case r.pointer() && c.policy.Unprivileged:
		return refuse(PtrLeak, "R0 leaks addr as return value")
	case s.top().site == anyone, s.top().back == nil && !c.ctx.Bounded():
		return decision{}
	case r.pointer():
		return refuse(ReturnValue, "At %s the register R0 is not a known value (%s)", what, r.name())
	}
	val := r.val
	if h := c.kern.hook; h != nil && h.low && s.top().back == nil {
		val = c.w.d.Resize(c.w.d.Resize(val, ir.W64, ir.W32, false), ir.W32, ir.W64, true)
	}
	if b := c.w.bounds(val); b.SMin < lo || b.SMax > hi {
		return refuse(ReturnValue, "At %s the register R0 has smin=%d smax=%d should have been in [%d, %d]", what, b.SMin, b.SMax, lo, hi)
	}
	return decision{}
}

// checkHeld decides an instruction that may end the program: it must hold no
// reference and no lock then.
func (c *checker[E]) checkHeld(s *state[E], in ir.Insn) decision {
	what, held := "BPF_EXIT instruction in main prog", 0
	if in.Kind() == ir.KindExit && len(s.frames) > 1 {
		if s.top().back == nil {
			return decision{}
		}
		what, held = "BPF_EXIT instruction in a callback", s.top().held
	}
	switch in.Kind() {
	case ir.KindLoadPacket:
		what = "BPF_LD_[ABS|IND]"
	case ir.KindCall:
		what = "tail_call"
	}
	for i := range s.frames {
		if s.frames[i].back != nil && in.Kind() != ir.KindExit {
			return unmodelled("%s in a callback is not modelled", what)
		}
	}
	if s.lock.held {
		return refuse(LockHeld, "%s cannot be used inside bpf_spin_lock-ed region", what)
	}
	if s.sect != (section{}) && (s.top().back == nil || in.Kind() != ir.KindExit) {
		return refuse(LockHeld, "%s cannot be used inside bpf_rcu_read_lock-ed region or bpf_preempt_disable-ed region", what)
	}
	if len(s.refs) > held {
		return refuse(RefLeak, "Unreleased reference id=%d: %s would lead to reference leak", s.refs[len(s.refs)-1], what)
	}
	return decision{}
}

// checkSkb decides LD_ABS and LD_IND, which read the packet of the context in
// r6.
func (c *checker[E]) checkSkb(fr *frame[E]) decision {
	switch c.prog.Type {
	case ir.SocketFilter, ir.SchedCLS, ir.SchedACT:
	default:
		return refuse(HelperUnknown, "BPF_LD_[ABS|IND] instructions not allowed for this program type")
	}
	r := &fr.regs[ir.R6]
	if off, ok := c.w.fixed(r); r.kind != ctxPtr || !ok || off != 0 {
		return refuse(HelperArg, "at the time of BPF_LD_ABS|IND R6 != pointer to skb")
	}
	return decision{}
}
