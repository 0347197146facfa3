/* Source texts and tokens.
 *
 * Tokens are immortal (session arena); every tree node points at one, so that any later pass can
 * show its place. Names are interned: compare pointers. */
#ifndef LANG_TOKEN_H
#define LANG_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct source {
	const char *name; /* as shown in messages: "<input>", "<input1>", or the path as given */
	const char *text; /* NUL-terminated, but may hold NUL bytes too */
	size_t len;
	bool library; /* a tapset file (else: the user's script, -e or -E) */
	bool builtin; /* a tapset file of ours: may use intrinsic bodies and guru constructs */
	unsigned id;  /* number of the source in the session, from 0; scope of private symbols */
};

enum token_kind {
	TOK_JUNK,
	TOK_IDENTIFIER,
	TOK_OPERATOR,
	TOK_STRING,
	TOK_NUMBER,
	TOK_EMBEDDED,
	TOK_KEYWORD,
	TOK_EOF,
};

struct token {
	enum token_kind kind;
	const struct source *src;
	uint32_t line, col; /* from 1, columns in bytes */
	const char *text;   /* identifiers, keywords, operators: interned. Strings: text as written
			     * between the quotes, escapes that the language knows still in place,
			     * unknown ones reduced to their character. Embedded: the raw text.
			     * Always NUL-terminated. */
	uint32_t len;
	const struct token *chain; /* the macro invocation ('@name') it was expanded from, or NULL */
};

/* "identifier 'x'", "number '5'", "keyword", ... as the messages name a token. In the arena. */
struct arena;
const char *token_describe(struct arena *a, const struct token *t);

#endif
