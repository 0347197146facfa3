/* Programs and their debug information, read through elfutils (libdw).
 *
 *   module.c     opening a file and the debug files that belong to it
 *   functions.c  functions by pattern, inlined instances, prologue ends
 *   lines.c      statements
 *   types.c      type names, members, sizes
 *   names.c      types and globals of a whole module by name
 *   locexpr.c    location expressions to expressions of the tree
 *   location.c   where variables are, values out of there
 *   vars.c       $x and its accessors, $$vars, lists for -L
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
#include "lang/ast.h"

struct session;
struct probe_inst;

struct dbg_module {
	const char *path; /* canonical */
	Dwfl *dwfl;
	Dwfl_Module *mod;
	Elf *elf;
	Dwarf *dwarf; /* NULL: no debug information */
	GElf_Addr elf_bias, dwarf_bias; /* libdw's address - bias = address in the file */
	bool dwarf_tried;
	struct dbg_index *index; /* functions.c */
	struct dbg_name_table *name_table; /* names.c */
};

/* The module of a path, opened once a session. NULL, with the reason in *why. */
struct dbg_module *dbg_open(struct session *s, const char *path, const char **why);
/* Finds and opens the debug information, if not done yet; NULL: there is none. */
Dwarf *dbg_dwarf(struct dbg_module *m);
/* File offset of an address; false: it is in no segment of the file. */
bool dbg_file_offset(const struct dbg_module *m, uint64_t vaddr, uint64_t *offset);

/* A place in a program at which variables are looked up. */
struct dbg_place {
	struct dbg_module *module;
	Dwarf_Die scope; /* subprogram or inlined instance around pc; scope.addr NULL: unknown */
	uint64_t pc;	 /* address in the file */
	bool is_return;	 /* pc is the entry; registers are those after the return */
};

/* Expands a target expression (EX_TARGET, EX_ATVAR, EX_CAST, EX_AUTOCAST on such) for a place into
 * ordinary expressions over EX_CONTEXT nodes (registers, memory reads, load bias). NULL: it cannot be
 * resolved; *why is then the text of the semantic error. Index expressions of the source are used
 * (not cloned) in the result. */
struct expr *dbg_resolve(struct session *s, const struct dbg_place *at, struct expr *target,
			 const char **why);
/* The frame address (value of the stack pointer after the function has returned) at a place inside a
 * function; NULL: not known. */
struct expr *dbg_cfa(struct session *s, const struct dbg_place *at, const struct token *tok);
/* " name:type" of each variable that -L shows at a place. */
typedef VEC(const char *) dbg_names;
void dbg_list_vars(struct session *s, const struct dbg_place *at, dbg_names *out);

#endif
