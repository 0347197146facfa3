/* The reader of the IR text; private to text_parse.c (functions) and text_decl.c (the rest). */
#ifndef IR_TEXT_PARSE_H
#define IR_TEXT_PARSE_H

#include "base/map.h"
#include "ir/text_scan.h"

enum { IR_MAX_TEXT = 16 << 20 };

/* A call whose function is not known yet: fn->args.v[arg] is filled in at the end. */
struct pending_call {
	struct ir_fn *fn;
	size_t arg;
	const char *name;
	uint32_t number; /* NO_NUMBER: find by name */
	const char *at;
};

struct text {
	struct scan s;
	struct ir_module *m;
	struct ir_fn *f;
	struct map globals, fns; /* name -> 1 + number */
	uint32_t max_index;	 /* of registers and blocks */
	uint32_t top_block;	 /* highest block number named in the function, and where */
	const char *top_block_at;
	VEC(struct pending_call) calls;
};

#define NO_NUMBER UINT32_MAX

/* All return false after recording an error in s, but for text_find() and text_stat_name().
 *
 * "name" or "name#number". */
bool text_symbol(struct text *t, const char **name, uint32_t *number);
/* "@name" of something new, which gets this number. */
bool text_declare(struct text *t, struct map *names, size_t number, const char **name);
/* Number of a name in use, of count; false if it is not known. */
bool text_find(const struct map *names, const char *name, uint32_t number, size_t count,
	       uint32_t *found);
bool text_reg_type(struct text *t, enum ir_type *type, uint32_t *width);
/* enum stat_op by name; false if there is none. */
bool text_stat_name(struct text *t, uint32_t *op);
/* The rest of the line behind these words. */
bool text_global(struct text *t);
bool text_format(struct text *t);
bool text_regex(struct text *t);

#endif
