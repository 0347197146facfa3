/* Parameters and results of kernel functions: from BTF. See kernel.h. */
#include <string.h>

#include "kern/btf.h"
#include "probe/kernel.h"
#include "session.h"

static struct expr *context(struct session *s, const struct token *tok, enum context_kind kind, int number)
{
	struct expr *e = expr_make(&s->arena, EX_CONTEXT, tok);

	e->type = TY_LONG;
	e->context = kind;
	e->number = number;
	return e;
}

/* Structures by value: one or two places of 8 bytes; larger ones are somewhere else. */
static uint32_t slots_of(struct btf *b, uint32_t type)
{
	uint64_t size;

	switch (btf_kind(b, btf_peel(b, type))) {
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		size = btf_size(b, type);
		return size > 16 ? 0 : size > 8 ? 2 : 1;
	default:
		return 1;
	}
}

static const struct dbg_signature *signature_of(struct session *s, struct kernel_place *p)
{
	static const struct token nowhere;
	struct dbg_signature *sig = &p->signature;
	const struct btf_type *proto;
	struct btf *b;
	uint32_t slot = 0;

	if (p->at.signature || p->at.scope.addr)
		return sig;
	sig->name = p->function;
	p->at.signature = sig;
	p->at.is_return = p->is_return;
	p->at.module = dbg_kernel(s, p->symbol->module);
	b = p->symbol->module ? kern_module_btf(p->symbol->module) : kern_btf();
	if (!p->type || !p->at_entry || !b)
		return sig;
	proto = btf_type(b, btf_type(b, p->type)->type);
	if (!proto || BTF_INFO_KIND(proto->info) != BTF_KIND_FUNC_PROTO)
		return sig;
	for (uint32_t k = 0; k < BTF_INFO_VLEN(proto->info); k++) {
		const struct btf_param *param = &btf_params(proto)[k];
		const char *name = btf_string(b, param->name_off);
		uint32_t slots = slots_of(b, param->type);

		if (!param->type)
			break; /* "..." */
		if (slots == 1)
			vec_push(&sig->args, &s->arena,
				 (struct dbg_argument){*name ? name : NULL, dbg_btf_type(b, param->type),
						       context(s, &nowhere, CTX_ARG, (int)slot)});
		slot += slots;
	}
	if (p->is_return) {
		sig->result = context(s, &nowhere, CTX_REGISTER, 0);
		sig->result_type = dbg_btf_type(b, proto->type);
	}
	return sig;
}

/* BTF tells the parameters of most functions, without that all of the kernel's debug information is looked
 * through. */
static bool by_source(struct session *s, struct kernel_place *p, uint64_t addr)
{
	if (p->at.scope.addr)
		return true;
	return (!p->at_entry || !p->type) && kernel_find_source(s, p, addr);
}

struct expr *kernel_resolve_target(struct session *s, const struct probe_inst *inst, struct expr *target,
				   const char **why)
{
	struct kernel_place *p = (struct kernel_place *)inst->site->place;
	bool variable = target->kind == EX_TARGET;

	if (variable && by_source(s, p, inst->site->vaddr))
		return dbg_resolve(s, &p->at, target, why);
	signature_of(s, p);
	if (variable && !p->at_entry)
		*why = "variables within functions of the kernel are only known where its debug information "
		       "is installed";
	else if (variable && !p->type)
		*why = arena_printf(&s->arena,
				    "the kernel's type information (BTF) does not tell the parameters of %s; "
				    "use int_arg(), pointer_arg() or returnval()",
				    p->symbol->name);
	else
		return dbg_resolve(s, &p->at, target, why);
	return NULL;
}

void kernel_list_vars(struct session *s, const struct probe_inst *inst, name_list *out)
{
	struct kernel_place *p = (struct kernel_place *)inst->site->place;

	if (!by_source(s, p, inst->site->vaddr))
		signature_of(s, p);
	dbg_list_vars(s, &p->at, out);
}

/* ------------------------------------------------------------------ the entry of a return */

struct expr *kernel_call_of(struct session *s, const struct token *tok)
{
	return context(s, tok, CTX_CALL, 0);
}

struct probe_inst *kernel_entry_of(struct session *s, const struct probe_inst *ret)
{
	struct probe_inst *inst;
	struct probe_site *site;
	struct kernel_place *place;
	const struct token *tok = ret->point->comps.v[0].tok;

	if (ret->site->kind != SITE_KFUNC_RETURN)
		return NULL;
	inst = ARENA_NEW(&s->arena, struct probe_inst);
	site = ARENA_NEW(&s->arena, struct probe_site);
	place = ARENA_NEW(&s->arena, struct kernel_place);
	*site = *ret->site;
	*place = *(const struct kernel_place *)ret->site->place;
	place->is_return = false;
	place->at.signature = NULL;
	place->at.is_return = false;
	memset(&place->signature, 0, sizeof(place->signature));
	site->kind = SITE_KFUNC;
	site->at_entry = true;
	site->needs_fexit = false;
	site->place = place;
	inst->family = ret->family;
	inst->site = site;
	inst->point = probe_call_point(s, ret->point);
	inst->name = point_text(&s->arena, inst->point);
	inst->frame_address = kernel_call_of(s, tok);
	return inst;
}

/* fexit hands over the arguments as they were at the entry. */
bool kernel_keeps(const struct probe_inst *inst, const struct expr *e)
{
	struct probe_site *site = (struct probe_site *)inst->site;
	const struct kernel_place *p = site->place;

	if (!p->fexit || e->kind != EX_TARGET || e->accessors.n || e->suffix || e->address_of ||
	    e->name[1] == '$')
		return false;
	site->needs_fexit = true;
	return true;
}
