/* See btf.h. The format: Documentation/bpf/btf.rst of the kernel. */
#include "kern/btf.h"

#include <fcntl.h>
#include <linux/btf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct blob {
	const unsigned char *types, *types_end;
	const char *strings;
	size_t n_strings; /* bytes, the last one a NUL */
};

enum { KIND_ENUM64 = 19, MAX_DEPTH = 8 };

static bool open_blob(struct blob *b, const void *data, size_t size)
{
	const struct btf_header *h = data;
	const unsigned char *p = data;

	if (size < sizeof(*h) || h->magic != BTF_MAGIC || h->hdr_len < sizeof(*h) || h->hdr_len > size)
		return false;
	p += h->hdr_len;
	size -= h->hdr_len;
	if (h->type_off > size || h->type_len > size - h->type_off || h->str_off > size ||
	    h->str_len > size - h->str_off || !h->str_len)
		return false;
	b->types = p + h->type_off;
	b->types_end = b->types + h->type_len;
	b->strings = (const char *)p + h->str_off;
	b->n_strings = h->str_len;
	return b->strings[b->n_strings - 1] == 0;
}

static const char *name_at(const struct blob *b, uint32_t offset)
{
	return offset < b->n_strings ? b->strings + offset : "";
}

/* Bytes behind struct btf_type. */
static size_t tail_of(const struct btf_type *t)
{
	size_t n = BTF_INFO_VLEN(t->info);

	switch (BTF_INFO_KIND(t->info)) {
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
		return 4;
	case BTF_KIND_ARRAY:
		return sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return n * sizeof(struct btf_member);
	case BTF_KIND_ENUM:
		return n * sizeof(struct btf_enum);
	case BTF_KIND_FUNC_PROTO:
		return n * sizeof(struct btf_param);
	case BTF_KIND_DATASEC:
		return n * sizeof(struct btf_var_secinfo);
	case KIND_ENUM64:
		return n * 12;
	default:
		return 0;
	}
}

/* The type behind t, or the first one if t is NULL; NULL at the end. */
static const struct btf_type *next_type(const struct blob *b, const struct btf_type *t)
{
	const unsigned char *p = t ? (const unsigned char *)(t + 1) + tail_of(t) : b->types;

	if ((size_t)(b->types_end - p) < sizeof(*t))
		return NULL;
	t = (const void *)p;
	if ((size_t)(b->types_end - p) - sizeof(*t) < tail_of(t))
		return NULL;
	return t;
}

static const struct btf_type *type_by_id(const struct blob *b, uint32_t id)
{
	const struct btf_type *t = NULL;

	/* Number 0 is void and has no entry. */
	while (id-- > 0 && (t = next_type(b, t)))
		;
	return t;
}

/* Members of nameless structures and unions inside count as the outer one's. */
static bool find_member(const struct blob *b, const struct btf_type *t, const char *name, int depth,
			uint32_t *offset)
{
	const struct btf_member *m = (const void *)(t + 1);
	bool bitfields = BTF_INFO_KFLAG(t->info);

	for (uint32_t i = 0; i < BTF_INFO_VLEN(t->info); i++) {
		uint32_t bits = bitfields ? BTF_MEMBER_BIT_OFFSET(m[i].offset) : m[i].offset;
		const char *found = name_at(b, m[i].name_off);

		if (*found && strcmp(found, name) == 0) {
			*offset = bits / 8;
			return true;
		}
		if (!*found && depth < MAX_DEPTH) {
			const struct btf_type *inner = type_by_id(b, m[i].type);
			uint32_t kind = inner ? BTF_INFO_KIND(inner->info) : 0;

			if ((kind == BTF_KIND_STRUCT || kind == BTF_KIND_UNION) &&
			    find_member(b, inner, name, depth + 1, offset)) {
				*offset += bits / 8;
				return true;
			}
		}
	}
	return false;
}

bool kern_btf_members_in(const void *btf, size_t size, struct kern_member *v, size_t n)
{
	struct blob b;
	size_t left = n;

	for (size_t i = 0; i < n; i++)
		v[i].found = false;
	if (!open_blob(&b, btf, size))
		return false;
	for (const struct btf_type *t = next_type(&b, NULL); t && left; t = next_type(&b, t)) {
		const char *name;

		if (BTF_INFO_KIND(t->info) != BTF_KIND_STRUCT)
			continue;
		name = name_at(&b, t->name_off);
		for (size_t i = 0; i < n; i++) {
			if (v[i].found || strcmp(v[i].type, name) != 0)
				continue;
			if (*v[i].member) {
				v[i].found = find_member(&b, t, v[i].member, 0, &v[i].offset);
			} else {
				v[i].found = true;
				v[i].offset = t->size;
			}
			left -= v[i].found;
		}
	}
	return !left;
}

/* Since 6.16 the file can be mapped; before, it has to be read. */
bool kern_btf_members(struct kern_member *v, size_t n)
{
	int fd = open("/sys/kernel/btf/vmlinux", O_RDONLY | O_CLOEXEC);
	struct stat st;
	size_t size, got = 0;
	char *buf;
	void *p;
	bool ok;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size <= 0) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	size = (size_t)st.st_size;
	p = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p != MAP_FAILED) {
		ok = kern_btf_members_in(p, size, v, n);
		munmap(p, size);
		close(fd);
		return ok;
	}
	buf = malloc(size);
	while (buf && got < size) {
		ssize_t k = read(fd, buf + got, size - got);

		if (k <= 0)
			break;
		got += (size_t)k;
	}
	close(fd);
	ok = buf && kern_btf_members_in(buf, got, v, n);
	free(buf);
	return ok;
}

#ifdef TAPIR_TEST
#include <stdio.h>

#include "base/test.h"

TEST(btf_members_of_the_running_kernel)
{
	struct kern_member v[] = {{"task_struct", "pid", 0, false},
				  {"task_struct", "tgid", 0, false},
				  {"signal_struct", "live", 0, false},
				  {"task_struct", "no_such_member", 0, false}};

	if (access("/sys/kernel/btf/vmlinux", R_OK) < 0)
		return;
	CHECK(kern_btf_members(v, 3));
	CHECK_INT(v[1].offset, v[0].offset + 4);
	CHECK(v[2].offset > 0);
	CHECK(!kern_btf_members(v, 4));
	CHECK(v[0].found && !v[3].found);
}

TEST(btf_that_is_damaged)
{
	struct {
		struct btf_header head;
		struct btf_type t;
		struct btf_member m[2];
		char strings[16];
	} b = {.head = {.magic = BTF_MAGIC, .version = 1, .hdr_len = sizeof(b.head),
			.type_len = sizeof(b.t) + sizeof(b.m), .str_off = sizeof(b.t) + sizeof(b.m),
			.str_len = 16},
	       .t = {.name_off = 1, .info = BTF_KIND_STRUCT << 24 | 2},
	       .m = {{.name_off = 0, .type = 1, .offset = 8}, {.name_off = 3, .offset = 64}},
	       .strings = "\0a\0bc"};
	struct kern_member v = {"a", "bc", 0, false};

	CHECK(kern_btf_members_in(&b, sizeof(b), &v, 1));
	CHECK_INT(v.offset, 8 + 8);
	for (size_t n = 0; n < sizeof(b); n++)
		kern_btf_members_in(&b, n, &v, 1);
	b.t.info |= 1000;
	CHECK(!kern_btf_members_in(&b, sizeof(b), &v, 1));
}
#endif
