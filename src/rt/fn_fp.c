/* Floating point: IEEE doubles that scripts carry as bit patterns in longs. Operations round to nearest
 * even and never fail; comparisons with a NaN are false. Handlers in the kernel do the same by
 * bpfrt/float.c and decimal.c, bit for bit. */
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "rt/fn.h"

static double arg(const struct rt_call *c, unsigned i)
{
	double d;

	memcpy(&d, &c->args[i].n, sizeof(d));
	return d;
}

enum { SIGN_BIT = 63, QUIET_BIT = 51 };

/* Which NaN comes out depends on how the compiler orders things: here it is the first argument's of n, or,
 * if there is none, what x86 gives for an invalid operation. */
static int ret(struct rt_call *c, double d, unsigned n)
{
	uint64_t nan = 0x1fffull << QUIET_BIT;

	if (isnan(d)) {
		for (unsigned i = n; i-- > 0;)
			if (isnan(arg(c, i)))
				nan = (uint64_t)c->args[i].n | 1ull << QUIET_BIT;
		return rt_ret_long(c, (int64_t)nan);
	}
	memcpy(&c->ret.n, &d, sizeof(d));
	return 0;
}

static int fn_fp_add(struct rt_call *c)
{
	return ret(c, arg(c, 0) + arg(c, 1), 2);
}

static int fn_fp_sub(struct rt_call *c)
{
	return ret(c, arg(c, 0) - arg(c, 1), 2);
}

static int fn_fp_mul(struct rt_call *c)
{
	return ret(c, arg(c, 0) * arg(c, 1), 2);
}

static int fn_fp_div(struct rt_call *c)
{
	return ret(c, arg(c, 0) / arg(c, 1), 2);
}

static int fn_fp_rem(struct rt_call *c)
{
	double r = remainder(arg(c, 0), arg(c, 1));

	/* The library forgets the sign of some. */
	return ret(c, r == 0 ? copysign(0, arg(c, 0)) : r, 2);
}

static int fn_fp_sqrt(struct rt_call *c)
{
	return ret(c, sqrt(arg(c, 0)), 1);
}

static int fn_fp_eq(struct rt_call *c)
{
	return rt_ret_long(c, arg(c, 0) == arg(c, 1));
}

static int fn_fp_le(struct rt_call *c)
{
	return rt_ret_long(c, islessequal(arg(c, 0), arg(c, 1)));
}

static int fn_fp_lt(struct rt_call *c)
{
	return rt_ret_long(c, isless(arg(c, 0), arg(c, 1)));
}

/* fp_to_long(v, mode, exact): what does not fit, NaN too, gives the smallest long, as on x86. exact
 * would only raise a flag that nobody can read. */
static int fn_fp_to_long(struct rt_call *c)
{
	double d = arg(c, 0);

	switch (c->args[1].n) {
	case 1:
		d = trunc(d);
		break;
	case 2:
		d = floor(d);
		break;
	case 3:
		d = ceil(d);
		break;
	case 4:
		d = round(d); /* halves away from zero */
		break;
	default:
		d = roundeven(d);
		break;
	}
	if (!(d >= -0x1p63 && d < 0x1p63))
		return rt_ret_long(c, INT64_MIN);
	return rt_ret_long(c, (int64_t)d);
}

/* fp_to_string(v, precision) */
static int fn_fp_to_string(struct rt_call *c)
{
	int64_t precision = c->args[1].n;
	int most = RT_FN_LINE - 320; /* the largest double has 309 digits */

	precision = precision < 0 ? 0 : precision > most ? most : precision;
	return rt_retf(c, "%.*f", (int)precision, arg(c, 0));
}

static int fn_string_to_fp(struct rt_call *c)
{
	static locale_t plain; /* "." in numbers whatever the user's locale has */
	const struct rt_value *v = &c->args[0];
	char text[RT_FN_LINE];
	size_t n = v->len < sizeof(text) ? v->len : sizeof(text) - 1;
	double d;

	if (!plain)
		plain = newlocale(LC_ALL_MASK, "C", NULL);
	if (n)
		memcpy(text, v->s, n);
	text[n] = 0;
	d = plain ? strtod_l(text, NULL, plain) : strtod(text, NULL);
	if (isnan(d)) /* without what may stand in parentheses */
		return rt_ret_long(c, (int64_t)(0xfffull << QUIET_BIT | (uint64_t)!!signbit(d) << SIGN_BIT));
	return ret(c, d, 0);
}

static int fn_long_to_fp(struct rt_call *c)
{
	return ret(c, (double)c->args[0].n, 0);
}

