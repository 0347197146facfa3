/* process(...): the patterns, what all of them have in common. See process.h. */
#include <elf.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "lang/diag.h"
#include "probe/process.h"
#include "session.h"

extern const struct probe_family process_family;

/* ------------------------------------------------------------------ instances */

const char *process_quote(struct arena *a, const char *text)
{
	struct str b = {0};
	const char *r;

	if (!strpbrk(text, "\"\n"))
		return arena_printf(a, "\"%s\"", text);
	str_addc(&b, '"');
	for (; *text; text++) {
		if (*text == '"')
			str_addc(&b, '\\');
		if (*text == '\n')
			str_add(&b, "\\n");
		else
			str_addc(&b, *text);
	}
	str_addc(&b, '"');
	r = arena_strdup(a, b.s);
	str_release(&b);
	return r;
}

const char *process_text_arg(const struct process_query *q)
{
	const struct literal *l = q->p->comps.v[q->at].arg;

	return l && l->is_string ? l->str : NULL;
}

bool process_number_arg(const struct process_query *q, uint64_t *n)
{
	const struct literal *l = q->p->comps.v[q->at].arg;

	if (!l || l->is_string)
		return false;
	*n = (uint64_t)l->num;
	return true;
}

const struct component *process_suffix(const struct process_query *q, const char *name)
{
	for (size_t i = q->at + 1; i < q->p->comps.n; i++)
		if (strcmp(q->p->comps.v[i].name, name) == 0)
			return &q->p->comps.v[i];
	return NULL;
}

bool process_has_suffix(const struct process_query *q, const char *name)
{
	return process_suffix(q, name) != NULL;
}

static struct literal *string_literal(struct session *s, const struct token *tok, const char *text)
{
	struct literal *l = ARENA_NEW(&s->arena, struct literal);

	l->tok = tok;
	l->is_string = true;
	l->str = l->raw = text;
	l->len = (uint32_t)strlen(text);
	return l;
}

struct probe_point *process_low_point(struct process_query *q, const struct process_site *e, const char *file)
{
	struct session *s = q->s;
	struct probe_point *p = ARENA_NEW(&s->arena, struct probe_point);
	struct component c = q->p->comps.v[0];
	const char *arg = e->low_arg ? e->low_arg : e->arg;

	*p = *q->p;
	memset(&p->comps, 0, sizeof(p->comps));
	if (file)
		c.arg = string_literal(s, c.tok, file);
	vec_push(&p->comps, &s->arena, c);
	c = q->p->comps.v[q->at];
	if (e->low_component)
		c.name = intern(e->low_component);
	if (arg && *arg == '"') {
		c.arg = string_literal(s, c.tok, arena_strndup(&s->arena, arg + 1, strlen(arg) - 2));
	} else if (arg) {
		c.arg = ARENA_NEW(&s->arena, struct literal);
		c.arg->tok = c.tok;
		c.arg->num = (int64_t)e->pc;
		c.arg->raw = arg;
	}
	vec_push(&p->comps, &s->arena, c);
	for (size_t i = q->at + 1; i < q->p->comps.n && !e->low_suffix; i++)
		vec_push(&p->comps, &s->arena, q->p->comps.v[i]);
	if (e->low_suffix && *e->low_suffix) {
		c = q->p->comps.v[q->p->comps.n - 1];
		c.name = intern(e->low_suffix + 1);
		c.arg = NULL;
		vec_push(&p->comps, &s->arena, c);
	}
	return p;
}

const char *process_script_text(struct process_query *q, const struct process_site *e)
{
	struct str b = {0};
	const char *r;

	str_add(&b, q->p->comps.v[0].name);
	if (q->program)
		str_addf(&b, "(%s)", process_quote(&q->s->arena, q->program));
	if (q->library)
		str_addf(&b, ".library(%s)", process_quote(&q->s->arena, q->library));
	if (e->provider)
		str_addf(&b, ".provider(%s)", process_quote(&q->s->arena, e->provider));
	str_addf(&b, ".%s(%s)%s", q->p->comps.v[q->at].name, e->arg, e->suffix ? e->suffix : q->suffix);
	r = arena_strndup(&q->s->arena, b.s, b.len);
	str_release(&b);
	return r;
}

