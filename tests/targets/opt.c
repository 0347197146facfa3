/* Optimized code: an inlined function in two places, a part of its own for the unlikely. */
#include <stdlib.h>

static inline __attribute__((always_inline)) int twice(int n)
{
	int r = n * 2;

	return r + (int)(n > 100);
}

__attribute__((noinline)) int first(int a)
{
	return twice(a) + 1;
}

__attribute__((noinline)) int second(int a, int b)
{
	if (__builtin_expect(a == 12345, 0)) {
		abort();
	}
	return twice(a) - twice(b);
}

int main(int argc, char **argv)
{
	(void)argv;
	return first(argc) + second(argc, 2) > 1000;
}
