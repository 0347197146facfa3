/* The image: which handlers share a program, the maps, the constants. See gen.h and emit.h.
 *
 * Instances at one place (file, offset, entry or return) run in one program, in script order; all
 * places with the same handlers share that program and differ by the attach cookie, which is the
 * number of their first instance. */
#include "gen/gen.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "gen/emit.h"
#include "gen/kfunc.h"
#include "gen/life.h"
#include "gen/link.h"
#include "gen/lock.h"
#include "gen/merge.h"
#include "gen/syscall.h"
#include "lang/diag.h"
#include "rt/intrinsic.h"
#include "rt/regex.h"
#include "rt/stat.h"
#include "sema/sema.h"
#include "session.h"

#define SHARED(member) ((uint32_t)offsetof(struct rt_shared, member))
#define FRAME(member) ((int)offsetof(struct rt_frame, member))

enum {
	NO_PREALLOC = 1,	   /* BPF_F_NO_PREALLOC */
	MANY_ENTRIES = 65536,	   /* preallocating more takes too long */
	DEFAULT_RING_MB = 8,
	MAX_TARGETS = 32768,
};

struct builder {
	struct session *s;
	struct ir_module *m;
	struct gen_image *img;
	struct lib *lib;
	struct str constants;
	struct map strings; /* text -> offset in the constants */
	struct map names;   /* function -> offset of its table */
	uint32_t instances, n_instances, text_limit;
	uint32_t key_bytes, value_bytes; /* of the widest table */
	struct gen_features can;
	bool needs_bias;
	struct kfunc_plan kfuncs;
	struct lock_plan locks;
	struct merge_plan merged;
	bool stack_texts;  /* see stack_text.c */
	bool groups;	   /* some handler asks for groups of a match */
	bool tokens;	   /* some handler makes strings whose text is not known there */
	uint32_t places;   /* that a handler needs for its loops over tables, at most */
	uint32_t *regexes; /* where their tables are in the constants, 0: not there yet */
	uint32_t *group_programs; /* likewise */
	uint32_t syscalls[2]; /* where the tables of entries and returns are in the constants */
};

/* ------------------------------------------------------------------ constants */

uint32_t builder_bytes(struct builder *b, const void *p, size_t n)
{
	static const char zero[8];
	uint32_t at = (uint32_t)b->constants.len;

	str_addn(&b->constants, p, n);
	str_addn(&b->constants, zero, -n & 7);
	return at;
}

uint32_t builder_string(struct builder *b, const char *s, uint32_t len)
{
	uint32_t bytes, *slot;
	const char *key;
	struct rt_str *v;

	if (len > RT_STR_BYTES - 1)
		len = RT_STR_BYTES - 1;
	key = intern_n(s, len);
	slot = map_get(&b->strings, key);
	if (!slot) {
		bytes = RT_KEY_STR_BYTES(len);
		v = calloc(1, bytes);
		if (!v)
			die("out of memory");
		v->len = len;
		memcpy(v->s, s, len);
		slot = ARENA_NEW(&b->img->arena, uint32_t);
		*slot = builder_bytes(b, v, bytes);
		map_set(&b->strings, &b->img->arena, key, slot);
		free(v);
	}
	return *slot;
}

bool builder_regex(struct builder *b, uint32_t number, uint32_t *at)
{
	const struct regex *re = b->m->regexes.v[number].compiled;
	uint32_t n = lib_regex_cells(re);
	struct rt_regex *v;

	if (!n)
		return false;
	if (!b->regexes)
		b->regexes = ARENA_ARRAY(&b->img->arena, uint32_t, b->m->regexes.n);
	if (!b->regexes[number]) {
		v = xcalloc(1, sizeof(*v));
		lib_regex_table(v, re);
		b->regexes[number] = builder_bytes(b, v, offsetof(struct rt_regex, cells) + n * 2);
		free(v);
	}
	*at = b->regexes[number];
	return true;
}

bool builder_group_program(struct builder *b, uint32_t number, uint32_t *at)
{
	struct rt_group_program *v;
	uint32_t n;

	if (!b->group_programs)
		b->group_programs = ARENA_ARRAY(&b->img->arena, uint32_t, b->m->regexes.n);
	if (!b->group_programs[number]) {
		v = xcalloc(1, sizeof(*v));
		n = lib_group_program(v, b->m->regexes.v[number].compiled);
		if (n)
			b->group_programs[number] =
				builder_bytes(b, v, offsetof(struct rt_group_program, cells) + n * 8);
		free(v);
	}
	*at = b->group_programs[number];
	return *at != 0;
}

bool builder_groups(const struct builder *b)
{
	return b->groups;
}

