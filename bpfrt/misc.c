/* What belongs nowhere else. */
#include "bpfrt.h"

long rt_randint(struct rt_frame *f, int64_t n)
{
	if (!f || n <= 0)
		return 0;
	if (n > 1 << 20) {
		fail(f, RT_E_RANGE, n);
		return 0;
	}
	return (long)((uint64_t)(uint32_t)bpf_get_prandom_u32() % (uint64_t)n);
}
