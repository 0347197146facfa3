/* Blocks, arithmetic, calls and errors. See emit.h. */
#include "gen/emit.h"

#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include "base/bug.h"
#include "gen/emit_task.h"
#include "gen/netfilter.h"
#include "lang/ast.h"
#include "lang/diag.h"
#include "rt/error_text.h"
#include "rt/intrinsic.h"
#include "session.h"

#define FRAME(member) ((int)offsetof(struct rt_frame, member))

void emit_error(struct emit *e, const struct ir_ins *i, const char *fmt, ...)
{
	const char *text;
	va_list ap;

	va_start(ap, fmt);
	text = arena_vprintf(&e->s->arena, fmt, ap);
	va_end(ap);
	if (!e->failed)
		sem_error(e->s, i ? i->tok : NULL, NULL, "%s", text);
	e->failed = true;
}

uint32_t emit_place(struct emit *e, const struct token *tok)
{
	struct gen_place p = {tok, e->f ? e->f->place : -1};

	if (e->img->places.n) {
		const struct gen_place *last = &vec_last(&e->img->places);

		if (last->tok == tok && last->caller == p.caller)
			return (uint32_t)e->img->places.n - 1;
	}
	vec_push(&e->img->places, &e->img->arena, p);
	return (uint32_t)e->img->places.n - 1;
}

/* ------------------------------------------------------------------ operands */

ir_ref emit_arg(const struct emit *e, const struct ir_ins *i, unsigned k)
{
	return k < i->n_args ? e->f->fn->args.v[i->first_arg + k] : 0;
}

static struct loc loc_in(const struct emit *e, const struct emit_fn *f, ir_ref r)
{
	switch (IR_KIND(r)) {
	case IRK_REG:
		return f->locs[IR_INDEX(r)];
	case IRK_NUM:
		return (struct loc){LOC_NUM, IR_INDEX(r), 0};
	case IRK_STR:
		return (struct loc){LOC_STR, IR_INDEX(r), e->m->strs.v[IR_INDEX(r)].len};
	case IRK_PARAM:
		return e->params[IR_INDEX(r) >> 1];
	default:
		return (struct loc){0};
	}
}

struct loc emit_loc(const struct emit *e, ir_ref r)
{
	return loc_in(e, e->f, r);
}

uint32_t emit_width(const struct emit *e, ir_ref r)
{
	return emit_loc(e, r).width;
}

void emit_frame_ptr(struct emit *e, int reg, uint32_t offset)
{
	code_mov(e->c, reg, R7);
	code_alu_imm(e->c, BPF_ADD, reg, (int32_t)offset);
}

void emit_load_loc(struct emit *e, int reg, struct loc l)
{
	if (l.kind == LOC_NUM) {
		code_imm(e->c, reg, e->m->nums.v[l.at]);
	} else {
		code_load(e->c, BPF_DW, reg, R7, (int)l.at);
	}
}

void emit_load_num(struct emit *e, int reg, ir_ref r)
{
	emit_load_loc(e, reg, emit_loc(e, r));
}

void emit_store_loc(struct emit *e, struct loc l, int reg)
{
	if (l.kind == LOC_SLOT)
		code_store(e->c, BPF_DW, R7, (int)l.at, reg);
}

void emit_store_num(struct emit *e, ir_ref dst, int reg)
{
	if (dst)
		emit_store_loc(e, emit_loc(e, dst), reg);
}

void emit_str_ptr(struct emit *e, int reg, struct loc l)
{
	if (l.kind == LOC_STR) {
		const struct ir_str *s = &e->m->strs.v[l.at];

		code_map_value(e->c, reg, GEN_MAP_CONST, builder_string(e->b, s->s, s->len));
	} else if (l.kind == LOC_PARAM) {
		int ok = code_label(e->c);
		uint32_t table, n, limit = builder_instances(e->b, &table, &n);

		code_load(e->c, BPF_DW, reg, R7, (int)l.at);
		/* Always true: for the verifier. */
		code_jump_if_imm(e->c, BPF_JLE, reg, (int32_t)limit, ok);
		code_imm(e->c, reg, 0);
		code_place(e->c, ok);
		code_map_value(e->c, R0, GEN_MAP_CONST, 0);
		code_alu(e->c, BPF_ADD, R0, reg);
		code_mov(e->c, reg, R0);
	} else {
		emit_frame_ptr(e, reg, l.at);
	}
}

