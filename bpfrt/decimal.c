/* Floating-point numbers as text and back, exactly rounded: by integers of any length, which lie in
 * f->tmp and f->tmp_2 (32 bits a word). Such an integer is multiplied and divided by small ones only. */
#include "bpfrt.h"

enum {
	BIG_WORDS = 256,
	GROUP_DIGITS = 9, /* decimal digits that are handled at a time */
	GROUP = 1000000000,
	MAX_PRECISION = 704,
};

struct big {
	struct rt_frame *f;
	uint64_t low, end;     /* its words; what is above is 0, the highest word is not */
	uint64_t factor, rest; /* of the operation; carry or remainder */
	uint64_t zero;	       /* which the verifier does not know */
	/* text on its way out */
	struct rt_room *dst;
	uint64_t cap;
	uint64_t groups, fraction; /* of digits, those behind the point */
	uint64_t digits;	   /* of the last one that count */
	/* text on its way in */
	const struct rt_room *s;
	uint64_t n, state, sign, base;
	uint64_t first, behind;	/* characters of digits and a point */
	uint64_t value, weight; /* of the digits that have not been added yet */
	uint64_t n_digits, behind_point, exponent, exponent_sign;
};

static inline uint32_t *word(struct big *c, uint64_t i)
{
	forget(i);
	return (uint32_t *)(void *)((char *)&c->f->tmp + 4 * (i & (BIG_WORDS - 1)));
}

LOCAL long multiply_word(uint64_t i, struct big *c)
{
	uint64_t at = c->low + i, x;
	uint32_t *w = word(c, at);

	if (at >= c->end)
		return 1;
	x = *w * c->factor + c->rest;
	*w = (uint32_t)x;
	c->rest = x >> 32;
	return 0;
}

/* c = c * factor + plus, both below 2^32 */
static inline void big_multiply(struct big *c, uint64_t factor, uint64_t plus)
{
	c->factor = factor + c->zero;
	c->rest = plus + c->zero;
	bpf_loop(BIG_WORDS, multiply_word, c, 0);
	if (c->rest) {
		*word(c, c->end) = (uint32_t)c->rest;
		c->end += 1 + c->zero;
	}
}

LOCAL long divide_word(uint64_t i, struct big *c)
{
	uint64_t at = c->end - 1 - i, x;
	uint32_t *w = word(c, at);

	if (i >= c->end - c->low)
		return 1;
	x = c->rest << 32 | *w;
	*w = (uint32_t)(x / c->factor);
	c->rest = x % c->factor;
	return 0;
}

/* c = c / factor; the remainder is c->rest. */
static inline void big_divide(struct big *c, uint64_t factor)
{
	c->factor = factor + c->zero;
	c->rest = c->zero;
	if (c->end == c->low)
		return;
	bpf_loop(BIG_WORDS, divide_word, c, 0);
	if (!*word(c, c->end - 1))
		c->end -= 1 + c->zero;
}

LOCAL long clear_word(uint64_t i, struct big *c)
{
	*word(c, c->low + i) = 0;
	return 0;
}

/* So many zero words below the lowest one. */
static inline void extend_down(struct big *c, uint64_t n)
{
	c->low -= n;
	bpf_loop((uint32_t)smaller(n, BIG_WORDS), clear_word, c, 0);
}

LOCAL long look_at_word(uint64_t i, struct big *c)
{
	uint64_t at = c->low + i;

	if (at >= c->rest)
		return 1;
	c->factor |= *word(c, at);
	return 0;
}

/* Is any of the words below `to` not 0? */
static inline bool any_below(struct big *c, uint64_t to)
{
	c->factor = c->zero;
	c->rest = to;
	bpf_loop(BIG_WORDS, look_at_word, c, 0);
	return c->factor != 0;
}

/* A power of ten; n is at most 9. */
static inline uint64_t power(uint64_t n)
{
	uint64_t x = 1;

	for (uint64_t i = 0; i < 9; i++) {
		uint64_t less = i - n;

		forget(less);
		less >>= 63;
		forget(less);
		x *= 1 + 9 * less;
	}
	return x;
}

LOCAL long multiply_group(uint64_t i, struct big *c)
{
	(void)i;
	big_multiply(c, GROUP, 0);
	return 0;
}

