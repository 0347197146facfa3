/* Probe points to probe instances (language reference 2.4, 2.5; probe reference 2.2, 2.4).
 *
 * A point is an alias of the user or of the library, an alias with further components, or a shape of
 * a probe family; component wildcards are expanded over all of these. Alias bodies are put around
 * the user's body; a composition of bodies is made into a handler once, however many instances it
 * serves (target.c). */
#include <fnmatch.h>
#include <string.h>

#include "lang/diag.h"
#include "probe/provider.h"
#include "sema/sema.h"
#include "session.h"
#include "tapset/library.h"

enum { MAX_ALIAS_DEPTH = 100, MAX_INSTANCES = 1000000 };

/* A user probe on its way through aliases. */
struct compose {
	const struct compose *outer;  /* the point that named this alias, NULL at the user's probe */
	struct probe *probe;	      /* the user's probe, or the alias */
	const struct probe_point *at; /* the point as written, for the derivation */
	const char *pn;		      /* pn() of the instances */
	struct expr *condition;	      /* of this and all outer points */
	struct body_template *body;   /* made at the first instance */
	bool user, exit_after;
};

struct emit_data {
	struct session *s;
	struct compose *c;
	const struct probe_point *p;
	bool optional;
	size_t n;
};

/* @probewrite(name) in an alias: does the body behind or before it assign the name? */
struct write_search {
	struct session *s;
	struct stmt *body;
	const char *name;
	bool found;
};

static bool find_write(struct ast_visitor *v, struct expr **slot)
{
	struct write_search *w = v->data;
	const struct expr *e = *slot;

	if ((e->kind == EX_ASSIGN || e->kind == EX_INCDEC) && e->left->kind == EX_SYMBOL &&
	    e->left->name == w->name)
		w->found = true;
	return !w->found;
}

static bool answer_probewrite(struct ast_visitor *v, struct expr **slot)
{
	struct write_search *w = v->data;

	if ((*slot)->kind == EX_PROBEWRITE) {
		struct ast_visitor search = {.on_expr = find_write, .data = w};

		w->name = (*slot)->name;
		w->found = false;
		ast_walk_stmt(&search, &w->body);
		*slot = expr_number(&w->s->arena, (*slot)->tok, w->found);
		return false;
	}
	return true;
}

/* Names that are mentioned in a body. */
struct mentions {
	struct session *s;
	struct map names;
};

static bool note_name(struct ast_visitor *v, struct expr **slot)
{
	struct mentions *m = v->data;

	if ((*slot)->kind == EX_SYMBOL)
		map_set(&m->names, &m->s->arena, (*slot)->name, m);
	return true;
}

static bool is_global_of_user(const struct session *s, const char *name)
{
	for (size_t i = 0; i < s->user_scripts.n; i++)
		for (size_t k = 0; k < s->user_scripts.v[i]->globals.n; k++)
			if (s->user_scripts.v[i]->globals.v[k]->name == name)
				return true;
	return false;
}

/* `x = ...` of an alias of ours, where nothing behind it mentions x: such values are without effect, and
 * what they are made of need not even be looked for. */
static struct stmt *prune_alias(struct session *s, const struct probe *alias, struct stmt *inner)
{
	struct mentions m = {.s = s};
	struct ast_visitor v = {.on_expr = note_name, .data = &m};
	struct stmt *body = alias->body, *pruned;
	VEC(struct stmt *) kept = {0};

	if (!alias->tok->src->builtin || alias->epilogue_style || alias->epilogue ||
	    body->kind != ST_BLOCK || s->opt.unoptimized || s->opt.list_point)
		return body;
	ast_walk_stmt(&v, &inner);
	for (size_t i = body->body.n; i-- > 0;) {
		struct stmt *st = body->body.v[i];
		const struct expr *e = st->kind == ST_EXPR ? st->expr : NULL;

		if (e && e->kind == EX_ASSIGN && e->op == OP_ASSIGN && e->left->kind == EX_SYMBOL &&
		    !map_get(&m.names, e->left->name) && !is_global_of_user(s, e->left->name))
			continue;
		ast_walk_stmt(&v, &st);
		vec_push(&kept, &s->arena, st);
	}
	pruned = stmt_make(&s->arena, ST_BLOCK, body->tok);
	for (size_t i = kept.n; i-- > 0;)
		vec_push(&pruned->body, &s->arena, kept.v[i]);
	return pruned;
}

