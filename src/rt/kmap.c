/* See kmap.h. */
#include "rt/kmap.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/bug.h"
#include "kern/bpf.h"
#include "kern/cpu.h"

/* ------------------------------------------------------------------ layout */

static uint32_t component_size(enum type t, uint32_t width)
{
	return t == TY_STRING ? RT_KEY_STR_BYTES(width) : 8;
}

uint32_t kmap_key_size(const struct ir_global *g)
{
	uint32_t size = 0;

	for (int i = 0; i < g->n_keys; i++)
		size += component_size(g->key_type[i], g->key_width[i]);
	return size;
}

uint32_t kmap_value_size(const struct ir_global *g)
{
	if (g->type == TY_STRING)
		return (uint32_t)offsetof(struct rt_str_value, str) + RT_KEY_STR_BYTES(g->width);
	if (g->type == TY_STATS)
		return (uint32_t)sizeof(struct rt_stat_value) + 8 * (uint32_t)rt_stat_buckets(&g->stat);
	return sizeof(struct rt_long_value);
}

void kmap_init(struct kmap *k)
{
	const struct ir_global *g = k->desc;
	uint32_t at = 0;

	k->per_cpu = k->type == BPF_MAP_TYPE_PERCPU_HASH || k->type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
	k->n_cpus = k->per_cpu ? kern_possible_cpus() : 1;
	k->key_size = kmap_key_size(g);
	k->value_size = kmap_value_size(g);
	k->stride = k->value_size * (uint32_t)k->n_cpus;
	for (int i = 0; i < g->n_keys; i++) {
		k->key_offset[i] = at;
		at += component_size(g->key_type[i], g->key_width[i]);
	}
	k->key = xcalloc(1, k->key_size + 1);
	k->value = xcalloc(1, k->stride);
	if (g->type == TY_STATS && rt_stat_buckets(&g->stat))
		k->stat.buckets = xcalloc((size_t)rt_stat_buckets(&g->stat), sizeof(int64_t));
	k->add_fd = k->add_memory_fd = -1;
}

void kmap_release(struct kmap *k)
{
	if (k->add_memory)
		munmap(k->add_memory, 16 + k->key_size);
	if (k->add_fd >= 0)
		close(k->add_fd);
	if (k->add_memory_fd >= 0)
		close(k->add_memory_fd);
	free(k->key);
	free(k->value);
	free(k->stat.buckets);
	str_release(&k->text);
	memset(k, 0, sizeof(*k));
}

/* ------------------------------------------------------------------ strings, keys, values */

/* False if the text is longer than any that handlers can have stored. */
static bool put_slot(void *to, const struct rt_value *v, uint32_t width)
{
	struct rt_str *slot = to;
	uint32_t len = v->len < width ? v->len : width;

	memset(slot, 0, RT_KEY_STR_BYTES(width));
	slot->len = len;
	if (len)
		memcpy(slot->s, v->s, len);
	return len == v->len;
}

/* Text of a slot, as a value; deferred ones are added to `texts`, whose place is in .n until the last
 * of them is there (texts may move). */
static struct rt_value get_slot(struct kmap *k, const void *from, uint32_t width, struct str *texts)
{
	const struct rt_str *slot = from;
	struct rt_value v = {.s = slot->s, .len = slot->len < width ? slot->len : width};

	if (slot->token && k->token_text) {
		v = (struct rt_value){.n = (int64_t)texts->len};
		k->token_text(k->cookie, slot, texts);
		v.len = (uint32_t)(texts->len - (size_t)v.n);
		str_addc(texts, 0);
	}
	return v;
}

static bool encode_key(struct kmap *k, const struct rt_value *keys)
{
	const struct ir_global *g = k->desc;
	bool whole = true;

	for (int i = 0; i < g->n_keys; i++) {
		unsigned char *to = k->key + k->key_offset[i];

		if (g->key_type[i] == TY_STRING)
			whole &= put_slot(to, &keys[i], g->key_width[i]);
		else
			memcpy(to, &keys[i].n, 8);
	}
	return whole;
}

