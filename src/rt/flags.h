/* Names of flags and of numbers that stand for something in arguments of system calls, by table. */
#ifndef RT_FLAGS_H
#define RT_FLAGS_H

#include <stdint.h>

#include "base/str.h"
#include "bpfrt/abi.h"

struct rt_flag_names {
	const char *name; /* of the table */
	const struct rt_flag *v;
	uint32_t n; /* RT_FLAGS_MAX at most */
};

/* NULL: no such table. */
const struct rt_flag_names *rt_flags_find(const char *name, size_t len);
/* Appends the text of a value: names with "|", what is left over as a hexadecimal number; "0x0" if there
 * is nothing else. The counterpart in the kernel is bpfrt/flags.c. */
void rt_flags_text(struct str *out, const struct rt_flag_names *t, uint32_t value);

#endif
