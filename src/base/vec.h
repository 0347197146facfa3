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

/* Room for so many more at once: growing step by step leaves what was there before in the arena. */
#define vec_reserve(vec, arena, more)                                                          \
	do {                                                                                   \
		size_t want_ = (vec)->n + (more);                                              \
		if ((vec)->cap < want_) {                                                      \
			(vec)->v = vec_resize((arena), (vec)->v, (vec)->n, want_,              \
					      sizeof(*(vec)->v));                               \
			(vec)->cap = want_;                                                    \
		}                                                                              \
	} while (0)

typedef VEC(const char *) name_list;

#define vec_last(vec) ((vec)->v[(vec)->n - 1])

static inline void *vec_resize(struct arena *a, void *old, size_t n, size_t cap, size_t size)
{
	void *p = arena_alloc(a, cap * size);

	if (n)
		memcpy(p, old, n * size);
	return p;
}

static inline void *vec_grow(struct arena *a, void *old, size_t n, size_t *cap, size_t size)
{
	*cap = *cap ? *cap * 2 : 8;
	return vec_resize(a, old, n, *cap, size);
}

#endif
