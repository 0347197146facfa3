/* Probe points that SystemTap has and Tapir cannot attach yet: their shapes are known (for matching,
 * suggestions and --dump-probe-types), using one is a clear error. */
#include "lang/diag.h"
#include "probe/provider.h"
#include "session.h"

extern const struct probe_family later_family;

static const char *const patterns[] = {
	"kernel.data(number).rw",
	"kernel.data(number).write",
	"kernel.data(string).rw",
	"kernel.data(string).write",
	"kernel.function(string).callee(string)",
	"kernel.function(string).callees",
	"kernel.function(string).label(string)",
	"module(string).function(string).callee(string)",
	"module(string).function(string).callees",
	"module(string).function(string).label(string)",
	NULL,
};

static bool build(struct session *s, const struct probe_family *f, const char *pattern,
		  const struct probe_point *p, void (*emit)(void *, struct probe_inst *),
		  void *cookie)
{
	(void)f;
	(void)pattern;
	(void)emit;
	(void)cookie;
	sem_error(s, p->comps.v[0].tok, NULL, "probe point %s is not supported by Tapir yet",
		  point_text(&s->arena, p));
	return false;
}

const struct probe_family later_family = {
	.name = "later",
	.patterns = patterns,
	.build = build,
	.probe_type = "",
};
