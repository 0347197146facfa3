/* Conversions of sprintf(), for strings that are made in the kernel. Each appends to dst, which
 * began as an empty string. The native counterpart is rt/format.c. */
#include "bpfrt.h"

struct spec {
	uint64_t flags, width, precision;
	bool has_precision;
};

static inline struct spec unpack(uint64_t spec)
{
	struct spec sp = {
		.flags = spec >> RT_SPEC_FLAGS & 0xff,
		.width = spec >> RT_SPEC_WIDTH & 0xffff,
		.precision = spec >> RT_SPEC_PRECISION & 0xffff,
	};

	sp.has_precision = sp.precision != RT_SPEC_NONE;
	return sp;
}

/* Up to 8 bytes, the first one lowest. */
static inline void add_bytes(struct rt_room *dst, uint64_t cap, uint64_t bytes, uint64_t n)
{
	uint64_t out = smaller(dst->len, cap);

	n = smaller(n, cap - out);
	store_bytes(dst->s + bound(out), bytes, n);
	dst->len = (uint32_t)(out + n);
}

static inline void add_text(struct rt_room *dst, uint64_t cap, const char *from, uint64_t n)
{
	dst->len = (uint32_t)append(dst, cap, dst->len, from, n);
}

static inline void end_text(struct rt_room *dst)
{
	set_len((struct rt_str *)dst, limit(dst->len));
}

/* ------------------------------------------------------------------ padding */
struct fill {
	struct rt_room *dst;
	uint64_t at, bytes;
};

LOCAL long fill_word(uint64_t i, struct fill *c)
{
	store64(c->dst->s + bound(c->at + 8 * i), c->bytes);
	return 0;
}

__attribute__((noinline)) long rt_fmt_pad(struct rt_room *dst, uint64_t cap, int64_t n, uint64_t byte)
{
	struct fill c = {.dst = dst};
	uint64_t words;

	if (!dst || n <= 0)
		return 0;
	cap = limit(cap);
	c.at = smaller(dst->len, cap);
	n = (int64_t)smaller((uint64_t)n, cap - c.at);
	c.bytes = (byte & 0xff) * 0x0101010101010101ull;
	words = (uint64_t)n / 8;
	if (words)
		bpf_loop((uint32_t)words, fill_word, &c, 0);
	store_bytes(dst->s + bound(c.at + 8 * words), c.bytes, (uint64_t)n & 7);
	set_len((struct rt_str *)dst, c.at + (uint64_t)n);
	return 0;
}

/* ------------------------------------------------------------------ numbers */

/* The 8 digits of x < 10^8 as bytes 0 to 9, the highest digit in the lowest one: halves, then
 * quarters, then single digits, all side by side. */
static inline uint64_t decimal(uint64_t x)
{
	uint64_t t;

	x = x / 10000 | x % 10000 << 32;
	t = (x * 10486 >> 20) & 0x0000007f0000007full;
	x = t | (x - 100 * t) << 16;
	t = (x * 103 >> 10) & 0x000f000f000f000full;
	return t | (x - 10 * t) << 8;
}

static inline uint64_t octal(uint64_t x)
{
	uint64_t y = 0;

	for (int i = 0; i < 8; i++)
		y = y << 8 | (x >> 3 * i & 7);
	return y;
}

/* Number of zero bytes below the lowest other one. */
static inline uint64_t zero_bytes(uint64_t x)
{
	uint64_t n = 0;

	x &= -x;
	for (unsigned by = 32; by >= 8; by /= 2) {
		uint64_t any = -(x >> by);

		forget(any);
		any >>= 63;
		n += by / 8 * any;
		x >>= by * any;
	}
	return n;
}

