/* A program from its subprograms: main and the callbacks one behind the other, the library behind them. */
#include "gen/emit.h"

static struct code *code_of(const struct parts *parts, size_t k)
{
	return k ? &parts->callbacks.v[k - 1]->code : (struct code *)&parts->main;
}

/* What only instructions name that are dropped is dropped, too: the kernel counts subprograms by who is
 * called. Callbacks may name others. */
static void mark_used(struct parts *parts, size_t k)
{
	const struct code *c = code_of(parts, k);

	for (size_t i = 0; i < c->callbacks.n; i++) {
		size_t named = (size_t)c->insns.v[c->callbacks.v[i].insn].imm;

		if (parts->callbacks.v[named - 1]->used)
			continue;
		parts->callbacks.v[named - 1]->used = true;
		mark_used(parts, named);
	}
}

bool parts_join(struct parts *parts, struct lib *lib, struct gen_image *img, struct gen_program *p)
{
	struct arena *a = &img->arena;
	VEC(struct bpf_insn) insns = {0};
	VEC(struct lib_call) calls = {0};
	VEC(uint32_t) references = {0}; /* instructions that name a subprogram */
	struct lib_sub *subs = ARENA_ARRAY(a, struct lib_sub, parts->callbacks.n + 1);
	struct lib_unit unit = {.subs = subs};

	for (size_t k = 0; k <= parts->callbacks.n; k++)
		if (!code_resolve(code_of(parts, k)))
			return false;
	mark_used(parts, 0);
	for (size_t k = 0; k <= parts->callbacks.n; k++) {
		const struct code *c = code_of(parts, k);
		uint32_t base = (uint32_t)insns.n;

		if (k && !parts->callbacks.v[k - 1]->used)
			continue;
		if (k)
			parts->callbacks.v[k - 1]->at = base;
		subs[unit.n_subs++] = (struct lib_sub){
			base, k ? parts->callbacks.v[k - 1]->kind : LIB_SUB_MAIN};
		for (size_t i = 0; i < c->insns.n; i++)
			vec_push(&insns, a, c->insns.v[i]);
		for (size_t i = 0; i < c->calls.n; i++)
			vec_push(&calls, a,
				 (struct lib_call){base + c->calls.v[i].insn, c->calls.v[i].function});
		for (size_t i = 0; i < c->callbacks.n; i++)
			vec_push(&references, a, base + c->callbacks.v[i].insn);
		for (size_t i = 0; i < c->relocs.n; i++) {
			struct gen_reloc r = c->relocs.v[i];

			r.insn += base;
			vec_push(&p->relocs, a, r);
		}
	}
	for (size_t i = 0; i < references.n; i++) {
		struct bpf_insn *ins = &insns.v[references.v[i]];

		ins->imm = (int32_t)(parts->callbacks.v[ins->imm - 1]->at - references.v[i] - 1);
	}
	unit.insns = insns.v;
	unit.n_insns = (uint32_t)insns.n;
	unit.calls = calls.v;
	unit.n_calls = (uint32_t)calls.n;
	lib_link(lib, a, &unit);
	p->insns = unit.linked;
	p->n_insns = unit.n_linked;
	for (uint32_t i = 0; i < unit.n_places; i++)
		vec_push(&p->relocs, a, (struct gen_reloc){unit.places[i], img->places_map, GEN_RELOC_MAP});
	for (uint32_t i = 0; i < 2 * unit.n_func_info; i++)
		vec_push(&p->func_info, a, unit.func_info[i]);
	return true;
}
