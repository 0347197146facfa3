/* Runs the unit tests of all files (base/test.h): unit [-v] [SUBSTRING]
 *
 * Each prints "ok NAME" or "not ok NAME: FILE:LINE: what was wrong". */
#include "base/test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

/* Ends of the section, made by the linker; absent when no file has tests. */
extern const struct test_case *const __start_tapir_tests[] __attribute__((weak));
extern const struct test_case *const __stop_tapir_tests[] __attribute__((weak));

bool test_verbose;

static jmp_buf back;
static char failure[4096];

void test_fail(const char *file, int line, const char *fmt, ...)
{
	va_list ap;
	int n = snprintf(failure, sizeof(failure), "%s:%d: ", file, line);

	va_start(ap, fmt);
	if (n >= 0 && (size_t)n < sizeof(failure))
		vsnprintf(failure + n, sizeof(failure) - (size_t)n, fmt, ap);
	va_end(ap);
	longjmp(back, 1);
}

static int by_name(const void *a, const void *b)
{
	const struct test_case *x = *(const struct test_case *const *)a;
	const struct test_case *y = *(const struct test_case *const *)b;
	int order = strcmp(x->file, y->file);

	return order ? order : (x->line > y->line) - (x->line < y->line);
}

/* Of its own, so that no variable is alive across the jump. */
static bool run(const struct test_case *t)
{
	bool ok = setjmp(back) == 0;

	if (ok) {
		t->run();
		printf("ok %s\n", t->name);
	} else {
		printf("not ok %s: %s\n", t->name, failure);
	}
	fflush(stdout);
	return ok;
}

int main(int argc, char **argv)
{
	const struct test_case *const *p;
	const struct test_case **v;
	size_t n = 0, n_failed = 0;

	if (argc > 1 && strcmp(argv[1], "-v") == 0) {
		test_verbose = true;
		argv++;
		argc--;
	}

	v = calloc((size_t)(__stop_tapir_tests - __start_tapir_tests) + 1,
		   sizeof(const struct test_case *));
	if (!v)
		return 2;
	for (p = __start_tapir_tests; p < __stop_tapir_tests; p++)
		if (*p && (argc < 2 || strstr((*p)->name, argv[1])))
			v[n++] = *p;
	qsort(v, n, sizeof(const struct test_case *), by_name);
	for (size_t i = 0; i < n; i++)
		n_failed += !run(v[i]);
	free(v);
	return n_failed ? 1 : 0;
}