void emit_copy_str(struct emit *e, struct loc dst, struct loc src)
{
	if (dst.kind != LOC_SLOT)
		return;
	emit_str_ptr(e, R1, dst);
	code_imm(e->c, R2, dst.width);
	emit_str_ptr(e, R3, src);
	code_library(e->c, "rt_copy");
}

uint32_t emit_take(struct emit *e, uint32_t bytes)
{
	uint32_t at = e->frame_at;

	e->frame_at += (bytes + 7) & ~7u;
	if (e->frame_at > e->frame_max)
		e->frame_max = e->frame_at;
	return at;
}

/* ------------------------------------------------------------------ errors */

void emit_fail(struct emit *e, const struct ir_ins *i, enum rt_error code)
{
	code_store_imm(e->c, BPF_W, R7, FRAME(error), code);
	code_store_imm(e->c, BPF_W, R7, FRAME(error_place), (int32_t)emit_place(e, i->tok));
	emit_go(e, code == RT_E_MAXACTION || code == RT_E_ABORT ? e->uncaught : emit_error_spot(e));
}

void emit_fail_text(struct emit *e, const struct ir_ins *i, const char *text)
{
	emit_frame_ptr(e, R1, (uint32_t)FRAME(error_text));
	code_imm(e->c, R2, RT_STR_BYTES - 1);
	code_map_value(e->c, R3, GEN_MAP_CONST, builder_string(e->b, text, (uint32_t)strlen(text)));
	code_library(e->c, "rt_copy");
	emit_fail(e, i, RT_E_TEXT);
}

void emit_check(struct emit *e, const struct ir_ins *i)
{
	int ok = code_label(e->c);

	code_jump_if_imm(e->c, BPF_JEQ, R0, 0, ok);
	code_store(e->c, BPF_W, R7, FRAME(error), R0);
	code_store_imm(e->c, BPF_W, R7, FRAME(error_place), (int32_t)emit_place(e, i->tok));
	emit_go(e, emit_error_spot(e));
	code_place(e->c, ok);
}

void emit_check_frame(struct emit *e, const struct ir_ins *i)
{
	int ok = code_label(e->c);

	code_load(e->c, BPF_W, R1, R7, FRAME(error));
	code_jump_if_imm(e->c, BPF_JEQ, R1, 0, ok);
	code_store_imm(e->c, BPF_W, R7, FRAME(error_place), (int32_t)emit_place(e, i->tok));
	emit_go(e, emit_error_spot(e));
	code_place(e->c, ok);
}

/* ------------------------------------------------------------------ arithmetic */

static bool comparison(uint8_t op, int *jump)
{
	static const uint8_t jumps[] = {
		[IR_EQ] = BPF_JEQ, [IR_NE] = BPF_JNE,  [IR_LT] = BPF_JSLT,
		[IR_LE] = BPF_JSLE, [IR_GT] = BPF_JSGT, [IR_GE] = BPF_JSGE,
	};

	if (op < IR_EQ || op > IR_GE)
		return false;
	*jump = jumps[op];
	return true;
}

/* Loads both operands; gives whether the second one is a small constant (then *imm, not R2). */
static bool load_pair(struct emit *e, const struct ir_ins *i, int32_t *imm)
{
	struct loc b = emit_loc(e, emit_arg(e, i, 1));
	int64_t n = b.kind == LOC_NUM ? e->m->nums.v[b.at] : INT64_MAX;

	emit_load_num(e, R1, emit_arg(e, i, 0));
	if (n >= INT32_MIN && n <= INT32_MAX) {
		*imm = (int32_t)n;
		return true;
	}
	emit_load_loc(e, R2, b);
	return false;
}

static void simple(struct emit *e, const struct ir_ins *i, int op)
{
	int32_t imm;

	if (load_pair(e, i, &imm)) {
		bool shift = op == BPF_LSH || op == BPF_RSH || op == BPF_ARSH;

		code_alu_imm(e->c, op, R1, shift ? imm & 63 : imm);
	} else {
		code_alu(e->c, op, R1, R2);
	}
	emit_store_num(e, i->dst, R1);
}

static void shift(struct emit *e, const struct ir_ins *i, int op)
{
	int32_t imm;

	if (load_pair(e, i, &imm)) {
		code_alu_imm(e->c, op, R1, imm & 63);
	} else {
		code_alu_imm(e->c, BPF_AND, R2, 63);
		code_alu(e->c, op, R1, R2);
	}
	emit_store_num(e, i->dst, R1);
}

