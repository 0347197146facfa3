/* Functions of the tapset in handlers that run in the kernel: by the name of their intrinsic
 * (rt/intrinsic.h), a few instructions here or a function of the C library. See emit.h. */
#include <stddef.h>
#include <string.h>

#include "gen/counter.h"
#include "gen/emit.h"
#include "gen/emit_task.h"
#include "gen/netfilter.h"
#include "gen/syscall.h"
#include "rt/intrinsic.h"
#include "session.h"

#define FRAME(member) ((int)offsetof(struct rt_frame, member))
#define SHARED(member) ((uint32_t)offsetof(struct rt_shared, member))

struct rt_function {
	const char *name;
	/* Own code, with a number that it may use; or the function of the library and how it is
	 * called: first letter the result: 'l' R0; 'L' R0, or an error in the frame; 's' a string
	 * (first arguments: slot and its width); 'S' a string or an error, the frame comes first.
	 * Then the arguments: 'l', 's'. */
	void (*emit)(struct emit *e, const struct ir_ins *i, int64_t arg);
	int64_t arg;
	const char *library, *signature;
};

static void result(struct emit *e, const struct ir_ins *i)
{
	emit_store_num(e, i->dst, R0);
}

/* ------------------------------------------------------------------ who and when */

/* arg: helper | shift << 8 | mask of 32 bits << 16 */
static void helper(struct emit *e, const struct ir_ins *i, int64_t arg)
{
	code_helper(e->c, (int)(arg & 0xff));
	if (arg >> 8 & 0xff)
		code_alu_imm(e->c, BPF_RSH, R0, (int32_t)(arg >> 8 & 0xff));
	if (arg >> 16) {
		code_alu_imm(e->c, BPF_LSH, R0, 32);
		code_alu_imm(e->c, BPF_RSH, R0, 32);
	}
	result(e, i);
}

#define HIGH(number) ((number) | 32 << 8)
#define LOW(number) ((number) | 1 << 16)

/* Real time; arg: divisor. */
static void real_time(struct emit *e, const struct ir_ins *i, int64_t arg)
{
	code_helper(e->c, BPF_FUNC_ktime_get_ns);
	code_map_value(e->c, R1, GEN_MAP_SHARED, SHARED(clock_offset));
	code_load(e->c, BPF_DW, R1, R1, 0);
	code_alu(e->c, BPF_ADD, R0, R1);
	if (arg > 1)
		code_alu_imm(e->c, BPF_DIV, R0, (int32_t)arg);
	result(e, i);
}

static void execname(struct emit *e, const struct ir_ins *i, int64_t arg)
{
	struct loc dst = emit_loc(e, i->dst);
	int end = code_label(e->c);

	(void)arg;
	if (!i->dst)
		return;
	emit_frame_ptr(e, R8, dst.at);
	code_mov(e->c, R1, R8);
	code_alu_imm(e->c, BPF_ADD, R1, 8);
	code_imm(e->c, R2, 16);
	code_helper(e->c, BPF_FUNC_get_current_comm);
	for (int k = 0; k < 15; k++) {
		code_imm(e->c, R1, k);
		code_load(e->c, BPF_B, R2, R8, 8 + k);
		code_jump_if_imm(e->c, BPF_JEQ, R2, 0, end);
	}
	code_imm(e->c, R1, 15);
	code_place(e->c, end);
	code_store(e->c, BPF_DW, R8, 0, R1);
}

/* arg: bits | BPF_TO_BE or BPF_TO_LE << 8. */
static void byte_order(struct emit *e, const struct ir_ins *i, int64_t arg)
{
	emit_load_num(e, R0, emit_arg(e, i, 0));
	code_insn(e->c, (uint8_t)(BPF_ALU | BPF_END | arg >> 8), R0, 0, 0, (int32_t)(arg & 0xff));
	result(e, i);
}

#define BIG(bits) ((bits) | BPF_TO_BE << 8)
#define LITTLE(bits) ((bits) | BPF_TO_LE << 8)

static void target(struct emit *e, const struct ir_ins *i, int64_t arg)
{
	(void)arg;
	code_map_value(e->c, R1, GEN_MAP_SHARED, SHARED(target_pid));
	code_load(e->c, BPF_W, R0, R1, 0);
	result(e, i);
}

static void stap_pid(struct emit *e, const struct ir_ins *i, int64_t arg)
{
	(void)arg;
	code_map_value(e->c, R1, GEN_MAP_SHARED, SHARED(stap_pid));
	code_load(e->c, BPF_DW, R0, R1, 0);
	result(e, i);
}

static void constant(struct emit *e, const struct ir_ins *i, int64_t arg)
{
	code_imm(e->c, R0, arg);
	result(e, i);
}

static void is_return(struct emit *e, const struct ir_ins *i, int64_t arg)
{
	(void)arg;
	constant(e, i, e->is_return);
}

static void user_mode(struct emit *e, const struct ir_ins *i, int64_t arg)
{
	(void)arg;
	emit_user_mode(e, R0);
	result(e, i);
}

/* ------------------------------------------------------------------ names of the probe */

