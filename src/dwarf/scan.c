/* DIEs of a unit to tables. See index.h.
 *
 * Damaged input: every read is checked against the end of its section, depth and number of
 * attributes are bounded, and each step moves forward, so that a scan ends after at most one pass
 * over the section. A unit that makes no sense is given up where it stops making sense. */
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "dwarf/cursor.h"
#include "dwarf/index.h"

enum { MAX_DEPTH = 1024, MAX_ATTRS = 256 };
enum kind { OTHER, FUNCTION, INLINED, SCOPE, VARIABLE, SKIP_CHILDREN };

struct attr {
	uint16_t name, form;
	int64_t implicit;
};

struct abbrev {
	uint16_t tag;
	uint8_t kind;
	bool children, loclist;
	uint32_t first, n; /* in dw_abbrevs.attrs */
	int32_t fixed;	   /* bytes of all attributes, -1: they vary */
	int32_t sibling;   /* which attribute is DW_AT_sibling, -1: none */
};

struct dw_abbrevs {
	const uint8_t *section;
	uint64_t offset;
	uint8_t version, addr_size, offset_size;
	struct abbrev *v; /* by code - 1; n = 0 of a hole: tag 0 */
	size_t n, cap;
	struct attr *attrs;
	size_t n_attrs, cap_attrs;
	bool crosses; /* what a function is an instance of can be in another unit */
};

bool scan_header(struct dw_file *f, uint64_t offset, struct dw_unit *u)
{
	struct cursor c = {f->info.p + offset, f->info.p + f->info.n};
	uint64_t length;

	if (offset >= f->info.n || f->info.n - offset < 12)
		return false;
	memset(u, 0, sizeof(*u));
	u->file = f;
	u->offset = offset;
	u->offset_size = 4;
	length = cursor_fixed(&c, 4);
	if (length == 0xffffffff) {
		u->offset_size = 8;
		length = cursor_fixed(&c, 8);
	} else if (length >= 0xfffffff0) {
		return false;
	}
	if (length > (uint64_t)(c.end - c.p))
		return false;
	c.end = c.p + length;
	u->end = (uint64_t)(c.end - f->info.p);
	u->version = (uint8_t)cursor_fixed(&c, 2);
	u->type = DW_UT_compile;
	u->stmt_list = UINT64_MAX;
	u->first_die = u->end;
	if (u->version >= 2 && u->version <= 4) {
		u->abbrev = cursor_fixed(&c, u->offset_size);
		u->addr_size = (uint8_t)cursor_fixed(&c, 1);
	} else if (u->version == 5) {
		u->type = (uint8_t)cursor_fixed(&c, 1);
		u->addr_size = (uint8_t)cursor_fixed(&c, 1);
		u->abbrev = cursor_fixed(&c, u->offset_size);
		if (u->type == DW_UT_skeleton || u->type == DW_UT_split_compile)
			cursor_skip(&c, 8);
		else if (u->type == DW_UT_type || u->type == DW_UT_split_type)
			cursor_skip(&c, 8 + u->offset_size);
	} else {
		return true; /* of a version to come: an empty unit */
	}
	/* DIEs are numbered by 32 bits within their unit. */
	if ((u->addr_size != 4 && u->addr_size != 8) || u->end - u->offset > UINT32_MAX)
		return true;
	u->first_die = (uint64_t)(c.p - f->info.p);
	return true;
}

/* ------------------------------------------------------------------ abbreviations */

