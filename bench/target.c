/* What the benchmarks trace: a function that is called often and reports what a call costs.
 *
 *	target CALLS [ROUNDS]     ns a call, the least of the rounds, on standard output
 *	target 0                  calls it every 100 us for ever */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

__attribute__((noipa)) long work(long n, const char *name)
{
	return n + name[0];
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

int main(int argc, char **argv)
{
	static const char *const names[] = {"alpha", "beta", "gamma", "delta"};
	long calls = argc > 1 ? atol(argv[1]) : 0, rounds = argc > 2 ? atol(argv[2]) : 1;
	volatile long sink = 0;
	double least = 0;

	while (!calls) {
		sink += work(sink, names[0]);
		usleep(100);
	}
	for (long r = 0; r < rounds; r++) {
		double start = now(), each;

		for (long i = 0; i < calls; i++)
			sink += work(i & 1023, names[i & 3]);
		each = (now() - start) / (double)calls;
		least = r == 0 || each < least ? each : least;
	}
	printf("%.1f\n", least);
	return 0;
}
