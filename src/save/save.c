/* Compiled scripts as files. See save.h.
 *
 * The file is a line that tells what it is, and then numbers ("12 ") and strings ("3:abc ") in the
 * order in which the functions below write and read them. A damaged one is refused. */
#include "save/save.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "cli/cli.h"
#include "dwarf/dbg.h"
#include "ir/ir.h"
#include "kern/kernel_id.h"
#include "object/object.h"
#include "probe/netfilter.h"
#include "probe/perf.h"
#include "probe/provider.h"
#include "sema/sema.h"
#include "session.h"

static const char magic[] = "tapir compiled script 4\n";

enum { MAX_ITEMS = 10 << 20 };

/* ------------------------------------------------------------------ writing */

static void put_num(struct str *out, int64_t n)
{
	str_addf(out, "%" PRId64 " ", n);
}

static void put_bytes(struct str *out, const char *s, size_t n)
{
	str_addf(out, "%zu:", n);
	str_addn(out, s, n);
	str_addc(out, ' ');
}

static void put_text(struct str *out, const char *s)
{
	put_bytes(out, s ? s : "", s ? strlen(s) : 0);
}

/* Options that compiled code depends on. */
static int64_t *option(struct options *o, size_t i)
{
	int64_t *const v[] = {
		&o->maxstringlen, &o->maxaction,  &o->maxnesting,   &o->maxmapentries, &o->maxerrors,
		&o->maxskipped,	  &o->hist_width, &o->hist_elision, &o->max_buckets,   &o->buffer_bytes,
		&o->overload_interval, &o->overload_threshold,
	};

	return i < sizeof(v) / sizeof(v[0]) ? v[i] : NULL;
}

static void put_options(struct str *out, struct options *o)
{
	for (size_t i = 0; option(o, i); i++)
		put_num(out, *option(o, i));
	put_num(out, o->suppress_handler_errors);
	put_num(out, o->suppress_time_limits | o->no_overload << 1);
	put_text(out, o->compatible);
	put_text(out, o->module_given ? o->module_name : NULL);
	put_num(out, (int64_t)o->script_args.n);
	for (size_t i = 0; i < o->script_args.n; i++)
		put_text(out, o->script_args.v[i]);
}

static void put_token(struct str *out, const struct token *t)
{
	put_num(out, t ? (int64_t)t->kind : -1);
	if (!t)
		return;
	put_bytes(out, t->text ? t->text : "", t->text ? t->len : 0);
	put_text(out, t->src->name);
	put_num(out, t->line);
	put_num(out, t->col);
}

static const char *build_id(struct session *s, const char *path)
{
	const char *why;
	struct dbg_module *m = dbg_open(s, path, &why);

	return m && m->obj ? obj_build_id(m->obj) : NULL;
}

static void put_probe(struct str *out, struct session *s, const struct probe_inst *p)
{
	const struct probe_site *site = p->site;

	put_text(out, p->family->name);
	put_text(out, p->name);
	put_text(out, p->alias_name);
	put_num(out, p->handler->id);
	put_num(out, p->condition_fn);
	if (p->family == &begin_family) {
		const struct begin_data *d = p->data;

		put_num(out, d->kind);
		put_num(out, d->priority);
	} else if (p->family == &timer_family) {
		const struct timer_data *d = p->data;

		put_num(out, d->interval_ns);
		put_num(out, d->randomize_ns);
	} else if (p->family == &procfs_family) {
		const struct procfs_data *d = p->data;

		put_text(out, d->path);
		put_num(out, d->write);
		put_num(out, d->mode);
		put_num(out, d->max_size);
	}
	put_num(out, site != NULL);
	if (!site)
		return;
	put_num(out, site->kind);
	put_text(out, site->path);
	put_text(out, site_is_user(site->kind) ? build_id(s, site->path) : NULL);
	put_num(out, (int64_t)site->offset);
	/* The kernel lies elsewhere the next time it is started. */
	put_num(out, site_is_kfunc(site->kind) ? 0 : (int64_t)site->vaddr);
	put_num(out, (int64_t)site->semaphore);
	put_num(out, site->one_of_many);
	put_num(out, site->doubtful);
	put_num(out, site->at_entry);
	put_num(out, site->target_only);
	put_text(out, site->by_file ? site->runs : NULL);
	put_text(out, site->arguments);
	if (site_is_kfunc(site->kind)) {
		put_text(out, site->module);
		put_num(out, site->btf_id);
		put_num(out, site->needs_fexit);
	}
}