/* Bytes of a form, -1: they vary or the form is unknown. */
static int form_size(unsigned form, const struct dw_abbrevs *a)
{
	switch (form) {
	case DW_FORM_flag_present:
	case DW_FORM_implicit_const:
		return 0;
	case DW_FORM_data1:
	case DW_FORM_ref1:
	case DW_FORM_flag:
	case DW_FORM_strx1:
	case DW_FORM_addrx1:
		return 1;
	case DW_FORM_data2:
	case DW_FORM_ref2:
	case DW_FORM_strx2:
	case DW_FORM_addrx2:
		return 2;
	case DW_FORM_strx3:
	case DW_FORM_addrx3:
		return 3;
	case DW_FORM_data4:
	case DW_FORM_ref4:
	case DW_FORM_strx4:
	case DW_FORM_addrx4:
	case DW_FORM_ref_sup4:
		return 4;
	case DW_FORM_data8:
	case DW_FORM_ref8:
	case DW_FORM_ref_sig8:
	case DW_FORM_ref_sup8:
		return 8;
	case DW_FORM_data16:
		return 16;
	case DW_FORM_addr:
		return a->addr_size;
	case DW_FORM_ref_addr:
		return a->version == 2 ? a->addr_size : a->offset_size;
	case DW_FORM_strp:
	case DW_FORM_line_strp:
	case DW_FORM_sec_offset:
	case DW_FORM_strp_sup:
	case DW_FORM_GNU_ref_alt:
	case DW_FORM_GNU_strp_alt:
		return a->offset_size;
	}
	return -1;
}

static enum kind kind_of(unsigned tag)
{
	switch (tag) {
	case DW_TAG_subprogram:
		return FUNCTION;
	case DW_TAG_inlined_subroutine:
		return INLINED;
	case DW_TAG_namespace:
	case DW_TAG_class_type:
	case DW_TAG_structure_type:
	case DW_TAG_union_type:
	case DW_TAG_module:
		return SCOPE;
	case DW_TAG_variable:
	case DW_TAG_formal_parameter:
		return VARIABLE;
	case DW_TAG_enumeration_type:
	case DW_TAG_array_type:
	case DW_TAG_subroutine_type:
	case DW_TAG_call_site:
	case DW_TAG_GNU_call_site:
		return SKIP_CHILDREN;
	}
	return OTHER;
}

static bool is_foreign_origin(const struct attr *at)
{
	if (at->name != DW_AT_abstract_origin && at->name != DW_AT_specification)
		return false;
	switch (at->form) {
	case DW_FORM_ref1:
	case DW_FORM_ref2:
	case DW_FORM_ref4:
	case DW_FORM_ref8:
	case DW_FORM_ref_udata:
		return false;
	}
	return true;
}

static void add_abbrev(struct dw_abbrevs *a, struct cursor *c, uint64_t code)
{
	struct abbrev b = {.sibling = -1, .first = (uint32_t)a->n_attrs};

	b.tag = (uint16_t)cursor_uleb(c);
	b.kind = (uint8_t)kind_of(b.tag);
	b.children = cursor_fixed(c, 1) != 0;
	while (c->p < c->end) {
		struct attr at = {0};
		int size;

		at.name = (uint16_t)cursor_uleb(c);
		at.form = (uint16_t)cursor_uleb(c);
		if (at.form == DW_FORM_implicit_const)
			at.implicit = cursor_sleb(c);
		if (!at.name && !at.form)
			break;
		if (b.n >= MAX_ATTRS)
			continue;
		size = form_size(at.form, a);
		b.fixed = b.fixed < 0 || size < 0 ? -1 : b.fixed + size;
		if (at.name == DW_AT_sibling)
			b.sibling = (int32_t)b.n;
		if (b.kind == VARIABLE && at.name == DW_AT_location &&
		    (at.form == DW_FORM_sec_offset || at.form == DW_FORM_loclistx ||
		     (a->version < 4 && (at.form == DW_FORM_data4 || at.form == DW_FORM_data8))))
			b.loclist = true;
		a->crosses |= (b.kind == FUNCTION || b.kind == INLINED || b.kind == SCOPE) && is_foreign_origin(&at);
		if (a->n_attrs == a->cap_attrs) {
			a->cap_attrs = a->cap_attrs ? 2 * a->cap_attrs : 256;
			a->attrs = xrealloc(a->attrs, a->cap_attrs * sizeof(*a->attrs));
		}
		a->attrs[a->n_attrs++] = at;
		b.n++;
	}
	/* Codes are small and dense in all compilers' output; others are not worth a hash table. */
	if (code == 0 || code > 1 << 20)
		return;
	if (code > a->cap) {
		size_t cap = a->cap ? a->cap : 128;

		while (cap < code)
			cap *= 2;
		a->v = xrealloc(a->v, cap * sizeof(*a->v));
		a->cap = cap;
	}
	while (a->n < code)
		a->v[a->n++] = (struct abbrev){0};
	a->v[code - 1] = b;
}