uint32_t *builder_names(struct builder *b, const char *function)
{
	uint32_t *at = map_get(&b->names, intern(function));

	if (!at) {
		at = ARENA_NEW(&b->img->arena, uint32_t);
		map_set(&b->names, &b->img->arena, intern(function), at);
	}
	return at;
}

uint32_t builder_instances(const struct builder *b, uint32_t *table, uint32_t *n)
{
	*table = b->instances;
	*n = b->n_instances;
	return b->text_limit;
}

const struct gen_global *builder_global(const struct builder *b, uint32_t global)
{
	return &b->img->globals[global];
}

bool builder_tokens(const struct builder *b)
{
	return b->tokens;
}

bool builder_stack_texts(const struct builder *b)
{
	return b->stack_texts;
}

uint32_t builder_places(struct builder *b)
{
	struct gen_map map = {.name = "places",
			      .type = BPF_MAP_TYPE_ARRAY,
			      .key_size = 4,
			      .value_size = sizeof(struct rt_place),
			      .global = -1};

	if (!b->img->places_map) {
		b->img->places_map = (uint32_t)b->img->maps.n;
		vec_push(&b->img->maps, &b->img->arena, map);
	}
	return b->img->places_map;
}

bool lib_has(const struct builder *b, const char *function)
{
	return lib_function(b->lib, function) >= 0;
}

/* ------------------------------------------------------------------ what is used */

struct reach {
	const struct ir_module *m;
	bool *fns, *globals;
	bool user_memory, texts, tokens, groups, bias;
};

static void reach_fn(struct reach *r, uint32_t fn)
{
	static const char *const texts[] = {"pp", "pn", "ppfunc"};
	static const char *const tokens[] = {"sym", "usym", "umod", "backtrace",
					     "ubacktrace", "sprint_", "caller", "stack", "ustack"};
	const struct ir_fn *f = r->m->fns.v[fn];

	if (r->fns[fn])
		return;
	r->fns[fn] = true;
	for (size_t b = 0; b < f->blocks.n; b++)
		for (size_t k = 0; k < f->blocks.v[b].ins.n; k++) {
			const struct ir_ins *i = &f->blocks.v[b].ins.v[k];

			for (unsigned a = 0; a < i->n_args; a++) {
				ir_ref x = f->args.v[i->first_arg + a];

				if (IR_KIND(x) == IRK_FN)
					reach_fn(r, IR_INDEX(x));
				else if (IR_KIND(x) == IRK_GLOBAL)
					r->globals[IR_INDEX(x)] = true;
			}
			if (i->op == IR_UREAD)
				r->user_memory = true;
			if (i->op == IR_CTXBIAS)
				r->bias = true;
			if (i->op != IR_RT)
				continue;
			const char *name = intrinsic_by_number(i->imm)->name;

			if (strncmp(name, "user_", 5) == 0 && strcmp(name, "user_mode") != 0)
				r->user_memory = true;
			r->groups |= strcmp(name, "matched") == 0 || strcmp(name, "matched_str") == 0 ||
				     strcmp(name, "ngroups") == 0;
			for (size_t t = 0; t < sizeof(tokens) / sizeof(tokens[0]); t++)
				r->tokens |= strncmp(name, tokens[t], strlen(tokens[t])) == 0;
			for (size_t t = 0; t < sizeof(texts) / sizeof(texts[0]); t++)
				r->texts |= strcmp(name, texts[t]) == 0;
		}
}

static void find_used(struct builder *b, struct reach *r)
{
	const struct program *p = b->s->program;

	*r = (struct reach){.m = b->m};
	r->fns = ARENA_ARRAY(&b->img->arena, bool, b->m->fns.n + 1);
	r->globals = ARENA_ARRAY(&b->img->arena, bool, b->m->globals.n + 1);
	for (size_t i = 0; i < p->probes.n; i++) {
		const struct probe_inst *inst = p->probes.v[i];

		if (!inst->site)
			continue;
		reach_fn(r, (uint32_t)inst->handler->id);
		if (inst->condition_fn >= 0)
			reach_fn(r, (uint32_t)inst->condition_fn);
	}
}

/* ------------------------------------------------------------------ maps */

static uint32_t stat_bytes(const struct ir_global *g)
{
	return (uint32_t)sizeof(struct rt_stat_value) + 8 * (uint32_t)rt_stat_buckets(&g->stat);
}

static uint32_t value_bytes(const struct ir_global *g)
{
	if (g->type == TY_STRING)
		return 8 + RT_KEY_STR_BYTES(lib_str_width(g->width));
	return g->type == TY_STATS ? stat_bytes(g) : (uint32_t)sizeof(struct rt_long_value);
}