/* Does it hold what is this kernel's alone? */
static bool is_for_this_kernel(const struct session *s)
{
	for (size_t i = 0; i < s->program->probes.n; i++)
		if (s->program->probes.v[i]->site && site_is_kfunc(s->program->probes.v[i]->site->kind))
			return true;
	return s->fixed_kernel;
}

const char *save_refused(const struct session *s)
{
	for (size_t i = 0; i < s->program->probes.n; i++) {
		const struct probe_inst *p = s->program->probes.v[i];

		/* Counters have no site; a process is another one elsewhere; of functions with the same name
		 * only the address tells which. */
		if (p->counts || (p->site && (p->site->pid || p->site->by_address)))
			return p->name;
	}
	return s->kernel_address; /* it is another one when the kernel is started the next time */
}

void save_write(struct str *out, struct session *s)
{
	const struct program *p = s->program;
	const struct ir_module *m = s->ir;
	struct str ir = {0};

	str_add(out, magic);
	put_options(out, &s->opt);
	put_num(out, (int64_t)p->handlers.n);
	for (size_t i = 0; i < p->handlers.n; i++)
		put_token(out, p->handlers.v[i]->tok);
	put_num(out, (int64_t)p->probes.n);
	for (size_t i = 0; i < p->probes.n; i++)
		put_probe(out, s, p->probes.v[i]);
	ir_dump(&ir, m);
	put_bytes(out, ir.s, ir.len);
	str_release(&ir);
	for (size_t f = 0; f < m->fns.n; f++)
		for (size_t b = 0; b < m->fns.v[f]->blocks.n; b++)
			for (size_t i = 0; i < m->fns.v[f]->blocks.v[b].ins.n; i++)
				put_token(out, m->fns.v[f]->blocks.v[b].ins.v[i].tok);
	put_text(out, is_for_this_kernel(s) ? kern_build_id() : NULL);
}

/* ------------------------------------------------------------------ reading */

struct reader {
	struct session *s;
	const char *at, *end;
	bool bad;
	struct map sources; /* name -> struct source */
};

static int64_t get_num(struct reader *r)
{
	char *stop;
	int64_t n;

	/* The text ends in NUL: strtoll() stays within it. */
	n = strtoll(r->at, &stop, 10);
	if (r->bad || stop == r->at || stop >= r->end || *stop != ' ') {
		r->bad = true;
		return 0;
	}
	r->at = stop + 1;
	return n;
}

static const char *get_bytes(struct reader *r, size_t *n)
{
	const char *text;
	char *stop;
	unsigned long long len;

	*n = 0;
	len = strtoull(r->at, &stop, 10);
	if (r->bad || stop == r->at || stop >= r->end || *stop != ':' ||
	    len >= (unsigned long long)(r->end - stop) - 1 || stop[1 + len] != ' ') {
		r->bad = true;
		return "";
	}
	text = stop + 1;
	r->at = text + len + 1;
	*n = (size_t)len;
	return text;
}

static const char *get_text(struct reader *r)
{
	size_t n;
	const char *text = get_bytes(r, &n);

	return arena_strndup(&r->s->arena, text, n);
}

static size_t get_count(struct reader *r)
{
	int64_t n = get_num(r);

	if (n < 0 || n > MAX_ITEMS)
		r->bad = true;
	return r->bad ? 0 : (size_t)n;
}

