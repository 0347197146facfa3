/* Records: what a handler prints is collected in its frame and sent to user space as one record when
 * it ends (or in between, when there is much). See struct rt_item in bpfrt/abi.h. */
#include <stddef.h>

#include "gen/emit.h"
#include "rt/stat.h"
#include "session.h"

#define FRAME(member) ((int)offsetof(struct rt_frame, member))
#define SHARED(member) ((uint32_t)offsetof(struct rt_shared, member))

enum {
	RECORD = sizeof(struct rt_record),
	OUT_ALL = sizeof(((struct rt_frame *)0)->out),
	ITEM = sizeof(struct rt_item),
	CALLS = sizeof(((struct rt_frame *)0)->calls),
	ITEM_START = 0, /* of frame->reserved: where the item being written begins */
};

void emit_flush(struct emit *e, bool wake)
{
	int empty = code_label(e->c), sent = code_label(e->c);

	code_load(e->c, BPF_W, R1, R7, FRAME(out_used));
	code_jump_if_imm(e->c, BPF_JLE, R1, RECORD, empty);
	code_load(e->c, BPF_W, R1, R7, FRAME(inst));
	code_store(e->c, BPF_W, R7, FRAME(out), R1);
	emit_ids(e);
	code_store(e->c, BPF_W, R7, FRAME(out) + 4, R0);
	code_alu_imm(e->c, BPF_RSH, R0, 32);
	code_store(e->c, BPF_W, R7, FRAME(out) + 8, R0);
	code_store_imm(e->c, BPF_W, R7, FRAME(out) + 12, 0);
	code_load(e->c, BPF_W, R3, R7, FRAME(out_used));
	code_jump_if_imm(e->c, BPF_JGT, R3, OUT_ALL, empty);
	code_map(e->c, R1, GEN_MAP_RING);
	emit_frame_ptr(e, R2, (uint32_t)FRAME(out));
	code_imm(e->c, R4, wake ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
	code_helper(e->c, BPF_FUNC_ringbuf_output);
	code_jump_if_imm(e->c, BPF_JEQ, R0, 0, sent);
	code_map_value(e->c, R1, GEN_MAP_SHARED, SHARED(lost_records));
	code_imm(e->c, R2, 1);
	code_atomic(e->c, BPF_DW, BPF_ADD, R1, 0, R2);
	code_load(e->c, BPF_W, R2, R7, FRAME(out_used));
	code_map_value(e->c, R1, GEN_MAP_SHARED, SHARED(lost_bytes));
	code_atomic(e->c, BPF_DW, BPF_ADD, R1, 0, R2);
	code_place(e->c, sent);
	code_place(e->c, empty);
	code_store_imm(e->c, BPF_W, R7, FRAME(out_used), RECORD);
}

/* R1 = R7 + out_used, where `bytes` more fit (else what is there is sent before). */
static void room(struct emit *e, uint32_t bytes)
{
	int fits = code_label(e->c);

	code_load(e->c, BPF_W, R2, R7, FRAME(out_used));
	code_jump_if_imm(e->c, BPF_JLE, R2, (int32_t)(RT_OUT_BYTES - bytes), fits);
	emit_flush(e, false);
	code_imm(e->c, R2, RECORD);
	code_place(e->c, fits);
	code_mov(e->c, R1, R7);
	code_alu(e->c, BPF_ADD, R1, R2);
}

/* R1 = R7 + out_used again, after a call; to `lost` if that is out of bounds (it never is). */
static void position(struct emit *e, int lost)
{
	code_load(e->c, BPF_W, R2, R7, FRAME(out_used));
	code_jump_if_imm(e->c, BPF_JGT, R2, RT_OUT_BYTES, lost);
	code_mov(e->c, R1, R7);
	code_alu(e->c, BPF_ADD, R1, R2);
}

static void advance(struct emit *e, uint32_t bytes)
{
	code_load(e->c, BPF_W, R2, R7, FRAME(out_used));
	code_alu_imm(e->c, BPF_ADD, R2, (int32_t)bytes);
	code_store(e->c, BPF_W, R7, FRAME(out_used), R2);
}

/* Begins an item at R1 (from room()). */
static void begin_item(struct emit *e, enum rt_item_kind kind, uint32_t a)
{
	e->img->prints |= kind != RT_ITEM_ERROR && kind != RT_ITEM_EXIT && kind != RT_ITEM_ADD;
	code_load(e->c, BPF_W, R2, R7, FRAME(out_used));
	code_store(e->c, BPF_W, R7, FRAME(reserved) + ITEM_START, R2);
	code_store_imm(e->c, BPF_H, R1, FRAME(out), kind);
	code_store_imm(e->c, BPF_H, R1, FRAME(out) + 2, (int32_t)a);
}

/* Fills in the size of the item begun last. */
static void end_item(struct emit *e)
{
	int lost = code_label(e->c);

	code_load(e->c, BPF_W, R3, R7, FRAME(reserved) + ITEM_START);
	code_jump_if_imm(e->c, BPF_JGT, R3, RT_OUT_BYTES, lost);
	code_load(e->c, BPF_W, R2, R7, FRAME(out_used));
	code_alu(e->c, BPF_SUB, R2, R3);
	code_alu_imm(e->c, BPF_SUB, R2, ITEM);
	code_mov(e->c, R1, R7);
	code_alu(e->c, BPF_ADD, R1, R3);
	code_store(e->c, BPF_W, R1, FRAME(out) + 4, R2);
	code_place(e->c, lost);
}

static void out_string(struct emit *e, struct loc l)
{
	code_mov(e->c, R1, R7);
	emit_str_ptr(e, R2, l);
	code_library(e->c, "rt_out_str");
}

void emit_item(struct emit *e, enum rt_item_kind kind, struct loc text)
{
	room(e, ITEM + 16 + RT_STR_BYTES);
	begin_item(e, kind, 0);
	advance(e, ITEM);
	if (text.kind != LOC_NONE)
		out_string(e, text);
	end_item(e);
}

void emit_block_item(struct emit *e, enum rt_item_kind kind, uint32_t a, uint32_t at, uint32_t bytes)
{
	room(e, ITEM + bytes);
	begin_item(e, kind, a);
	code_alu_imm(e->c, BPF_ADD, R1, FRAME(out) + ITEM);
	code_imm(e->c, R2, bytes);
	emit_frame_ptr(e, R3, at);
	code_helper(e->c, BPF_FUNC_probe_read_kernel);
	advance(e, ITEM + bytes);
	end_item(e);
}

void emit_error_item(struct emit *e)
{
	int text = code_label(e->c), end = code_label(e->c);

	code_load(e->c, BPF_W, R1, R7, FRAME(error));
	code_jump_if_imm(e->c, BPF_JEQ, R1, RT_E_ABORT, end);
	/* The first error ends the session, unless MAXERRORS allows some. */
	code_map_value(e->c, R1, GEN_MAP_SHARED, SHARED(n_errors));
	code_imm(e->c, R2, 1);
	code_atomic(e->c, BPF_DW, BPF_ADD | BPF_FETCH, R1, 0, R2);
	if (!e->s->opt.suppress_handler_errors) {
		int go_on = code_label(e->c);

		code_imm(e->c, R3, e->s->opt.maxerrors);
		code_jump_if(e->c, BPF_JLT, R2, R3, go_on);
		code_map_value(e->c, R1, GEN_MAP_SHARED, SHARED(stopping));
		code_store_imm(e->c, BPF_W, R1, 0, RT_STOPPING);
		code_place(e->c, go_on);
	}
	room(e, ITEM + sizeof(struct rt_item_error) + CALLS + 16 + RT_STR_BYTES);
	begin_item(e, RT_ITEM_ERROR, 0);
	code_load(e->c, BPF_W, R2, R7, FRAME(error));
	code_store(e->c, BPF_H, R1, FRAME(out) + 2, R2);
	code_load(e->c, BPF_DW, R2, R7, FRAME(error_arg));
	code_store(e->c, BPF_DW, R1, FRAME(out) + ITEM, R2);
	code_load(e->c, BPF_W, R2, R7, FRAME(error_place));
	code_store(e->c, BPF_W, R1, FRAME(out) + ITEM + 8, R2);
	code_store_imm(e->c, BPF_W, R1, FRAME(out) + ITEM + 12, 0);
	if (e->subs) {
		code_load(e->c, BPF_W, R2, R7, FRAME(n_calls));
		code_alu_imm(e->c, BPF_ADD, R2, 1);
		code_store(e->c, BPF_W, R1, FRAME(out) + ITEM + 12, R2);
		code_store_imm(e->c, BPF_W, R7, FRAME(n_calls), 0);
		code_alu_imm(e->c, BPF_ADD, R1, FRAME(out) + ITEM + (int)sizeof(struct rt_item_error));
		code_imm(e->c, R2, CALLS);
		emit_frame_ptr(e, R3, (uint32_t)FRAME(calls));
		code_helper(e->c, BPF_FUNC_probe_read_kernel);
		advance(e, CALLS);
	}
	advance(e, ITEM + sizeof(struct rt_item_error));
	code_load(e->c, BPF_W, R1, R7, FRAME(error));
	code_jump_if_imm(e->c, BPF_JNE, R1, RT_E_TEXT, text);
	out_string(e, (struct loc){LOC_SLOT, (uint32_t)FRAME(error_text), RT_STR_BYTES - 1});
	code_place(e->c, text);
	end_item(e);
	emit_flush(e, true);
	code_place(e->c, end);
	code_store_imm(e->c, BPF_W, R7, FRAME(error), 0);
}

/* Longs are stored in runs; behind each string the place is looked up again. */
static void print(struct emit *e, const struct ir_ins *i)
{
	uint32_t need = ITEM, at = ITEM;
	int lost = code_label(e->c);

	for (unsigned k = 0; k < i->n_args; k++) {
		ir_ref r = emit_arg(e, i, k);

		need += 8;
		if (ir_ref_type(e->m, e->f->fn, r) == IR_STR)
			need += (emit_width(e, r) | sizeof(struct rt_token)) + 8;
	}
	/* More than that can be begun, but not all arguments arrive: what they would print is cut
	 * anyway. */
	room(e, need < RT_OUT_BYTES - RECORD ? need : RT_OUT_BYTES - RECORD);
	begin_item(e, RT_ITEM_PRINT, i->imm);
	for (unsigned k = 0; k < i->n_args; k++) {
		ir_ref r = emit_arg(e, i, k);

		if (ir_ref_type(e->m, e->f->fn, r) != IR_STR) {
			emit_load_num(e, R2, r);
			code_store(e->c, BPF_DW, R1, FRAME(out) + (int)at, R2);
			at += 8;
			continue;
		}
		if (at)
			advance(e, at);
		at = 0;
		out_string(e, emit_loc(e, r));
		if (k + 1 < i->n_args)
			position(e, lost);
	}
	if (at)
		advance(e, at);
	code_place(e->c, lost);
	end_item(e);
}

/* R8 = the statistics whose histogram an instruction wants; there is something in it. */
static void histogram(struct emit *e, const struct ir_ins *i)
{
	int empty = code_label(e->c), ok = code_label(e->c);

	emit_stat_for_reading(e, i, 1, empty);
	code_mov(e->c, R8, R0);
	code_load(e->c, BPF_DW, R1, R8, (int)offsetof(struct rt_stat_value, count));
	code_jump_if_imm(e->c, BPF_JNE, R1, 0, ok);
	code_place(e->c, empty);
	emit_fail(e, i, RT_E_EMPTY);
	code_place(e->c, ok);
}

/* The whole statistics; user space draws it. */
static void print_histogram(struct emit *e, const struct ir_ins *i)
{
	uint32_t number = IR_INDEX(emit_arg(e, i, 0));
	const struct ir_global *g = &e->m->globals.v[number];
	uint32_t bytes = sizeof(struct rt_stat_value) + 8 * (uint32_t)rt_stat_buckets(&g->stat);

	if (bytes > RT_OUT_BYTES - RECORD - ITEM) {
		emit_error(e, i, "a histogram of so many buckets cannot be printed in this kind of probe; "
				 "print it in an end or timer probe");
		return;
	}
	histogram(e, i);
	room(e, ITEM + bytes);
	begin_item(e, RT_ITEM_HIST, number);
	code_alu_imm(e->c, BPF_ADD, R1, FRAME(out) + ITEM);
	code_imm(e->c, R2, bytes);
	code_mov(e->c, R3, R8);
	code_helper(e->c, BPF_FUNC_probe_read_kernel);
	advance(e, ITEM + bytes);
	end_item(e);
}

static void sprint_histogram(struct emit *e, const struct ir_ins *i)
{
	const struct stat_spec *spec = &e->m->globals.v[IR_INDEX(emit_arg(e, i, 0))].stat;
	struct rt_hist h = {.log = spec->hist.kind == HIST_LOG,
			    .buckets = (uint32_t)rt_stat_buckets(spec),
			    .low = spec->hist.low,
			    .step = spec->hist.step,
			    .width = e->s->opt.hist_width,
			    .elision = e->s->opt.hist_elision};
	struct loc dst = emit_loc(e, i->dst);

	histogram(e, i);
	/* Its address as a plain number: pointers become that in memory. */
	code_store(e->c, BPF_DW, R7, FRAME(scratch), R8);
	code_load(e->c, BPF_DW, R3, R7, FRAME(scratch));
	emit_str_ptr(e, R1, dst);
	code_imm(e->c, R2, dst.width);
	code_map_value(e->c, R4, GEN_MAP_CONST, builder_bytes(e->b, &h, sizeof(h)));
	code_library(e->c, "rt_hist_text");
}

bool emit_print_op(struct emit *e, const struct ir_ins *i)
{
	switch (i->op) {
	case IR_PRINT:
		print(e, i);
		return true;
	case IR_PRINTH:
		print_histogram(e, i);
		return true;
	case IR_SPRINTH:
		sprint_histogram(e, i);
		return true;
	default:
		return false;
	}
}
