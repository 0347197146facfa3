/* Bump allocator with a whole-lifetime free.
 *
 * One arena a lifetime (session, pass, probe): objects are never freed one by one. Allocation
 * failure ends the program (by design: pass code has no NULL checks). Threads may have arenas of their own. With -DARENA_MALLOC every
 * object is its own malloc block so that ASan and Valgrind see each overflow. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct arena_block;

struct arena {
	struct arena_block *head; /* newest block, owned */
	char *cur, *end;	  /* free space in head */
	size_t total_bytes;	  /* asked for so far */
};

/* Memory of size bytes, zeroed, aligned for any type. Never NULL. */
void *arena_alloc(struct arena *a, size_t size);
/* NUL-terminated copy of n bytes at s. */
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_strdup(struct arena *a, const char *s);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
/* Frees everything; the arena is then empty and usable again. */
void arena_release(struct arena *a);

#define ARENA_NEW(a, T) ((T *)arena_alloc((a), sizeof(T)))
#define ARENA_ARRAY(a, T, n) ((T *)arena_alloc((a), sizeof(T) * (size_t)(n)))

/* malloc family that ends the program when memory runs out. */
void *xmalloc(size_t n);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t n);
char *xstrdup(const char *s);

#endif
