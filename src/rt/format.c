/* printf as the language defines it. See format.h. */
#include "rt/format.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MAX_FIELD = 8192, PAGE = 4096 };

/* One conversion with its dynamic parts filled in. */
struct spec {
	unsigned flags;
	int width, precision; /* -1: none */
};

static int clamp(int64_t n)
{
	return n < 0 ? 0 : n > MAX_FIELD ? MAX_FIELD : (int)n;
}

static void pad(struct str *out, char c, int n)
{
	if (n <= 0)
		return;
	memset(str_room(out, (size_t)n), c, (size_t)n);
	out->len += (size_t)n;
	out->s[out->len] = 0;
}

/* prefix (sign, 0x), zeros for the precision or the width, digits. */
static void add_number(struct str *out, const struct spec *sp, const char *prefix, const char *digits,
		       int n_digits)
{
	int zeros = sp->precision > n_digits ? sp->precision - n_digits : 0;
	int used = (int)strlen(prefix) + zeros + n_digits;
	int blanks = sp->width > used ? sp->width - used : 0;

	if ((sp->flags & FMT_ZERO) && !(sp->flags & FMT_LEFT)) {
		zeros += blanks;
		blanks = 0;
	}
	if (!(sp->flags & FMT_LEFT))
		pad(out, ' ', blanks);
	str_add(out, prefix);
	pad(out, '0', zeros);
	str_addn(out, digits, (size_t)n_digits);
	if (sp->flags & FMT_LEFT)
		pad(out, ' ', blanks);
}

static int digits_of(char *buf, uint64_t v, unsigned base, bool upper)
{
	const char *set = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	char tmp[24];
	int n = 0;

	do {
		tmp[n++] = set[v % base];
		v /= base;
	} while (v);
	for (int i = 0; i < n; i++)
		buf[i] = tmp[n - 1 - i];
	return n;
}

static void add_integer(struct str *out, const struct spec *sp, enum conv conv, int64_t v)
{
	bool alt = sp->flags & FMT_ALT;
	uint64_t u = (uint64_t)v;
	const char *prefix = "";
	unsigned base = 10;
	char buf[24];

	switch (conv) {
	case CONV_DEC:
		if (v < 0) {
			prefix = "-";
			u = -u;
		} else if (sp->flags & FMT_PLUS) {
			prefix = "+";
		} else if (sp->flags & FMT_SPACE) {
			prefix = " ";
		}
		break;
	case CONV_POINTER:
		alt = true;
		/* fall through */
	case CONV_HEX:
		base = 16;
		prefix = alt ? "0x" : "";
		break;
	case CONV_HEX_UPPER:
		base = 16;
		prefix = alt ? "0X" : "";
		break;
	case CONV_OCTAL:
		base = 8;
		prefix = alt ? "0" : "";
		break;
	default:
		break;
	}
	add_number(out, sp, prefix, buf, digits_of(buf, u, base, conv == CONV_HEX_UPPER));
}

static void add_text(struct str *out, const struct spec *sp, const char *s, int len)
{
	int blanks = sp->width > len ? sp->width - len : 0;

	if (!(sp->flags & FMT_LEFT))
		pad(out, ' ', blanks);
	str_addn(out, s, (size_t)len);
	if (sp->flags & FMT_LEFT)
		pad(out, ' ', blanks);
}

static void add_string(struct str *out, const struct spec *sp, const struct rt_value *v)
{
	int len = (int)v->len;

	if (sp->precision >= 0 && sp->precision < len)
		len = sp->precision;
	add_text(out, sp, v->s, len);
	/* What SystemTap does with "%05s": blanks, and a NUL byte behind the text. */
	if (sp->flags & FMT_ZERO)
		str_addc(out, 0);
}

static void add_char(struct str *out, const struct spec *sp, int64_t v)
{
	static const char from[] = "\a\b\f\n\r\t\v'\\", to[] = "abfnrtv'\\";
	unsigned char c = (unsigned char)v;
	const char *known;
	char buf[5];

	if (!(sp->flags & FMT_ALT)) {
		buf[0] = (char)c;
		add_text(out, sp, buf, 1);
		return;
	}
	known = c ? strchr(from, c) : NULL;
	if (known)
		snprintf(buf, sizeof(buf), "\\%c", to[known - from]);
	else if (c >= 32 && c < 127)
		snprintf(buf, sizeof(buf), "%c", c);
	else
		snprintf(buf, sizeof(buf), "\\%03o", c);
	add_text(out, sp, buf, (int)strlen(buf));
}

