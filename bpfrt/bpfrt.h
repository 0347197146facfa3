/* The library for emitted programs: what the emitter may call by name (gen/link.h).
 *
 * A pointer must be to writable map memory (no BPF_F_RDONLY_PROG: the verifier asks for it whatever
 * the function does) with at least the size of its type behind it. For slots that is more than they
 * have: struct rt_str * 520 bytes, struct rt_room * 1032 bytes. Both point to a slot (struct
 * rt_str); the second type only says that the verifier wants to see more room, since places in the
 * text vary. Only the bytes that belong to the slot are written. cap is the longest text that a slot can hold,
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
/* Can rt_compare() tell whether they are the same? Not if one is a token, unless both are stacks, both are the
 * same token or the other one is empty. */
long rt_comparable(const struct rt_str *a, const struct rt_str *b);

long rt_strlen(const struct rt_str *s);
/* dst may be s. */
long rt_substr(struct rt_str *dst, uint64_t cap, const struct rt_str *s, int64_t start, int64_t len);
/* The byte, signed. Outside: f->error = RT_E_POSITION, 0. */
long rt_stringat(struct rt_frame *f, const struct rt_str *s, int64_t pos);
long rt_isdigit(const struct rt_str *s);
/* Place of the first sub in s, from at on; -1: there is none. */
long rt_find(const struct rt_room *s, uint64_t at, const struct rt_room *sub);
long rt_strpos(const struct rt_room *s, const struct rt_room *sub);
long rt_isinstr(const struct rt_room *s, const struct rt_room *sub);
long rt_str_replace(struct rt_room *dst, uint64_t cap, const struct rt_room *s,
		    const struct rt_room *from, const struct rt_room *to);
long rt_strtol(const struct rt_str *s, int64_t base);
/* tokenize(s, delims), tokenize(delims). The emitter zeroes f->token_text.len and f->token_pos when
 * a handler starts that calls them. dst may be s or delims. */
long rt_tokenize(struct rt_frame *f, struct rt_str *dst, uint64_t cap, const struct rt_str *s,
		 const struct rt_str *delims);
long rt_tokenize_next(struct rt_frame *f, struct rt_str *dst, uint64_t cap,
		      const struct rt_str *delims);
/* text_strn(s, size, quoted) with cap in the place of the string limit. */
long rt_text_strn(struct rt_room *dst, uint64_t cap, const struct rt_room *s, int64_t size,
		  uint64_t quoted);
long rt_text_str(struct rt_room *dst, uint64_t cap, const struct rt_room *s);
long rt_string_quoted(struct rt_room *dst, uint64_t cap, const struct rt_room *s);

/* ------------------------------------------------------------------ formatting */
/* Each appends to dst, which the emitter has made empty before the first (len, token and s[0]). spec:
 * see RT_SPEC_FLAGS. dst is none of the arguments. */
long rt_fmt_lit(struct rt_room *dst, uint64_t cap, const struct rt_str *s);
long rt_fmt_int(struct rt_room *dst, uint64_t cap, int64_t value, uint64_t spec);
long rt_fmt_str(struct rt_room *dst, uint64_t cap, const struct rt_str *s, uint64_t spec);
long rt_fmt_char(struct rt_room *dst, uint64_t cap, uint64_t ch, uint64_t spec);
long rt_fmt_binary(struct rt_room *dst, uint64_t cap, uint64_t value, uint64_t spec);
/* %M of the bytes in s; %m is rt_fmt_str() without a precision. */
long rt_fmt_hex(struct rt_room *dst, uint64_t cap, const struct rt_str *s, uint64_t spec);
/* For rt_fmt_int(): digits with their prefix. */
long rt_fmt_digits(struct rt_room *dst, uint64_t cap, const struct rt_digits *d, uint64_t spec);
/* n times the same byte. */
long rt_fmt_pad(struct rt_room *dst, uint64_t cap, int64_t n, uint64_t byte);

/* ------------------------------------------------------------------ regular expressions */
/* 1 or 0 */
long rt_regex_test(const struct rt_str *s, const struct rt_regex *re);
/* The same; g then knows the groups. g is zero before its first use. */
long rt_regex_groups(struct rt_groups *g, const struct rt_str *s, const struct rt_regex *re,
		     const struct rt_group_program *p);
/* Text of group n, 0: all that matched. An enum rt_matched. */
long rt_matched(struct rt_groups *g, struct rt_str *dst, uint64_t cap, int64_t n);

