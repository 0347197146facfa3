/* Where fields are in the structures of the running kernel, from its BTF. */
#ifndef KERN_BTF_H
#define KERN_BTF_H

#include <stddef.h>
#include <stdint.h>

struct kern_field {
	const char *type, *field; /* struct TYPE; fields of anonymous members count as its own */
	int64_t offset;		  /* the result, in bytes; -1: not found, or a bit field */
};

/* Fills the offsets of n fields in one walk through the kernel's 5 MB. Returns 0, or -errno if there
 * is no BTF. */
int kern_offsets(struct kern_field *fields, size_t n);

#endif
