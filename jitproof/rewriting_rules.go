package jitproof

import (
	"strings"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/smt"
)

// access is one load on the way to a field: of so many bits, at the sum of the
// offsets of members of the kernel's structures, and some bytes more.
type access struct {
	w       ir.Width
	members string // separated by "+"
	more    int
}

// xdpFields are the loads that a load of 32 bits from struct xdp_md becomes
// (xdp_convert_ctx_access in net/core/filter.c).
var xdpFields = map[int16][]access{
	0:  {{ir.W64, "xdp_buff.data", 0}},
	4:  {{ir.W64, "xdp_buff.data_end", 0}},
	8:  {{ir.W64, "xdp_buff.data_meta", 0}},
	12: {{ir.W64, "xdp_buff.rxq", 0}, {ir.W64, "xdp_rxq_info.dev", 0}, {ir.W32, "net_device.ifindex", 0}},
	16: {{ir.W64, "xdp_buff.rxq", 0}, {ir.W32, "xdp_rxq_info.queue_index", 0}},
	20: {{ir.W64, "xdp_buff.txq", 0}, {ir.W64, "xdp_txq_info.dev", 0}, {ir.W32, "net_device.ifindex", 0}},
}

// skbFields are the same of struct __sk_buff (bpf_convert_ctx_access).
var skbFields = map[int16][]access{
	0:  {{ir.W32, "sk_buff.len", 0}},
	8:  {{ir.W32, "sk_buff.mark", 0}},
	12: {{ir.W16, "sk_buff.queue_mapping", 0}},
	16: {{ir.W16, "sk_buff.protocol", 0}},
	24: {{ir.W16, "sk_buff.vlan_tci", 0}},
	32: {{ir.W32, "sk_buff.priority", 0}},
	36: {{ir.W32, "sk_buff.skb_iif", 0}},
	44: {{ir.W16, "sk_buff.tc_index", 0}},
	48: {{ir.W32, "sk_buff.cb+qdisc_skb_cb.data", 0}},
	52: {{ir.W32, "sk_buff.cb+qdisc_skb_cb.data", 4}},
	56: {{ir.W32, "sk_buff.cb+qdisc_skb_cb.data", 8}},
	60: {{ir.W32, "sk_buff.cb+qdisc_skb_cb.data", 12}},
	64: {{ir.W32, "sk_buff.cb+qdisc_skb_cb.data", 16}},
	68: {{ir.W32, "sk_buff.hash", 0}},
	76: {{ir.W64, "sk_buff.data", 0}},
	80: {{ir.W64, "sk_buff.cb+bpf_skb_data_end.data_end", 0}},
}

// contexts are the tables by program type.
func contexts(t ir.ProgType) map[int16][]access {
	switch t {
	case ir.XDP:
		return xdpFields
	case ir.SocketFilter, ir.SchedCLS, ir.SchedACT, ir.CgroupSKB, ir.LWTIn, ir.LWTOut, ir.LWTXmit, ir.LWTSeg6Local, ir.SkSKB:
		return skbFields
	}
	return nil
}

// skbSocket is where struct __sk_buff has its socket, a pointer of 64 bits.
const skbSocket = 168

// field returns the loads that a load may have become if it is one of a field of
// the context; nil if the tables have none, or the kernel's types lack a member.
func (r *rewriter) field(in ir.Insn) []access {
	table := contexts(r.from.Type)
	chain := table[in.Off]
	switch w := in.Row().Width; {
	case w == ir.W64 && in.Off == skbSocket && table[76] != nil:
		chain = []access{{ir.W64, "sk_buff.sk", 0}}
	case w != ir.W32 || in.Row().Signed:
		return nil
	}
	for _, x := range chain {
		for _, m := range strings.Split(x.members, "+") {
			if _, ok := r.k.Members[m]; !ok {
				return nil
			}
		}
	}
	return chain
}

// contextLoad is a load from a context as the kernel lays it out: each access gives
// the address for the next, and the last one the value.
func (r *rewriter) contextLoad(a words[smt.Term], s regs[smt.Term], in ir.Insn, pc ir.PC, chain []access) *meaning[smt.Term] {
	m := &meaning[smt.Term]{after: s, outs: []outcome[smt.Term]{{cond: a.Const(ir.W1, 1), pc: pc + 1}}}
	x := s.r[in.Src]
	for _, step := range chain {
		off := int16(step.more)
		for _, name := range strings.Split(step.members, "+") {
			off += r.k.Members[name]
		}
		addr := sem.Address[smt.Term](a, x, off)
		word := symbol(a, m.events, evLoad, step.w)
		m.events = append(m.events, event[smt.Term]{kind: evLoad, w: step.w, addr: addr})
		x = sem.Loaded[smt.Term](a, step.w, false, word)
	}
	m.set(in.Dst, x)
	return m
}

