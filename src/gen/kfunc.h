/* Which way handlers of kernel functions are attached. */
#ifndef GEN_KFUNC_H
#define GEN_KFUNC_H

#include "gen/gen.h"
#include "ir/ir.h"

struct probe_inst;

struct kfunc_plan {
	struct gen_features can;
	const struct ir_module *m;
	uint8_t *wants; /* by function of the IR: enum kfunc_want, 0: not looked at */
	bool no_fentry; /* a handler of a kernel function reads registers */
};

/* In the arena of s->image. */
void kfunc_plan_make(struct kfunc_plan *p, struct session *s, const struct gen_features *can);
/* For n instances at one place. */
enum gen_kfunc kfunc_way(struct kfunc_plan *p, const struct probe_inst *const *v, uint32_t n);

#endif
