/* Processes and threads that are there when the session starts, for process.begin and
 * process.thread.begin: each is shown to the programs for forks (gen/life.h), which find out whether a
 * handler is interested. */
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "kern/bpf.h"
#include "run/kernel.h"
#include "run/session_run.h"
#include "session.h"

struct ids {
	uint64_t *v;
	size_t n, cap;
};

static void add_id(struct ids *l, uint64_t id)
{
	if (l->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 256;
		l->v = xrealloc(l->v, l->cap * sizeof(*l->v));
	}
	l->v[l->n++] = id;
}

/* Names of a folder that are numbers, but not `except`. */
static void read_ids(const char *path, uint64_t except, struct ids *to)
{
	DIR *dir = opendir(path);
	const struct dirent *d;

	while (dir && (d = readdir(dir)) != NULL) {
		uint64_t id = isdigit((unsigned char)d->d_name[0]) ? strtoull(d->d_name, NULL, 10) : 0;

		if (id && id != except)
			add_id(to, id);
	}
	if (dir)
		closedir(dir);
}

static void show(const struct kernel *k, enum site_kind kind, uint64_t id)
{
	const uint64_t args[2] = {id, 0};

	for (size_t i = 0; i < k->img->programs.n; i++) {
		const struct gen_program *p = &k->img->programs.v[i];
		uint32_t result;

		if (p->kind == kind && gen_is_fork(p))
			kern_prog_test_run(k->programs[i], args, sizeof(args), &result);
	}
}

static bool has_kind(const struct kernel *k, enum site_kind kind)
{
	for (size_t i = 0; i < k->img->programs.n; i++)
		if (k->img->programs.v[i].kind == kind)
			return true;
	return false;
}

void life_show_present(struct run *r)
{
	const struct kernel *k = r->kernel;
	bool processes = has_kind(k, SITE_PROCESS_BEGIN), threads = has_kind(k, SITE_THREAD_BEGIN);
	struct ids list = {0};

	/* A command starts with the session. */
	if ((!processes && !threads) || r->s->opt.command)
		return;
	read_ids("/proc", (uint64_t)getpid(), &list);
	for (size_t i = 0; i < list.n; i++) {
		struct ids tasks = {0};
		char path[64];

		if (processes)
			show(k, SITE_PROCESS_BEGIN, list.v[i]);
		snprintf(path, sizeof(path), "/proc/%llu/task", (unsigned long long)list.v[i]);
		if (threads)
			read_ids(path, list.v[i], &tasks);
		for (size_t t = 0; t < tasks.n; t++)
			show(k, SITE_THREAD_BEGIN, tasks.v[t]);
		free(tasks.v);
	}
	free(list.v);
}
