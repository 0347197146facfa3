/* Which handlers share a program.
 *
 * Instances at one place (file, offset, entry or return) run in one program, in script order; all
 * places with the same handlers share that program and differ by the attach cookie, which is the
 * number of their first instance. See builder.h. */
#include "gen/builder.h"

#include <stdlib.h>
#include <string.h>

#include "gen/gen.h"
#include "gen/life.h"
#include "gen/syscall.h"
#include "rt/intrinsic.h"
#include "sema/sema.h"
#include "session.h"

static int by_place(const void *pa, const void *pb)
{
	const struct probe_inst *a = *(const struct probe_inst *const *)pa,
				*b = *(const struct probe_inst *const *)pb;
	const struct probe_site *x = a->site, *y = b->site;
	int c = x->path == y->path ? 0 : strcmp(x->path, y->path);

	if (c)
		return c;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	/* Functions of the kernel may share a name. */
	if (site_is_kfunc(x->kind) && x->vaddr != y->vaddr)
		return x->vaddr < y->vaddr ? -1 : 1;
	return a->id < b->id ? -1 : 1;
}

static bool same_place(const struct probe_inst *a, const struct probe_inst *b)
{
	if (site_is_life(a->site->kind) || site_is_syscall(a->site->kind))
		return a->site->kind == b->site->kind;
	return a->site->kind == b->site->kind && a->site->offset == b->site->offset &&
	       a->site->target_only == b->site->target_only &&
	       (!site_is_kfunc(a->site->kind) || a->site->vaddr == b->site->vaddr) &&
	       strcmp(a->site->path, b->site->path) == 0;
}

static enum gen_attach attach_of(enum site_kind kind)
{
	switch (kind) {
	case SITE_UPROBE:
	case SITE_URETPROBE:
		return GEN_UPROBES;
	case SITE_KFUNC:
	case SITE_KFUNC_RETURN:
		return GEN_KFUNCS;
	case SITE_PERF:
		return GEN_PERF;
	case SITE_NETFILTER:
		return GEN_NETFILTER;
	default:
		return GEN_RAW_TRACEPOINT;
	}
}

/* ------------------------------------------------------------------ programs */

uint32_t handler_of(const struct builder *b, const struct probe_inst *inst)
{
	const struct merged *m = b->merged.by_handler[inst->handler->id];

	return m ? m->first : (uint32_t)inst->handler->id;
}

/* Programs by what they run. */
struct program_key {
	size_t program;
	uint32_t first, n; /* instances whose handlers it runs */
};

static size_t add_place(struct builder *b, struct map *programs, const struct probe_inst **v, uint32_t n)
{
	struct gen_image *img = b->img;
	struct program_key *key;
	struct str name = {0};
	struct gen_site site = {v[0]->site, img->insts.n};

	enum gen_kfunc kfunc = site_is_kfunc(v[0]->site->kind) ? kfunc_way(&b->kfuncs, v, n) : GEN_FENTRY;

	str_addf(&name, "%d %d %d %d", v[0]->site->kind, v[0]->site->target_only, v[0]->site->at_entry,
		 kfunc);
	/* Then the program knows by itself where it runs. */
	if ((v[0]->site->kind == SITE_TRACEPOINT && !b->can.tracepoint_cookies) ||
	    v[0]->site->kind == SITE_NETFILTER)
		str_addf(&name, " %s", v[0]->site->path);
	if (v[0]->site->kind == SITE_TRACEPOINT)
		str_addf(&name, " %llu", (unsigned long long)v[0]->site->offset);
	for (uint32_t k = 0; k < n; k++) {
		const struct probe_site *at = v[k]->site;

		str_addf(&name, " %u/%d %s", handler_of(b, v[k]), v[k]->condition_fn,
			 v[k]->family->probe_type);
		/* The tests of who it is are part of the program. */
		if (site_is_filtered(at))
			str_addf(&name, " %p", (const void *)at);
		else if (at->by_file)
			str_addf(&name, "/%llx:%x", (unsigned long long)at->file.ino, at->file.dev);
		vec_push(&img->insts, &img->arena, v[k]);
	}
	key = map_get(programs, intern(name.s));
	if (!key) {
		struct gen_program p = {.kind = v[0]->site->kind,
					.attach = attach_of(v[0]->site->kind),
					.task_arg = v[0]->site->kind == SITE_TRACEPOINT
							    ? (uint32_t)v[0]->site->offset
							    : 0,
					.kfunc = kfunc};

		key = ARENA_NEW(&img->arena, struct program_key);
		*key = (struct program_key){img->programs.n, (uint32_t)site.cookie, n};
		p.name = arena_printf(&img->arena, "probe_%zu", img->programs.n);
		p.first_inst = (uint32_t)site.cookie;
		p.n_handlers = n;
		vec_push(&img->programs, &img->arena, p);
		map_set(programs, &img->arena, intern(name.s), key);
	}
	vec_push(&img->programs.v[key->program].sites, &img->arena, site);
	str_release(&name);
	return key->program;
}

