/* Name resolution: which variable or function every name means (language reference 2.3, 2.6, 4).
 *
 * Works from the handlers outwards: whatever they mention is looked up in the body's own variables,
 * the private ones of the file that the text came from, the globals of the user, and the library,
 * which then loads the file. Unknown scalars become locals. Functions that are reached join
 * program->functions and are resolved in turn. */
#include <stdlib.h>
#include <string.h>

#include "lang/diag.h"
#include "probe/perf.h"
#include "rt/intrinsic.h"
#include "sema/sema.h"
#include "session.h"
#include "tapset/library.h"

struct scope {
	struct session *s;
	var_list *locals;
	struct function *fn; /* or NULL */
	struct map names;    /* of locals and parameters */
};

enum use { USE_SCALAR, USE_ANY, USE_STAT };

static struct var *find_global_in(const struct script *sc, const char *name,
				  const struct source *from)
{
	/* A local variable of our tapset stays one, whatever names others give to globals. */
	if (from->builtin && !sc->src->builtin)
		return NULL;
	for (size_t i = 0; i < sc->globals.n; i++) {
		struct var *v = sc->globals.v[i];

		if (v->name == name && (!v->is_private || sc->src == from))
			return v;
	}
	return NULL;
}

/* Index of all globals, rebuilt as files are loaded: name -> var for public ones. */
static struct var *find_global(struct session *s, const char *name, const struct source *from)
{
	struct var *v;

	/* The file's own names come first. */
	for (size_t i = 0; from->library && i < s->library_scripts.n; i++)
		if (s->library_scripts.v[i]->src == from &&
		    (v = find_global_in(s->library_scripts.v[i], name, from)))
			return v;
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < s->user_scripts.n; i++)
			if ((v = find_global_in(s->user_scripts.v[i], name, from)))
				return v;
		for (size_t i = 0; i < s->library_scripts.n; i++)
			if ((v = find_global_in(s->library_scripts.v[i], name, from)))
				return v;
		if (!library_load_global(s, name))
			break;
	}
	return NULL;
}

static void note_global(struct session *s, struct var *v)
{
	if (v->used)
		return;
	v->used = true;
	sema_use_source(s, v->tok->src);
	v->id = (int)s->program->globals.n;
	vec_push(&s->program->globals, &s->arena, v);
	if (strcmp(v->name, "argc") == 0 || strcmp(v->name, "argv") == 0)
		s->argc_argv_used = true;
}

static struct var *new_local(struct scope *sc, const struct token *tok, const char *name)
{
	struct var *v = ARENA_NEW(&sc->s->arena, struct var);

	v->kind = VAR_LOCAL;
	v->name = name;
	v->tok = tok;
	v->id = (int)sc->locals->n;
	vec_push(sc->locals, &sc->s->arena, v);
	map_set(&sc->names, &sc->s->arena, name, v);
	return v;
}

static struct var *lookup(struct scope *sc, const struct token *tok, const char *name)
{
	struct var *local = map_get(&sc->names, name), *v;

	/* Of an alias of ours: does not hide what the script calls so. */
	if (local && (!local->tok->src->builtin || tok->src->builtin))
		return local;
	v = find_global(sc->s, name, tok->src);
	if (!v)
		return local;
	note_global(sc->s, v);
	return v;
}

/* Ties a global to a number of keys. */
static bool set_arity(struct session *s, struct var *v, int arity, const struct token *tok)
{
	if (v->arity == arity)
		return true;
	if (v->arity >= 0 || (arity == 0 && v->maxsize)) {
		if (v->arity < 0) {
			sem_error(s, tok, NULL, "inconsistent arity (array vs 0)");
			return false;
		}
		sem_error(s, tok, NULL, "inconsistent arity (%d vs %d)", v->arity, arity);
		if (v->arity_tok)
			sem_note(s, v->arity_tok, "arity %d first inferred here", v->arity);
		return false;
	}
	if (arity > 0 && v->init) {
		sem_error(s, v->init->tok, NULL, "only scalar globals can be initialized");
		return false;
	}
	if (arity > MAX_KEYS) {
		sem_error(s, tok, NULL, "array with %d keys: at most %d are possible", arity,
			  MAX_KEYS);
		return false;
	}
	if (arity == 0 && v->wrap)
		sem_error(s, v->tok, NULL, "wrapping not supported for scalars");
	v->arity = arity;
	v->arity_tok = tok;
	return true;
}

