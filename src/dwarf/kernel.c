/* The debug information of the running kernel and its modules. See dbg.h.
 *
 * Nothing tells where it is installed: the places that distributions use are tried, a file counts if its
 * build-id is the one that the kernel shows of itself. It is the kernel that the addresses of a file are
 * not those where it runs: the whole kernel has been moved (one number, by the symbol _text), modules are
 * relocatable files, whose sections the kernel tells the places of. */
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "dwarf/dbg.h"
#include "kern/kernel_id.h"
#include "object/kallsyms.h"
#include "object/object.h"
#include "session.h"

struct dbg_source {
	struct dbg_module *module; /* NULL: none, why */
	const char *why;
};

struct finding {
	struct session *s;
	const char *release, *id; /* id: "" if it is not known */
	const char *module;	  /* NULL: the kernel */
	struct obj *obj;	  /* what has been found, opened */
	const char *other;	  /* a file of another build */
};

/* ------------------------------------------------------------------ files */

static bool try_file(struct finding *f, const char *path)
{
	const char *why, *id;

	if (access(path, R_OK) != 0 || !obj_open(f->obj, path, &why))
		return false;
	id = obj_build_id(f->obj);
	if (!*f->id || (id && strcmp(id, f->id) == 0))
		return true;
	f->other = arena_strdup(&f->s->arena, path);
	obj_close(f->obj);
	return false;
}

static bool try_in(struct finding *f, const char *format, const char *folder, const char *rest)
{
	return try_file(f, arena_printf(&f->s->arena, format, folder, rest));
}

/* "dummy", "dummy.ko", "dummy.ko.debug": - counts as _. */
static bool is_module_file(const char *name, const char *module)
{
	for (; *module; name++, module++)
		if (*name != *module && !(*name == '-' && *module == '_'))
			return false;
	return strcmp(name, ".ko") == 0 || strcmp(name, ".ko.debug") == 0;
}

static struct finding *walking; /* nftw() hands nothing over */

static int visit(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	return type == FTW_F && is_module_file(path + at->base, walking->module) && try_file(walking, path);
}

static bool try_tree(struct finding *f, const char *format, const char *folder)
{
	walking = f;
	return nftw(arena_printf(&f->s->arena, format, folder, f->release), visit, 16, FTW_PHYS) == 1;
}

/* Below a directory of debug files. */
static bool try_folder(struct finding *f, const char *folder)
{
	if (strlen(f->id) > 2 &&
	    try_in(f, "%s/.build-id/%s.debug", folder,
		   arena_printf(&f->s->arena, "%.2s/%s", f->id, f->id + 2)))
		return true;
	if (f->module)
		return try_tree(f, "%s/lib/modules/%s", folder);
	return try_in(f, "%s/boot/vmlinux-%s", folder, f->release) ||
	       try_in(f, "%s/lib/modules/%s/vmlinux", folder, f->release);
}

static bool find_file(struct finding *f)
{
	const char *p = dbg_search_path();

	for (; *p; p += strcspn(p, ":"), p += *p == ':') {
		const char *folder = p + (*p == '+' || *p == '-');
		size_t n = strcspn(folder, ":");

		if (*folder == '/' && try_folder(f, arena_strndup(&f->s->arena, folder, n)))
			return true;
	}
	if (f->module)
		return try_tree(f, "%s/lib/modules/%s", "");
	return try_in(f, "%s/boot/vmlinux-%s", "", f->release) ||
	       try_in(f, "%s/lib/modules/%s/build/vmlinux", "", f->release);
}

/* ------------------------------------------------------------------ addresses */

/* Without debug information elsewhere: the file itself has it. */
static int no_debuginfo(Dwfl_Module *mod, void **data, const char *name, Dwarf_Addr base, const char *file,
			const char *link, GElf_Word crc, char **found)
{
	(void)mod, (void)data, (void)name, (void)base, (void)file, (void)link, (void)crc, (void)found;
	return -1;
}

