/* See kernel.h and the probe reference, 7.4, 7.5, 7.7. */
#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#include "base/str.h"
#include "kern/btf.h"
#include "kern/kfunc.h"
#include "lang/diag.h"
#include "probe/kernel.h"
#include "probe/syscall.h"
#include "session.h"

extern const struct probe_family kernel_family, kprobe_family;

enum { MANY = 16 };

static const struct component *argument(const struct kernel_query *q)
{
	return &q->p->comps.v[q->at];
}

static bool has_suffix(const struct kernel_query *q, const char *name)
{
	for (size_t i = q->at + 1; i < q->p->comps.n; i++)
		if (strcmp(q->p->comps.v[i].name, name) == 0)
			return true;
	return false;
}

/* ------------------------------------------------------------------ errors */

bool kernel_fail(struct kernel_query *q, const char *text)
{
	sem_point_error(q->s, q->p->comps.v[0].tok, NULL, "%s", text);
	return false;
}

/* Is the module there? Its functions are in kallsyms then. */
static bool module_loaded(struct kernel_query *q)
{
	const struct kallsyms *k = kernel_symbols(q->s);

	for (size_t i = 0; i < k->n; i++)
		if (k->v[i].module && fnmatch(q->module, k->v[i].module, 0) == 0)
			return true;
	return false;
}

bool kernel_in_module(const struct kernel_query *q, const struct kallsym *y)
{
	if (!q->module)
		return !y->module;
	return y->module && fnmatch(q->module, y->module, 0) == 0;
}

bool kernel_no_match(struct kernel_query *q)
{
	struct session *s = q->s;
	const struct kallsyms *k = kernel_symbols(s);
	name_list names = {0};

	if (s->muted)
		return kernel_fail(q, "no match");
	if (!k->n)
		return kernel_fail(q, "no match: the functions of the kernel are not known (/proc/kallsyms "
			       "cannot be read)");
	if (q->module && !module_loaded(q))
		return kernel_fail(q, arena_printf(&s->arena, "no match: module %s is not loaded", q->module));
	if (!q->module && !q->wild && !q->exported && kern_btf() &&
	    btf_find(kern_btf(), q->name, 1u << BTF_KIND_FUNC))
		return kernel_fail(q, arena_printf(&s->arena, "no match: %s is inlined wherever it is called",
					    q->name));
	for (size_t i = 0; i < k->n; i++)
		if (kernel_in_module(q, &k->v[i]))
			vec_push(&names, &s->arena,
				 arena_strndup(&s->arena, k->v[i].name,
					       q->full_names ? strlen(k->v[i].name)
							     : kallsyms_stem(k->v[i].name)));
	return probe_no_match(s, q->p, "function", "functions", q->name, names.v, names.n);
}

/* ------------------------------------------------------------------ what the kernel allows */

/* Then it is not attached by fentry, where there are none (gen/gen.c). */
static bool mentions_registers(const struct session *s)
{
	for (size_t i = 0; i < s->user_scripts.n; i++)
		if (strstr(s->user_scripts.v[i]->src->text, "register") ||
		    strstr(s->user_scripts.v[i]->src->text, "print_regs"))
			return true;
	return false;
}

/* Can a place be probed? If not, the reason is reported. */
bool kernel_allowed(struct kernel_query *q, struct probe_site *site, struct kernel_place *place)
{
	const struct kernel_ways *w = q->s->kernel_ways;
	int kprobe, multi, fentry = -ENOENT;
	struct str b = {0};

	if (!w)
		return true;
	/* Somebody waits for the answer: "?", "!". Else the attachment tells. */
	if (q->s->muted && !site->offset && !w->traceable(site->path))
		return kernel_fail(q, "");
	if (site->btf_id)
		fentry = w->fentry(site->btf_id, site->module, q->is_return);
	kprobe = w->kprobe();
	if (fentry)
		site->btf_id = 0;
	place->fexit = q->is_return && !fentry && !site->one_of_many && !mentions_registers(q->s);
	if (!fentry || !kprobe)
		return true;
	multi = site->offset ? -EOPNOTSUPP : w->kprobe_multi();
	if (!multi)
		return true;
	str_addf(&b, "cannot attach %s: %s: %s", point_text(&q->s->arena, q->p),
		 q->is_return ? "fexit" : "fentry",
		 site->offset	     ? "only at the start of functions"
		 : fentry == -ENOENT ? "no type information (BTF)"
				     : strerror(-fentry));
	str_addf(&b, "; kprobe_multi: %s; kprobe: %s", strerror(-multi),
		 kprobe == -EOPNOTSUPP ? "not configured in this kernel" : strerror(-kprobe));
	q->s->refused_function = arena_strdup(&q->s->arena, b.s);
	str_release(&b);
	return kernel_fail(q, q->s->refused_function);
}

