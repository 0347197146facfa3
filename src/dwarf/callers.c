/* Values at the entry of a function, from its callers (probe reference 9.5).
 *
 * What a register held at the entry of an optimized function is often lost there, but the debug information of
 * the callers says what they passed: a call site has an expression for it, in terms of the caller's frame.
 * The return address on the stack tells which call it was.
 *
 * A return address stands for a call of this function only if the instruction in front of it is one: a function
 * that is jumped to (a tail call) returns to where somebody else was called from. Nor must the function get at
 * itself by such jumps: its arguments would be others then. */
#include <stdlib.h>
#include <string.h>

#include "dwarf/query.h"
#include "object/object.h"
#include "session.h"

enum {
	MAX_SITES = 1 << 20,
	MAX_CHOICES = 24, /* call sites of one function */
	MAX_FRAMES = 3,	  /* callers of callers */
	MAX_REACHED = 64, /* functions by tail calls */
	LARGE = 16 << 20, /* bytes of debug information; in more only the function's own unit is looked at */
};

/* Addresses are those of the debug information. */
struct call_site {
	uint64_t target; /* 0: not known */
	uint64_t back;	 /* return address; 0: tail call */
	uint64_t from;	 /* entry of the caller */
	bool all;	 /* of the caller: all its tail calls are described */
	Dwarf_Die die, caller;
};

struct dbg_callers {
	VEC(struct call_site) sites;
	VEC(struct call_site) functions; /* from, all */
	VEC(void *) units;		 /* that have been read */
	bool whole;			 /* all have */
};

bool dbg_entry_pc(Dwarf_Die *function, Dwarf_Addr *entry)
{
	Dwarf_Addr base, end;

	/* A function in parts begins with the first. */
	return dwarf_entrypc(function, entry) == 0 || dwarf_ranges(function, 0, &base, entry, &end) > 0;
}

/* ------------------------------------------------------------------ reading call sites */

static bool address_of(Dwarf_Die *die, unsigned name, Dwarf_Addr *out)
{
	Dwarf_Attribute a;

	return dwarf_attr(die, name, &a) && dwarf_formaddr(&a, out) == 0;
}

static bool has_flag(Dwarf_Die *die, unsigned name)
{
	Dwarf_Attribute a;
	bool set = false;

	return dwarf_attr_integrate(die, name, &a) && dwarf_formflag(&a, &set) == 0 && set;
}

/* The code at an address of the debug information, at most 6 bytes; *n: how many there are. */
static const uint8_t *code_at(const struct dbg_module *m, uint64_t pc, size_t *n)
{
	*n = 6;
	return m->obj ? obj_at(m->obj, pc + m->dwarf_bias - m->elf_bias, n) : NULL;
}

/* Where a call or jump goes that ends at `end`; 0: not known (through a register or memory). */
static uint64_t target_before(const struct dbg_module *m, uint64_t end, bool call)
{
	const uint8_t *p;
	size_t n;

	p = code_at(m, end - 5, &n);
	if (p && n >= 5 && p[0] == (call ? 0xe8 : 0xe9))
		return end + (uint64_t)(int64_t)(int32_t)obj_u32(p + 1);
	p = call ? NULL : code_at(m, end - 2, &n);
	if (p && n >= 2 && p[0] == 0xeb)
		return end + (uint64_t)(int64_t)(int8_t)p[1];
	return 0;
}

/* Of the jump at pc. */
static uint64_t target_at(const struct dbg_module *m, uint64_t pc)
{
	size_t n;
	const uint8_t *p = code_at(m, pc, &n);

	if (p && n >= 5 && p[0] == 0xe9)
		return target_before(m, pc + 5, false);
	if (p && n >= 2 && p[0] == 0xeb)
		return target_before(m, pc + 2, false);
	if (p && n >= 6 && p[0] == 0x0f && (p[1] & 0xf0) == 0x80)
		return pc + 6 + (uint64_t)(int64_t)(int32_t)obj_u32(p + 2);
	return 0;
}

static void add_site(struct dbg_query *q, struct dbg_callers *c, Dwarf_Die *die, const struct call_site *function)
{
	struct call_site site = *function;
	Dwarf_Addr pc;
	bool tail = has_flag(die, DW_AT_call_tail_call) || has_flag(die, DW_AT_GNU_tail_call);

	site.die = *die;
	if (tail && address_of(die, DW_AT_call_pc, &pc)) {
		site.target = target_at(q->m, pc);
	} else if (address_of(die, DW_AT_call_return_pc, &pc) || address_of(die, DW_AT_low_pc, &pc)) {
		site.target = target_before(q->m, pc, !tail);
		site.back = tail ? 0 : pc;
	}
	if (c->sites.n < MAX_SITES && (tail || site.target))
		vec_push(&c->sites, q->a, site);
}