/* c = c * 10^n */
static inline void big_multiply_power(struct big *c, uint64_t n)
{
	bpf_loop((uint32_t)(n / GROUP_DIGITS), multiply_group, c, 0);
	big_multiply(c, power(n % GROUP_DIGITS), 0);
}

/* ------------------------------------------------------------------ to text */

/* c = m * 2^exp, exp >= 0 */
static inline void set_shifted(struct big *c, uint64_t m, uint64_t exp)
{
	enum { START = 40 };

	c->low = START + c->zero;
	*word(c, START) = (uint32_t)m;
	*word(c, START + 1) = (uint32_t)(m >> 32);
	c->end = c->low + (m != 0) + (m >> 32 != 0);
	if (c->end == c->low)
		return;
	big_multiply(c, 1ull << (exp & 31), 0);
	extend_down(c, exp >> 5);
}

/* c = c / 2^by, to nearest, ties to even */
static inline void shift_down(struct big *c, uint64_t by)
{
	uint64_t part = by & 31, low, behind;
	bool half, less, odd;

	/* To a border between words. */
	big_multiply(c, 1ull << (-part & 31), 0);
	low = c->low + (by >> 5) + (part != 0);
	behind = low - 1;
	half = behind < c->end && *word(c, behind) >> 31;
	less = (behind < c->end && *word(c, behind) << 1) || any_below(c, smaller(behind, c->end));
	c->low = low;
	if (c->end < low)
		c->end = low;
	odd = c->end > low && (*word(c, low) & 1);
	if (half && (less || odd))
		big_multiply(c, 1, 1);
}

LOCAL long split_group(uint64_t i, struct big *c)
{
	if (c->end == c->low && i >= c->fraction)
		return 1;
	big_divide(c, GROUP);
	*word(c, BIG_WORDS - 1 - i) = (uint32_t)c->rest;
	c->groups = i + 1;
	return 0;
}

/* The last n of the 9 digits of a group, or the first n. */
static inline void put_digits(struct big *c, uint64_t group, uint64_t n, bool last)
{
	uint64_t text[2], skip = last ? GROUP_DIGITS - n : 0;

	text[0] = ('0' + group / 100000000) << 56;
	text[1] = decimal(group % 100000000) + 0x3030303030303030ull;
	forget(skip);
	c->dst->len = (uint32_t)append(c->dst, c->cap, c->dst->len, (char *)text + 7 + (skip & 15), n);
}

LOCAL long put_group(uint64_t i, struct big *c)
{
	uint64_t k = c->groups - 1 - i, group, n = GROUP_DIGITS;

	if (i >= c->groups)
		return 1;
	group = *word(c, BIG_WORDS - 1 - k);
	if (k >= c->fraction) {
		if (!i) {
			n = 1;
			for (uint64_t x = 10; x < GROUP; x *= 10) {
				uint64_t more = (x - 1 - group) >> 63;

				forget(more);
				n += more;
			}
		}
		put_digits(c, group, n, true);
		return 0;
	}
	if (!i)
		add_bytes(c->dst, c->cap, '0', 1);
	if (k == c->fraction - 1)
		add_bytes(c->dst, c->cap, '.', 1);
	put_digits(c, group, k ? GROUP_DIGITS : c->digits, false);
	return 0;
}

