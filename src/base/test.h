/* Unit tests. They stand at the end of the file they test:
 *
 *	#ifdef TAPIR_TEST
 *	#include "base/test.h"
 *
 *	TEST(arena_memory_is_zeroed)
 *	{
 *		struct arena a = {0};
 *		int *p = ARENA_NEW(&a, int);
 *
 *		CHECK_INT(*p, 0);
 *		arena_release(&a);
 *	}
 *	#endif
 *
 * A check that fails ends its test. TEST leaves a pointer in a section of its own, which the linker
 * puts together from all files; tests/unit/main.c walks it. Call checks from the test's own thread.
 */
#ifndef BASE_TEST_H
#define BASE_TEST_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct test_case {
	const char *name, *file;
	int line;
	void (*run)(void);
};

/* unit -v: tests may print what they have measured. */
extern bool test_verbose;

/* Ends the running test: records place and text, jumps back to the runner. */
_Noreturn void test_fail(const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#define TEST(id)                                                                               \
	static void test_##id(void);                                                           \
	static const struct test_case test_case_##id = {#id, __FILE__, __LINE__, test_##id};   \
	static const struct test_case *const test_ref_##id                                     \
		__attribute__((used, section("tapir_tests"))) = &test_case_##id;               \
	static void test_##id(void)

#define CHECK(cond)                                                                            \
	do {                                                                                   \
		if (!(cond))                                                                   \
			test_fail(__FILE__, __LINE__, "not true: %s", #cond);                  \
	} while (0)

#define CHECK_INT(a, b)                                                                        \
	do {                                                                                   \
		int64_t check_a_ = (int64_t)(a), check_b_ = (int64_t)(b);                      \
                                                                                               \
		if (check_a_ != check_b_)                                                      \
			test_fail(__FILE__, __LINE__, "%s is %" PRId64 ", expected %" PRId64,  \
				  #a, check_a_, check_b_);                                     \
	} while (0)

/* Both may be NULL. */
#define CHECK_STR(a, b)                                                                        \
	do {                                                                                   \
		const char *check_a_ = (a), *check_b_ = (b);                                   \
                                                                                               \
		if (!check_a_ != !check_b_ || (check_a_ && strcmp(check_a_, check_b_) != 0))    \
			test_fail(__FILE__, __LINE__, "%s is \"%s\", expected \"%s\"", #a,      \
				  check_a_ ? check_a_ : "(NULL)",                              \
				  check_b_ ? check_b_ : "(NULL)");                             \
	} while (0)

#endif
