/* See merge.h. Handlers are equal if their texts are: the instructions with constants left out where an
 * instruction takes a value as well. */
#include "gen/merge.h"

#include <string.h>

#include "base/map.h"
#include "base/str.h"
#include "sema/sema.h"
#include "session.h"

struct member {
	uint32_t handler;
	struct member *next;
};

struct group {
	struct member *first, *last;
	uint32_t n;
};

/* Others may want to know a constant (register("rdi")), or do better with it. */
static bool takes_values(uint8_t op)
{
	switch (op) {
	case IR_MOV:
	case IR_ADD:
	case IR_SUB:
	case IR_AND:
	case IR_OR:
	case IR_CONCAT:
	case IR_STORE:
	case IR_GADD:
	case IR_TGET:
	case IR_TSET:
	case IR_TADD:
	case IR_TIN:
	case IR_TDEL:
	case IR_SADD:
	case IR_PRINT:
	case IR_SPRINT:
		return true;
	default:
		return (op >= IR_EQ && op <= IR_GE) || (op >= IR_SEQ && op <= IR_SGE);
	}
}

static bool is_constant(ir_ref r)
{
	return IR_KIND(r) == IRK_NUM || IR_KIND(r) == IRK_STR;
}

/* Six bits a character, to be quick. */
static void put(struct str *out, uint64_t n)
{
	do {
		str_addc(out, (char)('@' + (n & 63)));
		n >>= 6;
	} while (n);
	str_addc(out, ' ');
}

static void describe_format(struct str *out, const struct ir_format *f)
{
	for (size_t k = 0; k < f->parts.n; k++) {
		const struct fmt_part *p = &f->parts.v[k];

		put(out, p->conv);
		put(out, p->flags);
		put(out, (uint32_t)p->width);
		put(out, (uint32_t)p->precision);
		put(out, p->len);
		if (p->conv == CONV_LITERAL)
			str_addn(out, p->text, p->len);
	}
}

static void describe_ins(struct str *out, const struct ir_module *m, const struct ir_fn *f,
			 const struct ir_ins *i)
{
	put(out, i->op);
	put(out, i->dst);
	/* Places of errors: those in the user's text must be the same. */
	put(out, i->tok && !i->tok->src->builtin ? (uintptr_t)i->tok : 0);
	if (i->op == IR_PRINT || i->op == IR_SPRINT)
		describe_format(out, &m->formats.v[i->imm]);
	else
		put(out, i->imm);
	for (unsigned k = 0; k < i->n_args; k++) {
		ir_ref r = f->args.v[i->first_arg + k];

		str_addc(out, ',');
		if (!is_constant(r) || !takes_values(i->op))
			put(out, r);
		else
			str_addc(out, IR_KIND(r) == IRK_STR ? 's' : 'n');
	}
	str_addc(out, '\n');
}

static const char *describe(struct str *out, const struct ir_module *m, const struct ir_fn *f)
{
	out->len = 0;
	for (size_t r = 0; r < f->regs.n; r++)
		put(out, f->regs.v[r].type);
	for (size_t b = 0; b < f->blocks.n; b++) {
		str_addc(out, 'b');
		put(out, (uint32_t)f->blocks.v[b].handler);
		for (size_t k = 0; k < f->blocks.v[b].ins.n; k++)
			describe_ins(out, m, f, &f->blocks.v[b].ins.v[k]);
	}
	return intern_n(out->s ? out->s : "", out->len);
}

/* Do all members have the same operand at this place? */
static bool same(const struct ir_module *m, const struct group *g, uint32_t arg)
{
	ir_ref r = m->fns.v[g->first->handler]->args.v[arg];

	for (const struct member *k = g->first->next; k; k = k->next)
		if (m->fns.v[k->handler]->args.v[arg] != r)
			return false;
	return true;
}

/* Values are named by the first place where they stand: `name` used twice is one parameter. */
static bool equal_columns(const struct ir_module *m, const struct group *g, uint32_t a, uint32_t b)
{
	for (const struct member *k = g->first; k; k = k->next) {
		const struct ir_fn *f = m->fns.v[k->handler];

		if (f->args.v[a] != f->args.v[b])
			return false;
	}
	return true;
}

struct merging {
	struct merge_plan *plan;
	struct arena *a;
	const struct ir_module *m;
	const struct group *g;
	struct merged *to;
	struct ir_fn *fn;
	VEC(uint32_t) places; /* operand of each parameter */
};

