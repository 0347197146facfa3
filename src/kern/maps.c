/* See maps.h. */
#include "kern/maps.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

static bool read_line(char *line, struct kern_mapped *m)
{
	static const char deleted[] = " (deleted)";
	size_t tail = sizeof(deleted) - 1;
	char mode[5];
	int at = 0;

	line[strcspn(line, "\n")] = 0;
	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64 " %n", &m->start, &m->end, mode,
		   &m->offset, &m->major, &m->minor, &m->inode, &at) < 7)
		return false;
	m->code = mode[2] == 'x';
	m->path = line + at;
	m->length = strlen(m->path);
	m->deleted = m->length > tail && strcmp(m->path + m->length - tail, deleted) == 0;
	if (m->deleted)
		m->length -= tail;
	return true;
}

bool kern_maps_each(long long pid, bool (*on_mapping)(void *cookie, const struct kern_mapped *m), void *cookie)
{
	char name[40], line[PATH_MAX + 200];
	struct kern_mapped m;
	FILE *f;

	snprintf(name, sizeof(name), "/proc/%lld/maps", pid);
	f = fopen(pid == KERN_SELF ? "/proc/self/maps" : name, "re");
	if (!f)
		return false;
	while (fgets(line, sizeof(line), f))
		if (read_line(line, &m) && !on_mapping(cookie, &m))
			break;
	fclose(f);
	return true;
}

void kern_mapped_link(long long pid, const struct kern_mapped *m, char link[KERN_MAPPED_LINK])
{
	snprintf(link, KERN_MAPPED_LINK, "/proc/%lld/map_files/%" PRIx64 "-%" PRIx64, pid, m->start, m->end);
}

#ifdef TAPIR_TEST
#include "base/test.h"

TEST(kern_maps_reads_lines)
{
	char file[] = "7f0000001000-7f0000003000 r-xp 00002000 fd:1f 1234                       /lib/a b.so (deleted)\n";
	char none[] = "7f0000001000-7f0000003000 rw-p 00000000 00:00 0 \n", bad[] = "7f0000001000 r-xp\n";
	char link[KERN_MAPPED_LINK];
	struct kern_mapped m;

	CHECK(read_line(file, &m));
	CHECK(m.start == 0x7f0000001000 && m.end == 0x7f0000003000 && m.offset == 0x2000 && m.inode == 1234);
	CHECK(m.major == 0xfd && m.minor == 0x1f && m.code && m.deleted);
	CHECK_STR(m.path, "/lib/a b.so (deleted)");
	CHECK_INT(m.length, strlen("/lib/a b.so"));
	kern_mapped_link(77, &m, link);
	CHECK_STR(link, "/proc/77/map_files/7f0000001000-7f0000003000");
	CHECK(read_line(none, &m));
	CHECK(!m.code && !m.deleted && !*m.path);
	CHECK(!read_line(bad, &m));
	CHECK(!kern_maps_each(0, NULL, NULL));
}
#endif
