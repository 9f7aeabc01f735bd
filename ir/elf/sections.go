package elf

import (
	"strings"

	"github.com/cilium/ebpf"

	"github.com/bpfproof/bpfproof/ir"
)

// The prog_flags that a section's name asks for (BPF_F_SLEEPABLE,
// BPF_F_XDP_HAS_FRAGS).
const (
	flagSleepable = 1 << 4
	flagFrags     = 1 << 5
)

// sectionKind says what programs a section holds. A pattern that ends in "+"
// stands for the name itself and for the name, a slash and what to attach to;
// any other stands for itself alone.
type sectionKind struct {
	pattern string
	typ     ir.ProgType
	attach  ebpf.AttachType
	flags   uint32
}

// SectionProgram returns the program type, the expected attach type and the load
// flags that the name of a section stands for, as libbpf 1.5 has them. A "?" in
// front, which keeps libbpf from loading the program by itself, is passed over.
// ok is false for a name that stands for nothing.
func SectionProgram(name string) (typ ir.ProgType, attach, flags uint32, ok bool) {
	name = strings.TrimPrefix(name, "?")
	for i := range sectionKinds {
		k := &sectionKinds[i]
		if k.matches(name) {
			return k.typ, uint32(k.attach), k.flags, true
		}
	}
	return ir.Unspec, 0, 0, false
}

// attachTo returns what the section's name says that its programs are made for.
func attachTo(typ ir.ProgType, section string) string {
	switch typ {
	case ir.Tracing, ir.LSM, ir.Ext, ir.StructOps:
		_, target, _ := strings.Cut(section, "/")
		return target
	}
	return ""
}

func (k *sectionKind) matches(name string) bool {
	base, plus := strings.CutSuffix(k.pattern, "+")
	rest, ok := strings.CutPrefix(name, base)
	return ok && (rest == "" || plus && rest[0] == '/')
}

