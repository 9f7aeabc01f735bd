// Package abi holds the facts that the verifier and the runtime share: helper
// prototypes, map kinds, program types and context layouts. It is tables only:
// neither side imports the other, both import this.
//
// Sources: include/uapi/linux/bpf.h, and for argument classes the
// bpf_func_proto definitions in kernel/bpf/helpers.c and net/core/filter.c of
// Linux 6.18. Numbers and names are the kernel's; the text is ours.
package abi
