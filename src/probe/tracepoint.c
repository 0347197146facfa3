/* kernel.trace("name"), ("system:name"), kernel.tracepoint("name"), module("m").tracepoint("name"):
 * tracepoints of the kernel (probe reference 7.13).
 *
 * The kernel's types tell which there are: a typedef btf_trace_NAME has the types of the arguments, the
 * function __traceiter_NAME also their names. tracefs tells which system a tracepoint belongs to; some
 * belong to none. Without types, tracefs names them and there are no arguments. */
#include <fnmatch.h>
#include <string.h>

#include "dwarf/dbg.h"
#include "kern/btf.h"
#include "kern/tracefs.h"
#include "lang/diag.h"
#include "probe/provider.h"
#include "sema/sema.h"
#include "session.h"

extern const struct probe_family tracepoint_family;

#define TYPEDEF "btf_trace_"
#define ITERATOR "__traceiter_"

struct tracepoint {
	const char *name;
	const char *system; /* "" : none, or not known */
	const char *module; /* NULL: the kernel itself */
	struct btf *btf;    /* whose types they are; NULL: none known */
	uint32_t type, function; /* in there; 0: none */
};

/* probe_site.place */
struct tracepoint_place {
	struct dbg_place at;
	struct tracepoint t;
	struct dbg_signature signature;
};

struct tracepoint_table {
	struct arena *a;
	struct map systems;   /* name -> text */
	struct map by_name;   /* -> struct tracepoint; all there are */
	VEC(struct tracepoint *) all;
	bool listed;
};

/* ------------------------------------------------------------------ which there are */

static struct tracepoint_table *table_of(struct session *s)
{
	struct tracepoint_table *t = s->tracepoints;
	const char *text, *end, *colon;
	size_t size;

	if (t)
		return t;
	t = s->tracepoints = ARENA_NEW(&s->arena, struct tracepoint_table);
	t->a = &s->arena;
	text = kern_tracefs_read(t->a, "available_events", &size);
	/* "system:name" lines */
	for (; text && *text; text = end + (*end == '\n')) {
		end = text + strcspn(text, "\n");
		colon = memchr(text, ':', (size_t)(end - text));
		/* Events that are no tracepoints. */
		if (!colon || strncmp(text, "syscalls:", 9) == 0)
			continue;
		map_set(&t->systems, t->a, intern_n(colon + 1, (size_t)(end - colon - 1)),
			(void *)intern_n(text, (size_t)(colon - text)));
	}
	return t;
}

static const char *system_of(const struct tracepoint_table *t, const char *name)
{
	const char *system = map_get(&t->systems, intern(name));

	return system ? system : "";
}

static struct tracepoint *add(struct tracepoint_table *t, const char *name)
{
	struct tracepoint *p = map_get(&t->by_name, intern(name));

	if (p)
		return p;
	p = ARENA_NEW(t->a, struct tracepoint);
	p->name = intern(name);
	p->system = system_of(t, name);
	map_set(&t->by_name, t->a, p->name, p);
	vec_push(&t->all, t->a, p);
	return p;
}

/* All of a blob, in one pass. */
static void list_types(struct tracepoint_table *t, struct btf *b, const char *module)
{
	for (uint32_t id = btf_begin(b); id < btf_end(b); id++) {
		unsigned kind = btf_kind(b, id);
		const char *name = kind == BTF_KIND_TYPEDEF || kind == BTF_KIND_FUNC ? btf_name(b, id) : "";
		struct tracepoint *p;

		if (kind == BTF_KIND_TYPEDEF && strncmp(name, TYPEDEF, strlen(TYPEDEF)) == 0) {
			p = add(t, name + strlen(TYPEDEF));
			p->type = id;
		} else if (kind == BTF_KIND_FUNC && strncmp(name, ITERATOR, strlen(ITERATOR)) == 0) {
			p = add(t, name + strlen(ITERATOR));
			p->function = id;
		} else {
			continue;
		}
		p->btf = b;
		p->module = module;
	}
}

static void list_all(struct tracepoint_table *t)
{
	name_list modules = {0};

	if (t->listed)
		return;
	t->listed = true;
	if (kern_btf()) {
		list_types(t, kern_btf(), NULL);
		kern_btf_modules(t->a, &modules);
		for (size_t i = 0; i < modules.n; i++)
			if (kern_module_btf(modules.v[i]))
				list_types(t, kern_module_btf(modules.v[i]), modules.v[i]);
		return;
	}
	for (size_t i = 0; i < t->systems.cap; i++)
		if (t->systems.v[i].key)
			add(t, t->systems.v[i].key);
}

