/* Type inference (language reference 4): one type a variable, key slot, parameter and function result,
 * found by sweeping over everything until nothing changes.
 *
 * infer(e, t) says "e is used as a t" (TY_UNKNOWN: no matter) and learns what it can both ways. A
 * contradiction is reported once a token, the first deduction counting as right. */
#include <string.h>

#include "lang/diag.h"
#include "sema/sema.h"
#include "session.h"

struct inference {
	struct session *s;
	bool changed;
	bool final; /* last sweep: what is still unknown is an error */
	struct function *fn;
	struct map reported; /* places that have had their error */
};

static bool first_report(struct inference *in, const struct token *t)
{
	const char *key = arena_printf(&in->s->arena, "%p", (const void *)t);

	if (map_get(&in->reported, key))
		return false;
	map_set(&in->reported, &in->s->arena, key, in);
	return true;
}

static void mismatch(struct inference *in, const struct token *t, enum type want, enum type have)
{
	if (first_report(in, t))
		sem_error(in->s, t, NULL, "type mismatch: expected %s but found %s",
			  type_name(want), type_name(have));
}

static void mismatch_decl(struct inference *in, const struct token *t, enum type want,
			  const struct token *first, enum type have)
{
	if (!first_report(in, t))
		return;
	sem_error(in->s, t, NULL, "type mismatch (%s)", type_name(want));
	if (first)
		sem_note(in->s, first, "type was first inferred here (%s)", type_name(have));
}

static void invalid(struct inference *in, const struct token *t, enum type type)
{
	if (first_report(in, t))
		sem_error(in->s, t, NULL, "invalid type %s", type_name(type));
}

/* Settles what a declaration is; false on contradiction. */
static bool settle(struct inference *in, enum type *slot, const struct token **where, enum type t,
		   const struct token *tok)
{
	if (t == TY_UNKNOWN || *slot == t)
		return true;
	if (*slot != TY_UNKNOWN)
		return false;
	*slot = t;
	*where = tok;
	in->changed = true;
	return true;
}

static enum type infer(struct inference *in, struct expr *e, enum type t);

/* e has this type for sure; t is what the context wants. */
static enum type known(struct inference *in, struct expr *e, enum type have, enum type t)
{
	e->type = have;
	if (t != TY_UNKNOWN && t != have)
		mismatch(in, e->tok, t, have);
	return have;
}

static void unresolved(struct inference *in, const struct token *t)
{
	if (in->final && first_report(in, t))
		sem_error(in->s, t, NULL, "unresolved type ");
}

static enum type infer_var(struct inference *in, struct expr *e, enum type t)
{
	struct var *v = e->var;

	if (!v)
		return t;
	if (v->kind == VAR_GLOBAL && v->init)
		settle(in, &v->type, &v->type_tok, v->init->is_string ? TY_STRING : TY_LONG, v->tok);
	if (!settle(in, &v->type, &v->type_tok, t, e->tok))
		mismatch_decl(in, e->tok, t, v->type_tok ? v->type_tok : v->tok, v->type);
	e->type = v->type;
	if (e->type == TY_UNKNOWN)
		unresolved(in, e->tok);
	return e->type;
}

static void infer_keys(struct inference *in, struct var *v, expr_list *keys)
{
	for (size_t i = 0; i < keys->n && i < MAX_KEYS; i++) {
		struct expr *k = keys->v[i];
		enum type t;

		if (!k)
			continue;
		t = infer(in, k, v ? v->key_type[i] : TY_UNKNOWN);
		if (t == TY_STATS) {
			invalid(in, k->tok, t);
		} else if (v && !settle(in, &v->key_type[i], &v->key_tok[i], t, k->tok) &&
			   first_report(in, k->tok)) {
			sem_error(in->s, k->tok, NULL, "index %zu type mismatch (%s)", i,
				  type_name(t));
			sem_note(in->s, v->key_tok[i], "type of index %zu was first inferred here (%s)",
				 i, type_name(v->key_type[i]));
		}
	}
}

static enum type infer_lvalue(struct inference *in, struct expr *l, enum type t)
{
	if (l->kind == EX_SYMBOL)
		return infer_var(in, l, t);
	return infer(in, l, t);
}

static enum type infer_assign(struct inference *in, struct expr *e, enum type t)
{
	enum type l, r;

