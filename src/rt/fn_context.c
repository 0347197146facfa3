/* The current process. Handlers of begin, end, error and timer probes run in the stap process and get
 * its answers; there are no registers and no stacks for them. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "interp/interp.h"
#include "probe/provider.h"
#include "rt/fn.h"
#include "sema/sema.h"

enum { COMM = 15 }; /* longest name of a thread */

/* ------------------------------------------------------------------ ids and names */
static int fn_pid(struct rt_call *c)
{
	return rt_ret_long(c, getpid());
}

static int fn_tid(struct rt_call *c)
{
	return rt_ret_long(c, gettid());
}

static int fn_ppid(struct rt_call *c)
{
	return rt_ret_long(c, getppid());
}

static int fn_pgrp(struct rt_call *c)
{
	return rt_ret_long(c, getpgrp());
}

static int fn_sid(struct rt_call *c)
{
	return rt_ret_long(c, getsid(0));
}

static int fn_uid(struct rt_call *c)
{
	return rt_ret_long(c, getuid());
}

static int fn_euid(struct rt_call *c)
{
	return rt_ret_long(c, geteuid());
}

static int fn_gid(struct rt_call *c)
{
	return rt_ret_long(c, getgid());
}

static int fn_egid(struct rt_call *c)
{
	return rt_ret_long(c, getegid());
}

static int fn_cpu(struct rt_call *c)
{
	int n = sched_getcpu();

	return rt_ret_long(c, n < 0 ? 0 : n);
}

static int fn_execname(struct rt_call *c)
{
	char name[COMM + 1] = "";

	prctl(PR_GET_NAME, name);
	return rt_ret_text(c, name, strnlen(name, COMM));
}

/* Reads a file of /proc/PID; what does not fit in buf is left out. Returns its length or -1. */
static ssize_t read_proc(int64_t pid, const char *name, char *buf, size_t size)
{
	char path[80];

	buf[0] = 0;
	if (pid <= 0 || pid > INT32_MAX)
		return -1;
	snprintf(path, sizeof(path), "/proc/%lld/%s", (long long)pid, name);
	return rt_read_file(path, buf, size);
}

static int name_of(struct rt_call *c, int64_t pid)
{
	char name[64];

	read_proc(pid, "comm", name, sizeof(name));
	return rt_ret_text(c, name, strcspn(name, "\n"));
}

static int fn_pexecname(struct rt_call *c)
{
	return name_of(c, getppid());
}

static int fn_pid2execname(struct rt_call *c)
{
	return name_of(c, c->args[0].n);
}

/* cmdline_args(n, m, delim): arguments n to m, m < 0: to the last. Read piece by piece, since a command
 * line can be long. */
static int fn_cmdline_args(struct rt_call *c)
{
	int64_t n = c->args[0].n, m = c->args[1].n, i = 0;
	const struct rt_value *delim = &c->args[2];
	int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	bool room = true, first = true, begun = false; /* begun: argument i has a byte */
	char piece[1024];
	ssize_t got;

	rt_ret_text(c, "", 0);
	if (fd < 0)
		return 0;
	if (n < 0)
		n = 0;
	while (room && (m < 0 || i <= m) && (got = read(fd, piece, sizeof(piece))) > 0) {
		const char *p = piece, *end = piece + got;

		while (room && p < end && (m < 0 || i <= m)) {
			const char *stop = memchr(p, 0, (size_t)(end - p));
			size_t len = (size_t)((stop ? stop : end) - p);

			if (i >= n && !begun && !first)
				rt_ret_add(c, delim->s, delim->len);
			if (i >= n) {
				first = false;
				room = len || begun ? rt_ret_add(c, p, len)
						    : rt_ret_add(c, "\"\"", 2);
			}
			begun = !stop;
			i += stop != NULL;
			p += len + (stop != NULL);
		}
	}
	close(fd);
	return 0;
}

static int fn_env_var(struct rt_call *c)
{
	const struct rt_value *name = &c->args[0];

	for (char **e = environ; name->len && e && *e; e++)
		if (strncmp(*e, name->s, name->len) == 0 && (*e)[name->len] == '=')
			return rt_ret_text(c, *e + name->len + 1, strlen(*e + name->len + 1));
	return rt_ret_text(c, "", 0);
}

