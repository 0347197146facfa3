/* Regular expressions: the scan over the tables of one (rt/regex.h), laid out by the emitter. */
#include "bpfrt.h"

struct scan {
	const struct rt_str *s;
	const struct rt_regex *re;
	uint64_t n, row;
	uint64_t accept;
};

LOCAL long scan_byte(uint64_t i, struct scan *c)
{
	uint64_t row = c->row, class;

	if (i >= c->n)
		return 1;
	class = c->re->byte_class[(uint8_t)c->s->s[bound(i)]];
	row = row + 1 + class;
	forget(row);
	row = c->re->cells[row & (RT_REGEX_CELLS - 1)];
	c->row = row;
	c->accept = c->re->cells[row];
	return (c->accept & (RT_REGEX_NOW | RT_REGEX_NEVER)) != 0;
}

long rt_regex_test(const struct rt_str *s, const struct rt_regex *re)
{
	struct scan c = {.s = s, .re = re};

	if (!s || !re)
		return 0;
	c.n = text_len(s);
	c.row = re->start;
	c.accept = re->cells[c.row & (RT_REGEX_CELLS - 1)];
	if (!(c.accept & (RT_REGEX_NOW | RT_REGEX_NEVER)))
		bpf_loop(RT_STR_BYTES, scan_byte, &c, 0);
	return (c.accept & (RT_REGEX_NOW | RT_REGEX_AT_END)) != 0;
}
