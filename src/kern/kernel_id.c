/* See kernel_id.h. The kernel shows the notes of its executable. */
#include "kern/kernel_id.h"

#include <elf.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MAX_ID = (KERN_ID_TEXT - 1) / 2 };

static size_t padded(uint32_t n)
{
	return ((size_t)n + 3) & ~(size_t)3;
}

/* Leaves the text as it is if there is none. */
static void read_id(const char *path, char text[KERN_ID_TEXT])
{
	unsigned char notes[4096];
	ssize_t size;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	size = read(fd, notes, sizeof(notes));
	close(fd);
	for (size_t at = 0; size > 0 && at + sizeof(Elf64_Nhdr) <= (size_t)size;) {
		Elf64_Nhdr h;
		size_t name = at + sizeof(h), value;

		memcpy(&h, notes + at, sizeof(h));
		value = name + padded(h.n_namesz);
		at = value + padded(h.n_descsz);
		if (h.n_namesz > sizeof(notes) || h.n_descsz > sizeof(notes) || at > (size_t)size)
			break;
		if (h.n_type != NT_GNU_BUILD_ID || h.n_namesz != 4 || h.n_descsz > MAX_ID ||
		    memcmp(notes + name, "GNU", 4) != 0)
			continue;
		for (uint32_t i = 0; i < h.n_descsz; i++)
			snprintf(text + 2 * i, 3, "%02x", notes[value + i]);
		break;
	}
}

const char *kern_build_id(void)
{
	static char text[KERN_ID_TEXT];
	static bool known;

	if (!known)
		read_id("/sys/kernel/notes", text);
	known = true;
	return text;
}

void kern_module_build_id(const char *module, char text[KERN_ID_TEXT])
{
	char path[256];

	*text = 0;
	if (!strchr(module, '/') && snprintf(path, sizeof(path), "/sys/module/%s/notes/.note.gnu.build-id",
					     module) < (int)sizeof(path))
		read_id(path, text);
}
