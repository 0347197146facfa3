/* Regular expressions: the scan over the tables of one (rt/regex.h), laid out by the emitter; and the
 * simulation that finds groups, which is that of rt/regex_match.c in small steps: all that it knows
 * between them lies in struct rt_groups, so that the verifier sees one step only. */
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

/* ------------------------------------------------------------------ groups */
enum {
	NO_PC = RT_GROUP_INSTS, /* nothing is being walked */
	/* Each instruction is walked, come upon again, and taken from todo once a place, at most. */
	MAX_STEPS = 8 * RT_GROUP_INSTS * RT_STR_BYTES,
	TODO_SLOT = 1u << 31, /* slot << 16 | its value; else where to go on */
};

struct groups_run {
	struct rt_groups *g;
	const struct rt_group_program *p;
};

static inline uint64_t inst_bound(uint64_t n)
{
	forget(n);
	return n & (RT_GROUP_INSTS - 1);
}

static inline uint64_t cell_bound(uint64_t n)
{
	forget(n);
	return n & (RT_GROUP_CELLS - 1);
}

static inline uint64_t slot_bound(uint64_t n)
{
	forget(n);
	return n & (2 * RT_GROUPS_MAX - 1);
}

/* All words of a list of threads, where thread n begins. As many are copied as there can be, whatever
 * they belong to: a list is written in order. */
static inline uint64_t *thread_bounds(struct rt_groups *g, uint64_t list, uint64_t n, uint64_t words)
{
	uint64_t at = n * words;

	forget(list);
	forget(at);
	return &g->threads[list & 1][at & (RT_GROUP_WORDS - 1)];
}

static inline void copy_bounds(uint64_t *to, const uint64_t *from)
{
#pragma clang loop unroll(full)
	for (int i = 0; i < RT_GROUPS_MAX / 2; i++)
		to[i] = from[i];
}

static inline void no_bounds(union rt_bounds *b)
{
#pragma clang loop unroll(full)
	for (int i = 0; i < RT_GROUPS_MAX / 2; i++)
		b->words[i] = ~0ull;
}

static inline void push_todo(struct rt_groups *g, uint32_t what)
{
	g->todo[inst_bound(g->n_todo)] = what;
	g->n_todo++;
}

/* The path has come to an instruction that takes a byte, or matches. One that starts behind the match at
 * hand is of no use. */
static inline void add_thread(struct rt_groups *g, const struct rt_group_program *p, uint64_t pc,
			      uint64_t op)
{
	uint64_t list = g->reads ^ 1, n = g->n_later;

	if (g->match.at[0] != RT_GROUP_NONE && g->path.at[0] > g->match.at[0])
		return;
	if (op == RT_GROUP_MATCH) {
		copy_bounds(g->match.words, g->path.words);
		g->match.at[1] = (uint16_t)g->at;
		return;
	}
	g->pcs[list & 1][inst_bound(n)] = (uint16_t)pc;
	copy_bounds(thread_bounds(g, list, n, p->words), g->path.words);
	g->n_later = n + 1;
}

/* One instruction of the path. */
static inline void walk_inst(struct rt_groups *g, const struct rt_group_program *p, uint64_t pc)
{
	uint64_t cell = p->cells[pc], op = cell & 0xffff, x = cell >> 16 & 0xffff, slot;

	g->pc = NO_PC;
	if (g->mark[pc] == g->step)
		return;
	g->mark[pc] = g->step;
	switch (op) {
	case RT_GROUP_SPLIT:
		push_todo(g, cell >> 32 & 0xffff);
		g->pc = x;
		break;
	case RT_GROUP_JUMP:
		g->pc = x;
		break;
	case RT_GROUP_SAVE:
		slot = slot_bound(x);
		push_todo(g, TODO_SLOT | (uint32_t)slot << 16 | g->path.at[slot]);
		g->path.at[slot] = (uint16_t)g->at;
		g->pc = pc + 1;
		break;
	case RT_GROUP_BOL:
		if (g->at == 0)
			g->pc = pc + 1;
		break;
	case RT_GROUP_EOL:
		if (g->at == g->text.len)
			g->pc = pc + 1;
		break;
	default:
		add_thread(g, p, pc, op);
	}
}

