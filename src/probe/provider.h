/* Probe families as plug-ins.
 *
 * A family is a table of probe point patterns ("timer.s(number)") with one function that builds an
 * instance from a matching point. Adding a family: one file with a `const struct probe_family`, one
 * line in families[] (provider.c). */
#ifndef PROBE_PROVIDER_H
#define PROBE_PROVIDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"
#include "lang/ast.h"

struct session;
struct probe_inst;

/* Where an instance fires in the kernel or in a program. */
enum site_kind {
	SITE_UPROBE,
	SITE_URETPROBE,
	/* In the kernel, for whoever gets there: never only for the target. */
	SITE_TRACEPOINT,	/* path: its name, without the system */
	SITE_KFUNC,		/* path: symbol of a kernel function; offset: from its start */
	SITE_KFUNC_RETURN,
	SITE_PERF,		/* perf events; path, offset: the family's */
	SITE_NETFILTER,		/* path: the family's */
	SITE_SYSCALL,		/* offset: number of a system call, or SITE_ANY_SYSCALL; path: "" */
	SITE_SYSCALL_RETURN,
	/* Not places at all: gen/life.c says what they are. */
	SITE_PROCESS_BEGIN,
	SITE_PROCESS_END,
	SITE_THREAD_BEGIN,
	SITE_THREAD_END,
};
#define SITE_ANY_SYSCALL UINT64_MAX
static inline bool site_is_life(enum site_kind kind)
{
	return kind >= SITE_PROCESS_BEGIN;
}
static inline bool site_is_syscall(enum site_kind kind)
{
	return kind == SITE_SYSCALL || kind == SITE_SYSCALL_RETURN;
}
static inline bool site_is_return(enum site_kind kind)
{
	return kind == SITE_URETPROBE || kind == SITE_KFUNC_RETURN || kind == SITE_SYSCALL_RETURN;
}
static inline bool site_is_kfunc(enum site_kind kind)
{
	return kind == SITE_KFUNC || kind == SITE_KFUNC_RETURN;
}
static inline bool site_is_user(enum site_kind kind)
{
	return kind == SITE_UPROBE || kind == SITE_URETPROBE;
}

/* An executable, as the kernel's inode has it. */
struct probe_file_id {
	uint64_t ino;
	uint32_t dev; /* major << 20 | minor */
};

struct probe_site {
	enum site_kind kind;
	const char *path;	/* user: file to attach to, canonical; kernel: see there; else "" */
	uint64_t offset;	/* user: file offset of the instruction; tracepoints: the argument, from
				 * 1, that is the task which handlers take for the current one, 0: none */
	uint64_t vaddr;		/* its address in the file: run-time address - vaddr is the load bias;
				 * kernel functions: the address, 0: hidden */
	uint64_t semaphore;	/* file offset of an SDT semaphore, 0: none */
	bool one_of_many;	/* the point is a pattern: others may do if the kernel refuses this place */
	bool doubtful;		/* kernels that we know refuse the instruction */
	bool at_entry;		/* of a function: only the return address is on its stack */
	bool target_only;	/* with -c or -x: only in the target and its descendants */
	uint32_t pid;		/* these and process.syscall: only this process, 0: all */
	bool by_file, not_ours;	/* only processes that run `file`; never those that run `ours` */
	struct probe_file_id file, ours;
	const char *runs;	/* by_file: path of `file` */
	const char *arguments;	/* tracepoints in compiled scripts: types and names, or NULL */
	const char *module;	/* kernel functions: the module it is in, NULL: none */
	uint32_t btf_id;	/* likewise: of its BTF_KIND_FUNC, for fentry; 0: there is none */
	bool needs_fexit;	/* likewise: a handler of its return reads arguments */
	bool by_address;	/* likewise: others have the same name */
	const void *place;	/* the family's: for resolve_target and list_vars */
};

/* A probe at system calls that is not for everybody (process.syscall): see gen/life.c. */
static inline bool site_is_filtered(const struct probe_site *site)
{
	return site_is_syscall(site->kind) &&
	       (site->target_only || site->pid || site->by_file || site->not_ours);
}

