/* The library for emitted programs: what the emitter may call by name (gen/link.h).
 *
 * A pointer must be to writable map memory (no BPF_F_RDONLY_PROG: the verifier asks for it whatever
 * the function does) with at least the size of its type behind it, which is more than a slot has:
 *
 *	struct rt_str *	      520 bytes
 *	struct rt_room *     1032 bytes; it is a slot (struct rt_str) that is written piecemeal
 *	struct rt_frame *    all of it
 *
 * Only the bytes that belong to the slot are written. cap is the longest text that a slot can hold,
 * without its NUL: 511 at most. Longer texts are cut. dst and arguments are different slots unless
 * said otherwise.
 *
 * Results are plain numbers, 0 where nothing is said, or an enum rt_error: f->error and f->error_arg
 * are then set as well. Functions that return a value and may fail set f->error, which they leave
 * alone otherwise: the emitter looks there after the call.
 *
 * A token (rt_str.token) can be copied, compared and printed; functions that look at text see it as
 * an empty one. */
#ifndef BPFRT_BPFRT_H
#define BPFRT_BPFRT_H

#include "lib.h"

/* ------------------------------------------------------------------ strings */
/* dst may be src. */
long rt_copy(struct rt_str *dst, uint64_t cap, const struct rt_str *src);
/* dst may be a, b or both. */
long rt_concat(struct rt_room *dst, uint64_t cap, const struct rt_str *a, const struct rt_str *b);
/* -1, 0, 1, by unsigned bytes. Tokens come after texts, and by their bytes. */
long rt_compare(const struct rt_str *a, const struct rt_str *b);

/* ------------------------------------------------------------------ output */
/* Appends struct rt_arg_str and the text, padded to 8 with zeros, at f->out + f->out_used. 1 if
 * f->out_used > RT_OUT_BYTES: nothing is then written. */
long rt_out_str(struct rt_frame *f, const struct rt_str *s);

/* ------------------------------------------------------------------ memory */
/* At most max bytes of text. A fault: RT_E_USER_STRING (RT_E_KERNEL_STRING), dst is empty. */
long rt_user_string(struct rt_frame *f, struct rt_str *dst, uint64_t cap, uint64_t addr, uint64_t max);
/* The same for sleepable programs: brings missing pages in. */
long rt_user_string_sleepable(struct rt_frame *f, struct rt_str *dst, uint64_t cap, uint64_t addr,
			      uint64_t max);
long rt_kernel_string(struct rt_frame *f, struct rt_str *dst, uint64_t cap, uint64_t addr, uint64_t max);
/* The number at addr; how: 1, 2, 4 or 8 bytes, | 16: signed. A fault: f->error = RT_E_READ,
 * returns 0. */
long rt_user_read(struct rt_frame *f, uint64_t addr, uint64_t how);
long rt_user_read_sleepable(struct rt_frame *f, uint64_t addr, uint64_t how);
long rt_kernel_read(struct rt_frame *f, uint64_t addr, uint64_t how);

/* ------------------------------------------------------------------ statistics */
/* Atomic, on an element that began as RT_STAT_INIT. The caller adds to the bucket. */
long rt_stat_add(struct rt_stat_value *v, int64_t x);
/* The same and what @variance needs. */
long rt_stat_add_variance(struct rt_stat_value *v, int64_t x);
/* Numbers of buckets: 0 to 127; 0 to (high - low) / step + 2. */
long rt_hist_log(int64_t x);
long rt_hist_linear(int64_t x, int64_t low, int64_t high, int64_t step);

/* ------------------------------------------------------------------ locks */
/* 1 when taken; after that many further tries (1 << 20 at most): 0. */
long rt_lock_shared(struct rt_lock *lock, uint64_t spins);
long rt_lock_alone(struct rt_lock *lock, uint64_t spins);
long rt_unlock_shared(struct rt_lock *lock);
long rt_unlock_alone(struct rt_lock *lock);

#endif
