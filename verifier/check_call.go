package verifier

import (
	"strings"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
)

// checkHelper decides whether this program may call the helper at all.
func (c *checker[E]) checkHelper(s *state[E], in ir.Insn) decision {
	id := abi.HelperID(in.Imm)
	h, ok := abi.HelperFor(id, c.prog.Type)
	available, known := c.available(id)
	switch {
	case id <= 0 || id > abi.LastHelper || !ok:
		return refuse(HelperUnknown, "invalid func unknown#%d", id)
	case !known:
		return unmodelled("which helpers programs of type %s have is not known", c.prog.Type)
	case !available:
		return refuse(HelperUnknown, "program of this type cannot use helper bpf_%s#%d", h.Name, id)
	case h.GPLOnly && !abi.GPLCompatible(c.prog.License):
		return refuse(HelperLicense, "cannot call GPL-restricted function bpf_%s#%d from non-GPL compatible program", h.Name, id)
	case h.Sleeps && s.sect != (section{}):
		return refuse(HelperUnknown, "sleepable helper bpf_%s#%d in rcu_read_lock region or non-preemptible region", h.Name, id)
	case h.Sleeps && c.prog.LoadFlags&abi.LoadSleepable == 0:
		return refuse(HelperUnknown, "helper call might sleep in a non-sleepable prog: bpf_%s#%d", h.Name, id)
	case s.lock.held && id != abi.SpinUnlock:
		return refuse(LockHeld, "function calls are not allowed while holding a lock")
	}
	for i, a := range h.Args {
		if a == abi.ArgFunc && abi.CallbackOf(in) == nil {
			return unmodelled("the callback, argument %d of helper %s, is not modelled", i+1, h.Name)
		}
	}
	return c.returnsKnown(h)
}

// helperOf returns the prototype that the call's helper has in the program;
// checkHelper was decided before.
func helperOf(p *ir.Program, in ir.Insn) *abi.Helper {
	h, _ := abi.HelperFor(abi.HelperID(in.Imm), p.Type)
	return h
}

// argKinds lists what the classes of arguments that are pointers may be; those
// of memory, maps and the context have functions of their own.
var argKinds = map[abi.Arg]kind{abi.ArgStack: stackPtr, abi.ArgFunc: funcPtr, abi.ArgRingbufMem: recordPtr}

// checkArg decides whether the register is what the helper demands.
func (c *checker[E]) checkArg(s *state[E], in ir.Insn, ob *obligation) decision {
	fr := s.top()
	h := helperOf(c.prog, in)
	i := int(ob.reg - ir.R1)
	r := &fr.regs[ob.reg]
	if ob.arg == abi.ArgPassed {
		return decision{}
	}
	if r.kind == uninit {
		return refuse(UninitRead, "R%d !read_ok", ob.reg)
	}
	if h.MayBeNull(i) && r.kind == scalar && r.val == c.w.zero {
		return decision{}
	}
	if a := abi.ResolveArg(ob.arg, mapOf(c.prog, fr, h).Type); a != ob.arg {
		resolved := *ob
		resolved.arg = a
		return c.checkPointerArg(s, r, h, &resolved)
	}
	switch ob.arg {
	case abi.ArgAny:
		if cb := abi.CallbackOf(in); cb != nil && cb.Count == i && r.kind != scalar {
			return c.wrongType(r, ob.reg, "scalar")
		}
		if r.pointer() && c.policy.Unprivileged {
			return refuse(PtrLeak, "R%d leaks addr into helper function", ob.reg)
		}
		return decision{}
	case abi.ArgZero:
		if r.kind != scalar || r.val != c.w.zero {
			return refuse(HelperArg, "bpf_%s doesn't support non-zero flags in R%d", h.Name, ob.reg)
		}
		return decision{}
	case abi.ArgCtx:
		if r.kind != ctxPtr {
			return c.wrongType(r, ob.reg, "ctx")
		}
		return c.plainPointer(r, ob.reg)
	case abi.ArgMap:
		return c.checkMapArg(fr, r, h, ob.reg)
	case abi.ArgMapKey:
		return c.checkSized(s, in, ob.reg, int64(mapOf(c.prog, fr, h).KeySize), read)
	case abi.ArgMapValue:
		return c.checkValueArg(s, in, ob, read)
	case abi.ArgUninitValue:
		return c.checkValueArg(s, in, ob, write)
	case abi.ArgMem, abi.ArgUninitMem, abi.ArgInOutMem:
		return c.checkMemArg(r, ob.reg)
	case abi.ArgSize, abi.ArgSizeOrZero:
		return c.checkSizeArg(s, in, ob)
	case abi.ArgFixed:
		return c.checkSized(s, in, ob.reg, int64(h.Fixed[i]), read)
	case abi.ArgUninitFixed, abi.ArgInOutFixed:
		return c.checkFixedArg(s, in, ob, int64(h.Fixed[i]))
	case abi.ArgAllocSize:
		return c.checkAllocArg(r, ob.reg)
	case abi.ArgSpinLock, abi.ArgTimer:
		return c.checkFieldArg(s, r, h, ob)
	case abi.ArgConstStr:
		return c.checkStringArg(r, ob.reg)
	}
	return c.checkPointerArg(s, r, h, ob)
}