	if (e->op == OP_AGGREGATE) {
		infer_lvalue(in, e->left, TY_STATS);
		infer(in, e->right, TY_LONG);
		return known(in, e, TY_LONG, t);
	}
	if (e->op == OP_CONCAT || e->op != OP_ASSIGN) {
		enum type of = e->op == OP_CONCAT ? TY_STRING : TY_LONG;

		infer_lvalue(in, e->left, of);
		infer(in, e->right, of);
		return known(in, e, of, t);
	}
	l = infer_lvalue(in, e->left, t);
	/* What cannot be written: check.c tells why, not that it is a number. */
	r = infer(in, e->right, e->left->kind == EX_TARGET ? TY_UNKNOWN : l);
	if (r == TY_STATS)
		invalid(in, e->right->tok, r);
	if (l == TY_UNKNOWN && r != TY_UNKNOWN)
		l = infer_lvalue(in, e->left, r);
	return e->type = l;
}

static enum type infer_call(struct inference *in, struct expr *e, enum type t)
{
	if (t == TY_UNKNOWN)
		t = e->type;
	for (size_t k = 0; k < e->fns.n; k++) {
		struct function *f = e->fns.v[k];

		if (f->type == TY_UNKNOWN && f->declared_type != TY_UNKNOWN)
			settle(in, &f->type, &f->type_tok, f->declared_type, f->tok);
		if (f->intrinsic || f->embedded) {
			/* No result: only as a statement. */
			if (f->type != TY_UNKNOWN && t != TY_UNKNOWN && f->type != t)
				mismatch_decl(in, e->tok, t, f->tok, f->type);
			else if (f->type == TY_UNKNOWN && t != TY_UNKNOWN)
				unresolved(in, e->tok);
		} else if (!settle(in, &f->type, &f->type_tok, t, e->tok)) {
			mismatch_decl(in, e->tok, t, f->type_tok, f->type);
		}
		for (size_t i = 0; i < e->args.n && i < f->params.n; i++) {
			struct var *p = f->params.v[i];
			enum type a = infer(in, e->args.v[i], p->type);

			if (a == TY_STATS) {
				invalid(in, e->args.v[i]->tok, a);
			} else if (!settle(in, &p->type, &p->type_tok, a, e->args.v[i]->tok) &&
				   first_report(in, e->args.v[i]->tok)) {
				sem_error(in->s, e->args.v[i]->tok, NULL, "type mismatch (%s)",
					  type_name(a));
				sem_note(in->s, p->type_tok ? p->type_tok : p->tok,
					 "type was first inferred here (%s)", type_name(p->type));
			}
		}
		e->type = f->type;
		/* All overloads of a call give the same type. */
		if (t == TY_UNKNOWN)
			t = f->type;
	}
	return e->type;
}

/* Fills in the parts of an unformatted print from the types of its arguments. */
static void print_parts(struct inference *in, struct expr *e)
{
	struct print *k = e->print;
	struct arena *a = &in->s->arena;

	k->parts.n = 0;
	for (size_t i = 0; i < e->args.n; i++) {
		struct fmt_part f = {.width = FMT_NONE, .precision = FMT_NONE};

		if (i && k->delimited && k->delimiter->len) {
			struct fmt_part d = {.conv = CONV_LITERAL,
					     .text = k->delimiter->str,
					     .len = k->delimiter->len};

			vec_push(&k->parts, a, d);
		}
		f.conv = k->is_char ? CONV_CHAR
			 : e->args.v[i]->type == TY_STRING ? CONV_STRING
							   : CONV_DEC;
		vec_push(&k->parts, a, f);
	}
	if (k->newline) {
		struct fmt_part nl = {.conv = CONV_LITERAL, .text = "\n", .len = 1};

		vec_push(&k->parts, a, nl);
	}
}

static enum type infer_print(struct inference *in, struct expr *e, enum type t)
{
	struct print *k = e->print;
	size_t arg = 0;

