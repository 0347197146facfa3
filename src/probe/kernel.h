/* kernel.function, kernel.statement, module(...).function, kprobe.*: functions of the running kernel.
 *
 *   kernel_function.c   the patterns; symbols to instances; what cannot be probed
 *
 * Functions are known from /proc/kallsyms, their parameters from the kernel's BTF. */
#ifndef PROBE_KERNEL_H
#define PROBE_KERNEL_H

#include "object/kallsyms.h"
#include "probe/provider.h"
#include "sema/sema.h"

/* probe_site.place of this family. */
struct kernel_place {
	const struct kallsym *symbol; /* NULL: none lies there */
	const char *function;	      /* its name without what the compiler has added */
	uint32_t type;		      /* BTF_KIND_FUNC of this name, 0: none */
	bool is_return;
};

#endif