static void merge_operand(struct merging *mg, uint32_t arg)
{
	const struct ir_module *m = mg->m;
	bool text = IR_KIND(mg->fn->args.v[arg]) == IRK_STR;
	uint32_t k;

	if (same(m, mg->g, arg))
		return;
	for (k = 0; k < mg->places.n; k++)
		if (equal_columns(m, mg->g, mg->places.v[k], arg))
			break;
	if (k == mg->places.n)
		vec_push(&mg->places, mg->a, arg);
	mg->fn->args.v[arg] = IR_REF(IRK_PARAM, k << 1 | text);
}

static void widen(struct merging *mg)
{
	for (const struct member *k = mg->g->first; k; k = k->next) {
		const struct ir_fn *f = mg->m->fns.v[k->handler];

		for (size_t r = 0; r < f->regs.n; r++)
			if (f->regs.v[r].width > mg->fn->regs.v[r].width)
				mg->fn->regs.v[r].width = f->regs.v[r].width;
	}
}

static void take_values(struct merging *mg)
{
	struct merged *to = mg->to;

	to->n_params = (uint32_t)mg->places.n;
	to->widths = ARENA_ARRAY(mg->a, uint32_t, to->n_params + 1);
	for (const struct member *k = mg->g->first; k; k = k->next) {
		ir_ref *values = ARENA_ARRAY(mg->a, ir_ref, to->n_params + 1);

		for (uint32_t v = 0; v < to->n_params; v++) {
			values[v] = mg->m->fns.v[k->handler]->args.v[mg->places.v[v]];
			if (IR_KIND(values[v]) == IRK_STR &&
			    mg->m->strs.v[IR_INDEX(values[v])].len > to->widths[v])
				to->widths[v] = mg->m->strs.v[IR_INDEX(values[v])].len;
		}
		mg->plan->by_handler[k->handler] = to;
		mg->plan->values[k->handler] = values;
	}
}

static void merge(struct merge_plan *p, struct arena *a, const struct ir_module *m, const struct group *g)
{
	const struct ir_fn *like = m->fns.v[g->first->handler];
	struct merging mg = {.plan = p, .a = a, .m = m, .g = g};

	mg.fn = ARENA_NEW(a, struct ir_fn);
	*mg.fn = *like;
	mg.fn->args.v = ARENA_ARRAY(a, ir_ref, like->args.n + 1);
	mg.fn->regs.v = ARENA_ARRAY(a, struct ir_reg, like->regs.n + 1);
	if (like->args.n)
		memcpy(mg.fn->args.v, like->args.v, like->args.n * sizeof(ir_ref));
	if (like->regs.n)
		memcpy(mg.fn->regs.v, like->regs.v, like->regs.n * sizeof(struct ir_reg));
	mg.to = ARENA_NEW(a, struct merged);
	mg.to->fn = mg.fn;
	mg.to->first = g->first->handler;
	for (size_t b = 0; b < like->blocks.n; b++)
		for (size_t k = 0; k < like->blocks.v[b].ins.n; k++) {
			const struct ir_ins *i = &like->blocks.v[b].ins.v[k];

			for (unsigned n = 0; n < i->n_args; n++)
				if (is_constant(like->args.v[i->first_arg + n]) && takes_values(i->op))
					merge_operand(&mg, i->first_arg + n);
		}
	widen(&mg);
	take_values(&mg);
}

void merge_plan_make(struct merge_plan *p, struct arena *a, const struct session *s)
{
	const struct program *prog = s->program;
	const struct ir_module *m = s->ir;
	struct map by_text = {0};
	struct str text = {0};
	VEC(struct group *) groups = {0};
	bool *seen = ARENA_ARRAY(a, bool, m->fns.n + 1);

	p->by_handler = ARENA_ARRAY(a, struct merged *, m->fns.n + 1);
	p->values = ARENA_ARRAY(a, ir_ref *, m->fns.n + 1);
	for (size_t i = 0; i < prog->probes.n; i++) {
		const struct probe_inst *inst = prog->probes.v[i];
		uint32_t handler = (uint32_t)inst->handler->id;
		struct member *k;
		struct group *g;
		const char *key;

		if (!inst->site || seen[handler])
			continue;
		seen[handler] = true;
		key = describe(&text, m, m->fns.v[handler]);
		g = map_get(&by_text, key);
		if (!g) {
			g = ARENA_NEW(a, struct group);
			map_set(&by_text, a, key, g);
			vec_push(&groups, a, g);
		}
		k = ARENA_NEW(a, struct member);
		k->handler = handler;
		if (g->last)
			g->last->next = k;
		else
			g->first = k;
		g->last = k;
		g->n++;
	}
	for (size_t i = 0; i < groups.n; i++)
		if (groups.v[i]->n > 1)
			merge(p, a, m, groups.v[i]);
	str_release(&text);
}
