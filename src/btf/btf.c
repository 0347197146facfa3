/* See btf.h. The format: Documentation/bpf/btf.rst of the kernel. */
#include "btf/btf.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

enum {
	MAX_DEPTH = 32,	  /* of types in types */
	KIND_BITS = 5,
	MAX_TYPES = 1 << 22,
	MAX_BYTES = 1 << 28,
	MAX_STEPS = 1000, /* nameless members looked into: they may contain each other */
	SAME_NAMES = 8,	  /* copies of a name that are looked at; tools write each once */
};

struct btf {
	struct btf *base;
	const unsigned char *types;
	uint32_t n_bytes;      /* of types */
	const char *strings;
	uint32_t n_strings;    /* bytes, the last one a NUL */
	uint32_t first_string; /* offset of our first one */
	bool indexed;
	uint32_t first, n;     /* our types: numbers first .. first + n - 1 */
	uint32_t *heads;       /* (offset in types) / 4 << KIND_BITS | kind */
	uint32_t *names;       /* struct btf_type.name_off */
};

struct btf *btf_open(const void *data, size_t size, struct btf *base)
{
	const struct btf_header *h = data;
	const unsigned char *p = data;
	struct btf *b;

	if (size < sizeof(*h) || size > MAX_BYTES || h->magic != BTF_MAGIC || h->hdr_len < sizeof(*h) ||
	    h->hdr_len > size || h->hdr_len % 4)
		return NULL;
	p += h->hdr_len;
	size -= h->hdr_len;
	if (h->type_off > size || h->type_len > size - h->type_off || h->type_off % 4 ||
	    h->str_off > size || h->str_len > size - h->str_off || !h->str_len ||
	    p[h->str_off + h->str_len - 1])
		return NULL;
	b = xcalloc(1, sizeof(*b));
	b->base = base;
	b->types = p + h->type_off;
	b->n_bytes = h->type_len;
	b->strings = (const char *)p + h->str_off;
	b->n_strings = h->str_len;
	b->first_string = base ? base->first_string + base->n_strings : 0;
	return b;
}

void btf_close(struct btf *b)
{
	if (!b)
		return;
	free(b->heads);
	free(b->names);
	free(b);
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
	case BTF_ENUM64:
		return n * 12;
	default:
		return 0;
	}
}

static void make_index(struct btf *b)
{
	uint32_t cap = 0;

	b->indexed = true;
	b->first = b->base ? btf_end(b->base) : 1;
	for (uint32_t at = 0; b->n_bytes - at >= sizeof(struct btf_type) && b->n < MAX_TYPES;) {
		const struct btf_type *t = (const void *)(b->types + at);
		size_t bytes = sizeof(*t) + tail_of(t);

		if (bytes > b->n_bytes - at)
			break;
		if (b->n == cap) {
			cap = cap ? 2 * cap : 1 + b->n_bytes / 32;
			b->heads = xrealloc(b->heads, cap * sizeof(*b->heads));
			b->names = xrealloc(b->names, cap * sizeof(*b->names));
		}
		b->heads[b->n] = at / 4 << KIND_BITS | BTF_INFO_KIND(t->info);
		b->names[b->n++] = t->name_off;
		at += (uint32_t)bytes;
	}
}

static void need_index(struct btf *b)
{
	if (!b->indexed)
		make_index(b);
}

uint32_t btf_end(struct btf *b)
{
	need_index(b);
	return b->first + b->n;
}

uint32_t btf_begin(struct btf *b)
{
	need_index(b);
	return b->first;
}

const struct btf_type *btf_type(struct btf *b, uint32_t id)
{
	need_index(b);
	if (id < b->first)
		return b->base ? btf_type(b->base, id) : NULL;
	if (id - b->first >= b->n)
		return NULL;
	return (const void *)(b->types + (b->heads[id - b->first] >> KIND_BITS) * (size_t)4);
}

unsigned btf_kind(struct btf *b, uint32_t id)
{
	need_index(b);
	if (id < b->first)
		return b->base ? btf_kind(b->base, id) : BTF_KIND_UNKN;
	return id - b->first < b->n ? b->heads[id - b->first] & ((1u << KIND_BITS) - 1) : BTF_KIND_UNKN;
}

