/* perf.type(N).config(M)...: a handler that runs each so many events of a CPU, with the task that was
 * interrupted (probe reference 7.14); timer.profile.tick: the same for the clock. The other names,
 * perf.sw.cpu_clock or timer.profile, are aliases (tapset/perf.stp, tapset/profile.stp).
 *
 * .process("P") leaves tasks out that run another executable. The handler of a point with
 * .counter("NAME") never runs: the events of each task are counted, and @perf("NAME") elsewhere is how many
 * the current one has had, 0 if it is left out. */
#include "probe/perf.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lang/diag.h"
#include "probe/process.h"
#include "run/kernel_config.h"
#include "sema/sema.h"
#include "session.h"

extern const struct probe_family perf_family, profile_family;

enum { DEFAULT_PERIOD = 1000000, CPU_CLOCK = 0 };

#define EVENT "perf.type(number).config(number)"
#define WITH_RATE(suffix) EVENT suffix, EVENT ".hz(number)" suffix, EVENT ".sample(number)" suffix

static const char *const patterns[] = {
	WITH_RATE(""),
	WITH_RATE(".process"),
	WITH_RATE(".process(string)"),
	EVENT ".counter(string)",
	EVENT ".process.counter(string)",
	EVENT ".process(string).counter(string)",
	NULL,
};

static const char *const profile_patterns[] = {
	"timer.profile.tick",
	NULL,
};

bool perf_event_of(const char *path, struct kern_perf_event *e)
{
	return sscanf(path, "%" SCNu32 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu32 " %" SCNu32,
		      &e->type, &e->config, &e->period, &e->hz, &e->watched, &e->length, &e->access) == 7;
}

const char *perf_site_path(struct session *s, const struct kern_perf_event *e)
{
	return intern(arena_printf(&s->arena,
				   "%" PRIu32 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu32 " %" PRIu32,
				   e->type, e->config, e->period, e->hz, e->watched, e->length, e->access));
}

static struct probe_site *new_site(struct session *s, const struct kern_perf_event *e)
{
	struct probe_site *site = ARENA_NEW(&s->arena, struct probe_site);

	site->kind = SITE_PERF;
	site->path = perf_site_path(s, e);
	return site;
}

/* False: reported. */
static bool read_event(struct session *s, const struct probe_point *p, struct kern_perf_event *e)
{
	const struct component *type = probe_component(p, "type"), *config = probe_component(p, "config"),
			       *sample = probe_component(p, "sample"), *hz = probe_component(p, "hz"),
			       *counter = probe_component(p, "counter");

	if (type->arg->num < 0 || type->arg->num > UINT32_MAX) {
		sem_error(s, type->tok, NULL, "invalid perf event type");
		return false;
	}
	if (sample && sample->arg->num < 1) {
		sem_error(s, sample->tok, NULL, "invalid perf sample period");
		return false;
	}
	if (hz && hz->arg->num < 1) {
		sem_error(s, hz->tok, NULL, "invalid perf sample frequency");
		return false;
	}
	*e = (struct kern_perf_event){.type = (uint32_t)type->arg->num,
				      .config = (uint64_t)config->arg->num,
				      .period = counter ? 0 : DEFAULT_PERIOD};
	if (sample)
		e->period = (uint64_t)sample->arg->num;
	if (hz)
		e->hz = (uint64_t)hz->arg->num;
	return true;
}

struct building {
	struct session *s;
	const struct probe_family *family;
	const struct probe_point *p;
	struct kern_perf_event event;
	struct perf_counter *counter; /* NULL: samples */
	void (*emit)(void *, struct probe_inst *);
	void *cookie;
};

/* As users call it. */
static const char *event_name(struct session *s, const struct kern_perf_event *e)
{
	static const char *const hardware[] = {
		"cpu_cycles", "instructions", "cache_references", "cache_misses", "branch_instructions",
		"branch_misses", "bus_cycles", "stalled_cycles_frontend", "stalled_cycles_backend",
		"ref_cpu_cycles",
	};

	if (e->type == 0 && e->config < sizeof(hardware) / sizeof(hardware[0]))
		return arena_printf(&s->arena, "perf.hw.%s", hardware[e->config]);
	return arena_printf(&s->arena, "perf.type(%" PRIu32 ").config(%" PRIu64 ")", e->type, e->config);
}

