package verifier

import (
	"slices"
	"strings"

	"github.com/bpfproof/bpfproof/absint"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/ir/ktypes"
	"github.com/bpfproof/bpfproof/ir/sem"
)

// hook is the context of a program that is attached to a function, a tracepoint or
// an iterator: the arguments of that one, eight bytes each.
type hook struct {
	name   string
	args   []ktypes.Param
	slots  []int // by eight bytes: the index of the argument, len(args) for the result
	values []hookValue
	ret    *ktypes.Param // of hooks that see the result
	ctx    abi.Context
	low    bool // the bounds of the program's result are those of its low 32 bits
}

// hookValue is what a read of an argument gives: a number of its size, or a pointer.
type hookValue struct {
	kind  kind
	id    ktypes.ID
	flags uint8
	null  bool
}

// maxErrors bounds the results of hooks from below: the greatest number of an error.
const maxErrors = 4095

// findHook looks up what the program is attached to. The decision is that it holds,
// or why the program is refused or not known.
//
// Source: bpf_check_attach_target and check_return_code in kernel/bpf/verifier.c of
// Linux 6.12 and 6.18.
func (k *kernel) findHook() decision {
	p := k.prog
	switch {
	case p.Type != ir.Tracing && p.Type != ir.LSM:
		return unmodelled("program type %s is not modelled", p.Type)
	case p.AttachTo == "":
		return unmodelled("program type %s is not modelled where it is not said what it is attached to", p.Type)
	case k.types == nil:
		return noTypes("program type %s", p.Type)
	}
	if p.Type == ir.LSM {
		return k.lsmHook()
	}
	sleeps := p.LoadFlags&abi.LoadSleepable != 0
	a := abi.AttachType(p.AttachType)
	switch a {
	case abi.AttachTraceRawTP:
		f, ok := k.types.Tracepoint(p.AttachTo)
		switch {
		case !ok:
			return unmodelled("tracepoint %q is not in the kernel's types, so it is not modelled", p.AttachTo)
		case sleeps:
			return refuse(AttachPoint, "Only fentry/fexit/fmod_ret, lsm, iter, uprobe, and struct_ops programs can be sleepable")
		}
		k.setHook(f, minReturn, maxReturn, func(i int) abi.HookArg { return abi.HookArgOf(p.AttachTo, i) }, trusted)
		return decision{}
	case abi.AttachTraceIter:
		f, ok := k.types.Func("bpf_iter_" + p.AttachTo)
		if !ok {
			return unmodelled("iterator %q is not in the kernel's types, so it is not modelled", p.AttachTo)
		}
		k.setHook(f, 0, 1, func(i int) abi.HookArg { return abi.HookArgOf(abi.IterHook+p.AttachTo, i) }, trusted)
		return decision{}
	case abi.AttachTraceFentry, abi.AttachTraceFexit, abi.AttachModifyReturn:
		return k.funcHook(a, sleeps)
	}
	return refuse(AttachPoint, "programs of type %s are not loaded for attach type %s", p.Type, a)
}

// The results of programs that may return any number.
const (
	minReturn = -1 << 63
	maxReturn = 1<<63 - 1
)

// modifiable begins the names of functions whose results programs may change; for
// others the kernel has a list that types do not tell.
const modifiable = "security_"

// modifiableTests are those of the kernel's own tests (bpf_test_modify_return_ids).
var modifiableTests = []string{"bpf_modify_return_test", "bpf_modify_return_test2", "bpf_modify_return_test_tp", "bpf_fentry_test1"}

// syscallEntry reports that the function is a system call's, where errors can be
// injected, so that programs may sleep and change its result.
func syscallEntry(name string) bool { return strings.HasPrefix(name, "__x64_sys_") }

