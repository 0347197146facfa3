/* The inside of variable lookup, shared by types.c, names.c, locexpr.c, vars.c and pretty.c.
 *
 * A query is one target expression at one place. Steps that fail set q->why once and return false or
 * NULL; the first reason wins. All trees carry the token of the script's expression, so that faults
 * at run time point at it. */
#ifndef DWARF_QUERY_H
#define DWARF_QUERY_H

#include <dwarf.h>

#include "base/map.h"
#include "dwarf/dbg.h"
#include "probe/provider.h"

enum { DBG_MAX_DEPTH = 64 }; /* of types and scopes: damaged files may have circles */

/* The pointer type that a long carries. */
struct dbg_detail {
	struct foreign_type base;
	struct dbg_module *module;
	bool foreign; /* as in struct dbg_query */
	struct dbg_type pointee;
};

struct dbg_query {
	struct session *s;
	struct arena *a;
	const struct dbg_place *at;
	struct dbg_module *m; /* whose types and variables are meant: that of the place, or another */
	bool foreign;	      /* m is not the module of the place: the probe does not know its load bias */
	const struct token *tok;
	const char *why;
	const struct token *why_tok; /* accessor that why is about, or NULL */
	unsigned nodes;		 /* of the tree made so far */
	unsigned steps;		 /* of searches, see dbg_step() */
	struct dbg_type *type_only; /* the type of the expression is wanted, not its value */
	bool only_here;		 /* what callers have passed is not asked for */
	struct dbg_query *callee; /* the place is in a caller of that query's function, stopped at a call */
	unsigned n_frames;	 /* such frames between here and the probe */
	Dwarf_Die function;	 /* concrete subprogram around the place; addr NULL: not looked for */
	bool function_tried;
};

