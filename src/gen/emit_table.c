/* Globals, tables and statistics. See emit.h.
 *
 * Tables are hash maps; an element carries its number in the order of insertion. Single updates are
 * atomic: concurrent hits on other CPUs lose nothing. A new element is made complete before it is
 * inserted, and inserted only if no other CPU was faster. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "gen/emit.h"
#include "rt/intrinsic.h"
#include "rt/stat.h"
#include "session.h"

#define SHARED(member) ((uint32_t)offsetof(struct rt_shared, member))
#define STAT(member) ((int)offsetof(struct rt_stat_value, member))

enum { VALUE = 8 /* offset of the value behind its number */ };

static const struct ir_global *global_of(const struct emit *e, const struct ir_ins *i)
{
	return builder_global(e->b, IR_INDEX(emit_arg(e, i, 0)))->desc;
}

static const struct gen_global *place_of(const struct emit *e, const struct ir_ins *i)
{
	return builder_global(e->b, IR_INDEX(emit_arg(e, i, 0)));
}

/* Is everything behind the text zero, as long as the widest text is? */
static bool is_padded(const struct emit *e, ir_ref r)
{
	struct loc l = emit_loc(e, r);
	struct ir_def at = {0};
	const struct ir_ins *i;
	bool any = false;

	if (l.kind == LOC_PARAM)
		return true;
	if (l.kind != LOC_SLOT || IR_KIND(r) != IRK_REG)
		return false;
	while ((i = ir_next_def(e->f->fn, r, &at)) != NULL) {
		any = true;
		if (i->op != IR_RT || strcmp(intrinsic_by_number(i->imm)->name, "execname") != 0)
			return false;
	}
	return any;
}

/* One that is longer than any key of the table keeps its length, so that it is none of them. */
static void literal_key(struct emit *e, uint32_t at, uint32_t width, const struct ir_str *s)
{
	uint64_t word, len = s->len < width ? s->len : width;

	code_imm(e->c, R1, s->len);
	code_store(e->c, BPF_DW, R7, (int)at, R1);
	for (uint32_t k = 0; k + 8 < RT_KEY_STR_BYTES(width); k += 8) {
		word = 0;
		if (k < len)
			memcpy(&word, s->s + k, len - k < 8 ? len - k : 8);
		code_imm(e->c, R1, (int64_t)word);
		code_store(e->c, BPF_DW, R7, (int)(at + 8 + k), R1);
	}
}

/* A string into the key at `at`: everything behind the text is zero. */
static void string_key(struct emit *e, uint32_t at, uint32_t width, ir_ref r)
{
	enum { MAX_WORDS = 8 };
	uint32_t bytes = RT_KEY_STR_BYTES(width), known;
	struct loc l = emit_loc(e, r);
	int fits = code_label(e->c);

	if (l.kind == LOC_STR && bytes <= 8 * MAX_WORDS) {
		literal_key(e, at, width, &e->m->strs.v[l.at]);
		return;
	}
	known = RT_KEY_STR_BYTES(l.width);
	if (l.width <= width && known <= 8 * MAX_WORDS && is_padded(e, r)) {
		emit_str_ptr(e, R3, l);
		for (uint32_t k = 0; k < bytes; k += 8) {
			if (k < known)
				code_load(e->c, BPF_DW, R1, R3, (int)k);
			else if (k == known)
				code_imm(e->c, R1, 0);
			code_store(e->c, BPF_DW, R7, (int)(at + k), R1);
		}
		return;
	}
	for (uint32_t k = 0; k < bytes; k += 8)
		code_store_imm(e->c, BPF_DW, R7, (int)(at + k), 0);
	emit_str_ptr(e, R3, l);
	code_load(e->c, BPF_W, R2, R3, 0);
	code_jump_if_imm(e->c, BPF_JLE, R2, (int32_t)width, fits);
	code_imm(e->c, R2, width);
	code_place(e->c, fits);
	code_alu_imm(e->c, BPF_ADD, R2, 8);
	emit_frame_ptr(e, R1, at);
	code_helper(e->c, BPF_FUNC_probe_read_kernel);
}

