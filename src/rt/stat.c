/* Statistics: collection and extraction. See stat.h. */
#include "rt/stat.h"

#include <stdlib.h>

#include "base/arena.h"

int rt_stat_buckets(const struct stat_spec *spec)
{
	const struct hist *h = &spec->hist;

	if (h->kind == HIST_LOG)
		return HIST_LOG_BUCKETS;
	if (h->kind == HIST_LINEAR)
		return (int)((h->high - h->low) / h->step + 3);
	return 0;
}

static int log_bucket(int64_t v)
{
	uint64_t m = v < 0 ? -(uint64_t)v : (uint64_t)v;
	int bits = m ? 64 - __builtin_clzll(m) : 0;

	return v < 0 ? 64 - bits : 64 + bits;
}

static int linear_bucket(const struct hist *h, int64_t v)
{
	__int128 i;

	if (v < h->low)
		return 0;
	i = ((__int128)v - h->low) / h->step + 1;
	if (i > (h->high - h->low) / h->step + 2)
		i = (h->high - h->low) / h->step + 2;
	return (int)i;
}

int rt_hist_bucket(const struct stat_spec *spec, int64_t value)
{
	int b = spec->hist.kind == HIST_LOG ? log_bucket(value) : linear_bucket(&spec->hist, value);
	int n = rt_stat_buckets(spec);

	return b < n ? b : n - 1;
}

static int64_t divide(int64_t a, int64_t b)
{
	if (b == -1)
		return (int64_t)(0 - (uint64_t)a);
	return a / b;
}

/* Sums of squares that do not fit into 128 bits stay at the limit: nothing real is that wide. */
#define WIDEST ((__int128)(~(unsigned __int128)0 >> 1))

static __int128 plus(__int128 a, __int128 b)
{
	__int128 sum;

	return !__builtin_add_overflow(a, b, &sum) ? sum : a > 0 ? WIDEST : -WIDEST;
}

static __int128 times(__int128 a, __int128 b)
{
	__int128 product;

	return !__builtin_mul_overflow(a, b, &product) ? product
	       : (a < 0) == (b < 0)		       ? WIDEST
						       : -WIDEST;
}

static void add_variance(struct rt_stat *st, int64_t value)
{
	__int128 d;

	if (st->count == 1)
		st->first = value;
	d = (__int128)value - st->first;
	st->d1 = plus(st->d1, d);
	st->d2 = plus(st->d2, times(d, d));
}

/* Sample variance (n - 1), truncated; exact as long as n * d2 fits into 127 bits, else in floating
 * point. SystemTap's integer recurrence drifts from the true value, which is why bit shifts exist
 * there; here they change nothing. */
static int64_t variance(const struct rt_stat *st)
{
	__int128 n = st->count, nd2, d1d1;
	long double exact;

	if (n < 2)
		return 0;
	if (st->d2 == WIDEST)
		return INT64_MAX;
	if (!__builtin_mul_overflow(n, st->d2, &nd2) && !__builtin_mul_overflow(st->d1, st->d1, &d1d1))
		return (int64_t)((nd2 - d1d1) / (n * (n - 1)));
	exact = ((long double)st->d2 - (long double)st->d1 * (long double)st->d1 / (long double)n) /
		(long double)(n - 1);
	return exact >= (long double)INT64_MAX ? INT64_MAX : exact < 0 ? 0 : (int64_t)exact;
}

void rt_stat_add(struct rt_stat *st, const struct stat_spec *spec, int64_t value)
{
	if (!st->count || value < st->min)
		st->min = value;
	if (!st->count || value > st->max)
		st->max = value;
	st->count++;
	st->sum = (int64_t)((uint64_t)st->sum + (uint64_t)value);
	if (spec->variance)
		add_variance(st, value);
	if (spec->hist.kind != HIST_NONE) {
		if (!st->buckets)
			st->buckets = xcalloc((size_t)rt_stat_buckets(spec), sizeof(*st->buckets));
		st->buckets[rt_hist_bucket(spec, value)]++;
	}
}

