/* Building the index of functions with all cores, and questions about it. See index.h. */
#include <dwarf.h>
#include <gelf.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "dwarf/dbg.h"
#include "dwarf/index.h"

enum { MAX_ORIGINS = 16, MAX_WORKERS = 64, MAX_PARTS = 1 << 22, WORTH_A_THREAD = 256 << 10 };

/* ------------------------------------------------------------------ sections */

static void load_section(Elf_Scn *scn, const char *name, bool text, struct dw_bytes *out)
{
	GElf_Shdr h;
	Elf_Data *d;

	/* libdw has inflated what it uses; the others are ours to do. */
	if (gelf_getshdr(scn, &h) && (h.sh_flags & SHF_COMPRESSED) && elf_compress(scn, 0, 0) < 0)
		return;
	if (strncmp(name, ".zdebug", 7) == 0)
		elf_compress_gnu(scn, 0, 0);
	d = elf_rawdata(scn, NULL);
	if (!d || !d->d_buf)
		return;
	*out = (struct dw_bytes){d->d_buf, d->d_size};
	while (text && out->n && out->p[out->n - 1])
		out->n--;
}

static void load_sections(struct dw_file *f)
{
	static const struct {
		const char *name;
		size_t at;
		bool text;
	} wanted[] = {
		{"info", offsetof(struct dw_file, info), false},
		{"abbrev", offsetof(struct dw_file, abbrev), false},
		{"str", offsetof(struct dw_file, str), true},
		{"line_str", offsetof(struct dw_file, line_str), true},
		{"str_offsets", offsetof(struct dw_file, str_offsets), false},
		{"addr", offsetof(struct dw_file, addr), false},
		{"ranges", offsetof(struct dw_file, ranges), false},
		{"rnglists", offsetof(struct dw_file, rnglists), false},
		{"line", offsetof(struct dw_file, line), false},
		{"loc", offsetof(struct dw_file, loc), false},
		{"loclists", offsetof(struct dw_file, loclists), false},
	};
	Elf *elf = dwarf_getelf(f->dwarf);
	Elf_Scn *scn = NULL;
	size_t names;

	if (!elf || elf_getshdrstrndx(elf, &names) != 0)
		return;
	while ((scn = elf_nextscn(elf, scn)) != NULL) {
		GElf_Shdr h;
		const char *name, *rest;

		if (!gelf_getshdr(scn, &h) || h.sh_type == SHT_NOBITS)
			continue;
		name = elf_strptr(elf, names, h.sh_name);
		if (!name)
			continue;
		if (strncmp(name, ".debug_", 7) == 0)
			rest = name + 7;
		else if (strncmp(name, ".zdebug_", 8) == 0)
			rest = name + 8;
		else
			continue;
		for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
			size_t n = strlen(wanted[i].name);
			struct dw_bytes *b = (struct dw_bytes *)((char *)f + wanted[i].at);

			if (strncmp(rest, wanted[i].name, n) == 0 && !b->p &&
			    strcmp(rest + n, f->split ? ".dwo" : "") == 0)
				load_section(scn, name, wanted[i].text, b);
		}
	}
}

/* ------------------------------------------------------------------ building */

struct dw_unit *index_unit_of(const struct dbg_index *x, dw_ref ref)
{
	uint64_t offset = dw_ref_offset(ref);
	size_t file = ref >> DW_REF_OFFSET_BITS, lo, hi, end;

	if (file >= x->files.n)
		return NULL;
	lo = x->files.v[file]->first_unit;
	hi = end = lo + x->files.v[file]->n_units;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (x->units[mid].end <= offset)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo == end || x->units[lo].offset > offset ? NULL : &x->units[lo];
}

static struct dw_file *add_file(struct dbg_index *x, Dwarf *dwarf, bool split)
{
	struct dw_file *f = ARENA_NEW(&x->arena, struct dw_file);

	f->id = (unsigned)x->files.n;
	f->dwarf = dwarf;
	f->split = split;
	vec_push(&x->files, &x->arena, f);
	load_sections(f);
	return f;
}

