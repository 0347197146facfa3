/* begin, end, error, never and oneshot: handlers of the session itself. */
#include <string.h>

#include "lang/diag.h"
#include "probe/provider.h"
#include "sema/sema.h"
#include "session.h"

static bool build(struct session *s, const struct probe_family *f, const char *pattern,
		  const struct probe_point *p, void (*emit)(void *, struct probe_inst *),
		  void *cookie)
{
	struct probe_inst *inst = ARENA_NEW(&s->arena, struct probe_inst);
	struct begin_data *d = ARENA_NEW(&s->arena, struct begin_data);

	inst->family = f;
	inst->point = (struct probe_point *)p;
	inst->name = point_text(&s->arena, p);
	inst->data = d;
	if (strncmp(pattern, "end", 3) == 0)
		d->kind = BEGIN_END;
	else if (strncmp(pattern, "error", 5) == 0)
		d->kind = BEGIN_ERROR;
	else if (strncmp(pattern, "never", 5) == 0)
		d->kind = BEGIN_NEVER;
	if (p->comps.v[0].arg)
		d->priority = p->comps.v[0].arg->num;
	emit(cookie, inst);
	return true;
}

static const char *const patterns[] = {
	"begin", "begin(number)", "end", "end(number)", "error", "error(number)", "never", NULL,
};

const struct probe_family begin_family = {
	.name = "begin",
	.patterns = patterns,
	.build = build,
	.probe_type = "begin_end",
};
