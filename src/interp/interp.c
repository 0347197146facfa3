/* The interpreter loop. See interp.h.
 *
 * A frame holds one slot (struct rt_value) a register and, behind the slots, the bytes of the string
 * registers; frames lie on a stack of chunks. Script calls do not recurse in C. A string slot points
 * at its own bytes or at a constant; parameters may point into the caller's frame, which is at rest
 * meanwhile. */
#include "interp/interp.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "interp/decode.h"
#include "rt/error_text.h"
#include "rt/format.h"
#include "sema/sema.h"
#include "session.h"

enum { CHUNK_BYTES = 256 * 1024 };

struct chunk {
	struct chunk *older;
	size_t size, used;
	_Alignas(16) char mem[];
};

struct frame {
	const struct fn_code *fn;
	struct rt_value *slots;
	const struct code *pc; /* the call, while a callee runs */
	struct chunk *chunk;
	size_t chunk_used; /* of it before this frame */
};

struct global {
	struct rt_value v; /* scalars; strings: s owned, of max_string + 1 bytes */
	struct rt_table *table;
	/* A scalar that handlers in the kernel use too, while these run: int64_t or struct rt_str
	 * in their memory. Otherwise NULL. */
	void *live;
};

struct interp {
	struct session *s;
	struct ir_module *m;
	struct rt_env *env;
	struct arena arena;
	struct fn_code *fns;
	struct rt_value *consts;
	struct global *globals;
	struct chunk *chunk;
	struct frame *frames; /* max_nesting + 1 of them and one more */
	int64_t max_nesting, max_actions, actions;
	struct rt_iter *iters;
	uint32_t n_iters;
	struct str tmp;	  /* sprint */
	struct str error; /* bare message, then the full one */
	bool catchable;
};

/* ------------------------------------------------------------------ life */

static void make_globals(struct interp *in)
{
	struct ir_module *m = in->m;

	in->globals = ARENA_ARRAY(&in->arena, struct global, m->globals.n + 1);
	for (size_t i = 0; i < m->globals.n; i++) {
		const struct ir_global *g = &m->globals.v[i];
		struct global *to = &in->globals[i];

		if (g->n_keys || g->type == TY_STATS) {
			to->table = rt_table_new(g);
			continue;
		}
		to->v.n = g->init_num;
		if (g->type == TY_STRING) {
			char *s = ARENA_ARRAY(&in->arena, char, m->max_string + 1);

			if (g->init_str)
				memcpy(s, g->init_str, g->init_len);
			to->v.s = s;
			to->v.len = g->init_len;
		}
	}
}

struct interp *interp_new(struct session *s, struct ir_module *m, struct rt_env *env)
{
	struct interp *in = xcalloc(1, sizeof(*in));

	in->s = s;
	in->m = m;
	in->env = env;
	env->interp = in;
	env->session = s;
	env->match.text = ARENA_ARRAY(&in->arena, char, m->max_string + 1);
	env->token.text = ARENA_ARRAY(&in->arena, char, m->max_string + 1);
	in->consts = ARENA_ARRAY(&in->arena, struct rt_value, m->nums.n + m->strs.n + 1);
	for (size_t i = 0; i < m->nums.n; i++)
		in->consts[i].n = m->nums.v[i];
	for (size_t i = 0; i < m->strs.n; i++)
		in->consts[m->nums.n + i] =
			(struct rt_value){.s = m->strs.v[i].s, .len = m->strs.v[i].len};
	in->fns = ARENA_ARRAY(&in->arena, struct fn_code, m->fns.n + 1);
	for (size_t i = 0; i < m->fns.n; i++)
		decode_fn(&in->arena, m, m->fns.v[i], &in->fns[i]);
	make_globals(in);
	in->max_nesting = ir_max_nesting(m, s->opt.maxnesting);
	in->max_actions = s->opt.suppress_time_limits ? INT64_MAX : s->opt.maxaction * 10;
	in->frames = ARENA_ARRAY(&in->arena, struct frame, in->max_nesting + 2);
	str_add(&in->tmp, "");
	str_add(&in->error, "");
	return in;
}

void interp_free(struct interp *in)
{
	if (!in)
		return;
	for (size_t i = 0; i < in->m->globals.n; i++)
		rt_table_free(in->globals[i].table);
	for (uint32_t i = 0; i < in->n_iters; i++)
		rt_iter_end(&in->iters[i]);
	free(in->iters);
	while (in->chunk) {
		struct chunk *c = in->chunk;

		in->chunk = c->older;
		free(c);
	}
	str_release(&in->tmp);
	str_release(&in->error);
	arena_release(&in->arena);
	free(in);
}