static void add_units(struct dbg_index *x, struct dw_file *f, size_t *cap)
{
	struct dw_unit u;
	uint64_t offset = 0;

	f->first_unit = (uint32_t)x->n_units;
	while (x->n_units < UINT32_MAX - 1 && scan_header(f, offset, &u)) {
		offset = u.end;
		if (u.type == DW_UT_type || u.type == DW_UT_split_type)
			continue; /* no code in there */
		if (x->n_units == *cap) {
			*cap = *cap ? *cap * 2 : 64;
			x->units = xrealloc(x->units, *cap * sizeof(*x->units));
		}
		x->units[x->n_units++] = u;
	}
	f->n_units = (uint32_t)x->n_units - f->first_unit;
}

/* The .dwo files of skeleton units: found and opened by libdw. */
static void add_split_units(struct dbg_index *x, struct dw_file *main_file, size_t *cap)
{
	Dwarf_CU *cu = NULL;
	Dwarf_Die skeleton, split;
	uint8_t type;

	while (x->files.n < DW_MAX_FILES &&
	       dwarf_get_units(main_file->dwarf, cu, &cu, NULL, &type, &skeleton, &split) == 0) {
		struct dw_tables scratch = {0};
		const struct dw_unit *unit;
		struct dw_file *f;
		uint32_t i;

		if (type != DW_UT_skeleton)
			continue;
		unit = index_unit_of(x, dw_ref_make(main_file->id, dwarf_dieoffset(&skeleton)));
		if (!unit)
			continue;
		if (!split.addr) {
			if (unit->dwo_name && !x->n_missing++)
				x->missing = unit->dwo_name;
			continue;
		}
		i = (uint32_t)(unit - x->units);
		f = add_file(x, dwarf_cu_getdwarf(split.cu), true);
		f->addr = main_file->addr;
		if (x->units[i].version < 5)
			f->ranges = main_file->ranges;
		add_units(x, f, cap);
		for (uint32_t k = f->first_unit; k < x->n_units; k++) {
			struct dw_unit *u = &x->units[k];

			u->addr_base = x->units[i].addr_base;
			scan_unit_die(u, &scratch);
			u->skeleton = i;
			u->addr_base = x->units[i].addr_base;
			u->low_pc = x->units[i].low_pc;
			if (!u->comp_dir)
				u->comp_dir = x->units[i].comp_dir;
			/* Behind the header of the lists, or where the skeleton says. */
			u->rnglists_base = u->version < 5 ? x->units[i].rnglists_base :
					   u->offset_size == 8 ? 20 : 12;
		}
		scan_tables_release(&scratch);
	}
}

struct job {
	struct dbg_index *x;
	atomic_size_t next;
};

struct worker {
	struct job *job;
	unsigned number;
};

static void *work(void *arg)
{
	struct worker *w = arg;
	struct dbg_index *x = w->job->x;
	size_t i;

	while ((i = atomic_fetch_add(&w->job->next, 1)) < x->n_units) {
		if (!x->units[i].wanted || x->units[i].scanned)
			continue;
		x->units[i].worker = w->number;
		scan_unit(&x->units[i], (uint32_t)i, &x->workers[w->number]);
		x->units[i].scanned = true;
	}
	return NULL;
}

static void scan_units(struct dbg_index *x)
{
	struct job job = {.x = x};
	struct worker w[MAX_WORKERS];
	pthread_t threads[MAX_WORKERS];
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	uint64_t bytes = 0;
	unsigned n = 1, started = 1;

	for (size_t i = 0; i < x->n_units; i++)
		if (x->units[i].wanted && !x->units[i].scanned)
			bytes += x->units[i].end - x->units[i].offset;
	while (n < MAX_WORKERS && (long)n < cores && n < x->n_units &&
	       bytes / (n + 1) > WORTH_A_THREAD)
		n++;
	if (!x->workers)
		x->workers = xcalloc(MAX_WORKERS, sizeof(*x->workers));
	if (n > x->n_workers)
		x->n_workers = n;
	for (unsigned i = 0; i < n; i++)
		w[i] = (struct worker){&job, i};
	while (started < n && pthread_create(&threads[started], NULL, work, &w[started]) == 0)
		started++;
	work(&w[0]);
	for (unsigned i = 1; i < started; i++)
		pthread_join(threads[i], NULL);
}

static int by_origin(const void *a, const void *b)
{
	const struct dw_inline *x = *(struct dw_inline *const *)a, *y = *(struct dw_inline *const *)b;

	if (x->origin != y->origin)
		return x->origin < y->origin ? -1 : 1;
	if (x->unit != y->unit)
		return x->unit < y->unit ? -1 : 1;
	return (x->die > y->die) - (x->die < y->die);
}

