// Package ktypes answers questions about the types of a kernel: what lies at an
// offset of a structure, which structure another one begins with, what a
// function takes. The answers come from BTF, of the running kernel or of a file.
//
//	t := ktypes.Running()
//	task, err := t.Named("task_struct")
//	a, err := t.Walk(task, 2456, 8) // a.Kind == ktypes.Pointer: to a.Target
//
// It knows types; not programs, verdicts or which functions programs may call.
//
// Invariants: an [ID] means the same structure as long as its [Types] lives. All
// methods may be called by several goroutines at once. Nothing is read before
// the first question.
//
// Sources: Documentation/bpf/btf.rst; btf_struct_walk, btf_struct_ids_match and
// btf_nested_type_is_trusted in kernel/bpf/btf.c and kernel/bpf/verifier.c of
// Linux 6.12 and 6.18.
package ktypes