static void division(struct emit *e, const struct ir_ins *i)
{
	struct loc b = emit_loc(e, emit_arg(e, i, 1));

	emit_load_num(e, R1, emit_arg(e, i, 0));
	emit_load_loc(e, R2, b);
	if (b.kind != LOC_NUM || e->m->nums.v[b.at] == 0) {
		int ok = code_label(e->c);

		code_jump_if_imm(e->c, BPF_JNE, R2, 0, ok);
		emit_fail(e, i, RT_E_DIV0);
		code_place(e->c, ok);
	}
	code_divide(e->c, i->op == IR_MOD);
	emit_store_num(e, i->dst, R1);
}

static void compare(struct emit *e, const struct ir_ins *i, int jump)
{
	int end = code_label(e->c);
	int32_t imm;

	if (load_pair(e, i, &imm)) {
		code_imm(e->c, R3, 1);
		code_jump_if_imm(e->c, jump, R1, imm, end);
	} else {
		code_imm(e->c, R3, 1);
		code_jump_if(e->c, jump, R1, R2, end);
	}
	code_imm(e->c, R3, 0);
	code_place(e->c, end);
	emit_store_num(e, i->dst, R3);
}

static void not(struct emit *e, const struct ir_ins *i)
{
	int end = code_label(e->c);

	emit_load_num(e, R1, emit_arg(e, i, 0));
	code_imm(e->c, R3, 1);
	code_jump_if_imm(e->c, BPF_JEQ, R1, 0, end);
	code_imm(e->c, R3, 0);
	code_place(e->c, end);
	emit_store_num(e, i->dst, R3);
}

/* ------------------------------------------------------------------ the traced program */

/* DWARF register numbers of x86-64 -> offsets in struct pt_regs. */
static const int16_t pt_regs[] = {80, 96, 88, 40, 104, 112, 32, 152, 72, 64, 56, 48, 24, 16, 8, 0, 128, 120};

bool emit_is_fentry(const struct emit *e)
{
	return e->attach == GEN_KFUNCS && e->kfunc == GEN_FENTRY;
}

static bool has_registers(const struct emit *e)
{
	return e->attach == GEN_UPROBES || e->attach == GEN_PERF ||
	       (e->attach == GEN_KFUNCS && e->kfunc != GEN_FENTRY);
}

void emit_user_register(struct emit *e, int reg, int place)
{
	if (e->attach == GEN_UPROBES) {
		code_load(e->c, BPF_DW, reg, R6, place);
	} else {
		e->parts->registers = true;
		code_load(e->c, BPF_DW, reg, R7, FRAME(regs) + place);
	}
}

void emit_register(struct emit *e, int reg, int place)
{
	enum { GET_FUNC_RET = 184 }; /* 5.17 */

	if (has_registers(e)) {
		code_load(e->c, BPF_DW, reg, R6, place);
	} else if (e->kind == SITE_SYSCALL_RETURN && place == EMIT_REG_RESULT) {
		code_load(e->c, BPF_DW, reg, R6, 8);
	} else if (e->kind == SITE_KFUNC_RETURN && place == EMIT_REG_RESULT) {
		code_mov(e->c, R1, R6);
		code_mov(e->c, R2, R10);
		code_alu_imm(e->c, BPF_ADD, R2, -8);
		code_helper(e->c, GET_FUNC_RET);
		code_load(e->c, BPF_DW, reg, R10, -8);
	} else {
		emit_user_register(e, reg, place);
	}
}

void emit_user_mode(struct emit *e, int reg)
{
	int kernel = code_label(e->c);

	if (e->attach != GEN_PERF) {
		code_imm(e->c, reg, e->kind != SITE_TRACEPOINT && e->attach != GEN_KFUNCS &&
					    e->attach != GEN_NETFILTER);
		return;
	}
	code_load(e->c, BPF_DW, reg, R6, EMIT_REG_CS);
	code_alu_imm(e->c, BPF_AND, reg, 3);
	code_jump_if_imm(e->c, BPF_JEQ, reg, 0, kernel);
	code_imm(e->c, reg, 1);
	code_place(e->c, kernel);
}

