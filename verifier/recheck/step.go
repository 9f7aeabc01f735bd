package recheck

import (
	"github.com/bpfproof/bpfproof/absint"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/verifier/invariant"
	"github.com/bpfproof/bpfproof/verifier/recheck/ending"
)

// step checks that the instruction at pc may run in s, and puts what the machine
// may be afterwards into c.out. It writes s over.
func (c *checker[E]) step(s *state[E], pc ir.PC) error {
	in := c.prog.Insns[pc]
	row := in.Row()
	fr := s.Top()
	if row.Src == ir.X || row.Kind == ir.KindStoreRelease {
		if err := readable(fr, in.Src); err != nil {
			return err
		}
	}
	if in.WritesFP() {
		return refuse("the frame pointer is written")
	}
	var err error
	switch row.Kind {
	case ir.KindALU, ir.KindSwap:
		err = c.alu(s, in)
	case ir.KindLoadImm:
		err = c.loadImm(fr, pc, in)
	case ir.KindLoad, ir.KindLoadAcquire:
		err = c.load(s, in)
	case ir.KindStore, ir.KindStoreRelease:
		err = c.store(s, in)
	case ir.KindAtomic:
		err = c.atomic(s, in)
	case ir.KindJump:
		pc, _ = in.Target(pc)
		c.on(pc, s)
		return nil
	case ir.KindBranch:
		return c.branch(s, pc, in)
	case ir.KindMayGoto:
		to, _ := in.Target(pc)
		c.on(to, copied(s))
		c.on(pc+1, s)
		c.bounded(ending.Counted, s, pc)
		return nil
	case ir.KindLoadPacket:
		err = c.loadPacket(s, in)
	case ir.KindCall:
		if row.Pseudo == ir.CallLocal {
			return c.call(s, pc, in)
		}
		return c.helper(s, pc, in)
	case ir.KindExit:
		return c.exit(s)
	default:
		err = unknown("%s", row.Name)
	}
	if err == nil {
		c.on(pc+row.Slots(), s)
	}
	return err
}

func readable[E comparable](fr *frame[E], r ir.Reg) error {
	if fr.Regs[r].Kind == invariant.None {
		return refuse("r%d is read before it was set", r)
	}
	return nil
}

// alu executes arithmetic and byte order conversions.
//
// Sound: numbers by the domain's operators; x - y and x ^ y of copies of one
// word, and sums with a known number, by their links. Pointers are copied, and
// moved by numbers; all else that is done to them gives any number.
func (c *checker[E]) alu(s *state[E], in ir.Insn) error {
	row := in.Row()
	fr := s.Top()
	moves := row.ALU == ir.Mov || row.ALU.MovSX() != 0
	if !moves {
		if err := readable(fr, in.Dst); err != nil {
			return err
		}
	}
	if row.Src == ir.K && !row.Meaningful(in.Imm) {
		return refuse("%s by the constant %d", row.Name, in.Imm)
	}
	x, y := fr.Regs[in.Dst], number(c.num(in.Imm))
	if row.Src == ir.X {
		y = fr.Regs[in.Src]
	}
	switch {
	case row.ALU == ir.Mov && row.Src == ir.X && (row.Width == ir.W64 || y.Kind == invariant.Scalar && c.fits(y.Val, ir.W32)):
		c.linked(s, &fr.Regs[in.Src])
		fr.Regs[in.Dst] = fr.Regs[in.Src]
	case moves && !y.Pointer(), !x.Pointer() && !y.Pointer():
		fr.Regs[in.Dst] = c.arith(in, &x, &y)
	case x.Pointer() && !y.Pointer():
		fr.Regs[in.Dst] = c.moved(s, in, &x, &y)
	case y.Pointer() && !x.Pointer() && row.ALU == ir.Add:
		fr.Regs[in.Dst] = c.moved(s, in, &y, &x)
	default:
		fr.Regs[in.Dst] = c.any(row.Width)
	}
	return nil
}

// arith returns x op y for numbers.
func (c *checker[E]) arith(in ir.Insn, x, y *reg[E]) reg[E] {
	row := in.Row()
	if row.Kind == ir.KindSwap {
		return number(absint.Swap[E](c.d, row.Swap, row.Width, x.Val))
	}
	if row.Src == ir.X && (in.Dst == in.Src || x.ID != 0 && x.ID == y.ID) {
		apart := int64(x.Off) - int64(y.Off) // 0 where both are one register
		switch {
		case row.ALU == ir.Sub:
			return number(c.num(apart & int64(row.Width.Mask())))
		case row.ALU == ir.Xor && apart == 0:
			return number(c.zero)
		}
	}
	b := y.Val
	if row.ALU == ir.Neg {
		b = x.Val
	}
	if row.Width != ir.W64 {
		return number(absint.LowALU[E](c.d, row.ALU, ir.W64, row.Width, x.Val, b))
	}
	r := number(absint.ALU[E](c.d, row.ALU, ir.W64, x.Val, b))
	if n, known := c.known(y.Val); known && x.ID != 0 && n == int64(int32(n)) {
		off := int64(x.Off) + n
		if row.ALU == ir.Sub {
			off = int64(x.Off) - n
		}
		if (row.ALU == ir.Add || row.ALU == ir.Sub) && off == int64(int32(off)) {
			r.ID, r.Off = x.ID, int32(off)
		}
	}
	return r
}

