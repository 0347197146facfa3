/* Which entry of a location list holds at a place.
 *
 * By addresses alone (DWARF 5, 2.6.2) that is the first one around the pc. Where optimization has put several
 * statements at one address, compilers number them as views of it: entries may then begin or end between two
 * views, also with nothing but views in between, and DW_AT_GNU_locviews of the variable points to a pair of
 * view numbers (ULEB128) for each entry. Rows of the line table at one address are its views, counted from 0, which is
 * where functions begin; DW_AT_GNU_entry_view of an inlined instance is the view that its body begins with. All
 * views of an address see the same registers, so that what holds in any of them can be shown there. Without them, a
 * statement would show what it is about to assign, and parameters of inlined instances were mostly lost
 * (A. Oliva, "View Numbers for Location Lists", 2017). */
#include "dwarf/cursor.h"
#include "dwarf/index.h"
#include "dwarf/query.h"

static bool number_of(Dwarf_Die *die, unsigned name, uint64_t *n)
{
	Dwarf_Attribute attr;
	Dwarf_Word v;

	if (!dwarf_attr(die, name, &attr) || dwarf_formudata(&attr, &v) != 0)
		return false;
	*n = v;
	return true;
}

/* The view of the pc that the place is at; false: not known. */
static bool view_of(const struct dbg_query *q, uint64_t *view)
{
	Dwarf_Die scope = q->at->scope;
	Dwarf_Addr entry;

	if (q->foreign || q->callee)
		return false;
	*view = q->at->view;
	if (q->at->has_view)
		return true;
	if (!scope.addr || !dbg_entry_pc(&scope, &entry) || entry != dbg_pc(q))
		return false;
	return dwarf_tag(&scope) != DW_TAG_inlined_subroutine || number_of(&scope, DW_AT_GNU_entry_view, view);
}

/* The pairs of views for the entries of the variable's list. */
static bool views_of(const struct dbg_query *q, Dwarf_Die *var, struct cursor *c)
{
	Dwarf *dwarf = dwarf_cu_getdwarf(var->cu);
	const struct dbg_index *x = q->m->index;
	struct dw_bytes b = {0};
	Dwarf_Half version;
	uint64_t at;

	if (!x || !number_of(var, DW_AT_GNU_locviews, &at) ||
	    dwarf_cu_info(var->cu, &version, NULL, NULL, NULL, NULL, NULL, NULL) != 0)
		return false;
	for (size_t i = 0; i < x->files.n; i++)
		if (x->files.v[i]->dwarf == dwarf)
			b = version < 5 ? x->files.v[i]->loc : x->files.v[i]->loclists;
	if (at >= b.n)
		return false;
	*c = (struct cursor){b.p + at, b.p + b.n};
	return true;
}

static bool by_view(struct dbg_query *q, Dwarf_Die *var, Dwarf_Attribute *attr, Dwarf_Op **ops, size_t *n)
{
	Dwarf_Addr pc = dbg_pc(q), base, start, end;
	ptrdiff_t next = 0;
	uint64_t view;
	struct cursor c;

	if (!view_of(q, &view) || !views_of(q, var, &c))
		return false;
	while ((next = dwarf_getlocations(attr, next, &base, &start, &end, ops, n)) > 0 && dbg_step(q)) {
		uint64_t first = cursor_uleb(&c), behind = cursor_uleb(&c);

		if ((start < pc || (start == pc && first <= view)) && (end > pc || (end == pc && behind > view)))
			return true;
	}
	return false;
}

bool dbg_location_at(struct dbg_query *q, Dwarf_Die *var, Dwarf_Attribute *attr, Dwarf_Op **ops, size_t *n)
{
	/* Variables of other modules have one place, whatever the pc. */
	return dwarf_attr_integrate(var, DW_AT_location, attr) &&
	       (by_view(q, var, attr, ops, n) ||
		dwarf_getlocation_addr(attr, q->foreign ? 0 : dbg_pc(q), ops, n, 1) == 1) &&
	       *n;
}
