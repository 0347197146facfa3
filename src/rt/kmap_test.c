/* Kernel maps against plain tables, by random operations. */
#ifdef TAPIR_TEST
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/test.h"
#include "kern/bpf.h"
#include "rt/kmap.h"

static bool equal(enum type t, const struct rt_value *a, const struct rt_value *b)
{
	if (t == TY_STRING)
		return a->len == b->len && memcmp(a->s, b->s, a->len) == 0;
	return a->n == b->n;
}

enum { STEPS = 4000 };

static uint32_t random_below(uint32_t n)
{
	static uint64_t x = 88172645463325252ull;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (uint32_t)(x % n);
}

/* A table and its twin, which lives in a kernel map. */
struct twins {
	struct rt_table *plain, *live;
	struct kmap k;
	uint64_t seq;
};

/* False: bpf() is not allowed here. */
static bool twins_make(struct twins *t, const struct ir_global *g, uint32_t type)
{
	memset(t, 0, sizeof(*t));
	t->k.fd = kern_map_create(&(struct kern_map){.name = "test",
						     .type = type,
						     .key_size = kmap_key_size(g),
						     .value_size = kmap_value_size(g),
						     .max_entries = (uint32_t)g->max_entries});
	if (t->k.fd < 0) {
		fprintf(stderr, "kmap: skipped, bpf(): %s\n", strerror(-t->k.fd));
		return false;
	}
	t->k.desc = g;
	t->k.next_seq = &t->seq;
	t->k.type = type;
	kmap_init(&t->k);
	t->plain = rt_table_new(g);
	t->live = rt_table_new(g);
	CHECK_INT(rt_table_go_live(t->live, &t->k), 0);
	return true;
}

static void twins_free(struct twins *t)
{
	int fd = t->k.fd;

	rt_table_free(t->plain);
	rt_table_free(t->live);
	kmap_release(&t->k);
	close(fd);
}

static void check_same_iteration(struct twins *t, struct ir_sort sort, int64_t limit,
				 const struct rt_value *keys, const bool *wild)
{
	const struct ir_global *g = t->k.desc;
	struct rt_iter a, b;
	bool more;

	rt_iter_start(&a, t->plain, sort, limit, keys, wild);
	rt_iter_start(&b, t->live, sort, limit, keys, wild);
	do {
		more = rt_iter_next(&a);
		CHECK_INT(rt_iter_next(&b), more);
		if (!more)
			break;
		for (int i = 0; i < g->n_keys; i++)
			CHECK(equal(g->key_type[i], &a.cur->keys[i], &b.cur->keys[i]));
		if (g->type == TY_STATS) {
			CHECK_INT(a.cur->stat->sum, b.cur->stat->sum);
			CHECK_INT(a.cur->stat->min, b.cur->stat->min);
			CHECK(a.cur->stat->d2 == b.cur->stat->d2);
		} else if (g->type == TY_STRING) {
			CHECK_INT(a.cur->len, b.cur->len);
			CHECK(memcmp(a.cur->str, b.cur->str, a.cur->len) == 0);
		} else {
			CHECK_INT(a.cur->num, b.cur->num);
		}
	} while (more);
	rt_iter_end(&a);
	rt_iter_end(&b);
}

