/* Does a handler compute with the text of a stack, or with a name from the kernel?
 *
 * backtrace(), ubacktrace() and symname() give tokens (emit_stack.c, emit_rt.c), which can be kept and
 * printed. Where a script takes such a text apart, or needs to know that two of them are the same (two
 * addresses of one function have one name), all of that kind are texts from the start in this session.
 * This follows the values from those functions through registers, functions and globals to operations
 * that look into a string, and to tables that are asked for a key. */
#include <string.h>

#include "gen/emit.h"
#include "rt/intrinsic.h"

struct flow {
	const struct ir_module *m;
	const bool *fns;	 /* those that run in the kernel */
	/* What they may hold, of enum text_kind: registers by function; results of functions. */
	uint8_t **regs, *results;
	uint8_t *values, *keys; /* globals; one of the keys */
	bool changed;
	uint8_t computed;
};

static void mark(struct flow *w, uint8_t *place, uint8_t kinds)
{
	if (kinds & ~*place) {
		*place |= kinds;
		w->changed = true;
	}
}

static uint8_t may_be(const struct flow *w, uint32_t fn, ir_ref r)
{
	return IR_KIND(r) == IRK_REG ? w->regs[fn][IR_INDEX(r)] : 0;
}

static uint8_t any_operand(const struct flow *w, uint32_t fn, const struct ir_ins *i, unsigned first)
{
	const struct ir_fn *f = w->m->fns.v[fn];
	uint8_t kinds = 0;

	for (unsigned k = first; k < i->n_args; k++)
		kinds |= may_be(w, fn, f->args.v[i->first_arg + k]);
	return kinds;
}

/* The global that an iterator runs over. */
static uint32_t iterated(const struct ir_fn *f, ir_ref iter)
{
	for (size_t b = 0; b < f->blocks.n; b++)
		for (size_t k = 0; k < f->blocks.v[b].ins.n; k++) {
			const struct ir_ins *i = &f->blocks.v[b].ins.v[k];

			if (i->op == IR_FOREACH && i->dst == iter)
				return IR_INDEX(f->args.v[i->first_arg]);
		}
	return 0;
}

/* Two stacks can be compared as tokens, names cannot; all can be with nothing. */
static uint8_t comparison_computes(const struct flow *w, uint32_t fn, const struct ir_ins *i)
{
	const struct ir_fn *f = w->m->fns.v[fn];
	uint8_t kinds = 0;

	for (unsigned k = 0; k < 2; k++) {
		ir_ref a = f->args.v[i->first_arg + k], b = f->args.v[i->first_arg + 1 - k];

		if (IR_KIND(b) == IRK_STR && !w->m->strs.v[IR_INDEX(b)].len)
			continue;
		kinds |= may_be(w, fn, a) & ~(may_be(w, fn, b) & TEXT_STACK);
	}
	return kinds;
}

/* Keys are compared as they are. */
static uint8_t lookup_computes(const struct flow *w, uint32_t fn, const struct ir_ins *i, unsigned first)
{
	uint8_t given = any_operand(w, fn, i, first);
	uint8_t kept = w->keys[IR_INDEX(w->m->fns.v[fn]->args.v[i->first_arg])];

	return ((given | kept) & TEXT_KERNEL_NAME) | (uint8_t)((given ^ kept) & TEXT_STACK);
}

static bool function_computes(const char *name)
{
	static const char *const takers[] = {"print_stack", "print_ustack", "sprint_stack",
					     "sprint_ustack", "warn", "error", "log", "system"};

	for (size_t k = 0; k < sizeof(takers) / sizeof(takers[0]); k++)
		if (strcmp(name, takers[k]) == 0)
			return false;
	return true;
}

static void follow_call(struct flow *w, uint32_t fn, const struct ir_ins *i, uint8_t *dst)
{
	const struct ir_fn *f = w->m->fns.v[fn];
	uint32_t to = IR_INDEX(f->args.v[i->first_arg]);

	for (unsigned k = 1; k < i->n_args; k++)
		mark(w, &w->regs[to][k - 1], may_be(w, fn, f->args.v[i->first_arg + k]));
	if (dst)
		mark(w, dst, w->results[to]);
}

uint8_t text_kind_of(const char *function)
{
	static const struct { const char *name; uint8_t kind; } kinds[] = {
		{"backtrace", TEXT_STACK}, {"ubacktrace", TEXT_STACK},
		{"symname", TEXT_KERNEL_NAME}, {"symdata", TEXT_KERNEL_NAME}, {"modname", TEXT_KERNEL_NAME},
	};

	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
		if (strcmp(function, kinds[k].name) == 0)
			return kinds[k].kind;
	return 0;
}