/* ------------------------------------------------------------------ the probe */
static int fn_probe_type(struct rt_call *c)
{
	const struct probe_inst *p = c->env->probe;

	if (!p || !p->family)
		return rt_ret_static(c, "");
	if (strcmp(p->family->name, "timer") == 0 && p->point && p->point->comps.n > 1 &&
	    strcmp(p->point->comps.v[1].name, "jiffies") == 0)
		return rt_ret_static(c, "timer");
	return rt_ret_static(c, p->family->probe_type);
}

/* Not in user mode, no return, no registers, no addresses. */
static int fn_zero(struct rt_call *c)
{
	return rt_ret_long(c, 0);
}

static int fn_no_text(struct rt_call *c)
{
	return rt_ret_text(c, "", 0);
}

static int print_no_backtrace(struct rt_call *c, const char *which)
{
	if (c->env->out)
		str_addf(c->env->out, "<no %s backtrace at %s>\n", which, rt_probe_point(c));
	return 0;
}

static int fn_print_backtrace(struct rt_call *c)
{
	return print_no_backtrace(c, "kernel");
}

static int fn_print_ubacktrace(struct rt_call *c)
{
	return print_no_backtrace(c, "user");
}

static int fn_function_arg(struct rt_call *c)
{
	return rt_raise(c, "cannot access function args in this context");
}

static int fn_returnval(struct rt_call *c)
{
	return rt_raise(c, "returnval() not defined in this context %s", rt_probe_point(c));
}

static int fn_caller(struct rt_call *c)
{
	return rt_raise(c, "the stack ends before the caller");
}

static int fn_perf_counter(struct rt_call *c)
{
	return rt_needs_context(c);
}

static int fn_netfilter(struct rt_call *c)
{
	return rt_needs_context(c);
}

static int fn_register(struct rt_call *c)
{
	return rt_raise(c, "cannot access CPU registers in this context");
}

/* ------------------------------------------------------------------ times and memory of processes */

/* Field number n (from 1) of the thread's line in /proc, in ns; 0 if there is no such thread. */
static int64_t thread_ticks_ns(int64_t tid, int n)
{
	char line[RT_FN_LINE], name[48];
	const char *p;
	unsigned long long ticks;

	snprintf(name, sizeof(name), "task/%lld/stat", (long long)tid);
	if (read_proc(tid, name, line, sizeof(line)) < 0)
		return 0;
	p = strrchr(line, ')'); /* the name may hold anything; field 3 follows */
	for (int i = 2; p && i < n; i++) {
		p = strchr(p, ' ');
		p += p != NULL;
	}
	if (!p || sscanf(p, "%llu", &ticks) != 1)
		return 0;
	return (int64_t)(ticks * (1000000000ull / (unsigned long long)sysconf(_SC_CLK_TCK)));
}

static int64_t own_ns(bool user)
{
	struct rusage u;
	const struct timeval *t = user ? &u.ru_utime : &u.ru_stime;

	if (getrusage(RUSAGE_THREAD, &u) < 0)
		return 0;
	return (int64_t)t->tv_sec * 1000000000 + (int64_t)t->tv_usec * 1000;
}

/* task_utime(), task_utime(tid) */
static int fn_task_utime(struct rt_call *c)
{
	return rt_ret_long(c, c->n_args ? thread_ticks_ns(c->args[0].n, 14) : own_ns(true));
}

static int fn_task_stime(struct rt_call *c)
{
	return rt_ret_long(c, c->n_args ? thread_ticks_ns(c->args[0].n, 15) : own_ns(false));
}

static int fn_task_start_time(struct rt_call *c)
{
	return rt_ret_long(c, thread_ticks_ns(c->args[0].n, 22));
}

/* Column n (from 1) of /proc/PID/statm, in pages. */
static int memory(struct rt_call *c, int n)
{
	char line[256];
	const char *p = line;

	if (read_proc(c->n_args ? c->args[0].n : getpid(), "statm", line, sizeof(line)) < 0)
		return rt_ret_long(c, 0);
	for (int i = 1; p && i < n; i++) {
		p = strchr(p, ' ');
		p += p != NULL;
	}
	return rt_ret_long(c, p ? strtoll(p, NULL, 10) : 0);
}

static int fn_proc_mem_size(struct rt_call *c)
{
	return memory(c, 1);
}

static int fn_proc_mem_rss(struct rt_call *c)
{
	return memory(c, 2);
}

static int fn_proc_mem_shr(struct rt_call *c)
{
	return memory(c, 3);
}

static int fn_proc_mem_txt(struct rt_call *c)
{
	return memory(c, 4);
}

