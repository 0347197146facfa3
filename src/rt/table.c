/* Hash tables with insertion order. See table.h.
 *
 * Elements lie in chunks, so their addresses are stable; a position is the element's number over all
 * chunks. Free positions are linked through `next`. Buckets hold position + 1 and chain through the
 * elements. */
#include "rt/table.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "rt/kmap.h"

enum { CHUNK_SHIFT = 8, CHUNK = 1 << CHUNK_SHIFT };

struct rt_table {
	const struct ir_global *desc;
	struct kmap *live; /* or NULL */
	struct rt_entry **chunks;
	struct rt_value **key_chunks;
	uint32_t n_chunks;
	uint32_t used;	     /* positions ever given out */
	uint32_t free_list;  /* position + 1 */
	uint32_t first, last; /* insertion order, position + 1 */
	uint32_t count;
	uint32_t generation; /* of the next element: tells a reused position from the old element */
	uint32_t *buckets;
	uint32_t n_buckets; /* a power of two */
};

struct rt_table *rt_table_new(const struct ir_global *desc)
{
	struct rt_table *t = xcalloc(1, sizeof(*t));

	t->desc = desc;
	t->generation = 1;
	return t;
}

static struct rt_entry *at(const struct rt_table *t, uint32_t pos)
{
	return &t->chunks[pos >> CHUNK_SHIFT][pos & (CHUNK - 1)];
}

static uint64_t mix(uint64_t h)
{
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93ull;
	h ^= h >> 32;
	return h;
}

static uint64_t hash_str(const char *s, uint32_t len)
{
	uint64_t h = len * 0x9e3779b97f4a7c15ull, w;

	for (; len >= 8; s += 8, len -= 8) {
		memcpy(&w, s, 8);
		h = mix(h ^ w);
	}
	w = 0;
	memcpy(&w, s, len);
	return mix(h ^ w);
}

static uint64_t hash_keys(const struct rt_table *t, const struct rt_value *keys)
{
	uint64_t h = 0;

	for (int i = 0; i < t->desc->n_keys; i++) {
		uint64_t k = t->desc->key_type[i] == TY_STRING ? hash_str(keys[i].s, keys[i].len)
							       : (uint64_t)keys[i].n;

		h = mix(h + k + 0x9e3779b97f4a7c15ull);
	}
	return h;
}

static bool key_equal(const struct rt_table *t, int i, const struct rt_value *a,
		      const struct rt_value *b)
{
	if (t->desc->key_type[i] == TY_STRING)
		return a->len == b->len && memcmp(a->s, b->s, a->len) == 0;
	return a->n == b->n;
}

static bool keys_equal(const struct rt_table *t, const struct rt_value *a, const struct rt_value *b)
{
	for (int i = 0; i < t->desc->n_keys; i++)
		if (!key_equal(t, i, &a[i], &b[i]))
			return false;
	return true;
}

static struct rt_entry *find(const struct rt_table *t, const struct rt_value *keys, uint64_t hash)
{
	uint32_t p;

	if (!t->n_buckets)
		return NULL;
	for (p = t->buckets[hash & (t->n_buckets - 1)]; p;) {
		struct rt_entry *e = at(t, p - 1);

		if (e->hash == hash && keys_equal(t, e->keys, keys))
			return e;
		p = e->chain;
	}
	return NULL;
}

const struct rt_entry *rt_table_find(struct rt_table *t, const struct rt_value *keys)
{
	if (t->live && !t->live->copy)
		return kmap_find(t->live, keys);
	if (t->live)
		t = t->live->copy;
	return find(t, keys, hash_keys(t, keys));
}

static void rehash(struct rt_table *t)
{
	t->n_buckets = t->n_buckets ? t->n_buckets * 2 : 16;
	free(t->buckets);
	t->buckets = xcalloc(t->n_buckets, sizeof(*t->buckets));
	for (uint32_t p = t->first; p;) {
		struct rt_entry *e = at(t, p - 1);
		uint32_t *head = &t->buckets[e->hash & (t->n_buckets - 1)];

		e->chain = *head;
		*head = p;
		p = e->next;
	}
}

