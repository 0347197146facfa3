/* Stacks: of the traced program by the library's walk along frame pointers, of the kernel by a helper.
 *
 * A stack is a struct rt_stack in the frame. What is printed at once goes to user space as it is;
 * what a script keeps is a token with the key of a map of stacks, which user space reads when the text
 * is wanted: so stacks are cheap to store and can be keys of tables. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "gen/emit.h"
#include "gen/emit_task.h"

#define FRAME(member) ((int)offsetof(struct rt_frame, member))

enum { MAX_STACKS = 65536 };

/* Index of the map of stacks, which is made for the first one who asks. */
static uint32_t stacks_map(struct emit *e)
{
	struct gen_map map = {.name = "stacks",
			      .type = BPF_MAP_TYPE_HASH,
			      .key_size = 8,
			      .value_size = sizeof(struct rt_stack),
			      .max_entries = MAX_STACKS,
			      .flags = BPF_F_NO_PREALLOC,
			      .global = -1};

	if (!e->img->stacks) {
		e->img->stacks = (uint32_t)e->img->maps.n;
		vec_push(&e->img->maps, &e->img->arena, map);
	}
	return e->img->stacks;
}

/* ------------------------------------------------------------------ taking one */

static uint32_t layout(struct emit *e)
{
	static const struct {
		const char *type, *member;
		size_t to;
	} members[] = {
		{"task_struct", "utask", offsetof(struct rt_uprobe_layout, task_uprobes)},
		{"task_struct", "mm", offsetof(struct rt_uprobe_layout, task_mm)},
		{"uprobe_task", "return_instances", offsetof(struct rt_uprobe_layout, instances)},
		{"return_instance", "orig_ret_vaddr", offsetof(struct rt_uprobe_layout, original)},
		{"return_instance", "chained", offsetof(struct rt_uprobe_layout, chained)},
		{"return_instance", "next", offsetof(struct rt_uprobe_layout, next)},
		{"return_instance", "stack", offsetof(struct rt_uprobe_layout, stack)},
		{"mm_struct", "uprobes_state", offsetof(struct rt_uprobe_layout, mm_area)},
		{"uprobes_state", "xol_area", offsetof(struct rt_uprobe_layout, mm_area)},
		{"xol_area", "vaddr", offsetof(struct rt_uprobe_layout, area_address)},
		{"uprobe_task", "vaddr", offsetof(struct rt_uprobe_layout, dispatch)},
		{"uprobe_dispatch_data", "bp_addr", offsetof(struct rt_uprobe_layout, address)},
	};
	struct rt_uprobe_layout at = {0};
	/* The last two are for kernels whose bpf_get_func_ip() does not know uprobes. */
	size_t n = sizeof(members) / sizeof(members[0]) - (e->uprobe_func_ip ? 2 : 0);
	bool all = true;

	if (e->img->stack_layout)
		return e->img->stack_layout;
	for (size_t k = 0; k < n; k++) {
		uint32_t offset = 0;

		all = all && emit_has_member(e, members[k].type, members[k].member, &offset);
		*(uint32_t *)(void *)((char *)&at + members[k].to) += offset;
	}
	/* Without them, stacks end at functions whose return is probed. */
	if (!all)
		memset(&at, 0, sizeof(at));
	e->img->stack_layout = builder_bytes(e->b, &at, sizeof(at));
	return e->img->stack_layout;
}

void emit_returning_function(struct emit *e)
{
	if (e->uprobe_func_ip) {
		code_mov(e->c, R1, R6);
		code_helper(e->c, BPF_FUNC_get_func_ip);
		return;
	}
	code_map_value(e->c, R1, GEN_MAP_CONST, layout(e));
	code_library(e->c, "rt_returning_function");
}

/* R0 = the key of the user stack, which is in the frame. given: pc, sp, fp are operands. */
static void take_user(struct emit *e, const struct ir_ins *i, bool given)
{
	int place = RT_AT_OTHER;

	if (!given && e->attach != GEN_UPROBES)
		place = RT_AT_ANYWHERE;
	else if (!given && e->at_entry)
		place = RT_AT_ENTRY;
	if (e->kind == SITE_URETPROBE && !given) {
		emit_returning_function(e);
		code_store(e->c, BPF_DW, R7, FRAME(walk.function), R0);
	} else {
		code_store_imm(e->c, BPF_DW, R7, FRAME(walk.function), 0);
	}
	code_store_imm(e->c, BPF_DW, R7, FRAME(walk.at_entry), place);
	if (given) {
		emit_load_num(e, R2, emit_arg(e, i, 0));
		emit_load_num(e, R3, emit_arg(e, i, 1));
		emit_load_num(e, R4, emit_arg(e, i, 2));
	} else {
		emit_user_register(e, R2, EMIT_REG_IP);
		emit_user_register(e, R3, EMIT_REG_SP);
		emit_user_register(e, R4, EMIT_REG_FP);
	}
	code_mov(e->c, R1, R7);
	code_map_value(e->c, R5, GEN_MAP_CONST, layout(e));
	code_library(e->c, "rt_user_stack");
}

