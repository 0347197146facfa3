/* Loops over tables: a handler's elements are sorted as a heap, of which each turn takes the first. */
#include "bpfrt.h"

/* In the map of places, which the linker knows. */
static inline struct rt_place *place(uint64_t at)
{
	uint32_t key = (uint32_t)at;
	void *map;

	asm("%0 = rt_places ll" : "=r"(map));
	return bpf_map_lookup_elem(map, &key);
}

/* ------------------------------------------------------------------ regions */
enum { MAX_REGIONS = 4 };

struct region {
	uint64_t first, size, taken;
};

LOCAL long try_region(uint64_t i, struct region *c)
{
	uint64_t at = c->first + i * c->size;
	struct rt_place *p = place(at);

	/* The first place says whether somebody has it. */
	if (!p || __sync_val_compare_and_swap(&p->sort, 0, 1) != 0)
		return 0;
	c->taken = at + 1;
	return 1;
}

long rt_take_places(struct rt_frame *f, struct rt_shared *s)
{
	struct region c = {0, 0, 0};
	uint64_t cpu = bpf_get_smp_processor_id();

	if (!f || !s)
		return 0;
	c.size = s->region_places;
	c.first = cpu * s->regions_per_cpu * c.size;
	bpf_loop(s->regions, try_region, &c, 0);
	f->places = c.taken;
	f->places_end = c.taken - 1 + c.size;
	return c.taken != 0;
}

long rt_drop_places(struct rt_frame *f)
{
	struct rt_place *p;

	if (!f)
		return 0;
	p = place(f->places - 1);
	if (p)
		__sync_lock_test_and_set(&p->sort, 0);
	return 0;
}

/* ------------------------------------------------------------------ the heap */
struct heap {
	struct rt_frame *f;
	uint64_t base, n;
	uint64_t root, at; /* the root being put in order, and where its element has come to */
	uint64_t text;
};

static inline void read_text(struct rt_str *to, uint64_t key, uint64_t text)
{
	uint64_t bytes = text >> 32 & 0x3ff;

	if (bytes > sizeof(*to))
		bytes = sizeof(*to);
	bpf_probe_read_kernel(to, (uint32_t)bytes, (const void *)(key + (text & 0xffffffff)));
}

static inline bool before(const struct heap *h, const struct rt_place *a, const struct rt_place *b)
{
	int64_t c;

	if (a->sort != b->sort)
		return a->sort < b->sort;
	if (h->text) {
		read_text(&h->f->tmp, a->key, h->text);
		read_text(&h->f->tmp_2, b->key, h->text);
		c = rt_compare(&h->f->tmp, &h->f->tmp_2);
		if (c)
			return h->text >> 63 ? c > 0 : c < 0;
	}
	return a->seq < b->seq;
}

/* The root's element is in its place: to the root before it. */
static inline long next_root(struct heap *h)
{
	if (!h->root)
		return 1;
	h->root--;
	h->at = h->root;
	return 0;
}

/* The element at hand changes places with the first of those below it, unless it comes before them. */
LOCAL long sift(uint64_t i, struct heap *h)
{
	uint64_t child = 2 * h->at + 1;
	struct rt_place *own, *first, *other, t;

	(void)i;
	if (child >= h->n)
		return next_root(h);
	own = place(h->base + h->at);
	first = place(h->base + child);
	if (!own || !first)
		return 1;
	if (child + 1 < h->n) {
		other = place(h->base + child + 1);
		if (!other)
			return 1;
		if (before(h, other, first)) {
			first = other;
			child++;
		}
	}
	if (!before(h, first, own))
		return next_root(h);
	t = *own;
	*own = *first;
	*first = t;
	h->at = child;
	return 0;
}

static inline long start(struct rt_frame *f, struct rt_foreach *l, uint64_t text)
{
	struct heap h = {f, 0, 0, 0, 0, 0};

	if (!f || !l)
		return 0;
	h.base = l->base;
	h.n = l->n;
	h.text = text;
	h.root = h.at = h.n / 2;
	if (h.n > 1)
		bpf_loop((uint32_t)min64(4 * h.n, 1 << 23), sift, &h, 0);
	return 0;
}

long rt_foreach_start(struct rt_frame *f, struct rt_foreach *l)
{
	return start(f, l, 0);
}

long rt_foreach_start_texts(struct rt_frame *f, struct rt_foreach *l, uint64_t text)
{
	return start(f, l, text);
}

static inline long next(struct rt_frame *f, struct rt_foreach *l, uint64_t text)
{
	struct heap h = {f, 0, 0, 0, 0, 0};
	struct rt_place *first, *last;
	uint64_t key;

	if (!f || !l)
		return 0;
	h.base = l->base;
	h.n = l->n;
	h.text = text;
	if (!h.n)
		return 0;
	h.n--;
	first = place(h.base);
	last = place(h.base + h.n);
	if (!first || !last)
		return 0;
	key = first->key;
	*first = *last;
	l->n = h.n;
	/* Zero, but not for the verifier. */
	h.root = h.at = l->full;
	bpf_loop(32, sift, &h, 0);
	return (long)key;
}

long rt_foreach_next(struct rt_frame *f, struct rt_foreach *l)
{
	return next(f, l, 0);
}

long rt_foreach_next_texts(struct rt_frame *f, struct rt_foreach *l, uint64_t text)
{
	return next(f, l, text);
}
