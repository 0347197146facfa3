/* The functions that a function calls, and whether a call came along a chain of them (probe reference 7.4).
 *
 * What is known is what the compiler has written down: call sites in optimized code, inlined instances. A call
 * site tells where its call returns to. So the return address in a frame says which call it was, and with it how
 * the frame of the caller is laid out, in which the next return address lies. */
#include <stdlib.h>
#include <string.h>

#include "dwarf/query.h"
#include "object/object.h"
#include "session.h"

enum { MAX_ORIGINS = 4, MAX_SITES = 20000 };

/* The DIEs that stand for one function: instance, abstract function, declaration. */
struct origins {
	Dwarf_Die v[MAX_ORIGINS];
	int n;
};

struct call {
	struct origins called;
	uint64_t back; /* return address as the debug information counts, 0: not known */
};

/* What a function calls. */
struct calls {
	VEC(struct call) sites;
	VEC(Dwarf_Die) inlined; /* instances */
};

/* One candidate by one of its DIEs (die not NULL) or by its name. */
struct callee_key {
	const void *die;
	const char *name;
	size_t candidate;
};

struct dbg_callees {
	struct dbg_module *m;
	const dbg_functions *candidates;
	VEC(struct callee_key) by_die, by_name; /* sorted */
};

static void find_origins(Dwarf_Die die, struct origins *o)
{
	static const unsigned names[] = {DW_AT_abstract_origin, DW_AT_specification};

	o->n = 0;
	for (bool more = true; more && o->n < MAX_ORIGINS;) {
		o->v[o->n++] = die;
		more = false;
		for (size_t i = 0; i < 2 && !more; i++) {
			Dwarf_Attribute a;

			more = dwarf_attr(&o->v[o->n - 1], names[i], &a) && dwarf_formref_die(&a, &die);
		}
	}
}

/* By which a declaration is connected with a function of another unit: the linkage name, if there is one. */
static const char *outside_name(struct origins *o)
{
	Dwarf_Attribute a;
	const char *linkage = dwarf_attr_integrate(&o->v[0], DW_AT_linkage_name, &a) ? dwarf_formstring(&a) : NULL;

	return linkage ? linkage : dwarf_diename(&o->v[0]);
}

/* ------------------------------------------------------------------ calls of one function */

static void add_site(struct session *s, Dwarf_Die *site, struct calls *out)
{
	static const unsigned callees[] = {DW_AT_call_origin, DW_AT_abstract_origin};
	static const unsigned returns[] = {DW_AT_call_return_pc, DW_AT_low_pc};
	struct call c = {.back = 0};
	Dwarf_Addr back;
	Dwarf_Attribute a;
	Dwarf_Die called;

	/* Behind a tail call the caller is not on the stack. */
	if (dwarf_hasattr(site, DW_AT_call_tail_call) || dwarf_hasattr(site, DW_AT_GNU_tail_call))
		return;
	for (size_t i = 0; i < 2 && !c.back; i++)
		if (dwarf_attr(site, returns[i], &a) && dwarf_formaddr(&a, &back) == 0)
			c.back = back;
	for (size_t i = 0; i < 2; i++)
		if (dwarf_attr(site, callees[i], &a) && dwarf_formref_die(&a, &called)) {
			find_origins(called, &c.called);
			vec_push(&out->sites, &s->arena, c);
			return;
		}
}

/* What is called by an inlined function is not called by the one around it. */
static void find_calls(struct session *s, Dwarf_Die *scope, struct calls *out, int depth)
{
	Dwarf_Die child;

	if (depth > DBG_MAX_DEPTH || !dbg_first_child(scope, &child))
		return;
	do {
		int tag = dwarf_tag(&child);

		if (dbg_is_block(tag))
			find_calls(s, &child, out, depth + 1);
		else if (tag == DW_TAG_inlined_subroutine)
			vec_push(&out->inlined, &s->arena, child);
		else if ((tag == DW_TAG_call_site || tag == DW_TAG_GNU_call_site) && out->sites.n < MAX_SITES)
			add_site(s, &child, out);
	} while (dbg_next(&child));
}

/* ------------------------------------------------------------------ callees among candidates */

static int by_die(const void *a, const void *b)
{
	const struct callee_key *x = a, *y = b;
	uintptr_t p = (uintptr_t)x->die, q = (uintptr_t)y->die;

	return p != q ? (p > q) - (p < q) : (x->candidate > y->candidate) - (x->candidate < y->candidate);
}

