/* What is known of each system call: probe points, variables, how its arguments are shown. The table is
 * syscalls.def; here it becomes the text of the aliases syscall.NAME, nd_syscall.NAME and
 * tp_syscall.NAME, for no more calls than a script names. */
#ifndef TAPSET_SYSCALLS_H
#define TAPSET_SYSCALLS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct syscall_desc {
	const char *name;  /* the kernel's */
	const char *point; /* syscall.POINT */
	const char *args;  /* see syscalls.def */
	const char *argstr; /* expression; NULL: arguments in a row */
	const char *address; /* the variable that is a socket address whose parts are variables; or NULL */
	int result;	    /* format for return_str(); 0: 1 */
	bool no_return;
};

/* By the kernel's name, or NULL. */
const struct syscall_desc *syscall_find_desc(const char *name);
/* What the kernel calls argument n (from 1): text and length; NULL: there is none. */
const char *syscall_parameter(const struct syscall_desc *d, unsigned n, size_t *len);

/* Appends alias definitions of all calls whose points match the pattern (fnmatch), or if there is none
 * of that with this name of the kernel. done: which ones the caller has had, zeroed at first. */
enum { SYSCALL_DESCS = 512 };
void syscall_aliases(struct str *out, const char *pattern, uint8_t done[SYSCALL_DESCS]);

#endif
