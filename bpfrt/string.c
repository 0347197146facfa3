/* Strings as values: copies, concatenation, comparison. */
#include "bpfrt.h"

long rt_copy(struct rt_str *dst, uint64_t cap, const struct rt_str *src)
{
	uint64_t n;
	uint32_t token;

	if (!dst || !src)
		return 0;
	n = src->len;
	token = src->token;
	cap = limit(cap);
	if (n > cap) {
		n = token ? 0 : cap;
		token = 0;
	}
	if (dst != src)
		copy(dst->s, n, src->s);
	set_len(dst, n);
	dst->token = token;
	return 0;
}

/* ------------------------------------------------------------------ concatenation */
struct shift {
	struct rt_room *s;
	uint64_t by, words;
};

/* From the last word to the first, since they move to higher places. */
LOCAL long shift_word(uint64_t i, struct shift *c)
{
	uint64_t k = c->words - 1 - i;

	if (k >= RT_STR_BYTES / 8)
		return 1;
	store64(c->s->s + bound(c->by) + 8 * k, load64(c->s->s + 8 * k));
	return 0;
}

/* Moves the first n bytes of the text up. Nothing behind them is touched. */
static inline void shift_up(struct rt_room *s, uint64_t n, uint64_t by)
{
	struct shift c = {s, by, n / 8};
	const char *p = s->s + bound(n & ~7ull);

	if (n & 7)
		store_bytes(s->s + bound(by) + bound(n & ~7ull), load64(p), n & 7);
	if (c.words)
		bpf_loop((uint32_t)c.words, shift_word, &c, 0);
}

long rt_concat(struct rt_room *dst, uint64_t cap, const struct rt_str *a, const struct rt_str *b)
{
	uint64_t la, lb;

	if (!dst || !a || !b)
		return 0;
	cap = limit(cap);
	la = smaller(text_len(a), cap);
	lb = smaller(text_len(b), cap - la);
	if ((void *)dst == (void *)a) {
		copy(dst->s + bound(la), lb, b->s);
	} else {
		if ((void *)dst == (void *)b)
			shift_up(dst, lb, la);
		else
			copy(dst->s + bound(la), lb, b->s);
		copy(dst->s, la, a->s);
	}
	set_len((struct rt_str *)dst, la + lb);
	return 0;
}

/* ------------------------------------------------------------------ comparison */

/* Of the bytes before n in word number i. */
static inline long compare_word(const struct rt_str *a, const struct rt_str *b, uint64_t i, uint64_t n)
{
	uint64_t at = bound(8 * i) & ~7ull, left = n - at, x = load64(a->s + at), y = load64(b->s + at);

	if (left < 8) {
		uint64_t mask = (1ull << (8 * left & 63)) - 1;

		x &= mask;
		y &= mask;
	}
	if (x == y)
		return 0;
	return __builtin_bswap64(x) < __builtin_bswap64(y) ? -1 : 1;
}

struct compare {
	const struct rt_str *a, *b;
	uint64_t n;
	long result;
};

LOCAL long compare_next(uint64_t i, struct compare *c)
{
	i++; /* the first word was compared inline */
	if (i >= RT_STR_BYTES / 8 || 8 * i >= c->n)
		return 1;
	c->result = compare_word(c->a, c->b, i, c->n);
	return c->result != 0;
}

static inline bool is_stack(uint32_t token)
{
	return token == RT_TOKEN_USTACK || token == RT_TOKEN_KSTACK;
}

__attribute__((noinline)) long rt_compare(const struct rt_str *a, const struct rt_str *b)
{
	struct compare c = {a, b, 0, 0};
	uint64_t la, lb;

	if (!a || !b)
		return 0;
	if (a->token != b->token)
		return a->token < b->token ? -1 : 1;
	la = limit(a->len);
	lb = limit(b->len);
	c.n = smaller(la, lb);
	if (c.n) {
		c.result = compare_word(a, b, 0, c.n);
		if (!c.result && c.n > 8)
			bpf_loop(RT_STR_BYTES / 8, compare_next, &c, 0);
		if (c.result)
			return c.result;
	}
	return la == lb ? 0 : la < lb ? -1 : 1;
}

long rt_comparable(const struct rt_str *a, const struct rt_str *b)
{
	if (!a || !b)
		return 0;
	if (!a->token && !b->token)
		return 1;
	if ((!a->token && !a->len) || (!b->token && !b->len))
		return 1;
	return (is_stack(a->token) && is_stack(b->token)) || rt_compare(a, b) == 0;
}