static struct var *array_of(struct scope *sc, const struct token *tok, const char *name, int arity)
{
	struct var *v = lookup(sc, tok, name);

	if (!v) {
		sem_error(sc->s, tok, NULL,
			  "unresolved arity-%d global array %s, missing global declaration?", arity,
			  name);
		return NULL;
	}
	if (v->kind != VAR_GLOBAL) {
		sem_error(sc->s, tok, v->tok,
			  "array locals not supported, missing global declaration?");
		return NULL;
	}
	return set_arity(sc->s, v, arity, tok) ? v : NULL;
}

static void resolve_expr(struct scope *sc, struct expr *e, enum use use);

static void resolve_symbol(struct scope *sc, struct expr *e, enum use use)
{
	struct var *v = lookup(sc, e->tok, e->name);

	if (!v && use == USE_STAT) {
		sem_error(sc->s, e->tok, NULL,
			  "stat locals not supported, missing global declaration?");
		return;
	}
	if (!v && use == USE_ANY) {
		sem_error(sc->s, e->tok, NULL, "unresolved array in delete statement");
		return;
	}
	if (!v)
		v = new_local(sc, e->tok, e->name);
	if (v->kind != VAR_GLOBAL && use == USE_STAT) {
		sem_error(sc->s, e->tok, NULL,
			  "stat locals not supported, missing global declaration?");
		return;
	}
	if (v->kind == VAR_GLOBAL && use != USE_ANY && !set_arity(sc->s, v, 0, e->tok))
		return;
	e->var = v;
}

/* ------------------------------------------------------------------ functions */

static bool uses_next(const struct stmt *s)
{
	if (!s)
		return false;
	if (s->kind == ST_NEXT)
		return true;
	for (size_t i = 0; i < s->body.n; i++)
		if (uses_next(s->body.v[i]))
			return true;
	return uses_next(s->then) || uses_next(s->otherwise);
}

typedef VEC(struct function *) fn_list;

static void collect(struct session *s, const struct script *sc, const char *name,
		    const struct source *from, fn_list *out)
{
	struct function *last = map_get(&sc->functions_by_name, name), *f = last;

	if (!last)
		return;
	do {
		f = f->same_name;
		if (!f->is_private || sc->src == from)
			vec_push(out, &s->arena, f);
	} while (f != last);
}

static void collect_all(struct session *s, const char *name, const struct source *from,
			fn_list *out)
{
	for (size_t i = 0; i < s->user_scripts.n; i++)
		collect(s, s->user_scripts.v[i], name, from, out);
	for (size_t i = 0; i < s->library_scripts.n; i++)
		collect(s, s->library_scripts.v[i], name, from, out);
}

static void note_function(struct session *s, struct function *f)
{
	if (f->used)
		return;
	f->used = true;
	sema_use_source(s, f->tok->src);
	vec_push(&s->program->functions, &s->arena, f);
}

static const char *similar_functions(struct session *s, const char *name)
{
	VEC(const char *) v = {0};
	const char *const *lib;
	size_t n = library_function_names(s, &lib);

	for (size_t i = 0; i < s->user_scripts.n; i++)
		for (size_t k = 0; k < s->user_scripts.v[i]->functions.n; k++)
			vec_push(&v, &s->arena, s->user_scripts.v[i]->functions.v[k]->name);
	for (size_t i = 0; i < n; i++)
		if (strncmp(lib[i], "__", 2) != 0)
			vec_push(&v, &s->arena, lib[i]);
	return diag_similar(s, name, v.v, v.n);
}

