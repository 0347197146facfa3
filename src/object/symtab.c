/* Symbol tables. See object.h.
 *
 * A file has a full table (.symtab), or a dynamic one and perhaps a compressed ELF file with the
 * rest of the function symbols (.gnu_debugdata), or its full table is in a separate debug file. */
#include <elf.h>
#include <lzma.h>
#include <stdlib.h>
#include <string.h>

#include "object/object.h"

enum { MAX_UNPACKED = 256 << 20 };

typedef VEC(struct obj_symbol) symbol_vec;

static void read_table(struct obj *to, const struct obj *o, const struct obj_section *table,
		       symbol_vec *out)
{
	const size_t size = o->is64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
	size_t n, n_text = 0;
	const uint8_t *p = obj_section_data(o, table, &n), *text = NULL;

	if (p && table->link < o->n_sections)
		text = obj_section_data(o, &o->sections[table->link], &n_text);
	/* Names end at the last NUL of the text at the latest: one check instead of one a name. */
	while (n_text && text[n_text - 1])
		n_text--;
	n = p && n_text ? n / size : 0;
	vec_reserve(out, &to->arena, n);
	for (; n; n--, p += size) {
		struct obj_symbol s = {0};
		uint32_t name;
		uint16_t section;
		const char *version;

		if (o->is64) {
			Elf64_Sym e;

			memcpy(&e, p, sizeof(e));
			name = e.st_name;
			section = e.st_shndx;
			s.addr = e.st_value;
			s.size = e.st_size;
			s.type = ELF64_ST_TYPE(e.st_info);
			s.bind = ELF64_ST_BIND(e.st_info);
		} else {
			Elf32_Sym e;

			memcpy(&e, p, sizeof(e));
			name = e.st_name;
			section = e.st_shndx;
			s.addr = e.st_value;
			s.size = e.st_size;
			s.type = ELF32_ST_TYPE(e.st_info);
			s.bind = ELF32_ST_BIND(e.st_info);
		}
		if (section == SHN_UNDEF || section == SHN_ABS || name == 0 || name >= n_text ||
		    s.type == STT_SECTION || s.type == STT_FILE || s.type == STT_TLS)
			continue;
		/* Of relocatable files they count from the start of the section. */
		if (o->type == ET_REL && section < o->n_sections)
			s.addr += o->sections[section].addr;
		s.name = (const char *)text + name;
		if (!*s.name)
			continue;
		version = strchr(s.name, '@');
		if (version && version != s.name)
			s.name = arena_strndup(&to->arena, s.name, (size_t)(version - s.name));
		vec_push(out, &to->arena, s);
	}
}

/* .gnu_debugdata: an ELF file with function symbols only, packed by xz. */
static void read_packed(struct obj *o, symbol_vec *out)
{
	size_t n, in_at = 0, out_at = 0, cap;
	const uint8_t *p = obj_section_data(o, obj_section(o, ".gnu_debugdata"), &n);
	uint64_t limit = 512u << 20;
	struct obj *inner;
	const char *why;
	uint8_t *buf;

	if (!p)
		return;
	/* The size is in the index at the end, but an untrusted one: try growing sizes. */
	for (cap = n < 1 << 20 ? n * 16 + 4096 : n * 8; cap <= MAX_UNPACKED; cap *= 4) {
		lzma_ret r;

		buf = arena_alloc(&o->arena, cap);
		in_at = out_at = 0;
		r = lzma_stream_buffer_decode(&limit, 0, NULL, p, &in_at, n, buf, &out_at, cap);
		if (r == LZMA_BUF_ERROR && out_at == cap)
			continue;
		if (r != LZMA_OK)
			return;
		inner = ARENA_NEW(&o->arena, struct obj);
		if (obj_open_memory(inner, buf, out_at, &why))
			for (size_t i = 0; i < inner->n_sections; i++)
				if (inner->sections[i].type == SHT_SYMTAB)
					read_table(o, inner, &inner->sections[i], out);
		arena_release(&inner->arena);
		return;
	}
}

