/* Does tracing take too much of the machine's time?
 *
 * One hit of many is measured and stands for all of them; but for SLOW ones that would be a guess, and the
 * clock costs nothing beside them: after one of these, hits are measured one by one for a while. */
#include "bpfrt.h"

enum { SLOW_NS = 10000, CLOSELY = 256 };

long rt_overload(struct rt_frame *f, struct rt_shared *sh, uint64_t weight)
{
	uint64_t now = bpf_ktime_get_ns(), took;

	if (!f || !sh)
		return 0;
	took = now - f->measured_at;
	if (f->closely) {
		f->closely--;
		weight = 1;
	}
	if (took > SLOW_NS) {
		f->closely = CLOSELY;
		weight = 1;
	}
	if (now - f->interval_start > sh->overload_interval) {
		f->interval_start = f->measured_at;
		f->spent = 0;
	}
	f->spent += took * weight;
	if (f->spent <= sh->overload_threshold)
		return 0;
	sh->overload_within = now - f->interval_start;
	sh->overload_spent = f->spent;
	sh->stopping = RT_STOPPING;
	return 1;
}
