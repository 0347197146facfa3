/* kernel.function, kernel.statement, module(...).function, kprobe.*: functions of the running kernel.
 *
 *   kernel_function.c   the patterns; symbols to instances; what cannot be probed
 *   kernel_table.c      symbols and types by name
 *   kernel_syscall.c    names that mean system calls
 *   kernel_vars.c       parameters, results
 *
 * Functions are known from /proc/kallsyms, their parameters from the kernel's BTF. */
#ifndef PROBE_KERNEL_H
#define PROBE_KERNEL_H

#include "dwarf/dbg.h"
#include "object/kallsyms.h"
#include "probe/provider.h"
#include "sema/sema.h"

/* probe_site.place of this family. */
struct kernel_place {
	struct dbg_place at; /* first: a struct dbg_place for those who ask for one */
	struct dbg_signature signature;
	const struct kallsym *symbol;
	const char *function; /* its name without what the compiler has added */
	uint32_t type;	      /* BTF_KIND_FUNC of this name, 0: none */
	bool at_entry;	      /* or at the return: parameters are known */
	bool is_return;
	bool fexit;	      /* a return that can be attached that way */
};

/* kernel_table.c. many: this is asked of many symbols. */
const struct kallsyms *kernel_symbols(struct session *s);
bool kernel_has_twin(struct session *s, const struct kallsym *y, bool many); /* of the same name */
uint32_t kernel_type_of(struct session *s, const struct kallsym *y, bool many); /* BTF_KIND_FUNC; 0: none */

/* kernel_syscall.c: the system calls that a name (or, wild, a pattern) of functions stands for. */
struct kernel_syscall {
	const char *function, *call; /* as the script calls it; as the kernel's table does */
};
typedef VEC(struct kernel_syscall) kernel_syscalls;
void kernel_find_syscalls(struct session *s, const char *pattern, bool wild, kernel_syscalls *out);

/* kernel_vars.c: what struct probe_family wants. */
struct expr *kernel_resolve_target(struct session *s, const struct probe_inst *inst, struct expr *target,
				   const char **why);
void kernel_list_vars(struct session *s, const struct probe_inst *inst, name_list *out);
struct probe_inst *kernel_entry_of(struct session *s, const struct probe_inst *ret);
/* What tells one call from others, at its entry and its return. */
struct expr *kernel_call_of(struct session *s, const struct token *tok);
bool kernel_keeps(const struct probe_inst *inst, const struct expr *e);

#endif
