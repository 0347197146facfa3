/* The table of probe families. See provider.h. */
#include "probe/provider.h"

#include <stddef.h>

extern const struct probe_family process_family, process_life_family, process_syscall_family,
	tracepoint_family, later_family;

const struct probe_family *const probe_families[] = {
	&begin_family,
	&timer_family,
	&procfs_family,
	&process_family,
	&process_life_family,
	&process_syscall_family,
	&tracepoint_family,
	&later_family,
	NULL,
};