static int by_name(const void *a, const void *b)
{
	const struct callee_key *x = a, *y = b;
	int c = strcmp(x->name, y->name);

	return c ? c : (x->candidate > y->candidate) - (x->candidate < y->candidate);
}

struct dbg_callees *dbg_callees_make(struct session *s, struct dbg_module *m, const dbg_functions *candidates)
{
	struct arena *a = &s->arena;
	struct dbg_callees *c = ARENA_NEW(a, struct dbg_callees);

	c->m = m;
	c->candidates = candidates;
	for (size_t i = 0; i < candidates->n; i++) {
		struct callee_key key = {.candidate = i};
		struct origins o;
		Dwarf_Die die;

		if (!dbg_function_die(m, &candidates->v[i], &die))
			continue;
		find_origins(die, &o);
		for (int k = 0; k < (candidates->v[i].inlined ? 1 : o.n); k++) {
			key.die = o.v[k].addr;
			vec_push(&c->by_die, a, key);
		}
		key.die = NULL;
		key.name = outside_name(&o);
		if (!candidates->v[i].inlined && key.name && dwarf_hasattr_integrate(&die, DW_AT_external))
			vec_push(&c->by_name, a, key);
	}
	if (c->by_die.n)
		qsort(c->by_die.v, c->by_die.n, sizeof(c->by_die.v[0]), by_die);
	if (c->by_name.n)
		qsort(c->by_name.v, c->by_name.n, sizeof(c->by_name.v[0]), by_name);
	return c;
}

typedef VEC(size_t) candidate_list;

static void add_by_die(struct session *s, const struct dbg_callees *c, const void *die, candidate_list *out)
{
	size_t low = 0, high = c->by_die.n;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if ((uintptr_t)c->by_die.v[mid].die < (uintptr_t)die)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < c->by_die.n && c->by_die.v[low].die == die; low++)
		vec_push(out, &s->arena, c->by_die.v[low].candidate);
}

static void add_by_name(struct session *s, const struct dbg_callees *c, const char *name, candidate_list *out)
{
	size_t low = 0, high = c->by_name.n;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (strcmp(c->by_name.v[mid].name, name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < c->by_name.n && strcmp(c->by_name.v[low].name, name) == 0; low++)
		vec_push(out, &s->arena, c->by_name.v[low].candidate);
}

static int by_number(const void *a, const void *b)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;

	return (x > y) - (x < y);
}

void dbg_find_callees(struct session *s, const struct dbg_callees *c, const struct dbg_function *f,
		      dbg_functions *out)
{
	candidate_list found = {0};
	struct calls calls = {0};
	Dwarf_Die die;

	if (!dbg_function_die(c->m, f, &die))
		return;
	find_calls(s, &die, &calls, 0);
	for (size_t i = 0; i < calls.inlined.n; i++)
		add_by_die(s, c, calls.inlined.v[i].addr, &found);
	for (size_t i = 0; i < calls.sites.n; i++) {
		struct origins *called = &calls.sites.v[i].called;
		const char *name;

		for (int k = 0; k < called->n; k++)
			add_by_die(s, c, called->v[k].addr, &found);
		if (dwarf_hasattr(&called->v[0], DW_AT_declaration) && (name = outside_name(called)) != NULL)
			add_by_name(s, c, name, &found);
	}
	if (found.n)
		qsort(found.v, found.n, sizeof(found.v[0]), by_number);
	for (size_t i = 0; i < found.n; i++)
		if (!i || found.v[i] != found.v[i - 1])
			vec_push(out, &s->arena, c->candidates->v[found.v[i]]);
}

/* ------------------------------------------------------------------ was it called along a chain? */

static bool same_function(struct origins *function, struct origins *called)
{
	const char *x, *y;

	for (int i = 0; i < function->n; i++)
		for (int k = 0; k < called->n; k++)
			if (function->v[i].addr == called->v[k].addr)
				return true;
	if (!dwarf_hasattr(&called->v[0], DW_AT_declaration) ||
	    !dwarf_hasattr_integrate(&function->v[0], DW_AT_external))
		return false;
	x = outside_name(function);
	y = outside_name(called);
	return x && y && strcmp(x, y) == 0;
}

/* The return address that lies on the stack; behind the entry a pending return probe of the frame's function may
 * have replaced it. */