static void collect_inlines(struct dbg_index *x)
{
	size_t n = 0;

	free(x->by_origin);
	x->n_inlines = 0;
	for (size_t i = 0; i < x->n_units; i++)
		x->n_inlines += x->units[i].n_inlines;
	x->by_origin = xcalloc(x->n_inlines + 1, sizeof(*x->by_origin));
	for (size_t i = 0; i < x->n_units; i++)
		for (uint32_t k = 0; k < x->units[i].n_inlines; k++)
			x->by_origin[n++] = &x->units[i].inlines[k];
	qsort(x->by_origin, n, sizeof(*x->by_origin), by_origin);
}

struct by_pc {
	uint64_t pc;
	struct dw_fn *fn;
};

static int by_entry(const void *a, const void *b)
{
	const struct by_pc *x = a, *y = b;

	if (x->pc != y->pc)
		return x->pc < y->pc ? -1 : 1;
	return (x->fn > y->fn) - (x->fn < y->fn);
}

static void collect_entries(struct dbg_index *x)
{
	struct by_pc *v;
	size_t n = 0;

	for (size_t i = 0; i < x->n_units; i++)
		n += x->units[i].n_fns;
	v = xcalloc(n + 1, sizeof(*v));
	n = 0;
	for (size_t i = 0; i < x->n_units; i++)
		for (uint32_t k = 0; k < x->units[i].n_fns; k++) {
			struct dw_fn *f = &x->units[i].fns[k];

			v[n].fn = f;
			if (index_entry(x, f->unit, f->pc, f->flags, &v[n].pc))
				n++;
		}
	qsort(v, n, sizeof(*v), by_entry);
	free(x->by_pc);
	free(x->entries);
	x->n_by_pc = n;
	x->by_pc = xcalloc(n + 1, sizeof(*x->by_pc));
	x->entries = xcalloc(n + 1, sizeof(*x->entries));
	for (size_t i = 0; i < n; i++) {
		x->by_pc[i] = v[i].fn;
		x->entries[i] = v[i].pc;
	}
	free(v);
}

/* The units, not scanned yet. */
static struct dbg_index *open_index(Dwarf *dwarf)
{
	struct dbg_index *x = xcalloc(1, sizeof(*x));
	struct dw_file *main_file = add_file(x, dwarf, false);
	struct dw_tables scratch = {0};
	Dwarf *alt = dwarf_getalt(dwarf);
	size_t cap = 0;
	bool split = false;

	if (alt)
		main_file->alt = add_file(x, alt, false);
	add_units(x, main_file, &cap);
	if (alt)
		add_units(x, main_file->alt, &cap);
	for (uint32_t i = 0; i < x->n_units; i++) {
		scan_unit_die(&x->units[i], &scratch);
		x->units[i].skeleton = i;
		split |= x->units[i].file == main_file && x->units[i].dwo_name != NULL;
	}
	scan_tables_release(&scratch);
	if (split)
		add_split_units(x, main_file, &cap);
	x->apart = x->files.n == 1 && !x->n_missing;
	for (size_t i = 0; i < x->n_units; i++)
		x->apart &= !x->units[i].crosses;
	return x;
}

/* Those that are wanted. */
static void fill(struct dbg_index *x)
{
	scan_units(x);
	for (size_t i = 0; i < x->n_units; i++) {
		struct dw_unit *u = &x->units[i];
		const struct dw_tables *t = &x->workers[u->worker];

		if (!u->scanned)
			continue;
		u->fns = t->fns + u->tables_at[0];
		u->inlines = t->inlines + u->tables_at[1];
		u->scopes = t->scopes + u->tables_at[2];
	}
	collect_inlines(x);
	collect_entries(x);
	x->parts_made = false;
}

struct dbg_index *dbg_index_units(struct dbg_module *m)
{
	Dwarf *dwarf = dbg_dwarf(m);

	if (!m->index && dwarf)
		m->index = open_index(dwarf);
	return m->index;
}

struct dbg_index *dbg_index_get(struct dbg_module *m)
{
	struct dbg_index *x = dbg_index_units(m);

	if (!x || x->whole)
		return x;
	for (size_t i = 0; i < x->n_units; i++)
		x->units[i].wanted = true;
	fill(x);
	x->whole = true;
	return x;
}

