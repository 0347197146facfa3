/* The resolved program as text: -p2, -l, -L, --dump-functions (command-line reference, sections 2.1
 * and 4). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lang/diag.h"
#include "lang/lang.h"
#include "probe/provider.h"
#include "rt/intrinsic.h"
#include "sema/sema.h"
#include "session.h"
#include "tapset/library.h"

static void dump_locals(struct str *o, const var_list *l)
{
	if (l->n)
		str_add(o, "  # locals\n");
	for (size_t i = 0; i < l->n; i++)
		str_addf(o, "  %s:%s\n", l->v[i]->name, type_name(l->v[i]->type));
}

static void dump_signature(struct str *o, const struct function *f)
{
	str_addf(o, "%s:%s (", f->name, type_name(f->type));
	for (size_t i = 0; i < f->params.n; i++)
		str_addf(o, "%s%s:%s", i ? ", " : "", f->params.v[i]->name,
			 type_name(f->params.v[i]->type));
	str_addc(o, ')');
}

void sema_dump(struct session *s, struct str *o)
{
	const struct program *p = s->program;
	bool verbose = s->opt.verbose[2] > 0;

	if (p->globals.n)
		str_add(o, "# globals\n");
	for (size_t i = 0; i < p->globals.n; i++) {
		const struct var *v = p->globals.v[i];

		str_add(o, v->name);
		if (v->maxsize && v->arity > 0)
			str_addf(o, "[%" PRId64 "]", v->maxsize);
		str_addf(o, ":%s", type_name(v->type));
		for (int k = 0; k < v->arity; k++)
			str_addf(o, "%s%s", k ? ", " : " [", type_name(v->key_type[k]));
		if (v->arity > 0)
			str_addc(o, ']');
		if (verbose && v->init && v->init->is_string)
			str_addf(o, " = \"%s\"", v->init->raw);
		else if (verbose && v->init)
			str_addf(o, " = %" PRId64, v->init->num);
		str_addc(o, '\n');
	}
	if (p->functions.n)
		str_add(o, "# functions\n");
	for (size_t i = 0; i < p->functions.n; i++) {
		dump_signature(o, p->functions.v[i]);
		str_addc(o, '\n');
		dump_locals(o, &p->functions.v[i]->locals);
	}
	if (p->probes.n)
		str_add(o, "# probes\n");
	for (size_t i = 0; i < p->probes.n; i++) {
		const struct probe_inst *inst = p->probes.v[i];

		str_add(o, inst->name);
		if (inst->condition)
			str_addf(o, " if (%s)", expr_text(&s->arena, inst->condition));
		str_add(o, " /*");
		for (size_t k = 0; k < inst->derivation.n; k++)
			str_addf(o, " <- %s", inst->derivation.v[k]);
		str_add(o, " */ \n");
		dump_locals(o, &inst->handler->locals);
	}
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* One line of a list: a point and the variables that all its instances have. */
struct listed {
	const char *point;
	name_list vars;
};

static void instance_vars(struct session *s, const struct probe_inst *inst, name_list *out)
{
	for (size_t k = 0; k < inst->handler->locals.n; k++) {
		const struct var *v = inst->handler->locals.v[k];

		vec_push(out, &s->arena, arena_printf(&s->arena, "%s:%s", v->name,
						      type_name(v->type)));
	}
	if (inst->family->list_vars)
		inst->family->list_vars(s, inst, out);
	for (size_t i = 0; i < out->n; i++)
		if (*out->v[i] == ' ')
			out->v[i]++;
}

/* Keeps what is in both lists, in the order of the first. */
static void intersect(name_list *a, const name_list *b)
{
	size_t n = 0;

	for (size_t i = 0; i < a->n; i++)
		for (size_t k = 0; k < b->n; k++)
			if (strcmp(a->v[i], b->v[k]) == 0) {
				a->v[n++] = a->v[i];
				break;
			}
	a->n = n;
}

static const char *listed_text(struct session *s, const struct listed *l)
{
	struct str b = {0};
	const char *r;

	str_add(&b, l->point);
	for (size_t i = 0; i < l->vars.n; i++)
		str_addf(&b, " %s", l->vars.v[i]);
	r = arena_strndup(&s->arena, b.s, b.len);
	str_release(&b);
	return r;
}

int sema_list(struct session *s, const char *pattern, bool with_vars)
{
	struct source *src = source_make(s, "<input>", pattern, strlen(pattern));
	struct probe_point *point;
	struct script *sc;
	struct probe *pr;
	VEC(struct listed *) all = {0};
	struct map points = {0};
	name_list lines = {0};
	const char *last = NULL;

	s->opt.no_warnings = true;
	diag_mute(s);
	point = parse_point(s, src);
	if (!point) {
		diag_unmute(s);
		return 1;
	}
	/* A probe with this point and an empty body; only it is derived. */
	pr = ARENA_NEW(&s->arena, struct probe);
	pr->tok = point->tok;
	pr->body = stmt_make(&s->arena, ST_BLOCK, point->tok);
	vec_push(&pr->points, &s->arena, point);
	sc = ARENA_NEW(&s->arena, struct script);
	sc->src = src;
	vec_push(&sc->probes, &s->arena, pr);
	for (size_t i = 0; i < s->user_scripts.n; i++)
		s->user_scripts.v[i]->probes.n = 0;
	vec_push(&s->user_scripts, &s->arena, sc);
	s->program = ARENA_NEW(&s->arena, struct program);
	sema_derive_probes(s);
	if (with_vars) {
		sema_resolve_names(s);
		sema_count_uses(s);
		sema_infer_types(s);
	}
	diag_unmute(s);
	for (size_t i = 0; i < s->program->probes.n; i++) {
		const struct probe_inst *inst = s->program->probes.v[i];
		struct listed *l, *first;

		if (inst->handler->tok != pr->tok)
			continue;
		l = ARENA_NEW(&s->arena, struct listed);
		l->point = inst->alias_name;
		if (with_vars)
			instance_vars(s, inst, &l->vars);
		first = s->opt.verbose[2] ? NULL : map_get(&points, l->point);
		if (first) {
			intersect(&first->vars, &l->vars);
			continue;
		}
		map_set(&points, &s->arena, l->point, l);
		vec_push(&all, &s->arena, l);
	}
	for (size_t i = 0; i < all.n; i++)
		vec_push(&lines, &s->arena, listed_text(s, all.v[i]));
	if (!lines.n)
		return 1;
	qsort(lines.v, lines.n, sizeof(lines.v[0]), by_text);
	for (size_t i = 0; i < lines.n; i++) {
		if (!last || strcmp(last, lines.v[i]) != 0)
			puts(lines.v[i]);
		last = lines.v[i];
	}
	return 0;
}

void sema_dump_functions(struct session *s, struct str *out)
{
	bool verbose = s->opt.verbose[1] > 0;
	VEC(const char *) lines = {0};

	library_load_all(s);
	for (size_t i = 0; i < s->library_scripts.n; i++) {
		const struct script *sc = s->library_scripts.v[i];

		for (size_t k = 0; k < sc->functions.n; k++) {
			struct function *f = sc->functions.v[k];
			struct str b = {0};

			if (f->is_private || (!verbose && strncmp(f->name, "__", 2) == 0))
				continue;
			f->type = f->declared_type;
			dump_signature(&b, f);
			vec_push(&lines, &s->arena, arena_strdup(&s->arena, b.s));
			str_release(&b);
		}
	}
	qsort(lines.v, lines.n, sizeof(lines.v[0]), by_text);
	for (size_t i = 0; i < lines.n; i++)
		str_addf(out, "%s\n", lines.v[i]);
}
