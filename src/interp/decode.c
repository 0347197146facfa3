/* IR functions to the interpreter's form. See decode.h.
 *
 * Constants are numbered over the module: first the numbers, then the strings. */
#include "interp/decode.h"

#include <stdlib.h>

#include "base/bug.h"
#include "rt/intrinsic.h"

static int32_t slot_of(const struct ir_module *m, const uint32_t *block_start, ir_ref r)
{
	uint32_t i = IR_INDEX(r);

	switch (IR_KIND(r)) {
	case IRK_NONE:
		return NO_OPERAND;
	case IRK_NUM:
		return ~(int32_t)i;
	case IRK_STR:
		return ~(int32_t)(m->nums.n + i);
	case IRK_BLOCK:
		return (int32_t)block_start[i];
	default:
		return (int32_t)i;
	}
}

/* Slots first, then the bytes of the string registers; one spare of each kind at the end. */
static void lay_out_frame(struct arena *a, const struct ir_module *m, struct fn_code *out)
{
	const struct ir_fn *f = out->fn;
	uint32_t n = (uint32_t)f->regs.n, at;

	out->n_slots = n + 1;
	out->buffers = ARENA_ARRAY(a, uint32_t, n + 1);
	out->iters = ARENA_ARRAY(a, uint32_t, n + 1);
	at = out->n_slots * (uint32_t)sizeof(struct rt_value);
	for (uint32_t i = 0; i < n; i++) {
		out->buffers[i] = at;
		if (f->regs.v[i].type == IR_STR)
			at += f->regs.v[i].width + 1;
		else if (f->regs.v[i].type == IR_ITER)
			out->iters[out->n_iters++] = i;
	}
	out->buffers[n] = at;
	at += m->max_string + 1;
	out->frame_size = (at + 15) & ~15u;
}

static void decode_ins(const struct ir_module *m, struct fn_code *out, const uint32_t *block_start,
		       const struct ir_ins *i, int32_t handler, uint32_t *n_args, struct code *c)
{
	const struct ir_fn *f = out->fn;
	int32_t *args = out->args + *n_args;

	*c = (struct code){.op = i->op,
			   .n_args = i->n_args,
			   .args = *n_args,
			   .imm = i->imm,
			   .handler = handler,
			   .tok = i->tok};
	for (uint32_t k = 0; k < i->n_args; k++)
		args[k] = slot_of(m, block_start, f->args.v[i->first_arg + k]);
	*n_args += i->n_args;
	c->dst = i->dst ? (int32_t)IR_INDEX(i->dst) : (int32_t)out->n_slots - 1;
	c->buffer = out->buffers[c->dst];
	c->width = i->dst ? f->regs.v[c->dst].width : m->max_string;
	if (i->n_args > MAX_OPERANDS)
		bug("instruction with %u operands", i->n_args);
	c->a = i->n_args > 0 ? args[0] : NO_OPERAND;
	c->b = i->n_args > 1 ? args[1] : NO_OPERAND;
	c->c = i->n_args > 2 ? args[2] : NO_OPERAND;
}

void decode_fn(struct arena *a, const struct ir_module *m, const struct ir_fn *f, struct fn_code *out)
{
	uint32_t *block_start = xmalloc((f->blocks.n + 1) * sizeof(*block_start));
	uint32_t n = 0, n_args = 0;

	*out = (struct fn_code){.fn = f};
	lay_out_frame(a, m, out);
	for (size_t b = 0; b < f->blocks.n; b++) {
		block_start[b] = n;
		n += (uint32_t)f->blocks.v[b].ins.n;
		for (size_t k = 0; k < f->blocks.v[b].ins.n; k++)
			n_args += f->blocks.v[b].ins.v[k].n_args;
	}
	out->code = ARENA_ARRAY(a, struct code, n + 1);
	out->args = ARENA_ARRAY(a, int32_t, n_args + 1);
	n = n_args = 0;
	for (size_t b = 0; b < f->blocks.n; b++) {
		const struct ir_block *blk = &f->blocks.v[b];
		int32_t handler = blk->handler < 0 ? -1 : (int32_t)block_start[blk->handler];

		for (size_t k = 0; k < blk->ins.n; k++)
			decode_ins(m, out, block_start, &blk->ins.v[k], handler, &n_args,
				   &out->code[n++]);
	}
	free(block_start);
}
