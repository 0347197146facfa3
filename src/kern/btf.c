/* See btf.h. */
#include "kern/btf.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"

#define FOLDER "/sys/kernel/btf/"

/* Since 6.16 the kernel's file can be mapped; others have to be read. */
static struct btf *open_file(const char *path, struct btf *base)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct btf *b = NULL;
	struct stat st;
	size_t size, got = 0;
	char *buf;
	void *p;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size <= 0) {
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	size = (size_t)st.st_size;
	p = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p != MAP_FAILED) {
		b = btf_open(p, size, base);
		if (!b)
			munmap(p, size);
		close(fd);
		return b;
	}
	buf = malloc(size);
	while (buf && got < size) {
		ssize_t k = read(fd, buf + got, size - got);

		if (k <= 0)
			break;
		got += (size_t)k;
	}
	close(fd);
	if (buf && got == size)
		b = btf_open(buf, size, base);
	if (!b)
		free(buf);
	return b;
}

struct btf *kern_btf(void)
{
	static struct btf *kernel;
	static bool tried;

	if (!tried)
		kernel = open_file(FOLDER "vmlinux", NULL);
	tried = true;
	return kernel;
}

struct btf *kern_module_btf(const char *module)
{
	static struct opened {
		const char *name;
		struct btf *btf;
		struct opened *next;
	} *all;
	struct opened *m = all;
	char path[256];

	while (m && strcmp(m->name, module) != 0)
		m = m->next;
	if (m)
		return m->btf;
	m = xcalloc(1, sizeof(*m));
	m->name = xstrdup(module);
	m->next = all;
	all = m;
	if (kern_btf() && !strchr(module, '/') &&
	    snprintf(path, sizeof(path), FOLDER "%s", module) < (int)sizeof(path))
		m->btf = open_file(path, kern_btf());
	return m->btf;
}

void kern_btf_modules(struct arena *a, name_list *out)
{
	DIR *dir = opendir(FOLDER);
	const struct dirent *d;

	while (dir && (d = readdir(dir)) != NULL)
		if (d->d_name[0] != '.' && strcmp(d->d_name, "vmlinux") != 0)
			vec_push(out, a, arena_strdup(a, d->d_name));
	if (dir)
		closedir(dir);
}

int kern_btf_tracepoint(const char *name)
{
	struct btf *b = kern_btf();
	char typedef_name[128];
	uint32_t id;

	snprintf(typedef_name, sizeof(typedef_name), "btf_trace_%s", name);
	id = b ? btf_find(b, typedef_name, 1u << BTF_KIND_TYPEDEF) : 0;
	id = id ? btf_peel(b, btf_type(b, id)->type) : 0;
	if (id && btf_kind(b, id) == BTF_KIND_PTR)
		id = btf_type(b, id)->type;
	if (!id || btf_kind(b, id) != BTF_KIND_FUNC_PROTO)
		return -1;
	return (int)BTF_INFO_VLEN(btf_type(b, id)->info) - 1;
}

bool kern_btf_members(struct kern_member *v, size_t n)
{
	uint32_t *ids = xcalloc(n + 1, sizeof(*ids));
	struct btf *b = kern_btf();
	bool all = true;

	for (size_t i = 0; i < n; i++) {
		struct btf_place at;
		uint32_t id;
		size_t same = 0;

		/* Finding a type takes a walk through all names of the kernel. */
		while (strcmp(v[same].type, v[i].type) != 0)
			same++;
		if (same == i)
			ids[i] = b ? btf_find(b, v[i].type, 1u << BTF_KIND_STRUCT) : 0;
		id = ids[i] = ids[same];

		v[i].found = id != 0;
		if (id && !*v[i].member)
			v[i].offset = (uint32_t)btf_size(b, id);
		else if (id && (v[i].found = btf_member(b, id, v[i].member, &at)))
			v[i].offset = (uint32_t)at.offset;
		all &= v[i].found;
	}
	free(ids);
	return all;
}

#ifdef TAPIR_TEST
#include "base/test.h"

TEST(btf_members_of_the_running_kernel)
{
	struct kern_member v[] = {{"task_struct", "pid", 0, false},
				  {"task_struct", "tgid", 0, false},
				  {"signal_struct", "live", 0, false},
				  {"list_head", "", 0, false},
				  {"task_struct", "no_such_member", 0, false}};

	if (access(FOLDER "vmlinux", R_OK) < 0)
		return;
	CHECK(kern_btf_members(v, 4));
	CHECK_INT(v[1].offset, v[0].offset + 4);
	CHECK(v[2].offset > 0);
	CHECK_INT(v[3].offset, 16);
	CHECK(!kern_btf_members(v, 5));
	CHECK(v[0].found && !v[4].found);
	CHECK(kern_module_btf("no such module") == NULL);
	CHECK_INT(kern_btf_tracepoint("sys_enter"), 2);
	CHECK_INT(kern_btf_tracepoint("no_such_tracepoint"), -1);
}
#endif
