/* What remains to be refused once names and types are known, and dead code is gone: lvalues, wildcard
 * keys, arrays modified while they are iterated, guru rules, and target variables that no context
 * here can resolve. */
#include <string.h>

#include "lang/diag.h"
#include "rt/intrinsic.h"
#include "sema/sema.h"
#include "session.h"

struct checker {
	struct session *s;
	var_list iterated; /* arrays of the foreach loops around */
	const struct token *foreach_tok;
};

static void check_expr(struct checker *c, struct expr *e);

/* Does the function, or one that it calls, change v? Functions in progress are marked. */
struct modify_search {
	struct session *s;
	const struct var *v;
	VEC(const struct function *) seen;
	bool found;
};

static bool modifies_stmt(struct ast_visitor *vis, struct stmt **slot);

static bool modifies_expr(struct ast_visitor *vis, struct expr **slot)
{
	struct modify_search *m = vis->data;
	const struct expr *e = *slot;

	if ((e->kind == EX_ASSIGN || e->kind == EX_INCDEC) && e->left->var == m->v)
		m->found = true;
	if (e->kind == EX_CALL)
		for (size_t i = 0; i < e->fns.n; i++) {
			struct function *f = e->fns.v[i];
			bool seen = false;

			for (size_t k = 0; k < m->seen.n; k++)
				seen |= m->seen.v[k] == f;
			if (seen)
				continue;
			vec_push(&m->seen, &m->s->arena, f);

			struct stmt *body = f->body;

			ast_walk_stmt(vis, &body);
		}
	return !m->found;
}

static bool modifies_stmt(struct ast_visitor *vis, struct stmt **slot)
{
	struct modify_search *m = vis->data;
	const struct stmt *s = *slot;

	if (s->kind == ST_DELETE && s->expr->kind == EX_INDEX && s->expr->var == m->v)
		m->found = true;
	return !m->found;
}

static bool function_modifies(struct session *s, struct function *f, const struct var *v)
{
	struct modify_search m = {.s = s, .v = v};
	struct ast_visitor vis = {modifies_expr, modifies_stmt, &m};
	struct stmt *body = f->body;

	vec_push(&m.seen, &s->arena, f);
	ast_walk_stmt(&vis, &body);
	return m.found;
}

static void check_modified(struct checker *c, const struct expr *at, const struct var *v)
{
	for (size_t i = 0; v && i < c->iterated.n; i++)
		if (c->iterated.v[i] == v)
			sem_error(c->s, at->tok, NULL,
				  "variable '%s' modified during 'foreach' iteration", v->name);
}

static bool is_target(const struct expr *e)
{
	return e->kind == EX_TARGET || e->kind == EX_ATVAR || e->kind == EX_CAST ||
	       e->kind == EX_AUTOCAST;
}

static void check_lvalue(struct checker *c, const struct expr *e)
{
	const struct expr *l = e->left;

	switch (l->kind) {
	case EX_SYMBOL:
		break;
	case EX_INDEX:
		if (l->hist)
			sem_error(c->s, e->tok, NULL, "Assignment to read-only histogram bucket");
		break;
	case EX_TARGET:
	case EX_ATVAR:
	case EX_CAST:
	case EX_AUTOCAST:
		if (l->why && *l->why)
			sem_error(c->s, l->tok, NULL, "%s", l->why);
		else if (!c->s->opt.guru && !l->tok->src->library)
			sem_error(c->s, l->tok, NULL,
				  "write to target variable not permitted; need stap -g");
		else if (e->kind == EX_INCDEC || e->op != OP_ASSIGN)
			sem_error(c->s, e->tok, NULL,
				  "Only the following assign operator is implemented on target "
				  "variables: =");
		else
			sem_error(c->s, l->tok, NULL, "there is nothing to write to");
		break;
	default:
		sem_error(c->s, e->tok, l->tok, "Expecting lvalue for assignment");
	}
	check_modified(c, e, l->var);
}

static void check_list(struct checker *c, expr_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		check_expr(c, l->v[i]);
}