/* Text number arg of the instance. */
static void instance_text(struct emit *e, const struct ir_ins *i, int64_t arg)
{
	struct loc dst = emit_loc(e, i->dst);
	int end = code_label(e->c);
	uint32_t table, n, limit = builder_instances(e->b, &table, &n);

	if (!i->dst)
		return;
	code_load(e->c, BPF_W, R2, R7, FRAME(inst));
	code_jump_if_imm(e->c, BPF_JGE, R2, (int32_t)n, end);
	code_alu_imm(e->c, BPF_MUL, R2, sizeof(struct builder_instance));
	code_map_value(e->c, R3, GEN_MAP_CONST, table);
	code_alu(e->c, BPF_ADD, R3, R2);
	code_load(e->c, BPF_W, R2, R3, (int)offsetof(struct builder_instance, text) + 4 * (int)arg);
	code_jump_if_imm(e->c, BPF_JGT, R2, (int32_t)limit, end);
	code_map_value(e->c, R3, GEN_MAP_CONST, 0);
	code_alu(e->c, BPF_ADD, R3, R2);
	emit_str_ptr(e, R1, dst);
	code_imm(e->c, R2, dst.width);
	code_library(e->c, "rt_copy");
	code_place(e->c, end);
}

static void text_constant(struct emit *e, const struct ir_ins *i, const char *text)
{
	struct loc dst = emit_loc(e, i->dst);

	if (!i->dst)
		return;
	emit_str_ptr(e, R1, dst);
	code_imm(e->c, R2, dst.width);
	code_map_value(e->c, R3, GEN_MAP_CONST, builder_string(e->b, text, (uint32_t)strlen(text)));
	code_library(e->c, "rt_copy");
}

static void probe_type(struct emit *e, const struct ir_ins *i, int64_t arg)
{
	(void)arg;
	text_constant(e, i,
		      e->kind == SITE_URETPROBE		? "uretprobe"
		      : e->kind == SITE_KFUNC_RETURN	? "kretprobe"
							: e->probe_type);
}

/* ------------------------------------------------------------------ registers and memory */

static void user_address(struct emit *e, const struct ir_ins *i, int64_t arg)
{
	(void)arg;
	emit_user_register(e, R0, EMIT_REG_IP);
	result(e, i);
}

/* Of the probe. At the return of a kernel function that is where it starts. */
static void probe_address(struct emit *e, const struct ir_ins *i, int64_t arg)
{
	(void)arg;
	if (e->attach != GEN_KFUNCS) {
		if (e->kind == SITE_TRACEPOINT || e->kind == SITE_NETFILTER)
			code_imm(e->c, R0, 0);
		else
			emit_register(e, R0, EMIT_REG_IP);
		result(e, i);
		return;
	}
	if (e->is_return || e->at_entry) {
		code_mov(e->c, R1, R6);
		code_helper(e->c, BPF_FUNC_get_func_ip);
	} else {
		emit_register(e, R0, EMIT_REG_IP);
		/* Behind the breakpoint instruction. */
		code_alu_imm(e->c, BPF_SUB, R0, 1);
	}
	result(e, i);
}

static void return_value(struct emit *e, const struct ir_ins *i, int64_t arg)
{
	(void)arg;
	emit_register(e, R0, EMIT_REG_RESULT);
	result(e, i);
}

static void no_argument(struct emit *e, const struct ir_ins *i)
{
	emit_fail_text(e, i, "cannot access function args in this context");
}

/* The trampoline of fentry has saved them; its copy is as long as the function's prototype. */
static void saved_argument(struct emit *e, const struct ir_ins *i)
{
	int ok = code_label(e->c);

	emit_load_num(e, R8, emit_arg(e, i, 0));
	code_mov(e->c, R2, R8);
	code_alu_imm(e->c, BPF_SUB, R2, 1);
	emit_saved_argument(e);
	code_jump_if_imm(e->c, BPF_JEQ, R0, 0, ok);
	no_argument(e, i);
	code_place(e->c, ok);
	code_load(e->c, BPF_DW, R0, R10, -8);
	result(e, i);
}

/* System calls have the fourth one in another register. */
static int argument_place(const struct emit *e, int64_t n)
{
	enum { R10_PLACE = 56 };

	return site_is_syscall(e->kind) && n == 3 ? R10_PLACE : emit_argument_registers[n];
}

