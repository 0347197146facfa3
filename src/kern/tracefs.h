/* The kernel's files about tracing: what events there are and what their records look like. */
#ifndef KERN_TRACEFS_H
#define KERN_TRACEFS_H

#include <stddef.h>

#include "base/arena.h"

/* A file by its path below tracefs ("available_events"), whole, with a NUL behind it. Where tracefs is
 * not mounted, it is for this process alone. NULL: the kernel does not let us. */
const char *kern_tracefs_read(struct arena *a, const char *path, size_t *size);

#endif