/* A copy of an alias body for the user's body in it. */
static struct stmt *alias_body(struct session *s, const struct stmt *body, struct stmt *inner)
{
	struct write_search w = {.s = s, .body = inner};
	struct ast_visitor v = {.on_expr = answer_probewrite, .data = &w};
	struct stmt *copy = stmt_clone(&s->arena, body);

	ast_walk_stmt(&v, &copy);
	return copy;
}

static struct stmt *compose_body(struct session *s, const struct compose *c)
{
	struct arena *a = &s->arena;
	struct stmt *inner, *body;

	if (!c->outer) {
		body = stmt_clone(a, c->probe->body);
		if (c->exit_after) {
			struct stmt *call = stmt_make(a, ST_EXPR, c->probe->tok), *both;

			call->expr = expr_call(a, c->probe->tok, "exit");
			both = stmt_make(a, ST_BLOCK, body->tok);
			vec_push(&both->body, a, body);
			vec_push(&both->body, a, call);
			body = both;
		}
		return body;
	}
	inner = compose_body(s, c->outer);
	body = stmt_make(a, ST_BLOCK, c->probe->body->tok);
	if (!c->probe->epilogue_style)
		vec_push(&body->body, a, alias_body(s, prune_alias(s, c->probe, inner), inner));
	vec_push(&body->body, a, inner);
	if (c->probe->epilogue_style)
		vec_push(&body->body, a, alias_body(s, c->probe->body, inner));
	if (c->probe->epilogue)
		vec_push(&body->body, a, alias_body(s, c->probe->epilogue, inner));
	return body;
}

/* A probe's head as it stands in the derivation of instances. Shared: there may be many of them. */
static const char *head_text(struct session *s, struct probe *p)
{
	struct str b = {0};

	if (p->text)
		return p->text;
	for (size_t i = 0; i < p->names.n; i++)
		str_addf(&b, "%s = ", point_text(&s->arena, p->names.v[i]));
	for (size_t i = 0; i < p->points.n; i++)
		str_addf(&b, "%s%s", i ? (p->is_alias ? ", " : ",") : "",
			 point_text(&s->arena, p->points.v[i]));
	p->text = arena_strdup(&s->arena, b.s ? b.s : "");
	str_release(&b);
	return p->text;
}

static struct expr *and_conditions(struct session *s, struct expr *a, struct expr *b)
{
	struct expr *e;

	if (!a || !b)
		return a ? a : b;
	e = expr_make(&s->arena, EX_LOGICAL, a->tok);
	e->op = OP_LAND;
	e->left = a;
	e->right = b;
	return e;
}

static void emit(void *cookie, struct probe_inst *inst)
{
	struct emit_data *d = cookie;
	struct session *s = d->s;
	struct program *prog = s->program;
	struct compose *c = d->c;

	d->n++;
	if (!c->body) {
		const struct compose *root = c;

		while (root->outer)
			root = root->outer;
		c->body = sema_template(s, compose_body(s, c), root->probe->tok, root->user);
	}
	inst->optional = d->optional;
	inst->handler = sema_instance_handler(s, c->body, inst);
	inst->alias_name = c->outer ? c->pn : inst->script_name ? inst->script_name : inst->name;
	inst->condition = and_conditions(s, c->condition, inst->condition);
	inst->id = (int)prog->probes.n;
	for (const struct compose *k = c; k; k = k->outer)
		vec_push(&inst->derivation, &s->arena, head_text(s, k->probe));
	vec_push(&prog->probes, &s->arena, inst);
}

/* ------------------------------------------------------------------ shapes */