/* Arguments by the calling convention: six in registers, the others on the stack. */
static void function_argument(struct emit *e, const struct ir_ins *i, int64_t arg)
{
	struct loc n = emit_loc(e, emit_arg(e, i, 0));
	int end = code_label(e->c), ok = code_label(e->c), bad = code_label(e->c), stack = code_label(e->c);

	(void)arg;
	if (e->attach == GEN_KFUNCS && (e->is_return || !e->at_entry)) {
		no_argument(e, i);
		return;
	}
	if (emit_is_fentry(e)) {
		saved_argument(e, i);
		return;
	}
	if (n.kind == LOC_NUM && e->m->nums.v[n.at] >= 1 && e->m->nums.v[n.at] <= EMIT_ARGUMENT_REGISTERS) {
		emit_register(e, R0, argument_place(e, e->m->nums.v[n.at] - 1));
		result(e, i);
		return;
	}
	emit_load_num(e, R8, emit_arg(e, i, 0));
	for (int k = 0; k < EMIT_ARGUMENT_REGISTERS; k++) {
		int other = code_label(e->c);

		code_jump_if_imm(e->c, BPF_JNE, R8, k + 1, other);
		emit_register(e, R0, argument_place(e, k));
		code_jump(e->c, end);
		code_place(e->c, other);
	}
	if (site_is_syscall(e->kind)) {
		no_argument(e, i);
		code_place(e->c, end);
		result(e, i);
		return;
	}
	/* The return address lies at the stack pointer. */
	code_jump_if_imm(e->c, BPF_JSLT, R8, 1, bad);
	code_jump_if_imm(e->c, BPF_JSLE, R8, 64, stack);
	code_place(e->c, bad);
	code_store(e->c, BPF_DW, R7, FRAME(error_arg), R8);
	emit_fail(e, i, RT_E_ARGUMENT);
	code_place(e->c, stack);
	code_alu_imm(e->c, BPF_SUB, R8, 6);
	code_alu_imm(e->c, BPF_LSH, R8, 3);
	emit_register(e, R1, EMIT_REG_SP);
	code_alu(e->c, BPF_ADD, R8, R1);
	if (e->attach == GEN_KFUNCS)
		emit_read_kernel(e, 8);
	else
		emit_read_user(e, 8);
	code_jump_if_imm(e->c, BPF_JEQ, R0, 0, ok);
	code_store(e->c, BPF_DW, R7, FRAME(error_arg), R8);
	emit_fail(e, i, RT_E_READ);
	code_place(e->c, ok);
	code_load(e->c, BPF_DW, R0, R10, -8);
	code_place(e->c, end);
	result(e, i);
}

/* register("rdi"): arg is 1 for sign extension of the narrow ones. */
static void register_by_name(struct emit *e, const struct ir_ins *i, int64_t arg)
{
	static const struct {
		char name[10];
		int16_t offset;
		uint8_t bytes;
	} regs[] = {
		{"r15", 0, 8},	 {"r14", 8, 8},	   {"r13", 16, 8},   {"r12", 24, 8},  {"rbp", 32, 8},
		{"rbx", 40, 8},	 {"r11", 48, 8},   {"r10", 56, 8},   {"r9", 64, 8},   {"r8", 72, 8},
		{"rax", 80, 8},	 {"rcx", 88, 8},   {"rdx", 96, 8},   {"rsi", 104, 8}, {"rdi", 112, 8},
		{"orig_rax", 120, 8}, {"rip", 128, 8}, {"xcs", 136, 8}, {"eflags", 144, 8},
		{"rsp", 152, 8}, {"xss", 160, 8},  {"ebp", 32, 4},   {"ebx", 40, 4},  {"eax", 80, 4},
		{"ecx", 88, 4},	 {"edx", 96, 4},   {"esi", 104, 4},  {"edi", 112, 4}, {"esp", 152, 4},
		{"eip", 128, 4}, {"bp", 32, 2},	   {"bx", 40, 2},    {"ax", 80, 2},   {"cx", 88, 2},
		{"dx", 96, 2},	 {"si", 104, 2},   {"di", 112, 2},   {"sp", 152, 2},  {"ip", 128, 2},
		{"al", 80, 1},	 {"bl", 40, 1},	   {"cl", 88, 1},    {"dl", 96, 1},
	};
	struct loc l = emit_loc(e, emit_arg(e, i, 0));
	const char *name = l.kind == LOC_STR ? e->m->strs.v[l.at].s : NULL;

	if (emit_is_fentry(e)) {
		emit_error(e, i, "registers cannot be read in a probe by fentry");
		return;
	}
	if (!name) {
		emit_error(e, i, "the name of a register must be a literal");
		return;
	}
	for (size_t k = 0; k < sizeof(regs) / sizeof(regs[0]); k++) {
		int32_t shift = 64 - 8 * regs[k].bytes;

		if (strcmp(regs[k].name, name) != 0)
			continue;
		emit_register(e, R0, regs[k].offset);
		if (shift) {
			code_alu_imm(e->c, BPF_LSH, R0, shift);
			code_alu_imm(e->c, arg ? BPF_ARSH : BPF_RSH, R0, shift);
		}
		result(e, i);
		return;
	}
	emit_error(e, i, "Unknown register: %s", name);
}

/* Numbers in user memory; a fault gives 0. arg: bytes | 16 if signed. */
static void user_number(struct emit *e, const struct ir_ins *i, int64_t arg)
{
	int32_t size = (int32_t)(arg & 15);
	int ok = code_label(e->c), end = code_label(e->c);

	emit_load_num(e, R8, emit_arg(e, i, 0));
	emit_read_user(e, (uint32_t)size);
	code_jump_if_imm(e->c, BPF_JEQ, R0, 0, ok);
	code_imm(e->c, R0, 0);
	code_jump(e->c, end);
	code_place(e->c, ok);
	code_load(e->c, BPF_DW, R0, R10, -8);
	if (arg & 16) {
		code_alu_imm(e->c, BPF_LSH, R0, 64 - 8 * size);
		code_alu_imm(e->c, BPF_ARSH, R0, 64 - 8 * size);
	}
	code_place(e->c, end);
	result(e, i);
}