static void get_options(struct reader *r)
{
	struct options *o = &r->s->opt;
	int64_t time_limits;
	const char *name;
	size_t n;

	for (size_t i = 0; option(o, i); i++)
		*option(o, i) = get_num(r);
	if (!limits_hold(o))
		r->bad = true;
	o->suppress_handler_errors = get_num(r);
	time_limits = get_num(r);
	o->suppress_time_limits = time_limits & 1;
	o->no_overload = time_limits >> 1 & 1;
	o->compatible = get_text(r);
	name = get_text(r);
	if (*name && !o->module_given) {
		o->module_name = name;
		o->module_given = true;
	}
	if (strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(name))
		r->bad = true;
	n = get_count(r);
	o->script_args.n = 0;
	for (size_t i = 0; i < n && !r->bad; i++)
		vec_push(&o->script_args, &r->s->arena, get_text(r));
}

static const struct token *get_token(struct reader *r)
{
	int64_t kind = get_num(r);
	struct source *src;
	struct token *t;
	const char *name;
	size_t n;

	if (kind < 0 || kind > TOK_EOF || r->bad)
		return NULL;
	t = ARENA_NEW(&r->s->arena, struct token);
	t->kind = (enum token_kind)kind;
	t->text = get_bytes(r, &n);
	t->text = arena_strndup(&r->s->arena, t->text, n);
	t->len = (uint32_t)n;
	name = get_bytes(r, &n);
	name = intern_n(name, strnlen(name, n));
	src = map_get(&r->sources, name);
	if (!src) {
		src = ARENA_NEW(&r->s->arena, struct source);
		src->name = name;
		src->text = "";
		map_set(&r->sources, &r->s->arena, name, src);
	}
	t->src = src;
	t->line = (uint32_t)get_num(r);
	t->col = (uint32_t)get_num(r);
	return t;
}

/* The program must be the one that the script was compiled for. */
static bool check_program(const char *path, const char *id)
{
	struct obj o;
	const char *why = NULL, *now;
	bool same;

	if (!obj_open(&o, path, &why)) {
		fprintf(stderr, "%s, which the compiled script probes: %s\n", path, why);
		return false;
	}
	now = obj_build_id(&o);
	same = strcmp(now ? now : "", id) == 0;
	if (!same)
		fprintf(stderr,
			"%s is not the file that the script was compiled for: build-id %s, wanted %s\n",
			path, now && *now ? now : "(none)", *id ? id : "(none)");
	obj_close(&o);
	return same;
}

static bool check_kernel(const char *id)
{
	const char *now = kern_build_id();

	if (strcmp(now, id) == 0)
		return true;
	fprintf(stderr, "the script was compiled for another kernel: build-id %s, this one has %s\n",
		*id ? id : "(none)", *now ? now : "(none)");
	return false;
}

static void get_site(struct reader *r, struct probe_inst *p, bool *changed, struct map *checked)
{
	struct probe_site *site = ARENA_NEW(&r->s->arena, struct probe_site);
	int64_t kind = get_num(r);
	struct kern_perf_event event;
	struct kern_netfilter hook;
	const char *id;

	site->kind = (enum site_kind)kind;
	site->path = get_text(r);
	id = get_text(r);
	site->offset = (uint64_t)get_num(r);
	site->vaddr = (uint64_t)get_num(r);
	site->semaphore = (uint64_t)get_num(r);
	site->one_of_many = get_num(r);
	site->doubtful = get_num(r);
	site->at_entry = get_num(r);
	site->target_only = get_num(r);
	site->runs = get_text(r);
	site->arguments = get_text(r);
	if (site_is_kfunc(site->kind)) {
		site->module = get_text(r);
		site->btf_id = (uint32_t)get_num(r);
		site->needs_fexit = get_num(r);
		if (!*site->module)
			site->module = NULL;
	}
	if (kind < 0 || kind > SITE_THREAD_END)
		r->bad = true;
	if (site->kind == SITE_PERF && !perf_event_of(site->path, &event))
		r->bad = true;
	if (site->kind == SITE_NETFILTER && !netfilter_hook_of(site->path, &hook))
		r->bad = true;
	p->site = site;
	if (*site->runs && !r->bad) {
		site->by_file = process_identify(site->runs, &site->file);
		if (!site->by_file && !map_get(checked, intern(site->runs))) {
			map_set(checked, &r->s->arena, intern(site->runs), r);
			fprintf(stderr, "%s, which the compiled script probes: %s\n", site->runs, strerror(errno));
			*changed = true;
		}
	}
	/* The command is ours until it is let go. */
	if (r->s->opt.command && (site_is_life(site->kind) || site_is_syscall(site->kind)) && site->target_only)
		site->not_ours = process_identify("/proc/self/exe", &site->ours);
	if (r->bad || !site_is_user(site->kind) || map_get(checked, intern(site->path)))
		return;
	map_set(checked, &r->s->arena, intern(site->path), r);
	if (!check_program(site->path, id))
		*changed = true;
}