static bool is_wild(const char *name)
{
	return strchr(name, '*') != NULL;
}

/* Length of the component at pattern; *arg: '(' kind: 0 none, 'n', 's'. */
static size_t pattern_component(const char *pattern, int *arg)
{
	size_t n = strcspn(pattern, ".(");

	*arg = 0;
	if (pattern[n] == '(')
		*arg = pattern[n + 1];
	return n;
}

static const char *pattern_next(const char *pattern)
{
	const char *dot = pattern + strcspn(pattern, ".");

	return *dot ? dot + 1 : NULL;
}

static int literal_kind(const struct literal *l)
{
	return !l ? 0 : l->is_string ? 's' : 'n';
}

static bool component_matches(const struct component *c, const char *pattern)
{
	int arg;
	size_t n = pattern_component(pattern, &arg);

	return strlen(c->name) == n && strncmp(c->name, pattern, n) == 0 &&
	       literal_kind(c->arg) == arg;
}

/* How many components of the point fit the pattern from the start; *whole: all of both. */
static size_t pattern_fit(const struct probe_point *p, const char *pattern, bool *whole)
{
	size_t i = 0;

	*whole = false;
	for (; i < p->comps.n && pattern; i++, pattern = pattern_next(pattern))
		if (!component_matches(&p->comps.v[i], pattern))
			return i;
	*whole = i == p->comps.n && !pattern;
	return i;
}

static bool literal_equal(const struct literal *a, const struct literal *b)
{
	if (!a || !b)
		return a == b;
	if (a->is_string != b->is_string)
		return false;
	return a->is_string ? strcmp(a->str, b->str) == 0 : a->num == b->num;
}

static size_t alias_fit(const struct probe_point *p, const struct probe_point *name)
{
	size_t i = 0;

	for (; i < p->comps.n && i < name->comps.n; i++)
		if (p->comps.v[i].name != name->comps.v[i].name ||
		    !literal_equal(p->comps.v[i].arg, name->comps.v[i].arg))
			break;
	return i;
}

/* Calls on_alias for every alias definition of the user and of loaded library files. */
static bool each_alias(struct session *s,
		       bool (*on_alias)(void *cookie, struct probe *a,
					const struct probe_point *name),
		       void *cookie)
{
	for (int lib = 0; lib < 2; lib++) {
		size_t n = lib ? s->library_scripts.n : s->user_scripts.n;

		for (size_t i = 0; i < n; i++) {
			const struct script *sc =
				lib ? s->library_scripts.v[i] : s->user_scripts.v[i];

			for (size_t k = 0; k < sc->aliases.n; k++)
				for (size_t j = 0; j < sc->aliases.v[k]->names.n; j++)
					if (!on_alias(cookie, sc->aliases.v[k],
						      sc->aliases.v[k]->names.v[j]))
						return false;
		}
	}
	return true;
}

/* The same for those with these names of components: there may be thousands, and as many look-ups. */
struct named_aliases {
	VEC(struct probe *) aliases;
	point_list names;
};

struct alias_index {
	size_t n_user, n_library; /* scripts that are in it */
	struct map by_name;	  /* "first.second" -> struct named_aliases */
};

static const char *joined_names(const struct probe_point *p, size_t n)
{
	struct str b = {0};
	const char *name;

	for (size_t i = 0; i < n; i++) {
		str_add(&b, p->comps.v[i].name);
		str_addc(&b, '.');
	}
	name = intern(b.s ? b.s : "");
	str_release(&b);
	return name;
}

static void index_aliases(struct session *s, const struct script *sc)
{
	for (size_t k = 0; k < sc->aliases.n; k++)
		for (size_t j = 0; j < sc->aliases.v[k]->names.n; j++) {
			struct probe_point *name = sc->aliases.v[k]->names.v[j];
			const char *key = joined_names(name, name->comps.n);
			struct named_aliases *l = map_get(&s->aliases->by_name, key);

			if (!l) {
				l = ARENA_NEW(&s->arena, struct named_aliases);
				map_set(&s->aliases->by_name, &s->arena, key, l);
			}
			vec_push(&l->aliases, &s->arena, sc->aliases.v[k]);
			vec_push(&l->names, &s->arena, name);
		}
}

