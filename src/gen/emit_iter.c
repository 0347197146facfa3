/* Walks over the elements of a table: foreach, delete and `in` with wildcards, the oldest element of a
 * full table. See emit.h.
 *
 * Every walk is one bpf_for_each_map_elem() with a callback that looks at one element. That of foreach
 * notes the elements' keys and what they are sorted by in the map of places, where the library
 * (bpfrt/foreach.c) makes a heap of them; each turn takes the next one from there. Nobody inserts or
 * deletes elements meanwhile: a handler with a foreach has the table for itself (lock.c). */
#include <stddef.h>
#include <string.h>

#include "base/bug.h"
#include "gen/emit.h"
#include "rt/stat.h"
#include "session.h"

#define STAT(member) ((int)offsetof(struct rt_stat_value, member))

enum { VALUE = 8 };

/* A walk over a table: what it looks for, and where in the frame it keeps its state: a struct rt_foreach, for
 * others than foreach one word (was anything found; the oldest element's number), then a key, then what
 * the keys of the slice must be. */
struct walk {
	const struct ir_global *g;
	uint32_t number, map; /* of the global */
	uint32_t fixed;	      /* keys of the slice that are not "*", by bit */
	struct ir_sort sort;
	uint32_t state_at, key_at; /* key_at: from there */
	uint32_t places_map;
	uint64_t floor_need; /* places that it and the loops around it need */
};
#define STATE(member) ((int)offsetof(struct rt_foreach, member))

/* Offset of key k in the key, and its size. */
static uint32_t key_part(const struct ir_global *g, int k, uint32_t *bytes)
{
	uint32_t at = 0;

	for (int n = 0;; n++) {
		*bytes = g->key_type[n] == TY_STRING ? RT_KEY_STR_BYTES(lib_str_width(g->key_width[n])) : 8;
		if (n == k)
			return at;
		at += *bytes;
	}
}

static uint32_t key_bytes(const struct ir_global *g)
{
	uint32_t bytes, at;

	if (!g->n_keys)
		return 0;
	at = key_part(g, g->n_keys - 1, &bytes);
	return at + bytes;
}

/* ------------------------------------------------------------------ callbacks */

/* In a callback: R6 the key, R8 the value, R7 the state of the walk; R9 is free. */
static void begin_callback(struct code *c)
{
	code_mov(c, R6, R2);
	code_mov(c, R8, R3);
	code_load(c, BPF_DW, R7, R4, 0);
}

static void leave(struct code *c, int result)
{
	code_imm(c, R0, result);
	code_exit(c);
}

/* Elements that do not match the slice are passed by. */
static void match_slice(struct code *c, const struct walk *w, int pass)
{
	uint32_t slice_at = w->key_at + key_bytes(w->g);

	for (int k = 0; k < w->g->n_keys; k++) {
		uint32_t bytes, at = key_part(w->g, k, &bytes);

		if (!(w->fixed >> k & 1))
			continue;
		for (uint32_t i = 0; i < bytes; i += 8) {
			code_load(c, BPF_DW, R1, R6, (int)(at + i));
			code_load(c, BPF_DW, R2, R7, (int)(slice_at + at + i));
			code_jump_if(c, BPF_JNE, R1, R2, pass);
		}
	}
}

/* An aggregate that another CPU is just making has nothing in it yet. */
static void pass_empty(struct code *c, const struct walk *w, int pass)
{
	if (w->g->type != TY_STATS)
		return;
	code_load(c, BPF_DW, R1, R8, STAT(count));
	code_jump_if_imm(c, BPF_JEQ, R1, 0, pass);
}

static bool sorts_strings(const struct walk *w)
{
	if (!w->sort.dir)
		return false;
	if (w->sort.column)
		return w->g->key_type[w->sort.column - 1] == TY_STRING;
	return w->g->type == TY_STRING;
}

/* Where the text is that is sorted by: register and offset. */
static int text_place(const struct walk *w, uint32_t *at, uint32_t *bytes)
{
	if (w->sort.column) {
		*at = key_part(w->g, w->sort.column - 1, bytes);
		return R6;
	}
	*at = VALUE;
	*bytes = RT_KEY_STR_BYTES(lib_str_width(w->g->width));
	return R8;
}