// still lists the pointers that are not moved: what is added to them makes any
// number.
var still = [...]bool{invariant.PacketEnd: true, invariant.Map: true, invariant.Object: true, invariant.Func: true}

// moved returns pointer p plus or minus the number n, or any number where its
// offset would be too large to follow.
//
// Sound: address = object + Off + Val before and after, modulo 2^64: a known n
// goes to Off, another to Val. A packet pointer whose Val changes no longer has
// that of others; its range stays true if Val does not grow, and wraps neither
// before nor after. A pointer that may be 0 is not moved: 0 + n is no pointer.
func (c *checker[E]) moved(s *state[E], in ir.Insn, p, n *reg[E]) reg[E] {
	row := in.Row()
	x, known := c.known(n.Val)
	if known && x == 0 && row.Width == ir.W64 && (row.ALU == ir.Add || row.ALU == ir.Sub) {
		return *p
	}
	if row.Width != ir.W64 || row.ALU != ir.Add && row.ALU != ir.Sub || p.Null || int(p.Kind) < len(still) && still[p.Kind] {
		return c.any(row.Width)
	}
	q := *p
	if known {
		if row.ALU == ir.Sub {
			x = -x
		}
		off := int64(p.Off) + x
		if x <= -1<<32 || x >= 1<<32 || off != int64(int32(off)) {
			return c.any(ir.W64)
		}
		q.Off, q.Range = int32(off), max(q.Range, 0)
		return q
	}
	q.Val = absint.ALU[E](c.d, row.ALU, ir.W64, p.Val, n.Val)
	if !p.InPacket() {
		return q
	}
	_, _, before := c.span(p)
	_, _, after := c.span(&q)
	q.ID, q.Range = s.Fresh(), max(q.Range, 0)
	if row.ALU == ir.Add || c.bounds(n.Val).SMin < 0 || !before || !after {
		q.Range = 0
	}
	return q
}

// loadImm executes a 64-bit load of a number, a map, the address of a map's
// value, or a function.
func (c *checker[E]) loadImm(fr *frame[E], pc ir.PC, in ir.Insn) error {
	r := number(c.num(in.Imm))
	index, off, _ := in.Map()
	switch pseudo := in.Row().Pseudo; pseudo {
	case ir.PseudoNone:
	case ir.PseudoMapFD, ir.PseudoMapIdx:
		r = reg[E]{Kind: invariant.Map, Index: int32(index), Val: c.zero}
	case ir.PseudoMapValue, ir.PseudoMapIdxV:
		m := c.prog.Maps[index]
		if m.Type != ir.Array || m.MaxEntries != 1 || off >= m.ValueSize || off >= maxVar {
			return refuse("map %q gives no address of its value at %d", m.Name, off)
		}
		r = reg[E]{Kind: invariant.MapValue, Index: int32(index), Off: int32(off), Val: c.zero}
	case ir.PseudoFunc:
		to, _ := in.Target(pc)
		if c.prog.GlobalAt(to) != nil {
			return refuse("a callback is global")
		}
		r = reg[E]{Kind: invariant.Func, Index: int32(to), Val: c.zero}
	default:
		return unknown("64-bit load of kind %d", pseudo)
	}
	fr.Regs[in.Dst] = r
	return nil
}

// loadPacket executes LD_ABS and LD_IND, which end the program, or the function
// with the result 0, outside of the packet.
func (c *checker[E]) loadPacket(s *state[E], in ir.Insn) error {
	fr := s.Top()
	if t := c.prog.Type; t != ir.SocketFilter && t != ir.SchedCLS && t != ir.SchedACT {
		return refuse("packet loads in programs of type %s", t)
	}
	if err := c.plain(s, &fr.Regs[ir.R6], invariant.Ctx); err != nil {
		return err
	}
	if err := c.mayEnd(s, in); err != nil {
		return err
	}
	if len(s.Frames) > 1 {
		c.leave(copied(s), c.zero)
	}
	c.called(fr, c.any(in.Row().Width))
	return nil
}

// called sets a call's result; its arguments are gone.
func (c *checker[E]) called(fr *frame[E], r0 reg[E]) {
	for n := ir.R1; n <= ir.R5; n++ {
		fr.Regs[n] = reg[E]{}
	}
	fr.Regs[ir.R0] = r0
}

// mayEnd checks that the program holds nothing where an instruction may end it.
func (c *checker[E]) mayEnd(s *state[E], in ir.Insn) error {
	if s.Lock.Held || len(s.Refs) > 0 {
		return refuse("a lock or %d references are held at %s", len(s.Refs), in.Row().Name)
	}
	for i := range s.Frames {
		if in.Kind() != ir.KindExit && abi.CallbackAt(c.prog, s.Frames[i].Site) != nil {
			return unknown("%s in a callback", in.Row().Name)
		}
	}
	return nil
}

