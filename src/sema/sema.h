/* Pass 2: from trees to a resolved, typed program.
 *
 *   probes.c   probe points -> probe instances: aliases, wildcards, groups, ?, !, conditions
 *   names.c    variables, functions, arrays; pulls in tapset files that define what is missing
 *   fold.c     @defined, @probewrite, constants, dead branches
 *   elide.c    unused variables, assignments, functions, probes; their warnings
 *   types.c    type inference to a fixed point, mismatch messages
 *   check.c    what needs types: print formats, foreach modification, break outside loop, guru rules
 *   sema_dump.c  -p2
 *
 * sema_analyze() runs them in order and is the only thing main.c calls. */
#ifndef SEMA_SEMA_H
#define SEMA_SEMA_H

#include "base/str.h"
#include "lang/ast.h"

struct session;
struct probe_family; /* probe/provider.h */

/* What a handler runs: one body, shared by all instances with the same context shape. The body is a
 * private copy, prologues and epilogues of aliases joined to the user's statements in one scope. */
struct handler {
	struct stmt *body;
	var_list locals;
	const struct token *tok; /* the user's `probe` keyword */
	bool user;		 /* from the user's script, not from a tapset file */
	bool saves_entry;	 /* does nothing but save values for @entry (entry.c) */
	int id;
};

/* The handler at one place. */
struct probe_inst {
	struct handler *handler;
	const struct probe_family *family;
	struct probe_point *point;	/* final, resolved */
	const char *name;		/* text of it: pp() */
	const char *alias_name;		/* pn(): as the user wrote it, wildcards expanded */
	const char *script_name;	/* from the family: pn() if it differs from name, else NULL */
	VEC(const char *) derivation;	/* " <- ..." chain of the -p2 dump, nearest first */
	struct expr *condition;		/* arming condition (all of the chain and-ed), or NULL */
	int condition_fn;		/* IR function of the condition, -1: none (lower.c) */
	const struct probe_site *site;	/* NULL: the handler runs in the stap process */
	struct probe_inst *entry;	/* .return: where @entry values are saved, if there are any */
	struct expr *frame_address;	/* of such an entry: what the stack pointer will be after the
					 * return; the key of saved values. Of a .return: that key where it
					 * is not the stack pointer */
	bool optional;			/* the point had "?": it is dropped if variables are missing */
	bool counts;			/* declares a counter for @perf: its handler never runs */
	void *data;			/* the family's parameters (probe/ folder) */
	int id;
};

struct program {
	var_list globals;		     /* in order of first use */
	VEC(struct function *) functions;    /* used ones, sorted by name for the dump */
	VEC(struct probe_inst *) probes;     /* final order */
	VEC(struct handler *) handlers;
	var_list auto_print;		     /* unread user globals, in dump order */
	size_t handlers_resolved, functions_resolved, probes_resolved; /* by names.c so far */
};

/* Whole pass 2. Fills s->program; returns false when there were errors (already reported). */
bool sema_analyze(struct session *s);

/* The steps, in the order of sema_analyze(). Each reports its errors and goes on. */
void sema_derive_probes(struct session *s); /* probes.c: s->program->probes, handlers */
void sema_resolve_names(struct session *s); /* names.c; again for what has been added since */
void sema_all_resolved(struct session *s);  /* what is there now needs no resolving (names.c) */
void sema_optimize(struct session *s);	    /* fold.c, elide.c to a fixed point; not with -u */
void sema_infer_types(struct session *s);   /* types.c */
void sema_check(struct session *s);	    /* check.c */

/* Something in this source is used: if it is a tapset file, its probes are derived too. */
void sema_use_source(struct session *s, const struct source *src);
/* Probes of tapset files that have come into use since the last call. */
void sema_derive_library_probes(struct session *s);

/* --dump-probe-types, --dump-probe-aliases, --dump-functions. */
void sema_dump_probe_types(struct session *s, struct str *out);
void sema_dump_probe_aliases(struct session *s, struct str *out);
void sema_dump_functions(struct session *s, struct str *out);

/* Target expressions (target.c). A template is a composed body, before any instance; the handler of an
 * instance is the template with its targets expanded, shared if they come out alike. */
struct body_template;
struct body_template *sema_template(struct session *s, struct stmt *body, const struct token *tok,
				    bool user);
struct handler *sema_instance_handler(struct session *s, struct body_template *t,
				      struct probe_inst *inst);
/* Functions of tapset files are not cloned: types in them are those of the kernel, or of the module that
 * they name, wherever they are called. */
void sema_expand_library_function(struct session *s, struct function *f);
/* After names: accessors on typed values (autocast.c). */
void sema_resolve_autocasts(struct session *s);
/* After sema_optimize(): @entry becomes a probe at the entry and a look-up; false: there was none
 * (entry.c). New handlers have to be resolved and optimized. */
bool sema_expand_entries(struct session *s);
/* Drops optional instances with unresolved targets; with --skip-badvars these become 0. */
void sema_drop_unresolved(struct session *s);

/* Used by several steps. */
void sema_fold(struct session *s, bool *changed);  /* fold.c */
void sema_elide(struct session *s, bool *changed); /* elide.c */
/* The instance of a begin/end/error point that a synthesized probe needs (handler not set). */
struct probe_inst *sema_simple_instance(struct session *s, struct probe_point *point);
/* Counts reads and writes into var.n_reads, var.n_writes (elide.c). */
void sema_count_uses(struct session *s);
/* Resolves the names of a synthesized body (auto-printing of globals) or condition. */
void sema_resolve_handler(struct session *s, struct handler *h);
void sema_resolve_function(struct session *s, struct function *f);
/* Resolves a tree that was put into a handler (fn NULL) or function whose names are resolved. */
void sema_resolve_late(struct session *s, var_list *locals, struct function *fn, struct expr *e,
		       struct stmt *st);

/* Adds "end" probes that print globals which are written and never read (language reference 5.10).
 * After sema_optimize() has settled what is read; before types. */
void sema_add_global_display(struct session *s);

/* -l/-L: prints matching points; returns the exit status. */
int sema_list(struct session *s, const char *pattern, bool with_vars);

/* -p2 text. */
void sema_dump(struct session *s, struct str *out);

#endif
