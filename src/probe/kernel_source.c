/* Points in the source code of the kernel and its modules, by the debug information that is installed
 * (dwarf/kernel.c), resolved as those of programs are (process.h). They are attached by address; locals and
 * parameters are where the compiler has put them, which takes registers: kprobes, not fentry. See kernel.h. */
#include <string.h>

#include "lang/diag.h"
#include "probe/kernel.h"
#include "probe/process.h"
#include "session.h"

struct source_query {
	struct process_query base; /* first */
	struct kernel_query *k;
	const char *module; /* the one that base.m is */
};

bool kernel_wants_source(const struct kernel_query *q)
{
	const struct component *c = &q->p->comps.v[q->at];

	if (q->full_names || !q->name)
		return false;
	if (strchr(q->name, '@') || strcmp(c->name, "statement") == 0)
		return true;
	for (size_t i = q->at + 1; i < q->p->comps.n; i++) {
		const char *suffix = q->p->comps.v[i].name;

		if (strcmp(suffix, "inline") == 0 || strcmp(suffix, "label") == 0 ||
		    strncmp(suffix, "callee", 6) == 0)
			return true;
	}
	return false;
}

/* ------------------------------------------------------------------ instances */

static bool is_startup(const struct dbg_module *m, uint64_t pc)
{
	const struct obj_section *section = obj_section_around(m->obj, pc);

	return section && (strncmp(section->name, ".init", 5) == 0 || strncmp(section->name, ".exit", 5) == 0);
}

static bool put(struct process_query *base, const struct process_site *e)
{
	struct source_query *q = (struct source_query *)base;
	struct session *s = base->s;
	const struct kallsyms *symbols = kernel_symbols(s);
	uint64_t addr = e->pc + base->m->bias;
	const struct kallsym *y = kallsyms_at(symbols, addr);
	const char *script = process_script_text(base, e), *text = process_text_arg(base);
	bool is_return = e->kind == SITE_URETPROBE;
	struct kernel_place *place;
	struct probe_inst *inst;
	struct probe_site *site;

	if (is_startup(base->m, e->pc) && !base->failed && !(text && dbg_is_wild(text))) {
		base->failed = true;
		return kernel_fail(q->k, arena_printf(&s->arena, "no match: %s is gone when the kernel runs",
						      e->arg));
	}
	if (!y || is_startup(base->m, e->pc) || !obj_executable_at(base->m->obj, e->pc))
		return false;
	if (process_listed(base, script))
		return true;
	inst = ARENA_NEW(&s->arena, struct probe_inst);
	site = ARENA_NEW(&s->arena, struct probe_site);
	place = ARENA_NEW(&s->arena, struct kernel_place);
	place->at = e->place.at;
	place->at.module = base->m;
	place->at.pc = e->pc;
	place->symbol = y;
	place->function = arena_strndup(&s->arena, y->name, kallsyms_stem(y->name));
	place->is_return = is_return;
	place->at_entry = addr == y->addr;
	site->kind = is_return ? SITE_KFUNC_RETURN : SITE_KFUNC;
	site->path = y->name;
	site->module = y->module;
	site->offset = addr - y->addr;
	site->vaddr = addr;
	site->one_of_many = e->inlined || q->k->wild || (text && dbg_is_wild(text));
	site->at_entry = !is_return && place->at_entry;
	site->by_address = kernel_has_twin(s, y, site->one_of_many);
	site->place = place;
	inst->family = base->family;
	inst->site = site;
	inst->point = process_low_point(base, e, q->module);
	inst->name = point_text(&s->arena, inst->point);
	inst->script_name = script;
	inst->condition = e->condition;
	if (is_return)
		inst->frame_address = kernel_call_of(s, inst->point->comps.v[0].tok);
	if (!kernel_allowed(q->k, site, place)) {
		base->failed = true;
		return false;
	}
	base->n++;
	base->emit(base->cookie, inst);
	return true;
}

