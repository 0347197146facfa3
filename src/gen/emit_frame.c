/* Where the registers of a function lie in the frame. See emit.h.
 *
 * Each register has an extent: from its first to its last mention in the order of the blocks, and all
 * of a loop that this touches, unless every use lies behind an assignment in the same block. Registers
 * of one size whose extents don't meet share a slot. */
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "bpfrt/abi.h"
#include "gen/emit.h"

enum { SIZES = 128 /* of slots that are shared, in words */ };

/* Instructions of a function by number from 1 on, in the order of the blocks. last 0: none. */
struct extent {
	uint32_t first, last;
};

/* Places that control may go back to, and from where. */
struct loop {
	uint32_t first, last;
};

struct layout {
	const struct ir_fn *fn;
	struct extent *extents; /* by register */
	uint32_t *bytes;	/* by register; 0: no slot of its own */
	uint32_t *block_of;	/* by register: the only block that mentions it + 1; 0: none, or several */
	bool *carried;		/* not local to a block */
	bool *assigned;
	struct extent *blocks;
	VEC(struct loop) loops;
};

static void mention(struct layout *l, ir_ref ref, uint32_t at, uint32_t block, bool assigned)
{
	uint32_t r = IR_INDEX(ref);
	struct extent *x = &l->extents[r];

	if (IR_KIND(ref) != IRK_REG)
		return;
	if (!x->last) {
		x->first = at;
		l->block_of[r] = block + 1;
		l->carried[r] = !assigned;
	}
	if (l->block_of[r] != block + 1)
		l->carried[r] = true;
	if (assigned)
		l->assigned[r] = true;
	x->last = at;
}

static void add_loop(struct layout *l, struct arena *a, uint32_t from, ir_ref to)
{
	struct loop loop = {.last = l->blocks[from].last};

	if (IR_KIND(to) != IRK_BLOCK)
		return;
	loop.first = l->blocks[IR_INDEX(to)].first;
	if (loop.first <= loop.last)
		vec_push(&l->loops, a, loop);
}

static void find_extents(struct layout *l, struct arena *a, struct emit_fn *f)
{
	const struct ir_fn *fn = l->fn;
	uint32_t at = 0;

	for (uint32_t b = 0; b < fn->blocks.n; b++) {
		l->blocks[b].first = at + 1;
		for (size_t k = 0; k < fn->blocks.v[b].ins.n; k++) {
			const struct ir_ins *i = &fn->blocks.v[b].ins.v[k];

			at++;
			for (unsigned n = 0; n < i->n_args; n++) {
				ir_ref r = fn->args.v[i->first_arg + n];

				mention(l, r, at, b, false);
				if (IR_KIND(r) == IRK_REG)
					f->uses[IR_INDEX(r)]++;
			}
			if (i->dst)
				mention(l, i->dst, at, b, true);
		}
		l->blocks[b].last = at;
	}
	for (uint32_t b = 0; b < fn->blocks.n; b++) {
		const struct ir_block *blk = &fn->blocks.v[b];
		const struct ir_ins *end = &vec_last(&blk->ins);

		for (unsigned n = 0; n < end->n_args; n++)
			add_loop(l, a, b, fn->args.v[end->first_arg + n]);
		if (blk->handler >= 0)
			add_loop(l, a, b, IR_REF(IRK_BLOCK, (uint32_t)blk->handler));
	}
}

/* What a register holds may go round the loops that its extent touches; an iterator is begun anew in
 * each round of a loop that it lies in. */
static void extend(const struct layout *l, uint32_t r)
{
	struct extent *x = &l->extents[r];
	bool iterator = l->fn->regs.v[r].type == IR_ITER, again = true;

	while (again) {
		again = false;
		for (size_t k = 0; k < l->loops.n; k++) {
			const struct loop *loop = &l->loops.v[k];

			if (loop->last < x->first || loop->first > x->last ||
			    (loop->first >= x->first && loop->last <= x->last) ||
			    (iterator && loop->first <= x->first && loop->last >= x->last))
				continue;
			if (loop->first < x->first)
				x->first = loop->first;
			if (loop->last > x->last)
				x->last = loop->last;
			again = true;
		}
	}
}

