package verifier

import (
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/ir/ktypes"
)

// checkKarg decides one argument of a call of a function of the kernel.
func (c *checker[E]) checkKarg(s *state[E], call *kcall, i int) decision {
	n := ir.R1 + ir.Reg(i)
	r := &s.top().regs[n]
	a := &call.proto.Args[i]
	if call.args[i] == kargIgnored {
		return decision{}
	}
	if r.kind == uninit {
		return refuse(UninitRead, "R%d !read_ok", n)
	}
	if !a.Pointer {
		return c.checkKnumber(s, call, i, r, n)
	}
	isNull := r.kind == scalar && r.val == c.w.zero
	trusts := call.facts.Flags&(abi.KfTrusted|abi.KfRCU) != 0
	switch {
	case trusts && (isNull || r.null) && !a.Suffix("__nullable"):
		return refuse(NullDeref, "Possibly NULL pointer passed to trusted arg%d", i)
	case a.Suffix("__nullable") && isNull && call.args[i] != kargCtx:
		return decision{}
	}
	if r.ref != 0 && call.facts.Is(abi.KfRelease) {
		if off, fixed := c.w.fixed(r); !fixed || off != 0 {
			return refuse(HelperArg, "R%d must have zero offset when passed to release func or trusted arg to kfunc", n)
		}
	}
	switch call.args[i] {
	case kargCtx:
		if r.kind != ctxPtr {
			return refuse(HelperArg, "arg#%d expected pointer to ctx, but got %s", i, r.name())
		}
		return c.plainPointer(r, n)
	case kargDynptr, kargDynptrNew:
		return c.checkKdynptr(s, call, i, r, n)
	case kargIter:
		return c.checkIter(s, call, r, n)
	case kargString:
		return c.checkStringArg(r, n)
	case kargMap:
		if r.kind != mapPtr || r.null {
			return refuse(HelperArg, "pointer in R%d isn't map pointer", n)
		}
		return c.plainPointer(r, n)
	case kargMem, kargObject:
		return c.checkKpointer(s, call, i, r, n)
	}
	return unmodelled("argument %d of kernel function %s is not modelled", i+1, call.name)
}

// checkKnumber decides an argument that is a number.
func (c *checker[E]) checkKnumber(s *state[E], call *kcall, i int, r *reg[E], n ir.Reg) decision {
	if r.kind != scalar {
		return refuse(HelperArg, "R%d is not a scalar", n)
	}
	x, known := c.w.constant(r.val)
	switch call.args[i] {
	case kargConst, kargMemSizeConst:
		if !known {
			return refuse(HelperArg, "R%d must be a known constant", n)
		}
	case kargReadSize, kargSize:
		switch {
		case !known:
			return refuse(HelperArg, "R%d is not a const", n)
		case x > maxVar:
			return unmodelled("memory of %d bytes is not modelled", x)
		}
	}
	return decision{}
}

// checkKpointer decides a pointer to a structure, or to memory that the function
// reads and writes.
func (c *checker[E]) checkKpointer(s *state[E], call *kcall, i int, r *reg[E], n ir.Reg) decision {
	a := &call.proto.Args[i]
	object := r.kind == btfPtr || r.kind == objPtr || r.kind == mapPtr
	if object {
		return c.checkKobject(call, i, r, n)
	}
	sized := call.args[i] == kargMem
	if !a.Plain && !(sized && a.Void) {
		what := ""
		if sized {
			what = "void, "
		}
		return refuse(HelperArg, "arg#%d pointer type %s must point to %sscalar, or struct with scalar", i, a.TypeName, what)
	}
	switch r.kind {
	case stackPtr, packetPtr, packetMeta, mapKey, mapValue, memPtr, recordPtr, slicePtr, scalar, bufferPtr:
	default: // where no offset is allowed
		if d := c.plainPointer(r, n); d.outcome != holds {
			return d
		}
	}
	isNull := r.kind == scalar && r.val == c.w.zero
	if !sized {
		if isNull {
			return decision{}
		}
		return c.checkKmem(s, r, n, int64(a.To))
	}
	size := &s.top().regs[n+1]
	if isNull && a.Suffix("__opt") {
		return decision{}
	}
	switch b := c.w.bounds(size.val); {
	case size.kind != scalar:
		return refuse(HelperArg, "R%d is not a scalar", n+1)
	case b.SMin < 0:
		return refuse(HelperArg, "R%d min value is negative, either use unsigned or 'var &= const'", n+1)
	case b.UMax >= maxVar:
		return refuse(HelperArg, "R%d unbounded memory access, use 'var &= const' or 'if (var < const)'", n+1)
	case isNull && b.UMax == 0:
		return decision{}
	default:
		return c.checkKmem(s, r, n, int64(b.UMax))
	}
}