/* Fills 24 digits; how many of them, at the end, count. */
static inline uint64_t digits_of(uint64_t digits[3], uint64_t u, uint64_t conv)
{
	uint64_t rest;

	switch (conv) {
	case RT_CONV_HEX:
	case RT_CONV_HEX_UPPER:
	case RT_CONV_POINTER:
		digits[0] = 0;
		digits[1] = nibbles(u >> 32);
		digits[2] = nibbles(u & 0xffffffff);
		break;
	case RT_CONV_OCTAL:
		digits[0] = octal(u >> 48);
		digits[1] = octal(u >> 24 & 0xffffff);
		digits[2] = octal(u & 0xffffff);
		break;
	default:
		rest = u % 10000000000000000ull;
		digits[0] = decimal(u / 10000000000000000ull);
		digits[1] = decimal(rest / 100000000);
		digits[2] = decimal(rest % 100000000);
	}
	if (digits[0])
		return 24 - zero_bytes(digits[0]);
	if (digits[1])
		return 16 - zero_bytes(digits[1]);
	return digits[2] ? 8 - zero_bytes(digits[2]) : 1;
}

/* The second half of rt_fmt_int(), of its own so that the verifier walks it once. */
__attribute__((noinline)) long rt_fmt_digits(struct rt_room *dst, uint64_t cap,
					     const struct rt_digits *d, uint64_t spec)
{
	struct spec sp = unpack(spec);
	uint64_t n, zeros = 0, blanks = 0, skip;

	if (!dst || !d)
		return 0;
	cap = limit(cap);
	n = d->n;
	if (sp.has_precision && sp.precision > n)
		zeros = sp.precision - n;
	if (sp.width > d->n_prefix + zeros + n)
		blanks = sp.width - (d->n_prefix + zeros + n);
	if ((sp.flags & (RT_FMT_ZERO | RT_FMT_LEFT)) == RT_FMT_ZERO) {
		zeros += blanks;
		blanks = 0;
	}
	rt_fmt_pad(dst, cap, sp.flags & RT_FMT_LEFT ? 0 : (int64_t)blanks, ' ');
	add_bytes(dst, cap, d->prefix, d->n_prefix & 3);
	rt_fmt_pad(dst, cap, (int64_t)zeros, '0');
	skip = 24 - n;
	forget(skip);
	add_text(dst, cap, (const char *)d->digits + (skip & 31), n);
	end_text(dst);
	rt_fmt_pad(dst, cap, sp.flags & RT_FMT_LEFT ? (int64_t)blanks : 0, ' ');
	return 0;
}

__attribute__((noinline)) long rt_fmt_int(struct rt_room *dst, uint64_t cap, int64_t value,
					  uint64_t spec)
{
	uint64_t u = (uint64_t)value, conv = spec & 0xff, flags = spec >> RT_SPEC_FLAGS & 0xff;
	bool upper = conv == RT_CONV_HEX_UPPER;
	struct rt_digits d;

	d.prefix = d.n_prefix = 0;
	if (conv == RT_CONV_DEC) {
		d.prefix = value < 0 ? '-' : flags & RT_FMT_PLUS ? '+' : ' ';
		d.n_prefix = value < 0 || (flags & (RT_FMT_PLUS | RT_FMT_SPACE));
		u = value < 0 ? -u : u;
	} else if (conv == RT_CONV_POINTER || (flags & RT_FMT_ALT)) {
		d.prefix = '0' | (upper ? 'X' : 'x') << 8;
		d.n_prefix = conv == RT_CONV_OCTAL ? 1 : conv == RT_CONV_UNSIGNED ? 0 : 2;
	}
	d.n = digits_of(d.digits, u, conv);
	for (int i = 0; i < 3; i++)
		d.digits[i] = characters(d.digits[i], upper);
	return rt_fmt_digits(dst, cap, &d, spec);
}

/* ------------------------------------------------------------------ text */
long rt_fmt_lit(struct rt_room *dst, uint64_t cap, const struct rt_str *s)
{
	if (!dst || !s)
		return 0;
	add_text(dst, limit(cap), s->s, text_len(s));
	end_text(dst);
	return 0;
}

long rt_fmt_str(struct rt_room *dst, uint64_t cap, const struct rt_str *s, uint64_t spec)
{
	struct spec sp = unpack(spec);
	uint64_t n, blanks = 0;

	if (!dst || !s)
		return 0;
	cap = limit(cap);
	n = text_len(s);
	if (sp.has_precision)
		n = smaller(n, sp.precision);
	if (sp.width > n)
		blanks = sp.width - n;
	if (blanks && !(sp.flags & RT_FMT_LEFT))
		rt_fmt_pad(dst, cap, (int64_t)blanks, ' ');
	add_text(dst, cap, s->s, n);
	if (blanks && (sp.flags & RT_FMT_LEFT))
		rt_fmt_pad(dst, cap, (int64_t)blanks, ' ');
	/* What SystemTap does with "%05s": blanks, and a NUL byte behind the text. */
	if (sp.flags & RT_FMT_ZERO)
		add_bytes(dst, cap, 0, 1);
	end_text(dst);
	return 0;
}

