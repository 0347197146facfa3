/* What a pass cost, for the lines of -v. */
#include <stdio.h>
#include <unistd.h>

#include "cli/cli.h"
#include "session.h"

void pass_clock_start(const struct session *s, struct pass_clock *c)
{
	bool wanted = false;

	for (int i = 1; i <= 5; i++)
		wanted |= s->opt.verbose[i] > 0;
	if (!wanted)
		return;
	clock_gettime(CLOCK_MONOTONIC, &c->real);
	getrusage(RUSAGE_SELF, &c->usage);
}

static long ms_between(struct timeval a, struct timeval b)
{
	return (b.tv_sec - a.tv_sec) * 1000 + (b.tv_usec - a.tv_usec) / 1000;
}

void pass_clock_report(const struct pass_clock *c, bool with_memory)
{
	long pages[6] = {0}, kb = sysconf(_SC_PAGESIZE) / 1024;
	struct timespec now;
	struct rusage usage;
	FILE *f;

	clock_gettime(CLOCK_MONOTONIC, &now);
	getrusage(RUSAGE_SELF, &usage);
	f = with_memory ? fopen("/proc/self/statm", "re") : NULL;
	/* size resident shared text lib data */
	if (f && fscanf(f, "%ld %ld %ld %ld %ld %ld", &pages[0], &pages[1], &pages[2], &pages[3],
			&pages[4], &pages[5]) == 6)
		fprintf(stderr, "using %ldvirt/%ldres/%ldshr/%lddata kb, ", pages[0] * kb,
			pages[1] * kb, pages[2] * kb, pages[5] * kb);
	if (f)
		fclose(f);
	fprintf(stderr, "in %ldusr/%ldsys/%ldreal ms.\n",
		ms_between(c->usage.ru_utime, usage.ru_utime),
		ms_between(c->usage.ru_stime, usage.ru_stime),
		(long)(now.tv_sec - c->real.tv_sec) * 1000 +
			(now.tv_nsec - c->real.tv_nsec) / 1000000);
}
