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
	Dwarf_Die whole;

	if (!dwarf_attr_integrate(die, DW_AT_type, &attr) || !dwarf_formref_die(&attr, type))
		return false;
	/* The stub of a type that is in a type unit. */
	if (dwarf_attr(type, DW_AT_signature, &attr) && dwarf_formref_die(&attr, &whole))
		*type = whole;
	return true;
}

bool dbg_constant(Dwarf_Attribute *attr, int64_t *n)
{
	Dwarf_Word u;

	if (dwarf_formudata(attr, &u) != 0)
		return false;
	*n = (int64_t)u;
	return true;
}

struct dbg_type dbg_peel(struct dbg_type t)
{
	if (t.btf && !t.stars)
		t.id = btf_peel(t.btf, t.id);
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
	if (t->btf)
		return dbg_btf_tag(t->btf, t->id);
	return t->die.addr ? dwarf_tag((Dwarf_Die *)&t->die) : 0;
}

bool dbg_is_void(const struct dbg_type *t)
{
	return dbg_tag(t) == 0;
}

const char *dbg_type_name(const struct dbg_type *t)
{
	const char *name;

	if (t->stars)
		return NULL;
	name = t->btf ? btf_name(t->btf, t->id) : t->die.addr ? dwarf_diename((Dwarf_Die *)&t->die) : NULL;
	return name && *name ? name : NULL;
}

bool dbg_is_declaration(const struct dbg_type *t)
{
	if (t->stars)
		return false;
	if (t->btf)
		return btf_kind(t->btf, t->id) == BTF_KIND_FWD;
	return t->die.addr && dwarf_hasattr((Dwarf_Die *)&t->die, DW_AT_declaration);
}

struct dbg_type dbg_pointee(const struct dbg_type *t)
{
	struct dbg_type r = *t;

	if (r.stars)
		r.stars--;
	else if (r.btf)
		r = dbg_btf_inner(r.btf, r.id);
	else if (!dbg_type_of(&r.die, &r.die))
		r.die.addr = NULL;
	return r;
}

void dbg_complete(struct dbg_query *q, struct dbg_type *t)
{
	Dwarf_Attribute attr;
	struct btf *btf;
	Dwarf_Die def;
	const char *name;

	if (!dbg_is_declaration(t))
		return;
	if (t->btf) {
		uint32_t id = btf_find(t->btf, btf_name(t->btf, t->id), BTF_KINDS_AGGREGATE);

		t->id = id ? id : t->id;
		return;
	}
	if (dwarf_attr(&t->die, DW_AT_signature, &attr) && dwarf_formref_die(&attr, &def)) {
		t->die = def;
		return;
	}
	name = dwarf_diename(&t->die);
	btf = dbg_btf_of(q);
	if (btf) {
		uint32_t id = name ? btf_find(btf, name, BTF_KINDS_AGGREGATE) : 0;

		if (id)
			*t = dbg_btf_type(btf, id);
	} else if (name && dbg_find_definition(q, name, &def)) {
		t->die = def;
	}
}

