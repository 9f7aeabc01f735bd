package verifier

import (
	"slices"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/ir/ktypes"
)

// kcall is a call of a function of the kernel, as far as its prototype tells.
type kcall struct {
	name  string
	facts *abi.Kfunc   // nil if the function is not in the table
	proto *ktypes.Func // nil if the kernel's types do not have it
	args  []kargClass
}

// kargClass is what a prototype demands of an argument.
type kargClass uint8

// The classes. Of a structure kargObject takes pointers to it, or memory that holds
// one if it is all numbers.
const (
	kargScalar   kargClass = iota
	kargConst              // a number that is known
	kargReadSize           // the size of the result, which may only be read
	kargSize               // the size of the result
	kargIgnored            // anything
	kargCtx
	kargDynptr
	kargDynptrNew // a dynamic pointer that the call makes
	kargIter
	kargMap
	kargString
	kargObject
	kargMem     // memory with the size behind it
	kargMemSize // that size
	kargMemSizeConst
	kargOther // not modelled
)

// resolveCalls looks the functions of the kernel up that the program calls.
func (k *kernel) resolveCalls() {
	k.resolveVars()
	for pc := range k.prog.Insns {
		in := &k.prog.Insns[pc]
		if in.Op.Kind() != ir.KindCall || in.Op.Row().Pseudo != ir.CallKfunc {
			continue
		}
		if k.calls == nil {
			k.calls = map[ir.PC]*kcall{}
		}
		k.calls[ir.PC(pc)] = k.resolve(ir.PC(pc))
	}
}

// structByID returns the structure of that number in the kernel's BTF, 0 if there is
// none.
func (k *kernel) structByID(id uint64) ktypes.ID {
	if id != uint64(uint32(id)) {
		return 0
	}
	s, _ := k.types.StructByID(uint32(id))
	return s
}

// has reports that the function called at pc was found, and that the program may
// call any.
func (k *kernel) has(pc ir.PC) bool {
	c := k.calls[pc]
	return c != nil && c.proto != nil && c.proto.Kfunc && abi.GPLCompatible(k.prog.License)
}

// callOf returns the call of a function of the kernel at pc.
func (k *kernel) callOf(pc ir.PC) *kcall { return k.calls[pc] }

func (k *kernel) resolve(pc ir.PC) *kcall {
	in := k.prog.Insns[pc]
	c := &kcall{}
	if i := slices.IndexFunc(k.prog.Externs, func(e ir.Extern) bool { return e.PC == pc }); i >= 0 {
		c.name = k.prog.Externs[i].Name
	}
	if k.types == nil {
		return c
	}
	if c.name != "" {
		c.proto, _ = k.types.Func(c.name)
	} else if in.Off == 0 && in.Imm > 0 {
		if c.proto, _ = k.types.FuncByID(uint32(in.Imm)); c.proto != nil {
			c.name = c.proto.Name
		}
	}
	c.facts, _ = abi.LookupKfunc(c.name)
	if c.proto == nil || c.facts == nil {
		return c
	}
	for i := range c.proto.Args {
		c.args = append(c.args, k.classOf(c, i))
	}
	return c
}

// classOf reads an argument of a prototype.
//
// Source: check_kfunc_args and get_kfunc_ptr_arg_type in kernel/bpf/verifier.c of
// Linux 6.12 and 6.18.
func (k *kernel) classOf(c *kcall, i int) kargClass {
	a := &c.proto.Args[i]
	switch {
	case a.Suffix("__ign"), a.Suffix("__prog"):
		return kargIgnored
	case !a.Pointer:
		return numberClass(a)
	case c.facts.Special == abi.KfCastToCtx, k.isContext(a.TypeName):
		return kargCtx
	case a.Suffix("__alloc"), a.Suffix("__refcounted_kptr"), a.Suffix("__irq_flag"), a.Suffix("__const_str"):
		return kargOther
	case a.TypeName == "bpf_dynptr" || a.TypeName == "bpf_dynptr_kern":
		if a.Suffix("__uninit") {
			return kargDynptrNew
		}
		return kargDynptr
	case i == 0 && c.facts.Flags&(abi.KfIterNew|abi.KfIterNext|abi.KfIterDestroy) != 0, a.Suffix("__iter"):
		return kargIter
	case a.Suffix("__str"):
		return kargString
	case a.Suffix("__map"):
		return kargMap
	case slices.Contains(otherStructs, a.TypeName):
		return kargOther
	}
	if i+1 < len(c.proto.Args) {
		if n := &c.proto.Args[i+1]; !n.Pointer && (n.Suffix("__sz") || n.Suffix("__szk")) {
			return kargMem
		}
	}
	return kargObject
}