const char *interp_error(const struct interp *in)
{
	return in->error.s;
}

int interp_set_global(struct interp *in, const char *name, const char *value)
{
	for (size_t i = 0; i < in->m->globals.n; i++) {
		const struct ir_global *g = &in->m->globals.v[i];
		struct rt_value *v = &in->globals[i].v;
		char *end;

		if (in->globals[i].table || strcmp(g->name, name) != 0)
			continue;
		if (g->type == TY_STRING) {
			v->len = (uint32_t)strnlen(value, in->m->max_string);
			memcpy((char *)v->s, value, v->len);
			return 0;
		}
		v->n = (int64_t)strtoull(value, &end, 0);
		return *value && !*end ? 0 : -1;
	}
	return -1;
}

/* ------------------------------------------------------------------ globals of the kernel side */

/* The kernel side's value becomes ours. */
static void read_live(struct interp *in, uint32_t i)
{
	struct global *g = &in->globals[i];
	const struct rt_str *from = g->live;
	uint32_t max = in->m->globals.v[i].width, len;

	if (in->m->globals.v[i].type != TY_STRING) {
		g->v.n = __atomic_load_n((int64_t *)g->live, __ATOMIC_SEQ_CST);
		return;
	}
	max = max < in->m->max_string ? max : in->m->max_string;
	if (from->token && in->env->token_text) {
		in->tmp.len = 0;
		in->env->token_text(in->env, from, &in->tmp);
		len = in->tmp.len < in->m->max_string ? (uint32_t)in->tmp.len : in->m->max_string;
		memcpy((char *)g->v.s, in->tmp.s, len);
	} else {
		len = from->token ? 0 : from->len < max ? from->len : max;
		memcpy((char *)g->v.s, from->s, len);
	}
	g->v.len = len;
}

static void write_live(struct interp *in, uint32_t i)
{
	struct global *g = &in->globals[i];
	struct rt_str *to = g->live;
	uint32_t max = in->m->globals.v[i].width;

	if (in->m->globals.v[i].type != TY_STRING) {
		__atomic_store_n((int64_t *)g->live, g->v.n, __ATOMIC_SEQ_CST);
		return;
	}
	to->token = 0;
	to->len = g->v.len < max ? g->v.len : max;
	memcpy(to->s, g->v.s, to->len);
	to->s[to->len] = 0;
}

struct rt_table *interp_table(struct interp *in, uint32_t global)
{
	return in->globals[global].table;
}

void interp_go_live(struct interp *in, uint32_t global, void *where)
{
	in->globals[global].live = where;
	write_live(in, global);
}

void interp_go_plain(struct interp *in, uint32_t global)
{
	if (in->globals[global].live)
		read_live(in, global);
	in->globals[global].live = NULL;
}

/* ------------------------------------------------------------------ errors */

static void set_error(struct interp *in, const char *text, size_t len)
{
	in->error.len = 0;
	str_addn(&in->error, text, len);
	in->catchable = true;
}

int rt_raise(struct rt_call *c, const char *fmt, ...)
{
	struct interp *in = c->env->interp;
	va_list ap;

	in->error.len = 0;
	va_start(ap, fmt);
	str_vaddf(&in->error, fmt, ap);
	va_end(ap);
	in->catchable = true;
	return -1;
}

/* " near PLACE (called from PLACE)... in probe POINT" behind the bare message. */
static void complete_error(struct interp *in, const struct frame *top, const struct code *at,
			   const struct probe_inst *p)
{
	rt_error_near(&in->error, at->tok);
	for (const struct frame *f = top; f > in->frames; f--)
		rt_error_called_from(&in->error, f[-1].pc->tok);
	if (p)
		rt_error_probe(&in->error, p->name);
}

/* ------------------------------------------------------------------ frames and iterators */

static void push_frame(struct interp *in, struct frame *f, const struct fn_code *fn)
{
	struct chunk *c = in->chunk;

	if (!c || c->size - c->used < fn->frame_size) {
		size_t size = fn->frame_size > CHUNK_BYTES ? fn->frame_size : CHUNK_BYTES;

		c = xmalloc(sizeof(*c) + size);
		*c = (struct chunk){.older = in->chunk, .size = size};
		in->chunk = c;
	}
	f->fn = fn;
	f->chunk = c;
	f->chunk_used = c->used;
	f->slots = (struct rt_value *)(void *)(c->mem + c->used);
	c->used += fn->frame_size;
	memset(f->slots, 0, fn->n_slots * sizeof(f->slots[0]));
}

