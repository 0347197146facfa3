/* timer.s, ms, us, ns, hz, jiffies: interval timers, once a period in the whole system. */
#include <string.h>

#include "lang/diag.h"
#include "probe/provider.h"
#include "run/kernel_config.h"
#include "sema/sema.h"
#include "session.h"

static const char *const patterns[] = {
	"timer.hz(number)",
	"timer.jiffies(number)",
	"timer.jiffies(number).randomize(number)",
	"timer.ms(number)",
	"timer.ms(number).randomize(number)",
	"timer.msec(number)",
	"timer.msec(number).randomize(number)",
	"timer.ns(number)",
	"timer.ns(number).randomize(number)",
	"timer.nsec(number)",
	"timer.nsec(number).randomize(number)",
	"timer.s(number)",
	"timer.s(number).randomize(number)",
	"timer.sec(number)",
	"timer.sec(number).randomize(number)",
	"timer.us(number)",
	"timer.us(number).randomize(number)",
	"timer.usec(number)",
	"timer.usec(number).randomize(number)",
	NULL,
};

enum { NS = 1, US = 1000, MS = 1000000, S = 1000000000 };
static const int64_t day_ns = 86400ll * S, shortest_ns = 100 * US;

static bool build(struct session *s, const struct probe_family *f, const char *pattern,
		  const struct probe_point *p, void (*emit)(void *, struct probe_inst *),
		  void *cookie)
{
	struct probe_inst *inst = ARENA_NEW(&s->arena, struct probe_inst);
	struct timer_data *d = ARENA_NEW(&s->arena, struct timer_data);
	const struct component *unit = &p->comps.v[1];
	int64_t n = unit->arg->num, random = p->comps.n > 2 ? p->comps.v[2].arg->num : 0, ns;

	(void)pattern;
	inst->family = f;
	inst->point = (struct probe_point *)p;
	inst->name = point_text(&s->arena, p);
	inst->data = d;
	if (strcmp(unit->name, "hz") == 0) {
		if (n <= 0) {
			sem_error(s, unit->tok, NULL, "frequency must be greater than 0");
			return false;
		}
		d->interval_ns = (S + n - 1) / n;
		emit(cookie, inst);
		return true;
	}
	if (strcmp(unit->name, "jiffies") == 0) {
		if (n < 1 || n > 1000000) {
			sem_error(s, unit->tok, NULL, "invalid interval for jiffies timer");
			return false;
		}
		if (random < 0 || random > n) {
			sem_error(s, unit->tok, NULL, "invalid randomize for jiffies timer");
			return false;
		}
		ns = S / kernel_hz();
		d->interval_ns = n * ns;
		d->randomize_ns = random * ns;
		emit(cookie, inst);
		return true;
	}
	ns = unit->name[0] == 's' ? S : unit->name[0] == 'm' ? MS : unit->name[0] == 'u' ? US : NS;
	if (n < (shortest_ns / ns > 1 ? shortest_ns / ns : 1) || n > day_ns / ns) {
		sem_error(s, unit->tok, NULL, "interval value out of range (%lld, %lld)",
			  (long long)(shortest_ns / ns > 1 ? shortest_ns / ns : 1),
			  (long long)(day_ns / ns));
		return false;
	}
	if (random < 0 || random > n) {
		sem_error(s, p->comps.v[2].tok, NULL, "randomization value out of range");
		return false;
	}
	d->interval_ns = n * ns;
	d->randomize_ns = random * ns;
	emit(cookie, inst);
	return true;
}

const struct probe_family timer_family = {
	.name = "timer",
	.patterns = patterns,
	.build = build,
	.probe_type = "hrtimer",
};
