/* Functions by pattern (probe reference 7.6). See dbg.h.
 *
 * Debug information comes first; symbols add other names of its functions and the functions it does
 * not know. */
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "dwarf/dbg.h"
#include "dwarf/index.h"
#include "object/object.h"
#include "session.h"

struct search {
	struct session *s;
	struct dbg_module *m;
	struct dbg_index *x;
	const struct dbg_spec *spec;
	unsigned want;
	dbg_functions *out;
	dbg_names *inlined_names;
	bool linkage; /* the pattern is for linkage names */
};

static bool scopes_match(const struct search *q, const struct dw_fn *f)
{
	size_t n = q->spec->scopes.n;

	for (size_t i = 0; i < n; i++) {
		const char *scope = index_scope(q->x, f, (unsigned)i);

		if (!scope || !dbg_match(q->spec->scopes.v[n - 1 - i], scope))
			return false;
	}
	return true;
}

/* "ns::Foo::add@/src/foo.cc:15", with as many scopes as were asked for. */
static const char *function_text(const struct search *q, const struct dw_fn *f, const char *name,
				 const char *file, uint32_t line)
{
	char stack[1024];
	struct str b = {0};
	size_t n = q->spec ? q->spec->scopes.n : 0;
	const char *r;

	if (!n && file && line) { /* most of them: no growing text */
		int len = snprintf(stack, sizeof(stack), "%s@%s:%u", name, file, line);

		if (len > 0 && (size_t)len < sizeof(stack))
			return arena_strndup(&q->s->arena, stack, (size_t)len);
	}
	for (size_t i = n; i-- > 0;) {
		const char *scope = index_scope(q->x, f, (unsigned)i);

		str_addf(&b, "%s::", scope ? scope : "");
	}
	str_add(&b, name);
	if (file)
		str_addf(&b, "@%s", file);
	if (file && line)
		str_addf(&b, ":%u", line);
	r = arena_strndup(&q->s->arena, b.s, b.len);
	str_release(&b);
	return r;
}

/* The source line of a function's first instruction. */
static void first_line(const struct search *q, const struct dw_fn *f, struct dbg_function *d)
{
	Dwarf_Die unit;
	Dwarf_Line *row;
	const char *file;
	int line;

	if (!index_line_unit(q->x, f->unit, &unit))
		return;
	row = dwarf_getsrc_die(&unit, d->entry + q->m->elf_bias - q->m->dwarf_bias);
	file = row ? dwarf_linesrc(row, NULL, NULL) : NULL;
	if (!file || dwarf_lineno(row, &line) != 0)
		return;
	d->file = file;
	d->line = (uint32_t)line;
}

/* entry has been set. Lambdas are not said to be declared anywhere. */
static void describe(const struct search *q, const struct dw_fn *f, struct dbg_function *d)
{
	d->name = index_name(q->x, f);
	index_decl(q->x, f, &d->file, &d->line);
	if (!d->file && d->entry)
		first_line(q, f, d);
	d->text = function_text(q, f, d->name, d->file, d->line);
	d->unit = f->unit;
	d->die = f->die;
}

static bool is_exported(const struct search *q, uint64_t entry)
{
	const struct obj_symtab *t = dbg_symbols(q->m);
	const struct obj_symbol *y = obj_symtab_at(t, entry);

	for (; y && y < t->v + t->n && y->addr == entry; y++)
		if (obj_symbol_is_function(y) && y->bind != STB_LOCAL)
			return true;
	return false;
}

static void add_concrete(struct search *q, const struct dw_fn *f, uint64_t entry)
{
	struct dbg_function d = {.entry = entry};

	if (!obj_executable_at(q->m->obj, entry))
		return;
	if ((q->want & DBG_EXPORTED) && !is_exported(q, entry))
		return;
	describe(q, f, &d);
	vec_push(q->out, &q->s->arena, d);
}

static void add_instances(struct search *q, const struct dw_fn *f)
{
	struct dbg_function d = {.inlined = true};
	struct dw_inline **v;
	size_t n = index_inlines(q->x, index_ref(q->x, f->unit, f->die), &v);
	bool described = false;

	if (!(q->want & DBG_INLINED)) {
		for (size_t i = 0; i < n && q->inlined_names; i++)
			if (index_entry(q->x, v[i]->unit, v[i]->pc, v[i]->flags, &d.entry)) {
				vec_push(q->inlined_names, &q->s->arena, index_name(q->x, f));
				break;
			}
		return;
	}
	for (size_t i = 0; i < n; i++) {
		if (!index_entry(q->x, v[i]->unit, v[i]->pc, v[i]->flags, &d.entry) ||
		    !obj_executable_at(q->m->obj, d.entry))
			continue;
		if (!described)
			describe(q, f, &d);
		described = true;
		d.unit = v[i]->unit;
		d.die = v[i]->die;
		vec_push(q->out, &q->s->arena, d);
		if (q->want & DBG_BRIEF)
			break;
	}
}

