/* What the verifier, the text form and the passes share; private to ir/. */
#ifndef IR_PASSES_H
#define IR_PASSES_H

#include "ir/ir.h"

enum {
	IR_MAX_ARGS = 300,	  /* operands of one instruction */
	IR_MAX_STRING = 8191,	  /* module->max_string: executors have buffers of 8192 bytes */
	IR_MAX_BUCKETS = 1 << 20, /* of a linear histogram */
};

/* Who comes before a block. Each predecessor is pred.v[i] >> 1; bit 0 tells an edge from an
 * instruction that may raise to the handler of its block from a jump. */
struct ir_cfg {
	uint32_t *first; /* predecessors of b: pred[first[b]] ... pred[first[b + 1] - 1] */
	uint32_t *pred;
};

/* ------------------------------------------------------------------ facts (cfg.c) */
/* Can control go from here to the handler of the block? */
bool ir_may_raise(const struct ir_module *m, const struct ir_fn *f, const struct ir_ins *i);
bool ir_block_raises(const struct ir_module *m, const struct ir_fn *f, const struct ir_block *b);
/* May the instruction go when nobody wants its result? */
bool ir_removable(const struct ir_module *m, const struct ir_fn *f, const struct ir_ins *i);
/* By register: 1 + the global an iterator register runs over, else 0. */
uint32_t *ir_iter_globals(struct arena *a, const struct ir_fn *f);
/* Longest text the instruction can give to a string register. */
uint32_t ir_result_width(const struct ir_module *m, const struct ir_fn *f, const struct ir_ins *i,
			 const uint32_t *iter_globals);
struct ir_cfg ir_cfg_make(struct arena *a, const struct ir_module *m, const struct ir_fn *f);
/* Calls visit for the blocks that b may go to: jumps and, if it can raise, the handler. */
void ir_successors(const struct ir_module *m, const struct ir_fn *f, uint32_t b,
		   void (*visit)(void *data, uint32_t to, bool on_error), void *data);
/* Removes the blocks that nothing reaches; the others are renumbered in order. */
void ir_drop_unreachable(struct ir_module *m, struct ir_fn *f);

static inline const ir_ref *ir_args(const struct ir_fn *f, const struct ir_ins *i)
{
	return f->args.v + i->first_arg;
}

static inline bool ir_is_reg(ir_ref r)
{
	return IR_KIND(r) == IRK_REG;
}

/* What ends block b. */
static inline struct ir_ins *ir_last(const struct ir_fn *f, uint32_t b)
{
	return &f->blocks.v[b].ins.v[f->blocks.v[b].ins.n - 1];
}

/* ------------------------------------------------------------------ parts of opt_fold.c */
/* opt_eval.c: the value of an instruction that follows from its operands alone: a constant or
 * one of the operands. 0: not known, or the instruction must stay (division by zero). */
ir_ref ir_eval(struct ir_module *m, const struct ir_fn *f, const struct ir_ins *i);
/* opt_block.c: joins blocks with their only successor where that is the only way into it. The
 * function must have no unreachable blocks; afterwards it has. */
void ir_merge_blocks(struct ir_module *m, struct ir_fn *f);

/* ------------------------------------------------------------------ verifier */
/* Second half of ir_verify(): every register is assigned before it is read, iterators run when they
 * are used. The function's shape and types have been checked. NULL or the message. */
const char *ir_verify_flow(struct ir_module *m, const struct ir_fn *f);

#endif
