/* Steps from an object to what it holds or points to, and its value: "->member", "[index]", "*" (language reference
 * 6). */
#include <string.h>

#include "dwarf/query.h"

bool dbg_dereference(struct dbg_query *q, struct dbg_object *o)
{
	struct dbg_type pointer = dbg_peel(o->type), to = dbg_pointee(&pointer);

	o->open_type = NULL;
	if (o->loc.kind == LOC_POINTER) {
		Dwarf_Die target = o->loc.target;
		int64_t offset = o->loc.offset;

		if (!dbg_locate(q, &target, &o->loc))
			return false;
		if (o->loc.kind == LOC_ADDRESS)
			o->loc.e = dbg_binary(q, OP_ADD, o->loc.e, dbg_number(q, offset));
		else
			o->loc.at_byte += (uint64_t)offset;
	} else {
		struct expr *e = dbg_fetch(q, &o->loc, 0, 64, false, 8);

		memset(&o->loc, 0, sizeof(o->loc));
		o->loc.kind = LOC_ADDRESS;
		o->loc.e = e;
		if (!e)
			return false;
	}
	o->type = to;
	o->bit_offset = -1;
	return true;
}

bool dbg_is_pointer(int tag)
{
	return tag == DW_TAG_pointer_type || tag == DW_TAG_reference_type ||
	       tag == DW_TAG_rvalue_reference_type;
}

static const char *type_name_of(struct dbg_query *q, struct dbg_type t)
{
	const char *s = dbg_type_text(q->a, t);

	return s ? s : "an unnamed type";
}

static bool move(struct dbg_query *q, struct dbg_object *o, uint64_t bytes)
{
	if (o->loc.kind == LOC_ADDRESS) {
		o->loc.e = dbg_binary(q, OP_ADD, o->loc.e, dbg_number(q, (int64_t)bytes));
		return o->loc.e != NULL;
	}
	o->loc.at_byte += bytes;
	return true;
}

bool dbg_step_member(struct dbg_query *q, struct dbg_object *o, const char *name)
{
	struct dbg_member m;

	for (int depth = 0;; depth++) {
		struct dbg_type t = dbg_peel(o->type);
		int tag = dbg_tag(&t);

		if (dbg_is_pointer(tag) && depth < DBG_MAX_DEPTH) {
			struct dbg_type to = dbg_pointee(&t);

			to = dbg_peel(to);
			if (dbg_tag(&to) == 0)
				return dbg_fail(q, "invalid access '->%s' vs '%s'", name,
						type_name_of(q, o->type));
			if (!dbg_dereference(q, o))
				return false;
			continue;
		}
		if (tag != DW_TAG_structure_type && tag != DW_TAG_class_type &&
		    tag != DW_TAG_union_type)
			return dbg_fail(q, "invalid access '->%s' vs %s", name,
					type_name_of(q, o->type));
		dbg_complete(q, &t);
		if (dbg_is_declaration(&t))
			return dbg_fail(q, "unresolved %s [man error::dwarf]", type_name_of(q, t));
		if (!dbg_member(q, t, name, &m)) {
			dbg_names names = {0};
			const char *alt;

			dbg_member_names(q, t, &names);
			alt = dbg_alternatives(q, name, &names);
			return dbg_fail(q, "unable to find member '%s' for %s%s", name,
					type_name_of(q, t), alt);
		}
		break;
	}
	if (m.is_static) {
		Dwarf_Die var;

		if (dwarf_hasattr_integrate(&m.die, DW_AT_const_value))
			var = m.die;
		else if (!dbg_find_global(q, name, NULL, &var))
			return dbg_fail(q, "unable to find static member '%s'", name);
		return dbg_variable_object(q, &var, o);
	}
	for (unsigned i = 0; i < m.n_bases; i++) {
		if (o->loc.kind != LOC_ADDRESS)
			return dbg_fail(q, "a virtual base of an object that is not in memory");
		if (!move(q, o, m.bases[i].before))
			return false;
		o->loc.e = dbg_virtual_base(q, &m.bases[i].die, o->loc.e);
	}
	if (dbg_is_open(q) && o->loc.kind == LOC_ADDRESS && dbg_open_member(q, o, name, &m))
		m.offset = 0;
	o->type = m.type;
	o->bit_offset = m.bit_offset;
	o->bit_size = m.bit_size;
	return move(q, o, m.offset);
}

