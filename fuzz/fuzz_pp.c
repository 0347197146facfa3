/* Any bytes through lexer and preprocessor, as a user's file and as a macro library. */
#include "fuzz.h"
#include "lang/lang.h"
#include "lang/pp.h"

enum { MAX_ERRORS = 200, MAX_TOKENS = 2000000 };

static void as_script(const uint8_t *data, size_t size)
{
	struct session s;
	struct pp pp;
	int n_errors = 0, n_tokens = 0;

	fuzz_session(&s);
	pp_init(&pp, &s, source_make(&s, "<input>", (const char *)data, size));
	while (n_errors < MAX_ERRORS && n_tokens++ < MAX_TOKENS) {
		struct token *t = pp_next(&pp);

		if (!t) {
			REQUIRE(pp.failed && s.errors > n_errors);
			pp.failed = false;
			n_errors++;
		} else if (t->kind == TOK_EOF) {
			/* Again and again. */
			t = pp_next(&pp);
			REQUIRE(!t || t->kind == TOK_EOF);
			break;
		} else {
			REQUIRE(t->line >= 1 && t->col >= 1 && token_describe(&s.arena, t));
		}
	}
	session_release(&s);
}

static void as_library(const uint8_t *data, size_t size)
{
	struct session s;
	struct source *src;

	fuzz_session(&s);
	src = source_make(&s, "fuzz.stpm", (const char *)data, size);
	src->library = true;
	parse_macro_library(&s, src);
	session_release(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	as_script(data, size);
	as_library(data, size);
	return 0;
}