static void get_probe(struct reader *r, struct program *prog, bool *changed, struct map *checked)
{
	struct arena *a = &r->s->arena;
	struct probe_inst *p = ARENA_NEW(a, struct probe_inst);
	const char *family = get_text(r);
	int64_t handler;

	for (const struct probe_family *const *f = probe_families; *f; f++)
		if (strcmp((*f)->name, family) == 0)
			p->family = *f;
	p->name = get_text(r);
	p->alias_name = get_text(r);
	handler = get_num(r);
	p->condition_fn = (int)get_num(r);
	if (!p->family || handler < 0 || (size_t)handler >= prog->handlers.n || r->bad) {
		r->bad = true;
		return;
	}
	p->handler = prog->handlers.v[handler];
	p->id = (int)prog->probes.n;
	if (p->family == &begin_family) {
		struct begin_data *d = ARENA_NEW(a, struct begin_data);

		d->kind = (enum begin_kind)get_num(r);
		d->priority = get_num(r);
		p->data = d;
	} else if (p->family == &timer_family) {
		struct timer_data *d = ARENA_NEW(a, struct timer_data);

		d->interval_ns = get_num(r);
		d->randomize_ns = get_num(r);
		if (d->interval_ns <= 0)
			r->bad = true;
		p->data = d;
	} else if (p->family == &procfs_family) {
		struct procfs_data *d = ARENA_NEW(a, struct procfs_data);

		d->path = get_text(r);
		d->write = get_num(r) != 0;
		d->mode = (uint32_t)get_num(r) & 0666;
		d->max_size = get_num(r);
		if (!procfs_valid(d))
			r->bad = true;
		p->data = d;
	}
	if (get_num(r))
		get_site(r, p, changed, checked);
	vec_push(&prog->probes, a, p);
}

static bool get_ir(struct reader *r)
{
	struct session *s = r->s;
	const char *error = NULL, *text;
	size_t n;

	text = get_bytes(r, &n);
	if (r->bad)
		return false;
	s->ir = ir_parse(&s->arena, text, n, &error);
	if (!s->ir)
		return false;
	for (size_t i = 0; i < s->program->handlers.n; i++)
		if (i >= s->ir->fns.n || !s->ir->fns.v[i]->is_handler)
			return false;
	for (size_t i = 0; i < s->program->probes.n; i++)
		if (s->program->probes.v[i]->condition_fn >= (int)s->ir->fns.n)
			return false;
	for (size_t f = 0; f < s->ir->fns.n; f++)
		for (size_t b = 0; b < s->ir->fns.v[f]->blocks.n; b++)
			for (size_t i = 0; i < s->ir->fns.v[f]->blocks.v[b].ins.n; i++)
				s->ir->fns.v[f]->blocks.v[b].ins.v[i].tok = get_token(r);
	for (size_t i = 0; i < s->ir->globals.n; i++) {
		struct var *v = ARENA_NEW(&s->arena, struct var);

		v->kind = VAR_GLOBAL;
		v->name = s->ir->globals.v[i].name;
		vec_push(&s->program->globals, &s->arena, v);
	}
	return !r->bad && ir_verify(s->ir) == NULL;
}

/* Are the first n arguments of a tracepoint here what they were there? Not every kernel has their names ("$arg1"). */
static bool same_arguments(const char *x, const char *y, uint32_t n)
{
	for (; n && *x && *y; n--) {
		size_t nx = strcspn(x, ":"), ny = strcspn(y, ":"), tx, ty;

		if ((nx != ny || strncmp(x, y, nx) != 0) && strncmp(x, " $arg", 5) != 0 && strncmp(y, " $arg", 5) != 0)
			return false;
		/* Up to the blank in front of the next name. */
		tx = strcspn(x + nx, "$");
		ty = strcspn(y + ny, "$");
		tx -= x[nx + tx] != 0;
		ty -= y[ny + ty] != 0;
		if (tx != ty || strncmp(x + nx, y + ny, tx) != 0)
			return false;
		x += nx + tx;
		y += ny + ty;
	}
	return !n;
}

