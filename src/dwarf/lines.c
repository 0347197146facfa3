/* Statements: line tables and addresses (probe reference 7.7, 9.3, 9.4). See dbg.h. */
#include <dwarf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dwarf/dbg.h"
#include "dwarf/index.h"
#include "dwarf/query.h"
#include "session.h"

/* GCC before 4.5 said nothing about where variables are in the prologue. */
static bool old_gcc(const char *producer)
{
	const char *p = producer ? strstr(producer, "GNU C") : NULL;
	int major, minor;

	if (!p)
		return false;
	p += strcspn(p, " ");
	while (*p && (*p < '0' || *p > '9'))
		p++;
	return sscanf(p, "%d.%d", &major, &minor) == 2 && (major < 4 || (major == 4 && minor < 5));
}

/* clang has location lists in unoptimized code, too, for objects that are passed by a hidden reference. What it
 * optimizes has all its calls described, and mostly another frame base than rbp. */
static bool is_plain_clang(const char *producer, Dwarf_Die *function)
{
	Dwarf_Attribute attr;
	Dwarf_Op *ops;
	size_t n;

	return producer && strstr(producer, "clang") && !dwarf_hasattr(function, DW_AT_call_all_calls) &&
	       !dwarf_hasattr(function, DW_AT_GNU_all_call_sites) &&
	       dwarf_attr(function, DW_AT_frame_base, &attr) && dwarf_getlocation(&attr, &ops, &n) == 0 &&
	       n == 1 && ops[0].atom == DW_OP_reg6;
}

/* rustc has the same back end, but rsp as frame base in all code, and location lists in some of its unoptimized code. That
 * has all parameters on the stack. */
static bool is_plain_rust(const char *producer, Dwarf_Die *function)
{
	Dwarf_Die child;
	bool any = false;

	if (!producer || !strstr(producer, "rustc") || !dbg_first_child(function, &child))
		return false;
	do {
		Dwarf_Attribute attr;
		Dwarf_Op *ops;
		size_t n;

		if (dwarf_tag(&child) != DW_TAG_formal_parameter || !dwarf_attr(&child, DW_AT_location, &attr))
			continue;
		if (dwarf_getlocation(&attr, &ops, &n) != 0 || !n || ops[0].atom != DW_OP_fbreg)
			return false;
		any = true;
	} while (dbg_next(&child));
	return any;
}