static void load_number(struct code *c, const struct walk *w)
{
	static const int members[] = {
		[STAT_COUNT] = STAT(count), [STAT_SUM] = STAT(sum), [STAT_MIN] = STAT(min),
		[STAT_MAX] = STAT(max),	    [STAT_AVG] = STAT(sum),
	};
	int op = w->sort.by_stat ? (int)w->sort.stat : STAT_COUNT;
	uint32_t bytes;

	if (w->sort.column) {
		code_load(c, BPF_DW, R9, R6, (int)key_part(w->g, w->sort.column - 1, &bytes));
	} else if (w->g->type != TY_STATS) {
		code_load(c, BPF_DW, R9, R8, VALUE);
	} else if (op == STAT_VARIANCE) {
		code_mov(c, R1, R8);
		code_library(c, "rt_stat_variance");
		code_mov(c, R9, R0);
	} else {
		code_load(c, BPF_DW, R9, R8, members[op]);
		if (op == STAT_AVG) {
			code_mov(c, R1, R9);
			code_load(c, BPF_DW, R2, R8, STAT(count));
			code_divide(c, false);
			code_mov(c, R9, R1);
		}
	}
	code_imm(c, R1, INT64_MIN);
	code_alu(c, BPF_XOR, R9, R1);
}

/* R9 = what the element is sorted by, turned so that the smallest unsigned number comes first; of texts
 * the first bytes: tokens come after them. */
static void load_sort(struct code *c, const struct walk *w)
{
	uint32_t at, bytes;
	int reg, token = code_label(c);

	if (!w->sort.dir) {
		code_imm(c, R9, 0);
		return;
	}
	if (sorts_strings(w)) {
		reg = text_place(w, &at, &bytes);
		code_imm(c, R9, -1);
		code_load(c, BPF_W, R1, reg, (int)at + 4);
		code_jump_if_imm(c, BPF_JNE, R1, 0, token);
		code_load(c, BPF_DW, R9, reg, (int)at + 8);
		code_insn(c, BPF_ALU | BPF_END | BPF_TO_BE, R9, 0, 0, 64);
		code_place(c, token);
	} else {
		load_number(c, w);
	}
	if (w->sort.dir < 0)
		code_alu_imm(c, BPF_XOR, R9, -1);
}

/* To R7 + to, which is in the frame. */
static void copy(struct code *c, uint32_t to, int from, uint32_t bytes)
{
	code_mov(c, R1, R7);
	code_alu_imm(c, BPF_ADD, R1, (int32_t)to);
	code_imm(c, R2, bytes);
	code_mov(c, R3, from);
	code_helper(c, BPF_FUNC_probe_read_kernel);
}

/* The element gets a place. */
static void note_element(struct code *c, const struct walk *w)
{
	int pass = code_label(c), full = code_label(c);

	begin_callback(c);
	pass_empty(c, w, pass);
	match_slice(c, w, pass);
	load_sort(c, w);
	code_load(c, BPF_DW, R1, R7, STATE(end));
	code_load(c, BPF_DW, R2, R7, STATE(limit));
	code_jump_if(c, BPF_JGE, R1, R2, full);
	code_store(c, BPF_W, R10, -4, R1);
	code_alu_imm(c, BPF_ADD, R1, 1);
	code_store(c, BPF_DW, R7, STATE(end), R1);
	code_map(c, R1, w->places_map);
	code_mov(c, R2, R10);
	code_alu_imm(c, BPF_ADD, R2, -4);
	code_helper(c, BPF_FUNC_map_lookup_elem);
	code_jump_if_imm(c, BPF_JEQ, R0, 0, full);
	code_store(c, BPF_DW, R0, (int)offsetof(struct rt_place, sort), R9);
	code_load(c, BPF_DW, R1, R8, 0);
	code_store(c, BPF_DW, R0, (int)offsetof(struct rt_place, seq), R1);
	code_store(c, BPF_DW, R0, (int)offsetof(struct rt_place, key), R6);
	code_place(c, pass);
	leave(c, 0);
	code_place(c, full);
	code_store_imm(c, BPF_DW, R7, STATE(full), 1);
	leave(c, 1);
}

static void find_oldest(struct code *c, const struct walk *w)
{
	int pass = code_label(c);

	begin_callback(c);
	code_load(c, BPF_DW, R1, R8, 0);
	code_load(c, BPF_DW, R2, R7, 0);
	code_jump_if(c, BPF_JGE, R1, R2, pass);
	code_store(c, BPF_DW, R7, 0, R1);
	copy(c, w->key_at, R6, key_bytes(w->g));
	code_place(c, pass);
	leave(c, 0);
}

