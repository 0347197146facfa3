/* Processes that a session starts: the command of -c and those of system().
 *
 * The command is forked before the begin probes, since target() must be known to them, and waits for
 * a byte on a pipe. So its execve and all that follows happens with all probes in place. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "run/session_run.h"
#include "session.h"

static void close_from(int first)
{
	long top;

#ifdef SYS_close_range
	if (syscall(SYS_close_range, first, ~0u, 0) == 0)
		return;
#endif
	top = sysconf(_SC_OPEN_MAX);
	for (long fd = first; fd < (top > 0 && top < 65536 ? top : 65536); fd++)
		close((int)fd);
}

/* In the child. */
static _Noreturn void exec_command(const char *command)
{
	char **words = NULL;
	size_t n = 0;

	switch (words_split(command, false, &words, &n)) {
	case WORDS_SYNTAX:
	case WORDS_UNDEFINED:
		dprintf(STDERR_FILENO, "wordexp: syntax error (unmatched quotes?) in -c COMMAND\n");
		_exit(1);
	case WORDS_SHELL:
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		dprintf(STDERR_FILENO, "/bin/sh: %s\n", strerror(errno));
		_exit(1);
	case WORDS_OK:
		break;
	}
	if (!n) {
		dprintf(STDERR_FILENO, "-c COMMAND has no words\n");
		_exit(1);
	}
	execvp(words[0], words);
	dprintf(STDERR_FILENO, "%s: %s\n", words[0], strerror(errno));
	_exit(1);
}

bool child_prepare(struct run *r)
{
	int fds[2];
	char go;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0) {
		message_error(r, "cannot start the -c command: %s", strerror(errno));
		return false;
	}
	signals_catch_children(r);
	pid = fork();
	if (pid < 0) {
		message_error(r, "cannot start the -c command: %s", strerror(errno));
		close(fds[0]);
		close(fds[1]);
		return false;
	}
	if (!pid) {
		/* ^C meant for the command must not end it before it has begun. */
		signals_reset();
		close(fds[1]);
		/* End of file: stap has ended, the command is not wanted. */
		if (read(fds[0], &go, 1) != 1)
			_exit(1);
		close_from(STDERR_FILENO + 1);
		exec_command(r->s->opt.command);
	}
	close(fds[0]);
	r->child.pid = pid;
	r->child.release_fd = fds[1];
	r->s->opt.target_pid = pid;
	return true;
}

void child_release(struct run *r)
{
	ssize_t n;

	if (!r->child.pid || r->child.release_fd < 0)
		return;
	n = write(r->child.release_fd, "g", 1);
	(void)n; /* the command may have been killed: then its status tells */
	close(r->child.release_fd);
	r->child.release_fd = -1;
}

void child_kill(struct run *r)
{
	if (!r->child.pid)
		return;
	kill(r->child.pid, SIGKILL);
	waitpid(r->child.pid, NULL, 0);
	r->child.pid = 0;
	close(r->child.release_fd);
}

static void report_status(struct run *r, int status)
{
	if (WIFSIGNALED(status))
		message_warning(r, "Child process exited with signal %d (%s)", WTERMSIG(status),
				strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status))
		message_warning(r, "Child process exited with status %d", WEXITSTATUS(status));
	else
		return;
	r->failed = true;
}

bool children_reap(struct run *r)
{
	bool ended = false;
	int status;
	pid_t pid;

	while (r->child.pid + r->n_commands_running > 0 && (pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == r->child.pid) {
			r->child.pid = 0;
			ended = true;
			report_status(r, status);
		} else if (r->n_commands_running) {
			r->n_commands_running--;
		}
	}
	return ended;
}

void commands_start(struct run *r)
{
	for (size_t i = 0; i < r->commands.n; i++) {
		pid_t pid;

		signals_catch_children(r);
		pid = fork();
		if (!pid) {
			signals_reset();
			close_from(STDERR_FILENO + 1);
			execl("/bin/sh", "sh", "-c", r->commands.v[i], (char *)NULL);
			dprintf(STDERR_FILENO, "/bin/sh: %s\n", strerror(errno));
			_exit(127);
		}
		if (pid < 0)
			message_warning(r, "system(): cannot start a process: %s", strerror(errno));
		else
			r->n_commands_running++;
	}
	r->commands.n = 0;
}

enum { PATIENCE_NS = 1000000000 };

/* SystemTap takes long enough to unload its module that the output of short commands is there when
 * it ends; scripts and their readers rely on it. */
void commands_finish(struct run *r)
{
	int64_t until = now_ns() + PATIENCE_NS;

	while (r->n_commands_running > 0) {
		children_reap(r);
		if (r->n_commands_running <= 0 || now_ns() >= until)
			return;
		signals_wait(until, true);
	}
}
