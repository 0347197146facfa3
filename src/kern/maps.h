/* What a process has mapped at this moment: /proc/PID/maps. */
#ifndef KERN_MAPS_H
#define KERN_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kern_mapped {
	uint64_t start, end, offset, inode;
	unsigned major, minor; /* of the device */
	bool code;	       /* may be executed */
	bool deleted;	       /* the file has no path any more: " (deleted)" is behind that which it had */
	const char *path;      /* as /proc shows it, also "[heap]" and the like, "": none; for the call only */
	size_t length;	       /* of the path without " (deleted)" */
};

enum { KERN_SELF = -1 };

/* Calls on_mapping for each one, by address, until that gives false. pid: or KERN_SELF. False: the process is gone, or
 * not to be read. */
bool kern_maps_each(long long pid, bool (*on_mapping)(void *cookie, const struct kern_mapped *m), void *cookie);

/* The path in /proc that leads to the mapped file itself. */
enum { KERN_MAPPED_LINK = 80 };
void kern_mapped_link(long long pid, const struct kern_mapped *m, char link[KERN_MAPPED_LINK]);

#endif
