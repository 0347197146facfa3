/* See symtab.h. */
#include "run/symtab.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/str.h"
#include "base/vec.h"
#include "object/kallsyms.h"
#include "object/object.h"

struct entry {
	uint64_t addr;
	uint32_t name;	 /* offset in names */
	uint16_t module; /* kernel: index into modules */
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

static void add_entry(struct symtab *t, uint64_t addr, const char *name, uint16_t module)
{
	if (t->n == t->cap) {
		t->cap = t->cap ? 2 * t->cap : 1024;
		t->v = xrealloc(t->v, t->cap * sizeof(*t->v));
	}
	t->v[t->n++] = (struct entry){addr, (uint32_t)t->names.len, module};
	str_addn(&t->names, name, strlen(name) + 1);
}

static int by_address(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
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

/* ------------------------------------------------------------------ programs */

static void copy_symbols(struct symtab *t, const struct obj_symtab *from)
{
	for (size_t i = 0; i < from->n; i++) {
		const struct obj_symbol *s = &from->v[i];
		const char *name = s->name + (s->name[0] == '.');

		/* The first at an address is the best. Labels of assembler code are no names. */
		if ((t->n && t->v[t->n - 1].addr == s->addr) ||
		    (s->type == STT_NOTYPE && s->bind == STB_LOCAL))
			continue;
		add_entry(t, s->addr, name, 0);
	}
}

/* Stripped: the symbols may be in a file beside. */
static bool open_debug(struct obj *debug, struct obj *o)
{
	const char *id = obj_build_id(o), *why;
	char path[256];

	if (!id || strlen(id) < 3)
		return false;
	snprintf(path, sizeof(path), "/usr/lib/debug/.build-id/%.2s/%s.debug", id, id + 2);
	return obj_open(debug, path, &why);
}

struct symtab *symtab_read(int fd)
{
	struct symtab *t = xcalloc(1, sizeof(*t));
	struct obj o, debug;
	struct obj_symtab symbols = {0};
	bool has_debug = false;
	char path[40];
	const char *why;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fd < 0 || !obj_open(&o, path, &why))
		return t;
	for (size_t i = 0; i < o.n_segments; i++)
		if (o.segments[i].type == PT_LOAD)
			vec_push(&t->segments, &t->arena,
				 (struct segment){o.segments[i].vaddr, o.segments[i].offset,
						  o.segments[i].filesz});
	if (!obj_section(&o, ".symtab"))
		has_debug = open_debug(&debug, &o);
	obj_symbols(&o, has_debug ? &debug : NULL, &symbols);
	/* Copied: the file may be changed while it is mapped, later. */
	copy_symbols(t, &symbols);
	if (has_debug)
		obj_close(&debug);
	obj_close(&o);
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

static bool add_kernel_symbol(void *cookie, const struct kallsym *s)
{
	struct symtab *t = cookie;

	if (s->addr)
		add_entry(t, s->addr, s->name + (s->name[0] == '.'),
			  s->module ? module_number(t, s->module) : 0);
	return true;
}

struct symtab *symtab_read_kernel(void)
{
	struct symtab *t = xcalloc(1, sizeof(*t));

	module_number(t, "kernel");
	kallsyms_each(NULL, add_kernel_symbol, t);
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