void emit_key(struct emit *e, const struct ir_ins *i, unsigned first, uint32_t at)
{
	const struct ir_global *g = global_of(e, i);

	for (int k = 0; k < g->n_keys; k++) {
		ir_ref r = emit_arg(e, i, first + (unsigned)k);
		uint32_t width = lib_str_width(g->key_width[k]);
		bool text = g->key_type[k] == TY_STRING;

		if (text && r) {
			string_key(e, at, width, r);
		} else if (r) {
			emit_load_num(e, R1, r);
			code_store(e->c, BPF_DW, R7, (int)at, R1);
		}
		at += text ? RT_KEY_STR_BYTES(width) : 8;
	}
}

static void make_key(struct emit *e, const struct ir_ins *i, unsigned first)
{
	emit_key(e, i, first, e->key_at);
}

/* R0: the element with the key made, or 0. */
static void look_up(struct emit *e, const struct ir_ins *i)
{
	code_map(e->c, R1, (uint32_t)place_of(e, i)->map);
	emit_frame_ptr(e, R2, e->key_at);
	code_helper(e->c, BPF_FUNC_map_lookup_elem);
}

/* To inserted if the element at key_at, value_at could be. */
static void try_insert(struct emit *e, const struct ir_ins *i, int inserted)
{
	code_map_value(e->c, R1, GEN_MAP_SHARED, SHARED(next_seq));
	code_imm(e->c, R2, 1);
	code_atomic(e->c, BPF_DW, BPF_ADD | BPF_FETCH, R1, 0, R2);
	code_alu_imm(e->c, BPF_ADD, R2, 1);
	code_store(e->c, BPF_DW, R7, (int)e->value_at, R2);
	code_map(e->c, R1, (uint32_t)place_of(e, i)->map);
	emit_frame_ptr(e, R2, e->key_at);
	emit_frame_ptr(e, R3, e->value_at);
	code_imm(e->c, R4, BPF_NOEXIST);
	code_map_update(e->c);
	code_jump_if_imm(e->c, BPF_JEQ, R0, 0, inserted);
	code_mov(e->c, R8, R0);
}

static bool result_used(const struct emit *e, const struct ir_ins *i)
{
	return i->dst && e->f->uses[IR_INDEX(i->dst)];
}

/* Additions elsewhere than in a thread can interrupt an operation on the same table. */
static bool may_collide(const struct emit *e, const struct ir_ins *i)
{
	return e->attach != GEN_UPROBES && (i->op == IR_SADD || (i->op == IR_TADD && !result_used(e, i)));
}

/* R0 = the element: found, or inserted with the value that stands at value_at + 8; full: fails.
 * Control goes to found with R0 set, or falls through after an insertion. R8 is lost. If the kernel
 * cannot insert just now, to `aside` (operations that may_collide()). */
static void insert(struct emit *e, const struct ir_ins *i, int found, int aside)
{
	int inserted = code_label(e->c);

	for (int again = 0; again <= global_of(e, i)->wrap; again++) {
		if (again)
			emit_evict(e, IR_INDEX(emit_arg(e, i, 0)));
		try_insert(e, i, inserted);
		/* Another CPU was faster, or the table is full. */
		look_up(e, i);
		code_jump_if_imm(e->c, BPF_JNE, R0, 0, found);
	}
	if (may_collide(e, i))
		code_jump_if_imm(e->c, BPF_JNE, R8, -E2BIG, aside);
	code_imm(e->c, R1, IR_INDEX(emit_arg(e, i, 0)));
	code_store(e->c, BPF_DW, R7, (int)offsetof(struct rt_frame, error_arg), R1);
	emit_fail(e, i, RT_E_FULL);
	code_place(e->c, inserted);
}