/* A function that does not say where it is declared (lambdas) is taken to be in any file of its unit.
 * The files of a .dwo unit are those of its skeleton. */
static bool unit_matches(const struct search *q, uint32_t number)
{
	struct dw_unit *u = &q->x->units[q->x->units[number].skeleton];

	unit_file(&q->x->arena, u, 0);
	for (uint32_t i = 0; i < u->n_files; i++)
		if (u->files[i] && dbg_match_file(q->spec->file, u->files[i]))
			return true;
	return false;
}

static bool file_matches(const struct search *q, const struct dw_fn *f)
{
	const char *file;
	uint32_t line;

	if (!q->spec->file)
		return true;
	index_decl(q->x, f, &file, &line);
	return file ? dbg_match_file(q->spec->file, file) : unit_matches(q, f->unit);
}

/* Of link-time optimization's own units only the instances tell that a function is inlined. */
static bool may_have_instances(const struct dw_fn *f)
{
	return (f->flags & FN_INLINE) || !(f->flags & (FN_PC | FN_RANGES | FN_RANGES_INDEX | FN_DECLARATION));
}

static void search_debug_info(struct search *q)
{
	const struct dbg_spec *spec = q->spec;

	for (size_t i = 0; i < q->x->n_units; i++) {
		const struct dw_unit *u = &q->x->units[i];

		for (uint32_t k = 0; k < u->n_fns; k++) {
			const struct dw_fn *f = &u->fns[k];
			const char *name;
			uint64_t entry;

			if (!(f->flags & (FN_PC | FN_RANGES | FN_RANGES_INDEX)) && !may_have_instances(f))
				continue;
			name = q->linkage ? index_linkage(q->x, f) : index_name(q->x, f);
			if (!name || !dbg_match(spec->name, name) || !index_name(q->x, f) ||
			    !scopes_match(q, f) || !file_matches(q, f))
				continue;
			if ((q->want & DBG_CONCRETE) &&
			    index_entry(q->x, f->unit, f->pc, f->flags, &entry))
				add_concrete(q, f, entry);
			if (may_have_instances(f))
				add_instances(q, f);
		}
	}
}

