/* Which globals a handler must have for itself while it runs (lock.c). */
#ifndef GEN_LOCK_H
#define GEN_LOCK_H

#include "base/arena.h"
#include "ir/ir.h"

struct session;

enum lock_need {
	LOCK_NONE,
	LOCK_BLIND,  /* as LOCK_SHARED; additions whose result nobody looks at: they can be made later */
	LOCK_SHARED, /* its operations are atomic one by one, but somebody else needs the global alone */
	LOCK_ALONE,
};

struct lock_plan {
	struct arena *arena;
	const struct ir_module *m;
	uint8_t **by_fn; /* enum lock_need by handler and condition function, then by global */
	bool *locked;	 /* by global */
};

/* Looks at all handlers of a session. */
void lock_plan_make(struct lock_plan *p, struct arena *a, const struct session *s);
enum lock_need lock_plan_need(const struct lock_plan *p, uint32_t fn, uint32_t global);

#endif