/* Registers in the order in which their extents begin (or end). */
static const struct layout *sorting;
static bool by_end;

static int by_extent(const void *pa, const void *pb)
{
	uint32_t a = *(const uint32_t *)pa, b = *(const uint32_t *)pb;
	const struct extent *x = &sorting->extents[a], *y = &sorting->extents[b];
	uint32_t m = by_end ? x->last : x->first, n = by_end ? y->last : y->first;

	if (m != n)
		return m < n ? -1 : 1;
	return a < b ? -1 : a > b;
}

static void sort(const struct layout *l, uint32_t *order, size_t n, bool end)
{
	sorting = l;
	by_end = end;
	qsort(order, n, sizeof(*order), by_extent);
}

static void assign_slots(struct emit *e, const struct layout *l, struct emit_fn *f)
{
	struct arena *a = e->parts->arena;
	size_t n_regs = l->fn->regs.n, n = 0, gone = 0;
	uint32_t *begins = ARENA_ARRAY(a, uint32_t, n_regs + 1);
	uint32_t *ends = ARENA_ARRAY(a, uint32_t, n_regs + 1);
	VEC(uint32_t) idle[SIZES] = {0};

	for (uint32_t r = 0; r < n_regs; r++)
		if (l->bytes[r])
			begins[n] = ends[n] = r, n++;
	sort(l, begins, n, false);
	sort(l, ends, n, true);
	for (size_t k = 0; k < n; k++) {
		uint32_t r = begins[k], words = l->bytes[r] / 8;

		for (; l->extents[ends[gone]].last < l->extents[r].first; gone++) {
			uint32_t size = l->bytes[ends[gone]] / 8;

			if (size < SIZES)
				vec_push(&idle[size], a, f->locs[ends[gone]].at);
		}
		f->locs[r] = (struct loc){LOC_SLOT, 0, lib_str_width(l->fn->regs.v[r].width)};
		if (words < SIZES && idle[words].n)
			f->locs[r].at = idle[words].v[--idle[words].n];
		else
			f->locs[r].at = emit_take(e, l->bytes[r]);
	}
}

static uint32_t register_bytes(const struct emit *e, const struct ir_fn *fn, uint32_t r,
			       const uint32_t *globals)
{
	switch (fn->regs.v[r].type) {
	case IR_STR:
		return RT_KEY_STR_BYTES(lib_str_width(fn->regs.v[r].width));
	case IR_ITER:
		return globals[r] ? emit_iter_bytes(&e->m->globals.v[globals[r] - 1]) : 0;
	default:
		return 8;
	}
}

/* By register: 1 + the global that an iterator goes over. */
static uint32_t *iterator_globals(struct arena *a, const struct ir_fn *fn)
{
	uint32_t *globals = ARENA_ARRAY(a, uint32_t, fn->regs.n + 1);

	for (size_t b = 0; b < fn->blocks.n; b++)
		for (size_t k = 0; k < fn->blocks.v[b].ins.n; k++) {
			const struct ir_ins *i = &fn->blocks.v[b].ins.v[k];

			if (i->op == IR_FOREACH)
				globals[IR_INDEX(i->dst)] = IR_INDEX(fn->args.v[i->first_arg]) + 1;
		}
	return globals;
}

/* ------------------------------------------------------------------ iterators that run */

static void step(const struct emit_fn *f, const struct ir_ins *i, bool *running)
{
	if (i->op == IR_FOREACH)
		running[f->iters[IR_INDEX(i->dst)]] = true;
	else if (i->op == IR_ITEREND)
		running[f->iters[IR_INDEX(f->fn->args.v[i->first_arg])]] = false;
}