static bool section_address(void *module, const char *section, uint64_t *addr)
{
	char path[PATH_MAX];
	unsigned long long n;
	FILE *f;
	bool ok;

	if (snprintf(path, sizeof(path), "/sys/module/%s/sections/%s", (const char *)module, section) >=
	    (int)sizeof(path))
		return false;
	f = fopen(path, "re");
	ok = f && fscanf(f, "%llx", &n) == 1 && n;
	if (ok)
		*addr = n;
	if (f)
		fclose(f);
	return ok;
}

static int find_elf(Dwfl_Module *mod, void **data, const char *name, Dwarf_Addr base, char **file, Elf **elf)
{
	const struct dbg_module *m = *data;

	(void)mod, (void)name, (void)base, (void)elf;
	*file = strdup(m->path);
	return open(m->path, O_RDONLY | O_CLOEXEC);
}

/* Those that are not loaded are nowhere. */
static int dwfl_address(Dwfl_Module *mod, void **data, const char *name, Dwarf_Addr base,
			const char *section, GElf_Word number, const GElf_Shdr *header, Dwarf_Addr *addr)
{
	const struct dbg_module *m = *data;

	(void)mod, (void)name, (void)base, (void)section, (void)header;
	*addr = number < m->obj->n_sections ? m->obj->sections[number].addr : 0;
	if (!*addr)
		*addr = (Dwarf_Addr)-1;
	return 0;
}

static const Dwfl_Callbacks kernel_callbacks = {
	.find_elf = find_elf,
	.find_debuginfo = no_debuginfo,
	.section_address = dwfl_address,
};

struct start {
	uint64_t text;
};

static bool find_start(void *cookie, const struct kallsym *y)
{
	struct start *start = cookie;

	if (!y->module && strcmp(y->name, "_text") == 0)
		start->text = y->addr;
	return !start->text && !y->module;
}

/* The kernel has been moved as a whole. */
static bool find_bias(struct dbg_module *m)
{
	const struct obj_symbol *y = obj_symtab_find(m->obj, dbg_symbols(m), "_text");
	struct start start = {0};

	kallsyms_each(NULL, find_start, &start);
	if (!y || !start.text)
		return false;
	m->bias = start.text - y->addr;
	return true;
}

/* ------------------------------------------------------------------ opening */

static struct dbg_module *open_source(struct session *s, const char *module, const char *name,
				      const char **why)
{
	char id[KERN_ID_TEXT];
	struct finding f = {.s = s, .module = module, .id = kern_build_id(),
			    .obj = ARENA_NEW(&s->arena, struct obj)};
	struct dbg_module *m;
	struct utsname u;

	uname(&u);
	f.release = u.release;
	if (module) {
		kern_module_build_id(module, id);
		f.id = id;
	}
	if (!find_file(&f)) {
		if (f.other)
			*why = arena_printf(&s->arena, "%s is of another build", f.other);
		else if (module)
			*why = arena_printf(&s->arena, "no %s.ko with debug information for %s", module,
					    u.release);
		else
			*why = arena_printf(&s->arena, "no vmlinux-%s below /usr/lib/debug or /boot",
					    u.release);
		return NULL;
	}
	m = ARENA_NEW(&s->arena, struct dbg_module);
	m->obj = f.obj;
	m->kernel = true;
	m->loaded = module ? intern(module) : NULL;
	if (module)
		obj_lay_out(m->obj, section_address, (void *)module);
	if (!dbg_open_as(s, m, name, &kernel_callbacks, why))
		return NULL;
	if (!dbg_dwarf(m)) {
		*why = arena_printf(&s->arena, "no debug information in %s", m->path);
		return NULL;
	}
	if (module ? !m->obj->n_segments : !find_bias(m)) {
		*why = module ? "the kernel hides where its sections are" :
				"the kernel hides its addresses (kernel.kptr_restrict)";
		return NULL;
	}
	return m;
}

struct dbg_module *dbg_kernel_source(struct session *s, const char *module, const char **why)
{
	const char *name = module ? arena_printf(&s->arena, "module:%s", module) : "kernel:";
	struct dbg_source *known = map_get(&s->kernel_sources, intern(name));

	if (!known) {
		known = ARENA_NEW(&s->arena, struct dbg_source);
		known->module = open_source(s, module, name, &known->why);
		map_set(&s->kernel_sources, &s->arena, intern(name), known);
	}
	*why = known->why;
	return known->module;
}
