/* See map.h. */
#include "base/map.h"

#include <string.h>

uint32_t hash_bytes(const void *p, size_t n)
{
	const unsigned char *s = p;
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ s[i]) * 16777619u;
	return h;
}

static struct map_entry *slot(const struct map *m, const char *key)
{
	size_t i = hash_bytes(key, strlen(key)) & (m->cap - 1);

	while (m->v[i].key && strcmp(m->v[i].key, key) != 0)
		i = (i + 1) & (m->cap - 1);
	return &m->v[i];
}

void *map_get(const struct map *m, const char *key)
{
	return m->cap ? slot(m, key)->value : NULL;
}

void map_set(struct map *m, struct arena *a, const char *key, void *value)
{
	struct map_entry *e;

	if (m->n * 4 >= m->cap * 3) {
		struct map old = *m;

		m->cap = old.cap ? old.cap * 2 : 16;
		m->v = ARENA_ARRAY(a, struct map_entry, m->cap);
		for (size_t i = 0; i < old.cap; i++)
			if (old.v[i].key)
				*slot(m, old.v[i].key) = old.v[i];
	}
	e = slot(m, key);
	if (!e->key) {
		e->key = key;
		m->n++;
	}
	e->value = value;
}

static struct {
	struct arena arena;
	const char **v;
	size_t n, cap;
} names;

const char *intern_n(const char *s, size_t n)
{
	size_t i;

	if (names.n * 2 >= names.cap) {
		size_t old_cap = names.cap;
		const char **old = names.v;

		names.cap = old_cap ? old_cap * 2 : 512;
		names.v = ARENA_ARRAY(&names.arena, const char *, names.cap);
		for (size_t k = 0; k < old_cap; k++) {
			if (!old[k])
				continue;
			i = hash_bytes(old[k], strlen(old[k])) & (names.cap - 1);
			while (names.v[i])
				i = (i + 1) & (names.cap - 1);
			names.v[i] = old[k];
		}
	}
	i = hash_bytes(s, n) & (names.cap - 1);
	for (; names.v[i]; i = (i + 1) & (names.cap - 1))
		if (strncmp(names.v[i], s, n) == 0 && names.v[i][n] == 0)
			return names.v[i];
	names.n++;
	return names.v[i] = arena_strndup(&names.arena, s, n);
}

const char *intern(const char *s)
{
	return intern_n(s, strlen(s));
}