static void walk(struct dbg_query *q, struct dbg_callers *c, Dwarf_Die *die, const struct call_site *function,
		 int depth)
{
	struct call_site inner;
	Dwarf_Die child;

	if (depth > DBG_MAX_DEPTH || !dbg_first_child(die, &child))
		return;
	do {
		switch (dwarf_tag(&child)) {
		case DW_TAG_subprogram:
			memset(&inner, 0, sizeof(inner));
			inner.caller = child;
			if (!dbg_entry_pc(&child, &inner.from) || !inner.from)
				break;
			inner.all = has_flag(&child, DW_AT_call_all_calls) ||
				    has_flag(&child, DW_AT_call_all_source_calls) ||
				    has_flag(&child, DW_AT_call_all_tail_calls) ||
				    has_flag(&child, DW_AT_GNU_all_tail_call_sites) ||
				    has_flag(&child, DW_AT_GNU_all_call_sites) ||
				    has_flag(&child, DW_AT_GNU_all_source_call_sites);
			vec_push(&c->functions, q->a, inner);
			walk(q, c, &child, &inner, depth + 1);
			break;
		case DW_TAG_namespace:
			walk(q, c, &child, NULL, depth + 1);
			break;
		case DW_TAG_lexical_block:
		case DW_TAG_try_block:
		case DW_TAG_catch_block:
		case DW_TAG_inlined_subroutine:
			if (function)
				walk(q, c, &child, function, depth + 1);
			break;
		case DW_TAG_call_site:
		case DW_TAG_GNU_call_site:
			if (function)
				add_site(q, c, &child, function);
			break;
		default:
			break;
		}
	} while (dbg_next(&child));
}

static struct dbg_callers *callers(struct dbg_query *q, Dwarf_Die *function)
{
	struct dbg_callers *c = q->m->callers;
	Dwarf *dwarf = dbg_dwarf(q->m);
	const struct obj_section *info = q->m->obj ? obj_section(q->m->obj, ".debug_info") : NULL;
	Dwarf_CU *cu = NULL;
	Dwarf_Die die, sub;

	if (!c)
		c = q->m->callers = ARENA_NEW(q->a, struct dbg_callers);
	if (c->whole || !dwarf)
		return c;
	if (info && info->size > LARGE) {
		for (size_t i = 0; i < c->units.n; i++)
			if (c->units.v[i] == function->cu)
				return c;
		vec_push(&c->units, q->a, (void *)function->cu);
		if (dwarf_diecu(function, &die, NULL, NULL))
			walk(q, c, &die, NULL, 0);
		return c;
	}
	c->whole = true;
	while (dwarf_get_units(dwarf, cu, &cu, NULL, NULL, &die, &sub) == 0)
		walk(q, c, sub.addr ? &sub : &die, NULL, 0);
	return c;
}

/* Could the function be entered by a jump of its own, directly or through others? */
static bool may_jump_to_itself(const struct dbg_callers *c, uint64_t entry)
{
	uint64_t reached[MAX_REACHED] = {entry};
	size_t n = 1;

	for (size_t k = 0; k < n; k++) {
		bool known = !k ? false : c->whole;

		for (size_t i = 0; i < c->functions.n; i++)
			if (c->functions.v[i].from == reached[k]) {
				known = true;
				if (!c->functions.v[i].all)
					return true;
			}
		if (!known)
			return true;
		for (size_t i = 0; i < c->sites.n; i++) {
			const struct call_site *s = &c->sites.v[i];
			bool have = false;

			if (s->from != reached[k] || s->back)
				continue;
			if (!s->target || s->target == entry)
				return true;
			for (size_t j = 0; j < n && !have; j++)
				have = reached[j] == s->target;
			if (!have && n == MAX_REACHED)
				return true;
			if (!have)
				reached[n++] = s->target;
		}
	}
	return false;
}

/* ------------------------------------------------------------------ values */

/* What a call site says about a parameter: by register, or (parameter) by its DIE. */
static bool find_value(Dwarf_Die *site, int reg, Dwarf_Die *parameter, Dwarf_Attribute *value)
{
	Dwarf_Die child, of;
	Dwarf_Attribute a;
	Dwarf_Op *ops;
	size_t n;

	if (!dbg_first_child(site, &child))
		return false;
	do {
		int tag = dwarf_tag(&child);
		bool same = false;

		if (tag != DW_TAG_call_site_parameter && tag != DW_TAG_GNU_call_site_parameter)
			continue;
		if (parameter)
			same = (dwarf_attr(&child, DW_AT_call_parameter, &a) ||
				dwarf_attr(&child, DW_AT_abstract_origin, &a)) &&
			       dwarf_formref_die(&a, &of) && of.addr == parameter->addr;
		else if (dwarf_attr(&child, DW_AT_location, &a) && dwarf_getlocation(&a, &ops, &n) == 0 && n == 1)
			same = ops[0].atom >= DW_OP_reg0 && ops[0].atom <= DW_OP_reg31 ?
				       ops[0].atom - DW_OP_reg0 == reg :
				       ops[0].atom == DW_OP_regx && (int)ops[0].number == reg;
		if (same)
			return dwarf_attr(&child, DW_AT_call_value, value) ||
			       dwarf_attr(&child, DW_AT_GNU_call_site_value, value);
	} while (dbg_next(&child));
	return false;
}