static uint32_t take_position(struct rt_table *t)
{
	uint32_t pos;

	if (t->free_list) {
		pos = t->free_list - 1;
		t->free_list = at(t, pos)->next;
		return pos;
	}
	pos = t->used++;
	if (pos >> CHUNK_SHIFT == t->n_chunks) {
		struct rt_value *keys = NULL;
		struct rt_entry *chunk = xcalloc(CHUNK, sizeof(*chunk));

		t->chunks = xrealloc(t->chunks, (t->n_chunks + 1) * sizeof(*t->chunks));
		t->key_chunks = xrealloc(t->key_chunks, (t->n_chunks + 1) * sizeof(*t->key_chunks));
		if (t->desc->n_keys)
			keys = xcalloc((size_t)CHUNK * (size_t)t->desc->n_keys, sizeof(*keys));
		for (int i = 0; keys && i < CHUNK; i++)
			chunk[i].keys = keys + i * t->desc->n_keys;
		t->chunks[t->n_chunks] = chunk;
		t->key_chunks[t->n_chunks++] = keys;
	}
	return pos;
}

static void copy_keys(struct rt_table *t, struct rt_value *to, const struct rt_value *from)
{
	for (int i = 0; i < t->desc->n_keys; i++) {
		to[i] = (struct rt_value){.n = from[i].n};
		if (t->desc->key_type[i] == TY_STRING) {
			char *s = xmalloc(from[i].len + 1);

			memcpy(s, from[i].s, from[i].len);
			s[from[i].len] = 0;
			to[i].s = s;
			to[i].len = from[i].len;
		}
	}
}

static void free_contents(struct rt_table *t, struct rt_entry *e)
{
	for (int i = 0; i < t->desc->n_keys; i++)
		if (t->desc->key_type[i] == TY_STRING)
			free((char *)e->keys[i].s);
	free(e->str);
	if (e->stat) {
		free(e->stat->buckets);
		free(e->stat);
	}
}

static void remove_entry(struct rt_table *t, struct rt_entry *e)
{
	uint32_t *link = &t->buckets[e->hash & (t->n_buckets - 1)], p;

	while (at(t, *link - 1) != e)
		link = &at(t, *link - 1)->chain;
	p = *link;
	*link = e->chain;
	*(e->prev ? &at(t, e->prev - 1)->next : &t->first) = e->next;
	*(e->next ? &at(t, e->next - 1)->prev : &t->last) = e->prev;
	free_contents(t, e);
	*e = (struct rt_entry){.keys = e->keys, .next = t->free_list};
	t->free_list = p;
	t->count--;
}

/* Existing or new (zero/empty); NULL when the table is full and does not wrap. */
static struct rt_entry *get(struct rt_table *t, const struct rt_value *keys)
{
	uint64_t hash = hash_keys(t, keys);
	struct rt_entry *e = find(t, keys, hash);
	struct rt_value own[MAX_KEYS];
	uint32_t pos;

	if (e)
		return e;
	if (t->desc->n_keys && t->count >= t->desc->max_entries) {
		if (!t->desc->wrap)
			return NULL;
		/* The keys may point into the element that goes. */
		copy_keys(t, own, keys);
		remove_entry(t, at(t, t->first - 1));
	} else {
		copy_keys(t, own, keys);
	}
	if (t->count >= t->n_buckets)
		rehash(t);
	pos = take_position(t);
	e = at(t, pos);
	if (t->desc->n_keys)
		memcpy(e->keys, own, (size_t)t->desc->n_keys * sizeof(own[0]));
	e->hash = hash;
	e->generation = t->generation++;
	if (t->generation == 0)
		t->generation = 1;
	e->chain = t->buckets[hash & (t->n_buckets - 1)];
	t->buckets[hash & (t->n_buckets - 1)] = pos + 1;
	e->next = 0;
	e->prev = t->last;
	*(t->last ? &at(t, t->last - 1)->next : &t->first) = pos + 1;
	t->last = pos + 1;
	t->count++;
	if (t->desc->type == TY_STATS)
		e->stat = xcalloc(1, sizeof(*e->stat));
	return e;
}

static void set_str(struct rt_entry *e, const char *s, uint32_t len)
{
	char *copy = xmalloc(len + 1); /* s may be the old text */

	if (len)
		memcpy(copy, s, len);
	copy[len] = 0;
	free(e->str);
	e->str = copy;
	e->len = len;
}

