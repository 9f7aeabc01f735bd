// SPDX-License-Identifier: Apache-2.0
// Maps of the form that came before BTF: structures in a section "maps". The
// second has fields of another loader behind its own.
#include "bpfproof.h"

struct bpf_map_def {
	u32 type, key_size, value_size, max_entries, map_flags;
};

struct longer_map_def {
	struct bpf_map_def def;
	u32 id, pinning;
};

struct bpf_map_def SEC("maps") packets = { BPF_MAP_TYPE_ARRAY, 4, 8, 16, 0 };
struct longer_map_def SEC("maps") senders = { { BPF_MAP_TYPE_HASH, 4, 8, 64, 1 }, 0, EXTRA };

SEC("xdp")
int legacy(struct xdp_md *ctx)
{
	u32 key = ctx->rx_queue_index;
	u64 *count = bpf_map_lookup_elem(&packets, &key);

	if (count)
		*count += 1;
	return bpf_map_lookup_elem(&senders, &key) ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "GPL";
