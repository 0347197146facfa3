/* Opening a file and the debug information that belongs to it. See dbg.h.
 *
 * libdwfl searches: build-id below the absolute directories of the path, then the file's debug link
 * next to it, in .debug and below /usr/lib/debug. SYSTEMTAP_DEBUGINFO_PATH replaces the list. */
#include <dwarf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dwarf/dbg.h"
#include "dwarf/index.h"
#include "kern/btf.h"
#include "object/object.h"
#include "session.h"

#ifdef TAPIR_STATIC
/* libdw would load libdebuginfod, and with it a second C library, into a static program. Downloads
 * of debug information are not made this way. */
void *dlopen(const char *file, int mode);
void *dlopen(const char *file, int mode)
{
	(void)file;
	(void)mode;
	return NULL;
}
#endif

static char *debug_path;

static const Dwfl_Callbacks callbacks = {
	.find_elf = dwfl_build_id_find_elf,
	.find_debuginfo = dwfl_standard_find_debuginfo,
	.section_address = dwfl_offline_section_address,
	.debuginfo_path = &debug_path,
};

const char *dbg_search_path(void)
{
	const char *p = getenv("SYSTEMTAP_DEBUGINFO_PATH");

	return p ? p : "+:.debug:/usr/lib/debug:/var/cache/abrt-di/usr/lib/debug:build";
}

bool dbg_open_as(struct session *s, struct dbg_module *m, const char *name, const Dwfl_Callbacks *how,
		 const char **why)
{
	void **data;

	m->path = intern(m->obj->path);
	elf_version(EV_CURRENT);
	m->dwfl = dwfl_begin(how);
	if (m->dwfl && m->obj->laid_out) {
		/* Otherwise libdwfl thinks out addresses itself. */
		m->mod = dwfl_report_module(m->dwfl, name, 1, UINT64_MAX);
		if (m->mod && dwfl_module_info(m->mod, &data, NULL, NULL, NULL, NULL, NULL, NULL))
			*data = m;
	} else if (m->dwfl) {
		m->mod = dwfl_report_offline(m->dwfl, name, m->path, -1);
	}
	if (m->mod) {
		dwfl_report_end(m->dwfl, NULL, NULL);
		m->elf = dwfl_module_getelf(m->mod, &m->elf_bias);
	}
	if (!m->elf) {
		*why = dwfl_errmsg(-1);
		if (m->dwfl)
			dwfl_end(m->dwfl);
		obj_close(m->obj);
		return false;
	}
	map_set(&s->modules, &s->arena, intern(name), m);
	return true;
}

struct dbg_module *dbg_open(struct session *s, const char *path, const char **why)
{
	struct dbg_module *m = map_get(&s->modules, intern(path));

	if (m)
		return m;
	m = ARENA_NEW(&s->arena, struct dbg_module);
	m->obj = ARENA_NEW(&s->arena, struct obj);
	if (!debug_path)
		debug_path = xstrdup(dbg_search_path());
	return obj_open(m->obj, path, why) && dbg_open_as(s, m, path, &callbacks, why) ? m : NULL;
}

struct dbg_module *dbg_kernel(struct session *s, const char *module)
{
	const char *name = intern(module ? module : "kernel");
	struct dbg_module *m = map_get(&s->kernel_modules, name);
	struct btf *btf;

	if (m)
		return m;
	btf = module ? kern_module_btf(module) : kern_btf();
	if (!btf)
		return NULL;
	m = ARENA_NEW(&s->arena, struct dbg_module);
	m->path = name;
	m->btf = btf;
	m->kernel = true;
	m->loaded = module ? name : NULL;
	map_set(&s->kernel_modules, &s->arena, name, m);
	return m;
}

bool dbg_has_types(struct dbg_module *m)
{
	return m->btf || dbg_dwarf(m);
}

Dwarf *dbg_dwarf(struct dbg_module *m)
{
	if (!m->dwarf_tried && !m->btf) {
		m->dwarf_tried = true;
		m->dwarf = dwfl_module_getdwarf(m->mod, &m->dwarf_bias);
	}
	return m->dwarf;
}

struct obj_symtab *dbg_symbols(struct dbg_module *m)
{
	const char *debug_file = NULL, *why;

	if (m->symbols)
		return m->symbols;
	m->symbols = ARENA_NEW(&m->obj->arena, struct obj_symtab);
	if (!obj_section(m->obj, ".symtab") && dbg_dwarf(m))
		dwfl_module_info(m->mod, NULL, NULL, NULL, NULL, NULL, NULL, &debug_file);
	if (debug_file) { /* kept open: the names stay in there */
		m->debug_obj = ARENA_NEW(&m->obj->arena, struct obj);
		if (!obj_open(m->debug_obj, debug_file, &why))
			m->debug_obj = NULL;
	}
	obj_symbols(m->obj, m->debug_obj, m->symbols);
	return m->symbols;
}

bool dbg_file_offset(const struct dbg_module *m, uint64_t vaddr, uint64_t *offset)
{
	return obj_file_offset(m->obj, vaddr, offset);
}

void dbg_close_all(struct session *s)
{
	for (size_t i = 0; i < s->modules.cap; i++) {
		struct dbg_module *m = s->modules.v[i].key ? s->modules.v[i].value : NULL;

		if (!m)
			continue;
		dbg_index_free(m->index);
		dwfl_end(m->dwfl);
		if (m->debug_obj)
			obj_close(m->debug_obj);
		obj_close(m->obj);
	}
	s->modules = (struct map){0};
	free(debug_path);
	debug_path = NULL;
}