static void end_iter(struct interp *in, struct rt_value *slot)
{
	if (slot->n)
		rt_iter_end(&in->iters[slot->n - 1]);
	slot->n = 0;
}

static void pop_frame(struct interp *in, struct frame *f)
{
	for (uint32_t i = 0; i < f->fn->n_iters; i++)
		end_iter(in, &f->slots[f->fn->iters[i]]);
	while (in->chunk != f->chunk) {
		struct chunk *c = in->chunk;

		in->chunk = c->older;
		free(c);
	}
	f->chunk->used = f->chunk_used;
}

static struct rt_iter *new_iter(struct interp *in, struct rt_value *slot)
{
	uint32_t i = 0;

	end_iter(in, slot);
	while (i < in->n_iters && in->iters[i].table)
		i++;
	if (i == in->n_iters) {
		in->n_iters = i ? 2 * i : 4;
		in->iters = xrealloc(in->iters, in->n_iters * sizeof(*in->iters));
		memset(&in->iters[i], 0, (in->n_iters - i) * sizeof(*in->iters));
	}
	slot->n = i + 1;
	return &in->iters[i];
}

/* ------------------------------------------------------------------ operations that are long */

static int compare_strings(const struct rt_value *a, const struct rt_value *b)
{
	uint32_t n = a->len < b->len ? a->len : b->len;
	int c = n ? memcmp(a->s, b->s, n) : 0;

	return c ? c : a->len < b->len ? -1 : a->len > b->len;
}

static bool match(struct interp *in, const struct regex *re, const struct rt_value *v)
{
	int bounds[2 * REGEX_MAX_GROUPS];
	bool ok = regex_match(re, v->s ? v->s : "", v->len, bounds);

	in->env->match.failed = !ok;
	if (!ok)
		return false;
	in->env->match.re = re;
	in->env->match.any = true;
	if (v->len)
		memcpy(in->env->match.text, v->s, v->len);
	in->env->match.len = v->len;
	memcpy(in->env->match.bounds, bounds, sizeof(bounds));
	return true;
}

static void table_error(struct interp *in, const struct rt_table *t)
{
	set_error(in, "", 0);
	rt_error_array_full(&in->error, rt_table_desc(t));
}

static bool stat_get(struct rt_table *t, const struct rt_value *keys, enum stat_op op, int64_t *value)
{
	static const struct rt_stat empty;
	const struct rt_entry *e = rt_table_find(t, keys);

	return rt_stat_get(e ? e->stat : &empty, op, value);
}

static const char *stat_bucket(struct rt_table *t, const struct rt_value *keys, int64_t i,
			       int64_t *value)
{
	const struct rt_entry *e = rt_table_find(t, keys);

	if (!e || !e->stat->count)
		return rt_error_fixed(RT_E_EMPTY);
	if (i < 0 || i >= rt_stat_buckets(rt_table_spec(t)))
		return rt_error_fixed(RT_E_HIST_INDEX);
	*value = e->stat->buckets ? e->stat->buckets[i] : 0;
	return NULL;
}

static const char *histogram(struct interp *in, struct str *out, struct rt_table *t,
			     const struct rt_value *keys)
{
	const struct rt_entry *e = rt_table_find(t, keys);

	if (!e || !e->stat->count)
		return rt_error_fixed(RT_E_EMPTY);
	rt_hist_text(out, e->stat, rt_table_spec(t), (int)in->s->opt.hist_width,
		     (int)in->s->opt.hist_elision);
	return NULL;
}

/* how: bytes, | 16 if signed. NULL, or the text of the error. */
static const char *read_kernel(struct interp *in, uint64_t addr, uint32_t how, int64_t *value)
{
	unsigned size = how & 15, shift = 64 - 8 * size;
	uint64_t n = 0;
	int status = in->env->kernel_read ? in->env->kernel_read(addr, &n, size) : -EOPNOTSUPP;

	if (status == -EFAULT) {
		in->tmp.len = 0;
		rt_error_text(&in->tmp, RT_E_READ, (int64_t)addr, in->m);
		return in->tmp.s;
	}
	if (status < 0) {
		in->tmp.len = 0;
		str_addf(&in->tmp, "kernel memory cannot be read: %s", strerror(-status));
		return in->tmp.s;
	}
	n <<= shift;
	*value = how & 16 ? (int64_t)n >> shift : (int64_t)(n >> shift);
	return NULL;
}

