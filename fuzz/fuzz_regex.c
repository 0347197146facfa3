/* Regular expressions: the first line of the input is the expression, the rest is the text. The
 * tables and the simulation must agree on whether there is a match; the groups must lie in it. */
#include <stdlib.h>
#include <string.h>

#include "rt/regex_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(cond)            \
	do {                     \
		if (!(cond))     \
			abort(); \
	} while (0)

static void check_bounds(const int *b, unsigned n_groups, int len, bool matched)
{
	REQUIRE((b[0] >= 0) == matched && b[0] <= b[1] && b[1] <= len);
	for (unsigned i = 1; i < n_groups; i++) {
		const int *g = b + 2 * i;

		REQUIRE((g[0] < 0) == (g[1] < 0) && g[0] <= g[1]);
		REQUIRE(g[0] < 0 || (matched && g[0] >= b[0] && g[1] <= b[1]));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *expr = (const char *)data;
	const uint8_t *newline = size ? memchr(data, '\n', size) : NULL;
	size_t expr_len = newline ? (size_t)(newline - data) : size, position = SIZE_MAX;
	const char *text = newline ? expr + expr_len + 1 : "";
	size_t len = newline ? size - expr_len - 1 : 0;
	int bounds[2 * REGEX_MAX_GROUPS];
	struct regex *re, *plain;
	struct regex_pike *vm;
	char error[200] = "";

	re = regex_compile(expr, expr_len, true, error, sizeof(error), &position);
	if (!re) {
		REQUIRE(error[0] && position <= expr_len);
		return 0;
	}
	vm = (struct regex_pike *)re->tagged;
	REQUIRE(re->n_groups >= 1 && re->n_groups <= REGEX_MAX_GROUPS);
	for (size_t i = 0; i < (size_t)re->n_states * re->n_classes; i++)
		REQUIRE(re->next[i] < re->n_states);
	for (int c = 0; c < 256; c++)
		REQUIRE(re->byte_class[c] < re->n_classes);
	plain = regex_compile(expr, expr_len, false, error, sizeof(error), &position);
	REQUIRE(plain && plain->n_groups == re->n_groups && plain->n_states == re->n_states);
	/* All ends of the text, as $ and the early answers depend on it. */
	for (size_t n = len < 16 ? 0 : len; n <= len; n++) {
		bool matched = regex_test(re, text, n);

		REQUIRE(regex_test(plain, text, n) == matched);
		REQUIRE(regex_pike_run(vm, text, n, bounds) == matched);
		check_bounds(bounds, re->n_groups, (int)n, matched);
		REQUIRE(regex_match(re, text, n, bounds) == matched);
		check_bounds(bounds, re->n_groups, (int)n, matched);
	}
	regex_free(plain);
	regex_free(re);
	return 0;
}
