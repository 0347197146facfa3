/* Tasks and stacks as handlers in the kernel see them (gen/emit_task.c, gen/emit_stack.c). Handlers
 * that run in the stap process have no stack, and look at tasks by asking the kernel. */
#include <errno.h>

#include "interp/interp.h"
#include "rt/error_text.h"
#include "rt/fn.h"

enum { COMM = 15 };

static int fn_stack(struct rt_call *c)
{
	return rt_raise(c, "the stack ends before this frame");
}

static int fn_no_frames(struct rt_call *c)
{
	return rt_ret_text(c, "", 0);
}

static int fn_task_execname(struct rt_call *c)
{
	char name[COMM + 1];
	int n = c->env && c->env->task_name ? c->env->task_name((uint64_t)c->args[0].n, name, sizeof(name)) : -1;

	return n < 0 ? rt_raise_error(c, RT_E_READ, c->args[0].n) : rt_ret_text(c, name, (size_t)n);
}

static int fn_pid2task(struct rt_call *c)
{
	return rt_ret_long(c, c->env && c->env->find_task ? (int64_t)c->env->find_task(c->args[0].n) : 0);
}

/* (address, number): bits of kernel memory that are 1 */
static int fn_count_bits(struct rt_call *c)
{
	uint64_t addr = (uint64_t)c->args[0].n, bits;
	int64_t n = 0;

	for (int64_t left = c->args[1].n; left > 0; left -= 64, addr += 8) {
		if (!c->env || !c->env->kernel_read || c->env->kernel_read(addr, &bits, sizeof(bits)) < 0)
			return rt_raise_error(c, RT_E_READ, (int64_t)addr);
		if (left < 64)
			bits &= (1ull << left) - 1;
		n += __builtin_popcountll(bits);
	}
	return rt_ret_long(c, n);
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
};

const struct intrinsic rt_task_fns[] = {
	{"task_current", FIXED, 0, fn_task_current},
	{"task_execname", READS, COMM, fn_task_execname},
	{"pid2task", READS, 0, fn_pid2task},
	{"count_bits", READS, 0, fn_count_bits},
	{"print_stack", INTR_FAILS | INTR_CONTEXT, 0, fn_print_stack},
	{"sprint_stack", READS, 0, fn_sprint_stack},
	{"print_ustack", INTR_FAILS | INTR_CONTEXT, 0, fn_print_ustack},
	{"sprint_ustack", READS, 0, fn_sprint_ustack},
	{"stack", READS, 0, fn_stack},
	{"ustack", READS, 0, fn_stack},
	{"callers", READS, 0, fn_no_frames},
	{"ucallers", READS, 0, fn_no_frames},
	{0},
};
