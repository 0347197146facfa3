/* See cpu.h. */
#include "kern/cpu.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int kern_possible_cpus(void)
{
	static int known;
	FILE *f;
	int n, last = -1;
	char c;

	if (known)
		return known;
	f = fopen("/sys/devices/system/cpu/possible", "re");
	/* "0-3,8-11": one more than the last number */
	while (f && fscanf(f, "%d%c", &n, &c) >= 1)
		last = n;
	if (f)
		fclose(f);
	known = last >= 0 ? last + 1 : (int)sysconf(_SC_NPROCESSORS_CONF);
	return known;
}

void kern_online_cpus(bool *v)
{
	FILE *f = fopen("/sys/devices/system/cpu/online", "re");
	int n = kern_possible_cpus(), first, last;

	for (int i = 0; i < n; i++)
		v[i] = !f;
	while (f && fscanf(f, "%d", &first) == 1) {
		last = first;
		if (fscanf(f, "-%d", &last) < 0)
			last = first;
		for (int i = first; i <= last && i < n; i++)
			v[i] = true;
		if (getc(f) != ',')
			break;
	}
	if (f)
		fclose(f);
}

int kern_cpu_events_open(void)
{
	enum { FROM_KERNEL = 1 }; /* group 2 is what udev passes on */
	struct sockaddr_nl a = {.nl_family = AF_NETLINK, .nl_groups = FROM_KERNEL};
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
	int err;

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

/* "online@/devices/system/cpu/cpu3", and more behind a NUL. */
static enum kern_cpu_event parse_event(const char *text, int cpus, int *cpu)
{
	static const char on[] = "online@/devices/system/cpu/cpu", off[] = "offline@/devices/system/cpu/cpu";
	bool is_on = strncmp(text, on, sizeof(on) - 1) == 0;
	const char *number = text + (is_on ? sizeof(on) : sizeof(off)) - 1;
	char rest;

	if (!is_on && strncmp(text, off, sizeof(off) - 1) != 0)
		return KERN_CPU_NO_EVENT;
	if (sscanf(number, "%d%c", cpu, &rest) != 1 || *cpu < 0 || *cpu >= cpus)
		return KERN_CPU_NO_EVENT;
	return is_on ? KERN_CPU_ON : KERN_CPU_OFF;
}

enum kern_cpu_event kern_cpu_events_next(int fd, int *cpu)
{
	for (;;) {
		char text[4096];
		struct sockaddr_nl from = {0};
		socklen_t size = sizeof(from);
		ssize_t n = recvfrom(fd, text, sizeof(text) - 1, 0, (struct sockaddr *)&from, &size);
		enum kern_cpu_event e;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == ENOBUFS ? KERN_CPU_EVENTS_LOST : KERN_CPU_NO_EVENT;
		if (from.nl_pid != 0) /* not the kernel */
			continue;
		text[n] = '\0';
		e = parse_event(text, kern_possible_cpus(), cpu);
		if (e != KERN_CPU_NO_EVENT)
			return e;
	}
}

#ifdef TAPIR_TEST
#include "base/test.h"

TEST(kern_cpu_events_are_told_apart)
{
	int cpu = -1;

	CHECK_INT(parse_event("online@/devices/system/cpu/cpu3", 4, &cpu), KERN_CPU_ON);
	CHECK_INT(cpu, 3);
	CHECK_INT(parse_event("offline@/devices/system/cpu/cpu12", 16, &cpu), KERN_CPU_OFF);
	CHECK_INT(cpu, 12);
	CHECK_INT(parse_event("online@/devices/system/cpu/cpu4", 4, &cpu), KERN_CPU_NO_EVENT);
	CHECK_INT(parse_event("online@/devices/system/cpu/cpufreq", 4, &cpu), KERN_CPU_NO_EVENT);
	CHECK_INT(parse_event("online@/devices/system/cpu/cpu1/cache", 4, &cpu), KERN_CPU_NO_EVENT);
	CHECK_INT(parse_event("online@/devices/system/memory/memory1", 4, &cpu), KERN_CPU_NO_EVENT);
	CHECK_INT(parse_event("off", 4, &cpu), KERN_CPU_NO_EVENT);
}
#endif
