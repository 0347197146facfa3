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

/* "HEAD 0xADDR TAIL", the address being in R8. */
static void fault(struct emit *e, const struct ir_ins *i, const char *head, const char *tail)
{
	copy_text(e, head, "rt_copy");
	emit_frame_ptr(e, R1, (uint32_t)FRAME(error_text));
	code_imm(e->c, R2, RT_STR_BYTES - 1);
	code_mov(e->c, R3, R8);
	code_imm(e->c, R4, (int64_t)RT_SPEC(RT_CONV_POINTER, 0, 0, RT_SPEC_NONE));
	code_library(e->c, "rt_fmt_int");
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

bool emit_memory_op(struct emit *e, const struct ir_ins *i, const char *name)
{
	if (strcmp(name, "kernel_number") == 0)
		number(e, i, false);
	else if (strcmp(name, "user_number_error") == 0)
		number(e, i, true);
	else if (strcmp(name, "kernel_string") == 0)
		kernel_string(e, i);
	else
		return false;
	return true;
}