static int by_script_order(const void *pa, const void *pb)
{
	const struct probe_inst *a = *(const struct probe_inst *const *)pa,
				*b = *(const struct probe_inst *const *)pb;

	return a->id < b->id ? -1 : 1;
}

/* All instances of entries or of returns: sorted by number, those for any number behind. */
static void add_syscalls(struct builder *b, struct map *programs, const struct probe_inst **v, uint32_t n)
{
	struct gen_image *img = b->img;
	enum site_kind kind = v[0]->site->kind;
	const struct probe_inst **place = xmalloc(n * sizeof(*place));
	struct syscall_entry *table = xcalloc(SYSCALL_ENTRIES, sizeof(*table));
	size_t first = img->programs.n, program;
	uint32_t n_any = 0;

	while (n_any < n && v[n - 1 - n_any]->site->offset == SITE_ANY_SYSCALL)
		n_any++;
	if (n_any) {
		program = add_place(b, programs, v + n - n_any, n_any);
		for (uint32_t k = 0; k < SYSCALL_ENTRIES; k++)
			table[k] = (struct syscall_entry){
				(uint32_t)vec_last(&img->programs.v[program].sites).cookie + 1,
				(uint16_t)(program - first), syscall_forks(k)};
	}
	for (uint32_t i = 0, k; i < n - n_any; i = k) {
		uint64_t number = v[i]->site->offset;

		for (k = i + 1; k < n - n_any && v[k]->site->offset == number; k++)
			;
		memcpy(place, v + i, (k - i) * sizeof(*place));
		memcpy(place + k - i, v + n - n_any, n_any * sizeof(*place));
		qsort(place, k - i + n_any, sizeof(*place), by_script_order);
		program = add_place(b, programs, place, k - i + n_any);
		table[number < SYSCALL_NUMBERS ? number : SYSCALL_NUMBERS] = (struct syscall_entry){
			(uint32_t)vec_last(&img->programs.v[program].sites).cookie + 1,
			(uint16_t)(program - first), syscall_forks(number)};
	}
	if (img->programs.n - first > 1) {
		struct gen_map map = {.name = syscall_tracepoint(kind),
				      .type = BPF_MAP_TYPE_PROG_ARRAY,
				      .key_size = 4,
				      .value_size = 4,
				      .max_entries = (uint32_t)(img->programs.n - first),
				      .global = -1};
		struct gen_program p = {.kind = kind, .attach = GEN_RAW_TRACEPOINT, .name = map.name};

		for (size_t i = first; i < img->programs.n; i++) {
			img->programs.v[i].led_by = (uint32_t)img->maps.n;
			img->programs.v[i].slot = (uint32_t)(i - first);
		}
		p.first_inst = img->programs.v[first].first_inst;
		vec_push(&p.sites, &img->arena, img->programs.v[first].sites.v[0]);
		vec_push(&img->programs, &img->arena, p);
		vec_push(&img->maps, &img->arena, map);
	}
	vec_last(&img->programs).tracepoint = syscall_tracepoint(kind);
	b->syscalls[kind == SITE_SYSCALL_RETURN] = builder_bytes(b, table, SYSCALL_ENTRIES * sizeof(*table));
	free(table);
	free(place);
}

/* All instances of a kind of events in the life of processes: a program for each tracepoint. */
static void add_life(struct builder *b, const struct probe_inst **v, uint32_t n)
{
	struct gen_image *img = b->img;
	struct gen_site site = {v[0]->site, img->insts.n};
	const char *tracepoint;

	for (uint32_t k = 0; k < n; k++)
		vec_push(&img->insts, &img->arena, v[k]);
	for (int k = 0; (tracepoint = life_tracepoint(v[0]->site->kind, k)) != NULL; k++) {
		struct gen_program p = {.kind = v[0]->site->kind,
					.attach = GEN_RAW_TRACEPOINT,
					.tracepoint = tracepoint,
					.first_inst = (uint32_t)site.cookie,
					.n_handlers = n};

		p.name = arena_printf(&img->arena, "probe_%zu", img->programs.n);
		vec_push(&p.sites, &img->arena, site);
		vec_push(&img->programs, &img->arena, p);
	}
}

