/* The IR interpreter: runs handlers that belong to no traced context (begin, end, error, timers) in
 * the stap process.
 *
 * interp_new() decodes the module's functions once into a compact threaded form; running a handler
 * then allocates nothing but table elements. */
#ifndef INTERP_INTERP_H
#define INTERP_INTERP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "ir/ir.h"
#include "rt/intrinsic.h"
#include "rt/regex.h"
#include "rt/table.h"

struct session;
struct interp;
struct probe_inst;
struct rt_str; /* bpfrt/abi.h */

enum { RT_OUT_FULL = 1 << 16 };

/* What running handlers see and change of the session; intrinsics reach it through rt_call.env. */
struct rt_env {
	struct session *session;
	struct interp *interp;
	const struct probe_inst *probe; /* running one: pp(), pn() */
	struct str *out;		/* output of the running handler; flushed by the run loop */
	bool exit_requested, abort_requested;
	int64_t n_errors, n_skipped; /* counted by run/, not by interp_run() */
	/* Set by run/ before the first probe: */
	int target_pid;
	void (*warn)(struct rt_env *env, const char *text, uint32_t len); /* "WARNING: ..." once each */
	void (*system)(struct rt_env *env, const char *command);
	void (*rotate)(struct rt_env *env); /* switch_file() */
	/* $value of the procfs probe that runs, and how long it may get; NULL in others. */
	struct str *value;
	size_t max_value;
	/* Text of a deferred string (struct rt_str with a token), added to out. NULL: there are none. */
	void (*token_text)(struct rt_env *env, const struct rt_str *str, struct str *out);
	/* A line for each address in a text (run/symbols.h), added to out. NULL: as above. */
	void (*stack_lines)(struct rt_env *env, bool kernel, const char *text, size_t len,
			    struct str *out);
	/* The kernel's memory (kern/memory.h): 0, the length of the text, or a negative errno. NULL: it
	 * cannot be read here. */
	int (*kernel_read)(uint64_t addr, void *to, size_t n);
	int (*kernel_string)(uint64_t addr, char *to, size_t size);
	uint64_t (*current_task)(void);
	uint64_t (*find_task)(int64_t pid);
	int (*task_name)(uint64_t task, char *to, size_t size);
	/* Writes what is in out and empties it: for print operations that find RT_OUT_FULL bytes or
	 * more there, so that a handler that prints without end needs no memory without end. */
	void (*flush)(struct rt_env *env);
	/* Last successful regex match of the running handler. */
	struct {
		const struct regex *re;
		char *text; /* of MAXSTRINGLEN bytes, as below; owned by the interpreter */
		uint32_t len;
		int bounds[2 * REGEX_MAX_GROUPS];
		bool failed; /* the last attempt did */
		bool any;    /* one succeeded in this handler run: the fields above are set */
	} match;
	/* State of tokenize() in the running handler. */
	struct {
		char *text;
		uint32_t len, pos;
	} token;
};

struct interp *interp_new(struct session *s, struct ir_module *m, struct rt_env *env);
void interp_free(struct interp *in);

/* Runs handler number fn of the module for one probe hit. Returns 0, or -1 after an uncaught error:
 * the whole message ("division by 0 near operator '/' at ...") is then in interp_error(). */
int interp_run(struct interp *in, const struct probe_inst *p, uint32_t fn);
const char *interp_error(const struct interp *in);
/* Value of a global, for arming conditions, -G and tests. */
int interp_set_global(struct interp *in, const char *name, const char *value);
/* Scalars that handlers in the kernel share: their value goes to the memory given (int64_t, or struct
 * rt_str as long as the global's width needs), where all operations then happen, and comes back. */
void interp_go_live(struct interp *in, uint32_t global, void *where);
void interp_go_plain(struct interp *in, uint32_t global);
/* Table of a global (also of a scalar statistic); NULL: it has none. */
struct rt_table *interp_table(struct interp *in, uint32_t global);
/* Evaluates an arming condition compiled as function fn (returns a long). */
int64_t interp_condition(struct interp *in, uint32_t fn);

#endif
