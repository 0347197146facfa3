/* Names of flags. The native counterpart is rt/flags.c. */
#include "bpfrt.h"

struct flags {
	struct rt_room *dst;
	const struct rt_flag_table *t;
	uint64_t cap, value, rest, out;
};

LOCAL long flag_next(uint64_t i, struct flags *c)
{
	const struct rt_flag *f;
	uint64_t out = c->out, bar, n;

	forget(i);
	f = &c->t->v[i & RT_FLAGS_MAX];
	if (!f->len)
		return 1;
	if (f->value ? (c->rest & f->mask) != f->value : (c->value & f->mask) != 0)
		return 0;
	bar = (-out) >> 63;
	forget(bar);
	out = smaller(out, c->cap);
	bar = smaller(bar, c->cap - out);
	store_bytes(c->dst->s + bound(out), '|', bar & 1);
	n = f->len;
	forget(n);
	n = n & 63;
	c->out = launder(append(c->dst, c->cap, out + bar, f->text, smaller(n, sizeof(f->text))), c->dst);
	c->rest = opaque(c->rest & ~(uint64_t)f->mask, c->dst);
	return 0;
}

long rt_flags(struct rt_room *dst, uint64_t cap, const struct rt_flag_table *t, uint64_t value)
{
	struct flags c = {.dst = dst, .t = t};
	uint64_t bar;

	if (!dst || !t)
		return 0;
	set_len((struct rt_str *)dst, 0);
	c.cap = limit(cap);
	c.value = c.rest = value & 0xffffffff;
	c.out = zero(dst);
	bpf_loop(RT_FLAGS_MAX, flag_next, &c, 0);
	set_len((struct rt_str *)dst, limit(c.out));
	if (c.out && !c.rest)
		return 0;
	c.out = smaller(c.out, c.cap);
	bar = (-c.out) >> 63;
	forget(bar);
	bar = smaller(bar, c.cap - c.out);
	store_bytes(dst->s + bound(c.out), '|', bar & 1);
	set_len((struct rt_str *)dst, c.out + bar);
	return rt_fmt_int(dst, cap, (int64_t)c.rest,
			  RT_CONV_POINTER | (uint64_t)RT_SPEC_NONE << RT_SPEC_PRECISION);
}
