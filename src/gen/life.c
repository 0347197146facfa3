/* See life.h. All instances of a kind run in one program for each of its tracepoints:
 *
 *   begin          exec: the current process; fork: the child
 *   end            exit of the thread that leads; before an exec: the program that was
 *   thread.begin   fork: the child      thread.end   exit
 *
 * process.syscall uses the tests of who it is from here, too; its programs are those of syscall.c.
 *
 * Processes and threads that are there when the session starts are shown to the programs for forks by
 * run/life.c. Who is traced is known by the kernel's inode of the executable, by the id of the process,
 * and by the map of targets. */
#include "gen/life.h"

#include <stddef.h>
#include <string.h>

#include "gen/emit_task.h"
#include "sema/sema.h"
#include "session.h"

#define FRAME(member) ((int)offsetof(struct rt_frame, member))

enum {
	KERNEL_THREAD = 0x200000,  /* PF_KTHREAD in task_struct.flags */
};

const char *life_tracepoint(enum site_kind kind, int k)
{
	static const char *const tracepoints[][3] = {
		[SITE_PROCESS_BEGIN] = {"sched_process_exec", "sched_process_fork"},
		[SITE_PROCESS_END] = {"sched_process_exit", "sched_prepare_exec"},
		[SITE_THREAD_BEGIN] = {"sched_process_fork"},
		[SITE_THREAD_END] = {"sched_process_exit"},
	};

	return tracepoints[kind][k];
}

bool gen_is_fork(const struct gen_program *p)
{
	return p->tracepoint && strcmp(p->tracepoint, "sched_process_fork") == 0;
}

/* Stack at R10 + to = size bytes at R8 + offset, zero if they cannot be read. */
static void read(struct emit *e, int to, uint32_t offset, uint32_t size)
{
	code_mov(e->c, R1, R10);
	code_alu_imm(e->c, BPF_ADD, R1, to);
	code_imm(e->c, R2, size);
	code_mov(e->c, R3, R8);
	code_alu_imm(e->c, BPF_ADD, R3, (int32_t)offset);
	code_helper(e->c, BPF_FUNC_probe_read_kernel);
}

/* R8 = what R8 + offset points to; to `none` if that is NULL. */
static void follow(struct emit *e, const char *type, const char *member, int none)
{
	read(e, -8, emit_member(e, NULL, type, member), 8);
	code_load(e->c, BPF_DW, R8, R10, -8);
	code_jump_if_imm(e->c, BPF_JEQ, R8, 0, none);
}

/* R8: the task. */
static void find_executable(struct emit *e)
{
	int none = code_label(e->c);

	code_store_imm(e->c, BPF_DW, R7, FRAME(ino), 0);
	code_store_imm(e->c, BPF_DW, R7, FRAME(dev), 0);
	follow(e, "task_struct", "mm", none);
	follow(e, "mm_struct", "exe_file", none);
	follow(e, "file", "f_inode", none);
	read(e, -8, emit_member(e, NULL, "inode", "i_ino"), 8);
	code_load(e->c, BPF_DW, R1, R10, -8);
	code_store(e->c, BPF_DW, R7, FRAME(ino), R1);
	follow(e, "inode", "i_sb", none);
	read(e, -8, emit_member(e, NULL, "super_block", "s_dev"), 4);
	code_load(e->c, BPF_W, R1, R10, -8);
	code_store(e->c, BPF_DW, R7, FRAME(dev), R1);
	code_place(e->c, none);
}

void life_executable(struct emit *e)
{
	code_helper(e->c, BPF_FUNC_get_current_task);
	code_mov(e->c, R8, R0);
	find_executable(e);
}

/* R8 = the child (second argument), or the task with the id that is the first one. */
static void find_child(struct emit *e, int leave)
{
	int child = code_label(e->c);

	code_store_imm(e->c, BPF_DW, R7, FRAME(foreign), 0);
	code_load(e->c, BPF_DW, R8, R6, 8);
	code_jump_if_imm(e->c, BPF_JNE, R8, 0, child);
	code_store_imm(e->c, BPF_DW, R7, FRAME(foreign), 1);
	code_load(e->c, BPF_DW, R8, R6, 0);
	emit_find_task(e);
	code_jump_if_imm(e->c, BPF_JEQ, R8, 0, leave);
	code_place(e->c, child);
}

