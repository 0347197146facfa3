/* Types of the running kernel: where members of its structures lie.
 *
 * Reads /sys/kernel/btf/vmlinux in one pass and keeps nothing: it is 5 MB, and few sessions need more
 * than a handful of offsets. */
#ifndef KERN_BTF_H
#define KERN_BTF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kern_member {
	const char *type, *member; /* "task_struct", "tgid"; member "": the structure itself */
	uint32_t offset;	   /* set: bytes from the start of the structure; its size */
	bool found;
};

/* Looks all of them up. False: at least one was not found, or there is no BTF. */
bool kern_btf_members(struct kern_member *v, size_t n);
/* The same in a BTF blob. */
bool kern_btf_members_in(const void *btf, size_t size, struct kern_member *v, size_t n);

#endif
