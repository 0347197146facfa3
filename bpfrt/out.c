/* Records on their way to user space. */
#include "bpfrt.h"

long rt_out_str(struct rt_frame *f, const struct rt_str *s)
{
	uint32_t used, token;
	uint64_t n;
	char *p;

	if (!f || !s)
		return 0;
	used = f->out_used;
	if (used > RT_OUT_BYTES)
		return 1;
	used &= ~7u;
	n = limit(s->len);
	token = s->token;
	p = f->out + used;
	((struct rt_arg_str *)p)->len = (uint32_t)n;
	((struct rt_arg_str *)p)->token = token;
	p += sizeof(struct rt_arg_str);
	store64(p + (bound(n) & ~7ull), 0); /* what pads it */
	copy(p, n, s->s);
	f->out_used = used + (uint32_t)(sizeof(struct rt_arg_str) + ((n + 7) & ~7ull));
	return 0;
}