// call enters a function: it has the arguments, the caller keeps r6 to r9 and
// its stack.
func (c *checker[E]) call(s *state[E], pc ir.PC, in ir.Insn) error {
	to, _ := in.Target(pc)
	if g := c.prog.GlobalAt(to); g != nil {
		return c.global(s, pc, to, g)
	}
	if len(s.Frames) >= ir.MaxFrames {
		return refuse("calls nest deeper than %d frames", ir.MaxFrames)
	}
	s.Push(pc)
	n := len(s.Frames)
	caller, callee := &s.Frames[n-2], &s.Frames[n-1]
	copy(callee.Regs[ir.R1:ir.R6], caller.Regs[ir.R1:ir.R6])
	callee.Regs[ir.FP] = reg[E]{Kind: invariant.Stack, Frame: uint8(n - 1), Val: c.zero}
	c.called(caller, reg[E]{})
	c.on(to, s)
	return nil
}

// global calls a global function: it is one of the program's starts, with any
// arguments that it takes, and whoever calls it knows of it only that. It is like a
// helper that writes the memory it is given, and may move the packet.
func (c *checker[E]) global(s *state[E], pc, to ir.PC, g *ir.Prototype) error {
	if s.Lock.Held || g.Void {
		return refuse("a global function is called with a lock held, or returns nothing")
	}
	v := invocation[E]{h: &abi.Helper{Packet: true, MovesData: c.moves[c.prog.FuncAt(to)]}}
	copy(v.arg[:], s.Top().Regs[ir.R1:ir.R6])
	t, err := &state[E]{}, error(nil)
	f := t.Push(invariant.Anyone)
	f.Regs[ir.FP] = reg[E]{Kind: invariant.Stack, Val: c.zero}
	for i, a := range g.Params {
		r, arg := &v.arg[i], &f.Regs[ir.R1+ir.Reg(i)]
		switch a.Kind {
		case ir.ParamNumber:
			*arg = number(c.top)
			if r.Kind != invariant.Scalar {
				err = refuse("%v is no number", *r)
			}
		case ir.ParamCtx:
			*arg = reg[E]{Kind: invariant.Ctx, Val: c.zero}
			err = c.plain(s, r, invariant.Ctx)
		case ir.ParamMem:
			*arg = reg[E]{Kind: invariant.Memory, Null: a.Null, ID: t.Fresh(), Index: int32(a.Size), Val: c.zero}
			if r.Null = r.Null && !a.Null; !a.Null || r.Kind != invariant.Scalar || r.Val != c.zero {
				err = c.memory(s, &v, i, int64(a.Size), int64(a.Size), access{read: true, write: true})
			}
		default:
			err = unknown("argument %s of a global function", a.Name)
		}
		if err != nil {
			return err
		}
	}
	c.on(to, t)
	c.bounded(ending.Apart, s, pc)
	c.effects(s, &v)
	c.called(s.Top(), number(c.top))
	c.on(pc+1, s)
	return nil
}

// exit ends the program, a callback or a function.
func (c *checker[E]) exit(s *state[E]) error {
	fr := s.Top()
	r0 := fr.Regs[ir.R0]
	lo, hi, what := c.ctx.RetMin, c.ctx.RetMax, "the program"
	switch cb := abi.CallbackAt(c.prog, fr.Site); {
	case cb != nil:
		lo, hi, what = 0, cb.RetMax, "the callback"
	case fr.Site == invariant.Anyone:
		lo, hi, what = -1<<63, 1<<63-1, "the function"
		if r0.Kind != invariant.Scalar {
			return refuse("a global function returns %v", r0)
		}
	case len(s.Frames) > 1:
		s.Frames[len(s.Frames)-2].Regs[ir.R0] = r0
		s.Pop(c.top)
		c.on(fr.Site+1, s)
		return nil
	}
	b := c.bounds(r0.Val)
	switch {
	case r0.Kind == invariant.None:
		return refuse("r0 was not set at the end of %s", what)
	case (lo != -1<<63 || hi != 1<<63-1) && (r0.Kind != invariant.Scalar || b.SMin < lo || b.SMax > hi):
		return refuse("%s returns %v, not a number in [%d, %d]", what, r0, lo, hi)
	}
	if len(s.Frames) == 1 {
		return c.mayEnd(s, ir.Insn{Op: ir.OpExit()})
	}
	s.Pop(c.top)
	c.on(fr.Site, s) // the helper goes on
	return nil
}

// leave adds the way on which a function ends in its middle and returns r0.
func (c *checker[E]) leave(s *state[E], r0 E) {
	site := s.Top().Site
	s.Pop(c.top)
	s.Top().Regs[ir.R0] = number(r0)
	c.on(site+1, s)
}