static bool each_alias_named(struct session *s, const struct probe_point *p, size_t n,
			     bool (*on_alias)(void *cookie, struct probe *a,
					      const struct probe_point *name),
			     void *cookie)
{
	const struct named_aliases *l;

	if (!s->aliases)
		s->aliases = ARENA_NEW(&s->arena, struct alias_index);
	for (; s->aliases->n_user < s->user_scripts.n; s->aliases->n_user++)
		index_aliases(s, s->user_scripts.v[s->aliases->n_user]);
	for (; s->aliases->n_library < s->library_scripts.n; s->aliases->n_library++)
		index_aliases(s, s->library_scripts.v[s->aliases->n_library]);
	l = map_get(&s->aliases->by_name, joined_names(p, n));
	/* Expanding one may add others. */
	for (size_t i = 0, n_now = l ? l->aliases.n : 0; i < n_now; i++)
		if (!on_alias(cookie, l->aliases.v[i], l->names.v[i]))
			return false;
	return true;
}

static size_t derive(struct session *s, struct compose *c, const struct probe_point *p,
		     bool optional);

struct alias_search {
	struct session *s;
	struct compose *c;
	const struct probe_point *p;
	bool optional;
	size_t prefix; /* wanted number of components */
	size_t best;   /* longest prefix seen */
	size_t n;      /* instances made */
	bool found;
};

static bool longest_prefix(void *cookie, struct probe *a, const struct probe_point *name)
{
	struct alias_search *as = cookie;
	size_t fit = alias_fit(as->p, name);

	(void)a;
	if (fit == name->comps.n && fit > as->best)
		as->best = fit;
	return true;
}

static bool expand_alias(void *cookie, struct probe *alias, const struct probe_point *name)
{
	struct alias_search *as = cookie;
	struct session *s = as->s;
	const struct compose *k;
	const char *refused = NULL;
	int depth = 0;

	if (name->comps.n != as->prefix || alias_fit(as->p, name) != as->prefix)
		return true;
	as->found = true;
	sema_use_source(s, alias->tok->src);
	for (k = as->c; k; k = k->outer)
		if ((k->outer && k->probe == alias) || ++depth > MAX_ALIAS_DEPTH) {
			sem_error(s, as->p->comps.v[0].tok, name->tok,
				  "recursive loop in alias expansion of %s at %s:%u:%u",
				  point_text(&s->arena, as->p), name->tok->src->name,
				  name->tok->line, name->tok->col);
			return false;
		}
	for (size_t i = 0; i < alias->points.n; i++) {
		struct compose *c = ARENA_NEW(&s->arena, struct compose);
		struct probe_point *p = ARENA_NEW(&s->arena, struct probe_point);
		size_t made;

		*p = *alias->points.v[i];
		memset(&p->comps, 0, sizeof(p->comps));
		for (size_t j = 0; j < alias->points.v[i]->comps.n; j++)
			vec_push(&p->comps, &s->arena, alias->points.v[i]->comps.v[j]);
		for (size_t j = as->prefix; j < as->p->comps.n; j++)
			vec_push(&p->comps, &s->arena, as->p->comps.v[j]);
		p->condition = NULL;
		p->optional = p->sufficient = false;
		c->outer = as->c;
		c->probe = alias;
		c->at = alias->points.v[i];
		c->pn = as->c->outer ? as->c->pn : point_text(&s->arena, as->p);
		c->condition = and_conditions(s, as->c->condition, alias->points.v[i]->condition);
		s->refused_function = NULL;
		made = derive(s, c, p, as->optional || alias->points.v[i]->optional);
		as->n += made;
		if (!made && alias->points.v[i]->sufficient && s->refused_function) {
			refused = s->refused_function;
		} else if (made && refused) {
			sem_warn(s, as->p->comps.v[0].tok, "%s; other events stand in for it", refused);
			refused = NULL;
		}
		if (made && alias->points.v[i]->sufficient)
			break;
	}
	return true;
}

