/* Any bytes as IR text. What parses and verifies must come back the same through the dump, and must
 * still be right after the optimisations. */
#include <string.h>

#include "fuzz.h"
#include "ir/ir.h"

static void round_trip(struct ir_module *m)
{
	struct arena a = {0};
	struct str first = {0}, second = {0};
	const char *error = NULL;
	struct ir_module *again;

	ir_dump(&first, m);
	again = ir_parse(&a, first.s, first.len, &error);
	REQUIRE(again);
	REQUIRE(!ir_verify(again));
	ir_dump(&second, again);
	REQUIRE(first.len == second.len && memcmp(first.s, second.s, first.len) == 0);
	ir_module_free(again);
	str_release(&first);
	str_release(&second);
	arena_release(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = {0};
	const char *error = NULL;
	struct ir_module *m;

	fuzz_quiet();
	m = ir_parse(&a, (const char *)data, size, &error);
	if (!m) {
		REQUIRE(error && error[0]);
	} else if (!ir_verify(m)) {
		round_trip(m);
		ir_optimize(m);
		REQUIRE(!ir_verify(m));
		round_trip(m);
	}
	ir_module_free(m);
	arena_release(&a);
	return 0;
}
