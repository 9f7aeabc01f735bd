package x86

import (
	"golang.org/x/arch/x86/x86asm"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
)

// FlowKind tells how execution goes on after an instruction.
type FlowKind uint8

// The ways to go on.
const (
	Next         FlowKind = iota // at in.End()
	Jump                         // at Target
	JumpIndirect                 // at the address Addr
	Branch                       // at Target where Cond holds, otherwise at in.End()
	Call                         // Target is called; Step has not pushed the return address
	CallIndirect                 // the same for the address Addr
	Return                       // at the address Addr, which Step has popped
	Trap                         // nowhere: an invalid-opcode exception
)

// Flow is how execution goes on.
type Flow[V any] struct {
	Kind   FlowKind
	Target int // offset in the image
	Cond   V   // one bit
	Addr   V   // 64 bits
	// Fault, where Faults is set, is the one-bit condition under which the
	// instruction raises a divide error instead.
	Fault  V
	Faults bool
}

// Step executes one instruction. Where it fails the state is not to be used:
// the error is an *UnsupportedError, an *UndefinedFlagError, or what the memory
// returned.
func (m *Machine[V]) Step(s *State[V], in Inst) (Flow[V], error) {
	a, b := in.Args[0], in.Args[1]
	switch in.class {
	case classNop:
		return Flow[V]{}, nil
	case classTrap:
		return Flow[V]{Kind: Trap}, nil
	case classJump, classCall, classBranch, classRet:
		return m.transfer(s, in)
	case classMul, classIMul:
		return Flow[V]{}, m.multiply(s, in)
	case classDiv:
		return m.divide(s, in)
	case classMov:
		x, err := m.read(s, b, in.Width)
		if err != nil {
			return Flow[V]{}, err
		}
		return Flow[V]{}, m.write(s, a, in.Width, x)
	case classLea:
		m.setRegister(s, a, m.A.Resize(m.address(s, b.Mem), ir.W64, a.Width, false))
		return Flow[V]{}, nil
	case classPush, classPop, classLeave:
		return Flow[V]{}, m.stack(s, in)
	case classMovExtend, classMovBE, classBSwap, classSign, classSet, classCmov:
		return Flow[V]{}, m.convert(s, in)
	case classXchg, classXadd, classCmpxchg:
		return Flow[V]{}, m.exchange(s, in)
	case classShift, classShiftX:
		return Flow[V]{}, m.shift(s, in)
	}
	return Flow[V]{}, m.arith(s, in)
}

func (m *Machine[V]) transfer(s *State[V], in Inst) (Flow[V], error) {
	switch {
	case in.class == classBranch:
		c, err := m.condition(s, in)
		return Flow[V]{Kind: Branch, Target: in.Target, Cond: c}, err
	case in.class == classRet:
		addr, err := m.Mem.Load(s.R[RSP], ir.W64)
		s.R[RSP] = m.A.Bin(sem.Add, ir.W64, s.R[RSP], m.A.Const(ir.W64, 8))
		return Flow[V]{Kind: Return, Addr: addr}, err
	}
	direct, indirect := Jump, JumpIndirect
	if in.class == classCall {
		direct, indirect = Call, CallIndirect
	}
	if in.Args[0].Kind == NoArg {
		return Flow[V]{Kind: direct, Target: in.Target}, nil
	}
	addr, err := m.read(s, in.Args[0], ir.W64)
	return Flow[V]{Kind: indirect, Addr: addr}, err
}

// stack executes push, pop and leave. Push of rsp stores its old value; pop
// to memory addressed by rsp uses its new one (SDM, PUSH and POP).
func (m *Machine[V]) stack(s *State[V], in Inst) error {
	eight := m.A.Const(ir.W64, 8)
	a := in.Args[0]
	switch in.class {
	case classPush:
		x, err := m.read(s, a, ir.W64)
		if err != nil {
			return err
		}
		s.R[RSP] = m.A.Bin(sem.Sub, ir.W64, s.R[RSP], eight)
		return m.Mem.Store(s.R[RSP], ir.W64, x)
	case classLeave:
		s.R[RSP] = s.R[RBP]
		a = Arg{Kind: ArgReg, Width: ir.W64, Reg: RBP}
	}
	x, err := m.Mem.Load(s.R[RSP], ir.W64)
	if err != nil {
		return err
	}
	s.R[RSP] = m.A.Bin(sem.Add, ir.W64, s.R[RSP], eight)
	return m.write(s, a, ir.W64, x)
}

// convert executes moves that change the form of a word.
func (m *Machine[V]) convert(s *State[V], in Inst) error {
	a, b, w := in.Args[0], in.Args[1], in.Width
	switch in.class {
	case classSign:
		m.sign(s, in.Op)
		return nil
	case classBSwap:
		m.setRegister(s, a, m.swap(w, m.register(s, a)))
		return nil
	case classSet:
		c, err := m.condition(s, in)
		if err != nil {
			return err
		}
		return m.write(s, a, w, m.A.Resize(c, ir.W1, ir.W8, false))
	case classCmov: // the source is read, and a 32-bit destination cleared, in either case
		c, err := m.condition(s, in)
		if err != nil {
			return err
		}
		x, err := m.read(s, b, w)
		if err != nil {
			return err
		}
		return m.write(s, a, w, m.A.Ite(c, x, m.register(s, a)))
	case classMovBE:
		x, err := m.read(s, b, w)
		if err != nil {
			return err
		}
		return m.write(s, a, w, m.swap(w, x))
	}
	x, err := m.read(s, b, b.Width)
	if err != nil {
		return err
	}
	return m.write(s, a, w, m.A.Resize(x, b.Width, w, in.Op != x86asm.MOVZX))
}

// swap reverses the bytes of a w-bit word.
func (m *Machine[V]) swap(w ir.Width, x V) V {
	r := m.A.Const(w, 0)
	for i := ir.Width(0); i < w; i += 8 {
		b := m.A.Bin(sem.And, w, m.A.Bin(sem.LShr, w, x, m.A.Const(w, uint64(i))), m.A.Const(w, 0xff))
		r = m.A.Bin(sem.Or, w, r, m.A.Bin(sem.Shl, w, b, m.A.Const(w, uint64(w-8-i))))
	}
	return r
}

// sign executes the sign extensions of rax.
func (m *Machine[V]) sign(s *State[V], op x86asm.Op) {
	part := func(r Reg, w ir.Width) Arg { return Arg{Kind: ArgReg, Reg: r, Width: w} }
	switch op {
	case x86asm.CWDE:
		m.setRegister(s, part(RAX, ir.W32), m.A.Resize(m.register(s, part(RAX, ir.W16)), ir.W16, ir.W32, true))
	case x86asm.CDQE:
		m.setRegister(s, part(RAX, ir.W64), m.A.Resize(m.register(s, part(RAX, ir.W32)), ir.W32, ir.W64, true))
	case x86asm.CDQ:
		m.setRegister(s, part(RDX, ir.W32), m.A.Bin(sem.AShr, ir.W32, m.register(s, part(RAX, ir.W32)), m.A.Const(ir.W32, 31)))
	case x86asm.CQO:
		s.R[RDX] = m.A.Bin(sem.AShr, ir.W64, s.R[RAX], m.A.Const(ir.W64, 63))
	}
}