bool rt_table_set(struct rt_table *t, const struct rt_value *keys, const struct rt_value *value)
{
	struct rt_entry *e;

	if (t->live)
		return kmap_set(t->live, keys, value);
	e = get(t, keys);
	if (e && t->desc->type == TY_STRING)
		set_str(e, value->s, value->len);
	else if (e)
		e->num = value->n;
	return e != NULL;
}

bool rt_table_add(struct rt_table *t, const struct rt_value *keys, int64_t n, int64_t *sum)
{
	struct rt_entry *e;

	if (t->live)
		return kmap_add(t->live, keys, n, sum);
	e = get(t, keys);
	if (e)
		*sum = e->num = (int64_t)((uint64_t)e->num + (uint64_t)n);
	return e != NULL;
}

bool rt_table_stat_add(struct rt_table *t, const struct rt_value *keys, int64_t value)
{
	struct rt_entry *e;

	if (t->live)
		return kmap_stat_add(t->live, keys, value);
	e = get(t, keys);
	if (e)
		rt_stat_add(e->stat, &t->desc->stat, value);
	return e != NULL;
}

bool rt_table_stat_merge(struct rt_table *t, const struct rt_value *keys, const struct rt_stat *st)
{
	struct rt_entry *e = get(t, keys);

	if (e)
		rt_stat_merge(e->stat, &t->desc->stat, st);
	return e != NULL;
}

bool rt_table_delete(struct rt_table *t, const struct rt_value *keys)
{
	struct rt_entry *e;

	if (t->live)
		return kmap_delete(t->live, keys);
	e = find(t, keys, hash_keys(t, keys));
	if (e)
		remove_entry(t, e);
	return e != NULL;
}

static bool matches(const struct rt_table *t, const struct rt_entry *e, const struct rt_value *keys,
		    const bool *wild)
{
	for (int i = 0; i < t->desc->n_keys; i++)
		if (!wild[i] && !key_equal(t, i, &e->keys[i], &keys[i]))
			return false;
	return true;
}

uint32_t rt_table_delete_matching(struct rt_table *t, const struct rt_value *keys, const bool *wild)
{
	uint32_t n = 0, next;

	if (t->live)
		return kmap_matching(t->live, keys, wild, true);
	for (uint32_t p = t->first; p; p = next) {
		struct rt_entry *e = at(t, p - 1);

		next = e->next;
		if (matches(t, e, keys, wild)) {
			remove_entry(t, e);
			n++;
		}
	}
	return n;
}

bool rt_table_any_matching(struct rt_table *t, const struct rt_value *keys, const bool *wild)
{
	if (t->live)
		return kmap_matching(t->live, keys, wild, false) != 0;
	for (uint32_t p = t->first; p; p = at(t, p - 1)->next)
		if (matches(t, at(t, p - 1), keys, wild))
			return true;
	return false;
}

void rt_table_clear(struct rt_table *t)
{
	uint32_t next;

	if (t->live) {
		kmap_clear(t->live);
		return;
	}
	for (uint32_t p = t->first; p; p = next) {
		struct rt_entry *e = at(t, p - 1);

		next = e->next;
		free_contents(t, e);
		*e = (struct rt_entry){.keys = e->keys, .next = t->free_list};
		t->free_list = p;
	}
	t->first = t->last = t->count = 0;
	if (t->buckets)
		memset(t->buckets, 0, t->n_buckets * sizeof(*t->buckets));
}

void rt_table_free(struct rt_table *t)
{
	if (!t)
		return;
	for (uint32_t p = t->first; p; p = at(t, p - 1)->next)
		free_contents(t, at(t, p - 1));
	for (uint32_t i = 0; i < t->n_chunks; i++) {
		free(t->chunks[i]);
		free(t->key_chunks[i]);
	}
	free(t->chunks);
	free(t->key_chunks);
	free(t->buckets);
	free(t);
}

uint32_t rt_table_count(const struct rt_table *t)
{
	return t->live ? kmap_count(t->live) : t->count;
}

const struct ir_global *rt_table_desc(const struct rt_table *t)
{
	return t->desc;
}

const struct stat_spec *rt_table_spec(const struct rt_table *t)
{
	return &t->desc->stat;
}

void rt_table_each(const struct rt_table *t, int (*fn)(void *cookie, const struct rt_entry *e),
		   void *cookie)
{
	for (uint32_t p = t->first; p; p = at(t, p - 1)->next)
		if (fn(cookie, at(t, p - 1)))
			return;
}

