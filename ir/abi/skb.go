package abi

import "strings"

// endpoints are the addresses of a socket buffer's socket.
const endpoints = "family remote_ip4 local_ip4 remote_ip6 local_ip6 remote_port local_port"

// lwtHidden is what programs of light-weight tunnels do not see.
const lwtHidden = "tc_classid data_meta tstamp wire_len hwtstamp tstamp_type " + endpoints

// skb returns the layout of __sk_buff for one program type: the fields named
// in hidden may not be accessed, those in writable may be written.
//
// Source: struct __sk_buff in include/uapi/linux/bpf.h; bpf_skb_is_valid_access
// and its callers per program type in net/core/filter.c of Linux 6.18.
func skb(packetWritable bool, lo, hi int64, writable, hidden string) *Context {
	c := &Context{Name: "__sk_buff", Size: 192, PacketWritable: packetWritable, RetMin: lo, RetMax: hi}
	for _, f := range skbFields {
		if has(hidden, f.Name) {
			continue
		}
		f.Writable = has(writable, f.Name)
		c.Fields = append(c.Fields, f)
	}
	return c
}

func has(names, name string) bool {
	for _, n := range strings.Fields(names) {
		if n == name {
			return true
		}
	}
	return false
}

// skbFields lists the fields by offset. Parts of an address are fields of
// their own with one name; flow_keys and the padding are never accessible.
var skbFields = []Field{
	{Name: "len", Off: 0, Size: 4, Narrow: true},
	{Name: "pkt_type", Off: 4, Size: 4, Narrow: true},
	{Name: "mark", Off: 8, Size: 4, Narrow: true},
	{Name: "queue_mapping", Off: 12, Size: 4, Narrow: true},
	{Name: "protocol", Off: 16, Size: 4, Narrow: true},
	{Name: "vlan_present", Off: 20, Size: 4, Narrow: true},
	{Name: "vlan_tci", Off: 24, Size: 4, Narrow: true},
	{Name: "vlan_proto", Off: 28, Size: 4, Narrow: true},
	{Name: "priority", Off: 32, Size: 4, Narrow: true},
	{Name: "ingress_ifindex", Off: 36, Size: 4, Narrow: true},
	{Name: "ifindex", Off: 40, Size: 4, Narrow: true},
	{Name: "tc_index", Off: 44, Size: 4, Narrow: true},
	{Name: "cb", Off: 48, Size: 20, Free: true},
	{Name: "hash", Off: 68, Size: 4, Narrow: true},
	{Name: "tc_classid", Off: 72, Size: 4, Narrow: true},
	{Name: "data", Off: 76, Size: 4, Kind: PacketPtr},
	{Name: "data_end", Off: 80, Size: 4, Kind: PacketEnd},
	{Name: "napi_id", Off: 84, Size: 4, Narrow: true},
	{Name: "family", Off: 88, Size: 4, Narrow: true},
	{Name: "remote_ip4", Off: 92, Size: 4},
	{Name: "local_ip4", Off: 96, Size: 4},
	{Name: "remote_ip6", Off: 100, Size: 4},
	{Name: "remote_ip6", Off: 104, Size: 4},
	{Name: "remote_ip6", Off: 108, Size: 4},
	{Name: "remote_ip6", Off: 112, Size: 4},
	{Name: "local_ip6", Off: 116, Size: 4},
	{Name: "local_ip6", Off: 120, Size: 4},
	{Name: "local_ip6", Off: 124, Size: 4},
	{Name: "local_ip6", Off: 128, Size: 4},
	{Name: "remote_port", Off: 132, Size: 4, Narrow: true},
	{Name: "local_port", Off: 136, Size: 4, Narrow: true},
	{Name: "data_meta", Off: 140, Size: 4, Kind: PacketMeta},
	{Name: "tstamp", Off: 152, Size: 8},
	{Name: "wire_len", Off: 160, Size: 4, Narrow: true},
	{Name: "gso_segs", Off: 164, Size: 4, Narrow: true},
	{Name: "sk", Off: 168, Size: 8, Kind: SockCommonOrNull},
	{Name: "gso_size", Off: 176, Size: 4, Narrow: true},
	{Name: "tstamp_type", Off: 180, Size: 1},
	{Name: "hwtstamp", Off: 184, Size: 8},
}
