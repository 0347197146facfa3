/* A library with a local, an exported and a mark-holding function. */
#include <stdio.h>
#include <sys/sdt.h>

int vf(int a);
void vg(void);

static __attribute__((noinline)) int sfun(int a)
{
	if (a > 100)
		goto again;
	a++;
again:
	return a * 2;
}

int vf(int a)
{
	DTRACE_PROBE1(lib, called, a);
	return sfun(a) + 1;
}

void vg(void)
{
	puts("vg");
}