long rt_fp_to_string(struct rt_frame *f, struct rt_room *dst, uint64_t cap, uint64_t v, int64_t precision)
{
	struct big c = {.f = f, .dst = dst, .cap = limit(cap), .zero = zero_of(v)};
	uint64_t p, m = v & ((1ull << 52) - 1), exp = v >> 52 & 0x7ff;

	if (!f || !dst)
		return 0;
	p = precision < 0 ? 0 : min64((uint64_t)precision, MAX_PRECISION);
	set_len((struct rt_str *)dst, 0);
	if (v & FP_SIGN)
		add_bytes(dst, c.cap, '-', 1);
	if (exp == 0x7ff) {
		add_bytes(dst, c.cap, m ? 'n' | 'a' << 8 | 'n' << 16 : 'i' | 'n' << 8 | 'f' << 16, 3);
		end_text(dst);
		return 0;
	}
	if (exp)
		m |= 1ull << 52;
	else
		exp = 1;
	c.groups = c.fraction = c.zero;
	if (exp >= FP_BIAS + 52) {
		set_shifted(&c, m, exp - FP_BIAS - 52);
	} else {
		c.fraction = (p + GROUP_DIGITS - 1) / GROUP_DIGITS;
		c.digits = p + GROUP_DIGITS - c.fraction * GROUP_DIGITS;
		set_shifted(&c, m, 0);
		big_multiply_power(&c, p);
		shift_down(&c, FP_BIAS + 52 - exp);
		big_multiply(&c, power(GROUP_DIGITS - c.digits), 0);
	}
	bpf_loop(BIG_WORDS, split_group, &c, 0);
	if (!c.groups)
		add_bytes(dst, c.cap, '0', 1);
	bpf_loop(BIG_WORDS, put_group, &c, 0);
	if (exp >= FP_BIAS + 52 && p) {
		add_bytes(dst, c.cap, '.', 1);
		rt_fmt_pad(dst, c.cap, (int64_t)p, '0');
	}
	end_text(dst);
	return 0;
}

/* ------------------------------------------------------------------ from text */
enum { SCAN_START, SCAN_SIGNED, SCAN_BASE, SCAN_INTEGER, SCAN_FRACTION, SCAN_EXPONENT, SCAN_EXPONENT_DIGITS,
       SCAN_INF, SCAN_NAN };

static inline uint64_t lower_case(uint64_t ch)
{
	return ch >= 'A' && ch <= 'Z' ? ch + 32 : ch;
}

/* 16: no digit */
static inline uint64_t digit(uint64_t ch)
{
	ch = lower_case(ch & 0xff);
	if (ch >= '0' && ch <= '9')
		return ch - '0';
	return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : 16;
}

/* What a number begins with; x are the bytes from there on. The new state. */
static inline uint64_t scan_start(struct big *c, uint64_t x)
{
	uint64_t name = x & 0xdfdfdf, after = x >> 16 & 0xff;

	if (name == ('I' | 'N' << 8 | 'F' << 16))
		return SCAN_INF;
	if (name == ('N' | 'A' << 8 | 'N' << 16))
		return SCAN_NAN;
	if ((x & 0xdfff) == ('0' | 'X' << 8) &&
	    (digit(after) < 16 || (after == '.' && digit(x >> 24) < 16))) {
		c->base = 16 + c->zero;
		return SCAN_BASE;
	}
	return SCAN_INTEGER;
}

LOCAL long scan_character(uint64_t i, struct big *c)
{
	uint64_t x, ch, d, state = c->state;

	if (i >= c->n)
		return 1;
	x = load64(c->s->s + bound(i));
	ch = x & 0xff;
	if (state == SCAN_START) {
		if (ch == ' ' || (ch >= 9 && ch <= 13))
			return 0;
		if (ch == '-' || ch == '+') {
			c->sign = (ch == '-' ? FP_SIGN : 0) + c->zero;
			c->state = SCAN_SIGNED + c->zero;
			return 0;
		}
	}
	if (state <= SCAN_SIGNED) {
		state = scan_start(c, x);
		c->state = state + c->zero;
		if (state >= SCAN_INF)
			return 1;
		if (state == SCAN_BASE)
			return 0;
	}
	if (state == SCAN_BASE) { /* the x */
		c->state = SCAN_INTEGER + c->zero;
		return 0;
	}
	d = digit(ch);
	if (state >= SCAN_EXPONENT) {
		if (state == SCAN_EXPONENT && (ch == '-' || ch == '+')) {
			c->exponent_sign = (ch == '-') + c->zero;
		} else if (d < 10) {
			c->exponent = smaller(10 * c->exponent + d, 100000) + c->zero;
		} else {
			return 1;
		}
		c->state = SCAN_EXPONENT_DIGITS + c->zero;
		return 0;
	}
	if (d >= c->base) {
		if (ch == '.' && state == SCAN_INTEGER) {
			c->state = SCAN_FRACTION + c->zero;
			return 0;
		}
		if (lower_case(ch) != (c->base == 16 ? 'p' : 'e') || !c->n_digits)
			return 1;
		c->state = SCAN_EXPONENT + c->zero;
		return 0;
	}
	if (!c->n_digits)
		c->first = i;
	c->behind = i + 1;
	c->n_digits += 1 + c->zero;
	if (state == SCAN_FRACTION)
		c->behind_point += 1 + c->zero;
	return 0;
}

