/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the examples need beside the corpus's header. Numbers are those of the
 * Linux uapi (include/uapi/linux/bpf.h).
 */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#include "bpfproof.h"

#define BPF_MAP_TYPE_LRU_HASH 9
#define BPF_MAP_TYPE_DEVMAP 14

static u64 (*const bpf_ktime_get_ns)(void) = (void *)5;
static long (*const bpf_redirect_map)(void *map, u64 key, u64 flags) = (void *)51;

#endif