/* Pointers into key or, for deferred strings, into k->text. */
static void decode_key(struct kmap *k, const unsigned char *key, struct rt_value *keys)
{
	const struct ir_global *g = k->desc;

	k->text.len = 0;
	for (int i = 0; i < g->n_keys; i++) {
		const unsigned char *from = key + k->key_offset[i];

		if (g->key_type[i] == TY_STRING) {
			keys[i] = get_slot(k, from, g->key_width[i], &k->text);
			k->has_tokens |= !keys[i].s;
		} else {
			keys[i] = (struct rt_value){.s = ""};
			memcpy(&keys[i].n, from, 8);
		}
	}
	for (int i = 0; i < g->n_keys; i++)
		if (g->key_type[i] == TY_STRING && !keys[i].s)
			keys[i].s = k->text.s + keys[i].n;
}

void kmap_decode_stat(const struct rt_stat_value *v, struct rt_stat *st)
{
	*st = (struct rt_stat){.count = v->count, .sum = v->sum, .min = v->min, .max = v->max,
			       .first = v->first};
	st->d1 = (int64_t)((uint64_t)v->sum - (uint64_t)v->count * (uint64_t)v->first);
	st->d2 = (__int128)((unsigned __int128)v->d2_hi << 64 | v->d2_lo);
}

static void decode_stat(const struct kmap *k, const struct rt_stat_value *v, struct rt_stat *st)
{
	int64_t *buckets = st->buckets;

	kmap_decode_stat(v, st);
	st->buckets = buckets;
	if (buckets)
		memcpy(buckets, v->buckets, 8 * (size_t)rt_stat_buckets(&k->desc->stat));
}

static void empty_stat(const struct kmap *k, struct rt_stat_value *v)
{
	static const struct rt_stat_value init = RT_STAT_INIT;

	memcpy((char *)v + 8, (const char *)&init + 8, sizeof(init) - 8);
	memset(v->buckets, 0, k->value_size - sizeof(*v));
}

static void encode_stat(const struct kmap *k, const struct rt_stat *st, struct rt_stat_value *v)
{
	if (!st->count) {
		empty_stat(k, v);
		return;
	}
	v->count = st->count;
	v->sum = st->sum;
	v->min = st->min;
	v->max = st->max;
	v->first = st->first;
	v->d2_lo = (uint64_t)(unsigned __int128)st->d2;
	v->d2_hi = (uint64_t)((unsigned __int128)st->d2 >> 64);
	if (st->buckets)
		memcpy(v->buckets, st->buckets, 8 * (size_t)rt_stat_buckets(&k->desc->stat));
}

static uint64_t seq_of(const struct kmap *k, const unsigned char *value)
{
	uint64_t seq = 0, one;

	for (int i = 0; i < k->n_cpus; i++) {
		memcpy(&one, value + (size_t)i * k->value_size, 8);
		if (one && (!seq || one < seq))
			seq = one;
	}
	return seq;
}

/* All CPUs' statistics together, in k->stat. False: nothing was collected. */
static bool merged_stat(struct kmap *k, const unsigned char *value)
{
	struct rt_stat one = {0};

	decode_stat(k, (const void *)value, &k->stat);
	if (k->n_cpus > 1 && k->stat.buckets)
		one.buckets = xcalloc((size_t)rt_stat_buckets(&k->desc->stat), sizeof(int64_t));
	for (int i = 1; i < k->n_cpus; i++) {
		decode_stat(k, (const void *)(value + (size_t)i * k->value_size), &one);
		rt_stat_merge(&k->stat, &k->desc->stat, &one);
	}
	free(one.buckets);
	return k->stat.count != 0;
}

static int64_t merged_long(const struct kmap *k, const unsigned char *value)
{
	uint64_t sum = 0;

	for (int i = 0; i < k->n_cpus; i++)
		sum += (uint64_t)((const struct rt_long_value *)(const void *)(value +
				   (size_t)i * k->value_size))->n;
	return (int64_t)sum;
}