/* With fewer indexes than an array has dimensions one gets the first element there, as in SystemTap. */
bool dbg_step_index(struct dbg_query *q, struct dbg_object *o, struct expr *index)
{
	unsigned before = o->indexes, dimensions;
	struct dbg_type t = before ? o->matrix : dbg_peel(o->type), element;
	int tag = dbg_tag(&t);
	uint64_t stride;

	/* A reference to an array or pointer. */
	if ((tag == DW_TAG_reference_type || tag == DW_TAG_rvalue_reference_type)) {
		if (!dbg_dereference(q, o))
			return false;
		t = dbg_peel(o->type);
		tag = dbg_tag(&t);
	}
	if (tag == DW_TAG_pointer_type) {
		element = dbg_pointee(&t);
		stride = dbg_size(q, element);
		if (!stride)
			return dbg_fail(q, "invalid access '[%s]' vs '%s'", expr_text(q->a, index),
					type_name_of(q, o->type));
		if (!dbg_dereference(q, o))
			return false;
	} else if (tag == DW_TAG_array_type) {
		if (!dbg_array(q, &t, before, &element, &stride, &dimensions))
			return dbg_fail(q, "array of elements of unknown size [man error::dwarf]");
		o->type = element;
		o->matrix = t;
		o->indexes = before + 1 < dimensions ? before + 1 : 0;
	} else {
		return dbg_fail(q, "invalid access '[%s]' vs %s", expr_text(q->a, index),
				type_name_of(q, o->type));
	}
	if (o->loc.kind == LOC_ADDRESS) {
		o->loc.e = dbg_binary(q, OP_ADD, o->loc.e,
				      dbg_binary(q, OP_MUL, index, dbg_open_size(q, element, stride)));
		o->open_type = NULL;
		return o->loc.e != NULL;
	}
	if (index->kind != EX_NUMBER || index->lit->num < 0 || index->lit->num > 1 << 24)
		return dbg_fail(q, "only constant indexes are possible: the array is not in memory");
	o->loc.at_byte += (uint64_t)index->lit->num * stride;
	return true;
}

struct expr *dbg_address(struct dbg_query *q, const struct dbg_object *o)
{
	if (o->bit_offset >= 0)
		return dbg_fail(q, "cannot take the address of a bit-field");
	if (o->loc.kind != LOC_ADDRESS)
		return dbg_fail(q, "cannot take the address of a value that is not in memory");
	return o->loc.e;
}

/* A structure is no value. */
static struct expr *whole_object(struct dbg_query *q, struct dbg_type t)
{
	const char *first = NULL, *file = NULL, *where = "";
	struct dbg_child c;
	int line = 0;

	dbg_complete(q, &t);
	if (!t.btf) {
		file = dwarf_decl_file(&t.die);
		dwarf_decl_line(&t.die, &line);
		where = arena_printf(q->a, " (%s:%d)", file ? file : "?", line);
	}
	if (dbg_first(&t, &c))
		do
			first = c.tag == DW_TAG_member ? c.name : NULL;
		while (!first && dbg_following(&c));
	return dbg_fail(q, "'%s'%s is being accessed instead of a member such as '->%s'",
			type_name_of(q, t), where, first ? first : "?");
}

struct expr *dbg_value(struct dbg_query *q, const struct dbg_object *o)
{
	struct dbg_type t = dbg_peel(o->type);
	uint64_t size;

	if (o->bit_offset >= 0)
		return dbg_fetch(q, &o->loc, (uint64_t)o->bit_offset, o->bit_size, dbg_is_signed(&t),
				 (unsigned)dbg_size(q, t));
	switch (dbg_tag(&t)) {
	case 0:
		return dbg_fail(q, t.btf ? "the type of this object is not known: use &@var(...) and @cast"
					 : "a value of type void cannot be read");
	case DW_TAG_array_type:
	case DW_TAG_subroutine_type:
		return dbg_address(q, o);
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
	case DW_TAG_union_type:
		return whole_object(q, t);
	default:
		break;
	}
	size = dbg_size(q, t);
	if (size != 1 && size != 2 && size != 4 && size != 8) {
		if (size < 1 || size > 8)
			return dbg_fail(q, "a value of type %s cannot be read (%llu bytes)",
					type_name_of(q, o->type), (unsigned long long)size);
	}
	return dbg_fetch(q, &o->loc, 0, (unsigned)size * 8, dbg_is_signed(&t), (unsigned)size);
}
