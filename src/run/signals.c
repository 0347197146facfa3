/* Signals of a session.
 *
 * Handlers only set flags. The loop sleeps in ppoll(), which lets signals in atomically; there is
 * no signalfd, because a signal must also be seen while a script's handler runs: the second ^C ends
 * stap even if that handler never does. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "run/session_run.h"

static volatile sig_atomic_t stop_count, rotate_wanted, child_ended;
static int64_t first_stop_ns;

/* One ^C may come twice, from the terminal and from sudo or a shell script that passes it on. */
enum { SAME_KEY_NS = 200000000 };

static void on_stop(int sig)
{
	int64_t now = now_ns();

	(void)sig;
	if (!stop_count) {
		stop_count = 1;
		first_stop_ns = now;
	} else if (now - first_stop_ns > SAME_KEY_NS) {
		static const char text[] = "Too many interrupts received, exiting.\n";
		ssize_t n = write(STDERR_FILENO, text, sizeof(text) - 1);

		(void)n;
		procfs_abandon();
		_exit(1);
	}
}

static void on_rotate(int sig)
{
	(void)sig;
	rotate_wanted = 1;
}

static void on_child(int sig)
{
	(void)sig;
	child_ended = 1;
}

static void catch(int sig, void (*handler)(int))
{
	struct sigaction sa;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = handler;
	sa.sa_flags = SA_RESTART;
	sigaction(sig, &sa, NULL);
}

static sigset_t ours(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGCHLD);
	return set;
}

void signals_catch(struct run *r)
{
	struct sigaction old;

	(void)r;
	catch(SIGINT, on_stop);
	catch(SIGTERM, on_stop);
	/* nohup stap ... goes on when the terminal is closed. */
	if (sigaction(SIGHUP, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
		catch(SIGHUP, on_stop);
	catch(SIGUSR2, on_rotate);
	/* Writing tells: EPIPE, EFBIG. */
	catch(SIGPIPE, SIG_IGN);
	catch(SIGXFSZ, SIG_IGN);
}

void signals_catch_children(struct run *r)
{
	if (r->catching_children)
		return;
	r->catching_children = true;
	catch(SIGCHLD, on_child);
}

void signals_reset(void)
{
	sigset_t none;
	static const int caught[] = {SIGINT, SIGTERM, SIGUSR2, SIGCHLD, SIGPIPE, SIGXFSZ};
	struct sigaction old;

	for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
		catch(caught[i], SIG_DFL);
	if (sigaction(SIGHUP, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
		catch(SIGHUP, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

void signals_wait(int64_t until_ns, bool only_children)
{
	signals_wait_on(until_ns, only_children, NULL, 0);
}

void signals_wait_on(int64_t until_ns, bool only_children, const int *fds, size_t n_fds)
{
	struct pollfd wake[4];
	sigset_t blocked = ours(), before, open;
	struct timespec wait = {0}, *forever = NULL;
	int64_t left;

	for (size_t i = 0; i < n_fds; i++)
		wake[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
	sigprocmask(SIG_BLOCK, &blocked, &before);
	if (!child_ended && (only_children || (!stop_count && !rotate_wanted))) {
		open = before;
		sigdelset(&open, SIGINT);
		sigdelset(&open, SIGTERM);
		sigdelset(&open, SIGHUP);
		sigdelset(&open, SIGUSR2);
		sigdelset(&open, SIGCHLD);
		if (until_ns != INT64_MAX) {
			left = until_ns - now_ns();
			if (left > 0) {
				wait.tv_sec = left / 1000000000;
				wait.tv_nsec = left % 1000000000;
			}
			forever = &wait;
		}
		ppoll(wake, n_fds, forever, &open);
	}
	child_ended = 0;
	/* Ours stay open from here even if the parent had blocked them. */
	sigprocmask(SIG_SETMASK, &before, NULL);
	sigprocmask(SIG_UNBLOCK, &blocked, NULL);
}

bool signals_stop(void)
{
	return stop_count != 0;
}

bool signals_rotate(void)
{
	bool wanted = rotate_wanted;

	rotate_wanted = 0;
	return wanted;
}