static struct dw_abbrevs *abbrevs_of(const struct dw_unit *u, struct dw_tables *t)
{
	struct dw_abbrevs *a = t->abbrevs;
	const struct dw_bytes *s = &u->file->abbrev;
	struct cursor c;

	if (!a)
		a = t->abbrevs = xcalloc(1, sizeof(*a));
	if (a->section == s->p && a->offset == u->abbrev && a->version == u->version &&
	    a->addr_size == u->addr_size && a->offset_size == u->offset_size)
		return a;
	a->section = s->p;
	a->offset = u->abbrev;
	a->version = u->version;
	a->addr_size = u->addr_size;
	a->offset_size = u->offset_size;
	a->n = a->n_attrs = 0;
	a->crosses = false;
	if (u->abbrev >= s->n)
		return a;
	c = (struct cursor){s->p + u->abbrev, s->p + s->n};
	while (c.p < c.end) {
		uint64_t code = cursor_uleb(&c);

		if (!code)
			break;
		add_abbrev(a, &c, code);
	}
	return a;
}

/* ------------------------------------------------------------------ attributes */

/* String sections end with a NUL: index.c cuts them there. */
static const char *text_at(const struct dw_bytes *b, uint64_t offset)
{
	return offset < b->n ? (const char *)b->p + offset : NULL;
}

static const char *indexed_text(const struct dw_unit *u, uint64_t i)
{
	const struct dw_bytes *b = &u->file->str_offsets;
	uint64_t at = u->str_offsets_base + i * u->offset_size;
	struct cursor c;

	if (i > b->n || at > b->n || b->n - at < u->offset_size)
		return NULL;
	c = (struct cursor){b->p + at, b->p + b->n};
	return text_at(&u->file->str, cursor_fixed(&c, u->offset_size));
}

static uint64_t indexed_address(const struct dw_unit *u, uint64_t i)
{
	const struct dw_bytes *b = &u->file->addr;
	uint64_t at = u->addr_base + i * u->addr_size;
	struct cursor c;

	if (i > b->n || at > b->n || b->n - at < u->addr_size)
		return 0;
	c = (struct cursor){b->p + at, b->p + b->n};
	return cursor_fixed(&c, u->addr_size);
}

struct value {
	enum { V_NONE, V_NUMBER, V_TEXT, V_ADDRESS, V_REF } kind;
	uint64_t u;
	const char *text;
};

/* Reads or skips an attribute; false: an unknown form, nothing behind it can be read. */
static bool read_form(struct cursor *c, const struct dw_unit *u, unsigned form, int64_t implicit,
		      struct value *v)
{
	const struct dw_file *f = u->file;
	unsigned id = f->id, depth = 0;