// otherStructs lists what takes part in constructs that are not modelled.
var otherStructs = []string{"bpf_list_head", "bpf_list_node", "bpf_rb_root", "bpf_rb_node", "bpf_wq", "bpf_res_spin_lock", "bpf_timer", "bpf_task_work"}

func numberClass(a *ktypes.Param) kargClass {
	switch {
	case a.Suffix("__szk"):
		return kargMemSizeConst
	case a.Suffix("__sz"):
		return kargMemSize
	case a.Suffix("__k"):
		return kargConst
	case a.Name == "rdonly_buf_size":
		return kargReadSize
	case a.Name == "rdwr_buf_size":
		return kargSize
	}
	return kargScalar
}

// isContext reports that a structure is the context of the program's type.
func (k *kernel) isContext(name string) bool {
	if k.hook != nil || name == "" {
		return false
	}
	ctx, known, _ := abi.ContextFor(k.prog.Type, abi.AttachType(k.prog.AttachType))
	return known && ctx.Name == name
}

// casts gives the structures of the kernel behind contexts.
var casts = map[string]string{"xdp_md": "xdp_buff", "__sk_buff": "sk_buff", "bpf_sock_addr": "bpf_sock_addr_kern", "bpf_sock_ops": "bpf_sock_ops_kern",
	"sk_msg_md": "sk_msg", "bpf_sk_lookup": "bpf_sk_lookup_kern", "bpf_sysctl": "bpf_sysctl_kern", "bpf_sockopt": "bpf_sockopt_kern",
	"sk_reuseport_md": "sk_reuseport_kern", "bpf_perf_event_data": "bpf_perf_event_data_kern", "bpf_nf_ctx": "bpf_nf_ctx", "pt_regs": "pt_regs"}

// projections gives what a context's structure stands for where the function takes
// the kernel's own as well (btf_is_projection_of).
var projections = map[string]string{"__sk_buff": "sk_buff", "xdp_md": "xdp_buff"}

// checkKfunc decides a call of a function of the kernel.
//
// Sound: an argument is what the prototype demands, so the function does to the
// program's memory at most what kfunc then does to the state.
//
// Source: check_kfunc_call and check_kfunc_args.
func (c *checker[E]) checkKfunc(s *state[E], pc ir.PC, in ir.Insn) decision {
	call := c.kern.callOf(pc)
	name := call.name
	if d := c.checkKnownKfunc(call, in); d.outcome != holds {
		return d
	}
	available, known := abi.KfuncAvailable(name, c.prog.Type, abi.AttachType(c.prog.AttachType))
	f := call.facts
	sleeps := f.Is(abi.KfSleeps)
	switch {
	case !known:
		return unmodelled("whether programs of type %s have kernel function %s is not modelled", c.prog.Type, name)
	case !available:
		return refuse(HelperUnknown, "calling kernel function %s is not allowed", name)
	case c.policy.Unprivileged:
		return refuse(HelperUnknown, "calling kernel functions is not allowed to loaders without privileges")
	case f.Special == abi.KfUnmodelled:
		return unmodelled("kernel function %s is not modelled", name)
	case s.lock.held && !allowedLocked(name):
		return refuse(LockHeld, "function calls are not allowed while holding a lock")
	case sleeps && c.prog.LoadFlags&abi.LoadSleepable == 0:
		return refuse(HelperUnknown, "program must be sleepable to call sleepable kfunc %s", name)
	}
	for i := range call.args {
		if d := c.checkKarg(s, call, i); d.outcome != holds {
			return d
		}
	}
	if f.Is(abi.KfRelease) && c.released(s.top(), call) == 0 {
		return refuse(RefRelease, "release kernel function %s expects refcounted PTR_TO_BTF_ID", name)
	}
	if d := c.checkSpecialKfunc(s, call); d.outcome != holds {
		return d
	}
	if sleeps && !s.maySleep(c.prog) {
		return refuse(HelperUnknown, "kernel func %s is sleepable within rcu_read_lock region or non-preemptible region", name)
	}
	return c.checkKresult(call)
}

