/* Types of debug information: names as -L prints them (probe reference 3.1), sizes, members.
 *
 * libdw's own helpers (dwarf_aggregate_size, dwarf_peel_type) follow type references without a bound;
 * a damaged file could send them in circles, so the walks here are our own. */
#include <string.h>

#include "dwarf/query.h"
#include "session.h"

bool dbg_first_child(Dwarf_Die *die, Dwarf_Die *child)
{
	return dwarf_child(die, child) == 0 && child->addr > die->addr;
}

bool dbg_next(Dwarf_Die *die)
{
	Dwarf_Die next;

	/* A DW_AT_sibling that points backwards would never end. */
	if (dwarf_siblingof(die, &next) != 0 || next.addr <= die->addr)
		return false;
	*die = next;
	return true;
}

bool dbg_type_of(Dwarf_Die *die, Dwarf_Die *type)
{
	Dwarf_Attribute attr;

	return dwarf_attr_integrate(die, DW_AT_type, &attr) && dwarf_formref_die(&attr, type);
}

struct dbg_type dbg_peel(struct dbg_type t)
{
	for (int i = 0; !t.stars && t.die.addr; i++) {
		switch (dwarf_tag(&t.die)) {
		case DW_TAG_typedef:
		case DW_TAG_const_type:
		case DW_TAG_volatile_type:
		case DW_TAG_restrict_type:
		case DW_TAG_atomic_type:
			if (i < DBG_MAX_DEPTH && dbg_type_of(&t.die, &t.die))
				continue;
			t.die.addr = NULL;
			return t;
		default:
			return t;
		}
	}
	return t;
}

int dbg_tag(const struct dbg_type *t)
{
	if (t->stars)
		return DW_TAG_pointer_type;
	return t->die.addr ? dwarf_tag((Dwarf_Die *)&t->die) : 0;
}

struct dbg_type dbg_pointee(const struct dbg_type *t)
{
	struct dbg_type r = *t;

	if (r.stars)
		r.stars--;
	else if (!dbg_type_of(&r.die, &r.die))
		r.die.addr = NULL;
	return r;
}

void dbg_complete(struct dbg_query *q, struct dbg_type *t)
{
	Dwarf_Attribute attr;
	Dwarf_Die def;
	const char *name;

	if (t->stars || !t->die.addr || !dwarf_hasattr(&t->die, DW_AT_declaration))
		return;
	if (dwarf_attr(&t->die, DW_AT_signature, &attr) && dwarf_formref_die(&attr, &def)) {
		t->die = def;
		return;
	}
	name = dwarf_diename(&t->die);
	if (name && dbg_find_definition(q, name, &def))
		t->die = def;
}

unsigned dbg_encoding(const struct dbg_type *t)
{
	Dwarf_Attribute attr;
	Dwarf_Word n;

	if (!t->stars && t->die.addr && dwarf_attr((Dwarf_Die *)&t->die, DW_AT_encoding, &attr) &&
	    dwarf_formudata(&attr, &n) == 0)
		return (unsigned)n;
	return 0;
}

bool dbg_is_signed(const struct dbg_type *t)
{
	unsigned e = dbg_encoding(t);

	/* Enumerations are unsigned even with negative enumerators, as SystemTap has it. */
	return dbg_tag(t) == DW_TAG_base_type && (e == DW_ATE_signed || e == DW_ATE_signed_char);
}

bool dbg_is_char(const struct dbg_type *t)
{
	unsigned e = dbg_encoding(t);

	return dbg_tag(t) == DW_TAG_base_type && (e == DW_ATE_signed_char || e == DW_ATE_unsigned_char);
}

/* ------------------------------------------------------------------ sizes */

/* Number of elements; 0: not known. */
static uint64_t subrange_count(Dwarf_Die *range)
{
	Dwarf_Attribute attr;
	Dwarf_Word n;

	if (dwarf_attr_integrate(range, DW_AT_count, &attr) && dwarf_formudata(&attr, &n) == 0)
		return n;
	if (dwarf_attr_integrate(range, DW_AT_upper_bound, &attr) && dwarf_formudata(&attr, &n) == 0)
		return n + 1;
	return 0;
}

static uint64_t size_of(struct dbg_query *q, struct dbg_type t, int depth);

