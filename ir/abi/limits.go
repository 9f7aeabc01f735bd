package abi

// Limits that a program meets at run time.
const (
	// MayGotoLimit is how often the may_goto instructions of one call of a
	// function fall through before they jump (BPF_MAX_LOOPS in
	// include/linux/bpf.h, which kernel/bpf/verifier.c of Linux 6.18 puts into
	// every frame).
	MayGotoLimit = 8 << 20
	// TailCallLimit is how many tail calls one run makes: further ones fall
	// through (MAX_TAIL_CALL_CNT in include/linux/bpf.h).
	TailCallLimit = 33
)
