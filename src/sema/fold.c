/* Constant folding on trees: @defined, @probewrite, arithmetic on literals, dead branches
 * (language reference 5.11). Must come before unresolved $variables are complained about. */
#include <string.h>

#include "lang/diag.h"
#include "sema/sema.h"
#include "session.h"

struct folder {
	struct session *s;
	bool changed;
};

static bool is_number(const struct expr *e)
{
	return e && e->kind == EX_NUMBER;
}

static bool is_string(const struct expr *e)
{
	return e && e->kind == EX_STRING;
}

static void replace(struct folder *f, struct expr **slot, struct expr *with)
{
	*slot = with;
	f->changed = true;
}

static void set_number(struct folder *f, struct expr **slot, int64_t n)
{
	replace(f, slot, expr_number(&f->s->arena, (*slot)->tok, n));
}

/* Would the expression have an effect or could it fail? */
static bool has_effect(const struct expr *e)
{
	if (!e)
		return false;
	switch (e->kind) {
	case EX_CALL:
	case EX_ASSIGN:
	case EX_INCDEC:
	case EX_PRINT:
	case EX_REGEX:
	case EX_EMBEDDED:
		return true;
	default:
		break;
	}
	if (has_effect(e->cond) || has_effect(e->left) || has_effect(e->right))
		return true;
	for (size_t i = 0; i < e->args.n; i++)
		if (has_effect(e->args.v[i]))
			return true;
	return false;
}

struct resolvable {
	bool ok;
};

static bool check_resolvable(struct ast_visitor *v, struct expr **slot)
{
	switch ((*slot)->kind) {
	case EX_TARGET:
	case EX_ATVAR:
	case EX_CAST:
	case EX_AUTOCAST:
	case EX_PERF:
	case EX_CONST:
	case EX_ENUM:
	case EX_ENUMNAME:
		((struct resolvable *)v->data)->ok = false;
		return false;
	default:
		return true;
	}
}

static bool binary_value(enum op op, int64_t a, int64_t b, int64_t *r)
{
	uint64_t x = (uint64_t)a, y = (uint64_t)b;

	switch (op) {
	case OP_ADD:
		x += y;
		break;
	case OP_SUB:
		x -= y;
		break;
	case OP_MUL:
		x *= y;
		break;
	case OP_DIV:
		if (b == 0)
			return false;
		x = b == -1 ? 0 - x : (uint64_t)(a / b);
		break;
	case OP_MOD:
		if (b == 0)
			return false;
		x = b == -1 ? 0 : (uint64_t)(a % b);
		break;
	case OP_AND:
		x &= y;
		break;
	case OP_OR:
		x |= y;
		break;
	case OP_XOR:
		x ^= y;
		break;
	case OP_SHL:
		x <<= y & 63;
		break;
	case OP_SAR:
		x = (uint64_t)(a >> (y & 63));
		break;
	case OP_SHR:
		x >>= y & 63;
		break;
	default:
		return false;
	}
	*r = (int64_t)x;
	return true;
}

static int64_t comparison(enum op op, int c)
{
	switch (op) {
	case OP_LT:
		return c < 0;
	case OP_LE:
		return c <= 0;
	case OP_GT:
		return c > 0;
	case OP_GE:
		return c >= 0;
	case OP_EQ:
		return c == 0;
	default:
		return c != 0;
	}
}

static void fold_expr(struct folder *f, struct expr **slot);

static void fold_children(struct folder *f, struct expr *e)
{
	fold_expr(f, &e->cond);
	/* The left side of an assignment stays what it is, but its keys may fold. */
	fold_expr(f, &e->left);
	fold_expr(f, &e->right);
	for (size_t i = 0; i < e->args.n; i++)
		fold_expr(f, &e->args.v[i]);
	fold_expr(f, &e->hist);
	for (size_t i = 0; i < e->accessors.n; i++)
		fold_expr(f, &e->accessors.v[i].index);
	if (e->kind == EX_PRINT)
		fold_expr(f, &e->print->hist);
}

static void fold_concat(struct folder *f, struct expr **slot)
{
	struct expr *e = *slot, *r;
	struct literal *l, *a = e->left->lit, *b = e->right->lit;

	if (a->len + b->len >= f->s->opt.maxstringlen)
		return;
	r = expr_make(&f->s->arena, EX_STRING, e->left->tok);
	l = r->lit = ARENA_NEW(&f->s->arena, struct literal);
	l->tok = a->tok;
	l->is_string = true;
	l->str = arena_printf(&f->s->arena, "%s%s", a->str, b->str);
	l->len = a->len + b->len;
	l->raw = arena_printf(&f->s->arena, "%s%s", a->raw, b->raw);
	replace(f, slot, r);
}

