/* Perf points: what their sites hold, and counters (perf.c). */
#ifndef PROBE_PERF_H
#define PROBE_PERF_H

#include <stdbool.h>

#include "base/vec.h"
#include "kern/perf.h"
#include "probe/provider.h"

struct session;

/* probe_site.path of SITE_PERF, numbers that tell the event: places with the same event are one. */
const char *perf_site_path(struct session *s, const struct kern_perf_event *event);
bool perf_event_of(const char *path, struct kern_perf_event *event);

struct perf_counter {
	const char *name;
	struct kern_perf_event event; /* period and hz are 0 */
	bool by_file;		      /* it counts for those only who run one of `files` */
	VEC(struct probe_file_id) files;
	struct perf_counter *next;
};

/* NULL: no probe point declares a counter of that name. */
const struct perf_counter *perf_counter_named(const struct session *s, const char *name);

#endif
