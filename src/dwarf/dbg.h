/* Programs and their debug information, read through elfutils (libdw).
 *
 *   module.c     opening a file and the debug files that belong to it
 *   kernel.c     the kernel and its modules
 *   spec.c       NAME@FILE:LINE patterns
 *   functions.c  functions by pattern, inlined instances
 *   lines.c      statements, prologue ends
 *   inside.c     labels of a function
 *   callees.c    what a function calls, chains of calls
 *   index.h      the inside of functions.c: scan.c, files.c, index.c; mention.c: which units are read
 *   types.c      type names, members, sizes
 *   btf_types.c  the same for types of the kernel
 *   names.c      types and globals of a whole module by name
 *   locexpr.c    location expressions to expressions of the tree
 *   objects.c    where other files are loaded
 *   loclist.c    which entry of a location list holds at a place
 *   location.c   where variables are, values out of there
 *   retval.c     where structures are that a function returns
 *   callers.c    values at the entry of a function, from its callers
 *   relocate.c   offsets in the kernel's structures, for compiled scripts
 *   vars.c       $x, @var and @cast, lists for -L
 *   access.c     members, elements, values of what they are
 *   pretty.c     $x$, $x$$
 *
 * Addresses are always those of the file (p_vaddr): libdw's biases stay inside this folder. Handles
 * belong to one thread. Damaged files give errors, never crashes or endless loops. */
#ifndef DWARF_DBG_H
#define DWARF_DBG_H

#include <elfutils/libdwfl.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "base/vec.h"
#include "btf/btf.h"
#include "lang/ast.h"

struct session;
struct probe_inst;

struct dbg_module {
	const char *path; /* canonical; "kernel" or a module's name */
	struct btf *btf;  /* the kernel's or a module's; then there is nothing else */
	bool kernel;	  /* it runs in the kernel: its variables are in the kernel's memory */
	const char *loaded; /* kernel: name of the module, NULL: the kernel itself */
	uint64_t bias;	  /* kernel: where it runs - addresses in the file */
	Dwfl *dwfl;
	Dwfl_Module *mod;
	Elf *elf;
	Dwarf *dwarf; /* NULL: no debug information */
	GElf_Addr elf_bias, dwarf_bias; /* libdw's address - bias = address in the file */
	bool dwarf_tried, missing_told, go_told;
	struct dbg_index *index; /* index.c */
	struct obj *obj;	 /* the file itself (object/object.h) */
	struct obj *debug_obj;	 /* the debug file with its symbol table, or NULL */
	struct obj_symtab *symbols; /* by dbg_symbols() */
	struct dbg_name_table *name_table; /* names.c */
	struct dbg_callers *callers;	 /* callers.c */
	const char *bias_name;		 /* objects.c: variable that holds the load bias, or NULL */
};

/* The module of a path, opened once a session. NULL, with the reason in *why. */
struct dbg_module *dbg_open(struct session *s, const char *path, const char **why);
/* The same of a file that is known as `name` from now on. m: zeroed, with an open obj, which is closed if this
 * fails; if it has been laid out, the callbacks find m in their data. */
bool dbg_open_as(struct session *s, struct dbg_module *m, const char *name, const Dwfl_Callbacks *callbacks,
		 const char **why);
/* A text that lists directories, absolute ones and such below that of the file, where debug information is
 * looked for. */
const char *dbg_search_path(void);
/* Finds and opens the debug information, if not done yet; NULL: there is none. */
Dwarf *dbg_dwarf(struct dbg_module *m);
/* Units whose split debug information was not found; *name: the first such file (.dwo). */
size_t dbg_missing_units(struct dbg_module *m, const char **name);
struct obj_symtab *dbg_symbols(struct dbg_module *m);
void dbg_close_all(struct session *s);
/* File offset of an address; false: it is in no segment of the file. */
bool dbg_file_offset(const struct dbg_module *m, uint64_t vaddr, uint64_t *offset);

/* The kernel and (module) its modules, which tell of their types by BTF. NULL: they don't. */
struct dbg_module *dbg_kernel(struct session *s, const char *module);
/* The same with the debug information that is installed for the very kernel that runs; opened once a
 * session. NULL with the reason in *why: there is none. */