static void resolve_call(struct scope *sc, struct expr *e)
{
	struct session *s = sc->s;
	fn_list all = {0}, fit = {0};

	for (size_t i = 0; i < e->args.n; i++)
		resolve_expr(sc, e->args.v[i], USE_SCALAR);
	collect_all(s, e->name, e->tok->src, &all);
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < all.n; i++) {
			struct function *f = all.v[i];
			size_t k = fit.n;

			if (f->params.n != e->args.n)
				continue;
			vec_push(&fit, &s->arena, f);
			for (; k && fit.v[k - 1]->priority > f->priority; k--)
				fit.v[k] = fit.v[k - 1];
			fit.v[k] = f;
		}
		/* The library need not be asked if a function of the user takes the call for good. */
		if (fit.n && (fit.v[0]->priority < 1 || pass) &&
		    !(fit.v[fit.n - 1]->body && uses_next(fit.v[fit.n - 1]->body)))
			break;
		if (pass || !library_load_function(s, e->name))
			break;
		all.n = fit.n = 0;
		collect_all(s, e->name, e->tok->src, &all);
	}
	if (!all.n) {
		sem_error(s, e->tok, NULL, "unresolved function %s%s", e->name,
			  similar_functions(s, e->name));
		return;
	}
	if (!fit.n) {
		sem_error(s, e->tok, all.v[0]->tok,
			  "arity mismatch found (function '%s' takes %zu args)", e->name,
			  all.v[0]->params.n);
		return;
	}
	for (size_t i = 0; i < fit.n; i++) {
		struct function *f = fit.v[i];
		bool more = f->body && uses_next(f->body);

		vec_push(&e->fns, &s->arena, f);
		note_function(s, f);
		f->next_overload = more && i + 1 < fit.n ? fit.v[i + 1] : NULL;
		if (!more)
			break;
	}
}

/* ------------------------------------------------------------------ trees */

static void resolve_list(struct scope *sc, expr_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i])
			resolve_expr(sc, l->v[i], USE_SCALAR);
}

/* FUNCTION(a, b) */
static struct expr *call_of_two(struct scope *sc, const struct token *tok, const char *function, uint64_t a,
				uint64_t b)
{
	struct arena *arena = &sc->s->arena;
	struct expr *call = expr_call(arena, tok, function);

	vec_push(&call->args, arena, expr_number(arena, tok, (int64_t)a));
	vec_push(&call->args, arena, expr_number(arena, tok, (int64_t)b));
	return call;
}

/* @perf("NAME") becomes a call with what is counted. Of a counter for some programs it becomes "runs one of
 * them ? that call : 0". Without a counter it stays, for check.c. */
static void resolve_counter(struct scope *sc, struct expr *e)
{
	const struct perf_counter *counter = perf_counter_named(sc->s, e->lit->str);
	struct arena *a = &sc->s->arena;
	struct expr *value, *chosen = expr_number(a, e->tok, 0);

	if (!counter)
		return;
	value = call_of_two(sc, e->tok, "__perf_counter", counter->event.type, counter->event.config);
	for (size_t i = 0; i < counter->files.n; i++) {
		const struct probe_file_id *id = &counter->files.v[i];
		struct expr *either = expr_make(a, EX_LOGICAL, e->tok);

		either->op = OP_LOR;
		either->left = chosen;
		either->right = call_of_two(sc, e->tok, "__perf_runs", id->dev, id->ino);
		chosen = either;
	}
	if (counter->by_file) {
		e->kind = EX_TERNARY;
		e->cond = chosen;
		e->left = value;
		e->right = expr_number(a, e->tok, 0);
	} else {
		*e = *value;
	}
	resolve_expr(sc, e, USE_SCALAR);
}

static void resolve_hist(struct scope *sc, struct expr *h)
{
	resolve_expr(sc, h->left, h->left->kind == EX_SYMBOL ? USE_STAT : USE_SCALAR);
}

