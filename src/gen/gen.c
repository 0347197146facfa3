/* The image: what handlers use, the maps, and the order in which the parts are made. See gen.h, builder.h
 * and emit.h. */
#include "gen/gen.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "gen/builder.h"
#include "gen/counter.h"
#include "gen/link.h"
#include "lang/diag.h"
#include "rt/intrinsic.h"
#include "rt/stat.h"
#include "sema/sema.h"
#include "session.h"

enum {
	NO_PREALLOC = 1,	   /* BPF_F_NO_PREALLOC */
	MANY_ENTRIES = 65536,	   /* preallocating more takes too long */
	DEFAULT_RING_MB = 8,
	SILENT_RING_MB = 1, /* nothing is printed but errors: making a large one takes time */
	MAX_TARGETS = 32768,
};

/* ------------------------------------------------------------------ what is used */

struct reach {
	const struct ir_module *m;
	bool *fns, *globals;
	bool user_memory, texts, tokens, groups, bias, counters, prints;
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
			if (i->op == IR_PRINT || i->op == IR_PRINTH)
				r->prints = true;
			if (i->op != IR_RT)
				continue;
			const char *name = intrinsic_by_number(i->imm)->name;

			if ((strncmp(name, "user_", 5) == 0 && strcmp(name, "user_mode") != 0) ||
			    strcmp(name, "memory_bytes") == 0)
				r->user_memory = true;
			r->groups |= strcmp(name, "matched") == 0 || strcmp(name, "matched_str") == 0 ||
				     strcmp(name, "ngroups") == 0;
			r->counters |= strcmp(name, "perf_counter") == 0;
			r->prints |= strncmp(name, "print_", 6) == 0 || strcmp(name, "log") == 0 ||
				     strcmp(name, "warn") == 0 || strcmp(name, "system") == 0;
			for (size_t t = 0; t < sizeof(tokens) / sizeof(tokens[0]); t++)
				r->tokens |= strncmp(name, tokens[t], strlen(tokens[t])) == 0;
			for (size_t t = 0; t < sizeof(texts) / sizeof(texts[0]); t++)
				r->texts |= strcmp(name, texts[t]) == 0;
		}
}

/* By handlers in the kernel, or those in the stap process. */
static void find_used(struct builder *b, struct reach *r, bool in_kernel)
{
	const struct program *p = b->s->program;

	*r = (struct reach){.m = b->m};
	r->fns = ARENA_ARRAY(&b->img->arena, bool, b->m->fns.n + 1);
	r->globals = ARENA_ARRAY(&b->img->arena, bool, b->m->globals.n + 1);
	for (size_t i = 0; i < p->probes.n; i++) {
		const struct probe_inst *inst = p->probes.v[i];

		if (!inst->site == in_kernel)
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
	const struct ir_global *g = b->img->globals[number].desc;
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

static void add_maps(struct builder *b, const struct reach *r, const bool *there)
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
	uint32_t ring = (uint32_t)(b->s->opt.buffer_mb ? b->s->opt.buffer_mb :
				   r->prints	       ? DEFAULT_RING_MB :
							 SILENT_RING_MB) << 20;
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
		img->globals[i] = (struct gen_global){.desc = &b->m->globals.v[i], .shared = r->globals[i],
						      .map = -1, .lock = -1};
		if (!r->globals[i])
			continue;
		if (b->m->globals.v[i].n_keys) {
			img->globals[i].desc = token_keys(&img->arena, b->m, i, r->fns, there, b->texts);
			add_table(b, i);
		} else {
			add_scalar(b, &shared, i);
		}
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
	struct reach r, there;
	bool ok;

	s->image = img;
	if (s->ir->max_string > RT_STR_BYTES - 1) {
		sem_error(s, NULL, NULL, "MAXSTRINGLEN above %d is not possible for probes in the kernel",
			  RT_STR_BYTES);
		return false;
	}
	b.lib = lib_open();
	str_addn(&b.constants, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16); /* the empty string at 0 */
	find_used(&b, &r, true);
	find_used(&b, &there, false);
	b.needs_bias = r.bias;
	b.groups = r.groups;
	b.tokens = r.tokens;
	b.texts = r.tokens ? texts_needed(b.m, r.fns) : 0;
	lock_plan_make(&b.locks, &img->arena, s);
	merge_plan_make(&b.merged, &img->arena, s);
	add_maps(&b, &r, there.fns);
	kfunc_plan_make(&b.kfuncs, s, &b.can);
	group_places(&b);
	add_times(&b);
	add_instances(&b, r.texts);
	/* Programs that may sleep may not read perf events. */
	ok = build_programs(&b, r.user_memory && !r.counters);
	counter_programs(&b);
	nesting_programs(&b);
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