	if (k->hist) {
		infer(in, k->hist->left, TY_STATS);
	} else if (k->formatted) {
		for (size_t i = 0; i < k->parts.n; i++) {
			const struct fmt_part *f = &k->parts.v[i];

			if (f->conv == CONV_LITERAL)
				continue;
			if (f->width == FMT_DYNAMIC && arg < e->args.n)
				infer(in, e->args.v[arg++], TY_LONG);
			if (f->precision == FMT_DYNAMIC && arg < e->args.n)
				infer(in, e->args.v[arg++], TY_LONG);
			if (arg < e->args.n)
				infer(in, e->args.v[arg++],
				      f->conv == CONV_STRING ? TY_STRING : TY_LONG);
		}
	} else {
		for (size_t i = 0; i < e->args.n; i++) {
			enum type a = infer(in, e->args.v[i], k->is_char ? TY_LONG : TY_UNKNOWN);

			if (a == TY_STATS && first_report(in, e->args.v[i]->tok))
				sem_error(in->s, e->args.v[i]->tok, NULL,
					  "cannot print a raw stats object");
			else if (a == TY_UNKNOWN)
				unresolved(in, e->args.v[i]->tok);
		}
		if (in->final)
			print_parts(in, e);
	}
	return known(in, e, k->to_string ? TY_STRING : TY_LONG, t);
}

static enum type infer(struct inference *in, struct expr *e, enum type t)
{
	enum type l, r;

	if (!e)
		return TY_UNKNOWN;
	switch (e->kind) {
	case EX_NUMBER:
		return known(in, e, TY_LONG, t);
	case EX_STRING:
		return known(in, e, TY_STRING, t);
	case EX_SYMBOL:
		return infer_var(in, e, t);
	case EX_INDEX:
		if (e->hist) {
			infer(in, e->hist->left, TY_STATS);
			for (size_t i = 0; i < e->args.n; i++)
				infer(in, e->args.v[i], TY_LONG);
			return known(in, e, TY_LONG, t);
		}
		infer_keys(in, e->var, &e->args);
		return infer_var(in, e, t);
	case EX_IN:
		if (e->hist) {
			infer(in, e->hist->left, TY_STATS);
			for (size_t i = 0; i < e->args.n; i++)
				infer(in, e->args.v[i], TY_LONG);
		} else {
			infer_keys(in, e->var, &e->args);
		}
		return known(in, e, TY_LONG, t);
	case EX_CALL:
		return infer_call(in, e, t);
	case EX_BINARY:
	case EX_LOGICAL:
		infer(in, e->left, TY_LONG);
		infer(in, e->right, TY_LONG);
		return known(in, e, TY_LONG, t);
	case EX_CONCAT:
		infer(in, e->left, TY_STRING);
		infer(in, e->right, TY_STRING);
		return known(in, e, TY_STRING, t);
	case EX_REGEX:
		infer(in, e->left, TY_STRING);
		infer(in, e->right, TY_STRING);
		return known(in, e, TY_LONG, t);
	case EX_COMPARE:
		l = infer(in, e->left, TY_UNKNOWN);
		r = infer(in, e->right, TY_UNKNOWN);
		if (l == TY_STATS || r == TY_STATS) {
			invalid(in, e->tok, TY_STATS);
		} else if (l != TY_UNKNOWN && r != TY_UNKNOWN && l != r) {
			if (first_report(in, e->tok))
				sem_error(in->s, e->tok, NULL,
					  "type mismatch: left and right sides don't agree (%s vs %s)",
					  type_name(l), type_name(r));
		} else if (l == TY_UNKNOWN && r != TY_UNKNOWN) {
			infer(in, e->left, r);
		} else if (r == TY_UNKNOWN && l != TY_UNKNOWN) {
			infer(in, e->right, l);
		}
		return known(in, e, TY_LONG, t);
	case EX_UNARY:
		infer(in, e->left, TY_LONG);
		return known(in, e, TY_LONG, t);
	case EX_INCDEC:
		infer_lvalue(in, e->left, TY_LONG);
		return known(in, e, TY_LONG, t);
	case EX_ASSIGN:
		return infer_assign(in, e, t);
	case EX_TERNARY:
		infer(in, e->cond, TY_LONG);
		l = infer(in, e->left, t);
		r = infer(in, e->right, t != TY_UNKNOWN ? t : l);
		if (l == TY_UNKNOWN && r != TY_UNKNOWN)
			l = infer(in, e->left, r);
		if (l == TY_STATS || r == TY_STATS)
			invalid(in, e->tok, TY_STATS);
		return e->type = l != TY_UNKNOWN ? l : r;
	case EX_PRINT:
		return infer_print(in, e, t);
	case EX_STAT:
		infer(in, e->left, TY_STATS);
		return known(in, e, TY_LONG, t);
	case EX_HIST:
		infer(in, e->left, TY_STATS);
		return known(in, e, TY_STATS, t);
	case EX_ENUMNAME:
		infer(in, e->left, TY_LONG);
		return known(in, e, TY_STRING, t);
	case EX_ENTRY:
		return e->type = infer(in, e->left, t);
	case EX_TARGET:
	case EX_ATVAR:
	case EX_CAST:
	case EX_AUTOCAST:
		infer(in, e->left, TY_LONG);
		for (size_t i = 0; i < e->accessors.n; i++)
			infer(in, e->accessors.v[i].index, TY_LONG);
		e->type = e->suffix || (e->kind == EX_TARGET && e->name[1] == '$') ? TY_STRING
										   : TY_LONG;
		return e->type;
	case EX_DEFINED:
	case EX_PROBEWRITE:
	case EX_PERF:
	case EX_CONST:
	case EX_ENUM:
		return known(in, e, TY_LONG, t);
	case EX_REGISTER:
	case EX_DEREF:
		infer(in, e->left, TY_LONG);
		infer(in, e->right, TY_LONG);
		return known(in, e, TY_LONG, t);
	case EX_CONTEXT:
		infer(in, e->left, TY_LONG);
		return known(in, e, TY_LONG, t);
	case EX_EMBEDDED:
		return known(in, e, strstr(e->embedded, "/* string */") ? TY_STRING : TY_LONG, t);
	}
	return TY_UNKNOWN;
}

