/* Running handlers: one at a time, begin and end in their order, timers at their deadlines.
 *
 * Nothing else runs in this process meanwhile, so handlers need no locks but those that they share
 * with handlers in the kernel (locks.c). */
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "probe/provider.h"
#include "rt/stat.h"
#include "run/kernel.h"
#include "run/session_run.h"
#include "sema/sema.h"
#include "session.h"

int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ------------------------------------------------------------------ one handler */

void run_error(struct run *r, const char *text)
{
	const struct options *o = &r->s->opt;

	r->env.n_errors++;
	if (o->suppress_handler_errors)
		return;
	message_error(r, "%s", text);
	r->failed = true;
	if (r->env.n_errors > o->maxerrors)
		r->state = RUN_ERROR;
}

static void timers_rearm(struct run *r);

static bool condition_holds(struct run *r, const struct probe_inst *p)
{
	return p->condition_fn < 0 || interp_condition(r->in, (uint32_t)p->condition_fn) != 0;
}

static void run_handler(struct run *r, const struct probe_inst *p)
{
	int64_t start = 0;
	int status;

	r->env.probe = p;
	r->env.abort_requested = false;
	if (!locks_take(r, (uint32_t)p->handler->id))
		return;
	if (r->times)
		start = now_ns();
	status = interp_run(r->in, p, (uint32_t)p->handler->id);
	locks_drop(r, (uint32_t)p->handler->id);
	if (r->times)
		rt_stat_add(&r->times[p->id], &(struct stat_spec){0}, now_ns() - start);
	if (r->out.len) {
		output_write(r, r->out.s, r->out.len);
		r->out.len = 0;
	}
	/* abort() may leave a handler on the way that errors take. */
	if (status < 0 && !r->env.abort_requested)
		run_error(r, interp_error(r->in));
	if (r->commands.n)
		commands_start(r);
	if (r->conditional_timers && r->timers_started)
		timers_rearm(r);
}

void probe_run(struct run *r, const struct probe_inst *p)
{
	if (condition_holds(r, p))
		run_handler(r, p);
}

/* ------------------------------------------------------------------ begin, end, error */

struct ordered {
	const struct probe_inst *inst;
	int64_t priority;
	size_t place; /* in the script */
};

static int by_priority(const void *a, const void *b)
{
	const struct ordered *x = a, *y = b;

	if (x->priority != y->priority)
		return x->priority < y->priority ? -1 : 1;
	return x->place < y->place ? -1 : 1;
}

/* Probes of one kind in the order of their sequence numbers; *n of them, to be freed. */
static struct ordered *collect(const struct run *r, enum begin_kind kind, size_t *n)
{
	const struct program *p = r->s->program;
	struct ordered *v = xmalloc(p->probes.n * sizeof(*v));

	*n = 0;
	for (size_t i = 0; i < p->probes.n; i++) {
		const struct begin_data *d = p->probes.v[i]->data;

		if (p->probes.v[i]->family == &begin_family && d->kind == kind)
			v[(*n)++] = (struct ordered){p->probes.v[i], d->priority, i};
	}
	qsort(v, *n, sizeof(*v), by_priority);
	return v;
}

void probes_run_begin(struct run *r)
{
	size_t n;
	struct ordered *v = collect(r, BEGIN_BEGIN, &n);

	for (size_t i = 0; i < n; i++) {
		/* After an error those of the same number still run (seen with 5.6). */
		if (r->state == RUN_ERROR && v[i].priority != v[i - 1].priority)
			break;
		if (r->env.exit_requested || signals_stop() || r->output.broken)
			break;
		probe_run(r, v[i].inst);
	}
	free(v);
}

static void run_final(struct run *r, enum begin_kind kind)
{
	size_t n;
	struct ordered *v = collect(r, kind, &n);

	for (size_t i = 0; i < n; i++) {
		if (kind == BEGIN_END && r->state == RUN_ERROR)
			break;
		probe_run(r, v[i].inst);
	}
	free(v);
}

