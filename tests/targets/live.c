/* Calls functions that tests probe a known number of times:
 *
 *	live MODE [N [M]]
 *
 *	calls N       work(i, "name-i") for i = 0..N-1
 *	types         one call each with extreme values
 *	threads N M   N threads, each M times hit(thread, call, "tK")
 *	fork N        N children at a time, each fork_work(i)
 *	depth N       recursion
 *	forever       work(1, "forever") until killed
 *	ready         prints "ready", then as forever */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROBED __attribute__((noipa))

enum color { RED, GREEN = 5, BLUE = 200 };
enum level { LOW = -3, HIGH = 3 };
struct point {
	int x, y;
	char name[16];
	struct point *next;
	unsigned low : 3;
	int high : 5;
};

volatile int sink;
long total = -5;

PROBED int work(int n, const char *s)
{
	int twice = n * 2;
	sink = twice + s[0];
	return twice;
}

PROBED signed char types_signed(signed char c, short s, int i, long l, long long q)
{
	sink = (int)(c + s + i + l + q);
	return c;
}
PROBED unsigned short types_unsigned(unsigned char c, unsigned short s, unsigned i, unsigned long l, uint64_t q)
{
	sink = (int)(c + s + i + l + q);
	return s;
}
PROBED bool types_other(bool b, enum color k, enum level v, char c, const char *p, struct point *at)
{
	sink = b + k + v + c + !p + at->x;
	return !b;
}
PROBED long types_many(long a, long b, long c, long d, long e, long f, long g, long h)
{
	return a + b + c + d + e + f + g + h;
}
PROBED void *types_pointer(int *array, double d)
{
	sink = array[2] + (int)d;
	return array + 1;
}
PROBED void types_void(const char *s)
{
	sink = s != NULL;
}

static inline __attribute__((always_inline)) int small(int n)
{
	sink += n;
	return n + sink;
}

PROBED int uses_small(int n)
{
	return small(n) + small(n + 100);
}

PROBED int hit(int thread, int call, const char *name)
{
	return thread + call + name[0];
}
PROBED int other(int thread, int call)
{
	return thread + call;
}

struct job {
	pthread_t id;
	int number, calls;
	char name[16];
};
static pthread_barrier_t barrier;

static void *run_thread(void *arg)
{
	struct job *j = arg;

	pthread_barrier_wait(&barrier);
	for (int i = 0; i < j->calls; i++) {
		hit(j->number, i, j->name);
		other(j->number, i);
	}
	return NULL;
}

static void threads(int n, int calls)
{
	struct job *jobs = calloc((size_t)n, sizeof(*jobs));

	pthread_barrier_init(&barrier, NULL, (unsigned)n);
	for (int i = 0; i < n; i++) {
		jobs[i].number = i;
		jobs[i].calls = calls;
		snprintf(jobs[i].name, sizeof(jobs[i].name), "t%d", i);
		pthread_create(&jobs[i].id, NULL, run_thread, &jobs[i]);
	}
	for (int i = 0; i < n; i++)
		pthread_join(jobs[i].id, NULL);
}

PROBED int fork_work(int n)
{
	return n + 1;
}

PROBED int depth(int n)
{
	volatile int below = n > 0 ? depth(n - 1) : 0;

	return below + 1;
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "calls";
	int n = argc > 2 ? atoi(argv[2]) : 1, m = argc > 3 ? atoi(argv[3]) : 1;

	if (strcmp(mode, "calls") == 0) {
		for (int i = 0; i < n; i++) {
			char name[32];

			snprintf(name, sizeof(name), "name-%d", i);
			work(i, name);
		}
	} else if (strcmp(mode, "types") == 0) {
		struct point b = {.x = 7, .y = -8, .name = "second"};
		struct point a = {.x = 1, .y = -2, .name = "first", .next = &b, .low = 5, .high = -6};
		int array[] = {10, -20, 30, 40};

		types_signed(-128, -32768, INT32_MIN, INT64_MIN, INT64_MAX);
		types_signed(127, 32767, INT32_MAX, -1, 0);
		types_unsigned(255, 65535, UINT32_MAX, UINT64_MAX, 1ull << 63);
		types_unsigned(0, 1, 2, 3, 4);
		types_other(true, BLUE, LOW, 'x', "text \"q\"\n", &a);
		types_other(false, GREEN, HIGH, -1, "", &b);
		types_many(1, 2, 3, 4, 5, 6, 7, 8);
		types_pointer(array, 2.5);
		types_void("void");
		types_void(NULL);
		types_void((const char *)16);
		uses_small(1);
		uses_small(2);
	} else if (strcmp(mode, "threads") == 0) {
		threads(n, m);
	} else if (strcmp(mode, "fork") == 0) {
		for (int i = 0; i < n; i++)
			if (fork() == 0) {
				fork_work(i);
				_exit(0);
			}
		while (wait(NULL) > 0)
			;
		fork_work(n);
	} else if (strcmp(mode, "depth") == 0) {
		sink = depth(n);
	} else {
		if (strcmp(mode, "ready") == 0) {
			puts("ready");
			fflush(stdout);
		}
		for (;;) {
			work(1, "forever");
			usleep(1000);
		}
	}
	return 0;
}