	*v = (struct value){V_NUMBER, 0, NULL};
again:
	switch (form) {
	case DW_FORM_flag_present:
		v->u = 1;
		return true;
	case DW_FORM_implicit_const:
		v->u = (uint64_t)implicit;
		return true;
	case DW_FORM_data1:
	case DW_FORM_flag:
		v->u = cursor_fixed(c, 1);
		return true;
	case DW_FORM_data2:
		v->u = cursor_fixed(c, 2);
		return true;
	case DW_FORM_data4:
		v->u = cursor_fixed(c, 4);
		return true;
	case DW_FORM_data8:
		v->u = cursor_fixed(c, 8);
		return true;
	case DW_FORM_data16:
		cursor_skip(c, 16);
		v->kind = V_NONE;
		return true;
	case DW_FORM_udata:
	case DW_FORM_loclistx:
	case DW_FORM_rnglistx:
		v->u = cursor_uleb(c);
		return true;
	case DW_FORM_sdata:
		v->u = (uint64_t)cursor_sleb(c);
		return true;
	case DW_FORM_sec_offset:
		v->u = cursor_fixed(c, u->offset_size);
		return true;
	case DW_FORM_block1:
		cursor_skip(c, cursor_fixed(c, 1));
		v->kind = V_NONE;
		return true;
	case DW_FORM_block2:
		cursor_skip(c, cursor_fixed(c, 2));
		v->kind = V_NONE;
		return true;
	case DW_FORM_block4:
		cursor_skip(c, cursor_fixed(c, 4));
		v->kind = V_NONE;
		return true;
	case DW_FORM_block:
	case DW_FORM_exprloc:
		cursor_skip(c, cursor_uleb(c));
		v->kind = V_NONE;
		return true;
	case DW_FORM_string: {
		const uint8_t *nul = memchr(c->p, 0, (size_t)(c->end - c->p));

		v->kind = V_TEXT;
		v->text = nul ? (const char *)c->p : NULL;
		c->p = nul ? nul + 1 : c->end;
		return true;
	}
	case DW_FORM_strp:
		v->kind = V_TEXT;
		v->text = text_at(&f->str, cursor_fixed(c, u->offset_size));
		return true;
	case DW_FORM_line_strp:
		v->kind = V_TEXT;
		v->text = text_at(&f->line_str, cursor_fixed(c, u->offset_size));
		return true;
	case DW_FORM_strp_sup:
	case DW_FORM_GNU_strp_alt:
		v->kind = V_TEXT;
		v->u = cursor_fixed(c, u->offset_size);
		v->text = f->alt ? text_at(&f->alt->str, v->u) : NULL;
		return true;
	case DW_FORM_strx:
	case DW_FORM_GNU_str_index:
	case DW_FORM_strx1:
	case DW_FORM_strx2:
	case DW_FORM_strx3:
	case DW_FORM_strx4:
		v->kind = V_TEXT;
		v->u = form == DW_FORM_strx || form == DW_FORM_GNU_str_index ?
			       cursor_uleb(c) :
			       cursor_fixed(c, form - DW_FORM_strx1 + 1);
		v->text = indexed_text(u, v->u);
		return true;
	case DW_FORM_addr:
		v->kind = V_ADDRESS;
		v->u = cursor_fixed(c, u->addr_size);
		return true;
	case DW_FORM_addrx:
	case DW_FORM_GNU_addr_index:
	case DW_FORM_addrx1:
	case DW_FORM_addrx2:
	case DW_FORM_addrx3:
	case DW_FORM_addrx4:
		v->kind = V_ADDRESS;
		v->u = form == DW_FORM_addrx || form == DW_FORM_GNU_addr_index ?
			       cursor_uleb(c) :
			       cursor_fixed(c, form - DW_FORM_addrx1 + 1);
		v->u = indexed_address(u, v->u);
		return true;
	case DW_FORM_ref1:
	case DW_FORM_ref2:
	case DW_FORM_ref4:
	case DW_FORM_ref8:
		v->kind = V_REF;
		v->u = dw_ref_make(id, u->offset + cursor_fixed(c, 1u << (form - DW_FORM_ref1)));
		return true;
	case DW_FORM_ref_udata:
		v->kind = V_REF;
		v->u = dw_ref_make(id, u->offset + cursor_uleb(c));
		return true;
	case DW_FORM_ref_addr:
		v->kind = V_REF;
		v->u = dw_ref_make(id, cursor_fixed(c, u->version == 2 ? u->addr_size : u->offset_size));
		return true;
	case DW_FORM_ref_sig8:
		cursor_skip(c, 8);
		v->kind = V_NONE;
		return true;
	case DW_FORM_ref_sup4:
	case DW_FORM_ref_sup8:
	case DW_FORM_GNU_ref_alt:
		v->kind = V_REF;
		v->u = cursor_fixed(c, form == DW_FORM_ref_sup4 ? 4 :
				form == DW_FORM_ref_sup8 ? 8 : u->offset_size);
		v->u = f->alt ? dw_ref_make(f->alt->id, v->u) : 0;
		return true;
	case DW_FORM_indirect:
		form = (unsigned)cursor_uleb(c);
		if (depth++ || form == DW_FORM_implicit_const)
			return false;
		goto again;
	}
	return false;
}

