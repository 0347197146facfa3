/* Where another file than the probed one is loaded: its load bias in the process that the handler finds itself in.
 *
 * It is looked for when the handler runs, by the function __object_bias() of the tapset: the program by its entry
 * point, a library in the list of the dynamic linker. Each handler or function keeps what was found in a local
 * variable, so that one search does for all it reads of that file. */
#include <string.h>

#include "dwarf/query.h"
#include "object/object.h"
#include "session.h"

static uint64_t dynamic_section(const struct obj *o)
{
	for (size_t i = 0; i < o->n_segments; i++)
		if (o->segments[i].type == PT_DYNAMIC)
			return o->segments[i].vaddr;
	return 0;
}

static struct expr *search(struct dbg_query *q, const struct obj_mark *mark)
{
	const int64_t numbers[] = {(int64_t)q->m->obj->entry, (int64_t)dynamic_section(q->m->obj),
				   (int64_t)mark->vaddr, (int64_t)mark->first, (int64_t)mark->second};
	struct expr *e = expr_call(q->a, q->tok, "__object_bias");

	e->type = TY_LONG;
	vec_push(&e->args, q->a, dbg_text(q, q->m->path));
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		vec_push(&e->args, q->a, dbg_number(q, numbers[i]));
	return e;
}

static struct expr *known(struct dbg_query *q)
{
	struct expr *e = expr_make(q->a, EX_SYMBOL, q->tok);

	e->name = q->m->bias_name;
	e->type = TY_LONG;
	return e;
}

struct expr *dbg_foreign_bias(struct dbg_query *q)
{
	struct expr *e, *found;
	struct obj_mark mark;

	if (q->at->in_stap)
		return dbg_fail(q, "a variable of %s in a handler that runs for no process", q->m->path);
	if (!q->m->obj || !q->m->obj->is64)
		return dbg_fail(q, "%s is loaded at an address that is not known here", q->m->path);
	if (!obj_mark(q->m->obj, &mark))
		return dbg_fail(q, "where %s is loaded cannot be found: it has neither a build-id nor a soname",
				q->m->path);
	if (!q->m->bias_name)
		q->m->bias_name = intern(arena_printf(q->a, "__bias_%u", q->s->n_synthesized++));
	found = expr_make(q->a, EX_ASSIGN, q->tok);
	found->op = OP_ASSIGN;
	found->left = known(q);
	found->right = search(q, &mark);
	found->type = TY_LONG;
	e = expr_make(q->a, EX_TERNARY, q->tok);
	e->cond = known(q);
	e->left = known(q);
	e->right = found;
	e->type = TY_LONG;
	q->nodes += 6;
	return e;
}
