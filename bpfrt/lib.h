/* What the files of the library share. They are compiled as one unit (all.c) by clang -target bpf,
 * linked behind emitted programs by gen/link.c, and documented for the emitter in bpfrt.h.
 *
 * Rules that the verifier makes:
 *
 * - A global function is verified once, alone: a scalar argument may be any value, a pointer is NULL
 *   or memory of exactly the size of its type. That memory must be writable, even for const.
 * - No data sections: no string constants, no tables, no static variables.
 * - A loop over bytes is a static callback of bpf_loop() (5.17), which is verified for an unknown
 *   index: a few hundred instructions instead of a walk through all rounds. What a callback keeps in
 *   its context must be bounded again before each use as an index. State that starts as a constant
 *   makes the verifier walk the rounds one by one: take what it starts with from memory.
 * - A bound is proved by masking right before the use, behind a barrier that keeps the compiler from
 *   dropping the mask as superfluous. */
#ifndef BPFRT_LIB_H
#define BPFRT_LIB_H

#include "abi.h"

typedef _Bool bool;
#define true 1
#define false 0
#define NULL ((void *)0)
#define INT64_MAX 0x7fffffffffffffffll
#define INT64_MIN (-INT64_MAX - 1)

#define inline inline __attribute__((always_inline))
/* A subprogram that is verified at each call, and callbacks. */
#define LOCAL static __attribute__((noinline))

/* Helpers by number. */
static long (*const bpf_get_prandom_u32)(void) = (void *)7;
static long (*const bpf_probe_read_user)(void *to, uint32_t size, const void *from) = (void *)112;
static long (*const bpf_probe_read_kernel)(void *to, uint32_t size, const void *from) = (void *)113;
static long (*const bpf_probe_read_user_str)(void *to, uint32_t size, const void *from) = (void *)114;
static long (*const bpf_probe_read_kernel_str)(void *to, uint32_t size,
					       const void *from) = (void *)115;
static long (*const bpf_copy_from_user)(void *to, uint32_t size, const void *from) = (void *)148;
static long (*const bpf_loop)(uint32_t n, void *callback, void *ctx, uint64_t flags) = (void *)181;

enum { RT_MAX_TEXT = RT_STR_BYTES - 1 };

/* A string that is written at a variable place: the verifier adds the largest place and the largest
 * length, although their sum is bounded. Hence callers need this much memory behind the slot. */
struct rt_room {
	uint32_t len, token;
	char s[2 * RT_STR_BYTES];
};

/* The compiler knows nothing about the value from here on. */
#define forget(x) asm volatile("" : "+r"(x))

/* n, which is below RT_STR_BYTES, so that the verifier sees it. */
static inline uint64_t bound(uint64_t n)
{
	forget(n);
	return n & RT_MAX_TEXT;
}

static inline uint64_t min64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t limit(uint64_t cap)
{
	return min64(cap, RT_MAX_TEXT);
}

/* Length of a text. What will only be text when it is printed has none. */
static inline uint64_t text_len(const struct rt_str *s)
{
	return s->token ? 0 : limit(s->len);
}

static inline void copy(void *to, uint64_t n, const void *from)
{
	bpf_probe_read_kernel(to, (uint32_t)bound(n), from);
}

static inline void set_len(struct rt_str *s, uint64_t n)
{
	n = bound(n);
	s->s[n] = 0;
	s->len = (uint32_t)n;
	s->token = 0;
}

static inline uint64_t load64(const void *p)
{
	return *(const uint64_t *)p;
}

static inline void store64(void *p, uint64_t x)
{
	*(uint64_t *)p = x;
}

static inline long fail(struct rt_frame *f, enum rt_error e, int64_t arg)
{
	f->error = (int32_t)e;
	f->error_arg = arg;
	return (long)e;
}

#endif
