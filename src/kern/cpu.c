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
