package abi

import "strconv"

// AttachType is an expected_attach_type by its number in bpf(2) (enum
// bpf_attach_type). Programs of types that need none carry 0.
type AttachType uint32

// The attach types of Linux 6.18.
const (
	AttachCgroupINETIngress AttachType = iota
	AttachCgroupINETEgress
	AttachCgroupINETSockCreate
	AttachCgroupSockOps
	AttachSKSKBStreamParser
	AttachSKSKBStreamVerdict
	AttachCgroupDevice
	AttachSKMsgVerdict
	AttachCgroupINET4Bind
	AttachCgroupINET6Bind
	AttachCgroupINET4Connect
	AttachCgroupINET6Connect
	AttachCgroupINET4PostBind
	AttachCgroupINET6PostBind
	AttachCgroupUDP4SendMsg
	AttachCgroupUDP6SendMsg
	AttachLircMode2
	AttachFlowDissector
	AttachCgroupSysctl
	AttachCgroupUDP4RecvMsg
	AttachCgroupUDP6RecvMsg
	AttachCgroupGetSockopt
	AttachCgroupSetSockopt
	AttachTraceRawTP
	AttachTraceFentry
	AttachTraceFexit
	AttachModifyReturn
	AttachLSMMAC
	AttachTraceIter
	AttachCgroupINET4GetPeername
	AttachCgroupINET6GetPeername
	AttachCgroupINET4GetSockname
	AttachCgroupINET6GetSockname
	AttachXDPDevmap
	AttachCgroupINETSockRelease
	AttachXDPCpumap
	AttachSKLookup
	AttachXDP
	AttachSKSKBVerdict
	AttachSKReuseportSelect
	AttachSKReuseportSelectOrMigrate
	AttachPerfEvent
	AttachTraceKprobeMulti
	AttachLSMCgroup
	AttachStructOps
	AttachNetfilter
	AttachTcxIngress
	AttachTcxEgress
	AttachTraceUprobeMulti
	AttachCgroupUnixConnect
	AttachCgroupUnixSendMsg
	AttachCgroupUnixRecvMsg
	AttachCgroupUnixGetPeername
	AttachCgroupUnixGetSockname
	AttachNetkitPrimary
	AttachNetkitPeer
	AttachTraceKprobeSession
)

var attachNames = [...]string{
	"cgroup_inet_ingress", "cgroup_inet_egress", "cgroup_inet_sock_create", "cgroup_sock_ops", "sk_skb_stream_parser", "sk_skb_stream_verdict",
	"cgroup_device", "sk_msg_verdict", "cgroup_inet4_bind", "cgroup_inet6_bind", "cgroup_inet4_connect", "cgroup_inet6_connect",
	"cgroup_inet4_post_bind", "cgroup_inet6_post_bind", "cgroup_udp4_sendmsg", "cgroup_udp6_sendmsg", "lirc_mode2", "flow_dissector",
	"cgroup_sysctl", "cgroup_udp4_recvmsg", "cgroup_udp6_recvmsg", "cgroup_getsockopt", "cgroup_setsockopt", "trace_raw_tp",
	"trace_fentry", "trace_fexit", "modify_return", "lsm_mac", "trace_iter", "cgroup_inet4_getpeername",
	"cgroup_inet6_getpeername", "cgroup_inet4_getsockname", "cgroup_inet6_getsockname", "xdp_devmap", "cgroup_inet_sock_release", "xdp_cpumap",
	"sk_lookup", "xdp", "sk_skb_verdict", "sk_reuseport_select", "sk_reuseport_select_or_migrate", "perf_event",
	"trace_kprobe_multi", "lsm_cgroup", "struct_ops", "netfilter", "tcx_ingress", "tcx_egress",
	"trace_uprobe_multi", "cgroup_unix_connect", "cgroup_unix_sendmsg", "cgroup_unix_recvmsg", "cgroup_unix_getpeername", "cgroup_unix_getsockname",
	"netkit_primary", "netkit_peer", "trace_kprobe_session",
}

// String returns the attach type's name, such as "cgroup_inet4_bind".
func (a AttachType) String() string {
	if int(a) < len(attachNames) {
		return attachNames[a]
	}
	return "attach_type(" + strconv.Itoa(int(a)) + ")"
}

// ParseAttachType returns the attach type with the given name; ok is false for
// an unknown one.
func ParseAttachType(name string) (a AttachType, ok bool) {
	for i, n := range attachNames {
		if n == name {
			return AttachType(i), true
		}
	}
	return 0, false
}
