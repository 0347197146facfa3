/* Building functions and the facts about operations. See ir.h. */
#include "ir/ir.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "rt/intrinsic.h"
#include "rt/regex.h"

#define HAS(flags, c) (__builtin_strchr(flags, c) != NULL)

const struct ir_op_info ir_ops[IR_OP_COUNT] = {
#define X(NAME, text, res, ops, flags, meaning)                                                    \
	[IR_##NAME] = {text, res, ops, HAS(flags, 'P'), HAS(flags, 'R'), HAS(flags, 'W'),          \
		       HAS(flags, 'F'), HAS(flags, 'T')},
#include "ir/ops.def"
#undef X
};

struct ir_op_info ir_ins_info(const struct ir_ins *i)
{
	struct ir_op_info info = ir_ops[i->op];

	if (i->op == IR_RT) {
		unsigned flags = intrinsic_by_number(i->imm)->flags;

		info.pure = flags & INTR_PURE;
		info.reads = (flags & (INTR_STABLE | INTR_READS)) != 0;
		info.writes = !info.pure && !info.reads;
		info.fails = (flags & (INTR_FAILS | INTR_ABORTS)) != 0;
	}
	return info;
}

struct ir_module *ir_module_new(uint32_t max_string)
{
	struct ir_module *m = xcalloc(1, sizeof(*m));

	m->max_string = max_string;
	return m;
}

void ir_module_free(struct ir_module *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->regexes.n; i++)
		if (m->regexes.v[i].compiled)
			regex_free(m->regexes.v[i].compiled);
	free(m->num_index);
	free(m->str_index);
	arena_release(&m->arena);
	free(m);
}

struct ir_fn *ir_fn_add(struct ir_module *m, const char *name)
{
	struct ir_fn *f = ARENA_NEW(&m->arena, struct ir_fn);

	f->name = arena_strdup(&m->arena, name);
	vec_push(&m->fns, &m->arena, f);
	return f;
}

ir_ref ir_reg_add(struct ir_module *m, struct ir_fn *f, enum ir_type type, uint32_t width,
		  const char *name)
{
	struct ir_reg r = {type, width, name};

	vec_push(&f->regs, &m->arena, r);
	return IR_REF(IRK_REG, (ir_ref)(f->regs.n - 1));
}

/* Open-addressing indexes over the constant pools: slot = pool number + 1. */
static uint32_t *index_slot(uint32_t **index, uint32_t *cap, size_t n, uint32_t hash,
			    bool (*same)(const void *pool, uint32_t i, const void *key),
			    uint32_t (*rehash)(const void *pool, uint32_t i), const void *pool,
			    const void *key)
{
	if (n * 2 >= *cap) {
		uint32_t old_cap = *cap, *old = *index;

		*cap = old_cap ? old_cap * 2 : 64;
		*index = xcalloc(*cap, sizeof(**index));
		for (uint32_t i = 0; i < old_cap; i++) {
			uint32_t h;

			if (!old[i])
				continue;
			h = rehash(pool, old[i] - 1) & (*cap - 1);
			while ((*index)[h])
				h = (h + 1) & (*cap - 1);
			(*index)[h] = old[i];
		}
		free(old);
	}
	hash &= *cap - 1;
	while ((*index)[hash] && !same(pool, (*index)[hash] - 1, key))
		hash = (hash + 1) & (*cap - 1);
	return &(*index)[hash];
}

static bool num_same(const void *pool, uint32_t i, const void *key)
{
	return ((const struct ir_module *)pool)->nums.v[i] == *(const int64_t *)key;
}

static uint32_t num_hash(const void *pool, uint32_t i)
{
	return hash_bytes(&((const struct ir_module *)pool)->nums.v[i], sizeof(int64_t));
}

static bool str_same(const void *pool, uint32_t i, const void *key)
{
	const struct ir_str *a = &((const struct ir_module *)pool)->strs.v[i], *b = key;

	return a->len == b->len && memcmp(a->s, b->s, a->len) == 0;
}

static uint32_t str_hash(const void *pool, uint32_t i)
{
	const struct ir_str *a = &((const struct ir_module *)pool)->strs.v[i];

	return hash_bytes(a->s, a->len);
}

