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

static void decode_stat(const struct kmap *k, const struct rt_stat_value *v, struct rt_stat *st)
{
	int64_t *buckets = st->buckets;

	*st = (struct rt_stat){.count = v->count, .sum = v->sum, .min = v->min, .max = v->max,
			       .first = v->first, .buckets = buckets};
	st->d1 = (int64_t)((uint64_t)v->sum - (uint64_t)v->count * (uint64_t)v->first);
	st->d2 = (__int128)((unsigned __int128)v->d2_hi << 64 | v->d2_lo);
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
		old = k->has_tokens ? rt_table_find(to, keys) : NULL;
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

bool kmap_delete(struct kmap *k, const struct rt_value *keys)
{
	if (k->scalar) {
		kmap_clear(k);
		return true;
	}
	if (encode_key(k, keys) && kern_map_delete(k->fd, k->key) == 0)
		return true;
	return k->has_tokens && find_by_text(k, keys) && kern_map_delete(k->fd, k->key) == 0;
}

/* ------------------------------------------------------------------ atomic addition */

/* What the program below works on. */
struct add_memory {
	int64_t n, sum;
	unsigned char key[];
};

#define INSN(c, d, s, o, i) \
	((struct bpf_insn){.code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i)})

/* if (element) memory->sum = atomically(element->n += memory->n) + memory->n, return 1; return 0 */
static int load_add_program(int map, int memory)
{
	const struct bpf_insn code[] = {
		INSN(BPF_LD | BPF_DW | BPF_IMM, 6, BPF_PSEUDO_MAP_VALUE, 0, memory),
		INSN(0, 0, 0, 0, 0),
		INSN(BPF_LD | BPF_DW | BPF_IMM, 1, BPF_PSEUDO_MAP_FD, 0, map),
		INSN(0, 0, 0, 0, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, 2, 6, 0, 0),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, offsetof(struct add_memory, key)),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem),
		INSN(BPF_JMP | BPF_JNE | BPF_K, 0, 0, 1, 0),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
		INSN(BPF_LDX | BPF_DW | BPF_MEM, 1, 6, 0, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, 2, 1, 0, 0),
		INSN(BPF_STX | BPF_DW | BPF_ATOMIC, 0, 1, offsetof(struct rt_long_value, n),
		     BPF_ADD | BPF_FETCH),
		INSN(BPF_ALU64 | BPF_ADD | BPF_X, 1, 2, 0, 0),
		INSN(BPF_STX | BPF_DW | BPF_MEM, 6, 1, offsetof(struct add_memory, sum), 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	struct kern_prog p = {.name = "tapir_add", .type = BPF_PROG_TYPE_RAW_TRACEPOINT,
			      .insns = code, .n_insns = sizeof(code) / sizeof(code[0]),
			      .btf = -1};

	return kern_prog_load(&p, NULL);
}

static bool make_add_program(struct kmap *k)
{
	uint32_t size = (uint32_t)sizeof(struct add_memory) + k->key_size;
	void *p;

	if (k->add_memory_fd != -1)
		return k->add_fd >= 0;
	k->add_memory_fd = kern_map_create(&(struct kern_map){.name = "tapir_add",
							      .type = BPF_MAP_TYPE_ARRAY,
							      .key_size = 4,
							      .value_size = size,
							      .max_entries = 1,
							      .flags = BPF_F_MMAPABLE});
	if (k->add_memory_fd < 0)
		return false;
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, k->add_memory_fd, 0);
	if (p == MAP_FAILED)
		return false;
	k->add_memory = p;
	k->add_fd = load_add_program(k->fd, k->add_memory_fd);
	return k->add_fd >= 0;
}

/* Of an element that exists. */
static bool add_in_kernel(struct kmap *k, const struct rt_value *keys, int64_t n, int64_t *sum)
{
	struct add_memory *m = k->add_memory;
	uint32_t found = 0;

	if (!encode_key(k, keys))
		return false;
	memcpy(m->key, k->key, k->key_size);
	m->n = n;
	if (kern_prog_test_run(k->add_fd, NULL, 0, &found) < 0 || !found)
		return false;
	*sum = m->sum;
	return true;
}

bool kmap_add(struct kmap *k, const struct rt_value *keys, int64_t n, int64_t *sum)
{
	struct rt_long_value *v = (void *)k->value;
	bool exists, atomic = !k->per_cpu && make_add_program(k);

	for (;;) {
		if (atomic && add_in_kernel(k, keys, n, sum))
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

#ifdef TAPIR_TEST
#include <stdio.h>

#include "base/test.h"

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
	empty_stat(&k, mem);
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