static void user_string(struct emit *e, const struct ir_ins *i, int64_t arg)
{
	struct loc dst = emit_loc(e, i->dst);

	(void)arg;
	if (!i->dst)
		dst = (struct loc){LOC_SLOT, e->spare_at, RT_STR_BYTES - 1};
	emit_load_num(e, R4, emit_arg(e, i, 0));
	if (i->n_args > 1)
		emit_load_num(e, R5, emit_arg(e, i, 1));
	else
		code_imm(e->c, R5, RT_STR_BYTES - 2);
	code_mov(e->c, R1, R7);
	emit_str_ptr(e, R2, dst);
	code_imm(e->c, R3, dst.width);
	code_library(e->c, e->sleepable ? "rt_user_string_sleepable" : "rt_user_string");
	emit_check(e, i);
}

/* (address, longest text that is read [, longest result with its NUL]); arg: 1 for bytes, NULs too. */
static void quoted(struct emit *e, const struct ir_ins *i, int64_t arg)
{
	struct loc dst = i->dst ? emit_loc(e, i->dst) : (struct loc){LOC_SLOT, e->spare_at, RT_STR_BYTES - 1};

	for (unsigned k = 1; k < 3; k++) {
		int positive = code_label(e->c), fits = code_label(e->c), reg = k == 1 ? R5 : R8;

		code_imm(e->c, reg, 0);
		if (k >= i->n_args)
			continue;
		emit_load_num(e, reg, emit_arg(e, i, k));
		code_jump_if_imm(e->c, BPF_JSGE, reg, 0, positive);
		code_imm(e->c, reg, 0);
		code_place(e->c, positive);
		code_jump_if_imm(e->c, BPF_JLE, reg, INT32_MAX, fits);
		code_imm(e->c, reg, INT32_MAX);
		code_place(e->c, fits);
	}
	code_alu_imm(e->c, BPF_LSH, R8, 32);
	code_alu(e->c, BPF_OR, R5, R8);
	emit_load_num(e, R4, emit_arg(e, i, 0));
	code_mov(e->c, R1, R7);
	emit_str_ptr(e, R2, dst);
	code_imm(e->c, R3, dst.width);
	code_library(e->c, arg ? "rt_user_buffer_quoted" : "rt_user_string_n_quoted");
}

/* ------------------------------------------------------------------ tokens */

/* Text that user space makes when it is printed, of the address in operand 0. arg: kind | rt_token.b
 * << 8 */
static void token(struct emit *e, const struct ir_ins *i, int64_t arg)
{
	struct loc dst = emit_loc(e, i->dst);

	if (!i->dst)
		return;
	if (i->n_args)
		emit_load_num(e, R8, emit_arg(e, i, 0));
	else
		code_imm(e->c, R8, 0);
	emit_ids(e);
	code_alu_imm(e->c, BPF_RSH, R0, 32);
	emit_frame_ptr(e, R1, dst.at);
	code_store_imm(e->c, BPF_W, R1, 0, sizeof(struct rt_token));
	code_store_imm(e->c, BPF_W, R1, 4, (int32_t)arg & 0xff);
	code_store(e->c, BPF_DW, R1, 8, R8);
	code_store(e->c, BPF_W, R1, 16, R0);
	code_store_imm(e->c, BPF_W, R1, 20, (int32_t)arg >> 8);
}

/* The map of what bpf_snprintf() takes as a format: the kernel wants it to be read-only for all. */
static uint32_t formats_map(struct emit *e)
{
	static const char texts[16] = "%ps\0\0\0\0\0%pS";
	struct gen_map map = {.name = "formats",
			      .type = BPF_MAP_TYPE_ARRAY,
			      .key_size = 4,
			      .value_size = sizeof(texts),
			      .max_entries = 1,
			      .flags = BPF_F_RDONLY_PROG,
			      .global = -1,
			      .init = texts};

	if (!e->img->formats) {
		e->img->formats = (uint32_t)e->img->maps.n;
		vec_push(&e->img->maps, &e->img->arena, map);
	}
	return e->img->formats;
}

/* The name behind an address of the kernel, which can make the text itself. */
static void kernel_name(struct emit *e, const struct ir_ins *i, int64_t arg)
{
	struct loc dst = emit_loc(e, i->dst);
	uint64_t part = arg == RT_TOKEN_KSYM ? RT_SYMBOL_NAME
		      : arg == RT_TOKEN_KMOD ? RT_SYMBOL_MODULE : RT_SYMBOL_DATA;

	if (!i->dst || !builder_texts(e->b, TEXT_KERNEL_NAME)) {
		token(e, i, arg);
		return;
	}
	emit_load_num(e, R1, emit_arg(e, i, 0));
	code_store(e->c, BPF_DW, R10, -8, R1);
	emit_frame_ptr(e, R1, dst.at + (uint32_t)offsetof(struct rt_str, s));
	code_imm(e->c, R2, dst.width + 1);
	code_map_value(e->c, R3, formats_map(e), part == RT_SYMBOL_DATA ? 8 : 0);
	code_mov(e->c, R4, R10);
	code_alu_imm(e->c, BPF_ADD, R4, -8);
	code_imm(e->c, R5, 8);
	code_helper(e->c, BPF_FUNC_snprintf);
	code_mov(e->c, R3, R0);
	emit_str_ptr(e, R1, dst);
	code_imm(e->c, R2, dst.width);
	code_imm(e->c, R4, part);
	code_library(e->c, "rt_symbol_text");
}

/* ------------------------------------------------------------------ control and messages */