void scan_unit_die(struct dw_unit *u, struct dw_tables *t)
{
	const struct dw_file *f = u->file;
	struct dw_abbrevs *a = abbrevs_of(u, t);
	struct value v;
	uint64_t code;

	u->skeleton = UINT32_MAX;
	u->crosses = a->crosses;
	if (f->split && u->version == 5) /* behind the header of the table, there is no attribute */
		u->str_offsets_base = u->offset_size == 8 ? 16 : 8;
	/* Twice: the bases that the indexed forms need may come behind them. */
	for (int pass = 0; pass < 2; pass++) {
		struct cursor c = {f->info.p + u->first_die, f->info.p + u->end};
		const struct abbrev *b;

		if (u->first_die >= u->end)
			return;
		code = cursor_uleb(&c);
		if (!code || code > a->n)
			return;
		b = &a->v[code - 1];
		for (uint32_t i = 0; i < b->n; i++) {
			const struct attr *at = &a->attrs[b->first + i];

			if (!read_form(&c, u, at->form, at->implicit, &v))
				break;
			switch (at->name) {
			case DW_AT_name:
				u->name = v.text;
				break;
			case DW_AT_comp_dir:
				u->comp_dir = v.text;
				break;
			case DW_AT_producer:
				u->producer = v.text;
				break;
			case DW_AT_dwo_name:
			case DW_AT_GNU_dwo_name:
				u->dwo_name = v.text;
				break;
			case DW_AT_stmt_list:
				if (v.kind == V_NUMBER)
					u->stmt_list = v.u;
				break;
			case DW_AT_low_pc:
				if (v.kind == V_ADDRESS)
					u->low_pc = v.u;
				break;
			case DW_AT_str_offsets_base:
				u->str_offsets_base = v.u;
				break;
			case DW_AT_addr_base:
			case DW_AT_GNU_addr_base:
				u->addr_base = v.u;
				break;
			case DW_AT_rnglists_base:
			case DW_AT_GNU_ranges_base:
				u->rnglists_base = v.u;
				break;
			}
		}
	}
}

/* ------------------------------------------------------------------ DIEs */

static void *grow(void *v, size_t *cap, size_t size)
{
	*cap = *cap ? *cap * 2 : 1024;
	return xrealloc(v, *cap * size);
}

static bool read_function(struct cursor *c, const struct dw_unit *u, const struct dw_abbrevs *a,
			  const struct abbrev *b, struct dw_fn *f)
{
	struct value v;

	for (uint32_t i = 0; i < b->n; i++) {
		const struct attr *at = &a->attrs[b->first + i];

		if (!read_form(c, u, at->form, at->implicit, &v))
			return false;
		switch (at->name) {
		case DW_AT_name:
			f->name = v.text;
			break;
		case DW_AT_linkage_name:
		case DW_AT_MIPS_linkage_name:
			f->linkage = v.text;
			break;
		case DW_AT_low_pc:
			if (v.kind == V_ADDRESS && !(f->flags & FN_PC)) {
				f->pc = v.u;
				f->flags = (uint8_t)((f->flags | FN_PC) & ~(FN_RANGES | FN_RANGES_INDEX));
			}
			break;
		case DW_AT_entry_pc:
			/* An offset from the lowest address in DWARF 5: that one will do then. */
			if (v.kind == V_ADDRESS) {
				f->pc = v.u;
				f->flags = (uint8_t)((f->flags | FN_PC) & ~(FN_RANGES | FN_RANGES_INDEX));
			}
			break;
		case DW_AT_ranges:
			if (!(f->flags & FN_PC)) {
				f->pc = v.u;
				f->flags |= at->form == DW_FORM_rnglistx ? FN_RANGES_INDEX : FN_RANGES;
			}
			break;
		case DW_AT_inline:
			if (v.u == DW_INL_inlined || v.u == DW_INL_declared_inlined)
				f->flags |= FN_INLINE;
			break;
		case DW_AT_declaration:
			if (v.u)
				f->flags |= FN_DECLARATION;
			break;
		case DW_AT_external:
			if (v.u)
				f->flags |= FN_EXTERNAL;
			break;
		case DW_AT_decl_file:
			f->file = (uint32_t)v.u;
			f->flags |= FN_HAS_FILE;
			break;
		case DW_AT_decl_line:
			f->line = (uint32_t)v.u;
			f->flags |= FN_HAS_LINE;
			break;
		case DW_AT_abstract_origin:
			if (v.kind == V_REF)
				f->origin = v.u;
			break;
		case DW_AT_specification:
			if (v.kind == V_REF && !f->origin)
				f->origin = v.u;
			break;
		}
	}
	return true;
}

