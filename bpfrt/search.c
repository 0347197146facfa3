/* Parts of strings: pieces, searching, numbers in text, tokens. */
#include "bpfrt.h"

long rt_strlen(const struct rt_str *s)
{
	return s ? (long)text_len(s) : 0;
}

long rt_substr(struct rt_str *dst, uint64_t cap, const struct rt_str *s, int64_t start, int64_t len)
{
	uint64_t n;

	if (!dst || !s)
		return 0;
	n = text_len(s);
	if (start < 0 || (uint64_t)start >= n || len <= 0) {
		n = 0;
	} else {
		n = smaller(smaller(n - (uint64_t)start, (uint64_t)len), limit(cap));
		/* dst may be s: the helper copies upwards. */
		copy(dst->s, n, s->s + bound((uint64_t)start));
	}
	set_len(dst, n);
	return 0;
}

long rt_stringat(struct rt_frame *f, const struct rt_str *s, int64_t pos)
{
	if (!f || !s)
		return 0;
	if (pos < 0 || (uint64_t)pos >= text_len(s)) {
		fail(f, RT_E_POSITION, pos);
		return 0;
	}
	return (int8_t)s->s[bound((uint64_t)pos)];
}

long rt_isdigit(const struct rt_str *s)
{
	return s && text_len(s) && s->s[0] >= '0' && s->s[0] <= '9';
}

/* ------------------------------------------------------------------ searching */

/* One step compares 8 bytes of the wanted text, or goes on to the next place. */
struct search {
	const struct rt_room *s, *sub;
	uint64_t n, n_sub;
	uint64_t at, same; /* place, and how many bytes of sub are there */
	long found;
};

LOCAL long search_step(uint64_t i, struct search *c)
{
	uint64_t at = bound(c->at), same = bound(c->same) & ~7ull, left = c->n_sub - same, differ;

	(void)i;
	if (c->at + c->n_sub > c->n)
		return 1;
	differ = load64(c->s->s + at + same) ^ load64(c->sub->s + same);
	if (left < 8)
		differ &= (1ull << (8 * left & 63)) - 1;
	if (differ) {
		c->at = opaque(at + 1, c->sub);
		c->same = opaque(0, c->sub);
		return 0;
	}
	c->same = opaque(same + 8, c->sub);
	if (left > 8)
		return 0;
	c->found = (long)at;
	return 1;
}

__attribute__((noinline)) long rt_find(const struct rt_room *s, uint64_t at, const struct rt_room *sub)
{
	struct search c = {.s = s, .sub = sub, .at = at, .found = -1};

	if (!s || !sub)
		return -1;
	c.n = text_len((const struct rt_str *)s);
	c.n_sub = text_len((const struct rt_str *)sub);
	if (!c.n_sub)
		return (long)at;
	c.same = zero(sub);
	/* Each place takes as many steps as there are words that are the same, and one. */
	bpf_loop(RT_STR_BYTES * RT_STR_BYTES / 8, search_step, &c, 0);
	return c.found;
}

long rt_strpos(const struct rt_room *s, const struct rt_room *sub)
{
	return rt_find(s, 0, sub);
}

long rt_isinstr(const struct rt_room *s, const struct rt_room *sub)
{
	return rt_find(s, 0, sub) >= 0;
}

struct replace {
	struct rt_room *dst;
	uint64_t cap, out;
	const struct rt_room *s, *from, *to;
	uint64_t at;
};

LOCAL long replace_next(uint64_t i, struct replace *c)
{
	uint64_t at = c->at, out;
	long hit;

	(void)i;
	/* A text that ends where a hit ends holds no more of them. */
	if (at >= text_len((const struct rt_str *)c->s) || c->out >= c->cap)
		return 1;
	hit = rt_find(c->s, at, c->from);
	if (hit < 0)
		return 1;
	out = append(c->dst, c->cap, c->out, c->s->s + bound(at), (uint64_t)hit - at);
	out = append(c->dst, c->cap, out, c->to->s, text_len((const struct rt_str *)c->to));
	c->out = launder(out, c->dst);
	c->at = launder((uint64_t)hit + text_len((const struct rt_str *)c->from), c->dst);
	return 0;
}

long rt_str_replace(struct rt_room *dst, uint64_t cap, const struct rt_room *s,
		    const struct rt_room *from, const struct rt_room *to)
{
	struct replace c = {dst, limit(cap), 0, s, from, to, 0};
	uint64_t n;

	if (!dst || !s || !from || !to)
		return 0;
	c.out = c.at = zero(s);
	n = text_len((const struct rt_str *)s);
	if (text_len((const struct rt_str *)from))
		bpf_loop(RT_STR_BYTES, replace_next, &c, 0);
	if (c.at < n)
		c.out = append(dst, c.cap, c.out, s->s + bound(c.at), n - c.at);
	set_len((struct rt_str *)dst, c.out);
	return 0;
}

