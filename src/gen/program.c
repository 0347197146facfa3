/* One program: a frame is taken, the instance found, filters and conditions asked, then each handler runs under
 * its locks. See builder.h and emit.h. */
#include "gen/builder.h"

#include <linux/netfilter.h>
#include <string.h>

#include "gen/gen.h"
#include "gen/life.h"
#include "gen/link.h"
#include "gen/netfilter.h"
#include "gen/syscall.h"
#include "lang/diag.h"
#include "sema/sema.h"
#include "session.h"

void emit_only_targets(struct code *c, int leave)
{
	code_helper(c, BPF_FUNC_get_current_pid_tgid);
	code_alu_imm(c, BPF_RSH, R0, 32);
	code_store(c, BPF_W, R10, -4, R0);
	code_map(c, R1, GEN_MAP_TARGETS);
	code_mov(c, R2, R10);
	code_alu_imm(c, BPF_ADD, R2, -4);
	code_helper(c, BPF_FUNC_map_lookup_elem);
	code_jump_if_imm(c, BPF_JEQ, R0, 0, leave);
}

void emit_count_skipped(struct code *c, uint32_t counter, int skip)
{
	code_map_value(c, R1, GEN_MAP_SHARED, counter);
	code_imm(c, R2, 1);
	code_atomic(c, BPF_DW, BPF_ADD, R1, 0, R2);
	code_jump(c, skip);
}

void emit_leave_if_stopping(struct code *c, enum rt_stopping state, int leave)
{
	code_map_value(c, R1, GEN_MAP_SHARED, SHARED(stopping));
	code_load(c, BPF_W, R2, R1, 0);
	code_jump_if_imm(c, state == RT_LIVE ? BPF_JNE : BPF_JEQ, R2, (int32_t)state, leave);
}

/* R7 = a free frame of this CPU, marked busy. */
static void take_frame(struct code *c, int leave)
{
	int next = code_label(c), got = code_label(c);

	code_helper(c, BPF_FUNC_get_smp_processor_id);
	code_mov(c, R8, R0);
	code_alu_imm(c, BPF_MUL, R8, RT_FRAMES_PER_CPU);
	code_store_imm(c, BPF_DW, R10, -16, RT_FRAMES_PER_CPU); /* that are left to try */
	code_place(c, next);
	code_store(c, BPF_W, R10, -4, R8);
	code_map(c, R1, GEN_MAP_FRAMES);
	code_mov(c, R2, R10);
	code_alu_imm(c, BPF_ADD, R2, -4);
	code_helper(c, BPF_FUNC_map_lookup_elem);
	code_jump_if_imm(c, BPF_JEQ, R0, 0, leave);
	code_mov(c, R7, R0);
	code_imm(c, R1, 1);
	code_atomic(c, BPF_W, BPF_XCHG, R7, FRAME(busy), R1);
	code_jump_if_imm(c, BPF_JEQ, R1, 0, got);
	code_alu_imm(c, BPF_ADD, R8, 1);
	code_load(c, BPF_DW, R1, R10, -16);
	code_alu_imm(c, BPF_SUB, R1, 1);
	code_store(c, BPF_DW, R10, -16, R1);
	code_jump_if_imm(c, BPF_JNE, R1, 0, next);
	emit_count_skipped(c, SHARED(skipped_busy), leave);
	code_place(c, got);
}

static struct emit new_emit(struct builder *b, const struct gen_program *p, struct parts *parts)
{
	struct emit e = {.s = b->s,
			 .m = b->m,
			 .img = b->img,
			 .b = b,
			 .parts = parts,
			 .handler_block = -1,
			 .sleepable = p->sleepable,
			 .is_return = p->kind == SITE_URETPROBE || p->kind == SITE_KFUNC_RETURN,
			 .kind = p->kind,
			 .attach = p->attach,
			 .kfunc = p->kfunc,
			 .probe_type = b->img->insts.v[p->first_inst]->family->probe_type,
			 .at_entry = p->sites.v[0].site->at_entry,
			 .uprobe_func_ip = b->can.uprobe_func_ip,
			 /* Netfilter programs may call no helper that tells who runs. */
			 .forked = gen_is_fork(p) || p->task_arg || p->attach == GEN_NETFILTER,
			 /* A new task's memory is a copy of its parent's. */
			 .apart = p->task_arg &&
				  strcmp(p->sites.v[0].site->path, "sched_process_fork") != 0,
			 .exiting = p->tracepoint && strcmp(p->tracepoint, "sched_process_exit") == 0};
	uint32_t at = (sizeof(struct rt_frame) + 7) & ~7u;

