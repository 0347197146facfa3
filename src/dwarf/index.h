/* The functions of a program's debug information, gathered in one pass by code of our own.
 *
 *   scan.c     units and their DIEs to tables of functions, inlined instances and scopes
 *   files.c    file names of a unit, from the header of its line table
 *   index.c    building the index with all cores, questions about it
 *
 * Why not libdw for this: it decodes abbreviations again for every attribute it is asked for and its
 * handles belong to one thread. The scan reads each byte of .debug_info once, only reads the section
 * data (which libdw has found, and inflated if it had to) and shares nothing between threads.
 *
 * A DIE is named by a dw_ref: number of the file (main, supplementary, .dwo) and offset. */
#ifndef DWARF_INDEX_H
#define DWARF_INDEX_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"

struct dbg_module;
struct dbg_spec;

typedef uint64_t dw_ref; /* file << 48 | offset in .debug_info; 0: none */
enum { DW_REF_OFFSET_BITS = 48, DW_MAX_FILES = 0xffff };
static inline dw_ref dw_ref_make(unsigned file, uint64_t offset)
{
	return offset >> DW_REF_OFFSET_BITS ? 0 : (uint64_t)file << DW_REF_OFFSET_BITS | offset;
}

static inline uint64_t dw_ref_offset(dw_ref ref)
{
	return ref & ((1ull << DW_REF_OFFSET_BITS) - 1);
}

struct dw_bytes {
	const uint8_t *p;
	size_t n;
};

struct dw_file {
	unsigned id;
	Dwarf *dwarf; /* handle of the main thread */
	struct dw_bytes info, abbrev, str, line_str, str_offsets, addr, ranges, rnglists, line, loc, loclists;
	struct dw_file *alt; /* dwz's file, NULL: none */
	bool split;
	uint32_t first_unit, n_units;
};

enum fn_flags {
	FN_PC = 1,	    /* pc is an address */
	FN_RANGES = 2,	    /* pc is an offset into the range lists */
	FN_RANGES_INDEX = 4, /* pc is an index of them (DW_FORM_rnglistx) */
	FN_INLINE = 8,	    /* abstract: its instances are inlined */
	FN_DECLARATION = 16,
	FN_EXTERNAL = 32,
	FN_HAS_FILE = 64,
	FN_HAS_LINE = 128,
};

struct dw_fn {
	const char *name, *linkage; /* its own ones, or NULL */
	uint64_t pc;
	dw_ref origin; /* abstract origin or specification */
	uint32_t unit, die; /* offset of the DIE from the unit's header */
	uint32_t scope, file, line;
	uint8_t flags;
};

struct dw_inline {
	dw_ref origin;
	uint64_t pc;
	uint32_t unit, die;
	uint8_t flags; /* FN_PC, FN_RANGES, FN_RANGES_INDEX */
};

struct dw_scope {
	const char *name; /* "" for unnamed ones */
	dw_ref origin;	  /* specification of a namespace or class, for the name */
	uint32_t parent;
};

struct dw_unit {
	struct dw_file *file;
	uint64_t offset, end; /* in .debug_info */
	uint64_t first_die;
	uint64_t abbrev;
	uint64_t low_pc, stmt_list; /* UINT64_MAX: no line table */
	uint64_t str_offsets_base, addr_base, rnglists_base;
	const char *name, *comp_dir, *producer, *dwo_name;
	uint8_t version, addr_size, offset_size, type;
	bool wanted, scanned;
	bool has_loclist; /* some variable lives in several places: optimized code */
	bool crosses;	  /* its functions may be instances of some in other units */
	uint32_t skeleton; /* units of .dwo files: the unit that has addresses and lines; else own
			    * number */
	/* Slices of the worker's tables, in order of DIEs. */
	struct dw_fn *fns;
	struct dw_inline *inlines;
	struct dw_scope *scopes; /* [0] is the unit itself */
	uint32_t n_fns, n_inlines, n_scopes;
	uint32_t tables_at[3];
	unsigned worker;
	/* files.c */
	const char **files;
	uint32_t n_files;
	bool files_read;
};

/* Growing tables of one worker. */
struct dw_tables {
	struct dw_fn *fns;
	struct dw_inline *inlines;
	struct dw_scope *scopes;
	size_t n_fns, n_inlines, n_scopes, cap_fns, cap_inlines, cap_scopes;
	struct dw_abbrevs *abbrevs; /* of the last unit */
};

