/* $x$, $x$$, $$vars and its kin: texts made by sprintf over the values (language reference 6.3, 6.4). */
#include <string.h>

#include "base/str.h"
#include "dwarf/query.h"
#include "lang/lang.h"
#include "session.h"

enum { MAX_VALUES = 32, MAX_NESTING = 16, MAX_BASES = 64 };

struct pretty {
	struct dbg_query *q;
	struct str format;
	expr_list args;
	bool deep; /* $$ */
	bool full; /* no more values are possible */
};

static void show(struct pretty *p, const struct dbg_object *o, int level);

/* Text of the program's own (names): % must not be a conversion. */
static void add_text(struct pretty *p, const char *s)
{
	for (; *s; s++) {
		if (*s == '%')
			str_addc(&p->format, '%');
		str_addc(&p->format, *s);
	}
}

static void add_value(struct pretty *p, const char *conversion, struct expr *e)
{
	struct dbg_query *q = p->q;

	if (!e) {
		/* What cannot be read is no reason to show nothing. */
		q->why = NULL;
		str_addc(&p->format, '?');
		return;
	}
	if (p->args.n == MAX_VALUES) {
		str_add(&p->format, "...");
		p->full = true;
		return;
	}
	str_add(&p->format, conversion);
	vec_push(&p->args, q->a, e);
}

/* The string there, of at most so many bytes (0: whatever there is). */
static struct expr *quoted(struct dbg_query *q, struct expr *address, uint64_t bytes)
{
	bool kernel = q->m && q->m->kernel;
	struct expr *e;

	if (!address)
		return NULL;
	e = expr_call(q->a, q->tok,
		      kernel  ? "__shown_string"
		      : bytes ? "user_string_n_quoted"
			      : "user_string_quoted");
	vec_push(&e->args, q->a, address);
	if (bytes)
		vec_push(&e->args, q->a, dbg_number(q, (int64_t)bytes));
	return e;
}

/* Bytes of an array of characters, or of a row of them; 0: not known. */
static uint64_t text_bytes(struct dbg_query *q, const struct dbg_type *t)
{
	struct dbg_type element;
	unsigned dimensions;
	uint64_t row;

	if (!dbg_array(q, t, 0, &element, &row, &dimensions))
		return 0;
	if (dimensions < 2)
		return dbg_size(q, *t);
	return dbg_array(q, t, dimensions - 2, &element, &row, &dimensions) ? row : 0;
}

/* The expression of p; "" is a plain literal. */
static struct expr *finish(struct pretty *p)
{
	struct dbg_query *q = p->q;
	struct expr *e = NULL;
	struct literal *l = ARENA_NEW(q->a, struct literal);

	l->tok = q->tok;
	l->is_string = true;
	l->str = l->raw = arena_strdup(q->a, p->format.s ? p->format.s : "");
	l->len = (uint32_t)p->format.len;
	str_release(&p->format);
	if (!l->len) {
		e = expr_make(q->a, EX_STRING, q->tok);
		e->lit = l;
		return e;
	}
	e = expr_make(q->a, EX_PRINT, q->tok);
	e->print = ARENA_NEW(q->a, struct print);
	e->print->name = "sprintf";
	e->print->to_string = e->print->formatted = true;
	e->print->format = l;
	e->args = p->args;
	if (format_parse(q->a, l->str, l->len, &e->print->parts))
		return dbg_fail(q, "names with odd characters cannot be shown");
	return e;
}

static struct dbg_object copy(struct dbg_query *q, const struct dbg_object *o)
{
	struct dbg_object c = *o;

	c.loc.e = dbg_clone(q, c.loc.e);
	return c;
}

/* ------------------------------------------------------------------ aggregates */

struct base {
	struct dbg_object object;
	uint64_t offset; /* in there */
};