/* ------------------------------------------------------------------ wildcards */

struct wild_search {
	struct session *s;
	const struct probe_point *p;
	VEC(struct probe_point *) out;
	struct map seen;
};

static void wild_add(struct wild_search *w, struct probe_point *q)
{
	const char *text = point_text(&w->s->arena, q);

	if (map_get(&w->seen, text) || w->out.n >= MAX_INSTANCES)
		return;
	map_set(&w->seen, &w->s->arena, text, q);
	vec_push(&w->out, &w->s->arena, q);
}

/* Does the wildcard point fit a sequence of n components (names, argument kinds)? Appends the
 * concrete point then. "**" in a component spans any number of them. */
static void wild_try(struct wild_search *w, const struct component *cand, const int *kinds,
		     size_t n)
{
	const struct probe_point *p = w->p;
	struct probe_point *q;
	struct str have = {0}, want = {0};
	bool spanning = false, fits;

	for (size_t i = 0; i < p->comps.n; i++)
		if (strstr(p->comps.v[i].name, "**"))
			spanning = true;
	if (!spanning) {
		if (n != p->comps.n)
			return;
		for (size_t i = 0; i < n; i++)
			if (fnmatch(p->comps.v[i].name, cand[i].name, FNM_NOESCAPE) != 0 ||
			    literal_kind(p->comps.v[i].arg) != kinds[i] ||
			    (cand[i].arg && !literal_equal(cand[i].arg, p->comps.v[i].arg)))
				return;
	} else {
		for (size_t i = 0; i < n; i++)
			if (kinds[i])
				return;
		for (size_t i = 0; i < n; i++)
			str_addf(&have, "%s%s", i ? "." : "", cand[i].name);
		for (size_t i = 0; i < p->comps.n; i++)
			str_addf(&want, "%s%s", i ? "." : "", p->comps.v[i].name);
		fits = fnmatch(want.s, have.s, FNM_NOESCAPE) == 0;
		str_release(&have);
		str_release(&want);
		if (!fits)
			return;
	}
	q = ARENA_NEW(&w->s->arena, struct probe_point);
	*q = *p;
	memset(&q->comps, 0, sizeof(q->comps));
	for (size_t i = 0; i < n; i++) {
		struct component c = spanning ? cand[i] : p->comps.v[i];

		c.name = cand[i].name;
		c.tok = p->comps.v[i < p->comps.n ? i : p->comps.n - 1].tok;
		vec_push(&q->comps, &w->s->arena, c);
	}
	q->condition = NULL;
	q->optional = q->sufficient = false;
	wild_add(w, q);
}

static bool wild_alias(void *cookie, struct probe *a, const struct probe_point *name)
{
	int kinds[64];

	(void)a;
	for (size_t i = 0; i < name->comps.n && i < 64; i++)
		kinds[i] = literal_kind(name->comps.v[i].arg);
	if (name->comps.n <= 64)
		wild_try(cookie, name->comps.v, kinds, name->comps.n);
	return true;
}

/* A point that needs no alias. */
static bool fits_family(const struct probe_point *p)
{
	bool whole;

	for (const struct probe_family *const *f = probe_families; *f; f++)
		for (const char *const *pat = (*f)->patterns; *pat; pat++) {
			pattern_fit(p, *pat, &whole);
			if (whole)
				return true;
		}
	return false;
}

/* Those that a pattern may fit. */
static void load_aliases(struct session *s, const struct probe_point *p)
{
	const char *first = p->comps.v[0].name, *second = p->comps.n > 1 ? p->comps.v[1].name : NULL;

	if (strstr(first, "**"))
		library_load_all(s);
	else
		library_load_alias(s, first, second && strstr(second, "**") ? NULL : second,
				   !fits_family(p));
}

