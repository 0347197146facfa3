/* Walks over the elements of a table: foreach, delete and `in` with wildcards, the oldest element of a
 * full table. See emit.h.
 *
 * Every walk is one bpf_for_each_map_elem() with a callback that looks at one element. `foreach`
 * keeps no list: each turn finds the element that follows the last one in the order asked for, ties
 * (and no order at all) by the number of insertion. That is quadratic, but needs no memory; tables
 * are walked in handlers in the kernel only now and then, and MAXACTION bounds the turns. */
#include <stddef.h>
#include <string.h>

#include "gen/emit.h"
#include "rt/stat.h"
#include "session.h"

#define STAT(member) ((int)offsetof(struct rt_stat_value, member))

enum {
	VALUE = 8,
	MAX_FRAME_AT = 28000, /* the state of a walk must be within reach of 16-bit offsets */
};

/* State of a walk in the frame. What follows a place in the order: its sort value and its number. */
struct walk_state {
	uint64_t started, found;
	int64_t remaining;
	uint64_t last_seq, best_seq;
	int64_t last_sort, best_sort; /* numbers; strings have slots of their own */
};
#define STATE(member) ((int)offsetof(struct walk_state, member))

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

/* In a callback: R6 the key, R8 the value, R7 the frame; R9 is free. */
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
	for (int k = 0; k < w->g->n_keys; k++) {
		uint32_t bytes, at = key_part(w->g, k, &bytes);

		if (!(w->fixed >> k & 1))
			continue;
		for (uint32_t i = 0; i < bytes; i += 8) {
			code_load(c, BPF_DW, R1, R6, (int)(at + i));
			code_load(c, BPF_DW, R2, R7, (int)(w->slice_at + at + i));
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

/* R9 = what a number sort goes by. */
static void load_sort(struct code *c, const struct walk *w)
{
	uint32_t bytes;

	if (!w->sort.dir) {
		code_imm(c, R9, 0);
	} else if (w->sort.column) {
		code_load(c, BPF_DW, R9, R6, (int)key_part(w->g, w->sort.column - 1, &bytes));
	} else if (w->g->type != TY_STATS) {
		code_load(c, BPF_DW, R9, R8, VALUE);
	} else {
		static const int members[] = {
			[STAT_COUNT] = STAT(count), [STAT_SUM] = STAT(sum), [STAT_MIN] = STAT(min),
			[STAT_MAX] = STAT(max),	    [STAT_AVG] = STAT(sum), [STAT_VARIANCE] = STAT(count),
		};
		int op = w->sort.by_stat ? (int)w->sort.stat : STAT_COUNT;

		code_load(c, BPF_DW, R9, R8, members[op]);
		if (op == STAT_AVG) {
			code_mov(c, R1, R9);
			code_load(c, BPF_DW, R2, R8, STAT(count));
			code_divide(c, false);
			code_mov(c, R9, R1);
		}
	}
}

/* To `pass` unless the element at hand lies behind (sign 1) or before (sign -1) the noted one. */
static void compare_numbers(struct code *c, const struct walk *w, int sort_at, int seq_at, int sign,
			    int pass)
{
	int up = w->sort.dir < 0 ? -1 : 1, differs = code_label(c);
	bool greater = up * sign > 0;

	code_load(c, BPF_DW, R1, R7, (int)w->state_at + sort_at);
	code_jump_if(c, greater ? BPF_JSLT : BPF_JSGT, R9, R1, pass);
	code_jump_if(c, BPF_JNE, R9, R1, differs);
	code_load(c, BPF_DW, R2, R8, 0);
	code_load(c, BPF_DW, R1, R7, (int)w->state_at + seq_at);
	code_jump_if(c, sign > 0 ? BPF_JLE : BPF_JGE, R2, R1, pass);
	code_place(c, differs);
}

/* The same for strings: the element's is at w->text_at. */
static void compare_texts(struct code *c, const struct walk *w, uint32_t with, int seq_at, int sign,
			  int pass)
{
	int up = w->sort.dir < 0 ? -1 : 1, differs = code_label(c);
	bool greater = up * sign > 0;

	code_mov(c, R1, R7);
	code_alu_imm(c, BPF_ADD, R1, (int32_t)w->text_at);
	code_mov(c, R2, R7);
	code_alu_imm(c, BPF_ADD, R2, (int32_t)with);
	code_library(c, "rt_compare");
	code_jump_if_imm(c, greater ? BPF_JSLT : BPF_JSGT, R0, 0, pass);
	code_jump_if_imm(c, BPF_JNE, R0, 0, differs);
	code_load(c, BPF_DW, R2, R8, 0);
	code_load(c, BPF_DW, R1, R7, (int)w->state_at + seq_at);
	code_jump_if(c, sign > 0 ? BPF_JLE : BPF_JGE, R2, R1, pass);
	code_place(c, differs);
}

static void copy_to_frame(struct code *c, uint32_t to, int from, uint32_t offset, uint32_t bytes)
{
	code_mov(c, R1, R7);
	code_alu_imm(c, BPF_ADD, R1, (int32_t)to);
	code_imm(c, R2, bytes);
	code_mov(c, R3, from);
	code_alu_imm(c, BPF_ADD, R3, (int32_t)offset);
	code_helper(c, BPF_FUNC_probe_read_kernel);
}

/* Notes the element if it is the next one so far. */
static void find_next(struct code *c, const struct walk *w)
{
	int pass = code_label(c), fresh = code_label(c), take = code_label(c);
	bool texts = sorts_strings(w);
	uint32_t bytes = 0, at = 0;

	begin_callback(c);
	pass_empty(c, w, pass);
	match_slice(c, w, pass);
	if (texts && w->sort.column) {
		at = key_part(w->g, w->sort.column - 1, &bytes);
		copy_to_frame(c, w->text_at, R6, at, bytes);
	} else if (texts) {
		bytes = RT_KEY_STR_BYTES(lib_str_width(w->g->width));
		copy_to_frame(c, w->text_at, R8, VALUE, bytes);
	} else {
		load_sort(c, w);
	}
	code_load(c, BPF_DW, R1, R7, (int)w->state_at + STATE(started));
	code_jump_if_imm(c, BPF_JEQ, R1, 0, fresh);
	if (texts)
		compare_texts(c, w, w->last_text_at, STATE(last_seq), 1, pass);
	else
		compare_numbers(c, w, STATE(last_sort), STATE(last_seq), 1, pass);
	code_place(c, fresh);
	code_load(c, BPF_DW, R1, R7, (int)w->state_at + STATE(found));
	code_jump_if_imm(c, BPF_JEQ, R1, 0, take);
	if (texts)
		compare_texts(c, w, w->best_text_at, STATE(best_seq), -1, pass);
	else
		compare_numbers(c, w, STATE(best_sort), STATE(best_seq), -1, pass);
	code_place(c, take);
	code_store_imm(c, BPF_DW, R7, (int)w->state_at + STATE(found), 1);
	code_load(c, BPF_DW, R1, R8, 0);
	code_store(c, BPF_DW, R7, (int)w->state_at + STATE(best_seq), R1);
	if (texts)
		copy_to_frame(c, w->best_text_at, R7, w->text_at, bytes);
	else
		code_store(c, BPF_DW, R7, (int)w->state_at + STATE(best_sort), R9);
	copy_to_frame(c, w->best_key_at, R6, 0, key_bytes(w->g));
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
	code_store_imm(c, BPF_DW, R7, (int)w->state_at + STATE(found), 1);
	leave(c, 1);
	code_place(c, pass);
	leave(c, 0);
}

/* R1-R5 and R0 are lost. */
static void run_walk(struct emit *e, const struct walk *w,
		     void (*callback)(struct code *c, const struct walk *w))
{
	int number;
	struct code *c = emit_callback(e, LIB_SUB_ELEM, &number);

	if (!c)
		return;
	callback(c, w);
	code_store(e->c, BPF_DW, R10, -40, R7);
	code_map(e->c, R1, w->map);
	code_callback(e->c, R2, number);
	code_mov(e->c, R3, R10);
	code_alu_imm(e->c, BPF_ADD, R3, -40);
	code_imm(e->c, R4, 0);
	code_helper(e->c, BPF_FUNC_for_each_map_elem);
}

/* ------------------------------------------------------------------ operations */

/* The walk of an instruction whose keys begin at operand `first`; slots are taken from the frame. */
static struct walk new_walk(struct emit *e, const struct ir_ins *i, unsigned first)
{
	uint32_t number = IR_INDEX(emit_arg(e, i, 0));
	struct walk w = {.g = &e->m->globals.v[number], .number = number};

	if (e->frame_at > MAX_FRAME_AT)
		emit_error(e, i, "a handler with this many loops over tables cannot run in this kind of "
				 "probe");
	w.map = (uint32_t)builder_global(e->b, number)->map;
	w.state_at = emit_take(e, sizeof(struct walk_state));
	for (int k = 0; k < w.g->n_keys; k++)
		if (emit_arg(e, i, first + (unsigned)k))
			w.fixed |= 1u << k;
	if (w.fixed) {
		w.slice_at = emit_take(e, key_bytes(w.g));
		emit_key(e, i, first, w.slice_at);
	}
	code_store_imm(e->c, BPF_DW, R7, (int)w.state_at + STATE(started), 0);
	code_store_imm(e->c, BPF_DW, R7, (int)w.state_at + STATE(found), 0);
	return w;
}

static void foreach_start(struct emit *e, const struct ir_ins *i)
{
	struct walk *w = ARENA_NEW(e->c->arena, struct walk);

	*w = new_walk(e, i, 2);
	w->sort = ir_sort_unpack(i->imm);
	w->best_key_at = emit_take(e, key_bytes(w->g));
	if (sorts_strings(w)) {
		w->text_at = emit_take(e, RT_KEY_STR_BYTES(RT_STR_BYTES - 1));
		w->best_text_at = emit_take(e, RT_KEY_STR_BYTES(RT_STR_BYTES - 1));
		w->last_text_at = emit_take(e, RT_KEY_STR_BYTES(RT_STR_BYTES - 1));
	}
	if (w->sort.has_limit)
		emit_load_num(e, R1, emit_arg(e, i, 1));
	else
		code_imm(e->c, R1, INT32_MAX);
	code_store(e->c, BPF_DW, R7, (int)w->state_at + STATE(remaining), R1);
	e->f->walks[IR_INDEX(i->dst)] = w;
}

static const struct walk *walk_of(struct emit *e, const struct ir_ins *i)
{
	const struct walk *w = e->f->walks[IR_INDEX(emit_arg(e, i, 0))];

	if (!w)
		emit_error(e, i, "a loop over a table cannot run in this kind of probe");
	return w;
}

static void foreach_next(struct emit *e, const struct ir_ins *i)
{
	const struct walk *w = walk_of(e, i);
	int end = code_label(e->c);

	if (!w)
		return;
	code_load(e->c, BPF_DW, R1, R7, (int)w->state_at + STATE(remaining));
	code_imm(e->c, R9, 0);
	code_jump_if_imm(e->c, BPF_JSLE, R1, 0, end);
	code_alu_imm(e->c, BPF_SUB, R1, 1);
	code_store(e->c, BPF_DW, R7, (int)w->state_at + STATE(remaining), R1);
	code_store_imm(e->c, BPF_DW, R7, (int)w->state_at + STATE(found), 0);
	run_walk(e, w, find_next);
	code_load(e->c, BPF_DW, R9, R7, (int)w->state_at + STATE(found));
	code_jump_if_imm(e->c, BPF_JEQ, R9, 0, end);
	code_store_imm(e->c, BPF_DW, R7, (int)w->state_at + STATE(started), 1);
	code_load(e->c, BPF_DW, R1, R7, (int)w->state_at + STATE(best_seq));
	code_store(e->c, BPF_DW, R7, (int)w->state_at + STATE(last_seq), R1);
	if (sorts_strings(w)) {
		copy_to_frame(e->c, w->last_text_at, R7, w->best_text_at,
			      RT_KEY_STR_BYTES(RT_STR_BYTES - 1));
	} else {
		code_load(e->c, BPF_DW, R1, R7, (int)w->state_at + STATE(best_sort));
		code_store(e->c, BPF_DW, R7, (int)w->state_at + STATE(last_sort), R1);
	}
	code_place(e->c, end);
	emit_store_num(e, i->dst, R9);
}

static void iter_key(struct emit *e, const struct ir_ins *i)
{
	const struct walk *w = walk_of(e, i);
	uint32_t bytes, at;

	if (!w || !i->dst)
		return;
	at = w->best_key_at + key_part(w->g, (int)i->imm, &bytes);
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
	emit_frame_ptr(e, R2, w->best_key_at);
	code_helper(e->c, BPF_FUNC_map_lookup_elem);
}

static void iter_value(struct emit *e, const struct ir_ins *i)
{
	const struct walk *w = walk_of(e, i);

	if (w && i->dst) {
		look_up_best(e, w);
		emit_element_value(e, w->g, i->dst);
	}
}

static void iter_stat(struct emit *e, const struct ir_ins *i)
{
	const struct walk *w = walk_of(e, i);
	int missing = code_label(e->c);

	if (!w)
		return;
	look_up_best(e, w);
	code_imm(e->c, R1, 0);
	code_jump_if_imm(e->c, BPF_JEQ, R0, 0, missing);
	emit_stat_value(e, i, missing);
}

static void clear(struct emit *e, const struct ir_ins *i)
{
	uint32_t number = IR_INDEX(emit_arg(e, i, 0));
	const struct ir_global *g = &e->m->globals.v[number];
	static const struct rt_stat_value init = RT_STAT_INIT;
	struct walk w;

	if (g->n_keys) {
		w = new_walk(e, i, 1);
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
	struct walk w = new_walk(e, i, 1);

	run_walk(e, &w, find_any);
	code_load(e->c, BPF_DW, R1, R7, (int)w.state_at + STATE(found));
	emit_store_num(e, i->dst, R1);
}

void emit_evict(struct emit *e, uint32_t number)
{
	struct walk w = {.g = &e->m->globals.v[number], .number = number};
	int none = code_label(e->c);

	w.map = (uint32_t)builder_global(e->b, number)->map;
	w.state_at = emit_take(e, sizeof(struct walk_state));
	w.best_key_at = emit_take(e, key_bytes(w.g));
	code_store_imm(e->c, BPF_DW, R7, (int)w.state_at + STATE(started), 0);
	code_store_imm(e->c, BPF_DW, R7, (int)w.state_at + STATE(found), 0);
	run_walk(e, &w, find_next);
	code_load(e->c, BPF_DW, R1, R7, (int)w.state_at + STATE(found));
	code_jump_if_imm(e->c, BPF_JEQ, R1, 0, none);
	code_map(e->c, R1, w.map);
	emit_frame_ptr(e, R2, w.best_key_at);
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
		w = new_walk(e, i, 1);
		run_walk(e, &w, delete_matching);
		return true;
	default:
		return false;
	}
}
