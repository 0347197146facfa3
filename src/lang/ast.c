/* Operations on trees: making, copying, walking, naming. See ast.h. */
#include "lang/ast.h"

#include <string.h>

#include "base/arena.h"

const char *type_name(enum type t)
{
	static const char *const names[] = {"unknown", "long", "string", "stats"};

	return names[t];
}

const char *stat_op_name(enum stat_op s)
{
	static const char *const names[] = {"count", "sum", "min", "max", "avg", "variance"};

	return names[s];
}

struct expr *expr_make(struct arena *a, enum expr_kind kind, const struct token *tok)
{
	struct expr *e = ARENA_NEW(a, struct expr);

	e->kind = kind;
	e->tok = tok;
	return e;
}

struct expr *expr_number(struct arena *a, const struct token *tok, int64_t value)
{
	struct expr *e = expr_make(a, EX_NUMBER, tok);

	e->lit = ARENA_NEW(a, struct literal);
	e->lit->tok = tok;
	e->lit->num = value;
	e->type = TY_LONG;
	return e;
}

struct expr *expr_call(struct arena *a, const struct token *tok, const char *name)
{
	struct expr *e = expr_make(a, EX_CALL, tok);

	e->name = intern(name);
	return e;
}

struct stmt *stmt_make(struct arena *a, enum stmt_kind kind, const struct token *tok)
{
	struct stmt *s = ARENA_NEW(a, struct stmt);

	s->kind = kind;
	s->tok = tok;
	return s;
}

static expr_list clone_list(struct arena *a, const expr_list *from)
{
	expr_list l = {0};

	for (size_t i = 0; i < from->n; i++)
		vec_push(&l, a, expr_clone(a, from->v[i]));
	return l;
}

void script_add_function(struct arena *a, struct script *sc, struct function *f)
{
	struct function *last = map_get(&sc->functions_by_name, f->name);

	vec_push(&sc->functions, a, f);
	f->same_name = last ? last->same_name : f;
	if (last)
		last->same_name = f;
	map_set(&sc->functions_by_name, a, f->name, f);
}

struct expr *expr_clone(struct arena *a, const struct expr *e)
{
	struct expr *c;

	if (!e)
		return NULL;
	c = ARENA_NEW(a, struct expr);
	*c = *e;
	c->cond = expr_clone(a, e->cond);
	c->left = expr_clone(a, e->left);
	c->right = expr_clone(a, e->right);
	c->hist = expr_clone(a, e->hist);
	c->args = clone_list(a, &e->args);
	memset(&c->fns, 0, sizeof(c->fns));
	for (size_t i = 0; i < e->fns.n; i++)
		vec_push(&c->fns, a, e->fns.v[i]);
	memset(&c->accessors, 0, sizeof(c->accessors));
	for (size_t i = 0; i < e->accessors.n; i++) {
		struct accessor acc = e->accessors.v[i];

		acc.index = expr_clone(a, acc.index);
		vec_push(&c->accessors, a, acc);
	}
	if (e->kind == EX_PRINT) {
		c->print = ARENA_NEW(a, struct print);
		*c->print = *e->print;
		c->print->hist = expr_clone(a, e->print->hist);
	}
	return c;
}

struct stmt *stmt_clone(struct arena *a, const struct stmt *s)
{
	struct stmt *c;

	if (!s)
		return NULL;
	c = ARENA_NEW(a, struct stmt);
	*c = *s;
	memset(&c->body, 0, sizeof(c->body));
	for (size_t i = 0; i < s->body.n; i++)
		vec_push(&c->body, a, stmt_clone(a, s->body.v[i]));
	c->init = expr_clone(a, s->init);
	c->expr = expr_clone(a, s->expr);
	c->step = expr_clone(a, s->step);
	c->then = stmt_clone(a, s->then);
	c->otherwise = stmt_clone(a, s->otherwise);
	if (s->foreach) {
		c->foreach = ARENA_NEW(a, struct foreach);
		*c->foreach = *s->foreach;
		c->foreach->value = expr_clone(a, s->foreach->value);
		c->foreach->keys = clone_list(a, &s->foreach->keys);
		c->foreach->hist = expr_clone(a, s->foreach->hist);
		c->foreach->slice = clone_list(a, &s->foreach->slice);
		c->foreach->limit = expr_clone(a, s->foreach->limit);
	}
	return c;
}

static void walk_list(struct ast_visitor *v, expr_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		ast_walk_expr(v, &l->v[i]);
}

void ast_walk_expr(struct ast_visitor *v, struct expr **slot)
{
	struct expr *e;

	if (!*slot || (v->on_expr && !v->on_expr(v, slot)) || !*slot)
		return;
	e = *slot;
	ast_walk_expr(v, &e->cond);
	ast_walk_expr(v, &e->left);
	ast_walk_expr(v, &e->right);
	walk_list(v, &e->args);
	ast_walk_expr(v, &e->hist);
	for (size_t i = 0; i < e->accessors.n; i++)
		ast_walk_expr(v, &e->accessors.v[i].index);
	if (e->kind == EX_PRINT)
		ast_walk_expr(v, &e->print->hist);
}

void ast_walk_stmt(struct ast_visitor *v, struct stmt **slot)
{
	struct stmt *s;

	if (!*slot || (v->on_stmt && !v->on_stmt(v, slot)) || !*slot)
		return;
	s = *slot;
	if (s->foreach) {
		walk_list(v, &s->foreach->slice);
		ast_walk_expr(v, &s->foreach->limit);
		ast_walk_expr(v, &s->foreach->hist);
		ast_walk_expr(v, &s->foreach->value);
		walk_list(v, &s->foreach->keys);
	}
	ast_walk_expr(v, &s->init);
	ast_walk_expr(v, &s->expr);
	for (size_t i = 0; i < s->body.n; i++)
		ast_walk_stmt(v, &s->body.v[i]);
	ast_walk_stmt(v, &s->then);
	ast_walk_expr(v, &s->step);
	ast_walk_stmt(v, &s->otherwise);
}
