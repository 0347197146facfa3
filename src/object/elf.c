/* Mapping of ELF files; headers to tables of sections and segments. See object.h. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "object/object.h"

/* Do n bytes at offset lie in the file? */
static bool inside(const struct obj *o, uint64_t offset, uint64_t n)
{
	return offset <= o->size && n <= o->size - offset;
}

static void read_section(const struct obj *o, const uint8_t *p, struct obj_section *s,
			 uint32_t *name)
{
	if (o->is64) {
		Elf64_Shdr h;

		memcpy(&h, p, sizeof(h));
		*name = h.sh_name;
		*s = (struct obj_section){"", h.sh_type, h.sh_link, h.sh_info, h.sh_flags,
					  h.sh_addr, h.sh_offset, h.sh_size, h.sh_entsize};
	} else {
		Elf32_Shdr h;

		memcpy(&h, p, sizeof(h));
		*name = h.sh_name;
		*s = (struct obj_section){"", h.sh_type, h.sh_link, h.sh_info, h.sh_flags,
					  h.sh_addr, h.sh_offset, h.sh_size, h.sh_entsize};
	}
}

static void read_sections(struct obj *o, uint64_t offset, size_t size, size_t n, size_t names)
{
	size_t expected = o->is64 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr), n_text;
	const uint8_t *text;
	uint32_t name;

	if (!offset || size != expected || !inside(o, offset, size))
		return;
	if (n == 0 || names == SHN_XINDEX) { /* numbers too large for the header */
		struct obj_section zero;

		read_section(o, o->data + offset, &zero, &name);
		n = n ? n : zero.size;
		names = names == SHN_XINDEX ? zero.link : names;
	}
	if (n > (o->size - offset) / size)
		n = (o->size - offset) / size;
	o->sections = ARENA_ARRAY(&o->arena, struct obj_section, n);
	o->n_sections = n;
	for (size_t i = 0; i < n; i++)
		read_section(o, o->data + offset + i * size, &o->sections[i], &name);
	if (names >= n)
		return;
	text = obj_section_data(o, &o->sections[names], &n_text);
	for (size_t i = 0; text && i < n; i++) {
		const char *t;

		read_section(o, o->data + offset + i * size, &(struct obj_section){0}, &name);
		t = obj_text(text, n_text, name);
		if (t)
			o->sections[i].name = t;
	}
}

static void read_segments(struct obj *o, uint64_t offset, size_t size, size_t n)
{
	size_t expected = o->is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);

	if (!offset || size != expected || offset > o->size)
		return;
	if (n == PN_XNUM && o->n_sections)
		n = o->sections[0].info;
	if (n > (o->size - offset) / size)
		n = (o->size - offset) / size;
	o->segments = ARENA_ARRAY(&o->arena, struct obj_segment, n);
	o->n_segments = n;
	for (size_t i = 0; i < n; i++) {
		const uint8_t *p = o->data + offset + i * size;

		if (o->is64) {
			Elf64_Phdr h;

			memcpy(&h, p, sizeof(h));
			o->segments[i] = (struct obj_segment){h.p_type, h.p_flags, h.p_offset,
							      h.p_vaddr, h.p_filesz, h.p_memsz,
							      h.p_align};
		} else {
			Elf32_Phdr h;

			memcpy(&h, p, sizeof(h));
			o->segments[i] = (struct obj_segment){h.p_type, h.p_flags, h.p_offset,
							      h.p_vaddr, h.p_filesz, h.p_memsz,
							      h.p_align};
		}
	}
}

bool obj_open_memory(struct obj *o, const void *data, size_t size, const char **why)
{
	const int order = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB;
	const uint8_t *p = data;

	memset(o, 0, sizeof(*o));
	o->data = data;
	o->size = size;
	if (size < sizeof(Elf32_Ehdr) || memcmp(p, ELFMAG, SELFMAG) != 0) {
		*why = "not an ELF file";
		return false;
	}
	o->is64 = p[EI_CLASS] == ELFCLASS64;
	if ((!o->is64 && p[EI_CLASS] != ELFCLASS32) || p[EI_DATA] != order ||
	    (o->is64 && size < sizeof(Elf64_Ehdr))) {
		*why = "not an ELF file of this machine";
		return false;
	}
	if (o->is64) {
		Elf64_Ehdr h;

		memcpy(&h, p, sizeof(h));
		o->type = h.e_type;
		o->machine = h.e_machine;
		o->entry = h.e_entry;
		read_sections(o, h.e_shoff, h.e_shentsize, h.e_shnum, h.e_shstrndx);
		read_segments(o, h.e_phoff, h.e_phentsize, h.e_phnum);
	} else {
		Elf32_Ehdr h;

		memcpy(&h, p, sizeof(h));
		o->type = h.e_type;
		o->machine = h.e_machine;
		o->entry = h.e_entry;
		read_sections(o, h.e_shoff, h.e_shentsize, h.e_shnum, h.e_shstrndx);
		read_segments(o, h.e_phoff, h.e_phentsize, h.e_phnum);
	}
	return true;
}

