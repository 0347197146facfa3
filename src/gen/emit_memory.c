/* Functions of the tapset that read the kernel's memory, and those that tell which type of number of
 * the traced program could not be read. */
#include <stddef.h>
#include <string.h>

#include "gen/emit.h"
#include "gen/emit_task.h"
#include "session.h"

#define FRAME(member) ((int)offsetof(struct rt_frame, member))

static void copy_text(struct emit *e, const char *text, const char *function)
{
	emit_frame_ptr(e, R1, (uint32_t)FRAME(error_text));
	code_imm(e->c, R2, RT_STR_BYTES - 1);
	code_map_value(e->c, R3, GEN_MAP_CONST, builder_string(e->b, text, (uint32_t)strlen(text)));
	code_library(e->c, function);
}

/* R3, in this conversion. */
static void add_number(struct emit *e, int conv)
{
	emit_frame_ptr(e, R1, (uint32_t)FRAME(error_text));
	code_imm(e->c, R2, RT_STR_BYTES - 1);
	code_imm(e->c, R4, (int64_t)RT_SPEC(conv, 0, 0, RT_SPEC_NONE));
	code_library(e->c, "rt_fmt_int");
}

/* "HEAD 0xADDR TAIL", the address being in R8. */
static void fault(struct emit *e, const struct ir_ins *i, const char *head, const char *tail)
{
	copy_text(e, head, "rt_copy");
	code_mov(e->c, R3, R8);
	add_number(e, RT_CONV_POINTER);
	copy_text(e, tail, "rt_fmt_lit");
	emit_fail(e, i, RT_E_TEXT);
}

/* (address, size, type); a negative size is that of a signed number. */
static void number(struct emit *e, const struct ir_ins *i, bool user)
{
	struct loc size = emit_loc(e, emit_arg(e, i, 1)), type = emit_loc(e, emit_arg(e, i, 2));
	int64_t n = size.kind == LOC_NUM ? e->m->nums.v[size.at] : 0;
	int64_t bytes = n < 0 ? -n : n;
	int ok = code_label(e->c);

	if (type.kind != LOC_STR || (bytes != 1 && bytes != 2 && bytes != 4 && bytes != 8)) {
		emit_error(e, i, "size and type of the number must be literals");
		return;
	}
	emit_load_num(e, R8, emit_arg(e, i, 0));
	if (user) {
		emit_read_user(e, (uint32_t)bytes);
	} else {
		emit_read_kernel(e, (uint32_t)bytes);
	}
	code_jump_if_imm(e->c, BPF_JEQ, R0, 0, ok);
	fault(e, i,
	      arena_printf(&e->s->arena, "%s %s copy fault %s", user ? "user" : "kernel",
			   e->m->strs.v[type.at].s, user ? "" : "at "),
	      " [man error::fault]");
	code_place(e->c, ok);
	code_load(e->c, BPF_DW, R0, R10, -8);
	if (n < 0 && bytes < 8) {
		code_alu_imm(e->c, BPF_LSH, R0, 64 - 8 * (int32_t)bytes);
		code_alu_imm(e->c, BPF_ARSH, R0, 64 - 8 * (int32_t)bytes);
	}
	emit_store_num(e, i->dst, R0);
}

/* (address), (address, longest) */
static void kernel_string(struct emit *e, const struct ir_ins *i)
{
	struct loc dst = i->dst ? emit_loc(e, i->dst)
				: (struct loc){LOC_SLOT, e->spare_at, RT_STR_BYTES - 1};

	emit_load_num(e, R4, emit_arg(e, i, 0));
	if (i->n_args > 1) {
		int ok = code_label(e->c);

		emit_load_num(e, R5, emit_arg(e, i, 1));
		code_jump_if_imm(e->c, BPF_JSGE, R5, 0, ok);
		code_imm(e->c, R5, 0);
		code_place(e->c, ok);
	} else {
		code_imm(e->c, R5, RT_STR_BYTES - 1);
	}
	code_mov(e->c, R1, R7);
	emit_str_ptr(e, R2, dst);
	code_imm(e->c, R3, dst.width);
	code_library(e->c, "rt_kernel_string");
	emit_check(e, i);
}