/* ------------------------------------------------------------------ parts of it */

enum { MAX_NAMES = 4 };

struct dbg_index *dbg_index_of_spec(struct dbg_module *m, const struct dbg_spec *spec)
{
	struct dbg_index *x = m->loaded ? NULL : dbg_index_units(m);
	bool wild = dbg_is_wild(spec->name);

	if (!x || x->whole || !x->apart || (wild && !spec->file))
		return dbg_index_get(m);
	if (wild)
		index_want_file(x, spec->file);
	/* To look for several names takes as long as to read all. */
	else if (++x->n_names > MAX_NAMES || !index_want_name(x, spec->name))
		return dbg_index_get(m);
	fill(x);
	return x;
}

struct dbg_index *dbg_index_of_address(struct dbg_module *m, uint64_t addr)
{
	struct dbg_index *x = m->loaded ? NULL : dbg_index_units(m);
	struct dw_unit *u = NULL;
	Dwarf_Die cu;

	if (x && !x->whole && x->apart && dwarf_addrdie(m->dwarf, addr + m->elf_bias - m->dwarf_bias, &cu))
		u = index_unit_of(x, dw_ref_make(x->files.v[0]->id, dwarf_dieoffset(&cu)));
	if (!u)
		return dbg_index_get(m);
	if (!u->scanned) {
		u->wanted = true;
		fill(x);
	}
	return x;
}

void dbg_index_free(struct dbg_index *x)
{
	if (!x)
		return;
	for (size_t i = 0; i < x->n_workers; i++)
		scan_tables_release(&x->workers[i]);
	free(x->workers);
	free(x->units);
	free(x->by_origin);
	free(x->by_pc);
	free(x->entries);
	arena_release(&x->arena);
	free(x);
}

/* ------------------------------------------------------------------ questions */

const struct dw_fn *index_find(const struct dbg_index *x, dw_ref ref)
{
	const struct dw_unit *u = ref ? index_unit_of(x, ref) : NULL;
	uint64_t die = dw_ref_offset(ref);
	size_t lo = 0, hi;

	if (!u)
		return NULL;
	die -= u->offset;
	hi = u->n_fns;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (u->fns[mid].die < die)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < u->n_fns && u->fns[lo].die == die ? &u->fns[lo] : NULL;
}

dw_ref index_ref(const struct dbg_index *x, uint32_t unit, uint32_t die)
{
	return dw_ref_make(x->units[unit].file->id, x->units[unit].offset + die);
}

static const struct dw_fn *origin(const struct dbg_index *x, const struct dw_fn *f)
{
	return f->origin ? index_find(x, f->origin) : NULL;
}

const struct dw_fn *index_root(const struct dbg_index *x, const struct dw_fn *f)
{
	for (int i = 0; i < MAX_ORIGINS; i++) {
		const struct dw_fn *up = origin(x, f);

		if (!up)
			break;
		f = up;
	}
	return f;
}

const char *index_name(const struct dbg_index *x, const struct dw_fn *f)
{
	for (int i = 0; f && i < MAX_ORIGINS; i++, f = origin(x, f))
		if (f->name)
			return f->name;
	return NULL;
}

const char *index_linkage(const struct dbg_index *x, const struct dw_fn *f)
{
	for (int i = 0; f && i < MAX_ORIGINS; i++, f = origin(x, f))
		if (f->linkage)
			return f->linkage;
	return NULL;
}

void index_decl(struct dbg_index *x, const struct dw_fn *f, const char **file, uint32_t *line)
{
	bool have_file = false, have_line = false;

	*file = NULL;
	*line = 0;
	for (int i = 0; f && i < MAX_ORIGINS; i++, f = origin(x, f)) {
		if (!have_line && (f->flags & FN_HAS_LINE)) {
			*line = f->line;
			have_line = true;
		}
		if (!have_file && (f->flags & FN_HAS_FILE)) {
			struct dw_unit *u = &x->units[f->unit];

			/* A .dwo file may have no line table of its own: the skeleton's then. */
			if (u->stmt_list == UINT64_MAX)
				u = &x->units[u->skeleton];
			*file = unit_file(&x->arena, u, f->file);
			have_file = true;
		}
		if (have_file && have_line)
			return;
	}
}

