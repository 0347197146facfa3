/* Uses the machine in known ways, and tells what it did:
 *
 *	burn shares MS   MS ms of CPU time: heavy() does three times as much as light()
 *	burn events N    N new pages are touched, the CPU is given away N times, between begin_region()
 *	                 and end_region(): prints what getrusage() counted there in the second round, at
 *	                 least and at most: it is asked inside of the two and outside
 *	burn stack MS    MS ms in innermost(), called by inner(), called by outer() */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define PROBED __attribute__((noipa))

volatile unsigned long sink;

/* Each step needs the result of the one before: the time is that of n multiplications. */
#define CHAIN(n)                                                       \
	for (int i = 0; i < (n); i++)                                  \
		x = x * 6364136223846793005ul + 1

PROBED unsigned long heavy(unsigned long x)
{
	CHAIN(300000);
	return x;
}
PROBED unsigned long light(unsigned long x)
{
	CHAIN(100000);
	return x;
}
PROBED void begin_region(void)
{
	sink++;
}
PROBED void end_region(long faults, long switches)
{
	sink += (unsigned long)(faults + switches);
}

static long cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

PROBED int innermost(long ms)
{
	while (cpu_ms() < ms)
		sink = heavy(sink);
	return 1;
}
PROBED int inner(long ms)
{
	return innermost(ms) + 1;
}
PROBED int outer(long ms)
{
	return inner(ms) + 1;
}

static long faults(const struct rusage *u)
{
	return u->ru_minflt + u->ru_majflt;
}

static long switches(const struct rusage *u)
{
	return u->ru_nvcsw + u->ru_nivcsw;
}

static void region(int n, int tell)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *p = mmap(NULL, (size_t)n * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct timespec pause = {.tv_nsec = 100000};
	struct rusage before, first, last, after;

	if (p == MAP_FAILED)
		exit(1);
	madvise(p, (size_t)n * page, MADV_NOHUGEPAGE);
	getrusage(RUSAGE_SELF, &before);
	begin_region();
	getrusage(RUSAGE_SELF, &first);
	for (int i = 0; i < n; i++)
		p[(size_t)i * page] = 1;
	for (int i = 0; i < n; i++)
		nanosleep(&pause, NULL);
	getrusage(RUSAGE_SELF, &last);
	end_region(0, 0);
	getrusage(RUSAGE_SELF, &after);
	if (tell) {
		printf("faults %ld to %ld switches %ld to %ld\n", faults(&last) - faults(&first),
		       faults(&after) - faults(&before), switches(&last) - switches(&first),
		       switches(&after) - switches(&before));
		fflush(stdout);
	}
	munmap(p, (size_t)n * page);
}

int main(int argc, char **argv)
{
	int n = argc > 2 ? atoi(argv[2]) : 0;

	if (argc > 1 && strcmp(argv[1], "shares") == 0) {
		while (cpu_ms() < n) {
			sink = heavy(sink);
			sink = light(sink);
		}
	} else if (argc > 1 && strcmp(argv[1], "events") == 0) {
		region(n, 0);
		region(n, 1);
	} else if (argc > 1 && strcmp(argv[1], "stack") == 0) {
		return outer(n) == 0;
	} else {
		return 2;
	}
	return 0;
}
