/* Locks of globals: who finds one taken tries again for a bounded time. */
#include "bpfrt.h"

static inline bool take_shared(struct rt_lock *lock)
{
	int64_t n = *(volatile int64_t *)&lock->holders;

	return n >= 0 && __sync_val_compare_and_swap(&lock->holders, n, n + 1) == n;
}

static inline bool take_alone(struct rt_lock *lock)
{
	return __sync_val_compare_and_swap(&lock->holders, 0, -1) == 0;
}

struct spin {
	struct rt_lock *lock;
	long taken;
};

LOCAL long spin_shared(uint64_t i, struct spin *c)
{
	(void)i;
	c->taken = take_shared(c->lock);
	return c->taken;
}

LOCAL long spin_alone(uint64_t i, struct spin *c)
{
	(void)i;
	/* Looking costs the holder less than trying. */
	if (*(volatile int64_t *)&c->lock->holders)
		return 0;
	c->taken = take_alone(c->lock);
	return c->taken;
}

enum { SHORT_SPINS = 1 << 14, MOST_SPINS = 1 << 23 };

static inline uint64_t patience(const struct rt_lock *lock, uint64_t spins)
{
	spins = min64(spins, MOST_SPINS);
	return *(volatile uint64_t *)&lock->stuck ? min64(spins, SHORT_SPINS) : spins;
}

static inline long done(struct rt_lock *lock, const struct spin *c)
{
	if (!c->taken)
		lock->stuck = 1;
	else if (lock->stuck)
		lock->stuck = 0;
	return c->taken;
}

long rt_lock_shared(struct rt_lock *lock, uint64_t spins)
{
	struct spin c = {lock, 0};

	if (!lock)
		return 0;
	if (take_shared(lock))
		return 1;
	bpf_loop((uint32_t)patience(lock, spins), spin_shared, &c, 0);
	return done(lock, &c);
}

long rt_lock_alone(struct rt_lock *lock, uint64_t spins)
{
	struct spin c = {lock, 0};

	if (!lock)
		return 0;
	if (take_alone(lock))
		return 1;
	bpf_loop((uint32_t)patience(lock, spins), spin_alone, &c, 0);
	return done(lock, &c);
}

long rt_try_shared(struct rt_lock *lock)
{
	/* Who comes at the same time for a moment only is no hindrance. */
	for (int i = 0; lock && i < 8; i++)
		if (take_shared(lock))
			return 1;
	return 0;
}

long rt_unlock_shared(struct rt_lock *lock)
{
	if (lock)
		__sync_fetch_and_add(&lock->holders, -1);
	return 0;
}

long rt_unlock_alone(struct rt_lock *lock)
{
	if (lock)
		__sync_fetch_and_add(&lock->holders, 1);
	return 0;
}