bool obj_symbol_is_function(const struct obj_symbol *s)
{
	return s->type == STT_FUNC || s->type == STT_GNU_IFUNC;
}

static int rank(const struct obj_symbol *s)
{
	return (obj_symbol_is_function(s) ? 0 : 4) +
	       (s->bind == STB_GLOBAL || s->bind == STB_GNU_UNIQUE ? 0 : s->bind == STB_WEAK ? 1 : 2);
}

static int by_address(const void *a, const void *b)
{
	const struct obj_symbol *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	if (rank(x) != rank(y))
		return rank(x) - rank(y);
	return strcmp(x->name, y->name);
}

void obj_symbols(struct obj *o, struct obj *debug, struct obj_symtab *t)
{
	symbol_vec v = {0};
	size_t n = 0;

	for (size_t i = 0; i < o->n_sections; i++)
		if (o->sections[i].type == SHT_SYMTAB)
			read_table(o, o, &o->sections[i], &v);
	if (!v.n && debug)
		for (size_t i = 0; i < debug->n_sections; i++)
			if (debug->sections[i].type == SHT_SYMTAB)
				read_table(o, debug, &debug->sections[i], &v);
	if (!v.n) {
		for (size_t i = 0; i < o->n_sections; i++)
			if (o->sections[i].type == SHT_DYNSYM)
				read_table(o, o, &o->sections[i], &v);
		read_packed(o, &v);
	}
	if (v.n)
		qsort(v.v, v.n, sizeof(v.v[0]), by_address);
	for (size_t i = 0; i < v.n; i++)
		if (!i || v.v[i].addr != v.v[n - 1].addr || strcmp(v.v[i].name, v.v[n - 1].name))
			v.v[n++] = v.v[i];
	*t = (struct obj_symtab){.v = v.v, .n = n};
}

static int by_name(const void *a, const void *b, void *table)
{
	const struct obj_symbol *v = table, *x = &v[*(const uint32_t *)a],
				*y = &v[*(const uint32_t *)b];
	int c = strcmp(x->name, y->name);

	if (c)
		return c;
	return rank(x) != rank(y) ? rank(x) - rank(y) : (x->addr > y->addr) - (x->addr < y->addr);
}

const struct obj_symbol *obj_symtab_find(struct obj *o, struct obj_symtab *t, const char *name)
{
	size_t lo = 0, hi = t->n;

	if (!t->by_name && t->n) {
		t->by_name = ARENA_ARRAY(&o->arena, uint32_t, t->n);
		for (size_t i = 0; i < t->n; i++)
			t->by_name[i] = (uint32_t)i;
		qsort_r(t->by_name, t->n, sizeof(t->by_name[0]), by_name, t->v);
	}
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(t->v[t->by_name[mid]].name, name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < t->n && strcmp(t->v[t->by_name[lo]].name, name) == 0)
		return &t->v[t->by_name[lo]];
	return NULL;
}

/* Index of the first symbol at or behind addr. */
static size_t lower_bound(const struct obj_symtab *t, uint64_t addr)
{
	size_t lo = 0, hi = t->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (t->v[mid].addr < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const struct obj_symbol *obj_symtab_at(const struct obj_symtab *t, uint64_t addr)
{
	size_t i = lower_bound(t, addr);

	return i < t->n && t->v[i].addr == addr ? &t->v[i] : NULL;
}

const struct obj_symbol *obj_symtab_around(const struct obj_symtab *t, uint64_t addr)
{
	size_t i = lower_bound(t, addr);
	int steps = 64; /* functions do not nest; other symbols in between may be a few */

	if (i < t->n && t->v[i].addr == addr && obj_symbol_is_function(&t->v[i]))
		return &t->v[i];
	while (i-- > 0 && steps--) {
		const struct obj_symbol *s = &t->v[i];

		if (!obj_symbol_is_function(s))
			continue;
		while (i > 0 && t->v[i - 1].addr == s->addr &&
		       obj_symbol_is_function(&t->v[i - 1]))
			s = &t->v[--i];
		return addr - s->addr < (s->size ? s->size : 1) ? s : NULL;
	}
	return NULL;
}