// sectionKinds lists the names of libbpf 1.5 (section_defs in
// tools/lib/bpf/libbpf.c of Linux 6.12).
var sectionKinds = []sectionKind{
	{"socket", ir.SocketFilter, 0, 0},
	{"sk_reuseport/migrate", ir.SkReuseport, ebpf.AttachSkReuseportSelectOrMigrate, 0},
	{"sk_reuseport", ir.SkReuseport, ebpf.AttachSkReuseportSelect, 0},
	{"kprobe+", ir.Kprobe, 0, 0},
	{"uprobe+", ir.Kprobe, 0, 0},
	{"uprobe.s+", ir.Kprobe, 0, flagSleepable},
	{"kretprobe+", ir.Kprobe, 0, 0},
	{"uretprobe+", ir.Kprobe, 0, 0},
	{"uretprobe.s+", ir.Kprobe, 0, flagSleepable},
	{"kprobe.multi+", ir.Kprobe, ebpf.AttachTraceKprobeMulti, 0},
	{"kretprobe.multi+", ir.Kprobe, ebpf.AttachTraceKprobeMulti, 0},
	{"kprobe.session+", ir.Kprobe, ebpf.AttachTraceKprobeSession, 0},
	{"uprobe.multi+", ir.Kprobe, ebpf.AttachTraceUprobeMulti, 0},
	{"uretprobe.multi+", ir.Kprobe, ebpf.AttachTraceUprobeMulti, 0},
	{"uprobe.multi.s+", ir.Kprobe, ebpf.AttachTraceUprobeMulti, flagSleepable},
	{"uretprobe.multi.s+", ir.Kprobe, ebpf.AttachTraceUprobeMulti, flagSleepable},
	{"ksyscall+", ir.Kprobe, 0, 0},
	{"kretsyscall+", ir.Kprobe, 0, 0},
	{"usdt+", ir.Kprobe, 0, 0},
	{"usdt.s+", ir.Kprobe, 0, flagSleepable},
	{"tc/ingress", ir.SchedCLS, ebpf.AttachTCXIngress, 0},
	{"tc/egress", ir.SchedCLS, ebpf.AttachTCXEgress, 0},
	{"tcx/ingress", ir.SchedCLS, ebpf.AttachTCXIngress, 0},
	{"tcx/egress", ir.SchedCLS, ebpf.AttachTCXEgress, 0},
	{"tc", ir.SchedCLS, 0, 0},
	{"classifier", ir.SchedCLS, 0, 0},
	{"action", ir.SchedACT, 0, 0},
	{"netkit/primary", ir.SchedCLS, ebpf.AttachNetkitPrimary, 0},
	{"netkit/peer", ir.SchedCLS, ebpf.AttachNetkitPeer, 0},
	{"tracepoint+", ir.Tracepoint, 0, 0},
	{"tp+", ir.Tracepoint, 0, 0},
	{"raw_tracepoint+", ir.RawTracepoint, 0, 0},
	{"raw_tp+", ir.RawTracepoint, 0, 0},
	{"raw_tracepoint.w+", ir.RawTracepointWritable, 0, 0},
	{"raw_tp.w+", ir.RawTracepointWritable, 0, 0},
	{"tp_btf+", ir.Tracing, ebpf.AttachTraceRawTp, 0},
	{"fentry+", ir.Tracing, ebpf.AttachTraceFEntry, 0},
	{"fmod_ret+", ir.Tracing, ebpf.AttachModifyReturn, 0},
	{"fexit+", ir.Tracing, ebpf.AttachTraceFExit, 0},
	{"fentry.s+", ir.Tracing, ebpf.AttachTraceFEntry, flagSleepable},
	{"fmod_ret.s+", ir.Tracing, ebpf.AttachModifyReturn, flagSleepable},
	{"fexit.s+", ir.Tracing, ebpf.AttachTraceFExit, flagSleepable},
	{"freplace+", ir.Ext, 0, 0},
	{"lsm+", ir.LSM, ebpf.AttachLSMMac, 0},
	{"lsm.s+", ir.LSM, ebpf.AttachLSMMac, flagSleepable},
	{"lsm_cgroup+", ir.LSM, ebpf.AttachLSMCgroup, 0},
	{"iter+", ir.Tracing, ebpf.AttachTraceIter, 0},
	{"iter.s+", ir.Tracing, ebpf.AttachTraceIter, flagSleepable},
	{"syscall", ir.Syscall, 0, flagSleepable},
	{"xdp.frags/devmap", ir.XDP, ebpf.AttachXDPDevMap, flagFrags},
	{"xdp/devmap", ir.XDP, ebpf.AttachXDPDevMap, 0},
	{"xdp.frags/cpumap", ir.XDP, ebpf.AttachXDPCPUMap, flagFrags},
	{"xdp/cpumap", ir.XDP, ebpf.AttachXDPCPUMap, 0},
	{"xdp.frags", ir.XDP, ebpf.AttachXDP, flagFrags},
	{"xdp", ir.XDP, ebpf.AttachXDP, 0},
	{"perf_event", ir.PerfEvent, 0, 0},
	{"lwt_in", ir.LWTIn, 0, 0},
	{"lwt_out", ir.LWTOut, 0, 0},
	{"lwt_xmit", ir.LWTXmit, 0, 0},
	{"lwt_seg6local", ir.LWTSeg6Local, 0, 0},
	{"sockops", ir.SockOps, ebpf.AttachCGroupSockOps, 0},
	{"sk_skb/stream_parser", ir.SkSKB, ebpf.AttachSkSKBStreamParser, 0},
	{"sk_skb/stream_verdict", ir.SkSKB, ebpf.AttachSkSKBStreamVerdict, 0},
	{"sk_skb/verdict", ir.SkSKB, ebpf.AttachSkSKBVerdict, 0},
	{"sk_skb", ir.SkSKB, 0, 0},
	{"sk_msg", ir.SkMsg, ebpf.AttachSkMsgVerdict, 0},
	{"lirc_mode2", ir.LircMode2, ebpf.AttachLircMode2, 0},
	{"flow_dissector", ir.FlowDissector, ebpf.AttachFlowDissector, 0},
	{"cgroup_skb/ingress", ir.CgroupSKB, ebpf.AttachCGroupInetIngress, 0},
	{"cgroup_skb/egress", ir.CgroupSKB, ebpf.AttachCGroupInetEgress, 0},
	{"cgroup/skb", ir.CgroupSKB, 0, 0},
	{"cgroup/sock_create", ir.CgroupSock, ebpf.AttachCGroupInetSockCreate, 0},
	{"cgroup/sock_release", ir.CgroupSock, ebpf.AttachCgroupInetSockRelease, 0},
	{"cgroup/sock", ir.CgroupSock, ebpf.AttachCGroupInetSockCreate, 0},
	{"cgroup/post_bind4", ir.CgroupSock, ebpf.AttachCGroupInet4PostBind, 0},
	{"cgroup/post_bind6", ir.CgroupSock, ebpf.AttachCGroupInet6PostBind, 0},
	{"cgroup/bind4", ir.CgroupSockAddr, ebpf.AttachCGroupInet4Bind, 0},
	{"cgroup/bind6", ir.CgroupSockAddr, ebpf.AttachCGroupInet6Bind, 0},
	{"cgroup/connect4", ir.CgroupSockAddr, ebpf.AttachCGroupInet4Connect, 0},
	{"cgroup/connect6", ir.CgroupSockAddr, ebpf.AttachCGroupInet6Connect, 0},
	{"cgroup/connect_unix", ir.CgroupSockAddr, ebpf.AttachCgroupUnixConnect, 0},
	{"cgroup/sendmsg4", ir.CgroupSockAddr, ebpf.AttachCGroupUDP4Sendmsg, 0},
	{"cgroup/sendmsg6", ir.CgroupSockAddr, ebpf.AttachCGroupUDP6Sendmsg, 0},
	{"cgroup/sendmsg_unix", ir.CgroupSockAddr, ebpf.AttachCgroupUnixSendmsg, 0},
	{"cgroup/recvmsg4", ir.CgroupSockAddr, ebpf.AttachCGroupUDP4Recvmsg, 0},
	{"cgroup/recvmsg6", ir.CgroupSockAddr, ebpf.AttachCGroupUDP6Recvmsg, 0},
	{"cgroup/recvmsg_unix", ir.CgroupSockAddr, ebpf.AttachCgroupUnixRecvmsg, 0},
	{"cgroup/getpeername4", ir.CgroupSockAddr, ebpf.AttachCgroupInet4GetPeername, 0},
	{"cgroup/getpeername6", ir.CgroupSockAddr, ebpf.AttachCgroupInet6GetPeername, 0},
	{"cgroup/getpeername_unix", ir.CgroupSockAddr, ebpf.AttachCgroupUnixGetpeername, 0},
	{"cgroup/getsockname4", ir.CgroupSockAddr, ebpf.AttachCgroupInet4GetSockname, 0},
	{"cgroup/getsockname6", ir.CgroupSockAddr, ebpf.AttachCgroupInet6GetSockname, 0},
	{"cgroup/getsockname_unix", ir.CgroupSockAddr, ebpf.AttachCgroupUnixGetsockname, 0},
	{"cgroup/sysctl", ir.CgroupSysctl, ebpf.AttachCGroupSysctl, 0},
	{"cgroup/getsockopt", ir.CgroupSockopt, ebpf.AttachCGroupGetsockopt, 0},
	{"cgroup/setsockopt", ir.CgroupSockopt, ebpf.AttachCGroupSetsockopt, 0},
	{"cgroup/dev", ir.CgroupDevice, ebpf.AttachCGroupDevice, 0},
	{"struct_ops+", ir.StructOps, 0, 0},
	{"struct_ops.s+", ir.StructOps, 0, flagSleepable},
	{"sk_lookup", ir.SkLookup, ebpf.AttachSkLookup, 0},
	{"netfilter", ir.Netfilter, ebpf.AttachNetfilter, 0},
}
