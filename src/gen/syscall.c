/* See syscall.h. */
#include "gen/syscall.h"

#include <stddef.h>
#include <string.h>

#include "gen/emit_task.h"
#include "rt/names.h"

enum {
	TS_COMPAT = 2,		    /* thread_info.status: a call by the 32-bit interface */
	GET_CURRENT_TASK_BTF = 158, /* helper that the headers of 5.10 lack */
	ORIG_AX = 120,		    /* in struct pt_regs */
};

const char *syscall_tracepoint(enum site_kind kind)
{
	return kind == SITE_SYSCALL ? "sys_enter" : "sys_exit";
}

bool syscall_forks(uint64_t number)
{
	static const char *const names[] = {"fork", "vfork", "clone", "clone3"};
	const char *name = number < SYSCALL_NUMBERS ? rt_syscall_name((int64_t)number) : NULL;

	for (size_t k = 0; name && k < sizeof(names) / sizeof(names[0]); k++)
		if (strcmp(names[k], name) == 0)
			return true;
	return false;
}

/* R8 = the number. The context of sys_enter is (registers, number), that of sys_exit (registers,
 * result). */
static void load_number(struct emit *e)
{
	if (e->kind == SITE_SYSCALL) {
		code_load(e->c, BPF_DW, R8, R6, 8);
		return;
	}
	code_load(e->c, BPF_DW, R8, R6, 0);
	code_alu_imm(e->c, BPF_ADD, R8, ORIG_AX);
	emit_read_kernel(e, 8);
	code_load(e->c, BPF_DW, R8, R10, -8);
}

/* The numbers of 32-bit calls mean something else. */
static void leave_compat(struct emit *e, int leave)
{
	uint32_t info, status;

	if (!emit_has_member(e, "task_struct", "thread_info", &info) ||
	    !emit_has_member(e, "thread_info", "status", &status))
		return;
	code_helper(e->c, GET_CURRENT_TASK_BTF);
	code_load(e->c, BPF_W, R1, R0, (int)(info + status));
	code_alu_imm(e->c, BPF_AND, R1, TS_COMPAT);
	code_jump_if_imm(e->c, BPF_JNE, R1, 0, leave);
}

void syscall_find(struct emit *e, uint32_t table, bool first, int leave)
{
	struct code *c = e->c;
	int known = code_label(c), parent = code_label(c);

	load_number(e);
	/* A call that the kernel or a tracer has called off; the end of a signal handler. */
	code_jump_if_imm(c, BPF_JSLT, R8, 0, leave);
	code_jump_if_imm(c, BPF_JLT, R8, SYSCALL_NUMBERS, known);
	code_imm(c, R8, SYSCALL_NUMBERS);
	code_place(c, known);
	code_alu_imm(c, BPF_MUL, R8, sizeof(struct syscall_entry));
	code_map_value(c, R1, GEN_MAP_CONST, table);
	code_alu(c, BPF_ADD, R1, R8);
	code_load(c, BPF_W, R9, R1, (int)offsetof(struct syscall_entry, cookie));
	code_jump_if_imm(c, BPF_JEQ, R9, 0, leave);
	code_alu_imm(c, BPF_SUB, R9, 1);
	if (!first)
		return;
	code_load(c, BPF_H, R8, R1, (int)offsetof(struct syscall_entry, slot));
	if (e->kind == SITE_SYSCALL_RETURN) {
		/* The child has not called; only its parent's return counts. */
		code_load(c, BPF_H, R1, R1, (int)offsetof(struct syscall_entry, forks));
		code_jump_if_imm(c, BPF_JEQ, R1, 0, parent);
		code_load(c, BPF_DW, R1, R6, 8);
		code_jump_if_imm(c, BPF_JEQ, R1, 0, leave);
		code_place(c, parent);
	}
	leave_compat(e, leave);
}

void syscall_dispatch(struct emit *e, uint32_t programs)
{
	code_mov(e->c, R1, R6);
	code_map(e->c, R2, programs);
	code_mov(e->c, R3, R8);
	code_helper(e->c, BPF_FUNC_tail_call);
}
