/* @enum and @enumname: enumerators by name, names by value. */
#include <string.h>

#include "dwarf/query.h"
#include "lang/lang.h"
#include "session.h"

enum { MAX_NAMES = 1000 };

struct expr *dbg_enum_value(struct dbg_query *q, const struct expr *target)
{
	int64_t n;

	if (q->m && dbg_find_enumerator(q, target->lit->str, &n))
		return dbg_number(q, n);
	/* The kernel is the last resort. */
	if ((!q->m || !q->m->kernel) && dbg_use_kernel(q, NULL) &&
	    dbg_find_enumerator(q, target->lit->str, &n))
		return dbg_number(q, n);
	q->why = NULL;
	return dbg_fail(q, "enumeration constant '%s' not found", target->lit->str);
}

static bool enum_type(struct dbg_query *q, struct expr *target, struct dbg_type *out)
{
	const char *list = target->module ? target->module->str : NULL;

	if (!target->lit) {
		q->type_only = out;
		if (!dbg_resolve_in(q, target->left))
			return dbg_fail(q, "the type of the operand of @enumname is not known");
		return true;
	}
	for (const char *p = list; p && *p; p += strcspn(p, ":"), p += *p == ':')
		if (dbg_use_module(q, arena_strndup(q->a, p, strcspn(p, ":"))) &&
		    dbg_find_type(q, target->lit->str, out))
			return true;
	if (!list && ((q->m && dbg_find_type(q, target->lit->str, out)) ||
		      ((!q->m || !q->m->kernel) && dbg_use_kernel(q, NULL) &&
		       dbg_find_type(q, target->lit->str, out))))
		return true;
	q->why = NULL;
	return dbg_fail(q, "type definition '%s' not found in '%s'", target->lit->str,
			list ? list : q->m ? q->m->path : "kernel");
}

/* The value as a decimal number. */
static struct expr *decimal(struct dbg_query *q, struct expr *value)
{
	struct expr *e = expr_make(q->a, EX_PRINT, q->tok);

	e->print = ARENA_NEW(q->a, struct print);
	e->print->name = "sprintf";
	e->print->to_string = e->print->formatted = true;
	e->print->format = dbg_text(q, "%d")->lit;
	vec_push(&e->args, q->a, value);
	format_parse(q->a, "%d", 2, &e->print->parts);
	return e;
}

struct name_list_of {
	struct dbg_type type;
	Dwarf_Die child;
	uint32_t number;
};

/* The next enumerator; number 0: the first. */
static bool next_name(struct name_list_of *l, const char **name, int64_t *value)
{
	Dwarf_Attribute attr;

	if (l->type.btf)
		return dbg_btf_enumerator(&l->type, l->number++, name, value);
	if (l->number++ ? !dbg_next(&l->child) : !dbg_first_child(&l->type.die, &l->child))
		return false;
	*name = dwarf_diename(&l->child);
	return *name && dwarf_attr(&l->child, DW_AT_const_value, &attr) && dbg_constant(&attr, value);
}

struct expr *dbg_enum_name(struct dbg_query *q, struct expr *target)
{
	struct name_list_of l = {.number = 0};
	struct expr *first = NULL, **slot = &first;
	const char *name;
	int64_t value;

	if (!enum_type(q, target, &l.type))
		return NULL;
	l.type = dbg_peel(l.type);
	dbg_complete(q, &l.type);
	if (dbg_tag(&l.type) != DW_TAG_enumeration_type)
		return dbg_fail(q, "'%s' is no enumeration",
				target->lit ? target->lit->str : "the operand of @enumname");
	while (next_name(&l, &name, &value)) {
		struct expr *choice = expr_make(q->a, EX_TERNARY, q->tok),
			    *same = expr_make(q->a, EX_COMPARE, q->tok);

		if (l.number > MAX_NAMES)
			return dbg_fail(q, "the enumeration has more than %d names", MAX_NAMES);
		same->op = OP_EQ;
		same->left = expr_clone(q->a, target->right);
		same->right = dbg_number(q, value);
		choice->cond = same;
		choice->left = dbg_text(q, name);
		*slot = choice;
		slot = &choice->right;
	}
	*slot = decimal(q, expr_clone(q->a, target->right));
	return first;
}
