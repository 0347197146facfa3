/* The entry that belongs to a .return point: where values for @entry are saved. */
#include <string.h>

#include "probe/process.h"
#include "session.h"

static const char *call_name(struct session *s, const char *name)
{
	size_t n = strlen(name), k = strlen(".return");

	if (n < k || strcmp(name + n - k, ".return") != 0)
		return name;
	return arena_printf(&s->arena, "%.*s.call", (int)(n - k), name);
}

struct probe_inst *process_entry_of(struct session *s, const struct probe_inst *ret)
{
	const struct process_place *from = ret->site->place;
	const struct token *tok = ret->point->comps.v[0].tok;
	struct process_place *place;
	struct probe_site *site;
	struct probe_inst *inst;
	struct dbg_function f;
	uint64_t pc = from->at.pc;

	if (ret->site->kind != SITE_URETPROBE)
		return NULL;
	inst = ARENA_NEW(&s->arena, struct probe_inst);
	site = ARENA_NEW(&s->arena, struct probe_site);
	place = ARENA_NEW(&s->arena, struct process_place);
	*site = *ret->site;
	*place = *from;
	site->kind = SITE_UPROBE;
	place->at.is_return = false;
	/* Parameters of unoptimized code are in place behind the prologue only. */
	if (from->kind == PLACE_DWARF && dbg_function_around(s, place->at.module, pc, &f) &&
	    f.entry == pc)
		place->at.pc = dbg_probe_pc(place->at.module, &f);
	if (place->at.pc != pc) {
		uint64_t at = place->at.pc;

		if (!obj_place_probe(place->at.module->obj, &at, false) ||
		    !obj_file_offset(place->at.module->obj, at, &site->offset))
			return NULL;
		site->vaddr = at;
		inst->frame_address = dbg_cfa(s, &place->at, tok);
	} else {
		/* Only the return address is on the stack. */
		struct expr *e = expr_make(&s->arena, EX_BINARY, tok);

		e->op = OP_ADD;
		e->left = expr_make(&s->arena, EX_CONTEXT, tok);
		e->left->context = CTX_REGISTER;
		e->left->number = 7;
		e->right = expr_number(&s->arena, tok, 8);
		e->type = e->left->type = TY_LONG;
		inst->frame_address = e;
	}
	site->place = place;
	inst->family = ret->family;
	inst->site = site;
	inst->point = probe_call_point(s, ret->point);
	inst->name = call_name(s, ret->name);
	inst->script_name = ret->script_name ? call_name(s, ret->script_name) : NULL;
	return inst;
}
