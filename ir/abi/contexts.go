package abi

import "github.com/bpfproof/bpfproof/ir"

// contexts lists the layouts. Where attach types differ, the usual one comes
// first.
//
// Sources: the uapi structures in include/uapi/linux/bpf.h; the
// is_valid_access functions of net/core/filter.c, kernel/bpf/cgroup.c,
// kernel/trace/bpf_trace.c and drivers/media/rc/bpf-lirc.c, and
// check_return_code in kernel/bpf/verifier.c of Linux 6.18. A test in
// internal/e2e compares every access of every layout with the live kernel.
var contexts = []contextRow{
	{ir.XDP, []AttachType{AttachXDPDevmap}, xdp("egress_ifindex")},
	{ir.XDP, nil, xdp("")},
	{ir.SocketFilter, nil, skb(false, retMin, retMax, "cb",
		"tc_classid data data_meta data_end tstamp wire_len hwtstamp tstamp_type "+endpoints)},
	{ir.SchedCLS, nil, skb(true, retMin, retMax, clsWritable, endpoints)},
	{ir.SchedACT, nil, skb(true, retMin, retMax, clsWritable, endpoints)},
	{ir.CgroupSKB, []AttachType{AttachCgroupINETIngress}, skb(false, 0, 1, "mark priority cb tstamp", cgHidden)},
	{ir.CgroupSKB, []AttachType{AttachCgroupINETEgress}, skb(false, 0, 3, "mark priority cb tstamp", cgHidden)},
	{ir.LWTIn, nil, skb(false, retMin, retMax, "mark priority cb", lwtHidden)},
	{ir.LWTOut, nil, skb(false, retMin, retMax, "mark priority cb", lwtHidden)},
	{ir.LWTXmit, nil, skb(true, retMin, retMax, "mark priority cb", lwtHidden)},
	{ir.LWTSeg6Local, nil, skb(false, retMin, retMax, "mark priority cb", lwtHidden)},
	{ir.SkSKB, nil, skb(true, retMin, retMax, "tc_index priority", "tc_classid data_meta mark tstamp wire_len hwtstamp tstamp_type")},
	{ir.FlowDissector, nil, &Context{Name: "__sk_buff", Size: 192, RetMin: retMin, RetMax: retMax, Fields: []Field{
		{Name: "data", Off: 76, Size: 4, Kind: PacketPtr},
		{Name: "data_end", Off: 80, Size: 4, Kind: PacketEnd},
		{Name: "flow_keys", Off: 144, Size: 8, Kind: FlowKeysPtr},
	}}},
	{ir.Tracepoint, nil, &Context{Name: "trace_entry", Size: 8192, Flat: true, FlatFrom: 8, RetMin: retMin, RetMax: retMax}},
	{ir.Kprobe, []AttachType{AttachTraceKprobeSession}, &Context{Name: "pt_regs", Size: 168, Flat: true, RetMax: 1}},
	{ir.Kprobe, nil, &Context{Name: "pt_regs", Size: 168, Flat: true, RetMin: retMin, RetMax: retMax}},
	{ir.RawTracepoint, nil, &Context{Name: "bpf_raw_tracepoint_args", Size: 96, Flat: true, RetMin: retMin, RetMax: retMax}},
	{ir.RawTracepointWritable, nil, &Context{Name: "bpf_raw_tracepoint_args", Size: 96, Flat: true, RetMin: retMin, RetMax: retMax,
		Fields: []Field{{Name: "buffer", Off: 0, Size: 8, Kind: BufferPtr}}}},
	{ir.PerfEvent, nil, &Context{Name: "bpf_perf_event_data", Size: 184, Flat: true, FlatUnit: 8, RetMin: retMin, RetMax: retMax,
		Fields: []Field{
			{Name: "sample_period", Off: 168, Size: 8, Narrow: true},
			{Name: "addr", Off: 176, Size: 8, Narrow: true},
		}}},
	{ir.CgroupSock, []AttachType{AttachCgroupINETSockCreate, AttachCgroupINETSockRelease, 0},
		sock("bound_dev_if mark priority", "src_ip4 src_ip6 src_port")},
	{ir.CgroupSock, []AttachType{AttachCgroupINET4PostBind}, sock("", "bound_dev_if mark priority src_ip6")},
	{ir.CgroupSock, []AttachType{AttachCgroupINET6PostBind}, sock("", "bound_dev_if mark priority src_ip4")},
	{ir.CgroupSockAddr, []AttachType{AttachCgroupINET4Bind}, sockAddr(0, 3, "user_ip6 msg_src_ip4 msg_src_ip6")},
	{ir.CgroupSockAddr, []AttachType{AttachCgroupINET6Bind}, sockAddr(0, 3, "user_ip4 msg_src_ip4 msg_src_ip6")},
	{ir.CgroupSockAddr, []AttachType{AttachCgroupINET4Connect}, sockAddr(0, 1, "user_ip6 msg_src_ip4 msg_src_ip6")},
	{ir.CgroupSockAddr, []AttachType{AttachCgroupINET6Connect}, sockAddr(0, 1, "user_ip4 msg_src_ip4 msg_src_ip6")},
	{ir.CgroupSockAddr, []AttachType{AttachCgroupUDP4SendMsg}, sockAddr(0, 1, "user_ip6 msg_src_ip6")},
	{ir.CgroupSockAddr, []AttachType{AttachCgroupUDP6SendMsg}, sockAddr(0, 1, "user_ip4 msg_src_ip4")},
	{ir.CgroupSockAddr, []AttachType{AttachCgroupUDP4RecvMsg, AttachCgroupINET4GetPeername, AttachCgroupINET4GetSockname},
		sockAddr(1, 1, "user_ip6 msg_src_ip4 msg_src_ip6")},
	{ir.CgroupSockAddr, []AttachType{AttachCgroupUDP6RecvMsg, AttachCgroupINET6GetPeername, AttachCgroupINET6GetSockname},
		sockAddr(1, 1, "user_ip4 msg_src_ip4 msg_src_ip6")},
	{ir.CgroupSockAddr, []AttachType{AttachCgroupUnixConnect, AttachCgroupUnixSendMsg},
		sockAddr(0, 1, "user_ip4 user_ip6 msg_src_ip4 msg_src_ip6")},
	{ir.CgroupSockAddr, []AttachType{AttachCgroupUnixRecvMsg, AttachCgroupUnixGetPeername, AttachCgroupUnixGetSockname},
		sockAddr(1, 1, "user_ip4 user_ip6 msg_src_ip4 msg_src_ip6")},
	{ir.SockOps, nil, &Context{Name: "bpf_sock_ops", Size: 224, Flat: true, FlatUnit: 4, RetMax: 1, Fields: sockOpsFields}},
	{ir.SkMsg, nil, &Context{Name: "sk_msg_md", Size: 80, PacketWritable: true, RetMin: retMin, RetMax: retMax, Fields: []Field{
		{Name: "data", Off: 0, Size: 8, Kind: PacketPtr},
		{Name: "data_end", Off: 8, Size: 8, Kind: PacketEnd},
		{Name: "family", Off: 16, Size: 4},
		{Name: "remote_ip4", Off: 20, Size: 4},
		{Name: "local_ip4", Off: 24, Size: 4},
		{Name: "remote_ip6", Off: 28, Size: 16, Unit: 4},
		{Name: "local_ip6", Off: 44, Size: 16, Unit: 4},
		{Name: "remote_port", Off: 60, Size: 4},
		{Name: "local_port", Off: 64, Size: 4},
		{Name: "size", Off: 68, Size: 4},
		{Name: "sk", Off: 72, Size: 8, Kind: SocketPtr},
	}}},
	{ir.SkLookup, []AttachType{AttachSKLookup}, &Context{Name: "bpf_sk_lookup", Size: 72, RetMax: 1, Fields: []Field{
		{Name: "sk", Off: 0, Size: 8, Kind: SocketOrNull},
		{Name: "family", Off: 8, Size: 4, Narrow: true},
		{Name: "protocol", Off: 12, Size: 4, Narrow: true},
		{Name: "remote_ip4", Off: 16, Size: 4, Narrow: true},
		{Name: "remote_ip6", Off: 20, Size: 16, Unit: 4, Narrow: true},
		{Name: "remote_port", Off: 36, Size: 4, Narrow: true},
		{Name: "local_ip4", Off: 40, Size: 4, Narrow: true},
		{Name: "local_ip6", Off: 44, Size: 16, Unit: 4, Narrow: true},
		{Name: "local_port", Off: 60, Size: 4, Narrow: true},
		{Name: "ingress_ifindex", Off: 64, Size: 4, Narrow: true},
	}}},
	{ir.SkReuseport, []AttachType{AttachSKReuseportSelect, AttachSKReuseportSelectOrMigrate, 0},
		&Context{Name: "sk_reuseport_md", Size: 56, RetMin: retMin, RetMax: retMax, Fields: []Field{
			{Name: "data", Off: 0, Size: 8, Kind: PacketPtr},
			{Name: "data_end", Off: 8, Size: 8, Kind: PacketEnd},
			{Name: "len", Off: 16, Size: 4, Narrow: true},
			{Name: "eth_protocol", Off: 20, Size: 4, Narrow: true, Least: 2},
			{Name: "ip_protocol", Off: 24, Size: 4, Narrow: true},
			{Name: "bind_inany", Off: 28, Size: 4, Narrow: true},
			{Name: "hash", Off: 32, Size: 4},
			{Name: "sk", Off: 40, Size: 8, Kind: SocketPtr},
			{Name: "migrating_sk", Off: 48, Size: 8, Kind: SockCommonOrNull},
		}}},
	{ir.CgroupDevice, nil, &Context{Name: "bpf_cgroup_dev_ctx", Size: 12, RetMax: 1, Fields: []Field{
		{Name: "access_type", Off: 0, Size: 4, Narrow: true},
		{Name: "major", Off: 4, Size: 4},
		{Name: "minor", Off: 8, Size: 4},
	}}},
	{ir.CgroupSysctl, nil, &Context{Name: "bpf_sysctl", Size: 8, RetMax: 1, Fields: []Field{
		{Name: "write", Off: 0, Size: 4, Narrow: true},
		{Name: "file_pos", Off: 4, Size: 4, Narrow: true, Writable: true},
	}}},
	{ir.CgroupSockopt, []AttachType{AttachCgroupSetSockopt}, sockopt("level optname optlen", "retval")},
	{ir.CgroupSockopt, []AttachType{AttachCgroupGetSockopt}, sockopt("optlen retval", "")},
	{ir.LircMode2, nil, &Context{Name: "lirc_mode2", Size: 4, RetMin: retMin, RetMax: retMax, Fields: []Field{{Name: "sample", Size: 4}}}},
	{ir.Syscall, []AttachType{0}, &Context{Name: "syscall", Size: 0xffff, Flat: true, FlatWritable: true, Offsets: true,
		RetMin: retMin, RetMax: retMax}},
	{ir.Netfilter, []AttachType{AttachNetfilter}, &Context{Name: "bpf_nf_ctx", Size: 16, RetMax: 1, Fields: []Field{
		{Name: "state", Off: 0, Size: 8, Kind: Object},
		{Name: "skb", Off: 8, Size: 8, Kind: Object},
	}}},
}

