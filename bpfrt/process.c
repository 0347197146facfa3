/* The command line and the environment of the current process, where its memory has them. */
#include "bpfrt.h"

enum { MAX_WORDS = 1 << 16 };

/* The number at an offset in the current process' memory description; 0 if it has none. */
static inline uint64_t memory_field(const struct rt_mm *mm, uint32_t offset)
{
	uint64_t p = 0, at = 0;

	bpf_probe_read_kernel(&p, sizeof(p), (void *)(bpf_get_current_task() + mm->task_mm));
	if (p)
		bpf_probe_read_kernel(&at, sizeof(at), (void *)(p + offset));
	return at;
}

/* Reads text at out that ends at end in any case; its size with the NUL. *cut: perhaps it goes on. */
static inline long read_part(struct rt_room *dst, uint64_t out, uint64_t at, uint64_t end, bool *cut)
{
	uint64_t size = smaller(RT_MAX_TEXT - bound(out), end - at) + 1;
	long got;

	forget(size);
	if (size > RT_STR_BYTES)
		size = RT_STR_BYTES;
	got = bpf_probe_read_user_str(dst->s + bound(out), (uint32_t)size, (void *)at);
	*cut = got == (long)size;
	return got;
}

/* ------------------------------------------------------------------ command line */
struct words {
	struct rt_room *dst;
	const struct rt_str *delim;
	uint64_t at, end; /* what is not yet read */
	uint64_t out;	  /* 0 up to the first wanted word: the others are read to the same place */
	uint64_t i, n, m; /* the word at at; the wanted ones */
	uint64_t begun;	  /* a part of word i was read */
	uint64_t any;	  /* a wanted word was */
};

LOCAL long next_word(uint64_t i, struct words *c)
{
	uint64_t out = bound(c->out), begun = c->begun;
	uint16_t nothing = 0x2222; /* "" */
	bool wanted = c->i >= c->n, cut;
	long got;

	(void)i;
	if (c->at >= c->end || c->i > c->m)
		return 1;
	if (wanted && !begun && c->any)
		out = append(c->dst, RT_MAX_TEXT, out, c->delim->s, text_len(c->delim));
	got = read_part(c->dst, out, c->at, c->end, &cut);
	if (got <= 0)
		return 1;
	/* The NUL of a part that was cut is not the word's. */
	c->at += (uint64_t)got - cut;
	c->i = launder(c->i + !cut, c->dst);
	c->begun = launder(cut, c->dst);
	if (!wanted)
		return 0;
	if (got == 1 && !begun && !cut) {
		out = append(c->dst, RT_MAX_TEXT, out, (const char *)&nothing, 2);
	} else {
		out += (uint64_t)got - 1;
	}
	c->any = launder(1, c->dst);
	c->out = launder(out, c->dst);
	return out >= RT_MAX_TEXT;
}

long rt_cmdline_args(struct rt_room *dst, const struct rt_mm *mm, int64_t n, int64_t m,
		     const struct rt_str *delim)
{
	struct words c = {.dst = dst, .delim = delim};

	if (!dst || !mm || !delim)
		return 0;
	c.at = memory_field(mm, mm->arg_start);
	c.end = memory_field(mm, mm->arg_end);
	c.out = launder(0, dst);
	c.i = c.begun = c.any = c.out;
	c.n = launder(n < 0 ? 0 : min64((uint64_t)n, MAX_WORDS), dst);
	c.m = launder(min64((uint64_t)m, MAX_WORDS), dst); /* negative: all */
	bpf_loop(MAX_WORDS, next_word, &c, 0);
	set_len((struct rt_str *)dst, bound(c.out));
	return 0;
}

/* ------------------------------------------------------------------ environment */
struct variables {
	struct rt_room *dst;
	const struct rt_str *name;
	uint64_t at, end;
	uint64_t begun; /* a part of a long entry was read */
	uint64_t found; /* where the value is, or 0 */
};

LOCAL long next_variable(uint64_t i, struct variables *c)
{
	uint64_t n = text_len(c->name), at = c->at;
	bool begun = c->begun, cut;
	long got;

	(void)i;
	if (at >= c->end)
		return 1;
	got = read_part(c->dst, 0, at, c->end, &cut);
	if (got <= 0)
		return 1;
	c->at = at + (uint64_t)got - cut;
	c->begun = launder(cut, c->dst);
	if (begun || c->dst->s[bound(n)] != '=')
		return 0;
	/* Is the name what the entry begins with? */
	c->dst->len = (uint32_t)n;
	c->dst->token = 0;
	if (rt_compare((const struct rt_str *)c->dst, c->name) != 0)
		return 0;
	c->found = at + n + 1;
	return 1;
}

long rt_env_var(struct rt_room *dst, const struct rt_mm *mm, const struct rt_str *name)
{
	struct variables c = {.dst = dst, .name = name};
	bool cut;
	long got = 0;

	if (!dst || !mm || !name)
		return 0;
	c.at = memory_field(mm, mm->env_start);
	c.end = memory_field(mm, mm->env_end);
	c.begun = launder(0, dst);
	if (text_len(name))
		bpf_loop(MAX_WORDS, next_variable, &c, 0);
	if (c.found && c.found < c.end)
		got = read_part(dst, 0, c.found, c.end, &cut);
	set_len((struct rt_str *)dst, got > 0 ? (uint64_t)got - 1 : 0);
	return 0;
}