ir_ref ir_num(struct ir_module *m, int64_t n)
{
	uint32_t *slot = index_slot(&m->num_index, &m->num_cap, m->nums.n, hash_bytes(&n, sizeof(n)),
				    num_same, num_hash, m, &n);

	if (!*slot) {
		vec_push(&m->nums, &m->arena, n);
		*slot = (uint32_t)m->nums.n;
	}
	return IR_REF(IRK_NUM, *slot - 1);
}

ir_ref ir_strc(struct ir_module *m, const char *s, uint32_t len)
{
	struct ir_str key;
	uint32_t *slot;

	if (len > m->max_string)
		len = m->max_string;
	key = (struct ir_str){s, len};
	slot = index_slot(&m->str_index, &m->str_cap, m->strs.n, hash_bytes(s, len), str_same,
			  str_hash, m, &key);
	if (!*slot) {
		key.s = arena_strndup(&m->arena, s, len);
		vec_push(&m->strs, &m->arena, key);
		*slot = (uint32_t)m->strs.n;
	}
	return IR_REF(IRK_STR, *slot - 1);
}

uint32_t ir_block_add(struct ir_module *m, struct ir_fn *f, int handler)
{
	struct ir_block b = {.handler = handler};

	vec_push(&f->blocks, &m->arena, b);
	return (uint32_t)(f->blocks.n - 1);
}

struct ir_ins *ir_add(struct ir_module *m, struct ir_fn *f, uint32_t b, enum ir_op op, ir_ref dst,
		      const ir_ref *args, unsigned n_args, uint32_t imm, const struct token *tok)
{
	struct ir_ins i = {.op = (uint8_t)op,
			   .n_args = (uint16_t)n_args,
			   .dst = dst,
			   .first_arg = (uint32_t)f->args.n,
			   .imm = imm,
			   .tok = tok};
	struct ir_block *blk = &f->blocks.v[b];

	for (unsigned k = 0; k < n_args; k++)
		vec_push(&f->args, &m->arena, args[k]);
	vec_push(&blk->ins, &m->arena, i);
	return &vec_last(&blk->ins);
}

enum ir_type ir_ref_type(const struct ir_module *m, const struct ir_fn *f, ir_ref r)
{
	(void)m;
	switch (IR_KIND(r)) {
	case IRK_REG:
		return f->regs.v[IR_INDEX(r)].type;
	case IRK_NUM:
		return IR_LONG;
	case IRK_STR:
		return IR_STR;
	case IRK_PARAM:
		return IR_INDEX(r) & 1 ? IR_STR : IR_LONG;
	default:
		return IR_VOID;
	}
}

uint32_t ir_ref_width(const struct ir_module *m, const struct ir_fn *f, ir_ref r)
{
	if (IR_KIND(r) == IRK_STR)
		return m->strs.v[IR_INDEX(r)].len;
	if (IR_KIND(r) == IRK_REG)
		return f->regs.v[IR_INDEX(r)].width;
	return 0;
}

const struct ir_ins *ir_next_def(const struct ir_fn *f, ir_ref r, struct ir_def *at)
{
	for (; at->block < f->blocks.n; at->block++, at->ins = 0)
		while (at->ins < f->blocks.v[at->block].ins.n) {
			const struct ir_ins *i = &f->blocks.v[at->block].ins.v[at->ins++];

			if (i->dst == r)
				return i;
		}
	return NULL;
}

/* bits: 0-1 direction, 2-5 column, 6 by_stat, 7-9 statistic, 10 has_limit */
uint32_t ir_sort_pack(struct ir_sort s)
{
	return (uint32_t)(s.dir < 0 ? 2 : s.dir) | (uint32_t)s.column << 2 |
	       (uint32_t)s.by_stat << 6 | (uint32_t)s.stat << 7 | (uint32_t)s.has_limit << 10;
}

struct ir_sort ir_sort_unpack(uint32_t imm)
{
	struct ir_sort s = {
		.dir = (imm & 3) == 2 ? -1 : (int)(imm & 3),
		.column = (int)(imm >> 2 & 15),
		.by_stat = imm >> 6 & 1,
		.stat = (enum stat_op)(imm >> 7 & 7),
		.has_limit = imm >> 10 & 1,
	};

	return s;
}