unsigned dbg_encoding(const struct dbg_type *t)
{
	Dwarf_Attribute attr;
	Dwarf_Word n;

	if (t->btf)
		return t->stars ? 0 : dbg_btf_encoding(t->btf, t->id);
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

static bool array_shape(struct dbg_query *q, const struct dbg_type *array, unsigned dimension,
			struct dbg_type *element, uint64_t *stride, uint64_t *total,
			unsigned *dimensions, int depth)
{
	Dwarf_Die *die = (Dwarf_Die *)&array->die, child;
	Dwarf_Attribute attr;
	Dwarf_Word n;
	uint64_t first = 0;

	*element = dbg_pointee(array);
	*stride = size_of(q, *element, depth);
	if (array->btf) {
		*dimensions = 1;
		*total = btf_size(array->btf, array->id);
		return *stride != 0;
	}
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
			if (*dimensions > dimension)
				*stride *= count;
			else
				first = count;
			++*dimensions;
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
		if (t.die.addr && dwarf_attr(&t.die, DW_AT_byte_size, &attr) && dwarf_formudata(&attr, &n) == 0)
			return n;
		array_shape(q, &t, 0, &element, &stride, &total, &dimensions, depth + 1);
		return total;
	default:
		if (t.btf)
			return btf_size(t.btf, t.id);
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

bool dbg_array(struct dbg_query *q, const struct dbg_type *array, unsigned dimension,
	       struct dbg_type *element, uint64_t *stride, unsigned *dimensions)
{
	uint64_t total;

	return array_shape(q, array, dimension, element, stride, &total, dimensions, 0);
}

/* ------------------------------------------------------------------ names */

enum { MAX_TYPE_TEXT = 4000 };

static bool type_text(struct str *o, const struct dbg_type *t, int depth);

/* What a pointer, qualifier or array is about: "void" where there is nothing to name. */
static void named_text(struct str *o, const struct dbg_type *t, int depth)
{
	size_t start = o->len;

	if (!dbg_is_void(t) && type_text(o, t, depth + 1))
		return;
	o->len = start;
	str_add(o, "void");
}

static void inner_text(struct str *o, const struct dbg_type *t, int depth)
{
	struct dbg_type inner = dbg_pointee(t);

	named_text(o, &inner, depth);
}

static void function_text(struct str *o, const struct dbg_type *t, const char *how, int depth)
{
	struct dbg_child child;
	bool first = true;

	inner_text(o, t, depth);
	str_addf(o, " %s(", how);
	if (dbg_first(t, &child))
		do {
			struct dbg_type type = {.stars = 0};

			if (child.tag != DW_TAG_formal_parameter &&
			    child.tag != DW_TAG_unspecified_parameters)
				continue;
			str_add(o, first ? "" : ", ");
			first = false;
			if (child.tag == DW_TAG_formal_parameter) {
				dbg_child_type(&child, &type);
				named_text(o, &type, depth);
			} else {
				str_add(o, "...");
			}
		} while (o->len < MAX_TYPE_TEXT && dbg_following(&child));
	str_addc(o, ')');
}

static bool pointer_text(struct str *o, const struct dbg_type *t, const char *sign, int depth)
{
	struct dbg_type to = dbg_pointee(t);
	const char *name = dbg_type_name(&to);

	if (dbg_tag(&to) == DW_TAG_subroutine_type) {
		char how[8];

		snprintf(how, sizeof(how), "(%s) ", sign);
		function_text(o, &to, how, depth + 1);
		return true;
	}
	if (dbg_tag(&to) == DW_TAG_structure_type && name && strcmp(name, "__va_list_tag") == 0) {
		str_add(o, "va_list");
		return true;
	}
	named_text(o, &to, depth);
	str_add(o, sign);
	return true;
}

static bool type_text(struct str *o, const struct dbg_type *t, int depth)
{
	const char *name = dbg_type_name(t), *word = NULL, *qualifier = NULL;
	struct dbg_type inner;
	int tag;

	if (depth > DBG_MAX_DEPTH || o->len > MAX_TYPE_TEXT)
		return false;
	switch (dbg_tag(t)) {
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
		return pointer_text(o, t, "*", depth);
	case DW_TAG_reference_type:
		return pointer_text(o, t, "&", depth);
	case DW_TAG_rvalue_reference_type:
		return pointer_text(o, t, "&&", depth);
	case DW_TAG_array_type:
		inner_text(o, t, depth);
		str_add(o, "[]");
		return true;
	case DW_TAG_subroutine_type:
		function_text(o, t, "", depth);
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
	inner_text(o, t, depth);
	/* const on a reference itself says nothing. */
	inner = dbg_pointee(t);
	tag = dbg_tag(&inner);
	if (tag != DW_TAG_reference_type && tag != DW_TAG_rvalue_reference_type)
		str_add(o, qualifier);
	return true;
}

const char *dbg_type_text(struct arena *a, struct dbg_type t)
{
	struct str o = {0};
	const char *text = NULL;

	if (dbg_is_void(&t))
		str_add(&o, "void");
	else if (!type_text(&o, &t, 0))
		o.len = 0;
	if (o.len)
		text = arena_strndup(a, o.s, o.len);
	str_release(&o);
	return text;
}

/* ------------------------------------------------------------------ places of members */

static bool constant(Dwarf_Die *die, unsigned name, int64_t *out)
{
	Dwarf_Attribute attr;

	return dwarf_attr_integrate(die, name, &attr) && dbg_constant(&attr, out);
}

static bool die_place(Dwarf_Die *die, struct dbg_member *out)
{
	Dwarf_Attribute attr;
	int64_t n = 0, size;
	Dwarf_Op *ops;
	size_t n_ops;

	out->offset = 0;
	out->bit_offset = -1;
	out->bit_size = 0;
	out->is_static = false;
	out->n_bases = 0;
	if (dwarf_attr_integrate(die, DW_AT_data_member_location, &attr)) {
		unsigned form = dwarf_whatform(&attr);

		if (form == DW_FORM_exprloc || form == DW_FORM_block || form == DW_FORM_block1 ||
		    form == DW_FORM_block2 || form == DW_FORM_block4) {
			/* Old compilers say "plus_uconst n". */
			if (dwarf_getlocation(&attr, &ops, &n_ops) != 0 || n_ops < 1)
				return false;
			if (n_ops == 1 && ops[0].atom == DW_OP_plus_uconst)
				n = (int64_t)ops[0].number;
			else if (dwarf_tag(die) == DW_TAG_inheritance)
				out->bases[out->n_bases++].die = *die;
			else
				return false;
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

/* ------------------------------------------------------------------ children */

static void describe(struct dbg_child *c)
{
	c->tag = dwarf_tag(&c->die);
	c->name = dwarf_diename(&c->die);
}

bool dbg_first(const struct dbg_type *t, struct dbg_child *c)
{
	memset(c, 0, sizeof(*c));
	c->of = *t;
	if (t->stars)
		return false;
	if (t->btf)
		return dbg_btf_child(c, 0);
	if (!t->die.addr || !dbg_first_child(&c->of.die, &c->die))
		return false;
	describe(c);
	return true;
}

bool dbg_following(struct dbg_child *c)
{
	if (c->of.btf)
		return dbg_btf_child(c, c->number + 1);
	if (!dbg_next(&c->die))
		return false;
	describe(c);
	return true;
}

bool dbg_child_type(const struct dbg_child *c, struct dbg_type *out)
{
	const struct btf_type *t;

	memset(out, 0, sizeof(*out));
	if (!c->of.btf)
		return dbg_type_of((Dwarf_Die *)&c->die, &out->die);
	t = btf_type(c->of.btf, c->of.id);
	*out = dbg_btf_type(c->of.btf, c->tag == DW_TAG_member ? btf_members(t)[c->number].type
							       : btf_params(t)[c->number].type);
	return !dbg_is_void(out);
}

bool dbg_child_is_static(const struct dbg_child *c)
{
	return !c->of.btf && (c->tag == DW_TAG_variable ||
			      dwarf_hasattr_integrate((Dwarf_Die *)&c->die, DW_AT_declaration));
}

bool dbg_child_place(const struct dbg_child *c, struct dbg_member *out)
{
	struct btf_place at;

	memset(out, 0, sizeof(*out));
	if (!dbg_child_type(c, &out->type))
		return false;
	if (!c->of.btf)
		return die_place((Dwarf_Die *)&c->die, out);
	btf_member_place(c->of.btf, btf_type(c->of.btf, c->of.id), c->number, &at);
	out->offset = at.offset;
	out->bit_offset = at.bit_offset;
	out->bit_size = at.bit_size;
	return true;
}

/* ------------------------------------------------------------------ members by name */

bool dbg_is_aggregate(const struct dbg_type *t)
{
	int tag = dbg_tag(t);

	return tag == DW_TAG_structure_type || tag == DW_TAG_class_type || tag == DW_TAG_union_type;
}

/* The way to a member of a base, from the object that has this base. False: too long. */
static bool put_before(struct dbg_member *m, const struct dbg_member *base)
{
	if (!base->n_bases) {
		*(m->n_bases ? &m->bases[0].before : &m->offset) += base->offset;
		return true;
	}
	if (m->n_bases == DBG_MAX_VIRTUAL)
		return false;
	memmove(m->bases + 1, m->bases, m->n_bases * sizeof(m->bases[0]));
	m->bases[0] = base->bases[0];
	m->n_bases++;
	return true;
}

/* Among the members that the type itself names. */
static bool find_own_member(const struct dbg_type *object, const char *name, struct dbg_member *out)
{
	struct dbg_child c;

	if (!dbg_first(object, &c))
		return false;
	do {
		if ((c.tag != DW_TAG_member && c.tag != DW_TAG_variable) || !c.name || strcmp(c.name, name) != 0)
			continue;
		if (!dbg_child_is_static(&c))
			return dbg_child_place(&c, out);
		/* A declaration, its place is elsewhere. */
		out->die = c.die;
		out->is_static = true;
		out->bit_offset = -1;
		return dbg_child_type(&c, &out->type);
	} while (dbg_following(&c));
	return false;
}

/* Among those that many steps down, through bases and anonymous members. deeper: there are more below. */
static bool find_member(struct dbg_query *q, struct dbg_type object, const char *name, struct dbg_member *out,
			int steps, bool *deeper)
{
	struct dbg_child c;

	object = dbg_peel(object);
	dbg_complete(q, &object);
	if (!dbg_is_aggregate(&object) || !dbg_step(q))
		return false;
	if (!steps && find_own_member(&object, name, out))
		return true;
	if (!dbg_first(&object, &c))
		return false;
	do {
		struct dbg_member base;

		if (c.tag != DW_TAG_inheritance && (c.tag != DW_TAG_member || c.name))
			continue;
		*deeper |= !steps;
		if (steps && dbg_child_place(&c, &base) && find_member(q, base.type, name, out, steps - 1, deeper))
			return put_before(out, &base);
	} while (dbg_following(&c));
	return false;
}

/* What a class names hides what its bases do: the nearest is meant. */
bool dbg_member(struct dbg_query *q, struct dbg_type object, const char *name,
		struct dbg_member *out)
{
	bool deeper = true;

	memset(out, 0, sizeof(*out));
	for (int steps = 0; deeper && steps <= DBG_MAX_DEPTH; steps++) {
		deeper = false;
		if (find_member(q, object, name, out, steps, &deeper))
			return true;
	}
	return false;
}

static void member_names(struct dbg_query *q, struct dbg_type object, dbg_names *out, int depth)
{
	struct dbg_child c;

	object = dbg_peel(object);
	dbg_complete(q, &object);
	if (depth > 8 || !dbg_is_aggregate(&object) || !dbg_first(&object, &c))
		return;
	do {
		struct dbg_type t;

		if (c.tag == DW_TAG_member && c.name)
			vec_push(out, q->a, c.name);
		else if ((c.tag == DW_TAG_member || c.tag == DW_TAG_inheritance) &&
			 dbg_child_type(&c, &t))
			member_names(q, t, out, depth + 1);
	} while (out->n < 10000 && dbg_following(&c));
}

void dbg_member_names(struct dbg_query *q, struct dbg_type object, dbg_names *out)
{
	member_names(q, object, out, 0);
}