static void random_step(struct twins *t)
{
	static const char text[] = "abcdefghijklmnop";
	const struct ir_global *g = t->k.desc;
	struct rt_value keys[MAX_KEYS], v = {.n = random_below(100), .s = text, .len = random_below(8)};
	bool wild[MAX_KEYS];
	int64_t x, y;

	for (int i = 0; i < g->n_keys; i++) {
		keys[i] = (struct rt_value){.n = random_below(6), .s = text, .len = random_below(5)};
		wild[i] = random_below(2);
	}
	switch (random_below(12)) {
	case 0:
		CHECK_INT(rt_table_delete(t->plain, keys), rt_table_delete(t->live, keys));
		break;
	case 1:
		if (random_below(4) == 0)
			CHECK_INT(rt_table_delete_matching(t->plain, keys, wild),
				  rt_table_delete_matching(t->live, keys, wild));
		break;
	case 2:
		CHECK_INT(rt_table_any_matching(t->plain, keys, wild),
			  rt_table_any_matching(t->live, keys, wild));
		break;
	case 3:
		if (random_below(50) == 0) {
			rt_table_clear(t->plain);
			rt_table_clear(t->live);
		}
		CHECK_INT(rt_table_count(t->plain), rt_table_count(t->live));
		break;
	case 4:
		check_same_iteration(t, (struct ir_sort){.dir = (int)random_below(3) - 1}, 0, NULL, NULL);
		break;
	case 5:
		check_same_iteration(t, (struct ir_sort){.dir = -1, .column = g->n_keys,
							 .has_limit = true}, 5, keys, wild);
		break;
	case 6:
		CHECK_INT(rt_table_find(t->plain, keys) != NULL, rt_table_find(t->live, keys) != NULL);
		break;
	case 7:
	case 8:
		if (g->type == TY_LONG) {
			if (rt_table_add(t->plain, keys, v.n, &x)) {
				CHECK(rt_table_add(t->live, keys, v.n, &y));
				CHECK_INT(x, y);
			} else {
				CHECK(!rt_table_add(t->live, keys, v.n, &y));
			}
			break;
		}
		/* fall through */
	default:
		if (g->type == TY_STATS)
			CHECK_INT(rt_table_stat_add(t->plain, keys, v.n - 50),
				  rt_table_stat_add(t->live, keys, v.n - 50));
		else
			CHECK_INT(rt_table_set(t->plain, keys, &v), rt_table_set(t->live, keys, &v));
	}
}

static void compare_twins(const struct ir_global *g, uint32_t type)
{
	struct twins t;

	if (!twins_make(&t, g, type))
		return;
	for (int i = 0; i < STEPS; i++)
		random_step(&t);
	/* All back into the process, and once more into the kernel. */
	rt_table_go_plain(t.live);
	check_same_iteration(&t, (struct ir_sort){0}, 0, NULL, NULL);
	kmap_clear(&t.k);
	CHECK_INT(rt_table_go_live(t.live, &t.k), 0);
	check_same_iteration(&t, (struct ir_sort){0}, 0, NULL, NULL);
	twins_free(&t);
}

TEST(kmap_longs_like_a_plain_table)
{
	struct ir_global g = {.name = "t", .type = TY_LONG, .n_keys = 2,
			      .key_type = {TY_STRING, TY_LONG}, .key_width = {10},
			      .max_entries = 20};

	compare_twins(&g, BPF_MAP_TYPE_HASH);
	g.wrap = true;
	compare_twins(&g, BPF_MAP_TYPE_HASH);
}

TEST(kmap_strings_like_a_plain_table)
{
	struct ir_global g = {.name = "t", .type = TY_STRING, .n_keys = 1, .key_type = {TY_STRING},
			      .key_width = {4}, .width = 9, .max_entries = 4, .wrap = true};

	compare_twins(&g, BPF_MAP_TYPE_HASH);
}

TEST(kmap_statistics_like_a_plain_table)
{
	struct ir_global g = {.name = "t", .type = TY_STATS, .n_keys = 2,
			      .key_type = {TY_LONG, TY_LONG}, .max_entries = 30,
			      .stat = {.variance = true, .hist = {.kind = HIST_LINEAR, .low = 0,
								  .high = 10, .step = 2}}};

	compare_twins(&g, BPF_MAP_TYPE_HASH);
	compare_twins(&g, BPF_MAP_TYPE_PERCPU_HASH);
}