static void raise_text(struct emit *e, const struct ir_ins *i, const char *text)
{
	emit_frame_ptr(e, R1, (uint32_t)FRAME(error_text));
	code_imm(e->c, R2, RT_STR_BYTES - 1);
	code_map_value(e->c, R3, GEN_MAP_CONST, builder_string(e->b, text, (uint32_t)strlen(text)));
	code_library(e->c, "rt_copy");
	emit_fail(e, i, RT_E_TEXT);
}

/* Times that a 32-bit number cannot hold: an error, or what the compatible version says. */
static void ctime_outside(struct emit *e, const struct ir_ins *i, const char *error, const char *old)
{
	if (compatible_below(e->s, "2.3"))
		text_constant(e, i, old);
	else
		raise_text(e, i, error);
}

static void date(struct emit *e, const struct ir_ins *i, int64_t arg)
{
	static const char names[] = "Sun Mon Tue Wed Thu Fri Sat     Mar Apr May Jun Jul Aug Sep Oct Nov Dec Jan Feb ";
	int early = code_label(e->c), good = code_label(e->c), end = code_label(e->c);
	struct rt_calendar calendar = {0};
	struct loc dst = emit_loc(e, i->dst);

	(void)arg;
	memcpy(&calendar, names, sizeof(names) - 1);
	emit_load_num(e, R8, emit_arg(e, i, 0));
	code_jump_if_imm(e->c, BPF_JSLT, R8, INT32_MIN, early);
	code_jump_if_imm(e->c, BPF_JSLE, R8, INT32_MAX, good);
	ctime_outside(e, i, "Time too far in the future to be converted", "far far in the future...");
	code_jump(e->c, end);
	code_place(e->c, early);
	ctime_outside(e, i, "Time too far in the past to be converted", "a long, long time ago...");
	code_jump(e->c, end);
	code_place(e->c, good);
	if (i->dst) {
		emit_str_ptr(e, R1, dst);
		code_imm(e->c, R2, dst.width);
		code_mov(e->c, R3, R8);
		code_map_value(e->c, R4, GEN_MAP_CONST, builder_bytes(e->b, &calendar, sizeof(calendar)));
		code_library(e->c, "rt_ctime");
	}
	code_place(e->c, end);
}

static void zone_offset(struct emit *e, const struct ir_ins *i, int64_t arg)
{
	(void)arg;
	code_map_value(e->c, R1, GEN_MAP_SHARED, SHARED(tz_gmtoff));
	code_load(e->c, BPF_DW, R0, R1, 0);
	result(e, i);
}

static void zone_name(struct emit *e, const struct ir_ins *i, int64_t arg)
{
	struct loc dst = emit_loc(e, i->dst);

	(void)arg;
	if (!i->dst)
		return;
	emit_str_ptr(e, R1, dst);
	code_imm(e->c, R2, dst.width);
	code_map_value(e->c, R3, GEN_MAP_SHARED, SHARED(tz_len));
	code_library(e->c, "rt_copy");
}

/* arg: ns of one. */
static void delay(struct emit *e, const struct ir_ins *i, int64_t arg)
{
	emit_load_num(e, R1, emit_arg(e, i, 0));
	code_alu_imm(e->c, BPF_MUL, R1, (int32_t)arg);
	code_library(e->c, "rt_delay");
}

static void exit_session(struct emit *e, const struct ir_ins *i, int64_t arg)
{
	(void)arg;
	code_map_value(e->c, R1, GEN_MAP_SHARED, SHARED(stopping));
	code_store_imm(e->c, BPF_W, R1, 0, RT_STOPPING);
	emit_item(e, RT_ITEM_EXIT, (struct loc){0});
	emit_flush(e, true);
	if (arg)
		emit_fail(e, i, RT_E_ABORT);
}

static void count_skipped(struct emit *e, const struct ir_ins *i, int64_t arg)
{
	int next = code_label(e->c);

	(void)i;
	(void)arg;
	emit_count_skipped(e->c, SHARED(skipped_return), next);
	code_place(e->c, next);
}

static void message(struct emit *e, const struct ir_ins *i, int64_t arg)
{
	emit_item(e, (enum rt_item_kind)arg, emit_loc(e, emit_arg(e, i, 0)));
	if (arg == RT_ITEM_SYSTEM)
		emit_flush(e, true);
}

/* (level, text) as one text. */
static void kernel_log(struct emit *e, const struct ir_ins *i, int64_t arg)
{
	struct loc line = {LOC_SLOT, e->spare_at, RT_STR_BYTES - 1};
	int least = code_label(e->c), most = code_label(e->c);

	(void)arg;
	emit_need_text(e, i, emit_arg(e, i, 1));
	emit_load_num(e, R8, emit_arg(e, i, 0));
	code_jump_if_imm(e->c, BPF_JSGE, R8, 0, least);
	code_imm(e->c, R8, 0);
	code_place(e->c, least);
	code_jump_if_imm(e->c, BPF_JSLE, R8, 7, most);
	code_imm(e->c, R8, 7);
	code_place(e->c, most);
	code_alu_imm(e->c, BPF_ADD, R8, '0');
	emit_frame_ptr(e, R1, line.at);
	code_store_imm(e->c, BPF_DW, R1, 0, 1); /* one character */
	code_store(e->c, BPF_H, R1, (int)offsetof(struct rt_str, s), R8);
	emit_str_ptr(e, R1, line);
	code_imm(e->c, R2, line.width);
	emit_str_ptr(e, R3, emit_loc(e, emit_arg(e, i, 1)));
	code_library(e->c, "rt_fmt_lit");
	emit_item(e, RT_ITEM_KERNEL_LOG, line);
}