static void delete_matching(struct code *c, const struct walk *w)
{
	int pass = code_label(c);

	begin_callback(c);
	match_slice(c, w, pass);
	code_map(c, R1, w->map);
	code_mov(c, R2, R6);
	code_helper(c, BPF_FUNC_map_delete_elem);
	code_place(c, pass);
	leave(c, 0);
}

static void find_any(struct code *c, const struct walk *w)
{
	int pass = code_label(c);

	begin_callback(c);
	pass_empty(c, w, pass);
	match_slice(c, w, pass);
	code_store_imm(c, BPF_DW, R7, 0, 1);
	leave(c, 1);
	code_place(c, pass);
	leave(c, 0);
}

/* The subprogram with this callback; walks that look for the same have one. */
static int walk_callback(struct emit *e, const struct walk *w, walk_fn *callback)
{
	struct part_walk own = {callback, w->number, w->fixed, ir_sort_pack(w->sort), 0};
	struct code *c;

	for (size_t k = 0; k < e->parts->walks.n; k++) {
		const struct part_walk *p = &e->parts->walks.v[k];

		if (p->callback == callback && p->global == own.global && p->fixed == own.fixed &&
		    p->sort == own.sort)
			return p->number;
	}
	c = emit_callback(e, LIB_SUB_ELEM, &own.number);
	callback(c, w);
	vec_push(&e->parts->walks, e->parts->arena, own);
	return own.number;
}

/* R1-R5 and R0 are lost. */
static void run_walk(struct emit *e, const struct walk *w, walk_fn *callback)
{
	int number = walk_callback(e, w, callback);

	emit_frame_ptr(e, R1, w->state_at);
	code_store(e->c, BPF_DW, R10, -40, R1);
	code_map(e->c, R1, w->map);
	code_callback(e->c, R2, number);
	code_mov(e->c, R3, R10);
	code_alu_imm(e->c, BPF_ADD, R3, -40);
	code_imm(e->c, R4, 0);
	code_helper(e->c, BPF_FUNC_for_each_map_elem);
}

/* ------------------------------------------------------------------ operations */

/* A walk over a global whose state is in the frame at `at`, or, if that is 0, somewhere until the end of the
 * instruction. */
static struct walk walk_over(struct emit *e, uint32_t number, uint32_t at)
{
	struct walk w = {.g = builder_global(e->b, number)->desc, .number = number, .state_at = at};

	w.map = (uint32_t)builder_global(e->b, number)->map;
	w.key_at = at ? (uint32_t)sizeof(struct rt_foreach) : 8;
	if (!at)
		w.state_at = emit_take(e, w.key_at + 2 * key_bytes(w.g));
	return w;
}

/* The keys of the slice begin at operand `first`. */
static void take_slice(struct emit *e, const struct ir_ins *i, unsigned first, struct walk *w)
{
	for (int k = 0; k < w->g->n_keys; k++)
		if (emit_arg(e, i, first + (unsigned)k))
			w->fixed |= 1u << k;
	if (w->fixed)
		emit_key(e, i, first, w->state_at + w->key_at + key_bytes(w->g));
}

static struct walk slice_walk(struct emit *e, const struct ir_ins *i, unsigned first)
{
	struct walk w = walk_over(e, IR_INDEX(emit_arg(e, i, 0)), 0);

	take_slice(e, i, first, &w);
	return w;
}

uint32_t emit_iter_bytes(const struct ir_global *g)
{
	return (uint32_t)sizeof(struct rt_foreach) + 2 * key_bytes(g);
}

uint32_t emit_floor(const struct emit *e, uint64_t *need)
{
	const struct emit_fn *f = e->f;
	uint32_t at = f->floor_at;

	*need = f->floor_need;
	/* The innermost loop around the instruction at hand. */
	for (size_t r = 0; r < f->fn->regs.n; r++) {
		const struct walk *w = f->walks[r];

		if (!w || !f->now[f->iters[r]] || w->floor_need <= *need)
			continue;
		at = w->state_at + STATE(end);
		*need = w->floor_need;
	}
	return at;
}