/* Numbers of the kernel by name become numbers. */
static bool close_numbers(struct session *s, struct ir_fn *f)
{
	bool ok = true, any = false;

	for (size_t b = 0; b < f->blocks.n; b++)
		for (size_t i = 0; i < f->blocks.v[b].ins.n; i++) {
			struct ir_ins *ins = &f->blocks.v[b].ins.v[i];
			ir_ref *arg = f->args.v + ins->first_arg;
			const char *text;
			int64_t n;

			if (ins->op != IR_KFIELD)
				continue;
			if (IR_KIND(*arg) != IRK_STR) {
				fprintf(stderr, "The compiled script is damaged.\n");
				return false;
			}
			text = s->ir->strs.v[IR_INDEX(*arg)].s;
			if (!dbg_close_number(s, text, &n)) {
				fprintf(stderr, "the script was compiled for another kernel: %s\n", text);
				ok = false;
				continue;
			}
			ins->op = IR_MOV;
			*arg = ir_num(s->ir, n);
			any = true;
		}
	if (any && ok)
		ir_opt_fold(s->ir, f);
	return ok;
}

bool save_relocate(struct session *s)
{
	uint32_t n_arguments = 0;
	bool ok = true;

	for (size_t f = 0; f < s->ir->fns.n; f++) {
		struct ir_fn *fn = s->ir->fns.v[f];

		ok &= close_numbers(s, fn);
		for (size_t b = 0; b < fn->blocks.n; b++)
			for (size_t i = 0; i < fn->blocks.v[b].ins.n; i++)
				if (fn->blocks.v[b].ins.v[i].op == IR_CTXARG &&
				    fn->blocks.v[b].ins.v[i].imm >= n_arguments)
					n_arguments = fn->blocks.v[b].ins.v[i].imm + 1;
	}
	for (size_t i = 0; i < s->program->probes.n; i++) {
		const struct probe_site *site = s->program->probes.v[i]->site;
		const char *now;
		uint32_t n = n_arguments;

		if (!site || site->kind != SITE_TRACEPOINT)
			continue;
		if (site->offset > n)
			n = (uint32_t)site->offset;
		now = tracepoint_arguments(s, site->path);
		if (n && site->arguments && (!now || !same_arguments(now, site->arguments, n))) {
			fprintf(stderr, "the script was compiled for another kernel: arguments of tracepoint %s were%s\n",
				site->path, site->arguments);
			ok = false;
		}
	}
	return ok;
}

bool save_is_one(const char *data, size_t size)
{
	return size >= sizeof(magic) - 1 && memcmp(data, magic, sizeof(magic) - 1) == 0;
}

bool save_read(struct session *s, const char *path, const char *data, size_t size)
{
	struct reader r = {.s = s, .at = data + sizeof(magic) - 1, .end = data + size};
	struct map checked = {0};
	bool changed = false, ok;
	const char *kernel;
	size_t n;

	s->program = ARENA_NEW(&s->arena, struct program);
	get_options(&r);
	n = get_count(&r);
	for (size_t i = 0; i < n && !r.bad; i++) {
		struct handler *h = ARENA_NEW(&s->arena, struct handler);

		h->id = (int)i;
		h->tok = get_token(&r);
		vec_push(&s->program->handlers, &s->arena, h);
	}
	n = get_count(&r);
	for (size_t i = 0; i < n && !r.bad; i++)
		get_probe(&r, s->program, &changed, &checked);
	if (changed)
		return false;
	ok = get_ir(&r);
	kernel = get_text(&r);
	s->fixed_kernel = *kernel != 0;
	if (r.bad || !ok) {
		fprintf(stderr, "Input file '%s' is damaged: it is no compiled script of this version.\n",
			path);
		return false;
	}
	return !*kernel || check_kernel(kernel);
}