/* ------------------------------------------------------------------ scalars */

static void load(struct emit *e, const struct ir_ins *i)
{
	const struct gen_global *p = place_of(e, i);

	if (global_of(e, i)->type == TY_STRING) {
		struct loc dst = emit_loc(e, i->dst);

		emit_str_ptr(e, R1, dst);
		code_imm(e->c, R2, dst.width);
		code_map_value(e->c, R3, GEN_MAP_SHARED, p->offset);
		code_library(e->c, "rt_copy");
		return;
	}
	code_map_value(e->c, R1, GEN_MAP_SHARED, p->offset);
	code_load(e->c, BPF_DW, R1, R1, 0);
	emit_store_num(e, i->dst, R1);
}

static void store(struct emit *e, const struct ir_ins *i)
{
	const struct ir_global *g = global_of(e, i);
	const struct gen_global *p = place_of(e, i);
	ir_ref v = emit_arg(e, i, 1);

	if (g->type == TY_STRING) {
		code_map_value(e->c, R1, GEN_MAP_SHARED, p->offset);
		code_imm(e->c, R2, lib_str_width(g->width));
		emit_str_ptr(e, R3, emit_loc(e, v));
		code_library(e->c, "rt_copy");
		return;
	}
	emit_load_num(e, R2, v);
	code_map_value(e->c, R1, GEN_MAP_SHARED, p->offset);
	code_store(e->c, BPF_DW, R1, 0, R2);
}

static void add_scalar(struct emit *e, const struct ir_ins *i)
{
	uint32_t g = IR_INDEX(emit_arg(e, i, 0));
	int aside = code_label(e->c), end = code_label(e->c);

	emit_load_num(e, R9, emit_arg(e, i, 1));
	emit_if_aside(e, g, aside);
	code_mov(e->c, R2, R9);
	code_map_value(e->c, R1, GEN_MAP_SHARED, place_of(e, i)->offset);
	if (!result_used(e, i)) {
		code_atomic(e->c, BPF_DW, BPF_ADD, R1, 0, R2);
		if (e->aside && e->aside[g]) {
			code_jump(e->c, end);
			code_place(e->c, aside);
			emit_put_aside(e, i);
			code_place(e->c, end);
		}
		return;
	}
	code_mov(e->c, R3, R2);
	code_atomic(e->c, BPF_DW, BPF_ADD | BPF_FETCH, R1, 0, R3);
	code_alu(e->c, BPF_ADD, R3, R2);
	emit_store_num(e, i->dst, R3);
}

/* ------------------------------------------------------------------ tables */

void emit_element_value(struct emit *e, const struct ir_global *g, ir_ref to)
{
	int missing = code_label(e->c), end = code_label(e->c);
	struct loc dst = emit_loc(e, to);

	if (g->type == TY_STRING) {
		uint32_t width = lib_str_width(g->width);

		code_jump_if_imm(e->c, BPF_JEQ, R0, 0, missing);
		emit_str_ptr(e, R1, dst);
		code_imm(e->c, R2, RT_KEY_STR_BYTES(width < dst.width ? width : dst.width));
		code_mov(e->c, R3, R0);
		code_alu_imm(e->c, BPF_ADD, R3, VALUE);
		code_helper(e->c, BPF_FUNC_probe_read_kernel);
		code_jump(e->c, end);
		code_place(e->c, missing);
		emit_str_ptr(e, R1, dst);
		code_store_imm(e->c, BPF_DW, R1, 0, 0);
		code_store_imm(e->c, BPF_B, R1, 8, 0);
		code_place(e->c, end);
		return;
	}
	code_imm(e->c, R1, 0);
	code_jump_if_imm(e->c, BPF_JEQ, R0, 0, missing);
	code_load(e->c, BPF_DW, R1, R0, VALUE);
	code_place(e->c, missing);
	emit_store_num(e, to, R1);
}

