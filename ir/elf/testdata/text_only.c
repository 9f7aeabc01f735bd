// SPDX-License-Identifier: Apache-2.0
// Functions that no program section holds: a library.
#include "bpfproof.h"

int twice(int x)
{
	return 2 * x;
}

char _license[] SEC("license") = "GPL";
