/* -t: how often handlers ran and how long they took, in nanoseconds, on the script's output. */
#include <inttypes.h>
#include <string.h>

#include "kern/bpf.h"
#include "lang/token.h"
#include "rt/stat.h"
#include "run/kernel.h"
#include "run/session_run.h"
#include "sema/sema.h"
#include "session.h"

static int64_t stat(const struct rt_stat *t, enum stat_op op)
{
	int64_t value = 0;

	rt_stat_get(t, op, &value);
	return value;
}

/* Of handlers in the kernel. */
static void collect(struct run *r)
{
	const struct kernel *k = r->kernel;

	if (!k || !k->img->times)
		return;
	for (uint32_t i = 0; i < k->img->insts.n; i++) {
		struct rt_stat_value v;

		if (kern_map_lookup(k->maps[k->img->times], &i, &v) == 0)
			kmap_decode_stat(&v, &r->times[k->img->insts.v[i]->id]);
	}
}

void report_write(struct run *r)
{
	const struct program *p = r->s->program;
	struct str b = {0};

	collect(r);
	str_add(&b, "----- probe hit report: \n");
	for (size_t i = 0; i < p->probes.n; i++) {
		const struct probe_inst *inst = p->probes.v[i];
		const struct rt_stat *t = &r->times[inst->id];
		const struct token *tok = inst->handler->tok;

		if (!t->count)
			continue;
		str_addf(&b,
			 "%s, (%s:%u:%u), hits: %" PRId64 ", cycles: %" PRId64 "min/%" PRId64
			 "avg/%" PRId64 "max, variance: %" PRId64 ", from:",
			 inst->name, tok->src->name, tok->line, tok->col, t->count, t->min,
			 stat(t, STAT_AVG), t->max, stat(t, STAT_VARIANCE));
		for (size_t k = 0; k < inst->derivation.n; k++)
			str_addf(&b, "%s %s", k ? " <-" : "", inst->derivation.v[k]);
		str_addf(&b, ", index: %zu\n", i);
	}
	str_add(&b, "----- refresh report:\n");
	if (r->refreshes)
		str_addf(&b, "hits: %" PRId64 "\n", r->refreshes);
	output_write(r, b.s, b.len);
	str_release(&b);
}
