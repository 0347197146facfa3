/* process(...).statement: see process.h and the probe reference, 7.7. */
#include <stdio.h>
#include <string.h>

#include "kern/maps.h"
#include "lang/diag.h"
#include "probe/process.h"
#include "session.h"

struct place {
	struct session *s;
	uint64_t addr, offset;
	const char *path;
};

static bool is_there(void *cookie, const struct kern_mapped *m)
{
	struct place *place = cookie;

	if (place->addr < m->start || place->addr >= m->end)
		return true;
	if (m->code && *m->path == '/') {
		place->path = arena_strdup(&place->s->arena, m->path);
		place->offset = place->addr - m->start + m->offset;
	}
	return false;
}

/* The file that a process runs at an address, and the address in that file. */
static const char *mapped_at(struct session *s, long long pid, uint64_t addr, uint64_t *offset)
{
	struct place place = {.s = s, .addr = addr};

	kern_maps_each(pid, is_there, &place);
	*offset = place.offset;
	return place.path;
}

/* No questions asked, no variables. */
static bool absolute(struct process_query *q, uint64_t addr)
{
	struct session *s = q->s;
	const struct token *tok = q->p->comps.v[0].tok;
	long long pid = q->p->comps.v[0].arg->num;
	struct process_site e = {.kind = SITE_UPROBE};
	const char *path, *why = "";
	uint64_t offset;

	if (!s->opt.guru) {
		sem_point_error(s, tok, q->p->comps.v[q->at].tok,
				"absolute statement probe in unprivileged script; need stap -g");
		return false;
	}
	path = mapped_at(s, pid, addr, &offset);
	if (!path) {
		sem_point_error(s, tok, q->p->comps.v[q->at].tok,
				"process %lld runs no file at address 0x%llx", pid, (unsigned long long)addr);
		return false;
	}
	q->m = dbg_open(s, path, &why);
	if (!q->m || !obj_vaddr(q->m->obj, offset, &e.pc)) {
		sem_point_error(s, tok, NULL, "cannot probe %s: %s", path, why);
		return false;
	}
	e.arg = arena_printf(&s->arena, "0x%llx", (unsigned long long)addr);
	e.low_arg = arena_printf(&s->arena, "0x%llx", (unsigned long long)e.pc);
	e.is_entry = obj_symtab_at(dbg_symbols(q->m), e.pc) != NULL;
	return q->put(q, &e) || process_no_match(q, NULL, NULL, NULL, NULL, 0);
}

static bool by_number(struct process_query *q, uint64_t addr)
{
	struct session *s = q->s;
	struct process_site e = {.kind = SITE_UPROBE, .pc = addr};
	const char *unit = "", *hint = "", *tried;
	enum dbg_row row;
	uint64_t near = 0;

	if (process_has_suffix(q, "absolute"))
		return absolute(q, addr);
	if (!obj_executable_at(q->m->obj, addr))
		return process_no_match(q, NULL, NULL, NULL, NULL, 0);
	row = dbg_row_at(s, q->m, addr, &near, &unit);
	if (row == DBG_ROW_NEAR)
		hint = arena_printf(&s->arena, "try 0x%llx", (unsigned long long)near);
	else if (row == DBG_ROW_NO_LINES)
		hint = arena_printf(&s->arena, "no line info found for '%s', in module '%s'", unit,
				    q->m->path);
	if (*hint) {
		tried = arena_printf(&s->arena,
				     "address 0x%llx does not match the beginning of a statement (%s)",
				     (unsigned long long)addr, hint);
		if (!s->opt.guru) {
			sem_point_error(s, q->p->comps.v[0].tok, NULL, "%s", tried);
			return false;
		}
		sem_warn(s, NULL, "%s", tried);
	}
	e.arg = arena_printf(&s->arena, "0x%llx", (unsigned long long)addr);
	e.is_entry = obj_symtab_at(dbg_symbols(q->m), addr) != NULL;
	dbg_scope_at(s, q->m, addr, &e.place.at.scope);
	return q->put(q, &e) || process_no_match(q, NULL, NULL, NULL, NULL, 0);
}

static void explain_miss(struct process_query *q, const struct dbg_line_miss *miss)
{
	char hint[64] = "";

	if (miss->below && miss->above)
		snprintf(hint, sizeof(hint), " (try :%u or :%u)", miss->below, miss->above);
	else if (miss->below || miss->above)
		snprintf(hint, sizeof(hint), " (try :%u)", miss->below ? miss->below : miss->above);
	sem_note(q->s, NULL, "no line records for %s:%u [man error::dwarf]%s", miss->file,
		 miss->line, hint);
}

bool process_statements(struct process_query *q)
{
	struct session *s = q->s;
	const char *text = process_text_arg(q);
	dbg_statements found = {0};
	struct dbg_line_miss miss;
	struct dbg_spec spec;
	dbg_names names = {0};
	uint64_t addr;
	size_t before = q->n;

	if (process_number_arg(q, &addr))
		return by_number(q, addr);
	if (!process_parse_spec(q, text, &spec))
		return false;
	dbg_find_statements(s, q->m, &spec, process_has_suffix(q, "nearest"), &found, &miss);
	for (size_t i = 0; i < found.n; i++) {
		const struct dbg_statement *d = &found.v[i];
		struct process_site e = {
			.arg = process_quote(&s->arena, d->text),
			.low_arg = d->found ? process_quote(&s->arena, d->found) : NULL,
			.low_suffix = "",
			.kind = SITE_UPROBE,
			.is_entry = d->addr == d->function.entry && !d->function.inlined,
			.pc = d->addr,
		};

		dbg_function_die(q->m, &d->function, &e.place.at.scope);
		e.place.at.has_view = d->has_view;
		e.place.at.view = d->view;
		q->put(q, &e);
	}
	if (q->n > before)
		return true;
	if (q->failed)
		return false;
	if (miss.file) {
		explain_miss(q, &miss);
		return process_no_match(q, NULL, NULL, NULL, NULL, 0);
	}
	if (!s->muted)
		dbg_function_names(s, q->m, &names);
	return process_no_match(q, "function", "functions", spec.name, names.v, names.n);
}
