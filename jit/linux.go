package jit

import "github.com/bpfproof/bpfproof/ir"

// LinuxImage is what a live Linux on amd64 shows of a loaded program: the
// bytecode that it gave to its JIT, and the machine code that it runs.
type LinuxImage struct {
	Name  string
	Slots []byte      // the translated program, as BPF_OBJ_GET_INFO_BY_FD gives it
	Text  []byte      // all functions, one behind the other
	Funcs []LinuxFunc // in order of the program
	// Lines say where the kernel put what it made of each instruction of the program
	// that was loaded, in order of Slot; empty if it was not asked to keep track.
	Lines []LinuxLine `json:",omitempty"`
	// MapIDs are the ids of the program's maps, by their index.
	MapIDs []uint32 `json:",omitempty"`
	// Calls are the names of the kernel's functions that the program calls.
	Calls map[uint64]string `json:",omitempty"`
	LinuxFacts
}

// LinuxLine says that what the kernel made of the instruction at PC begins at Slot
// of the translated program. An instruction that it removed has none.
type LinuxLine struct {
	PC, Slot ir.PC
}

// LinuxFunc is one function of an image.
type LinuxFunc struct {
	Addr uint64 // where the kernel put it
	Off  int32  // in Text
	Len  int32
	// Stack is how many bytes of eBPF stack the kernel's verifier found the function
	// to use, negative if that is not known.
	Stack int32
}

// LinuxFacts is what a kernel tells of itself that images refer to. Addresses
// that are not known are 0; what needs them is not proved.
type LinuxFacts struct {
	CallBase     uint64            // address of __bpf_call_base, from which calls count
	Returns      []uint64          // addresses of code that returns to the caller and does nothing else
	Jumps        map[uint64]uint8  // addresses of code that jumps to where a machine register points, by its number
	TimedMayGoto uint64            // address of arch_bpf_timed_may_goto
	MaxEntries   int16             // offset of max_entries in struct bpf_map
	ArrayPtrs    int16             // offset of ptrs, and of value, in struct bpf_array
	ProgFunc     int16             // offset of bpf_func in struct bpf_prog
	Maps         map[uint32]uint64 // addresses of maps by their ids, where they are known
	Values       map[uint32]uint64 // addresses of the first values of array maps, likewise
	Members      map[string]int16  // offsets of what LinuxMembers names
}

// LinuxMembers are the members of the kernel's structures that rewritten accesses
// to a context read, each as structure and member.
func LinuxMembers() []string {
	return []string{"xdp_buff.data", "xdp_buff.data_end", "xdp_buff.data_meta", "xdp_buff.rxq", "xdp_buff.txq", "xdp_rxq_info.dev",
		"xdp_rxq_info.queue_index", "xdp_txq_info.dev", "net_device.ifindex", "sk_buff.len", "sk_buff.data", "sk_buff.mark",
		"sk_buff.priority", "sk_buff.hash", "sk_buff.queue_mapping", "sk_buff.skb_iif", "sk_buff.vlan_tci", "sk_buff.protocol",
		"sk_buff.tc_index", "sk_buff.cb", "sk_buff.dev", "sk_buff.sk", "qdisc_skb_cb.data", "bpf_skb_data_end.data_end", "htab_elem.key"}
}
