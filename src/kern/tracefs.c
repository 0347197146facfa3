/* See tracefs.h. */
#include "kern/tracefs.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/str.h"

/* fsopen(2) and its kin are newer than the C library's headers. */
enum { CLOEXEC = 1, CMD_CREATE = 6 };

/* A mount that is nowhere in the tree of files: it goes with its descriptor. */
static int mount_detached(void)
{
	int fs = (int)syscall(SYS_fsopen, "tracefs", CLOEXEC), mount = -1;

	if (fs < 0)
		return -1;
	if (syscall(SYS_fsconfig, fs, CMD_CREATE, NULL, NULL, 0) == 0)
		mount = (int)syscall(SYS_fsmount, fs, CLOEXEC, 0);
	close(fs);
	return mount;
}

/* The folder, -1: there is none. */
static int folder(void)
{
	static const char *const places[] = {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"};
	static int known = -1;
	static bool tried;

	for (size_t i = 0; !tried && known < 0 && i < sizeof(places) / sizeof(places[0]); i++) {
		known = open(places[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (known >= 0 && faccessat(known, "available_events", R_OK, 0) < 0) {
			close(known);
			known = -1;
		}
	}
	if (!tried && known < 0)
		known = mount_detached();
	tried = true;
	return known;
}

const char *kern_tracefs_read(struct arena *a, const char *path, size_t *size)
{
	int fd = folder() < 0 ? -1 : openat(folder(), path, O_RDONLY | O_CLOEXEC);
	struct str text = {0};
	const char *result;
	ssize_t n;

	if (fd < 0)
		return NULL;
	do {
		n = read(fd, str_room(&text, 65536), 65536);
		if (n > 0)
			text.len += (size_t)n;
	} while (n > 0);
	close(fd);
	result = n < 0 ? NULL : arena_strndup(a, text.s, text.len);
	*size = text.len;
	str_release(&text);
	return result;
}

#ifdef TAPIR_TEST
#include <string.h>

#include "base/test.h"

TEST(tracefs_mounted_or_not)
{
	struct arena a = {0};
	size_t n;
	const char *text = kern_tracefs_read(&a, "available_events", &n);

	if (geteuid() == 0 && access("/sys/kernel/tracing", F_OK) == 0) {
		CHECK(text != NULL);
		CHECK(text && strstr(text, "sched:sched_switch\n"));
		CHECK_INT(text ? strlen(text) : 0, n);
	}
	CHECK(kern_tracefs_read(&a, "no/such/file", &n) == NULL);
	arena_release(&a);
}
#endif
