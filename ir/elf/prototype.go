package elf

import (
	"debug/elf"
	"slices"

	"github.com/cilium/ebpf/btf"

	"github.com/bpfproof/bpfproof/ir"
)

// globals notes the prototypes of the functions that are global, so that the
// verifier takes them by these and not by their callers.
func (l *linker) globals() {
	for i := range l.prog.Funcs {
		f := &l.prog.Funcs[i]
		if s, ok := l.rd.function(f.Name); ok && elf.ST_VISIBILITY(s.Other) == elf.STV_HIDDEN {
			continue // loaders make such functions static
		}
		if t := l.rd.funcs[f.Name]; i > 0 && t != nil && t.Linkage == btf.GlobalFunc {
			f.Global = l.prototype(t)
		}
	}
}

// prototype reads a function's type.
//
// Source: btf_prepare_func_args in kernel/bpf/btf.c of Linux 6.18. What it refuses,
// or takes for an object of the kernel, is ir.ParamOther.
func (l *linker) prototype(f *btf.Func) *ir.Prototype {
	t, ok := f.Type.(*btf.FuncProto)
	if !ok || len(t.Params) > 5 {
		return &ir.Prototype{Params: []ir.Param{{Kind: ir.ParamOther, Name: f.Name}}}
	}
	p := &ir.Prototype{Void: !isNumber(t.Return)}
	for i, a := range t.Params {
		var tags []string
		if i < len(f.ParamTags) {
			tags = f.ParamTags[i]
		}
		p.Params = append(p.Params, l.param(a.Type, tags))
	}
	return p
}

// param reads one argument with its tags.
func (l *linker) param(t btf.Type, tags []string) ir.Param {
	other := ir.Param{Kind: ir.ParamOther, Name: typeName(t)}
	tagged := func(tag string) bool { return slices.Contains(tags, "arg:"+tag) }
	ptr, isPtr := btf.UnderlyingType(t).(*btf.Pointer)
	switch {
	case !isPtr && len(tags) == 0 && isNumber(t):
		return ir.Param{Kind: ir.ParamNumber}
	case !isPtr:
		return other
	case tagged("ctx") && len(tags) == 1, len(tags) == 0 && l.isContext(ptr.Target):
		return ir.Param{Kind: ir.ParamCtx}
	}
	for _, tag := range tags {
		if tag != "arg:nonnull" && tag != "arg:nullable" {
			return other
		}
	}
	target := btf.UnderlyingType(ptr.Target)
	if s, ok := target.(*btf.Struct); ok && s.Name == "bpf_dynptr" {
		return other
	}
	size, err := btf.Sizeof(ptr.Target)
	if _, void := target.(*btf.Void); err != nil || void || size < 0 || int64(size) > 1<<29 {
		return other
	}
	return ir.Param{Kind: ir.ParamMem, Size: uint32(size), Null: !tagged("nonnull")}
}

func isNumber(t btf.Type) bool {
	switch btf.UnderlyingType(t).(type) {
	case *btf.Int, *btf.Enum:
		return true
	}
	return false
}

// typeName names a type; those without a name that are no numbers are pointers mostly.
func typeName(t btf.Type) string {
	if n := t.TypeName(); n != "" {
		return n
	}
	return "a pointer"
}

// contexts lists the structures that programs of a type know their context as. Other
// types of programs tell theirs by a tag.
//
// Source: include/linux/bpf_types.h of Linux 6.18.
var contexts = map[ir.ProgType]string{
	ir.SocketFilter: "__sk_buff", ir.SchedCLS: "__sk_buff", ir.SchedACT: "__sk_buff", ir.CgroupSKB: "__sk_buff",
	ir.LWTIn: "__sk_buff", ir.LWTOut: "__sk_buff", ir.LWTXmit: "__sk_buff", ir.LWTSeg6Local: "__sk_buff", ir.SkSKB: "__sk_buff",
	ir.FlowDissector: "__sk_buff", ir.XDP: "xdp_md", ir.CgroupSock: "bpf_sock", ir.CgroupSockAddr: "bpf_sock_addr",
	ir.SockOps: "bpf_sock_ops", ir.SkMsg: "sk_msg_md", ir.SkReuseport: "sk_reuseport_md", ir.SkLookup: "bpf_sk_lookup",
	ir.CgroupDevice: "bpf_cgroup_dev_ctx", ir.CgroupSysctl: "bpf_sysctl", ir.CgroupSockopt: "bpf_sockopt",
	ir.PerfEvent: "bpf_perf_event_data", ir.Netfilter: "bpf_nf_ctx",
}

func (l *linker) isContext(t btf.Type) bool {
	for {
		switch u := t.(type) {
		case *btf.Const:
			t = u.Type
		case *btf.Volatile:
			t = u.Type
		case *btf.Struct:
			want, ok := contexts[l.prog.Type]
			return ok && u.Name == want
		default:
			return false
		}
	}
}