/* ------------------------------------------------------------------ instances */

static struct probe_point *resolved_point(struct kernel_query *q, const char *name, const char *module)
{
	struct session *s = q->s;
	struct probe_point *p = ARENA_NEW(&s->arena, struct probe_point);

	*p = *q->p;
	memset(&p->comps, 0, sizeof(p->comps));
	for (size_t i = 0; i < q->p->comps.n; i++) {
		struct component c = q->p->comps.v[i];
		const char *text = i == q->at ? name : i + 1 == q->at && q->module ? module : NULL;

		if (text && c.arg && c.arg->is_string) {
			struct literal *l = ARENA_NEW(&s->arena, struct literal);

			*l = *c.arg;
			l->str = l->raw = text;
			l->len = (uint32_t)strlen(text);
			c.arg = l;
		}
		vec_push(&p->comps, &s->arena, c);
	}
	return p;
}

static bool make_instance(struct kernel_query *q, const struct kallsym *y, uint64_t addr)
{
	struct session *s = q->s;
	struct probe_inst *inst = ARENA_NEW(&s->arena, struct probe_inst);
	struct probe_site *site = ARENA_NEW(&s->arena, struct probe_site);
	struct kernel_place *place = ARENA_NEW(&s->arena, struct kernel_place);
	size_t stem = kallsyms_stem(y->name);
	bool brief = s->opt.list_point && !s->opt.list_vars, many = q->found.n > MANY;

	place->symbol = y;
	place->function = arena_strndup(&s->arena, y->name, stem);
	place->type = brief ? 0 : kernel_type_of(s, y, many);
	place->is_return = q->is_return;
	site->kind = q->is_return ? SITE_KFUNC_RETURN : SITE_KFUNC;
	site->path = y->name;
	site->module = y->module;
	site->offset = addr - y->addr;
	site->vaddr = addr;
	site->one_of_many = q->wild;
	site->at_entry = !q->is_return && addr == y->addr;
	place->at_entry = !site->offset;
	site->by_address = !brief && kernel_has_twin(s, y, many);
	site->btf_id = !site->offset && !site->by_address ? place->type : 0;
	site->place = place;
	inst->family = q->family;
	inst->site = site;
	inst->point = resolved_point(q, q->full_names ? y->name : place->function,
				     y->module ? y->module : "");
	inst->name = point_text(&s->arena, inst->point);
	if (q->is_return)
		inst->frame_address = kernel_call_of(s, inst->point->comps.v[0].tok);
	if (!kernel_allowed(q, site, place))
		return false;
	q->emit(q->cookie, inst);
	return true;
}

/* ------------------------------------------------------------------ by name */

static bool matches(const struct kernel_query *q, const struct kallsym *y)
{
	size_t n = q->full_names ? strlen(y->name) : kallsyms_stem(y->name);
	char stem[512];

	if (q->exported && strchr("tw", y->type))
		return false;
	if (!q->wild)
		return strncmp(q->name, y->name, n) == 0 && !q->name[n];
	if (n >= sizeof(stem))
		return false;
	memcpy(stem, y->name, n);
	stem[n] = 0;
	return fnmatch(q->name, stem, FNM_EXTMATCH) == 0;
}

static void find_by_name(struct kernel_query *q)
{
	const struct kallsyms *k = kernel_symbols(q->s);

	for (size_t i = 0; i < k->n; i++)
		if (kernel_in_module(q, &k->v[i]) && matches(q, &k->v[i]))
			vec_push(&q->found, &q->s->arena, &k->v[i]);
}

