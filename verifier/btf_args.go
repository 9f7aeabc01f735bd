package verifier

import (
	"slices"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/ir/ktypes"
)

// The helpers that programs have by what they are attached to, beyond those of all
// that trace.
var (
	trampolineHelpers = []abi.HelperID{173, 174, 183, 185} // get_func_ip, get_attach_cookie, get_func_arg, get_func_arg_cnt
	resultHelper      = abi.HelperID(184)                  // get_func_ret
	lsmHelpers        = []abi.HelperID{93, 94, 107, 108, 145, 146, 159}
	imaHelpers        = []abi.HelperID{161, 193}
	pathHelper        = abi.HelperID(147)
	sockIterHelpers   = []abi.HelperID{49, 57} // setsockopt, getsockopt
	sockIters         = []string{"tcp", "unix"}
)

// available tells whether the program may call the helper, by its type and what it
// is attached to.
//
// Source: tracing_prog_func_proto in kernel/trace/bpf_trace.c and
// bpf_lsm_func_proto in kernel/bpf/bpf_lsm.c of Linux 6.12; for all else
// abi.Available.
func (c *checker[E]) available(id abi.HelperID) (available, known bool) {
	t, a := c.prog.Type, abi.AttachType(c.prog.AttachType)
	if a == abi.AttachTraceIter && slices.Contains(sockIterHelpers, id) && slices.Contains(sockIters, c.prog.AttachTo) {
		return true, true
	}
	if c.kern.hook == nil || a == abi.AttachTraceIter {
		return abi.Available(id, t, a)
	}
	switch {
	case id == pathHelper:
		return a != abi.AttachTraceRawTP && abi.PathAllowed(c.prog.AttachTo, t == ir.LSM), true
	case t == ir.LSM && slices.Contains(imaHelpers, id):
		return c.prog.LoadFlags&abi.LoadSleepable != 0, true
	case t == ir.LSM && slices.Contains(lsmHelpers, id):
		return true, true
	case a != abi.AttachTraceRawTP && slices.Contains(trampolineHelpers, id):
		return t != ir.LSM || id == 174, true
	case id == resultHelper:
		return a == abi.AttachTraceFexit || a == abi.AttachModifyReturn, true
	}
	return abi.Available(id, ir.Tracing, abi.AttachTraceRawTP)
}

// checkStructArg decides an argument that points to a structure of the kernel.
//
// Source: check_reg_type in kernel/bpf/verifier.c of Linux 6.12, of which
// PTR_TO_BTF_ID takes pointers that nobody vouches for, but none that are marked
// untrusted.
func (c *checker[E]) checkStructArg(s *state[E], r *reg[E], h *abi.Helper, ob *obligation) decision {
	i := int(ob.reg - ir.R1)
	structs, listed := abi.LookupHelperStructs(h.ID)
	want := structs.Args[i]
	switch ob.arg {
	case abi.ArgKptr:
		return c.checkKptrArg(s, r, ob.reg)
	case abi.ArgBTFRelease:
		return c.checkExchanged(s, r, ob.reg)
	case abi.ArgDynptr, abi.ArgDynptrUninit, abi.ArgDynptrRelease:
		return c.checkDynptrArg(s, r, h, ob)
	case abi.ArgPerCPU:
		if r.kind != btfPtr && r.kind != memPtr || r.null || r.frame&perCPU == 0 || r.frame&^(perCPU|trusted|rcuHeld|readMem) != 0 {
			return c.wrongType(r, ob.reg, "percpu_ptr_", "percpu_rcu_ptr_", "percpu_trusted_ptr_")
		}
		if _, fixed := c.w.fixed(r); !fixed {
			return refuse(HelperArg, "variable %s access var_off=%v disallowed", r.name(), c.w.ranges(r.val))
		}
		return decision{}
	case abi.ArgBTF:
	default:
		return unmodelled("argument %d of helper %s, a kernel structure, is not modelled", i+1, h.Name)
	}
	id := c.kern.id(want)
	switch {
	case r.null && !h.MayBeNull(i) || r.kind != btfPtr && r.kind != objPtr:
		return c.wrongType(r, ob.reg, "ptr_"+want)
	case r.kind == objPtr && want == "sock_common":
		return c.plainPointer(r, ob.reg)
	case r.kind == objPtr:
		return c.wrongType(r, ob.reg, "ptr_"+want)
	case !listed || id == 0:
		return noTypes("argument %d of helper %s", i+1, h.Name)
	case r.frame&^(trusted|rcuHeld) != 0:
		return refuse(HelperArg, "R%d type=%s expected=ptr_, trusted_ptr_, rcu_ptr_", ob.reg, r.name())
	}
	return c.checkStructType(r, ob.reg, id, false)
}

