/* What the sites of perf points hold (perf.c). */
#ifndef PROBE_PERF_H
#define PROBE_PERF_H

#include <stdbool.h>

#include "kern/perf.h"

/* probe_site.path of SITE_PERF, "TYPE CONFIG PERIOD HZ": places with the same event are one. */
bool perf_event_of(const char *path, struct kern_perf_event *event);

#endif