/* One call's output is cut at STP_BUFFER_SIZE. */
static const char *print(struct interp *in, const struct ir_format *f, const struct rt_value *args,
			 unsigned n)
{
	struct str *out = in->env->out;
	size_t before = out->len;
	const char *e = rt_format(out, &f->parts, args, n);

	if (out->len - before > (size_t)in->s->opt.buffer_bytes) {
		out->len = before + (size_t)in->s->opt.buffer_bytes;
		out->s[out->len] = 0;
	}
	if (e)
		out->len = before;
	return e;
}

/* ------------------------------------------------------------------ the loop */

#define REG(x) (&slots[x])
#define VAL(x) ((x) >= 0 ? &slots[x] : &consts[~(x)])
#define NUM(x) (VAL(x)->n)
#define FAIL(text)                                          \
	do {                                                \
		const char *fail_text = (text);             \
		set_error(in, fail_text, strlen(fail_text)); \
		goto raise;                                 \
	} while (0)

/* The result of a string operation: n bytes at s, cut to the width of the register's bytes. */
static inline void put_string(struct rt_value *slots, const struct code *c, const char *s,
			      uint32_t n)
{
	char *to = (char *)slots + c->buffer;

	if (n > c->width)
		n = c->width;
	if (n && to != s)
		memmove(to, s, n);
	slots[c->dst].s = to;
	slots[c->dst].len = n;
}

static inline void gather(const struct interp *in, const struct rt_value *slots, const int32_t *args,
			  unsigned n, struct rt_value *out)
{
	for (unsigned i = 0; i < n; i++)
		out[i] = args[i] == NO_OPERAND ? (struct rt_value){0}
			 : args[i] >= 0	       ? slots[args[i]]
					       : in->consts[~args[i]];
}

static int execute(struct interp *in, const struct probe_inst *p, const struct fn_code *entry,
		   int64_t *result)
{
	static const void *const labels[] = {
#define X(NAME, text, res, operands, flags, meaning) [IR_##NAME] = &&op_##NAME,
#include "ir/ops.def"
#undef X
	};
	struct frame *f = in->frames;
	const struct rt_value *consts = in->consts;
	struct rt_value *slots, v[MAX_OPERANDS];
	bool wild[MAX_OPERANDS];
	const struct code *c;
	const int32_t *args;
	const struct rt_entry *e;
	struct rt_table *t;
	int64_t n;

#define NEXT()                     \
	do {                       \
		c++;               \
		goto *labels[c->op]; \
	} while (0)
#define GOTO(target)                        \
	do {                                \
		c = f->fn->code + (target); \
		goto *labels[c->op];        \
	} while (0)
#define ARGS(first, count)                                                             \
	(args = f->fn->args + c->args + (first), gather(in, slots, args, (count), v), v)
#define TABLE() (in->globals[c->a].table)
#define KEYS(first) ARGS(first, c->n_args - (unsigned)(first))
#define BINARY(NAME, expression)                                        \
	op_##NAME : {                                                   \
		uint64_t a = (uint64_t)NUM(c->a), b = (uint64_t)NUM(c->b); \
                                                                        \
		(void)a, (void)b;                                       \
		REG(c->dst)->n = (int64_t)(expression);                 \
		NEXT();                                                 \
	}
#define COMPARE(NAME, op)                                              \
	op_##NAME : REG(c->dst)->n = NUM(c->a) op NUM(c->b); \
	NEXT();                                                        \
	op_S##NAME : REG(c->dst)->n = compare_strings(VAL(c->a), VAL(c->b)) op 0; \
	NEXT();

	push_frame(in, f, entry);
	slots = f->slots;
	c = entry->code;
	goto *labels[c->op];

op_MOV:
	if (f->fn->fn->regs.v[c->dst].type == IR_STR) {
		const struct rt_value *from = VAL(c->a);

		if (c->a < 0)
			*REG(c->dst) = *from;
		else
			put_string(slots, c, from->s, from->len);
	} else {
		REG(c->dst)->n = NUM(c->a);
	}
	NEXT();
	BINARY(ADD, a + b)
	BINARY(SUB, a - b)
	BINARY(MUL, a * b)
	BINARY(AND, a & b)
	BINARY(OR, a | b)
	BINARY(XOR, a ^ b)
	BINARY(SHL, a << (b & 63))
	BINARY(SAR, (int64_t)a >> (b & 63))
	BINARY(SHR, a >> (b & 63))