/* Where the frames of the handler itself and of what called it are told from others, by instance. */
static uint32_t own_frames(struct emit *e)
{
	static const struct rt_own_frames none = {0};
	struct rt_own_frames *v;
	uint32_t table, n;

	if (e->attach != GEN_RAW_TRACEPOINT)
		return builder_bytes(e->b, &none, sizeof(none));
	if (!e->img->own_frames) {
		builder_instances(e->b, &table, &n);
		v = xcalloc(n + 1, sizeof(*v));
		e->img->own_frames = builder_bytes(e->b, v, n * sizeof(*v));
		free(v);
	}
	return e->img->own_frames;
}

/* R0 = the key of the kernel's stack, which probes in programs don't have; it is in the frame. */
static void take_kernel(struct emit *e)
{
	int none = code_label(e->c), end = code_label(e->c);
	bool fentry = e->attach == GEN_KFUNCS && e->kfunc == GEN_FENTRY;

	code_store_imm(e->c, BPF_DW, R7, FRAME(walk.stack), 0);
	if (e->attach == GEN_UPROBES) {
		code_imm(e->c, R0, 0);
		return;
	}
	code_imm(e->c, R0, 0);
	if (fentry || e->kind == SITE_KFUNC_RETURN) {
		code_mov(e->c, R1, R6);
		code_helper(e->c, BPF_FUNC_get_func_ip);
	}
	code_imm(e->c, R1, 0);
	code_store(e->c, BPF_DW, R7, FRAME(walk.low), fentry ? R0 : R1);
	code_store(e->c, BPF_DW, R7, FRAME(walk.function), R0);
	code_mov(e->c, R1, R6);
	emit_frame_ptr(e, R2, (uint32_t)FRAME(tmp.s));
	code_imm(e->c, R3, 8 * RT_RAW_FRAMES);
	code_imm(e->c, R4, 0);
	code_helper(e->c, BPF_FUNC_get_stack);
	code_jump_if_imm(e->c, BPF_JSLE, R0, 0, none);
	code_map_value(e->c, R2, GEN_MAP_CONST, own_frames(e));
	if (e->attach == GEN_RAW_TRACEPOINT) {
		uint32_t table, n;

		builder_instances(e->b, &table, &n);
		code_load(e->c, BPF_W, R1, R7, FRAME(inst));
		code_jump_if_imm(e->c, BPF_JGE, R1, (int32_t)n, none);
		code_alu_imm(e->c, BPF_MUL, R1, sizeof(struct rt_own_frames));
		code_alu(e->c, BPF_ADD, R2, R1);
	}
	code_mov(e->c, R1, R7);
	code_mov(e->c, R3, R0);
	code_library(e->c, "rt_kernel_stack");
	code_jump(e->c, end);
	code_place(e->c, none);
	code_imm(e->c, R0, 0);
	code_place(e->c, end);
}

/* R0 = the key of the stack, which is in the frame. */
static void take(struct emit *e, const struct ir_ins *i, bool kernel)
{
	if (kernel)
		take_kernel(e);
	else
		take_user(e, i, false);
}

/* ------------------------------------------------------------------ what becomes of it */

/* dst = a token of R0 */
static void store_token(struct emit *e, struct loc dst, enum rt_token_kind kind, enum symbol_form form)
{
	code_mov(e->c, R8, R0);
	code_imm(e->c, R0, 0);
	if (kind == RT_TOKEN_USTACK) {
		emit_ids(e);
		code_alu_imm(e->c, BPF_RSH, R0, 32);
	}
	emit_frame_ptr(e, R1, dst.at);
	code_store_imm(e->c, BPF_W, R1, 0, sizeof(struct rt_token));
	code_store_imm(e->c, BPF_W, R1, 4, (int32_t)kind);
	code_store(e->c, BPF_DW, R1, 8, R8);
	code_store(e->c, BPF_W, R1, 16, R0);
	code_store_imm(e->c, BPF_W, R1, 20, (int32_t)form);
}

