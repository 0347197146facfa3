/* Tasks and stacks as handlers in the kernel see them (gen/emit_task.c, gen/emit_stack.c). Handlers
 * that run in the stap process have neither. */
#include "interp/interp.h"
#include "rt/fn.h"

static int fn_context(struct rt_call *c)
{
	return rt_needs_context(c);
}

/* That of stap itself. */
static int fn_task_current(struct rt_call *c)
{
	return c->env && c->env->current_task ? rt_ret_long(c, (int64_t)c->env->current_task())
					      : rt_needs_context(c);
}

/* print_stack() and the others that take a text, which handlers in the kernel may have made. */
static int stack_lines(struct rt_call *c, bool kernel, bool print)
{
	const struct rt_value *v = &c->args[0];
	struct str text = {0};

	if (!c->env || !c->env->stack_lines)
		return rt_needs_context(c);
	c->env->stack_lines(c->env, kernel, v->len ? v->s : "", v->len, &text);
	if (print && c->env->out && text.len)
		str_addn(c->env->out, text.s, text.len);
	while (!print && text.len > c->max_string)
		for (text.len--; text.len && text.s[text.len - 1] != '\n'; text.len--)
			;
	if (!print)
		rt_ret_text(c, text.s ? text.s : "", text.len);
	str_release(&text);
	return 0;
}

static int fn_print_stack(struct rt_call *c)
{
	return stack_lines(c, true, true);
}

static int fn_sprint_stack(struct rt_call *c)
{
	return stack_lines(c, true, false);
}

static int fn_print_ustack(struct rt_call *c)
{
	return stack_lines(c, false, true);
}

static int fn_sprint_ustack(struct rt_call *c)
{
	return stack_lines(c, false, false);
}

enum {
	FIXED = INTR_STABLE | INTR_FAILS | INTR_CONTEXT,
	READS = INTR_READS | INTR_FAILS | INTR_CONTEXT,
	COMM = 15,
};

const struct intrinsic rt_task_fns[] = {
	{"task_current", FIXED, 0, fn_task_current},
	{"task_execname", READS, COMM, fn_context},
	{"pid2task", READS, 0, fn_context},
	{"current_exe_file", READS, 0, fn_context},
	{"task_cwd_path", READS, 0, fn_context},
	{"task_open_file_handles", READS, 0, fn_context},
	{"task_max_file_handles", READS, 0, fn_context},
	{"task_fd_lookup", READS, 0, fn_context},
	{"task_rlimit", READS, 0, fn_context},
	{"print_stack", INTR_FAILS | INTR_CONTEXT, 0, fn_print_stack},
	{"sprint_stack", READS, 0, fn_sprint_stack},
	{"print_ustack", INTR_FAILS | INTR_CONTEXT, 0, fn_print_ustack},
	{"sprint_ustack", READS, 0, fn_sprint_ustack},
	{"print_ubacktrace_regs", INTR_FAILS | INTR_CONTEXT, 0, fn_context},
	{"stack", READS, 0, fn_context},
	{"ustack", READS, 0, fn_context},
	{"callers", READS, 0, fn_context},
	{"ucallers", READS, 0, fn_context},
	{0},
};
