package verifier

import (
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
)

// A global function is verified by itself, for all arguments that its prototype
// allows; its callers are, for all that it may return and do. So neither depends on
// the other's code.
//
// Sound: by induction on the calls that are open. There are finitely many, since no
// function calls itself (flow.checkDepth): the innermost call runs from a state that
// the function's first one describes, as its caller's arguments were decided to keep
// to the prototype, and ends. What the caller then sees is described by callGlobal: a
// number in r0, any bytes in the memory that it handed over, no packet pointers where
// the function may move the packet, and all else as it was.
//
// Source: btf_check_func_arg_match, check_func_call and do_check_subprogs in
// kernel/bpf/verifier.c of Linux 6.18.

// anyone is the site of a global function's frame.
const anyone ir.PC = -2

// What is to be done for a function.
const (
	notCalled uint8 = iota
	called          // it is global and was called: it is to be walked
	walked
)

// checkGlobal decides a call of a global function: that its arguments are what the
// prototype says.
func (c *checker[E]) checkGlobal(s *state[E], g *ir.Prototype) decision {
	switch {
	case s.lock.held:
		return refuse(LockHeld, "global function calls are not allowed while holding a lock, use static function instead")
	case s.sect != section{} && c.prog.LoadFlags&abi.LoadSleepable != 0:
		// Walked by itself the function is in no such section, and may sleep.
		return unmodelled("a global function that is called where the program must not sleep is not modelled")
	case g.Void:
		return refuse(HelperArg, "global functions that return no number are not supported")
	}
	for i, a := range g.Params {
		if d := c.checkParam(s, ir.R1+ir.Reg(i), a); d.outcome != holds {
			return d
		}
	}
	return decision{}
}

func (c *checker[E]) checkParam(s *state[E], n ir.Reg, a ir.Param) decision {
	r := &s.top().regs[n]
	switch a.Kind {
	case ir.ParamNumber:
		if r.kind != scalar {
			return refuse(HelperArg, "R%d is not a scalar", n)
		}
		return decision{}
	case ir.ParamCtx:
		if r.kind != ctxPtr {
			return refuse(HelperArg, "arg#%d expects pointer to ctx", n-ir.R1)
		}
		return c.plainPointer(r, n)
	case ir.ParamOther:
		return unmodelled("argument %d of a global function, %s, is not modelled", n-ir.R0, a.Name)
	}
	if r.kind == scalar && r.val == c.w.zero && a.Null {
		return decision{}
	}
	if !a.Null && (r.null || r.kind == scalar) {
		return refuse(HelperArg, "arg#%d is expected to be non-NULL", n-ir.R1)
	}
	present := *r
	present.null = false
	switch r.kind {
	case packetPtr, packetMeta:
		return c.checkPacket(&present, n, 0, int64(a.Size), read|write)
	case mapValue:
		return c.checkMapValue(&present, n, 0, int64(a.Size), read|write)
	case memPtr, recordPtr, slicePtr:
		return c.checkBlock(&present, n, 0, int64(a.Size), read|write)
	case stackPtr:
		return c.checkStackRange(s, r, n, int64(a.Size), read|write)
	}
	return c.wrongType(r, n, "fp", "pkt", "pkt_meta", "map_value", "mem", "ringbuf_mem")
}

// callGlobal makes the state after the call of a global function.
func (e *engine[E]) callGlobal(s *state[E], target ir.PC, g *ir.Prototype) {
	fn := e.prog.FuncAt(target)
	if e.globals[fn] == notCalled {
		e.globals[fn] = called
	}
	fr := s.top()
	for i, a := range g.Params {
		if a.Kind == ir.ParamMem {
			e.stepper.helperAccess(s, &fr.regs[ir.R1+ir.Reg(i)], int64(a.Size), int64(a.Size), abi.ArgInOutMem)
		}
	}
	if e.flow.moves[fn] {
		e.stepper.movePacket(s)
	}
	e.stepper.clobber(fr, number(e.w.top))
}

// startGlobal puts aside the start of a global function that was called and not
// walked yet; it reports whether there was one.
func (e *engine[E]) startGlobal() bool {
	for fn, todo := range e.globals {
		if todo != called {
			continue
		}
		e.globals[fn] = walked
		s := e.take()
		s.frames, s.refs, s.lock = s.frames[:0], s.refs[:0], lock{}
		f := s.push(anyone, fn)
		f.life = e.stepper.newID()
		f.regs[ir.FP] = reg[E]{kind: stackPtr, val: e.w.zero}
		for i, a := range e.prog.Funcs[fn].Global.Params {
			r := &f.regs[ir.R1+ir.Reg(i)]
			switch a.Kind {
			case ir.ParamNumber:
				*r = number(e.w.top)
			case ir.ParamCtx:
				*r = reg[E]{kind: ctxPtr, val: e.w.zero}
			case ir.ParamMem:
				*r = reg[E]{kind: memPtr, null: a.Null, index: int32(a.Size), val: e.w.zero}
				if a.Null {
					r.id = e.stepper.newID()
				}
			}
		}
		e.emit.resume(-1)
		e.await(s, e.prog.Funcs[fn].PC, -1)
		return true
	}
	return false
}