void add_times(struct builder *b)
{
	struct gen_image *img = b->img;
	struct rt_stat_value *none;

	if (!b->s->opt.timing || !img->insts.n)
		return;
	none = arena_alloc(&img->arena, sizeof(*none));
	*none = (struct rt_stat_value)RT_STAT_INIT;
	img->times = (uint32_t)img->maps.n;
	vec_push(&img->maps, &img->arena,
		 ((struct gen_map){.name = "times", .type = BPF_MAP_TYPE_ARRAY, .key_size = 4,
				   .value_size = sizeof(*none), .max_entries = (uint32_t)img->insts.n,
				   .global = -1, .init = none}));
}

void group_places(struct builder *b)
{
	const struct program *p = b->s->program;
	const struct probe_inst **v = xmalloc((p->probes.n + 1) * sizeof(*v));
	struct map programs = {0};
	size_t n = 0;

	for (size_t i = 0; i < p->probes.n; i++) {
		p->probes.v[i]->id = (int)i;
		if (p->probes.v[i]->site)
			v[n++] = p->probes.v[i];
	}
	qsort(v, n, sizeof(*v), by_place);
	for (size_t i = 0, k; i < n; i = k) {
		for (k = i + 1; k < n && same_place(v[i], v[k]); k++)
			;
		if (site_is_life(v[i]->site->kind))
			add_life(b, v + i, (uint32_t)(k - i));
		else if (site_is_syscall(v[i]->site->kind))
			add_syscalls(b, &programs, v + i, (uint32_t)(k - i));
		else
			add_place(b, &programs, v + i, (uint32_t)(k - i));
	}
	free(v);
}

/* What a merged handler takes from the instance, in the constants; 0: nothing. */
static uint32_t add_values(struct builder *b, const struct probe_inst *inst)
{
	const struct merged *m = b->merged.by_handler[inst->handler->id];
	const ir_ref *values = b->merged.values[inst->handler->id];
	struct rt_str padded;
	uint64_t *v;
	uint32_t at;

	if (!m || !m->n_params)
		return 0;
	v = xcalloc(m->n_params, sizeof(*v));
	for (uint32_t k = 0; k < m->n_params; k++) {
		if (IR_KIND(values[k]) == IRK_STR) {
			const struct ir_str *text = &b->m->strs.v[IR_INDEX(values[k])];

			/* Zero up to the longest one, for keys. */
			memset(&padded, 0, sizeof(padded));
			padded.len = text->len < RT_STR_BYTES - 1 ? text->len : RT_STR_BYTES - 1;
			memcpy(padded.s, text->s, padded.len);
			v[k] = builder_bytes(b, &padded, RT_KEY_STR_BYTES(m->widths[k]));
		} else {
			v[k] = (uint64_t)b->m->nums.v[IR_INDEX(values[k])];
		}
	}
	at = builder_bytes(b, v, m->n_params * sizeof(*v));
	free(v);
	return at;
}

void add_instances(struct builder *b, bool texts)
{
	struct gen_image *img = b->img;
	size_t n = img->insts.n;
	struct builder_instance *v = xcalloc(n + 1, sizeof(*v));

	for (size_t i = 0; i < n; i++) {
		const struct probe_inst *inst = img->insts.v[i];

		v[i].vaddr = inst->site->vaddr;
		v[i].params = add_values(b, inst);
		if (!texts)
			continue;
		size_t len;
		const char *function = rt_point_function(inst->name, &len);
		const char *t[3] = {inst->name, inst->alias_name,
				    arena_strndup(&img->arena, function, len)};

		for (int k = 0; k < 3; k++)
			v[i].text[k] = builder_string(b, t[k], (uint32_t)strlen(t[k]));
	}
	b->text_limit = (uint32_t)b->constants.len;
	b->instances = builder_bytes(b, v, n * sizeof(*v));
	b->n_instances = (uint32_t)n;
	free(v);
}
