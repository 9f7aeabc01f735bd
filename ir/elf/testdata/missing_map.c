// SPDX-License-Identifier: Apache-2.0
// A lookup in a map that the object declares and does not define.
#include "bpfproof.h"

extern char missing;

SEC("xdp")
int missing_map(struct xdp_md *ctx)
{
	u32 key = ctx->ingress_ifindex;

	return bpf_map_lookup_elem(&missing, &key) ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "GPL";