op_DIV:
	n = NUM(c->b);
	if (n == 0)
		FAIL(rt_error_fixed(RT_E_DIV0));
	REG(c->dst)->n = n == -1 ? (int64_t)(0 - (uint64_t)NUM(c->a)) : NUM(c->a) / n;
	NEXT();
op_MOD:
	n = NUM(c->b);
	if (n == 0)
		FAIL(rt_error_fixed(RT_E_DIV0));
	REG(c->dst)->n = n == -1 ? 0 : NUM(c->a) % n;
	NEXT();
op_NEG:
	REG(c->dst)->n = (int64_t)(0 - (uint64_t)NUM(c->a));
	NEXT();
op_INV:
	REG(c->dst)->n = ~NUM(c->a);
	NEXT();
op_NOT:
	REG(c->dst)->n = !NUM(c->a);
	NEXT();
	COMPARE(EQ, ==)
	COMPARE(NE, !=)
	COMPARE(LT, <)
	COMPARE(LE, <=)
	COMPARE(GT, >)
	COMPARE(GE, >=)

op_CONCAT: {
	const struct rt_value a = *VAL(c->a), b = *VAL(c->b);
	char *to = (char *)slots + c->buffer;
	uint32_t room = c->width, first = a.len < room ? a.len : room,
		 second = b.len < room - first ? b.len : room - first;

	/* The result's bytes may be those of either operand. */
	if (b.s == to && second) {
		in->tmp.len = 0;
		str_addn(&in->tmp, b.s, second);
	}
	if (first && a.s != to)
		memmove(to, a.s, first);
	if (second)
		memcpy(to + first, b.s == to ? in->tmp.s : b.s, second);
	REG(c->dst)->s = to;
	REG(c->dst)->len = first + second;
	NEXT();
}
op_MATCH:
	REG(c->dst)->n = match(in, in->m->regexes.v[c->imm].compiled, VAL(c->a));
	NEXT();
op_TEST: {
	const struct rt_value *s = VAL(c->a);

	REG(c->dst)->n = regex_test(in->m->regexes.v[c->imm].compiled, s->s ? s->s : "", s->len);
	NEXT();
}
op_LOAD:
	if (in->globals[c->a].live)
		read_live(in, (uint32_t)c->a);
	if (in->m->globals.v[c->a].type == TY_STRING)
		put_string(slots, c, in->globals[c->a].v.s, in->globals[c->a].v.len);
	else
		REG(c->dst)->n = in->globals[c->a].v.n;
	NEXT();
op_STORE: {
	struct rt_value *g = &in->globals[c->a].v;
	const struct rt_value *from = VAL(c->b);

	if (in->m->globals.v[c->a].type == TY_STRING) {
		if (from->len)
			memmove((char *)g->s, from->s, from->len);
		g->len = from->len;
	} else {
		g->n = from->n;
	}
	if (in->globals[c->a].live)
		write_live(in, (uint32_t)c->a);
	NEXT();
}
op_GADD: {
	struct rt_value *g = &in->globals[c->a].v;

	if (in->globals[c->a].live)
		g->n = __atomic_add_fetch((int64_t *)in->globals[c->a].live, NUM(c->b),
					  __ATOMIC_SEQ_CST);
	else
		g->n = (int64_t)((uint64_t)g->n + (uint64_t)NUM(c->b));
	REG(c->dst)->n = g->n;
	NEXT();
}
op_TGET:
	t = TABLE();
	e = rt_table_find(t, KEYS(1));
	if (in->m->globals.v[c->a].type == TY_STRING)
		put_string(slots, c, e ? e->str : "", e ? e->len : 0);
	else
		REG(c->dst)->n = e ? e->num : 0;
	NEXT();
op_TSET:
	t = TABLE();
	if (!rt_table_set(t, KEYS(2), VAL(c->b))) {
		table_error(in, t);
		goto raise;
	}
	NEXT();
op_TADD:
	t = TABLE();
	if (!rt_table_add(t, KEYS(2), NUM(c->b), &n)) {
		table_error(in, t);
		goto raise;
	}
	REG(c->dst)->n = n;
	NEXT();