static void add_table(struct builder *b, uint32_t number)
{
	const struct ir_global *g = &b->m->globals.v[number];
	struct gen_map map = {.name = g->name,
			      .type = BPF_MAP_TYPE_HASH,
			      .value_size = value_bytes(g),
			      .max_entries = (uint32_t)g->max_entries,
			      .global = (int)number};

	for (int k = 0; k < g->n_keys; k++)
		map.key_size += g->key_type[k] == TY_STRING
					? RT_KEY_STR_BYTES(lib_str_width(g->key_width[k]))
					: 8;
	if (map.max_entries > MANY_ENTRIES)
		map.flags = NO_PREALLOC;
	if (map.key_size > b->key_bytes)
		b->key_bytes = map.key_size;
	if (map.value_size > b->value_bytes)
		b->value_bytes = map.value_size;
	b->img->globals[number].map = (int)b->img->maps.n;
	vec_push(&b->img->maps, &b->img->arena, map);
}

/* Scalars lie in the shared map, with their first values. */
static void add_scalar(struct builder *b, struct str *shared, uint32_t number)
{
	static const struct rt_stat_value empty = RT_STAT_INIT;
	const struct ir_global *g = &b->m->globals.v[number];
	uint32_t bytes = g->type == TY_STRING ? RT_KEY_STR_BYTES(lib_str_width(g->width))
			 : g->type == TY_STATS ? stat_bytes(g)
					       : 8;
	char *at;

	b->img->globals[number].map = -1;
	b->img->globals[number].offset = (uint32_t)shared->len;
	at = str_room(shared, bytes);
	memset(at, 0, bytes);
	shared->len += bytes;
	if (g->type == TY_STRING) {
		struct rt_str *v = (struct rt_str *)(void *)at;

		v->len = g->init_len < lib_str_width(g->width) ? g->init_len : lib_str_width(g->width);
		if (v->len)
			memcpy(v->s, g->init_str, v->len);
	} else if (g->type == TY_STATS) {
		memcpy(at, &empty, sizeof(empty));
	} else {
		memcpy(at, &g->init_num, sizeof(g->init_num));
	}
}

static void add_maps(struct builder *b, const struct reach *r)
{
	struct gen_image *img = b->img;
	struct gen_map fixed[GEN_MAP_FIXED] = {
		[GEN_MAP_SHARED] = {"shared", BPF_MAP_TYPE_ARRAY, 4, 0, 1, BPF_F_MMAPABLE, -1, NULL,
				    true, false},
		[GEN_MAP_FRAMES] = {"frames", BPF_MAP_TYPE_ARRAY, 4, 0, RT_FRAMES_PER_CPU, 0, -1, NULL,
				    false, true},
		[GEN_MAP_RING] = {"ring", BPF_MAP_TYPE_RINGBUF, 0, 0, 0, 0, -1, NULL, false, false},
		[GEN_MAP_CONST] = {"constants", BPF_MAP_TYPE_ARRAY, 4, 0, 1, 0, -1, NULL, false,
				   false},
		[GEN_MAP_TARGETS] = {"targets", BPF_MAP_TYPE_HASH, 4, 4, MAX_TARGETS, NO_PREALLOC, -1,
				     NULL, false, false},
	};
	uint32_t ring = (uint32_t)(b->s->opt.buffer_mb ? b->s->opt.buffer_mb : DEFAULT_RING_MB) << 20;
	struct rt_shared start = {0};
	struct str shared = {0};

	while (ring & (ring - 1))
		ring += ring & -ring; /* a power of two */
	fixed[GEN_MAP_RING].max_entries = ring;
	for (int i = 0; i < GEN_MAP_FIXED; i++)
		vec_push(&img->maps, &img->arena, fixed[i]);
	img->globals = ARENA_ARRAY(&img->arena, struct gen_global, b->m->globals.n + 1);
	str_addn(&shared, (const char *)&start, sizeof(start));
	for (uint32_t i = 0; i < b->m->globals.n; i++) {
		img->globals[i] = (struct gen_global){.shared = r->globals[i], .map = -1, .lock = -1};
		if (!r->globals[i])
			continue;
		if (b->m->globals.v[i].n_keys)
			add_table(b, i);
		else
			add_scalar(b, &shared, i);
	}
	for (uint32_t i = 0; i < b->m->globals.n; i++) {
		struct rt_lock lock = {0};

		if (!r->globals[i] || !b->locks.locked[i])
			continue;
		img->globals[i].lock = (int)shared.len;
		str_addn(&shared, (const char *)&lock, sizeof(lock));
	}
	img->maps.v[GEN_MAP_SHARED].value_size = ((uint32_t)shared.len + RT_FRAME_SLACK + 7) & ~7u;
	img->maps.v[GEN_MAP_SHARED].init = memcpy(
		arena_alloc(&img->arena, img->maps.v[GEN_MAP_SHARED].value_size), shared.s, shared.len);
	str_release(&shared);
}

