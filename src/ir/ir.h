/* The intermediate representation, pass 3: what all executors understand.
 *
 * A module has globals, formats, regular expressions and functions; a handler is a function without
 * parameters and result. Functions are basic blocks over typed virtual registers, which may be
 * assigned more than once (no SSA). An operation that may fail sends control to its block's handler
 * block, or out of the function if it has none: try/catch has no other form. Nothing here knows BPF,
 * the interpreter, probes or DWARF.
 *
 * Text form (dump.c writes it, parse.c reads it; docs/IR.md is the reference):
 *
 *	global @n long = 5
 *	global @t long [long, string:16] max 2048
 *	format 0 "%d %s\n"
 *	regex 0 "a+"
 *	fn @probe_0() {
 *	b0:
 *		%0:long = load @n
 *		print 0, %0, "text"
 *		jmp b1
 *	b1: handler b2
 *		...
 *	}
 */
#ifndef IR_IR_H
#define IR_IR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "base/vec.h"
#include "lang/ast.h"

struct session;
struct intrinsic;

enum ir_op {
#define X(NAME, text, result, operands, flags, meaning) IR_##NAME,
#include "ir/ops.def"
#undef X
	IR_OP_COUNT
};

enum ir_type { IR_VOID, IR_LONG, IR_STR, IR_ITER };

/* A 32-bit operand: kind in the low 3 bits, index above. 0 is "none" (the "*" of a slice). */
typedef uint32_t ir_ref;
enum ir_kind {
	IRK_NONE,
	IRK_REG,    /* fn->regs */
	IRK_NUM,    /* module->nums */
	IRK_STR,    /* module->strs */
	IRK_GLOBAL, /* module->globals */
	IRK_FN,	    /* module->fns */
	IRK_BLOCK,  /* fn->blocks */
	IRK_PARAM,  /* only in handlers that gen/merge.c has made: number << 1 | 1 if it is a text */
};
#define IR_REF(kind, index) ((ir_ref)((index) << 3 | (kind)))
#define IR_KIND(ref) ((enum ir_kind)((ref) & 7))
#define IR_INDEX(ref) ((ref) >> 3)

struct ir_ins {
	uint8_t op;	    /* enum ir_op */
	uint16_t n_args;
	ir_ref dst;	    /* a register, or 0 */
	uint32_t first_arg; /* operands: fn->args.v[first_arg ...] */
	uint32_t imm;	    /* by operation, see ops.def */
	const struct token *tok; /* for run-time errors and line tables; may be NULL */
};

struct ir_block {
	VEC(struct ir_ins) ins; /* the last one ends the block, no other does */
	int handler;		/* block for errors, -1: none */
};

struct ir_reg {
	enum ir_type type;
	uint32_t width;	  /* strings: longest possible text in bytes, without NUL */
	const char *name; /* local variable, or NULL for a temporary */
};

struct ir_fn {
	const char *name; /* "probe_0", or the function's name (with ".N" for overload N > 0) */
	bool is_handler;
	uint32_t n_params; /* registers 0 ... n_params-1 */
	enum ir_type ret;
	uint32_t ret_width;
	VEC(struct ir_reg) regs;
	VEC(struct ir_block) blocks; /* b0 is the entry */
	VEC(ir_ref) args;
	const struct token *tok;
};

struct ir_global {
	const char *name;
	enum type type;	  /* of the scalar or the elements */
	int n_keys;	  /* 0: scalar */
	enum type key_type[MAX_KEYS];
	uint32_t width, key_width[MAX_KEYS]; /* strings */
	int64_t max_entries; /* tables */
	bool wrap, max_declared; /* for the text of the overflow error */
	bool assigned; /* set by gen/token_keys.c */
	struct stat_spec stat;
	int64_t init_num;
	const char *init_str; /* NULL: empty */
	uint32_t init_len;
	const struct var *var; /* the script's variable, or NULL */
};

struct ir_str {
	const char *s; /* NUL-terminated, no NUL inside */
	uint32_t len;
};

struct ir_format {
	fmt_parts parts;
	bool newline; /* unused by executors; kept for the dump */
};

struct ir_regex {
	const char *text;
	uint32_t len;
	const struct token *tok;
	struct regex *compiled; /* rt/regex.h; made by the lowering or the text parser */
};

