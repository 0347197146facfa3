/* Labels of a function (probe reference 7.4, 9.2). See dbg.h. */
#include "dwarf/query.h"
#include "object/object.h"
#include "session.h"

enum { MAX_FOUND = 20000 };

static void find_labels(struct session *s, struct dbg_module *m, Dwarf_Die *scope, const char *pattern,
			dbg_labels *out, int depth)
{
	Dwarf_Die child;

	if (depth > DBG_MAX_DEPTH || !dbg_first_child(scope, &child))
		return;
	do {
		int tag = dwarf_tag(&child);
		const char *name;
		Dwarf_Addr pc;

		if (dbg_is_block(tag))
			find_labels(s, m, &child, pattern, out, depth + 1);
		if (tag != DW_TAG_label || out->n >= MAX_FOUND || dwarf_lowpc(&child, &pc) != 0)
			continue;
		pc = pc + m->dwarf_bias - m->elf_bias;
		name = dwarf_diename(&child);
		if (name && dbg_match(pattern, name) && obj_executable_at(m->obj, pc))
			vec_push(out, &s->arena, (struct dbg_label){arena_strdup(&s->arena, name), pc});
	} while (dbg_next(&child));
}

void dbg_find_labels(struct session *s, struct dbg_module *m, const struct dbg_function *f,
		     const char *pattern, dbg_labels *out)
{
	Dwarf_Die die;

	if (dbg_function_die(m, f, &die))
		find_labels(s, m, &die, pattern, out, 0);
}