static int fn_proc_mem_data(struct rt_call *c)
{
	return memory(c, 6);
}

static int fn_mem_page_size(struct rt_call *c)
{
	return rt_ret_long(c, sysconf(_SC_PAGESIZE));
}

static int fn_loadavg_index(struct rt_call *c)
{
	int64_t i = c->args[0].n;
	double load[3];

	if (i < 0 || i > 2 || getloadavg(load, 3) != 3)
		return rt_ret_long(c, 0);
	return rt_ret_long(c, (int64_t)load[i]);
}

static int fn_sprint_loadavg(struct rt_call *c)
{
	char line[256];
	char *p = line;

	if (rt_read_file("/proc/loadavg", line, sizeof(line)) < 0)
		return rt_ret_text(c, "", 0);
	for (int i = 0; p && i < 3; i++) {
		p = strchr(p, ' ');
		p += p != NULL;
	}
	if (!p)
		return rt_ret_text(c, "", 0);
	p[-1] = '\n';
	return rt_ret_text(c, line, (size_t)(p - line));
}

/* What only a traced task has. */
enum {
	STABLE_HERE = INTR_STABLE | INTR_CONTEXT,
	READS_HERE = INTR_READS | INTR_CONTEXT,
	FAILS_HERE = INTR_FAILS | INTR_READS | INTR_CONTEXT,
};

const struct intrinsic rt_context_fns[] = {
	{"pid", INTR_STABLE, 0, fn_pid},
	{"tid", INTR_STABLE, 0, fn_tid},
	{"ppid", INTR_STABLE, 0, fn_ppid},
	{"pgrp", INTR_STABLE, 0, fn_pgrp},
	{"sid", INTR_STABLE, 0, fn_sid},
	{"uid", INTR_STABLE, 0, fn_uid},
	{"euid", INTR_STABLE, 0, fn_euid},
	{"gid", INTR_STABLE, 0, fn_gid},
	{"egid", INTR_STABLE, 0, fn_egid},
	{"cpu", INTR_READS, 0, fn_cpu},
	{"execname", INTR_STABLE, COMM, fn_execname},
	{"pexecname", INTR_STABLE, COMM, fn_pexecname},
	{"pid2execname", INTR_READS, 63, fn_pid2execname}, /* threads of the kernel have longer ones */
	{"cmdline_args", INTR_STABLE, 0, fn_cmdline_args},
	{"env_var", INTR_STABLE, 0, fn_env_var},
	{"probe_type", INTR_STABLE, 32, fn_probe_type},
	{"user_mode", STABLE_HERE, 0, fn_zero},
	{"is_return", STABLE_HERE, 0, fn_zero},
	{"registers_valid", STABLE_HERE, 0, fn_zero},
	{"probing_32bit_app", STABLE_HERE, 0, fn_zero},
	{"addr", STABLE_HERE, 0, fn_zero},
	{"uaddr", STABLE_HERE, 0, fn_zero},
	{"caller", READS_HERE | INTR_FAILS, 0, fn_caller},
	{"backtrace", READS_HERE, 0, fn_no_text},
	{"sprint_backtrace", READS_HERE, 0, fn_no_text},
	{"ubacktrace", READS_HERE, 0, fn_no_text},
	{"sprint_ubacktrace", READS_HERE, 0, fn_no_text},
	{"print_backtrace", INTR_CONTEXT, 0, fn_print_backtrace},
	{"print_backtrace_fileline", INTR_CONTEXT, 0, fn_print_backtrace},
	{"print_ubacktrace", INTR_CONTEXT, 0, fn_print_ubacktrace},
	{"print_ubacktrace_regs", INTR_CONTEXT, 0, fn_print_ubacktrace},
	{"print_ubacktrace_brief", INTR_CONTEXT, 0, fn_print_ubacktrace},
	{"print_ubacktrace_fileline", INTR_CONTEXT, 0, fn_print_ubacktrace},
	{"function_arg", FAILS_HERE, 0, fn_function_arg},
	{"returnval", FAILS_HERE, 0, fn_returnval},
	{"register", FAILS_HERE, 0, fn_register},
	{"u_register", FAILS_HERE, 0, fn_register},
	{"perf_counter", READS_HERE | INTR_FAILS, 0, fn_perf_counter},
	{"netfilter_verdict", READS_HERE | INTR_FAILS, 0, fn_netfilter},
	{"netfilter_decide", INTR_FAILS | INTR_CONTEXT, 0, fn_netfilter},
	{"task_utime", INTR_READS, 0, fn_task_utime},
	{"task_stime", INTR_READS, 0, fn_task_stime},
	{"task_start_time", INTR_READS, 0, fn_task_start_time},
	{"proc_mem_size", INTR_READS, 0, fn_proc_mem_size},
	{"proc_mem_rss", INTR_READS, 0, fn_proc_mem_rss},
	{"proc_mem_shr", INTR_READS, 0, fn_proc_mem_shr},
	{"proc_mem_txt", INTR_READS, 0, fn_proc_mem_txt},
	{"proc_mem_data", INTR_READS, 0, fn_proc_mem_data},
	{"mem_page_size", INTR_PURE, 0, fn_mem_page_size},
	{"loadavg_index", INTR_READS, 0, fn_loadavg_index},
	{"sprint_loadavg", INTR_READS, 64, fn_sprint_loadavg},
	{0},
};

