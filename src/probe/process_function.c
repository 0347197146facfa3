/* process(...).function: see process.h and the probe reference, 7.6. */
#include <elf.h>
#include <string.h>

#include "lang/diag.h"
#include "probe/process.h"
#include "session.h"

static bool emit_function(struct process_query *q, const struct dbg_function *f, bool is_return,
			  const char *arg)
{
	struct process_site e = {
		.arg = arg,
		.kind = is_return ? SITE_URETPROBE : SITE_UPROBE,
		.is_entry = true,
		.pc = f->entry,
	};
	bool brief = q->s->opt.list_point && !q->s->opt.list_vars;

	if (!is_return && !brief)
		e.pc = dbg_probe_pc(q->m, f);
	e.is_entry = e.pc == f->entry && !f->inlined;
	e.inlined = f->inlined;
	e.place.at.is_return = is_return;
	if (!brief)
		dbg_function_die(q->m, f, &e.place.at.scope);
	return q->put(q, &e);
}

/* "For probing a particular line...": the line is not looked at, unless it is that of the only
 * function. */
static void warn_line(struct process_query *q, const struct dbg_spec *spec, const dbg_functions *v)
{
	bool exact = spec->line_kind == DBG_LINE_NUMBER && v->n > 0;

	if (spec->line_kind == DBG_LINE_NONE)
		return;
	for (size_t i = 0; i < v->n && exact; i++)
		exact = v->v[i].line == spec->line && strcmp(v->v[i].name, v->v[0].name) == 0;
	if (!exact)
		sem_warn(q->s, NULL,
			 "For probing a particular line, use a .statement() probe, not .function()");
}

/* A name that stands for code which chooses among several implementations, once in each process (GNU_IFUNC): strlen
 * and its like in libc. Calls do not come by there. */
static void warn_indirect(struct process_query *q, const struct dbg_spec *spec, const dbg_functions *v)
{
	if (q->s->opt.list_point || dbg_is_wild(spec->name))
		return;
	for (size_t i = 0; i < v->n; i++) {
		const struct obj_symbol *y = obj_symtab_at(dbg_symbols(q->m), v->v[i].entry);

		if (v->v[i].inlined || !y || y->type != STT_GNU_IFUNC)
			continue;
		sem_warn(q->s, NULL,
			 "%s of %s is an indirect function: this probe sees the choice of an implementation, not "
			 "the calls (those may be seen by a pattern like \"*_%s_*\")",
			 spec->name, q->m->path, spec->name);
		return;
	}
}

static bool by_number(struct process_query *q, uint64_t addr)
{
	struct dbg_function f;
	bool is_return = process_has_suffix(q, "return");
	uint64_t pc;

	if (process_has_suffix(q, "inline") || !dbg_function_around(q->s, q->m, addr, &f))
		return process_no_match(q, NULL, NULL, NULL, NULL, 0);
	pc = is_return ? f.entry : dbg_probe_pc(q->m, &f);
	return emit_function(q, &f, is_return, arena_printf(&q->s->arena, "0x%llx",
							   (unsigned long long)pc));
}

static bool complain(struct process_query *q, const struct dbg_spec *spec)
{
	dbg_names names = {0};

	if (!q->s->muted)
		dbg_function_names(q->s, q->m, &names);
	if (!q->s->muted && !names.n) {
		sem_point_error(q->s, q->p->comps.v[0].tok, NULL, "no match (%s has no symbols)", q->m->path);
		return false;
	}
	return process_no_match(q, "function", "functions", spec->name, names.v, names.n);
}

bool process_functions(struct process_query *q)
{
	struct session *s = q->s;
	const char *text = process_text_arg(q);
	bool is_return = process_has_suffix(q, "return");
	dbg_functions found = {0};
	dbg_names inlined = {0};
	unsigned want = DBG_CONCRETE | DBG_INLINED;
	struct dbg_spec spec;
	uint64_t addr;
	size_t before = q->n;

	if (process_number_arg(q, &addr))
		return by_number(q, addr);
	if (!process_parse_spec(q, text, &spec))
		return false;
	if (is_return || process_has_suffix(q, "call"))
		want = DBG_CONCRETE;
	else if (process_has_suffix(q, "inline"))
		want = DBG_INLINED;
	else if (process_has_suffix(q, "exported"))
		want = DBG_CONCRETE | DBG_EXPORTED;
	if (s->opt.list_point && !s->opt.list_vars)
		want |= DBG_BRIEF;
	dbg_find_functions(s, q->m, &spec, want, &found, is_return ? &inlined : NULL);
	for (size_t i = 0; i < found.n; i++)
		emit_function(q, &found.v[i], is_return,
			      process_quote(&s->arena, found.v[i].text));
	if (inlined.n && !found.n) {
		struct str b = {0};

		for (size_t i = 0; i < inlined.n; i++)
			str_addf(&b, " %s", inlined.v[i]);
		sem_warn(s, NULL, "cannot probe .return of %zu inlined function%s %s", inlined.n,
			 inlined.n == 1 ? "" : "s", b.s);
		str_release(&b);
	}
	if (q->n == before)
		return !q->failed && complain(q, &spec);
	warn_line(q, &spec, &found);
	warn_indirect(q, &spec, &found);
	return true;
}