/* The stack in the frame, whose key is in R0, is kept; dst is its token. */
static void keep_stack(struct emit *e, struct loc dst, bool kernel, enum symbol_form form)
{
	int none = code_label(e->c);

	code_mov(e->c, R8, R0);
	code_jump_if_imm(e->c, BPF_JEQ, R8, 0, none);
	code_store(e->c, BPF_DW, R10, -8, R8);
	code_map(e->c, R1, stacks_map(e));
	code_mov(e->c, R2, R10);
	code_alu_imm(e->c, BPF_ADD, R2, -8);
	emit_frame_ptr(e, R3, (uint32_t)FRAME(walk.stack));
	code_imm(e->c, R4, BPF_NOEXIST);
	code_map_update(e->c);
	code_jump_if_imm(e->c, BPF_JEQ, R0, 0, none);
	code_jump_if_imm(e->c, BPF_JEQ, R0, -EEXIST, none);
	code_map_value(e->c, R1, GEN_MAP_SHARED, (uint32_t)offsetof(struct rt_shared, lost_stacks));
	code_imm(e->c, R2, 1);
	code_atomic(e->c, BPF_DW, BPF_ADD, R1, 0, R2);
	code_place(e->c, none);
	code_mov(e->c, R0, R8);
	store_token(e, dst, kernel ? RT_TOKEN_KSTACK : RT_TOKEN_USTACK, form);
}

static void text_of_stack(struct emit *e, struct loc dst, bool ended)
{
	emit_str_ptr(e, R1, dst);
	code_imm(e->c, R2, dst.width);
	code_mov(e->c, R3, R7);
	code_imm(e->c, R5, ended);
	code_library(e->c, "rt_stack_text");
}

static void stack_token(struct emit *e, const struct ir_ins *i, bool kernel, enum symbol_form form)
{
	if (!i->dst)
		return;
	take(e, i, kernel);
	if (form == SYM_NONE && builder_texts(e->b, TEXT_STACK)) {
		code_imm(e->c, R4, -1);
		text_of_stack(e, emit_loc(e, i->dst), true);
	} else {
		keep_stack(e, emit_loc(e, i->dst), kernel, form);
	}
}

static void print_stack(struct emit *e, const struct ir_ins *i, bool kernel, enum symbol_form form)
{
	uint32_t how = (uint32_t)form;
	bool given = i->n_args == 3;

	if (kernel)
		take_kernel(e);
	else
		take_user(e, i, given);
	if (kernel)
		how |= RT_STACK_KERNEL;
	if (e->kind == (kernel ? SITE_KFUNC_RETURN : SITE_URETPROBE) && !given)
		how |= RT_STACK_RETURN;
	emit_block_item(e, RT_ITEM_STACK, how, (uint32_t)FRAME(walk.stack), sizeof(struct rt_stack));
}

static void single_address(struct emit *e, const struct ir_ins *i, bool kernel, enum symbol_form form)
{
	static const char text[] = "the stack ends before this frame";
	int ok = code_label(e->c);

	(void)form;
	take(e, i, kernel);
	code_mov(e->c, R1, R7);
	emit_load_num(e, R2, emit_arg(e, i, 0));
	code_library(e->c, "rt_stack_address");
	code_jump_if_imm(e->c, BPF_JNE, R0, 0, ok);
	emit_fail_text(e, i, text);
	code_place(e->c, ok);
	emit_store_num(e, i->dst, R0);
}

/* The symbol of frame 1, and its address. */
static void caller(struct emit *e, const struct ir_ins *i, bool kernel, enum symbol_form form)
{
	static const char text[] = "the stack ends before the caller";
	int ok = code_label(e->c);

	take(e, i, kernel);
	code_mov(e->c, R1, R7);
	code_imm(e->c, R2, 1);
	code_library(e->c, "rt_stack_address");
	code_jump_if_imm(e->c, BPF_JNE, R0, 0, ok);
	emit_fail_text(e, i, text);
	code_place(e->c, ok);
	if (i->dst)
		store_token(e, emit_loc(e, i->dst), RT_TOKEN_KCALLER, form);
}

static void addresses(struct emit *e, const struct ir_ins *i, bool kernel, enum symbol_form form)
{
	(void)form;
	if (!i->dst)
		return;
	take(e, i, kernel);
	emit_load_num(e, R4, emit_arg(e, i, 0));
	text_of_stack(e, emit_loc(e, i->dst), false);
}