/* ------------------------------------------------------------------ numbers */
struct digits {
	const struct rt_str *s;
	uint64_t at, end, base, n;
};

/* Letters count up to f only, in any base. */
LOCAL long next_digit(uint64_t i, struct digits *c)
{
	uint64_t at = c->at + i, d = 255;
	uint8_t ch;

	if (at >= c->end)
		return 1;
	ch = (uint8_t)c->s->s[bound(at)];
	if (ch >= '0' && ch <= '9') {
		d = ch - '0';
	} else {
		ch |= 32;
		if (ch >= 'a' && ch <= 'f')
			d = ch - 'a' + 10u;
	}
	if (d >= c->base)
		return 1;
	c->n = c->n * c->base + d;
	return 0;
}

long rt_strtol(const struct rt_str *s, int64_t base)
{
	struct digits c = {.s = s};
	uint64_t minus;

	if (!s)
		return 0;
	c.end = text_len(s);
	minus = c.end && s->s[0] == '-';
	c.at = minus;
	if ((base == 0 || base == 16) && c.end >= minus + 2 && s->s[bound(minus)] == '0' &&
	    (s->s[bound(minus + 1)] | 32) == 'x') {
		c.at += 2;
		base = 16;
	} else if (base == 0) {
		base = c.end > minus && s->s[bound(minus)] == '0' ? 8 : 10;
	}
	if (base < 2 || base > 36)
		return 0;
	c.base = (uint64_t)base;
	bpf_loop(RT_STR_BYTES, next_digit, &c, 0);
	return (long)(minus ? -c.n : c.n);
}

/* ------------------------------------------------------------------ tokens */
struct tokens {
	struct rt_frame *f;
	const struct rt_str *delims;
	uint64_t set[4]; /* bit: byte is a delimiter */
	uint64_t n, from;
	int64_t start, end; /* of the token, -1: not found yet */
};

LOCAL long add_delim(uint64_t i, struct tokens *c)
{
	uint8_t ch;
	uint64_t bit;

	if (i >= text_len(c->delims))
		return 1;
	ch = (uint8_t)c->delims->s[bound(i)];
	bit = 1ull << (ch & 63);
	if (ch < 64)
		c->set[0] |= bit;
	else if (ch < 128)
		c->set[1] |= bit;
	else if (ch < 192)
		c->set[2] |= bit;
	else
		c->set[3] |= bit;
	return 0;
}

LOCAL long token_byte(uint64_t i, struct tokens *c)
{
	uint64_t at = c->from + i, set;
	uint8_t ch;

	if (at >= c->n)
		return 1;
	ch = (uint8_t)c->f->token_text.s[bound(at)];
	set = ch < 64 ? c->set[0] : ch < 128 ? c->set[1] : ch < 192 ? c->set[2] : c->set[3];
	if (set >> (ch & 63) & 1) {
		if (c->start < 0)
			return 0;
		c->end = (int64_t)at;
		return 1;
	}
	if (c->start < 0)
		c->start = (int64_t)at;
	return 0;
}

__attribute__((noinline)) long rt_tokenize_next(struct rt_frame *f, struct rt_str *dst, uint64_t cap,
						const struct rt_str *delims)
{
	struct tokens c = {.f = f, .delims = delims, .end = -1};
	uint64_t len;

	if (!f || !dst || !delims)
		return 0;
	c.n = limit(f->token_text.len);
	c.from = f->token_pos;
	c.start = (int64_t)opaque(-1ull, delims);
	bpf_loop(RT_STR_BYTES, add_delim, &c, 0);
	bpf_loop(RT_STR_BYTES, token_byte, &c, 0);
	if (c.end < 0)
		c.end = (int64_t)c.n;
	f->token_pos = (uint32_t)(c.end < (int64_t)c.n ? c.end + 1 : c.end);
	if (c.start < 0)
		c.start = c.end;
	len = smaller((uint64_t)(c.end - c.start), limit(cap));
	copy(dst->s, len, f->token_text.s + bound((uint64_t)c.start));
	set_len(dst, len);
	return 0;
}

long rt_tokenize(struct rt_frame *f, struct rt_str *dst, uint64_t cap, const struct rt_str *s,
		 const struct rt_str *delims)
{
	uint64_t n;

	if (!f || !s)
		return 0;
	n = text_len(s);
	if (n) {
		copy(f->token_text.s, n, s->s);
		f->token_text.len = (uint32_t)n;
		f->token_pos = 0;
	}
	return rt_tokenize_next(f, dst, cap, delims);
}