static void wild_expand(struct wild_search *w)
{
	for (const struct probe_family *const *f = probe_families; *f; f++)
		for (const char *const *pat = (*f)->patterns; *pat; pat++) {
			struct component cand[16];
			int kinds[16];
			size_t n = 0;

			memset(cand, 0, sizeof(cand));
			for (const char *c = *pat; c && n < 16; c = pattern_next(c), n++) {
				size_t len = pattern_component(c, &kinds[n]);

				cand[n].name = intern_n(c, len);
			}
			wild_try(w, cand, kinds, n);
		}
	load_aliases(w->s, w->p);
	each_alias(w->s, wild_alias, w);
}

/* ------------------------------------------------------------------ mismatch messages */

struct names {
	struct session *s;
	const struct probe_point *p;
	size_t level;
	VEC(const char *) v;
};

static bool name_at_level(void *cookie, struct probe *a, const struct probe_point *name)
{
	struct names *n = cookie;

	(void)a;
	if (name->comps.n > n->level && alias_fit(n->p, name) >= n->level)
		vec_push(&n->v, &n->s->arena, name->comps.v[n->level].name);
	return true;
}

static bool deepest_alias(void *cookie, struct probe *a, const struct probe_point *name)
{
	struct names *n = cookie;
	size_t fit = alias_fit(n->p, name);

	(void)a;
	if (fit > n->level)
		n->level = fit;
	return true;
}

/* Aliases that the tapset has for itself are no suggestions. */
static void drop_private(struct names *n)
{
	size_t kept = 0;

	if (n->level < n->p->comps.n && strncmp(n->p->comps.v[n->level].name, "__", 2) == 0)
		return;
	for (size_t i = 0; i < n->v.n; i++)
		if (strncmp(n->v.v[i], "__", 2) != 0)
			n->v.v[kept++] = n->v.v[i];
	n->v.n = kept;
}

static void mismatch(struct session *s, const struct probe_point *p)
{
	struct names n = {.s = s, .p = p};
	const struct token *tok;
	bool whole, truncated = false, wild = false;

	for (const struct probe_family *const *f = probe_families; *f; f++)
		for (const char *const *pat = (*f)->patterns; *pat; pat++) {
			size_t fit = pattern_fit(p, *pat, &whole);

			if (fit > n.level)
				n.level = fit;
		}
	library_load_alias(s, p->comps.v[0].name, NULL, true);
	each_alias(s, deepest_alias, &n);
	for (size_t i = 0; i < p->comps.n; i++)
		wild |= is_wild(p->comps.v[i].name);
	truncated = n.level == p->comps.n;
	for (const struct probe_family *const *f = probe_families; *f; f++)
		for (const char *const *pat = (*f)->patterns; *pat; pat++) {
			const char *c = *pat;
			int arg;

			if (pattern_fit(p, *pat, &whole) < n.level)
				continue;
			for (size_t i = 0; i < n.level && c; i++)
				c = pattern_next(c);
			if (!c)
				continue;
			if (truncated)
				vec_push(&n.v, &s->arena,
					 intern_n(c, strcspn(c, ".")));
			else
				vec_push(&n.v, &s->arena, intern_n(c, pattern_component(c, &arg)));
		}
	each_alias(s, name_at_level, &n);
	if (n.level == 0) {
		const char *const *lib;
		size_t k = library_alias_names(s, &lib);

		for (size_t i = 0; i < k; i++)
			vec_push(&n.v, &s->arena, lib[i]);
	}
	drop_private(&n);
	tok = p->comps.v[truncated ? p->comps.n - 1 : n.level].tok;
	if (truncated) {
		struct str b = {0};
		struct map seen = {0};

		/* The possible next components, sorted. */
		for (size_t i = 1; i < n.v.n; i++)
			for (size_t j = i; j && strcmp(n.v.v[j - 1], n.v.v[j]) > 0; j--) {
				const char *t = n.v.v[j];

				n.v.v[j] = n.v.v[j - 1];
				n.v.v[j - 1] = t;
			}
		for (size_t i = 0; i < n.v.n; i++) {
			if (map_get(&seen, n.v.v[i]))
				continue;
			map_set(&seen, &s->arena, n.v.v[i], s);
			str_addf(&b, " %s", n.v.v[i]);
		}
		sem_point_error(s, p->comps.v[0].tok, tok, "probe point truncated (follow: %s)", b.s ? b.s : "");
		str_release(&b);
	} else if (!n.v.n) {
		sem_error(s, tok, NULL, "invalid suffix for probe");
	} else {
		sem_point_error(s, p->comps.v[0].tok, tok,
			  wild ? "probe point mismatch: didn't find any wildcard matches%s"
			       : "probe point mismatch%s",
			  diag_similar(s, p->comps.v[n.level].name, n.v.v, n.v.n));
	}
}

