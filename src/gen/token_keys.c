/* Keys of tables that never hold anything but tokens: names of addresses, and stacks that nobody takes apart.
 * In the kernel they need no room for a text, which is what most of a key's bytes would be.
 *
 * Two tokens can turn out to be one text (two addresses of a function). What has been added to their elements is then
 * added up, which would be nonsense for values that have been assigned: those tables are marked here. */
#include <string.h>

#include "gen/emit.h"
#include "rt/intrinsic.h"

struct search {
	const struct ir_module *m;
	const bool *here, *there; /* functions that run in the kernel, in the stap process */
	unsigned texts; /* enum text_kind: those that are no tokens */
};

static bool makes_token(const struct search *s, const char *name)
{
	static const char *const names[] = {
		"usymname", "usymdata", "umodname", "sprint_backtrace", "sprint_ubacktrace",
	};

	for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++)
		if (strcmp(names[k], name) == 0)
			return true;
	return text_kind_of(name) & ~s->texts;
}

/* Is the operand a token, or the empty string that locals begin with? */
static bool is_token(const struct search *s, const struct ir_fn *f, ir_ref r, int depth)
{
	struct ir_def at = {0};
	const struct ir_ins *i;
	bool token = false;

	if (IR_KIND(r) == IRK_STR)
		return s->m->strs.v[IR_INDEX(r)].len == 0;
	if (IR_KIND(r) != IRK_REG || IR_INDEX(r) < f->n_params || depth == 0)
		return false;
	while ((i = ir_next_def(f, r, &at)) != NULL) {
		token = i->op == IR_MOV ? is_token(s, f, f->args.v[i->first_arg], depth - 1)
					: i->op == IR_RT && makes_token(s, intrinsic_by_number(i->imm)->name);
		if (!token)
			return false;
	}
	return token;
}

/* Key k of the elements that a function makes in a table. */
static bool stores_tokens(const struct search *s, uint32_t fn, ir_ref global, int k, bool *any)
{
	const struct ir_fn *f = s->m->fns.v[fn];

	for (size_t b = 0; b < f->blocks.n; b++)
		for (size_t n = 0; n < f->blocks.v[b].ins.n; n++) {
			const struct ir_ins *i = &f->blocks.v[b].ins.v[n];

			if ((i->op != IR_TSET && i->op != IR_TADD && i->op != IR_SADD) ||
			    f->args.v[i->first_arg] != global)
				continue;
			*any = true;
			if (s->there[fn] || !is_token(s, f, f->args.v[i->first_arg + 2 + (unsigned)k], 4))
				return false;
		}
	return true;
}

static bool reads(const struct ir_fn *f, ir_ref r, ir_ref global, int depth);

/* Does an instruction that makes r read an element of the table, and at most add something to it? */
static bool adds_to(const struct ir_fn *f, const struct ir_ins *i, ir_ref global, int depth)
{
	const ir_ref *args = &f->args.v[i->first_arg];

	switch (i->op) {
	case IR_TGET:
		return args[0] == global;
	case IR_MOV:
		return reads(f, args[0], global, depth - 1);
	case IR_ADD:
		return reads(f, args[0], global, depth - 1) || reads(f, args[1], global, depth - 1);
	case IR_SUB:
		return reads(f, args[0], global, depth - 1);
	default:
		return false;
	}
}

static bool reads(const struct ir_fn *f, ir_ref r, ir_ref global, int depth)
{
	struct ir_def at = {0};
	const struct ir_ins *i;

	if (IR_KIND(r) != IRK_REG || depth == 0)
		return false;
	while ((i = ir_next_def(f, r, &at)) != NULL)
		if (adds_to(f, i, global, depth))
			return true;
	return false;
}

/* Does a function set elements of the table to anything but their sum with something? */
static bool assigns(const struct ir_fn *f, ir_ref global)
{
	for (size_t b = 0; b < f->blocks.n; b++)
		for (size_t n = 0; n < f->blocks.v[b].ins.n; n++) {
			const struct ir_ins *i = &f->blocks.v[b].ins.v[n];

			if (i->op == IR_TSET && f->args.v[i->first_arg] == global &&
			    !reads(f, f->args.v[i->first_arg + 1], global, 4))
				return true;
		}
	return false;
}

static struct ir_global *copy_of(struct arena *a, const struct ir_global *g)
{
	struct ir_global *copy = arena_alloc(a, sizeof(*copy));

	*copy = *g;
	return copy;
}

const struct ir_global *token_keys(struct arena *a, const struct ir_module *m, uint32_t number,
				   const bool *here, const bool *there, unsigned texts)
{
	const struct search s = {m, here, there, texts};
	const struct ir_global *g = &m->globals.v[number];
	struct ir_global *copy = NULL;

	for (int k = 0; k < g->n_keys; k++) {
		bool tokens = g->key_type[k] == TY_STRING && g->key_width[k] > sizeof(struct rt_token),
		     any = false;

		for (uint32_t f = 0; f < m->fns.n && tokens; f++)
			if (here[f] || there[f])
				tokens = stores_tokens(&s, f, IR_REF(IRK_GLOBAL, number), k, &any);
		if (!tokens || !any)
			continue;
		if (!copy)
			copy = copy_of(a, g);
		copy->key_width[k] = sizeof(struct rt_token);
	}
	for (uint32_t f = 0; f < m->fns.n && g->type == TY_LONG && !(copy && copy->assigned); f++)
		if (here[f] && assigns(m->fns.v[f], IR_REF(IRK_GLOBAL, number))) {
			if (!copy)
				copy = copy_of(a, g);
			copy->assigned = true;
		}
	return copy ? copy : g;
}