// checkStructType decides that the pointer is one to that structure, or to one that
// has it at its place.
func (c *checker[E]) checkStructType(r *reg[E], n ir.Reg, want ktypes.ID, strict bool) decision {
	off, fixed := c.w.fixed(r)
	types := c.kern.late()
	switch {
	case !fixed:
		return refuse(HelperArg, "variable %s access var_off=%v disallowed", r.name(), c.w.ranges(r.val))
	case off < 0:
		return refuse(HelperArg, "negative offset %s ptr R%d off=%d disallowed", r.name(), n, off)
	case off > maxVar || !types.Matches(ktypes.ID(r.index), int(off), want, strict):
		return refuse(HelperArg, "R%d is of type %s but %s is expected", n, types.Name(ktypes.ID(r.index)), types.Name(want))
	}
	return decision{}
}

// checkSockStruct decides a socket that is given as a structure of the kernel.
func (c *checker[E]) checkSockStruct(s *state[E], r *reg[E], ob *obligation) decision {
	id, n := c.kern.id("sock_common"), ob.reg
	switch {
	case r.null:
		return c.wrongType(r, n, "sock_common", "sock", "tcp_sock", "xdp_sock", "ptr_", "trusted_ptr_")
	case id == 0:
		return noTypes("R%d, a socket's structure,", n)
	case r.frame&^trusted != 0:
		return c.wrongType(r, n, "sock_common", "sock", "tcp_sock", "xdp_sock", "ptr_", "trusted_ptr_")
	}
	if d := c.checkStructType(r, n, id, false); d.outcome != holds || ob.arg != abi.ArgRelease {
		return d
	}
	if off, _ := c.w.fixed(r); off != 0 {
		return refuse(HelperArg, "R%d must have zero offset when passed to release func or trusted arg to kfunc", n)
	}
	if !s.holds(r.ref) {
		return refuse(RefRelease, "R%d must be referenced when passed to release function", n)
	}
	return decision{}
}

// returnsKnown decides that the result of a helper that is a structure of the kernel
// is known.
func (c *checker[E]) returnsKnown(h *abi.Helper) decision {
	switch h.Ret {
	case abi.RetBTF, abi.RetBTFOrNull:
		structs, _ := abi.LookupHelperStructs(h.ID)
		if h.ID == abi.KptrXchg || c.kern.id(structs.Result) != 0 {
			return decision{}
		}
		return noTypes("the result of helper %s, a kernel structure,", h.Name)
	}
	return decision{}
}

// structResult returns the result of a helper that is a structure of the kernel.
func (t *stepper[E]) structResult(s *state[E], fr *frame[E], h *abi.Helper) reg[E] {
	switch h.Ret {
	case abi.RetPerCPU, abi.RetPerCPUOrNull:
		of := &fr.regs[ir.R1]
		r := t.w.structPtr(ktypes.ID(of.index), 0)
		if of.kind == memPtr {
			r.kind, r.frame = memPtr, readMem
		}
		if h.Ret == abi.RetPerCPUOrNull {
			r.null, r.id = true, t.newID()
		}
		return r
	}
	if h.ID == abi.KptrXchg {
		return t.exchanged(s, fr)
	}
	structs, _ := abi.LookupHelperStructs(h.ID)
	r := t.w.structPtr(t.kern.id(structs.Result), 0)
	if structs.Trusted {
		r.frame = trusted
	}
	if h.Ret == abi.RetBTFOrNull {
		r.null, r.id = true, t.newID()
	}
	return r
}