static inline void pop_todo(struct rt_groups *g)
{
	uint64_t n = g->n_todo - 1;
	uint32_t what = g->todo[inst_bound(n)];

	g->n_todo = n;
	if (what & TODO_SLOT)
		g->path.at[slot_bound(what >> 16)] = (uint16_t)what;
	else
		g->pc = what;
}

/* The next path: that of a thread whose byte came, or a new one; or on to the next byte. */
static inline long next_path(struct rt_groups *g, const struct rt_group_program *p)
{
	uint64_t n = g->next, byte, set, pc;

	if (n < g->n_here) {
		g->next = n + 1;
		pc = g->pcs[g->reads & 1][inst_bound(n)];
		set = p->cells[inst_bound(pc)] >> 16 & 0xffff;
		byte = (uint8_t)g->text.s[bound(g->at - 1)];
		if (p->cells[cell_bound(set + (byte >> 6))] >> (byte & 63) & 1) {
			copy_bounds(g->path.words, thread_bounds(g, g->reads, n, p->words));
			g->pc = pc + 1;
		}
		return 0;
	}
	if (!g->started && g->match.at[0] == RT_GROUP_NONE) {
		g->started = 1;
		no_bounds(&g->path);
		g->path.at[0] = (uint16_t)g->at;
		g->pc = 0;
		return 0;
	}
	if (g->at >= g->text.len || (g->n_later == 0 && g->match.at[0] != RT_GROUP_NONE))
		return 1;
	g->at++;
	g->step++;
	g->started = 0;
	g->reads ^= 1;
	g->next = 0;
	g->n_here = g->n_later;
	g->n_later = 0;
	return 0;
}

LOCAL long groups_step(uint64_t i, struct groups_run *c)
{
	struct rt_groups *g = c->g;

	(void)i;
	if (g->pc < NO_PC)
		walk_inst(g, c->p, inst_bound(g->pc));
	else if (g->n_todo)
		pop_todo(g);
	else
		return next_path(g, c->p);
	return 0;
}

long rt_regex_groups(struct rt_groups *g, const struct rt_str *s, const struct rt_regex *re,
		     const struct rt_group_program *p)
{
	struct groups_run c = {g, p};
	uint64_t n;

	if (!g || !s || !re || !p)
		return 0;
	g->n_groups = 0;
	/* Most texts do not match, and the tables say so quickly. */
	if (!rt_regex_test(s, re))
		return 0;
	n = text_len(s);
	copy(g->text.s, n, s->s);
	set_len(&g->text, n);
	no_bounds(&g->match);
	g->step++;
	g->at = g->started = g->reads = g->next = g->n_here = g->n_later = g->n_todo = 0;
	g->pc = NO_PC;
	bpf_loop(MAX_STEPS, groups_step, &c, 0);
	g->n_groups = p->n_groups;
	return 1;
}

long rt_matched(struct rt_groups *g, struct rt_str *dst, uint64_t cap, int64_t n)
{
	uint64_t start, end;

	if (!g || !dst)
		return 0;
	set_len(dst, 0);
	if (!g->n_groups)
		return RT_MATCH_FAILED;
	if (n < 0 || n >= g->n_groups)
		return RT_NO_SUCH_GROUP;
	start = g->match.at[slot_bound(2 * (uint64_t)n)];
	end = g->match.at[slot_bound(2 * (uint64_t)n + 1)];
	if (start > end || end > g->text.len)
		return RT_MATCHED;
	end = smaller(end - start, limit(cap));
	copy(dst->s, end, g->text.s + bound(start));
	set_len(dst, end);
	return RT_MATCHED;
}