static void get(struct emit *e, const struct ir_ins *i)
{
	make_key(e, i, 1);
	look_up(e, i);
	emit_element_value(e, global_of(e, i), i->dst);
}

static void set_string(struct emit *e, const struct ir_ins *i, uint32_t width)
{
	int found = code_label(e->c), end = code_label(e->c);

	for (uint32_t k = 0; k < RT_KEY_STR_BYTES(width); k += 8)
		code_store_imm(e->c, BPF_DW, R7, (int)(e->value_at + VALUE + k), 0);
	emit_frame_ptr(e, R1, e->value_at + VALUE);
	code_imm(e->c, R2, width);
	emit_str_ptr(e, R3, emit_loc(e, emit_arg(e, i, 1)));
	code_library(e->c, "rt_copy");
	look_up(e, i);
	code_jump_if_imm(e->c, BPF_JNE, R0, 0, found);
	insert(e, i, found, -1);
	code_jump(e->c, end);
	code_place(e->c, found);
	code_mov(e->c, R1, R0);
	code_alu_imm(e->c, BPF_ADD, R1, VALUE);
	code_imm(e->c, R2, RT_KEY_STR_BYTES(width));
	emit_frame_ptr(e, R3, e->value_at + VALUE);
	code_helper(e->c, BPF_FUNC_probe_read_kernel);
	code_place(e->c, end);
}

static void set(struct emit *e, const struct ir_ins *i)
{
	const struct ir_global *g = global_of(e, i);
	int found = code_label(e->c), end = code_label(e->c);

	make_key(e, i, 2);
	if (g->type == TY_STRING) {
		set_string(e, i, lib_str_width(g->width));
		return;
	}
	emit_load_num(e, R9, emit_arg(e, i, 1));
	look_up(e, i);
	code_jump_if_imm(e->c, BPF_JNE, R0, 0, found);
	code_store(e->c, BPF_DW, R7, (int)e->value_at + VALUE, R9);
	insert(e, i, found, -1);
	code_jump(e->c, end);
	code_place(e->c, found);
	code_store(e->c, BPF_DW, R0, VALUE, R9);
	code_place(e->c, end);
}

static void add(struct emit *e, const struct ir_ins *i)
{
	int found = code_label(e->c), end = code_label(e->c), aside = code_label(e->c);

	make_key(e, i, 2);
	emit_load_num(e, R9, emit_arg(e, i, 1));
	emit_if_aside(e, IR_INDEX(emit_arg(e, i, 0)), aside);
	look_up(e, i);
	code_jump_if_imm(e->c, BPF_JNE, R0, 0, found);
	code_store(e->c, BPF_DW, R7, (int)e->value_at + VALUE, R9);
	insert(e, i, found, aside);
	code_jump(e->c, end);
	code_place(e->c, found);
	if (result_used(e, i)) {
		code_mov(e->c, R1, R9);
		code_atomic(e->c, BPF_DW, BPF_ADD | BPF_FETCH, R0, VALUE, R1);
		code_alu(e->c, BPF_ADD, R9, R1);
	} else {
		code_atomic(e->c, BPF_DW, BPF_ADD, R0, VALUE, R9);
	}
	if (may_collide(e, i)) {
		code_jump(e->c, end);
		code_place(e->c, aside);
		emit_put_aside(e, i);
	}
	code_place(e->c, end);
	if (result_used(e, i))
		emit_store_num(e, i->dst, R9);
}

static void in(struct emit *e, const struct ir_ins *i)
{
	int missing = code_label(e->c);

	make_key(e, i, 1);
	look_up(e, i);
	code_imm(e->c, R1, 0);
	code_jump_if_imm(e->c, BPF_JEQ, R0, 0, missing);
	code_imm(e->c, R1, 1);
	code_place(e->c, missing);
	emit_store_num(e, i->dst, R1);
}

static void delete(struct emit *e, const struct ir_ins *i)
{
	make_key(e, i, 1);
	code_map(e->c, R1, (uint32_t)place_of(e, i)->map);
	emit_frame_ptr(e, R2, e->key_at);
	code_helper(e->c, BPF_FUNC_map_delete_elem);
}

