/* kernel.trace("name"), kernel.trace("system:name"), kernel.tracepoint("name"): tracepoints of the
 * kernel (probe reference 7.13). */
#include <string.h>

#include "lang/diag.h"
#include "probe/provider.h"
#include "sema/sema.h"
#include "session.h"

extern const struct probe_family tracepoint_family;

static const char *const patterns[] = {
	"kernel.trace(string)",
	"kernel.tracepoint(string)",
	NULL,
};

static bool build(struct session *s, const struct probe_family *f, const char *pattern,
		  const struct probe_point *p, void (*emit)(void *, struct probe_inst *),
		  void *cookie)
{
	struct probe_inst *inst = ARENA_NEW(&s->arena, struct probe_inst);
	struct probe_site *site = ARENA_NEW(&s->arena, struct probe_site);
	const char *text = p->comps.v[1].arg->str, *colon = strchr(text, ':');

	(void)pattern;
	if (strpbrk(text, "*?[")) {
		sem_error(s, p->comps.v[1].tok, NULL,
			  "patterns of tracepoints are not supported by Tapir yet");
		return false;
	}
	site->kind = SITE_TRACEPOINT;
	site->path = colon ? colon + 1 : text;
	inst->family = f;
	inst->site = site;
	inst->point = (struct probe_point *)p;
	inst->name = point_text(&s->arena, p);
	emit(cookie, inst);
	return true;
}

const struct probe_family tracepoint_family = {
	.name = "tracepoint",
	.patterns = patterns,
	.build = build,
	.probe_type = "kernel_tracepoint",
};
