/* Histograms as text, as rt/hist.c makes them. The statistics are at an address: their size varies. */
#include "bpfrt.h"

struct rows {
	struct rt_room *dst;
	const struct rt_hist *h;
	uint64_t cap, counts;
	uint64_t low, high, max, any; /* buckets in use */
	uint64_t scale, label_width, count_width;
	uint64_t gap, near, at;
};

static inline uint64_t count_of(const struct rows *c, uint64_t bucket)
{
	uint64_t n = 0;

	bpf_probe_read_kernel(&n, 8, (const void *)(c->counts + 8 * bucket));
	return n;
}

LOCAL long scan_bucket(uint64_t i, struct rows *c)
{
	uint64_t n = count_of(c, i);

	if (!n)
		return 0;
	if (!c->any)
		c->low = i;
	c->any = n;
	c->high = i;
	if (n > c->max)
		c->max = n;
	return 0;
}

/* Digits of a number, and its sign. */
__attribute__((noinline)) long rt_hist_width(int64_t v)
{
	uint64_t digits[3];

	return (long)digits_of(digits, v < 0 ? -(uint64_t)v : (uint64_t)v, RT_CONV_DEC) + (v < 0);
}

static inline int64_t label_of(const struct rows *c, uint64_t i)
{
	uint64_t steps = i - 1;

	if (c->h->log) {
		if (i == 64)
			return 0;
		if (i > 64)
			return (int64_t)(1ull << ((i - 65) & 63));
		return i ? (int64_t)-(1ull << ((63 - i) & 63)) : INT64_MIN;
	}
	if (i == 0)
		steps = 0;
	else if (i == c->h->buckets - 1)
		steps = i - 2;
	return (int64_t)((uint64_t)c->h->low + steps * (uint64_t)c->h->step);
}

static inline uint64_t linear_edge(const struct rows *c, uint64_t i)
{
	return (uint64_t)rt_hist_width((int64_t)((uint64_t)c->h->low + (uint64_t)c->h->step * i));
}

/* As many bytes as fit, in the order of their significance. */
static inline void put(struct rows *c, uint64_t bytes, uint64_t n)
{
	uint64_t out = append(c->dst, c->cap, c->dst->len, (const char *)&bytes, n);

	set_len((struct rt_str *)c->dst, out);
}

LOCAL long look_near(uint64_t i, struct rows *c)
{
	uint64_t k = c->at + i - (uint64_t)c->h->elision;

	if ((int64_t)k < (int64_t)c->low || k > c->high || !count_of(c, k))
		return 0;
	c->near = 1;
	return 1;
}

/* A number in so many columns, with a sign before it. */
__attribute__((noinline)) long rt_hist_number(struct rt_room *dst, uint64_t cap, int64_t v, uint64_t how)
{
	uint64_t width = how & 0xffff, sign = how >> 16 & 0xff, n, skip;
	struct rt_digits d;

	if (!dst)
		return 0;
	cap = limit(cap);
	if (v < 0)
		sign = '-';
	n = digits_of(d.digits, v < 0 ? -(uint64_t)v : (uint64_t)v, RT_CONV_DEC);
	for (int i = 0; i < 3; i++)
		d.digits[i] = characters(d.digits[i], false);
	rt_fmt_pad(dst, cap, (int64_t)(width - n - (sign != 0)), ' ');
	add_bytes(dst, cap, sign, sign != 0);
	skip = 24 - n;
	forget(skip);
	add_text(dst, cap, (const char *)d.digits + (skip & 31), n);
	end_text(dst);
	return 0;
}