	e.key_at = at + (uint32_t)sizeof(struct rt_item_add);
	e.value_at = e.key_at + b->key_bytes;
	e.spare_at = e.value_at + b->value_bytes;
	e.groups_at = e.spare_at + RT_KEY_STR_BYTES(RT_STR_BYTES - 1);
	e.frame_at = e.frame_max = e.groups_at + (b->groups ? (uint32_t)sizeof(struct rt_groups) : 0);
	return e;
}

/* frame->inst, frame->bias. */
static void find_instance(struct builder *b, struct code *c, const struct gen_program *p,
			  struct parts *parts)
{
	int unknown = code_label(c);
	struct emit e;

	if (site_is_syscall(p->kind)) {
		code_mov(c, R0, R9);
	} else if (p->sites.n == 1 && p->sites.v[0].cookie <= INT32_MAX) {
		code_imm(c, R0, (int64_t)p->sites.v[0].cookie);
	} else {
		code_mov(c, R1, R6);
		code_helper(c, BPF_FUNC_get_attach_cookie);
	}
	code_store(c, BPF_W, R7, FRAME(inst), R0);
	if (!b->needs_bias || p->attach != GEN_UPROBES)
		return;
	code_jump_if_imm(c, BPF_JGE, R0, (int32_t)b->n_instances, unknown);
	code_mov(c, R9, R0);
	code_alu_imm(c, BPF_MUL, R9, sizeof(struct builder_instance));
	code_map_value(c, R1, GEN_MAP_CONST, b->instances);
	code_alu(c, BPF_ADD, R1, R9);
	code_load(c, BPF_DW, R8, R1, (int)offsetof(struct builder_instance, vaddr));
	if (p->kind == SITE_URETPROBE) {
		e = new_emit(b, p, parts);
		e.c = c;
		emit_returning_function(&e);
	} else {
		code_load(c, BPF_DW, R0, R6, 128);
	}
	code_alu(c, BPF_SUB, R0, R8);
	code_store(c, BPF_DW, R7, FRAME(bias), R0);
	code_place(c, unknown);
}

/* The condition of a probe point: false, and the handler is passed by. */
static void check_condition(struct emit *e, struct code *c, int fn, int skip)
{
	struct loc result = {LOC_SLOT, emit_take(e, 8), 0};

	emit_handler(e, e->m->fns.v[fn], c, result);
	code_load(c, BPF_DW, R1, R7, (int)result.at);
	code_jump_if_imm(c, BPF_JEQ, R1, 0, skip);
}

/* Has the function, or one that it calls, a loop over a table? */
static bool has_foreach(const struct ir_module *m, uint32_t fn)
{
	for (uint32_t n = 0; n < m->fns.n; n++) {
		const struct ir_fn *f = m->fns.v[n];

		if (n != fn && !ir_calls(m, fn, n))
			continue;
		for (size_t b = 0; b < f->blocks.n; b++)
			for (size_t k = 0; k < f->blocks.v[b].ins.n; k++)
				if (f->blocks.v[b].ins.v[k].op == IR_FOREACH)
					return true;
	}
	return false;
}

/* A region of the map of places for a handler; without one it is skipped. */
static void take_places(struct builder *b, struct code *c, int skip)
{
	int taken = code_label(c);

	builder_places(b);
	code_mov(c, R1, R7);
	code_map_value(c, R2, GEN_MAP_SHARED, 0);
	code_library(c, "rt_take_places");
	code_jump_if_imm(c, BPF_JNE, R0, 0, taken);
	emit_count_skipped(c, SHARED(skipped_busy), skip);
	code_place(c, taken);
}

static void drop_places(struct code *c)
{
	code_mov(c, R1, R7);
	code_library(c, "rt_drop_places");
}

/* -t: how long the handler of an instance ran. */
static void start_clock(struct builder *b, struct code *c)
{
	if (!b->img->times)
		return;
	code_helper(c, BPF_FUNC_ktime_get_ns);
	code_store(c, BPF_DW, R7, FRAME(started), R0);
}

