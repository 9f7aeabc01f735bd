// SPDX-License-Identifier: Apache-2.0
// Variables of the kernel's configuration of each type.
#include "bpfproof.h"

#define KCONFIG __attribute__((section(".kconfig")))
#define WEAK __attribute__((weak))

enum libbpf_tristate { TRI_NO = 0, TRI_YES = 1, TRI_MODULE = 2 };

extern int LINUX_KERNEL_VERSION KCONFIG;
extern _Bool CONFIG_BPF KCONFIG;
extern enum libbpf_tristate CONFIG_VETH KCONFIG;
extern char CONFIG_BPF_LETTER KCONFIG;
extern u32 CONFIG_HZ KCONFIG;
extern s64 CONFIG_NEGATIVE KCONFIG;
extern char CONFIG_NAME[8] KCONFIG;
extern char CONFIG_LONG_NAME[4] KCONFIG;
extern u64 CONFIG_MISSING KCONFIG WEAK;
extern _Bool LINUX_HAS_BPF_COOKIE KCONFIG WEAK;

SEC("xdp")
int kconfig(struct xdp_md *ctx)
{
	u32 i = ctx->rx_queue_index & 3;

	if (LINUX_KERNEL_VERSION < 0x060000 || !CONFIG_BPF)
		return XDP_ABORTED;
	if (CONFIG_VETH == TRI_MODULE && CONFIG_BPF_LETTER == 'y')
		return CONFIG_HZ + CONFIG_NEGATIVE + CONFIG_NAME[i] + CONFIG_LONG_NAME[i];
	return LINUX_HAS_BPF_COOKIE ? CONFIG_MISSING : XDP_DROP;
}

SEC("xdp")
int version_only(struct xdp_md *ctx)
{
	(void)ctx;
	return LINUX_KERNEL_VERSION >> 16;
}

char _license[] SEC("license") = "GPL";