static bool read_scope(struct cursor *c, const struct dw_unit *u, const struct dw_abbrevs *a,
		       const struct abbrev *b, struct dw_scope *s)
{
	struct value v;

	for (uint32_t i = 0; i < b->n; i++) {
		const struct attr *at = &a->attrs[b->first + i];

		if (!read_form(c, u, at->form, at->implicit, &v))
			return false;
		if (at->name == DW_AT_name && v.text)
			s->name = v.text;
	}
	return true;
}

static uint32_t add_scope(struct dw_tables *t, size_t first, struct dw_scope s)
{
	if (t->n_scopes == t->cap_scopes)
		t->scopes = grow(t->scopes, &t->cap_scopes, sizeof(*t->scopes));
	t->scopes[t->n_scopes] = s;
	return (uint32_t)(t->n_scopes++ - first);
}

/* Passes over the attributes; *next: where DW_AT_sibling points, or NULL. */
static bool skip_attrs(struct cursor *c, const struct dw_unit *u, const struct dw_abbrevs *a,
		       const struct abbrev *b, const uint8_t **next)
{
	struct value v;

	*next = NULL;
	if (b->sibling < 0 && b->fixed >= 0) {
		cursor_skip(c, (uint64_t)b->fixed);
		return true;
	}
	for (uint32_t i = 0; i < b->n; i++) {
		const struct attr *at = &a->attrs[b->first + i];

		if (!read_form(c, u, at->form, at->implicit, &v))
			return false;
		if (at->name == DW_AT_sibling && v.kind == V_REF) {
			uint64_t offset = dw_ref_offset(v.u);

			if (offset > u->offset && offset <= u->end)
				*next = u->file->info.p + offset;
		}
	}
	return true;
}

void scan_unit(struct dw_unit *u, uint32_t number, struct dw_tables *t)
{
	const uint8_t *info = u->file->info.p, *next;
	struct cursor c = {info + u->first_die, info + u->end};
	struct dw_abbrevs *a = abbrevs_of(u, t);
	size_t first_fn = t->n_fns, first_inline = t->n_inlines, first_scope = t->n_scopes;
	uint32_t scope_of[MAX_DEPTH];
	unsigned depth = 0;

	scope_of[0] = add_scope(t, first_scope, (struct dw_scope){"", 0, 0});
	while (c.p < c.end) {
		uint32_t die = (uint32_t)((uint64_t)(c.p - info) - u->offset), scope = scope_of[depth];
		uint64_t code = cursor_uleb(&c);
		const struct abbrev *b;
		bool ok = true;

		if (!code) {
			if (depth <= 1)
				break;
			depth--;
			continue;
		}
		if (code > a->n || !a->v[code - 1].tag)
			break;
		b = &a->v[code - 1];
		next = NULL;
		switch (b->kind) {
		case FUNCTION:
		case INLINED: {
			struct dw_fn f = {.unit = number, .die = die, .scope = scope};

			ok = read_function(&c, u, a, b, &f);
			if (b->kind == INLINED) {
				if (t->n_inlines == t->cap_inlines)
					t->inlines = grow(t->inlines, &t->cap_inlines,
							  sizeof(*t->inlines));
				if (f.origin && (f.flags & (FN_PC | FN_RANGES | FN_RANGES_INDEX)))
					t->inlines[t->n_inlines++] = (struct dw_inline){
						f.origin, f.pc, number, die,
						f.flags & (FN_PC | FN_RANGES | FN_RANGES_INDEX)};
				break;
			}
			if (t->n_fns == t->cap_fns)
				t->fns = grow(t->fns, &t->cap_fns, sizeof(*t->fns));
			t->fns[t->n_fns++] = f;
			/* Lambdas and local classes are in the scope of their function. */
			if (b->children)
				scope = add_scope(t, first_scope,
						  (struct dw_scope){f.name ? f.name : "", f.origin,
								    scope});
			break;
		}
		case SCOPE: {
			struct dw_scope s = {"", 0, scope};

			ok = read_scope(&c, u, a, b, &s);
			if (b->children)
				scope = add_scope(t, first_scope, s);
			break;
		}
		case VARIABLE:
			u->has_loclist |= b->loclist;
			ok = skip_attrs(&c, u, a, b, &next);
			next = NULL;
			break;
		case SKIP_CHILDREN:
			ok = skip_attrs(&c, u, a, b, &next);
			break;
		default:
			ok = skip_attrs(&c, u, a, b, &next);
			next = NULL;
			break;
		}
		if (!ok)
			break;
		if (next && next > c.p) {
			c.p = next;
			continue;
		}
		if (b->children) {
			if (depth + 1 >= MAX_DEPTH)
				break;
			scope_of[++depth] = scope;
		} else if (depth == 0) {
			break;
		}
	}
	u->n_fns = (uint32_t)(t->n_fns - first_fn);
	u->n_inlines = (uint32_t)(t->n_inlines - first_inline);
	u->n_scopes = (uint32_t)(t->n_scopes - first_scope);
	u->tables_at[0] = (uint32_t)first_fn;
	u->tables_at[1] = (uint32_t)first_inline;
	u->tables_at[2] = (uint32_t)first_scope;
}

