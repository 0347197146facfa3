/* Does a handler compute with the text of a stack?
 *
 * backtrace() and ubacktrace() give tokens (emit_stack.c), which can be kept, compared with each other
 * and printed. Where a script takes such a text apart, all stacks of the session are texts from the
 * start, so that the same stack is the same key everywhere. This follows the values from those functions
 * through registers, functions and globals to operations that look into a string. */
#include <string.h>

#include "gen/emit.h"
#include "rt/intrinsic.h"

struct flow {
	const struct ir_module *m;
	const bool *fns;	 /* those that run in the kernel */
	bool **regs, *results;	 /* may hold a stack: registers by function; results of functions */
	bool *values, *keys;	 /* globals; one of the keys */
	bool changed, computed;
};

static void mark(struct flow *w, bool *place, bool yes)
{
	if (yes && !*place) {
		*place = true;
		w->changed = true;
	}
}

static bool may_be(const struct flow *w, uint32_t fn, ir_ref r)
{
	return IR_KIND(r) == IRK_REG && w->regs[fn][IR_INDEX(r)];
}

static bool any_operand(const struct flow *w, uint32_t fn, const struct ir_ins *i, unsigned first)
{
	const struct ir_fn *f = w->m->fns.v[fn];

	for (unsigned k = first; k < i->n_args; k++)
		if (may_be(w, fn, f->args.v[i->first_arg + k]))
			return true;
	return false;
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

/* Keys are compared as they are; so are two stacks, and a stack with nothing. */
static bool comparison_computes(const struct flow *w, uint32_t fn, const struct ir_ins *i)
{
	const struct ir_fn *f = w->m->fns.v[fn];

	for (unsigned k = 0; k < 2; k++) {
		ir_ref a = f->args.v[i->first_arg + k], b = f->args.v[i->first_arg + 1 - k];

		if (!may_be(w, fn, a) || may_be(w, fn, b))
			continue;
		if (IR_KIND(b) != IRK_STR || w->m->strs.v[IR_INDEX(b)].len)
			return true;
	}
	return false;
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

static void follow_call(struct flow *w, uint32_t fn, const struct ir_ins *i, bool *dst)
{
	const struct ir_fn *f = w->m->fns.v[fn];
	uint32_t to = IR_INDEX(f->args.v[i->first_arg]);

	for (unsigned k = 1; k < i->n_args; k++)
		mark(w, &w->regs[to][k - 1], may_be(w, fn, f->args.v[i->first_arg + k]));
	if (dst)
		mark(w, dst, w->results[to]);
}

static void follow(struct flow *w, uint32_t fn, const struct ir_ins *i)
{
	const struct ir_fn *f = w->m->fns.v[fn];
	ir_ref first = i->n_args ? f->args.v[i->first_arg] : 0;
	bool *dst = i->dst ? &w->regs[fn][IR_INDEX(i->dst)] : NULL, ignored = false;
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
	case IR_SEQ:
	case IR_SNE:
		w->computed |= comparison_computes(w, fn, i);
		break;
	case IR_SLT:
	case IR_SLE:
	case IR_SGT:
	case IR_SGE:
	case IR_CONCAT:
	case IR_TEST:
	case IR_MATCH:
	case IR_SPRINT:
		w->computed |= any_operand(w, fn, i, 0);
		break;
	case IR_RT: {
		const char *name = intrinsic_by_number(i->imm)->name;

		mark(w, dst, i->dst && (strcmp(name, "backtrace") == 0 || strcmp(name, "ubacktrace") == 0));
		if (function_computes(name))
			w->computed |= any_operand(w, fn, i, 0);
		break;
	}
	default:
		break;
	}
}

bool stack_text_needed(const struct ir_module *m, const bool *fns)
{
	struct arena a = {0};
	struct flow w = {.m = m, .fns = fns};

	w.regs = ARENA_ARRAY(&a, bool *, m->fns.n + 1);
	w.results = ARENA_ARRAY(&a, bool, m->fns.n + 1);
	w.values = ARENA_ARRAY(&a, bool, m->globals.n + 1);
	w.keys = ARENA_ARRAY(&a, bool, m->globals.n + 1);
	for (size_t f = 0; f < m->fns.n; f++)
		w.regs[f] = ARENA_ARRAY(&a, bool, m->fns.v[f]->regs.n + 1);
	do {
		w.changed = false;
		for (uint32_t f = 0; f < m->fns.n; f++)
			for (size_t b = 0; fns[f] && b < m->fns.v[f]->blocks.n; b++)
				for (size_t k = 0; k < m->fns.v[f]->blocks.v[b].ins.n; k++)
					follow(&w, f, &m->fns.v[f]->blocks.v[b].ins.v[k]);
	} while (w.changed && !w.computed);
	arena_release(&a);
	return w.computed;
}