// packetLoad is a load from the packet as the kernel writes it: a call with the
// context and the offset, whose result is negative outside of the packet; then the
// function returns 0 (bpf_gen_ld_abs in net/core/filter.c). Call is the call's number.
func (r *rewriter) packetLoad(a words[smt.Term], s regs[smt.Term], in ir.Insn, pc ir.PC, call int64) *meaning[smt.Term] {
	m := &meaning[smt.Term]{after: s}
	offset := a.Const(ir.W64, uint64(in.Imm))
	if in.Row().Indirect {
		offset = a.Bin(sem.Add, ir.W64, s.r[in.Src], offset)
	}
	e := event[smt.Term]{kind: evHelper, id: a.Const(ir.W32, uint64(call)), nargs: 2}
	e.args[0], e.args[1] = s.r[ir.R6], offset
	m.events = []event[smt.Term]{e}
	result := a.fresh("ret0", ir.W64)
	outside := a.Cmp(sem.SLT, ir.W64, result, a.Const(ir.W64, 0))
	m.set(ir.R0, a.Ite(outside, a.Const(ir.W64, 0), result))
	m.losesArguments()
	m.outs = []outcome[smt.Term]{{cond: outside, exit: true}, {cond: a.Bin(sem.Xor, ir.W1, outside, a.Const(ir.W1, 1)), pc: pc + 1}}
	return m
}

// lookedUp lists the maps whose lookup the call at pc may be: the one whose handle
// was put into r1 before, on the straight way to the call, or any.
func (r *rewriter) lookedUp(pc ir.PC) (maps []int) {
	for range r.from.Slots() {
		if len(r.before[pc]) != 1 {
			break
		}
		pc = r.before[pc][0]
		in := r.from.Insns[pc]
		if w, ok := in.Writes(); ok && w == ir.R1 {
			if i, _, refers := in.Map(); refers && in.Row().Pseudo != ir.PseudoMapValue && in.Row().Pseudo != ir.PseudoMapIdxV {
				return []int{i}
			}
			break
		}
		if in.Kind() == ir.KindCall || in.Kind() == ir.KindLoadPacket {
			break
		}
	}
	for i := range r.from.Maps {
		maps = append(maps, i)
	}
	return maps
}

// lookups are what a lookup in map i may have become: in an array, the address of
// the element in struct bpf_array (array_map_gen_lookup in kernel/bpf/arraymap.c);
// in a hash table, a call of __htab_map_lookup_elem and the distance to the value
// (htab_map_gen_lookup in kernel/bpf/hashtab.c).
func (r *rewriter) lookups(pc ir.PC, i int) []alternative {
	spec := r.from.Maps[i]
	switch spec.Type {
	case ir.Array:
		return []alternative{{RuleArray, func(a words[smt.Term], s regs[smt.Term]) (*meaning[smt.Term], error) {
			return r.arrayLookup(a, s, pc, spec), nil
		}}}
	case ir.Hash:
		for slot := r.at[pc]; slot < r.end[pc]; slot++ {
			in := r.to.Insns[slot]
			key, ok := r.k.Members["htab_elem.key"]
			if in.Kind() != ir.KindCall || !ok || r.symbols[slot] != "__htab_map_lookup_elem" {
				continue
			}
			return []alternative{{RuleHash, func(a words[smt.Term], s regs[smt.Term]) (*meaning[smt.Term], error) {
				return r.hashLookup(a, s, pc, in, int64(key)+int64(spec.KeySize+7)&^7), nil
			}}}
		}
	}
	return nil
}

func (r *rewriter) arrayLookup(a words[smt.Term], s regs[smt.Term], pc ir.PC, spec *ir.MapSpec) *meaning[smt.Term] {
	m := &meaning[smt.Term]{after: s, outs: []outcome[smt.Term]{{cond: a.Const(ir.W1, 1), pc: pc + 1}}}
	key := symbol(a, nil, evLoad, ir.W32)
	m.events = []event[smt.Term]{{kind: evLoad, w: ir.W32, addr: s.r[ir.R2]}}
	at := a.Bin(sem.Mul, ir.W64, a.Resize(key, ir.W32, ir.W64, false), a.Const(ir.W64, uint64(abi.ArrayStride(spec))))
	at = a.Bin(sem.Add, ir.W64, at, sem.Address[smt.Term](a, s.r[ir.R1], r.k.ArrayPtrs))
	inside := a.Cmp(sem.ULT, ir.W32, key, a.Const(ir.W32, uint64(spec.MaxEntries)))
	m.set(ir.R0, a.Ite(inside, at, a.Const(ir.W64, 0)))
	m.losesArguments()
	return m
}

func (r *rewriter) hashLookup(a words[smt.Term], s regs[smt.Term], pc ir.PC, call ir.Insn, value int64) *meaning[smt.Term] {
	m := &meaning[smt.Term]{after: s, outs: []outcome[smt.Term]{{cond: a.Const(ir.W1, 1), pc: pc + 1}}}
	e := event[smt.Term]{kind: evHelper, id: a.Const(ir.W32, uint64(call.Imm)), nargs: 2}
	copy(e.args[:], s.r[ir.R1:ir.R6])
	m.events = []event[smt.Term]{e}
	found := a.fresh("ret0", ir.W64)
	none := a.Cmp(sem.EQ, ir.W64, found, a.Const(ir.W64, 0))
	m.set(ir.R0, a.Ite(none, found, a.Bin(sem.Add, ir.W64, found, a.Const(ir.W64, uint64(value)))))
	m.losesArguments()
	return m
}