void emit_stack_as_text(struct emit *e, struct loc l, int ok)
{
	int stack = code_label(e->c), other = code_label(e->c);

	if (!e->img->stacks)
		return;
	code_jump_if_imm(e->c, BPF_JEQ, R2, RT_TOKEN_USTACK, stack);
	code_jump_if_imm(e->c, BPF_JNE, R2, RT_TOKEN_KSTACK, other);
	code_place(e->c, stack);
	code_load(e->c, BPF_W, R2, R1, 20);
	code_jump_if_imm(e->c, BPF_JNE, R2, SYM_NONE, other);
	code_load(e->c, BPF_DW, R2, R1, 8);
	code_store(e->c, BPF_DW, R10, -8, R2);
	code_map(e->c, R1, e->img->stacks);
	code_mov(e->c, R2, R10);
	code_alu_imm(e->c, BPF_ADD, R2, -8);
	code_helper(e->c, BPF_FUNC_map_lookup_elem);
	code_jump_if_imm(e->c, BPF_JEQ, R0, 0, other);
	emit_frame_ptr(e, R1, (uint32_t)FRAME(walk.stack));
	code_imm(e->c, R2, sizeof(struct rt_stack));
	code_mov(e->c, R3, R0);
	code_helper(e->c, BPF_FUNC_probe_read_kernel);
	code_imm(e->c, R4, -1);
	text_of_stack(e, l, true);
	code_jump(e->c, ok);
	code_place(e->c, other);
}

/* The token of a stack in another form; a text is a stack of the current process. */
static void lines(struct emit *e, const struct ir_ins *i, bool kernel, enum symbol_form form)
{
	struct loc dst = emit_loc(e, i->dst);
	int text = code_label(e->c), end = code_label(e->c);

	if (!i->dst)
		return;
	emit_str_ptr(e, R8, emit_loc(e, emit_arg(e, i, 0)));
	code_load(e->c, BPF_W, R1, R8, 4);
	code_jump_if_imm(e->c, BPF_JNE, R1, kernel ? RT_TOKEN_KSTACK : RT_TOKEN_USTACK, text);
	emit_copy_str(e, dst, emit_loc(e, emit_arg(e, i, 0)));
	emit_frame_ptr(e, R1, dst.at);
	code_store_imm(e->c, BPF_W, R1, 20, (int32_t)form);
	code_jump(e->c, end);
	code_place(e->c, text);
	code_mov(e->c, R1, R7);
	code_mov(e->c, R2, R8);
	code_library(e->c, "rt_stack_parse");
	keep_stack(e, dst, kernel, form);
	code_place(e->c, end);
}

static const struct stack_function {
	const char *name;
	void (*emit)(struct emit *e, const struct ir_ins *i, bool kernel, enum symbol_form form);
	bool kernel;
	enum symbol_form form;
} functions[] = {
	{"ubacktrace", stack_token, false, SYM_NONE},
	{"sprint_ubacktrace", stack_token, false, SYM_SIMPLE},
	{"print_ubacktrace", print_stack, false, SYM_FULL},
	{"print_ubacktrace_regs", print_stack, false, SYM_FULL},
	{"print_ubacktrace_brief", print_stack, false, SYM_BRIEF},
	{"print_ubacktrace_fileline", print_stack, false, SYM_FULLER},
	{"backtrace", stack_token, true, SYM_NONE},
	{"sprint_backtrace", stack_token, true, SYM_SIMPLE},
	{"print_backtrace", print_stack, true, SYM_FULL},
	{"print_backtrace_fileline", print_stack, true, SYM_FULLER},
	{"ustack", single_address, false, SYM_NONE},
	{"stack", single_address, true, SYM_NONE},
	{"ucallers", addresses, false, SYM_NONE},
	{"callers", addresses, true, SYM_NONE},
	{"caller", caller, true, SYM_NONE},
	{"sprint_ustack", lines, false, SYM_LINES},
	{"sprint_stack", lines, true, SYM_LINES},
};

bool emit_stack_op(struct emit *e, const struct ir_ins *i, const char *name)
{
	if (strcmp(name, "print_ustack") == 0 || strcmp(name, "print_stack") == 0) {
		emit_item(e, name[6] == 'u' ? RT_ITEM_USYMBOLS : RT_ITEM_KSYMBOLS,
			  emit_loc(e, emit_arg(e, i, 0)));
		return true;
	}
	for (size_t k = 0; k < sizeof(functions) / sizeof(functions[0]); k++) {
		if (strcmp(functions[k].name, name) != 0)
			continue;
		functions[k].emit(e, i, functions[k].kernel, functions[k].form);
		return true;
	}
	return false;
}