/* One of the kernel itself by its name, without listing all. */
static bool find_one(struct tracepoint_table *t, const char *name, struct tracepoint *out)
{
	struct btf *b = kern_btf();

	*out = (struct tracepoint){.name = intern(name), .system = system_of(t, name), .btf = b};
	if (!b)
		return *out->system;
	out->type = btf_find(b, arena_printf(t->a, TYPEDEF "%s", name), 1u << BTF_KIND_TYPEDEF);
	out->function = btf_find(b, arena_printf(t->a, ITERATOR "%s", name), 1u << BTF_KIND_FUNC);
	return out->type;
}

/* ------------------------------------------------------------------ arguments */

/* The prototype with names if there is one, else that without. */
static uint32_t prototype(const struct tracepoint *t)
{
	struct btf *b = t->btf;
	uint32_t id;

	if (!b)
		return 0;
	if (t->function)
		return btf_type(b, t->function)->type;
	id = btf_peel(b, btf_type(b, t->type)->type);
	return btf_kind(b, id) == BTF_KIND_PTR ? btf_type(b, id)->type : 0;
}

static const struct dbg_signature *signature_of(struct session *s, struct tracepoint_place *p)
{
	const struct btf_type *proto;
	uint32_t id = prototype(&p->t);

	if (p->at.signature)
		return p->at.signature;
	p->signature.tracepoint = true;
	p->signature.name = p->t.name;
	p->at.signature = &p->signature;
	p->at.module = dbg_kernel(s, p->t.module);
	if (!p->at.module || btf_kind(p->t.btf, id) != BTF_KIND_FUNC_PROTO)
		return p->at.signature;
	proto = btf_type(p->t.btf, id);
	/* The first parameter is the callback's own. */
	for (uint32_t k = 1; k < BTF_INFO_VLEN(proto->info); k++) {
		const struct btf_param *param = &btf_params(proto)[k];
		const char *name = btf_string(p->t.btf, param->name_off);
		struct expr *e = expr_make(&s->arena, EX_CONTEXT, NULL);

		e->type = TY_LONG;
		e->context = CTX_ARG;
		e->number = (int32_t)k - 1;
		vec_push(&p->signature.args, &s->arena,
			 (struct dbg_argument){*name ? name : NULL, dbg_btf_type(p->t.btf, param->type), e});
	}
	return p->at.signature;
}

static struct expr *text(struct session *s, const struct token *tok, const char *value)
{
	struct expr *e = expr_make(&s->arena, EX_STRING, tok);

	e->lit = ARENA_NEW(&s->arena, struct literal);
	e->lit->tok = tok;
	e->lit->is_string = true;
	e->lit->str = e->lit->raw = value;
	e->lit->len = (uint32_t)strlen(value);
	return e;
}

static struct expr *resolve_target(struct session *s, const struct probe_inst *inst,
				   struct expr *target, const char **why)
{
	struct tracepoint_place *p = (struct tracepoint_place *)inst->site->place;

	if (target->kind == EX_TARGET && strcmp(target->name, "$$name") == 0)
		return text(s, target->tok, p->t.name);
	if (target->kind == EX_TARGET && strcmp(target->name, "$$system") == 0)
		return text(s, target->tok, p->t.system);
	signature_of(s, p);
	return dbg_resolve(s, &p->at, target, why);
}

static void list_vars(struct session *s, const struct probe_inst *inst, name_list *out)
{
	struct tracepoint_place *p = (struct tracepoint_place *)inst->site->place;

	signature_of(s, p);
	dbg_list_vars(s, &p->at, out);
}

/* ------------------------------------------------------------------ points */

struct query {
	struct session *s;
	const struct probe_family *family;
	const struct probe_point *p;
	void (*emit)(void *cookie, struct probe_inst *inst);
	void *cookie;
	size_t n;
	bool bad; /* an error has been reported */
};

/* The point with another text, and without .task(). */
static struct probe_point *with_text(struct query *q, const char *value)
{
	struct arena *a = &q->s->arena;
	struct probe_point *point = ARENA_NEW(a, struct probe_point);
	struct component c = q->p->comps.v[1];
	struct literal *l = ARENA_NEW(a, struct literal);

	*point = *q->p;
	memset(&point->comps, 0, sizeof(point->comps));
	vec_push(&point->comps, a, q->p->comps.v[0]);
	*l = *c.arg;
	l->str = l->raw = value;
	l->len = (uint32_t)strlen(value);
	c.arg = l;
	vec_push(&point->comps, a, c);
	return point;
}

/* .task("name"): the argument that is the task which handlers take for the current one. */
static bool find_task(struct query *q, struct tracepoint_place *p, uint64_t *number)
{
	const struct dbg_signature *sig = signature_of(q->s, p);
	const struct component *c = &q->p->comps.v[2];

	for (size_t i = 0; i < sig->args.n; i++)
		if (sig->args.v[i].name && strcmp(sig->args.v[i].name, c->arg->str) == 0) {
			*number = i + 1;
			return true;
		}
	sem_point_error(q->s, c->tok, NULL, "tracepoint %s has no argument '%s'", p->t.name, c->arg->str);
	return false;
}

