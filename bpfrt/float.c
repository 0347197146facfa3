/* Floating point: IEEE 754 binary64 numbers as bit patterns, by integers, since BPF has none. Results are
 * rounded to nearest, ties to even. A NaN goes through (the first argument's, if both are); an invalid
 * operation gives the one that x86 gives. decimal.c makes text of them and back. */
#include "bpfrt.h"

#define FP_SIGN (1ull << 63)
#define FP_INF (0x7ffull << 52)
#define FP_QUIET (1ull << 51)
#define FP_INVALID (FP_SIGN | FP_INF | FP_QUIET)
enum { FP_BIAS = 1023, FP_TOP = 62, FP_EXTRA = 10 };

/* A number other than 0, as 2^(exp - FP_BIAS) * m / 2^FP_TOP with bit FP_TOP as the highest of m. */
struct fp_number {
	uint64_t sign, m;
	int64_t exp;
};

static inline bool is_nan(uint64_t x)
{
	return (x & ~FP_SIGN) > FP_INF;
}

static inline bool is_inf(uint64_t x)
{
	return (x & ~FP_SIGN) == FP_INF;
}

static inline bool is_zero(uint64_t x)
{
	return (x & ~FP_SIGN) == 0;
}

static inline uint64_t either_nan(uint64_t a, uint64_t b)
{
	return (is_nan(a) ? a : b) | FP_QUIET;
}

/* Of x, which is not 0. Without branches: the verifier would walk all that follows for each number. */
static inline uint64_t leading_zeros(uint64_t x)
{
	uint64_t n = 0;

	for (uint64_t step = 32; step; step >>= 1) {
		uint64_t none = ((x >> (64 - step)) - 1) >> 63;

		forget(none);
		x <<= step * none;
		n += step * none;
	}
	return n;
}

/* So that bit FP_TOP is the highest one of m, which is below 2^63 and not 0. */
static inline void normalize(struct fp_number *x)
{
	uint64_t by = leading_zeros(x->m) - 1;

	x->m <<= by & 63;
	x->exp -= (int64_t)by;
}

static inline struct fp_number fp_unpack(uint64_t bits)
{
	struct fp_number x = {.sign = bits & FP_SIGN, .exp = (int64_t)(bits >> 52 & 0x7ff)};

	x.m = bits << FP_EXTRA & ((1ull << FP_TOP) - 1);
	if (x.exp) {
		x.m |= 1ull << FP_TOP;
	} else {
		x.exp = 1;
		normalize(&x);
	}
	return x;
}

/* m / 2^by; what is cut off leaves its trace in the lowest bit. */
static inline uint64_t shift_sticky(uint64_t m, uint64_t by)
{
	if (by > 63)
		return m != 0;
	return m >> (by & 63) | ((m & ((1ull << (by & 63)) - 1)) != 0);
}

static inline uint64_t fp_pack(struct fp_number x)
{
	uint64_t rest, m = x.m;

	if (x.exp >= 0x7ff)
		return x.sign | FP_INF;
	if (x.exp <= 0) { /* subnormal, or it becomes the smallest normal one by rounding */
		m = shift_sticky(m, 1 - (uint64_t)x.exp);
		x.exp = 1;
	}
	rest = m & ((1 << FP_EXTRA) - 1);
	m = (m + (1 << (FP_EXTRA - 1))) >> FP_EXTRA;
	if (rest == 1 << (FP_EXTRA - 1))
		m &= ~1ull;
	/* The leading one of m counts the exponent up; so does a carry. */
	return x.sign | (((uint64_t)(x.exp - 1) << 52) + m);
}

/* m * 2^exp */
static inline uint64_t pack_integer(uint64_t sign, uint64_t m, int64_t exp)
{
	struct fp_number x = {sign, m, exp + FP_BIAS + FP_TOP};

	if (!m)
		return sign;
	if (m >> 63) {
		x.m = shift_sticky(m, 1);
		x.exp++;
	}
	normalize(&x);
	return fp_pack(x);
}

