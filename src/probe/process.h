/* process(...).function, .statement, .mark, .plt: programs and libraries.
 *
 *   process_select.c    which files the first components name
 *   process_library.c   which libraries
 *   process_function.c, process_statement.c
 *   process_inside.c    .label and .callee of functions
 *   process_mark.c      SDT marks and PLT stubs: sites and their variables
 *   process_select.c      begin, end, thread, syscall: no places in files
 *   process_entry.c     entries of .return points
 *   process_return.c    where return probes do harm
 *   process.c           the patterns; common parts; errors */
#ifndef PROBE_PROCESS_H
#define PROBE_PROCESS_H

#include "base/map.h"
#include "dwarf/dbg.h"
#include "object/object.h"
#include "probe/provider.h"
#include "sema/sema.h"

enum place_kind { PLACE_DWARF, PLACE_MARK, PLACE_PLT };

/* probe_site.place of this family. */
struct process_place {
	struct dbg_place at; /* first: a struct dbg_place for those who ask for one */
	enum place_kind kind;
	const struct usdt_note *mark;
	const char *name; /* PLACE_PLT: the imported function */
	const char *thrown; /* with a return probe: what may leave the function, "a C++ exception"; else NULL */
};

/* A file that a point names. */
struct process_file {
	const char *path;  /* canonical */
	const char *shown; /* in process("...") or library("...") */
	long long pid;	   /* of the process that was named, 0: none was */
};
typedef VEC(struct process_file) process_files;

struct process_site;

/* A point on its way through one file. The kernel's points in source code go the same way
 * (kernel_source.c). */
struct process_query {
	struct session *s;
	const struct probe_family *family;
	const struct probe_point *p;
	void (*emit)(void *cookie, struct probe_inst *inst);
	void *cookie;
	/* Makes an instance; false: no probe can be put there (a warning has told why). */
	bool (*put)(struct process_query *q, const struct process_site *e);
	const char *program;	/* shown, or NULL */
	const char *library;	/* shown, or NULL */
	struct probe_file_id runs; /* with a library: the program, */
	const char *runs_path;	   /* and its path */
	struct dbg_module *m;	/* the file that is probed */
	size_t at;		/* component "function", ... */
	bool quiet;		/* one of several files: a miss is not an error */
	bool failed;		/* put() has reported an error */
	const char *suffix;	/* the components behind it as text: ".return" or "" */
	size_t n;		/* instances made */
	obj_names refused;	/* of q->m, where the kernel takes no probe: what is there */
	struct map seen;	/* with -l: script texts that have been emitted */
};

bool process_same_file(const char *a, const char *b);
/* A path of that process, as we get at the file behind link (in /proc/PID): in a container it is another one of the
 * same name, and after an upgrade the file is gone. */
const char *process_path(struct session *s, long long pid, const char *path, const char *link);
/* process_select.c, process_library.c: false after reporting an error. *many: it is a pattern, of
 * which not every file needs to have a match. */
bool process_select(struct process_query *q, process_files *out, bool *many);
bool process_select_library(struct process_query *q, const struct process_file *program,
			    const struct component *c, process_files *out, bool *many);

/* What to make an instance of, at an address of q->m. */
struct process_site {
	const char *arg;	/* of the component in pn(), as text: "\"main@f.c:5\"" or "0x1234" */
	const char *provider;	/* of marks: in pn() before the component, or NULL */
	const char *low_component, *low_arg; /* in pp(), NULL: the same as in pn() */
	const char *suffix;	/* in pn() behind the argument, NULL: that of the query */
	const char *low_suffix; /* in pp(), NULL: the same as in pn(); ".return" or "" or such */
	struct expr *condition; /* for the handler to run, or NULL */
	enum site_kind kind;
	bool is_entry;		/* of a function */
	bool inlined;		/* an instance of an inlined function */
	uint64_t pc, semaphore;
	struct process_place place; /* at.module and at.pc are filled in */
};
bool process_emit(struct process_query *q, const struct process_site *e);

/* The resolved point: process("FILE").COMPONENT(ARG).SUFFIXES; file NULL: its first component has no
 * argument. */
struct probe_point *process_low_point(struct process_query *q, const struct process_site *e, const char *file);
/* The point as pn() shows it. */
const char *process_script_text(struct process_query *q, const struct process_site *e);
/* The components behind q->at as text. */
const char *process_suffix_text(const struct process_query *q);
/* A list (-l) shows each line once: true if it has this one. */
bool process_listed(struct process_query *q, const char *script);

/* Each makes the instances of q in q->m; false after reporting an error. */
bool process_functions(struct process_query *q);
bool process_labels(struct process_query *q);
bool process_callees(struct process_query *q);
bool process_statements(struct process_query *q);
bool process_marks(struct process_query *q);
bool process_plt(struct process_query *q);

/* The entry instance of a .return instance, see provider.h (process_entry.c). */
struct probe_inst *process_entry_of(struct session *s, const struct probe_inst *ret);

/* process_return.c */
/* Would the program go astray with a return probe there? A warning has then told. shown: the point. */
bool process_return_is_dangerous(struct process_query *q, const struct process_site *e, const char *shown);
/* What may leave that function in another way than by returning: "a C++ exception"; NULL: nothing. */
const char *process_thrown(struct process_query *q, const struct dbg_place *at, uint64_t pc);
void process_warn_throws(struct session *s);

/* process_mark.c: variables of marks and stubs. */
struct expr *process_resolve_mark(struct session *s, const struct process_place *place,
				  struct expr *target, const char **why);
struct expr *process_resolve_plt(struct session *s, const struct process_place *place,
				 struct expr *target, const char **why);
void process_list_mark(struct session *s, const struct process_place *place, name_list *out);
/* The argument of the component at q->at; NULL or 0 if it has none of the kind. */
const char *process_text_arg(const struct process_query *q);
bool process_number_arg(const struct process_query *q, uint64_t *n);
bool process_has_suffix(const struct process_query *q, const char *name);
/* The component, or NULL. */
const struct component *process_suffix(const struct process_query *q, const char *name);
/* "no match", with names near to the asked one: (similar function: x), (similar functions: x, y). */
bool process_no_match(struct process_query *q, const char *what, const char *plural,
		      const char *asked, const char *const *names, size_t n);
const char *process_quote(struct arena *a, const char *text);
/* The pattern of a function or statement; missing debug information is told. False: reported. */
bool process_parse_spec(struct process_query *q, const char *text, struct dbg_spec *spec);

#endif
