/* Privileges of this process. */
#ifndef KERN_CAPS_H
#define KERN_CAPS_H

#include <stdbool.h>

/* Which of those that tracing needs this process lacks: "CAP_BPF and CAP_PERFMON", or one of them; NULL:
 * none. CAP_SYS_ADMIN stands for both. The text is static. */
const char *kern_missing_caps(void);
/* Has it CAP_SYS_ADMIN, which older kernels want for uprobes by perf events? */
bool kern_is_admin(void);

#endif