/* The row of an address, or the nearest one below; the table is sorted. */
static size_t row_at(Dwarf_Lines *lines, size_t n, Dwarf_Addr addr)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		Dwarf_Addr a = 0;

		dwarf_lineaddr(dwarf_onesrcline(lines, mid), &a);
		if (a < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Go functions begin with a look at the room that is left on the stack, and begin anew after it has been moved: they
 * are entered where the line table says that the prologue has ended. */
static uint64_t go_entry(Dwarf_Lines *lines, size_t i, size_t n, Dwarf_Die *die, uint64_t entry)
{
	for (; i < n; i++) {
		Dwarf_Line *row = dwarf_onesrcline(lines, i);
		bool end = false, behind = false;
		Dwarf_Addr addr;

		if (dwarf_lineaddr(row, &addr) != 0 || dwarf_haspc(die, addr) != 1)
			break;
		dwarf_lineendsequence(row, &end);
		if (end)
			break;
		if (dwarf_lineprologueend(row, &behind) == 0 && behind)
			return addr;
	}
	return entry;
}

uint64_t dbg_probe_pc(struct dbg_module *m, const struct dbg_function *f)
{
	struct dbg_index *x = m->index;
	const struct dw_unit *u;
	Dwarf_Die cu, die;
	Dwarf_Lines *lines;
	Dwarf_Addr addr;
	bool go;
	size_t n, i;

	if (!x || f->unit == UINT32_MAX || f->inlined)
		return f->entry;
	u = &x->units[f->unit];
	if (!index_line_unit(x, f->unit, &cu) || !index_die(x, f->unit, f->die, &die))
		return f->entry;
	go = dwarf_srclang(&cu) == DW_LANG_Go;
	if (!go && u->has_loclist && !old_gcc(u->producer) && !is_plain_clang(u->producer, &die) &&
	    !is_plain_rust(u->producer, &die))
		return f->entry;
	if (dwarf_getsrclines(&cu, &lines, &n) != 0)
		return f->entry;
	i = row_at(lines, n, f->entry);
	for (bool end = true; i < n; i++) { /* the end of what lies before it */
		dwarf_lineendsequence(dwarf_onesrcline(lines, i), &end);
		if (!end)
			break;
	}
	if (i == n || dwarf_lineaddr(dwarf_onesrcline(lines, i), &addr) != 0 || addr != f->entry)
		return f->entry;
	if (go)
		return go_entry(lines, i, n, &die, f->entry);
	/* The second row of a function is where its first statement begins: in optimized code often
	 * the very first instruction. */
	for (i++; i < n; i++) {
		Dwarf_Line *row = dwarf_onesrcline(lines, i);
		bool end = false;

		if (dwarf_lineaddr(row, &addr) != 0)
			break;
		dwarf_lineendsequence(row, &end);
		return end || dwarf_haspc(&die, addr) != 1 ? f->entry : addr;
	}
	return f->entry;
}

/* ------------------------------------------------------------------ rows of a unit */

struct row {
	uint32_t line;
	bool no_statement; /* is_stmt is not set: second choice */
	uint64_t addr;
	uint32_t view; /* rows before it at the address: statements that left no code */
	const char *file;
};

struct unit_rows {
	uint32_t unit;
	struct row *v; /* sorted by line, choice, address; only files that match */
	size_t n;
};

static int by_line(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	if (x->no_statement != y->no_statement)
		return x->no_statement ? 1 : -1;
	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return (x->view > y->view) - (x->view < y->view);
}

static void read_rows(struct dbg_module *m, const struct dbg_spec *spec, struct unit_rows *r)
{
	Dwarf_Die cu;
	Dwarf_Lines *lines;
	const char *last = NULL;
	bool last_matches = false;
	Dwarf_Addr at = UINT64_MAX;
	uint32_t view = 0;
	size_t n;

	if (!index_line_unit(m->index, r->unit, &cu) || dwarf_getsrclines(&cu, &lines, &n) != 0)
		return;
	r->v = xcalloc(n + 1, sizeof(*r->v));
	for (size_t i = 0; i < n; i++) {
		Dwarf_Line *l = dwarf_onesrcline(lines, i);
		const char *file = dwarf_linesrc(l, NULL, NULL);
		struct row *row = &r->v[r->n];
		bool end = false, statement = true;
		Dwarf_Addr addr;
		int line;

		dwarf_lineendsequence(l, &end);
		if (dwarf_lineaddr(l, &addr) != 0)
			continue;
		view = addr == at ? view + 1 : 0;
		at = end ? UINT64_MAX : addr;
		if (!file || end || dwarf_lineno(l, &line) != 0 || line <= 0)
			continue;
		if (file != last) { /* the names are shared: mostly the same pointer */
			last = file;
			last_matches = !spec->file || dbg_match_file(spec->file, file);
		}
		if (!last_matches)
			continue;
		dwarf_linebeginstatement(l, &statement);
		*row = (struct row){(uint32_t)line, !statement, addr, view, file};
		r->n++;
	}
	qsort(r->v, r->n, sizeof(*r->v), by_line);
}

static size_t first_of_line(const struct unit_rows *r, uint32_t line)
{
	size_t lo = 0, hi = r->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (r->v[mid].line < line)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* The row of a line within a function: lowest statement, else lowest of any kind. NULL: none. */
static const struct row *find_row(const struct unit_rows *r, Dwarf_Die *die, uint32_t line)
{
	for (size_t i = first_of_line(r, line); i < r->n && r->v[i].line == line; i++)
		if (dwarf_haspc(die, r->v[i].addr) == 1)
			return &r->v[i];
	return NULL;
}

/* ------------------------------------------------------------------ statements by line */

enum { NEAR = 5, MAX_LINES = 1 << 20 };

struct statements {
	struct session *s;
	struct dbg_module *m;
	const struct dbg_spec *spec;
	dbg_functions functions;
	Dwarf_Die *dies;
	struct unit_rows *units;
	size_t n_units;
	struct unit_rows **rows; /* of each function */
	dbg_statements *out;
};

static int by_unit(const void *a, const void *b)
{
	const struct dbg_function *x = a, *y = b;

	if (x->unit != y->unit)
		return x->unit < y->unit ? -1 : 1;
	return (x->die > y->die) - (x->die < y->die);
}

/* "scopes::name" of a function's text, with another place. */
static const char *place_text(struct statements *q, const struct dbg_function *f, const char *file,
			      uint32_t line)
{
	return arena_printf(&q->s->arena, "%.*s@%s:%u", (int)strcspn(f->text, "@"), f->text, file,
			    line);
}

static void add_statement(struct statements *q, const struct dbg_function *f,
			  const struct row *row, uint32_t asked)
{
	struct dbg_statement d = {.function = *f, .addr = row->addr, .view = row->view, .has_view = true};

	d.text = place_text(q, f, row->file, asked);
	if (row->line != asked)
		d.found = place_text(q, f, row->file, row->line);
	vec_push(q->out, &q->s->arena, d);
}

static size_t one_line(struct statements *q, uint32_t line, uint32_t asked)
{
	size_t n = 0;

	for (size_t i = 0; i < q->functions.n; i++) {
		const struct row *row = find_row(q->rows[i], &q->dies[i], line);

		if (!row)
			continue;
		add_statement(q, &q->functions.v[i], row, asked);
		n++;
	}
	return n;
}

/* Nearest lines with records in any of the functions, 0: none near. */
static void neighbours(struct statements *q, size_t first, size_t n, uint32_t line, uint32_t *below,
		       uint32_t *above)
{
	*below = *above = 0;
	for (uint32_t d = 1; d <= NEAR; d++)
		for (size_t i = first; i < first + n; i++) {
			if (!*below && line > d && find_row(q->rows[i], &q->dies[i], line - d))
				*below = line - d;
			if (!*above && find_row(q->rows[i], &q->dies[i], line + d))
				*above = line + d;
		}
}

static uint32_t nearest_of(uint32_t line, uint32_t below, uint32_t above)
{
	if (!below || !above)
		return below ? below : above;
	return line - below < above - line ? below : above;
}

/* Lines upward from the function's first one until one has no row; an address counts once. */
static void all_lines(struct statements *q, size_t i)
{
	const struct unit_rows *r = q->rows[i];
	const struct row *row = NULL;
	VEC(uint64_t) used = {0};

	for (size_t k = 0; k < r->n; k++)
		if (r->v[k].addr == q->functions.v[i].entry && (!row || r->v[k].line < row->line))
			row = &r->v[k];
	for (uint32_t line = row ? row->line : 0, n = 0; line && n < MAX_LINES; line++, n++) {
		bool seen = false;

		row = find_row(r, &q->dies[i], line);
		if (!row)
			break;
		for (size_t k = 0; k < used.n; k++)
			seen |= used.v[k] == row->addr;
		if (seen)
			continue;
		vec_push(&used, &q->s->arena, row->addr);
		add_statement(q, &q->functions.v[i], row, line);
	}
}

static void listed_lines(struct statements *q)
{
	for (size_t i = 0; i < q->functions.n; i++)
		for (size_t k = 0; k < q->spec->lines.n; k++) {
			const struct dbg_line_range *range = &q->spec->lines.v[k];
			const struct unit_rows *r = q->rows[i];
			uint32_t last = 0;

			for (size_t j = first_of_line(r, range->first);
			     j < r->n && r->v[j].line <= range->last; j++) {
				const struct row *row;

				if (r->v[j].line == last)
					continue;
				last = r->v[j].line;
				row = find_row(r, &q->dies[i], last);
				if (row)
					add_statement(q, &q->functions.v[i], row, last);
			}
		}
}

/* The file that the message about a missing line names. */
static const char *missed_file(struct statements *q)
{
	for (size_t i = 0; i < q->n_units; i++)
		if (q->units[i].n)
			return q->units[i].v[0].file;
	return NULL;
}

static void numbered_lines(struct statements *q, bool nearest, struct dbg_line_miss *miss)
{
	bool relative = q->spec->line_kind == DBG_LINE_RELATIVE;
	size_t n = q->functions.n;
	uint32_t line = q->spec->line, below, above, near;

	if (!relative && one_line(q, line, line))
		return;
	for (size_t i = 0; relative && i < n; i++) {
		const struct row *row;

		line = q->functions.v[i].line + q->spec->line;
		row = find_row(q->rows[i], &q->dies[i], line);
		if (!row && nearest) {
			neighbours(q, i, 1, line, &below, &above);
			near = nearest_of(line, below, above);
			row = near ? find_row(q->rows[i], &q->dies[i], near) : NULL;
		}
		if (row)
			add_statement(q, &q->functions.v[i], row, line);
	}
	if (q->out->n || !n)
		return;
	neighbours(q, 0, n, line, &below, &above);
	near = nearest_of(line, below, above);
	if (nearest && !relative && near && one_line(q, near, line))
		return;
	*miss = (struct dbg_line_miss){missed_file(q), line, below, above};
}

void dbg_find_statements(struct session *s, struct dbg_module *m, const struct dbg_spec *spec,
			 bool nearest, dbg_statements *out, struct dbg_line_miss *miss)
{
	struct statements q = {.s = s, .m = m, .spec = spec, .out = out};
	size_t n = 0;

	*miss = (struct dbg_line_miss){0};
	dbg_find_functions(s, m, spec, DBG_CONCRETE | DBG_INLINED, &q.functions, NULL);
	if (spec->line_kind == DBG_LINE_NONE) {
		for (size_t i = 0; i < q.functions.n; i++) {
			const struct dbg_function *f = &q.functions.v[i];
			struct dbg_statement d = {.text = f->text, .function = *f, .addr = f->entry};

			vec_push(out, &s->arena, d);
		}
		return;
	}
	if (!q.functions.n || !m->index)
		return;
	qsort(q.functions.v, q.functions.n, sizeof(q.functions.v[0]), by_unit);
	q.dies = xcalloc(q.functions.n, sizeof(*q.dies));
	q.units = xcalloc(q.functions.n, sizeof(*q.units));
	q.rows = xcalloc(q.functions.n, sizeof(struct unit_rows *));
	for (size_t i = 0; i < q.functions.n; i++) {
		struct dbg_function f = q.functions.v[i];

		if (!dbg_function_die(m, &f, &q.dies[n]))
			continue;
		if (!q.n_units || q.units[q.n_units - 1].unit != f.unit) {
			q.units[q.n_units++].unit = f.unit;
			read_rows(m, spec, &q.units[q.n_units - 1]);
		}
		q.rows[n] = &q.units[q.n_units - 1];
		q.functions.v[n++] = f;
	}
	q.functions.n = n;
	if (spec->line_kind == DBG_LINE_ALL)
		for (size_t i = 0; i < n; i++)
			all_lines(&q, i);
	else if (spec->line_kind == DBG_LINE_LIST)
		listed_lines(&q);
	else
		numbered_lines(&q, nearest, miss);
	for (size_t i = 0; i < q.n_units; i++)
		free(q.units[i].v);
	free(q.units);
	free(q.rows);
	free(q.dies);
}

/* ------------------------------------------------------------------ addresses */

static bool unit_at(struct session *s, struct dbg_module *m, uint64_t addr, Dwarf_Die *cu)
{
	struct dbg_index *x = dbg_index_of_address(m, addr);
	struct dbg_function f;

	if (!x)
		return false;
	if (dbg_function_around(s, m, addr, &f) && f.unit != UINT32_MAX)
		return index_line_unit(x, f.unit, cu);
	return dwarf_addrdie(m->dwarf, addr, cu) != NULL;
}

enum dbg_row dbg_row_at(struct session *s, struct dbg_module *m, uint64_t addr, uint64_t *near,
			const char **unit)
{
	Dwarf_Die cu;
	Dwarf_Lines *lines;
	Dwarf_Addr a;
	size_t n, i;

	if (!unit_at(s, m, addr, &cu))
		return DBG_ROW_UNKNOWN;
	*unit = dwarf_diename(&cu);
	if (!*unit)
		*unit = "?";
	if (dwarf_getsrclines(&cu, &lines, &n) != 0 || !n)
		return DBG_ROW_NO_LINES;
	i = row_at(lines, n, addr);
	for (size_t k = i; k < n; k++) {
		bool end = false;

		if (dwarf_lineaddr(dwarf_onesrcline(lines, k), &a) != 0 || a != addr)
			break;
		dwarf_lineendsequence(dwarf_onesrcline(lines, k), &end);
		if (!end)
			return DBG_ROW_EXACT;
	}
	if (!i || dwarf_lineaddr(dwarf_onesrcline(lines, i - 1), &a) != 0)
		return DBG_ROW_NO_LINES;
	*near = a;
	return DBG_ROW_NEAR;
}

bool dbg_source_at(struct session *s, struct dbg_module *m, uint64_t addr, const char **file,
		   uint32_t *line)
{
	Dwarf_Die cu;
	Dwarf_Lines *lines;
	Dwarf_Line *row;
	Dwarf_Addr a;
	size_t n, i;
	int number = 0;

	if (!dbg_dwarf(m) || !unit_at(s, m, addr, &cu) || dwarf_getsrclines(&cu, &lines, &n) != 0 || !n)
		return false;
	i = row_at(lines, n, addr);
	/* The first row that is not before the address: at it, the last one counts, else the one before. */
	while (i + 1 < n && dwarf_lineaddr(dwarf_onesrcline(lines, i + 1), &a) == 0 && a <= addr)
		i++;
	if (i == n || (dwarf_lineaddr(dwarf_onesrcline(lines, i), &a) == 0 && a > addr)) {
		if (!i)
			return false;
		i--;
	}
	row = dwarf_onesrcline(lines, i);
	*file = dwarf_linesrc(row, NULL, NULL);
	if (dwarf_lineno(row, &number) != 0 || number < 0)
		number = 0;
	*line = (uint32_t)number;
	return *file != NULL;
}

/* The block or inlined function right below a scope that has the address. */
static bool scope_inside(Dwarf_Die *scope, uint64_t addr, Dwarf_Die *child)
{
	if (!dbg_first_child(scope, child))
		return false;
	do {
		int tag = dwarf_tag(child);

		if ((dbg_is_block(tag) || tag == DW_TAG_inlined_subroutine) && dwarf_haspc(child, addr) == 1)
			return true;
	} while (dbg_next(child));
	return false;
}

bool dbg_scope_at(struct session *s, struct dbg_module *m, uint64_t addr, Dwarf_Die *out)
{
	struct dbg_index *x = dbg_index_of_address(m, addr);
	struct dbg_function f;
	Dwarf_Die at, child;

	if (!x || !dbg_function_around(s, m, addr, &f) || f.unit == UINT32_MAX ||
	    !index_die(x, f.unit, f.die, out))
		return false;
	/* dwarf_getscopes() does the same, but forgets memory where a scope's origin is in another unit. */
	at = *out;
	for (int depth = 0; depth < DBG_MAX_DEPTH && scope_inside(&at, addr, &child); depth++) {
		at = child;
		if (dwarf_tag(&at) == DW_TAG_inlined_subroutine)
			*out = at;
	}
	return true;
}
