/* See perf.h. */
#include "kern/perf.h"

#include <errno.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kern/bpf.h"

static int open_event(const struct kern_perf_event *e, bool stopped, int pid, int cpu)
{
	struct perf_event_attr a = {.type = e->type, .size = sizeof(a), .config = e->config,
				    .disabled = stopped, .inherit = pid > 0};
	long fd;

	if (e->type == PERF_TYPE_BREAKPOINT) {
		a.bp_type = e->access;
		a.bp_addr = e->watched;
		a.bp_len = e->length;
	}
	if (e->hz) {
		a.freq = 1;
		a.sample_freq = e->hz;
	} else {
		a.sample_period = e->period;
	}
	fd = syscall(SYS_perf_event_open, &a, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : (int)fd;
}

static int sample(int prog, int event, uint64_t cookie)
{
	int link;

	if (event < 0)
		return event;
	link = kern_perf_link(prog, event, cookie);
	close(event);
	return link;
}

int kern_perf_sample(int prog, const struct kern_perf_event *e, int cpu, uint64_t cookie)
{
	return sample(prog, open_event(e, false, -1, cpu), cookie);
}

int kern_perf_sample_thread(int prog, const struct kern_perf_event *e, int tid, uint64_t cookie)
{
	return sample(prog, open_event(e, false, tid, -1), cookie);
}

int kern_perf_counter(const struct kern_perf_event *e, int cpu)
{
	return open_event(e, true, -1, cpu);
}

int kern_perf_start(int counter)
{
	return ioctl(counter, PERF_EVENT_IOC_ENABLE, 0) < 0 ? -errno : 0;
}

int kern_perf_try(const struct kern_perf_event *e)
{
	/* Of this process: that is allowed to more users. */
	int fd = open_event(e, false, 0, -1);

	if (fd == -EACCES || fd == -EPERM)
		return 0;
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

/* Some virtual machines take breakpoints and never hit them. */
int kern_perf_try_watching(void)
{
	volatile uint64_t memory = 0;
	struct kern_perf_event e = {.type = PERF_TYPE_BREAKPOINT, .watched = (uint64_t)(uintptr_t)&memory,
				    .length = sizeof(memory), .access = HW_BREAKPOINT_W};
	int fd = open_event(&e, false, 0, -1);
	uint64_t n = 0;

	if (fd < 0)
		return fd == -EACCES || fd == -EPERM ? 0 : fd;
	memory = 1;
	if (read(fd, &n, sizeof(n)) != sizeof(n))
		n = 0;
	close(fd);
	return n ? 0 : -ENODEV;
}

static unsigned long long highest_rate(void)
{
	FILE *f = fopen("/proc/sys/kernel/perf_event_max_sample_rate", "re");
	unsigned long long n = 0;

	if (f && fscanf(f, "%llu", &n) != 1)
		n = 0;
	if (f)
		fclose(f);
	return n;
}

const char *kern_perf_reason(const struct kern_perf_event *e, int error)
{
	bool hardware = e->type == PERF_TYPE_HARDWARE || e->type == PERF_TYPE_HW_CACHE ||
			e->type == PERF_TYPE_RAW;

	if (e->type == PERF_TYPE_BREAKPOINT && error == -ENOSPC)
		return "all that the processor can watch is in use (four places on x86-64)";
	if (e->type == PERF_TYPE_BREAKPOINT && error == -EINVAL)
		return "no place that can be watched";
	if (e->type == PERF_TYPE_BREAKPOINT && error == -ENODEV)
		return "this machine has no breakpoints for it (some virtual machines have none)";
	switch (-error) {
	case ENOENT:
	case ENODEV:
	case EOPNOTSUPP:
		if (hardware)
			return "this machine has no hardware counter for it (virtual machines often "
			       "have none)";
		return "the kernel knows no such event";
	case EINVAL:
		if (e->hz && e->hz > highest_rate())
			return "the rate is above the kernel's limit "
			       "(/proc/sys/kernel/perf_event_max_sample_rate)";
		return "the kernel knows no such event";
	case EACCES:
	case EPERM:
		return "it needs the privileges of root (CAP_PERFMON)";
	case EMFILE:
		return "too many open files";
	default:
		return strerror(-error);
	}
}

#ifdef TAPIR_TEST
#include "base/test.h"

TEST(kern_perf_counts_when_started)
{
	struct kern_perf_event e = {.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_CPU_CLOCK};
	uint64_t n = 1;
	int fd = kern_perf_counter(&e, 0);

	CHECK_INT(kern_perf_try(&e), 0);
	if (fd < 0) { /* not allowed */
		CHECK(fd == -EACCES || fd == -EPERM);
		return;
	}
	CHECK(read(fd, &n, sizeof(n)) == sizeof(n));
	CHECK_INT(n, 0);
	CHECK_INT(kern_perf_start(fd), 0);
	CHECK(read(fd, &n, sizeof(n)) == sizeof(n));
	CHECK(n > 0);
	close(fd);
}

TEST(kern_perf_tells_why)
{
	struct kern_perf_event e = {.type = PERF_TYPE_SOFTWARE, .config = 12345, .period = 1};

	CHECK(kern_perf_try(&e) < 0);
	CHECK_STR(kern_perf_reason(&e, kern_perf_try(&e)), "the kernel knows no such event");
	e = (struct kern_perf_event){.type = PERF_TYPE_SOFTWARE, .hz = 1u << 30};
	CHECK(strstr(kern_perf_reason(&e, -EINVAL), "perf_event_max_sample_rate"));
	e = (struct kern_perf_event){.type = PERF_TYPE_HARDWARE};
	CHECK(strstr(kern_perf_reason(&e, -ENOENT), "hardware counter"));
}
#endif