bool index_entry(const struct dbg_index *x, uint32_t unit, uint64_t pc, unsigned flags,
		 uint64_t *entry)
{
	const struct dw_unit *u = &x->units[unit];

	if (flags & FN_PC) {
		*entry = pc;
		return pc != 0; /* 0: the linker has thrown the function away */
	}
	if (!(flags & (FN_RANGES | FN_RANGES_INDEX)))
		return false;
	/* GNU's split units of version 4: relative to the skeleton's part. */
	if (u->version < 5 && u->file->split)
		pc += u->rnglists_base;
	return scan_first_range(u, pc, (flags & FN_RANGES_INDEX) != 0, entry) && *entry > 1;
}

const char *index_scope(const struct dbg_index *x, const struct dw_fn *f, unsigned up)
{
	const struct dw_unit *u;
	uint32_t scope;

	f = index_root(x, f);
	u = &x->units[f->unit];
	scope = f->scope;
	for (unsigned i = 0; scope && i < up; i++)
		scope = u->scopes[scope].parent;
	if (scope >= u->n_scopes)
		return NULL;
	if (!scope) { /* are there just `up` scopes within the unit? */
		unsigned depth = 0;

		for (uint32_t k = f->scope; k && depth < up; k = u->scopes[k].parent)
			depth++;
		return depth == up ? "" : NULL;
	}
	if (!*u->scopes[scope].name && u->scopes[scope].origin) {
		const struct dw_fn *fn = index_find(x, u->scopes[scope].origin);
		const char *name = fn ? index_name(x, fn) : NULL;

		return name ? name : "";
	}
	return u->scopes[scope].name;
}

size_t index_inlines(const struct dbg_index *x, dw_ref ref, struct dw_inline ***first)
{
	size_t lo = 0, hi = x->n_inlines, n = 0;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (x->by_origin[mid]->origin < ref)
			lo = mid + 1;
		else
			hi = mid;
	}
	*first = x->by_origin + lo;
	while (lo + n < x->n_inlines && x->by_origin[lo + n]->origin == ref)
		n++;
	return n;
}

const struct dw_fn *index_at(const struct dbg_index *x, uint64_t entry)
{
	size_t lo = 0, hi = x->n_by_pc;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (x->entries[mid] < entry)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < x->n_by_pc && x->entries[lo] == entry ? x->by_pc[lo] : NULL;
}

bool index_die(const struct dbg_index *x, uint32_t unit, uint32_t die, Dwarf_Die *out)
{
	const struct dw_unit *u = &x->units[unit];

	return dwarf_offdie(u->file->dwarf, u->offset + die, out) != NULL;
}

static int compare_parts(const void *a, const void *b)
{
	const struct dw_part *x = a, *y = b;

	return x->low < y->low ? -1 : x->low > y->low;
}

static void make_parts(struct dbg_index *x)
{
	VEC(struct dw_part) all = {0};

	x->parts_made = true;
	for (size_t i = 0; i < x->n_by_pc; i++) {
		const struct dw_fn *f = x->by_pc[i];
		Dwarf_Addr base, low, high;
		ptrdiff_t next = 0;
		Dwarf_Die die;

		if (!(f->flags & (FN_RANGES | FN_RANGES_INDEX)) || !index_die(x, f->unit, f->die, &die))
			continue;
		while ((next = dwarf_ranges(&die, next, &base, &low, &high)) > 0 && all.n < MAX_PARTS)
			if (low != x->entries[i])
				vec_push(&all, &x->arena, (struct dw_part){low, high, i});
	}
	if (all.n)
		qsort(all.v, all.n, sizeof(all.v[0]), compare_parts);
	x->parts = all.v;
	x->n_parts = all.n;
}

bool index_part_around(struct dbg_index *x, uint64_t addr, size_t *at)
{
	size_t lo = 0, hi;

	if (!x->parts_made)
		make_parts(x);
	for (hi = x->n_parts; lo < hi;) { /* the first behind addr */
		size_t mid = lo + (hi - lo) / 2;

		if (x->parts[mid].low <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo || x->parts[lo - 1].high <= addr)
		return false;
	*at = x->parts[lo - 1].at;
	return true;
}

bool index_line_unit(const struct dbg_index *x, uint32_t unit, Dwarf_Die *out)
{
	const struct dw_unit *u = &x->units[x->units[unit].skeleton];

	return dwarf_offdie(u->file->dwarf, u->first_die, out) != NULL;
}