// checkKobject decides a pointer to a structure of the kernel.
//
// Source: process_kf_arg_ptr_to_btf_id.
func (c *checker[E]) checkKobject(call *kcall, i int, r *reg[E], n ir.Reg) decision {
	a := &call.proto.Args[i]
	if a.Target == 0 {
		return refuse(HelperArg, "kernel function %s args#%d pointer type %s is not supported", call.name, i, a.TypeName)
	}
	if call.facts.Flags&(abi.KfTrusted|abi.KfRCU) != 0 && !r.reliable() {
		switch {
		case !call.facts.Is(abi.KfRCU):
			return refuse(HelperArg, "R%d must be referenced or trusted", n)
		case r.kind != btfPtr || r.frame&rcuHeld == 0:
			return refuse(HelperArg, "R%d must be a rcu pointer", n)
		}
	}
	have := ktypes.ID(r.index)
	switch r.kind {
	case objPtr:
		have = c.kern.id(objectStructs[abi.ObjectKind(r.index)])
	case mapPtr:
		have = c.kern.id("bpf_map")
	default:
		if r.frame&^trusted != 0 && r.frame&rcuHeld == 0 || r.null && r.frame&rcuHeld == 0 {
			return refuse(HelperArg, "arg#%d is %s expected ptr_ or socket", i, r.name())
		}
	}
	if have == 0 {
		return unmodelled("R%d, %s, as a structure of the kernel is not modelled", n, r.name())
	}
	off, fixed := c.w.fixed(r)
	switch {
	case !fixed:
		return refuse(HelperArg, "variable %s access var_off=%v disallowed", r.name(), c.w.ranges(r.val))
	case off < 0:
		return refuse(HelperArg, "negative offset %s ptr R%d off=%d disallowed", r.name(), n, off)
	case off != 0 && (r.kind != btfPtr || r.null || r.frame != 0 && r.frame != trusted && r.frame != rcuHeld):
		return refuse(HelperArg, "dereference of modified %s ptr R%d off=%d disallowed", r.name(), n, off)
	}
	types := c.kern.late()
	strict := call.facts.Is(abi.KfRelease) && r.ref != 0 || types.Name(have) == "nf_conn___init" || types.Name(a.Target) == "nf_conn___init"
	if off <= maxVar && types.Matches(have, int(off), a.Target, strict) || projections[types.Name(a.Target)] == types.Name(have) {
		return decision{}
	}
	return refuse(HelperArg, "kernel function %s args#%d expected pointer to STRUCT %s but R%d has a pointer to STRUCT %s", call.name, i, types.Name(a.Target), n, types.Name(have))
}

// objectStructs gives the structures behind what helpers return as sockets
// (reg2btf_ids); others are not structures to the kernel's functions.
var objectStructs = map[abi.ObjectKind]string{abi.SockCommon: "sock_common", abi.Socket: "sock", abi.TCPSock: "tcp_sock"}

// checkKmem decides that the function may read and write size bytes at r.
func (c *checker[E]) checkKmem(s *state[E], r *reg[E], n ir.Reg, size int64) decision {
	if r.null { // the kernel looks at what it points to if it is not 0
		known := *r
		known.null = false
		r = &known
	}
	switch r.kind {
	case packetPtr, packetMeta:
		return c.checkPacket(r, n, 0, size, read|write)
	case mapValue:
		return c.checkMapValue(r, n, 0, size, read|write|helperAccess)
	case mapKey, memPtr, recordPtr, slicePtr:
		return c.checkBlock(r, n, 0, size, read|write)
	case stackPtr:
		return c.checkStackRange(s, r, n, size, read|write)
	case ctxPtr:
		return unmodelled("the context as memory of a kernel function is not modelled")
	case bufferPtr:
		return unmodelled("a buffer as memory of a kernel function is not modelled")
	}
	return c.wrongType(r, n, memory...)
}
