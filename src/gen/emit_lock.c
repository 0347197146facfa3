/* Locks around a handler: which ones it needs says lock.c.
 *
 * A handler in a traced thread waits for a global that somebody has for himself. Elsewhere interrupts may
 * be off, or the holder may be what was interrupted: such a handler waits no longer than another CPU's
 * handler takes, and is skipped then. If all it does to that global is to add something, it does not wait
 * and is not skipped: the addition goes to the stap process as a record, which makes it as soon as the
 * global is free. */
#include <stddef.h>

#include "gen/emit.h"
#include "gen/lock.h"

#define FRAME(member) ((int)offsetof(struct rt_frame, member))
#define SHARED(member) ((uint32_t)offsetof(struct rt_shared, member))

enum {
	/* Tries to get a lock, of 8 ns each. A traced thread waits longer than SystemTap does: the holder may
	 * be waiting for its CPU. */
	TASK_SPINS = 1 << 23,
	TRACEPOINT_SPINS = 1 << 17,
	INTERRUPT_SPINS = 1 << 13,
	MAX_ASIDE = 31, /* bits of an immediate number */
};

static void drop_lock(struct emit *e, const struct lock_plan *plan, uint32_t fn, uint32_t g)
{
	enum lock_need need = lock_plan_need(plan, fn, g);
	int not_taken = code_label(e->c);

	if (need == LOCK_NONE)
		return;
	if (e->aside && e->aside[g])
		emit_if_aside(e, g, not_taken);
	code_map_value(e->c, R1, GEN_MAP_SHARED, (uint32_t)e->img->globals[g].lock);
	code_library(e->c, need == LOCK_ALONE ? "rt_unlock_alone" : "rt_unlock_shared");
	code_place(e->c, not_taken);
}

/* R0 = 0: not got. */
static void take_lock(struct emit *e, enum lock_need need, bool wait, uint32_t g)
{
	code_map_value(e->c, R1, GEN_MAP_SHARED, (uint32_t)e->img->globals[g].lock);
	if (!wait) {
		code_library(e->c, "rt_try_shared");
		return;
	}
	code_imm(e->c, R2, e->attach == GEN_UPROBES ? TASK_SPINS
			   : e->attach == GEN_PERF  ? INTERRUPT_SPINS
						    : TRACEPOINT_SPINS);
	code_library(e->c, need == LOCK_ALONE ? "rt_lock_alone" : "rt_lock_shared");
}

void emit_take_locks(struct emit *e, const struct lock_plan *plan, uint32_t fn, int skip)
{
	struct arena *a = &e->img->arena;
	int *failed = ARENA_ARRAY(a, int, e->m->globals.n + 1);
	uint32_t *taken = ARENA_ARRAY(a, uint32_t, e->m->globals.n + 1);
	int n = 0, n_aside = 0, go_on;

	e->aside = ARENA_ARRAY(a, uint8_t, e->m->globals.n + 1);
	if (e->attach != GEN_UPROBES)
		code_store_imm(e->c, BPF_DW, R7, FRAME(aside), 0);
	for (uint32_t g = 0; g < e->m->globals.n; g++) {
		enum lock_need need = lock_plan_need(plan, fn, g);
		int got = code_label(e->c);
		bool later;

		if (need == LOCK_NONE)
			continue;
		later = need == LOCK_BLIND && e->attach != GEN_UPROBES && n_aside < MAX_ASIDE;
		take_lock(e, need, !later, g);
		if (later) {
			e->aside[g] = (uint8_t)(n_aside + 1);
			code_jump_if_imm(e->c, BPF_JNE, R0, 0, got);
			code_load(e->c, BPF_DW, R1, R7, FRAME(aside));
			code_alu_imm(e->c, BPF_OR, R1, 1 << n_aside++);
			code_store(e->c, BPF_DW, R7, FRAME(aside), R1);
			failed[n] = -1;
		} else {
			failed[n] = code_label(e->c);
			code_jump_if_imm(e->c, BPF_JEQ, R0, 0, failed[n]);
		}
		code_place(e->c, got);
		taken[n++] = g;
	}
	if (!n)
		return;
	go_on = code_label(e->c);
	code_jump(e->c, go_on);
	for (int k = n - 1; k >= 0; k--) {
		if (k + 1 < n)
			drop_lock(e, plan, fn, taken[k]);
		if (failed[k] >= 0)
			code_place(e->c, failed[k]);
	}
	emit_count_skipped(e->c, SHARED(skipped_lock), skip);
	code_place(e->c, go_on);
}

void emit_drop_locks(struct emit *e, const struct lock_plan *plan, uint32_t fn)
{
	for (uint32_t g = (uint32_t)e->m->globals.n; g-- > 0;)
		drop_lock(e, plan, fn, g);
}

void emit_if_aside(struct emit *e, uint32_t global, int aside)
{
	if (!e->aside || !e->aside[global])
		return;
	code_load(e->c, BPF_DW, R1, R7, FRAME(aside));
	code_jump_if_imm(e->c, BPF_JSET, R1, 1 << (e->aside[global] - 1), aside);
}

void emit_put_aside(struct emit *e, const struct ir_ins *i)
{
	uint32_t g = IR_INDEX(emit_arg(e, i, 0)), at = e->key_at - (uint32_t)sizeof(struct rt_item_add);
	int map = e->img->globals[g].map;

	code_store(e->c, BPF_DW, R7, (int)(at + offsetof(struct rt_item_add, n)), R9);
	code_store_imm(e->c, BPF_DW, R7, (int)(at + offsetof(struct rt_item_add, place)),
		       (int32_t)emit_place(e, i->tok));
	emit_block_item(e, RT_ITEM_ADD, g, at,
			(uint32_t)sizeof(struct rt_item_add) + (map < 0 ? 0 : e->img->maps.v[map].key_size));
}