/* The value in the caller's frame; NULL: not to be had. */
static struct expr *value_there(struct dbg_query *q, struct call_site *s, Dwarf_Attribute *attr)
{
	struct dbg_place *at = ARENA_NEW(q->a, struct dbg_place);
	struct dbg_query there = {.s = q->s, .a = q->a, .at = at, .m = q->m, .tok = q->tok, .nodes = q->nodes,
				  .steps = q->steps, .callee = q, .n_frames = q->n_frames + 1};
	struct expr *e = NULL;
	struct location l;
	Dwarf_Op *ops;
	size_t n;

	at->module = q->m;
	at->scope = s->caller;
	at->pc = s->back - 1 + q->m->dwarf_bias - q->m->elf_bias;
	if (dwarf_getlocation(attr, &ops, &n) == 0 && n && dbg_evaluate(&there, attr, ops, n, &l))
		e = l.kind == LOC_REGISTER	     ? dbg_register(&there, l.reg)
		    : l.kind == LOC_VALUE || l.kind == LOC_ADDRESS ? l.e
						     : NULL;
	q->nodes = there.nodes;
	q->steps = there.steps;
	return e;
}

static struct expr *unknown_caller(struct dbg_query *q)
{
	struct expr *e = expr_call(q->a, q->tok, "__unknown_caller");

	e->type = TY_LONG;
	return e;
}

struct expr *dbg_entry_value(struct dbg_query *q, int reg, Dwarf_Die *parameter)
{
	struct expr *all = NULL, **slot = &all, *frame;
	struct dbg_callers *c;
	Dwarf_Die function;
	Dwarf_Addr entry;
	size_t choices = 0;

	if (q->only_here || q->foreign || q->at->is_return || q->n_frames >= MAX_FRAMES || q->m->kernel || !q->m->obj ||
	    q->m->obj->machine != EM_X86_64 || !dbg_function(q, &function) || !dbg_entry_pc(&function, &entry))
		return NULL;
	c = callers(q, &function);
	if (may_jump_to_itself(c, entry))
		return NULL;
	frame = dbg_frame_address(q);
	for (size_t i = 0; frame && i < c->sites.n; i++) {
		struct call_site *s = &c->sites.v[i];
		struct expr *value, *back, *choice;
		Dwarf_Attribute attr;

		if (s->target != entry || !s->back || !find_value(&s->die, reg, parameter, &attr))
			continue;
		value = value_there(q, s, &attr);
		if (!value)
			continue;
		if (++choices > MAX_CHOICES)
			return NULL;
		back = dbg_read(q, dbg_binary(q, OP_ADD, dbg_clone(q, frame), dbg_number(q, -8)), 8, false);
		choice = expr_make(q->a, EX_TERNARY, q->tok);
		choice->type = TY_LONG;
		choice->cond = dbg_compare(q, OP_EQ, back, dbg_address_of(q, s->back));
		choice->left = value;
		if (!choice->cond)
			return NULL;
		q->nodes++;
		*slot = choice;
		slot = &choice->right;
	}
	if (all)
		*slot = unknown_caller(q);
	return all;
}

/* Registers that a function leaves as they were, unless its unwind rules say where they are: rbx, rbp, r12
 * to r15. */
static bool is_preserved(int reg)
{
	return reg == 3 || reg == 6 || (reg >= 12 && reg <= 15);
}

/* Nothing of the function has run yet: registers are as the caller left them. */
static bool at_entry(struct dbg_query *q)
{
	uint64_t first, behind_endbr;
	Dwarf_Die function;
	Dwarf_Addr entry;

	if (q->callee || q->at->is_return || !dbg_function(q, &function) || !dbg_entry_pc(&function, &entry))
		return false;
	first = behind_endbr = entry + q->m->dwarf_bias - q->m->elf_bias;
	obj_place_probe(q->m->obj, &behind_endbr, true);
	return q->at->pc == first || q->at->pc == behind_endbr;
}

struct expr *dbg_callers_register(struct dbg_query *q, int reg)
{
	Dwarf_Op memory[3], *ops;
	Dwarf_Frame *frame;
	struct expr *e = NULL;
	struct location l;
	size_t n;

	if (reg == 7)
		return dbg_frame_address(q);
	frame = dbg_frame(q);
	if (!frame || dwarf_frame_register(frame, reg, memory, &ops, &n) != 0 ||
	    (!n && ops == memory && !is_preserved(reg) && !at_entry(q))) {
		free(frame);
		return dbg_fail(q, "register %d of the caller is not known [man error::dwarf]", reg);
	}
	if (!n)
		e = dbg_register(q, reg);
	else if (dbg_evaluate(q, NULL, ops, n, &l))
		e = l.kind == LOC_ADDRESS  ? dbg_read(q, l.e, 8, false)
		    : l.kind == LOC_VALUE  ? l.e
		    : l.kind == LOC_REGISTER ? dbg_register(q, l.reg)
					     : NULL;
	free(frame);
	return e;
}