static void stop_clock(struct builder *b, struct code *c)
{
	int none = code_label(c);

	if (!b->img->times)
		return;
	code_load(c, BPF_W, R1, R7, FRAME(inst));
	code_store(c, BPF_W, R10, -4, R1);
	code_map(c, R1, b->img->times);
	code_mov(c, R2, R10);
	code_alu_imm(c, BPF_ADD, R2, -4);
	code_helper(c, BPF_FUNC_map_lookup_elem);
	code_jump_if_imm(c, BPF_JEQ, R0, 0, none);
	code_mov(c, R8, R0);
	code_helper(c, BPF_FUNC_ktime_get_ns);
	code_mov(c, R1, R8);
	code_mov(c, R2, R0);
	code_load(c, BPF_DW, R3, R7, FRAME(started));
	code_alu(c, BPF_SUB, R2, R3);
	code_library(c, "rt_stat_add_variance");
	code_place(c, none);
}

/* Overload protection: one of so many hits is measured, each sample of perf events is. */
static uint64_t weight_of(const struct gen_program *p)
{
	return p->attach == GEN_PERF ? 1 : 64;
}

static bool watches_overload(const struct builder *b)
{
	return !b->s->opt.no_overload && !b->s->opt.suppress_time_limits;
}

static void start_measuring(struct builder *b, struct code *c, const struct gen_program *p)
{
	int other = code_label(c), measured = code_label(c);

	if (!watches_overload(b))
		return;
	if (weight_of(p) > 1) {
		code_load(c, BPF_DW, R1, R7, FRAME(hits));
		code_alu_imm(c, BPF_ADD, R1, 1);
		code_store(c, BPF_DW, R7, FRAME(hits), R1);
		code_store_imm(c, BPF_DW, R7, FRAME(measured_at), 0);
		code_load(c, BPF_DW, R2, R7, FRAME(closely));
		code_jump_if_imm(c, BPF_JNE, R2, 0, measured);
		code_alu_imm(c, BPF_AND, R1, (int32_t)weight_of(p) - 1);
		code_jump_if_imm(c, BPF_JNE, R1, 0, other);
	}
	code_place(c, measured);
	code_helper(c, BPF_FUNC_ktime_get_ns);
	code_store(c, BPF_DW, R7, FRAME(measured_at), R0);
	code_place(c, other);
}

static void stop_measuring(struct builder *b, struct code *c, const struct gen_program *p)
{
	int other = code_label(c);

	if (!watches_overload(b))
		return;
	code_load(c, BPF_DW, R1, R7, FRAME(measured_at));
	code_jump_if_imm(c, BPF_JEQ, R1, 0, other);
	code_mov(c, R1, R7);
	code_map_value(c, R2, GEN_MAP_SHARED, 0);
	code_imm(c, R3, (int64_t)weight_of(p));
	code_library(c, "rt_overload");
	code_place(c, other);
}

/* Is it for processes of some programs only? */
static bool asks_file(const struct builder *b, const struct gen_program *p)
{
	for (uint32_t k = 0; k < p->n_handlers; k++)
		if (b->img->insts.v[p->first_inst + k]->site->by_file)
			return true;
	return false;
}

/* Does the program need to know whose event it is? */
static bool wants_task(const struct builder *b, const struct gen_program *p)
{
	bool wanted = site_is_life(p->kind);

	for (uint32_t k = 0; k < p->n_handlers; k++)
		wanted |= site_is_filtered(b->img->insts.v[p->first_inst + k]->site);
	return wanted;
}

/* R9 = the cookie of a system call. True: that is all, other programs run the handlers. */
static bool emit_syscall(struct builder *b, const struct gen_program *p, struct parts *parts, int leave)
{
	struct emit e = new_emit(b, p, parts);

	e.c = &parts->main;
	syscall_find(&e, b->syscalls[p->kind == SITE_SYSCALL_RETURN], p->led_by == 0, leave);
	if (p->n_handlers)
		return false;
	syscall_dispatch(&e, b->img->programs.v[p - b->img->programs.v - 1].led_by);
	code_place(e.c, leave);
	code_imm(e.c, R0, 0);
	code_exit(e.c);
	return true;
}

