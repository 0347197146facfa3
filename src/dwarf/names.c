/* Names of a whole module: types, enumerators and file-level variables of all its units.
 *
 * The tables are made at the first question that the units around a place cannot answer, in one walk
 * over the top levels of all units (and namespaces); they live as long as the session. */
#include <string.h>

#include "dwarf/query.h"
#include "session.h"

struct unit_var {
	Dwarf_Die die;
	const char *unit; /* DW_AT_name */
	struct unit_var *next;
};

struct dbg_name_table {
	struct map tagged; /* struct, class, union, enum -> Dwarf_Die */
	struct map plain;  /* typedef, base type -> Dwarf_Die */
	struct map vars;   /* -> struct unit_var */
	struct map enums;  /* enumerator -> Dwarf_Die */
};

struct walk {
	struct arena *a;
	struct dbg_name_table *names;
	const char *unit;
};

static void put(struct walk *w, struct map *m, const char *name, Dwarf_Die *die)
{
	Dwarf_Die *copy;

	if (map_get(m, name))
		return;
	copy = ARENA_NEW(w->a, Dwarf_Die);
	*copy = *die;
	map_set(m, w->a, name, copy);
}

/* What link-time optimization has made of a variable refers to the unit of its source. */
static const char *unit_of(struct walk *w, Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	Dwarf_Die origin, unit;

	if (dwarf_attr(die, DW_AT_abstract_origin, &attr) && dwarf_formref_die(&attr, &origin) &&
	    dwarf_diecu(&origin, &unit, NULL, NULL))
		return dwarf_diename(&unit);
	return w->unit;
}

static void put_variable(struct walk *w, Dwarf_Die *die, const char *name)
{
	struct unit_var *v, *first = map_get(&w->names->vars, name);

	if (!dwarf_hasattr_integrate(die, DW_AT_location) &&
	    !dwarf_hasattr_integrate(die, DW_AT_const_value))
		return;
	v = ARENA_NEW(w->a, struct unit_var);
	v->die = *die;
	v->unit = unit_of(w, die);
	/* Behind the first: units are asked in order. */
	if (first) {
		v->next = first->next;
		first->next = v;
	} else {
		map_set(&w->names->vars, w->a, name, v);
	}
}

static void walk_scope(struct walk *w, Dwarf_Die *scope, const char *prefix, int depth)
{
	Dwarf_Die child, inner;

	if (depth > DBG_MAX_DEPTH || !dbg_first_child(scope, &child))
		return;
	do {
		const char *name = dwarf_diename(&child), *full = NULL;
		int tag = dwarf_tag(&child);

		switch (tag) {
		case DW_TAG_namespace:
			full = *prefix || name ? arena_printf(w->a, "%s%s%s", prefix,
							      name ? name : "", name ? "::" : "")
					       : prefix;
			walk_scope(w, &child, full, depth + 1);
			continue;
		case DW_TAG_enumeration_type:
			if (dbg_first_child(&child, &inner))
				do {
					const char *e = dwarf_diename(&inner);

					if (e && dwarf_tag(&inner) == DW_TAG_enumerator)
						put(w, &w->names->enums, e, &inner);
				} while (dbg_next(&inner));
			break;
		case DW_TAG_structure_type:
		case DW_TAG_class_type:
		case DW_TAG_union_type:
		case DW_TAG_typedef:
		case DW_TAG_base_type:
		case DW_TAG_variable:
			break;
		default:
			continue;
		}
		if (!name)
			continue;
		if (*prefix)
			full = arena_printf(w->a, "%s%s", prefix, name);
		if (tag == DW_TAG_variable) {
			put_variable(w, &child, name);
			if (full)
				put_variable(w, &child, full);
			continue;
		}
		if (dwarf_hasattr(&child, DW_AT_declaration))
			continue;
		struct map *m = tag == DW_TAG_typedef || tag == DW_TAG_base_type ? &w->names->plain
										 : &w->names->tagged;
		put(w, m, name, &child);
		if (full)
			put(w, m, full, &child);
		/* Types inside classes are found by their bare name. */
		if (m == &w->names->tagged && tag != DW_TAG_enumeration_type)
			walk_scope(w, &child, arena_printf(w->a, "%s%s::", prefix, name), depth + 1);
	} while (dbg_next(&child));
}

static struct dbg_name_table *name_table(struct dbg_query *q)
{
	struct dbg_module *m = q->m;
	Dwarf *dwarf = dbg_dwarf(m);
	Dwarf_CU *cu = NULL;
	Dwarf_Die die, sub;
	struct walk w;

	if (m->name_table || !dwarf)
		return m->name_table;
	m->name_table = ARENA_NEW(q->a, struct dbg_name_table);
	w.a = q->a;
	w.names = m->name_table;
	while (dwarf_get_units(dwarf, cu, &cu, NULL, NULL, &die, &sub) == 0) {
		/* The parts of a split unit are in its other half. */
		Dwarf_Die *root = sub.addr ? &sub : &die;

		w.unit = dwarf_diename(root);
		walk_scope(&w, root, "", 0);
	}
	return m->name_table;
}

struct btf *dbg_btf_of(struct dbg_query *q)
{
	struct dbg_module *m = q->m;

	if (m->btf || !m->kernel)
		return m->btf;
	m = dbg_kernel(q->s, m->loaded);
	if (!m)
		m = dbg_kernel(q->s, NULL);
	return m ? m->btf : NULL;
}