TEST(kmap_scalar_statistics)
{
	struct ir_global g = {.name = "t", .type = TY_STATS,
			      .stat = {.variance = true, .hist = {.kind = HIST_LOG}}};
	struct rt_table *plain = rt_table_new(&g), *live = rt_table_new(&g);
	struct kmap k = {.desc = &g, .fd = -1, .scalar = xcalloc(1, kmap_value_size(&g))};
	const struct rt_entry *a, *b;
	struct rt_stat_value *mem = k.scalar;

	kmap_init(&k);
	*mem = (struct rt_stat_value)RT_STAT_INIT;
	CHECK(rt_table_stat_add(live, NULL, 9));
	CHECK(rt_table_stat_add(plain, NULL, 9));
	CHECK_INT(rt_table_go_live(live, &k), 0);
	for (int i = -100; i < 100; i += 7) {
		CHECK(rt_table_stat_add(live, NULL, i));
		CHECK(rt_table_stat_add(plain, NULL, i));
	}
	rt_table_go_plain(live);
	a = rt_table_find(plain, NULL);
	b = rt_table_find(live, NULL);
	CHECK_INT(a->stat->count, b->stat->count);
	CHECK_INT(a->stat->min, b->stat->min);
	CHECK_INT(a->stat->max, b->stat->max);
	CHECK(a->stat->d1 == b->stat->d1 && a->stat->d2 == b->stat->d2);
	CHECK(memcmp(a->stat->buckets, b->stat->buckets, 8 * HIST_LOG_BUCKETS) == 0);
	kmap_clear(&k);
	CHECK_INT(mem->count, 0);
	CHECK_INT(mem->min, INT64_MAX);
	rt_table_free(plain);
	rt_table_free(live);
	kmap_release(&k);
	free(mem);
}

TEST(kmap_adds_up_what_cpus_have)
{
	struct ir_global g = {.name = "t", .type = TY_LONG, .n_keys = 1, .key_type = {TY_LONG},
			      .max_entries = 30};
	struct rt_value key = {.n = 7};
	struct twins t;
	struct rt_long_value *v;

	if (!twins_make(&t, &g, BPF_MAP_TYPE_PERCPU_HASH))
		return;
	v = xcalloc((size_t)t.k.n_cpus, sizeof(*v));
	for (int i = 0; i < t.k.n_cpus; i++)
		v[i] = (struct rt_long_value){.seq = 5, .n = 10};
	kern_map_update(t.k.fd, &key.n, v, BPF_ANY);
	CHECK_INT(rt_table_find(t.live, &key)->num, 10 * t.k.n_cpus);
	free(v);
	twins_free(&t);
}

static void token_text(void *cookie, const struct rt_str *str, struct str *out)
{
	(void)cookie;
	str_addf(out, "sym%d", (int)((const struct rt_token *)(const void *)str->s)->a / 10);
}

TEST(kmap_deferred_strings_are_text)
{
	struct ir_global g = {.name = "t", .type = TY_LONG, .n_keys = 1, .key_type = {TY_STRING},
			      .key_width = {31}, .max_entries = 30};
	struct rt_value key = {.s = "sym1", .len = 4};
	struct {
		uint32_t len, token;
		struct rt_token tok;
		char rest[64];
	} slot = {.len = sizeof(struct rt_token), .token = RT_TOKEN_USYM};
	struct rt_long_value v = {.seq = 1, .n = 3};
	struct twins t;

	if (!twins_make(&t, &g, BPF_MAP_TYPE_HASH))
		return;
	t.k.token_text = token_text;
	for (int i = 11; i < 22; i += 5) {
		slot.tok.a = (uint64_t)i;
		v.seq++;
		kern_map_update(t.k.fd, &slot, &v, BPF_ANY);
	}
	/* 11 and 16 are the same function. */
	rt_table_go_plain(t.live);
	CHECK_INT(rt_table_count(t.live), 2);
	CHECK_INT(rt_table_find(t.live, &key)->num, 6);
	twins_free(&t);
}
#endif
