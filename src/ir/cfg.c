/* What instructions may do and where control may go; shared by the verifier and the passes.
 *
 * An edge to a handler leaves a block in front of every instruction that may raise: what that
 * instruction would have assigned is not assigned. ACTION fails too, but no script catches that. */
#include "ir/passes.h"

#include <string.h>

#include "base/bug.h"
#include "rt/intrinsic.h"

/* ------------------------------------------------------------------ instructions */

bool ir_may_raise(const struct ir_module *m, const struct ir_fn *f, const struct ir_ins *i)
{
	ir_ref divisor;

	switch (i->op) {
	case IR_ACTION:
		return false;
	case IR_DIV:
	case IR_MOD:
		divisor = ir_args(f, i)[1];
		return IR_KIND(divisor) != IRK_NUM || m->nums.v[IR_INDEX(divisor)] == 0;
	case IR_SGET:
	case IR_ITERSTAT:
		return i->imm != STAT_COUNT && i->imm != STAT_SUM;
	case IR_RT:
		return ir_ins_info(i).fails;
	default:
		return ir_ops[i->op].fails;
	}
}

bool ir_block_raises(const struct ir_module *m, const struct ir_fn *f, const struct ir_block *b)
{
	for (size_t i = 0; i < b->ins.n; i++)
		if (ir_may_raise(m, f, &b->ins.v[i]))
			return true;
	return false;
}

bool ir_removable(const struct ir_module *m, const struct ir_fn *f, const struct ir_ins *i)
{
	struct ir_op_info info = ir_ins_info(i);

	if (i->op == IR_NEXT || i->op == IR_FOREACH || info.writes || info.terminator)
		return false;
	return (info.pure || info.reads) && !ir_may_raise(m, f, i);
}

uint32_t *ir_iter_globals(struct arena *a, const struct ir_fn *f)
{
	uint32_t *globals = ARENA_ARRAY(a, uint32_t, f->regs.n + 1);

	for (size_t b = 0; b < f->blocks.n; b++) {
		const struct ir_block *blk = &f->blocks.v[b];

		for (size_t i = 0; i < blk->ins.n; i++)
			if (blk->ins.v[i].op == IR_FOREACH)
				globals[IR_INDEX(blk->ins.v[i].dst)] =
					IR_INDEX(ir_args(f, &blk->ins.v[i])[0]) + 1;
	}
	return globals;
}

/* ------------------------------------------------------------------ widths */

/* Upper bound of what one conversion prints; more than rt/format.c would is no harm. */
static uint64_t part_width(const struct ir_module *m, const struct ir_fn *f,
			   const struct fmt_part *p, ir_ref arg)
{
	uint64_t n;

	if (p->conv == CONV_LITERAL)
		return p->len;
	if (p->width == FMT_DYNAMIC || p->precision == FMT_DYNAMIC || p->conv == CONV_MEMORY ||
	    p->conv == CONV_MEMORY_HEX)
		return m->max_string;
	if (p->conv == CONV_STRING) {
		n = ir_ref_width(m, f, arg);
		if (p->precision >= 0 && n > (uint64_t)p->precision)
			n = (uint64_t)p->precision;
		n += (p->flags & FMT_ZERO) != 0; /* a NUL byte goes behind "%05s" */
	} else if (p->conv == CONV_CHAR || p->conv == CONV_BINARY) {
		n = 8;
	} else {
		/* 22 octal digits, behind a sign or prefix of two. */
		n = (p->precision > 22 ? (uint64_t)p->precision : 22) + 2;
	}
	return p->width >= 0 && n < (uint64_t)p->width ? (uint64_t)p->width : n;
}

static uint64_t format_width(const struct ir_module *m, const struct ir_fn *f,
			     const struct ir_ins *i)
{
	const struct ir_format *format = &m->formats.v[i->imm];
	const ir_ref *arg = ir_args(f, i);
	uint64_t n = 0;

	for (size_t k = 0; k < format->parts.n; k++) {
		const struct fmt_part *p = &format->parts.v[k];
		bool literal = p->conv == CONV_LITERAL;

		if (!literal)
			arg += (p->width == FMT_DYNAMIC) + (p->precision == FMT_DYNAMIC);
		n += part_width(m, f, p, literal ? 0 : *arg++);
	}
	return n;
}

static uint64_t intrinsic_width(const struct ir_module *m, const struct intrinsic *i)
{
	if (i->width)
		return i->width;
	if (m->point_width && strcmp(i->name, "ppfunc") == 0)
		return m->function_width;
	if (m->point_width && (strcmp(i->name, "pp") == 0 || strcmp(i->name, "pn") == 0))
		return m->point_width;
	return m->max_string;
}

