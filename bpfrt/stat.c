/* Statistics (<<<), without locks: several CPUs may add to one element. */
#include "bpfrt.h"

static inline bool replace(int64_t *p, int64_t old, int64_t new)
{
	return __sync_val_compare_and_swap(p, old, new) == old;
}

/* A try to make *p smaller (or larger) that fails means that another CPU has done so; after a few
 * of them x is beaten in practice, but none is given up while it is not. */
struct extreme {
	int64_t *p, x;
};

LOCAL long try_min(uint64_t i, struct extreme *c)
{
	int64_t old = *(volatile int64_t *)c->p;

	(void)i;
	return c->x >= old || replace(c->p, old, c->x);
}

LOCAL long try_max(uint64_t i, struct extreme *c)
{
	int64_t old = *(volatile int64_t *)c->p;

	(void)i;
	return c->x <= old || replace(c->p, old, c->x);
}

static inline void add(struct rt_stat_value *v, int64_t x)
{
	struct extreme c = {NULL, x};
	int64_t old;

	__sync_fetch_and_add(&v->count, 1);
	__sync_fetch_and_add(&v->sum, x);
	old = *(volatile int64_t *)&v->min;
	if (x < old && !replace(&v->min, old, x)) {
		c.p = &v->min;
		bpf_loop(1 << 20, try_min, &c, 0);
	}
	old = *(volatile int64_t *)&v->max;
	if (x > old && !replace(&v->max, old, x)) {
		c.p = &v->max;
		bpf_loop(1 << 20, try_max, &c, 0);
	}
}

long rt_stat_add(struct rt_stat_value *v, int64_t x)
{
	if (v)
		add(v, x);
	return 0;
}

/* The square of m, which is at most 2^63, by halves. */
static inline void add_square(struct rt_stat_value *v, uint64_t m)
{
	uint64_t h = m >> 32, l = m & 0xffffffff, lo = l * l, mid = h * l, hi = h * h, old;

	hi += mid >> 31;
	mid <<= 33;
	lo += mid;
	hi += lo < mid;
	old = __sync_fetch_and_add(&v->d2_lo, lo);
	hi += old + lo < old;
	if (hi)
		__sync_fetch_and_add(&v->d2_hi, hi);
}

long rt_stat_add_variance(struct rt_stat_value *v, int64_t x)
{
	int64_t first, set;
	uint64_t m;

	if (!v)
		return 0;
	add(v, x);
	/* Any number near the values makes the sum of differences small; whoever comes first gives
	 * it. It must not be the one that stands for "none". */
	set = x == RT_STAT_NO_FIRST ? x + 1 : x;
	first = __sync_val_compare_and_swap(&v->first, RT_STAT_NO_FIRST, set);
	if (first == RT_STAT_NO_FIRST)
		first = set;
	if (x >= first)
		m = min64((uint64_t)x - (uint64_t)first, INT64_MAX);
	else
		m = min64((uint64_t)first - (uint64_t)x, 1ull << 63);
	add_square(v, m);
	return 0;
}

/* ------------------------------------------------------------------ histogram buckets */
long rt_hist_log(int64_t x)
{
	uint64_t m = x < 0 ? -(uint64_t)x : (uint64_t)x;
	int64_t bits = 0;

	/* Without branches, which would make two ways each for the verifier. */
	for (unsigned by = 32; by; by /= 2) {
		uint64_t any = -(m >> by);

		forget(any);
		any >>= 63;
		bits += (int64_t)(by * any);
		m >>= by * any;
	}
	bits += (int64_t)m; /* 0 or 1 */
	return x < 0 ? 64 - bits : bits == 64 ? 127 : 64 + bits;
}

long rt_hist_linear(int64_t x, int64_t low, int64_t high, int64_t step)
{
	uint64_t steps, last;

	if (x < low)
		return 0;
	if (step < 1)
		step = 1;
	last = ((uint64_t)high - (uint64_t)low) / (uint64_t)step + 2;
	steps = ((uint64_t)x - (uint64_t)low) / (uint64_t)step;
	return (long)(steps >= last ? last : steps + 1);
}