/* ------------------------------------------------------------------ one point */

/* As derive(), for a point that a pattern has found. */
static size_t derive_found(struct session *s, const struct compose *c, const struct probe_point *p, bool optional)
{
	struct compose *k = ARENA_NEW(&s->arena, struct compose);

	*k = *c;
	k->body = NULL;
	return derive(s, k, p, optional);
}

/* Makes the instances of a point; errors are reported unless optional. Returns how many. */
static size_t derive(struct session *s, struct compose *c, const struct probe_point *p,
		     bool optional)
{
	struct alias_search as = {.s = s, .c = c, .p = p, .optional = optional};
	bool wild = false, whole;

	for (size_t i = 0; i < p->comps.n; i++)
		wild |= is_wild(p->comps.v[i].name);
	if (wild) {
		struct wild_search w = {.s = s, .p = p};
		size_t n = 0;

		wild_expand(&w);
		for (size_t i = 0; i < w.out.n; i++)
			n += derive_found(s, c, w.out.v[i], true);
		/* There are such points, but none is possible: the first of them tells why. */
		if (!n && !optional && w.out.n)
			derive_found(s, c, w.out.v[0], false);
		else if (!n && !optional)
			mismatch(s, p);
		return n;
	}
	load_aliases(s, p);
	as.prefix = p->comps.n;
	if (!each_alias_named(s, p, as.prefix, expand_alias, &as) || as.found)
		return as.n;
	for (const struct probe_family *const *f = probe_families; *f; f++)
		for (const char *const *pat = (*f)->patterns; *pat; pat++) {
			struct emit_data d = {.s = s, .c = c, .p = p, .optional = optional};

			pattern_fit(p, *pat, &whole);
			if (!whole)
				continue;
			if (optional)
				diag_mute(s);

			int errors = s->errors;

			(*f)->build(s, *f, *pat, p, emit, &d);
			if (optional) {
				diag_unmute(s);
				s->errors = errors;
			}
			return d.n;
		}
	/* "oneshot": begin, with exit() behind the user's body. */
	if (p->comps.n == 1 && !p->comps.v[0].arg && strcmp(p->comps.v[0].name, "oneshot") == 0) {
		struct probe_point *q = ARENA_NEW(&s->arena, struct probe_point);
		struct compose *k = ARENA_NEW(&s->arena, struct compose);
		struct component comp = p->comps.v[0];
		size_t before = s->program->probes.n;

		comp.name = intern("begin");
		vec_push(&q->comps, &s->arena, comp);
		q->tok = p->tok;
		*k = *c;
		k->body = NULL;
		k->exit_after = true;
		derive(s, k, q, optional);
		for (size_t i = before; i < s->program->probes.n; i++)
			if (!c->outer)
				s->program->probes.v[i]->alias_name = "oneshot";
		return s->program->probes.n - before;
	}
	each_alias(s, longest_prefix, &as);
	if (as.best) {
		as.prefix = as.best;
		each_alias_named(s, p, as.prefix, expand_alias, &as);
		return as.n;
	}
	if (!optional)
		mismatch(s, p);
	return 0;
}

/* ------------------------------------------------------------------ arming conditions */

struct condition_check {
	struct session *s;
	bool bad;
};