static bool one_of_many(const struct process_query *q, const struct process_site *e)
{
	const char *text = process_text_arg(q);

	return q->quiet || (text ? dbg_is_wild(text) : e->place.kind == PLACE_PLT);
}

/* Since 6.18 the kernel turns a probe on a 5-byte nop into a call. Within a function that overwrites
 * its red zone. */
static bool nops_become_calls(void)
{
	struct utsname u;
	int major = 0, minor = 0;

	return uname(&u) != 0 || sscanf(u.release, "%d.%d", &major, &minor) != 2 || major > 6 ||
	       (major == 6 && minor >= 18);
}

bool process_listed(struct process_query *q, const char *script)
{
	struct session *s = q->s;

	if (!s->opt.list_point || s->opt.list_vars)
		return false;
	if (map_get(&q->seen, script)) {
		q->n++;
		return true;
	}
	map_set(&q->seen, &s->arena, script, q);
	return false;
}

bool process_emit(struct process_query *q, const struct process_site *e)
{
	struct session *s = q->s;
	const char *script = process_script_text(q, e);
	struct probe_inst *inst;
	struct probe_site *site;
	struct process_place *place;
	uint64_t pc = e->pc;

	if (process_listed(q, script))
		return true;
	inst = ARENA_NEW(&s->arena, struct probe_inst);
	site = ARENA_NEW(&s->arena, struct probe_site);
	place = ARENA_NEW(&s->arena, struct process_place);
	*place = e->place;
	place->at.module = q->m;
	place->at.pc = e->pc;
	if (!obj_executable_at(q->m->obj, pc))
		return false;
	if (e->kind == SITE_URETPROBE && process_return_is_dangerous(q, e, script))
		return false;
	if (!obj_place_probe(q->m->obj, &pc, e->is_entry) && nops_become_calls()) {
		if (!q->quiet)
			sem_warn(s, NULL,
				 "probes cannot be put on the 5-byte nop at 0x%llx of %s within a "
				 "function",
				 (unsigned long long)pc, q->m->path);
		return false;
	}
	site->doubtful = obj_refused_place(q->m->obj, pc);
	site->one_of_many = e->inlined || one_of_many(q, e);
	if (site->doubtful && site->one_of_many && !s->opt.list_point) {
		vec_push(&q->refused, &s->arena, e->arg);
		return false;
	}
	place->thrown = e->kind == SITE_URETPROBE ? process_thrown(q, &place->at, pc) : NULL;
	site->kind = e->kind;
	site->path = q->m->path;
	site->vaddr = pc;
	if (!obj_file_offset(q->m->obj, pc, &site->offset))
		return false;
	if (e->semaphore && !obj_file_offset(q->m->obj, e->semaphore, &site->semaphore))
		site->semaphore = 0;
	site->target_only = true;
	site->by_file = q->library != NULL;
	site->file = q->runs;
	site->runs = q->runs_path;
	site->at_entry = e->is_entry && e->kind == SITE_UPROBE;
	site->place = place;
	inst->family = q->family;
	inst->site = site;
	inst->point = process_low_point(q, e, q->m->path);
	inst->name = arena_printf(
		&s->arena, "process(%s).%s(%s)%s", process_quote(&s->arena, q->m->path),
		e->low_component ? e->low_component : q->p->comps.v[q->at].name,
		e->low_arg ? e->low_arg : e->arg, e->low_suffix ? e->low_suffix : q->suffix);
	inst->script_name = script;
	inst->condition = e->condition;
	q->n++;
	q->emit(q->cookie, inst);
	return true;
}

/* ------------------------------------------------------------------ errors */

bool process_no_match(struct process_query *q, const char *what, const char *plural,
		      const char *asked, const char *const *names, size_t n)
{
	return probe_no_match(q->s, q->p, what, plural, asked, names, n);
}

