/* Printable text: text_str(), text_strn(), string_quoted(). */
#include "bpfrt.h"

/* A character as it is printed: 1 to 10 bytes, the first one lowest in lo. */
struct printed {
	uint64_t lo, hi, n;
	uint64_t took; /* bytes of the text */
};

/* Code point of the well-formed UTF-8 character that x (lowest byte first) begins with, if all its
 * bytes are among the first left; 0 if there is none. */
static inline uint64_t utf8(uint64_t x, uint64_t left, uint64_t *n)
{
	uint64_t b0 = x & 0xff, b1 = x >> 8 & 0x3f, b2 = x >> 16 & 0x3f, b3 = x >> 24 & 0x3f, code;

	if (b0 < 0xc2 || b0 > 0xf4)
		return 0;
	if (b0 < 0xe0) {
		*n = 2;
		return left >= 2 && (x & 0xc000) == 0x8000 ? (b0 & 0x1f) << 6 | b1 : 0;
	}
	if (b0 < 0xf0) {
		*n = 3;
		code = (b0 & 0x0f) << 12 | b1 << 6 | b2;
		if (left < 3 || (x & 0xc0c000) != 0x808000 || code < 0x800 || code >> 11 == 0x1b)
			return 0; /* cut, too long for its value, a surrogate */
		return code;
	}
	*n = 4;
	code = (b0 & 0x07) << 18 | b1 << 12 | b2 << 6 | b3;
	if (left < 4 || (x & 0xc0c0c000) != 0x80808000 || code < 0x10000 || code > 0x10ffff)
		return 0;
	return code;
}

static inline struct printed escape(uint64_t x, uint64_t left)
{
	struct printed p = {.took = 1};
	uint64_t ch = x & 0xff, code, digits;

	if (ch >= 32 && ch < 127) {
		p.n = 1;
		p.lo = ch;
		if (ch == '"' || ch == '\\') {
			p.n = 2;
			p.lo = '\\' | ch << 8;
		}
		return p;
	}
	if (ch >= 7 && ch <= 13) {
		p.n = 2;
		/* a b t n v f r */
		p.lo = '\\' | (0x007266766e746261ull >> 8 * (ch - 7) & 0xff) << 8;
		return p;
	}
	code = utf8(x, left, &p.took);
	if (!code) {
		p.took = 1;
		p.n = 4;
		p.lo = '\\' | ('0' + (ch >> 6)) << 8 | ('0' + (ch >> 3 & 7)) << 16 |
		       ('0' + (ch & 7)) << 24;
		return p;
	}
	digits = characters(nibbles(code), true);
	if (code > 0xffff) {
		p.n = 10;
		p.lo = '\\' | 'U' << 8 | digits << 16;
		p.hi = digits >> 48;
	} else {
		p.n = 6;
		p.lo = '\\' | 'u' << 8 | digits >> 32 << 16;
	}
	return p;
}

struct quote {
	struct rt_room *dst;
	const struct rt_room *s;
	uint64_t n, at, out;
	uint64_t limit; /* of the text if all of it fits */
	uint64_t cut;	/* of a text that is cut and followed by a quote and three dots */
	uint64_t printed[2];
};

LOCAL long quote_next(uint64_t i, struct quote *c)
{
	uint64_t at = c->at, out = c->out;
	struct printed p;

	(void)i;
	if (at >= c->n)
		return 1;
	p = escape(*(const uint32_t *)(c->s->s + bound(at)), c->n - at);
	if (out + p.n > c->limit)
		return 1;
	if (p.n == 1) {
		c->dst->s[bound(out)] = (char)p.lo;
	} else {
		/* By the helper: stores of 10, 6, 4 or 2 bytes would be as many ways on. */
		c->printed[0] = p.lo;
		c->printed[1] = p.hi;
		copy(c->dst->s + bound(out), p.n, c->printed);
	}
	out += p.n;
	if (out + 3 <= c->limit)
		c->cut = launder(out, c->dst);
	c->out = launder(out, c->dst);
	c->at = launder(at + p.took, c->dst);
	return 0;
}

__attribute__((noinline)) long rt_text_strn(struct rt_room *dst, uint64_t cap, const struct rt_room *s,
					    int64_t size, uint64_t quoted)
{
	struct quote c = {.dst = dst, .s = s};
	uint64_t end, n;

	if (!dst || !s)
		return 0;
	cap = limit(cap);
	c.n = text_len((const struct rt_str *)s);
	c.at = c.out = c.cut = zero(s);
	c.limit = size <= 0 || (uint64_t)size > cap ? cap : (uint64_t)size - 1;
	if (quoted) {
		if (c.limit < 5)
			c.limit = 5;
		if (c.limit > cap) {
			set_len((struct rt_str *)dst, 0);
			return 0;
		}
		dst->s[0] = '"';
		c.out = c.cut = launder(1, dst);
		c.limit--;
	}
	c.limit = launder(c.limit, dst);
	bpf_loop(RT_STR_BYTES, quote_next, &c, 0);
	if (quoted) {
		end = '"';
		n = 1;
		if (c.at < c.n) {
			c.out = c.cut;
			end = 0x2e2e2e22; /* "... */
			n = 4;
		}
		c.out = smaller(c.out, cap);
		n = smaller(n, cap - c.out);
		c.printed[0] = end;
		copy(dst->s + bound(c.out), n, c.printed);
		c.out += n;
	}
	set_len((struct rt_str *)dst, c.out);
	return 0;
}

long rt_text_str(struct rt_room *dst, uint64_t cap, const struct rt_room *s)
{
	return rt_text_strn(dst, cap, s, 0, 0);
}

long rt_string_quoted(struct rt_room *dst, uint64_t cap, const struct rt_room *s)
{
	return rt_text_strn(dst, cap, s, 0, 1);
}