void emit_copy_registers(struct emit *e)
{
	enum {
		GET_CURRENT_TASK_BTF = 158, /* helpers that the headers of 5.10 lack */
		TASK_PT_REGS = 175,
		KERNEL_THREAD = 0x200000, /* PF_KTHREAD in task_struct.flags */
		BYTES = sizeof(((struct rt_frame *)0)->regs),
	};
	int none = code_label(e->c), end = code_label(e->c), kernel = code_label(e->c);

	/* Interrupted in user mode: these are they. */
	if (e->attach == GEN_PERF) {
		emit_user_mode(e, R1);
		code_jump_if_imm(e->c, BPF_JEQ, R1, 0, kernel);
		for (int at = 0; at < BYTES; at += 8) {
			code_load(e->c, BPF_DW, R1, R6, at);
			code_store(e->c, BPF_DW, R7, FRAME(regs) + at, R1);
		}
		code_jump(e->c, end);
		code_place(e->c, kernel);
	}
	code_helper(e->c, GET_CURRENT_TASK_BTF);
	code_mov(e->c, R8, R0);
	code_load(e->c, BPF_W, R1, R8, (int)emit_member(e, NULL, "task_struct", "flags"));
	code_alu_imm(e->c, BPF_AND, R1, KERNEL_THREAD);
	code_jump_if_imm(e->c, BPF_JNE, R1, 0, none);
	code_mov(e->c, R1, R8);
	code_helper(e->c, TASK_PT_REGS);
	code_mov(e->c, R3, R0);
	emit_frame_ptr(e, R1, (uint32_t)FRAME(regs));
	code_imm(e->c, R2, BYTES);
	code_helper(e->c, BPF_FUNC_probe_read_kernel);
	code_jump(e->c, end);
	code_place(e->c, none);
	for (int at = 0; at < BYTES; at += 8)
		code_store_imm(e->c, BPF_DW, R7, FRAME(regs) + at, 0);
	code_place(e->c, end);
}

void emit_ids(struct emit *e)
{
	if (e->forked)
		code_load(e->c, BPF_DW, R0, R7, FRAME(ids));
	else
		code_helper(e->c, BPF_FUNC_get_current_pid_tgid);
}

void emit_current_task(struct emit *e)
{
	if (e->forked)
		code_load(e->c, BPF_DW, R0, R7, FRAME(task));
	else
		code_helper(e->c, BPF_FUNC_get_current_task);
}

/* Not among those that the kernel saves when a program traps. */
static void load_thread_pointer(struct emit *e, const struct ir_ins *i)
{
	uint32_t at = emit_member(e, i, "task_struct", "thread") +
		      emit_member(e, i, "thread_struct", "fsbase");

	emit_current_task(e);
	code_mov(e->c, R8, R0);
	code_alu_imm(e->c, BPF_ADD, R8, (int32_t)at);
	emit_read_kernel(e, 8);
	code_load(e->c, BPF_DW, R1, R10, -8);
	emit_store_num(e, i->dst, R1);
}

static void load_register(struct emit *e, const struct ir_ins *i)
{
	if (i->imm == CTX_FS_BASE) {
		load_thread_pointer(e, i);
		return;
	}
	if (i->imm >= sizeof(pt_regs) / sizeof(pt_regs[0]) ||
	    (emit_is_fentry(e) && pt_regs[i->imm] != EMIT_REG_RESULT)) {
		emit_error(e, i, "register %u cannot be read by a probe", i->imm);
		return;
	}
	emit_register(e, R1, pt_regs[i->imm]);
	emit_store_num(e, i->dst, R1);
}

const int16_t emit_argument_registers[EMIT_ARGUMENT_REGISTERS] = {112, 104, 96, 88, 72, 64};

void emit_saved_argument(struct emit *e)
{
	enum { GET_FUNC_ARG = 183 }; /* 5.17 */

	code_mov(e->c, R1, R6);
	code_mov(e->c, R3, R10);
	code_alu_imm(e->c, BPF_ADD, R3, -8);
	code_helper(e->c, GET_FUNC_ARG);
}

/* The context of raw tracepoints is an array of them. So is that of fentry, but there the verifier lets
 * nobody read arguments whose types it does not like (const void *, pointers to pointers). */
static void load_argument(struct emit *e, const struct ir_ins *i)
{
	int ok = code_label(e->c);

	if (e->attach == GEN_RAW_TRACEPOINT) {
		code_load(e->c, BPF_DW, R1, R6, 8 * (int)i->imm);
	} else if (e->attach == GEN_NETFILTER) {
		netfilter_argument(e, i);
	} else if (emit_is_fentry(e)) {
		code_store_imm(e->c, BPF_DW, R10, -8, 0);
		code_imm(e->c, R2, i->imm);
		emit_saved_argument(e);
		code_load(e->c, BPF_DW, R1, R10, -8);
	} else if (e->kind != SITE_KFUNC) {
		emit_error(e, i, "no arguments in this kind of probe");
		return;
	} else if (i->imm < EMIT_ARGUMENT_REGISTERS) {
		emit_register(e, R1, emit_argument_registers[i->imm]);
	} else {
		/* On the stack, behind the return address. */
		emit_register(e, R8, EMIT_REG_SP);
		code_alu_imm(e->c, BPF_ADD, R8, 8 * (int32_t)(i->imm - EMIT_ARGUMENT_REGISTERS + 1));
		emit_read_kernel(e, 8);
		code_jump_if_imm(e->c, BPF_JEQ, R0, 0, ok);
		code_store_imm(e->c, BPF_DW, R10, -8, 0);
		code_place(e->c, ok);
		code_load(e->c, BPF_DW, R1, R10, -8);
	}
	emit_store_num(e, i->dst, R1);
}

