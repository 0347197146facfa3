/* See kfunc.h. fentry and fexit serve single functions: they are quick to hit and hand over arguments and
 * result, but each function needs a program of its own. kprobe_multi attaches many functions at once,
 * kprobes can be anywhere; both hand over registers.
 *
 * The entry and the return of a function have to agree, and so have all that share globals of a script
 * about them: one handler that reads registers decides for all. */
#include "gen/kfunc.h"

#include <string.h>

#include "rt/intrinsic.h"
#include "sema/sema.h"
#include "session.h"

enum kfunc_want { WANT_SEEN = 1, WANT_REGISTERS = 2, WANT_CALL = 4 };

/* What a function of the IR, or one that it calls, wants to know of the kernel function. */
static uint8_t wants_of(struct kfunc_plan *p, uint32_t fn)
{
	const struct ir_fn *f = p->m->fns.v[fn];
	uint8_t want = WANT_SEEN;

	if (p->wants[fn])
		return p->wants[fn];
	p->wants[fn] = want;
	for (size_t k = 0; k < f->blocks.n; k++)
		for (size_t n = 0; n < f->blocks.v[k].ins.n; n++) {
			const struct ir_ins *i = &f->blocks.v[k].ins.v[n];
			const char *name = i->op == IR_RT ? intrinsic_by_number(i->imm)->name : "";

			if (strncmp(name, "register", 8) == 0 || strcmp(name, "u_register") == 0)
				want |= WANT_REGISTERS;
			if (i->op == IR_CTXCALL)
				want |= WANT_CALL;
			for (unsigned a = 0; a < i->n_args && i->op == IR_CALL; a++) {
				ir_ref x = f->args.v[i->first_arg + a];

				if (IR_KIND(x) == IRK_FN)
					want |= wants_of(p, IR_INDEX(x));
			}
		}
	p->wants[fn] = want;
	return want;
}

void kfunc_plan_make(struct kfunc_plan *p, struct session *s, const struct gen_features *can)
{
	*p = (struct kfunc_plan){.can = *can, .m = s->ir};
	p->wants = ARENA_ARRAY(&s->image->arena, uint8_t, s->ir->fns.n + 1);
	for (size_t i = 0; i < s->program->probes.n; i++) {
		const struct probe_inst *inst = s->program->probes.v[i];

		if (inst->site && site_is_kfunc(inst->site->kind) &&
		    (wants_of(p, (uint32_t)inst->handler->id) & WANT_REGISTERS))
			p->no_fentry = true;
	}
}

/* A return that wants values of the entry must see the same call there: what kprobe_multi shows as the
 * stack pointer differs from kernel to kernel. */
enum gen_kfunc kfunc_way(struct kfunc_plan *p, const struct probe_inst *const *v, uint32_t n)
{
	const struct probe_site *site = v[0]->site;
	bool many = true, pair = false, fentry = site->btf_id && !p->no_fentry;

	for (uint32_t k = 0; k < n; k++) {
		if (v[k]->site->needs_fexit)
			return GEN_FENTRY;
		many &= v[k]->site->one_of_many;
		pair |= (wants_of(p, (uint32_t)v[k]->handler->id) & WANT_CALL) != 0;
	}
	if (fentry && (!many || (pair && !p->can.kprobe)))
		return GEN_FENTRY;
	if (!site->offset && !pair && p->can.kprobe_multi && (many || !p->can.kprobe))
		return GEN_KPROBE_MULTI;
	return fentry && !p->can.kprobe ? GEN_FENTRY : GEN_KPROBE;
}
