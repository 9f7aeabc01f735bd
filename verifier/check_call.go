package verifier

import (
	"slices"
	"strings"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
)

// checkHelper decides whether this program may call the helper at all.
func (c *checker[E]) checkHelper(in ir.Insn) decision {
	id := abi.HelperID(in.Imm)
	h, ok := abi.LookupHelper(id)
	switch {
	case id <= 0 || id > abi.LastHelper:
		return refuse(HelperUnknown, "invalid func unknown#%d", id)
	case !ok:
		return unmodelled("helper %d is not modelled", id)
	case h.Progs != nil && !slices.Contains(h.Progs, c.prog.Type):
		return refuse(HelperUnknown, "program of this type cannot use helper bpf_%s#%d", h.Name, id)
	case h.GPLOnly && !gplCompatible(c.prog.License):
		return refuse(HelperLicense, "cannot call GPL-restricted function bpf_%s#%d from non-GPL compatible program", h.Name, id)
	}
	return decision{}
}

// gplCompatible tells whether the licence allows GPL-only helpers
// (license_is_gpl_compatible in include/linux/license.h).
func gplCompatible(license string) bool {
	switch license {
	case "GPL", "GPL v2", "GPL and additional rights", "Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL":
		return true
	}
	return false
}

// checkArg decides whether the register is what the helper demands.
func (c *checker[E]) checkArg(s *state[E], in ir.Insn, ob *obligation) decision {
	fr := s.top()
	h, _ := abi.LookupHelper(abi.HelperID(in.Imm))
	r := &fr.regs[ob.reg]
	if r.kind == uninit {
		return refuse(UninitRead, "R%d !read_ok", ob.reg)
	}
	switch ob.arg {
	case abi.ArgAny:
		if r.pointer() && c.policy.Unprivileged {
			return refuse(PtrLeak, "R%d leaks addr into helper function", ob.reg)
		}
		return decision{}
	case abi.ArgCtx:
		if r.kind != ctxPtr {
			return c.wrongType(r, ob.reg, "ctx")
		}
		return c.plainPointer(r, ob.reg)
	case abi.ArgMap:
		return c.checkMapArg(r, in, ob.reg)
	case abi.ArgMapKey:
		return c.checkSized(s, in, ob.reg, int64(mapOf(c.prog, fr, h).KeySize), read)
	case abi.ArgMapValue:
		return c.checkSized(s, in, ob.reg, int64(mapOf(c.prog, fr, h).ValueSize), read)
	case abi.ArgUninitValue:
		return c.checkSized(s, in, ob.reg, int64(mapOf(c.prog, fr, h).ValueSize), write)
	case abi.ArgMem, abi.ArgMemOrNull, abi.ArgUninitMem:
		return c.checkMemArg(fr, ob)
	case abi.ArgSize, abi.ArgSizeOrZero:
		return c.checkSizeArg(s, in, ob)
	case abi.ArgConst:
		if _, ok := c.w.constant(r.val); r.kind != scalar || !ok {
			return refuse(HelperArg, "R%d is not a known constant", ob.reg)
		}
		return decision{}
	}
	return unmodelled("argument class %d of helper %d is not modelled", ob.arg, in.Imm)
}

func (c *checker[E]) wrongType(r *reg[E], n ir.Reg, want ...string) decision {
	return refuse(HelperArg, "R%d type=%s expected=%s", n, r.name(), strings.Join(want, ", "))
}

// mapOf returns the map that the helper's map argument names; checkMapArg was
// decided before for it. It is an empty one for helpers without.
func mapOf[E comparable](p *ir.Program, fr *frame[E], h *abi.Helper) *ir.MapSpec {
	for i, a := range h.Args {
		if r := &fr.regs[ir.R1+ir.Reg(i)]; a == abi.ArgMap && r.kind == mapPtr {
			return p.Maps[r.index]
		}
	}
	return &ir.MapSpec{}
}

func (c *checker[E]) checkMapArg(r *reg[E], in ir.Insn, n ir.Reg) decision {
	if r.kind != mapPtr {
		return c.wrongType(r, n, "map_ptr")
	}
	m := c.prog.Maps[r.index]
	h, _ := abi.LookupHelper(abi.HelperID(in.Imm))
	changes := h.ID == abi.MapUpdateElem || h.ID == abi.MapDeleteElem
	if changes && (m.Frozen || m.Flags&abi.MapReadOnlyProg != 0) {
		return refuse(MapAccess, "write into map forbidden")
	}
	if slices.Contains(h.Maps, m.Type) {
		return decision{}
	}
	keyed := slices.Contains(h.Maps, ir.Array)
	if keyed && slices.Contains(abi.NeverKeyed, m.Type) || h.ID == abi.TailCall {
		return refuse(HelperArg, "cannot pass map_type %d into func bpf_%s#%d", m.Type, h.Name, h.ID)
	}
	return unmodelled("map kind %s with helper %s is not modelled", m.Type, h.Name)
}