/* ------------------------------------------------------------------ sums */
static inline uint64_t sum(uint64_t a, uint64_t b)
{
	struct fp_number x, y, t;

	if (is_nan(a) || is_nan(b))
		return either_nan(a, b);
	if (is_inf(a))
		return is_inf(b) && a != b ? FP_INVALID : a;
	if (is_inf(b))
		return b;
	if (is_zero(b))
		return is_zero(a) ? a & b : a;
	if (is_zero(a))
		return b;
	x = fp_unpack(a);
	y = fp_unpack(b);
	if (y.exp > x.exp || (y.exp == x.exp && y.m > x.m)) {
		t = x;
		x = y;
		y = t;
	}
	y.m = shift_sticky(y.m, (uint64_t)(x.exp - y.exp));
	if (x.sign == y.sign) {
		x.m += y.m;
		if (x.m >> 63) {
			x.m = shift_sticky(x.m, 1);
			x.exp++;
		}
		return fp_pack(x);
	}
	x.m -= y.m;
	if (!x.m)
		return 0;
	normalize(&x);
	return fp_pack(x);
}

long rt_fp_add(uint64_t a, uint64_t b)
{
	return (long)sum(a, b);
}

long rt_fp_sub(uint64_t a, uint64_t b)
{
	if (is_nan(b))
		return (long)either_nan(a, b);
	return (long)sum(a, b ^ FP_SIGN);
}

/* ------------------------------------------------------------------ products */

long rt_fp_mul(uint64_t a, uint64_t b)
{
	uint64_t sign = (a ^ b) & FP_SIGN;
	struct fp_number x, y;
	struct wide p;

	if (is_nan(a) || is_nan(b))
		return (long)either_nan(a, b);
	if (is_inf(a) || is_inf(b))
		return (long)(is_zero(a) || is_zero(b) ? FP_INVALID : sign | FP_INF);
	if (is_zero(a) || is_zero(b))
		return (long)sign;
	x = fp_unpack(a);
	y = fp_unpack(b);
	/* Of 2^62..2^63 and 2^63..2^64. */
	p = product(x.m, y.m << 1);
	x.m = p.hi | (p.lo != 0);
	x.exp += y.exp - FP_BIAS + 1;
	x.sign = sign;
	normalize(&x);
	return (long)fp_pack(x);
}

long rt_fp_div(uint64_t a, uint64_t b)
{
	uint64_t sign = (a ^ b) & FP_SIGN, rest, divisor, quotient = 1;
	struct fp_number x, y;

	if (is_nan(a) || is_nan(b))
		return (long)either_nan(a, b);
	if (is_inf(a))
		return (long)(is_inf(b) ? FP_INVALID : sign | FP_INF);
	if (is_zero(b))
		return (long)(is_zero(a) ? FP_INVALID : sign | FP_INF);
	if (is_inf(b) || is_zero(a))
		return (long)sign;
	x = fp_unpack(a);
	y = fp_unpack(b);
	divisor = y.m >> FP_EXTRA;
	rest = x.m >> FP_EXTRA;
	x.exp += FP_BIAS - y.exp;
	if (rest < divisor) {
		rest <<= 1;
		x.exp--;
	}
	/* A one, then as many bits at a time as a 64-bit number has room for behind the rest. */
	rest -= divisor;
	for (int i = 0; i < 6; i++) {
		int bits = i < 2 ? 11 : 10;

		rest <<= bits;
		quotient = quotient << bits | rest / divisor;
		rest %= divisor;
	}
	x.m = quotient | (rest != 0);
	x.sign = sign;
	return (long)fp_pack(x);
}

struct remainder {
	uint64_t rest, divisor, quotient, bits;
};

LOCAL long remainder_step(uint64_t i, struct remainder *c)
{
	uint64_t bits = c->bits, now, rest;

	(void)i;
	if (!bits)
		return 1;
	now = smaller(bits, 11);
	rest = c->rest << (now & 15);
	c->quotient = rest / c->divisor;
	c->rest = rest % c->divisor;
	c->bits = bits - now;
	return 0;
}

/* a less the nearest multiple of b, the even one of two. */
long rt_fp_rem(uint64_t a, uint64_t b)
{
	struct remainder c;
	struct fp_number x, y;
	uint64_t sign = a & FP_SIGN;
	int64_t exp;

	if (is_nan(a) || is_nan(b))
		return (long)either_nan(a, b);
	if (is_inf(a) || is_zero(b))
		return (long)FP_INVALID;
	if (is_zero(a) || is_inf(b))
		return (long)a;
	x = fp_unpack(a);
	y = fp_unpack(b);
	if (x.exp < y.exp - 1)
		return (long)a;
	c.divisor = y.m >> FP_EXTRA;
	c.rest = x.m >> FP_EXTRA;
	exp = y.exp;
	if (x.exp < y.exp) {
		exp = x.exp;
		c.divisor <<= 1;
	}
	c.quotient = c.rest / c.divisor;
	c.rest %= c.divisor;
	c.bits = (uint64_t)(x.exp - exp);
	bpf_loop(200, remainder_step, &c, 0); /* exponents differ by 2097 at most */
	if (2 * c.rest > c.divisor || (2 * c.rest == c.divisor && (c.quotient & 1))) {
		c.rest = c.divisor - c.rest;
		sign ^= FP_SIGN;
	}
	return (long)pack_integer(c.rest ? sign : a & FP_SIGN, c.rest, exp - FP_BIAS - 52);
}

