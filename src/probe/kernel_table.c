/* Functions of the kernel by name: symbols, types. Questions about one are answered by a search, those
 * about many from tables that are made for them. See kernel.h. */
#include <string.h>

#include "base/map.h"
#include "kern/btf.h"
#include "probe/kernel.h"
#include "session.h"

struct kernel_table {
	struct kallsyms *symbols;
	struct map first;    /* name -> the first symbol of the kernel that has it */
	struct map twins;    /* names that more than one has */
	struct map types;    /* name -> BTF_KIND_FUNC of the kernel, as a pointer */
	bool listed;
};

static struct kernel_table *table_of(struct session *s)
{
	if (!s->kernel_table) {
		s->kernel_table = ARENA_NEW(&s->arena, struct kernel_table);
		s->kernel_table->symbols = kallsyms_load(&s->arena, NULL);
	}
	return s->kernel_table;
}

const struct kallsyms *kernel_symbols(struct session *s)
{
	return table_of(s)->symbols;
}

static struct kernel_table *listed(struct session *s)
{
	struct kernel_table *t = table_of(s);
	struct btf *b = kern_btf();

	if (t->listed)
		return t;
	t->listed = true;
	for (size_t i = 0; i < t->symbols->n; i++) {
		struct kallsym *y = &t->symbols->v[i];

		if (y->module)
			continue;
		if (map_get(&t->first, y->name))
			map_set(&t->twins, &s->arena, y->name, y);
		else
			map_set(&t->first, &s->arena, y->name, y);
	}
	for (uint32_t id = 1; b && id < btf_end(b); id++)
		if (btf_kind(b, id) == BTF_KIND_FUNC)
			map_set(&t->types, &s->arena, btf_name(b, id), (void *)(uintptr_t)id);
	return t;
}

bool kernel_has_twin(struct session *s, const struct kallsym *y, bool many)
{
	const struct kallsyms *k = kernel_symbols(s);

	if (many && !y->module)
		return map_get(&listed(s)->twins, y->name) != NULL;
	for (size_t i = 0; i < k->n; i++)
		if (&k->v[i] != y && k->v[i].module == y->module && strcmp(k->v[i].name, y->name) == 0)
			return true;
	return false;
}

uint32_t kernel_type_of(struct session *s, const struct kallsym *y, bool many)
{
	struct btf *b = y->module ? kern_module_btf(y->module) : kern_btf();
	uint32_t id;

	if (many && !y->module)
		return (uint32_t)(uintptr_t)map_get(&listed(s)->types, y->name);
	id = b ? btf_find(b, y->name, 1u << BTF_KIND_FUNC) : 0;
	/* A module's own, not one of the kernel with the same name. */
	return !y->module || id >= btf_begin(b) ? id : 0;
}
