/* One run of stap: what was asked for, and what the passes have made of it.
 *
 * Each pass reads what the ones before have filled in and adds its own part. */
#ifndef SESSION_H
#define SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/map.h"
#include "lang/ast.h"

struct program;	 /* sema/sema.h */
struct ir_module; /* ir/ir.h */
struct library;	 /* tapset/library.h */
struct gen_image; /* gen/gen.h */

struct kernel_ways; /* kern/kfunc.h */

struct global_init { /* -G NAME=VALUE */
	const char *name, *value;
};

struct semantic_error { /* one reported by sem_error(), for --semantic-keep-going */
	const struct token *tok; /* or NULL */
	const char *text;
};

struct options {
	int last_pass;		/* -p, 1..5 */
	int verbose[6];		/* per pass, index 1..5; [0] is the minimum of them */
	bool guru;		/* -g */
	bool unoptimized;	/* -u */
	bool no_warnings;	/* -w */
	bool warnings_are_errors; /* -W */
	bool timing;		/* -t */
	bool no_global_display; /* --no-global-var-display */
	bool suppress_handler_errors, suppress_time_limits, skip_badvars;
	bool semantic_keep_going;
	bool color;		/* messages: decided from --color and the terminal */
	const char *compatible; /* version, default: our own ("5.6") */
	int privilege;		/* 0 stapdev, 1 stapsys, 2 stapusr */
	const char *runtime;	/* for %( runtime %): "bpf" */

	const char *list_point; /* -l, -L */
	bool list_vars;		/* -L */
	const char *command;	/* -c */
	int target_pid;		/* -x, or the -c child */
	int target_namespaces;	/* a process whose ns_*() speak; 0: this one */
	int64_t timeout_ms;	/* -T, 0: none */
	const char *output;	/* -o */
	int64_t rotate_mb, rotate_files; /* -S, 0: none */
	int buffer_mb;		/* -s, 0: default */
	const char *kernel_functions; /* -D TAPIR_KERNEL_FUNCTIONS: fentry, kprobe_multi, kprobe or none;
				       * NULL: what the kernel offers */
	bool uprobes_by_perf, no_sleeping; /* -D TAPIR_UPROBES=perf, -D TAPIR_SLEEPABLE=0 */
	bool background;	/* -F: write -o FILE from a daemon */
	const char *module_name; /* -m or made up */
	bool module_given;	 /* -m */

	/* Limits, from -D; the defaults are in options_init(). */
	int64_t maxstringlen, maxaction, maxnesting /* -1: by call depth */, maxmapentries, maxerrors,
		maxskipped, hist_width, hist_elision, max_buckets, buffer_bytes,
		max_kernel_functions;
	int64_t no_overload, overload_interval, overload_threshold; /* -DSTP_...: in cycles, here ns */

	VEC(const char *) script_args; /* $1 ... */
	VEC(const char *) include_dirs;
	VEC(const char *) defines;	/* -D texts */
	VEC(struct global_init) global_inits;
};

struct session {
	struct arena arena; /* session lifetime */
	struct options opt;

	VEC(struct source *) sources;
	VEC(struct script *) user_scripts; /* main script first, then -E texts */
	VEC(struct script *) library_scripts; /* tapset files that were needed, in order of loading */
	struct library *library;
	struct map macros; /* library macros: name -> struct macro (lang/macro.c) */
	VEC(bool) args_used;		/* by number of the script argument */
	bool argc_argv_used;

	/* Diagnostics (lang/diag.c) */
	int errors, warnings;
	VEC(struct semantic_error) semantic_errors; /* with --semantic-keep-going */
	int muted;
	int suppressed_errors, suppressed_warnings;
	bool error_hidden; /* the last error was one of them */
	const struct source *last_shown; /* the file named by the previous message */
	struct map shown;		 /* messages already printed */

	/* Code that pass 2 makes up (sema/target.h) */
	struct script *synthesized;
	unsigned n_synthesized;
	struct map texts; /* text of a pretty-printing expression -> struct function */
	bool has_autocasts, autocasts_looked_for;
	bool fixed_kernel; /* -p4: something about this kernel could not be left open (dwarf/relocate.c) */

	struct alias_index *aliases; /* sema/probes.c */

	struct map modules;	   /* programs by canonical path -> struct dbg_module (dwarf/module.c) */
	struct kernel_table *kernel_table; /* probe/kernel_table.c */
	const struct kernel_ways *kernel_ways; /* NULL: nothing will be attached */
	const char *refused_function; /* why a function of the kernel that is there cannot be probed:
				       * of the last one, NULL if none was met */
	struct map kernel_modules; /* "kernel" and its modules by name -> struct dbg_module */
	const char *kernel_address; /* an expression that has become one, NULL: none has */
	struct map kernel_sources; /* likewise those with debug information (dwarf/kernel.c) */
	struct tracepoint_table *tracepoints; /* probe/tracepoint.c */
	struct perf_counter *perf_counters; /* probe/perf.c */
	const struct token *probe_tok; /* keyword of the probe whose points are being resolved */

	struct program *program;   /* pass 2 */
	struct ir_module *ir;	   /* pass 3 */
	struct gen_image *image;   /* pass 4; NULL: no handler runs in the kernel */
};

/* Zeroed session with default options. */
void session_init(struct session *s);
void session_release(struct session *s);

/* Does --compatible ask for something older than version? */
static inline bool compatible_below(const struct session *s, const char *version)
{
	return strverscmp(s->opt.compatible, version) < 0;
}

#endif