// checkKnownKfunc decides that enough is known of the function.
func (c *checker[E]) checkKnownKfunc(call *kcall, in ir.Insn) decision {
	name := call.name
	switch {
	case name == "":
		return unmodelled("%s is not modelled where the function's name is not known", in.Op)
	case c.kern.types == nil:
		return noTypes("kernel function %s", name)
	case call.proto == nil:
		return unmodelled("kernel function %s is not in the kernel's types, so it is not modelled", name)
	case call.facts == nil:
		return unmodelled("kernel function %s is not modelled", name)
	case !abi.GPLCompatible(c.prog.License):
		return refuse(HelperLicense, "cannot call kernel function from non-GPL compatible program")
	case len(call.args) > 5:
		return refuse(HelperUnknown, "Function %s has %d > 5 args", name, len(call.args))
	}
	return decision{}
}

// allowedLocked reports that the function may be called while a lock is held
// (kfunc_spin_allowed).
func allowedLocked(name string) bool {
	switch name {
	case "bpf_iter_num_new", "bpf_iter_num_next", "bpf_iter_num_destroy":
		return true
	}
	return false
}

// released returns the reference that the call gives back, 0 if there is none.
func (c *checker[E]) released(fr *frame[E], call *kcall) uint32 { return releasedBy(fr, call) }

func releasedBy[E comparable](fr *frame[E], call *kcall) (ref uint32) {
	for i := range call.args {
		if r := &fr.regs[ir.R1+ir.Reg(i)]; call.proto.Args[i].Pointer && call.args[i] != kargIgnored && r.ref != 0 {
			ref = r.ref
		}
	}
	return ref
}

// checkSpecialKfunc decides what functions demand that are known by name.
func (c *checker[E]) checkSpecialKfunc(s *state[E], call *kcall) decision {
	switch call.facts.Special {
	case abi.KfRCUUnlock:
		if s.sect.rcu == 0 {
			return refuse(LockUse, "unmatched rcu read unlock (kernel function %s)", call.name)
		}
	case abi.KfRCULock:
		if s.sect.rcu > 0 {
			return refuse(LockUse, "nested rcu read lock (kernel function %s)", call.name)
		}
	case abi.KfPreemptEnable:
		if s.sect.preempt == 0 {
			return refuse(LockUse, "unmatched attempt to enable preemption (kernel function %s)", call.name)
		}
	case abi.KfPreemptDisable:
		if s.sect.preempt == 255 {
			return unmodelled("more than 255 calls of %s in a row are not modelled", call.name)
		}
	case abi.KfCastToCtx:
		if c.kern.id(casts[c.ctx.Name]) == 0 {
			return unmodelled("the kernel's structure behind context %s is not modelled", c.ctx.Name)
		}
	case abi.KfRdonlyCast:
		if id, _ := c.w.constant(s.top().regs[ir.R2].val); c.kern.structByID(id) == 0 {
			return unmodelled("kernel function %s with number %d, which is no structure in the kernel's types, is not modelled", call.name, id)
		}
	case abi.KfDynptrSliceRdwr:
		if !c.ctx.PacketWritable {
			return refuse(PacketWrite, "the prog does not allow writes to packet data")
		}
	case abi.KfCSSTaskNew:
		if c.prog.Type != ir.LSM && c.prog.LoadFlags&abi.LoadSleepable == 0 && (c.prog.Type != ir.Tracing || abi.AttachType(c.prog.AttachType) != abi.AttachTraceIter) {
			return refuse(HelperArg, "css_task_iter is only allowed in bpf_lsm, bpf_iter and sleepable progs")
		}
	}
	return decision{}
}

// checkKresult decides that the result is one that is modelled.
func (c *checker[E]) checkKresult(call *kcall) decision {
	ret := &call.proto.Ret
	switch {
	case call.facts.Is(abi.KfAcquire) && (!ret.Pointer || ret.Target == 0):
		return refuse(HelperUnknown, "acquire kernel function does not return PTR_TO_BTF_ID")
	case !ret.Pointer && ret.Target != 0:
		return unmodelled("the result of kernel function %s is not modelled", call.name)
	}
	return decision{}
}
