/* Perf points: what their sites hold, and counters (perf.c). */
#ifndef PROBE_PERF_H
#define PROBE_PERF_H

#include <stdbool.h>

#include "kern/perf.h"

/* probe_site.path of SITE_PERF, "TYPE CONFIG PERIOD HZ": places with the same event are one. */
bool perf_event_of(const char *path, struct kern_perf_event *event);

/* What the counter of that name counts (period and hz are 0), NULL: no probe point declares it. */
struct session;
const struct kern_perf_event *perf_counter_event(const struct session *s, const char *name);

#endif