/* ------------------------------------------------------------------ places and programs */

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
	default:
		return GEN_RAW_TRACEPOINT;
	}
}

/* ------------------------------------------------------------------ programs */

/* The handler that stands for an instance's: its own, or the first of those that it is merged with. */
static uint32_t handler_of(const struct builder *b, const struct probe_inst *inst)
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
	if (v[0]->site->kind == SITE_TRACEPOINT && !b->can.tracepoint_cookies)
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

static void add_times(struct builder *b)
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

static void group_places(struct builder *b)
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

static void add_instances(struct builder *b, bool texts)
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

/* ------------------------------------------------------------------ one program */

static void only_targets(struct code *c, int leave)
{
	code_helper(c, BPF_FUNC_get_current_pid_tgid);
	code_alu_imm(c, BPF_RSH, R0, 32);
	code_store(c, BPF_W, R10, -4, R0);
	code_map(c, R1, GEN_MAP_TARGETS);
	code_mov(c, R2, R10);
	code_alu_imm(c, BPF_ADD, R2, -4);
	code_helper(c, BPF_FUNC_map_lookup_elem);
	code_jump_if_imm(c, BPF_JEQ, R0, 0, leave);
}

void emit_count_skipped(struct code *c, uint32_t counter, int skip)
{
	code_map_value(c, R1, GEN_MAP_SHARED, counter);
	code_imm(c, R2, 1);
	code_atomic(c, BPF_DW, BPF_ADD, R1, 0, R2);
	code_jump(c, skip);
}

/* R7 = a free frame of this CPU, marked busy. */
static void take_frame(struct code *c, int leave)
{
	int got = code_label(c);

	code_helper(c, BPF_FUNC_get_smp_processor_id);
	code_mov(c, R8, R0);
	code_alu_imm(c, BPF_MUL, R8, RT_FRAMES_PER_CPU);
	for (int k = 0; k < RT_FRAMES_PER_CPU; k++) {
		int taken = code_label(c);

		code_store(c, BPF_W, R10, -4, R8);
		code_map(c, R1, GEN_MAP_FRAMES);
		code_mov(c, R2, R10);
		code_alu_imm(c, BPF_ADD, R2, -4);
		code_helper(c, BPF_FUNC_map_lookup_elem);
		code_jump_if_imm(c, BPF_JEQ, R0, 0, leave);
		code_mov(c, R7, R0);
		code_imm(c, R1, 1);
		code_atomic(c, BPF_W, BPF_XCHG, R7, FRAME(busy), R1);
		code_jump_if_imm(c, BPF_JNE, R1, 0, taken);
		code_jump(c, got);
		code_place(c, taken);
		code_alu_imm(c, BPF_ADD, R8, 1);
	}
	emit_count_skipped(c, SHARED(skipped_busy), leave);
	code_place(c, got);
}

static struct emit new_emit(struct builder *b, const struct gen_program *p, struct parts *parts)
{
	struct emit e = {.s = b->s,
			 .m = b->m,
			 .img = b->img,
			 .b = b,
			 .parts = parts,
			 .handler_block = -1,
			 .sleepable = p->sleepable,
			 .is_return = p->kind == SITE_URETPROBE || p->kind == SITE_KFUNC_RETURN,
			 .kind = p->kind,
			 .attach = p->attach,
			 .kfunc = p->kfunc,
			 .probe_type = b->img->insts.v[p->first_inst]->family->probe_type,
			 .at_entry = p->sites.v[0].site->at_entry,
			 .uprobe_func_ip = b->can.uprobe_func_ip,
			 .forked = gen_is_fork(p) || p->task_arg,
			 /* A new task's memory is a copy of its parent's. */
			 .apart = p->task_arg &&
				  strcmp(p->sites.v[0].site->path, "sched_process_fork") != 0,
			 .exiting = p->tracepoint && strcmp(p->tracepoint, "sched_process_exit") == 0};
	uint32_t at = (sizeof(struct rt_frame) + 7) & ~7u;

	e.key_at = at + (uint32_t)sizeof(struct rt_item_add);
	e.value_at = e.key_at + b->key_bytes;
	e.spare_at = e.value_at + b->value_bytes;
	e.groups_at = e.spare_at + RT_KEY_STR_BYTES(RT_STR_BYTES - 1);
	e.frame_at = e.frame_max = e.groups_at + (b->groups ? (uint32_t)sizeof(struct rt_groups) : 0);
	return e;
}

/* frame->inst, frame->bias. */
static void find_instance(struct builder *b, struct code *c, const struct gen_program *p,
			  struct parts *parts)
{
	int unknown = code_label(c);
	struct emit e;