LOCAL long add_digit(uint64_t i, struct big *c)
{
	uint64_t at = c->first + i, ch = *(const uint8_t *)(c->s->s + bound(at));

	if (at >= c->behind)
		return 1;
	if (ch == '.')
		return 0;
	c->value = c->value * c->base + digit(ch);
	c->weight *= c->base;
	if (c->weight >> 28) {
		big_multiply(c, c->weight, c->value);
		c->value = c->zero;
		c->weight = 1 + c->zero;
	}
	return 0;
}

LOCAL long divide_group(uint64_t i, struct big *c)
{
	(void)i;
	big_divide(c, GROUP);
	c->value |= c->rest;
	return 0;
}

/* c = c / 10^n; the result: c has been multiplied by 2^32 that often, so that as many words as the divisor
 * has, and two, make the quotient. */
static inline uint64_t divide_power(struct big *c, uint64_t n)
{
	uint64_t down = (n * 109 >> 10) + 4; /* log 10 / log 2^32 is 0.1038 */

	down -= smaller(down, c->end - c->low);
	extend_down(c, down);
	bpf_loop((uint32_t)(n / GROUP_DIGITS), divide_group, c, 0);
	big_divide(c, power(n % GROUP_DIGITS));
	c->value |= c->rest;
	return down;
}

/* c * 2^exp, rounded; c->value: something was cut off below. */
static inline uint64_t rounded(struct big *c, int64_t exp)
{
	struct fp_number x = {.sign = c->sign};
	uint64_t top = c->end - 1, n = c->end - c->low, next, by, high;

	high = (uint64_t)*word(c, top) << 32 | (n > 1 ? *word(c, top - 1) : 0);
	next = n > 2 ? *word(c, top - 2) : 0;
	by = leading_zeros(high);
	x.m = high << (by & 63) | next >> (32 - (by & 31));
	if ((uint32_t)(next << (by & 31)) || c->value || (n > 3 && any_below(c, top - 2)))
		x.m |= 1;
	x.m = x.m >> 1 | (x.m & 1);
	x.exp = FP_BIAS - 1 + (int64_t)(32 * n - by) + exp;
	return fp_pack(x);
}

long rt_string_to_fp(struct rt_frame *f, const struct rt_room *s)
{
	enum { START = 100, MOST_DIGITS = RT_STR_BYTES, MOST = 310, LEAST = 330 }; /* decimal exponents */
	struct big c = {.f = f, .s = s};
	uint64_t down = 0;
	int64_t exp;

	if (!f || !s)
		return 0;
	c.n = text_len((const struct rt_str *)s);
	c.zero = zero_of(load64(s));
	c.low = c.end = START + c.zero;
	c.base = 10 + c.zero;
	c.weight = 1 + c.zero;
	c.state = c.sign = c.value = c.first = c.behind = c.zero;
	c.n_digits = c.behind_point = c.exponent = c.exponent_sign = c.zero;
	bpf_loop(RT_STR_BYTES, scan_character, &c, 0);
	if (c.state == SCAN_INF)
		return (long)(c.sign | FP_INF);
	if (c.state == SCAN_NAN)
		return (long)(c.sign | FP_INF | FP_QUIET);
	if (!c.n_digits)
		return 0;
	bpf_loop(RT_STR_BYTES, add_digit, &c, 0);
	big_multiply(&c, c.weight, c.value);
	if (c.end == c.low)
		return (long)c.sign;
	c.value = c.zero;
	exp = (int64_t)(c.exponent_sign ? -c.exponent : c.exponent);
	if (c.base == 16) {
		exp -= 4 * (int64_t)c.behind_point;
	} else {
		exp -= (int64_t)c.behind_point;
		if (exp > MOST)
			return (long)(c.sign | FP_INF);
		if (exp < -(MOST_DIGITS + LEAST))
			return (long)c.sign;
		if (exp >= 0)
			big_multiply_power(&c, (uint64_t)exp);
		else
			down = divide_power(&c, (uint64_t)-exp);
		exp = -32 * (int64_t)down;
	}
	return (long)rounded(&c, exp);
}
