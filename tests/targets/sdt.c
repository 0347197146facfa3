/* SDT sites with arguments of all kinds, and one with a semaphore. */
#define _SDT_HAS_SEMAPHORES 1
#include <sys/sdt.h>

__extension__ unsigned short prov_guarded_semaphore
	__attribute__((unused, section(".probes")));
__extension__ unsigned short prov_three_semaphore __attribute__((unused, section(".probes")));
__extension__ unsigned short prov_one__dash_semaphore __attribute__((unused, section(".probes")));
__extension__ unsigned short prov_none_semaphore __attribute__((unused, section(".probes")));
__extension__ unsigned short other_sizes_semaphore __attribute__((unused, section(".probes")));

int g = 42;

__attribute__((noinline)) static int work(int a, const long *p, long c)
{
	DTRACE_PROBE3(prov, three, a, *p, c);
	return a + (int)c;
}

int main(int argc, char **argv)
{
	long x = argc;
	int r = work(argc, &x, 7);

	(void)argv;
	DTRACE_PROBE1(prov, one__dash, r);
	DTRACE_PROBE(prov, none);
	if (prov_guarded_semaphore)
		DTRACE_PROBE2(prov, guarded, r, 5);
	DTRACE_PROBE4(other, sizes, (char)r, (short)-3, g, 77ul);
	DTRACE_PROBE3(prov, three, -1, 2, 3);
	return 0;
}
