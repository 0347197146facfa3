/* Names of kernel functions that mean system calls: scripts ask for sys_open as the kernel's function was
 * called once, SyS_open and __x64_sys_open as it was later. A probe at such a function is a probe at the
 * system call: then its arguments have names, and it works where no function can be probed. See kernel.h. */
#include <fnmatch.h>
#include <string.h>

#include "probe/kernel.h"
#include "rt/names.h"
#include "session.h"

enum { MAX_NUMBER = 1024 }; /* of system calls */

static const char *const prefixes[] = {"sys_", "SyS_", "__x64_sys_", "__se_sys_", "__do_sys_"};

/* How scripts and older kernels call them, where that differs from the kernel's name. */
static const char *const other_names[][2] = {
	{"stat", "newstat"},	 {"fstat", "newfstat"},	  {"lstat", "newlstat"},
	{"fstatat", "newfstatat"}, {"uname", "newuname"}, {"pread", "pread64"},
	{"pwrite", "pwrite64"},	 {"sendfile", "sendfile64"}, {"umount", "umount2"},
};

static const char *call_of(const char *name)
{
	if (rt_syscall_number(name) >= 0)
		return name;
	for (size_t i = 0; i < sizeof(other_names) / sizeof(other_names[0]); i++)
		for (int k = 0; k < 2; k++)
			if (strcmp(name, other_names[i][k]) == 0 &&
			    rt_syscall_number(other_names[i][!k]) >= 0)
				return other_names[i][!k];
	return NULL;
}

void kernel_find_syscalls(struct session *s, const char *pattern, bool wild, kernel_syscalls *out)
{
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		size_t n = strlen(prefixes[i]);
		const char *call, *name;

		if (strncmp(pattern, prefixes[i], n) != 0)
			continue;
		if (!wild && (call = call_of(pattern + n)) != NULL)
			vec_push(out, &s->arena, (struct kernel_syscall){pattern, call});
		for (int64_t k = 0; wild && k < MAX_NUMBER; k++)
			if ((name = rt_syscall_name(k)) != NULL && fnmatch(pattern + n, name, 0) == 0)
				vec_push(out, &s->arena, (struct kernel_syscall){
					arena_printf(&s->arena, "%s%s", prefixes[i], name), name});
	}
}

#ifdef TAPIR_TEST
#include "base/test.h"

TEST(kernel_functions_of_system_calls)
{
	struct session s = {0};
	kernel_syscalls v = {0};

	kernel_find_syscalls(&s, "sys_openat", false, &v);
	kernel_find_syscalls(&s, "SyS_getppid", false, &v);
	kernel_find_syscalls(&s, "__x64_sys_newfstat", false, &v);
	CHECK_INT(v.n, 3);
	CHECK_STR(v.v[0].function, "sys_openat");
	CHECK_STR(v.v[0].call, "openat");
	CHECK_STR(v.v[1].call, "getppid");
	CHECK_STR(v.v[2].call, "fstat");
	v.n = 0;
	kernel_find_syscalls(&s, "vfs_read", false, &v);
	kernel_find_syscalls(&s, "sys_no_such_call", false, &v);
	CHECK_INT(v.n, 0);
	kernel_find_syscalls(&s, "sys_epoll_*", true, &v);
	CHECK(v.n >= 4);
	CHECK(strncmp(v.v[0].function, "sys_epoll_", 10) == 0);
	arena_release(&s.arena);
}
#endif