struct ir_module {
	struct arena arena;
	VEC(struct ir_global) globals;
	VEC(struct ir_fn *) fns;
	VEC(int64_t) nums;
	VEC(struct ir_str) strs;
	VEC(struct ir_format) formats;
	VEC(struct ir_regex) regexes;
	uint32_t max_string; /* MAXSTRINGLEN - 1 */
	uint32_t *num_index, *str_index, num_cap, str_cap; /* private to ir.c */
	bool uses_groups;    /* matched() or ngroups() is called somewhere */
	uint32_t point_width, function_width; /* longest texts of pp() and pn(), of ppfunc(); 0: any */
};

/* Sort order of a foreach, packed into ir_ins.imm. */
struct ir_sort {
	int dir;    /* 0, +1, -1 */
	int column; /* 0 value, k key k */
	bool by_stat;
	enum stat_op stat;
	bool has_limit;
};
uint32_t ir_sort_pack(struct ir_sort s);
struct ir_sort ir_sort_unpack(uint32_t imm);

/* ------------------------------------------------------------------ building (ir.c) */
struct ir_module *ir_module_new(uint32_t max_string);
void ir_module_free(struct ir_module *m);
struct ir_fn *ir_fn_add(struct ir_module *m, const char *name);
ir_ref ir_reg_add(struct ir_module *m, struct ir_fn *f, enum ir_type type, uint32_t width,
		  const char *name);
ir_ref ir_num(struct ir_module *m, int64_t n);	/* pooled */
ir_ref ir_strc(struct ir_module *m, const char *s, uint32_t len);
uint32_t ir_block_add(struct ir_module *m, struct ir_fn *f, int handler);
/* Appends to block b; returns the instruction (valid until the next append). */
struct ir_ins *ir_add(struct ir_module *m, struct ir_fn *f, uint32_t b, enum ir_op op, ir_ref dst,
		      const ir_ref *args, unsigned n_args, uint32_t imm, const struct token *tok);

/* ------------------------------------------------------------------ facts */
struct ir_op_info {
	const char *name;
	char result;
	const char *operands;
	bool pure, reads, writes, fails, terminator;
};
extern const struct ir_op_info ir_ops[IR_OP_COUNT];
/* The flags of this instruction: those of the operation, for RT those of the intrinsic. */
struct ir_op_info ir_ins_info(const struct ir_ins *i);
enum ir_type ir_ref_type(const struct ir_module *m, const struct ir_fn *f, ir_ref r);
/* Longest text a string operand can hold. */
uint32_t ir_ref_width(const struct ir_module *m, const struct ir_fn *f, ir_ref r);
/* The instructions that define a register, one each call, with at = {0} at first. NULL: no more. */
struct ir_def {
	size_t block, ins;
};
const struct ir_ins *ir_next_def(const struct ir_fn *f, ir_ref r, struct ir_def *at);

/* ------------------------------------------------------------------ calls (calls.c) */
enum { IR_MAX_NESTING = 100000 };
/* MAXNESTING: as set by an option; -1: the longest chain of calls + 1, and 10 more if it is recursive. */
int64_t ir_max_nesting(const struct ir_module *m, int64_t option);
/* Can control come from a call in one function to the other (or the same) one? */
bool ir_calls(const struct ir_module *m, uint32_t from, uint32_t to);

/* ------------------------------------------------------------------ passes */
/* Tree to IR (lower.c). Handlers come first, numbered as program->handlers ("probe_N"), then
 * functions. Errors of this pass ("cannot 'break' outside loop", regex compilation) are reported;
 * false then. Fills s->ir. */
bool ir_lower(struct session *s);
/* All optimisations in order (opt.c): fold and propagate, common sub-expressions, dead code, widths.
 * Verifies after each in debug builds. */
void ir_optimize(struct ir_module *m);
void ir_opt_fold(struct ir_module *m, struct ir_fn *f);	 /* constants, copies, branches */
void ir_opt_cse(struct ir_module *m, struct ir_fn *f);	 /* pure operations, within blocks */
void ir_opt_dce(struct ir_module *m, struct ir_fn *f);	 /* dead code, unreachable blocks */
void ir_opt_width(struct ir_module *m);			 /* string widths, to a fixed point */
/* NULL, or what is wrong (in the module's arena). */
const char *ir_verify(struct ir_module *m);

/* ------------------------------------------------------------------ text */
void ir_dump(struct str *out, const struct ir_module *m);
/* Reads the text form. NULL on error, with "line:col: message" in *error (arena of the caller). */
struct ir_module *ir_parse(struct arena *a, const char *text, size_t len, const char **error);

#endif