static int by_number(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static bool sorted_has(const uint64_t *v, size_t n, uint64_t x)
{
	return n && bsearch(&x, v, n, sizeof(*v), by_number);
}

static void search_symbols(struct search *q)
{
	const struct obj_symtab *t = dbg_symbols(q->m);
	size_t n_taken = q->out->n;
	uint64_t *taken = xcalloc(n_taken + 1, sizeof(*taken)), last = 0;
	bool wild = dbg_is_wild(q->spec->name);

	for (size_t i = 0; i < n_taken; i++)
		taken[i] = q->out->v[i].entry;
	qsort(taken, n_taken, sizeof(*taken), by_number);
	for (size_t i = 0; i < t->n; i++) {
		const struct obj_symbol *y = &t->v[i];
		const struct dw_fn *f;

		if (!obj_symbol_is_function(y) || y->addr == last ||
		    (wild ? !dbg_match(q->spec->name, y->name) :
			    strcmp(q->spec->name, y->name) != 0) ||
		    sorted_has(taken, n_taken, y->addr))
			continue;
		/* Of a pattern, q->x has all that can match. */
		f = q->x ? index_at(wild ? q->x : dbg_index_of_address(q->m, y->addr), y->addr) : NULL;
		if (f && index_name(q->x, f)) {
			/* Another name of a function. Mangled ones are for patterns of such only. */
			if ((strncmp(y->name, "_Z", 2) == 0 && !q->linkage) || !file_matches(q, f))
				continue;
			last = y->addr;
			add_concrete(q, f, y->addr);
		} else if (!q->spec->file && obj_executable_at(q->m->obj, y->addr) &&
			   !((q->want & DBG_EXPORTED) && y->bind == STB_LOCAL)) {
			struct dbg_function d = {.text = y->name, .name = y->name, .entry = y->addr,
						 .unit = UINT32_MAX};

			last = y->addr;
			vec_push(q->out, &q->s->arena, d);
		}
	}
	free(taken);
}

struct entry {
	uint64_t addr;
	size_t at;
};

static int by_entry(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return (x->at > y->at) - (x->at < y->at);
}

/* An address is probed once, under the first of the names that it has. */
static void drop_twins(dbg_functions *v)
{
	struct entry *e = xcalloc(v->n + 1, sizeof(*e));
	size_t n = 0;

	for (size_t i = 0; i < v->n; i++)
		if (!v->v[i].inlined)
			e[n++] = (struct entry){v->v[i].entry, i};
	qsort(e, n, sizeof(*e), by_entry);
	for (size_t i = 1; i < n; i++)
		if (e[i].addr == e[i - 1].addr)
			v->v[e[i].at].text = NULL;
	free(e);
	n = 0;
	for (size_t i = 0; i < v->n; i++)
		if (v->v[i].text)
			v->v[n++] = v->v[i];
	v->n = n;
}

void dbg_find_functions(struct session *s, struct dbg_module *m, const struct dbg_spec *spec,
			unsigned want, dbg_functions *out, dbg_names *inlined_names)
{
	struct search q = {
		.s = s, .m = m, .x = dbg_index_of_spec(m, spec), .spec = spec, .want = want,
		.out = out, .inlined_names = inlined_names, .linkage = strncmp(spec->name, "_Z", 2) == 0,
	};

	if (q.x)
		search_debug_info(&q);
	if ((want & DBG_CONCRETE) && !spec->scopes.n)
		search_symbols(&q);
	drop_twins(out);
}

bool dbg_function_die(struct dbg_module *m, const struct dbg_function *f, Dwarf_Die *out)
{
	return f->unit != UINT32_MAX && m->index && index_die(m->index, f->unit, f->die, out);
}

static bool has_instances(const struct dbg_index *x, const struct dw_fn *f)
{
	struct dw_inline **v;

	return may_have_instances(f) && index_inlines(x, index_ref(x, f->unit, f->die), &v) > 0;
}

void dbg_function_names(struct session *s, struct dbg_module *m, dbg_names *out)
{
	const struct obj_symtab *t = dbg_symbols(m);
	struct dbg_index *x = m->kernel ? m->index : dbg_index_get(m);

	for (size_t i = 0; i < t->n; i++) {
		const struct dw_fn *f;
		const char *name = t->v[i].name;

		/* Padding in front of functions of the kernel. */
		if (!obj_symbol_is_function(&t->v[i]) || strncmp(name, "__pfx_", 6) == 0)
			continue;
		if (strncmp(name, "_Z", 2) == 0 && x && (f = index_at(x, t->v[i].addr)) != NULL &&
		    index_name(x, f))
			name = index_name(x, f);
		vec_push(out, &s->arena, name);
	}
	for (size_t i = 0; x && i < x->n_units; i++)
		for (uint32_t k = 0; k < x->units[i].n_fns; k++) {
			const struct dw_fn *f = &x->units[i].fns[k];
			const char *name = has_instances(x, f) ? index_name(x, f) : NULL;

			if (name)
				vec_push(out, &s->arena, name);
		}
}

size_t dbg_missing_units(struct dbg_module *m, const char **name)
{
	const struct dbg_index *x = dbg_index_units(m);

	*name = x ? x->missing : NULL;
	return x ? x->n_missing : 0;
}

/* Is the address in the i-th function by entries? */
static bool is_around(struct search *q, size_t i, uint64_t addr, struct dbg_function *out)
{
	const struct dw_fn *f = q->x->by_pc[i];
	Dwarf_Die die;

	if (!index_die(q->x, f->unit, f->die, &die) || dwarf_haspc(&die, addr) != 1 || !index_name(q->x, f))
		return false;
	out->entry = q->x->entries[i];
	describe(q, f, out);
	return true;
}

bool dbg_function_around(struct session *s, struct dbg_module *m, uint64_t addr,
			 struct dbg_function *out)
{
	struct search q = {.s = s, .m = m, .x = dbg_index_of_address(m, addr)};
	const struct obj_symbol *y;
	size_t lo = 0, hi = q.x ? q.x->n_by_pc : 0;

	memset(out, 0, sizeof(*out));
	while (lo < hi) { /* first function behind addr */
		size_t mid = lo + (hi - lo) / 2;

		if (q.x->entries[mid] <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	/* Some begin within others; libdw knows where they end. */
	for (size_t back = 0; lo > back && back < 16; back++)
		if (is_around(&q, lo - 1 - back, addr, out))
			return true;
	if (q.x && index_part_around(q.x, addr, &lo) && is_around(&q, lo, addr, out))
		return true;
	y = obj_symtab_around(dbg_symbols(m), addr);
	if (!y)
		return false;
	*out = (struct dbg_function){.text = y->name, .name = y->name, .entry = y->addr,
				     .unit = UINT32_MAX};
	return true;
}