func (k *kernel) funcHook(a abi.AttachType, sleeps bool) decision {
	name := k.prog.AttachTo
	f, ok := k.types.Func(name)
	switch {
	case !ok:
		return unmodelled("function %q is not in the kernel's types, so it is not modelled", name)
	case sleeps && !syscallEntry(name) && name != "bpf_fentry_test1":
		return unmodelled("whether programs at function %s may sleep is not modelled", name)
	case a == abi.AttachModifyReturn && !sleeps && !strings.HasPrefix(name, modifiable) && !syscallEntry(name) && !slices.Contains(modifiableTests, name):
		return unmodelled("whether programs may change the result of function %s is not modelled", name)
	case len(f.Args) > maxHookArgs:
		return refuse(AttachPoint, "The function %s has %d arguments. Too many.", name, len(f.Args))
	}
	lo, hi := int64(0), int64(0)
	if a == abi.AttachModifyReturn {
		lo, hi = minReturn, maxReturn
	}
	k.setHook(f, lo, hi, func(int) abi.HookArg { return abi.ArgTrusted }, 0)
	if a != abi.AttachTraceFentry {
		k.hook.ret = &f.Ret
	}
	return decision{}
}

// maxHookArgs bounds the arguments of functions that programs are attached to
// (MAX_BPF_FUNC_ARGS).
const maxHookArgs = 12

func (k *kernel) lsmHook() decision {
	p := k.prog
	name := p.AttachTo
	about := abi.LookupLSMHook(name)
	f, ok := k.types.Func("bpf_lsm_" + name)
	switch {
	case abi.AttachType(p.AttachType) != abi.AttachLSMMAC:
		return unmodelled("attach type %s is not modelled", abi.AttachType(p.AttachType))
	case !ok:
		return refuse(AttachPoint, "bpf_lsm_%s is not an LSM hook of the kernel", name)
	case !abi.GPLCompatible(p.License):
		return refuse(HelperLicense, "LSM programs must have a GPL compatible license")
	case about.Disabled:
		return refuse(AttachPoint, "attach_btf_id points to disabled hook bpf_lsm_%s", name)
	case p.LoadFlags&abi.LoadSleepable != 0 && !about.Sleepable:
		return refuse(AttachPoint, "bpf_lsm_%s is not sleepable", name)
	}
	lo, hi := int64(-maxErrors), int64(0)
	switch {
	case f.Ret.Void && !f.Ret.Pointer:
		lo, hi = minReturn, maxReturn
	case about.Bool:
		lo, hi = 0, 1
	}
	flags := trusted
	if about.Untrusted {
		flags = 0
	}
	k.setHook(f, lo, hi, func(int) abi.HookArg { return abi.ArgTrusted }, flags)
	k.hook.ret, k.hook.low = &f.Ret, true
	return decision{}
}

// setHook keeps what programs find at f. The flags are those of its pointers; facts
// tells what is known of each beyond its type.
func (k *kernel) setHook(f *ktypes.Func, lo, hi int64, facts func(int) abi.HookArg, flags uint8) {
	h := &hook{name: f.Name, args: f.Args}
	for i := range f.Args {
		slots := 1
		if a := &f.Args[i]; !a.Pointer && a.Bytes > 8 {
			slots = (a.Bytes + 7) / 8
		}
		for range slots {
			h.slots = append(h.slots, i)
		}
		h.values = append(h.values, argValue(&f.Args[i], facts(i), flags))
	}
	h.ctx = abi.Context{Name: f.Name, Size: 8 * (len(h.slots) + 1), RetMin: lo, RetMax: hi}
	k.hook = h
}

// argValue tells what programs read an argument as.
func argValue(a *ktypes.Param, fact abi.HookArg, flags uint8) hookValue {
	if !a.Pointer {
		return hookValue{kind: scalar}
	}
	switch fact {
	case abi.ArgReadBufferOrNull:
		return hookValue{kind: bufferPtr, flags: readMem, null: true}
	case abi.ArgBufferOrNull:
		return hookValue{kind: bufferPtr, null: true}
	}
	if a.Void || a.Int || a.Target == 0 {
		return hookValue{kind: scalar}
	}
	v := hookValue{kind: btfPtr, id: a.Target, flags: flags}
	switch fact {
	case abi.ArgNumber:
		return hookValue{kind: scalar}
	case abi.ArgTrustedOrNull:
		v.null = true
	case abi.ArgPlainOrNull:
		v.null, v.flags = true, 0
	}
	v.null = v.null || a.Suffix("__nullable")
	switch a.Tag {
	case "user":
		v.flags |= userMem
	case "percpu":
		v.flags |= perCPU
	}
	return v
}