static void warn_missing(struct process_query *q)
{
	struct dbg_module *m = q->m;
	const char *name;
	size_t n;

	if (m->missing_told || q->s->muted)
		return;
	if (!dbg_dwarf(m)) {
		sem_warn(q->s, NULL,
			 "cannot find module %s debuginfo: No DWARF information found [man "
			 "warning::debuginfo]",
			 m->path);
		m->missing_told = true;
	} else if ((n = dbg_missing_units(m, &name)) != 0) {
		const char *package = arena_printf(&q->s->arena, "%s.dwp", m->path), *hint = "";

		if (access(package, F_OK) == 0)
			hint = arena_printf(&q->s->arena, " (%s is not read: packages of debug information are not "
							  "supported, keep the .dwo files)", package);
		sem_warn(q->s, NULL,
			 "cannot find the debuginfo of %zu compilation unit%s of %s: no file %s%s [man warning::debuginfo]",
			 n, n > 1 ? "s" : "", m->path, name, hint);
		m->missing_told = true;
	}
}

bool process_parse_spec(struct process_query *q, const char *text, struct dbg_spec *spec)
{
	struct session *s = q->s;

	if (!dbg_spec_parse(&s->arena, text, spec)) {
		sem_point_error(s, q->p->comps.v[0].tok, s->probe_tok,
				"malformed specification '%s'", text);
		return false;
	}
	warn_missing(q);
	return true;
}

/* ------------------------------------------------------------------ building */

const char *process_suffix_text(const struct process_query *q)
{
	struct str b = {0};
	const char *r;

	for (size_t i = q->at + 1; i < q->p->comps.n; i++)
		str_addf(&b, ".%s", q->p->comps.v[i].name);
	r = arena_strdup(&q->s->arena, b.s ? b.s : "");
	str_release(&b);
	return r;
}

/* Trying is slow, and tells nothing about a file that nobody runs yet. */
static void warn_refused(struct process_query *q)
{
	size_t n = q->refused.n, shown = q->s->opt.verbose[2] || n <= 4 ? n : 3;
	struct str names = {0};

	for (size_t i = 0; i < shown; i++)
		str_addf(&names, "%s %s", i ? "," : "", q->refused.v[i]);
	if (n)
		sem_warn(q->s, NULL,
			 "the kernel cannot step over the instructions at %zu place%s of %s:%s%s", n,
			 n == 1 ? "" : "s", q->m->path, names.s,
			 shown < n ? "... (-v names all of them)" : "");
	str_release(&names);
	q->refused.n = 0;
}

static bool build_component(struct process_query *q)
{
	const char *component = q->p->comps.v[q->at].name;

	if (process_has_suffix(q, "label"))
		return process_labels(q);
	if (process_has_suffix(q, "callee") || process_has_suffix(q, "callees"))
		return process_callees(q);
	if (strcmp(component, "function") == 0)
		return process_functions(q);
	if (strcmp(component, "statement") == 0)
		return process_statements(q);
	if (strcmp(component, "mark") == 0)
		return process_marks(q);
	return process_plt(q);
}

/* NULL: processes of this machine can run it, or load it. */
static const char *not_for_processes(const struct obj *o)
{
#ifdef __aarch64__
	bool here = o->machine == EM_AARCH64 || o->machine == EM_ARM;
#else
	bool here = o->machine == EM_X86_64 || o->machine == EM_386;
#endif
	if (!here)
		return "a program of another machine";
	return o->type == ET_EXEC || o->type == ET_DYN ? NULL : "neither a program nor a library";
}

static bool build_in_file(struct process_query *q, const char *path)
{
	const char *why;
	bool ok;

	q->m = dbg_open(q->s, path, &why);
	/* All can be listed. */
	if (q->m && !q->s->opt.list_point && (why = not_for_processes(q->m->obj)) != NULL)
		q->m = NULL;
	if (!q->m) {
		if (!q->quiet)
			sem_point_error(q->s, q->p->comps.v[0].tok, NULL, "no match (%s: %s)", path, why);
		return false;
	}
	ok = build_component(q);
	warn_refused(q);
	return ok;
}