#ifdef TAPIR_TEST
#include <time.h>

#include "base/test.h"

TEST(current_process_is_stap)
{
	CHECK_INT(RT_LONG("pid"), getpid());
	CHECK_INT(RT_LONG("ppid"), getppid());
	CHECK_STR(RT_TEXT("pid2execname", RT_N(getpid())), strdupa(RT_TEXT("execname")));
	CHECK_STR(RT_TEXT("pid2execname", RT_N(-1)), "");
	CHECK_STR(RT_TEXT("pid2execname", RT_N(INT64_MAX)), "");
	CHECK(strlen(RT_TEXT("pexecname")) <= COMM);
}

TEST(command_line_is_cut_at_the_limit)
{
	const char *all = strdupa(RT_TEXT("cmdline_args", RT_N(0), RT_N(-1), RT_S(" ")));

	CHECK(strstr(all, program_invocation_name) == all);
	CHECK_STR(RT_TEXT("cmdline_args", RT_N(0), RT_N(0), RT_S(" ")), program_invocation_name);
	CHECK_STR(RT_TEXT("cmdline_args", RT_N(INT64_MAX), RT_N(-1), RT_S(" ")), "");
	CHECK_STR(RT_TEXT("cmdline_args", RT_N(5), RT_N(4), RT_S(" ")), "");
	CHECK_INT(strlen(RT_TEXT_MAX(3, "cmdline_args", RT_N(0), RT_N(-1), RT_S(" "))), 3);
}

TEST(environment_is_looked_up_by_whole_names)
{
	setenv("TAPIR_TEST_VAR", "x=y", 1);
	CHECK_STR(RT_TEXT("env_var", RT_S("TAPIR_TEST_VAR")), "x=y");
	CHECK_STR(RT_TEXT("env_var", RT_S("TAPIR_TEST_VA")), "");
	CHECK_STR(RT_TEXT("env_var", RT_S("")), "");
}

TEST(times_and_memory_of_processes)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	CHECK(RT_LONG("task_start_time", RT_N(getpid())) > 0);
	CHECK(RT_LONG("task_start_time", RT_N(getpid())) / 1000000000 <= now.tv_sec);
	CHECK_INT(RT_LONG("task_start_time", RT_N(INT64_MIN)), 0);
	CHECK(RT_LONG("task_utime", RT_N(getpid())) >= 0);
	CHECK(RT_LONG("task_stime") >= 0);
	CHECK(RT_LONG("proc_mem_size") >= RT_LONG("proc_mem_rss"));
	CHECK(RT_LONG("proc_mem_data", RT_N(getpid())) > 0);
	CHECK_INT(RT_LONG("proc_mem_txt", RT_N(-1)), 0);
	CHECK_INT(RT_LONG("loadavg_index", RT_N(3)), 0);
}

TEST(no_stack_without_a_traced_task)
{
	struct probe_family family = {.name = "begin", .probe_type = "begin_end"};
	struct probe_inst p = {.name = "begin", .family = &family};
	struct str out = {0};
	static struct rt_env env;

	env.probe = &p;
	env.out = &out;
	CHECK_STR(RT_TEXT_IN(&env, "probe_type"), "begin_end");
	RT_DO(&env, "print_backtrace");
	RT_DO(&env, "print_ubacktrace");
	CHECK_STR(out.s, "<no kernel backtrace at begin>\n<no user backtrace at begin>\n");
	str_release(&out);
	RT_DO(NULL, "print_backtrace");
	CHECK_STR(RT_TEXT("backtrace"), "");
}
#endif
