/* Where frames lie that are not of what was traced: those of the kernel between a tracepoint and our
 * program. Asked for by gen/emit_stack.c, used by rt_kernel_stack(). */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/map.h"
#include "gen/life.h"
#include "object/kallsyms.h"
#include "run/kernel.h"
#include "sema/sema.h"

enum { MOST = RT_OWN_RANGES - 1 }; /* tracepoints of an instance */

static const char caller[] = "__traceiter_", runner[] = "bpf_trace_run";

struct search {
	struct arena arena;
	struct map by_tracepoint; /* -> struct rt_range */
	struct rt_range runners;
	struct rt_range *unfinished; /* ends where the next symbol begins */
};

/* Name k of those that call the programs of an instance. */
static const char *tracepoint_of(const struct probe_site *site, int k)
{
	if (site->kind == SITE_TRACEPOINT)
		return k ? NULL : site->path;
	return site_is_life(site->kind) ? life_tracepoint(site->kind, k) : NULL;
}

static bool on_symbol(void *cookie, const struct kallsym *s)
{
	struct search *w = cookie;

	if (w->unfinished && s->addr > w->unfinished->low)
		w->unfinished->size = s->addr - w->unfinished->low;
	w->unfinished = NULL;
	if (strncmp(s->name, runner, sizeof(runner) - 1) == 0) {
		if (!w->runners.low)
			w->runners.low = s->addr;
		w->unfinished = &w->runners;
	} else if (strncmp(s->name, caller, sizeof(caller) - 1) == 0) {
		w->unfinished = map_get(&w->by_tracepoint, intern(s->name + sizeof(caller) - 1));
		if (w->unfinished)
			w->unfinished->low = s->addr;
	}
	return true;
}

void own_frames_fill(struct gen_image *img)
{
	char *constants = (char *)(uintptr_t)img->maps.v[GEN_MAP_CONST].init;
	struct rt_own_frames *v = (void *)(constants + img->own_frames);
	struct search w = {0};
	const char *name;

	for (size_t i = 0; i < img->insts.n; i++)
		for (int k = 0; k < MOST && (name = tracepoint_of(img->insts.v[i]->site, k)); k++)
			if (!map_get(&w.by_tracepoint, intern(name)))
				map_set(&w.by_tracepoint, &w.arena, intern(name),
					ARENA_NEW(&w.arena, struct rt_range));
	kallsyms_each(NULL, on_symbol, &w);
	for (size_t i = 0; i < img->insts.n; i++) {
		v[i].v[0] = w.runners;
		for (int k = 0; k < MOST && (name = tracepoint_of(img->insts.v[i]->site, k)); k++)
			v[i].v[1 + k] = *(struct rt_range *)map_get(&w.by_tracepoint, intern(name));
	}
	arena_release(&w.arena);
}
