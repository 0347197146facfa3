/* Offsets in structures of the kernel that a compiled script leaves open: they are looked up where it runs.
 *
 * A member is named by "MODULE|TYPE|PATH|HOW": the path of member names from a named type, and how a value is
 * read there ("s4": four signed bytes, "b3.5.u": five bits from the third, "-": a structure or array). HOW has to
 * be the same in the other kernel: the code that reads is made already. An empty path stands for the size
 * of the type. */
#include <string.h>

#include "dwarf/query.h"
#include "session.h"

static const char *how_read(struct dbg_query *q, const struct dbg_member *m)
{
	struct dbg_type t = dbg_peel(m->type);
	char sign = dbg_is_signed(&t) ? 's' : 'u';

	if (m->bit_offset >= 0)
		return arena_printf(q->a, "b%d.%u.%c", m->bit_offset, m->bit_size, sign);
	switch (dbg_tag(&t)) {
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
	case DW_TAG_union_type:
	case DW_TAG_array_type:
		return "-";
	default:
		return arena_printf(q->a, "%c%llu", sign, (unsigned long long)dbg_size(q, t));
	}
}

/* The type's name as dbg_find_type() takes it, NULL: it has none. */
static const char *findable_name(struct dbg_query *q, struct dbg_type t)
{
	const char *name = dbg_type_name(&t);
	int tag;

	if (t.stars || !name)
		return NULL;
	tag = dbg_tag(&t);
	return tag == DW_TAG_structure_type ? arena_printf(q->a, "struct %s", name)
	       : tag == DW_TAG_union_type   ? arena_printf(q->a, "union %s", name)
	       : tag == DW_TAG_typedef	    ? name
					    : NULL;
}

bool dbg_is_open(const struct dbg_query *q)
{
	return q->m && q->m->kernel && q->s->opt.last_pass == 4;
}

static struct expr *open_number(struct dbg_query *q, const char *type, const char *path, const char *how)
{
	struct expr *e = expr_make(q->a, EX_CONTEXT, q->tok);

	q->nodes++;
	e->context = CTX_KFIELD;
	e->type = TY_LONG;
	e->name = arena_printf(q->a, "%s|%s|%s|%s", q->m->path, type, path, how);
	return e;
}

bool dbg_open_member(struct dbg_query *q, struct dbg_object *o, const char *name, const struct dbg_member *m)
{
	struct dbg_type t = dbg_peel(o->type);
	const char *type = t.btf ? findable_name(q, t) : NULL;

	if (!type && t.btf)
		type = findable_name(q, o->type);
	if (!t.btf)
		o->open_type = NULL; /* of the kernel's debug information, which is only here */
	if (type) {
		o->open_type = type;
		o->open_path = name;
		o->open_at = o->loc.e;
	} else if (o->open_type) {
		o->open_path = arena_printf(q->a, "%s.%s", o->open_path, name);
	} else {
		q->s->fixed_kernel = true;
		return false;
	}
	o->loc.e = dbg_binary(q, OP_ADD, dbg_clone(q, o->open_at),
			      open_number(q, o->open_type, o->open_path, how_read(q, m)));
	return true;
}

struct expr *dbg_open_size(struct dbg_query *q, struct dbg_type t, uint64_t size)
{
	struct dbg_type peeled = dbg_peel(t);
	const char *type = findable_name(q, peeled);
	int tag = dbg_tag(&peeled);

	if (!dbg_is_open(q) || (tag != DW_TAG_structure_type && tag != DW_TAG_union_type && tag != DW_TAG_array_type))
		return dbg_number(q, (int64_t)size);
	if (!type)
		type = findable_name(q, t);
	if (type && peeled.btf)
		return open_number(q, type, "", "-");
	q->s->fixed_kernel = true;
	return dbg_number(q, (int64_t)size);
}

bool dbg_close_number(struct session *s, const char *text, int64_t *n)
{
	const char *part[4], *how = "-";
	struct dbg_place nowhere = {.module = NULL};
	struct dbg_query q = {.s = s, .a = &s->arena, .at = &nowhere};
	struct dbg_type t;

	for (int i = 0; i < 4; i++) {
		size_t len = strcspn(text, "|");

		part[i] = arena_strndup(q.a, text, len);
		text += len;
		if ((i < 3) != (*text == '|'))
			return false;
		text += *text == '|';
	}
	q.m = dbg_kernel(s, strcmp(part[0], "kernel") == 0 ? NULL : part[0]);
	if (!q.m || !dbg_find_type(&q, part[1], &t))
		return false;
	*n = 0;
	for (const char *p = part[2]; *p; p += strcspn(p, "."), p += *p == '.') {
		struct dbg_member m;

		t = dbg_peel(t);
		dbg_complete(&q, &t);
		if (!dbg_member(&q, t, arena_strndup(q.a, p, strcspn(p, ".")), &m))
			return false;
		*n += (int64_t)m.offset;
		t = m.type;
		how = how_read(&q, &m);
	}
	if (!*part[2])
		*n = (int64_t)dbg_size(&q, t);
	return strcmp(how, part[3]) == 0;
}