// clsWritable are the fields that traffic classifiers may write.
const clsWritable = "mark tc_index priority tc_classid cb tstamp queue_mapping"

// cgHidden is what programs of cgroup_skb do not see.
const cgHidden = "tc_classid data_meta wire_len tstamp_type"

func xdp(extra string) *Context {
	c := &Context{Name: "xdp_md", Size: 24, PacketWritable: true, RetMin: retMin, RetMax: retMax, Fields: []Field{
		{Name: "data", Off: 0, Size: 4, Kind: PacketPtr},
		{Name: "data_end", Off: 4, Size: 4, Kind: PacketEnd},
		{Name: "data_meta", Off: 8, Size: 4, Kind: PacketMeta},
		{Name: "ingress_ifindex", Off: 12, Size: 4},
		{Name: "rx_queue_index", Off: 16, Size: 4},
	}}
	if extra != "" {
		c.Fields = append(c.Fields, Field{Name: extra, Off: 20, Size: 4})
	}
	return c
}

var sockOpsFields = []Field{
	{Name: "reply", Off: 4, Size: 4, Writable: true},
	{Name: "sk_txhash", Off: 164, Size: 4, Writable: true},
	{Name: "bytes_received", Off: 168, Size: 8},
	{Name: "bytes_acked", Off: 176, Size: 8},
	{Name: "sk", Off: 184, Size: 8, Kind: SocketOrNull},
	{Name: "skb_data", Off: 192, Size: 8, Kind: PacketPtr},
	{Name: "skb_data_end", Off: 200, Size: 8, Kind: PacketEnd},
	{Name: "skb_tcp_flags", Off: 212, Size: 4, Narrow: true, Part: 1},
	{Name: "skb_hwtstamp", Off: 216, Size: 8},
}