static bool array_shape(struct dbg_query *q, const struct dbg_type *array, struct dbg_type *element,
			uint64_t *stride, uint64_t *total, unsigned *dimensions, int depth)
{
	Dwarf_Die *die = (Dwarf_Die *)&array->die, child;
	Dwarf_Attribute attr;
	Dwarf_Word n;
	uint64_t first = 0;

	*element = dbg_pointee(array);
	*stride = size_of(q, *element, depth);
	if (dwarf_attr(die, DW_AT_byte_stride, &attr) && dwarf_formudata(&attr, &n) == 0)
		*stride = n;
	*total = *stride;
	*dimensions = 0;
	if (dbg_first_child(die, &child))
		do {
			uint64_t count;

			if (dwarf_tag(&child) != DW_TAG_subrange_type)
				continue;
			count = subrange_count(&child);
			if ((*dimensions)++)
				*stride *= count;
			else
				first = count;
		} while (dbg_next(&child));
	*total = *stride * first;
	return *stride != 0;
}

static uint64_t size_of(struct dbg_query *q, struct dbg_type t, int depth)
{
	Dwarf_Attribute attr;
	Dwarf_Word n;
	struct dbg_type element;
	uint64_t stride, total;
	unsigned dimensions;

	t = dbg_peel(t);
	dbg_complete(q, &t);
	switch (depth < DBG_MAX_DEPTH ? dbg_tag(&t) : 0) {
	case 0:
		return 0;
	case DW_TAG_pointer_type:
	case DW_TAG_reference_type:
	case DW_TAG_rvalue_reference_type:
		return 8;
	case DW_TAG_array_type:
		if (dwarf_attr(&t.die, DW_AT_byte_size, &attr) && dwarf_formudata(&attr, &n) == 0)
			return n;
		array_shape(q, &t, &element, &stride, &total, &dimensions, depth + 1);
		return total;
	default:
		return dwarf_attr_integrate(&t.die, DW_AT_byte_size, &attr) &&
				       dwarf_formudata(&attr, &n) == 0
			       ? n
			       : 0;
	}
}

uint64_t dbg_size(struct dbg_query *q, struct dbg_type t)
{
	return size_of(q, t, 0);
}

bool dbg_array(struct dbg_query *q, const struct dbg_type *array, struct dbg_type *element,
	       uint64_t *stride, unsigned *dimensions)
{
	uint64_t total;

	return array_shape(q, array, element, stride, &total, dimensions, 0);
}

/* ------------------------------------------------------------------ names */

enum { MAX_TYPE_TEXT = 4000 };

static bool type_text(struct str *o, Dwarf_Die *die, int depth);

/* What a pointer, qualifier or array is about: "void" where there is nothing to name. */
static void inner_text(struct str *o, Dwarf_Die *die, int depth)
{
	Dwarf_Die type;
	size_t start = o->len;

	if (dbg_type_of(die, &type) && type_text(o, &type, depth + 1))
		return;
	o->len = start;
	str_add(o, "void");
}

static void function_text(struct str *o, Dwarf_Die *die, const char *how, int depth)
{
	Dwarf_Die child;
	bool first = true;

	inner_text(o, die, depth);
	str_addf(o, " %s(", how);
	if (dbg_first_child(die, &child))
		do {
			int tag = dwarf_tag(&child);

			if (tag != DW_TAG_formal_parameter && tag != DW_TAG_unspecified_parameters)
				continue;
			str_add(o, first ? "" : ", ");
			first = false;
			if (tag == DW_TAG_formal_parameter)
				inner_text(o, &child, depth);
			else
				str_add(o, "...");
		} while (o->len < MAX_TYPE_TEXT && dbg_next(&child));
	str_addc(o, ')');
}

static bool pointer_text(struct str *o, Dwarf_Die *die, const char *sign, int depth)
{
	Dwarf_Die to;

	if (dbg_type_of(die, &to)) {
		const char *name = dwarf_diename(&to);

		if (dwarf_tag(&to) == DW_TAG_subroutine_type) {
			char how[8];

			snprintf(how, sizeof(how), "(%s) ", sign);
			function_text(o, &to, how, depth + 1);
			return true;
		}
		if (dwarf_tag(&to) == DW_TAG_structure_type && name &&
		    strcmp(name, "__va_list_tag") == 0) {
			str_add(o, "va_list");
			return true;
		}
	}
	inner_text(o, die, depth);
	str_add(o, sign);
	return true;
}

