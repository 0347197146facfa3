/* Perf events: samples, for which a program runs, and counters. An event belongs to a CPU: one that is switched
 * off takes its events along, one that is switched on gets new ones. See attach.h. */
#include <dirent.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/bug.h"
#include "kern/bpf.h"
#include "kern/cpu.h"
#include "kern/perf.h"
#include "probe/perf.h"
#include "run/attach.h"
#include "run/kernel.h"
#include "run/session_run.h"
#include "session.h"

static struct kern_perf_event event_of(const struct gen_site *v)
{
	struct kern_perf_event e;

	if (!perf_event_of(v->site->path, &e))
		bug("perf event \"%s\"", v->site->path);
	return e;
}

/* An event on the CPU, -ENODEV if it is off. */
static int sample_on(struct kernel *k, int program, const struct gen_site *v, const struct kern_perf_event *e,
		     int cpu)
{
	int fd = kern_perf_sample(program, e, cpu, v->cookie);

	if (fd >= 0)
		attach_add_link(k, fd);
	return fd;
}

/* Before the first event: what is switched on or off from here on is heard of. */
static void remember_cpus(struct kernel *k)
{
	if (k->online)
		return;
	k->cpu_events = kern_cpu_events_open();
	k->online = xcalloc((size_t)kern_possible_cpus(), sizeof(*k->online));
	kern_online_cpus(k->online);
}

/* On all CPUs. 0 or -errno. */
static int sample_everywhere(struct kernel *k, int program, const struct gen_site *v,
			     const struct kern_perf_event *e)
{
	int n = 0;

	for (int cpu = 0; cpu < kern_possible_cpus(); cpu++) {
		int fd = sample_on(k, program, v, e, cpu);

		if (fd < 0 && fd != -ENODEV)
			return fd;
		n += fd >= 0;
	}
	return n ? 0 : -ENODEV;
}

/* In the threads of the target, and what they start. 0 or -errno. */
static int sample_target(struct run *r, int program, const struct gen_site *v,
			 const struct kern_perf_event *e)
{
	const struct dirent *entry;
	int status = -ESRCH;
	char path[32];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)r->s->opt.target_pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		int fd, tid = atoi(entry->d_name);

		if (tid <= 0)
			continue;
		fd = kern_perf_sample_thread(program, e, tid, v->cookie);
		if (fd == -ESRCH) /* has ended */
			continue;
		status = fd < 0 ? fd : 0;
		if (fd < 0)
			break;
		attach_add_link(r->kernel, fd);
	}
	if (dir)
		closedir(dir);
	return status;
}

bool attach_perf(struct run *r, size_t number)
{
	struct kernel *k = r->kernel;
	const struct gen_program *p = &k->img->programs.v[number];
	int program = k->programs[number];

	remember_cpus(k);
	for (size_t i = 0; i < p->sites.n; i++) {
		const struct gen_site *v = &p->sites.v[i];
		struct kern_perf_event e = event_of(v);
		int status = v->site->target_only ? sample_target(r, program, v, &e)
						  : sample_everywhere(k, program, v, &e);

		if (status < 0 && !attach_refused(r, v, kern_perf_reason(&e, status)))
			return false;
	}
	return true;
}

/* Counts on one CPU, at that index of the map. */
static int start_counter(int map, uint32_t index, const struct kern_perf_event *e, int cpu)
{
	int fd = kern_perf_counter(e, cpu), status;

	if (fd < 0)
		return fd;
	status = kern_map_update(map, &index, &fd, BPF_ANY);
	if (status == 0)
		status = kern_perf_start(fd);
	close(fd); /* the map holds it */
	return status;
}

static int count_on(const struct kernel *k, uint32_t counter, int cpu)
{
	const struct kern_perf_event e = {.type = k->img->counters.v[counter].type,
					  .config = k->img->counters.v[counter].config};

	return start_counter(k->maps[k->img->counter_maps], (uint32_t)cpu * RT_COUNTERS + counter, &e, cpu);
}

bool attach_counters(struct run *r)
{
	struct kernel *k = r->kernel;

	if (k->img->counters.n)
		remember_cpus(k);
	for (uint32_t i = 0; i < k->img->counters.n; i++) {
		const struct kern_perf_event e = {.type = k->img->counters.v[i].type,
						  .config = k->img->counters.v[i].config};

		for (int cpu = 0; cpu < kern_possible_cpus(); cpu++) {
			int status = count_on(k, i, cpu);

			if (status < 0 && status != -ENODEV) {
				message_error(r, "cannot count perf events of type %u, config %llu: %s", e.type,
					      (unsigned long long)e.config, kern_perf_reason(&e, status));
				return false;
			}
		}
	}
	return true;
}

static void come_back(struct run *r, int cpu)
{
	struct kernel *k = r->kernel;
	int status = 0;

	for (size_t i = 0; i < k->img->programs.n; i++) {
		const struct gen_program *p = &k->img->programs.v[i];

		for (size_t n = 0; p->attach == GEN_PERF && n < p->sites.n && status >= 0; n++) {
			const struct gen_site *v = &p->sites.v[n];
			struct kern_perf_event e = event_of(v);

			if (!v->site->target_only)
				status = sample_on(k, k->programs[i], v, &e, cpu);
		}
	}
	for (uint32_t i = 0; i < k->img->counters.n && status >= 0; i++)
		status = count_on(k, i, cpu);
	if (status < 0 && status != -ENODEV) /* off again: that will be heard of */
		message_warning(r, "perf events on CPU %d, which has been switched on: %s", cpu, strerror(-status));
}

/* All that has been heard comes first: a CPU may have been switched several times since the last look. */
void attach_new_cpus(struct run *r)
{
	struct kernel *k = r->kernel;
	int n = kern_possible_cpus(), cpu;
	enum kern_cpu_event e;
	bool *now;

	if (!k->online)
		return;
	now = xmalloc((size_t)n * sizeof(*now));
	memcpy(now, k->online, (size_t)n * sizeof(*now));
	if (k->cpu_events < 0)
		kern_online_cpus(now);
	while (k->cpu_events >= 0 &&
	       (e = kern_cpu_events_next(k->cpu_events, &cpu)) != KERN_CPU_NO_EVENT) {
		if (e == KERN_CPU_EVENTS_LOST)
			kern_online_cpus(now);
		else
			now[cpu] = e == KERN_CPU_ON;
		if (e == KERN_CPU_OFF)
			k->online[cpu] = false; /* took its events along */
	}
	for (cpu = 0; cpu < n; cpu++)
		if (now[cpu] && !k->online[cpu])
			come_back(r, cpu);
	free(k->online);
	k->online = now;
}
