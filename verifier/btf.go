package verifier

import (
	"fmt"
	"sync"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/ir/ktypes"
)

// How far a pointer to a structure of the kernel can be relied on, and what a
// block of memory allows: reg.frame of btfPtr and memPtr. None means a pointer that
// may be read through, which faults safely, and that nobody vouches for.
const (
	trusted   uint8 = 1 << iota // the object is there as long as the program runs
	untrusted                   // it may be anything
	rcuHeld                     // the object is there as long as RCU is held
	userMem                     // the address is one of a process
	perCPU                      // the address is a variable of each processor
	readMem                     // of memPtr: it may only be read
	packetMem                   // of memPtr: it lies in the packet, perhaps
)

// btfNames gives what stands before "ptr_" in the kernel's names of such pointers.
var btfNames = [...]struct {
	flag uint8
	text string
}{{perCPU, "percpu_"}, {userMem, "user_"}, {rcuHeld, "rcu_"}, {untrusted, "untrusted_"}, {trusted, "trusted_"}}

func btfName(flags uint8) (text string) {
	for _, n := range btfNames {
		if flags&n.flag != 0 {
			text += n.text
		}
	}
	return text + "ptr"
}

// kernel is what is known of the kernel that one program is for.
type kernel struct {
	types *ktypes.Types // nil where there are none, or the program does not seem to need them
	given *ktypes.Types // which may not be available
	once  sync.Once
	read  *ktypes.Types // given, once it was found to be available
	prog  *ir.Program
	hook  *hook            // what the program is attached to; nil where its type does not say
	calls map[ir.PC]*kcall // calls of the kernel's functions
	vars  map[ir.PC]ktypes.Var
	socks bool // sockets as structures of the kernel have the members of these
}

// kernel returns what is known of the kernel; of no program it is nothing.
func (f *flow) kernel(p *ir.Program) *kernel {
	if f == nil {
		return nil
	}
	if f.kern == nil {
		f.kern = findKernel(p, Policy{})
		f.kern.resolveCalls()
	}
	return f.kern
}

// findKernel looks up what the program refers to of the kernel.
func findKernel(p *ir.Program, policy Policy) *kernel {
	k := &kernel{prog: p, given: policy.Types}
	if needsTypes(p) {
		k.types = k.late()
	}
	return k
}

// late returns the types, nil where there are none. Reading them takes long, so what
// few programs do asks for them only when it happens.
func (k *kernel) late() *ktypes.Types {
	k.once.Do(func() {
		if k.given != nil && k.given.Available() == nil {
			k.read = k.given
		}
	})
	return k.read
}

// needsTypes reports that the program may come across structures of the kernel.
func needsTypes(p *ir.Program) bool {
	switch p.Type {
	case ir.Tracing, ir.LSM, ir.Netfilter:
		return true
	}
	for i := range p.Insns {
		in := &p.Insns[i]
		switch in.Op.Kind() {
		case ir.KindCall:
			row := in.Op.Row()
			if row.Pseudo == ir.CallKfunc {
				return true
			}
			if row.Pseudo == ir.CallHelper && returnsStruct(abi.HelperID(in.Imm)) {
				return true
			}
		case ir.KindLoadImm:
			if isVar(in) {
				return true
			}
		}
	}
	return false
}

// returnsStruct reports that the helper's result points to a structure of the kernel.
func returnsStruct(id abi.HelperID) bool {
	h, ok := abi.LookupHelper(id)
	if !ok {
		return false
	}
	switch h.Ret {
	case abi.RetBTF, abi.RetBTFOrNull, abi.RetSockStructOrNull:
		return true
	}
	return false
}

// id returns the structure of that name; 0 if there is none.
func (k *kernel) id(name string) ktypes.ID {
	if name == "" || k.late() == nil {
		return 0
	}
	id, _ := k.late().Named(name)
	return id
}

// noTypes is what is said where a verdict needs the kernel's types.
func noTypes(format string, args ...any) decision {
	return unmodelled("%s is not modelled without the kernel's types", fmt.Sprintf(format, args...))
}

// structPtr returns a pointer to a structure of the kernel.
func (w *words[E]) structPtr(id ktypes.ID, flags uint8) reg[E] {
	return reg[E]{kind: btfPtr, frame: flags, index: int32(id), val: w.zero}
}

// reliable reports that the object behind the pointer is there: the program holds a
// reference to it, or the kernel vouches for it (is_trusted_reg).
func (r *reg[E]) reliable() bool {
	switch r.kind {
	case btfPtr:
		return r.ref != 0 || r.frame == trusted && !r.null
	case objPtr, mapPtr:
		return !r.null
	}
	return r.ref != 0
}

// inRCU reports that RCU is held (in_rcu_cs).
func (s *state[E]) inRCU(p *ir.Program) bool {
	return s.sect.rcu > 0 || s.lock.held || p.LoadFlags&abi.LoadSleepable == 0
}

