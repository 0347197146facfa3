/* Tasks: by their id; words of a process' command line and environment. */
#include "bpfrt.h"

static inline uint64_t kernel64(uint64_t addr)
{
	uint64_t v = 0;

	return bpf_probe_read_kernel(&v, 8, (void *)addr) < 0 ? 0 : v;
}

/* The kernel's table of ids is a tree of nodes with 64 slots each (xarray): a pointer to a node has
 * the lowest bits 10. */
long rt_find_task(uint64_t current, const struct rt_task_layout *at, int64_t pid)
{
	uint64_t entry, task;

	if (!at || pid <= 0 || pid > 0x7fffffff)
		return 0;
	entry = kernel64(current + at->thread_pid);
	if (!entry)
		return 0;
	entry = kernel64(entry + at->first_namespace);
	entry = kernel64(entry + at->ids);
	for (int level = 0; level < 6; level++) {
		uint64_t node = entry - 2;
		uint8_t shift = 0;

		if ((entry & 3) != 2)
			break;
		if (bpf_probe_read_kernel(&shift, 1, (void *)(node + at->node_shift)) < 0)
			return 0;
		if (level == 0 && (uint64_t)pid >> ((shift + 6) & 63))
			return 0;
		entry = kernel64(node + at->node_slots + 8 * ((uint64_t)pid >> (shift & 63) & 63));
	}
	if (!entry || entry & 3)
		return 0;
	task = kernel64(entry + at->tasks);
	return task ? (long)(task - at->links) : 0;
}

/* ------------------------------------------------------------------ words */

/* Kernels before 6.13 say 0 of an empty text, not 1. */
static inline long user_text(struct rt_frame *f, uint64_t addr)
{
	long n = bpf_probe_read_user_str(f->tmp.s, RT_STR_BYTES, (void *)addr);

	return n ? n : 1;
}

/* A text of user memory to f->tmp: bytes up to and with its NUL, or < 0. */
static inline long read_word(struct rt_frame *f, uint64_t addr, bool sleepable)
{
	long n = user_text(f, addr);
	uint8_t byte;

	if (n >= 0 || !sleepable)
		return n;
	if (bpf_copy_from_user(&byte, 1, (void *)addr) < 0)
		return n;
	n = user_text(f, addr);
	if (n >= 0 || bpf_copy_from_user(&byte, 1, (void *)((addr | 4095) + 1)) < 0)
		return n;
	return user_text(f, addr);
}

enum { MAX_WORDS = 65536 };

/* What changes from word to word lies in frame->scratch. */
struct words {
	struct rt_frame *f;
	struct rt_room *dst;
	uint64_t cap;
	const struct rt_str *delim;
};
struct words_state {
	uint64_t at, end, out;
	int64_t i, first, last;
	uint64_t begun, any, failed; /* begun: word i was longer than one reading */
};
#define WORDS(f) ((struct words_state *)(void *)(f)->scratch)

static inline long next_word(struct words *c, bool sleepable)
{
	struct words_state *s = WORDS(c->f);
	uint64_t len, whole, out = s->out;
	long n;

	if (s->at >= s->end || (s->last >= 0 && s->i > s->last) || out >= c->cap)
		return 1;
	n = read_word(c->f, s->at, sleepable);
	if (n <= 0) {
		s->failed = 1;
		return 1;
	}
	len = (uint64_t)n - 1;
	whole = len < RT_MAX_TEXT;
	len = min64(len, s->end - s->at);
	if (s->i >= s->first) {
		if (!s->begun && s->any)
			out = append(c->dst, c->cap, out, c->delim->s, text_len(c->delim));
		if (len || s->begun) {
			out = append(c->dst, c->cap, out, c->f->tmp.s, len);
		} else {
			c->f->tmp.s[0] = c->f->tmp.s[1] = '"';
			out = append(c->dst, c->cap, out, c->f->tmp.s, 2);
		}
		s->any = 1;
		s->out = out;
	}
	s->at += len + whole;
	s->i += (int64_t)whole;
	s->begun = !whole;
	return 0;
}

LOCAL long next_word_plain(uint64_t i, struct words *c)
{
	(void)i;
	return next_word(c, false);
}

LOCAL long next_word_sleepable(uint64_t i, struct words *c)
{
	(void)i;
	return next_word(c, true);
}