void scan_tables_release(struct dw_tables *t)
{
	free(t->fns);
	free(t->inlines);
	free(t->scopes);
	if (t->abbrevs) {
		free(t->abbrevs->v);
		free(t->abbrevs->attrs);
	}
	free(t->abbrevs);
}

/* ------------------------------------------------------------------ ranges */

bool scan_first_range(const struct dw_unit *u, uint64_t value, bool is_index, uint64_t *pc)
{
	const struct dw_bytes *b = u->version >= 5 ? &u->file->rnglists : &u->file->ranges;
	uint64_t base = u->low_pc, begin, end, most = u->addr_size == 8 ? ~0ull : 0xffffffffu;
	struct cursor c = {b->p, b->p + b->n};

	if (is_index) {
		uint64_t at = u->rnglists_base + value * u->offset_size;

		if (value > b->n || at > b->n || b->n - at < u->offset_size)
			return false;
		c.p = b->p + at;
		value = u->rnglists_base + cursor_fixed(&c, u->offset_size);
	}
	if (value >= b->n)
		return false;
	c.p = b->p + value;
	while (c.p < c.end && u->version < 5) {
		begin = cursor_fixed(&c, u->addr_size);
		end = cursor_fixed(&c, u->addr_size);
		if (begin == most) {
			base = end;
			continue;
		}
		if (!begin && !end)
			return false;
		if (begin < end) {
			*pc = base + begin;
			return true;
		}
	}
	while (c.p < c.end) {
		switch (cursor_fixed(&c, 1)) {
		case DW_RLE_base_addressx:
			base = indexed_address(u, cursor_uleb(&c));
			continue;
		case DW_RLE_startx_endx:
			begin = indexed_address(u, cursor_uleb(&c));
			end = indexed_address(u, cursor_uleb(&c));
			break;
		case DW_RLE_startx_length:
			begin = indexed_address(u, cursor_uleb(&c));
			end = begin + cursor_uleb(&c);
			break;
		case DW_RLE_offset_pair:
			begin = base + cursor_uleb(&c);
			end = base + cursor_uleb(&c);
			break;
		case DW_RLE_base_address:
			base = cursor_fixed(&c, u->addr_size);
			continue;
		case DW_RLE_start_end:
			begin = cursor_fixed(&c, u->addr_size);
			end = cursor_fixed(&c, u->addr_size);
			break;
		case DW_RLE_start_length:
			begin = cursor_fixed(&c, u->addr_size);
			end = begin + cursor_uleb(&c);
			break;
		default:
			return false;
		}
		if (begin < end) {
			*pc = begin;
			return true;
		}
	}
	return false;
}