static bool is_hidden(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static void show_member(struct pretty *p, const struct dbg_object *o, const struct dbg_child *c,
			uint64_t base, int level)
{
	struct dbg_object m = copy(p->q, o);
	struct dbg_member place;
	struct dbg_type t;

	if (c->name) {
		str_addc(&p->format, '.');
		add_text(p, c->name);
	} else if (dbg_child_type(c, &t)) {
		t = dbg_peel(t);
		/* The mix-up of class and struct is SystemTap's. */
		str_add(&p->format, dbg_tag(&t) == DW_TAG_union_type   ? "<union>"
				    : dbg_tag(&t) == DW_TAG_class_type ? "<struct>"
								       : "<class>");
	}
	str_addc(&p->format, '=');
	if (!dbg_child_place(c, &place)) {
		str_addc(&p->format, '?');
		return;
	}
	p->q->s->fixed_kernel |= dbg_is_open(p->q);
	m.type = place.type;
	m.bit_offset = place.bit_offset;
	m.bit_size = place.bit_size;
	if (m.loc.kind == LOC_ADDRESS)
		m.loc.e = dbg_binary(p->q, OP_ADD, m.loc.e,
				     dbg_number(p->q, (int64_t)(base + place.offset)));
	else
		m.loc.at_byte += base + place.offset;
	if (m.loc.kind == LOC_ADDRESS && !m.loc.e) {
		p->q->why = NULL;
		str_addc(&p->format, '?');
		return;
	}
	show(p, &m, level + 1);
}

/* A base class of one in the queue. False: it cannot be reached. */
static bool enter_base(struct pretty *p, const struct base *from, const struct dbg_child *c, struct base *out)
{
	struct dbg_member place;

	if (!dbg_child_place(c, &place))
		return false;
	out->object = copy(p->q, &from->object);
	out->object.type = place.type;
	out->offset = from->offset + place.offset;
	if (!place.n_bases)
		return true;
	if (out->object.loc.kind != LOC_ADDRESS)
		return false;
	out->object.loc.e = dbg_virtual_base(p->q, &place.bases[0].die,
					     dbg_binary(p->q, OP_ADD, out->object.loc.e,
							dbg_number(p->q, (int64_t)from->offset)));
	out->offset = 0;
	return out->object.loc.e != NULL;
}

/* Has the class been there already? A virtual base is one, however often it is named. */
static bool is_queued(const struct base *queue, size_t n, const struct base *b)
{
	for (size_t i = 0; i < n; i++)
		if (queue[i].object.type.die.addr && queue[i].object.type.die.addr == b->object.type.die.addr)
			return true;
	return false;
}

static bool is_table_pointer(const char *name)
{
	return strncmp(name, "_vptr.", 6) == 0 || strncmp(name, "_vptr$", 6) == 0;
}

static void show_aggregate(struct pretty *p, const struct dbg_object *o, struct dbg_type t, int level)
{
	struct base queue[MAX_BASES] = {{.object = *o}};
	const char *names[256];
	size_t n_queue = 1, n_names = 0;
	bool first = true;

	str_addc(&p->format, '{');
	for (size_t i = 0; i < n_queue && !p->full; i++) {
		struct dbg_child c;

		t = dbg_peel(queue[i].object.type);
		dbg_complete(p->q, &t);
		queue[i].object.type = t;
		if (!dbg_first(&t, &c))
			continue;
		do {
			if (c.tag == DW_TAG_inheritance) {
				if (n_queue < MAX_BASES && enter_base(p, &queue[i], &c, &queue[n_queue]) &&
				    !is_queued(queue, n_queue, &queue[n_queue]))
					n_queue++;
				continue;
			}
			if (c.tag != DW_TAG_member || dbg_child_is_static(&c) ||
			    (c.name && (is_table_pointer(c.name) || is_hidden(names, n_names, c.name))))
				continue;
			if (c.name && n_names < 256)
				names[n_names++] = c.name;
			if (!first)
				str_add(&p->format, ", ");
			first = false;
			if (p->args.n == MAX_VALUES) {
				str_add(&p->format, "...");
				p->full = true;
				break;
			}
			show_member(p, &queue[i].object, &c, queue[i].offset, level);
		} while (!p->full && dbg_step(p->q) && dbg_following(&c));
	}
	str_addc(&p->format, '}');
}

static void show_array(struct pretty *p, const struct dbg_object *o, struct dbg_type t, int level)
{
	struct dbg_object element = copy(p->q, o);
	unsigned dimensions;
	uint64_t stride;

	if (!dbg_array(p->q, &t, 0, &element.type, &stride, &dimensions)) {
		str_add(&p->format, "[...]");
		return;
	}
	str_addc(&p->format, '[');
	show(p, &element, level + 1);
	str_add(&p->format, ", ...]");
}

/* ------------------------------------------------------------------ one value */

static void show_pointer(struct pretty *p, const struct dbg_object *o, struct dbg_type t, int level)
{
	struct dbg_query *q = p->q;
	struct dbg_type to = dbg_pointee(&t);
	struct dbg_object pointee;

	to = dbg_peel(to);
	if (dbg_is_char(&to)) {
		add_value(p, "%s", quoted(q, dbg_value(q, o), 0));
	} else if (dbg_tag(&to) == DW_TAG_subroutine_type && !level) {
		str_add(&p->format, "<function>:");
		add_value(p, "%p", dbg_value(q, o));
	} else if (level || dbg_tag(&to) == 0) {
		add_value(p, "%p", dbg_value(q, o));
	} else {
		pointee = copy(q, o);
		if (!dbg_dereference(q, &pointee)) {
			add_value(p, "%p", NULL);
			return;
		}
		to = dbg_peel(pointee.type);
		switch (dbg_tag(&to)) {
		case DW_TAG_pointer_type:
		case DW_TAG_reference_type:
		case DW_TAG_rvalue_reference_type:
			show_pointer(p, &pointee, to, 1);
			break;
		default:
			show(p, &pointee, 0);
		}
	}
}

static void show(struct pretty *p, const struct dbg_object *o, int level)
{
	struct dbg_query *q = p->q;
	struct dbg_type t = dbg_peel(o->type), element;
	bool nested = level > 0 && !p->deep;
	unsigned encoding = dbg_encoding(&t);

	if (o->bit_offset >= 0) {
		add_value(p, dbg_is_signed(&t) ? "%i" : "%u", dbg_value(q, o));
		return;
	}
	switch (level < MAX_NESTING ? dbg_tag(&t) : 0) {
	case DW_TAG_base_type:
		if (dbg_is_char(&t))
			add_value(p, "'%#c'", dbg_value(q, o));
		else if (encoding == DW_ATE_float || encoding == DW_ATE_complex_float ||
			 encoding == DW_ATE_imaginary_float)
			str_addc(&p->format, '?');
		else
			add_value(p, dbg_is_signed(&t) ? "%i" : "%u", dbg_value(q, o));
		return;
	case DW_TAG_enumeration_type:
		add_value(p, "%u", dbg_value(q, o));
		return;
	case DW_TAG_pointer_type:
	case DW_TAG_reference_type:
	case DW_TAG_rvalue_reference_type:
		show_pointer(p, o, t, level);
		return;
	case DW_TAG_subroutine_type:
		str_add(&p->format, "<function>:");
		add_value(p, "%p", dbg_value(q, o));
		return;
	case DW_TAG_array_type:
		element = dbg_pointee(&t);
		element = dbg_peel(element);
		if (nested)
			str_add(&p->format, "[...]");
		else if (dbg_is_char(&element))
			add_value(p, "%s", quoted(q, dbg_address(q, o), text_bytes(q, &t)));
		else
			show_array(p, o, t, level);
		return;
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
	case DW_TAG_union_type:
		if (nested)
			str_add(&p->format, "{...}");
		else
			show_aggregate(p, o, t, level);
		return;
	default:
		str_addc(&p->format, '?');
	}
}

struct expr *dbg_pretty(struct dbg_query *q, const struct dbg_object *o, bool deep)
{
	struct pretty p = {.q = q, .deep = deep};

	show(&p, o, 0);
	return finish(&p);
}

/* ------------------------------------------------------------------ $$vars */

/* "name=VALUE" of one variable. located: its place is known. */
static void show_variable(struct pretty *p, const char *name, const struct dbg_object *o,
			  bool located, unsigned suffix)
{
	struct dbg_query *q = p->q;
	struct dbg_type t = dbg_peel(o->type);
	unsigned encoding = dbg_encoding(&t);

	if (p->format.len)
		str_addc(&p->format, ' ');
	add_text(p, name);
	str_addc(&p->format, '=');
	if (!located) {
		q->why = NULL;
		str_addc(&p->format, '?');
		return;
	}
	if (suffix) {
		add_value(p, "%s", dbg_pretty(q, o, suffix == 2));
		return;
	}
	switch (dbg_tag(&t)) {
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
	case DW_TAG_union_type:
		str_add(&p->format, "{...}");
		return;
	case DW_TAG_array_type:
		str_add(&p->format, "[...]");
		return;
	default:
		if (encoding == DW_ATE_float && dbg_tag(&t) == DW_TAG_base_type)
			str_addc(&p->format, '?');
		else
			add_value(p, "%#x", dbg_value(q, o));
	}
}

static struct expr *too_many(struct pretty *p)
{
	str_release(&p->format);
	return dbg_fail(p->q, "too many arguments to print (%d)", MAX_VALUES + 1);
}

/* Arguments of a probe in the kernel; those of tracepoints are shown with a "$". */
static struct expr *arguments(struct pretty *p, unsigned suffix)
{
	const struct dbg_signature *sig = p->q->at->signature;
	struct dbg_object o;

	for (size_t i = 0; i < sig->args.n && !p->full; i++) {
		const char *name = sig->args.v[i].name;

		if (!name)
			name = arena_printf(p->q->a, "arg%zu", i + 1);
		if (sig->tracepoint)
			name = arena_printf(p->q->a, "$%s", name);
		dbg_argument_object(p->q, &sig->args.v[i], &o);
		show_variable(p, name, &o, true, suffix);
	}
	return p->full ? too_many(p) : finish(p);
}

struct expr *dbg_context_string(struct dbg_query *q, const char *name, unsigned suffix)
{
	bool parms = strcmp(name, "parms") == 0, locals = strcmp(name, "locals") == 0;
	struct pretty p = {.q = q};
	Dwarf_Die scopes[DBG_MAX_DEPTH], child;
	struct dbg_object o;
	size_t n;

	if (strcmp(name, "return") == 0) {
		if (dbg_return_object(q, &o)) {
			show_variable(&p, "return", &o, true, suffix);
		} else if (!q->at->is_return) {
			return NULL;
		}
		q->why = NULL; /* void: nothing */
		return finish(&p);
	}
	if (!parms && !locals && strcmp(name, "vars") != 0)
		return dbg_fail(q, "unable to find local '$%s'", name);
	if (q->at->signature)
		return locals ? finish(&p) : arguments(&p, suffix);
	q->only_here = true; /* the text should not fail for one of many */
	/* A function of the symbol table has no scopes: nothing to show. */
	n = dbg_scopes(q, scopes, DBG_MAX_DEPTH);
	for (size_t i = 0; i < n; i++) {
		if (!dbg_first_child(&scopes[i], &child))
			continue;
		do {
			int tag = dwarf_tag(&child);
			const char *var = dwarf_diename(&child);

			if (!var || !(tag == DW_TAG_formal_parameter ? !locals
				      : tag == DW_TAG_variable	     ? !parms
								     : false))
				continue;
			memset(&o, 0, sizeof(o));
			o.bit_offset = -1;
			show_variable(&p, var, &o,
				      dbg_type_of(&child, &o.type.die) &&
					      dbg_locate(q, &child, &o.loc),
				      suffix);
			if (p.full)
				return too_many(&p);
		} while (dbg_next(&child));
	}
	return finish(&p);
}