/* What does not run there does not run at the start of the block. True if that is news. */
static bool meet(const struct emit_fn *f, bool *block, const bool *there)
{
	bool news = false;

	for (uint32_t k = 0; k < f->n_iters; k++) {
		news |= block[k] && !there[k];
		block[k] &= there[k];
	}
	return news;
}

/* Passes on what runs at the start of block b to those behind it. */
static bool pass_on(const struct emit_fn *f, uint32_t b, bool *now)
{
	const struct ir_block *blk = &f->fn->blocks.v[b];
	const struct ir_ins *end = &vec_last(&blk->ins);
	bool news = false;

	memcpy(now, f->running[b], f->n_iters);
	for (size_t k = 0; k < blk->ins.n; k++) {
		/* An error leaves from anywhere. */
		if (blk->handler >= 0)
			news |= meet(f, f->running[blk->handler], now);
		step(f, &blk->ins.v[k], now);
	}
	for (unsigned n = 0; n < end->n_args; n++) {
		ir_ref to = f->fn->args.v[end->first_arg + n];

		if (IR_KIND(to) == IRK_BLOCK)
			news |= meet(f, f->running[IR_INDEX(to)], now);
	}
	return news;
}

/* Which iterators run for certain at the start of each block, by the loops that lie around it. */
static void find_running(struct arena *a, struct emit_fn *f, const uint32_t *globals)
{
	const struct ir_fn *fn = f->fn;
	bool news = true;

	f->iters = ARENA_ARRAY(a, uint32_t, fn->regs.n + 1);
	for (uint32_t r = 0; r < fn->regs.n; r++)
		if (globals[r])
			f->iters[r] = f->n_iters++;
	f->now = ARENA_ARRAY(a, bool, f->n_iters + 1);
	f->running = ARENA_ARRAY(a, bool *, fn->blocks.n + 1);
	for (uint32_t b = 0; b < fn->blocks.n; b++) {
		f->running[b] = ARENA_ARRAY(a, bool, f->n_iters + 1);
		memset(f->running[b], b != 0, f->n_iters);
	}
	while (news && f->n_iters) {
		news = false;
		for (uint32_t b = 0; b < fn->blocks.n; b++)
			news |= pass_on(f, b, f->now);
	}
}

void emit_iter_step(struct emit_fn *f, const struct ir_ins *i)
{
	step(f, i, f->now);
}

void emit_lay_out(struct emit *e, struct emit_fn *f, const struct loc *params)
{
	const struct ir_fn *fn = f->fn;
	struct arena *a = e->parts->arena;
	const uint32_t *globals = iterator_globals(a, fn);
	struct layout l = {.fn = fn};

	f->locs = ARENA_ARRAY(a, struct loc, fn->regs.n + 1);
	f->uses = ARENA_ARRAY(a, uint32_t, fn->regs.n + 1);
	l.extents = ARENA_ARRAY(a, struct extent, fn->regs.n + 1);
	l.bytes = ARENA_ARRAY(a, uint32_t, fn->regs.n + 1);
	l.block_of = ARENA_ARRAY(a, uint32_t, fn->regs.n + 1);
	l.carried = ARENA_ARRAY(a, bool, fn->regs.n + 1);
	l.assigned = ARENA_ARRAY(a, bool, fn->regs.n + 1);
	l.blocks = ARENA_ARRAY(a, struct extent, fn->blocks.n + 1);
	find_extents(&l, a, f);
	for (uint32_t r = 0; r < fn->regs.n; r++) {
		bool param = r < fn->n_params;

		if (!l.extents[r].last && !param)
			continue;
		if (param && params && !l.assigned[r]) {
			f->locs[r] = params[r];
			continue;
		}
		if (param) {
			l.extents[r].first = 0;
			l.carried[r] = true;
		}
		if (l.carried[r])
			extend(&l, r);
		l.bytes[r] = register_bytes(e, fn, r, globals);
	}
	assign_slots(e, &l, f);
	find_running(a, f, globals);
}