/* Where the arguments lie on the stack: the trampoline's copy of them, or behind the return address. */
static void load_call(struct emit *e, const struct ir_ins *i)
{
	if (emit_is_fentry(e)) {
		code_mov(e->c, R1, R6);
	} else if (e->attach == GEN_KFUNCS) {
		emit_register(e, R1, EMIT_REG_SP);
		if (e->kind == SITE_KFUNC)
			code_alu_imm(e->c, BPF_ADD, R1, 8);
	} else {
		emit_error(e, i, "no call of a function in this kind of probe");
		return;
	}
	emit_store_num(e, i->dst, R1);
}

static void load_bias(struct emit *e, const struct ir_ins *i)
{
	code_load(e->c, BPF_DW, R1, R7, FRAME(bias));
	emit_store_num(e, i->dst, R1);
}

void emit_read_user(struct emit *e, uint32_t size)
{
	int ok = code_label(e->c);

	if (size < 8)
		code_store_imm(e->c, BPF_DW, R10, -8, 0);
	for (int again = 0; again <= e->sleepable; again++) {
		if (again)
			code_jump_if_imm(e->c, BPF_JEQ, R0, 0, ok);
		code_mov(e->c, R1, R10);
		code_alu_imm(e->c, BPF_ADD, R1, -8);
		code_imm(e->c, R2, size);
		code_mov(e->c, R3, R8);
		code_helper(e->c, again ? BPF_FUNC_copy_from_user : BPF_FUNC_probe_read_user);
	}
	code_place(e->c, ok);
}

void emit_read_kernel(struct emit *e, uint32_t size)
{
	if (size < 8)
		code_store_imm(e->c, BPF_DW, R10, -8, 0);
	code_mov(e->c, R1, R10);
	code_alu_imm(e->c, BPF_ADD, R1, -8);
	code_imm(e->c, R2, size);
	code_mov(e->c, R3, R8);
	code_helper(e->c, BPF_FUNC_probe_read_kernel);
}

/* Both kinds of memory. */
static void read_memory(struct emit *e, const struct ir_ins *i)
{
	uint32_t size = i->imm & 15;
	int ok = code_label(e->c);

	emit_load_num(e, R8, emit_arg(e, i, 0));
	if (i->op == IR_KREAD)
		emit_read_kernel(e, size);
	else
		emit_read_user(e, size);
	code_jump_if_imm(e->c, BPF_JEQ, R0, 0, ok);
	code_store(e->c, BPF_DW, R7, FRAME(error_arg), R8);
	emit_fail(e, i, RT_E_READ);
	code_place(e->c, ok);
	code_load(e->c, BPF_DW, R1, R10, -8);
	if ((i->imm & 16) && size < 8) {
		code_alu_imm(e->c, BPF_LSH, R1, 64 - 8 * (int32_t)size);
		code_alu_imm(e->c, BPF_ARSH, R1, 64 - 8 * (int32_t)size);
	}
	emit_store_num(e, i->dst, R1);
}

/* ------------------------------------------------------------------ control */

static void branch(struct emit *e, const struct ir_ins *i)
{
	int yes = e->f->spots[IR_INDEX(emit_arg(e, i, 1))];
	int no = e->f->spots[IR_INDEX(emit_arg(e, i, 2))];
	int not_taken = code_label(e->c);

	emit_load_num(e, R1, emit_arg(e, i, 0));
	code_jump_if_imm(e->c, BPF_JEQ, R1, 0, not_taken);
	emit_go(e, yes);
	code_place(e->c, not_taken);
	emit_go(e, no);
}

