/* Removal of what has no effect, with its warnings (language reference 5.11), and the accounting of
 * reads and writes that it and the automatic display of globals rest on.
 *
 * A read is a use of the value; `=`, `<<<` and updates whose own value is thrown away are none. */
#include <string.h>

#include "lang/diag.h"
#include "rt/intrinsic.h"
#include "sema/sema.h"
#include "session.h"

/* ------------------------------------------------------------------ reads and writes */

static void count_expr(struct expr *e, bool value_used);

static void count_lvalue(struct expr *l, bool read)
{
	if ((l->kind == EX_SYMBOL || l->kind == EX_INDEX) && l->var) {
		l->var->n_writes++;
		if (read)
			l->var->n_reads++;
		for (size_t i = 0; i < l->args.n; i++)
			count_expr(l->args.v[i], true);
	} else {
		count_expr(l, true);
	}
}

static void count_expr(struct expr *e, bool value_used)
{
	if (!e)
		return;
	switch (e->kind) {
	case EX_ASSIGN:
		count_lvalue(e->left,
			     value_used && e->op != OP_ASSIGN && e->op != OP_AGGREGATE);
		count_expr(e->right, true);
		return;
	case EX_INCDEC:
		count_lvalue(e->left, value_used);
		return;
	case EX_SYMBOL:
	case EX_INDEX:
	case EX_IN:
		if (e->var)
			e->var->n_reads++;
		break;
	default:
		break;
	}
	count_expr(e->cond, true);
	if (e->kind != EX_IN)
		count_expr(e->left, true);
	count_expr(e->right, true);
	for (size_t i = 0; i < e->args.n; i++)
		count_expr(e->args.v[i], true);
	count_expr(e->hist, true);
	for (size_t i = 0; i < e->accessors.n; i++)
		count_expr(e->accessors.v[i].index, true);
	if (e->kind == EX_PRINT)
		count_expr(e->print->hist, true);
}

static void count_written(struct expr *e)
{
	if (e && e->var)
		e->var->n_writes++;
}

static void count_stmt(struct stmt *s)
{
	struct foreach *f;

	if (!s)
		return;
	if ((f = s->foreach)) {
		if (f->array)
			f->array->n_reads++;
		count_expr(f->hist, true);
		count_expr(f->limit, true);
		for (size_t i = 0; i < f->slice.n; i++)
			count_expr(f->slice.v[i], true);
		count_written(f->value);
		for (size_t i = 0; i < f->keys.n; i++)
			count_written(f->keys.v[i]);
	}
	count_expr(s->init, false);
	if (s->kind == ST_TRY)
		count_written(s->expr);
	else
		count_expr(s->expr, s->kind != ST_EXPR);
	count_expr(s->step, false);
	for (size_t i = 0; i < s->body.n; i++)
		count_stmt(s->body.v[i]);
	count_stmt(s->then);
	count_stmt(s->otherwise);
}

static void reset(var_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		l->v[i]->n_reads = l->v[i]->n_writes = 0;
}

void sema_count_uses(struct session *s)
{
	struct program *p = s->program;

	reset(&p->globals);
	for (size_t i = 0; i < p->functions.n; i++) {
		reset(&p->functions.v[i]->locals);
		reset(&p->functions.v[i]->params);
	}
	for (size_t i = 0; i < p->handlers.n; i++)
		reset(&p->handlers.v[i]->locals);
	for (size_t i = 0; i < p->handlers.n; i++)
		count_stmt(p->handlers.v[i]->body);
	for (size_t i = 0; i < p->functions.n; i++)
		count_stmt(p->functions.v[i]->body);
	for (size_t i = 0; i < p->probes.n; i++)
		count_expr(p->probes.v[i]->condition, true);
}

/* ------------------------------------------------------------------ effects */

static bool has_effect(const struct expr *e)
{
	if (!e)
		return false;
	switch (e->kind) {
	case EX_ASSIGN:
	case EX_INCDEC:
	case EX_REGEX:
	case EX_EMBEDDED:
		return true;
	case EX_PRINT:
		if (!e->print->to_string)
			return true;
		break;
	case EX_CALL:
		for (size_t i = 0; i < e->fns.n; i++)
			if (!e->fns.v[i]->pure)
				return true;
		if (!e->fns.n)
			return true;
		break;
	default:
		break;
	}
	if (has_effect(e->cond) || has_effect(e->left) || has_effect(e->right))
		return true;
	for (size_t i = 0; i < e->args.n; i++)
		if (has_effect(e->args.v[i]))
			return true;
	for (size_t i = 0; i < e->accessors.n; i++)
		if (has_effect(e->accessors.v[i].index))
			return true;
	return false;
}