/* The pointer type that a long carries (expr.detail, var.detail). */
struct foreign_type {
	const char *name; /* equal types have equal names */
	/* Expands accessors and suffix of an EX_AUTOCAST, whose left is a value of this type; NULL and
	 * the reason if that cannot be. */
	struct expr *(*resolve)(struct session *s, const struct foreign_type *type,
				struct expr *target, const char **why);
};

struct probe_family {
	const char *name; /* "begin", "timer", "process", ... */
	/* Syntactic shapes, NULL-terminated: components joined by ".", arguments "(number)" or
	 * "(string)". For matching, suggestions and --dump-probe-types. */
	const char *const *patterns;
	/* Turns the matched point into zero or more instances by calling emit(cookie, inst) for each;
	 * inst is a zeroed copy holder in the session arena with point, name and data to fill in
	 * (and a condition of the family's own)
	 * (handler, derivation are the caller's business). Returns false after reporting an error;
	 * true with no instance means "resolves to nothing". Not available yet: reports so. */
	bool (*build)(struct session *s, const struct probe_family *f, const char *pattern,
		      const struct probe_point *p,
		      void (*emit)(void *cookie, struct probe_inst *inst), void *cookie);
	/* What probe_type() answers. */
	const char *probe_type;
	/* Families with variables of the traced program: expands a target expression at an instance
	 * into EX_CONTEXT expressions, or gives NULL and the text of the error (dwarf/dbg.h). NULL and
	 * no text: what it does not know, which may be a type that is known everywhere. NULL
	 * function: no such variables. */
	struct expr *(*resolve_target)(struct session *s, const struct probe_inst *inst,
				       struct expr *target, const char **why);
	/* What `$x = value`, also with other operators, means there: a tree, or NULL and the text of the
	 * error. NULL function: no variable can be written. */
	struct expr *(*assign_target)(struct session *s, const struct probe_inst *inst,
				      struct expr *assignment, const char **why);
	/* .return instances: an instance (name, point, site, frame_address) at the entry of the same
	 * function, where values for @entry are saved; NULL for others. May be NULL. */
	struct probe_inst *(*entry_of)(struct session *s, const struct probe_inst *inst);
	/* Is the value of a variable at the entry still known at the return? May be NULL. */
	bool (*keeps)(const struct probe_inst *inst, const struct expr *e);
	/* At the end of pass 2: warnings about the instances that have remained. May be NULL. */
	void (*finish)(struct session *s);
	/* "name:type" of each variable as -L prints them (a leading blank does not matter). */
	void (*list_vars)(struct session *s, const struct probe_inst *inst, name_list *out);
};

/* The component of that name behind the first, NULL: there is none. */
const struct component *probe_component(const struct probe_point *p, const char *name);

/* The point of a function's entry for that of its return: ....return[.maxactive(n)] -> ....call */
struct probe_point *probe_call_point(struct session *s, const struct probe_point *ret);

extern const struct probe_family *const probe_families[]; /* NULL-terminated */

/* Reports "no match", with names near to the asked one: (similar function: x), (similar functions: x,
 * y). Returns false. */
bool probe_no_match(struct session *s, const struct probe_point *p, const char *what,
		    const char *plural, const char *asked, const char *const *names, size_t n);

/* Data of the families that run in the stap process (begin.c, timer.c, procfs.c). */
enum begin_kind { BEGIN_BEGIN, BEGIN_END, BEGIN_ERROR, BEGIN_NEVER };
struct begin_data {
	enum begin_kind kind;
	int64_t priority;
};
struct timer_data {
	int64_t interval_ns;
	int64_t randomize_ns; /* +- this much, 0: none */
};
struct procfs_data {
	const char *path;
	bool write;	  /* else read */
	uint32_t mode;	  /* permissions that this probe asks for */
	int64_t max_size; /* read: bytes of the contents */
};
/* For data from a file: could a script have it? */
bool procfs_valid(const struct procfs_data *d);

/* Arguments of a tracepoint of the kernel itself as text, " $name:type" each; NULL: there is none of that name. */
const char *tracepoint_arguments(struct session *s, const char *name);
/* An executable as the kernel knows it. False: it cannot be opened. */
bool process_identify(const char *path, struct probe_file_id *id);
extern const struct probe_family begin_family, timer_family, procfs_family;

#endif
