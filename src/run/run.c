/* The life of a session (language reference 5.9, command-line reference 3 and 3.1):
 *
 *   begin probes -> timers and the -c command are let go -> loop -> end probes, or error probes
 *
 * A script that ends in a begin probe never sees the loop; one without timers sleeps in it until a
 * signal or the end of the command. Time spent before the first handler is what users notice, so
 * nothing is set up that the script has no use for. */
#include "run/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "kern/memory.h"
#include "kern/task.h"
#include "run/kernel.h"
#include "run/session_run.h"
#include "run/symbols.h"
#include "sema/sema.h"
#include "session.h"

bool run_stopping(struct run *r)
{
	return r->env.exit_requested || r->state == RUN_ERROR || r->output.broken || signals_stop();
}

/* ------------------------------------------------------------------ what handlers ask for */

static void env_system(struct rt_env *env, const char *command)
{
	struct run *r = run_of(env);

	/* Started behind the handler's output. */
	vec_push(&r->commands, &r->s->arena, arena_strdup(&r->s->arena, command));
}

void output_flush(struct run *r)
{
	if (r->out.len)
		output_write(r, r->out.s, r->out.len);
	r->out.len = 0;
}

static void env_flush(struct rt_env *env)
{
	output_flush(run_of(env));
}

/* What the handler has printed so far belongs to the file before. */
static void env_rotate(struct rt_env *env)
{
	env_flush(env);
	output_rotate(run_of(env));
}

/* ------------------------------------------------------------------ start */

/* -F: the parent tells the number of the process that goes on, and ends. */
static bool go_background(struct run *r)
{
	pid_t pid;
	int fd;

	fflush(stderr);
	pid = fork();
	if (pid < 0) {
		message_error(r, "cannot go to the background: %s", strerror(errno));
		return false;
	}
	if (pid > 0) {
		dprintf(STDOUT_FILENO, "%d\n", (int)pid);
		_exit(0);
	}
	setsid();
	fd = open("/dev/null", O_RDWR);
	if (fd >= 0) {
		dup2(fd, STDIN_FILENO);
		dup2(fd, STDOUT_FILENO);
		dup2(fd, STDERR_FILENO);
		if (fd > STDERR_FILENO)
			close(fd);
	}
	openlog("stap", LOG_PID, LOG_DAEMON);
	r->background = true;
	return true;
}

static bool declared(const struct session *s, const char *name)
{
	for (size_t i = 0; i < s->user_scripts.n; i++)
		for (size_t k = 0; k < s->user_scripts.v[i]->globals.n; k++)
			if (strcmp(s->user_scripts.v[i]->globals.v[k]->name, name) == 0)
				return true;
	return false;
}

static bool used(const struct session *s, const char *name)
{
	for (size_t i = 0; i < s->program->globals.n; i++)
		if (strcmp(s->program->globals.v[i]->name, name) == 0)
			return true;
	return false;
}

/* -G. A global that the script declares and has no use for is nobody's mistake. */
static bool set_globals(struct run *r)
{
	const struct session *s = r->s;
	bool ok = true;

	for (size_t i = 0; i < s->opt.global_inits.n; i++) {
		const struct global_init *g = &s->opt.global_inits.v[i];

		if (!used(s, g->name)) {
			if (declared(s, g->name))
				continue;
			message_error(r, "-G %s: the script has no such global variable", g->name);
			ok = false;
		} else if (interp_set_global(r->in, g->name, g->value) < 0) {
			message_error(r, "-G %s=%s: not a value of this variable", g->name,
				      g->value);
			ok = false;
		}
	}
	return ok;
}

/* Names of addresses. */
static struct symbols *symbols_of(struct run *r)
{
	if (r->kernel && r->kernel->symbols)
		return r->kernel->symbols;
	if (!r->symbols)
		r->symbols = symbols_new(r->s, -1);
	return r->symbols;
}