static bool binary_size(int n)
{
	return n == 1 || n == 2 || n == 4 || n == 8;
}

static void add_binary(struct str *out, const struct spec *sp, int64_t v)
{
	int bytes = sp->precision >= 0 ? sp->precision : sp->width, field = sp->width;

	if (!binary_size(bytes))
		bytes = 8;
	if (field < bytes)
		field = bytes;
	if (!(sp->flags & FMT_LEFT))
		pad(out, 0, field - bytes);
	str_addn(out, (const char *)&v, (size_t)bytes);
	if (sp->flags & FMT_LEFT)
		pad(out, 0, field - bytes);
}

/* Two digits for each byte. */
static void add_hex(struct str *out, const struct spec *sp, const struct rt_value *v)
{
	int missing = sp->width - 2 * (int)v->len;

	if (!(sp->flags & FMT_LEFT))
		pad(out, ' ', missing);
	for (uint32_t i = 0; i < v->len; i++)
		str_addf(out, "%02x", (unsigned char)v->s[i]);
	if (sp->flags & FMT_LEFT)
		pad(out, ' ', missing);
}

const char *rt_format(struct str *out, const fmt_parts *parts, const struct rt_value *args,
		      unsigned n_args)
{
	const struct rt_value *end = args + n_args;

	for (size_t i = 0; i < parts->n; i++) {
		const struct fmt_part *p = &parts->v[i];
		struct spec sp = {p->flags, p->width, p->precision};

		if (p->conv == CONV_LITERAL) {
			str_addn(out, p->text, p->len);
			continue;
		}
		if (p->width == FMT_DYNAMIC)
			sp.width = args < end ? clamp(args++->n) : 0;
		if (p->precision == FMT_DYNAMIC)
			sp.precision = args < end ? clamp(args++->n) : 0;
		if (args == end)
			return "too few values for the format";
		switch (p->conv) {
		case CONV_STRING:
			add_string(out, &sp, args);
			break;
		case CONV_CHAR:
			add_char(out, &sp, args->n);
			break;
		case CONV_BINARY:
			add_binary(out, &sp, args->n);
			break;
		case CONV_MEMORY: /* the precision says how much was read */
			add_text(out, &sp, args->s, (int)args->len);
			break;
		case CONV_MEMORY_HEX:
			add_hex(out, &sp, args);
			break;
		default:
			add_integer(out, &sp, p->conv, args->n);
		}
		args++;
	}
	return NULL;
}

#ifdef TAPIR_TEST
#include "base/test.h"
#include "lang/lang.h"

static const char *fmt1(const char *format, int64_t n)
{
	static struct str out;
	struct arena a = {0};
	fmt_parts parts = {0};
	struct rt_value v = {.n = n};
	const char *e = format_parse(&a, format, strlen(format), &parts);

	out.len = 0;
	str_add(&out, "");
	if (!e)
		e = rt_format(&out, &parts, &v, 1);
	arena_release(&a);
	return e ? e : out.s;
}

TEST(format_numbers)
{
	CHECK_STR(fmt1("%06d", -5), "-00005");
	CHECK_STR(fmt1("%#8x", 255), "    0xff");
	CHECK_STR(fmt1("%+6.3d", 5), "  +005");
	CHECK_STR(fmt1("%06.3d", 5), "000005");
	CHECK_STR(fmt1("%.0d", 0), "0");
	CHECK_STR(fmt1("%#x", 0), "0x0");
	CHECK_STR(fmt1("%#o", 0), "00");
	CHECK_STR(fmt1("%p", 0), "0x0");
	CHECK_STR(fmt1("%+u", 5), "5");
	CHECK_STR(fmt1("% d", 5), " 5");
	CHECK_STR(fmt1("%d", INT64_MIN), "-9223372036854775808");
	CHECK_STR(fmt1("%-6dx", 5), "5     x");
	CHECK_STR(fmt1("%5c", 'a'), "    a");
	CHECK_STR(fmt1("%#c", 10), "\\n");
	CHECK_STR(fmt1("%#c", 200), "\\310");
}
#endif