// maySleep reports that the program may sleep where it is.
func (s *state[E]) maySleep(p *ir.Program) bool {
	return p.LoadFlags&abi.LoadSleepable != 0 && s.sect == section{} && !s.lock.held
}

// section counts the sections that the program is in.
type section struct {
	rcu     uint8 // RCU is held
	preempt uint8 // it is not preempted
}

// checkStruct decides an access through a pointer to a structure of the kernel: a
// read of a member.
//
// Sound: what is read is what the types say lies there; a pointer that nobody
// vouches for is read by instructions that fault safely.
//
// Source: check_ptr_to_btf_access.
func (c *checker[E]) checkStruct(r *reg[E], in ir.Insn, ob *obligation) decision {
	types := c.kern.late()
	name := types.Name(ktypes.ID(r.index))
	off, fixed := c.w.fixed(r)
	off += int64(in.Off)
	switch {
	case c.policy.Unprivileged:
		return refuse(StructAccess, "'struct %s' access is allowed only to CAP_PERFMON and CAP_SYS_ADMIN", name)
	case !abi.GPLCompatible(c.prog.License):
		return refuse(HelperLicense, "Cannot access kernel 'struct %s' from non-GPL compatible program", name)
	case !fixed:
		return refuse(StructAccess, "R%d is ptr_%s invalid variable offset: off=%d", ob.reg, name, int64(r.off)+int64(in.Off))
	case off < 0:
		return refuse(StructAccess, "R%d is ptr_%s invalid negative access: off=%d", ob.reg, name, off)
	case r.frame&userMem != 0:
		return refuse(StructAccess, "R%d is ptr_%s access user memory: off=%d", ob.reg, name, off)
	case r.frame&perCPU != 0:
		return refuse(StructAccess, "R%d is ptr_%s access percpu memory: off=%d", ob.reg, name, off)
	case ob.mode == write && r.frame&untrusted == 0 && c.writesConn(name):
		return c.checkConn(ktypes.ID(r.index), off, int64(ob.size))
	case ob.mode&write != 0:
		return refuse(StructAccess, "only read is supported")
	case off > maxVar:
		return refuse(StructAccess, "access beyond struct %s at off %d size %d", name, off, ob.size)
	}
	if _, err := types.Walk(ktypes.ID(r.index), int(off), int(ob.size)); err != nil {
		return refuse(StructAccess, "%s", reasonOf(err))
	}
	return decision{}
}

// reasonOf returns why a structure cannot be read.
func reasonOf(err error) string {
	if a, ok := err.(*ktypes.AccessError); ok {
		return a.Reason
	}
	return err.Error()
}

// member returns what a read of a structure's member gives.
//
// Source: check_ptr_to_btf_access in kernel/bpf/verifier.c of Linux 6.18, which
// decides how far a pointer that was read can be relied on by how far the one that
// it was read through can.
func (t *stepper[E]) member(s *state[E], base *reg[E], in ir.Insn) reg[E] {
	id := ktypes.ID(base.index)
	off, _ := t.w.fixed(base)
	a, err := t.kern.late().Walk(id, int(off)+int(in.Off), in.Row().Width.Bytes())
	if err != nil || a.Kind == ktypes.Number {
		return number(t.w.anyOf(in.Row().Width))
	}
	flags, null := walkedFlags(a), false
	switch {
	case base.frame&untrusted != 0:
		flags = untrusted
	case base.reliable() || base.frame&rcuHeld != 0:
		flags, null = t.inherited(s, base, a, flags)
	default:
		flags &^= rcuHeld
	}
	r := t.w.structPtr(a.Target, flags)
	if null {
		r.null, r.id = true, t.newID()
	}
	return r
}

// inherited tells how far a pointer can be relied on that was read from an object
// that is there.
func (t *stepper[E]) inherited(s *state[E], base *reg[E], a ktypes.Access, flags uint8) (now uint8, null bool) {
	trust := t.kern.late().TrustOf(ktypes.ID(base.index), a)
	switch {
	case trust == ktypes.Trusted:
		return flags | trusted, false
	case trust == ktypes.TrustedOrNull:
		return flags | trusted, true
	case !s.inRCU(t.prog):
		return untrusted, false
	case trust == ktypes.RCU:
		return flags | rcuHeld, false
	case trust == ktypes.RCUOrNull:
		return flags&^untrusted | rcuHeld, true
	case flags&rcuHeld != 0:
		return flags, true
	}
	return flags, false
}

// walkedFlags returns what the types alone say of a pointer in a structure.
func walkedFlags(a ktypes.Access) (f uint8) {
	for _, x := range []struct {
		set  bool
		flag uint8
	}{{a.User, userMem}, {a.PerCPU, perCPU}, {a.RCU, rcuHeld}, {a.Union, untrusted}} {
		if x.set {
			f |= x.flag
		}
	}
	return f
}