static void env_token_text(struct rt_env *env, const struct rt_str *str, struct str *out)
{
	struct rt_token t;

	memcpy(&t, str->s, sizeof(t));
	symbols_token(symbols_of(run_of(env)), (enum rt_token_kind)str->token, &t, out);
}

static void env_stack_lines(struct rt_env *env, bool kernel, const char *text, size_t len, struct str *out)
{
	symbols_lines(symbols_of(run_of(env)), (uint32_t)env->target_pid, kernel, text, len, out);
}

static bool start(struct run *r)
{
	struct session *s = r->s;

	/* -vv has written to it, and children must not write that again. */
	fflush(stdout);
	/* -F before anything that a fork would not keep. */
	if (!output_open(r) || (s->opt.background && !go_background(r)))
		return false;
	signals_catch(r);
	if (s->opt.command && !child_prepare(r))
		return false;
	if (s->opt.timing) {
		r->times = xcalloc(s->program->probes.n, sizeof(*r->times));
		for (size_t i = 0; i < s->program->probes.n; i++)
			s->program->probes.v[i]->id = (int)i;
	}
	r->env.session = s;
	r->env.out = &r->out;
	r->env.target_pid = s->opt.target_pid;
	r->env.warn = message_warn_once;
	r->env.system = env_system;
	r->env.rotate = env_rotate;
	r->env.flush = env_flush;
	r->env.token_text = env_token_text;
	r->env.stack_lines = env_stack_lines;
	r->env.kernel_read = kern_read;
	r->env.kernel_string = kern_read_string;
	r->env.current_task = kern_current_task;
	r->env.find_task = kern_find_task;
	r->env.task_name = kern_task_name;
	r->in = interp_new(s, s->ir, &r->env);
	r->env.interp = r->in;
	return set_globals(r) && procfs_start(r) && (!s->image || kernel_start(r));
}

/* ------------------------------------------------------------------ the loop */

static void loop(struct run *r)
{
	int fds[PROCFS_FDS];

	while (!run_stopping(r)) {
		if (r->kernel)
			kernel_wait(r, timers_next(r));
		else
			signals_wait_on(timers_next(r), false, fds, procfs_fds(r, fds));
		if (signals_stop())
			return;
		if (signals_rotate())
			output_rotate(r);
		if (r->kernel)
			kernel_drain(r);
		/* ^C also ends the command: then it is not asked how it ended. */
		if (r->catching_children && children_reap(r))
			return;
		timers_run(r);
		procfs_serve(r);
	}
}

static void summary(struct run *r)
{
	int64_t skipped = kernel_skipped(r);

	kernel_report_losses(r);
	if (r->env.n_errors || skipped)
		message_warning(r, "Number of errors: %lld, skipped probes: %lld",
				(long long)r->env.n_errors, (long long)skipped);
}

int run_session(struct session *s)
{
	struct run *r = xcalloc(1, sizeof(*r));
	bool started, failed;

	r->s = s;
	r->child.release_fd = -1;
	started = start(r);
	if (started) {
		probes_run_begin(r);
		if (r->state == RUN_ERROR)
			child_kill(r);
		if (!run_stopping(r)) {
			r->state = RUN_RUNNING;
			if (r->kernel)
				kernel_arm(r);
			timers_start(r);
		}
		/* After exit() in a begin probe, too: the command is not ours to drop. */
		child_release(r);
		loop(r);
		procfs_stop(r);
		kernel_stop(r);
		if (r->state != RUN_ERROR)
			r->state = RUN_STOPPING;
		probes_run_end(r);
		if (r->times)
			report_write(r);
		commands_finish(r);
	} else {
		r->failed = true;
		procfs_stop(r);
		child_kill(r);
	}
	output_close(r);
	summary(r);
	failed = r->failed;
	/* Last of all: the kernel takes its time to remove probes. */
	kernel_release(r);
	timers_release(r);
	symbols_free(r->symbols);
	if (r->in)
		interp_free(r->in);
	str_release(&r->out);
	free(r->times);
	free(r);
	return failed ? 1 : 0;
}
