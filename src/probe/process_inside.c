/* process(...).function(...).label and .callee: see process.h and the probe reference, 7.4. */
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

static void emit_callee(struct process_query *q, const struct dbg_function *caller,
			const struct dbg_function *f, const char *suffix)
{
	struct arena *a = &q->s->arena;
	struct process_site e = {
		.arg = process_quote(a, caller->text),
		.suffix = arena_printf(a, ".callee(%s)%s", process_quote(a, f->text), suffix),
		.low_arg = process_quote(a, f->text),
		.low_suffix = suffix,
		.kind = strcmp(suffix, ".return") == 0 ? SITE_URETPROBE : SITE_UPROBE,
		.inlined = f->inlined,
	};
	bool is_return = e.kind == SITE_URETPROBE;

	e.pc = is_return ? f->entry : dbg_probe_pc(q->m, f);
	e.is_entry = e.pc == f->entry && !f->inlined;
	e.place.at.is_return = is_return;
	if (!dbg_function_die(q->m, f, &e.place.at.scope))
		return;
	if (!f->inlined) {
		struct dbg_place at = e.place.at;

		at.module = q->m;
		at.pc = e.pc;
		e.condition = dbg_called_from(q->s, &at, caller, q->p->comps.v[0].tok);
		if (!e.condition)
			return;
	}
	q->put(q, &e);
}

bool process_callees(struct process_query *q)
{
	const struct component *one = process_suffix(q, "callee"), *all = process_suffix(q, "callees");
	const char *suffix = process_has_suffix(q, "return") ? ".return" :
			     process_has_suffix(q, "call")   ? ".call" :
							       "";
	const char *pattern = one ? one->arg->str : "*";
	dbg_functions callers = {0}, candidates = {0};
	dbg_names names = {0};
	struct dbg_spec spec;
	size_t before = q->n;

	if (all && all->arg && all->arg->num != 1) {
		sem_point_error(q->s, q->p->comps.v[0].tok, all->tok,
				"only direct callees are known: .callees or .callees(1)");
		return false;
	}
	if (!find_functions(q, process_text_arg(q), &callers))
		return false;
	if (!process_parse_spec(q, pattern, &spec))
		return false;
	dbg_find_functions(q->s, q->m, &spec, DBG_CONCRETE | (*suffix ? 0 : DBG_INLINED), &candidates,
			   NULL);
	for (size_t i = 0; i < callers.n; i++) {
		dbg_functions called = {0};

		dbg_find_callees(q->s, q->m, &callers.v[i], &candidates, &called);
		for (size_t k = 0; k < called.n; k++)
			emit_callee(q, &callers.v[i], &called.v[k], suffix);
	}
	if (q->n > before)
		return true;
	if (q->failed)
		return false;
	if (!q->s->muted && !candidates.n)
		dbg_function_names(q->s, q->m, &names);
	return process_no_match(q, "function", "functions", pattern, names.v, names.n);
}