/* A comparison whose only use is the branch behind it. */
static void compare_and_branch(struct emit *e, const struct ir_ins *cmp, const struct ir_ins *br)
{
	int yes = e->f->spots[IR_INDEX(emit_arg(e, br, 1))];
	int no = e->f->spots[IR_INDEX(emit_arg(e, br, 2))];
	int taken = code_label(e->c), jump = 0;
	int32_t imm;

	comparison(cmp->op, &jump);
	if (load_pair(e, cmp, &imm))
		code_jump_if_imm(e->c, jump, R1, imm, taken);
	else
		code_jump_if(e->c, jump, R1, R2, taken);
	emit_go(e, no);
	code_place(e->c, taken);
	emit_go(e, yes);
}

static void action(struct emit *e, const struct ir_ins *i)
{
	int64_t limit = e->s->opt.maxaction * 10;
	int ok;

	/* Without loops, no handler comes near the limit: the count can be left out. */
	if (!e->in_parts || e->s->opt.suppress_time_limits)
		return;
	ok = code_label(e->c);
	code_load(e->c, BPF_W, R1, R7, FRAME(actions));
	code_alu_imm(e->c, BPF_ADD, R1, (int32_t)i->imm);
	code_store(e->c, BPF_W, R7, FRAME(actions), R1);
	code_jump_if_imm(e->c, BPF_JLE, R1, limit > INT32_MAX ? INT32_MAX : (int32_t)limit, ok);
	emit_fail(e, i, RT_E_MAXACTION);
	code_place(e->c, ok);
}

static void ret(struct emit *e, const struct ir_ins *i)
{
	if (i->n_args && e->f->result.kind == LOC_SLOT) {
		struct loc v = emit_loc(e, emit_arg(e, i, 0));

		if (e->f->fn->ret == IR_STR) {
			emit_copy_str(e, e->f->result, v);
		} else {
			emit_load_loc(e, R1, v);
			emit_store_loc(e, e->f->result, R1);
		}
	}
	emit_go(e, e->f->ret);
}

static void raise(struct emit *e, const struct ir_ins *i)
{
	emit_frame_ptr(e, R1, FRAME(error_text));
	code_imm(e->c, R2, RT_STR_BYTES - 1);
	emit_str_ptr(e, R3, emit_loc(e, emit_arg(e, i, 0)));
	code_library(e->c, "rt_copy");
	emit_fail(e, i, RT_E_TEXT);
}

const char *emit_symbol_function(const struct emit *e, ir_ref r)
{
	static const char *const functions[] = {
		"usymname", "usymdata", "usymfile", "usymline", "usymfileline", "umodname", "umodbuildid",
		"symfile", "symline", "symfileline", "caller",
		"sprint_backtrace", "sprint_ubacktrace", "sprint_stack", "sprint_ustack", NULL,
	};
	struct ir_def at = {0};
	const struct ir_ins *i;
	const char *name = NULL;

	if (IR_KIND(r) != IRK_REG)
		return NULL;
	while ((i = ir_next_def(e->f->fn, r, &at)) != NULL) {
		bool symbol = false;

		for (int n = 0; i->op == IR_RT && functions[n]; n++)
			symbol |= strcmp(intrinsic_by_number(i->imm)->name, functions[n]) == 0;
		if (!symbol)
			return NULL;
		name = intrinsic_by_number(i->imm)->name;
	}
	return name;
}

void emit_need_text(struct emit *e, const struct ir_ins *i, ir_ref r)
{
	struct loc l = emit_loc(e, r);
	int ok = code_label(e->c);
	const char *function;

	if (l.kind != LOC_SLOT || !builder_tokens(e->b))
		return;
	function = emit_symbol_function(e, r);
	if (function) {
		emit_error(e, i, "the text of %s() is not known in the probe handler", function);
		return;
	}
	emit_str_ptr(e, R1, l);
	code_load(e->c, BPF_W, R2, R1, 4);
	code_jump_if_imm(e->c, BPF_JEQ, R2, 0, ok);
	emit_stack_as_text(e, l, ok);
	emit_fail_text(e, i, "the text of a symbol or stack is not known in the probe handler");
	code_place(e->c, ok);
}

struct loc emit_apart(const struct emit *e, const struct ir_ins *i)
{
	struct loc spare = {LOC_SLOT, e->spare_at, RT_STR_BYTES - 1};
	struct loc dst;

	if (!i->dst)
		return spare;
	dst = emit_loc(e, i->dst);
	spare.width = dst.width;
	for (unsigned k = 0; k < i->n_args; k++) {
		struct loc a = emit_loc(e, emit_arg(e, i, k));

		if (a.kind == LOC_SLOT && a.at == dst.at)
			return spare;
	}
	return dst;
}

