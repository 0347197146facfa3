/* See symtab.h. */
#include "run/symtab.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/str.h"
#include "base/vec.h"

struct entry {
	uint64_t addr;
	uint32_t name;	 /* offset in names */
	uint16_t module; /* kernel: index into modules */
	uint16_t rank;	 /* of several at one address the highest stays */
};

struct segment {
	uint64_t vaddr, offset, size;
};

struct symtab {
	struct arena arena;
	struct str names;
	struct entry *v;
	size_t n, cap;
	VEC(struct segment) segments;
	VEC(const char *) modules; /* kernel */
};

enum { MAX_SECTIONS = 65536, MAX_TABLE = 1 << 30 };

static void add_entry(struct symtab *t, struct entry e)
{
	if (t->n == t->cap) {
		t->cap = t->cap ? 2 * t->cap : 1024;
		t->v = xrealloc(t->v, t->cap * sizeof(*t->v));
	}
	t->v[t->n++] = e;
}

static int by_address(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank > y->rank ? -1 : 1;
	return x->name < y->name ? -1 : x->name > y->name;
}

static void finish(struct symtab *t)
{
	size_t n = 0;

	if (t->n)
		qsort(t->v, t->n, sizeof(*t->v), by_address);
	for (size_t i = 0; i < t->n; i++)
		if (!n || t->v[n - 1].addr != t->v[i].addr)
			t->v[n++] = t->v[i];
	t->n = n;
}

/* ------------------------------------------------------------------ ELF files */

/* NULL: the file has not that many bytes there. To be freed. */
static void *read_at(int fd, uint64_t offset, uint64_t size)
{
	unsigned char *p;
	uint64_t got = 0;

	if (!size || size > MAX_TABLE || offset > INT64_MAX - size)
		return NULL;
	p = malloc(size);
	while (p && got < size) {
		ssize_t n = pread(fd, p + got, size - got, (off_t)(offset + got));

		if (n <= 0) {
			free(p);
			return NULL;
		}
		got += (uint64_t)n;
	}
	return p;
}

struct elf {
	int fd;
	Elf64_Ehdr head;
	Elf64_Shdr *sections;
	uint32_t n_sections;
};

static bool open_elf(struct elf *e, int fd)
{
	Elf64_Ehdr *h = read_at(fd, 0, sizeof(*h));
	bool ok = h && memcmp(h->e_ident, ELFMAG, SELFMAG) == 0 &&
		  h->e_ident[EI_CLASS] == ELFCLASS64 && h->e_ident[EI_DATA] == ELFDATA2LSB;

	*e = (struct elf){.fd = fd};
	if (ok) {
		e->head = *h;
		if (h->e_shnum && h->e_shentsize == sizeof(Elf64_Shdr))
			e->sections = read_at(fd, h->e_shoff, (uint64_t)h->e_shnum * sizeof(Elf64_Shdr));
		e->n_sections = e->sections ? h->e_shnum : 0;
	}
	free(h);
	return ok;
}

static void read_segments(struct symtab *t, const struct elf *e)
{
	Elf64_Phdr *p = NULL;

	if (e->head.e_phentsize == sizeof(*p))
		p = read_at(e->fd, e->head.e_phoff, (uint64_t)e->head.e_phnum * sizeof(*p));
	for (int i = 0; p && i < e->head.e_phnum; i++)
		if (p[i].p_type == PT_LOAD)
			vec_push(&t->segments, &t->arena,
				 (struct segment){p[i].p_vaddr, p[i].p_offset, p[i].p_filesz});
	free(p);
}

static int rank_of(const Elf64_Sym *s)
{
	int type = ELF64_ST_TYPE(s->st_info), bind = ELF64_ST_BIND(s->st_info), rank = 0;

	if (type == STT_FUNC || type == STT_GNU_IFUNC)
		rank = 20;
	else if (type == STT_OBJECT)
		rank = 10;
	else if (type != STT_NOTYPE || bind == STB_LOCAL)
		return -1; /* sections, files, labels of assembler code */
	return rank + (bind == STB_GLOBAL ? 3 : bind == STB_WEAK ? 2 : 1);
}

static bool read_symbols(struct symtab *t, const struct elf *e, uint32_t type)
{
	const Elf64_Shdr *table = NULL, *strings;
	Elf64_Sym *syms;
	char *text;
	size_t n;

	for (uint32_t i = 0; i < e->n_sections && !table; i++)
		if (e->sections[i].sh_type == type && e->sections[i].sh_entsize == sizeof(*syms))
			table = &e->sections[i];
	if (!table || table->sh_link >= e->n_sections)
		return false;
	strings = &e->sections[table->sh_link];
	syms = read_at(e->fd, table->sh_offset, table->sh_size);
	text = read_at(e->fd, strings->sh_offset, strings->sh_size);
	if (syms && text && t->names.len + strings->sh_size < UINT32_MAX) {
		uint32_t base = (uint32_t)t->names.len;

		text[strings->sh_size - 1] = 0;
		str_addn(&t->names, text, strings->sh_size);
		n = table->sh_size / sizeof(*syms);
		for (size_t i = 0; i < n; i++) {
			int rank = rank_of(&syms[i]);
			uint32_t name = syms[i].st_name;

			if (rank < 0 || syms[i].st_shndx == SHN_UNDEF || name >= strings->sh_size)
				continue;
			name += text[name] == '.';
			if (text[name])
				add_entry(t, (struct entry){syms[i].st_value, base + name, 0,
							    (uint16_t)rank});
		}
	}
	free(syms);
	free(text);
	return t->n != 0;
}

