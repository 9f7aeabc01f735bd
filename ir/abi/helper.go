package abi

import "github.com/bpfproof/bpfproof/ir"

// HelperID is a helper's number in a call instruction (enum bpf_func_id).
type HelperID int32

// Arg is what a helper demands of one argument.
type Arg uint8

// The argument classes (enum bpf_arg_type).
const (
	NoArg          Arg = iota
	ArgAny             // any initialised scalar
	ArgCtx             // the program's context, unmodified
	ArgMap             // a map known at verification
	ArgMapKey          // readable memory of the map's key size
	ArgMapValue        // readable memory of the map's value size
	ArgUninitValue     // writable memory of the map's value size, need not be initialised
	ArgMem             // readable memory; its size is the next argument
	ArgMemOrNull       // the same, or the constant 0
	ArgUninitMem       // writable memory, need not be initialised; its size is the next argument
	ArgSize            // size in bytes of the memory before, at least 1
	ArgSizeOrZero      // size in bytes of the memory before
	ArgConst           // a scalar known at verification
)

// Ret is what a helper leaves in r0.
type Ret uint8

// The return classes (enum bpf_return_type).
const (
	RetVoid           Ret = iota // r0 is unreadable
	RetInteger                   // any 64-bit number
	RetMapValueOrNull            // a value of the map argument, or 0
	RetNever                     // does not return where it succeeds (tail call); otherwise an integer
)

// Helper is the prototype of a helper function.
type Helper struct {
	ID        HelperID
	Name      string // as in the kernel, without "bpf_"
	Args      [5]Arg
	Ret       Ret
	GPLOnly   bool
	MovesData bool          // packet pointers are invalid after the call
	Packet    bool          // memory arguments may lie in the packet
	Progs     []ir.ProgType // where it may be called; nil means everywhere
	Maps      []ir.MapType  // kinds the map argument may have; nil if there is none
}

// The helpers' numbers, where code refers to one.
const (
	MapLookupElem     HelperID = 1
	MapUpdateElem     HelperID = 2
	MapDeleteElem     HelperID = 3
	KtimeGetNs        HelperID = 5
	TracePrintk       HelperID = 6
	GetPrandomU32     HelperID = 7
	GetSMPProcessorID HelperID = 8
	TailCall          HelperID = 12
	CsumDiff          HelperID = 28
	SkbLoadBytes      HelperID = 26
	XDPAdjustHead     HelperID = 44
	XDPAdjustTail     HelperID = 65
	ProbeReadKernel   HelperID = 113
	KtimeGetBootNs    HelperID = 125
)

// LastHelper is the greatest number that names a helper in Linux 6.18.
const LastHelper HelperID = 211

var keyedMaps = []ir.MapType{ir.Hash, ir.Array, ir.PerCPUHash, ir.PerCPUArray, ir.LRUHash, ir.LRUPerCPUHash, ir.LPMTrie}

var skbReaders = []ir.ProgType{ir.SocketFilter, ir.SchedCLS, ir.SchedACT, ir.CgroupSKB, ir.SkSKB, ir.LWTIn, ir.LWTOut, ir.LWTXmit, ir.FlowDissector}

var tracingProgs = []ir.ProgType{ir.Kprobe, ir.Tracepoint, ir.PerfEvent, ir.RawTracepoint, ir.RawTracepointWritable, ir.Tracing, ir.LSM}

var skbProgs = []ir.ProgType{ir.SchedCLS, ir.SchedACT, ir.XDP, ir.LWTXmit}

var helpers = []Helper{
	{ID: MapLookupElem, Name: "map_lookup_elem", Packet: true, Args: [5]Arg{ArgMap, ArgMapKey}, Ret: RetMapValueOrNull, Maps: keyedMaps},
	{ID: MapUpdateElem, Name: "map_update_elem", Packet: true, Args: [5]Arg{ArgMap, ArgMapKey, ArgMapValue, ArgAny}, Ret: RetInteger, Maps: keyedMaps},
	{ID: MapDeleteElem, Name: "map_delete_elem", Packet: true, Args: [5]Arg{ArgMap, ArgMapKey}, Ret: RetInteger, Maps: keyedMaps},
	{ID: KtimeGetNs, Name: "ktime_get_ns", Ret: RetInteger},
	{ID: TracePrintk, Name: "trace_printk", Args: [5]Arg{ArgMem, ArgSize, ArgAny, ArgAny, ArgAny}, Ret: RetInteger, GPLOnly: true},
	{ID: GetPrandomU32, Name: "get_prandom_u32", Ret: RetInteger},
	{ID: GetSMPProcessorID, Name: "get_smp_processor_id", Ret: RetInteger},
	{ID: TailCall, Name: "tail_call", Args: [5]Arg{ArgCtx, ArgMap, ArgAny}, Ret: RetNever, Maps: []ir.MapType{ir.ProgArray}},
	{ID: CsumDiff, Name: "csum_diff", Packet: true, Args: [5]Arg{ArgMemOrNull, ArgSizeOrZero, ArgMemOrNull, ArgSizeOrZero, ArgAny}, Ret: RetInteger, Progs: skbProgs},
	{ID: XDPAdjustHead, Name: "xdp_adjust_head", Args: [5]Arg{ArgCtx, ArgAny}, Ret: RetInteger, MovesData: true, Progs: []ir.ProgType{ir.XDP}},
	{ID: XDPAdjustTail, Name: "xdp_adjust_tail", Args: [5]Arg{ArgCtx, ArgAny}, Ret: RetInteger, MovesData: true, Progs: []ir.ProgType{ir.XDP}},
	{ID: SkbLoadBytes, Name: "skb_load_bytes", Args: [5]Arg{ArgCtx, ArgAny, ArgUninitMem, ArgSize}, Ret: RetInteger, Progs: skbReaders},
	{ID: ProbeReadKernel, Name: "probe_read_kernel", Args: [5]Arg{ArgUninitMem, ArgSizeOrZero, ArgAny}, Ret: RetInteger, Progs: tracingProgs, GPLOnly: true},
	{ID: KtimeGetBootNs, Name: "ktime_get_boot_ns", Ret: RetInteger},
}

// Helpers returns all prototypes in order of ID. The caller must not change
// them.
func Helpers() []Helper { return helpers }

// LookupHelper returns the prototype of helper id; ok is false if it is not in
// the table.
func LookupHelper(id HelperID) (h *Helper, ok bool) {
	for i := range helpers {
		if helpers[i].ID == id {
			return &helpers[i], true
		}
	}
	return nil, false
}

// LookupHelperName is LookupHelper by name.
func LookupHelperName(name string) (h *Helper, ok bool) {
	for i := range helpers {
		if helpers[i].Name == name {
			return &helpers[i], true
		}
	}
	return nil, false
}
