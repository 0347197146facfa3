/* Shared by the topic files of the intrinsics (fn_*.c): how they hand back results, and where they
 * look things up. Nothing here allocates. A result buffer never overlaps an argument. */
#ifndef RT_FN_H
#define RT_FN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#include "base/str.h"
#include "rt/intrinsic.h"

enum { RT_FN_LINE = 1024 }; /* enough for any formatted result but those that hold user texts */

static inline int rt_ret_long(struct rt_call *c, int64_t n)
{
	c->ret.n = n;
	return 0;
}

/* Copies the text, cut at the string limit. */
int rt_ret_text(struct rt_call *c, const char *s, size_t len);
/* Text that lives as long as the session: not copied, but cut too. NULL gives "". */
int rt_ret_static(struct rt_call *c, const char *s);
/* Formatted; at most RT_FN_LINE - 1 bytes. */
int rt_retf(struct rt_call *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Adds to the result what fits of n bytes. The caller has set ret.s to buf and ret.len to 0 by
 * rt_ret_text(c, "", 0). Returns false if something was cut. */
bool rt_ret_add(struct rt_call *c, const char *s, size_t n);

static inline bool rt_arg_is(const struct rt_value *v, const char *text)
{
	size_t n = strlen(text);

	return v->len == n && memcmp(v->s, text, n) == 0;
}

/* The error of functions that only handlers in the kernel can do. */
int rt_needs_context(struct rt_call *c);

/* Does --compatible ask for something older than version? */
bool rt_compatible_below(const struct rt_call *c, const char *version);
/* pp() of the running handler; "" if there is none. */
const char *rt_probe_point(const struct rt_call *c);

/* Reads the start of a file into buf and puts a NUL behind it. Returns the length, -1 on failure. */
ssize_t rt_read_file(const char *path, char *buf, size_t size);

#ifdef TAPIR_TEST
/* Calls an intrinsic by name with a zeroed environment and a string limit of 511 (or max):
 *	CHECK_INT(RT_LONG("strlen", RT_S("abc")), 3); */
struct rt_env;
const struct rt_call *rt_test_call(struct rt_env *env, uint32_t max, const char *name,
				   const struct rt_value *args, size_t n_args);
#define RT_N(x) {.n = (x)}
#define RT_S(text) {.s = (text), .len = sizeof(text) - 1}
#define RT_ARGS(...)                                                                           \
	(const struct rt_value[]){{0}, __VA_ARGS__} + 1,                                       \
		sizeof((const struct rt_value[]){{0}, __VA_ARGS__}) / sizeof(struct rt_value) - 1
#define RT_DO(env, name, ...) ((void)rt_test_call(env, 511, name, RT_ARGS(__VA_ARGS__)))
#define RT_LONG(name, ...) (rt_test_call(NULL, 511, name, RT_ARGS(__VA_ARGS__))->ret.n)
#define RT_TEXT(name, ...) (rt_test_call(NULL, 511, name, RT_ARGS(__VA_ARGS__))->ret.s)
#define RT_TEXT_MAX(max, name, ...) (rt_test_call(NULL, max, name, RT_ARGS(__VA_ARGS__))->ret.s)
#define RT_LONG_IN(env, name, ...) (rt_test_call(env, 511, name, RT_ARGS(__VA_ARGS__))->ret.n)
#define RT_TEXT_IN(env, name, ...) (rt_test_call(env, 511, name, RT_ARGS(__VA_ARGS__))->ret.s)
#endif

#endif
