/* The inside of pass 5, shared by the files of this folder.
 *
 *   run.c       life of a session: begin probes, loop, end and error probes, exit status
 *   probes.c    running one handler; order of begin and end; timers and their deadlines
 *   signals.c   what ^C, SIGTERM, SIGHUP, SIGUSR2 and SIGCHLD set
 *   child.c     the command of -c; system()
 *   output.c    where handlers' output goes: stdout, -o, -S
 *   messages.c  ERROR: and WARNING: lines
 *   report.c    -t
 *   procfs.c    files of procfs probes, served by fuse.c; standard input
 *   kernel.h    handlers in the kernel: attach.c, drain.c and others */
#ifndef RUN_SESSION_RUN_H
#define RUN_SESSION_RUN_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "base/map.h"
#include "base/str.h"
#include "base/vec.h"
#include "interp/interp.h"

struct output {
	int fd;
	const char *base;     /* -o, or NULL for stdout */
	char *path;	      /* of the file being written: base expanded, with number under -S */
	int64_t limit;	      /* bytes a file may have, 0: any number */
	int64_t size;	      /* written to this file */
	int64_t number;	      /* of this file, from 0 */
	char **kept;	      /* -S SIZE,N: paths of the last N files, a ring */
	int64_t n_kept;
	bool broken;	      /* writing failed: nothing is written any more */
};

struct child {
	pid_t pid;	/* 0: none, or ended */
	int release_fd; /* closing it after a byte lets the command start; -1: done */
};

/* A timer probe. Deadlines are absolute, so that handlers' run time and late wake-ups do not add up. */
struct timer {
	struct probe_inst *inst;
	int64_t interval_ns, randomize_ns;
	int64_t due_ns;
	bool armed; /* its condition holds */
};

enum run_state { RUN_STARTING, RUN_RUNNING, RUN_STOPPING, RUN_ERROR };

struct kernel;
struct procfs;
struct symbols;

struct run {
	struct session *s;
	struct interp *in;
	struct rt_env env;
	struct str out; /* of the running handler */
	struct output output;
	enum run_state state;
	bool failed; /* exit status 1 */

	struct timer *timers; /* in script order */
	size_t n_timers;
	bool conditional_timers, timers_started;
	int64_t deadline_ns; /* -T beyond what a timer probe takes, else 0 */
	uint64_t random;
	int64_t refreshes;
	struct rt_stat *times; /* -t: run times in ns by probe id; else NULL */

	struct child child;
	VEC(const char *) commands; /* system() of the running handler */
	int n_commands_running;
	bool catching_children;

	struct procfs *procfs; /* NULL: no such probes */
	struct symbols *symbols; /* without handlers in the kernel; NULL: not asked yet */
	struct kernel *kernel; /* handlers in the kernel (run/kernel.h), or NULL */
	struct map warned;
	bool background; /* no terminal: messages go to syslog */
};

static inline struct run *run_of(struct rt_env *env)
{
	return (struct run *)((char *)env - offsetof(struct run, env));
}

/* No further handlers but end and error probes. */
bool run_stopping(struct run *r);
/* Writes what handlers have printed since the last time. */
void output_flush(struct run *r);
int64_t now_ns(void);

/* probes.c */
/* A handler has ended with this error: tells, counts, and ends the session if it is one too many. */
void run_error(struct run *r, const char *text);
/* Runs the handler of a probe, unless its condition forbids it. */
void probe_run(struct run *r, const struct probe_inst *p);
void probes_run_begin(struct run *r);
/* End probes, or error probes if the session has failed. */
void probes_run_end(struct run *r);
void timers_start(struct run *r);
/* Deadline of the next timer; INT64_MAX: none. */
int64_t timers_next(const struct run *r);
/* Runs every timer that is due, each once, in the order of their deadlines. */
void timers_run(struct run *r);
void timers_release(struct run *r);

/* signals.c */
void signals_catch(struct run *r);
void signals_catch_children(struct run *r);
/* Puts signals as they were before Tapir: in a forked child. */
void signals_reset(void);
/* Sleeps until a signal arrives or the time has come; one that has arrived since the last call ends
 * the sleep at once. only_children: requests to stop have been heeded already. */
void signals_wait(int64_t until_ns, bool only_children);
/* The same; one of at most 4 descriptors becoming readable ends the sleep, too. */
void signals_wait_on(int64_t until_ns, bool only_children, const int *fds, size_t n_fds);
bool signals_stop(void);   /* one to end has arrived */
bool signals_rotate(void); /* SIGUSR2 has arrived since the last call */

/* child.c */
/* Forks the command; it waits. False: reported. */
bool child_prepare(struct run *r);
void child_release(struct run *r);
void child_kill(struct run *r);
/* Collects ended children; true when the command was among them (its status is reported). */
bool children_reap(struct run *r);
/* Starts the commands that the handler gave to system(). */
void commands_start(struct run *r);
/* Gives running system() commands some time to finish their output. */
void commands_finish(struct run *r);

/* output.c */
bool output_open(struct run *r);
void output_write(struct run *r, const char *text, size_t n);
void output_rotate(struct run *r);
void output_close(struct run *r);

/* procfs.c */
enum { PROCFS_FDS = 2 };
/* Makes the files and looks at standard input, if the script has probes for them. False: reported. */
bool procfs_start(struct run *r);
/* Puts descriptors to be waited for into fds; returns how many. */
size_t procfs_fds(const struct run *r, int fds[PROCFS_FDS]);
/* Runs the handlers of what has been read, written and typed. */
void procfs_serve(struct run *r);
void procfs_stop(struct run *r);
/* What procfs_stop() would do that outlives the process; for a signal handler that ends it. */
void procfs_abandon(void);

/* messages.c */
void message_error(const struct run *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void message_warning(const struct run *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The callback of warn(): each text once. */
void message_warn_once(struct rt_env *env, const char *text, uint32_t len);

/* report.c */
void report_write(struct run *r);

#endif