uint32_t ir_result_width(const struct ir_module *m, const struct ir_fn *f, const struct ir_ins *i,
			 const uint32_t *iter_globals)
{
	const ir_ref *args = ir_args(f, i);
	const struct ir_global *g = NULL;
	uint64_t n = m->max_string;

	if (i->op == IR_ITERKEY || i->op == IR_ITERVAL)
		g = &m->globals.v[iter_globals[IR_INDEX(args[0])] - 1];
	switch (i->op) {
	case IR_MOV:
		n = ir_ref_width(m, f, args[0]);
		break;
	case IR_CONCAT:
		n = (uint64_t)ir_ref_width(m, f, args[0]) + ir_ref_width(m, f, args[1]);
		break;
	case IR_LOAD:
	case IR_TGET:
		n = m->globals.v[IR_INDEX(args[0])].width;
		break;
	case IR_ITERKEY:
		n = g->key_width[i->imm];
		break;
	case IR_ITERVAL:
		n = g->width;
		break;
	case IR_CALL:
		n = m->fns.v[IR_INDEX(args[0])]->ret_width;
		break;
	case IR_RT:
		n = intrinsic_width(m, intrinsic_by_number(i->imm));
		break;
	case IR_SPRINT:
		n = format_width(m, f, i);
		break;
	}
	return n < m->max_string ? (uint32_t)n : m->max_string;
}

/* ------------------------------------------------------------------ edges */

void ir_successors(const struct ir_module *m, const struct ir_fn *f, uint32_t b,
		   void (*visit)(void *data, uint32_t to, bool on_error), void *data)
{
	const struct ir_block *blk = &f->blocks.v[b];
	const struct ir_ins *last = ir_last(f, b);
	const ir_ref *args = ir_args(f, last);

	if (last->op == IR_JMP) {
		visit(data, IR_INDEX(args[0]), false);
	} else if (last->op == IR_BR) {
		visit(data, IR_INDEX(args[1]), false);
		if (args[2] != args[1])
			visit(data, IR_INDEX(args[2]), false);
	}
	if (blk->handler >= 0 && ir_block_raises(m, f, blk))
		visit(data, (uint32_t)blk->handler, true);
}

struct edges {
	struct ir_cfg cfg;
	uint32_t *fill; /* where the next predecessor of a block goes */
	uint32_t from;
};

static void count_edge(void *data, uint32_t to, bool on_error)
{
	struct edges *e = data;

	(void)on_error;
	e->cfg.first[to + 1]++;
}

static void add_edge(void *data, uint32_t to, bool on_error)
{
	struct edges *e = data;

	e->cfg.pred[e->fill[to]++] = e->from << 1 | on_error;
}

struct ir_cfg ir_cfg_make(struct arena *a, const struct ir_module *m, const struct ir_fn *f)
{
	struct edges e = {0};
	uint32_t n = (uint32_t)f->blocks.n;

	e.cfg.first = ARENA_ARRAY(a, uint32_t, n + 1);
	e.fill = ARENA_ARRAY(a, uint32_t, n + 1);
	for (uint32_t b = 0; b < n; b++)
		ir_successors(m, f, b, count_edge, &e);
	for (uint32_t b = 0; b < n; b++) {
		e.cfg.first[b + 1] += e.cfg.first[b];
		e.fill[b] = e.cfg.first[b];
	}
	e.cfg.pred = ARENA_ARRAY(a, uint32_t, e.cfg.first[n] + 1);
	for (e.from = 0; e.from < n; e.from++)
		ir_successors(m, f, e.from, add_edge, &e);
	return e.cfg;
}

/* ------------------------------------------------------------------ unreachable blocks */

struct reach {
	bool *seen;
	uint32_t *stack, n;
};

static void reach_block(void *data, uint32_t to, bool on_error)
{
	struct reach *r = data;

	(void)on_error;
	if (r->seen[to])
		return;
	r->seen[to] = true;
	r->stack[r->n++] = to;
}

/* Blocks with handlers that nothing can raise into lose them. */
static void find_reachable(struct ir_module *m, struct ir_fn *f, struct reach *r)
{
	reach_block(r, 0, false);
	while (r->n) {
		uint32_t b = r->stack[--r->n];

		if (f->blocks.v[b].handler >= 0 && !ir_block_raises(m, f, &f->blocks.v[b]))
			f->blocks.v[b].handler = -1;
		ir_successors(m, f, b, reach_block, r);
	}
}

static void renumber_targets(struct ir_fn *f, uint32_t b, const uint32_t *number)
{
	struct ir_block *blk = &f->blocks.v[b];
	const struct ir_ins *last = ir_last(f, b);
	ir_ref *args = f->args.v + last->first_arg;

	if (blk->handler >= 0)
		blk->handler = (int)number[blk->handler];
	for (unsigned k = 0; k < last->n_args; k++)
		if (IR_KIND(args[k]) == IRK_BLOCK)
			args[k] = IR_REF(IRK_BLOCK, number[IR_INDEX(args[k])]);
}

void ir_drop_unreachable(struct ir_module *m, struct ir_fn *f)
{
	struct arena scratch = {0};
	uint32_t n = (uint32_t)f->blocks.n, kept = 0;
	uint32_t *number = ARENA_ARRAY(&scratch, uint32_t, n);
	struct reach r = {.seen = ARENA_ARRAY(&scratch, bool, n),
			  .stack = ARENA_ARRAY(&scratch, uint32_t, n)};

	find_reachable(m, f, &r);
	for (uint32_t b = 0; b < n; b++) {
		if (!r.seen[b])
			continue;
		number[b] = kept;
		f->blocks.v[kept++] = f->blocks.v[b];
	}
	f->blocks.n = kept;
	for (uint32_t b = 0; b < kept; b++)
		renumber_targets(f, b, number);
	arena_release(&scratch);
}