static void fold_logical(struct folder *f, struct expr **slot)
{
	struct expr *e = *slot;
	bool is_or = e->op == OP_LOR;

	if (is_number(e->left) && (e->left->lit->num != 0) == is_or) {
		set_number(f, slot, is_or);
	} else if (is_number(e->left) && is_number(e->right)) {
		set_number(f, slot, e->right->lit->num != 0);
	} else if (is_number(e->right) && (e->right->lit->num != 0) == is_or &&
		   !has_effect(e->left)) {
		set_number(f, slot, is_or);
	}
}

static void fold_expr(struct folder *f, struct expr **slot)
{
	struct expr *e = *slot;
	int64_t n;

	if (!e)
		return;
	if (e->kind == EX_DEFINED) {
		struct resolvable r = {true};
		struct ast_visitor v = {.on_expr = check_resolvable, .data = &r};

		ast_walk_expr(&v, &e->left);
		set_number(f, slot, r.ok);
		return;
	}
	if (e->kind == EX_PROBEWRITE) {
		set_number(f, slot, 0); /* not in an alias: no body to ask about */
		return;
	}
	fold_children(f, e);
	switch (e->kind) {
	case EX_BINARY:
		if (is_number(e->left) && is_number(e->right) &&
		    binary_value(e->op, e->left->lit->num, e->right->lit->num, &n))
			set_number(f, slot, n);
		break;
	case EX_COMPARE:
		if (is_number(e->left) && is_number(e->right)) {
			int64_t a = e->left->lit->num, b = e->right->lit->num;

			set_number(f, slot, comparison(e->op, (a > b) - (a < b)));
		} else if (is_string(e->left) && is_string(e->right)) {
			set_number(f, slot, comparison(e->op, strcmp(e->left->lit->str,
								     e->right->lit->str)));
		}
		break;
	case EX_LOGICAL:
		fold_logical(f, slot);
		break;
	case EX_UNARY:
		if (!is_number(e->left))
			break;
		n = e->left->lit->num;
		set_number(f, slot,
			   e->op == OP_NEG	? (int64_t)(0 - (uint64_t)n)
			   : e->op == OP_NOT	? n == 0
			   : e->op == OP_INVERT ? ~n
						: n);
		break;
	case EX_CONCAT:
		if (is_string(e->left) && is_string(e->right))
			fold_concat(f, slot);
		break;
	case EX_TERNARY:
		if (is_number(e->cond))
			replace(f, slot, e->cond->lit->num ? e->left : e->right);
		break;
	default:
		break;
	}
}

static void fold_stmt(struct folder *f, struct stmt **slot)
{
	struct stmt *s = *slot;
	struct foreach *fe;
	bool keep_dead;

	if (!s)
		return;
	/* -u keeps what a written constant makes dead; not what @defined() guards. */
	keep_dead = f->s->opt.unoptimized && is_number(s->expr);
	fold_expr(f, &s->init);
	if (s->kind != ST_TRY)
		fold_expr(f, &s->expr);
	fold_expr(f, &s->step);
	if ((fe = s->foreach)) {
		for (size_t i = 0; i < fe->slice.n; i++)
			fold_expr(f, &fe->slice.v[i]);
		fold_expr(f, &fe->limit);
		fold_expr(f, &fe->hist);
	}
	if (s->kind == ST_IF && is_number(s->expr) && !keep_dead) {
		struct stmt *keep = s->expr->lit->num ? s->then : s->otherwise;

		*slot = keep ? keep : stmt_make(&f->s->arena, ST_NULL, s->tok);
		f->changed = true;
		fold_stmt(f, slot);
		return;
	}
	if (s->kind == ST_LOOP && is_number(s->expr)) {
		if (!s->expr->lit->num) {
			struct stmt *init = stmt_make(&f->s->arena, s->init ? ST_EXPR : ST_NULL,
						      s->init ? s->init->tok : s->tok);

			init->expr = s->init;
			*slot = init;
			f->changed = true;
			return;
		}
		s->expr = NULL;
	}
	for (size_t i = 0; i < s->body.n; i++)
		fold_stmt(f, &s->body.v[i]);
	fold_stmt(f, &s->then);
	fold_stmt(f, &s->otherwise);
}

void sema_fold(struct session *s, bool *changed)
{
	struct folder f = {.s = s};

	for (size_t i = 0; i < s->program->handlers.n; i++) {
		fold_stmt(&f, &s->program->handlers.v[i]->body);
	}
	for (size_t i = 0; i < s->program->functions.n; i++)
		if (s->program->functions.v[i]->body)
			fold_stmt(&f, &s->program->functions.v[i]->body);
	*changed |= f.changed;
}
