/* The lowering's inside, shared by lower.c (functions, statements) and lower_expr.c. */
#ifndef IR_LOWER_H
#define IR_LOWER_H

#include "ir/ir.h"
#include "sema/sema.h"

/* A loop being lowered: where break and continue go, which iterator is open in it. */
struct loop {
	struct loop *outer;
	uint32_t on_break, on_continue;
	ir_ref iter; /* 0: none */
};

struct lower {
	struct session *s;
	struct ir_module *m;
	struct ir_fn *f;
	const struct function *fn; /* script function being lowered, or NULL */
	uint32_t block;		   /* where instructions go */
	int handler;		   /* for new blocks: innermost catch, or -1 */
	struct loop *loop;
	ir_ref *locals;		   /* registers by var id */
	ir_ref *params;		   /* of fn */
	ir_ref *original_params;   /* their values at entry, if fn uses `next` */
	uint32_t first_function;   /* module->fns index of program->functions.v[0] */
};

/* Appends an instruction with up to four operands; a result register of the right type is made if
 * the operation has one. Returns it, or 0. */
ir_ref lower_op(struct lower *l, enum ir_op op, const struct token *tok, uint32_t imm,
		const ir_ref *args, unsigned n);
ir_ref lower_temp(struct lower *l, enum ir_type type);
uint32_t lower_block(struct lower *l); /* a new block under the current handler */
void lower_jump(struct lower *l, uint32_t block);
void lower_branch(struct lower *l, ir_ref cond, uint32_t yes, uint32_t no);
void lower_mov(struct lower *l, ir_ref dst, ir_ref src);
/* Iterators of all loops up to (not including) `until` are given back. */
void lower_close_iters(struct lower *l, const struct loop *until);

/* Value of an expression; 0 for a void call. */
ir_ref lower_expr(struct lower *l, struct expr *e);
/* The same where the value is thrown away. */
void lower_effect(struct lower *l, struct expr *e);
/* Jumps to yes or no by a condition, without making its value. */
void lower_cond(struct lower *l, struct expr *e, uint32_t yes, uint32_t no);
/* Register or global of a variable. */
ir_ref lower_var_ref(struct lower *l, const struct var *v);
void lower_store(struct lower *l, const struct var *v, ir_ref value, const struct token *tok);
/* g followed by the keys; NULL keys give 0 ("*"). */
unsigned lower_keys(struct lower *l, ir_ref *args, unsigned n, const expr_list *keys);
uint32_t lower_function_number(struct lower *l, const struct function *f);

#endif
