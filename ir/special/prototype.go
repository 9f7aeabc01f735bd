package special

import (
	"slices"

	"github.com/cilium/ebpf/btf"

	"github.com/bpfproof/bpfproof/ir"
)

// Prototype reads the type of a global function of a program of type t.
//
// Source: btf_prepare_func_args in kernel/bpf/btf.c of Linux 6.18. What it refuses,
// or takes for an object of the kernel, is ir.ParamOther.
func Prototype(f *btf.Func, t ir.ProgType) *ir.Prototype {
	proto, ok := f.Type.(*btf.FuncProto)
	if !ok || len(proto.Params) > 5 {
		return &ir.Prototype{Params: []ir.Param{{Kind: ir.ParamOther, Name: f.Name}}}
	}
	p := &ir.Prototype{Void: !isNumber(proto.Return)}
	for i, a := range proto.Params {
		var tags []string
		if i < len(f.ParamTags) {
			tags = f.ParamTags[i]
		}
		p.Params = append(p.Params, param(a.Type, tags, t))
	}
	return p
}

// param reads one argument, with its tags, of a function of such a program.
func param(t btf.Type, tags []string, prog ir.ProgType) ir.Param {
	other := ir.Param{Kind: ir.ParamOther, Name: typeName(t)}
	tagged := func(tag string) bool { return slices.Contains(tags, "arg:"+tag) }
	ptr, isPtr := btf.UnderlyingType(t).(*btf.Pointer)
	switch {
	case !isPtr && len(tags) == 0 && isNumber(t):
		return ir.Param{Kind: ir.ParamNumber}
	case !isPtr:
		return other
	case tagged("ctx") && len(tags) == 1, len(tags) == 0 && isContext(ptr.Target, prog):
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

func isContext(t btf.Type, prog ir.ProgType) bool {
	for {
		switch u := t.(type) {
		case *btf.Const:
			t = u.Type
		case *btf.Volatile:
			t = u.Type
		case *btf.Struct:
			want, ok := contexts[prog]
			return ok && u.Name == want
		default:
			return false
		}
	}
}