struct purity {
	bool pure;
};

static bool pure_expr(struct ast_visitor *v, struct expr **slot)
{
	struct purity *p = v->data;
	const struct expr *e = *slot;

	if (e->kind == EX_ASSIGN || e->kind == EX_INCDEC) {
		if (!e->left->var || e->left->var->kind == VAR_GLOBAL)
			p->pure = false;
	} else if (e->kind == EX_CALL) {
		for (size_t i = 0; i < e->fns.n; i++)
			if (!e->fns.v[i]->pure)
				p->pure = false;
		if (!e->fns.n)
			p->pure = false;
	} else if ((e->kind == EX_PRINT && !e->print->to_string) || e->kind == EX_EMBEDDED ||
		   e->kind == EX_REGEX) {
		p->pure = false;
	}
	return p->pure;
}

static bool pure_stmt(struct ast_visitor *v, struct stmt **slot)
{
	struct purity *p = v->data;
	const struct stmt *s = *slot;

	if (s->kind == ST_DELETE || s->kind == ST_NEXT || s->kind == ST_EMBEDDED)
		p->pure = false;
	if (s->foreach) {
		for (size_t i = 0; i < s->foreach->keys.n; i++)
			if (s->foreach->keys.v[i]->var &&
			    s->foreach->keys.v[i]->var->kind == VAR_GLOBAL)
				p->pure = false;
	}
	return p->pure;
}

static void find_pure(struct session *s)
{
	struct program *prog = s->program;
	bool changed = true;

	for (size_t i = 0; i < prog->functions.n; i++) {
		struct function *f = prog->functions.v[i];

		f->pure = f->intrinsic ? (f->intrinsic->flags & (INTR_PURE | INTR_STABLE | INTR_READS)) &&
						 !(f->intrinsic->flags & INTR_ABORTS)
				       : f->body != NULL;
	}
	while (changed) {
		changed = false;
		for (size_t i = 0; i < prog->functions.n; i++) {
			struct function *f = prog->functions.v[i];
			struct purity p = {true};
			struct ast_visitor v = {pure_expr, pure_stmt, &p};
			struct stmt *body = f->body;

			if (!f->pure || f->intrinsic)
				continue;
			ast_walk_stmt(&v, &body);
			if (!p.pure) {
				f->pure = false;
				changed = true;
			}
		}
	}
}

/* ------------------------------------------------------------------ elision */

struct elider {
	struct session *s;
	bool changed;
};

static bool in_user_text(const struct token *t)
{
	return t && !t->src->library;
}

static bool is_dead(const struct session *s, const struct var *v)
{
	if (!v || v->n_reads)
		return false;
	/* Unread globals of the user are displayed at the end. */
	return v->kind != VAR_GLOBAL || (v->tok->src->library && s->library);
}

static void elide_expr(struct elider *el, struct expr **slot)
{
	struct expr *e = *slot;

	if (!e)
		return;
	elide_expr(el, &e->cond);
	if (e->kind != EX_IN)
		elide_expr(el, &e->left);
	elide_expr(el, &e->right);
	for (size_t i = 0; i < e->args.n; i++)
		elide_expr(el, &e->args.v[i]);
	for (size_t i = 0; i < e->accessors.n; i++)
		elide_expr(el, &e->accessors.v[i].index);
	if (e->kind == EX_ASSIGN && (e->left->kind == EX_SYMBOL || e->left->kind == EX_INDEX) &&
	    is_dead(el->s, e->left->var)) {
		for (size_t i = 0; i < e->left->args.n; i++)
			if (has_effect(e->left->args.v[i]))
				return;
		if (e->left->var->kind != VAR_GLOBAL && in_user_text(e->tok))
			sem_warn(el->s, e->tok, "Eliding assignment to '%s'", e->left->name);
		e->left->var->elision_reported = true;
		*slot = e->right;
		/* What is left may be a lone literal: not worth a second warning. */
		(*slot)->parenthesized = false;
		el->changed = true;
	}
}

static bool is_empty(const struct stmt *s)
{
	if (!s || s->kind == ST_NULL)
		return true;
	if (s->kind != ST_BLOCK)
		return false;
	for (size_t i = 0; i < s->body.n; i++)
		if (!is_empty(s->body.v[i]))
			return false;
	return true;
}

static void make_null(struct elider *el, struct stmt **slot)
{
	*slot = stmt_make(&el->s->arena, ST_NULL, (*slot)->tok);
	el->changed = true;
}

