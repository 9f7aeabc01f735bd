package abi

// HookArg is what programs may take an argument of a tracepoint or an iterator for
// that is a pointer.
type HookArg uint8

// The answers.
const (
	ArgTrusted          HookArg = iota // a trusted pointer to the structure
	ArgTrustedOrNull                   // the same, or 0
	ArgNumber                          // a number: it may be one of an error
	ArgPlainOrNull                     // a pointer that nobody vouches for, or 0
	ArgReadBufferOrNull                // memory that may be read, of a size that the attach point knows, or 0
	ArgBufferOrNull                    // the same, which may also be written
)

// IterHook stands before the names of iterators.
const IterHook = "iter/"

// HookArgOf returns what the argument of the tracepoint is, or of the iterator with
// IterHook before its name, counted from 0.
//
// Source: asked of Linux 6.18 by TestHookArguments of internal/e2e.
func HookArgOf(hook string, arg int) HookArg {
	if arg >= 16 {
		return ArgNumber
	}
	return HookArg(hookArgs[hook] >> (4 * arg) & 15)
}

// HelperStructs gives, by helper, the structures of the kernel that its arguments
// point to, by their classes ArgBTF and ArgPerCPU, and in Result the one that it
// returns a pointer to.
//
// Source: arg1_btf_id and following, and ret_btf_id, of the prototypes in kernel/bpf,
// kernel/trace and net/core of Linux 6.12.
type HelperStructs struct {
	Args   [5]string
	Result string
	// Trusted says that the result is trusted.
	Trusted bool
}

// LookupHelperStructs returns the structures of a helper; ok is false if they are
// not in the table.
func LookupHelperStructs(id HelperID) (s HelperStructs, ok bool) {
	s, ok = helperStructs[id]
	return s, ok
}

var helperStructs = map[HelperID]HelperStructs{
	46:  {Args: [5]string{"sock_common"}}, // get_socket_cookie of tracing programs
	107: {Args: [5]string{1: "sock_common"}},
	108: {Args: [5]string{1: "sock_common"}},
	111: {Args: [5]string{"sk_buff"}},
	116: {Args: [5]string{"tcp_sock"}},
	121: {Args: [5]string{"xdp_buff"}},
	126: {Args: [5]string{"seq_file"}},
	127: {Args: [5]string{"seq_file"}},
	141: {Args: [5]string{"task_struct"}},
	145: {Args: [5]string{1: "inode"}},
	146: {Args: [5]string{1: "inode"}},
	147: {Args: [5]string{"path"}},
	150: {Args: [5]string{"seq_file"}},
	156: {Args: [5]string{1: "task_struct"}},
	157: {Args: [5]string{1: "task_struct"}},
	158: {Result: "task_struct", Trusted: true},
	159: {Args: [5]string{"linux_binprm"}},
	161: {Args: [5]string{"inode"}},
	162: {Args: [5]string{"file"}, Result: "socket"},
	175: {Args: [5]string{"task_struct"}, Result: "pt_regs"},
	180: {Args: [5]string{"task_struct"}},
	188: {Args: [5]string{"xdp_buff"}},
	191: {Args: [5]string{3: "task_struct"}},
	193: {Args: [5]string{"file"}},
	210: {Args: [5]string{1: "cgroup"}},
	211: {Args: [5]string{1: "cgroup"}},
}

// SockStructOf gives the structure that a helper of the skc_to_* family makes a
// socket one of; "" for another helper.
func SockStructOf(id HelperID) string { return sockStructs[id] }

var sockStructs = map[HelperID]string{136: "tcp6_sock", 137: "tcp_sock", 138: "tcp_timewait_sock", 139: "tcp_request_sock",
	140: "udp6_sock", 178: "unix_sock", 196: "mptcp_sock"}
