/* -t: how often handlers ran and how long they took, in nanoseconds, on the script's output. */
#include <inttypes.h>
#include <string.h>

#include "lang/token.h"
#include "run/session_run.h"
#include "sema/sema.h"
#include "session.h"

void report_hit(struct run *r, const struct probe_inst *p, int64_t ns)
{
	struct probe_time *t = &r->times[p->id];
	double delta;

	if (!t->hits || ns < t->min)
		t->min = ns;
	if (ns > t->max)
		t->max = ns;
	t->hits++;
	t->total += ns;
	delta = (double)ns - t->mean;
	t->mean += delta / (double)t->hits;
	t->m2 += delta * ((double)ns - t->mean);
}

void report_write(struct run *r)
{
	const struct program *p = r->s->program;
	struct str b = {0};

	str_add(&b, "----- probe hit report: \n");
	for (size_t i = 0; i < p->probes.n; i++) {
		const struct probe_inst *inst = p->probes.v[i];
		const struct probe_time *t = &r->times[inst->id];
		const struct token *tok = inst->handler->tok;

		if (!t->hits)
			continue;
		str_addf(&b,
			 "%s, (%s:%u:%u), hits: %" PRId64 ", cycles: %" PRId64 "min/%" PRId64
			 "avg/%" PRId64 "max, variance: %" PRId64 ", from:",
			 inst->name, tok->src->name, tok->line, tok->col, t->hits, t->min,
			 t->total / t->hits, t->max,
			 t->hits > 1 ? (int64_t)(t->m2 / (double)(t->hits - 1)) : 0);
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