// checkMapFields decides a read of a map's own fields: maps are structures of the
// kernel, of which the common one begins each.
//
// Source: check_ptr_to_map_access.
func (c *checker[E]) checkMapFields(r *reg[E], in ir.Insn, ob *obligation) decision {
	off, fixed := c.w.fixed(r)
	off += int64(in.Off)
	id := c.kern.mapStruct(specOf(c.prog, r))
	switch {
	case !fixed || off < 0:
		return refuse(BadDeref, "R%d is %s invalid negative access: off=%d", ob.reg, r.name(), off)
	case ob.mode&write != 0:
		return refuse(BadDeref, "only read from %s is supported", r.name())
	case id == 0:
		return noTypes("read of R%d, a map's own fields,", ob.reg)
	}
	if _, err := c.kern.late().Walk(id, int(off), int(ob.size)); err != nil {
		return refuse(StructAccess, "%s", reasonOf(err))
	}
	return decision{}
}

// mapField returns what such a read gives.
func (t *stepper[E]) mapField(s *state[E], base *reg[E], in ir.Insn) reg[E] {
	plain := t.w.structPtr(t.kern.mapStruct(specOf(t.prog, base)), 0)
	plain.off = base.off
	return t.member(s, &plain, in)
}

// mapStructs gives the structure that maps of a kind are, by the words that
// map_btf_ids of kernel/bpf have; others are not listed.
var mapStructs = map[ir.MapType]string{
	ir.Array: "bpf_array", ir.PerCPUArray: "bpf_array", ir.ProgArray: "bpf_array", ir.PerfEventArray: "bpf_array", ir.CgroupArray: "bpf_array",
	ir.ArrayOfMaps: "bpf_array", ir.Hash: "bpf_htab", ir.PerCPUHash: "bpf_htab", ir.LRUHash: "bpf_htab", ir.LRUPerCPUHash: "bpf_htab",
	ir.HashOfMaps: "bpf_htab", ir.LPMTrie: "lpm_trie", ir.StackTrace: "bpf_stack_map", ir.Queue: "bpf_queue_stack", ir.Stack: "bpf_queue_stack",
	ir.RingBuf: "bpf_ringbuf_map", ir.UserRingBuf: "bpf_ringbuf_map", ir.BloomFilter: "bpf_bloom_filter", ir.Devmap: "bpf_dtab",
	ir.DevmapHash: "bpf_dtab", ir.CPUMap: "bpf_cpu_map", ir.XSKMap: "xsk_map", ir.Sockmap: "bpf_stab", ir.Sockhash: "bpf_shtab",
	ir.SkStorage: "bpf_local_storage_map", ir.InodeStorage: "bpf_local_storage_map", ir.TaskStorage: "bpf_local_storage_map", ir.CgrpStorage: "bpf_local_storage_map",
	ir.ReuseportSockarray: "reuseport_array",
}

func (k *kernel) mapStruct(m *ir.MapSpec) ktypes.ID {
	if m == nil {
		return 0
	}
	types := k.late()
	if types == nil {
		return 0
	}
	id, _ := types.Named(mapStructs[m.Type])
	return id
}

// noteKernel notes a read through a pointer of that kind: structures of the kernel
// are not in the memory of other engines.
func (e *engine[E]) noteKernel(k kind) {
	switch k {
	case btfPtr:
		e.inKernel = "a structure of the kernel"
	case mapPtr:
		e.inKernel = "a map's own fields"
	}
}

// knowSocks makes the structures known that helpers make sockets of. It reports
// whether that changes anything.
func (k *kernel) knowSocks() bool {
	if k.socks || k.types == nil {
		return false
	}
	for i := range k.prog.Insns {
		in := &k.prog.Insns[i]
		if in.Op.Kind() == ir.KindCall && in.Op.Row().Pseudo == ir.CallHelper && abi.SockStructOf(abi.HelperID(in.Imm)) != "" {
			k.socks = true
		}
	}
	return k.socks
}

// sockStruct returns the structure that the helper makes a socket one of, 0 where it
// makes none or the walk does not look at its members.
func (k *kernel) sockStruct(id abi.HelperID) ktypes.ID {
	if !k.socks {
		return 0
	}
	return k.id(abi.SockStructOf(id))
}

// writesConn reports that programs of the type may write the mark of connections
// that are tracked, which are structures of that name.
func (c *checker[E]) writesConn(name string) bool {
	switch c.prog.Type {
	case ir.XDP, ir.SchedCLS, ir.SchedACT:
		return name == "nf_conn" || name == "nf_conn___init"
	}
	return false
}

// checkConn decides such a write.
//
// Source: nf_conntrack_btf_struct_access in net/netfilter/nf_conntrack_bpf.c.
func (c *checker[E]) checkConn(id ktypes.ID, off, size int64) decision {
	at, width, ok := c.kern.late().Member(c.kern.id("nf_conn"), "mark")
	switch {
	case !ok || off < int64(at) || off >= int64(at+width):
		return refuse(StructAccess, "no write support to nf_conn at off %d", off)
	case off != int64(at) || off+size > int64(at+width):
		return refuse(StructAccess, "write access at off %d with size %d beyond the member of nf_conn ended at %d", off, size, at+width)
	}
	return decision{}
}