static bool build_in(struct source_query *q)
{
	struct process_query *base = &q->base;
	const struct component *c = &base->p->comps.v[base->at];

	if (process_has_suffix(base, "label"))
		return process_labels(base);
	if (process_has_suffix(base, "callee") || process_has_suffix(base, "callees"))
		return process_callees(base);
	return strcmp(c->name, "function") == 0 ? process_functions(base) : process_statements(base);
}

/* ------------------------------------------------------------------ which files */

typedef name_list module_names;

/* The loaded modules that the point means. */
static void find_modules(struct kernel_query *k, module_names *out)
{
	const struct kallsyms *all = kernel_symbols(k->s);

	for (size_t i = 0; i < all->n; i++) {
		const char *name = all->v[i].module;

		if (!name || (out->n && out->v[out->n - 1] == name) || !kernel_in_module(k, &all->v[i]))
			continue;
		for (size_t n = 0; n < out->n && name; n++)
			if (out->v[n] == name)
				name = NULL;
		if (name)
			vec_push(out, &k->s->arena, name);
	}
}

/* What cannot be told without debug information. */
static const char *what_is_asked(const struct kernel_query *q)
{
	for (size_t i = q->at + 1; i < q->p->comps.n; i++) {
		const char *suffix = q->p->comps.v[i].name;

		if (strcmp(suffix, "inline") == 0)
			return "inlined instances of kernel functions";
		if (strcmp(suffix, "label") == 0)
			return "labels in kernel functions";
		if (strncmp(suffix, "callee", 6) == 0)
			return "callees of kernel functions";
	}
	return strcmp(q->p->comps.v[q->at].name, "statement") == 0 ? "statements of the kernel" :
								     "source files of kernel functions";
}

bool kernel_has_source(struct kernel_query *q)
{
	const char *why;

	return !q->full_names && !q->wild && dbg_kernel_source(q->s, q->module, &why);
}

bool kernel_by_source(struct kernel_query *k)
{
	struct session *s = k->s;
	module_names modules = {0};
	struct source_query q = {
		.base = {.s = s, .family = k->family, .p = k->p, .emit = k->emit, .cookie = k->cookie,
			 .put = put, .at = k->at},
		.k = k,
	};
	bool many = k->module && strpbrk(k->module, "*?["), ok = true;
	int errors = s->errors;
	const char *why = "";

	q.base.suffix = process_suffix_text(&q.base);
	q.base.quiet = many;
	if (k->module)
		find_modules(k, &modules);
	else
		vec_push(&modules, &s->arena, NULL);
	if (!modules.n)
		return kernel_no_match(k);
	if (many)
		diag_mute(s);
	for (size_t i = 0; i < modules.n && !q.base.failed; i++) {
		q.base.m = dbg_kernel_source(s, modules.v[i], &why);
		q.base.program = q.module = modules.v[i];
		if (q.base.m)
			ok &= build_in(&q);
	}
	if (many)
		diag_unmute(s);
	if (many && q.base.n)
		s->errors = errors;
	if (q.base.n && !q.base.failed)
		return many || ok;
	if (q.base.failed && !many)
		return false;
	if (!q.base.m)
		return kernel_fail(k, arena_printf(&s->arena,
						   "no match: %s are only known where the kernel's debug "
						   "information is installed: %s",
						   what_is_asked(k), why));
	return many ? kernel_fail(k, "no match") : ok;
}

/* ------------------------------------------------------------------ places without a name */

bool kernel_find_source(struct session *s, struct kernel_place *p, uint64_t addr)
{
	const char *why;
	struct dbg_module *m = dbg_kernel_source(s, p->symbol->module, &why);

	if (!m || !addr || !dbg_scope_at(s, m, addr - m->bias, &p->at.scope))
		return false;
	p->at.signature = NULL;
	p->at.module = m;
	p->at.pc = addr - m->bias;
	p->at.is_return = p->is_return;
	return true;
}
