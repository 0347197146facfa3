/* See mappings.h. One event a CPU, each with a ring of its own. */
#include "kern/mappings.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "kern/cpu.h"

enum { RING_PAGES = 64, MAX_RECORD = 65536 };

struct ring {
	int fd;
	struct perf_event_mmap_page *head; /* the data follow it */
};

struct kern_mappings {
	struct ring *rings;
	int n;
	size_t page;
	unsigned char *record; /* one that reaches over the end of a ring, in one piece */
};

static int open_event(int cpu)
{
	struct perf_event_attr a = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(a),
		.config = PERF_COUNT_SW_DUMMY,
		.sample_type = PERF_SAMPLE_TIME,
		.mmap = 1,
		.mmap2 = 1,
		.comm = 1,
		.comm_exec = 1,
		.task = 1,
		.sample_id_all = 1,
		.use_clockid = 1,
		.clockid = CLOCK_MONOTONIC,
	};
	long fd = syscall(SYS_perf_event_open, &a, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : (int)fd;
}

struct kern_mappings *kern_mappings_open(int *err)
{
	struct kern_mappings *w = xcalloc(1, sizeof(*w));
	int cpus = kern_possible_cpus();

	w->page = (size_t)sysconf(_SC_PAGESIZE);
	w->rings = xcalloc((size_t)cpus, sizeof(*w->rings));
	w->record = xmalloc(MAX_RECORD);
	for (int cpu = 0; cpu < cpus; cpu++) {
		struct ring *r = &w->rings[w->n];
		void *p;

		r->fd = open_event(cpu);
		if (r->fd == -ENODEV) /* not there, or off */
			continue;
		if (r->fd < 0) {
			*err = r->fd;
			kern_mappings_close(w);
			return NULL;
		}
		p = mmap(NULL, (1 + RING_PAGES) * w->page, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
		if (p == MAP_FAILED) {
			*err = -errno;
			close(r->fd);
			kern_mappings_close(w);
			return NULL;
		}
		r->head = p;
		w->n++;
	}
	return w;
}

void kern_mappings_close(struct kern_mappings *w)
{
	if (!w)
		return;
	for (int i = 0; i < w->n; i++) {
		munmap(w->rings[i].head, (1 + RING_PAGES) * w->page);
		close(w->rings[i].fd);
	}
	free(w->rings);
	free(w->record);
	free(w);
}

/* Records as the kernel writes them; each ends with its time. */
struct mmap2_record {
	struct perf_event_header head;
	uint32_t pid, tid;
	uint64_t addr, len, pgoff;
	uint32_t maj, min;
	uint64_t ino, ino_generation;
	uint32_t prot, flags;
	char path[];
};

struct task_record {
	struct perf_event_header head;
	uint32_t pid, ppid, tid, ptid;
};

struct comm_record {
	struct perf_event_header head;
	uint32_t pid, tid;
};

static void hand_over(const struct perf_event_header *h,
		      void (*event)(void *cookie, const struct kern_mapping *m), void *cookie)
{
	const struct mmap2_record *map = (const void *)h;
	const struct task_record *task = (const void *)h;
	const struct comm_record *comm = (const void *)h;
	struct kern_mapping m = {0};

	memcpy(&m.time_ns, (const char *)h + h->size - 8, 8);
	switch (h->type) {
	case PERF_RECORD_MMAP2:
		if (h->size < sizeof(*map) + 16)
			return;
		m.kind = KERN_MAPPED;
		m.pid = map->pid;
		m.start = map->addr;
		m.end = map->addr + map->len;
		m.offset = map->pgoff;
		m.inode = map->ino;
		m.major = map->maj;
		m.minor = map->min;
		m.path = map->path;
		break;
	case PERF_RECORD_FORK:
		if (h->size < sizeof(*task) || task->pid == task->ppid)
			return; /* a thread */
		m.kind = KERN_FORKED;
		m.pid = task->pid;
		m.parent = task->ppid;
		break;
	case PERF_RECORD_COMM:
		if (h->size < sizeof(*comm) || !(h->misc & PERF_RECORD_MISC_COMM_EXEC))
			return;
		m.kind = KERN_EXECED;
		m.pid = comm->pid;
		break;
	default:
		return;
	}
	event(cookie, &m);
}

static void read_ring(struct kern_mappings *w, struct ring *r,
		      void (*event)(void *cookie, const struct kern_mapping *m), void *cookie)
{
	const unsigned char *data = (const unsigned char *)r->head + w->page;
	uint64_t size = RING_PAGES * w->page, at = r->head->data_tail;
	uint64_t end = __atomic_load_n(&r->head->data_head, __ATOMIC_ACQUIRE);

	while (end - at >= sizeof(struct perf_event_header)) {
		const struct perf_event_header *h = (const void *)(data + at % size);
		uint64_t left = size - at % size, n = h->size;

		if (n < sizeof(*h) + 8 || n > end - at)
			break;
		if (n > left) {
			memcpy(w->record, h, left);
			memcpy(w->record + left, data, n - left);
			h = (const void *)w->record;
		}
		hand_over(h, event, cookie);
		at += n;
	}
	__atomic_store_n(&r->head->data_tail, end, __ATOMIC_RELEASE);
}

void kern_mappings_read(struct kern_mappings *w,
			void (*event)(void *cookie, const struct kern_mapping *m), void *cookie)
{
	for (int i = 0; i < w->n; i++)
		read_ring(w, &w->rings[i], event, cookie);
}

#ifdef TAPIR_TEST
#include <stdio.h>
#include <sys/wait.h>

#include "base/test.h"

static void note(void *cookie, const struct kern_mapping *m)
{
	uint32_t *seen = cookie;

	if (m->kind == KERN_FORKED && m->parent == (uint32_t)getpid() && m->pid == seen[0])
		seen[1]++;
	if (m->pid == seen[0] && m->kind == KERN_EXECED)
		seen[2]++;
	if (m->pid == seen[0] && m->kind == KERN_MAPPED && strstr(m->path, "/true"))
		seen[3] += m->end > m->start && m->inode;
}

TEST(mappings_of_a_short_life)
{
	uint32_t seen[4] = {0};
	struct kern_mappings *w;
	pid_t pid;
	int err;

	w = kern_mappings_open(&err);
	if (!w) {
		fprintf(stderr, "mappings: skipped, perf_event_open: %s\n", strerror(-err));
		return;
	}
	pid = fork();
	if (!pid) {
		execl("/bin/true", "true", (char *)NULL);
		_exit(1);
	}
	waitpid(pid, NULL, 0);
	seen[0] = (uint32_t)pid;
	kern_mappings_read(w, note, seen);
	kern_mappings_close(w);
	CHECK_INT(seen[1], 1);
	CHECK_INT(seen[2], 1);
	CHECK(seen[3] > 0);
}
#endif
