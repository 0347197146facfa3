/* Functions of the tapset that are written in C.
 *
 * A built-in tapset file declares them with an embedded body that is only a name:
 *
 *	function strlen:long (s:string) %{ strlen %}
 *
 * Types and overloads come from that declaration; purity and the C function from the table here
 * (one file a topic: rt/fn_string.c, rt/fn_time.c, ...; the lists are joined in intrinsic.c). */
#ifndef RT_INTRINSIC_H
#define RT_INTRINSIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rt_env; /* interp/interp.h: the session as seen from a running handler */

struct rt_value {
	int64_t n;
	const char *s; /* strings: not necessarily NUL-terminated */
	uint32_t len;
};

struct rt_call {
	struct rt_env *env;
	const struct rt_value *args;
	unsigned n_args;
	struct rt_value ret; /* long: n. String: write at most max_string bytes to buf, set ret.len
			      * (ret.s is set to buf before the call and may be pointed elsewhere,
			      * at memory that stays valid until the handler's end) */
	char *buf;
	uint32_t max_string;
};

enum intrinsic_flag {
	INTR_PURE = 1,	    /* same arguments, same result; no effect */
	INTR_STABLE = 2,    /* same result throughout one handler run (pid()); no effect */
	INTR_READS = 4,	    /* no effect, but the result changes (clocks, tokenize has effects) */
	INTR_FAILS = 8,	    /* may raise an error */
	INTR_GURU = 16,	    /* only with -g in user scripts */
	INTR_CONTEXT = 32,  /* needs a traced context: in begin, end and timers as SystemTap does there */
	INTR_ABORTS = 64,   /* may end the handler at once: abort() */
	INTR_IMPOSSIBLE = 128, /* calls are semantic errors */
};

struct intrinsic {
	const char *name;
	unsigned flags;
	uint32_t width; /* strings: longest result in bytes; 0: MAXSTRINGLEN - 1 */
	/* Returns 0, or -1 after rt_raise(). Never NULL. */
	int (*run)(struct rt_call *c);
};

/* By name as in the embedded body (surrounding blanks removed), or NULL. */
const struct intrinsic *intrinsic_find(const char *name, size_t len);
/* Number of an intrinsic, for ir_ins.imm, and back. */
uint32_t intrinsic_number(const struct intrinsic *i);
const struct intrinsic *intrinsic_by_number(uint32_t number);

/* Why a function with INTR_IMPOSSIBLE is. */
const char *intrinsic_reason(const struct intrinsic *i);

/* ppfunc() of a probe point: a part of its text, len bytes. */
const char *rt_point_function(const char *point, size_t *len);
/* Gives handlers in the kernel the zone of tz_gmtoff() and tz_name(). */
struct rt_shared;
void rt_zone_share(struct rt_shared *to);

/* A line in the kernel's log, at a level of 0 to 7; false: it cannot be written to, which is the text of a
 * warning. */
bool rt_kernel_log(int level, const char *s, size_t len);
#define RT_KERNEL_LOG_FAILED "printk() cannot write to /dev/kmsg"

/* The lists that intrinsic.c joins; each ends with a zeroed entry. */
extern const struct intrinsic rt_string_fns[], rt_time_fns[], rt_context_fns[], rt_session_fns[],
	rt_net_fns[], rt_name_fns[], rt_fp_fns[], rt_memory_fns[], rt_task_fns[], rt_impossible_fns[];

/* Raises a script error from an intrinsic; returns -1. */
int rt_raise(struct rt_call *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