	if (site_is_syscall(p->kind)) {
		code_mov(c, R0, R9);
	} else if (p->sites.n == 1 && p->sites.v[0].cookie <= INT32_MAX) {
		code_imm(c, R0, (int64_t)p->sites.v[0].cookie);
	} else {
		code_mov(c, R1, R6);
		code_helper(c, BPF_FUNC_get_attach_cookie);
	}
	code_store(c, BPF_W, R7, FRAME(inst), R0);
	if (!b->needs_bias || p->attach != GEN_UPROBES)
		return;
	code_jump_if_imm(c, BPF_JGE, R0, (int32_t)b->n_instances, unknown);
	code_mov(c, R9, R0);
	code_alu_imm(c, BPF_MUL, R9, sizeof(struct builder_instance));
	code_map_value(c, R1, GEN_MAP_CONST, b->instances);
	code_alu(c, BPF_ADD, R1, R9);
	code_load(c, BPF_DW, R8, R1, (int)offsetof(struct builder_instance, vaddr));
	if (p->kind == SITE_URETPROBE) {
		e = new_emit(b, p, parts);
		e.c = c;
		emit_returning_function(&e);
	} else {
		code_load(c, BPF_DW, R0, R6, 128);
	}
	code_alu(c, BPF_SUB, R0, R8);
	code_store(c, BPF_DW, R7, FRAME(bias), R0);
	code_place(c, unknown);
}

/* The condition of a probe point: false, and the handler is passed by. */
static void check_condition(struct emit *e, struct code *c, int fn, int skip)
{
	struct loc result = {LOC_SLOT, emit_take(e, 8), 0};

	emit_handler(e, e->m->fns.v[fn], c, result);
	code_load(c, BPF_DW, R1, R7, (int)result.at);
	code_jump_if_imm(c, BPF_JEQ, R1, 0, skip);
}

/* Has the function, or one that it calls, a loop over a table? */
static bool has_foreach(const struct ir_module *m, uint32_t fn)
{
	for (uint32_t n = 0; n < m->fns.n; n++) {
		const struct ir_fn *f = m->fns.v[n];

		if (n != fn && !ir_calls(m, fn, n))
			continue;
		for (size_t b = 0; b < f->blocks.n; b++)
			for (size_t k = 0; k < f->blocks.v[b].ins.n; k++)
				if (f->blocks.v[b].ins.v[k].op == IR_FOREACH)
					return true;
	}
	return false;
}

/* A region of the map of places for a handler; without one it is skipped. */
static void take_places(struct builder *b, struct code *c, int skip)
{
	int taken = code_label(c);

	code_map(c, R1, builder_places(b));
	code_mov(c, R2, R7);
	code_map_value(c, R3, GEN_MAP_SHARED, 0);
	code_library(c, "rt_take_places");
	code_jump_if_imm(c, BPF_JNE, R0, 0, taken);
	emit_count_skipped(c, SHARED(skipped_busy), skip);
	code_place(c, taken);
}

static void drop_places(struct builder *b, struct code *c)
{
	code_map(c, R1, builder_places(b));
	code_mov(c, R2, R7);
	code_library(c, "rt_drop_places");
}

/* How many places there are, now that all handlers have been seen. */
static void size_places(struct builder *b)
{
	enum { SMALL = 64 << 10, LARGE = 1 << 20, AT_MOST = 4 };
	struct rt_shared *shared = (void *)(uintptr_t)b->img->maps.v[GEN_MAP_SHARED].init;
	struct gen_map *map = &b->img->maps.v[b->img->places_map];
	uint64_t bytes = (b->places + 1ull) * sizeof(struct rt_place);

	if (!b->img->places_map)
		return;
	map->per_cpu = bytes <= LARGE;
	shared->region_places = b->places + 1;
	shared->regions = bytes <= SMALL || !map->per_cpu ? AT_MOST : 2;
	shared->regions_per_cpu = map->per_cpu ? shared->regions : 0;
	map->max_entries = shared->regions * (b->places + 1);
}

/* -t: how long the handler of an instance ran. */
static void start_clock(struct builder *b, struct code *c)
{
	if (!b->img->times)
		return;
	code_helper(c, BPF_FUNC_ktime_get_ns);
	code_store(c, BPF_DW, R7, FRAME(started), R0);
}

static void stop_clock(struct builder *b, struct code *c)
{
	int none = code_label(c);

	if (!b->img->times)
		return;
	code_load(c, BPF_W, R1, R7, FRAME(inst));
	code_store(c, BPF_W, R10, -4, R1);
	code_map(c, R1, b->img->times);
	code_mov(c, R2, R10);
	code_alu_imm(c, BPF_ADD, R2, -4);
	code_helper(c, BPF_FUNC_map_lookup_elem);
	code_jump_if_imm(c, BPF_JEQ, R0, 0, none);
	code_mov(c, R8, R0);
	code_helper(c, BPF_FUNC_ktime_get_ns);
	code_mov(c, R1, R8);
	code_mov(c, R2, R0);
	code_load(c, BPF_DW, R3, R7, FRAME(started));
	code_alu(c, BPF_SUB, R2, R3);
	code_library(c, "rt_stat_add_variance");
	code_place(c, none);
}

