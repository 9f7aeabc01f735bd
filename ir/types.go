package ir

// ProgType is a program type by its number in bpf(2) (enum bpf_prog_type).
type ProgType uint32

// The program types of Linux 6.18.
const (
	Unspec ProgType = iota
	SocketFilter
	Kprobe
	SchedCLS
	SchedACT
	Tracepoint
	XDP
	PerfEvent
	CgroupSKB
	CgroupSock
	LWTIn
	LWTOut
	LWTXmit
	SockOps
	SkSKB
	CgroupDevice
	SkMsg
	RawTracepoint
	CgroupSockAddr
	LWTSeg6Local
	LircMode2
	SkReuseport
	FlowDissector
	CgroupSysctl
	RawTracepointWritable
	CgroupSockopt
	Tracing
	StructOps
	Ext
	LSM
	SkLookup
	Syscall
	Netfilter
)

var progTypeNames = [...]string{"unspec", "socket_filter", "kprobe", "sched_cls", "sched_act", "tracepoint", "xdp",
	"perf_event", "cgroup_skb", "cgroup_sock", "lwt_in", "lwt_out", "lwt_xmit", "sock_ops", "sk_skb", "cgroup_device",
	"sk_msg", "raw_tracepoint", "cgroup_sock_addr", "lwt_seg6local", "lirc_mode2", "sk_reuseport", "flow_dissector",
	"cgroup_sysctl", "raw_tracepoint_writable", "cgroup_sockopt", "tracing", "struct_ops", "ext", "lsm", "sk_lookup",
	"syscall", "netfilter"}

// String returns the type's name as bpftool prints it, such as "xdp".
func (t ProgType) String() string { return nameOf(progTypeNames[:], int(t), "prog_type") }

// ParseProgType returns the type with the given name; ok is false for an
// unknown one.
func ParseProgType(name string) (t ProgType, ok bool) { return parse[ProgType](progTypeNames[:], name) }

// MapType is a map kind by its number in bpf(2) (enum bpf_map_type).
type MapType uint32

// The map kinds of Linux 6.18.
const (
	MapUnspec MapType = iota
	Hash
	Array
	ProgArray
	PerfEventArray
	PerCPUHash
	PerCPUArray
	StackTrace
	CgroupArray
	LRUHash
	LRUPerCPUHash
	LPMTrie
	ArrayOfMaps
	HashOfMaps
	Devmap
	Sockmap
	CPUMap
	XSKMap
	Sockhash
	CgroupStorage
	ReuseportSockarray
	PerCPUCgroupStorage
	Queue
	Stack
	SkStorage
	DevmapHash
	StructOpsMap
	RingBuf
	InodeStorage
	TaskStorage
	BloomFilter
	UserRingBuf
	CgrpStorage
	Arena
)

var mapTypeNames = [...]string{"unspec", "hash", "array", "prog_array", "perf_event_array", "percpu_hash", "percpu_array",
	"stack_trace", "cgroup_array", "lru_hash", "lru_percpu_hash", "lpm_trie", "array_of_maps", "hash_of_maps", "devmap",
	"sockmap", "cpumap", "xskmap", "sockhash", "cgroup_storage", "reuseport_sockarray", "percpu_cgroup_storage", "queue",
	"stack", "sk_storage", "devmap_hash", "struct_ops", "ringbuf", "inode_storage", "task_storage", "bloom_filter",
	"user_ringbuf", "cgrp_storage", "arena"}

// String returns the kind's name as bpftool prints it, such as "hash".
func (t MapType) String() string { return nameOf(mapTypeNames[:], int(t), "map_type") }

// ParseMapType returns the kind with the given name; ok is false for an
// unknown one.
func ParseMapType(name string) (t MapType, ok bool) { return parse[MapType](mapTypeNames[:], name) }

func parse[T ~uint32](names []string, name string) (T, bool) {
	for i, n := range names {
		if n == name {
			return T(i), true
		}
	}
	return 0, false
}
