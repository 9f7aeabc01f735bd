package abi

// ObjectKind is a kernel object that programs hold pointers to and may read.
type ObjectKind uint8

// The kinds of objects.
const (
	NoObject   ObjectKind = iota
	SockCommon            // a socket of any state
	Socket                // a full socket
	TCPSock               // what a TCP socket knows
	XDPSock               // a socket of AF_XDP
	SockStruct            // a socket as a structure of the kernel, whose layout is not known here
)

// objects gives the layouts by kind. Programs only read them.
//
// Source: bpf_sock_is_valid_access, bpf_sock_common_is_valid_access,
// bpf_tcp_sock_is_valid_access and bpf_xdp_sock_is_valid_access in
// net/core/filter.c of Linux 6.18.
var objects = [...]*Context{
	SockCommon: sock("", "type protocol mark priority"),
	Socket:     sock("", ""),
	TCPSock: {Name: "bpf_tcp_sock", Size: 112, Flat: true, FlatUnit: 4, Fields: []Field{
		{Name: "bytes_received", Off: 80, Size: 8},
		{Name: "bytes_acked", Off: 88, Size: 8},
	}},
	XDPSock: {Name: "bpf_xdp_sock", Size: 4, Fields: []Field{{Name: "queue_id", Size: 4}}},
}

// LookupObject returns the layout of an object; ok is false for NoObject.
func LookupObject(k ObjectKind) (c *Context, ok bool) {
	if int(k) >= len(objects) || objects[k] == nil {
		return nil, false
	}
	return objects[k], true
}

// FlowKeysSize is the size of bpf_flow_keys in bytes.
const FlowKeysSize = 56