static int fn_fp32_to_fp64(struct rt_call *c)
{
	uint32_t bits = (uint32_t)c->args[0].n;
	float f;

	memcpy(&f, &bits, sizeof(f));
	if (isnan(f))
		return rt_ret_long(c, (int64_t)((uint64_t)(bits >> 31) << SIGN_BIT | 0xfffull << QUIET_BIT |
						(uint64_t)(bits & 0x7fffff) << 29));
	return ret(c, (double)f, 0);
}

const struct intrinsic rt_fp_fns[] = {
	{"fp_add", INTR_PURE, 0, fn_fp_add},
	{"fp_sub", INTR_PURE, 0, fn_fp_sub},
	{"fp_mul", INTR_PURE, 0, fn_fp_mul},
	{"fp_div", INTR_PURE, 0, fn_fp_div},
	{"fp_rem", INTR_PURE, 0, fn_fp_rem},
	{"fp_sqrt", INTR_PURE, 0, fn_fp_sqrt},
	{"fp_eq", INTR_PURE, 0, fn_fp_eq},
	{"fp_le", INTR_PURE, 0, fn_fp_le},
	{"fp_lt", INTR_PURE, 0, fn_fp_lt},
	{"fp_to_long", INTR_PURE, 0, fn_fp_to_long},
	{"fp_to_string", INTR_PURE, 0, fn_fp_to_string},
	{"string_to_fp", INTR_PURE, 0, fn_string_to_fp},
	{"long_to_fp", INTR_PURE, 0, fn_long_to_fp},
	{"fp32_to_fp64", INTR_PURE, 0, fn_fp32_to_fp64},
	{0},
};

#ifdef TAPIR_TEST
#include "base/test.h"

static int64_t bits(double d)
{
	int64_t n;

	memcpy(&n, &d, sizeof(n));
	return n;
}

TEST(floating_point_arithmetic)
{
	CHECK_INT(RT_LONG("fp_add", RT_N(bits(1.5)), RT_N(bits(2.25))), bits(3.75));
	CHECK_INT(RT_LONG("fp_sub", RT_N(bits(1)), RT_N(bits(2))), bits(-1));
	CHECK_INT(RT_LONG("fp_mul", RT_N(bits(0.1)), RT_N(bits(3))), bits(0.1 * 3));
	CHECK_INT(RT_LONG("fp_div", RT_N(bits(1)), RT_N(bits(3))), bits(1.0 / 3));
	CHECK_INT(RT_LONG("fp_div", RT_N(bits(-1)), RT_N(0)), bits(-HUGE_VAL));
	CHECK_INT(RT_LONG("fp_div", RT_N(bits(-1)), RT_N(bits(-0.0))), bits(HUGE_VAL));
	CHECK_INT(RT_LONG("fp_rem", RT_N(bits(5)), RT_N(bits(3))), bits(-1));
	CHECK_INT(RT_LONG("fp_sqrt", RT_N(bits(9))), bits(3));
	CHECK_INT(RT_LONG("fp_lt", RT_N(bits(NAN)), RT_N(bits(1))), 0);
	CHECK_INT(RT_LONG("fp_le", RT_N(bits(1)), RT_N(bits(1))), 1);
	CHECK_INT(RT_LONG("fp_eq", RT_N(bits(0.0)), RT_N(bits(-0.0))), 1);
}

TEST(floating_point_conversions)
{
	static const struct {
		double d;
		int64_t mode, n;
	} cases[] = {
		{2.5, 0, 2}, {3.5, 0, 4}, {-2.5, 0, -2}, {2.9, 1, 2}, {-2.9, 1, -2},
		{-2.1, 2, -3}, {2.1, 3, 3}, {2.5, 4, 3}, {-2.5, 4, -3}, {2.5, 99, 2},
		{1e300, 0, INT64_MIN}, {-1e300, 1, INT64_MIN}, {NAN, 2, INT64_MIN},
		{-0x1p63, 0, INT64_MIN}, {0x1p62, 0, 1ll << 62},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CHECK_INT(RT_LONG("fp_to_long", RT_N(bits(cases[i].d)), RT_N(cases[i].mode),
				  RT_N(1)), cases[i].n);
	CHECK_STR(RT_TEXT("fp_to_string", RT_N(bits(3.14159)), RT_N(2)), "3.14");
	CHECK_STR(RT_TEXT("fp_to_string", RT_N(bits(-2)), RT_N(INT64_MIN)), "-2");
	CHECK_INT(strlen(RT_TEXT("fp_to_string", RT_N(bits(-1e308)), RT_N(INT64_MAX))), 511);
	CHECK_INT(RT_LONG("string_to_fp", RT_S("2.5x")), bits(2.5));
	CHECK_INT(RT_LONG("string_to_fp", RT_S("")), 0);
	CHECK_INT(RT_LONG("long_to_fp", RT_N(INT64_MIN)), bits(-0x1p63));
	CHECK_INT(RT_LONG("fp32_to_fp64", RT_N(0x3fc00000)), bits(1.5));
}
#endif