const char *tracepoint_arguments(struct session *s, const char *name)
{
	struct tracepoint_place p = {.t = {.name = name}};
	struct str text = {0};
	name_list args = {0};
	const char *r;

	if (!find_one(table_of(s), name, &p.t))
		return NULL;
	signature_of(s, &p);
	dbg_list_vars(s, &p.at, &args);
	for (size_t i = 0; i < args.n; i++)
		str_add(&text, args.v[i]);
	r = arena_strdup(&s->arena, text.s ? text.s : "");
	str_release(&text);
	return r;
}

static void emit_one(struct query *q, const struct tracepoint *t, bool with_system, bool many)
{
	struct arena *a = &q->s->arena;
	struct probe_inst *inst = ARENA_NEW(a, struct probe_inst);
	struct probe_site *site = ARENA_NEW(a, struct probe_site);
	struct tracepoint_place *place = ARENA_NEW(a, struct tracepoint_place);

	place->t = *t;
	site->kind = SITE_TRACEPOINT;
	site->path = t->name;
	site->one_of_many = many;
	if (q->s->opt.last_pass == 4)
		site->arguments = tracepoint_arguments(q->s, t->name);
	site->place = place;
	inst->family = q->family;
	inst->site = site;
	inst->point = with_text(q, with_system && *t->system
					   ? arena_printf(a, "%s:%s", t->system, t->name)
					   : t->name);
	inst->name = point_text(a, inst->point);
	q->n++;
	if (q->p->comps.n > 2 && !find_task(q, place, &site->offset)) {
		q->bad = true;
		return;
	}
	q->emit(q->cookie, inst);
}

static bool no_match(struct query *q, const char *name)
{
	struct tracepoint_table *t = table_of(q->s);
	static const char head[] = " (similar: ";
	const char *similar = "", *list;
	name_list names = {0};

	if (!q->s->muted) {
		list_all(t);
		for (size_t i = 0; i < t->all.n; i++)
			vec_push(&names, &q->s->arena, t->all.v[i]->name);
		list = diag_similar(q->s, name, names.v, names.n);
		if (*list)
			similar = arena_printf(&q->s->arena, " (similar tracepoint%s: %s",
					       strchr(list, ',') ? "s" : "", list + sizeof(head) - 1);
	}
	sem_point_error(q->s, q->p->comps.v[0].tok, NULL, "no match%s", similar);
	return false;
}

static bool is_wild(const char *text)
{
	return text && strpbrk(text, "*?[") != NULL;
}

static bool build(struct session *s, const struct probe_family *f, const char *pattern,
		  const struct probe_point *p, void (*emit)(void *, struct probe_inst *),
		  void *cookie)
{
	struct query q = {s, f, p, emit, cookie, 0, false};
	struct tracepoint_table *t = table_of(s);
	const char *asked = p->comps.v[1].arg->str, *colon = strchr(asked, ':'), *system = NULL,
		   *name = colon ? colon + 1 : asked, *module = NULL;
	bool trace = strcmp(p->comps.v[1].name, "trace") == 0, many;
	struct tracepoint one;

	(void)pattern;
	if (strcmp(p->comps.v[0].name, "module") == 0)
		module = p->comps.v[0].arg->str;
	if (colon)
		system = arena_strndup(&s->arena, asked, (size_t)(colon - asked));
	if (!*name || strchr(name, ':') || (colon && (!trace || !*system))) {
		sem_point_error(s, p->comps.v[0].tok, NULL, "invalid tracepoint string provided");
		return false;
	}
	many = is_wild(name) || is_wild(system) || is_wild(module);
	if (!is_wild(name) && !module && find_one(t, name, &one)) {
		if (!system || fnmatch(system, one.system, 0) == 0)
			emit_one(&q, &one, trace, many);
		return !q.bad && (q.n || no_match(&q, name));
	}
	list_all(t);
	for (size_t i = 0; i < t->all.n; i++) {
		const struct tracepoint *x = t->all.v[i];

		/* Without a type: of the kernel's own, nobody else can attach. */
		if ((!x->btf || x->type) && fnmatch(name, x->name, 0) == 0 && (!system || fnmatch(system, x->system, 0) == 0) &&
		    (!module || (x->module && fnmatch(module, x->module, 0) == 0)))
			emit_one(&q, x, trace, many);
	}
	return !q.bad && (q.n || no_match(&q, name));
}

static const char *const patterns[] = {
	"kernel.trace(string)",
	"kernel.trace(string).task(string)",
	"kernel.tracepoint(string)",
	"module(string).tracepoint(string)",
	NULL,
};

const struct probe_family tracepoint_family = {
	.name = "tracepoint",
	.patterns = patterns,
	.build = build,
	.probe_type = "kernel_tracepoint",
	.resolve_target = resolve_target,
	.list_vars = list_vars,
};