const char *btf_string(const struct btf *b, uint32_t offset)
{
	if (offset < b->first_string)
		return btf_string(b->base, offset);
	offset -= b->first_string;
	return offset < b->n_strings ? b->strings + offset : "";
}

const char *btf_name(struct btf *b, uint32_t id)
{
	const struct btf_type *t = btf_type(b, id);

	return t ? btf_string(b, t->name_off) : "";
}

/* ------------------------------------------------------------------ by name */

/* Offsets of a name, of the kernel's strings too. Comparing offsets is cheaper than comparing names. */
static size_t find_string(const struct btf *b, const char *name, uint32_t *offsets, size_t n)
{
	size_t len = strlen(name);
	const char *p = b->strings, *end = p + b->n_strings;

	if (b->base)
		n = find_string(b->base, name, offsets, n);
	/* With the NULs around it: a name of its own, not the end of one. */
	while (n < SAME_NAMES && len && (p = memmem(p, (size_t)(end - p), name, len + 1)) != NULL) {
		if (p == b->strings || p[-1] == 0)
			offsets[n++] = b->first_string + (uint32_t)(p - b->strings);
		p += len;
	}
	return n;
}

static uint32_t find_named(struct btf *b, const uint32_t *offsets, size_t n, uint32_t kinds)
{
	need_index(b);
	for (uint32_t i = 0; i < b->n; i++)
		for (size_t k = 0; k < n; k++)
			if (b->names[i] == offsets[k] &&
			    kinds & 1u << (b->heads[i] & ((1u << KIND_BITS) - 1)))
				return b->first + i;
	return b->base ? find_named(b->base, offsets, n, kinds) : 0;
}

uint32_t btf_find(struct btf *b, const char *name, uint32_t kinds)
{
	uint32_t offsets[SAME_NAMES];
	size_t n = find_string(b, name, offsets, 0);

	return n ? find_named(b, offsets, n, kinds) : 0;
}

/* Words of an enumerator: name, value, and the upper half of a 64-bit one; 0: the type has none. */
static size_t enumerator_words(struct btf *b, uint32_t id)
{
	unsigned kind = btf_kind(b, id);

	return kind == BTF_KIND_ENUM ? 2 : kind == BTF_ENUM64 ? 3 : 0;
}

static int64_t enumerator_value(const struct btf_type *t, const uint32_t *e, size_t words)
{
	if (words == 3)
		return (int64_t)((uint64_t)e[2] << 32 | e[1]);
	return BTF_INFO_KFLAG(t->info) ? (int32_t)e[1] : (int64_t)e[1];
}

bool btf_enumerator_at(struct btf *b, uint32_t id, uint32_t k, const char **name, int64_t *value)
{
	size_t words = enumerator_words(b, id);
	const struct btf_type *t = btf_type(b, id);
	const uint32_t *e;

	if (!words || k >= BTF_INFO_VLEN(t->info))
		return false;
	e = (const uint32_t *)(const void *)(t + 1) + k * words;
	*name = btf_string(b, e[0]);
	*value = enumerator_value(t, e, words);
	return true;
}

static bool find_enumerator(struct btf *b, const uint32_t *offsets, size_t n_offsets, int64_t *value)
{
	for (uint32_t i = btf_begin(b); i < btf_end(b); i++) {
		size_t words = enumerator_words(b, i);
		const struct btf_type *t = btf_type(b, i);
		const uint32_t *e = (const void *)(t + 1);

		for (uint32_t k = 0; words && k < BTF_INFO_VLEN(t->info); k++, e += words)
			for (size_t o = 0; o < n_offsets; o++)
				if (e[0] == offsets[o]) {
					*value = enumerator_value(t, e, words);
					return true;
				}
	}
	return b->base && find_enumerator(b->base, offsets, n_offsets, value);
}

bool btf_enumerator(struct btf *b, const char *name, int64_t *value)
{
	uint32_t offsets[SAME_NAMES];
	size_t n = find_string(b, name, offsets, 0);

	return n && find_enumerator(b, offsets, n, value);
}