/* ------------------------------------------------------------------ names */
/* Text of flags by a table; the low 32 bits of value. */
long rt_flags(struct rt_room *dst, uint64_t cap, const struct rt_flag_table *t, uint64_t value);

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
/* string_quoted() of the string, or its address in hexadecimal; no error. lens: longest text that is
 * read, | longest result with its NUL << 32 (0: cap), both clamped to 0..0x7fffffff before. */
long rt_user_string_quoted(struct rt_frame *f, struct rt_room *dst, uint64_t cap, uint64_t addr);
long rt_user_string_n_quoted(struct rt_frame *f, struct rt_room *dst, uint64_t cap, uint64_t addr,
			     uint64_t lens);
/* The same of that many bytes, NULs included. */
long rt_user_buffer_quoted(struct rt_frame *f, struct rt_room *dst, uint64_t cap, uint64_t addr,
			   uint64_t lens);
/* A text of characters of 2 or 4 bytes (how, | 8: in the kernel) as UTF-8. An enum rt_wide: dst is then empty,
 * f->error_arg the address, f->scratch[0] the character that is none. */
long rt_wide_string(struct rt_frame *f, struct rt_room *dst, uint64_t cap, uint64_t addr, uint64_t how);
/* n bytes, NULs included; what does not fit is left out. A fault: RT_E_READ, dst is empty. */
long rt_user_bytes(struct rt_frame *f, struct rt_str *dst, uint64_t cap, uint64_t addr, uint64_t n);
long rt_kernel_bytes(struct rt_frame *f, struct rt_str *dst, uint64_t cap, uint64_t addr, uint64_t n);
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
/* @variance: 0 of less than two values. */
long rt_stat_variance(const struct rt_stat_value *v);
/* Numbers of buckets: 0 to 127; 0 to (high - low) / step + 2. */
long rt_hist_log(int64_t x);
long rt_hist_linear(int64_t x, int64_t low, int64_t high, int64_t step);

/* The histogram of the struct rt_stat_value at an address. For it: columns of a number; a number in how & 0xffff columns, with
 * the character how >> 16 before it. */
long rt_hist_width(int64_t v);
long rt_hist_number(struct rt_room *dst, uint64_t cap, int64_t v, uint64_t how);
long rt_hist_text(struct rt_room *dst, uint64_t cap, uint64_t stat, const struct rt_hist *h);

/* ------------------------------------------------------------------ floating point */
/* Bit patterns of IEEE 754 binary64 numbers. */
long rt_fp_add(uint64_t a, uint64_t b);
long rt_fp_sub(uint64_t a, uint64_t b);
long rt_fp_mul(uint64_t a, uint64_t b);
long rt_fp_div(uint64_t a, uint64_t b);
long rt_fp_rem(uint64_t a, uint64_t b);
long rt_fp_sqrt(uint64_t a);
long rt_fp_eq(uint64_t a, uint64_t b);
long rt_fp_le(uint64_t a, uint64_t b);
long rt_fp_lt(uint64_t a, uint64_t b);
/* mode: 0 to nearest (ties to even), 1 to zero, 2 down, 3 up, 4 to nearest (ties away from zero) */
long rt_fp_to_long(uint64_t a, uint64_t mode);
long rt_long_to_fp(int64_t n);
long rt_fp32_to_fp64(uint64_t v);
/* As printf("%.*f"). */
long rt_fp_to_string(struct rt_frame *f, struct rt_room *dst, uint64_t cap, uint64_t v, int64_t precision);
/* As strtod(). */
long rt_string_to_fp(struct rt_frame *f, const struct rt_room *s);

/* ------------------------------------------------------------------ loops over tables */
/* A handler takes a region of the map of places for itself: 0 if all are in use; and gives it back. */
long rt_take_places(struct rt_frame *f, struct rt_shared *s);
long rt_drop_places(struct rt_frame *f);
/* The l->n places from l->base on become a heap; sorted by texts: RT_SORT_TEXT() | offset. */
long rt_foreach_start(struct rt_frame *f, struct rt_foreach *l);
long rt_foreach_start_texts(struct rt_frame *f, struct rt_foreach *l, uint64_t text);
/* Address of the next element's key, 0: there is none. */
long rt_foreach_next(struct rt_frame *f, struct rt_foreach *l);
long rt_foreach_next_texts(struct rt_frame *f, struct rt_foreach *l, uint64_t text);

/* ------------------------------------------------------------------ locks */
/* 1 when taken; after that many further tries (1 << 23 at most): 0. */
long rt_lock_shared(struct rt_lock *lock, uint64_t spins);
long rt_lock_alone(struct rt_lock *lock, uint64_t spins);
/* The same without waiting. */
long rt_try_shared(struct rt_lock *lock);
long rt_unlock_shared(struct rt_lock *lock);
long rt_unlock_alone(struct rt_lock *lock);