int rt_table_go_live(struct rt_table *t, struct kmap *k)
{
	int status = kmap_fill(k, t);

	if (status)
		return status;
	rt_table_clear(t);
	t->live = k;
	return 0;
}

bool rt_table_is_live(const struct rt_table *t)
{
	return t->live != NULL;
}

void rt_table_go_plain(struct rt_table *t)
{
	struct kmap *k = t->live;

	t->live = NULL;
	kmap_read(k, t);
}

/* ------------------------------------------------------------------ iteration */

struct rt_iter_item {
	union {
		int64_t n;
		const char *s;
	};
	uint32_t len;
	uint32_t pos, generation;
};

static void sort_key(const struct rt_table *t, const struct rt_entry *e, struct ir_sort sort,
		     struct rt_iter_item *it)
{
	if (sort.column) {
		const struct rt_value *k = &e->keys[sort.column - 1];

		if (t->desc->key_type[sort.column - 1] == TY_STRING) {
			it->s = k->s;
			it->len = k->len;
		} else {
			it->n = k->n;
		}
	} else if (t->desc->type == TY_STRING) {
		it->s = e->str ? e->str : "";
		it->len = e->len;
	} else if (t->desc->type == TY_STATS) {
		if (!rt_stat_get(e->stat, sort.by_stat ? sort.stat : STAT_COUNT, &it->n))
			it->n = 0;
	} else {
		it->n = e->num;
	}
}

static int compare(const struct rt_iter_item *a, const struct rt_iter_item *b, bool strings)
{
	int c;

	if (!strings)
		return a->n < b->n ? -1 : a->n > b->n;
	c = memcmp(a->s, b->s, a->len < b->len ? a->len : b->len);
	return c ? c : a->len < b->len ? -1 : a->len > b->len;
}

/* Stable bottom-up merge sort. */
static void merge_sort(struct rt_iter_item **items, uint32_t n, int dir, bool strings)
{
	struct rt_iter_item *from = *items, *to = xmalloc(n * sizeof(*to)), *tmp;

	for (uint64_t width = 1; width < n; width *= 2) {
		for (uint64_t lo = 0; lo < n; lo += 2 * width) {
			uint64_t mid = lo + width < n ? lo + width : n;
			uint64_t hi = lo + 2 * width < n ? lo + 2 * width : n;
			uint64_t i = lo, j = mid, k = lo;

			while (i < mid && j < hi)
				to[k++] = compare(&from[i], &from[j], strings) * dir <= 0
						  ? from[i++]
						  : from[j++];
			memcpy(&to[k], &from[i], (mid - i) * sizeof(*to));
			k += mid - i;
			memcpy(&to[k], &from[j], (hi - j) * sizeof(*to));
		}
		tmp = from;
		from = to;
		to = tmp;
	}
	free(to);
	*items = from;
}

void rt_iter_start(struct rt_iter *it, struct rt_table *from, struct ir_sort sort, int64_t limit,
		   const struct rt_value *keys, const bool *wild)
{
	struct rt_table *t = from;
	bool strings = sort.column ? t->desc->key_type[sort.column - 1] == TY_STRING
				   : t->desc->type == TY_STRING;

	*it = (struct rt_iter){.table = t};
	if (t->live) {
		t = it->copy = rt_table_new(from->desc);
		it->live_clears = from->live->clears;
		kmap_read(from->live, t);
		from->live->copy = t;
	}
	if (!t->count || (sort.has_limit && limit <= 0))
		return;
	it->order = xmalloc(t->count * sizeof(*it->order));
	for (uint32_t p = t->first; p; p = at(t, p - 1)->next) {
		struct rt_entry *e = at(t, p - 1);

		if (keys && !matches(t, e, keys, wild))
			continue;
		it->order[it->n] = (struct rt_iter_item){.pos = p - 1, .generation = e->generation};
		if (sort.dir)
			sort_key(t, e, sort, &it->order[it->n]);
		it->n++;
		if (!sort.dir && sort.has_limit && it->n == limit)
			break;
	}
	if (sort.dir && it->n > 1)
		merge_sort(&it->order, it->n, sort.dir, strings);
	if (sort.has_limit && limit < it->n)
		it->n = (uint32_t)limit;
}

