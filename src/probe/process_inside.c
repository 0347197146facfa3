/* process(...).function(...).label, .callee and .callees: see process.h and the probe reference, 7.4. */
#include <string.h>

#include "lang/diag.h"
#include "probe/process.h"
#include "session.h"

/* The functions that the point names; false: reported. */
static bool find_functions(struct process_query *q, const char *text, dbg_functions *out)
{
	struct dbg_spec spec;
	dbg_names names = {0};

	if (!process_parse_spec(q, text, &spec))
		return false;
	dbg_find_functions(q->s, q->m, &spec, DBG_CONCRETE | DBG_INLINED, out, NULL);
	if (out->n)
		return true;
	if (!q->s->muted)
		dbg_function_names(q->s, q->m, &names);
	return process_no_match(q, "function", "functions", spec.name, names.v, names.n);
}

bool process_labels(struct process_query *q)
{
	struct arena *a = &q->s->arena;
	const char *pattern = process_suffix(q, "label")->arg->str;
	dbg_functions functions = {0};
	dbg_names names = {0};
	size_t before = q->n;

	if (!find_functions(q, process_text_arg(q), &functions))
		return false;
	for (size_t i = 0; i < functions.n; i++) {
		const struct dbg_function *f = &functions.v[i];
		dbg_labels all = {0};

		dbg_find_labels(q->s, q->m, f, "*", &all);
		for (size_t k = 0; k < all.n; k++) {
			struct process_site e = {
				.arg = process_quote(a, f->text),
				.suffix = arena_printf(a, ".label(%s)", process_quote(a, all.v[k].name)),
				.low_suffix = "",
				.kind = SITE_UPROBE,
				.inlined = f->inlined,
				.pc = all.v[k].addr,
			};

			vec_push(&names, a, all.v[k].name);
			if (!dbg_match(pattern, all.v[k].name))
				continue;
			dbg_function_die(q->m, f, &e.place.at.scope);
			q->put(q, &e);
		}
	}
	return q->n > before ||
	       (!q->failed && process_no_match(q, "label", "labels", pattern, names.v, names.n));
}

/* ------------------------------------------------------------------ callees */

enum {
	MAX_LEVELS = 16,
	MAX_CALLEES = 10000, /* of one point in a file, along all chains of calls */
};

/* On the way down from a function that the point names. */
struct callee_walk {
	struct process_query *q;
	const struct dbg_callees *candidates;
	const char *suffix; /* behind the callee: ".return" or "" or such */
	size_t levels;
	struct dbg_function chain[MAX_LEVELS + 1]; /* each calls the next */
	size_t n;
	size_t found;
};

static bool report_callee(const struct callee_walk *w, const char *why)
{
	struct session *s = w->q->s;
	const struct component *all = process_suffix(w->q, "callees");

	sem_point_error(s, w->q->p->comps.v[0].tok, all ? all->tok : process_suffix(w->q, "callee")->tok, "%s", why);
	return false;
}

/* False: reported. */
static bool emit_callee(const struct callee_walk *w)
{
	struct process_query *q = w->q;
	struct arena *a = &q->s->arena;
	const struct dbg_function *f = &w->chain[w->n];
	const char *way = "", *why;
	struct process_site e = {
		.arg = process_quote(a, w->chain[0].text),
		.low_arg = process_quote(a, f->text),
		.low_suffix = w->suffix,
		.kind = strcmp(w->suffix, ".return") == 0 ? SITE_URETPROBE : SITE_UPROBE,
		.inlined = f->inlined,
	};
	struct dbg_place at;

	for (size_t i = 1; i <= w->n; i++)
		way = arena_printf(a, "%s.callee(%s)", way, process_quote(a, w->chain[i].text));
	e.suffix = arena_printf(a, "%s%s", way, w->suffix);
	e.place.at.is_return = e.kind == SITE_URETPROBE;
	e.pc = e.place.at.is_return ? f->entry : dbg_probe_pc(q->m, f);
	e.is_entry = e.pc == f->entry && !f->inlined;
	if (!dbg_function_die(q->m, f, &e.place.at.scope))
		return true;
	at = e.place.at;
	at.module = q->m;
	at.pc = e.pc;
	if (!dbg_came_from(q->s, &at, w->chain, w->n, q->p->comps.v[0].tok, &e.condition, &why))
		return report_callee(w, arena_printf(a, "who has called %s cannot be told in %s%s: %s", f->text,
						     w->chain[0].text, way, why));
	q->put(q, &e);
	return true;
}

static bool walk_callees(struct callee_walk *w)
{
	dbg_functions called = {0};

	if (w->n == w->levels)
		return true;
	dbg_find_callees(w->q->s, w->candidates, &w->chain[w->n], &called);
	w->n++;
	for (size_t i = 0; i < called.n; i++) {
		w->chain[w->n] = called.v[i];
		if (++w->found > MAX_CALLEES)
			return report_callee(w, arena_printf(&w->q->s->arena,
							     "more than %d callees on %zu levels of calls",
							     MAX_CALLEES, w->levels));
		if (!emit_callee(w) || !walk_callees(w))
			return false;
	}
	w->n--;
	return true;
}

bool process_callees(struct process_query *q)
{
	const struct component *one = process_suffix(q, "callee"), *all = process_suffix(q, "callees");
	const char *pattern = one ? one->arg->str : "*";
	struct callee_walk w = {.q = q, .levels = 1};
	dbg_functions callers = {0}, candidates = {0};
	dbg_names names = {0};
	struct dbg_spec spec;
	size_t before = q->n;

	w.suffix = process_has_suffix(q, "return") ? ".return" : process_has_suffix(q, "call") ? ".call" : "";
	if (all && all->arg && (all->arg->num < 1 || all->arg->num > MAX_LEVELS))
		return report_callee(&w, arena_printf(&q->s->arena, "callees on 1 to %d levels of calls can be probed",
						      MAX_LEVELS));
	if (all && all->arg)
		w.levels = (size_t)all->arg->num;
	if (!find_functions(q, process_text_arg(q), &callers))
		return false;
	if (!process_parse_spec(q, pattern, &spec))
		return false;
	dbg_find_functions(q->s, q->m, &spec, DBG_CONCRETE | (*w.suffix ? 0 : DBG_INLINED), &candidates, NULL);
	w.candidates = dbg_callees_make(q->s, q->m, &candidates);
	for (size_t i = 0; i < callers.n; i++) {
		w.chain[0] = callers.v[i];
		if (!walk_callees(&w)) {
			q->failed = true;
			return false;
		}
	}
	if (q->n > before)
		return true;
	if (q->failed)
		return false;
	if (!q->s->muted && !candidates.n)
		dbg_function_names(q->s, q->m, &names);
	return process_no_match(q, "function", "functions", pattern, names.v, names.n);
}
