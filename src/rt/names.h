/* Names of system calls by number, as the kernel has them ("newfstatat"). */
#ifndef RT_NAMES_H
#define RT_NAMES_H

#include <stdint.h>

/* NULL: there is none. */
const char *rt_syscall_name(int64_t number);
/* -1: there is none. */
int64_t rt_syscall_number(const char *name);

#endif