struct dbg_module *dbg_kernel_source(struct session *s, const char *module, const char **why);
/* Are types known? */
bool dbg_has_types(struct dbg_module *m);

/* A type: a DIE, or a type of the kernel's BTF, behind `stars` pointers that only we know of ("T*" in
 * a cast, the type of &x). */
struct dbg_type {
	Dwarf_Die die; /* die.addr NULL: void, or it is in btf */
	struct btf *btf;
	uint32_t id; /* in btf; 0: void */
	unsigned stars;
};
struct dbg_type dbg_btf_type(struct btf *b, uint32_t id);

/* What a probe in the kernel has in the place of DWARF variables: arguments, each 64 bits wide. */
struct dbg_argument {
	const char *name; /* NULL: only $argN */
	struct dbg_type type;
	struct expr *value; /* to be cloned */
};
struct dbg_signature {
	VEC(struct dbg_argument) args;
	struct expr *result; /* $return, NULL: none; to be cloned */
	struct dbg_type result_type;
	bool tracepoint; /* messages and texts as those of tracepoints */
	const char *name; /* of the function or tracepoint */
};

/* A place in a program at which variables are looked up. */
struct dbg_place {
	struct dbg_module *module;
	const struct dbg_signature *signature; /* in the kernel; then the others are unused */
	Dwarf_Die scope; /* subprogram or inlined instance around pc; scope.addr NULL: unknown */
	uint64_t pc;	 /* address in the file */
	bool is_return;	 /* pc is the entry; registers are those after the return */
	bool in_stap;	 /* the handler runs in the stap process, not in a program */
	bool has_view;	 /* the place is a row of the line table: */
	uint32_t view;	 /* the rows before it at pc (loclist.c) */
};

/* Expands a target expression (EX_TARGET, EX_ATVAR, EX_CAST, EX_AUTOCAST on such) for a place into
 * ordinary expressions over EX_CONTEXT nodes (registers, memory reads, load bias). NULL: it cannot be
 * resolved; *why is then the text of the semantic error. Index expressions of the source are used
 * (not cloned) in the result. */
struct expr *dbg_resolve(struct session *s, const struct dbg_place *at, struct expr *target,
			 const char **why);
/* The number behind the name of a CTX_KFIELD in the running kernel. False: its types have no such thing, or it
 * is read in another way there. */
bool dbg_close_number(struct session *s, const char *text, int64_t *n);
/* The frame address (value of the stack pointer after the function has returned) at a place inside a
 * function; NULL: not known. */
struct expr *dbg_cfa(struct session *s, const struct dbg_place *at, const struct token *tok);
/* " name:type" of each variable that -L shows at a place. */
typedef name_list dbg_names;
void dbg_list_vars(struct session *s, const struct dbg_place *at, dbg_names *out);

/* ------------------------------------------------------------------ patterns (spec.c) */

enum dbg_line_kind { DBG_LINE_NONE, DBG_LINE_NUMBER, DBG_LINE_RELATIVE, DBG_LINE_ALL, DBG_LINE_LIST };
struct dbg_line_range {
	uint32_t first, last;
};
struct dbg_spec {
	const char *text;	 /* as written */
	VEC(const char *) scopes; /* outermost first; a leading "" is the file level */
	const char *name;	 /* pattern, unqualified */
	const char *file;	 /* pattern, or NULL */
	enum dbg_line_kind line_kind;
	uint32_t line;
	VEC(struct dbg_line_range) lines;
};
/* False: malformed. */
bool dbg_spec_parse(struct arena *a, const char *text, struct dbg_spec *spec);
/* Does the text hold * ? or [ ? */
bool dbg_is_wild(const char *text);
bool dbg_match(const char *pattern, const char *text);
bool dbg_match_file(const char *pattern, const char *file);

/* ------------------------------------------------------------------ functions */

struct dbg_function {
	const char *text; /* "scope::name@file:line", as the probe point shows it */
	const char *name; /* unqualified */
	const char *file; /* of the declaration, or NULL */
	uint32_t line;	  /* of the declaration, 0: unknown */
	uint64_t entry;
	uint32_t unit, die; /* in the index; unit UINT32_MAX: only the symbol table knows it */
	bool inlined;	    /* an inlined instance */
};
typedef VEC(struct dbg_function) dbg_functions;

