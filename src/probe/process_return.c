/* What a return probe does to a program. See process.h.
 *
 * The kernel replaces the return address on the stack by that of a trampoline. A C++ exception (or a panic of
 * Rust) that leaves the function finds no unwind information there, and the program is ended ("terminate called
 * after throwing..."; tried with 6.18). longjmp() is fine: the return is only not seen.
 *
 * Go walks its stacks all the time, to move them and to collect garbage, and ends the program when it meets an
 * address that it does not know ("unexpected return pc"). */
#include <dwarf.h>
#include <elf.h>
#include <fnmatch.h>
#include <string.h>

#include "lang/diag.h"
#include "probe/process.h"
#include "session.h"

/* A return probe replaces the return address on the stack. Code that has none there, that looks at it,
 * or that returns a second time through a copy of it, would go astray: the program's entry (argc
 * stands in that place), setjmp and its kin, vfork, switches of stacks, the dynamic linker's stubs. */
static bool is_special(struct process_query *q, const char *name, uint64_t pc)
{
	static const char *const names[] = {
		"_start",	  "_dl_start",	    "_dl_start_user", "_dl_runtime_resolve_*",
		"_dl_runtime_profile_*", "_dl_tlsdesc_*",   "setjmp",	      "_setjmp",
		"__sigsetjmp",	  "sigsetjmp",	    "__setjmp",	      "vfork",
		"__vfork",	  "__libc_vfork",   "getcontext",     "__getcontext",
		"setcontext",	  "__setcontext",   "swapcontext",    "__swapcontext",
		"__start_context", "__restore_rt",  "clone",	      "__clone",
		"__clone3",	  "__clone_internal",
	};
	const struct obj_symbol *y = obj_symtab_at(dbg_symbols(q->m), pc);

	if (q->m->obj->entry && pc == q->m->obj->entry)
		return true;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if ((name && fnmatch(names[i], name, 0) == 0) ||
		    (y && fnmatch(names[i], y->name, 0) == 0))
			return true;
	return false;
}

/* Code of C in a Go program is another matter: it has a stack of its own. */
static bool is_go(struct process_query *q, const struct process_site *e)
{
	Dwarf_Die scope = e->place.at.scope, unit;

	if (!obj_section(q->m->obj, ".gopclntab") && !obj_section(q->m->obj, ".data.rel.ro.gopclntab"))
		return false;
	if (e->place.kind == PLACE_PLT || e->place.kind == PLACE_MARK)
		return false;
	return !scope.addr || !dwarf_diecu(&scope, &unit, NULL, NULL) || dwarf_srclang(&unit) == DW_LANG_Go;
}

bool process_return_is_dangerous(struct process_query *q, const struct process_site *e, const char *shown)
{
	bool special = is_special(q, e->place.name, e->pc);

	if (special && !q->quiet)
		sem_warn(q->s, NULL, "a return probe on %s would break the program", shown);
	if (special || !is_go(q, e))
		return special;
	if (!q->m->go_told && !q->s->muted)
		sem_warn(q->s, NULL, "return probes are not put on Go functions of %s: the program would end, since Go "
			 "checks the return addresses on its stacks", q->m->path);
	q->m->go_told |= !q->s->muted;
	return true;
}

/* ------------------------------------------------------------------ exceptions */

static const char cplusplus[] = "a C++ exception", rust[] = "a panic", other[] = "an exception";

/* What leaves functions of such a language, NULL: nothing does. */
static const char *unwinds(int language)
{
	switch (language) {
	case DW_LANG_C_plus_plus:
	case DW_LANG_C_plus_plus_03:
	case DW_LANG_C_plus_plus_11:
	case DW_LANG_C_plus_plus_14:
	case 0x2b: /* C++17 */
	case 0x3a: /* C++20 */
		return cplusplus;
	case DW_LANG_Rust:
		return rust;
	case DW_LANG_D:
	case DW_LANG_Ada83:
	case DW_LANG_Ada95:
		return other;
	default:
		return NULL;
	}
}

/* Code of such a language, in a file that handles exceptions, which calls something. */
const char *process_thrown(struct process_query *q, const struct dbg_place *at, uint64_t pc)
{
	const struct obj_symbol *y = obj_symtab_around(dbg_symbols(q->m), pc);
	Dwarf_Die scope = at->scope, unit;
	const char *what = NULL;

	if (!obj_section(q->m->obj, ".gcc_except_table") || !y || strcmp(y->name, "main") == 0)
		return NULL;
	if (scope.addr && dwarf_diecu(&scope, &unit, NULL, NULL))
		what = unwinds(dwarf_srclang(&unit));
	else if (strncmp(y->name, "_R", 2) == 0)
		what = rust;
	else if (strncmp(y->name, "_Z", 2) == 0)
		what = cplusplus;
	return what && obj_may_call(q->m->obj, y->addr, y->size) ? what : NULL;
}

void process_warn_throws(struct session *s)
{
	struct map seen = {0};
	struct str names = {0};
	const char *what = NULL;
	size_t n = 0, shown = s->opt.verbose[2] ? SIZE_MAX : 3;

	for (size_t i = 0; i < s->program->probes.n; i++) {
		const struct probe_inst *inst = s->program->probes.v[i];
		const struct process_place *place;
		const char *key;

		if (!inst->site || inst->site->kind != SITE_URETPROBE)
			continue;
		place = inst->site->place;
		key = arena_printf(&s->arena, "%s %llx", inst->site->path,
				   (unsigned long long)inst->site->offset);
		if (!place->thrown || map_get(&seen, intern(key)))
			continue;
		map_set(&seen, &s->arena, intern(key), s);
		what = !what || what == place->thrown ? place->thrown : other;
		if (n++ < shown)
			str_addf(&names, "%s %s", n > 1 ? "," : "", inst->alias_name);
	}
	if (n)
		sem_warn(s, NULL,
			 "%s that leaves a function with a return probe ends the program; %zu function%s may be "
			 "left by one:%s%s",
			 what, n, n == 1 ? "" : "s", names.s, n > shown ? ", ... (-v names all of them)" : "");
	str_release(&names);
}
