/* Growable arrays of any type, living in an arena (old storage is abandoned to it on growth).
 *
 *	VEC(struct probe *) probes;          // as a member or variable, zero-initialised
 *	vec_push(&probes, arena, p);
 *	for (size_t i = 0; i < probes.n; i++) use(probes.v[i]); */
#ifndef BASE_VEC_H
#define BASE_VEC_H

#include <stddef.h>
#include <string.h>

#include "base/arena.h"

#define VEC(T)                  \
	struct {                \
		T *v;           \
		size_t n, cap;  \
	}

#define vec_push(vec, arena, ...)                                                              \
	do {                                                                                   \
		if ((vec)->n == (vec)->cap)                                                    \
			(vec)->v = vec_grow((arena), (vec)->v, (vec)->n, &(vec)->cap,           \
					    sizeof(*(vec)->v));                                 \
		(vec)->v[(vec)->n++] = (__VA_ARGS__);                                          \
	} while (0)

typedef VEC(const char *) name_list;

#define vec_last(vec) ((vec)->v[(vec)->n - 1])

static inline void *vec_grow(struct arena *a, void *old, size_t n, size_t *cap, size_t size)
{
	size_t want = *cap ? *cap * 2 : 8;
	void *p = arena_alloc(a, want * size);

	if (n)
		memcpy(p, old, n * size);
	*cap = want;
	return p;
}

#endif