/* False: the name means no system call. */
static bool by_syscall(struct kernel_query *q)
{
	struct session *s = q->s;
	kernel_syscalls calls = {0};
	size_t n = 0;

	kernel_find_syscalls(s, q->name, q->wild, &calls);
	for (size_t i = 0; i < calls.n; i++) {
		struct probe_inst *inst = syscall_instance(s, calls.v[i].call, q->is_return);
		struct probe_site *site;

		if (!inst)
			continue;
		site = ARENA_NEW(&s->arena, struct probe_site);
		*site = *inst->site;
		site->one_of_many = q->wild;
		inst->site = site;
		inst->point = resolved_point(q, calls.v[i].function, "");
		inst->name = point_text(&s->arena, inst->point);
		q->emit(q->cookie, inst);
		n++;
	}
	return n > 0;
}

static bool by_name(struct kernel_query *q)
{
	struct session *s = q->s;

	if (!q->module && !q->full_names && !q->exported && by_syscall(q))
		return true;
	find_by_name(q);
	/* Then it is inlined wherever it is called. Aliases ask for many functions that are not there. */
	if (!q->found.n && !q->p->comps.v[0].tok->src->library && kernel_has_source(q))
		return kernel_by_source(q);
	if (!q->found.n)
		return kernel_no_match(q);
	if (q->wild && !s->opt.list_point && (int64_t)q->found.n > s->opt.max_kernel_functions)
		return kernel_fail(q, arena_printf(&s->arena,
					    "%s stands for %zu functions, more than %lld: to probe so "
					    "many, say -D TAPIR_MAX_KERNEL_FUNCTIONS=%zu",
					    point_text(&s->arena, q->p), q->found.n,
					    (long long)s->opt.max_kernel_functions, q->found.n));
	for (size_t i = 0; i < q->found.n; i++)
		if (!make_instance(q, q->found.v[i], q->found.v[i]->addr))
			return false;
	return true;
}

/* "name@file" without debug information: the name will do if only one function has it. */
static bool by_file(struct kernel_query *q)
{
	struct session *s = q->s;
	const struct component *c = argument(q);
	const char *file = strchr(q->name, '@'), *whole = q->name;
	struct dbg_spec spec;
	kernel_syscalls calls = {0};
	bool plain = file && !q->wild && strcmp(c->name, "function") == 0 && !has_suffix(q, "inline") &&
		     !has_suffix(q, "label") && !has_suffix(q, "callee") && !has_suffix(q, "callees");

	if (!plain || !dbg_spec_parse(&s->arena, q->name, &spec))
		return kernel_by_source(q);
	q->name = spec.name;
	if (!q->module)
		kernel_find_syscalls(s, q->name, false, &calls);
	if (calls.n)
		return by_name(q);
	if (!kernel_has_source(q)) {
		find_by_name(q);
		if (q->found.n == 1) {
			sem_warn(s, c->tok, "the kernel's debug information is not installed: %s is taken for "
					    "\"%s\"", whole, q->name);
			q->found.n = 0;
			return by_name(q);
		}
	}
	q->name = whole;
	return kernel_by_source(q);
}

/* ------------------------------------------------------------------ by address */

static bool by_number(struct kernel_query *q, bool is_function)
{
	struct session *s = q->s;
	uint64_t addr = (uint64_t)argument(q)->arg->num;
	const struct kallsym *y = kallsyms_at(kernel_symbols(s), addr);

	if (kernel_symbols(s)->hidden)
		return kernel_fail(q, "no match: the kernel hides its addresses (kernel.kptr_restrict)");
	if (!y || !kernel_in_module(q, y))
		return kernel_fail(q, "no match");
	return make_instance(q, y, is_function ? y->addr : addr);
}

/* ------------------------------------------------------------------ points */

/* Module names in kallsyms have underscores. */
static const char *module_pattern(struct session *s, const char *text)
{
	char *copy = arena_strdup(&s->arena, text);

	for (char *c = copy; *c; c++)
		if (*c == '-')
			*c = '_';
	return copy;
}