static bool check_condition(struct ast_visitor *v, struct expr **slot)
{
	struct condition_check *c = v->data;
	const struct expr *e = *slot;

	if (e->kind == EX_ASSIGN || e->kind == EX_INCDEC) {
		sem_error(c->s, e->tok, NULL, "probe condition must not modify any variables");
		c->bad = true;
	} else if (e->kind == EX_CALL) {
		sem_error(c->s, e->tok, NULL, "probe condition must not reference function");
		c->bad = true;
	}
	return !c->bad;
}

static void derive_probe(struct session *s, struct probe *pr, bool user)
{
	struct compose *plain = NULL;

	for (size_t i = 0; i < pr->points.n; i++) {
		const struct probe_point *p = pr->points.v[i];
		struct probe_point *bare = ARENA_NEW(&s->arena, struct probe_point);
		struct compose *c;
		size_t made;

		*bare = *p;
		bare->condition = NULL;
		bare->optional = bare->sufficient = false;
		if (p->condition) {
			struct condition_check check = {.s = s};
			struct ast_visitor v = {.on_expr = check_condition, .data = &check};
			struct expr *e = p->condition;

			ast_walk_expr(&v, &e);
			if (check.bad)
				continue;
		}
		/* Points without aliases share one handler. */
		s->probe_tok = pr->tok;
		c = ARENA_NEW(&s->arena, struct compose);
		c->probe = pr;
		c->at = p;
		c->user = user;
		c->condition = p->condition;
		if (plain)
			c->body = plain->body;
		made = derive(s, c, bare, p->optional);
		if (c->body)
			plain = c;
		if (made && p->sufficient)
			break;
	}
}

void sema_derive_probes(struct session *s)
{
	for (size_t i = 0; i < s->user_scripts.n; i++)
		for (size_t k = 0; k < s->user_scripts.v[i]->probes.n; k++)
			derive_probe(s, s->user_scripts.v[i]->probes.v[k], true);
	/* Probes of tapset files that were loaded for their aliases, functions or globals. */
	sema_derive_library_probes(s);
}

void sema_use_source(struct session *s, const struct source *src)
{
	for (size_t i = 0; src->library && i < s->library_scripts.n; i++)
		if (s->library_scripts.v[i]->src == src)
			s->library_scripts.v[i]->used = true;
}

void sema_derive_library_probes(struct session *s)
{
	for (size_t i = 0; i < s->library_scripts.n; i++) {
		struct script *sc = s->library_scripts.v[i];

		if (!sc->used || sc->derived)
			continue;
		sc->derived = true;
		for (size_t k = 0; k < sc->probes.n; k++)
			derive_probe(s, sc->probes.v[k], false);
	}
}

/* ------------------------------------------------------------------ lists */

void sema_dump_probe_types(struct session *s, struct str *out)
{
	VEC(const char *) v = {0};

	for (const struct probe_family *const *f = probe_families; *f; f++)
		for (const char *const *pat = (*f)->patterns; *pat; pat++) {
			size_t i = v.n;

			vec_push(&v, &s->arena, *pat);
			for (; i && strcmp(v.v[i - 1], *pat) > 0; i--)
				v.v[i] = v.v[i - 1];
			v.v[i] = *pat;
		}
	for (size_t i = 0; i < v.n; i++)
		str_addf(out, "%s\n", v.v[i]);
}

struct alias_list {
	struct session *s;
	struct str *out;
};

static bool print_alias(void *cookie, struct probe *a, const struct probe_point *name)
{
	struct alias_list *l = cookie;

	if (name->comps.v[0].name[0] == '_' && !l->s->opt.verbose[1])
		return true;
	str_addf(l->out, "%s = ", point_text(&l->s->arena, name));
	for (size_t i = 0; i < a->points.n; i++)
		str_addf(l->out, "%s%s", i ? ", " : "",
			 point_text(&l->s->arena, a->points.v[i]));
	str_addc(l->out, '\n');
	return true;
}

void sema_dump_probe_aliases(struct session *s, struct str *out)
{
	struct alias_list l = {s, out};

	library_load_all(s);
	each_alias(s, print_alias, &l);
}
