/* See kernel_config.h. */
#include "run/kernel_config.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

int64_t kernel_hz(void)
{
	static int64_t hz;
	struct utsname u;
	char path[400], line[256];
	FILE *f;
	long n;

	if (hz)
		return hz;
	hz = 250;
	uname(&u);
	snprintf(path, sizeof(path), "/boot/config-%s", u.release);
	f = fopen(path, "re");
	if (!f)
		return hz;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "CONFIG_HZ=%ld", &n) == 1 && n > 0)
			hz = n;
	fclose(f);
	return hz;
}