/* So that the page of the address in operand 0 is there, where the program may wait for it. */
static void bring_in(struct emit *e, const struct ir_ins *i)
{
	if (!e->sleepable)
		return;
	code_mov(e->c, R1, R7);
	emit_load_num(e, R2, emit_arg(e, i, 0));
	code_imm(e->c, R3, 1);
	code_library(e->c, "rt_user_read_sleepable");
	code_store_imm(e->c, BPF_W, R7, FRAME(error), 0);
}

/* A string of characters of so many bytes. */
static void wide_string(struct emit *e, const struct ir_ins *i, int bytes, bool kernel)
{
	struct loc dst = i->dst ? emit_loc(e, i->dst) : (struct loc){LOC_SLOT, e->spare_at, RT_STR_BYTES - 1};
	int ok = code_label(e->c), invalid = code_label(e->c);

	if (!kernel)
		bring_in(e, i);
	code_mov(e->c, R1, R7);
	emit_load_num(e, R4, emit_arg(e, i, 0));
	emit_str_ptr(e, R2, dst);
	code_imm(e->c, R3, dst.width);
	code_imm(e->c, R5, bytes | (kernel ? 8 : 0));
	code_library(e->c, "rt_wide_string");
	code_jump_if_imm(e->c, BPF_JEQ, R0, RT_WIDE_GOOD, ok);
	code_jump_if_imm(e->c, BPF_JEQ, R0, RT_WIDE_INVALID, invalid);
	emit_fail(e, i, kernel ? RT_E_KERNEL_STRING : RT_E_USER_STRING);
	code_place(e->c, invalid);
	copy_text(e, arena_printf(&e->s->arena, "invalid UTF-%d character U+", 8 * bytes), "rt_copy");
	code_load(e->c, BPF_DW, R3, R7, FRAME(scratch));
	add_number(e, RT_CONV_HEX);
	copy_text(e, " at ", "rt_fmt_lit");
	code_load(e->c, BPF_DW, R3, R7, FRAME(error_arg));
	add_number(e, RT_CONV_POINTER);
	emit_fail(e, i, RT_E_TEXT);
	code_place(e->c, ok);
}

/* (address, how many, user) */
static void memory_bytes(struct emit *e, const struct ir_ins *i)
{
	enum { PAGE = 4096 };
	struct loc dst = i->dst ? emit_loc(e, i->dst) : (struct loc){LOC_SLOT, e->spare_at, RT_STR_BYTES - 1},
		   user = emit_loc(e, emit_arg(e, i, 2));
	bool from_user = user.kind == LOC_NUM && e->m->nums.v[user.at];
	int least = code_label(e->c), few = code_label(e->c), ok = code_label(e->c);

	emit_load_num(e, R8, emit_arg(e, i, 1));
	code_jump_if_imm(e->c, BPF_JSGE, R8, 0, least);
	code_imm(e->c, R8, 0);
	code_place(e->c, least);
	code_jump_if_imm(e->c, BPF_JLE, R8, PAGE, few);
	copy_text(e, "", "rt_copy");
	code_mov(e->c, R3, R8);
	add_number(e, RT_CONV_DEC);
	copy_text(e, " is too many bytes for a memory dump", "rt_fmt_lit");
	emit_fail(e, i, RT_E_TEXT);
	code_place(e->c, few);
	if (from_user)
		bring_in(e, i);
	code_mov(e->c, R1, R7);
	emit_str_ptr(e, R2, dst);
	code_imm(e->c, R3, dst.width);
	emit_load_num(e, R4, emit_arg(e, i, 0));
	code_mov(e->c, R5, R8);
	code_library(e->c, from_user ? "rt_user_bytes" : "rt_kernel_bytes");
	code_jump_if_imm(e->c, BPF_JEQ, R0, 0, ok);
	emit_fail(e, i, from_user ? RT_E_USER_STRING : RT_E_KERNEL_STRING);
	code_place(e->c, ok);
}

/* R3 bytes at R2 to the address in operand 0. */
static void write_user(struct emit *e, const struct ir_ins *i)
{
	int ok = code_label(e->c);

	emit_load_num(e, R8, emit_arg(e, i, 0));
	code_mov(e->c, R1, R8);
	code_helper(e->c, BPF_FUNC_probe_write_user);
	code_jump_if_imm(e->c, BPF_JEQ, R0, 0, ok);
	code_store(e->c, BPF_DW, R7, FRAME(error_arg), R8);
	emit_fail(e, i, RT_E_WRITE);
	code_place(e->c, ok);
}