// sockopt returns the layout of bpf_sockopt for one attach type.
func sockopt(writable, hidden string) *Context {
	c := &Context{Name: "bpf_sockopt", Size: 40, PacketWritable: true, RetMax: 1}
	c.add([]Field{
		{Name: "sk", Off: 0, Size: 8, Kind: SocketPtr},
		{Name: "optval", Off: 8, Size: 8, Kind: PacketPtr},
		{Name: "optval_end", Off: 16, Size: 8, Kind: PacketEnd},
		{Name: "level", Off: 24, Size: 4},
		{Name: "optname", Off: 28, Size: 4},
		{Name: "optlen", Off: 32, Size: 4},
		{Name: "retval", Off: 36, Size: 4},
	}, writable, hidden)
	return c
}

// sockAddr returns the layout of bpf_sock_addr for one attach type.
func sockAddr(lo, hi int64, hidden string) *Context {
	c := &Context{Name: "bpf_sock_addr", Size: 72, RetMin: lo, RetMax: hi}
	c.add([]Field{
		{Name: "user_family", Off: 0, Size: 4},
		{Name: "user_ip4", Off: 4, Size: 4, Narrow: true},
		{Name: "user_ip6", Off: 8, Size: 16, Unit: 4, Narrow: true, Wide: true},
		{Name: "user_port", Off: 24, Size: 4, Narrow: true},
		{Name: "family", Off: 28, Size: 4},
		{Name: "type", Off: 32, Size: 4},
		{Name: "protocol", Off: 36, Size: 4},
		{Name: "msg_src_ip4", Off: 40, Size: 4, Narrow: true},
		{Name: "msg_src_ip6", Off: 44, Size: 16, Unit: 4, Narrow: true, Wide: true},
		{Name: "sk", Off: 64, Size: 8, Kind: SocketPtr},
	}, "user_ip4 user_ip6 user_port msg_src_ip4 msg_src_ip6", hidden)
	return c
}

