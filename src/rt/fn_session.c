/* The session: its probe points, its end, messages, and acts upon the system. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "interp/interp.h"
#include "rt/error_text.h"
#include "rt/fn.h"
#include "sema/sema.h"
#include "session.h"

static const struct session *session_of(const struct rt_call *c)
{
	return c->env->session;
}

static int fn_target(struct rt_call *c)
{
	return rt_ret_long(c, c->env->target_pid);
}

static int fn_module_name(struct rt_call *c)
{
	return rt_ret_static(c, session_of(c) ? session_of(c)->opt.module_name : NULL);
}

static int fn_stp_pid(struct rt_call *c)
{
	return rt_ret_long(c, getpid());
}

static int fn_target_namespaces(struct rt_call *c)
{
	return rt_ret_long(c, session_of(c) ? session_of(c)->opt.target_namespaces : 0);
}

static int fn_maxstringlen(struct rt_call *c)
{
	return rt_ret_long(c, (int64_t)c->max_string + 1);
}

static int fn_arg_count(struct rt_call *c)
{
	return rt_ret_long(c, session_of(c) ? (int64_t)session_of(c)->opt.script_args.n : 0);
}

static int fn_arg_text(struct rt_call *c)
{
	const struct session *s = session_of(c);
	int64_t n = c->args[0].n;

	if (!s || n < 1 || (uint64_t)n > s->opt.script_args.n)
		return rt_ret_static(c, "");
	return rt_ret_static(c, s->opt.script_args.v[n - 1]);
}

/* ------------------------------------------------------------------ probe points */
static int fn_pp(struct rt_call *c)
{
	return rt_ret_static(c, rt_probe_point(c));
}

static int fn_pn(struct rt_call *c)
{
	const struct probe_inst *p = c->env->probe;

	return rt_ret_static(c, p && p->alias_name ? p->alias_name : rt_probe_point(c));
}

const char *rt_point_function(const char *point, size_t *len)
{
	static const char function[] = "function(\"", statement[] = "statement(\"";
	const char *at = strstr(point, function);

	if (at) {
		at += sizeof(function) - 1;
	} else {
		at = strstr(point, statement);
		at = at ? at + sizeof(statement) - 1 : "";
	}
	*len = strcspn(at, "@\"");
	return at;
}

static int fn_ppfunc(struct rt_call *c)
{
	size_t len;
	const char *text = rt_point_function(rt_probe_point(c), &len);

	return rt_ret_text(c, text, len);
}

/* ------------------------------------------------------------------ control */
static int fn_exit(struct rt_call *c)
{
	c->env->exit_requested = true;
	return 0;
}

static int fn_count_skipped(struct rt_call *c)
{
	c->env->n_skipped++;
	return 0;
}

/* Ends the handler like an error, but whoever looks at abort_requested first sees that it is none. */
static int fn_abort(struct rt_call *c)
{
	c->env->exit_requested = true;
	c->env->abort_requested = true;
	return -1;
}

static int fn_error(struct rt_call *c)
{
	return rt_raise(c, "%.*s", (int)c->args[0].len, c->args[0].len ? c->args[0].s : "");
}

static void warn(struct rt_call *c, const char *text, size_t len)
{
	if (c->env->warn)
		c->env->warn(c->env, text, (uint32_t)len);
}

static int fn_warn(struct rt_call *c)
{
	warn(c, c->args[0].s, c->args[0].len);
	return 0;
}

static int fn_system(struct rt_call *c)
{
	const struct rt_value *v = &c->args[0];
	char *command;

	if (!c->env->system)
		return 0;
	command = xmalloc((size_t)v->len + 1);
	if (v->len)
		memcpy(command, v->s, v->len);
	command[v->len] = 0;
	c->env->system(c->env, command);
	free(command);
	return 0;
}

static int fn_switch_file(struct rt_call *c)
{
	if (c->env->rotate)
		c->env->rotate(c->env);
	return 0;
}

