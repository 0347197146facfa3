/* kernel.data("NAME"|ADDRESS)[.length(N)].write|rw, process.data(ADDRESS)...: a handler that runs at each access
 * to a place in memory (probe reference 7.17). The processor watches a few such places (four on x86-64); perf
 * events tell. Those of the kernel count on all CPUs, those of a process in the threads of the target of -c or
 * -x and what they start. */
#include <inttypes.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <string.h>

#include "lang/diag.h"
#include "object/kallsyms.h"
#include "probe/perf.h"
#include "probe/process.h"
#include "probe/provider.h"
#include "sema/sema.h"
#include "session.h"

extern const struct probe_family data_family;

enum { MAX_LENGTH = 8 };

#define ACCESSES(place) place ".rw", place ".write", place ".length(number).rw", place ".length(number).write"

static const char *const patterns[] = {
	ACCESSES("kernel.data(number)"),
	ACCESSES("kernel.data(string)"),
	ACCESSES("process.data(number)"),
	ACCESSES("process.data(string)"),
	NULL,
};

/* False: reported. */
static bool find_symbol(struct session *s, const struct component *data, uint64_t *address)
{
	const char *name = data->arg->str;

	if (!kallsyms_find(NULL, name, address)) {
		sem_point_error(s, data->tok, NULL, "no match: the kernel shows no symbol %s (some kernels show functions only)",
				name);
		return false;
	}
	if (!*address) {
		sem_point_error(s, data->tok, NULL, "the kernel does not show the address of '%s' (kptr_restrict)",
				name);
		return false;
	}
	s->kernel_address = arena_printf(&s->arena, "kernel.data(\"%s\")", name);
	return true;
}

/* What the processor can watch. 0: reported. */
static uint32_t length_of(struct session *s, const struct component *length)
{
	uint32_t n = 1;

	if (!length)
		return n;
	if (length->arg->num < 1) {
		sem_error(s, length->tok, NULL, "invalid length of data");
		return 0;
	}
	while (n < length->arg->num && n < MAX_LENGTH)
		n *= 2;
	if (length->arg->num > MAX_LENGTH)
		sem_warn(s, length->tok, "the processor watches %d bytes at most: those at the beginning",
			    MAX_LENGTH);
	return n;
}

static bool build(struct session *s, const struct probe_family *f, const char *pattern,
		  const struct probe_point *p, void (*emit)(void *, struct probe_inst *),
		  void *cookie)
{
	const struct component *data = &p->comps.v[1], *access = &p->comps.v[p->comps.n - 1],
			       *length = p->comps.n > 3 ? &p->comps.v[2] : NULL;
	struct probe_inst *inst = ARENA_NEW(&s->arena, struct probe_inst);
	struct probe_site *site = ARENA_NEW(&s->arena, struct probe_site);
	struct kern_perf_event e = {.type = PERF_TYPE_BREAKPOINT, .period = 1};
	int status;

	(void)pattern;
	site->target_only = strcmp(p->comps.v[0].name, "process") == 0;
	e.watched = (uint64_t)data->arg->num;
	e.length = length_of(s, length);
	e.access = strcmp(access->name, "rw") == 0 ? HW_BREAKPOINT_RW : HW_BREAKPOINT_W;
	if (!e.length)
		return false;
	if (site->target_only && data->arg->is_string) {
		sem_point_error(s, data->tok, NULL, "process.data takes an address: where %s will lie is not known",
				data->arg->str);
		return false;
	}
	if (site->target_only && !s->opt.command && !s->opt.target_pid) {
		sem_point_error(s, p->comps.v[0].tok, NULL, "process.data needs a target: use -c or -x");
		return false;
	}
	if (data->arg->is_string && !find_symbol(s, data, &e.watched))
		return false;
	if (e.watched % e.length) {
		sem_point_error(s, data->tok, NULL, "the address 0x%" PRIx64 " is not a multiple of the length %u",
				e.watched, e.length);
		return false;
	}
	status = s->opt.last_pass == 5 && !s->opt.list_point ? kern_perf_try_watching() : 0;
	if (status < 0) {
		sem_point_error(s, p->comps.v[0].tok, NULL, "cannot watch memory: %s", kern_perf_reason(&e, status));
		return false;
	}
	site->kind = SITE_PERF;
	site->path = perf_site_path(s, &e);
	inst->family = f;
	inst->site = site;
	inst->point = (struct probe_point *)p;
	inst->name = arena_printf(&s->arena, "%s.data(%s).length(%u).%s", p->comps.v[0].name,
				  data->arg->is_string ? process_quote(&s->arena, data->arg->str)
						       : arena_printf(&s->arena, "0x%" PRIx64, e.watched),
				  e.length, access->name);
	emit(cookie, inst);
	return true;
}

const struct probe_family data_family = {
	.name = "data",
	.patterns = patterns,
	.build = build,
	.probe_type = "hardware_data_breakpoint",
};
