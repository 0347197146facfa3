/* Tasks and stacks as handlers in the kernel see them (gen/emit_task.c, gen/emit_stack.c). Handlers
 * that run in the stap process have neither. */
#include "rt/fn.h"

static int fn_context(struct rt_call *c)
{
	return rt_needs_context(c);
}

enum {
	FIXED = INTR_STABLE | INTR_FAILS | INTR_CONTEXT,
	READS = INTR_READS | INTR_FAILS | INTR_CONTEXT,
	COMM = 15,
};

const struct intrinsic rt_task_fns[] = {
	{"task_current", FIXED, 0, fn_context},
	{"task_parent", READS, 0, fn_context},
	{"task_state", READS, 0, fn_context},
	{"task_execname", READS, COMM, fn_context},
	{"task_pid", READS, 0, fn_context},
	{"task_tid", READS, 0, fn_context},
	{"task_uid", READS, 0, fn_context},
	{"task_euid", READS, 0, fn_context},
	{"task_gid", READS, 0, fn_context},
	{"task_egid", READS, 0, fn_context},
	{"task_cpu", READS, 0, fn_context},
	{"task_prio", READS, 0, fn_context},
	{"task_nice", READS, 0, fn_context},
	{"pid2task", READS, 0, fn_context},
	{"current_exe_file", READS, 0, fn_context},
	{"task_cwd_path", READS, 0, fn_context},
	{"task_open_file_handles", READS, 0, fn_context},
	{"task_max_file_handles", READS, 0, fn_context},
	{"task_fd_lookup", READS, 0, fn_context},
	{"task_rlimit", READS, 0, fn_context},
	{0},
};
