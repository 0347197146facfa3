/* Atomicity. SystemTap locks the globals of a handler while it runs. Here a single operation on a
 * global (x++, t[k] += e, s <<< e, one read, one store of a number) is atomic by itself and needs
 * nothing, as long as every handler does no more than that. A handler that does several operations
 * which depend on each other needs the global alone; then all others that touch it announce
 * themselves, too.
 *
 * A table whose elements are only touched by the thread that is in their first key (t[tid()]) is as
 * good as private: no two handlers meet in one element. */
#include "gen/lock.h"

#include <string.h>

#include "gen/gen.h"
#include "probe/provider.h"
#include "rt/intrinsic.h"
#include "sema/sema.h"
#include "session.h"

/* What a function does to one global. */
struct use {
	uint32_t steps;	 /* operations whose order with others matters */
	uint32_t blind;	 /* atomic additions whose result nobody looks at */
	uint32_t writes; /* of any kind */
	bool whole;	 /* something that touches many elements, or text */
	bool foreign;	 /* an element that does not belong to this thread, or a scalar */
};

struct walk {
	const struct ir_module *m;
	struct use *uses; /* by global */
	const struct ir_fn *stack[64];
	int depth;
};

/* Is this operand tid(), in a register that holds nothing else? */
static bool is_tid(const struct ir_fn *f, ir_ref r)
{
	struct ir_def at = {0};
	const struct ir_ins *i;
	bool tid = false;

	if (IR_KIND(r) != IRK_REG)
		return false;
	while ((i = ir_next_def(f, r, &at)) != NULL) {
		if (i->op == IR_MOV && is_tid(f, f->args.v[i->first_arg]) && f->args.v[i->first_arg] != r)
			tid = true;
		else if (i->op == IR_RT && strcmp(intrinsic_by_number(i->imm)->name, "tid") == 0)
			tid = true;
		else if (i->op != IR_MOV || IR_KIND(f->args.v[i->first_arg]) != IRK_NUM)
			return false; /* a local's first value, 0, is never used */
	}
	return tid;
}

static bool result_used(const struct ir_fn *f, ir_ref r)
{
	for (size_t i = 0; r && i < f->args.n; i++)
		if (f->args.v[i] == r)
			return true;
	return false;
}

static void note(struct walk *w, const struct ir_fn *f, const struct ir_ins *i)
{
	ir_ref first = i->n_args ? f->args.v[i->first_arg] : 0;
	const struct ir_global *g;
	unsigned first_key = 1;
	struct use *u;

	if (IR_KIND(first) != IRK_GLOBAL)
		return;
	g = &w->m->globals.v[IR_INDEX(first)];
	u = &w->uses[IR_INDEX(first)];
	switch (i->op) {
	case IR_GADD:
	case IR_TADD:
	case IR_SADD:
		first_key = 2;
		u->writes++;
		if (i->op == IR_SADD || !result_used(f, i->dst))
			u->blind++;
		else
			u->steps++;
		break;
	case IR_STORE:
	case IR_TSET:
		first_key = 2;
		u->writes++;
		u->steps++;
		u->whole |= g->type == TY_STRING;
		break;
	case IR_TDEL:
		u->writes++;
		u->steps++;
		break;
	case IR_TDELS:
	case IR_CLEAR:
		u->writes++;
		u->whole = true;
		break;
	case IR_FOREACH:
	case IR_TINS:
	case IR_PRINTH:
	case IR_SPRINTH:
		u->whole = true;
		break;
	default:
		if (i->op == IR_SBUCKET)
			first_key = 2;
		u->steps++;
		u->whole |= g->type == TY_STRING;
	}
	/* A new element of a full wrapping table takes the place of the oldest one. */
	if (g->wrap && first_key == 2 && i->op != IR_SBUCKET)
		u->whole = true;
	if (!g->n_keys || u->whole || first_key >= i->n_args ||
	    !is_tid(f, f->args.v[i->first_arg + first_key]))
		u->foreign = true;
}

static void walk_fn(struct walk *w, const struct ir_fn *f)
{
	for (int k = 0; k < w->depth; k++)
		if (w->stack[k] == f)
			return;
	if (w->depth == (int)(sizeof(w->stack) / sizeof(w->stack[0])))
		return;
	w->stack[w->depth++] = f;
	for (size_t b = 0; b < f->blocks.n; b++)
		for (size_t k = 0; k < f->blocks.v[b].ins.n; k++) {
			const struct ir_ins *i = &f->blocks.v[b].ins.v[k];

			if (i->op == IR_CALL)
				walk_fn(w, w->m->fns.v[IR_INDEX(f->args.v[i->first_arg])]);
			else
				note(w, f, i);
		}
	w->depth--;
}

static enum lock_need need_of(const struct use *u)
{
	if (!u->steps && !u->blind && !u->whole)
		return LOCK_NONE;
	if (u->whole || (u->foreign && (u->steps > 1 || (u->steps && u->blind))))
		return LOCK_ALONE;
	return u->steps ? LOCK_SHARED : LOCK_BLIND;
}

static void plan_fn(struct lock_plan *p, uint32_t fn, bool *written, bool *alone)
{
	size_t n = p->m->globals.n;
	struct walk w = {.m = p->m};

	if (p->by_fn[fn])
		return;
	p->by_fn[fn] = ARENA_ARRAY(p->arena, uint8_t, n + 1);
	w.uses = ARENA_ARRAY(p->arena, struct use, n + 1);
	walk_fn(&w, p->m->fns.v[fn]);
	for (size_t g = 0; g < n; g++) {
		p->by_fn[fn][g] = need_of(&w.uses[g]);
		written[g] |= w.uses[g].writes != 0;
		alone[g] |= p->by_fn[fn][g] == LOCK_ALONE;
	}
}

void lock_plan_make(struct lock_plan *p, struct arena *a, const struct session *s)
{
	const struct program *prog = s->program;
	const struct ir_module *m = s->ir;
	bool *written = ARENA_ARRAY(a, bool, m->globals.n + 1);
	bool *alone = ARENA_ARRAY(a, bool, m->globals.n + 1);

	*p = (struct lock_plan){.arena = a, .m = m};
	p->by_fn = ARENA_ARRAY(a, uint8_t *, m->fns.n + 1);
	p->locked = ARENA_ARRAY(a, bool, m->globals.n + 1);
	for (size_t i = 0; i < prog->probes.n; i++) {
		const struct probe_inst *inst = prog->probes.v[i];

		/* Begin, end and error probes run while no other handler does. */
		if (inst->family == &begin_family)
			continue;
		plan_fn(p, (uint32_t)inst->handler->id, written, alone);
	}
	for (size_t g = 0; g < m->globals.n; g++)
		p->locked[g] = written[g] && alone[g];
}

enum lock_need lock_plan_need(const struct lock_plan *p, uint32_t fn, uint32_t global)
{
	if (!p->locked[global] || !p->by_fn[fn])
		return LOCK_NONE;
	return (enum lock_need)p->by_fn[fn][global];
}
