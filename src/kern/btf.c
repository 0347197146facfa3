/* The kernel's BTF: offsets of fields. See btf.h.
 *
 * The file can be mapped since Linux 6.16; before, it is read. */
#include "kern/btf.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/btf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"

enum { MAX_DEPTH = 8 }; /* anonymous members in anonymous members */

struct btf {
	const uint8_t *data;
	size_t size;
	bool mapped;
	const uint8_t *types, *types_end;
	const char *names;
	uint32_t *place; /* by type id: offset in types; filled when first needed */
	uint32_t n;
};

static int open_btf(struct btf *b)
{
	int fd = open("/sys/kernel/btf/vmlinux", O_RDONLY | O_CLOEXEC);
	const struct btf_header *h;
	struct stat st;
	void *p;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || st.st_size < (off_t)sizeof(*h)) {
		close(fd);
		return -ENOENT;
	}
	b->size = (size_t)st.st_size;
	p = mmap(NULL, b->size, PROT_READ, MAP_PRIVATE, fd, 0);
	b->mapped = p != MAP_FAILED;
	if (!b->mapped) {
		size_t got = 0;
		ssize_t n;

		p = xmalloc(b->size);
		while (got < b->size && (n = read(fd, (char *)p + got, b->size - got)) > 0)
			got += (size_t)n;
		b->size = got;
	}
	close(fd);
	b->data = p;
	h = p;
	if (b->size < sizeof(*h) || h->magic != BTF_MAGIC ||
	    (uint64_t)h->hdr_len + h->type_off + h->type_len > b->size ||
	    (uint64_t)h->hdr_len + h->str_off + h->str_len > b->size)
		return -EINVAL;
	b->types = b->data + h->hdr_len + h->type_off;
	b->types_end = b->types + h->type_len;
	b->names = (const char *)b->data + h->hdr_len + h->str_off;
	return 0;
}

static void close_btf(struct btf *b)
{
	free(b->place);
	if (b->mapped)
		munmap((void *)(uintptr_t)b->data, b->size);
	else
		free((void *)(uintptr_t)b->data);
}

static size_t type_size(const struct btf_type *t)
{
	static const uint8_t fixed[] = {[BTF_KIND_INT] = 4, [BTF_KIND_ARRAY] = 12, [BTF_KIND_VAR] = 4,
					[BTF_KIND_DECL_TAG] = 4};
	static const uint8_t each[] = {[BTF_KIND_STRUCT] = 12, [BTF_KIND_UNION] = 12,
				       [BTF_KIND_ENUM] = 8, [BTF_KIND_FUNC_PROTO] = 8,
				       [BTF_KIND_DATASEC] = 12, [BTF_KIND_ENUM64] = 12};
	unsigned kind = BTF_INFO_KIND(t->info);
	size_t size = sizeof(*t);

	if (kind < sizeof(fixed))
		size += fixed[kind];
	if (kind < sizeof(each))
		size += (size_t)each[kind] * BTF_INFO_VLEN(t->info);
	return size;
}

static const struct btf_type *by_id(struct btf *b, uint32_t id)
{
	if (!b->place) {
		b->place = xmalloc((size_t)(b->types_end - b->types) / sizeof(struct btf_type) *
				   sizeof(*b->place) + sizeof(*b->place));
		b->n = 1;
		for (const uint8_t *p = b->types; p < b->types_end;
		     p += type_size((const struct btf_type *)p))
			b->place[b->n++] = (uint32_t)(p - b->types);
	}
	return id && id < b->n ? (const struct btf_type *)(b->types + b->place[id]) : NULL;
}

static bool is_compound(const struct btf_type *t)
{
	return BTF_INFO_KIND(t->info) == BTF_KIND_STRUCT || BTF_INFO_KIND(t->info) == BTF_KIND_UNION;
}

/* In bits; -1: none. */
static int64_t find_field(struct btf *b, const struct btf_type *t, const char *name, int depth)
{
	const struct btf_member *m = (const struct btf_member *)(t + 1);
	bool sized = BTF_INFO_KFLAG(t->info);

	for (uint32_t i = 0; i < BTF_INFO_VLEN(t->info); i++, m++) {
		int64_t at = sized ? BTF_MEMBER_BIT_OFFSET(m->offset) : m->offset, inner;
		const struct btf_type *anonymous;

		if (m->name_off) {
			if (strcmp(b->names + m->name_off, name) == 0)
				return sized && BTF_MEMBER_BITFIELD_SIZE(m->offset) ? -1 : at;
			continue;
		}
		anonymous = depth < MAX_DEPTH ? by_id(b, m->type) : NULL;
		if (!anonymous || !is_compound(anonymous))
			continue;
		inner = find_field(b, anonymous, name, depth + 1);
		if (inner >= 0)
			return at + inner;
	}
	return -1;
}

int kern_offsets(struct kern_field *fields, size_t n)
{
	struct btf b = {0};
	size_t left = n;
	int r = open_btf(&b);

	for (size_t i = 0; i < n; i++)
		fields[i].offset = -1;
	for (const uint8_t *p = b.types; r == 0 && left && p < b.types_end;) {
		const struct btf_type *t = (const struct btf_type *)p;

		p += type_size(t);
		/* Declarations are of another kind. */
		if (!t->name_off || !is_compound(t))
			continue;
		for (size_t i = 0; i < n; i++) {
			int64_t bits;

			if (fields[i].offset >= 0 || strcmp(b.names + t->name_off, fields[i].type) != 0)
				continue;
			bits = find_field(&b, t, fields[i].field, 0);
			if (bits >= 0 && bits % 8 == 0) {
				fields[i].offset = bits / 8;
				left--;
			}
		}
	}
	if (b.data)
		close_btf(&b);
	return r;
}

#ifdef TAPIR_TEST
#include <stdio.h>

#include "base/test.h"

TEST(kern_offsets_of_fields)
{
	struct kern_field f[] = {{"task_struct", "mm", 0}, {"mm_struct", "arg_start", 0},
				 {"list_head", "next", 0}, {"list_head", "prev", 0},
				 {"list_head", "nothing", 0}, {"no_such_struct", "x", 0}};

	if (kern_offsets(f, 6) < 0) {
		printf("# skipped: no BTF of the kernel\n");
		return;
	}
	CHECK(f[0].offset > 0);
	CHECK(f[1].offset > 0 && f[1].offset % 8 == 0); /* in an anonymous member */
	CHECK_INT(f[2].offset, 0);
	CHECK_INT(f[3].offset, sizeof(void *));
	CHECK_INT(f[4].offset, -1);
	CHECK_INT(f[5].offset, -1);
}
#endif
