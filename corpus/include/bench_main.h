/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a benchmark program as code of this machine. It is compiled together
 * with the program's source, with BENCH_PROGRAM set to its name.
 *
 * argv[1] names a file with the packet. For each line "N" on standard input
 * the program is called N times through a pointer that the compiler cannot see
 * through, as a kernel calls it; "NANOSECONDS RESULT" is printed, the processor
 * time of the N calls and what the last returned.
 */
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>

int main(int argc, char **argv)
{
	static int (*volatile call)(struct xdp_md *) = BENCH_PROGRAM;
	struct timespec from, to;
	struct xdp_md ctx = { 0 };
	unsigned long n, size;
	char *packet;
	FILE *f;

	packet = mmap(0, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	f = argc == 2 ? fopen(argv[1], "rb") : 0;
	if (packet == MAP_FAILED || !f) {
		fprintf(stderr, "no packet\n");
		return 1;
	}
	size = fread(packet, 1, 1 << 16, f);
	ctx.data = ctx.data_meta = (u32)(unsigned long)packet;
	ctx.data_end = ctx.data + (u32)size;
	while (scanf("%lu", &n) == 1) {
		u32 result = 0;

		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
		while (n-- > 0)
			result = (u32)call(&ctx);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
		printf("%lld %u\n", (to.tv_sec - from.tv_sec) * 1000000000LL + (to.tv_nsec - from.tv_nsec), result);
		fflush(stdout);
	}
	return 0;
}