/* What rt_foreach_...() takes. */
static uint64_t text_sort(const struct walk *w)
{
	uint32_t at, bytes;

	if (!sorts_strings(w))
		return 0;
	/* The value of a hash map's element lies behind its key. */
	if (text_place(w, &at, &bytes) == R8)
		at += key_bytes(w->g);
	return RT_SORT_TEXT(bytes, w->sort.dir < 0) | at;
}

static void library(struct emit *e, const struct walk *w, const char *numbers, const char *texts)
{
	uint64_t text = text_sort(w);

	code_mov(e->c, R1, R7);
	emit_frame_ptr(e, R2, w->state_at);
	code_imm(e->c, R3, (int64_t)text);
	code_library(e->c, text ? texts : numbers);
}

static void foreach_start(struct emit *e, const struct ir_ins *i)
{
	struct walk *w = ARENA_NEW(e->c->arena, struct walk);
	uint64_t need;
	uint32_t floor = emit_floor(e, &need);
	int ok = code_label(e->c);

	*w = walk_over(e, IR_INDEX(emit_arg(e, i, 0)), emit_loc(e, i->dst).at);
	w->sort = ir_sort_unpack(i->imm);
	take_slice(e, i, 2, w);
	w->places_map = builder_places(e->b);
	w->floor_need = need + (uint64_t)w->g->max_entries;
	if (w->floor_need > e->sub_places)
		e->sub_places = w->floor_need;
	if (w->sort.has_limit)
		emit_load_num(e, R1, emit_arg(e, i, 1));
	else
		code_imm(e->c, R1, INT32_MAX);
	code_store(e->c, BPF_DW, R7, (int)w->state_at + STATE(remaining), R1);
	code_load(e->c, BPF_DW, R1, R7, (int)floor);
	code_store(e->c, BPF_DW, R7, (int)w->state_at + STATE(base), R1);
	code_store(e->c, BPF_DW, R7, (int)w->state_at + STATE(end), R1);
	code_load(e->c, BPF_DW, R1, R7, (int)offsetof(struct rt_frame, places_end));
	code_store(e->c, BPF_DW, R7, (int)w->state_at + STATE(limit), R1);
	code_store_imm(e->c, BPF_DW, R7, (int)w->state_at + STATE(full), 0);
	run_walk(e, w, note_element);
	code_load(e->c, BPF_DW, R1, R7, (int)w->state_at + STATE(full));
	code_jump_if_imm(e->c, BPF_JEQ, R1, 0, ok);
	emit_fail_text(e, i, "too many elements in loops over tables that lie in each other");
	code_place(e->c, ok);
	code_load(e->c, BPF_DW, R1, R7, (int)w->state_at + STATE(end));
	code_load(e->c, BPF_DW, R2, R7, (int)w->state_at + STATE(base));
	code_alu(e->c, BPF_SUB, R1, R2);
	code_store(e->c, BPF_DW, R7, (int)w->state_at + STATE(n), R1);
	library(e, w, "rt_foreach_start", "rt_foreach_start_texts");
	e->f->walks[IR_INDEX(i->dst)] = w;
}

static const struct walk *walk_of(struct emit *e, const struct ir_ins *i)
{
	const struct walk *w = e->f->walks[IR_INDEX(emit_arg(e, i, 0))];

	if (!w)
		bug("an iterator is used before its loop begins");
	return w;
}

static void foreach_next(struct emit *e, const struct ir_ins *i)
{
	const struct walk *w = walk_of(e, i);
	int end = code_label(e->c);

	code_load(e->c, BPF_DW, R1, R7, (int)w->state_at + STATE(remaining));
	code_imm(e->c, R9, 0);
	code_jump_if_imm(e->c, BPF_JSLE, R1, 0, end);
	code_alu_imm(e->c, BPF_SUB, R1, 1);
	code_store(e->c, BPF_DW, R7, (int)w->state_at + STATE(remaining), R1);
	library(e, w, "rt_foreach_next", "rt_foreach_next_texts");
	code_jump_if_imm(e->c, BPF_JEQ, R0, 0, end);
	code_mov(e->c, R9, R0);
	copy(e->c, w->state_at + w->key_at, R9, key_bytes(w->g));
	code_imm(e->c, R9, 1);
	code_place(e->c, end);
	emit_store_num(e, i->dst, R9);
}