op_TIN:
	REG(c->dst)->n = rt_table_find(TABLE(), KEYS(1)) != NULL;
	NEXT();
op_TINS:
	KEYS(1);
	for (unsigned i = 0; i + 1 < c->n_args; i++)
		wild[i] = args[i] == NO_OPERAND;
	REG(c->dst)->n = rt_table_any_matching(TABLE(), v, wild);
	NEXT();
op_TDEL:
	rt_table_delete(TABLE(), KEYS(1));
	NEXT();
op_TDELS:
	KEYS(1);
	for (unsigned i = 0; i + 1 < c->n_args; i++)
		wild[i] = args[i] == NO_OPERAND;
	rt_table_delete_matching(TABLE(), v, wild);
	NEXT();
op_CLEAR:
	rt_table_clear(TABLE());
	NEXT();
op_SADD:
	t = TABLE();
	if (!rt_table_stat_add(t, KEYS(2), NUM(c->b))) {
		table_error(in, t);
		goto raise;
	}
	NEXT();
op_SGET:
	if (!stat_get(TABLE(), KEYS(1), (enum stat_op)c->imm, &n))
		FAIL(rt_error_fixed(RT_E_EMPTY));
	REG(c->dst)->n = n;
	NEXT();
op_SBUCKET: {
	const char *text = stat_bucket(TABLE(), KEYS(2), NUM(c->b), &n);

	if (text)
		FAIL(text);
	REG(c->dst)->n = n;
	NEXT();
}
op_SPRINTH: {
	const char *text;

	in->tmp.len = 0;
	text = histogram(in, &in->tmp, TABLE(), KEYS(1));
	if (text)
		FAIL(text);
	put_string(slots, c, in->tmp.s, (uint32_t)in->tmp.len);
	NEXT();
}
op_PRINTH: {
	const char *text = histogram(in, in->env->out, TABLE(), KEYS(1));

	if (text)
		FAIL(text);
	NEXT();
}
op_FOREACH: {
	struct rt_iter *it = new_iter(in, REG(c->dst));
	bool sliced = false;

	KEYS(2);
	for (unsigned i = 0; i + 2 < c->n_args; i++) {
		wild[i] = args[i] == NO_OPERAND;
		sliced |= !wild[i];
	}
	rt_iter_start(it, TABLE(), ir_sort_unpack(c->imm), NUM(c->b), sliced ? v : NULL, wild);
	NEXT();
}
op_NEXT:
	n = REG(c->a)->n;
	REG(c->dst)->n = n && rt_iter_next(&in->iters[n - 1]);
	NEXT();
op_ITERKEY:
op_ITERVAL:
op_ITERSTAT: {
	const struct rt_entry *cur;

	n = REG(c->a)->n;
	cur = n ? in->iters[n - 1].cur : NULL;
	if (c->op == IR_ITERSTAT) {
		if (!cur || !rt_stat_get(cur->stat, (enum stat_op)c->imm, &n))
			FAIL(rt_error_fixed(RT_E_EMPTY));
		REG(c->dst)->n = n;
	} else if (f->fn->fn->regs.v[c->dst].type == IR_STR) {
		if (!cur)
			put_string(slots, c, "", 0);
		else if (c->op == IR_ITERVAL)
			put_string(slots, c, cur->str, cur->len);
		else
			put_string(slots, c, cur->keys[c->imm].s, cur->keys[c->imm].len);
	} else {
		REG(c->dst)->n = !cur ? 0 : c->op == IR_ITERVAL ? cur->num : cur->keys[c->imm].n;
	}
	NEXT();
}
op_ITEREND:
	end_iter(in, REG(c->a));
	NEXT();
op_CTXREG:
op_KFIELD:
op_CTXBIAS:
op_UREAD:
	FAIL("no traced program in this handler");
op_CTXARG:
op_CTXCALL:
	FAIL("no probe in the kernel in this handler");
