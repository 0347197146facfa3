/* Stands in for a kernel's executable: debug information of functions, none of which runs. */
struct point { long x, y; };
struct line { struct point from, to; const char *name; unsigned flag : 3; };
int counter = 5;
struct line last;
__attribute__((section(".data..percpu"))) long per_cpu_one = 1;

static inline __attribute__((always_inline)) long length(struct line *l)
{
	long n = l->to.x - l->from.x;

	if (n < 0)
		n = -n;
	return n;
}

__attribute__((noinline)) long measure(struct line *l, int times)
{
	long sum = 0;

	for (int i = 0; i < times; i++) {
		sum += length(l);
		__asm__ volatile("" : "+r"(sum));
	}
	counter++;
	last = *l;
	return sum;
}

static __attribute__((noinline)) int helper(int a)
{
	__asm__ volatile("");
	return a + counter;
}

int outer(int a, struct line *l)
{
	if (a > 3)
		goto out;
	a += helper(a) + (int)length(l);
out:
	return a + (int)measure(l, a);
}
__attribute__((section(".init.text"))) int early(int a) { return a + 1; }
void start(void) {}
