/* kernel.function, kernel.statement, module(...).function, kprobe.*: functions of the running kernel.
 *
 *   kernel_function.c   the patterns; symbols to instances; what cannot be probed
 *   kernel_source.c     points in source code: files, lines, inlined functions, labels
 *   kernel_table.c      symbols and types by name
 *   kernel_syscall.c    names that mean system calls
 *   kernel_vars.c       parameters, results
 *
 * Functions are known from /proc/kallsyms, their parameters from the kernel's BTF. All else takes debug
 * information, which is asked where a point cannot do without: it is large. */
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

/* A point on its way. */
struct kernel_query {
	struct session *s;
	const struct probe_family *family;
	const struct probe_point *p;
	void (*emit)(void *cookie, struct probe_inst *inst);
	void *cookie;
	const char *module; /* pattern, NULL: the kernel itself */
	size_t at;	    /* component "function" or "statement" */
	const char *name;   /* its pattern, NULL: it has a number */
	bool full_names;    /* kprobe.function: symbols as they are */
	bool wild, is_return, exported;
	VEC(const struct kallsym *) found;
};

/* kernel_function.c: errors (false); is it in the module that the point names? */
bool kernel_fail(struct kernel_query *q, const char *text);
bool kernel_no_match(struct kernel_query *q);
bool kernel_in_module(const struct kernel_query *q, const struct kallsym *y);
/* Can a place be probed? If not, the reason is reported. */
bool kernel_allowed(struct kernel_query *q, struct probe_site *site, struct kernel_place *place);

/* kernel_source.c: does the point name a file, a line or such? */
bool kernel_wants_source(const struct kernel_query *q);
/* Instances of such a point; of a plain name, those of the inlined function. False after reporting an error. */
bool kernel_by_source(struct kernel_query *q);
/* Is there debug information for a point that names none of that? */
bool kernel_has_source(struct kernel_query *q);
/* Debug information around an address for the variables there; false: there is none. */
bool kernel_find_source(struct session *s, struct kernel_place *p, uint64_t addr);

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