/* Overload protection: one of so many hits is measured, each sample of perf events is. */
static uint64_t weight_of(const struct gen_program *p)
{
	return p->attach == GEN_PERF ? 1 : 64;
}

static bool watches_overload(const struct builder *b)
{
	return !b->s->opt.no_overload && !b->s->opt.suppress_time_limits;
}

static void start_measuring(struct builder *b, struct code *c, const struct gen_program *p)
{
	int other = code_label(c), measured = code_label(c);

	if (!watches_overload(b))
		return;
	if (weight_of(p) > 1) {
		code_load(c, BPF_DW, R1, R7, FRAME(hits));
		code_alu_imm(c, BPF_ADD, R1, 1);
		code_store(c, BPF_DW, R7, FRAME(hits), R1);
		code_store_imm(c, BPF_DW, R7, FRAME(measured_at), 0);
		code_load(c, BPF_DW, R2, R7, FRAME(closely));
		code_jump_if_imm(c, BPF_JNE, R2, 0, measured);
		code_alu_imm(c, BPF_AND, R1, (int32_t)weight_of(p) - 1);
		code_jump_if_imm(c, BPF_JNE, R1, 0, other);
	}
	code_place(c, measured);
	code_helper(c, BPF_FUNC_ktime_get_ns);
	code_store(c, BPF_DW, R7, FRAME(measured_at), R0);
	code_place(c, other);
}

static void stop_measuring(struct builder *b, struct code *c, const struct gen_program *p)
{
	int other = code_label(c);

	if (!watches_overload(b))
		return;
	code_load(c, BPF_DW, R1, R7, FRAME(measured_at));
	code_jump_if_imm(c, BPF_JEQ, R1, 0, other);
	code_mov(c, R1, R7);
	code_map_value(c, R2, GEN_MAP_SHARED, 0);
	code_imm(c, R3, (int64_t)weight_of(p));
	code_library(c, "rt_overload");
	code_place(c, other);
}

/* Is it for processes of some programs only? */
static bool asks_file(const struct builder *b, const struct gen_program *p)
{
	for (uint32_t k = 0; k < p->n_handlers; k++)
		if (b->img->insts.v[p->first_inst + k]->site->by_file)
			return true;
	return false;
}

/* Does the program need to know whose event it is? */
static bool wants_task(const struct builder *b, const struct gen_program *p)
{
	bool wanted = site_is_life(p->kind);

	for (uint32_t k = 0; k < p->n_handlers; k++)
		wanted |= site_is_filtered(b->img->insts.v[p->first_inst + k]->site);
	return wanted;
}

/* R9 = the cookie of a system call. True: that is all, other programs run the handlers. */
static bool emit_syscall(struct builder *b, const struct gen_program *p, struct parts *parts, int leave)
{
	struct emit e = new_emit(b, p, parts);

	e.c = &parts->main;
	syscall_find(&e, b->syscalls[p->kind == SITE_SYSCALL_RETURN], p->led_by == 0, leave);
	if (p->n_handlers)
		return false;
	syscall_dispatch(&e, b->img->programs.v[p - b->img->programs.v - 1].led_by);
	code_place(e.c, leave);
	code_imm(e.c, R0, 0);
	code_exit(e.c);
	return true;
}

/* The constants of a merged handler: numbers go to slots of the frame, and where texts are. */
static void emit_values(struct emit *e, const struct merged *m, int skip)
{
	struct loc *v = ARENA_ARRAY(e->c->arena, struct loc, m->n_params + 1);
	const ir_ref *values = e->b->merged.values[m->first];
	uint32_t table, n, limit = builder_instances(e->b, &table, &n);

	e->params = v;
	if (!m->n_params)
		return;
	code_load(e->c, BPF_W, R2, R7, FRAME(inst));
	code_jump_if_imm(e->c, BPF_JGE, R2, (int32_t)n, skip);
	code_alu_imm(e->c, BPF_MUL, R2, sizeof(struct builder_instance));
	code_map_value(e->c, R3, GEN_MAP_CONST, table);
	code_alu(e->c, BPF_ADD, R3, R2);
	code_load(e->c, BPF_W, R2, R3, (int)offsetof(struct builder_instance, params));
	code_jump_if_imm(e->c, BPF_JGT, R2, (int32_t)limit, skip);
	code_map_value(e->c, R3, GEN_MAP_CONST, 0);
	code_alu(e->c, BPF_ADD, R3, R2);
	for (uint32_t k = 0; k < m->n_params; k++) {
		bool text = IR_KIND(values[k]) == IRK_STR;

		v[k] = (struct loc){text ? LOC_PARAM : LOC_SLOT, emit_take(e, 8), m->widths[k]};
		code_load(e->c, BPF_DW, R1, R3, 8 * (int)k);
		code_store(e->c, BPF_DW, R7, (int)v[k].at, R1);
	}
}

