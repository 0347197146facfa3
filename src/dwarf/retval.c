/* Where a function has left an object that it returns (System V ABI for x86-64, 3.2.3; Itanium C++ ABI, 3.1.3).
 *
 * An object of at most 16 bytes comes back in registers, each of its eightbytes by what it consists of: integers
 * and pointers in rax and rdx, floating point in xmm0 and xmm1, each in its own order. Larger or packed ones, and those
 * of C++ that cannot be copied byte by byte, are in memory at rax. libdw knows scalars only: it takes rax and rdx
 * for whatever has 16 bytes. */
#include <string.h>

#include "dwarf/query.h"

enum { RAX = 0, RDX = 1, XMM0 = 17, EIGHTBYTE = 64, MAX_BYTES = 16 };

enum kind { NOTHING, INTEGER, SSE, MEMORY };

static enum kind merged(enum kind a, enum kind b)
{
	if (a == b || b == NOTHING)
		return a;
	if (a == NOTHING)
		return b;
	if (a == MEMORY || b == MEMORY)
		return MEMORY;
	return INTEGER;
}

/* The bytes from offset are of a kind. */
static void put(enum kind kinds[2], uint64_t offset, uint64_t size, enum kind kind)
{
	for (uint64_t i = offset / 8; i <= (offset + size - 1) / 8; i++) {
		if (i > 1) {
			kinds[0] = MEMORY;
			return;
		}
		kinds[i] = merged(kinds[i], kind);
	}
}

/* ------------------------------------------------------------------ C++ */

/* A member function of the class that makes copies of its own, or ends objects. */
static bool is_own_copy(Dwarf_Die *function, const char *class)
{
	const char *name = dwarf_diename(function);
	Dwarf_Die parameter, type;
	struct dbg_type t = {0};
	size_t n = 0;

	if (!name || !class || dwarf_hasattr(function, DW_AT_defaulted))
		return false;
	if (*name == '~')
		return true;
	/* A template's constructor is named without its arguments. */
	if (strncmp(name, class, strlen(name)) != 0 || !strchr("<", class[strlen(name)]) ||
	    !dbg_first_child(function, &parameter))
		return false;
	do {
		if (dwarf_tag(&parameter) == DW_TAG_formal_parameter && n++ == 1 && dbg_type_of(&parameter, &type)) {
			t.die = type;
			if (dbg_tag(&t) != DW_TAG_reference_type && dbg_tag(&t) != DW_TAG_rvalue_reference_type)
				return false;
			t = dbg_pointee(&t);
			t = dbg_peel(t);
		}
	} while (dbg_next(&parameter));
	return n == 2 && dbg_type_name(&t) && strcmp(dbg_type_name(&t), class) == 0;
}

/* Cannot be copied byte by byte. */
static bool is_by_reference(Dwarf_Die *class)
{
	Dwarf_Attribute attr;
	Dwarf_Die child;
	int64_t how;

	if (dwarf_attr(class, DW_AT_calling_convention, &attr) && dbg_constant(&attr, &how))
		return how == DW_CC_pass_by_reference;
	if (!dbg_first_child(class, &child))
		return false;
	do {
		int tag = dwarf_tag(&child);

		if ((tag == DW_TAG_subprogram && (is_own_copy(&child, dwarf_diename(class)) ||
						  dwarf_hasattr(&child, DW_AT_virtuality))) ||
		    (tag == DW_TAG_inheritance && dwarf_hasattr(&child, DW_AT_virtuality)))
			return true;
	} while (dbg_next(&child));
	return false;
}

/* ------------------------------------------------------------------ what an object consists of */

static bool classify(struct dbg_query *q, struct dbg_type t, uint64_t offset, enum kind kinds[2], int depth);

static bool classify_members(struct dbg_query *q, const struct dbg_type *t, uint64_t offset, enum kind kinds[2],
			     int depth)
{
	struct dbg_child c;

	if (is_by_reference((Dwarf_Die *)&t->die)) {
		kinds[0] = MEMORY;
		return true;
	}
	if (!dbg_first(t, &c))
		return true;
	do {
		struct dbg_member m;

		if ((c.tag != DW_TAG_member && c.tag != DW_TAG_inheritance) || dbg_child_is_static(&c))
			continue;
		if (!dbg_step(q) || !dbg_child_place(&c, &m) || m.offset >= MAX_BYTES)
			return false;
		if (m.bit_offset >= 0)
			put(kinds, offset + m.offset + (unsigned)m.bit_offset / 8, (m.bit_size + 7) / 8, INTEGER);
		else if (!classify(q, m.type, offset + m.offset, kinds, depth + 1))
			return false;
	} while (dbg_following(&c));
	return true;
}