static inline long join_words(struct rt_frame *f, struct rt_room *dst, uint64_t cap,
			      const struct rt_words *w, const struct rt_str *delim, bool sleepable)
{
	struct words c = {f, dst, limit(cap), delim};

	if (!f || !dst || !w || !delim)
		return 0;
	*WORDS(f) = (struct words_state){
		.at = w->at, .end = w->end, .first = w->first, .last = w->last};
	bpf_loop(MAX_WORDS, sleepable ? (void *)next_word_sleepable : (void *)next_word_plain, &c, 0);
	set_len((struct rt_str *)dst, WORDS(f)->failed ? 0 : min64(WORDS(f)->out, c.cap));
	return 0;
}

long rt_join_words(struct rt_frame *f, struct rt_room *dst, uint64_t cap, const struct rt_words *w,
		   const struct rt_str *delim)
{
	return join_words(f, dst, cap, w, delim, false);
}

long rt_join_words_sleepable(struct rt_frame *f, struct rt_room *dst, uint64_t cap,
			     const struct rt_words *w, const struct rt_str *delim)
{
	return join_words(f, dst, cap, w, delim, true);
}

/* ------------------------------------------------------------------ variables */

struct variable {
	struct rt_frame *f;
	const struct rt_room *name;
};
struct variable_state {
	uint64_t at, end, n, found, inside;
};
#define VARIABLE(f) ((struct variable_state *)(void *)(f)->scratch)

/* A word that is longer than one reading is looked at in its first part only. */
static inline long next_variable(struct variable *c, bool sleepable)
{
	struct variable_state *s = VARIABLE(c->f);
	struct rt_str *word = &c->f->tmp;
	uint64_t len;
	long n;

	if (s->at >= s->end)
		return 1;
	n = read_word(c->f, s->at, sleepable);
	if (n <= 0)
		return 1;
	len = (uint64_t)n - 1;
	if (!s->inside && len > s->n && word->s[bound(s->n)] == '=' && word->s[0] == c->name->s[0]) {
		word->len = (uint32_t)s->n;
		word->token = 0;
		if (rt_compare(word, (const struct rt_str *)c->name) == 0) {
			s->found = s->at + s->n + 1;
			return 1;
		}
	}
	s->at += len + (len < RT_MAX_TEXT);
	s->inside = len == RT_MAX_TEXT;
	return 0;
}

LOCAL long next_variable_plain(uint64_t i, struct variable *c)
{
	(void)i;
	return next_variable(c, false);
}

LOCAL long next_variable_sleepable(uint64_t i, struct variable *c)
{
	(void)i;
	return next_variable(c, true);
}

static inline uint64_t find_variable(struct rt_frame *f, const struct rt_words *w,
				     const struct rt_room *name, bool sleepable)
{
	struct variable c = {f, name};

	if (!f || !w || !name)
		return 0;
	*VARIABLE(f) = (struct variable_state){
		.at = w->at, .end = w->end, .n = text_len((const struct rt_str *)name)};
	if (!VARIABLE(f)->n)
		return 0;
	bpf_loop(MAX_WORDS,
		 sleepable ? (void *)next_variable_sleepable : (void *)next_variable_plain, &c, 0);
	return VARIABLE(f)->found;
}

long rt_find_variable(struct rt_frame *f, const struct rt_words *w, const struct rt_room *name)
{
	return (long)find_variable(f, w, name, false);
}

long rt_find_variable_sleepable(struct rt_frame *f, const struct rt_words *w,
				const struct rt_room *name)
{
	return (long)find_variable(f, w, name, true);
}

/* ------------------------------------------------------------------ bits */

struct bits {
	uint64_t at, end;
	long n;
};

LOCAL long next_bits(uint64_t i, struct bits *c)
{
	uint64_t v = kernel64(c->at + 8 * i);

	if (c->at + 8 * i >= c->end)
		return 1;
	v -= v >> 1 & 0x5555555555555555ull;
	v = (v & 0x3333333333333333ull) + (v >> 2 & 0x3333333333333333ull);
	v = (v + (v >> 4)) & 0x0f0f0f0f0f0f0f0full;
	c->n += (long)(v * 0x0101010101010101ull >> 56);
	return 0;
}

/* Bits that are set among the first n, a multiple of 64, of the kernel's memory. */
long rt_count_bits(uint64_t addr, uint64_t n)
{
	struct bits c = {addr, addr + n / 8, 0};

	bpf_loop(MAX_WORDS, next_bits, &c, 0);
	return c.n;
}