static void resolve_expr(struct scope *sc, struct expr *e, enum use use)
{
	if (!e)
		return;
	switch (e->kind) {
	case EX_SYMBOL:
		resolve_symbol(sc, e, use);
		return;
	case EX_INDEX:
		resolve_list(sc, &e->args);
		for (size_t i = 0; i < e->args.n && use != USE_ANY; i++)
			if (!e->args.v[i]) {
				sem_error(sc->s, e->tok, NULL, "wildcard not allowed in array index");
				break;
			}
		if (e->hist) {
			resolve_hist(sc, e->hist);
			if (e->args.n != 1)
				sem_error(sc->s, e->tok, NULL, "inconsistent arity (1 vs %zu)",
					  e->args.n);
		} else {
			e->var = array_of(sc, e->tok, e->name, (int)e->args.n);
		}
		return;
	case EX_IN:
		resolve_list(sc, &e->args);
		if (e->hist)
			resolve_hist(sc, e->hist);
		else
			e->var = array_of(sc, e->left->tok, e->name, (int)e->args.n);
		return;
	case EX_CALL:
		resolve_call(sc, e);
		return;
	case EX_PERF:
		resolve_counter(sc, e);
		return;
	case EX_ASSIGN:
		resolve_expr(sc, e->left, e->op == OP_AGGREGATE ? USE_STAT : USE_SCALAR);
		resolve_expr(sc, e->right, USE_SCALAR);
		return;
	case EX_STAT:
		resolve_expr(sc, e->left, e->left->kind == EX_SYMBOL ? USE_STAT : USE_SCALAR);
		return;
	case EX_HIST:
		resolve_hist(sc, e);
		return;
	case EX_PRINT:
		if (e->print->hist)
			resolve_hist(sc, e->print->hist);
		resolve_list(sc, &e->args);
		return;
	default:
		resolve_expr(sc, e->cond, USE_SCALAR);
		resolve_expr(sc, e->left, USE_SCALAR);
		resolve_expr(sc, e->right, USE_SCALAR);
		resolve_list(sc, &e->args);
		for (size_t i = 0; i < e->accessors.n; i++)
			resolve_expr(sc, e->accessors.v[i].index, USE_SCALAR);
	}
}

static void resolve_foreach(struct scope *sc, struct stmt *st)
{
	struct foreach *f = st->foreach;

	if (f->hist)
		resolve_hist(sc, f->hist);
	else
		f->array = array_of(sc, f->name_tok, f->name, (int)f->keys.n);
	if (f->sliced && f->slice.n != f->keys.n)
		sem_error(sc->s, f->slice.v[0] ? f->slice.v[0]->tok : st->tok, NULL,
			  "unresolved arity-%zu global array %s, missing global declaration?",
			  f->slice.n, f->name);
	resolve_list(sc, &f->slice);
	resolve_expr(sc, f->limit, USE_SCALAR);
	for (size_t i = 0; i < f->keys.n; i++)
		resolve_expr(sc, f->keys.v[i], USE_SCALAR);
	resolve_expr(sc, f->value, USE_SCALAR);
}

static void resolve_stmt(struct scope *sc, struct stmt *st)
{
	if (!st)
		return;
	switch (st->kind) {
	case ST_FOREACH:
		resolve_foreach(sc, st);
		break;
	case ST_DELETE:
		resolve_expr(sc, st->expr, USE_ANY);
		break;
	case ST_TRY:
		resolve_stmt(sc, st->then);
		resolve_expr(sc, st->expr, USE_SCALAR);
		resolve_stmt(sc, st->otherwise);
		return;
	case ST_LOOP:
		resolve_expr(sc, st->init, USE_SCALAR);
		resolve_expr(sc, st->expr, USE_SCALAR);
		resolve_expr(sc, st->step, USE_SCALAR);
		break;
	default:
		resolve_expr(sc, st->expr, USE_SCALAR);
	}
	for (size_t i = 0; i < st->body.n; i++)
		resolve_stmt(sc, st->body.v[i]);
	resolve_stmt(sc, st->then);
	resolve_stmt(sc, st->otherwise);
}

void sema_resolve_handler(struct session *s, struct handler *h)
{
	struct scope sc = {.s = s, .locals = &h->locals};

	resolve_stmt(&sc, h->body);
}

static bool forget_functions(struct ast_visitor *v, struct expr **slot)
{
	(void)v;
	(*slot)->fns.n = 0;
	return true;
}