static struct expr *return_address(struct dbg_query *q)
{
	unsigned word = q->m->obj->is64 ? 8 : 4;
	struct expr *slot, *e;
	Dwarf_Die function;
	Dwarf_Addr entry;

	if (q->at->is_return)
		return dbg_register(q, 16);
	slot = dbg_binary(q, OP_ADD, dbg_frame_address(q), dbg_number(q, -(int64_t)word));
	if (!slot || q->m->kernel ||
	    (!q->callee && dbg_function(q, &function) && dbg_entry_pc(&function, &entry) && entry == dbg_pc(q)))
		return dbg_read(q, slot, word, false);
	e = expr_call(q->a, q->tok, "__return_address");
	e->type = TY_LONG;
	vec_push(&e->args, q->a, slot);
	return e;
}

static struct expr *came_from(struct dbg_query *q, const struct dbg_function *chain, size_t n);

/* Did chain[n], which has made the call that returns to `back`, come from the functions before it? */
static struct expr *outer_frames(struct dbg_query *q, const struct dbg_function *chain, size_t n, uint64_t back)
{
	struct dbg_place *at = ARENA_NEW(q->a, struct dbg_place);
	/* After a return the registers are the caller's. */
	struct dbg_query there = {.s = q->s, .a = q->a, .at = at, .m = q->m, .tok = q->tok, .nodes = q->nodes,
				  .steps = q->steps, .callee = q->at->is_return ? NULL : q,
				  .n_frames = q->n_frames + 1};
	struct expr *e;

	at->module = q->m;
	at->pc = back - 1 + q->m->dwarf_bias - q->m->elf_bias;
	if (!dbg_function_die(q->m, &chain[n], &at->scope))
		return dbg_fail(q, "no debug information of %s", chain[n].text);
	e = came_from(&there, chain, n);
	q->nodes = there.nodes;
	q->steps = there.steps;
	return e ? e : dbg_fail(q, "%s", there.why ? there.why : "too complex a location [man error::dwarf]");
}

/* The place is in chain[n]: has it been reached from chain[0] by way of those between? An inlined function has
 * no frame of its own, and is where it is. */
static struct expr *came_from(struct dbg_query *q, const struct dbg_function *chain, size_t n)
{
	struct expr *all = NULL, **slot = &all, *back;
	struct calls calls = {0};
	struct origins function;
	Dwarf_Die die;

	while (n && chain[n].inlined)
		n--;
	if (!n)
		return dbg_number(q, 1);
	if (!dbg_function_die(q->m, &chain[n], &die))
		return dbg_fail(q, "no debug information of %s", chain[n].text);
	find_origins(die, &function);
	if (!dbg_function_die(q->m, &chain[n - 1], &die))
		return dbg_fail(q, "no debug information of %s", chain[n - 1].text);
	find_calls(q->s, &die, &calls, 0);
	back = dbg_binary(q, OP_SUB, return_address(q), dbg_bias(q));
	for (size_t i = 0; back && i < calls.sites.n; i++) {
		struct call *c = &calls.sites.v[i];
		struct expr *choice;

		if (!same_function(&function, &c->called))
			continue;
		if (!c->back)
			return dbg_fail(q, "where a call in %s returns to is not known", chain[n - 1].text);
		choice = expr_make(q->a, EX_TERNARY, q->tok);
		choice->type = TY_LONG;
		choice->cond = dbg_compare(q, OP_EQ, all ? dbg_clone(q, back) : back,
					   dbg_number(q, (int64_t)(c->back + q->m->dwarf_bias - q->m->elf_bias)));
		choice->left = outer_frames(q, chain, n - 1, c->back);
		if (!choice->cond || !choice->left)
			return NULL;
		q->nodes++;
		*slot = choice;
		slot = &choice->right;
	}
	if (!back)
		return NULL;
	*slot = dbg_number(q, 0);
	return all;
}

bool dbg_came_from(struct session *s, const struct dbg_place *at, const struct dbg_function *chain, size_t n,
		   const struct token *tok, struct expr **condition, const char **why)
{
	struct dbg_query q = {.s = s, .a = &s->arena, .at = at, .m = at->module, .tok = tok};
	struct expr *e = came_from(&q, chain, n);

	*condition = e && e->kind != EX_NUMBER ? e : NULL;
	*why = q.why;
	return e != NULL;
}