/* For the emitter, a handler is one of the module: a merged one takes the place of its first. */
static void emit_merged(struct emit *e, const struct merged *m, uint32_t fn)
{
	struct ir_fn *own = e->m->fns.v[fn];

	if (m)
		e->m->fns.v[fn] = m->fn;
	emit_handler(e, e->m->fns.v[fn], e->c, (struct loc){0});
	e->m->fns.v[fn] = own;
}

static bool emit_program(struct builder *b, const struct gen_program *p, struct parts *parts)
{
	struct code *c = &parts->main;
	int leave = code_label(c), done = code_label(c), registers = code_label(c),
	    begin = code_label(c);
	const struct options *opt = &b->s->opt;

	code_mov(c, R6, R1);
	if (p->attach == GEN_UPROBES && p->sites.v[0].site->target_only && (opt->command || opt->target_pid))
		only_targets(c, leave);
	if (site_is_syscall(p->kind) && emit_syscall(b, p, parts, leave))
		return true;
	code_map_value(c, R1, GEN_MAP_SHARED, SHARED(stopping));
	code_load(c, BPF_W, R2, R1, 0);
	code_jump_if_imm(c, BPF_JNE, R2, 0, leave);
	take_frame(c, leave);
	start_measuring(b, c, p);
	code_store_imm(c, BPF_W, R7, FRAME(error), 0);
	code_store_imm(c, BPF_W, R7, FRAME(out_used), sizeof(struct rt_record));
	find_instance(b, c, p, parts);
	if (wants_task(b, p)) {
		struct emit e = new_emit(b, p, parts);

		e.c = c;
		life_begin(&e, done);
		if (e.failed)
			return false;
	} else if (p->attach == GEN_UPROBES && asks_file(b, p)) {
		struct emit e = new_emit(b, p, parts);

		e.c = c;
		life_executable(&e);
		if (e.failed)
			return false;
	}
	if (p->task_arg) {
		struct emit e = new_emit(b, p, parts);

		e.c = c;
		life_argument(&e, p->task_arg);
		if (e.failed)
			return false;
	}
	if (p->attach != GEN_UPROBES)
		code_jump(c, registers);
	code_place(c, begin);
	for (uint32_t k = 0; k < p->n_handlers; k++) {
		const struct probe_inst *inst = b->img->insts.v[p->first_inst + k];
		struct emit e = new_emit(b, p, parts);
		const struct merged *merged = b->merged.by_handler[inst->handler->id];
		uint32_t fn = handler_of(b, inst);
		bool places = has_foreach(b->m, fn) ||
			      (inst->condition_fn >= 0 && has_foreach(b->m, (uint32_t)inst->condition_fn));
		int skip = code_label(c), stay = code_label(c), unlock = code_label(c);

		e.probe_type = inst->family->probe_type;
		if (p->kind == SITE_SYSCALL_RETURN && strcmp(e.probe_type, "kprobe") == 0) {
			e.is_return = true;
			e.probe_type = "kretprobe";
		}
		if (k) {
			code_load(c, BPF_W, R1, R7, FRAME(inst));
			code_alu_imm(c, BPF_ADD, R1, 1);
			code_store(c, BPF_W, R7, FRAME(inst), R1);
			/* exit() or an error in the one before. */
			code_map_value(c, R1, GEN_MAP_SHARED, SHARED(stopping));
			code_load(c, BPF_W, R2, R1, 0);
			code_jump_if_imm(c, BPF_JNE, R2, 0, done);
		}
		code_store_imm(c, BPF_W, R7, FRAME(actions), 0);
		code_store_imm(c, BPF_W, R7, FRAME(token_pos), 0);
		code_store_imm(c, BPF_DW, R7, FRAME(token_text), 0);
		if (b->groups)
			code_store_imm(c, BPF_W, R7,
				       (int)(e.groups_at + offsetof(struct rt_groups, n_groups)), 0);
		if (wants_task(b, p) || (inst->site->by_file && p->attach != GEN_UPROBES)) {
			e.c = c;
			life_filter(&e, inst, skip);
		} else if (inst->site->by_file) {
			e.c = c;
			life_filter_file(&e, inst, skip);
		}
		if (places)
			take_places(b, c, skip);
		if (inst->condition_fn >= 0)
			check_condition(&e, c, inst->condition_fn, stay);
		e.c = c;
		emit_take_locks(&e, &b->locks, fn, stay);
		start_clock(b, c);
		if (merged)
			emit_values(&e, merged, unlock);
		emit_merged(&e, merged, fn);
		stop_clock(b, c);
		code_place(c, unlock);
		emit_drop_locks(&e, &b->locks, fn);
		emit_flush(&e, false);
		code_place(c, stay);
		if (places)
			drop_places(b, c);
		code_place(c, skip);
		if (e.places > b->places)
			b->places = e.places;
		if (e.frame_max > b->img->frame_size)
			b->img->frame_size = e.frame_max;
		if (e.failed)
			return false;
	}
	code_place(c, done);
	stop_measuring(b, c, p);
	code_store_imm(c, BPF_W, R7, FRAME(busy), 0);
	code_place(c, leave);
	code_imm(c, R0, 0);
	code_exit(c);
	/* Known only now that all handlers have been seen. */
	if (p->attach != GEN_UPROBES) {
		struct emit e = new_emit(b, p, parts);

		e.c = c;
		code_place(c, registers);
		if (parts->registers)
			emit_copy_registers(&e);
		if (p->attach == GEN_PERF && asks_file(b, p))
			life_executable(&e);
		code_jump(c, begin);
		return !e.failed;
	}
	return true;
}

