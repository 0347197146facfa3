/* Tasks by their ids; bits of their tables. */
#include "bpfrt.h"

static inline uint64_t kernel64(uint64_t addr)
{
	uint64_t v = 0;

	return bpf_probe_read_kernel(&v, 8, (void *)addr) < 0 ? 0 : v;
}

/* The kernel's table of ids is a tree of nodes with 64 slots each (xarray): a pointer to a node has
 * the lowest bits 10. */
long rt_find_task(uint64_t current, const struct rt_task_layout *at, int64_t pid)
{
	uint64_t entry, task;

	if (!at || pid <= 0 || pid > 0x7fffffff)
		return 0;
	entry = kernel64(current + at->thread_pid);
	if (!entry)
		return 0;
	entry = kernel64(entry + at->first_namespace);
	entry = kernel64(entry + at->ids);
	for (int level = 0; level < 6; level++) {
		uint64_t node = entry - 2;
		uint8_t shift = 0;

		if ((entry & 3) != 2)
			break;
		if (bpf_probe_read_kernel(&shift, 1, (void *)(node + at->node_shift)) < 0)
			return 0;
		if (level == 0 && (uint64_t)pid >> ((shift + 6) & 63))
			return 0;
		entry = kernel64(node + at->node_slots + 8 * ((uint64_t)pid >> (shift & 63) & 63));
	}
	if (!entry || entry & 3)
		return 0;
	task = kernel64(entry + at->tasks);
	return task ? (long)(task - at->links) : 0;
}

/* ------------------------------------------------------------------ bits */

struct bits {
	uint64_t at, end;
	long n;
};

LOCAL long next_bits(uint64_t i, struct bits *c)
{
	uint64_t v = kernel64(c->at + 8 * i);

	if (c->at + 8 * i >= c->end)
		return 1;
	v -= v >> 1 & 0x5555555555555555ull;
	v = (v & 0x3333333333333333ull) + (v >> 2 & 0x3333333333333333ull);
	v = (v + (v >> 4)) & 0x0f0f0f0f0f0f0f0full;
	c->n += (long)(v * 0x0101010101010101ull >> 56);
	return 0;
}

long rt_count_bits(uint64_t addr, uint64_t n)
{
	struct bits c = {addr, addr + n / 8, 0};

	bpf_loop(MAX_WORDS, next_bits, &c, 0);
	return c.n;
}
