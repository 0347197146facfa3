/* Who calls whom. */
#include "ir/ir.h"

#include <stdlib.h>

#include "base/bug.h"

struct depth {
	const struct ir_module *m;
	int *depth; /* by function; -1: not known yet */
	bool *active;
	bool recursive;
};

static int depth_of(struct depth *d, uint32_t fn)
{
	const struct ir_fn *f = d->m->fns.v[fn];
	int best = 0, one;

	if (d->active[fn]) {
		d->recursive = true;
		return 0;
	}
	if (d->depth[fn] >= 0)
		return d->depth[fn];
	d->active[fn] = true;
	for (size_t b = 0; b < f->blocks.n; b++)
		for (size_t k = 0; k < f->blocks.v[b].ins.n; k++) {
			const struct ir_ins *i = &f->blocks.v[b].ins.v[k];

			if (i->op != IR_CALL)
				continue;
			one = 1 + depth_of(d, IR_INDEX(f->args.v[i->first_arg]));
			best = one > best ? one : best;
		}
	d->active[fn] = false;
	return d->depth[fn] = best;
}

int64_t ir_max_nesting(const struct ir_module *m, int64_t option)
{
	struct depth d = {.m = m};
	int best = 0;

	if (option >= 0)
		return option < IR_MAX_NESTING ? option : IR_MAX_NESTING;
	d.depth = xmalloc((m->fns.n + 1) * sizeof(*d.depth));
	d.active = xcalloc(m->fns.n + 1, sizeof(*d.active));
	for (size_t i = 0; i < m->fns.n; i++)
		d.depth[i] = -1;
	for (size_t i = 0; i < m->fns.n; i++) {
		int one = depth_of(&d, (uint32_t)i);

		best = one > best ? one : best;
	}
	free(d.depth);
	free(d.active);
	best += 1 + (d.recursive ? 10 : 0);
	return best < IR_MAX_NESTING ? best : IR_MAX_NESTING;
}

static bool reaches(const struct ir_module *m, uint32_t from, uint32_t to, bool *seen)
{
	const struct ir_fn *f = m->fns.v[from];

	for (size_t k = 0; k < f->args.n; k++) {
		ir_ref r = f->args.v[k];

		if (IR_KIND(r) != IRK_FN)
			continue;
		if (IR_INDEX(r) == to)
			return true;
		if (seen[IR_INDEX(r)])
			continue;
		seen[IR_INDEX(r)] = true;
		if (reaches(m, IR_INDEX(r), to, seen))
			return true;
	}
	return false;
}

bool ir_calls(const struct ir_module *m, uint32_t from, uint32_t to)
{
	bool *seen = xcalloc(m->fns.n + 1, 1);
	bool found = reaches(m, from, to, seen);

	free(seen);
	return found;
}
