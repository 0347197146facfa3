/* Labels of a function and the functions that it calls (probe reference 7.4, 9.2). See dbg.h. */
#include <stdlib.h>
#include <string.h>

#include "dwarf/query.h"
#include "object/object.h"
#include "session.h"

enum { MAX_CHAIN = 4, MAX_FOUND = 20000 };

/* ------------------------------------------------------------------ labels */

static void find_labels(struct session *s, struct dbg_module *m, Dwarf_Die *scope, const char *pattern,
			dbg_labels *out, int depth)
{
	Dwarf_Die child;

	if (depth > DBG_MAX_DEPTH || !dbg_first_child(scope, &child))
		return;
	do {
		int tag = dwarf_tag(&child);
		const char *name;
		Dwarf_Addr pc;

		if (dbg_is_block(tag))
			find_labels(s, m, &child, pattern, out, depth + 1);
		if (tag != DW_TAG_label || out->n >= MAX_FOUND || dwarf_lowpc(&child, &pc) != 0)
			continue;
		pc = pc + m->dwarf_bias - m->elf_bias;
		name = dwarf_diename(&child);
		if (name && dbg_match(pattern, name) && obj_executable_at(m->obj, pc))
			vec_push(out, &s->arena, (struct dbg_label){arena_strdup(&s->arena, name), pc});
	} while (dbg_next(&child));
}

void dbg_find_labels(struct session *s, struct dbg_module *m, const struct dbg_function *f,
		     const char *pattern, dbg_labels *out)
{
	Dwarf_Die die;

	if (dbg_function_die(m, f, &die))
		find_labels(s, m, &die, pattern, out, 0);
}

/* ------------------------------------------------------------------ callees */

/* The DIEs that stand for one function: instance, abstract function, declaration. */
struct chain {
	Dwarf_Die v[MAX_CHAIN];
	int n;
};

static void follow_chain(Dwarf_Die die, struct chain *c)
{
	static const unsigned names[] = {DW_AT_abstract_origin, DW_AT_specification};

	c->n = 0;
	for (bool more = true; more && c->n < MAX_CHAIN;) {
		c->v[c->n++] = die;
		more = false;
		for (size_t i = 0; i < 2 && !more; i++) {
			Dwarf_Attribute a;

			more = dwarf_attr(&c->v[c->n - 1], names[i], &a) && dwarf_formref_die(&a, &die);
		}
	}
}

static const char *linkage_name(struct chain *c)
{
	Dwarf_Attribute a;

	return dwarf_attr_integrate(&c->v[0], DW_AT_linkage_name, &a) ? dwarf_formstring(&a) : NULL;
}

/* A declaration stands for the external function of the same name. */
static bool same_function(struct chain *function, struct chain *called)
{
	const char *x, *y;

	for (int i = 0; i < function->n; i++)
		for (int k = 0; k < called->n; k++)
			if (function->v[i].addr == called->v[k].addr)
				return true;
	if (!dwarf_hasattr(&called->v[0], DW_AT_declaration) ||
	    !dwarf_hasattr_integrate(&function->v[0], DW_AT_external))
		return false;
	x = linkage_name(function);
	y = linkage_name(called);
	if (!x || !y) {
		x = x ? x : dwarf_diename(&function->v[0]);
		y = y ? y : dwarf_diename(&called->v[0]);
	}
	return x && y && strcmp(x, y) == 0;
}

struct calls {
	VEC(struct chain) called;    /* by call sites */
	VEC(Dwarf_Die) inlined;	     /* instances */
};

/* What is called by an inlined function is not called by the one around it. Behind a tail call the caller
 * is not on the stack. */
static void find_calls(struct session *s, Dwarf_Die *scope, struct calls *out, int depth)
{
	static const unsigned names[] = {DW_AT_call_origin, DW_AT_abstract_origin};
	Dwarf_Die child, called;

	if (depth > DBG_MAX_DEPTH || !dbg_first_child(scope, &child))
		return;
	do {
		int tag = dwarf_tag(&child);
		Dwarf_Attribute a;

		if (dbg_is_block(tag))
			find_calls(s, &child, out, depth + 1);
		if (tag == DW_TAG_inlined_subroutine)
			vec_push(&out->inlined, &s->arena, child);
		if ((tag != DW_TAG_call_site && tag != DW_TAG_GNU_call_site) ||
		    out->called.n >= MAX_FOUND || dwarf_hasattr(&child, DW_AT_call_tail_call) ||
		    dwarf_hasattr(&child, DW_AT_GNU_tail_call))
			continue;
		for (size_t i = 0; i < 2; i++) {
			struct chain c;

			if (!dwarf_attr(&child, names[i], &a) || !dwarf_formref_die(&a, &called))
				continue;
			follow_chain(called, &c);
			vec_push(&out->called, &s->arena, c);
			break;
		}
	} while (dbg_next(&child));
}

static bool is_called(const struct calls *calls, Dwarf_Die *die, bool inlined)
{
	struct chain c;

	for (size_t i = 0; inlined && i < calls->inlined.n; i++)
		if (calls->inlined.v[i].addr == die->addr)
			return true;
	if (inlined)
		return false;
	follow_chain(*die, &c);
	for (size_t i = 0; i < calls->called.n; i++)
		if (same_function(&c, &calls->called.v[i]))
			return true;
	return false;
}

void dbg_find_callees(struct session *s, struct dbg_module *m, const struct dbg_function *f,
		      const dbg_functions *candidates, dbg_functions *out)
{
	struct calls calls = {0};
	Dwarf_Die die;

	if (!dbg_function_die(m, f, &die))
		return;
	find_calls(s, &die, &calls, 0);
	for (size_t i = 0; i < candidates->n; i++)
		if (dbg_function_die(m, &candidates->v[i], &die) &&
		    is_called(&calls, &die, candidates->v[i].inlined))
			vec_push(out, &s->arena, candidates->v[i]);
}

struct expr *dbg_called_from(struct session *s, const struct dbg_place *at, const struct dbg_function *f,
			     const struct token *tok)
{
	struct dbg_query q = {.s = s, .a = &s->arena, .at = at, .m = at->module, .tok = tok};
	struct dbg_module *m = at->module;
	unsigned word = m->obj->is64 ? 8 : 4;
	struct expr *back, *any = NULL;
	Dwarf_Addr base = 0, low, high;
	Dwarf_Die die;
	ptrdiff_t next = 0;

	if (!dbg_function_die(m, f, &die))
		return NULL;
	if (at->is_return)
		back = dbg_register(&q, 16);
	else
		back = dbg_read(&q, dbg_binary(&q, OP_ADD, dbg_frame_address(&q),
					       dbg_number(&q, -(int64_t)word)),
				word, false);
	back = dbg_binary(&q, OP_SUB, back, dbg_bias(&q));
	while (back && (next = dwarf_ranges(&die, next, &base, &low, &high)) > 0) {
		int64_t shift = (int64_t)(m->dwarf_bias - m->elf_bias);
		struct expr *in = dbg_binary(
			&q, OP_AND,
			dbg_compare(&q, OP_GT, dbg_clone(&q, back), dbg_number(&q, (int64_t)low + shift)),
			dbg_compare(&q, OP_LE, dbg_clone(&q, back), dbg_number(&q, (int64_t)high + shift)));

		any = any ? dbg_binary(&q, OP_OR, any, in) : in;
	}
	return any;
}