/* Said how many returns may be on their way at a time; the kernel's own choice will do. */
static bool good_maxactive(const struct kernel_query *q)
{
	const struct component *last = &q->p->comps.v[q->p->comps.n - 1];

	if (strcmp(last->name, "maxactive") != 0 || (last->arg->num >= 0 && last->arg->num <= UINT16_MAX))
		return true;
	sem_error(q->s, last->tok, NULL, "maxactive value out of range (0, %d)", UINT16_MAX);
	return false;
}

static bool build(struct session *s, const struct probe_family *f, const char *pattern,
		  const struct probe_point *p, void (*emit)(void *, struct probe_inst *),
		  void *cookie)
{
	struct kernel_query q = {.s = s, .family = f, .p = p, .emit = emit, .cookie = cookie, .at = 1};
	const struct component *first = &p->comps.v[0];
	const char *what;

	(void)pattern;
	q.full_names = strcmp(first->name, "kprobe") == 0;
	if (q.full_names && strcmp(p->comps.v[1].name, "module") == 0)
		first = &p->comps.v[1], q.at = 2;
	if (first->arg)
		q.module = module_pattern(s, first->arg->str);
	what = argument(&q)->name;
	if (argument(&q)->arg->is_string)
		q.name = argument(&q)->arg->str;
	q.wild = (q.name && strpbrk(q.name, "*?[")) || (q.module && strpbrk(q.module, "*?["));
	q.is_return = has_suffix(&q, "return");
	q.exported = has_suffix(&q, "exported");
	if (has_suffix(&q, "absolute") && !s->opt.guru) {
		sem_error(s, p->comps.v[q.at].tok, NULL,
			  "absolute statement probe in unprivileged script; need stap -g");
		return false;
	}
	if (!good_maxactive(&q))
		return false;
	if (kernel_wants_source(&q))
		return by_file(&q);
	return q.name ? by_name(&q) : by_number(&q, strcmp(what, "function") == 0);
}

static const char *const patterns[] = {
	"kernel.function(number)",
	"kernel.function(number).call",
	"kernel.function(number).inline",
	"kernel.function(number).return",
	"kernel.function(string)",
	"kernel.function(string).call",
	"kernel.function(string).callee(string)",
	"kernel.function(string).callee(string).call",
	"kernel.function(string).callees",
	"kernel.function(string).callees(number)",
	"kernel.function(string).exported",
	"kernel.function(string).inline",
	"kernel.function(string).label(string)",
	"kernel.function(string).return",
	"kernel.function(string).return.maxactive(number)",
	"kernel.statement(number)",
	"kernel.statement(number).absolute",
	"kernel.statement(string)",
	"kernel.statement(string).nearest",
	"module(string).function(number)",
	"module(string).function(string)",
	"module(string).function(string).call",
	"module(string).function(string).callee(string)",
	"module(string).function(string).callee(string).call",
	"module(string).function(string).callees",
	"module(string).function(string).callees(number)",
	"module(string).function(string).exported",
	"module(string).function(string).inline",
	"module(string).function(string).label(string)",
	"module(string).function(string).return",
	"module(string).function(string).return.maxactive(number)",
	"module(string).statement(number)",
	"module(string).statement(string)",
	"module(string).statement(string).nearest",
	NULL,
};
static const char *const kprobe_patterns[] = {
	"kprobe.function(string)",
	"kprobe.function(string).call",
	"kprobe.function(string).return",
	"kprobe.function(string).return.maxactive(number)",
	"kprobe.module(string).function(string)",
	"kprobe.module(string).function(string).call",
	"kprobe.module(string).function(string).return",
	"kprobe.statement(number).absolute",
	NULL,
};

const struct probe_family kernel_family = {
	.name = "kernel",
	.patterns = patterns,
	.build = build,
	.probe_type = "kprobe",
	.resolve_target = kernel_resolve_target,
	.list_vars = kernel_list_vars,
	.entry_of = kernel_entry_of,
	.keeps = kernel_keeps,
};

const struct probe_family kprobe_family = {
	.name = "kprobe",
	.patterns = kprobe_patterns,
	.build = build,
	.probe_type = "kprobe",
};