/* Digit by digit: each of the root takes two of the number. */
long rt_fp_sqrt(uint64_t a)
{
	uint64_t root = 0, rest = 0, m;
	struct fp_number x;

	if (is_nan(a))
		return (long)(a | FP_QUIET);
	if (is_zero(a) || a == FP_INF)
		return (long)a;
	if (a & FP_SIGN)
		return (long)FP_INVALID;
	x = fp_unpack(a);
	/* 2^62..2^64, with an even exponent */
	m = x.exp & 1 ? x.m : x.m << 1;
	x.exp = (x.exp + FP_BIAS) >> 1;
	for (int i = 0; i < 56; i++) {
		uint64_t try = root << 2 | 1, less;

		rest = rest << 2 | m >> 62;
		m <<= 2;
		less = (uint64_t)((int64_t)(rest - try) >> 63);
		forget(less);
		rest -= try & ~less;
		root = root << 1 | (~less & 1);
	}
	x.m = root << 7 | (rest != 0);
	return (long)fp_pack(x);
}

/* ------------------------------------------------------------------ comparisons */

/* In the order of the numbers, as signed integers. */
static inline int64_t order(uint64_t x)
{
	return x & FP_SIGN ? -(int64_t)(x & ~FP_SIGN) : (int64_t)x;
}

long rt_fp_eq(uint64_t a, uint64_t b)
{
	return !is_nan(a) && !is_nan(b) && order(a) == order(b);
}

long rt_fp_le(uint64_t a, uint64_t b)
{
	return !is_nan(a) && !is_nan(b) && order(a) <= order(b);
}

long rt_fp_lt(uint64_t a, uint64_t b)
{
	return !is_nan(a) && !is_nan(b) && order(a) < order(b);
}

/* ------------------------------------------------------------------ integers */
enum { NEAREST, TO_ZERO, DOWN, UP, NEAREST_AWAY };

/* What does not fit, NaN too, gives the smallest integer. */
long rt_fp_to_long(uint64_t a, uint64_t mode)
{
	struct fp_number x;
	uint64_t n, rest, half = 1ull << 63;
	int64_t by;

	if (is_zero(a))
		return 0;
	x = fp_unpack(a);
	by = FP_BIAS + FP_TOP - x.exp;
	if (by <= 0) /* at least 2^62 in m: a one at bit 62 moves by -by */
		return by < 0 ? INT64_MIN : x.sign ? -(long)x.m : (long)x.m;
	/* The integer part, and what is behind the point as a fraction of 2^64. */
	if (by > 64) {
		n = 0;
		rest = 1;
	} else if (by == 64) {
		n = 0;
		rest = x.m;
	} else {
		n = x.m >> (by & 63);
		rest = x.m << ((64 - by) & 63);
	}
	if (rest) {
		if (mode == DOWN)
			n += x.sign != 0;
		else if (mode == UP)
			n += x.sign == 0;
		else if (mode == NEAREST_AWAY)
			n += rest >= half;
		else if (mode != TO_ZERO)
			n += rest > half || (rest == half && (n & 1));
	}
	return x.sign ? -(long)n : (long)n;
}

long rt_long_to_fp(int64_t n)
{
	return (long)pack_integer((uint64_t)n & FP_SIGN, n < 0 ? -(uint64_t)n : (uint64_t)n, 0);
}

long rt_fp32_to_fp64(uint64_t v)
{
	uint64_t sign = v << 32 & FP_SIGN, exp = v >> 23 & 0xff, m = v & 0x7fffff;

	if (exp == 0xff)
		return (long)(sign | FP_INF | m << 29 | (m ? FP_QUIET : 0));
	if (!exp)
		return (long)pack_integer(sign, m, -149);
	return (long)(sign | (exp + FP_BIAS - 127) << 52 | m << 29);
}
