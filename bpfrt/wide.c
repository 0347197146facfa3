/* Strings of 16-bit and 32-bit characters, as UTF-8. */
#include "bpfrt.h"

struct wide_text {
	struct rt_room *dst;
	uint64_t cap, out;
	uint64_t at, unit;
	uint64_t kernel;
	uint64_t bad, code; /* enum rt_wide; the character that is none */
};

/* The unit at an address; < 0: a fault. */
static inline int64_t read_unit(const struct wide_text *c, uint64_t at)
{
	uint32_t unit = 0, size = c->unit == 2 ? 2 : 4;
	long n = c->kernel ? bpf_probe_read_kernel(&unit, size, (void *)at)
			   : bpf_probe_read_user(&unit, size, (void *)at);

	return n < 0 ? -1 : (int64_t)unit;
}

static inline uint64_t following(uint64_t code)
{
	return 0x80 | (code & 0x3f);
}

LOCAL long wide_character(uint64_t i, struct wide_text *c)
{
	int64_t unit = read_unit(c, c->at), low;
	uint64_t code, took = c->unit, bytes, n;

	(void)i;
	if (unit < 0) {
		c->bad = RT_WIDE_FAULT;
		return 1;
	}
	if (!unit)
		return 1;
	code = (uint64_t)unit;
	if (c->unit == 2 && code >> 10 == 0x36) {
		low = read_unit(c, c->at + 2);
		if (low < 0) {
			c->bad = RT_WIDE_FAULT;
			return 1;
		}
		if (low >> 10 == 0x37) {
			code = 0x10000 + ((code & 0x3ff) << 10 | ((uint64_t)low & 0x3ff));
			took = 4;
		}
	}
	if (code > 0x10ffff || code >> 11 == 0x1b) {
		c->bad = RT_WIDE_INVALID;
		c->code = code;
		return 1;
	}
	/* The first byte, which is the lowest here, says how many follow, with six bits each. */
	n = 1 + (code > 0x7f) + (code > 0x7ff) + (code > 0xffff);
	if (n == 1)
		bytes = code;
	else if (n == 2)
		bytes = (0xc0 | code >> 6) | following(code) << 8;
	else if (n == 3)
		bytes = (0xe0 | code >> 12) | following(code >> 6) << 8 | following(code) << 16;
	else
		bytes = (0xf0 | code >> 18) | following(code >> 12) << 8 | following(code >> 6) << 16 |
			following(code) << 24;
	if (c->out + n > c->cap)
		return 1;
	c->out = launder(append(c->dst, c->cap, c->out, (const char *)&bytes, n), c->dst);
	c->at += took;
	return 0;
}

long rt_wide_string(struct rt_frame *f, struct rt_room *dst, uint64_t cap, uint64_t addr, uint64_t how)
{
	struct wide_text c = {.dst = dst, .at = addr, .unit = how & 7, .kernel = how & 8};

	if (!f || !dst)
		return 0;
	c.cap = limit(cap);
	c.out = c.bad = c.code = zero_of(addr);
	bpf_loop(RT_STR_BYTES, wide_character, &c, 0);
	if (c.bad) {
		set_len((struct rt_str *)dst, 0);
		f->error_arg = (int64_t)c.at;
		f->scratch[0] = c.code;
		return (long)c.bad;
	}
	set_len((struct rt_str *)dst, c.out);
	return 0;
}
