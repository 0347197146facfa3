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

/* ------------------------------------------------------------------ variance */

/* 128 bits; there are no instructions and no compiler functions for them. */
struct wide {
	uint64_t lo, hi;
};

static inline struct wide product(uint64_t a, uint64_t b)
{
	uint64_t al = a & 0xffffffff, ah = a >> 32, bl = b & 0xffffffff, bh = b >> 32;
	uint64_t ll = al * bl, lh = al * bh, hl = ah * bl, mid = (ll >> 32) + (lh & 0xffffffff) + (hl & 0xffffffff);
	struct wide w = {(ll & 0xffffffff) | mid << 32, ah * bh + (lh >> 32) + (hl >> 32) + (mid >> 32)};

	return w;
}

/* 192 bits */
struct number {
	uint64_t w[3];
};

static inline void times(struct number *to, const struct wide *a, uint64_t b)
{
	struct wide low = product(a->lo, b), high = product(a->hi, b);

	to->w[0] = low.lo;
	to->w[1] = low.hi + high.lo;
	to->w[2] = high.hi + (to->w[1] < low.hi);
}

struct division {
	struct number rest;
	uint64_t left, divisor; /* what has been shifted out of rest so far and is less than the divisor */
};

/* One bit of the quotient, which takes the place of rest. */
LOCAL long divide_bit(uint64_t i, struct division *d)
{
	uint64_t over = d->left >> 63;

	(void)i;
	d->left = d->left << 1 | d->rest.w[2] >> 63;
	d->rest.w[2] = d->rest.w[2] << 1 | d->rest.w[1] >> 63;
	d->rest.w[1] = d->rest.w[1] << 1 | d->rest.w[0] >> 63;
	d->rest.w[0] <<= 1;
	if (over || d->left >= d->divisor) {
		d->left -= d->divisor;
		d->rest.w[0] |= 1;
	}
	return 0;
}

static inline void divide(struct division *d, uint64_t by)
{
	d->left = zero_of(by);
	d->divisor = by;
	bpf_loop(192, divide_bit, d, 0);
}

/* (n * sum of d^2 - (sum of d)^2) / (n * (n - 1)), truncated, d being the differences from the first
 * value. */
long rt_stat_variance(const struct rt_stat_value *v)
{
	struct division d = {0};
	struct wide squares, own;
	uint64_t n, sum, borrow;

	if (!v || v->count < 2)
		return 0;
	n = (uint64_t)v->count;
	sum = (uint64_t)v->sum - n * (uint64_t)v->first;
	if ((int64_t)sum < 0)
		sum = -sum;
	squares.lo = v->d2_lo;
	squares.hi = v->d2_hi;
	own = product(sum, sum);
	times(&d.rest, &squares, n);
	borrow = d.rest.w[0] < own.lo;
	d.rest.w[0] -= own.lo;
	d.rest.w[2] -= d.rest.w[1] < own.hi || (d.rest.w[1] == own.hi && borrow);
	d.rest.w[1] -= own.hi + borrow;
	/* Rounding down twice is rounding down once. */
	divide(&d, n);
	divide(&d, n - 1);
	if (d.rest.w[2] || d.rest.w[1] || d.rest.w[0] > INT64_MAX)
		return INT64_MAX;
	return (long)d.rest.w[0];
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