op_KREAD: {
	const char *text = read_kernel(in, (uint64_t)NUM(c->a), c->imm, &REG(c->dst)->n);

	if (text)
		FAIL(text);
	NEXT();
}
op_PRINT: {
	const char *text = print(in, &in->m->formats.v[c->imm], ARGS(0, c->n_args), c->n_args);

	if (text)
		FAIL(text);
	if (in->env->out->len >= RT_OUT_FULL && in->env->flush)
		in->env->flush(in->env);
	NEXT();
}
op_SPRINT: {
	const char *text;

	in->tmp.len = 0;
	text = rt_format(&in->tmp, &in->m->formats.v[c->imm].parts, ARGS(0, c->n_args), c->n_args);
	if (text)
		FAIL(text);
	put_string(slots, c, in->tmp.s, (uint32_t)strnlen(in->tmp.s, in->tmp.len));
	NEXT();
}
op_CALL: {
	const struct fn_code *fn = &in->fns[c->a];

	if (f - in->frames >= in->max_nesting)
		FAIL(rt_error_fixed(RT_E_MAXNESTING));
	ARGS(1, c->n_args - 1u);
	f->pc = c;
	f++;
	push_frame(in, f, fn);
	slots = f->slots;
	for (unsigned i = 0; i < fn->fn->n_params; i++)
		slots[i] = v[i];
	c = fn->code;
	goto *labels[c->op];
}
op_RT: {
	struct rt_call call = {.env = in->env,
			       .args = ARGS(0, c->n_args),
			       .n_args = c->n_args,
			       .buf = (char *)slots + c->buffer,
			       .max_string = in->m->max_string};

	bool text = f->fn->fn->regs.n > (size_t)c->dst && f->fn->fn->regs.v[c->dst].type == IR_STR;

	/* A result may be made from an operand that lies in the same bytes. */
	for (unsigned i = 0; text && i < c->n_args; i++)
		if (v[i].s == call.buf) {
			in->tmp.len = 0;
			str_addn(&in->tmp, v[i].s, v[i].len);
			v[i].s = in->tmp.s;
		}
	call.ret.s = call.buf;
	in->catchable = false;
	in->error.len = 0;
	if (intrinsic_by_number(c->imm)->run(&call) < 0)
		goto raise;
	if (text)
		put_string(slots, c, call.ret.s, call.ret.len);
	else
		REG(c->dst)->n = call.ret.n;
	NEXT();
}
op_ACTION:
	in->actions += c->imm;
	if (in->actions > in->max_actions) {
		set_error(in, rt_error_fixed(RT_E_MAXACTION),
			  strlen(rt_error_fixed(RT_E_MAXACTION)));
		in->catchable = false;
		goto raise;
	}
	NEXT();
op_JMP:
	GOTO(c->a);
op_BR:
	GOTO(NUM(c->a) ? c->b : c->c);
op_RAISE:
	set_error(in, VAL(c->a)->s ? VAL(c->a)->s : "", VAL(c->a)->len);
	goto raise;
op_CATCH:
	put_string(slots, c, in->error.s, (uint32_t)in->error.len);
	NEXT();
op_RET: {
	struct rt_value value = {0};

	if (c->n_args)
		value = *VAL(c->a);
	if (f == in->frames) {
		*result = value.n;
		pop_frame(in, f);
		return 0;
	}
	{
		struct frame *done = f--;

		slots = f->slots;
		c = f->pc;
		if (done->fn->fn->ret == IR_STR)
			put_string(slots, c, value.s, value.len);
		else
			REG(c->dst)->n = value.n;
		pop_frame(in, done);
	}
	NEXT();
}

raise:
	if (in->catchable && c->handler >= 0)
		GOTO(c->handler);
	if (f == in->frames || !in->catchable)
		goto uncaught;
	for (struct frame *k = f - 1;; k--) {
		if (k->pc->handler >= 0) {
			while (f > k)
				pop_frame(in, f--);
			slots = f->slots;
			GOTO(k->pc->handler);
		}
		if (k == in->frames)
			break;
	}
uncaught:
	if (!in->env->abort_requested)
		complete_error(in, f, c, p);
	for (; f > in->frames; f--)
		pop_frame(in, f);
	pop_frame(in, f);
	return in->env->abort_requested ? 0 : -1;
}

int interp_run(struct interp *in, const struct probe_inst *p, uint32_t fn)
{
	int64_t ignored;

	in->env->probe = p;
	in->env->abort_requested = false;
	in->env->match.any = in->env->match.failed = false;
	in->env->token.len = in->env->token.pos = 0;
	in->actions = 0;
	return execute(in, p, &in->fns[fn], &ignored);
}

int64_t interp_condition(struct interp *in, uint32_t fn)
{
	int64_t value = 0;

	in->actions = 0;
	if (execute(in, NULL, &in->fns[fn], &value) < 0)
		return 0;
	return value;
}