bool obj_open(struct obj *o, const char *path, const char **why)
{
	struct stat st;
	void *p = MAP_FAILED;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	memset(o, 0, sizeof(*o));
	if (fd < 0) {
		*why = strerror(errno);
		return false;
	}
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		*why = "not a regular file";
		return false;
	}
	if (st.st_size > 0)
		/* Shared: probes would be planted in a private mapping of ours, too. */
		p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (p == MAP_FAILED) {
		*why = st.st_size > 0 ? strerror(errno) : "the file is empty";
		return false;
	}
	if (!obj_open_memory(o, p, (size_t)st.st_size, why)) {
		munmap(p, (size_t)st.st_size);
		return false;
	}
	o->mapped = true;
	o->path = arena_strdup(&o->arena, path);
	return true;
}

void obj_close(struct obj *o)
{
	if (o->mapped)
		munmap((void *)o->data, o->size);
	arena_release(&o->arena);
	memset(o, 0, sizeof(*o));
}

const struct obj_section *obj_section(const struct obj *o, const char *name)
{
	for (size_t i = 0; i < o->n_sections; i++)
		if (strcmp(o->sections[i].name, name) == 0)
			return &o->sections[i];
	return NULL;
}

const uint8_t *obj_section_data(const struct obj *o, const struct obj_section *s, size_t *n)
{
	*n = 0;
	if (!s || s->type == SHT_NOBITS || (s->flags & SHF_COMPRESSED) ||
	    !inside(o, s->offset, s->size))
		return NULL;
	*n = s->size;
	return o->data + s->offset;
}

const char *obj_text(const uint8_t *data, size_t n, uint64_t offset)
{
	if (!data || offset >= n || !memchr(data + offset, 0, n - offset))
		return NULL;
	return (const char *)data + offset;
}

static const struct obj_segment *segment_at(const struct obj *o, uint64_t vaddr)
{
	for (size_t i = 0; i < o->n_segments; i++) {
		const struct obj_segment *g = &o->segments[i];

		if (g->type == PT_LOAD && vaddr >= g->vaddr && vaddr - g->vaddr < g->filesz)
			return g;
	}
	return NULL;
}

const uint8_t *obj_at(const struct obj *o, uint64_t vaddr, size_t *n)
{
	const struct obj_segment *g = segment_at(o, vaddr);
	uint64_t offset, left;

	if (!g)
		return NULL;
	offset = vaddr - g->vaddr + g->offset;
	left = g->filesz - (vaddr - g->vaddr);
	if (offset < g->offset || offset >= o->size)
		return NULL;
	if (left > o->size - offset)
		left = o->size - offset;
	if (*n > left)
		*n = left;
	return o->data + offset;
}

bool obj_file_offset(const struct obj *o, uint64_t vaddr, uint64_t *offset)
{
	const struct obj_segment *g = segment_at(o, vaddr);

	if (!g)
		return false;
	*offset = vaddr - g->vaddr + g->offset;
	return *offset >= g->offset;
}

/* What is left of a debug file has no bytes of code. */
bool obj_executable_at(const struct obj *o, uint64_t vaddr)
{
	for (size_t i = 0; i < o->n_segments; i++) {
		const struct obj_segment *g = &o->segments[i];

		if (g->type == PT_LOAD && vaddr >= g->vaddr && vaddr - g->vaddr < g->memsz)
			return g->flags & PF_X;
	}
	return false;
}

void obj_lay_out(struct obj *o, bool (*address)(void *cookie, const char *section, uint64_t *addr),
		 void *cookie)
{
	o->segments = ARENA_ARRAY(&o->arena, struct obj_segment, o->n_sections + 1);
	o->n_segments = 0;
	o->laid_out = true;
	for (size_t i = 0; i < o->n_sections; i++) {
		struct obj_section *s = &o->sections[i];

		if (!(s->flags & SHF_ALLOC) || !address(cookie, s->name, &s->addr))
			continue;
		o->segments[o->n_segments++] = (struct obj_segment){
			.type = PT_LOAD,
			.flags = PF_R | (s->flags & SHF_EXECINSTR ? PF_X : 0),
			.offset = s->offset,
			.vaddr = s->addr,
			.filesz = s->type == SHT_NOBITS ? 0 : s->size,
			.memsz = s->size,
		};
	}
}

const struct obj_section *obj_section_around(const struct obj *o, uint64_t vaddr)
{
	for (size_t i = 0; i < o->n_sections; i++) {
		const struct obj_section *s = &o->sections[i];

		if ((s->flags & SHF_ALLOC) && s->addr && vaddr >= s->addr && vaddr - s->addr < s->size)
			return s;
	}
	return NULL;
}

bool obj_vaddr(const struct obj *o, uint64_t offset, uint64_t *vaddr)
{
	for (size_t i = 0; i < o->n_segments; i++) {
		const struct obj_segment *g = &o->segments[i];

		if (g->type == PT_LOAD && offset >= g->offset && offset - g->offset < g->filesz) {
			*vaddr = offset - g->offset + g->vaddr;
			return true;
		}
	}
	return false;
}
