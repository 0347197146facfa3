/* Statements: line tables and addresses (probe reference 7.7, 9.3, 9.4). See dbg.h. */
#include <dwarf.h>
#include <stdio.h>
#include <string.h>

#include "dwarf/dbg.h"
#include "dwarf/index.h"
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

uint64_t dbg_probe_pc(struct dbg_module *m, const struct dbg_function *f)
{
	struct dbg_index *x = m->index;
	const struct dw_unit *u;
	Dwarf_Die cu, die;
	Dwarf_Lines *lines;
	Dwarf_Addr addr;
	size_t n, i;

	if (!x || f->unit == UINT32_MAX || f->inlined)
		return f->entry;
	u = &x->units[f->unit];
	if (u->has_loclist && !old_gcc(u->producer))
		return f->entry;
	if (!index_line_unit(x, f->unit, &cu) || !index_die(x, f->unit, f->die, &die) ||
	    dwarf_getsrclines(&cu, &lines, &n) != 0)
		return f->entry;
	i = row_at(lines, n, f->entry);
	if (i == n || dwarf_lineaddr(dwarf_onesrcline(lines, i), &addr) != 0 || addr != f->entry)
		return f->entry;
	/* The second row of a function is where its first statement begins. */
	for (i++; i < n; i++) {
		Dwarf_Line *row = dwarf_onesrcline(lines, i);
		bool end = false;

		if (dwarf_lineaddr(row, &addr) != 0)
			break;
		if (addr == f->entry)
			continue;
		dwarf_lineendsequence(row, &end);
		return end || dwarf_haspc(&die, addr) != 1 ? f->entry : addr;
	}
	return f->entry;
}
