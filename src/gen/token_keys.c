/* Keys of tables that never hold anything but tokens: names of addresses, and stacks that nobody takes apart.
 * In the kernel they need no room for a text, which is what most of a key's bytes would be. */
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
	bool token = false;

	if (IR_KIND(r) == IRK_STR)
		return s->m->strs.v[IR_INDEX(r)].len == 0;
	if (IR_KIND(r) != IRK_REG || IR_INDEX(r) < f->n_params || depth == 0)
		return false;
	for (size_t b = 0; b < f->blocks.n; b++)
		for (size_t k = 0; k < f->blocks.v[b].ins.n; k++) {
			const struct ir_ins *i = &f->blocks.v[b].ins.v[k];

			if (i->dst != r)
				continue;
			token = i->op == IR_MOV ? is_token(s, f, f->args.v[i->first_arg], depth - 1)
						: i->op == IR_RT &&
							  makes_token(s, intrinsic_by_number(i->imm)->name);
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
		if (!copy) {
			copy = arena_alloc(a, sizeof(*copy));
			*copy = *g;
		}
		copy->key_width[k] = sizeof(struct rt_token);
	}
	return copy ? copy : g;
}