// memory lists what helpers take as memory.
var memory = []string{"fp", "pkt", "pkt_meta", "map_value"}

// checkMemArg decides the type of a memory argument; its bounds are decided
// with the size behind it.
func (c *checker[E]) checkMemArg(fr *frame[E], ob *obligation) decision {
	r := &fr.regs[ob.reg]
	if x, ok := c.w.constant(r.val); ob.arg == abi.ArgMemOrNull && r.kind == scalar && ok && x == 0 {
		return decision{}
	}
	switch r.kind {
	case stackPtr, packetPtr, packetMeta, mapValue:
		if !r.null {
			return decision{}
		}
	}
	return c.wrongType(r, ob.reg, memory...)
}

// checkSizeArg decides a size together with the memory argument before it.
func (c *checker[E]) checkSizeArg(s *state[E], in ir.Insn, ob *obligation) decision {
	fr := s.top()
	n := &fr.regs[ob.reg]
	if n.kind != scalar {
		return c.wrongType(n, ob.reg, "scalar")
	}
	h, _ := abi.LookupHelper(abi.HelperID(in.Imm))
	mem := ob.reg - 1
	b := c.w.bounds(n.val)
	if fr.regs[mem].kind == scalar && b.UMax != 0 { // the constant 0, as checkMemArg has decided
		return c.wrongType(&fr.regs[mem], mem, memory...)
	}
	switch {
	case b.SMin < 0:
		return refuse(HelperArg, "R%d min value is negative, either use unsigned or 'var &= const'", ob.reg)
	case b.UMin == 0 && ob.arg != abi.ArgSizeOrZero:
		return refuse(HelperArg, "R%d invalid zero-sized read: u64=[%d,%d]", ob.reg, b.UMin, b.UMax)
	case b.UMax >= maxVar:
		return refuse(HelperArg, "R%d unbounded memory access, use 'var &= const' or 'if (var < const)'", ob.reg)
	case fr.regs[mem].kind == scalar:
		return decision{}
	}
	m := read
	if h.Args[mem-ir.R1] == abi.ArgUninitMem {
		m = write
	}
	return c.checkSized(s, in, mem, int64(b.UMax), m)
}

// checkSized decides that size bytes at register n may be read or written by
// a helper.
func (c *checker[E]) checkSized(s *state[E], in ir.Insn, n ir.Reg, size int64, m mode) decision {
	r := &s.top().regs[n]
	if r.null {
		return c.wrongType(r, n, memory...)
	}
	switch r.kind {
	case packetPtr, packetMeta:
		if h, _ := abi.LookupHelper(abi.HelperID(in.Imm)); !h.Packet {
			return refuse(HelperArg, "helper access to the packet is not allowed")
		}
		return c.checkPacket(r, n, 0, size, m)
	case mapValue:
		return c.checkMapValue(r, n, 0, size, m)
	case stackPtr:
		return c.checkStackRange(s, r, n, size, m)
	}
	return c.wrongType(r, n, memory...)
}

// checkStackRange decides that a helper may read or write size bytes of stack.
func (c *checker[E]) checkStackRange(s *state[E], r *reg[E], n ir.Reg, size int64, m mode) decision {
	lo, hi, ok := c.w.span(r)
	verb := "read from"
	if m == write {
		verb = "write to"
	}
	switch {
	case !ok:
		return refuse(StackBounds, "invalid unbounded variable-offset %s stack R%d", verb, n)
	case lo != hi && c.policy.Unprivileged:
		return refuse(StackBounds, "R%d variable offset stack access prohibited for !root", n)
	case lo < -ir.StackSize || hi+size > 0 || size == 0 && lo >= 0:
		return refuse(StackBounds, "invalid %s stack R%d off=%d size=%d", verb, n, lo, size)
	}
	if !c.policy.Unprivileged {
		return decision{}
	}
	fr := &s.frames[r.frame]
	for off := lo; off < hi+size; off++ {
		i, _ := place(off)
		sl := fr.at(i)
		switch {
		case fr.kindAt(off) == byteSpill && sl.spill.pointer() && m == write:
			return refuse(StackSpill, "attempt to corrupt spilled pointer on stack")
		case fr.kindAt(off) == byteSpill && sl.spill.pointer(), fr.kindAt(off) == byteNone && m == read:
			return refuse(UninitRead, "invalid indirect read from stack R%d off %d+%d size %d", n, lo, off-lo, size)
		}
	}
	return decision{}
}
