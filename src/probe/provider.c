/* The table of probe families. See provider.h. */
#include "probe/provider.h"

#include <stddef.h>
#include <string.h>

#include "lang/diag.h"
#include "session.h"

extern const struct probe_family process_family, process_life_family, process_syscall_family,
	syscall_family, tracepoint_family, kernel_family, kprobe_family, perf_family, profile_family,
	netfilter_family, data_family;

const struct component *probe_component(const struct probe_point *p, const char *name)
{
	for (size_t i = 1; i < p->comps.n; i++)
		if (strcmp(p->comps.v[i].name, name) == 0)
			return &p->comps.v[i];
	return NULL;
}

bool probe_no_match(struct session *s, const struct probe_point *p, const char *what,
		    const char *plural, const char *asked, const char *const *names, size_t n)
{
	static const char head[] = " (similar: ";
	const char *similar = "", *list;

	/* Nobody sees it: spare the comparisons. */
	if (!s->muted && n) {
		list = diag_similar(s, asked, names, n);
		if (*list)
			similar = arena_printf(&s->arena, " (similar %s: %s",
					       strchr(list, ',') ? plural : what,
					       list + sizeof(head) - 1);
	}
	sem_point_error(s, p->comps.v[0].tok, NULL, "no match%s", similar);
	return false;
}

const struct probe_family *const probe_families[] = {
	&begin_family,
	&timer_family,
	&procfs_family,
	&process_family,
	&process_life_family,
	&process_syscall_family,
	&syscall_family,
	&tracepoint_family,
	&kernel_family,
	&kprobe_family,
	&perf_family,
	&profile_family,
	&netfilter_family,
	&data_family,
	NULL,
};

struct probe_point *probe_call_point(struct session *s, const struct probe_point *ret)
{
	struct probe_point *p = ARENA_NEW(&s->arena, struct probe_point);

	*p = *ret;
	memset(&p->comps, 0, sizeof(p->comps));
	for (size_t i = 0; i < ret->comps.n; i++) {
		struct component c = ret->comps.v[i];

		if (strcmp(c.name, "return") == 0)
			c.name = intern("call");
		if (strcmp(c.name, "maxactive") != 0)
			vec_push(&p->comps, &s->arena, c);
	}
	return p;
}