/* ------------------------------------------------------------------ files of procfs probes */

static int fn_procfs_value(struct rt_call *c)
{
	const struct str *v = c->env->value;

	return v ? rt_ret_text(c, v->s, v->len) : rt_ret_static(c, "");
}

/* What does not fit is cut, as with strings. */
static int fn_procfs_append(struct rt_call *c)
{
	struct str *v = c->env->value;
	size_t n = c->args[0].len, room = v ? c->env->max_value - v->len : 0;

	if (v && n)
		str_addn(v, c->args[0].s, n < room ? n : room);
	return 0;
}

static int fn_procfs_set(struct rt_call *c)
{
	if (c->env->value)
		c->env->value->len = 0;
	return fn_procfs_append(c);
}

/* ------------------------------------------------------------------ the system */

/* To the current task, which is stap itself here. */
static int fn_raise(struct rt_call *c)
{
	int64_t n = c->args[0].n;

	if (n < 1 || n > SIGRTMAX || kill(getpid(), (int)n) < 0)
		return rt_raise(c, "cannot send signal %lld", (long long)n);
	return 0;
}

bool rt_kernel_log(int level, const char *s, size_t len)
{
	static int fd = -1;
	char prefix[] = {'<', (char)('0' + level), '>'};
	struct iovec line[] = {{prefix, sizeof(prefix)}, {(char *)s, len}, {(char[]){"\n"}, 1}};

	if (fd < 0)
		fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	return fd >= 0 && writev(fd, line, 3) >= 0;
}

static int fn_printk(struct rt_call *c)
{
	int64_t level = c->args[0].n;

	if (!rt_kernel_log(level < 0 ? 0 : level > 7 ? 7 : (int)level, c->args[1].s, c->args[1].len))
		warn(c, RT_KERNEL_LOG_FAILED, strlen(RT_KERNEL_LOG_FAILED));
	return 0;
}

/* One write is one record of the trace. */
static int fn_ftrace(struct rt_call *c)
{
	static int fd = -2;
	char line[4096];
	size_t n = c->args[0].len < sizeof(line) - 1 ? c->args[0].len : sizeof(line) - 1;

	if (fd == -2) {
		fd = open("/sys/kernel/tracing/trace_marker", O_WRONLY | O_CLOEXEC);
		if (fd < 0)
			fd = open("/sys/kernel/debug/tracing/trace_marker", O_WRONLY | O_CLOEXEC);
	}
	if (fd < 0)
		return 0;
	if (n)
		memcpy(line, c->args[0].s, n);
	line[n] = '\n';
	if (write(fd, line, n + 1) < 0)
		return 0; /* tracing is off: not the script's fault */
	return 0;
}

/* A signal ends the delay, so that a session can be interrupted. */
static int delay(int64_t n, int64_t per_second)
{
	struct timespec t;

	if (n <= 0)
		return 0;
	t.tv_sec = (time_t)(n / per_second);
	t.tv_nsec = (long)(n % per_second * (1000000000 / per_second));
	nanosleep(&t, NULL);
	return 0;
}

static int fn_mdelay(struct rt_call *c)
{
	return delay(c->args[0].n, 1000);
}

static int fn_udelay(struct rt_call *c)
{
	return delay(c->args[0].n, 1000000);
}

/* xorshift64*: the state is never 0. */
static int fn_randint(struct rt_call *c)
{
	static uint64_t state;
	int64_t n = c->args[0].n;

	if (n > 1 << 20)
		return rt_raise_error(c, RT_E_RANGE, 0);
	if (n <= 0)
		return rt_ret_long(c, 0);
	if (!state && getrandom(&state, sizeof(state), GRND_NONBLOCK) != sizeof(state))
		state = (uint64_t)time(NULL) << 32 | (uint32_t)getpid();
	state |= !state;
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return rt_ret_long(c, (int64_t)((state * 0x2545f4914f6cdd1dull >> 33) % (uint64_t)n));
}

