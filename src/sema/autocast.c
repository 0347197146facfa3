/* Values that carry a pointer type of the traced program: accessors without a cast (language
 * reference 4, "Autocast").
 *
 * Types spread from $x, casts and members through plain assignments to scalars, through results of
 * functions and through ternaries whose arms agree; not through parameters, elements and arithmetic.
 * A variable that receives two different types carries none. Resolved accessors give new typed
 * values, so both steps are repeated until nothing changes. */
#include <string.h>

#include "lang/diag.h"
#include "probe/provider.h"
#include "sema/target.h"
#include "session.h"

struct caster {
	struct session *s;
	struct function *fn;	/* whose body is being walked, or NULL */
	struct handler *handler; /* or NULL */
	bool changed, any;
};

/* Different types met. */
static struct foreign_type conflict = {.name = "?"};

static struct foreign_type *real(struct foreign_type *t)
{
	return t == &conflict ? NULL : t;
}

static void spread(struct caster *c, struct foreign_type **to, struct foreign_type *from)
{
	if (!from || *to == &conflict || *to == from)
		return;
	if (!*to)
		*to = from;
	else if (strcmp((*to)->name, from->name) == 0)
		return;
	else
		*to = &conflict;
	c->changed = true;
}

static struct foreign_type *type_of(const struct expr *e)
{
	struct foreign_type *l, *r;

	if (!e)
		return NULL;
	if (e->detail)
		return real(e->detail);
	switch (e->kind) {
	case EX_SYMBOL:
		return e->var ? real(e->var->detail) : NULL;
	case EX_CALL:
		return e->fns.n ? real(e->fns.v[0]->detail) : NULL;
	case EX_ASSIGN:
		return e->op == OP_ASSIGN ? type_of(e->right) : NULL;
	case EX_ENTRY:
		return type_of(e->left);
	case EX_TERNARY:
		l = type_of(e->left);
		r = type_of(e->right);
		return l && r && strcmp(l->name, r->name) == 0 ? l : NULL;
	default:
		return NULL;
	}
}

static bool spread_expr(struct ast_visitor *v, struct expr **slot)
{
	struct caster *c = v->data;
	struct expr *e = *slot;

	c->any |= e->kind == EX_AUTOCAST;
	if (e->kind == EX_ASSIGN && e->op == OP_ASSIGN && e->left->kind == EX_SYMBOL && e->left->var)
		spread(c, &e->left->var->detail, type_of(e->right));
	return true;
}

static bool spread_stmt(struct ast_visitor *v, struct stmt **slot)
{
	struct caster *c = v->data;

	if ((*slot)->kind == ST_RETURN && c->fn && (*slot)->expr)
		spread(c, &c->fn->detail, type_of((*slot)->expr));
	return true;
}

static struct expr *resolve(void *cookie, struct expr *e, const char **why)
{
	(void)cookie;
	return e->left->detail->resolve(cookie, e->left->detail, e, why);
}

static bool cast_expr(struct ast_visitor *v, struct expr **slot)
{
	struct caster *c = v->data;
	struct session *s = c->s;
	struct expr *e = *slot, *r;
	struct foreign_type *t;
	const char *why = NULL;

	/* Inner ones first; and what is written to stays. */
	if (e->kind == EX_ASSIGN && e->left->kind == EX_AUTOCAST) {
		ast_walk_expr(v, &e->right);
		return false;
	}
	if (e->kind != EX_AUTOCAST)
		return true;
	ast_walk_expr(v, &e->left);
	for (size_t i = 0; i < e->accessors.n; i++)
		ast_walk_expr(v, &e->accessors.v[i].index);
	t = type_of(e->left);
	if (!t)
		return false;
	e->left->detail = t;
	r = target_is_text(e) ? target_text(s, e, resolve, s, &why) : resolve(s, e, &why);
	if (!r) {
		e->why = why;
		return false;
	}
	*slot = r;
	c->changed = true;
	sema_resolve_late(s, c->fn ? &c->fn->locals : &c->handler->locals, c->fn, r, NULL);
	return false;
}

static void walk_all(struct caster *c, struct ast_visitor *v)
{
	struct program *p = c->s->program;

	c->handler = NULL;
	for (size_t i = 0; i < p->functions.n; i++) {
		c->fn = p->functions.v[i];
		ast_walk_stmt(v, &c->fn->body);
	}
	c->fn = NULL;
	for (size_t i = 0; i < p->handlers.n; i++) {
		c->handler = p->handlers.v[i];
		ast_walk_stmt(v, &c->handler->body);
	}
}

void sema_resolve_autocasts(struct session *s)
{
	struct caster c = {.s = s};
	struct ast_visitor spreading = {spread_expr, spread_stmt, &c};
	struct ast_visitor casting = {cast_expr, NULL, &c};

	for (int round = 0; round < 100; round++) {
		do {
			c.changed = false;
			walk_all(&c, &spreading);
		} while (c.changed);
		if (!c.any)
			return;
		walk_all(&c, &casting);
		if (!c.changed)
			break;
	}
	/* Functions that texts are made by. */
	sema_resolve_names(s);
}