static bool type_text(struct str *o, Dwarf_Die *die, int depth)
{
	const char *name = dwarf_diename(die), *word = NULL, *qualifier = NULL;
	Dwarf_Die inner;

	if (depth > DBG_MAX_DEPTH || o->len > MAX_TYPE_TEXT)
		return false;
	switch (dwarf_tag(die)) {
	case DW_TAG_base_type:
	case DW_TAG_typedef:
	case DW_TAG_unspecified_type:
		if (!name)
			return false;
		str_add(o, name);
		return true;
	case DW_TAG_structure_type:
		word = "struct";
		break;
	case DW_TAG_class_type:
		word = "class";
		break;
	case DW_TAG_union_type:
		word = "union";
		break;
	case DW_TAG_enumeration_type:
		word = "enum";
		break;
	case DW_TAG_pointer_type:
		return pointer_text(o, die, "*", depth);
	case DW_TAG_reference_type:
		return pointer_text(o, die, "&", depth);
	case DW_TAG_rvalue_reference_type:
		return pointer_text(o, die, "&&", depth);
	case DW_TAG_array_type:
		inner_text(o, die, depth);
		str_add(o, "[]");
		return true;
	case DW_TAG_subroutine_type:
		function_text(o, die, "", depth);
		return true;
	case DW_TAG_const_type:
		qualifier = " const";
		break;
	case DW_TAG_volatile_type:
		qualifier = " volatile";
		break;
	case DW_TAG_restrict_type:
		qualifier = " restrict";
		break;
	default:
		return false;
	}
	if (word) {
		str_addf(o, "%s %s", word, name ? name : "{...}");
		return true;
	}
	inner_text(o, die, depth);
	/* const on a reference itself says nothing. */
	if (dbg_type_of(die, &inner) && (dwarf_tag(&inner) == DW_TAG_reference_type ||
					 dwarf_tag(&inner) == DW_TAG_rvalue_reference_type))
		return true;
	str_add(o, qualifier);
	return true;
}

const char *dbg_type_text(struct arena *a, struct dbg_type t)
{
	struct str o = {0};
	const char *text = NULL;

	if (!t.die.addr)
		str_add(&o, "void");
	else if (!type_text(&o, &t.die, 0))
		o.len = 0;
	if (o.len) {
		for (unsigned i = 0; i < t.stars; i++)
			str_addc(&o, '*');
		text = arena_strndup(a, o.s, o.len);
	}
	str_release(&o);
	return text;
}

/* ------------------------------------------------------------------ members */

static bool constant(Dwarf_Die *die, unsigned name, int64_t *out)
{
	Dwarf_Attribute attr;
	Dwarf_Word n;

	/* Not dwarf_formsdata(): it takes the one byte 0x90 for -112. */
	if (!dwarf_attr_integrate(die, name, &attr) || dwarf_formudata(&attr, &n) != 0)
		return false;
	*out = (int64_t)n;
	return true;
}

