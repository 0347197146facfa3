/* See token.h. */
#include "lang/token.h"

#include "base/arena.h"

const char *token_describe(struct arena *a, const struct token *t)
{
	switch (t->kind) {
	case TOK_JUNK:
		return arena_printf(a, "junk '%s'", t->text);
	case TOK_IDENTIFIER:
		return arena_printf(a, "identifier '%s'", t->text);
	case TOK_OPERATOR:
		return arena_printf(a, "operator '%s'", t->text);
	case TOK_STRING:
		return arena_printf(a, "string '%s'", t->text);
	case TOK_NUMBER:
		return arena_printf(a, "number '%s'", t->text);
	case TOK_EMBEDDED:
		return "embedded-code";
	case TOK_KEYWORD:
		return "keyword";
	case TOK_EOF:
		return "EOF";
	}
	return "?";
}
