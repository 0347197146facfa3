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
 *   its context must be bounded again before each use as an index. State that changes and that the
 *   callback reads must not start as a constant: the verifier would walk the rounds one by one, and
 *   those before 6.7 walk the first one only and cut off branches that it does not take.
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
/* The emitter calls it. */
#define USED __attribute__((used))

/* Helpers by number. */
static void *(*const bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static long (*const bpf_map_update_elem)(void *map, const void *key, const void *value,
					 uint64_t flags) = (void *)2;
static long (*const bpf_map_delete_elem)(void *map, const void *key) = (void *)3;
static long (*const bpf_get_prandom_u32)(void) = (void *)7;
static uint64_t (*const bpf_ktime_get_ns)(void) = (void *)5;
static uint32_t (*const bpf_get_smp_processor_id)(void) = (void *)8;
static uint64_t (*const bpf_get_current_pid_tgid)(void) = (void *)14;
static uint64_t (*const bpf_get_current_task)(void) = (void *)35;
static long (*const bpf_perf_event_read_value)(void *map, uint64_t index, void *value,
					       uint32_t size) = (void *)55;
static long (*const bpf_probe_read_user)(void *to, uint32_t size, const void *from) = (void *)112;
static long (*const bpf_probe_read_kernel)(void *to, uint32_t size, const void *from) = (void *)113;
static long (*const bpf_probe_read_user_str)(void *to, uint32_t size, const void *from) = (void *)114;
static long (*const bpf_probe_read_kernel_str)(void *to, uint32_t size,
					       const void *from) = (void *)115;
static long (*const bpf_copy_from_user)(void *to, uint32_t size, const void *from) = (void *)148;
static long (*const bpf_loop)(uint32_t n, void *callback, void *ctx, uint64_t flags) = (void *)181;

enum { BPF_NOEXIST = 1 };
enum { RT_MAX_TEXT = RT_STR_BYTES - 1 };

/* A string that is written at a variable place: the verifier adds the largest place and the largest
 * length, although their sum is bounded. Hence callers need this much memory behind the slot. */
struct rt_room {
	uint32_t len, token;
	char s[2 * RT_STR_BYTES];
};

/* A number on its way into a string. */
struct rt_digits {
	uint64_t digits[3]; /* characters, the last n of them count */
	uint64_t n, prefix, n_prefix;
};

/* The compiler knows nothing about the value from here on. */
#define forget(x) asm volatile("" : "+r"(x))

/* n, which is below RT_STR_BYTES, so that the verifier sees it. */
static inline uint64_t bound(uint64_t n)
{
	forget(n);
	return n & RT_MAX_TEXT;
}

static inline uint64_t load64(const void *p)
{
	return *(const uint64_t *)p;
}

static inline void store64(void *p, uint64_t x)
{
	*(uint64_t *)p = x;
}

static inline uint64_t min64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* The smaller of two numbers below 2^63, without a branch: each would double the ways that the
 * verifier walks through all that follows. */
static inline uint64_t smaller(uint64_t a, uint64_t b)
{
	int64_t less = (int64_t)(a - b), mask = less >> 63;

	forget(mask);
	return b + (uint64_t)(less & mask);
}

static inline uint64_t limit(uint64_t cap)
{
	return smaller(cap, RT_MAX_TEXT);
}

/* Length of a text. What will only be text when it is printed has none. */
static inline uint64_t text_len(const struct rt_str *s)
{
	uint64_t is_text = ((uint64_t)s->token - 1) >> 63;

	forget(is_text);
	return limit(s->len) & -is_text;
}

static inline void copy(void *to, uint64_t n, const void *from)
{
	bpf_probe_read_kernel(to, (uint32_t)bound(n), from);
}

/* Zero that the verifier doesn't know to be one, where s is a text: what loops start from. */
static inline uint64_t zero(const void *s)
{
	return *(const volatile uint32_t *)&((const struct rt_str *)s)->token;
}

/* The same from x, a number that the verifier does not know. */
static inline uint64_t zero_of(uint64_t x)
{
	uint64_t y = x;

	forget(y);
	return x - y;
}

/* x, but the verifier no longer knows any value of it: what a callback leaves in its context for the
 * next round goes through here if it was a constant or is one more than it was. s is a text. */
static inline uint64_t opaque(uint64_t x, const void *s)
{
	return x + zero(s);
}

/* The same for any x below 2^32 through memory, so that all ways to it look the same afterwards. */
static inline uint64_t launder(uint64_t x, struct rt_room *scratch)
{
	*(volatile uint32_t *)&scratch->len = (uint32_t)x;
	return *(volatile uint32_t *)&scratch->len;
}

/* Of n bytes (1 to 8), the first one lowest. Nothing behind them is touched. */
static inline void store_bytes(char *p, uint64_t bytes, uint64_t n)
{
	if (n & 8) {
		store64(p, bytes);
		return;
	}
	if (n & 4) {
		*(uint32_t *)p = (uint32_t)bytes;
		p += 4;
		bytes >>= 32;
	}
	if (n & 2) {
		*(uint16_t *)p = (uint16_t)bytes;
		p += 2;
		bytes >>= 16;
	}
	if (n & 1)
		*p = (char)bytes;
}

/* What fits of n bytes, behind the first out bytes of dst; the new length. The caller ends the text
 * by set_len(). */
static inline uint64_t append(struct rt_room *dst, uint64_t cap, uint64_t out, const char *from,
			      uint64_t n)
{
	out = smaller(out, cap);
	n = smaller(n, cap - out);
	copy(dst->s + bound(out), n, from);
	return out + n;
}

static inline void set_len(struct rt_str *s, uint64_t n)
{
	n = bound(n);
	s->s[n] = 0;
	s->len = (uint32_t)n;
	s->token = 0;
}

/* The 8 hexadecimal digits (0 to 15) of x as bytes, the highest digit in the lowest one. */
static inline uint64_t nibbles(uint64_t x)
{
	x = (x | x << 16) & 0x0000ffff0000ffffull;
	x = (x | x << 8) & 0x00ff00ff00ff00ffull;
	x = (x | x << 4) & 0x0f0f0f0f0f0f0f0full;
	return __builtin_bswap64(x);
}

/* Digits 0 to 15 as characters. */
static inline uint64_t characters(uint64_t digits, bool upper)
{
	uint64_t letters = (digits + 0x0606060606060606ull) >> 4 & 0x0101010101010101ull;

	return digits + 0x3030303030303030ull + letters * (upper ? 7 : 39);
}

static inline long fail(struct rt_frame *f, enum rt_error e, int64_t arg)
{
	f->error = (int32_t)e;
	f->error_arg = arg;
	return (long)e;
}

#endif
