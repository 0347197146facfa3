/* See caps.h. */
#include "kern/caps.h"

#include <linux/capability.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool has(int capability)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}};

	/* Who cannot ask is told by the kernel's answers. */
	return syscall(SYS_capget, &head, data) < 0 ||
	       data[capability / 32].effective >> capability % 32 & 1;
}

bool kern_is_admin(void)
{
	return has(CAP_SYS_ADMIN);
}

const char *kern_missing_caps(void)
{
	bool bpf = has(CAP_BPF), perfmon = has(CAP_PERFMON);

	if (kern_is_admin())
		return NULL;
	if (bpf && perfmon)
		return NULL;
	return bpf ? "CAP_PERFMON" : perfmon ? "CAP_BPF" : "CAP_BPF and CAP_PERFMON";
}