/* Sets q->why if it is not set. Returns NULL. */
void *dbg_fail(struct dbg_query *q, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Counts work on what could be circles; false: too much, q->why is set. */
bool dbg_step(struct dbg_query *q);

/* ------------------------------------------------------------------ types.c */

/* Children in order; false at the end. Never goes backwards, whatever the file says. */
bool dbg_first_child(Dwarf_Die *die, Dwarf_Die *child);
bool dbg_next(Dwarf_Die *die);
/* Is that a block of a function, which has no name of its own? */
bool dbg_is_block(int tag);
/* DW_AT_type, through specification and origin; false: there is none (void). */
bool dbg_type_of(Dwarf_Die *die, Dwarf_Die *type);
/* A constant. Compilers write negative ones as DW_FORM_sdata only; the one byte 200 is 200, though
 * dwarf_formsdata() takes it for -56. False: it is none. */
bool dbg_constant(Dwarf_Attribute *attr, int64_t *n);
/* Without typedefs and qualifiers; then stars > 0, or another tag, or void. */
struct dbg_type dbg_peel(struct dbg_type t);
/* DW_TAG_...: DW_TAG_pointer_type if it has stars, 0 for void. */
int dbg_tag(const struct dbg_type *t);
/* What a pointer or reference points to, an array consists of, a function returns; what is behind a
 * typedef or qualifier. */
struct dbg_type dbg_pointee(const struct dbg_type *t);
/* NULL: it has none, or is a pointer. */
const char *dbg_type_name(const struct dbg_type *t);
bool dbg_is_void(const struct dbg_type *t);
/* Nothing but the name is known. */
bool dbg_is_declaration(const struct dbg_type *t);
/* A declaration is replaced by the definition, wherever it is in the module. */
void dbg_complete(struct dbg_query *q, struct dbg_type *t);
/* In bytes; 0: unknown. */
uint64_t dbg_size(struct dbg_query *q, struct dbg_type t);
/* Of a base type or enumeration (peeled): DW_ATE_*. */
unsigned dbg_encoding(const struct dbg_type *peeled);
bool dbg_is_signed(const struct dbg_type *peeled);
bool dbg_is_char(const struct dbg_type *peeled);
/* A structure, class or union (peeled)? */
bool dbg_is_aggregate(const struct dbg_type *t);
/* Arrays (peeled): element, distance of what an index of the dimension (0: the first) counts, number of
 * dimensions. */
bool dbg_array(struct dbg_query *q, const struct dbg_type *array, unsigned dimension,
	       struct dbg_type *element, uint64_t *stride, unsigned *dimensions);
/* As -L prints it (probe reference 3.1), in the arena. NULL: the type has no name there. */
const char *dbg_type_text(struct arena *a, struct dbg_type t);

enum { DBG_MAX_VIRTUAL = 4 };

/* A virtual base on the way to a member: the object's table of virtual functions knows where it is. */
struct dbg_virtual {
	uint64_t before; /* bytes from the start of the object, or of the virtual base before */
	Dwarf_Die die;	 /* DW_TAG_inheritance */
};

/* A member, found through anonymous members and base classes. Offset from the start of the object, or of the
 * last virtual base on the way. */
struct dbg_member {
	struct dbg_virtual bases[DBG_MAX_VIRTUAL];
	unsigned n_bases;
	Dwarf_Die die; /* static members */
	struct dbg_type type;
	uint64_t offset;   /* bytes */
	int bit_offset;	   /* bit-fields: of the first bit, from offset, little-endian; else -1 */
	unsigned bit_size;
	bool is_static;	   /* no offset: a variable of its own */
};
bool dbg_member(struct dbg_query *q, struct dbg_type object, const char *name,
		struct dbg_member *out);

/* Members and bases of a structure, parameters of a function type, in order. */
struct dbg_child {
	int tag;	  /* DW_TAG_member, DW_TAG_inheritance, DW_TAG_formal_parameter, ... */
	const char *name; /* or NULL */
	Dwarf_Die die;
	struct dbg_type of; /* whose; number: which, in BTF */
	uint32_t number;
};
/* t: peeled. False: there is none. */
bool dbg_first(const struct dbg_type *t, struct dbg_child *c);
bool dbg_following(struct dbg_child *c);
/* False: void. */
bool dbg_child_type(const struct dbg_child *c, struct dbg_type *out);
/* Where a member or base lies in its object, and its type; false: not at a fixed place. */
bool dbg_child_place(const struct dbg_child *c, struct dbg_member *out);
/* Declared, not there: a static member of C++. */
bool dbg_child_is_static(const struct dbg_child *c);
/* Names of all members, for "alternatives". */
void dbg_member_names(struct dbg_query *q, struct dbg_type object, dbg_names *out);

/* ------------------------------------------------------------------ btf_types.c */

/* The same of types without stars in BTF. */
int dbg_btf_tag(struct btf *b, uint32_t id);
unsigned dbg_btf_encoding(struct btf *b, uint32_t id);
struct dbg_type dbg_btf_inner(struct btf *b, uint32_t id);
bool dbg_btf_child(struct dbg_child *c, uint32_t number);
/* False: no such type. The name is without stars; sets btf and id. */
bool dbg_btf_find(struct btf *b, const char *name, bool tagged, struct dbg_type *out);

bool dbg_btf_enumerator(const struct dbg_type *t, uint32_t number, const char **name, int64_t *value);

/* ------------------------------------------------------------------ names.c */

/* The kernel's types, by which those of its debug information are completed; NULL: the module is none of the
 * kernel's, or there is no BTF. */
struct btf *dbg_btf_of(struct dbg_query *q);
/* A type by its name in scripts: "struct foo", "foo", "unsigned int", "foo*". */
bool dbg_find_type(struct dbg_query *q, const char *name, struct dbg_type *out);
/* A variable at file level of any unit with a location; unit NULL or the end of a path. */
bool dbg_find_global(struct dbg_query *q, const char *name, const char *unit, Dwarf_Die *out);
/* Definition of a struct, class, union or enum of this name. */
bool dbg_find_definition(struct dbg_query *q, const char *name, Dwarf_Die *out);
/* Value of an enumerator. */
bool dbg_find_enumerator(struct dbg_query *q, const char *name, int64_t *value);

/* ------------------------------------------------------------------ enums.c */

/* @enum("NAME") and @enumname(left, "type", "module"), target->right being the value of the latter. */
struct expr *dbg_enum_value(struct dbg_query *q, const struct expr *target);
struct expr *dbg_enum_name(struct dbg_query *q, struct expr *target);

/* ------------------------------------------------------------------ locexpr.c */

enum location_kind {
	LOC_ADDRESS,  /* e: address of the object */
	LOC_REGISTER, /* it is in a register */
	LOC_VALUE,    /* it has no place; e: its value */
	LOC_BYTES,    /* constant */
	LOC_PIECES,
	LOC_POINTER,  /* a pointer that was optimised away; what it points to is known */
	LOC_LOST,     /* a piece without a place */
};

struct location_piece;

struct location {
	enum location_kind kind;
	struct expr *e;
	int reg;
	const uint8_t *bytes;
	size_t n_bytes;
	struct location_piece *pieces;
	size_t n_pieces;
	Dwarf_Die target; /* LOC_POINTER: the object pointed into, */
	int64_t offset;	  /* and where */
	uint64_t at_byte; /* all but LOC_ADDRESS: the wanted object starts that far in */
};

struct location_piece {
	struct location loc;
	uint64_t bits, skip; /* so many of what is there, behind so many */
};

/* Trees: fold constants, count nodes (NULL when there are too many, or when an operand is NULL). */
struct expr *dbg_number(struct dbg_query *q, int64_t n);
struct expr *dbg_text(struct dbg_query *q, const char *s);
struct expr *dbg_binary(struct dbg_query *q, enum op op, struct expr *l, struct expr *r);
struct expr *dbg_compare(struct dbg_query *q, enum op op, struct expr *l, struct expr *r);
struct expr *dbg_read(struct dbg_query *q, struct expr *address, unsigned size, bool is_signed);
struct expr *dbg_clone(struct dbg_query *q, const struct expr *e);
struct expr *dbg_register(struct dbg_query *q, int number);
/* Where the query's module is loaded, less its addresses in the file. */
struct expr *dbg_bias(struct dbg_query *q);
/* Where an address of the debug information is in the running program. */
struct expr *dbg_address_of(struct dbg_query *q, uint64_t address);
/* The low bits of a 64-bit value, extended. */
struct expr *dbg_extend(struct dbg_query *q, struct expr *e, unsigned bits, bool is_signed);

/* Address of a virtual base of the object at an address. */
struct expr *dbg_virtual_base(struct dbg_query *q, const Dwarf_Die *inheritance, struct expr *object);
/* Runs a location expression. attr: where it comes from, or NULL (CFA, return values). */
bool dbg_evaluate(struct dbg_query *q, Dwarf_Attribute *attr, Dwarf_Op *ops, size_t n,
		  struct location *out);

/* ------------------------------------------------------------------ retval.c */

/* Where a structure, class or union is when the function has just returned it. Of x86-64 code. */
bool dbg_returned_object(struct dbg_query *q, Dwarf_Die *function, struct dbg_type t, struct location *out);

/* ------------------------------------------------------------------ objects.c */

/* The bias of a module that is not the place's: found at run time in the current process. */
struct expr *dbg_foreign_bias(struct dbg_query *q);

/* ------------------------------------------------------------------ callers.c */

/* Entry of a concrete function, as the debug information counts. */
bool dbg_entry_pc(Dwarf_Die *function, Dwarf_Addr *entry);
/* What a register held at the entry of the function (parameter NULL), or what was passed for a parameter that
 * is passed no more, as the caller's debug information tells. NULL: it does not; q->why is not set. */
struct expr *dbg_entry_value(struct dbg_query *q, int reg, Dwarf_Die *parameter);
/* A register of the caller's frame. */
struct expr *dbg_callers_register(struct dbg_query *q, int reg);

/* ------------------------------------------------------------------ location.c */

/* loclist.c: the expression that says where a variable is at the place; attr is its DW_AT_location. False: none holds
 * there. */
bool dbg_location_at(struct dbg_query *q, Dwarf_Die *var, Dwarf_Attribute *attr, Dwarf_Op **ops, size_t *n);
/* Place of a variable at the query's pc. */
bool dbg_locate(struct dbg_query *q, Dwarf_Die *var, struct location *out);
/* Could be located; nothing is reported. */
bool dbg_has_location(struct dbg_query *q, Dwarf_Die *var);
struct expr *dbg_frame_address(struct dbg_query *q);
/* Unwind rules at the place, to be freed; NULL: there are none. */
Dwarf_Frame *dbg_frame(struct dbg_query *q);
/* n bits at a bit offset in the object; unit: bytes of the declared type (reads stay within its
 * alignment if possible), 0: not known. */
struct expr *dbg_fetch(struct dbg_query *q, const struct location *loc, uint64_t bit_offset,
		       unsigned bits, bool is_signed, unsigned unit);

/* ------------------------------------------------------------------ vars.c */

/* An object on the way through accessors. */
struct dbg_object {
	struct location loc;
	struct dbg_type type;
	int bit_offset;	   /* bit-fields, else -1 */
	unsigned bit_size;
	struct dbg_type matrix; /* indexes > 0: the array of which it is an element by so many indexes, */
	unsigned indexes;	/* fewer than it has dimensions */
	/* Relocatable: it is the member open_path of the open_type at open_at. NULL: it is none. */
	const char *open_type, *open_path;
	struct expr *open_at;
};

/* The pc of the place as the DWARF data counts. */
Dwarf_Addr dbg_pc(const struct dbg_query *q);
/* The concrete subprogram around the place; false: none. */
bool dbg_function(struct dbg_query *q, Dwarf_Die *out);
/* Blocks around the pc inside the place's scope, innermost first, then that scope. */
size_t dbg_scopes(struct dbg_query *q, Dwarf_Die *scopes, size_t max);
/* Resolves a target; NULL: q->why. */
struct expr *dbg_resolve_in(struct dbg_query *q, struct expr *target);
/* Types come from the program or module of this name. */
bool dbg_use_module(struct dbg_query *q, const char *name);
bool dbg_use_kernel(struct dbg_query *q, const char *module);
bool dbg_return_object(struct dbg_query *q, struct dbg_object *out);
void dbg_argument_object(struct dbg_query *q, const struct dbg_argument *arg, struct dbg_object *out);
/* The object that a variable is, at the place. */
bool dbg_variable_object(struct dbg_query *q, Dwarf_Die *var, struct dbg_object *o);
/* " (alternatives: a, b": names like one that there is not; "": none. */
const char *dbg_alternatives(struct dbg_query *q, const char *name, const dbg_names *names);
/* Behind foreign_type.resolve. */
struct expr *dbg_resolve_typed(struct session *s, const struct foreign_type *type,
			       struct expr *target, const char **why);

/* ------------------------------------------------------------------ access.c */

/* One step; messages name the accessor as the script wrote it. */
bool dbg_step_member(struct dbg_query *q, struct dbg_object *o, const char *name);
bool dbg_step_index(struct dbg_query *q, struct dbg_object *o, struct expr *index);
/* What a pointer points to. */
bool dbg_dereference(struct dbg_query *q, struct dbg_object *o);
/* DW_TAG_pointer_type and the like. */
bool dbg_is_pointer(int tag);
/* The object as a long: extended, decayed. NULL: cannot be one. */
struct expr *dbg_value(struct dbg_query *q, const struct dbg_object *o);
struct expr *dbg_address(struct dbg_query *q, const struct dbg_object *o);

/* ------------------------------------------------------------------ relocate.c */

/* Is this about the kernel, for a compiled script? */
bool dbg_is_open(const struct dbg_query *q);
/* A step to a member whose offset is left open. False: it cannot be. */
bool dbg_open_member(struct dbg_query *q, struct dbg_object *o, const char *name, const struct dbg_member *m);
/* The size of a type, left open where it may differ. */
struct expr *dbg_open_size(struct dbg_query *q, struct dbg_type t, uint64_t size);

/* ------------------------------------------------------------------ pretty.c */

/* $x$ and $x$$ of an object: an EX_PRINT. */
struct expr *dbg_pretty(struct dbg_query *q, const struct dbg_object *o, bool deep);
/* $$vars, $$parms, $$locals, $$return. */
struct expr *dbg_context_string(struct dbg_query *q, const char *name, unsigned suffix);

#endif