static void check_expr(struct checker *c, struct expr *e)
{
	struct session *s = c->s;

	if (!e)
		return;
	switch (e->kind) {
	case EX_ASSIGN:
		if (is_target(e->left)) {
			check_lvalue(c, e);
			check_expr(c, e->right);
			return;
		}
		if (e->op == OP_AGGREGATE && e->left->kind != EX_SYMBOL &&
		    e->left->kind != EX_INDEX)
			sem_error(s, e->tok, e->left->tok, "Expecting lvalue for assignment");
		else
			check_lvalue(c, e);
		break;
	case EX_INCDEC:
		check_lvalue(c, e);
		if (is_target(e->left))
			return;
		break;
	case EX_CALL:
		for (size_t i = 0; i < e->fns.n; i++) {
			struct function *f = e->fns.v[i];

			if (f->intrinsic && (f->intrinsic->flags & INTR_GURU) && !s->opt.guru &&
			    !e->tok->src->library)
				sem_error(s, e->tok, NULL,
					  "function may not be used unless -g is specified");
			else if (f->intrinsic && (f->intrinsic->flags & INTR_IMPOSSIBLE))
				sem_error(s, e->tok, NULL, "%s() is not possible: %s", f->name,
					  intrinsic_reason(f->intrinsic));
			for (size_t k = 0; k < c->iterated.n; k++)
				if (f->body && function_modifies(s, f, c->iterated.v[k]))
					sem_error(s, e->tok, NULL,
						  "function call modifies var '%s' during 'foreach' "
						  "iteration",
						  c->iterated.v[k]->name);
		}
		break;
	case EX_STAT:
	case EX_HIST:
		if (e->left->kind != EX_SYMBOL && e->left->kind != EX_INDEX)
			sem_error(s, e->left->tok, NULL, "unexpected aggregate of non-statistic");
		break;
	case EX_PRINT:
		if (e->print->hist)
			check_expr(c, e->print->hist);
		break;
	case EX_AUTOCAST:
		check_expr(c, e->left);
		sem_error(s, e->why_tok ? e->why_tok : e->tok, NULL, "%s",
			  e->why ? e->why : "unknown type in dereference");
		return;
	case EX_TARGET:
	case EX_ATVAR:
	case EX_CAST:
		sem_error(s, e->why_tok ? e->why_tok : e->tok, NULL, "%s",
			  e->why ? e->why : "unresolved target-symbol expression");
		return;
	case EX_ENTRY:
		sem_error(s, e->tok, NULL, "internal error: @entry is only valid in .return probes");
		return;
	case EX_PERF:
		sem_error(s, e->tok, NULL, "perf counter '%s' not defined", e->lit->str);
		return;
	case EX_CONST:
	case EX_ENUM:
	case EX_ENUMNAME:
		sem_error(s, e->tok, NULL, "%s", e->why ? e->why : "unresolved target-symbol expression");
		return;
	case EX_REGISTER:
	case EX_DEREF:
		if (e->kernel_side && !s->opt.guru && !e->tok->src->library)
			sem_error(s, e->tok, NULL, "using %s operator not permitted; need stap -g",
				  e->tok->text);
		else
			sem_error(s, e->tok, NULL, "%s needs a probe in a traced program",
				  e->tok->text);
		return;
	case EX_EMBEDDED:
		sem_error(s, e->tok, NULL, "embedded C code, which Tapir cannot run");
		return;
	default:
		break;
	}
	check_expr(c, e->cond);
	if (e->kind != EX_IN)
		check_expr(c, e->left);
	check_expr(c, e->right);
	check_list(c, &e->args);
	check_expr(c, e->hist);
}

static void check_delete(struct checker *c, struct expr *e)
{
	switch (e->kind) {
	case EX_SYMBOL:
		return;
	case EX_INDEX:
		if (e->hist) {
			sem_error(c->s, e->tok, NULL, "cannot delete histogram bucket entries");
			return;
		}
		check_modified(c, e, e->var);
		check_list(c, &e->args);
		return;
	default:
		sem_error(c->s, e->tok, NULL, "invalid operand of delete expression");
	}
}

static void check_stmt(struct checker *c, struct stmt *s)
{
	if (!s)
		return;
	if (s->foreach) {
		struct foreach *f = s->foreach;

		check_expr(c, f->hist);
		check_expr(c, f->limit);
		check_list(c, &f->slice);
		if (f->array)
			vec_push(&c->iterated, &c->s->arena, f->array);
		check_stmt(c, s->then);
		if (f->array)
			c->iterated.n--;
		return;
	}
	if (s->kind == ST_EMBEDDED)
		sem_error(c->s, s->tok, NULL, "embedded C code, which Tapir cannot run");
	check_expr(c, s->init);
	if (s->kind == ST_DELETE)
		check_delete(c, s->expr);
	else if (s->kind != ST_TRY)
		check_expr(c, s->expr);
	check_expr(c, s->step);
	for (size_t i = 0; i < s->body.n; i++)
		check_stmt(c, s->body.v[i]);
	check_stmt(c, s->then);
	check_stmt(c, s->otherwise);
}

void sema_check(struct session *s)
{
	struct program *p = s->program;
	struct checker c = {.s = s};

	for (size_t i = 0; i < p->handlers.n; i++)
		check_stmt(&c, p->handlers.v[i]->body);
	for (size_t i = 0; i < p->functions.n; i++) {
		struct function *f = p->functions.v[i];

		if (f->embedded && !f->intrinsic)
			sem_error(s, f->tok, NULL,
				  "function '%s' is embedded C code, which Tapir cannot run", f->name);
		check_stmt(&c, f->body);
	}
	for (size_t i = 0; i < p->probes.n; i++)
		check_expr(&c, p->probes.v[i]->condition);
}
