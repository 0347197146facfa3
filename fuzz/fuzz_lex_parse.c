/* Any bytes as a script: lexer, preprocessor, parser, dump of the tree. */
#include "fuzz.h"
#include "lang/lang.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct session s;
	struct str dump = {0};
	struct script *sc;
	bool failed = false;

	fuzz_session(&s);
	sc = parse_source(&s, source_make(&s, "<input>", (const char *)data, size), &failed);
	REQUIRE(sc);
	REQUIRE(failed == (s.errors > 0));
	ast_dump_script(&dump, sc);
	REQUIRE(dump.len > 0);
	str_release(&dump);
	session_release(&s);
	return 0;
}