/* scan.c */
/* Reads the header of the unit at offset; false at the end or if it is damaged. */
bool scan_header(struct dw_file *f, uint64_t offset, struct dw_unit *u);
/* Attributes of the unit's own DIE. */
void scan_unit_die(struct dw_unit *u, struct dw_tables *t);
/* The DIEs of a unit, appended to t. */
void scan_unit(struct dw_unit *u, uint32_t number, struct dw_tables *t);
void scan_tables_release(struct dw_tables *t);
/* First address of a range list; false: there is none. u: the unit with the addresses. */
bool scan_first_range(const struct dw_unit *u, uint64_t value, bool is_index, uint64_t *pc);

/* files.c */
/* Name of a file of the unit, joined with its directories; NULL: no such file. */
const char *unit_file(struct arena *a, struct dw_unit *u, uint32_t number);

/* A part of a function that lies elsewhere than its entry ("f.cold"). */
struct dw_part {
	uint64_t low, high;
	size_t at; /* in by_pc */
};

/* index.c */
struct dbg_index {
	struct arena arena;
	bool whole; /* all units have been scanned */
	bool apart; /* each unit says all of its functions by itself: it can be scanned without others */
	unsigned n_names; /* that units have been looked for */
	VEC(struct dw_file *) files;
	struct dw_unit *units;
	size_t n_units;
	struct dw_inline **by_origin; /* all inlined instances, sorted by origin, unit, DIE */
	size_t n_inlines;
	struct dw_fn **by_pc; /* concrete functions, sorted by entry */
	uint64_t *entries;
	size_t n_by_pc;
	struct dw_part *parts; /* sorted by address; made by index_part_around() */
	size_t n_parts;
	bool parts_made;
	const char *missing; /* name of the first .dwo file that was not found, NULL: all were */
	size_t n_missing;
	struct dw_tables *workers;
	size_t n_workers;
};

/* Made at the first call; NULL: no debug information. */
struct dbg_index *dbg_index_get(struct dbg_module *m);
/* The same with nothing in it but the list of units, if nobody has asked for more. */
struct dbg_index *dbg_index_units(struct dbg_module *m);
/* The same, at least with the units that can have functions that match, or with the one that an address lies in. */
struct dbg_index *dbg_index_of_spec(struct dbg_module *m, const struct dbg_spec *spec);
struct dbg_index *dbg_index_of_address(struct dbg_module *m, uint64_t addr);
/* mention.c: sets wanted for all units that may have a function of that name. False: it cannot be told which those
 * are. */
bool index_want_name(struct dbg_index *x, const char *name);
/* The same for those whose line table names a file that matches the pattern. */
void index_want_file(struct dbg_index *x, const char *pattern);
void dbg_index_free(struct dbg_index *x);
/* The unit that has it; NULL: none. */
struct dw_unit *index_unit_of(const struct dbg_index *x, dw_ref ref);
const struct dw_fn *index_find(const struct dbg_index *x, dw_ref ref);
dw_ref index_ref(const struct dbg_index *x, uint32_t unit, uint32_t die);
/* The end of a function's chain of origins: the one whose place among the scopes counts. */
const struct dw_fn *index_root(const struct dbg_index *x, const struct dw_fn *f);
const char *index_name(const struct dbg_index *x, const struct dw_fn *f);
const char *index_linkage(const struct dbg_index *x, const struct dw_fn *f);
/* Declaration; *file may be NULL, *line 0. */
void index_decl(struct dbg_index *x, const struct dw_fn *f, const char **file, uint32_t *line);
bool index_is_declaration(const struct dbg_index *x, const struct dw_fn *f);
bool index_entry(const struct dbg_index *x, uint32_t unit, uint64_t pc, unsigned flags,
		 uint64_t *entry);
/* Name of the scope that is `up` levels around f (0: the nearest); NULL: beyond the unit, which is
 * the outermost one, named "". */
const char *index_scope(const struct dbg_index *x, const struct dw_fn *f, unsigned up);
/* Instances of the abstract function at ref. */
size_t index_inlines(const struct dbg_index *x, dw_ref ref, struct dw_inline ***first);
/* The concrete function that begins at an address, or NULL. */
const struct dw_fn *index_at(const struct dbg_index *x, uint64_t entry);
/* The part around an address, as number of the function in by_pc; false: there is none. */
bool index_part_around(struct dbg_index *x, uint64_t addr, size_t *at);
/* libdw's handle of a DIE. */
bool index_die(const struct dbg_index *x, uint32_t unit, uint32_t die, Dwarf_Die *out);
/* libdw's unit with the line table. */
bool index_line_unit(const struct dbg_index *x, uint32_t unit, Dwarf_Die *out);

#endif