/* path: of the executable, NULL: any; pp() has the rate as a period always. */
static bool emit_one(struct building *b, const char *path)
{
	struct session *s = b->s;
	struct probe_inst *inst = ARENA_NEW(&s->arena, struct probe_inst);
	struct probe_site *site = new_site(s, &b->event);
	const struct component *counter = probe_component(b->p, "counter");
	const char *rate = "", *script, *suffix = "";

	if (path && !process_identify(path, &site->file)) {
		sem_point_error(s, b->p->comps.v[0].tok, NULL, "cannot open %s", path);
		return false;
	}
	if (path && counter)
		vec_push(&b->counter->files, &s->arena, site->file);
	site->by_file = path != NULL;
	site->runs = path;
	inst->family = b->family;
	inst->site = counter ? NULL : site;
	inst->counts = counter != NULL;
	inst->point = (struct probe_point *)b->p;
	if (counter)
		suffix = arena_printf(&s->arena, ".counter(%s)",
				      process_quote(&s->arena, counter->arg->str));
	else
		rate = arena_printf(&s->arena, ".sample(%" PRIu64 ")",
				    b->event.hz ? b->event.hz : b->event.period);
	if (path)
		suffix = arena_printf(&s->arena, ".process(%s)%s", process_quote(&s->arena, path), suffix);
	inst->name = arena_printf(&s->arena, "perf.type(%" PRIu32 ").config(%" PRIu64 ")%s%s",
				  b->event.type, b->event.config, rate, suffix);
	script = point_text(&s->arena, b->p);
	if (path) {
		size_t n = (size_t)(strstr(script, ".process") - script);

		script = arena_printf(&s->arena, "%.*s%s", (int)n, script, suffix);
	}
	inst->script_name = script;
	b->emit(b->cookie, inst);
	return true;
}

/* ------------------------------------------------------------------ counters */

const struct perf_counter *perf_counter_named(const struct session *s, const char *name)
{
	for (const struct perf_counter *c = s->perf_counters; c; c = c->next)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

static bool add_counter(struct building *b, const struct component *counter, bool by_file)
{
	struct session *s = b->s;
	struct perf_counter *c;

	if (perf_counter_named(s, counter->arg->str)) {
		sem_error(s, counter->tok, NULL, "duplicate counter name");
		return false;
	}
	c = ARENA_NEW(&s->arena, struct perf_counter);
	*c = (struct perf_counter){.name = counter->arg->str, .event = b->event, .by_file = by_file,
				   .next = s->perf_counters};
	s->perf_counters = b->counter = c;
	return true;
}

/* The files that .process(...) names: asked for as a point of the family process would be. */
static bool emit_files(struct building *b, const struct component *process)
{
	struct session *s = b->s;
	struct probe_point point = *b->p;
	struct process_query q = {.s = s, .family = b->family, .p = &point, .at = 1};
	process_files programs = {0};
	bool many;

	memset(&point.comps, 0, sizeof(point.comps));
	vec_push(&point.comps, &s->arena, *process);
	if (!process_select(&q, &programs, &many))
		return false;
	for (size_t i = 0; i < programs.n; i++)
		if (!emit_one(b, programs.v[i].path))
			return false;
	return true;
}

static bool build(struct session *s, const struct probe_family *f, const char *pattern,
		  const struct probe_point *p, void (*emit)(void *, struct probe_inst *),
		  void *cookie)
{
	struct building b = {.s = s, .family = f, .p = p, .emit = emit, .cookie = cookie};
	const struct component *process = probe_component(p, "process"), *counter = probe_component(p, "counter");
	int status;

	(void)pattern;
	if (!read_event(s, p, &b.event))
		return false;
	/* Known here, so that "!" and "?" have an effect; other machines have other events. */
	status = s->opt.last_pass == 5 && !s->opt.list_point ? kern_perf_try(&b.event) : 0;
	if (status < 0) {
		sem_point_error(s, p->comps.v[0].tok, NULL, "cannot %s %s: %s", counter ? "count" : "sample",
				event_name(s, &b.event), kern_perf_reason(&b.event, status));
		return false;
	}
	if (counter && !add_counter(&b, counter, process != NULL))
		return false;
	return process ? emit_files(&b, process) : emit_one(&b, NULL);
}

static bool build_tick(struct session *s, const struct probe_family *f, const char *pattern,
		       const struct probe_point *p, void (*emit)(void *, struct probe_inst *),
		       void *cookie)
{
	struct kern_perf_event e = {.type = 1, .config = CPU_CLOCK,
				    .period = (uint64_t)(1000000000 / kernel_hz())};
	struct probe_inst *inst = ARENA_NEW(&s->arena, struct probe_inst);

	(void)pattern;
	inst->family = f;
	inst->site = new_site(s, &e);
	inst->point = (struct probe_point *)p;
	inst->name = point_text(&s->arena, p);
	emit(cookie, inst);
	return true;
}

const struct probe_family perf_family = {
	.name = "perf",
	.patterns = patterns,
	.build = build,
	.probe_type = "perf_event",
};

const struct probe_family profile_family = {
	.name = "profile",
	.patterns = profile_patterns,
	.build = build_tick,
	.probe_type = "profile_timer",
};