static void infer_foreach(struct inference *in, struct foreach *f)
{
	infer(in, f->limit, TY_LONG);
	if (f->hist) {
		infer(in, f->hist->left, TY_STATS);
		for (size_t i = 0; i < f->keys.n; i++)
			infer(in, f->keys.v[i], TY_LONG);
		infer(in, f->value, TY_LONG);
		return;
	}
	if (f->array) {
		for (size_t i = 0; i < f->keys.n && i < MAX_KEYS; i++) {
			enum type t = infer(in, f->keys.v[i], f->array->key_type[i]);

			settle(in, &f->array->key_type[i], &f->array->key_tok[i], t,
			       f->keys.v[i]->tok);
		}
		infer_keys(in, f->array, &f->slice);
		if (f->value) {
			if (f->array->type == TY_STATS)
				invalid(in, f->value->tok, TY_STATS);
			else
				settle(in, &f->array->type, &f->array->type_tok,
				       infer(in, f->value, f->array->type), f->value->tok);
		}
		if (f->sort_by_stat && f->array->type != TY_STATS && f->array->type != TY_UNKNOWN)
			invalid(in, f->name_tok, f->array->type);
		if (f->sort_by_stat)
			settle(in, &f->array->type, &f->array->type_tok, TY_STATS, f->name_tok);
	}
}

static void infer_stmt(struct inference *in, struct stmt *s)
{
	if (!s)
		return;
	switch (s->kind) {
	case ST_IF:
	case ST_LOOP:
		infer(in, s->init, TY_UNKNOWN);
		infer(in, s->expr, TY_LONG);
		infer(in, s->step, TY_UNKNOWN);
		break;
	case ST_FOREACH:
		infer_foreach(in, s->foreach);
		break;
	case ST_TRY:
		infer(in, s->expr, TY_STRING);
		break;
	case ST_RETURN:
		if (s->expr && in->fn) {
			struct function *f = in->fn;
			enum type t;

			if (f->type == TY_UNKNOWN && f->declared_type != TY_UNKNOWN)
				settle(in, &f->type, &f->type_tok, f->declared_type, f->tok);
			t = infer(in, s->expr, f->type);
			if (t == TY_STATS)
				invalid(in, s->expr->tok, t);
			else if (!settle(in, &f->type, &f->type_tok, t, s->expr->tok) &&
				 first_report(in, s->expr->tok)) {
				sem_error(in->s, s->expr->tok, NULL, "type mismatch (%s)",
					  type_name(t));
				if (f->type_tok)
					sem_note(in->s, f->type_tok,
						 "type was first inferred here (%s)",
						 type_name(f->type));
			}
		}
		break;
	case ST_DELETE:
		if (s->expr->kind == EX_SYMBOL)
			s->expr->type = s->expr->var ? s->expr->var->type : TY_UNKNOWN;
		else
			infer(in, s->expr, TY_UNKNOWN);
		break;
	default:
		infer(in, s->expr, TY_UNKNOWN);
	}
	for (size_t i = 0; i < s->body.n; i++)
		infer_stmt(in, s->body.v[i]);
	infer_stmt(in, s->then);
	infer_stmt(in, s->otherwise);
}