/* Into the kernel's own trace, in the order of its events. */
static void trace_line(struct emit *e, const struct ir_ins *i, int64_t arg)
{
	static const char format[] = "%s\n";

	(void)arg;
	emit_need_text(e, i, emit_arg(e, i, 0));
	emit_str_ptr(e, R3, emit_loc(e, emit_arg(e, i, 0)));
	code_alu_imm(e->c, BPF_ADD, R3, (int32_t)offsetof(struct rt_str, s));
	code_map_value(e->c, R1, GEN_MAP_CONST, builder_bytes(e->b, format, sizeof(format)));
	code_imm(e->c, R2, sizeof(format));
	code_helper(e->c, BPF_FUNC_trace_printk);
}

static void switch_file(struct emit *e, const struct ir_ins *i, int64_t arg)
{
	(void)i, (void)arg;
	emit_item(e, RT_ITEM_ROTATE, (struct loc){0});
}

static void error(struct emit *e, const struct ir_ins *i, int64_t arg)
{
	(void)arg;
	emit_frame_ptr(e, R1, (uint32_t)FRAME(error_text));
	code_imm(e->c, R2, RT_STR_BYTES - 1);
	emit_str_ptr(e, R3, emit_loc(e, emit_arg(e, i, 0)));
	code_library(e->c, "rt_copy");
	emit_fail(e, i, RT_E_TEXT);
}

static void random_number(struct emit *e, const struct ir_ins *i, int64_t arg)
{
	int fits = code_label(e->c), zero = code_label(e->c);

	(void)arg;
	emit_load_num(e, R8, emit_arg(e, i, 0));
	code_imm(e->c, R0, 0);
	code_jump_if_imm(e->c, BPF_JSLE, R8, 0, zero);
	code_jump_if_imm(e->c, BPF_JLE, R8, 1 << 20, fits);
	emit_fail(e, i, RT_E_RANGE);
	code_place(e->c, fits);
	code_helper(e->c, BPF_FUNC_get_prandom_u32);
	code_alu_imm(e->c, BPF_LSH, R0, 32);
	code_alu_imm(e->c, BPF_RSH, R0, 32);
	code_alu(e->c, BPF_MOD, R0, R8);
	code_place(e->c, zero);
	result(e, i);
}

/* To the current thread, as a signal from the kernel. */
static void send_signal(struct emit *e, const struct ir_ins *i, int64_t arg)
{
	int ok = code_label(e->c);

	(void)arg;
	emit_load_num(e, R1, emit_arg(e, i, 0));
	code_helper(e->c, BPF_FUNC_send_signal_thread);
	code_jump_if_imm(e->c, BPF_JEQ, R0, 0, ok);
	emit_fail_text(e, i, "cannot send the signal");
	code_place(e->c, ok);
}

/* tokenize(text, delimiters), or tokenize(delimiters) to go on. */
static void tokenize(struct emit *e, const struct ir_ins *i, int64_t arg)
{
	struct loc dst = i->dst ? emit_loc(e, i->dst)
				: (struct loc){LOC_SLOT, e->spare_at, RT_STR_BYTES - 1};

	(void)arg;
	for (unsigned k = 0; k < i->n_args; k++)
		emit_need_text(e, i, emit_arg(e, i, k));
	code_mov(e->c, R1, R7);
	emit_str_ptr(e, R2, dst);
	code_imm(e->c, R3, dst.width);
	emit_str_ptr(e, R4, emit_loc(e, emit_arg(e, i, 0)));
	if (i->n_args > 1)
		emit_str_ptr(e, R5, emit_loc(e, emit_arg(e, i, 1)));
	code_library(e->c, i->n_args > 1 ? "rt_tokenize" : "rt_tokenize_next");
}

static void length(struct emit *e, const struct ir_ins *i, int64_t arg)
{
	(void)arg;
	emit_need_text(e, i, emit_arg(e, i, 0));
	emit_str_ptr(e, R1, emit_loc(e, emit_arg(e, i, 0)));
	code_load(e->c, BPF_W, R0, R1, 0);
	result(e, i);
}

/* ------------------------------------------------------------------ the table */