static void elide_stmt(struct elider *el, struct stmt **slot)
{
	struct stmt *s = *slot;

	if (!s)
		return;
	elide_expr(el, &s->init);
	if (s->kind != ST_TRY && s->kind != ST_DELETE) {
		struct expr *before = s->expr;

		elide_expr(el, &s->expr);
		if (s->kind == ST_EXPR && !has_effect(s->expr)) {
			if (s->expr == before && in_user_text(s->tok))
				sem_warn(el->s, s->expr->tok, "Eliding side-effect-free expression ");
			make_null(el, slot);
			return;
		}
	}
	elide_expr(el, &s->step);
	if (s->foreach) {
		for (size_t i = 0; i < s->foreach->slice.n; i++)
			elide_expr(el, &s->foreach->slice.v[i]);
		elide_expr(el, &s->foreach->limit);
	}
	for (size_t i = 0; i < s->body.n; i++)
		elide_stmt(el, &s->body.v[i]);
	elide_stmt(el, &s->then);
	elide_stmt(el, &s->otherwise);
	switch (s->kind) {
	case ST_BLOCK: {
		size_t n = 0;

		for (size_t i = 0; i < s->body.n; i++)
			if (!is_empty(s->body.v[i]))
				s->body.v[n++] = s->body.v[i];
		s->body.n = n;
		break;
	}
	case ST_IF:
		if (is_empty(s->then) && is_empty(s->otherwise)) {
			if (!has_effect(s->expr)) {
				make_null(el, slot);
			} else {
				struct stmt *x = stmt_make(&el->s->arena, ST_EXPR, s->expr->tok);

				x->expr = s->expr;
				*slot = x;
				el->changed = true;
			}
		}
		break;
	case ST_FOREACH:
		/* The key variables keep their last values: dead only if nobody reads them. */
		if (is_empty(s->then) && !has_effect(s->foreach->limit)) {
			bool read = s->foreach->value && !is_dead(el->s, s->foreach->value->var);

			for (size_t i = 0; i < s->foreach->keys.n; i++)
				read |= !is_dead(el->s, s->foreach->keys.v[i]->var);
			for (size_t i = 0; i < s->foreach->slice.n; i++)
				read |= has_effect(s->foreach->slice.v[i]);
			if (!read)
				make_null(el, slot);
		}
		break;
	case ST_TRY:
		if (is_empty(s->then))
			make_null(el, slot);
		break;
	default:
		break;
	}
}

/* ------------------------------------------------------------------ what is still reached */

struct reach {
	struct session *s;
	struct map functions;
	VEC(struct function *) fns;
	var_list globals;
};

static void reach_var(struct reach *r, struct var *v)
{
	if (v && v->kind == VAR_GLOBAL && !v->used) {
		v->used = true;
		vec_push(&r->globals, &r->s->arena, v);
	}
}

static bool reach_expr(struct ast_visitor *v, struct expr **slot)
{
	struct reach *r = v->data;
	struct expr *e = *slot;

	/* Left operand first, as the dump orders globals. */
	reach_var(r, e->kind == EX_ASSIGN || e->kind == EX_INCDEC ? NULL : e->var);
	for (size_t i = 0; i < e->fns.n; i++)
		if (!e->fns.v[i]->used) {
			e->fns.v[i]->used = true;
			vec_push(&r->fns, &r->s->arena, e->fns.v[i]);
		}
	return true;
}

static bool reach_stmt(struct ast_visitor *v, struct stmt **slot)
{
	struct reach *r = v->data;

	if ((*slot)->foreach)
		reach_var(r, (*slot)->foreach->array);
	return true;
}

/* Rebuilds program->functions and ->globals from what the handlers still reach. */
static void recompute(struct session *s)
{
	struct program *p = s->program;
	struct reach r = {.s = s};
	struct ast_visitor v = {reach_expr, reach_stmt, &r};

	for (size_t i = 0; i < p->functions.n; i++)
		p->functions.v[i]->used = false;
	for (size_t i = 0; i < p->globals.n; i++)
		p->globals.v[i]->used = false;
	for (size_t i = 0; i < p->handlers.n; i++)
		ast_walk_stmt(&v, &p->handlers.v[i]->body);
	for (size_t i = 0; i < p->probes.n; i++)
		ast_walk_expr(&v, &p->probes.v[i]->condition);
	for (size_t i = 0; i < r.fns.n; i++) {
		struct function *f = r.fns.v[i];

		ast_walk_stmt(&v, &f->body);
		if (f->next_overload && !f->next_overload->used) {
			f->next_overload->used = true;
			vec_push(&r.fns, &s->arena, f->next_overload);
		}
	}
	size_t n = 0;

	for (size_t i = 0; i < p->functions.n; i++)
		if (p->functions.v[i]->used)
			p->functions.v[n++] = p->functions.v[i];
	p->functions.n = n;
	p->globals = r.globals;
	for (size_t i = 0; i < p->globals.n; i++)
		p->globals.v[i]->id = (int)i;
}