static void sweep(struct inference *in, bool backwards)
{
	struct program *p = in->s->program;

	for (size_t i = 0; i < p->functions.n; i++) {
		in->fn = p->functions.v[backwards ? p->functions.n - 1 - i : i];
		if (in->fn->declared_type != TY_UNKNOWN)
			settle(in, &in->fn->type, &in->fn->type_tok, in->fn->declared_type,
			       in->fn->tok);
		infer_stmt(in, in->fn->body);
	}
	in->fn = NULL;
	for (size_t i = 0; i < p->handlers.n; i++)
		infer_stmt(in, p->handlers.v[i]->body);
	for (size_t i = 0; i < p->probes.n; i++)
		infer(in, p->probes.v[i]->condition, TY_LONG);
}

/* ------------------------------------------------------------------ statistics */

static void merge_shift(struct session *s, struct stat_spec *spec, const struct expr *e)
{
	if (spec->shift_tok && spec->bit_shift != e->bit_shift)
		sem_error(s, e->tok, spec->shift_tok,
			  "conflicting bit shifts declared (previously %d)", spec->bit_shift);
	spec->bit_shift = e->bit_shift;
	if (!spec->shift_tok)
		spec->shift_tok = e->tok;
}

static void merge_hist(struct session *s, struct var *v, const struct expr *h)
{
	struct stat_spec *spec = &v->stat;
	const struct hist *p = &h->hist_param;

	if (spec->hist_tok) {
		if (spec->hist.kind != p->kind || spec->hist.low != p->low ||
		    spec->hist.high != p->high || spec->hist.step != p->step)
			sem_error(s, h->tok, spec->hist_tok,
				  "multiple histogram types declared on '%s'", v->name);
		return;
	}
	spec->hist = *p;
	spec->hist_tok = h->tok;
	if (p->kind == HIST_LINEAR) {
		__int128 buckets = p->step > 0 ? ((__int128)p->high - p->low) / p->step + 3 : 0;

		if (p->step <= 0 || buckets < 3 || buckets > s->opt.max_buckets)
			sem_error(s, h->tok, NULL,
				  "histogram needs 3 to %lld buckets, step above 0",
				  (long long)s->opt.max_buckets);
	}
}

static bool merge_stats(struct ast_visitor *v, struct expr **slot)
{
	struct session *s = v->data;
	struct expr *e = *slot;
	struct var *var = e->left && (e->kind == EX_STAT || e->kind == EX_HIST) ? e->left->var : NULL;

	if (!var)
		return true;
	if (e->kind == EX_HIST) {
		merge_hist(s, var, e);
		return true;
	}
	switch (e->stat) {
	case STAT_COUNT:
		var->stat.count = true;
		break;
	case STAT_SUM:
		var->stat.sum = true;
		break;
	case STAT_MIN:
		var->stat.min = true;
		break;
	case STAT_MAX:
		var->stat.max = true;
		break;
	case STAT_AVG:
		var->stat.avg = true;
		break;
	case STAT_VARIANCE:
		var->stat.variance = true;
		merge_shift(s, &var->stat, e);
		break;
	}
	return true;
}

void sema_infer_types(struct session *s)
{
	struct inference in = {.s = s};
	struct program *p = s->program;
	struct ast_visitor stats = {.on_expr = merge_stats, .data = s};

	/* A type may take one sweep for each function of a chain of calls, in one of the directions. */
	for (int n = 0; n == 0 || in.changed; n++) {
		in.changed = false;
		sweep(&in, n > 8 && n % 2);
	}
	in.final = true;
	sweep(&in, false);
	for (size_t i = 0; i < p->globals.n; i++) {
		struct var *v = p->globals.v[i];

		if (v->arity < 0)
			v->arity = 0;
		memset(&v->stat, 0, sizeof(v->stat));
		if (v->type == TY_UNKNOWN && (v->n_reads || v->n_writes) &&
		    first_report(&in, v->tok))
			sem_error(s, v->tok, NULL, "unresolved type ");
	}
	for (size_t i = 0; i < p->functions.n; i++)
		ast_walk_stmt(&stats, &p->functions.v[i]->body);
	for (size_t i = 0; i < p->handlers.n; i++)
		ast_walk_stmt(&stats, &p->handlers.v[i]->body);
}