/* The value as an element; strings lie in the value or in `text`. */
static const struct rt_entry *decode_value(struct kmap *k, unsigned char *value, struct str *text)
{
	struct rt_entry *e = &k->entry;
	struct rt_value v;

	memset(e, 0, sizeof(*e));
	switch (k->desc->type) {
	case TY_STRING:
		text->len = 0;
		v = get_slot(k, value + offsetof(struct rt_str_value, str), k->desc->width, text);
		e->str = v.s ? (char *)value + offsetof(struct rt_str_value, str) +
				       offsetof(struct rt_str, s)
			     : text->s;
		e->len = v.len;
		break;
	case TY_STATS:
		merged_stat(k, value);
		e->stat = &k->stat;
		break;
	default:
		e->num = merged_long(k, value);
	}
	return e;
}

/* ------------------------------------------------------------------ the whole map */

/* All elements: keys and values one behind the other, order those of insertion. */
struct snapshot {
	unsigned char *keys, *values;
	uint32_t n, cap;
	struct place {
		uint64_t seq;
		uint32_t i;
	} *order;
};

static void snapshot_room(const struct kmap *k, struct snapshot *s, uint32_t n)
{
	if (s->cap - s->n >= n)
		return;
	s->cap = s->n + n > 2 * s->cap ? s->n + n : 2 * s->cap;
	s->keys = xrealloc(s->keys, (size_t)s->cap * k->key_size);
	s->values = xrealloc(s->values, (size_t)s->cap * k->stride);
}

