package jit

// LinuxImage is what a live Linux on amd64 shows of a loaded program: the
// bytecode that it gave to its JIT, and the machine code that it runs.
type LinuxImage struct {
	Name  string
	Slots []byte      // the translated program, as BPF_OBJ_GET_INFO_BY_FD gives it
	Text  []byte      // all functions, one behind the other
	Funcs []LinuxFunc // in order of the program
	LinuxFacts
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
}