// checkPointerArg decides the classes that take one kind of pointer, or some
// kinds of objects.
func (c *checker[E]) checkPointerArg(s *state[E], r *reg[E], h *abi.Helper, ob *obligation) decision {
	k, plain := argKinds[ob.arg]
	kinds := abi.ArgObjects(ob.arg)
	mayBeNull := h.MayBeNull(int(ob.reg - ir.R1))
	switch {
	case !plain && kinds == nil:
		return c.checkStructArg(s, r, h, ob)
	case (ob.arg == abi.ArgAnySock || ob.arg == abi.ArgRelease) && r.kind == btfPtr:
		return c.checkSockStruct(s, r, ob)
	case r.null && !mayBeNull:
		return c.wrongType(r, ob.reg, argNames(k, kinds)...)
	case plain && r.kind != k:
		return c.wrongType(r, ob.reg, argNames(k, kinds)...)
	case kinds != nil && (r.kind != objPtr || !containsKind(kinds, abi.ObjectKind(r.index))):
		return c.wrongType(r, ob.reg, argNames(k, kinds)...)
	}
	if r.kind == stackPtr {
		return decision{}
	}
	if d := c.plainPointer(r, ob.reg); d.outcome != holds {
		return d
	}
	if r.kind == objPtr && abi.ObjectKind(r.index) == abi.SockStruct && r.ref == 0 {
		return unmodelled("R%d is a socket's structure that no reference keeps, which is not modelled", ob.reg)
	}
	if releases := ob.arg == abi.ArgRelease || ob.arg == abi.ArgRingbufMem; releases && !s.holds(r.ref) {
		return refuse(RefRelease, "R%d must be referenced when passed to release function", ob.reg)
	}
	return decision{}
}

func containsKind(kinds []abi.ObjectKind, k abi.ObjectKind) bool {
	for _, x := range kinds {
		if x == k {
			return true
		}
	}
	return false
}

func argNames(k kind, objects []abi.ObjectKind) []string {
	if objects == nil {
		return []string{kindNames[k]}
	}
	var names []string
	for _, o := range objects {
		names = append(names, objectNames[o])
	}
	return names
}

func (c *checker[E]) wrongType(r *reg[E], n ir.Reg, want ...string) decision {
	return refuse(HelperArg, "R%d type=%s expected=%s", n, r.name(), strings.Join(want, ", "))
}

// mapOf returns the map that the helper's map argument names; checkMapArg was
// decided before for it. It is an empty one for helpers without, and for a
// map that is not known.
func mapOf[E comparable](p *ir.Program, fr *frame[E], h *abi.Helper) *ir.MapSpec {
	for i, a := range h.Args {
		if r := &fr.regs[ir.R1+ir.Reg(i)]; a == abi.ArgMap && r.kind == mapPtr {
			if m := specOf(p, r); m != nil {
				return m
			}
		}
	}
	return &ir.MapSpec{}
}

func (c *checker[E]) checkMapArg(fr *frame[E], r *reg[E], h *abi.Helper, n ir.Reg) decision {
	if r.kind != mapPtr || r.null {
		return c.wrongType(r, n, "map_ptr")
	}
	if d := c.plainPointer(r, n); d.outcome != holds {
		return d
	}
	m := specOf(c.prog, r)
	if m == nil {
		return unmodelled("the map in map %q is not known", c.prog.Maps[^r.index].Name)
	}
	if !abi.MapAllows(m.Type, h.ID) {
		return refuse(HelperArg, "cannot pass map_type %d into func bpf_%s#%d", m.Type, h.Name, h.ID)
	}
	if h.Args[0] == abi.ArgTimer && fr.regs[ir.R1].index != r.index {
		return refuse(HelperArg, "timer pointer in R1 is not in the map in R%d", n)
	}
	if !abi.MapAllowsIn(c.prog.Type, m.Type, h.ID) && !c.iterating() {
		return refuse(HelperArg, "cannot update sockmap in this context")
	}
	if abi.MapWrites(h.ID) && abi.MapReadOnly(m) {
		return refuse(MapAccess, "write into map forbidden")
	}
	return decision{}
}