/* The constants of a merged handler: numbers go to slots of the frame, and where texts are. */
static void emit_values(struct emit *e, const struct merged *m, int skip)
{
	struct loc *v = ARENA_ARRAY(e->c->arena, struct loc, m->n_params + 1);
	const ir_ref *values = e->b->merged.values[m->first];
	uint32_t table, n, limit = builder_instances(e->b, &table, &n);

	e->params = v;
	if (!m->n_params)
		return;
	code_load(e->c, BPF_W, R2, R7, FRAME(inst));
	code_jump_if_imm(e->c, BPF_JGE, R2, (int32_t)n, skip);
	code_alu_imm(e->c, BPF_MUL, R2, sizeof(struct builder_instance));
	code_map_value(e->c, R3, GEN_MAP_CONST, table);
	code_alu(e->c, BPF_ADD, R3, R2);
	code_load(e->c, BPF_W, R2, R3, (int)offsetof(struct builder_instance, params));
	code_jump_if_imm(e->c, BPF_JGT, R2, (int32_t)limit, skip);
	code_map_value(e->c, R3, GEN_MAP_CONST, 0);
	code_alu(e->c, BPF_ADD, R3, R2);
	for (uint32_t k = 0; k < m->n_params; k++) {
		bool text = IR_KIND(values[k]) == IRK_STR;

		v[k] = (struct loc){text ? LOC_PARAM : LOC_SLOT, emit_take(e, 8), m->widths[k]};
		code_load(e->c, BPF_DW, R1, R3, 8 * (int)k);
		code_store(e->c, BPF_DW, R7, (int)v[k].at, R1);
	}
}

/* For the emitter, a handler is one of the module: a merged one takes the place of its first. */
static void emit_merged(struct emit *e, const struct merged *m, uint32_t fn)
{
	struct ir_fn *own = e->m->fns.v[fn];

	if (m)
		e->m->fns.v[fn] = m->fn;
	emit_handler(e, e->m->fns.v[fn], e->c, (struct loc){0});
	e->m->fns.v[fn] = own;
}

/* Does one of its handlers save values for returns? It does so before the session is live. */
static bool saves_entries(const struct builder *b, const struct gen_program *p)
{
	for (uint32_t k = 0; k < p->n_handlers; k++)
		if (b->img->insts.v[p->first_inst + k]->handler->saves_entry)
			return true;
	return false;
}