// checkHook decides an access to the arguments of what the program is attached to.
//
// Source: tracing_prog_ctx_access and btf_ctx_access.
func (h *hook) check(off, size int, write bool) decision {
	bad := func() decision { return refuse(CtxAccess, "invalid bpf_context access off=%d size=%d", off, size) }
	n := off / 8
	switch {
	case off < 0 || write || off >= 8*maxHookArgs || off%size != 0:
		return bad()
	case off%8 != 0:
		return refuse(CtxAccess, "func '%s' offset %d is not multiple of 8", h.name, off)
	case n > len(h.slots) || n == len(h.slots) && h.ret == nil:
		return refuse(CtxAccess, "func '%s' doesn't have %d-th argument", h.name, n+1)
	}
	a := h.ret
	if n < len(h.slots) {
		a = &h.args[h.slots[n]]
	}
	switch {
	case !a.Pointer && a.Void, !a.Pointer && a.Bytes > 8 && a.Target == 0:
		return refuse(CtxAccess, "func '%s' arg%d has a type to which no access is allowed", h.name, n)
	case !a.Pointer:
		return decision{}
	case size != 8:
		return refuse(CtxAccess, "func '%s' size %d must be 8", h.name, size)
	case n < len(h.slots) && h.values[h.slots[n]].kind != scalar, a.Void, a.Int, a.Target != 0:
		return decision{}
	}
	return refuse(CtxAccess, "func '%s' arg%d type is not a struct", h.name, n)
}

// read returns what a read of the context gives; the zero value is a number.
func (h *hook) read(off int) hookValue {
	n := off / 8
	if off < 0 || n >= len(h.slots) {
		if n == len(h.slots) && h.ret != nil {
			return argValue(h.ret, abi.ArgTrusted, 0)
		}
		return hookValue{kind: scalar}
	}
	return h.values[h.slots[n]]
}

// argument returns what the program reads at off of the arguments of what it is
// attached to.
func (t *stepper[E]) hookArg(off int, width ir.Width) reg[E] {
	h := t.kern.hook
	v := h.read(off)
	if v.kind == scalar {
		if h.low && off == 8*len(h.slots) && width >= ir.W32 && h.ctx.RetMin != minReturn {
			return number(t.lowBetween(h.ctx.RetMin, h.ctx.RetMax, width))
		}
		return number(t.w.anyOf(width))
	}
	r := reg[E]{kind: v.kind, index: int32(v.id), frame: v.flags, null: v.null, val: t.w.zero}
	if v.null {
		r.id = t.newID()
	}
	return r
}

// lowBetween returns the words of that width whose low 32 bits, read signed, are in
// [lo, hi].
func (t *stepper[E]) lowBetween(lo, hi int64, width ir.Width) E {
	d := t.w.d
	x, _ := d.Refine(sem.SLE, ir.W32, d.Top(ir.W32), d.Const(ir.W32, uint64(uint32(hi))))
	_, x = d.Refine(sem.SLE, ir.W32, d.Const(ir.W32, uint64(uint32(lo))), x)
	if width == ir.W32 {
		return d.Resize(x, ir.W32, ir.W64, false)
	}
	return absint.RefineLow[E](d, ir.W64, ir.W32, t.w.top, x)
}

// objectFields gives the structures of fields of contexts that the tables name
// without their types.
var objectFields = map[string]string{"state": "nf_hook_state", "skb": "sk_buff"}

// objectField returns what such a field holds; ok is false if it is not known.
func (k *kernel) objectField(name string) (id ktypes.ID, ok bool) {
	id = k.id(objectFields[name])
	return id, id != 0
}

// iterating reports that the program is one of an iterator of the kernel.
func (c *checker[E]) iterating() bool {
	return c.prog.Type == ir.Tracing && abi.AttachType(c.prog.AttachType) == abi.AttachTraceIter
}