static void copy_constant(struct emit *e, struct loc dst, const char *text, size_t len)
{
	emit_str_ptr(e, R1, dst);
	code_imm(e->c, R2, dst.width);
	code_map_value(e->c, R3, GEN_MAP_CONST, builder_string(e->b, text, (uint32_t)len));
	code_library(e->c, "rt_copy");
}

/* A message with a number in it: what stands before and behind the 0 it was made with, and the number between. */
static void copy_with_number(struct emit *e, struct loc dst, const char *text, const char *zero, enum conv how)
{
	const char *at = strstr(text, zero);

	copy_constant(e, dst, text, (size_t)(at - text));
	emit_str_ptr(e, R1, dst);
	code_imm(e->c, R2, dst.width);
	code_load(e->c, BPF_DW, R3, R7, FRAME(error_arg));
	code_imm(e->c, R4, (int64_t)RT_SPEC(how, 0, 0, RT_SPEC_NONE));
	code_library(e->c, "rt_fmt_int");
	at += strlen(zero);
	if (!*at)
		return;
	emit_str_ptr(e, R1, dst);
	code_imm(e->c, R2, dst.width);
	code_map_value(e->c, R3, GEN_MAP_CONST,
		       builder_string(e->b, at, (uint32_t)strlen(at)));
	code_library(e->c, "rt_fmt_lit");
}

/* Full tables: the message depends on how the table was declared; frame->error_arg tells which. */
static void copy_array_full(struct emit *e, struct loc dst, int end)
{
	for (uint32_t g = 0; g < e->m->globals.n; g++) {
		struct str text = {0};
		int other = code_label(e->c);

		if (!e->m->globals.v[g].n_keys || !builder_global(e->b, g)->shared)
			continue;
		rt_error_text(&text, RT_E_FULL, g, e->m);
		code_load(e->c, BPF_DW, R1, R7, FRAME(error_arg));
		code_jump_if_imm(e->c, BPF_JNE, R1, (int32_t)g, other);
		copy_constant(e, dst, text.s, text.len);
		code_jump(e->c, end);
		code_place(e->c, other);
		str_release(&text);
	}
}

static void forget_error(struct emit *e)
{
	code_store_imm(e->c, BPF_W, R7, FRAME(error), 0);
	if (e->subs)
		code_store_imm(e->c, BPF_W, R7, FRAME(n_calls), 0);
}

/* catch (e): the bare message. */
static void catch(struct emit *e, const struct ir_ins *i)
{
	struct loc dst = i->dst ? emit_loc(e, i->dst) : (struct loc){0};
	int end = code_label(e->c);

	for (int code = RT_E_TEXT; code < RT_E_ABORT && dst.kind == LOC_SLOT; code++) {
		struct str text = {0};
		int other = code_label(e->c);

		code_load(e->c, BPF_W, R1, R7, FRAME(error));
		code_jump_if_imm(e->c, BPF_JNE, R1, code, other);
		if (code == RT_E_TEXT) {
			emit_copy_str(e, dst, (struct loc){LOC_SLOT, FRAME(error_text), 0});
		} else if (code == RT_E_FULL) {
			copy_array_full(e, dst, end);
		} else {
			rt_error_text(&text, (enum rt_error)code, 0, e->m);
			if (text.s && strstr(text.s, "0x0"))
				copy_with_number(e, dst, text.s, "0x0", CONV_POINTER);
			else if (code == RT_E_ARGUMENT)
				copy_with_number(e, dst, text.s, "0", CONV_DEC);
			else
				copy_constant(e, dst, text.s ? text.s : "", text.len);
		}
		code_jump(e->c, end);
		code_place(e->c, other);
		str_release(&text);
	}
	code_place(e->c, end);
	forget_error(e);
}

static void mov(struct emit *e, const struct ir_ins *i)
{
	ir_ref a = emit_arg(e, i, 0);

	if (ir_ref_type(e->m, e->f->fn, i->dst) == IR_STR) {
		emit_copy_str(e, emit_loc(e, i->dst), emit_loc(e, a));
	} else {
		emit_load_num(e, R1, a);
		emit_store_num(e, i->dst, R1);
	}
}