static const struct rt_function functions[] = {
	{"pid", helper, HIGH(BPF_FUNC_get_current_pid_tgid), 0, 0},
	{"tid", helper, LOW(BPF_FUNC_get_current_pid_tgid), 0, 0},
	{"uid", helper, LOW(BPF_FUNC_get_current_uid_gid), 0, 0},
	{"gid", helper, HIGH(BPF_FUNC_get_current_uid_gid), 0, 0},
	{"cpu", helper, BPF_FUNC_get_smp_processor_id, 0, 0},
	{"execname", execname, 0, 0, 0},
	{"target", target, 0, 0, 0},
	{"stp_pid", stap_pid, 0, 0, 0},
	{"gettimeofday_ns", real_time, 1, 0, 0},
	{"gettimeofday_us", real_time, 1000, 0, 0},
	{"gettimeofday_ms", real_time, 1000000, 0, 0},
	{"gettimeofday_s", real_time, 1000000000, 0, 0},
	{"local_clock_ns", helper, BPF_FUNC_ktime_get_ns, 0, 0},
	{"cpu_clock_ns", helper, BPF_FUNC_ktime_get_ns, 0, 0},
	{"ktime_get_ns", helper, BPF_FUNC_ktime_get_ns, 0, 0},
	{"get_cycles", helper, BPF_FUNC_ktime_get_ns, 0, 0},
	{"jiffies", helper, BPF_FUNC_jiffies64, 0, 0},
	{"pp", instance_text, 0, 0, 0},
	{"pn", instance_text, 1, 0, 0},
	{"ppfunc", instance_text, 2, 0, 0},
	{"probe_type", probe_type, 0, 0, 0},
	{"user_mode", user_mode, 0, 0, 0},
	{"is_return", is_return, 0, 0, 0},
	{"registers_valid", constant, 1, 0, 0},
	{"probing_32bit_app", constant, 0, 0, 0},
	{"maxstringlen", constant, RT_STR_BYTES, 0, 0},
	{"addr", probe_address, 0, 0, 0},
	{"uaddr", user_address, 0, 0, 0},
	{"returnval", return_value, 0, 0, 0},
	{"function_arg", function_argument, 0, 0, 0},
	{"register", register_by_name, 1, 0, 0},
	{"u_register", register_by_name, 0, 0, 0},
	{"user_string", user_string, 0, 0, 0},
	{"user_string_n", user_string, 0, 0, 0},
	{"user_int8", user_number, 1 | 16, 0, 0},
	{"user_uint8", user_number, 1, 0, 0},
	{"user_int16", user_number, 2 | 16, 0, 0},
	{"user_uint16", user_number, 2, 0, 0},
	{"user_int32", user_number, 4 | 16, 0, 0},
	{"user_uint32", user_number, 4, 0, 0},
	{"user_int64", user_number, 8, 0, 0},
	{"user_uint64", user_number, 8, 0, 0},
	{"usymname", token, RT_TOKEN_USYM, 0, 0},
	{"usymdata", token, RT_TOKEN_USYMDATA, 0, 0},
	{"umodname", token, RT_TOKEN_UMOD, 0, 0},
	{"symname", kernel_name, RT_TOKEN_KSYM, 0, 0},
	{"symdata", kernel_name, RT_TOKEN_KSYMDATA, 0, 0},
	{"modname", kernel_name, RT_TOKEN_KMOD, 0, 0},
	{"umodbuildid", token, RT_TOKEN_UBUILDID, 0, 0},
	{"symfile", token, RT_TOKEN_KSOURCE | SYM_FILE << 8, 0, 0},
	{"symline", token, RT_TOKEN_KSOURCE | SYM_LINE << 8, 0, 0},
	{"symfileline", token, RT_TOKEN_KSOURCE | SYM_FILE_LINE << 8, 0, 0},
	{"usymfile", token, RT_TOKEN_USOURCE | SYM_FILE << 8, 0, 0},
	{"usymline", token, RT_TOKEN_USOURCE | SYM_LINE << 8, 0, 0},
	{"usymfileline", token, RT_TOKEN_USOURCE | SYM_FILE_LINE << 8, 0, 0},
	{"ctime", date, 0, 0, 0},
	{"tz_gmtoff", zone_offset, 0, 0, 0},
	{"tz_name", zone_name, 0, 0, 0},
	{"mdelay", delay, 1000000, 0, 0},
	{"udelay", delay, 1000, 0, 0},
	{"exit", exit_session, 0, 0, 0},
	{"count_skipped", count_skipped, 0, 0, 0},
	{"abort", exit_session, 1, 0, 0},
	{"error", error, 0, 0, 0},
	{"warn", message, RT_ITEM_WARN, 0, 0},
	{"system", message, RT_ITEM_SYSTEM, 0, 0},
	{"printk", kernel_log, 0, 0, 0},
	{"ftrace", trace_line, 0, 0, 0},
	{"switch_file", switch_file, 0, 0, 0},
	{"randint", random_number, 0, 0, 0},
	{"raise", send_signal, 0, 0, 0},
	{"htons", byte_order, BIG(16), 0, 0},
	{"htonl", byte_order, BIG(32), 0, 0},
	{"htonll", byte_order, BIG(64), 0, 0},
	{"ntohs", byte_order, BIG(16), 0, 0},
	{"ntohl", byte_order, BIG(32), 0, 0},
	{"ntohll", byte_order, BIG(64), 0, 0},
	{"big_endian2", byte_order, BIG(16), 0, 0},
	{"big_endian4", byte_order, BIG(32), 0, 0},
	{"big_endian8", byte_order, BIG(64), 0, 0},
	{"little_endian2", byte_order, LITTLE(16), 0, 0},
	{"little_endian4", byte_order, LITTLE(32), 0, 0},
	{"little_endian8", byte_order, LITTLE(64), 0, 0},
	{"strlen", length, 0, 0, 0},
	{"count_bits", NULL, 0, "rt_count_bits", "lll"},
	{"tokenize", tokenize, 0, 0, 0},
	{"substr", NULL, 0, "rt_substr", "ssll"},
	{"stringat", NULL, 0, "rt_stringat", "Lsl"},
	{"isinstr", NULL, 0, "rt_isinstr", "lss"},
	{"strpos", NULL, 0, "rt_strpos", "lss"},
	{"strtol", NULL, 0, "rt_strtol", "lsl"},
	{"isdigit", NULL, 0, "rt_isdigit", "ls"},
	{"str_replace", NULL, 0, "rt_str_replace", "ssss"},
	{"text_str", NULL, 0, "rt_text_str", "ss"},
	{"string_quoted", NULL, 0, "rt_string_quoted", "ss"},
	{"text_strn", NULL, 0, "rt_text_strn", "ssll"},
	{"fp_add", NULL, 0, "rt_fp_add", "lll"},
	{"fp_sub", NULL, 0, "rt_fp_sub", "lll"},
	{"fp_mul", NULL, 0, "rt_fp_mul", "lll"},
	{"fp_div", NULL, 0, "rt_fp_div", "lll"},
	{"fp_rem", NULL, 0, "rt_fp_rem", "lll"},
	{"fp_sqrt", NULL, 0, "rt_fp_sqrt", "ll"},
	{"fp_eq", NULL, 0, "rt_fp_eq", "lll"},
	{"fp_le", NULL, 0, "rt_fp_le", "lll"},
	{"fp_lt", NULL, 0, "rt_fp_lt", "lll"},
	{"fp_to_long", NULL, 0, "rt_fp_to_long", "lll"},
	{"fp_to_string", NULL, 0, "rt_fp_to_string", "Sll"},
	{"string_to_fp", NULL, 0, "rt_string_to_fp", "Ls"},
	{"long_to_fp", NULL, 0, "rt_long_to_fp", "ll"},
	{"fp32_to_fp64", NULL, 0, "rt_fp32_to_fp64", "ll"},
	{"user_string_n_quoted", quoted, 0, 0, 0},
	{"user_buffer_quoted", quoted, 1, 0, 0},
	{"user_string_quoted", NULL, 0, "rt_user_string_quoted", "Sl"},
};