static int by_seq(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

enum { BATCH = 1024 };

static void snapshot_take(struct kmap *k, struct snapshot *s)
{
	unsigned char *position = xcalloc(1, k->key_size + 8);
	uint32_t want = BATCH, n;
	bool first = true;
	int status;

	do {
		snapshot_room(k, s, want);
		n = want;
		status = kern_map_lookup_batch(k->fd, first ? NULL : position, position,
					       s->keys + (size_t)s->n * k->key_size,
					       s->values + (size_t)s->n * k->stride, &n);
		if (status == -ENOSPC && want < 1u << 20) {
			want *= 2; /* a bucket of the map with more elements than that */
			status = 0;
			continue;
		}
		if (status && status != -ENOENT)
			break;
		s->n += n;
		first = false;
	} while (!status);
	free(position);
}

static void snapshot_sort(const struct kmap *k, struct snapshot *s)
{
	s->order = xmalloc((s->n + 1) * sizeof(*s->order));
	for (uint32_t i = 0; i < s->n; i++)
		s->order[i] = (struct place){seq_of(k, s->values + (size_t)i * k->stride), i};
	qsort(s->order, s->n, sizeof(*s->order), by_seq);
}

static void snapshot_release(struct snapshot *s)
{
	free(s->keys);
	free(s->values);
	free(s->order);
}

static void read_one(struct kmap *k, unsigned char *value, const struct rt_value *keys,
		     struct rt_table *to, struct str *text)
{
	const struct rt_entry *e, *old;
	struct rt_value v;
	int64_t sum;

	e = decode_value(k, value, text);
	switch (k->desc->type) {
	case TY_STATS:
		rt_table_stat_merge(to, keys, e->stat);
		break;
	case TY_STRING:
		v = (struct rt_value){.s = e->str, .len = e->len};
		rt_table_set(to, keys, &v);
		break;
	default:
		/* Tokens of one text: what was counted is added up, of what was assigned the newest element stays. */
		old = k->has_tokens && !k->desc->assigned ? rt_table_find(to, keys) : NULL;
		v = (struct rt_value){.n = e->num};
		if (old)
			rt_table_add(to, keys, e->num, &sum);
		else
			rt_table_set(to, keys, &v);
	}
}

void kmap_read(struct kmap *k, struct rt_table *to)
{
	struct snapshot s = {0};
	struct rt_value keys[MAX_KEYS];
	struct str text = {0};

	if (k->scalar) {
		decode_stat(k, k->scalar, &k->stat);
		if (k->stat.count)
			rt_table_stat_merge(to, keys, &k->stat);
		return;
	}
	snapshot_take(k, &s);
	snapshot_sort(k, &s);
	for (uint32_t i = 0; i < s.n; i++) {
		uint32_t at = s.order[i].i;

		decode_key(k, s.keys + (size_t)at * k->key_size, keys);
		read_one(k, s.values + (size_t)at * k->stride, keys, to, &text);
	}
	str_release(&text);
	snapshot_release(&s);
}

static bool equal(enum type t, const struct rt_value *a, const struct rt_value *b)
{
	if (t == TY_STRING)
		return a->len == b->len && memcmp(a->s, b->s, a->len) == 0;
	return a->n == b->n;
}

uint32_t kmap_matching(struct kmap *k, const struct rt_value *keys, const bool *wild, bool remove)
{
	struct snapshot s = {0};
	struct rt_value other[MAX_KEYS];
	uint32_t n = 0;

	if (remove)
		k->copy = NULL;
	snapshot_take(k, &s);
	for (uint32_t i = 0; i < s.n; i++) {
		bool same = true;

		decode_key(k, s.keys + (size_t)i * k->key_size, other);
		for (int j = 0; same && j < k->desc->n_keys; j++)
			same = wild[j] || equal(k->desc->key_type[j], &keys[j], &other[j]);
		n += same;
		if (same && !remove)
			break;
		if (same)
			kern_map_delete(k->fd, s.keys + (size_t)i * k->key_size);
	}
	snapshot_release(&s);
	return n;
}

void kmap_clear(struct kmap *k)
{
	struct snapshot s = {0};
	uint32_t at = 0, n;

	k->clears++;
	k->copy = NULL;
	if (k->scalar) {
		empty_stat(k, k->scalar);
		return;
	}
	snapshot_take(k, &s);
	while (at < s.n) {
		n = s.n - at;
		if (kern_map_delete_batch(k->fd, s.keys + (size_t)at * k->key_size, &n) == 0)
			break;
		/* One that is gone already ends the batch, the count is of those before it. */
		at += n + 1;
	}
	snapshot_release(&s);
}

uint32_t kmap_count(struct kmap *k)
{
	struct snapshot s = {0};
	uint32_t n;

	if (k->scalar)
		return k->scalar->count != 0;
	snapshot_take(k, &s);
	n = s.n;
	snapshot_release(&s);
	return n;
}

/* ------------------------------------------------------------------ one element */

/* The key that reads like these keys but holds deferred strings, in k->key. */
static bool find_by_text(struct kmap *k, const struct rt_value *keys)
{
	struct snapshot s = {0};
	struct rt_value other[MAX_KEYS];
	bool same = false;

	snapshot_take(k, &s);
	for (uint32_t i = 0; i < s.n && !same; i++) {
		same = true;
		decode_key(k, s.keys + (size_t)i * k->key_size, other);
		for (int j = 0; same && j < k->desc->n_keys; j++)
			same = equal(k->desc->key_type[j], &keys[j], &other[j]);
		if (same)
			memcpy(k->key, s.keys + (size_t)i * k->key_size, k->key_size);
	}
	snapshot_release(&s);
	return same;
}

/* The element's value in k->value, its key in k->key. */
static bool lookup(struct kmap *k, const struct rt_value *keys)
{
	bool whole = encode_key(k, keys);

	if (whole && kern_map_lookup(k->fd, k->key, k->value) == 0)
		return true;
	return k->has_tokens && find_by_text(k, keys) &&
	       kern_map_lookup(k->fd, k->key, k->value) == 0;
}

const struct rt_entry *kmap_find(struct kmap *k, const struct rt_value *keys)
{
	if (k->scalar) {
		memset(&k->entry, 0, sizeof(k->entry));
		decode_stat(k, k->scalar, &k->stat);
		k->entry.stat = &k->stat;
		return k->stat.count ? &k->entry : NULL;
	}
	return lookup(k, keys) ? decode_value(k, k->value, &k->text) : NULL;
}

/* Writes k->value under the key in k->key. The value's seq is that of the element, or is given here. */
static bool store(struct kmap *k, bool exists)
{
	uint64_t seq;
	int status;

	if (!exists) {
		seq = __atomic_fetch_add(k->next_seq, 1, __ATOMIC_SEQ_CST) + 1;
		memcpy(k->value, &seq, 8);
	}
	status = kern_map_update(k->fd, k->key, k->value, BPF_ANY);
	if (status == -E2BIG && k->desc->wrap) {
		struct snapshot s = {0};
		uint64_t oldest = UINT64_MAX;
		uint32_t victim = 0;

		snapshot_take(k, &s);
		for (uint32_t i = 0; i < s.n; i++) {
			seq = seq_of(k, s.values + (size_t)i * k->stride);
			if (seq < oldest) {
				oldest = seq;
				victim = i;
			}
		}
		if (s.n)
			kern_map_delete(k->fd, s.keys + (size_t)victim * k->key_size);
		snapshot_release(&s);
		status = kern_map_update(k->fd, k->key, k->value, BPF_ANY);
	}
	return status == 0;
}

/* Prepares k->key and k->value: the element's, or those of a new one. Returns whether it exists. */
static bool prepare(struct kmap *k, const struct rt_value *keys)
{
	uint64_t seq;

	if (!lookup(k, keys)) {
		encode_key(k, keys);
		memset(k->value, 0, k->stride);
		return false;
	}
	/* Written back for all CPUs: the first has it all. */
	seq = seq_of(k, k->value);
	memcpy(k->value, &seq, 8);
	return true;
}

static void clear_other_cpus(struct kmap *k)
{
	memset(k->value + k->value_size, 0, k->stride - k->value_size);
	for (int i = 1; k->desc->type == TY_STATS && i < k->n_cpus; i++)
		empty_stat(k, (void *)(k->value + (size_t)i * k->value_size));
}

bool kmap_set(struct kmap *k, const struct rt_value *keys, const struct rt_value *value)
{
	bool exists = prepare(k, keys);

	k->copy = NULL;
	if (k->desc->type == TY_STRING)
		put_slot(k->value + offsetof(struct rt_str_value, str), value, k->desc->width);
	else
		memcpy(k->value + offsetof(struct rt_long_value, n), &value->n, 8);
	clear_other_cpus(k);
	return store(k, exists);
}

/* Where handlers add at the same time, as bpfrt/stat.c does. */
static void stat_add_shared(const struct kmap *k, struct rt_stat_value *v, int64_t x)
{
	const struct stat_spec *spec = &k->desc->stat;
	int64_t old = __atomic_load_n(&v->min, __ATOMIC_SEQ_CST), first = RT_STAT_NO_FIRST;
	unsigned __int128 square;
	uint64_t lo;
	__int128 d;

	__atomic_fetch_add(&v->count, 1, __ATOMIC_SEQ_CST);
	__atomic_fetch_add(&v->sum, x, __ATOMIC_SEQ_CST);
	while (x < old && !__atomic_compare_exchange_n(&v->min, &old, x, false, __ATOMIC_SEQ_CST,
						       __ATOMIC_SEQ_CST))
		;
	old = __atomic_load_n(&v->max, __ATOMIC_SEQ_CST);
	while (x > old && !__atomic_compare_exchange_n(&v->max, &old, x, false, __ATOMIC_SEQ_CST,
						       __ATOMIC_SEQ_CST))
		;
	if (spec->hist.kind != HIST_NONE)
		__atomic_fetch_add(&v->buckets[rt_hist_bucket(spec, x)], 1, __ATOMIC_SEQ_CST);
	if (!spec->variance)
		return;
	if (__atomic_compare_exchange_n(&v->first, &first, x == RT_STAT_NO_FIRST ? x + 1 : x, false,
					__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		first = x == RT_STAT_NO_FIRST ? x + 1 : x;
	d = (__int128)x - first;
	d = d > INT64_MAX ? INT64_MAX : d < INT64_MIN ? INT64_MIN : d;
	square = (unsigned __int128)(d * d);
	lo = __atomic_fetch_add(&v->d2_lo, (uint64_t)square, __ATOMIC_SEQ_CST);
	__atomic_fetch_add(&v->d2_hi, (uint64_t)(square >> 64) + (lo + (uint64_t)square < lo),
			   __ATOMIC_SEQ_CST);
}

bool kmap_stat_add(struct kmap *k, const struct rt_value *keys, int64_t value)
{
	bool exists;

	k->copy = NULL;
	if (k->scalar) {
		stat_add_shared(k, k->scalar, value);
		return true;
	}
	exists = prepare(k, keys);
	merged_stat(k, k->value);
	rt_stat_add(&k->stat, &k->desc->stat, value);
	encode_stat(k, &k->stat, (void *)k->value);
	clear_other_cpus(k);
	return store(k, exists);
}

bool kmap_add_raw(struct kmap *k, const void *key, int64_t n)
{
	struct rt_long_value *v = (void *)k->value;
	uint64_t seq;
	bool exists;

	k->copy = NULL;
	if (k->scalar) {
		stat_add_shared(k, k->scalar, n);
		return true;
	}
	memcpy(k->key, key, k->key_size);
	exists = kern_map_lookup(k->fd, k->key, k->value) == 0;
	if (exists) {
		seq = seq_of(k, k->value);
		memcpy(k->value, &seq, 8);
	} else {
		memset(k->value, 0, k->stride);
	}
	if (k->desc->type == TY_STATS) {
		merged_stat(k, k->value);
		rt_stat_add(&k->stat, &k->desc->stat, n);
		encode_stat(k, &k->stat, (void *)k->value);
	} else {
		v->n = (int64_t)((uint64_t)merged_long(k, k->value) + (uint64_t)n);
	}
	clear_other_cpus(k);
	return store(k, exists);
}

bool kmap_delete(struct kmap *k, const struct rt_value *keys)
{
	k->copy = NULL;
	if (k->scalar) {
		kmap_clear(k);
		return true;
	}
	if (encode_key(k, keys) && kern_map_delete(k->fd, k->key) == 0)
		return true;
	return k->has_tokens && find_by_text(k, keys) && kern_map_delete(k->fd, k->key) == 0;
}

/* ------------------------------------------------------------------ atomic addition */

bool kmap_add(struct kmap *k, const struct rt_value *keys, int64_t n, int64_t *sum)
{
	struct rt_long_value *v = (void *)k->value;
	bool exists, atomic = !k->per_cpu && kmap_make_add_program(k);

	k->copy = NULL;
	for (;;) {
		if (atomic && encode_key(k, keys) && kmap_add_in_kernel(k, n, sum))
			return true;
		exists = prepare(k, keys);
		*sum = v->n = (int64_t)((uint64_t)merged_long(k, k->value) + (uint64_t)n);
		clear_other_cpus(k);
		if (!atomic || exists)
			return store(k, exists);
		/* A handler may create the element meanwhile: then add to that one. */
		v->seq = __atomic_fetch_add(k->next_seq, 1, __ATOMIC_SEQ_CST) + 1;
		switch (kern_map_update(k->fd, k->key, k->value, BPF_NOEXIST)) {
		case 0:
			return true;
		case -EEXIST:
			break;
		default:
			return store(k, false);
		}
	}
}

/* ------------------------------------------------------------------ from a plain table */

struct filling {
	struct kmap *k;
	int status;
};

static int fill_one(void *cookie, const struct rt_entry *e)
{
	struct filling *f = cookie;
	struct kmap *k = f->k;
	struct rt_value v = {.n = e->num, .s = e->str ? e->str : "", .len = e->len};
	bool ok = true;

	if (k->scalar) {
		encode_stat(k, e->stat, k->scalar);
		return 0;
	}
	if (k->desc->type == TY_STATS) {
		encode_key(k, e->keys);
		memset(k->value, 0, k->stride);
		encode_stat(k, e->stat, (void *)k->value);
		clear_other_cpus(k);
		ok = store(k, false);
	} else {
		ok = kmap_set(k, e->keys, &v);
	}
	f->status = ok ? 0 : -E2BIG;
	return !ok;
}

int kmap_fill(struct kmap *k, const struct rt_table *from)
{
	struct filling f = {.k = k};

	rt_table_each(from, fill_one, &f);
	return f.status;
}