bool rt_iter_next(struct rt_iter *it)
{
	const struct rt_table *t = it->copy ? it->copy : it->table;

	/* `delete t` in the body of the loop is the only change that the language allows there. */
	if (it->copy && it->table->live && it->table->live->clears != it->live_clears)
		it->pos = it->n;
	while (it->pos < it->n) {
		const struct rt_iter_item *item = &it->order[it->pos++];
		struct rt_entry *e = at(t, item->pos);

		if (e->generation == item->generation) {
			it->cur = e;
			return true;
		}
	}
	it->cur = NULL;
	return false;
}

void rt_iter_end(struct rt_iter *it)
{
	free(it->order);
	if (it->copy && it->table->live && it->table->live->copy == it->copy)
		it->table->live->copy = NULL;
	rt_table_free(it->copy);
	*it = (struct rt_iter){0};
}

#ifdef TAPIR_TEST
#include "base/test.h"

static struct rt_value num(int64_t n)
{
	return (struct rt_value){.n = n};
}

TEST(table_insert_find_delete)
{
	struct ir_global g = {.name = "t", .type = TY_LONG, .n_keys = 1, .key_type = {TY_LONG},
			      .max_entries = 5000};
	struct rt_table *t = rt_table_new(&g);
	struct rt_value k, n;

	for (int i = 0; i < 5000; i++) {
		k = num(i * 7919);
		n = num(i);
		CHECK(rt_table_set(t, &k, &n));
	}
	CHECK_INT(rt_table_count(t), 5000);
	k = num(-1);
	CHECK(!rt_table_set(t, &k, &n));
	for (int i = 0; i < 5000; i += 2) {
		k = num(i * 7919);
		CHECK(rt_table_delete(t, &k));
		CHECK(!rt_table_delete(t, &k));
	}
	for (int i = 0; i < 5000; i++) {
		k = num(i * 7919);
		CHECK_INT(rt_table_find(t, &k) != NULL, i % 2);
	}
	rt_table_free(t);
}

TEST(table_wraps_oldest_first)
{
	struct ir_global g = {.name = "t", .type = TY_STRING, .n_keys = 1, .key_type = {TY_STRING},
			      .max_entries = 3, .wrap = true};
	struct rt_table *t = rt_table_new(&g);
	const char *names = "abcde";
	struct rt_value k, v;

	for (int i = 0; i < 5; i++) {
		k = (struct rt_value){.s = names + i, .len = 1};
		v = (struct rt_value){.s = names, .len = (uint32_t)i};
		CHECK(rt_table_set(t, &k, &v));
	}
	CHECK_INT(rt_table_count(t), 3);
	k = (struct rt_value){.s = "b", .len = 1};
	CHECK(!rt_table_find(t, &k));
	k.s = "c";
	CHECK_STR(rt_table_find(t, &k)->str, "ab");
	rt_table_free(t);
}

TEST(table_iterates_sorted_and_stable)
{
	struct ir_global g = {.name = "t", .type = TY_LONG, .n_keys = 2,
			      .key_type = {TY_LONG, TY_LONG}, .max_entries = 100};
	struct rt_table *t = rt_table_new(&g);
	struct ir_sort down = {.dir = -1}, none = {.has_limit = true};
	bool wild[2] = {false, true};
	struct rt_value k[2], v;
	struct rt_iter it;
	int64_t last = 1000, last_key = -1, n = 0;

	for (int i = 0; i < 20; i++) {
		k[0] = num(i % 2);
		k[1] = num(i);
		v = num(i / 5);
		CHECK(rt_table_set(t, k, &v));
	}
	rt_iter_start(&it, t, down, 0, NULL, NULL);
	while (rt_iter_next(&it)) {
		CHECK(it.cur->num <= last);
		if (it.cur->num == last)
			CHECK(it.cur->keys[1].n > last_key);
		last = it.cur->num;
		last_key = it.cur->keys[1].n;
	}
	rt_iter_end(&it);
	k[0] = num(1);
	rt_iter_start(&it, t, none, 4, k, wild);
	while (rt_iter_next(&it)) {
		CHECK_INT(it.cur->keys[1].n, n < 2 ? 2 * n + 1 : 7);
		n++;
		if (n == 2) {
			struct rt_value gone[2] = {num(1), num(5)};

			rt_table_delete(t, gone);
		}
	}
	CHECK_INT(n, 3);
	rt_iter_end(&it);
	CHECK_INT(rt_table_delete_matching(t, k, wild), 9);
	rt_table_free(t);
}
#endif