static void library_call(struct emit *e, const struct ir_ins *i, const struct rt_function *f)
{
	char kind = f->signature[0];
	struct loc dst = emit_apart(e, i);
	int reg = R1;

	if (!lib_has(e->b, f->library)) {
		emit_error(e, i, "%s() cannot run in this kind of probe yet", f->name);
		return;
	}
	for (unsigned k = 0; f->signature[1 + k]; k++)
		if (f->signature[1 + k] == 's')
			emit_need_text(e, i, emit_arg(e, i, k));
	if (kind == 'L' || kind == 'S')
		code_mov(e->c, reg++, R7);
	if (kind == 's' || kind == 'S') {
		emit_str_ptr(e, reg++, dst);
		code_imm(e->c, reg++, dst.width);
	}
	for (unsigned k = 0; f->signature[1 + k]; k++, reg++) {
		ir_ref a = emit_arg(e, i, k);

		if (f->signature[1 + k] == 's')
			emit_str_ptr(e, reg, emit_loc(e, a));
		else
			emit_load_num(e, reg, a);
	}
	code_library(e->c, f->library);
	if (kind == 'S')
		emit_check(e, i);
	if (dst.at == e->spare_at && i->dst && (kind == 's' || kind == 'S'))
		emit_copy_str(e, emit_loc(e, i->dst), dst);
	if (kind == 'L') {
		code_mov(e->c, R8, R0);
		emit_check_frame(e, i);
		code_mov(e->c, R0, R8);
	}
	if (kind == 'l' || kind == 'L')
		result(e, i);
}

/* Memory and registers of the task that runs. */
static bool is_of_running(const char *name)
{
	static const char *const names[] = {
		"ubacktrace", "sprint_ubacktrace", "print_ubacktrace", "print_ubacktrace_brief",
		"print_ubacktrace_fileline", "ustack", "ucallers", "uaddr", "register", "u_register",
	};

	for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++)
		if (strcmp(names[k], name) == 0)
			return true;
	return strncmp(name, "user_", 5) == 0 && strcmp(name, "user_mode") != 0;
}

bool emit_rt_op(struct emit *e, const struct ir_ins *i)
{
	const char *name;

	if (i->op != IR_RT)
		return false;
	name = intrinsic_by_number(i->imm)->name;
	if (e->attach == GEN_NETFILTER && netfilter_lacks(name)) {
		emit_error(e, i, "%s() is not possible here: the kernel does not let netfilter probes do that", name);
		return true;
	}
	if (e->apart && is_of_running(name)) {
		emit_error(e, i, "%s() is not possible here: the memory of the current task is not seen yet",
			   name);
		return true;
	}
	if (e->forked && emit_forked_op(e, i, name))
		return true;
	for (size_t k = 0; k < sizeof(functions) / sizeof(functions[0]); k++) {
		if (strcmp(functions[k].name, name) != 0)
			continue;
		if (functions[k].emit)
			functions[k].emit(e, i, functions[k].arg);
		else
			library_call(e, i, &functions[k]);
		return true;
	}
	if (emit_task_op(e, i, name) || emit_memory_op(e, i, name) ||
	    emit_stack_op(e, i, name) || emit_name_op(e, i, name) ||
	    emit_group_op(e, i, name) || emit_counter_op(e, i, name) || emit_netfilter_op(e, i, name))
		return true;
	emit_error(e, i, "%s() cannot run in this kind of probe yet", name);
	return true;
}
