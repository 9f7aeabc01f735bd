package verifier

import (
	"slices"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/ktypes"
)

// rcuObjects lists the structures that are freed only when all that hold RCU have
// let go of it (rcu_protected_types).
var rcuObjects = []string{"prog_test_ref_kfunc", "cgroup", "bpf_cpumask", "task_struct", "bpf_crypto_ctx"}

// kptrAt returns the pointer to a kernel object in a map's value that an access is
// to, exactly; nil if it is to none.
func (w *words[E]) kptrAt(p *ir.Program, r *reg[E], off, size int64) *ir.ValueField {
	at, fixed := w.fixed(r)
	if r.kind != mapValue || !fixed || size != slotSize {
		return nil
	}
	m := specOf(p, r)
	if m == nil || m.Opaque {
		return nil
	}
	f := m.Special(at+off, at+off+size)
	if f == nil || f.Kind != ir.KptrField || int64(f.Off) != at+off {
		return nil
	}
	return f
}

// checkKptr decides a load or a store of such a pointer. One that is owned is taken
// out by bpf_kptr_xchg only.
//
// Source: check_map_kptr_access.
func (c *checker[E]) checkKptr(s *state[E], f *ir.ValueField, in ir.Insn, ob *obligation) decision {
	id := c.kern.id(f.Target)
	plain := in.Kind() == ir.KindLoad || in.Kind() == ir.KindStore
	switch {
	case ob.mode&atomic != 0 || !plain || in.Row().Signed:
		return refuse(MapAccess, "kptr in map can only be accessed using BPF_MEM instruction mode")
	case f.Kptr == ir.OtherKptr || f.Kptr == ir.PerCPUKptr:
		return unmodelled("access to the %s at offset %d of a map value is not modelled", f.Kind, f.Off)
	case ob.mode&write != 0 && f.Kptr == ir.OwnedKptr:
		return refuse(MapAccess, "store to referenced kptr disallowed")
	case ob.mode == write && ob.other == noReg:
		if in.Imm != 0 {
			return refuse(MapAccess, "BPF_ST imm must be 0 when storing to kptr at off=%d", f.Off)
		}
		return decision{}
	case id == 0:
		return c.kern.unknownKptr(f)
	case ob.mode == read:
		return decision{}
	}
	v := &s.top().regs[ob.other]
	if v.kind == scalar && v.val == c.w.zero {
		return decision{}
	}
	return c.checkKptrType(v, ob.other, f)
}

// checkKptrType decides that a pointer may be stored in the field.
//
// Source: map_kptr_match_type.
func (c *checker[E]) checkKptrType(v *reg[E], n ir.Reg, f *ir.ValueField) decision {
	id := c.kern.id(f.Target)
	allowed := trusted | rcuHeld
	if f.Kptr == ir.PlainKptr {
		allowed |= untrusted
	}
	if id == 0 {
		return c.kern.unknownKptr(f)
	}
	if v.kind != btfPtr || v.frame&^allowed != 0 {
		return refuse(HelperArg, "invalid kptr access, R%d type=%s expected=ptr_%s", n, v.name(), f.Target)
	}
	if d := c.checkStructType(v, n, id, f.Kptr == ir.OwnedKptr); d.outcome != holds {
		return refuse(HelperArg, "invalid kptr access, R%d type=%s%s expected=ptr_%s", n, v.name(), c.kern.late().Name(ktypes.ID(v.index)), f.Target)
	}
	return decision{}
}

// loadKptr returns what a load of the field gives: a pointer that may have been
// taken out and freed meanwhile.
func (t *stepper[E]) loadKptr(s *state[E], f *ir.ValueField) reg[E] {
	flags := untrusted
	if f.Kptr == ir.OwnedKptr && slices.Contains(rcuObjects, f.Target) && s.inRCU(t.prog) {
		flags = rcuHeld
	}
	r := t.w.structPtr(t.kern.id(f.Target), flags)
	r.null, r.id = true, t.newID()
	return r
}

// checkKptrArg decides the place that bpf_kptr_xchg exchanges.
//
// Source: process_kptr_func.
func (c *checker[E]) checkKptrArg(s *state[E], r *reg[E], n ir.Reg) decision {
	if r.kind != mapValue || r.null {
		return c.wrongType(r, n, "map_value")
	}
	m := specOf(c.prog, r)
	off, fixed := c.w.fixed(r)
	switch {
	case m.Opaque:
		return unmodelled("map %q holds kernel objects in its values, which is not modelled", m.Name)
	case !fixed:
		return refuse(HelperArg, "R%d doesn't have constant offset. kptr has to be at the constant offset", n)
	case m.FieldOf(ir.KptrField) == nil:
		return refuse(HelperArg, "R%d has no valid kptr", n)
	}
	f := c.w.kptrAt(c.prog, r, 0, slotSize)
	switch {
	case f == nil:
		return refuse(HelperArg, "off=%d doesn't point to kptr", off)
	case f.Kptr == ir.PlainKptr:
		return refuse(HelperArg, "off=%d kptr isn't referenced kptr", off)
	case f.Kptr != ir.OwnedKptr:
		return unmodelled("exchange of the %s at offset %d of a map value is not modelled", f.Kind, f.Off)
	case c.kern.id(f.Target) == 0:
		return c.kern.unknownKptr(f)
	}
	return decision{}
}

// checkExchanged decides the pointer that bpf_kptr_xchg stores; the place was
// decided before. Constant 0 was too.
func (c *checker[E]) checkExchanged(s *state[E], r *reg[E], n ir.Reg) decision {
	f := c.w.kptrAt(c.prog, &s.top().regs[ir.R1], 0, slotSize)
	off, fixed := c.w.fixed(r)
	switch {
	case r.kind != btfPtr:
		return c.wrongType(r, n, "ptr_", "trusted_ptr_", "rcu_ptr_")
	case fixed && off != 0:
		return refuse(HelperArg, "R%d must have zero offset when passed to release func or trusted arg to kfunc", n)
	case r.null:
		return refuse(HelperArg, "Possibly NULL pointer passed to helper arg%d", n)
	case f == nil:
		return unmodelled("exchange of a pointer in no map value is not modelled")
	}
	if d := c.checkKptrType(r, n, f); d.outcome != holds {
		return d
	}
	if !s.holds(r.ref) {
		return refuse(RefRelease, "R%d must be referenced when passed to release function", n)
	}
	return decision{}
}

// exchanged returns what bpf_kptr_xchg gives: what was in the field, which now is
// the program's.
func (t *stepper[E]) exchanged(s *state[E], fr *frame[E]) reg[E] {
	f := t.w.kptrAt(t.prog, &fr.regs[ir.R1], 0, slotSize)
	ref := t.acquire(s)
	r := t.w.structPtr(t.kern.id(f.Target), 0)
	r.null, r.id, r.ref = true, ref, ref
	return r
}

// unknownKptr is what is said of a pointer to a structure that the kernel's types do
// not have: there are none, or it is the program's own.
func (k *kernel) unknownKptr(f *ir.ValueField) decision {
	if k.late() == nil {
		return noTypes("the kptr to struct %s in a map value", f.Target)
	}
	return unmodelled("the kptr to struct %s in a map value, which is not in the kernel's types, is not modelled", f.Target)
}