/* ------------------------------------------------------------------ statistics */

/* What differs from zero in a new element. */
static void init_stat(struct emit *e)
{
	static const struct rt_stat_value init = RT_STAT_INIT;

	code_imm(e->c, R1, init.min);
	code_store(e->c, BPF_DW, R7, (int)e->value_at + STAT(min), R1);
	code_imm(e->c, R1, init.max);
	code_store(e->c, BPF_DW, R7, (int)e->value_at + STAT(max), R1);
	code_imm(e->c, R1, init.first);
	code_store(e->c, BPF_DW, R7, (int)e->value_at + STAT(first), R1);
}

/* R8 = the statistics, made if it is a new element of a table. */
static void stat_for_update(struct emit *e, const struct ir_ins *i, int aside)
{
	const struct ir_global *g = global_of(e, i);
	uint32_t bytes = sizeof(struct rt_stat_value) + 8 * (uint32_t)rt_stat_buckets(&g->stat);
	int found = code_label(e->c);

	if (!g->n_keys) {
		emit_if_aside(e, IR_INDEX(emit_arg(e, i, 0)), aside);
		code_map_value(e->c, R8, GEN_MAP_SHARED, place_of(e, i)->offset);
		return;
	}
	make_key(e, i, 2);
	emit_if_aside(e, IR_INDEX(emit_arg(e, i, 0)), aside);
	look_up(e, i);
	code_jump_if_imm(e->c, BPF_JNE, R0, 0, found);
	for (uint32_t k = 0; k < bytes; k += 8)
		code_store_imm(e->c, BPF_DW, R7, (int)(e->value_at + k), 0);
	init_stat(e);
	insert(e, i, found, aside);
	look_up(e, i);
	code_jump_if_imm(e->c, BPF_JNE, R0, 0, found);
	emit_fail(e, i, RT_E_FULL);
	code_place(e->c, found);
	code_mov(e->c, R8, R0);
}

static void add_to_stat(struct emit *e, const struct ir_ins *i)
{
	const struct ir_global *g = global_of(e, i);
	int32_t buckets = rt_stat_buckets(&g->stat);
	int outside = code_label(e->c);

	code_mov(e->c, R1, R8);
	code_mov(e->c, R2, R9);
	code_library(e->c, g->stat.variance ? "rt_stat_add_variance" : "rt_stat_add");
	if (!buckets)
		return;
	code_mov(e->c, R1, R9);
	if (g->stat.hist.kind == HIST_LOG) {
		code_library(e->c, "rt_hist_log");
	} else {
		code_imm(e->c, R2, g->stat.hist.low);
		code_imm(e->c, R3, g->stat.hist.high);
		code_imm(e->c, R4, g->stat.hist.step);
		code_library(e->c, "rt_hist_linear");
	}
	code_jump_if_imm(e->c, BPF_JGE, R0, buckets, outside);
	code_alu_imm(e->c, BPF_LSH, R0, 3);
	code_alu(e->c, BPF_ADD, R8, R0);
	code_imm(e->c, R1, 1);
	code_atomic(e->c, BPF_DW, BPF_ADD, R8, STAT(buckets), R1);
	code_place(e->c, outside);
}

static void stat_add(struct emit *e, const struct ir_ins *i)
{
	int aside = code_label(e->c), end = code_label(e->c);

	emit_load_num(e, R9, emit_arg(e, i, 1));
	stat_for_update(e, i, aside);
	add_to_stat(e, i);
	if (may_collide(e, i)) {
		code_jump(e->c, end);
		code_place(e->c, aside);
		emit_put_aside(e, i);
	}
	code_place(e->c, end);
}

