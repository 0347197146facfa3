/* Counters of perf events: a CPU counts for whoever runs on it, and what it has counted is put down to a
 * thread when that one is switched away. Switches themselves need no event. */
#include "bpfrt.h"

/* Of the CPU's events number i; one that it does not count has had none. */
static inline uint64_t events_now(void *events, uint64_t i)
{
	struct {
		uint64_t n, enabled, running;
	} v = {0, 0, 0};

	bpf_perf_event_read_value(events, bpf_get_smp_processor_id() * RT_COUNTERS + i, &v, sizeof(v));
	return v.n;
}

USED LOCAL long rt_count_thread(void *events, void *threads, void *cpus, uint64_t n, uint64_t ends)
{
	uint32_t zero = 0, tid = (uint32_t)bpf_get_current_pid_tgid();
	struct rt_counts none = {0}, *thread = NULL;
	struct rt_counting *c = bpf_map_lookup_elem(cpus, &zero);

	if (!c)
		return 0;
	if (tid && !ends) {
		thread = bpf_map_lookup_elem(threads, &tid);
		if (!thread) {
			bpf_map_update_elem(threads, &tid, &none, BPF_NOEXIST);
			thread = bpf_map_lookup_elem(threads, &tid);
		}
	}
	for (uint64_t i = 0; i < RT_COUNTERS && i < n; i++) {
		uint64_t now = events_now(events, i);
		struct rt_counts *t = thread;

		/* Else the place in it would be computed before the test. */
		forget(t);
		if (t)
			t->n[i] += now - c->start[i];
		c->start[i] = now;
	}
	c->switches++;
	if (thread)
		thread->switches++;
	if (ends)
		bpf_map_delete_elem(threads, &tid);
	return 0;
}

USED LOCAL long rt_switches(void *threads)
{
	uint32_t tid = (uint32_t)bpf_get_current_pid_tgid();
	struct rt_counts *thread = bpf_map_lookup_elem(threads, &tid);

	return thread ? (long)thread->switches : 0;
}

USED LOCAL long rt_counter(void *events, void *threads, void *cpus, uint64_t i)
{
	uint32_t zero = 0, tid = (uint32_t)bpf_get_current_pid_tgid();
	volatile struct rt_counting *c = bpf_map_lookup_elem(cpus, &zero);
	uint64_t n = 0;

	/* Switched away in the middle: again. */
	for (int k = 0; c && k < 4; k++) {
		uint64_t switches = c->switches;
		volatile struct rt_counts *thread = bpf_map_lookup_elem(threads, &tid);

		n = thread ? thread->n[i] : 0;
		n += events_now(events, i) - c->start[i];
		if (c->switches == switches)
			break;
	}
	return (long)n;
}