/* ------------------------------------------------------------------ tasks */
/* Address of the task_struct with this id in the namespace that the current task's first id is in; 0:
 * there is none. */
long rt_find_task(uint64_t current, const struct rt_task_layout *at, int64_t pid);
/* Words w->first to w->last (< 0: the last one) of those from w->at to w->end in user memory, each with
 * a NUL behind it, joined by delim. Empty if one cannot be read. dst is not delim. */
long rt_join_words(struct rt_frame *f, struct rt_room *dst, uint64_t cap, const struct rt_words *w,
		   const struct rt_str *delim);
long rt_join_words_sleepable(struct rt_frame *f, struct rt_room *dst, uint64_t cap,
			     const struct rt_words *w, const struct rt_str *delim);
/* Address of what follows "NAME=" in the first of such words that begins with it; 0: none does. */
long rt_find_variable(struct rt_frame *f, const struct rt_words *w, const struct rt_room *name);
long rt_find_variable_sleepable(struct rt_frame *f, const struct rt_words *w,
				const struct rt_room *name);
long rt_count_bits(uint64_t addr, uint64_t n);

/* ------------------------------------------------------------------ stacks */
/* Where the function starts whose return probe runs, by perf event; 0: not known. */
uint64_t rt_returning_function(const struct rt_uprobe_layout *at);
/* The stack of the traced program to f->walk.stack; f->walk.function and .at_entry are the caller's.
 * The result is its key in the map of stacks. */
uint64_t rt_user_stack(struct rt_frame *f, uint64_t ip, uint64_t sp, uint64_t fp,
		       const struct rt_uprobe_layout *at);
/* The stack of the kernel, of which bpf_get_stack() has left so many bytes in f->tmp.s, to f->walk.stack.
 * f->walk.function goes first, if it is not 0; f->walk.low is a function that fentry has stopped, or 0. */
uint64_t rt_kernel_stack(struct rt_frame *f, const struct rt_own_frames *own, uint64_t bytes);
/* Addresses in a text, as backtrace() and callers() give them, to f->walk.stack. */
uint64_t rt_stack_parse(struct rt_frame *f, const struct rt_str *s);
/* The key of the stack in f->walk.stack. */
uint64_t rt_stack_hash(struct rt_frame *f);
/* Its first last + 1 addresses (last < 0: all) with blanks between them (ended: and behind the last). */
long rt_stack_text(struct rt_room *dst, uint64_t cap, struct rt_frame *f, int64_t last, uint64_t ended);
/* Address number n of it, 0 if it has less. */
long rt_stack_address(struct rt_frame *f, int64_t n);
/* dst->s is what bpf_snprintf() made of a kernel address, n its result: "name [module]", with "%pS"
 * "name+0x1/0x2 [module]", "0x..." where there is no symbol. dst becomes the part (enum rt_symbol_part). */
long rt_symbol_text(struct rt_str *dst, uint64_t cap, uint64_t n, uint64_t part);

/* ------------------------------------------------------------------ time */
/* UTC; of a time that fits into 32 bits. */
long rt_ctime(struct rt_str *dst, uint64_t cap, int64_t seconds, const struct rt_calendar *names);
/* Busy for so long, or some tenths of a second. */
long rt_delay(int64_t ns);

/* ------------------------------------------------------------------ overload */
/* At the end of a hit that f->measured_at is the start of; it stands for weight hits. 1: there was too
 * much of them, the session stops. */
long rt_overload(struct rt_frame *f, struct rt_shared *sh, uint64_t weight);

/* ------------------------------------------------------------------ perf counters */
/* Verified at each call. Maps: of perf events, RT_COUNTERS of each CPU; of struct rt_counts by thread; of
 * each CPU's struct rt_counting. The current thread is switched away, or ends as one whose events count
 * (ends); n counters are in use. */
LOCAL long rt_count_thread(void *events, void *threads, void *cpus, uint64_t n, uint64_t ends);
/* How many events number i the current thread has had; how often it was switched away. */
LOCAL long rt_counter(void *events, void *threads, void *cpus, uint64_t i);
LOCAL long rt_switches(void *threads);

/* ------------------------------------------------------------------ others */
/* 0 to n - 1. Above 1 << 20: f->error = RT_E_RANGE. */
long rt_randint(struct rt_frame *f, int64_t n);

#endif