bool dbg_member_place(Dwarf_Die *die, struct dbg_member *out)
{
	Dwarf_Attribute attr;
	int64_t n = 0, size;
	Dwarf_Op *ops;
	size_t n_ops;

	out->offset = 0;
	out->bit_offset = -1;
	out->bit_size = 0;
	out->is_static = false;
	if (dwarf_attr_integrate(die, DW_AT_data_member_location, &attr)) {
		unsigned form = dwarf_whatform(&attr);

		if (form == DW_FORM_exprloc || form == DW_FORM_block || form == DW_FORM_block1 ||
		    form == DW_FORM_block2 || form == DW_FORM_block4) {
			/* Old compilers say "plus_uconst n". Virtual bases need the object itself. */
			if (dwarf_getlocation(&attr, &ops, &n_ops) != 0 || n_ops != 1 ||
			    ops[0].atom != DW_OP_plus_uconst)
				return false;
			n = (int64_t)ops[0].number;
		} else if (!constant(die, DW_AT_data_member_location, &n)) {
			return false;
		}
		out->offset = (uint64_t)n;
	}
	if (!constant(die, DW_AT_bit_size, &n))
		return true;
	if (n < 1 || n > 64)
		return false;
	out->bit_size = (unsigned)n;
	if (constant(die, DW_AT_data_bit_offset, &n)) {
		if (n < 0)
			return false;
		/* Keeps the alignment of the field's storage unit. */
		out->offset += (uint64_t)n / 64 * 8;
		out->bit_offset = (int)(n % 64);
	} else if (constant(die, DW_AT_bit_offset, &n)) {
		/* DWARF 2 counts from the most significant bit of the storage unit. */
		struct dbg_type t = {.stars = 0};

		if (!constant(die, DW_AT_byte_size, &size)) {
			if (!dbg_type_of(die, &t.die))
				return false;
			t = dbg_peel(t);
			if (!t.die.addr || !constant(&t.die, DW_AT_byte_size, &size))
				return false;
		}
		n = size * 8 - n - (int64_t)out->bit_size;
		if (size < 1 || size > 8 || n < 0)
			return false;
		out->bit_offset = (int)n;
	} else {
		out->bit_offset = 0;
	}
	return true;
}

static bool is_aggregate(const struct dbg_type *t)
{
	int tag = dbg_tag(t);

	return tag == DW_TAG_structure_type || tag == DW_TAG_class_type || tag == DW_TAG_union_type;
}

/* Own members first, then those of anonymous members and bases, in order. */
static bool find_member(struct dbg_query *q, struct dbg_type object, const char *name,
			struct dbg_member *out, int depth)
{
	Dwarf_Die child;

	object = dbg_peel(object);
	dbg_complete(q, &object);
	if (depth > DBG_MAX_DEPTH || !is_aggregate(&object) || !dbg_step(q))
		return false;
	for (int nested = 0; nested < 2; nested++) {
		if (!dbg_first_child(&object.die, &child))
			return false;
		do {
			int tag = dwarf_tag(&child);
			const char *have = dwarf_diename(&child);
			struct dbg_member base;

			if (tag != DW_TAG_member && tag != DW_TAG_inheritance &&
			    tag != DW_TAG_variable)
				continue;
			if (!nested) {
				if (!have || strcmp(have, name) != 0)
					continue;
				out->die = child;
				out->type.stars = 0;
				if (!dbg_type_of(&child, &out->type.die))
					return false;
				/* A static member is a declaration, its place is elsewhere. */
				if (tag == DW_TAG_variable ||
				    dwarf_hasattr_integrate(&child, DW_AT_declaration)) {
					out->is_static = true;
					out->offset = 0;
					out->bit_offset = -1;
					return true;
				}
				return dbg_member_place(&child, out);
			}
			if (tag == DW_TAG_variable || (tag == DW_TAG_member && have))
				continue;
			base.type.stars = 0;
			if (!dbg_member_place(&child, &base) || !dbg_type_of(&child, &base.type.die))
				continue;
			if (find_member(q, base.type, name, out, depth + 1)) {
				out->offset += base.offset;
				return true;
			}
		} while (dbg_next(&child));
	}
	return false;
}

bool dbg_member(struct dbg_query *q, struct dbg_type object, const char *name,
		struct dbg_member *out)
{
	memset(out, 0, sizeof(*out));
	return find_member(q, object, name, out, 0);
}

static void member_names(struct dbg_query *q, struct dbg_type object, dbg_names *out, int depth)
{
	Dwarf_Die child;

	object = dbg_peel(object);
	dbg_complete(q, &object);
	if (depth > 8 || !is_aggregate(&object) || !dbg_first_child(&object.die, &child))
		return;
	do {
		int tag = dwarf_tag(&child);
		const char *have = dwarf_diename(&child);
		struct dbg_type t = {.stars = 0};

		if (tag == DW_TAG_member && have)
			vec_push(out, q->a, have);
		else if ((tag == DW_TAG_member || tag == DW_TAG_inheritance) &&
			 dbg_type_of(&child, &t.die))
			member_names(q, t, out, depth + 1);
	} while (out->n < 10000 && dbg_next(&child));
}

void dbg_member_names(struct dbg_query *q, struct dbg_type object, dbg_names *out)
{
	member_names(q, object, out, 0);
}