void sema_resolve_late(struct session *s, var_list *locals, struct function *fn, struct expr *e,
		       struct stmt *st)
{
	struct scope sc = {.s = s, .locals = locals, .fn = fn};
	struct ast_visitor v = {.on_expr = forget_functions};

	for (size_t i = 0; fn && i < fn->params.n; i++)
		map_set(&sc.names, &s->arena, fn->params.v[i]->name, fn->params.v[i]);
	for (size_t i = 0; i < locals->n; i++)
		map_set(&sc.names, &s->arena, locals->v[i]->name, locals->v[i]);
	ast_walk_expr(&v, &e);
	ast_walk_stmt(&v, &st);
	resolve_expr(&sc, e, USE_SCALAR);
	resolve_stmt(&sc, st);
}

static void resolve_intrinsic(struct session *s, struct function *f)
{
	const char *text = f->embedded;
	size_t n = strlen(text);

	while (n && strchr(" \t\n", *text))
		text++, n--;
	while (n && strchr(" \t\n", text[n - 1]))
		n--;
	f->intrinsic = intrinsic_find(text, n);
	if (!f->intrinsic)
		sem_error(s, f->tok, NULL, "unknown intrinsic '%.*s'", (int)n, text);
}

void sema_resolve_function(struct session *s, struct function *f)
{
	struct scope sc = {.s = s, .locals = &f->locals, .fn = f};

	for (size_t i = 0; i < f->params.n; i++)
		map_set(&sc.names, &s->arena, f->params.v[i]->name, f->params.v[i]);
	if (f->embedded && f->tok->src->builtin) {
		resolve_intrinsic(s, f);
		return;
	}
	if (f->body && f->tok->src->library)
		sema_expand_library_function(s, f);
	resolve_stmt(&sc, f->body);
}

static int by_name(const void *pa, const void *pb)
{
	const struct function *a = *(struct function *const *)pa;
	const struct function *b = *(struct function *const *)pb;
	int order = strcmp(a->name, b->name);

	return order ? order : a->id - b->id;
}

void sema_all_resolved(struct session *s)
{
	struct program *prog = s->program;

	prog->handlers_resolved = prog->handlers.n;
	prog->functions_resolved = prog->functions.n;
	prog->probes_resolved = prog->probes.n;
}

void sema_resolve_names(struct session *s)
{
	struct program *prog = s->program;
	size_t handlers = prog->handlers_resolved, functions = prog->functions_resolved;
	size_t conditions = prog->probes_resolved, uncalled = 0;

	/* Loading a library file may bring new probes, and these new names. */
	do {
		for (; handlers < prog->handlers.n; handlers++)
			sema_resolve_handler(s, prog->handlers.v[handlers]);
		for (; conditions < prog->probes.n; conditions++) {
			struct probe_inst *p = prog->probes.v[conditions];
			var_list none = {0};
			struct scope sc = {.s = s, .locals = &none};

			resolve_expr(&sc, p->condition, USE_SCALAR);
			if (none.n)
				sem_error(s, none.v[0]->tok, NULL,
					  "probe condition must not reference undeclared global");
		}
		for (; functions < prog->functions.n; functions++)
			sema_resolve_function(s, prog->functions.v[functions]);
		sema_derive_library_probes(s);
		/* Functions that nobody calls are looked at all the same; eliding drops them. */
		for (; handlers == prog->handlers.n && functions == prog->functions.n &&
		       uncalled < s->user_scripts.n;
		     uncalled++)
			for (size_t i = 0; i < s->user_scripts.v[uncalled]->functions.n; i++)
				note_function(s, s->user_scripts.v[uncalled]->functions.v[i]);
	} while (handlers < prog->handlers.n || conditions < prog->probes.n ||
		 functions < prog->functions.n || uncalled < s->user_scripts.n);
	sema_all_resolved(s);
	for (size_t i = 0; i < prog->functions.n; i++)
		prog->functions.v[i]->id = (int)i;
	if (prog->functions.n)
		qsort(prog->functions.v, prog->functions.n, sizeof(prog->functions.v[0]), by_name);
}