static bool classify_array(struct dbg_query *q, const struct dbg_type *t, uint64_t size, uint64_t offset,
			   enum kind kinds[2], int depth)
{
	struct dbg_type element;
	uint64_t stride, each;
	unsigned dimensions;

	if (dwarf_hasattr((Dwarf_Die *)&t->die, DW_AT_GNU_vector)) {
		put(kinds, offset, size, size <= 8 ? SSE : MEMORY); /* a whole register: not in parts */
		return size <= 8;
	}
	if (!dbg_array(q, t, 0, &element, &stride, &dimensions))
		return false;
	each = dbg_size(q, element);
	for (uint64_t at = 0; each && at < size; at += each)
		if (!dbg_step(q) || !classify(q, element, offset + at, kinds, depth + 1))
			return false;
	return each != 0;
}

/* False: not one of the types that the rules are about. */
static bool classify(struct dbg_query *q, struct dbg_type t, uint64_t offset, enum kind kinds[2], int depth)
{
	uint64_t size;
	unsigned encoding;

	t = dbg_peel(t);
	dbg_complete(q, &t);
	size = dbg_size(q, t);
	if (depth > DBG_MAX_DEPTH)
		return false;
	if (!size)
		return true; /* an empty base, a flexible array */
	if (offset + size > MAX_BYTES) {
		kinds[0] = MEMORY;
		return true;
	}
	switch (dbg_tag(&t)) {
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
	case DW_TAG_union_type:
		return classify_members(q, &t, offset, kinds, depth);
	case DW_TAG_array_type:
		return classify_array(q, &t, size, offset, kinds, depth);
	default:
		break;
	}
	if (offset % (size < 16 ? size : 16)) {
		kinds[0] = MEMORY;
		return true;
	}
	encoding = dbg_tag(&t) == DW_TAG_base_type ? dbg_encoding(&t) : DW_ATE_signed;
	if (encoding == DW_ATE_complex_float || (encoding == DW_ATE_float && size > 8))
		return false;
	put(kinds, offset, size, encoding == DW_ATE_float ? SSE : INTEGER);
	return true;
}

/* ------------------------------------------------------------------ location */

static void in_registers(struct dbg_query *q, const enum kind kinds[2], uint64_t size, struct location *out)
{
	static const int integers[] = {RAX, RDX}, floats[] = {XMM0, XMM0 + 1};
	unsigned n_integers = 0, n_floats = 0;

	out->kind = LOC_PIECES;
	out->n_pieces = size > 8 ? 2 : 1;
	out->pieces = ARENA_ARRAY(q->a, struct location_piece, 2);
	for (size_t i = 0; i < out->n_pieces; i++) {
		struct location_piece *p = &out->pieces[i];

		p->bits = EIGHTBYTE;
		p->loc.kind = LOC_LOST; /* padding */
		if (kinds[i] == INTEGER) {
			p->loc.kind = LOC_REGISTER;
			p->loc.reg = integers[n_integers++];
		} else if (kinds[i] == SSE) {
			p->loc.kind = LOC_REGISTER;
			p->loc.reg = floats[n_floats++];
		}
	}
}

bool dbg_returned_object(struct dbg_query *q, Dwarf_Die *function, struct dbg_type t, struct location *out)
{
	enum kind kinds[2] = {NOTHING, NOTHING};
	uint64_t size;
	Dwarf_Die unit;

	t = dbg_peel(t);
	dbg_complete(q, &t);
	size = dbg_size(q, t);
	*out = (struct location){.kind = LOC_LOST};
	if (size > MAX_BYTES)
		kinds[0] = MEMORY;
	/* Rust has no rules that others could know. */
	else if (!dwarf_diecu(function, &unit, NULL, NULL) || dwarf_srclang(&unit) == DW_LANG_Rust ||
		 !classify(q, t, 0, kinds, 0))
		return dbg_fail(q, "it is not known where %s leaves what it returns [man error::dwarf]",
				dwarf_diename(function)) != NULL;
	if (kinds[0] == MEMORY || kinds[1] == MEMORY) {
		out->kind = LOC_ADDRESS;
		out->e = dbg_register(q, RAX);
		return out->e != NULL;
	}
	in_registers(q, kinds, size, out);
	return true;
}