enum dbg_want {
	DBG_CONCRETE = 1,
	DBG_INLINED = 2,
	DBG_EXPORTED = 4, /* only functions with a global symbol */
	DBG_BRIEF = 8,	  /* one inlined instance of each function is enough */
};
/* Functions that match. n_inlined: how many functions have inlined instances (with DBG_INLINED
 * or not), their names go to inlined_names; both may be NULL. */
void dbg_find_functions(struct session *s, struct dbg_module *m, const struct dbg_spec *spec,
			unsigned want, dbg_functions *out, dbg_names *inlined_names);
/* The function around an address. */
bool dbg_function_around(struct session *s, struct dbg_module *m, uint64_t addr,
			 struct dbg_function *out);
/* Names to suggest: of symbols and inlined functions. */
void dbg_function_names(struct session *s, struct dbg_module *m, dbg_names *out);
/* libdw's DIE; false: there is none. */
bool dbg_function_die(struct dbg_module *m, const struct dbg_function *f, Dwarf_Die *out);

/* ------------------------------------------------------------------ inside a function */

struct dbg_label {
	const char *name;
	uint64_t addr;
};
typedef VEC(struct dbg_label) dbg_labels;
void dbg_find_labels(struct session *s, struct dbg_module *m, const struct dbg_function *f,
		     const char *pattern, dbg_labels *out);
/* Functions that may be called, prepared for dbg_find_callees(); they must stay where they are. */
struct dbg_callees *dbg_callees_make(struct session *s, struct dbg_module *m, const dbg_functions *candidates);
/* Those of the candidates that f calls, as far as call sites tell; instances inlined in f, too. */
void dbg_find_callees(struct session *s, const struct dbg_callees *candidates, const struct dbg_function *f,
		      dbg_functions *out);
/* Was chain[n], in which the place is, called by chain[n - 1], and so on from chain[0]? Sets a condition, NULL if
 * it always was. False: it cannot be told, *why says why. */
bool dbg_came_from(struct session *s, const struct dbg_place *at, const struct dbg_function *chain, size_t n,
		   const struct token *tok, struct expr **condition, const char **why);

/* ------------------------------------------------------------------ lines */

/* Where parameters are in place: behind the prologue in unoptimized code, else the entry. */
uint64_t dbg_probe_pc(struct dbg_module *m, const struct dbg_function *f);

struct dbg_statement {
	const char *text;  /* "name@file:line": the line that was asked for */
	const char *found; /* the line that was found (nearest), else NULL */
	struct dbg_function function;
	uint64_t addr;
	bool has_view; /* as in struct dbg_place */
	uint32_t view;
};
typedef VEC(struct dbg_statement) dbg_statements;

/* Why a line has no statements: for the message. */
struct dbg_line_miss {
	const char *file; /* NULL: it is not that a line lacks records */
	uint32_t line, below, above; /* nearest lines with records, 0: none near */
};
/* Statements that match; with nearest, of a line near the asked one if that has none. */
void dbg_find_statements(struct session *s, struct dbg_module *m, const struct dbg_spec *spec,
			 bool nearest, dbg_statements *out, struct dbg_line_miss *miss);
/* Does a statement begin at the address? DBG_ROW_NEAR: *near is one that does before it; _NO_LINES:
 * *unit names the compilation unit without a line table; _UNKNOWN: no debug information covers it. */
enum dbg_row { DBG_ROW_EXACT, DBG_ROW_NEAR, DBG_ROW_NO_LINES, DBG_ROW_UNKNOWN };
enum dbg_row dbg_row_at(struct session *s, struct dbg_module *m, uint64_t addr, uint64_t *near,
			const char **unit);
/* File and line of the instruction at an address; *line 0: unknown. False: neither is known. */
bool dbg_source_at(struct session *s, struct dbg_module *m, uint64_t addr, const char **file,
		   uint32_t *line);
/* The innermost subprogram or inlined instance around an address. */
bool dbg_scope_at(struct session *s, struct dbg_module *m, uint64_t addr, Dwarf_Die *out);

#endif