bool btf_is_percpu(struct btf *b, uint32_t id)
{
	for (uint32_t i = btf_begin(b); i < btf_end(b); i++) {
		const struct btf_type *t;
		const struct btf_var_secinfo *v;

		if (btf_kind(b, i) != BTF_KIND_DATASEC || !strstr(btf_name(b, i), "percpu"))
			continue;
		t = btf_type(b, i);
		v = (const void *)(t + 1);
		for (uint32_t k = 0; k < BTF_INFO_VLEN(t->info); k++)
			if (v[k].type == id)
				return true;
	}
	return b->base && btf_is_percpu(b->base, id);
}

/* ------------------------------------------------------------------ shapes */

uint32_t btf_peel(struct btf *b, uint32_t id)
{
	for (int i = 0; i < MAX_DEPTH; i++) {
		switch (btf_kind(b, id)) {
		case BTF_KIND_TYPEDEF:
		case BTF_KIND_CONST:
		case BTF_KIND_VOLATILE:
		case BTF_KIND_RESTRICT:
		case BTF_TYPE_TAG:
			id = btf_type(b, id)->type;
			break;
		default:
			return id;
		}
	}
	return 0;
}

uint64_t btf_size(struct btf *b, uint32_t id)
{
	uint64_t count = 1;

	for (int i = 0; i < MAX_DEPTH; i++) {
		const struct btf_array *array;

		id = btf_peel(b, id);
		switch (btf_kind(b, id)) {
		case BTF_KIND_INT:
		case BTF_KIND_STRUCT:
		case BTF_KIND_UNION:
		case BTF_KIND_ENUM:
		case BTF_KIND_FLOAT:
		case BTF_ENUM64:
			return count * btf_type(b, id)->size;
		case BTF_KIND_PTR:
			return count * 8;
		case BTF_KIND_ARRAY:
			array = btf_array_of(btf_type(b, id));
			count *= array->nelems;
			if (count > UINT32_MAX)
				return 0;
			id = array->type;
			break;
		default:
			return 0;
		}
	}
	return 0;
}

void btf_member_place(struct btf *b, const struct btf_type *object, uint32_t k, struct btf_place *out)
{
	const struct btf_member *m = &btf_members(object)[k];
	bool bitfields = BTF_INFO_KFLAG(object->info);
	uint32_t bits = bitfields ? BTF_MEMBER_BIT_OFFSET(m->offset) : m->offset;
	unsigned size = bitfields ? BTF_MEMBER_BITFIELD_SIZE(m->offset) : 0;
	const struct btf_type *t;
	uint32_t id;

	*out = (struct btf_place){.type = m->type, .offset = bits / 8, .bit_offset = -1};
	if (!size && !bitfields) {
		/* Old tools describe the bits by an integer type of their own. */
		id = btf_peel(b, m->type);
		t = btf_type(b, id);
		if (btf_kind(b, id) == BTF_KIND_INT) {
			uint32_t how = *(const uint32_t *)(const void *)(t + 1);

			if (BTF_INT_BITS(how) < t->size * 8 || bits % 8) {
				size = BTF_INT_BITS(how);
				bits += BTF_INT_OFFSET(how);
			}
		}
	}
	if (!size || size > 64)
		return;
	/* Keeps the alignment of the field's storage unit. */
	out->offset = bits / 64 * 8;
	out->bit_offset = (int)(bits % 64);
	out->bit_size = size;
}

static bool find_member(struct btf *b, uint32_t id, const char *name, struct btf_place *out, int depth,
			unsigned *steps)
{
	const struct btf_type *t;
	unsigned kind;

	id = btf_peel(b, id);
	kind = btf_kind(b, id);
	if (kind != BTF_KIND_STRUCT && kind != BTF_KIND_UNION)
		return false;
	t = btf_type(b, id);
	for (uint32_t k = 0; k < BTF_INFO_VLEN(t->info); k++) {
		struct btf_place at;
		const char *have = btf_string(b, btf_members(t)[k].name_off);

		if (*have && strcmp(have, name) == 0) {
			btf_member_place(b, t, k, out);
			return true;
		}
		if (*have || depth == MAX_DEPTH || ++*steps > MAX_STEPS)
			continue;
		btf_member_place(b, t, k, &at);
		if (find_member(b, at.type, name, out, depth + 1, steps)) {
			out->offset += at.offset;
			return true;
		}
	}
	return false;
}

bool btf_member(struct btf *b, uint32_t id, const char *name, struct btf_place *out)
{
	unsigned steps = 0;

	return find_member(b, id, name, out, 0, &steps);
}

