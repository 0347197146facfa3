/* What a file says about itself and the files it belongs to. See object.h. */
#include <elf.h>
#include <stddef.h>
#include <string.h>

#include "object/object.h"

enum { MAX_NEEDED = 4096, MAX_BUILD_ID = 64 };

/* The contents of the first note of an owner and type, or NULL. */
static const uint8_t *find_note(const uint8_t *p, size_t n, const char *owner, uint32_t type,
				size_t *desc_size)
{
	while (n >= 12) {
		uint64_t namesz = obj_u32(p), descsz = obj_u32(p + 4), desc, next;

		desc = 12 + ((namesz + 3) & ~3ull);
		next = desc + ((descsz + 3) & ~3ull);
		if (desc + descsz > n)
			return NULL;
		if (obj_u32(p + 8) == type && namesz == strlen(owner) + 1 &&
		    memcmp(p + 12, owner, namesz) == 0) {
			*desc_size = descsz;
			return p + desc;
		}
		if (next > n)
			return NULL;
		p += next;
		n -= next;
	}
	return NULL;
}

static const uint8_t *find_build_id(const struct obj *o, size_t *size)
{
	const uint8_t *d = NULL;
	size_t n;

	*size = 0;
	for (size_t i = 0; i < o->n_segments && !d; i++) {
		const struct obj_segment *g = &o->segments[i];

		if (g->type == PT_NOTE && g->offset <= o->size && g->filesz <= o->size - g->offset)
			d = find_note(o->data + g->offset, g->filesz, "GNU", NT_GNU_BUILD_ID, size);
	}
	for (size_t i = 0; i < o->n_sections && !d; i++) {
		const uint8_t *p = o->sections[i].type == SHT_NOTE ?
					   obj_section_data(o, &o->sections[i], &n) :
					   NULL;

		if (p)
			d = find_note(p, n, "GNU", NT_GNU_BUILD_ID, size);
	}
	return d;
}

const char *obj_build_id(struct obj *o)
{
	static const char digits[] = "0123456789abcdef";
	size_t size;
	const uint8_t *d = find_build_id(o, &size);
	char *text;

	if (!d || !size || size > MAX_BUILD_ID)
		return NULL;
	text = arena_alloc(&o->arena, 2 * size + 1);
	for (size_t i = 0; i < size; i++) {
		text[2 * i] = digits[d[i] >> 4];
		text[2 * i + 1] = digits[d[i] & 15];
	}
	return text;
}

const char *obj_interpreter(const struct obj *o)
{
	for (size_t i = 0; i < o->n_segments; i++) {
		const struct obj_segment *g = &o->segments[i];

		if (g->type == PT_INTERP && g->offset <= o->size &&
		    g->filesz <= o->size - g->offset)
			return obj_text(o->data + g->offset, g->filesz, 0);
	}
	return NULL;
}

void obj_needed(struct obj *o, obj_names *needed, const char **soname, const char **runpath)
{
	const uint8_t *dyn = NULL, *text = NULL;
	size_t n = 0, n_text = 0, word = o->is64 ? 8 : 4;

	*soname = *runpath = NULL;
	for (size_t i = 0; i < o->n_segments; i++) {
		const struct obj_segment *g = &o->segments[i];

		if (g->type == PT_DYNAMIC && g->offset <= o->size &&
		    g->filesz <= o->size - g->offset) {
			dyn = o->data + g->offset;
			n = g->filesz / (2 * word);
		}
	}
	for (size_t i = 0; i < n; i++)
		if (obj_word(o, dyn + i * 2 * word) == DT_STRTAB) {
			n_text = o->size;
			text = obj_at(o, obj_word(o, dyn + i * 2 * word + word), &n_text);
			break;
		}
	for (size_t i = 0; text && i < n && i < MAX_NEEDED; i++) {
		uint64_t tag = obj_word(o, dyn + i * 2 * word);
		const char *s;

		if (tag == DT_NULL)
			break;
		if (tag != DT_NEEDED && tag != DT_SONAME && tag != DT_RUNPATH && tag != DT_RPATH)
			continue;
		s = obj_text(text, n_text, obj_word(o, dyn + i * 2 * word + word));
		if (!s)
			continue;
		if (tag == DT_NEEDED)
			vec_push(needed, &o->arena, s);
		else if (tag == DT_SONAME)
			*soname = s;
		else if (tag == DT_RUNPATH || !*runpath)
			*runpath = s;
	}
}

bool obj_mark(struct obj *o, struct obj_mark *mark)
{
	obj_names needed = {0};
	const char *soname = NULL, *runpath = NULL;
	size_t size, n = 16;
	const uint8_t *p = find_build_id(o, &size);

	if (!p || size < 16) {
		obj_needed(o, &needed, &soname, &runpath);
		p = (const uint8_t *)soname;
	}
	if (!p && o->type == ET_EXEC)
		p = o->data + offsetof(Elf64_Ehdr, e_entry);
	if (!p || !obj_vaddr(o, (uint64_t)(p - o->data), &mark->vaddr))
		return false;
	p = obj_at(o, mark->vaddr, &n);
	if (!p || n < 16)
		return false;
	mark->first = obj_u64(p);
	mark->second = obj_u64(p + 8);
	return true;
}