/* The value is operand `value`. */
static void set_user_number(struct emit *e, const struct ir_ins *i, unsigned value, int bytes)
{
	emit_load_num(e, R2, emit_arg(e, i, value));
	code_store(e->c, BPF_DW, R10, -8, R2);
	code_mov(e->c, R2, R10);
	code_alu_imm(e->c, BPF_ADD, R2, -8);
	code_imm(e->c, R3, bytes);
	write_user(e, i);
}

/* (address, size, value): gives the value. */
static void set_user(struct emit *e, const struct ir_ins *i)
{
	struct loc size = emit_loc(e, emit_arg(e, i, 1));
	int64_t bytes = size.kind == LOC_NUM ? e->m->nums.v[size.at] : 0;

	if (bytes != 1 && bytes != 2 && bytes != 4 && bytes != 8) {
		emit_error(e, i, "the size of the number must be a literal");
		return;
	}
	set_user_number(e, i, 2, (int)bytes);
	emit_load_num(e, R0, emit_arg(e, i, 2));
	emit_store_num(e, i->dst, R0);
}

/* (address, text), (address, longest, text): the text and its NUL, if that has room. */
static void set_user_string(struct emit *e, const struct ir_ins *i)
{
	int end = code_label(e->c), all = code_label(e->c);
	ir_ref text = emit_arg(e, i, i->n_args - 1u);

	emit_need_text(e, i, text);
	emit_str_ptr(e, R2, emit_loc(e, text));
	code_load(e->c, BPF_W, R3, R2, 0);
	code_alu_imm(e->c, BPF_AND, R3, RT_STR_BYTES - 1);
	code_alu_imm(e->c, BPF_ADD, R3, 1);
	code_alu_imm(e->c, BPF_ADD, R2, (int)offsetof(struct rt_str, s));
	if (i->n_args > 2) {
		emit_load_num(e, R4, emit_arg(e, i, 1));
		code_jump_if_imm(e->c, BPF_JSLE, R4, 0, end);
		code_jump_if(e->c, BPF_JSGE, R4, R3, all);
		code_mov(e->c, R3, R4);
		code_place(e->c, all);
	}
	write_user(e, i);
	code_place(e->c, end);
}

/* set_user_8() and its like. */
static int bits_to_set(const char *name)
{
	static const struct {
		const char *name;
		int bits;
	} all[] = {{"set_user_8", 8}, {"set_user_16", 16}, {"set_user_32", 32}, {"set_user_64", 64}};

	for (size_t k = 0; k < sizeof(all) / sizeof(all[0]); k++)
		if (strcmp(all[k].name, name) == 0)
			return all[k].bits;
	return 0;
}

bool emit_memory_op(struct emit *e, const struct ir_ins *i, const char *name)
{
	static const struct {
		const char *name;
		int bytes;
		bool kernel;
	} wide[] = {
		{"user_string_utf16", 2, false}, {"user_string_utf32", 4, false},
		{"kernel_string_utf16", 2, true}, {"kernel_string_utf32", 4, true},
	};

	for (size_t k = 0; k < sizeof(wide) / sizeof(wide[0]); k++)
		if (strcmp(wide[k].name, name) == 0) {
			wide_string(e, i, wide[k].bytes, wide[k].kernel);
			return true;
		}
	if (bits_to_set(name))
		set_user_number(e, i, 1, bits_to_set(name) / 8);
	else if (strcmp(name, "set_user") == 0)
		set_user(e, i);
	else if (strcmp(name, "set_user_string") == 0 || strcmp(name, "set_user_string_n") == 0)
		set_user_string(e, i);
	else if (strcmp(name, "memory_bytes") == 0)
		memory_bytes(e, i);
	else if (strcmp(name, "kernel_number") == 0)
		number(e, i, false);
	else if (strcmp(name, "user_number_error") == 0)
		number(e, i, true);
	else if (strcmp(name, "kernel_string") == 0)
		kernel_string(e, i);
	else
		return false;
	return true;
}