/* frame->ids of the task in R8. */
static void note_ids(struct emit *e)
{
	read(e, -8, emit_member(e, NULL, "task_struct", "pid"), 4);
	read(e, -4, emit_member(e, NULL, "task_struct", "tgid"), 4);
	code_load(e->c, BPF_DW, R1, R10, -8);
	code_store(e->c, BPF_DW, R7, FRAME(ids), R1);
}

void life_argument(struct emit *e, uint32_t arg)
{
	/* Its memory is not the one that is seen here. */
	code_store_imm(e->c, BPF_DW, R7, FRAME(foreign), 1);
	code_load(e->c, BPF_DW, R8, R6, 8 * ((int)arg - 1));
	code_store(e->c, BPF_DW, R7, FRAME(task), R8);
	note_ids(e);
}

/* R8 = the current task. */
static void take_current(struct emit *e)
{
	code_store_imm(e->c, BPF_DW, R7, FRAME(foreign), 0);
	code_helper(e->c, BPF_FUNC_get_current_task);
	code_mov(e->c, R8, R0);
}

void life_current(struct emit *e)
{
	take_current(e);
	code_store(e->c, BPF_DW, R7, FRAME(task), R8);
	note_ids(e);
}

void life_begin(struct emit *e, int leave)
{
	if (e->forked)
		find_child(e, leave);
	else
		take_current(e);
	code_store(e->c, BPF_DW, R7, FRAME(task), R8);
	read(e, -8, emit_member(e, NULL, "task_struct", "flags"), 4);
	code_load(e->c, BPF_W, R1, R10, -8);
	code_alu_imm(e->c, BPF_AND, R1, KERNEL_THREAD);
	code_jump_if_imm(e->c, BPF_JNE, R1, 0, leave);
	note_ids(e);
	code_load(e->c, BPF_W, R1, R10, -8);
	code_load(e->c, BPF_W, R2, R10, -4);
	if (e->kind == SITE_THREAD_BEGIN || e->kind == SITE_THREAD_END)
		code_jump_if(e->c, BPF_JEQ, R1, R2, leave);
	else if (e->forked || (e->kind == SITE_PROCESS_END && e->exiting))
		code_jump_if(e->c, BPF_JNE, R1, R2, leave);
	find_executable(e);
}

/* The executable is (or is not) this one: else to skip. */
static void compare_file(struct emit *e, const struct probe_file_id *id, bool same, int skip)
{
	int other = code_label(e->c);

	code_load(e->c, BPF_DW, R1, R7, FRAME(ino));
	code_load(e->c, BPF_DW, R2, R7, FRAME(dev));
	code_imm(e->c, R3, (int64_t)id->ino);
	code_imm(e->c, R4, id->dev);
	code_jump_if(e->c, BPF_JNE, R1, R3, same ? skip : other);
	code_jump_if(e->c, same ? BPF_JNE : BPF_JEQ, R2, R4, skip);
	code_place(e->c, other);
}

void life_filter_file(struct emit *e, const struct probe_inst *inst, int skip)
{
	if (inst->site->by_file)
		compare_file(e, &inst->site->file, true, skip);
}

void life_filter(struct emit *e, const struct probe_inst *inst, int skip)
{
	const struct probe_site *site = inst->site;

	if (site->pid) {
		code_load(e->c, BPF_W, R1, R7, FRAME(ids) + 4);
		code_jump_if_imm(e->c, BPF_JNE, R1, (int32_t)site->pid, skip);
	}
	life_filter_file(e, inst, skip);
	if (site->not_ours)
		compare_file(e, &site->ours, false, skip);
	if (!site->target_only || !(e->s->opt.command || e->s->opt.target_pid))
		return;
	code_load(e->c, BPF_W, R1, R7, FRAME(ids) + 4);
	code_store(e->c, BPF_W, R10, -4, R1);
	code_map(e->c, R1, GEN_MAP_TARGETS);
	code_mov(e->c, R2, R10);
	code_alu_imm(e->c, BPF_ADD, R2, -4);
	code_helper(e->c, BPF_FUNC_map_lookup_elem);
	code_jump_if_imm(e->c, BPF_JEQ, R0, 0, skip);
}
