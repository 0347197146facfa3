/* Straight lines of blocks become one, which lets the passes that look at one block see more.
 *
 * A block goes behind its predecessor if that jumps to it and nothing else does. The handlers must
 * be the same, unless one of the two blocks cannot raise. Chains are walked from their heads, so
 * that each instruction is copied once. */
#include "ir/passes.h"

struct merge {
	struct ir_module *m;
	struct ir_fn *f;
	bool *raises;	 /* by block */
	uint32_t *only;	 /* by block: 1 + the only predecessor, if that ends with a jump */
};

/* The block that b jumps to if the two are candidates, else 0 (the entry is nobody's). */
static uint32_t next_in_chain(const struct merge *g, uint32_t b)
{
	const struct ir_ins *last = ir_last(g->f, b);
	uint32_t to;

	if (last->op != IR_JMP)
		return 0;
	to = IR_INDEX(ir_args(g->f, last)[0]);
	return g->only[to] == b + 1 ? to : 0;
}

static void find_chains(struct merge *g, struct arena *scratch)
{
	struct ir_cfg cfg = ir_cfg_make(scratch, g->m, g->f);

	for (uint32_t b = 1; b < g->f->blocks.n; b++) {
		uint32_t p = cfg.pred[cfg.first[b]];

		if (cfg.first[b + 1] - cfg.first[b] != 1 || p & 1 || p >> 1 == b)
			continue;
		if (ir_last(g->f, p >> 1)->op == IR_JMP)
			g->only[b] = (p >> 1) + 1;
	}
}

static bool can_join(const struct merge *g, uint32_t a, uint32_t b)
{
	return g->f->blocks.v[a].handler == g->f->blocks.v[b].handler || !g->raises[a] ||
	       !g->raises[b];
}

static void join(struct merge *g, uint32_t a, uint32_t b)
{
	struct ir_block *to = &g->f->blocks.v[a], *from = &g->f->blocks.v[b];

	to->ins.n--;
	for (size_t i = 0; i < from->ins.n; i++)
		vec_push(&to->ins, &g->m->arena, from->ins.v[i]);
	if (g->raises[b])
		to->handler = from->handler;
	g->raises[a] |= g->raises[b];
}

void ir_merge_blocks(struct ir_module *m, struct ir_fn *f)
{
	struct arena scratch = {0};
	struct merge g = {.m = m, .f = f};

	g.raises = ARENA_ARRAY(&scratch, bool, f->blocks.n);
	g.only = ARENA_ARRAY(&scratch, uint32_t, f->blocks.n);
	for (size_t b = 0; b < f->blocks.n; b++)
		g.raises[b] = ir_block_raises(m, f, &f->blocks.v[b]);
	find_chains(&g, &scratch);
	for (uint32_t b = 0; b < f->blocks.n; b++) {
		uint32_t head = b, next;

		if (g.only[b])
			continue;
		for (uint32_t k = b; (next = next_in_chain(&g, k)) != 0; k = next)
			if (!can_join(&g, head, next))
				head = next;
			else
				join(&g, head, next);
	}
	arena_release(&scratch);
}
