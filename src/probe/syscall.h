/* Probes at system calls, for the families that stand on them. */
#ifndef PROBE_SYSCALL_H
#define PROBE_SYSCALL_H

#include <stdbool.h>

struct session;
struct probe_inst;

/* An instance at the entry or the return of the call that the kernel names so ("openat"), NULL: there is
 * none. Its family, syscall_family, knows the call's parameters ($dfd); point and name are the caller's. */
struct probe_inst *syscall_instance(struct session *s, const char *name, bool is_return);

#endif