const struct intrinsic rt_session_fns[] = {
	{"target", INTR_STABLE, 0, fn_target},
	{"target_namespaces", INTR_STABLE, 0, fn_target_namespaces},
	{"module_name", INTR_STABLE, 0, fn_module_name},
	{"stp_pid", INTR_STABLE, 0, fn_stp_pid},
	{"maxstringlen", INTR_PURE, 0, fn_maxstringlen},
	{"arg_count", INTR_PURE, 0, fn_arg_count},
	{"arg_text", INTR_PURE, 0, fn_arg_text},
	{"pp", INTR_STABLE, 0, fn_pp},
	{"pn", INTR_STABLE, 0, fn_pn},
	{"ppfunc", INTR_STABLE, 0, fn_ppfunc},
	{"exit", 0, 0, fn_exit},
	{"abort", INTR_ABORTS, 0, fn_abort},
	{"count_skipped", 0, 0, fn_count_skipped},
	{"error", INTR_FAILS, 0, fn_error},
	{"warn", 0, 0, fn_warn},
	{"system", 0, 0, fn_system},
	{"switch_file", 0, 0, fn_switch_file},
	{"procfs_value", INTR_READS, 0, fn_procfs_value},
	{"procfs_set", 0, 0, fn_procfs_set},
	{"procfs_append", 0, 0, fn_procfs_append},
	{"raise", INTR_GURU | INTR_FAILS, 0, fn_raise},
	{"printk", INTR_GURU, 0, fn_printk},
	{"ftrace", 0, 0, fn_ftrace},
	{"mdelay", INTR_GURU, 0, fn_mdelay},
	{"udelay", INTR_GURU, 0, fn_udelay},
	{"randint", INTR_READS | INTR_FAILS, 0, fn_randint},
	{0},
};

#ifdef TAPIR_TEST
#include "base/test.h"

TEST(ppfunc_is_the_function_of_the_probe_point)
{
	struct probe_inst p = {.name = "process(\"/bin/a\").function(\"main@a.c:3\").call"};
	static struct rt_env env;

	env.probe = &p;
	CHECK_STR(RT_TEXT_IN(&env, "ppfunc"), "main");
	p.name = "kernel.statement(\"vfs_read\")";
	CHECK_STR(RT_TEXT_IN(&env, "ppfunc"), "vfs_read");
	CHECK_STR(RT_TEXT_IN(&env, "pn"), p.name);
	p.alias_name = "vfs.read";
	CHECK_STR(RT_TEXT_IN(&env, "pn"), "vfs.read");
	p.name = "begin";
	CHECK_STR(RT_TEXT_IN(&env, "ppfunc"), "");
	CHECK_STR(RT_TEXT("pp"), "");
}

static char told[64];

static void tell(struct rt_env *env, const char *text, uint32_t len)
{
	(void)env;
	snprintf(told, sizeof(told), "%.*s", (int)len, text);
}

TEST(session_requests_are_passed_on)
{
	static struct rt_env env = {.warn = tell};

	RT_DO(&env, "warn", RT_S("careful"));
	CHECK_STR(told, "careful");
	RT_DO(NULL, "warn", RT_S("nobody"));
	RT_DO(NULL, "system", RT_S("nothing"));
	RT_DO(NULL, "switch_file");
	RT_DO(&env, "exit");
	CHECK(env.exit_requested && !env.abort_requested);
}

TEST(randint_keeps_its_range)
{
	for (int i = 0; i < 1000; i++) {
		int64_t n = RT_LONG("randint", RT_N(6));

		CHECK(n >= 0 && n < 6);
	}
	CHECK_INT(RT_LONG("randint", RT_N(INT64_MIN)), 0);
	CHECK(RT_LONG("randint", RT_N(1 << 20)) < 1 << 20);
}
#endif