static void merge_variance(struct rt_stat *st, const struct rt_stat *from)
{
	__int128 shift = (__int128)from->first - st->first, n = from->count;

	/* Sums over the differences from the other first value: (d + shift) and its square. */
	st->d2 = plus(plus(st->d2, from->d2),
		      plus(times(2 * shift, from->d1), times(n, times(shift, shift))));
	st->d1 = plus(st->d1, plus(from->d1, times(n, shift)));
}

void rt_stat_merge(struct rt_stat *st, const struct stat_spec *spec, const struct rt_stat *from)
{
	if (!from->count)
		return;
	if (!st->count) {
		st->min = from->min;
		st->max = from->max;
		st->first = from->first;
	}
	if (from->min < st->min)
		st->min = from->min;
	if (from->max > st->max)
		st->max = from->max;
	st->sum = (int64_t)((uint64_t)st->sum + (uint64_t)from->sum);
	if (spec->variance)
		merge_variance(st, from);
	st->count += from->count;
	if (spec->hist.kind == HIST_NONE || !from->buckets)
		return;
	if (!st->buckets)
		st->buckets = xcalloc((size_t)rt_stat_buckets(spec), sizeof(*st->buckets));
	for (int i = 0; i < rt_stat_buckets(spec); i++)
		st->buckets[i] += from->buckets[i];
}

bool rt_stat_get(const struct rt_stat *st, enum stat_op op, int64_t *value)
{
	if (!st->count) {
		*value = 0;
		return op == STAT_COUNT || op == STAT_SUM;
	}
	switch (op) {
	case STAT_COUNT:
		*value = st->count;
		break;
	case STAT_SUM:
		*value = st->sum;
		break;
	case STAT_MIN:
		*value = st->min;
		break;
	case STAT_MAX:
		*value = st->max;
		break;
	case STAT_AVG:
		*value = divide(st->sum, st->count);
		break;
	case STAT_VARIANCE:
		*value = variance(st);
		break;
	}
	return true;
}

#ifdef TAPIR_TEST
#include "base/test.h"

TEST(stat_log_buckets)
{
	struct stat_spec s = {.hist = {.kind = HIST_LOG}};

	CHECK_INT(rt_hist_bucket(&s, 0), 64);
	CHECK_INT(rt_hist_bucket(&s, 1), 65);
	CHECK_INT(rt_hist_bucket(&s, 3), 66);
	CHECK_INT(rt_hist_bucket(&s, -1), 63);
	CHECK_INT(rt_hist_bucket(&s, -3), 62);
	CHECK_INT(rt_hist_bucket(&s, INT64_MAX), 127);
	CHECK_INT(rt_hist_bucket(&s, INT64_MIN), 0);
}

TEST(stat_linear_buckets)
{
	struct stat_spec s = {.hist = {.kind = HIST_LINEAR, .low = 0, .high = 100, .step = 30}};

	CHECK_INT(rt_stat_buckets(&s), 6);
	CHECK_INT(rt_hist_bucket(&s, -1), 0);
	CHECK_INT(rt_hist_bucket(&s, INT64_MIN), 0);
	CHECK_INT(rt_hist_bucket(&s, 0), 1);
	CHECK_INT(rt_hist_bucket(&s, 119), 4);
	CHECK_INT(rt_hist_bucket(&s, 120), 5);
	CHECK_INT(rt_hist_bucket(&s, INT64_MAX), 5);
}

TEST(stat_variance_is_exact)
{
	struct stat_spec s = {.variance = true};
	struct rt_stat st = {0};
	int64_t v;

	for (int i = 1; i <= 5; i++)
		rt_stat_add(&st, &s, i);
	CHECK(rt_stat_get(&st, STAT_VARIANCE, &v));
	CHECK_INT(v, 2);
	CHECK(rt_stat_get(&st, STAT_AVG, &v));
	CHECK_INT(v, 3);
	CHECK(!rt_stat_get(&(struct rt_stat){0}, STAT_MIN, &v));
	CHECK(rt_stat_get(&(struct rt_stat){0}, STAT_SUM, &v));
}
#endif
