/* See arena.h. */
#include "base/arena.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/bug.h"

enum { ALIGN = 16, BLOCK_BYTES = 64 * 1024 };

struct arena_block {
	struct arena_block *next;
	bool pooled;
	_Alignas(ALIGN) char data[];
};

static struct arena_block *block_link(struct arena *a, struct arena_block *b, bool pooled)
{
	b->pooled = pooled;
	b->next = a->head;
	a->head = b;
	return b;
}

static struct arena_block *block_add(struct arena *a, size_t bytes)
{
	return block_link(a, xmalloc(sizeof(struct arena_block) + bytes), false);
}

#ifndef ARENA_MALLOC
/* Blocks of the common size. A session that needs more than a few takes them from huge pages, where there are
 * such: the first touch of each small page costs more than what is done with it, most of all in a virtual
 * machine. Blocks that were given back are used again by all arenas. */
enum { SMALL_SESSION = 16, HUGE_BYTES = 2 << 20 };

static struct {
	pthread_mutex_t lock;
	struct arena_block *free;
	char *cur, *end;
	unsigned n_blocks;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct arena_block *pool_take(void)
{
	const size_t bytes = sizeof(struct arena_block) + BLOCK_BYTES;
	struct arena_block *b = pool.free;

	if (b) {
		pool.free = b->next;
		return b;
	}
	if (pool.n_blocks++ < SMALL_SESSION)
		return xmalloc(bytes);
	if ((size_t)(pool.end - pool.cur) < bytes) {
		pool.cur = aligned_alloc(HUGE_BYTES, HUGE_BYTES);
		if (!pool.cur)
			die("out of memory");
		pool.end = pool.cur + HUGE_BYTES;
		madvise(pool.cur, HUGE_BYTES, MADV_HUGEPAGE);
	}
	b = (struct arena_block *)(void *)pool.cur;
	pool.cur += bytes;
	return b;
}

static struct arena_block *pool_block(struct arena *a)
{
	struct arena_block *b;

	pthread_mutex_lock(&pool.lock);
	b = pool_take();
	pthread_mutex_unlock(&pool.lock);
	return block_link(a, b, true);
}

static void pool_give(struct arena_block *b)
{
	pthread_mutex_lock(&pool.lock);
	b->next = pool.free;
	pool.free = b;
	pthread_mutex_unlock(&pool.lock);
}
#endif

void *arena_alloc(struct arena *a, size_t size)
{
	size_t need = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	char *p;

	if (need < size)
		die("out of memory");
	a->total_bytes += need;
#ifdef ARENA_MALLOC
	p = block_add(a, size)->data;
#else
	if ((size_t)(a->end - a->cur) >= need) {
		p = a->cur;
		a->cur += need;
	} else if (need > BLOCK_BYTES / 4) {
		/* An own block; the rest of the current one stays in use. */
		p = block_add(a, need)->data;
	} else {
		p = pool_block(a)->data;
		a->cur = p + need;
		a->end = p + BLOCK_BYTES;
	}
#endif
	memset(p, 0, size);
	return p;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *p = arena_alloc(a, n + 1);

	memcpy(p, s, n);
	return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
	va_list again;
	char *p;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0)
		die("cannot format a message");
	p = arena_alloc(a, (size_t)n + 1);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	return p;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *p;

	va_start(ap, fmt);
	p = arena_vprintf(a, fmt, ap);
	va_end(ap);
	return p;
}

void arena_release(struct arena *a)
{
	struct arena_block *b, *next;

	for (b = a->head; b; b = next) {
		next = b->next;
#ifndef ARENA_MALLOC
		if (b->pooled) {
			pool_give(b);
			continue;
		}
#endif
		free(b);
	}
	memset(a, 0, sizeof(*a));
}

void *xmalloc(size_t n)
{
	void *p = malloc(n ? n : 1);

	if (!p)
		die("out of memory");
	return p;
}

void *xcalloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size ? size : 1);

	if (!p)
		die("out of memory");
	return p;
}

void *xrealloc(void *p, size_t n)
{
	p = realloc(p, n ? n : 1);
	if (!p)
		die("out of memory");
	return p;
}

char *xstrdup(const char *s)
{
	size_t n = strlen(s) + 1;

	return memcpy(xmalloc(n), s, n);
}

#ifdef TAPIR_TEST
#include "base/test.h"

/* More than one huge page of blocks, twice: those of the second round were used before. */
TEST(arena_gives_zeroed_memory_again)
{
	struct arena a = {0};

	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 400; i++) {
			char *p = arena_alloc(&a, 10000);
			int bits = 0;

			for (int k = 0; k < 10000; k++)
				bits |= p[k];
			CHECK_INT(bits, 0);
			CHECK_INT((uintptr_t)p % 16, 0);
			memset(p, 0xff, 10000);
		}
		arena_release(&a);
	}
}
#endif
