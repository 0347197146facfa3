/* Work that SIGKILL of this process does not break off: see shield.h. */
#include "kern/shield.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STACK = 1 << 20 };

struct job {
	bool (*fn)(void *arg);
	void *arg;
	bool result;
};

static int work(void *p)
{
	struct job *job = p;

	setsid(); /* a signal for the process group is not for us */
	job->result = job->fn(job->arg);
	return 0;
}

bool kern_shielded(bool (*fn)(void *arg), void *arg)
{
	struct job job = {.fn = fn, .arg = arg};
	char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	sigset_t all, before;
	pid_t pid;

	if (stack == MAP_FAILED)
		return fn(arg);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = clone(work, stack + STACK, CLONE_VM | CLONE_FILES | CLONE_VFORK, &job);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (pid < 0)
		job.result = fn(arg);
	else
		while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
			;
	munmap(stack, STACK);
	return job.result;
}
