/* String-keyed hash map in an arena (open addressing, linear probing) and the interning of names.
 *
 * Keys are interned or otherwise immortal NUL-terminated strings; the map stores the pointer. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

struct map_entry {
	const char *key; /* NULL: free */
	void *value;
};

struct map {
	struct map_entry *v;
	size_t n, cap; /* cap: a power of two, or 0 */
};

/* Value of key, or NULL. */
void *map_get(const struct map *m, const char *key);
/* Sets key to value (value must not be NULL); an existing one is replaced. */
void map_set(struct map *m, struct arena *a, const char *key, void *value);

/* The one NUL-terminated copy of the n bytes at s; equal texts give equal pointers. Lives for the
 * whole process. The text must not contain NUL. */
const char *intern_n(const char *s, size_t n);
const char *intern(const char *s);

/* FNV-1a, for tables of our own. */
uint32_t hash_bytes(const void *p, size_t n);

#endif
