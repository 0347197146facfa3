/* Handlers of this process (timers) against handlers in the kernel.
 *
 * A handler has the globals that it uses for itself while it runs (language reference 5.2). In the
 * kernel those who do single atomic operations only share a lock, others take it alone; here it is
 * always taken alone, in the order of the locks' places, as there. Both sides wait for as long as the
 * holder may be waiting for a CPU, which is longer than SystemTap does; a handler that does not get all of
 * them then is skipped and counted. */
#include <sched.h>
#include <stdlib.h>
#include <time.h>

#include "base/arena.h"
#include "run/kernel.h"
#include "run/session_run.h"
#include "session.h"

enum { TRIES = 4000, SPINS = 200, DELAY_NS = 10000 }; /* a quarter of a second */

struct lock_set {
	uint32_t *offsets; /* of struct rt_lock in the shared memory, ascending */
	uint32_t n;
	bool known;
};

static void collect(const struct run *r, uint32_t number, bool *fns, bool *wanted)
{
	const struct ir_module *m = r->s->ir;
	const struct ir_fn *f = m->fns.v[number];

	if (fns[number])
		return;
	fns[number] = true;
	for (size_t i = 0; i < f->args.n; i++) {
		ir_ref x = f->args.v[i];

		if (IR_KIND(x) == IRK_FN)
			collect(r, IR_INDEX(x), fns, wanted);
		else if (IR_KIND(x) == IRK_GLOBAL)
			wanted[IR_INDEX(x)] = true;
	}
}

static int ascending(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static const struct lock_set *locks_of(struct run *r, uint32_t fn)
{
	const struct ir_module *m = r->s->ir;
	struct kernel *k = r->kernel;
	struct lock_set *set;
	bool *fns, *wanted;

	if (!k->locks)
		k->locks = xcalloc(m->fns.n, sizeof(*k->locks));
	set = &k->locks[fn];
	if (set->known)
		return set;
	fns = xcalloc(m->fns.n, sizeof(*fns));
	wanted = xcalloc(m->globals.n + 1, sizeof(*wanted));
	set->offsets = ARENA_ARRAY(&r->s->arena, uint32_t, m->globals.n + 1);
	collect(r, fn, fns, wanted);
	for (size_t i = 0; i < m->globals.n; i++)
		if (wanted[i] && k->img->globals[i].shared && k->img->globals[i].lock >= 0)
			set->offsets[set->n++] = (uint32_t)k->img->globals[i].lock;
	qsort(set->offsets, set->n, sizeof(*set->offsets), ascending);
	set->known = true;
	free(fns);
	free(wanted);
	return set;
}

static struct rt_lock *lock_at(const struct kernel *k, uint32_t offset)
{
	return (void *)((unsigned char *)k->shared + offset);
}

static bool take_one(struct rt_lock *lock)
{
	const struct timespec delay = {.tv_nsec = DELAY_NS};

	/* Those that hold it for a single operation leave short gaps only. */
	for (int i = 0; i < TRIES * SPINS; i++) {
		int64_t nobody = 0;

		if (__atomic_compare_exchange_n(&lock->holders, &nobody, -1, false, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			return true;
		if (i % SPINS == SPINS - 1)
			nanosleep(&delay, NULL);
	}
	return false;
}

/* Handlers in the kernel wait for a lock without sleeping: its holder should not wait for a CPU meanwhile.
 * Not allowed: then they wait longer on a busy machine. */
static void hurry(bool on)
{
	const struct sched_param high = {.sched_priority = 1}, normal = {0};

	sched_setscheduler(0, on ? SCHED_FIFO : SCHED_OTHER, on ? &high : &normal);
}

bool locks_take(struct run *r, uint32_t fn)
{
	struct kernel *k = r->kernel;
	const struct lock_set *set;

	if (!k || !k->live)
		return true;
	set = locks_of(r, fn);
	if (set->n)
		hurry(true);
	for (uint32_t i = 0; i < set->n; i++) {
		if (take_one(lock_at(k, set->offsets[i])))
			continue;
		while (i-- > 0)
			__atomic_add_fetch(&lock_at(k, set->offsets[i])->holders, 1, __ATOMIC_RELEASE);
		hurry(false);
		__atomic_add_fetch(&k->shared->skipped_lock, 1, __ATOMIC_RELAXED);
		return false;
	}
	return true;
}

void locks_drop(struct run *r, uint32_t fn)
{
	struct kernel *k = r->kernel;
	const struct lock_set *set;

	if (!k || !k->live)
		return;
	set = locks_of(r, fn);
	/* Added, not stored: what the kernel side does to let go, too. */
	for (uint32_t i = set->n; i-- > 0;)
		__atomic_add_fetch(&lock_at(k, set->offsets[i])->holders, 1, __ATOMIC_RELEASE);
	if (set->n)
		hurry(false);
}

void locks_release(struct kernel *k)
{
	free(k->locks);
	k->locks = NULL;
}

bool locks_take_global(struct run *r, uint32_t global)
{
	int at = r->kernel->img->globals[global].lock;

	return at < 0 || take_one(lock_at(r->kernel, (uint32_t)at));
}

void locks_drop_global(struct run *r, uint32_t global)
{
	int at = r->kernel->img->globals[global].lock;

	if (at >= 0)
		__atomic_add_fetch(&lock_at(r->kernel, (uint32_t)at)->holders, 1, __ATOMIC_RELEASE);
}