static void drop_empty_probes(struct session *s, bool *changed)
{
	struct program *p = s->program;
	size_t n = 0;

	for (size_t i = 0; i < p->probes.n; i++) {
		struct probe_inst *inst = p->probes.v[i];

		if (!is_empty(inst->handler->body) && !inst->counts) {
			p->probes.v[n++] = inst;
			continue;
		}
		if (inst->handler->user && !inst->counts)
			sem_warn(s, inst->handler->tok, "Probe '%s' has been elided",
				 inst->point->comps.v[0].name);
		*changed = true;
	}
	p->probes.n = n;
	n = 0;
	for (size_t i = 0; i < p->handlers.n; i++)
		if (!is_empty(p->handlers.v[i]->body)) {
			p->handlers.v[i]->id = (int)n;
			p->handlers.v[n++] = p->handlers.v[i];
		}
	p->handlers.n = n;
}

static void drop_locals(struct session *s, var_list *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++) {
		struct var *v = l->v[i];

		if (v->n_reads || v->n_writes) {
			v->id = (int)n;
			l->v[n++] = v;
		} else if (!v->elision_reported && in_user_text(v->tok)) {
			sem_warn(s, v->tok, "Eliding unused variable '%s'", v->name);
		}
	}
	l->n = n;
}

void sema_elide(struct session *s, bool *changed)
{
	struct program *p = s->program;
	struct elider el = {.s = s};

	recompute(s);
	sema_count_uses(s);
	find_pure(s);
	for (size_t i = 0; i < p->functions.n; i++) {
		struct function *f = p->functions.v[i];

		elide_stmt(&el, &f->body);
		if (f->body && is_empty(f->body) && !f->elision_reported && in_user_text(f->tok)) {
			f->elision_reported = true;
			sem_warn(s, f->tok, "side-effect-free function '%s'", f->name);
		}
	}
	for (size_t i = 0; i < p->handlers.n; i++)
		elide_stmt(&el, &p->handlers.v[i]->body);
	recompute(s);
	*changed |= el.changed;
}

static bool set_on_command_line(const struct session *s, const char *name)
{
	for (size_t i = 0; i < s->opt.global_inits.n; i++)
		if (strcmp(s->opt.global_inits.v[i].name, name) == 0)
			return true;
	return false;
}

static void never_assigned(struct session *s, var_list *l, const var_list *globals)
{
	for (size_t i = 0; i < l->n; i++) {
		struct var *v = l->v[i];
		VEC(const char *) names = {0};

		if (v->n_writes || !v->n_reads || v->init || !in_user_text(v->tok))
			continue;
		if (v->kind == VAR_GLOBAL && set_on_command_line(s, v->name))
			continue;
		if (l != globals)
			for (size_t k = 0; k < l->n; k++)
				if (l->v[k] != v)
					vec_push(&names, &s->arena, l->v[k]->name);
		for (size_t k = 0; k < globals->n; k++)
			if (globals->v[k] != v && in_user_text(globals->v[k]->tok))
				vec_push(&names, &s->arena, globals->v[k]->name);
		sem_warn(s, v->tok, "never-assigned %s variable '%s'%s",
			 v->kind == VAR_GLOBAL ? "global" : "local", v->name,
			 names.n ? arena_printf(&s->arena, " %s",
						diag_similar(s, v->name, names.v, names.n) + 1)
				 : "");
	}
}

void sema_optimize(struct session *s)
{
	struct program *p = s->program;
	bool changed = true;

	if (s->opt.unoptimized) {
		/* Even then @defined must be decided. */
		sema_fold(s, &changed);
		sema_count_uses(s);
		find_pure(s);
	} else {
		while (changed) {
			changed = false;
			sema_fold(s, &changed);
			sema_elide(s, &changed);
			drop_empty_probes(s, &changed);
		}
		sema_count_uses(s);
		for (size_t i = 0; i < p->handlers.n; i++)
			drop_locals(s, &p->handlers.v[i]->locals);
		for (size_t i = 0; i < p->functions.n; i++)
			drop_locals(s, &p->functions.v[i]->locals);
	}
	for (size_t i = 0; i < p->handlers.n; i++)
		never_assigned(s, &p->handlers.v[i]->locals, &p->globals);
	for (size_t i = 0; i < p->functions.n; i++)
		never_assigned(s, &p->functions.v[i]->locals, &p->globals);
	never_assigned(s, &p->globals, &p->globals);
}