#ifdef TAPIR_TEST
#include "base/test.h"

/* struct a { struct { int bc : 3; }; }; enum e { one = -1 }; typedef struct a t; */
static const struct {
	struct btf_header head;
	struct {
		struct btf_type integer;
		uint32_t how;
		struct btf_type inner;
		struct btf_member bc;
		struct btf_type outer;
		struct btf_member nameless;
		struct btf_type enumeration;
		struct btf_enum one;
		struct btf_type named;
	} types;
	char strings[20];
} sample = {
	.head = {.magic = BTF_MAGIC, .version = 1, .hdr_len = sizeof(sample.head),
		 .type_len = sizeof(sample.types), .str_off = sizeof(sample.types), .str_len = 20},
	.types = {.integer = {.name_off = 5, .info = BTF_KIND_INT << 24, .size = 4},
		  .how = BTF_INT_SIGNED << 24 | 32,
		  .inner = {.info = 1u << 31 | BTF_KIND_STRUCT << 24 | 1, .size = 4},
		  .bc = {.name_off = 9, .type = 1, .offset = 3 << 24 | 2},
		  .outer = {.name_off = 1, .info = BTF_KIND_STRUCT << 24 | 1, .size = 8},
		  .nameless = {.type = 2, .offset = 32},
		  .enumeration = {.name_off = 3, .info = 1u << 31 | BTF_KIND_ENUM << 24 | 1, .size = 4},
		  .one = {.name_off = 14, .val = -1},
		  .named = {.name_off = 18, .info = BTF_KIND_TYPEDEF << 24, .size = 3}},
	.strings = "\0a\0e\0int\0bc\0X\0one\0t",
};

TEST(btf_finds_and_measures)
{
	struct btf *b = btf_open(&sample, sizeof(sample), NULL);
	struct btf_place at;
	int64_t n;

	CHECK(b != NULL);
	CHECK_INT(btf_end(b), 6);
	CHECK_INT(btf_find(b, "a", BTF_KINDS_AGGREGATE), 3);
	CHECK_INT(btf_find(b, "a", 1u << BTF_KIND_FUNC), 0);
	CHECK_INT(btf_find(b, "nt", ~0u), 0);
	CHECK_INT(btf_find(b, "", ~0u), 0);
	CHECK_INT(btf_peel(b, 5), 3);
	CHECK_INT(btf_size(b, 5), 8);
	CHECK(btf_member(b, 5, "bc", &at));
	CHECK_INT(at.offset, 4);
	CHECK_INT(at.bit_offset, 2);
	CHECK_INT(at.bit_size, 3);
	CHECK(!btf_member(b, 5, "b", &at));
	CHECK(btf_enumerator(b, "one", &n));
	CHECK_INT(n, -1);
	CHECK(!btf_enumerator(b, "two", &n));
	CHECK_INT(btf_kind(b, 77), BTF_KIND_UNKN);
	CHECK(btf_type(b, 0) == NULL);
	btf_close(b);
}

/* A module's blob goes on where the kernel's ends. */
TEST(btf_of_a_module)
{
	struct btf *kernel = btf_open(&sample, sizeof(sample), NULL);
	struct {
		struct btf_header head;
		struct btf_type pointer, own;
		char strings[3];
	} more = {.head = {.magic = BTF_MAGIC, .version = 1, .hdr_len = sizeof(more.head),
			   .type_len = sizeof(more.pointer) + sizeof(more.own),
			   .str_off = sizeof(more.pointer) + sizeof(more.own), .str_len = 3},
		  .pointer = {.info = BTF_KIND_PTR << 24, .size = 3},
		  .own = {.name_off = sizeof(sample.strings), .info = BTF_KIND_TYPEDEF << 24, .size = 6},
		  .strings = "m"};
	struct btf *b = btf_open(&more, sizeof(more), kernel);

	CHECK_INT(btf_begin(b), 6);
	CHECK_INT(btf_end(b), 8);
	CHECK_STR(btf_name(b, 7), "m");
	CHECK_STR(btf_name(b, 3), "a");
	CHECK_INT(btf_find(b, "m", ~0u), 7);
	CHECK_INT(btf_find(b, "a", ~0u), 3);
	CHECK_INT(btf_size(b, 7), 8);
	btf_close(b);
	btf_close(kernel);
}
#endif