// sock returns the layout of bpf_sock for one attach type.
func sock(writable, hidden string) *Context {
	c := &Context{Name: "bpf_sock", Size: 80, RetMax: 1}
	c.add(sockFields, writable, hidden)
	return c
}

var sockFields = []Field{
	{Name: "bound_dev_if", Off: 0, Size: 4},
	{Name: "family", Off: 4, Size: 4, Narrow: true, Part: 1},
	{Name: "type", Off: 8, Size: 4, Narrow: true, Part: 1},
	{Name: "protocol", Off: 12, Size: 4, Narrow: true, Part: 1},
	{Name: "mark", Off: 16, Size: 4},
	{Name: "priority", Off: 20, Size: 4},
	{Name: "src_ip4", Off: 24, Size: 4, Narrow: true},
	{Name: "src_ip6", Off: 28, Size: 16, Unit: 4, Narrow: true},
	{Name: "src_port", Off: 44, Size: 4, Narrow: true, Part: 1},
	{Name: "dst_port", Off: 48, Size: 4, Narrow: true, Part: 2},
	{Name: "dst_ip4", Off: 52, Size: 4, Narrow: true},
	{Name: "dst_ip6", Off: 56, Size: 16, Unit: 4, Narrow: true},
	{Name: "state", Off: 72, Size: 4, Narrow: true, Part: 1},
	{Name: "rx_queue_mapping", Off: 76, Size: 4, Narrow: true, Part: 1},
}

// add appends the fields that hidden does not name; those in writable may be
// written.
func (c *Context) add(fields []Field, writable, hidden string) {
	for _, f := range fields {
		if has(hidden, f.Name) {
			continue
		}
		f.Writable = has(writable, f.Name)
		c.Fields = append(c.Fields, f)
	}
}