static bool build_programs(struct builder *b, const struct reach *r)
{
	for (size_t i = 0; i < b->img->programs.n; i++) {
		struct gen_program *p = &b->img->programs.v[i];
		struct arena scratch = {0};
		struct parts parts = {.arena = &scratch};
		bool ok;

		p->sleepable = r->user_memory && b->can.sleepable && p->attach == GEN_UPROBES;
		code_init(&parts.main, &scratch);
		ok = emit_program(b, p, &parts);
		if (ok && !parts_join(&parts, b->lib, &b->img->arena, p)) {
			sem_error(b->s, b->img->insts.v[p->first_inst]->handler->tok, NULL,
				  "this handler is too large for the kernel");
			ok = false;
		}
		arena_release(&scratch);
		if (!ok)
			return false;
	}
	return true;
}

/* ------------------------------------------------------------------ all */

bool gen_needed(const struct session *s)
{
	for (size_t i = 0; i < s->program->probes.n; i++)
		if (s->program->probes.v[i]->site)
			return true;
	return false;
}

bool gen_has_kfuncs(const struct session *s)
{
	for (size_t i = 0; i < s->program->probes.n; i++)
		if (s->program->probes.v[i]->site && site_is_kfunc(s->program->probes.v[i]->site->kind))
			return true;
	return false;
}

bool gen_build(struct session *s, const struct gen_features *can)
{
	struct gen_image *img = xcalloc(1, sizeof(*img));
	struct builder b = {.s = s, .m = s->ir, .img = img, .can = *can};
	struct reach r;
	bool ok;

	s->image = img;
	if (s->ir->max_string > RT_STR_BYTES - 1) {
		sem_error(s, NULL, NULL, "MAXSTRINGLEN above %d is not possible for probes in the kernel",
			  RT_STR_BYTES);
		return false;
	}
	b.lib = lib_open();
	str_addn(&b.constants, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16); /* the empty string at 0 */
	find_used(&b, &r);
	b.needs_bias = r.bias;
	b.groups = r.groups;
	b.tokens = r.tokens;
	b.stack_texts = r.tokens && stack_text_needed(b.m, r.fns);
	lock_plan_make(&b.locks, &img->arena, s);
	merge_plan_make(&b.merged, &img->arena, s);
	add_maps(&b, &r);
	kfunc_plan_make(&b.kfuncs, s, &b.can);
	group_places(&b);
	add_times(&b);
	add_instances(&b, r.texts);
	ok = build_programs(&b, &r);
	size_places(&b);
	img->frame_size += RT_FRAME_SLACK;
	img->frame_size = (img->frame_size + 7) & ~7u;
	img->maps.v[GEN_MAP_FRAMES].value_size = img->frame_size;
	img->maps.v[GEN_MAP_CONST].value_size =
		((uint32_t)b.constants.len +
		 (b.regexes ? (uint32_t)sizeof(struct rt_regex) : RT_FRAME_SLACK) + 7) & ~7u;
	img->maps.v[GEN_MAP_CONST].init =
		memcpy(arena_alloc(&img->arena, img->maps.v[GEN_MAP_CONST].value_size), b.constants.s,
		       b.constants.len);
	str_release(&b.constants);
	{
		uint32_t size;
		const void *btf = lib_btf(b.lib, &size);

		img->btf = memcpy(arena_alloc(&img->arena, size), btf, size);
		img->btf_size = size;
	}
	lib_close(b.lib);
	return ok;
}

void gen_free(struct gen_image *img)
{
	if (!img)
		return;
	arena_release(&img->arena);
	free(img);
}
