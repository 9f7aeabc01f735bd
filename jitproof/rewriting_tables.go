package jitproof

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jitproof/translated"
	"github.com/bpfproof/bpfproof/smt"
)

// newRewriter brings both programs into one form and notes what belongs to what.
func newRewriter(ctx context.Context, v *Validator, p *ir.Program, t *translated.Program, k *jit.LinuxImage) (*rewriter, error) {
	r := &rewriter{ctx: ctx, solver: v.solver, b: smt.NewBuilder(), k: k, at: map[ir.PC]ir.PC{}, head: map[ir.PC]bool{}, end: map[ir.PC]ir.PC{},
		named: map[ir.PC]Rule{}, never: map[ir.PC]ir.PC{}, live: map[ir.PC]bool{}, result: &Rewriting{Counts: map[Rule]int{}}}
	if len(p.Funcs) != len(t.IR.Funcs) {
		return nil, &ImageError{k.Name, CodeTables, 0, fmt.Sprintf("%d functions of %d are left", len(t.IR.Funcs), len(p.Funcs))}
	}
	for _, l := range k.Lines {
		if l.PC < 0 || l.PC >= p.Slots() || l.Slot < 0 || l.Slot >= t.IR.Slots() || r.head[l.Slot] || t.IR.Insns[l.Slot].Op == ir.OpPad {
			return nil, &ImageError{k.Name, CodeTables, 0, fmt.Sprintf("the place of insn %d is not one of its own", l.PC)}
		}
		r.at[l.PC], r.head[l.Slot] = l.Slot, true
	}
	for pc, slot := range r.at {
		end := slot + 1
		for end < t.IR.Slots() && !r.head[end] && t.IR.FuncAt(end) == t.IR.FuncAt(slot) {
			end++
		}
		r.end[pc] = end
	}
	from, to := *p, *t.IR
	from.Insns, to.Insns = slices.Clone(p.Insns), slices.Clone(t.IR.Insns)
	to.Maps = p.Maps
	r.from, r.to = &from, &to
	r.before, r.symbols = predecessors(p), map[ir.PC]string{}
	for i, f := range p.Funcs {
		if r.at[f.PC] != t.IR.Funcs[i].PC {
			return nil, &ImageError{k.Name, CodeTables, 0, fmt.Sprintf("function %d does not start where its first instruction is", i)}
		}
	}
	r.maps()
	r.calls(t)
	r.src, r.dst = r.sim(r.from), r.sim(r.to)
	return r, nil
}

// sim returns a simulation that has no machine code.
func (r *rewriter) sim(p *ir.Program) *sim[smt.Term] {
	img := &image{p: p, conv: ours()}
	return &sim[smt.Term]{w: terms{Builder: r.b}, p: p, img: img, conv: img.conv, across: true}
}

// maps puts the program's indices for the ids of maps.
func (r *rewriter) maps() {
	for pc, in := range r.to.All() {
		id, off, ok := in.Map()
		if !ok {
			continue
		}
		i := slices.Index(r.k.MapIDs, uint32(id))
		r.to.Insns[pc].Imm = int64(uint64(off)<<32 | uint64(uint32(i)))
		if i < 0 {
			r.to.Insns[pc].Op = ir.OpPad // no map of the program's
		}
	}
}

// kfuncCall is the number above all helpers' from which on calls of the kernel's
// functions count, and otherCall that of what has no name, each of its own.
const (
	kfuncCall = 1 << 20
	otherCall = 1 << 24
)

// calls gives calls that belong together by their names the same number, and all
// other calls of the kernel one of their own.
func (r *rewriter) calls(t *translated.Program) {
	helper := ir.OpCall(ir.CallHelper)
	for slot, form := range t.Forms {
		switch form {
		case translated.Call:
			r.symbols[slot] = r.k.Calls[r.k.CallBase+uint64(t.IR.Insns[slot].Imm)]
			r.to.Insns[slot].Imm = otherCall + int64(slot)
		case translated.PerCPU:
			r.to.Insns[slot].Op = ir.OpPad // without meaning here
		}
	}
	for pc, in := range r.from.All() {
		if in.Kind() != ir.KindCall {
			continue
		}
		number, rule := in.Imm, RuleHelper
		var names func(symbol string) bool
		switch in.Row().Pseudo {
		case ir.CallHelper:
			names = func(symbol string) bool { return implements(symbol, abi.HelperID(in.Imm)) }
		case ir.CallKfunc:
			number, rule = kfuncCall+int64(pc), RuleKfunc
			r.from.Insns[pc] = ir.Insn{Op: helper, Imm: number}
			name := externName(r.from, pc)
			names = func(symbol string) bool { return name != "" && symbol == name }
		default:
			continue
		}
		for slot, ok := r.at[pc]; ok && slot < r.end[pc]; slot++ {
			if t.Forms[slot] != translated.Call {
				continue
			}
			if names(r.symbols[slot]) {
				r.to.Insns[slot].Imm, r.named[pc] = number, rule
			}
		}
	}
}

func externName(p *ir.Program, pc ir.PC) string {
	for _, e := range p.Externs {
		if e.PC == pc {
			return e.Name
		}
	}
	return ""
}

// otherNames are the kernel's functions for helpers that are not named after them.
var otherNames = map[string][]string{
	"for_each_map_elem":      {"bpf_for_each_array_elem", "bpf_for_each_hash_elem"},
	"get_prandom_u32":        {"bpf_user_rnd_u32"},
	"get_smp_processor_id":   {"bpf_get_raw_cpu_id"},
	"get_socket_cookie":      {"bpf_get_socket_ptr_cookie"},
	"map_lookup_percpu_elem": {"percpu_array_map_lookup_percpu_elem"},
	"perf_event_output":      {"bpf_skb_event_output", "bpf_xdp_event_output"},
	"sk_storage_get":         {"bpf_sk_storage_get_tracing"},
}

// kindsOf are the ends of names of functions that are for one kind of programs.
var kindsOf = []string{"_tp", "_raw_tp", "_pe", "_tracing", "_kprobe", "_sk_msg", "_sock_ops", "_sock_addr", "_sock", "_skb", "_xdp", "_sk_skb"}

// implements reports whether a function of the kernel is the helper's by its name:
// the helper's own behind "bpf_", or behind what tells the kind of map or packet
// that it is for, or in front of what tells the kind of program, or one of otherNames.
func implements(symbol string, id abi.HelperID) bool {
	h, ok := abi.LookupHelper(id)
	if !ok || symbol == "" {
		return false
	}
	for _, kind := range kindsOf {
		if bare, ok := strings.CutSuffix(symbol, kind); ok && bare == "bpf_"+h.Name {
			return true
		}
	}
	return symbol == h.Name || symbol == "bpf_"+h.Name || strings.HasSuffix(symbol, "_"+h.Name) || slices.Contains(otherNames[h.Name], symbol)
}