bool dbg_find_definition(struct dbg_query *q, const char *name, Dwarf_Die *out)
{
	struct dbg_name_table *n = name_table(q);
	Dwarf_Die *die = n ? map_get(&n->tagged, name) : NULL;

	if (!die)
		return false;
	*out = *die;
	return true;
}

/* Does the path end in this file name? */
static bool unit_matches(const char *path, const char *end)
{
	size_t n = path ? strlen(path) : 0, k = strlen(end);

	return n >= k && strcmp(path + n - k, end) == 0 &&
	       (n == k || path[n - k - 1] == '/' || *end == '/');
}

/* The kernel is too large for tables: the units of that name are looked through. */
static bool find_in_units(struct dbg_query *q, const char *name, const char *unit, Dwarf_Die *out)
{
	Dwarf *dwarf = dbg_dwarf(q->m);
	Dwarf_CU *cu = NULL;
	Dwarf_Die die, child;

	while (dwarf && dwarf_get_units(dwarf, cu, &cu, NULL, NULL, &die, NULL) == 0) {
		if (!unit_matches(dwarf_diename(&die), unit) || !dbg_first_child(&die, &child))
			continue;
		do {
			const char *have = dwarf_diename(&child);

			if (dwarf_tag(&child) == DW_TAG_variable && have && strcmp(have, name) == 0 &&
			    dwarf_hasattr_integrate(&child, DW_AT_location)) {
				*out = child;
				return true;
			}
		} while (dbg_next(&child));
	}
	return false;
}

bool dbg_find_global(struct dbg_query *q, const char *name, const char *unit, Dwarf_Die *out)
{
	struct dbg_name_table *n = q->m->kernel ? NULL : name_table(q);
	const struct unit_var *best = NULL;

	if (q->m->kernel && !q->m->btf && unit)
		return find_in_units(q, name, unit, out);
	for (const struct unit_var *v = n ? map_get(&n->vars, name) : NULL; v; v = v->next) {
		if (unit && !unit_matches(v->unit, unit))
			continue;
		/* The shortest path is the one meant. */
		if (!best || (unit && strlen(v->unit) < strlen(best->unit)))
			best = v;
	}
	if (best)
		*out = best->die;
	return best != NULL;
}

bool dbg_find_enumerator(struct dbg_query *q, const char *name, int64_t *value)
{
	struct btf *btf = dbg_btf_of(q);
	struct dbg_name_table *n = btf ? NULL : name_table(q);
	Dwarf_Die *die = n ? map_get(&n->enums, name) : NULL;
	Dwarf_Attribute attr;

	q->s->fixed_kernel |= dbg_is_open(q);
	if (btf)
		return btf_enumerator(btf, name, value);
	return die && dwarf_attr(die, DW_AT_const_value, &attr) && dbg_constant(&attr, value);
}

static bool is_word(const char **name, const char *word)
{
	size_t n = strlen(word);

	if (strncmp(*name, word, n) != 0 || (*name)[n] != ' ')
		return false;
	*name += n;
	while (**name == ' ')
		(*name)++;
	return true;
}

static bool is_wanted(int tag, bool tagged)
{
	switch (tag) {
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
	case DW_TAG_union_type:
	case DW_TAG_enumeration_type:
		return true;
	case DW_TAG_typedef:
	case DW_TAG_base_type:
		return !tagged;
	default:
		return false;
	}
}

/* The unit of the place goes first: its idea of a name is the one meant. */
static bool find_in_unit(struct dbg_query *q, const char *name, bool tagged, Dwarf_Die *out)
{
	Dwarf_Die scope = q->at->scope, cu, child;

	if (q->foreign || !scope.addr || !dwarf_diecu(&scope, &cu, NULL, NULL) ||
	    !dbg_first_child(&cu, &child))
		return false;
	do {
		const char *have;

		if (is_wanted(dwarf_tag(&child), tagged) && (have = dwarf_diename(&child)) &&
		    strcmp(have, name) == 0 && !dwarf_hasattr(&child, DW_AT_declaration)) {
			*out = child;
			return true;
		}
	} while (dbg_next(&child));
	return false;
}

bool dbg_find_type(struct dbg_query *q, const char *name, struct dbg_type *out)
{
	static const char *const words[] = {"struct", "union", "class", "enum"};
	struct dbg_name_table *all;
	struct btf *btf;
	Dwarf_Die *die = NULL;
	bool tagged = false;
	const char *bare;
	size_t n;

	memset(out, 0, sizeof(*out));
	while (*name == ' ')
		name++;
	for (size_t i = 0; i < 4; i++)
		tagged |= is_word(&name, words[i]);
	n = strlen(name);
	while (n && (name[n - 1] == '*' || name[n - 1] == ' '))
		out->stars += name[--n] == '*';
	bare = arena_strndup(q->a, name, n);
	if (!n)
		return false;
	if (strcmp(bare, "void") == 0)
		return out->stars > 0;
	if (!q->m->btf && find_in_unit(q, bare, tagged, &out->die))
		return true;
	btf = dbg_btf_of(q);
	if (btf)
		return dbg_btf_find(btf, bare, tagged, out);
	all = name_table(q);
	if (all)
		die = map_get(&all->tagged, bare);
	if (all && !tagged && !die)
		die = map_get(&all->plain, bare);
	if (!die)
		return false;
	out->die = *die;
	return true;
}
