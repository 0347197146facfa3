/* See cpu.h. */
#include "kern/cpu.h"

#include <stdio.h>
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