void emit_stat_for_reading(struct emit *e, const struct ir_ins *i, unsigned first_key, int missing)
{
	if (!global_of(e, i)->n_keys) {
		code_map_value(e->c, R0, GEN_MAP_SHARED, place_of(e, i)->offset);
		code_imm(e->c, R1, 0);
		return;
	}
	make_key(e, i, first_key);
	look_up(e, i);
	code_imm(e->c, R1, 0);
	code_jump_if_imm(e->c, BPF_JEQ, R0, 0, missing);
}

static void fail_if_empty(struct emit *e, const struct ir_ins *i, int empty)
{
	int ok = code_label(e->c);

	code_jump(e->c, ok);
	code_place(e->c, empty);
	emit_fail(e, i, RT_E_EMPTY);
	code_place(e->c, ok);
}

void emit_stat_value(struct emit *e, const struct ir_ins *i, int missing)
{
	static const int members[] = {
		[STAT_COUNT] = STAT(count), [STAT_SUM] = STAT(sum), [STAT_MIN] = STAT(min),
		[STAT_MAX] = STAT(max),	    [STAT_AVG] = STAT(sum),
	};

	if (i->imm == STAT_COUNT || i->imm == STAT_SUM) {
		code_load(e->c, BPF_DW, R1, R0, members[i->imm]);
		code_place(e->c, missing);
		emit_store_num(e, i->dst, R1);
		return;
	}
	code_load(e->c, BPF_DW, R2, R0, STAT(count));
	code_jump_if_imm(e->c, BPF_JEQ, R2, 0, missing);
	if (i->imm == STAT_VARIANCE) {
		code_mov(e->c, R1, R0);
		code_library(e->c, "rt_stat_variance");
		code_mov(e->c, R1, R0);
	} else {
		code_load(e->c, BPF_DW, R1, R0, members[i->imm]);
		if (i->imm == STAT_AVG)
			code_divide(e->c, false);
	}
	fail_if_empty(e, i, missing);
	emit_store_num(e, i->dst, R1);
}

static void stat_get(struct emit *e, const struct ir_ins *i)
{
	int missing = code_label(e->c);

	emit_stat_for_reading(e, i, 1, missing);
	emit_stat_value(e, i, missing);
}

static void stat_bucket(struct emit *e, const struct ir_ins *i)
{
	int32_t buckets = rt_stat_buckets(&global_of(e, i)->stat);
	int missing = code_label(e->c), inside = code_label(e->c);

	emit_load_num(e, R8, emit_arg(e, i, 1));
	emit_stat_for_reading(e, i, 2, missing);
	code_load(e->c, BPF_DW, R1, R0, STAT(count));
	code_jump_if_imm(e->c, BPF_JEQ, R1, 0, missing);
	code_jump_if_imm(e->c, BPF_JLT, R8, buckets, inside);
	emit_fail(e, i, RT_E_HIST_INDEX);
	code_place(e->c, inside);
	code_alu_imm(e->c, BPF_LSH, R8, 3);
	code_alu(e->c, BPF_ADD, R0, R8);
	code_load(e->c, BPF_DW, R1, R0, STAT(buckets));
	fail_if_empty(e, i, missing);
	emit_store_num(e, i->dst, R1);
}

bool emit_table_op(struct emit *e, const struct ir_ins *i)
{
	switch (i->op) {
	case IR_LOAD:
		load(e, i);
		return true;
	case IR_STORE:
		store(e, i);
		return true;
	case IR_GADD:
		add_scalar(e, i);
		return true;
	case IR_TGET:
		get(e, i);
		return true;
	case IR_TSET:
		set(e, i);
		return true;
	case IR_TADD:
		add(e, i);
		return true;
	case IR_TIN:
		in(e, i);
		return true;
	case IR_TDEL:
		delete(e, i);
		return true;
	case IR_SADD:
		stat_add(e, i);
		return true;
	case IR_SGET:
		stat_get(e, i);
		return true;
	case IR_SBUCKET:
		stat_bucket(e, i);
		return true;
	default:
		return false;
	}
}