void probes_run_end(struct run *r)
{
	if (r->state != RUN_ERROR)
		run_final(r, BEGIN_END);
	if (r->state == RUN_ERROR)
		run_final(r, BEGIN_ERROR);
}

/* ------------------------------------------------------------------ timers */

static int64_t next_interval(struct run *r, const struct timer *t)
{
	int64_t ns = t->interval_ns;

	if (t->randomize_ns) {
		/* xorshift64: evenly spread is all that is wanted. */
		r->random ^= r->random << 13;
		r->random ^= r->random >> 7;
		r->random ^= r->random << 17;
		ns += (int64_t)(r->random % (2 * (uint64_t)t->randomize_ns + 1)) - t->randomize_ns;
	}
	return ns > 0 ? ns : 1;
}

/* Starts and stops timers whose conditions have changed. */
static void timers_rearm(struct run *r)
{
	int64_t now = 0;

	for (size_t i = 0; i < r->n_timers; i++) {
		struct timer *t = &r->timers[i];
		bool armed;

		if (t->inst->condition_fn < 0)
			continue;
		armed = condition_holds(r, t->inst);
		if (armed && !t->armed) {
			now = now ? now : now_ns();
			t->due_ns = now + next_interval(r, t);
		}
		r->refreshes += armed != t->armed;
		t->armed = armed;
	}
}

void timers_start(struct run *r)
{
	const struct program *p = r->s->program;
	int64_t now = now_ns(), shortest = INT64_MAX;

	r->random = (uint64_t)now * 0x9e3779b97f4a7c15u | 1;
	for (size_t i = 0; i < p->probes.n; i++)
		r->n_timers += p->probes.v[i]->family == &timer_family;
	if (r->n_timers)
		r->timers = xcalloc(r->n_timers, sizeof(*r->timers));
	r->n_timers = 0;
	for (size_t i = 0; i < p->probes.n; i++) {
		struct probe_inst *inst = p->probes.v[i];
		const struct timer_data *d = inst->data;
		struct timer *t;

		if (inst->family != &timer_family)
			continue;
		t = &r->timers[r->n_timers++];
		t->inst = inst;
		t->interval_ns = d->interval_ns;
		t->randomize_ns = d->randomize_ns;
		t->due_ns = now + next_interval(r, t);
		t->armed = condition_holds(r, inst);
		r->conditional_timers |= inst->condition_fn >= 0;
		if (d->interval_ns < shortest)
			shortest = d->interval_ns;
	}
	r->timers_started = true;
	if (r->s->opt.timeout_ms)
		r->deadline_ns = now + r->s->opt.timeout_ms * 1000000;
	/* A sleep may end 50 us late to save wake-ups; too much for short intervals. */
	if (shortest < 10000000)
		prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
}

static struct timer *earliest(const struct run *r)
{
	struct timer *first = NULL;

	/* Of those due at the same time the first in the script. */
	for (size_t i = 0; i < r->n_timers; i++)
		if (r->timers[i].armed && (!first || r->timers[i].due_ns < first->due_ns))
			first = &r->timers[i];
	return first;
}

int64_t timers_next(const struct run *r)
{
	const struct timer *t = earliest(r);
	int64_t due = t ? t->due_ns : INT64_MAX;

	return r->deadline_ns && r->deadline_ns < due ? r->deadline_ns : due;
}

void timers_run(struct run *r)
{
	int64_t now = now_ns();
	struct timer *t;

	if (r->deadline_ns && now >= r->deadline_ns)
		r->env.exit_requested = true;
	for (size_t i = 0; i < r->n_timers && !run_stopping(r); i++) {
		t = earliest(r);
		if (!t || t->due_ns > now)
			return;
		t->due_ns += next_interval(r, t);
		/* What was missed is missed, but the rhythm stays. */
		if (t->due_ns <= now)
			t->due_ns += (now - t->due_ns + t->interval_ns) / t->interval_ns *
				     t->interval_ns;
		run_handler(r, t->inst);
	}
}

void timers_release(struct run *r)
{
	free(r->timers);
	r->timers = NULL;
	r->n_timers = 0;
}