static void emit_ins(struct emit *e, const struct ir_ins *i)
{
	int jump;

	if (comparison(i->op, &jump)) {
		compare(e, i, jump);
		return;
	}
	switch (i->op) {
	case IR_MOV:
		mov(e, i);
		break;
	case IR_ADD:
		simple(e, i, BPF_ADD);
		break;
	case IR_SUB:
		simple(e, i, BPF_SUB);
		break;
	case IR_MUL:
		simple(e, i, BPF_MUL);
		break;
	case IR_AND:
		simple(e, i, BPF_AND);
		break;
	case IR_OR:
		simple(e, i, BPF_OR);
		break;
	case IR_XOR:
		simple(e, i, BPF_XOR);
		break;
	case IR_SHL:
		shift(e, i, BPF_LSH);
		break;
	case IR_SAR:
		shift(e, i, BPF_ARSH);
		break;
	case IR_SHR:
		shift(e, i, BPF_RSH);
		break;
	case IR_DIV:
	case IR_MOD:
		division(e, i);
		break;
	case IR_NEG:
		emit_load_num(e, R1, emit_arg(e, i, 0));
		code_neg(e->c, R1);
		emit_store_num(e, i->dst, R1);
		break;
	case IR_INV:
		emit_load_num(e, R1, emit_arg(e, i, 0));
		code_alu_imm(e->c, BPF_XOR, R1, -1);
		emit_store_num(e, i->dst, R1);
		break;
	case IR_NOT:
		not(e, i);
		break;
	case IR_CTXREG:
		load_register(e, i);
		break;
	case IR_CTXBIAS:
		load_bias(e, i);
		break;
	case IR_UREAD:
	case IR_KREAD:
		read_memory(e, i);
		break;
	case IR_CTXARG:
		load_argument(e, i);
		break;
	case IR_CTXCALL:
		load_call(e, i);
		break;
	case IR_ACTION:
		action(e, i);
		break;
	case IR_JMP:
		emit_go(e, e->f->spots[IR_INDEX(emit_arg(e, i, 0))]);
		break;
	case IR_BR:
		branch(e, i);
		break;
	case IR_RET:
		ret(e, i);
		break;
	case IR_RAISE:
		raise(e, i);
		break;
	case IR_CATCH:
		catch(e, i);
		break;
	case IR_CALL:
		emit_call(e, i);
		break;
	default:
		if (!emit_string_op(e, i) && !emit_table_op(e, i) && !emit_iter_op(e, i) &&
		    !emit_print_op(e, i) &&
		    !emit_rt_op(e, i))
			emit_error(e, i, "'%s' cannot run in this kind of probe yet",
				   ir_ops[i->op].name);
	}
}

static void emit_block(struct emit *e, const struct ir_block *b)
{
	for (size_t k = 0; k < b->ins.n && !e->failed; k++) {
		const struct ir_ins *i = &b->ins.v[k];
		uint32_t frame_at = e->frame_at;
		int jump;

		emit_split(e);
		if (k + 2 == b->ins.n && comparison(i->op, &jump) && b->ins.v[k + 1].op == IR_BR &&
		    emit_arg(e, &b->ins.v[k + 1], 0) == i->dst && e->f->uses[IR_INDEX(i->dst)] == 1) {
				compare_and_branch(e, i, &b->ins.v[k + 1]);
			return;
		}
		emit_ins(e, i);
		if (i->op == IR_FOREACH || i->op == IR_ITEREND)
			emit_iter_step(e->f, i);
		e->frame_at = frame_at;
	}
}

void emit_blocks(struct emit *e, struct emit_fn *f)
{
	const struct ir_fn *fn = f->fn;
	int handler_block = e->handler_block;
	bool *catches = ARENA_ARRAY(e->parts->arena, bool, fn->blocks.n + 1);

	for (size_t b = 0; b < fn->blocks.n; b++)
		if (fn->blocks.v[b].handler >= 0)
			catches[fn->blocks.v[b].handler] = true;
	f->caller = e->f;
	f->spots = ARENA_ARRAY(e->parts->arena, int, fn->blocks.n + 1);
	f->walks = ARENA_ARRAY(e->parts->arena, struct walk *, fn->regs.n + 1);
	for (size_t b = 0; b < fn->blocks.n; b++)
		f->spots[b] = emit_spot(e);
	e->f = f;
	for (size_t b = 0; b < fn->blocks.n && !e->failed && (e->in_parts || !e->want_parts); b++) {
		e->handler_block = fn->blocks.v[b].handler;
		memcpy(f->now, f->running[b], f->n_iters);
		emit_put(e, f->spots[b]);
		/* Nobody may want the message. */
		if (catches[b] && fn->blocks.v[b].ins.v[0].op != IR_CATCH)
			forget_error(e);
		emit_block(e, &fn->blocks.v[b]);
	}
	e->f = f->caller;
	e->handler_block = handler_block;
}