LOCAL long add_row(uint64_t i, struct rows *c)
{
	uint64_t at = c->low + i, n, bars, sign = 0;

	if (at > c->high || c->dst->len >= c->cap)
		return 1;
	if (c->h->elision >= 0) {
		c->at = at;
		c->near = 0;
		bpf_loop((uint32_t)min64(2 * (uint64_t)c->h->elision + 1, 1 << 20), look_near, c, 0);
		if (!c->near) {
			c->gap = 1;
			return 0;
		}
	}
	if (c->gap) {
		rt_fmt_pad(c->dst, c->cap, (int64_t)c->label_width, ' ');
		put(c, ' ' | '~' << 8 | '\n' << 16, 3);
		c->gap = 0;
	}
	n = count_of(c, at);
	bars = c->scale ? n / c->scale : 0;
	if (!c->h->log && at == 0)
		sign = '<';
	else if (!c->h->log && at == c->h->buckets - 1)
		sign = '>';
	/* A sign of both kinds needs its own place. */
	if (sign && label_of(c, at) < 0) {
		rt_fmt_pad(c->dst, c->cap,
			   (int64_t)(c->label_width - 1 - (uint64_t)rt_hist_width(label_of(c, at))), ' ');
		put(c, sign, 1);
		rt_hist_number(c->dst, c->cap, label_of(c, at), 0);
	} else {
		rt_hist_number(c->dst, c->cap, label_of(c, at), c->label_width | sign << 16);
	}
	put(c, ' ' | '|' << 8, 2);
	rt_fmt_pad(c->dst, c->cap, (int64_t)bars, '@');
	rt_hist_number(c->dst, c->cap, (int64_t)n, (uint64_t)c->h->width - bars + 1 + c->count_width);
	put(c, '\n', 1);
	return 0;
}

/* First and last row: the used buckets and up to two beside them. */
static inline void find_rows(struct rows *c)
{
	uint64_t last = c->h->buckets - 1;

	for (int i = 0; i < 2; i++) {
		if (c->low > 0 && !(c->h->log && c->low == 64))
			c->low--;
		if (c->high < last)
			c->high++;
	}
	if (c->h->log)
		return;
	if (c->low == 0 && !count_of(c, 0))
		c->low = 1;
	if (c->high == last && !count_of(c, last))
		c->high--;
}

static inline uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

long rt_hist_text(struct rt_room *dst, uint64_t cap, uint64_t stat, const struct rt_hist *h)
{
	struct rows c = {.dst = dst, .h = h};
	uint64_t width;

	if (!dst || !h)
		return 0;
	set_len((struct rt_str *)dst, 0);
	c.cap = limit(cap);
	c.counts = stat + (uint64_t)__builtin_offsetof(struct rt_stat_value, buckets);
	/* Nothing that the verifier knows. */
	c.low = c.high = c.max = c.any = c.gap = c.near = c.at = zero(dst);
	bpf_loop(h->buckets, scan_bucket, &c, 0);
	find_rows(&c);
	width = (uint64_t)h->width;
	c.scale = 1;
	if (c.max > width && width)
		c.scale = c.max / width + (c.max % width != 0);
	c.count_width = (uint64_t)rt_hist_width((int64_t)c.max);
	if (h->log)
		c.label_width = larger((uint64_t)rt_hist_width(label_of(&c, c.low)), (uint64_t)rt_hist_width(label_of(&c, c.high)));
	else
		c.label_width = larger(linear_edge(&c, 0) + (c.low == 0),
				       linear_edge(&c, c.high) + (c.high == h->buckets - 1));
	c.label_width = larger(c.label_width, 5);
	rt_fmt_pad(dst, c.cap, (int64_t)c.label_width - 5, ' ');
	put(&c, 'v' | 'a' << 8 | 'l' << 16 | (uint64_t)'u' << 24 | (uint64_t)'e' << 32 |
			(uint64_t)' ' << 40 | (uint64_t)'|' << 48, 7);
	rt_fmt_pad(dst, c.cap, (int64_t)width, '-');
	put(&c, ' ' | 'c' << 8 | 'o' << 16 | (uint64_t)'u' << 24 | (uint64_t)'n' << 32 |
			(uint64_t)'t' << 40 | (uint64_t)'\n' << 48, 7);
	bpf_loop((uint32_t)min64(c.high - c.low + 1, 1 << 20), add_row, &c, 0);
	put(&c, '\n', 1);
	return 0;
}