static bool emit_program(struct builder *b, const struct gen_program *p, struct parts *parts)
{
	struct code *c = &parts->main;
	int leave = code_label(c), done = code_label(c), registers = code_label(c),
	    begin = code_label(c);
	const struct options *opt = &b->s->opt;
	bool saves = saves_entries(b, p);

	code_mov(c, R6, R1);
	if (p->attach == GEN_UPROBES && p->sites.v[0].site->target_only && (opt->command || opt->target_pid))
		emit_only_targets(c, leave);
	if (site_is_syscall(p->kind) && emit_syscall(b, p, parts, leave))
		return true;
	emit_leave_if_stopping(c, saves ? RT_STOPPING : RT_LIVE, leave);
	take_frame(c, leave);
	start_measuring(b, c, p);
	code_store_imm(c, BPF_W, R7, FRAME(error), 0);
	code_store_imm(c, BPF_W, R7, FRAME(out_used), sizeof(struct rt_record));
	find_instance(b, c, p, parts);
	if (wants_task(b, p)) {
		struct emit e = new_emit(b, p, parts);

		e.c = c;
		life_begin(&e, done);
		if (e.failed)
			return false;
	} else if (p->attach == GEN_UPROBES && asks_file(b, p)) {
		struct emit e = new_emit(b, p, parts);

		e.c = c;
		life_executable(&e);
		if (e.failed)
			return false;
	}
	if (p->task_arg) {
		struct emit e = new_emit(b, p, parts);

		e.c = c;
		life_argument(&e, p->task_arg);
		if (e.failed)
			return false;
	}
	if (p->attach == GEN_NETFILTER) {
		struct emit e = new_emit(b, p, parts);

		e.c = c;
		netfilter_begin(&e);
		if (e.failed)
			return false;
	}
	if (p->attach != GEN_UPROBES)
		code_jump(c, registers);
	code_place(c, begin);
	for (uint32_t k = 0; k < p->n_handlers; k++) {
		const struct probe_inst *inst = b->img->insts.v[p->first_inst + k];
		struct emit e = new_emit(b, p, parts);
		const struct merged *merged = b->merged.by_handler[inst->handler->id];
		uint32_t fn = handler_of(b, inst);
		bool places = has_foreach(b->m, fn) ||
			      (inst->condition_fn >= 0 && has_foreach(b->m, (uint32_t)inst->condition_fn));
		int skip = code_label(c), stay = code_label(c), unlock = code_label(c);

		e.probe_type = inst->family->probe_type;
		if (p->kind == SITE_SYSCALL_RETURN && strcmp(e.probe_type, "kprobe") == 0) {
			e.is_return = true;
			e.probe_type = "kretprobe";
		}
		if (k) {
			code_load(c, BPF_W, R1, R7, FRAME(inst));
			code_alu_imm(c, BPF_ADD, R1, 1);
			code_store(c, BPF_W, R7, FRAME(inst), R1);
		}
		/* exit() or an error in the one before; or the session is not live, and this was for others. */
		if (saves ? !inst->handler->saves_entry : k > 0)
			emit_leave_if_stopping(c, RT_LIVE, saves ? skip : done);
		code_store_imm(c, BPF_W, R7, FRAME(actions), 0);
		code_store_imm(c, BPF_W, R7, FRAME(token_pos), 0);
		code_store_imm(c, BPF_DW, R7, FRAME(token_text), 0);
		if (b->groups)
			code_store_imm(c, BPF_W, R7,
				       (int)(e.groups_at + offsetof(struct rt_groups, n_groups)), 0);
		if (wants_task(b, p) || (inst->site->by_file && p->attach != GEN_UPROBES)) {
			e.c = c;
			life_filter(&e, inst, skip);
		} else if (inst->site->by_file) {
			e.c = c;
			life_filter_file(&e, inst, skip);
		}
		if (places)
			take_places(b, c, skip);
		if (inst->condition_fn >= 0)
			check_condition(&e, c, inst->condition_fn, stay);
		e.c = c;
		emit_take_locks(&e, &b->locks, fn, stay);
		start_clock(b, c);
		if (merged)
			emit_values(&e, merged, unlock);
		emit_merged(&e, merged, fn);
		stop_clock(b, c);
		code_place(c, unlock);
		emit_drop_locks(&e, &b->locks, fn);
		emit_flush(&e, false);
		code_place(c, stay);
		if (places)
			drop_places(c);
		code_place(c, skip);
		if (e.places > b->places)
			b->places = e.places;
		if (e.frame_max > b->img->frame_size)
			b->img->frame_size = e.frame_max;
		if (e.failed)
			return false;
	}
	code_place(c, done);
	stop_measuring(b, c, p);
	if (p->attach == GEN_NETFILTER)
		netfilter_verdict(c);
	code_store_imm(c, BPF_W, R7, FRAME(busy), 0);
	code_place(c, leave);
	code_imm(c, R0, p->attach == GEN_NETFILTER ? NF_ACCEPT : 0);
	code_exit(c);
	/* Known only now that all handlers have been seen. */
	if (p->attach != GEN_UPROBES) {
		struct emit e = new_emit(b, p, parts);

		e.c = c;
		code_place(c, registers);
		if (parts->registers)
			emit_copy_registers(&e);
		if (p->attach == GEN_PERF && asks_file(b, p))
			life_executable(&e);
		code_jump(c, begin);
		return !e.failed;
	}
	return true;
}

bool build_programs(struct builder *b, bool user_memory)
{
	for (size_t i = 0; i < b->img->programs.n; i++) {
		struct gen_program *p = &b->img->programs.v[i];
		struct arena scratch = {0};
		struct parts parts = {.arena = &scratch};
		bool ok;

		p->sleepable = user_memory && b->can.sleepable && p->attach == GEN_UPROBES;
		code_init(&parts.main, &scratch);
		ok = emit_program(b, p, &parts);
		if (ok && !parts_join(&parts, b->lib, b->img, p)) {
			sem_error(b->s, b->img->insts.v[p->first_inst]->handler->tok, NULL,
				  "this handler is too large for the kernel");
			ok = false;
		}
		arena_release(&scratch);
		if (!ok)
			return false;
	}
	return true;
}