long rt_fmt_char(struct rt_room *dst, uint64_t cap, uint64_t ch, uint64_t spec)
{
	struct spec sp = unpack(spec);
	uint64_t bytes, n = 1, blanks = 0;

	if (!dst)
		return 0;
	cap = limit(cap);
	ch &= 0xff;
	bytes = ch;
	if (sp.flags & RT_FMT_ALT) {
		if (ch >= 7 && ch <= 13) {
			bytes = '\\' | (0x007266766e746261ull >> 8 * (ch - 7) & 0xff) << 8;
			n = 2;
		} else if (ch == '\'' || ch == '\\') {
			bytes = '\\' | ch << 8;
			n = 2;
		} else if (ch < 32 || ch >= 127) {
			bytes = '\\' | ('0' + (ch >> 6)) << 8 | ('0' + (ch >> 3 & 7)) << 16 |
				('0' + (ch & 7)) << 24;
			n = 4;
		}
	}
	if (sp.width > n)
		blanks = sp.width - n;
	if (blanks && !(sp.flags & RT_FMT_LEFT))
		rt_fmt_pad(dst, cap, (int64_t)blanks, ' ');
	add_bytes(dst, cap, bytes, n);
	if (blanks && (sp.flags & RT_FMT_LEFT))
		rt_fmt_pad(dst, cap, (int64_t)blanks, ' ');
	end_text(dst);
	return 0;
}

long rt_fmt_binary(struct rt_room *dst, uint64_t cap, uint64_t value, uint64_t spec)
{
	struct spec sp = unpack(spec);
	uint64_t n = sp.has_precision ? sp.precision : sp.width;
	int64_t blanks;

	if (!dst)
		return 0;
	cap = limit(cap);
	if (n != 1 && n != 2 && n != 4)
		n = 8;
	blanks = (int64_t)sp.width - (int64_t)n;
	if (blanks > 0 && !(sp.flags & RT_FMT_LEFT))
		rt_fmt_pad(dst, cap, blanks, 0);
	add_bytes(dst, cap, value, n);
	if (blanks > 0 && (sp.flags & RT_FMT_LEFT))
		rt_fmt_pad(dst, cap, blanks, 0);
	end_text(dst);
	return 0;
}

/* ------------------------------------------------------------------ memory dumps */
struct dump {
	struct rt_room *dst;
	const struct rt_str *s;
	uint64_t at, cap;
};

LOCAL long dump_byte(uint64_t i, struct dump *c)
{
	uint64_t at = c->at + 2 * i, byte = (uint8_t)c->s->s[bound(i)];

	if (at >= c->cap)
		return 1;
	byte = characters(byte >> 4 | (byte & 15) << 8, false);
	c->dst->s[bound(at)] = (char)byte;
	if (at + 1 < c->cap)
		c->dst->s[bound(at + 1)] = (char)(byte >> 8);
	return 0;
}

long rt_fmt_hex(struct rt_room *dst, uint64_t cap, const struct rt_str *s, uint64_t spec)
{
	struct dump c = {.dst = dst, .s = s, .cap = limit(cap)};
	struct spec sp = unpack(spec);
	uint64_t n, blanks = 0;

	if (!dst || !s)
		return 0;
	n = text_len(s);
	if (sp.width > 2 * n)
		blanks = sp.width - 2 * n;
	rt_fmt_pad(dst, cap, sp.flags & RT_FMT_LEFT ? 0 : (int64_t)blanks, ' ');
	c.at = smaller(dst->len, c.cap);
	if (n)
		bpf_loop((uint32_t)n, dump_byte, &c, 0);
	set_len((struct rt_str *)dst, smaller(c.at + 2 * n, c.cap));
	rt_fmt_pad(dst, cap, sp.flags & RT_FMT_LEFT ? (int64_t)blanks : 0, ' ');
	return 0;
}
