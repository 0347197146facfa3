/* See caps.h. */
#include "kern/caps.h"

#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

const char *kern_missing_caps(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}};
	uint64_t has;
	bool bpf, perfmon;

	if (syscall(SYS_capget, &head, data) < 0)
		return NULL;
	has = data[0].effective | (uint64_t)data[1].effective << 32;
	if (has >> CAP_SYS_ADMIN & 1)
		return NULL;
	bpf = has >> CAP_BPF & 1;
	perfmon = has >> CAP_PERFMON & 1;
	if (bpf && perfmon)
		return NULL;
	return bpf ? "CAP_PERFMON" : perfmon ? "CAP_BPF" : "CAP_BPF and CAP_PERFMON";
}