static void iter_key(struct emit *e, const struct ir_ins *i)
{
	const struct walk *w = walk_of(e, i);
	uint32_t bytes, at;

	if (!i->dst)
		return;
	at = w->state_at + w->key_at + key_part(w->g, (int)i->imm, &bytes);
	if (w->g->key_type[i->imm] == TY_STRING) {
		emit_copy_str(e, emit_loc(e, i->dst),
			      (struct loc){LOC_SLOT, at, lib_str_width(w->g->key_width[i->imm])});
	} else {
		code_load(e->c, BPF_DW, R1, R7, (int)at);
		emit_store_num(e, i->dst, R1);
	}
}

/* The element of the turn, by its key. */
static void look_up_best(struct emit *e, const struct walk *w)
{
	code_map(e->c, R1, w->map);
	emit_frame_ptr(e, R2, w->state_at + w->key_at);
	code_helper(e->c, BPF_FUNC_map_lookup_elem);
}

static void iter_value(struct emit *e, const struct ir_ins *i)
{
	const struct walk *w = walk_of(e, i);

	if (i->dst) {
		look_up_best(e, w);
		emit_element_value(e, w->g, i->dst);
	}
}

static void iter_stat(struct emit *e, const struct ir_ins *i)
{
	const struct walk *w = walk_of(e, i);
	int missing = code_label(e->c);

	look_up_best(e, w);
	code_imm(e->c, R1, 0);
	code_jump_if_imm(e->c, BPF_JEQ, R0, 0, missing);
	emit_stat_value(e, i, missing);
}

static void clear(struct emit *e, const struct ir_ins *i)
{
	uint32_t number = IR_INDEX(emit_arg(e, i, 0));
	const struct ir_global *g = builder_global(e->b, number)->desc;
	static const struct rt_stat_value init = RT_STAT_INIT;
	struct walk w;

	if (g->n_keys) {
		w = slice_walk(e, i, 1);
		run_walk(e, &w, delete_matching);
		return;
	}
	code_map_value(e->c, R1, GEN_MAP_SHARED, builder_global(e->b, number)->offset);
	for (uint32_t k = 0; k < sizeof(init) / 8 + (uint32_t)rt_stat_buckets(&g->stat); k++) {
		int64_t v = 0;

		if (k < sizeof(init) / 8)
			memcpy(&v, (const char *)&init + 8 * k, 8);
		code_imm(e->c, R2, v);
		code_store(e->c, BPF_DW, R1, (int)(8 * k), R2);
	}
}

static void any_matching(struct emit *e, const struct ir_ins *i)
{
	struct walk w = slice_walk(e, i, 1);

	code_store_imm(e->c, BPF_DW, R7, (int)w.state_at, 0);
	run_walk(e, &w, find_any);
	code_load(e->c, BPF_DW, R1, R7, (int)w.state_at);
	emit_store_num(e, i->dst, R1);
}

void emit_evict(struct emit *e, uint32_t number)
{
	struct walk w = walk_over(e, number, 0);
	int none = code_label(e->c);

	code_store_imm(e->c, BPF_DW, R7, (int)w.state_at, -1);
	run_walk(e, &w, find_oldest);
	code_load(e->c, BPF_DW, R1, R7, (int)w.state_at);
	code_jump_if_imm(e->c, BPF_JEQ, R1, -1, none);
	code_map(e->c, R1, w.map);
	emit_frame_ptr(e, R2, w.state_at + w.key_at);
	code_helper(e->c, BPF_FUNC_map_delete_elem);
	code_place(e->c, none);
}

bool emit_iter_op(struct emit *e, const struct ir_ins *i)
{
	struct walk w;

	switch (i->op) {
	case IR_FOREACH:
		foreach_start(e, i);
		return true;
	case IR_NEXT:
		foreach_next(e, i);
		return true;
	case IR_ITERKEY:
		iter_key(e, i);
		return true;
	case IR_ITERVAL:
		iter_value(e, i);
		return true;
	case IR_ITERSTAT:
		iter_stat(e, i);
		return true;
	case IR_ITEREND:
		return true;
	case IR_CLEAR:
		clear(e, i);
		return true;
	case IR_TINS:
		any_matching(e, i);
		return true;
	case IR_TDELS:
		w = slice_walk(e, i, 1);
		run_walk(e, &w, delete_matching);
		return true;
	default:
		return false;
	}
}