static bool build(struct session *s, const struct probe_family *f, const char *pattern,
		  const struct probe_point *p, void (*emit)(void *, struct probe_inst *),
		  void *cookie)
{
	struct process_query q = {
		.s = s, .family = f, .p = p, .emit = emit, .put = process_emit, .cookie = cookie, .at = 1,
	};
	process_files programs = {0};
	bool many = false, ok = true;
	int errors = s->errors;
	size_t library = 0;

	(void)pattern;
	if (strcmp(p->comps.v[1].name, "library") == 0)
		q.at = library = 2;
	if (strcmp(p->comps.v[q.at].name, "provider") == 0)
		q.at++;
	q.suffix = process_suffix_text(&q);
	if (!process_select(&q, &programs, &many))
		return false;
	for (size_t i = 0; i < programs.n; i++) {
		process_files libraries = {0};
		bool many_libraries = false;

		q.program = programs.v[i].shown;
		q.quiet = many;
		if (many)
			diag_mute(s);
		if (library && process_select_library(&q, &programs.v[i], &p->comps.v[1],
							&libraries, &many_libraries)) {
			if (many_libraries && !many)
				diag_mute(s);
			q.quiet |= many_libraries;
			ok &= process_identify(q.runs_path = programs.v[i].path, &q.runs);
			for (size_t k = 0; k < libraries.n; k++) {
				q.library = libraries.v[k].shown;
				ok &= build_in_file(&q, libraries.v[k].path);
			}
			if (many_libraries && !many)
				diag_unmute(s);
		} else if (library) {
			ok = false;
		} else {
			ok &= build_in_file(&q, programs.v[i].path);
		}
		if (many)
			diag_unmute(s);
		many |= many_libraries;
	}
	if (!many)
		return ok;
	/* Several files: it is enough that one of them has something. */
	s->errors = errors;
	if (q.n)
		return true;
	sem_point_error(s, p->comps.v[0].tok, NULL, "no match");
	return false;
}

/* ------------------------------------------------------------------ variables */

static struct expr *resolve_target(struct session *s, const struct probe_inst *inst,
				   struct expr *target, const char **why)
{
	const struct process_place *place = inst->site->place;

	if (place->kind == PLACE_MARK)
		return process_resolve_mark(s, place, target, why);
	if (place->kind == PLACE_PLT)
		return process_resolve_plt(s, place, target, why);
	return dbg_resolve(s, &place->at, target, why);
}

static void list_vars(struct session *s, const struct probe_inst *inst, name_list *out)
{
	const struct process_place *place = inst->site->place;

	if (s->opt.verbose[2])
		vec_push(out, &s->arena,
			 arena_printf(&s->arena, "/* pc=%s+0x%llx */",
				      place->at.module->obj->type == ET_EXEC ? ".absolute" :
									       ".dynamic",
				      (unsigned long long)place->at.pc));
	if (place->kind == PLACE_MARK)
		process_list_mark(s, place, out);
	else if (place->kind == PLACE_DWARF && place->at.scope.addr)
		dbg_list_vars(s, &place->at, out);
}

/* ------------------------------------------------------------------ patterns */

#define FUNCTIONS(sel)                                                                            \
	sel ".function(number)", sel ".function(number).call", sel ".function(number).exported",   \
		sel ".function(number).inline", sel ".function(number).return",                    \
		sel ".function(string)", sel ".function(string).call",                             \
		sel ".function(string).exported", sel ".function(string).inline",                  \
		sel ".function(string).return", sel ".function(string).label(string)",             \
		sel ".function(string).callee(string)", sel ".function(string).callee(string).call", \
		sel ".function(string).callee(string).return", sel ".function(string).callees",    \
		sel ".function(string).callees(number)"
#define STATEMENTS(sel) \
	sel ".statement(number)", sel ".statement(string)", sel ".statement(string).nearest"
#define MARKS(sel) sel ".mark(string)", sel ".provider(string).mark(string)"
#define PLT(sel) sel ".plt", sel ".plt.return", sel ".plt(string)", sel ".plt(string).return"
#define ALL(sel)                                                                \
	FUNCTIONS(sel), STATEMENTS(sel), MARKS(sel), PLT(sel), FUNCTIONS(sel ".library(string)"), \
		STATEMENTS(sel ".library(string)"), MARKS(sel ".library(string)"),        \
		PLT(sel ".library(string)")

static const char *const patterns[] = {
	ALL("process"),
	ALL("process(number)"),
	ALL("process(string)"),
	"process(number).statement(number).absolute",
	NULL,
};

const struct probe_family process_family = {
	.name = "process",
	.patterns = patterns,
	.build = build,
	.probe_type = "uprobe",
	.resolve_target = resolve_target,
	.entry_of = process_entry_of,
	.list_vars = list_vars,
	.finish = process_warn_throws,
};