/* What an instruction's result may be. */
static void follow(struct flow *w, uint32_t fn, const struct ir_ins *i)
{
	const struct ir_fn *f = w->m->fns.v[fn];
	ir_ref first = i->n_args ? f->args.v[i->first_arg] : 0;
	uint8_t *dst = i->dst ? &w->regs[fn][IR_INDEX(i->dst)] : NULL, ignored = 0;
	uint32_t g = IR_INDEX(first);

	if (!dst)
		dst = &ignored;
	switch (i->op) {
	case IR_MOV:
		mark(w, dst, may_be(w, fn, first));
		break;
	case IR_CALL:
		follow_call(w, fn, i, i->dst ? dst : NULL);
		break;
	case IR_RET:
		mark(w, &w->results[fn], any_operand(w, fn, i, 0));
		break;
	case IR_STORE:
		mark(w, &w->values[g], any_operand(w, fn, i, 1));
		break;
	case IR_TSET:
		mark(w, &w->values[g], may_be(w, fn, f->args.v[i->first_arg + 1]));
		mark(w, &w->keys[g], any_operand(w, fn, i, 2));
		break;
	case IR_TADD:
	case IR_SADD:
		mark(w, &w->keys[g], any_operand(w, fn, i, 2));
		break;
	case IR_LOAD:
	case IR_TGET:
		mark(w, dst, w->values[g]);
		break;
	case IR_ITERVAL:
		mark(w, dst, w->values[iterated(f, first)]);
		break;
	case IR_ITERKEY:
		mark(w, dst, w->keys[iterated(f, first)]);
		break;
	case IR_RT:
		if (i->dst)
			mark(w, dst, text_kind_of(intrinsic_by_number(i->imm)->name));
		break;
	default:
		break;
	}
}

/* The kinds whose text an instruction needs. */
static uint8_t computes(const struct flow *w, uint32_t fn, const struct ir_ins *i)
{
	switch (i->op) {
	case IR_SEQ:
	case IR_SNE:
		return comparison_computes(w, fn, i);
	case IR_SLT:
	case IR_SLE:
	case IR_SGT:
	case IR_SGE:
	case IR_CONCAT:
	case IR_TEST:
	case IR_MATCH:
	case IR_SPRINT:
		return any_operand(w, fn, i, 0);
	case IR_RT:
		return function_computes(intrinsic_by_number(i->imm)->name) ? any_operand(w, fn, i, 0) : 0;
	case IR_TGET:
	case IR_TIN:
	case IR_TINS:
	case IR_TDEL:
	case IR_TDELS:
	case IR_SGET:
	case IR_SPRINTH:
	case IR_PRINTH:
		return lookup_computes(w, fn, i, 1);
	case IR_SBUCKET:
		return lookup_computes(w, fn, i, 2);
	case IR_TADD:
		return i->dst ? lookup_computes(w, fn, i, 2) : 0;
	case IR_FOREACH: /* what is not given are slices */
		return w->keys[IR_INDEX(w->m->fns.v[fn]->args.v[i->first_arg])] & TEXT_KERNEL_NAME;
	default:
		return 0;
	}
}

static void each_instruction(struct flow *w, bool spreading)
{
	for (uint32_t fn = 0; fn < w->m->fns.n; fn++)
		for (size_t b = 0; w->fns[fn] && b < w->m->fns.v[fn]->blocks.n; b++)
			for (size_t k = 0; k < w->m->fns.v[fn]->blocks.v[b].ins.n; k++) {
				const struct ir_ins *i = &w->m->fns.v[fn]->blocks.v[b].ins.v[k];

				if (spreading)
					follow(w, fn, i);
				else
					w->computed |= computes(w, fn, i);
			}
}

unsigned texts_needed(const struct ir_module *m, const bool *fns)
{
	struct arena a = {0};
	struct flow w = {.m = m, .fns = fns};

	w.regs = ARENA_ARRAY(&a, uint8_t *, m->fns.n + 1);
	w.results = ARENA_ARRAY(&a, uint8_t, m->fns.n + 1);
	w.values = ARENA_ARRAY(&a, uint8_t, m->globals.n + 1);
	w.keys = ARENA_ARRAY(&a, uint8_t, m->globals.n + 1);
	for (size_t f = 0; f < m->fns.n; f++)
		w.regs[f] = ARENA_ARRAY(&a, uint8_t, m->fns.v[f]->regs.n + 1);
	do {
		w.changed = false;
		each_instruction(&w, true);
	} while (w.changed);
	each_instruction(&w, false);
	arena_release(&a);
	return w.computed;
}
