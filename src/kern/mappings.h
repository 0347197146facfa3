/* What processes map to run: told by perf events of the whole system, so that the addresses of a
 * process that lived for a millisecond have names afterwards.
 *
 * Only executable mappings, forks and execs; times are those of CLOCK_MONOTONIC, in nanoseconds. Events
 * of different CPUs come in any order. */
#ifndef KERN_MAPPINGS_H
#define KERN_MAPPINGS_H

#include <stddef.h>
#include <stdint.h>

enum kern_mapping_kind { KERN_MAPPED, KERN_FORKED, KERN_EXECED };

struct kern_mapping {
	enum kern_mapping_kind kind;
	uint32_t pid, parent; /* KERN_FORKED: of a process, not of a thread */
	uint64_t time_ns;
	/* KERN_MAPPED: */
	uint64_t start, end, offset, inode;
	uint32_t major, minor;
	const char *path; /* also "[vdso]" and the like; valid during the call */
};

struct kern_mappings;

/* NULL with a negative errno in *err. */
struct kern_mappings *kern_mappings_open(int *err);
/* Hands over what has happened since the last time. */
void kern_mappings_read(struct kern_mappings *w,
			void (*event)(void *cookie, const struct kern_mapping *m), void *cookie);
void kern_mappings_close(struct kern_mappings *w);

#endif
