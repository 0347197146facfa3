/* Handlers that differ in constants only become one: what differs is taken from the table of probe
 * instances. So the hundreds of handlers of an alias with a wildcard, each with its own `name`, are one
 * program. */
#ifndef GEN_MERGE_H
#define GEN_MERGE_H

#include "base/arena.h"
#include "ir/ir.h"

struct session;

struct merged {
	struct ir_fn *fn; /* operands of kind IRK_PARAM stand for what differs */
	uint32_t first;		/* handler that stands for all: its locks, loops, globals are theirs */
	uint32_t n_params;
	uint32_t *widths; /* by parameter: of the longest text; numbers: 0 */
};

struct merge_plan {
	struct merged **by_handler; /* NULL: like no other */
	ir_ref **values;	    /* by handler: its parameters, numbers or texts */
};

/* Looks at all handlers that run in the kernel. */
void merge_plan_make(struct merge_plan *p, struct arena *a, const struct session *s);

#endif