/* Of the build-id, "/usr/lib/debug/.build-id/ab/cdef....debug"; false: there is none. */
static bool debug_path(const struct elf *e, char *path, size_t size)
{
	for (uint32_t i = 0; i < e->n_sections; i++) {
		const Elf64_Shdr *s = &e->sections[i];
		unsigned char *p = NULL;
		const Elf64_Nhdr *h;
		bool found = false;

		if (s->sh_type == SHT_NOTE && s->sh_size <= 4096)
			p = read_at(e->fd, s->sh_offset, s->sh_size);
		h = (const void *)p;
		if (p && s->sh_size >= sizeof(*h) + 4 && h->n_type == NT_GNU_BUILD_ID &&
		    h->n_namesz == 4 && h->n_descsz >= 2 && h->n_descsz <= 64 &&
		    s->sh_size >= sizeof(*h) + 4 + h->n_descsz) {
			int at = snprintf(path, size, "/usr/lib/debug/.build-id/%02x/",
					  p[sizeof(*h) + 4]);

			for (uint32_t k = 1; k < h->n_descsz; k++)
				at += snprintf(path + at, size - (size_t)at, "%02x",
					       p[sizeof(*h) + 4 + k]);
			snprintf(path + at, size - (size_t)at, ".debug");
			found = true;
		}
		free(p);
		if (found)
			return true;
	}
	return false;
}

/* Stripped: the symbols may be in a file beside. */
static bool read_debug_file(struct symtab *t, const struct elf *e)
{
	char path[256];
	struct elf debug;
	bool ok = false;
	int fd;

	if (!debug_path(e, path, sizeof(path)))
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (open_elf(&debug, fd))
		ok = read_symbols(t, &debug, SHT_SYMTAB);
	free(debug.sections);
	close(fd);
	return ok;
}

struct symtab *symtab_read(int fd)
{
	struct symtab *t = xcalloc(1, sizeof(*t));
	struct elf e;

	if (!open_elf(&e, fd))
		return t;
	read_segments(t, &e);
	if (!read_symbols(t, &e, SHT_SYMTAB) && !read_debug_file(t, &e))
		read_symbols(t, &e, SHT_DYNSYM);
	finish(t);
	free(e.sections);
	return t;
}

/* ------------------------------------------------------------------ the kernel */

static uint16_t module_number(struct symtab *t, const char *name)
{
	if (!t->modules.n || strcmp(vec_last(&t->modules), name) != 0) {
		if (t->modules.n == UINT16_MAX)
			return 0;
		vec_push(&t->modules, &t->arena, intern(name));
	}
	return (uint16_t)(t->modules.n - 1);
}

struct symtab *symtab_read_kernel(void)
{
	struct symtab *t = xcalloc(1, sizeof(*t));
	FILE *f = fopen("/proc/kallsyms", "re");
	char line[1024], *end, *name, *module;
	uint64_t addr;

	module_number(t, "kernel");
	while (f && fgets(line, sizeof(line), f)) {
		addr = strtoull(line, &end, 16);
		/* Zero: addresses are hidden from us. "ADDR T NAME\t[MODULE]\n" */
		if (!addr || strlen(end) < 4)
			continue;
		name = end + 3;
		name += *name == '.';
		module = strchr(name, '\t');
		name[strcspn(name, "\t\n")] = 0;
		if (module) {
			module += 2;
			module[strcspn(module, "]\n")] = 0;
		}
		add_entry(t, (struct entry){addr, (uint32_t)t->names.len,
					    module ? module_number(t, module) : 0,
					    (uint16_t)(end[1] < 'a')});
		str_addn(&t->names, name, strlen(name) + 1);
	}
	if (f)
		fclose(f);
	finish(t);
	return t;
}

/* ------------------------------------------------------------------ lookup */

void symtab_free(struct symtab *t)
{
	if (!t)
		return;
	free(t->v);
	str_release(&t->names);
	arena_release(&t->arena);
	free(t);
}

bool symtab_address(const struct symtab *t, uint64_t offset, uint64_t *vaddr)
{
	for (size_t i = 0; i < t->segments.n; i++) {
		const struct segment *s = &t->segments.v[i];

		if (offset - s->offset < s->size) {
			*vaddr = offset - s->offset + s->vaddr;
			return true;
		}
	}
	return false;
}

bool symtab_find(const struct symtab *t, uint64_t vaddr, struct symbol *found)
{
	size_t lo = 0, hi = t->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (t->v[mid].addr <= vaddr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo)
		return false;
	found->name = t->names.s + t->v[lo - 1].name;
	found->module = t->modules.n ? t->modules.v[t->v[lo - 1].module] : NULL;
	found->offset = vaddr - t->v[lo - 1].addr;
	found->size = lo < t->n ? t->v[lo].addr - t->v[lo - 1].addr : 0;
	return true;
}
