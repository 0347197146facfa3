/* The parser's inside, shared by parse_decl.c, parse_stmt.c and parse_expr.c.
 *
 * Errors: the first one of a declaration is reported and sets `failed`; from then on peek() answers
 * with an end-of-file token, so that every function returns soon (with NULL or rubbish that nobody
 * looks at), and the declaration loop recovers at the next keyword. */
#ifndef LANG_PARSE_H
#define LANG_PARSE_H

#include "lang/pp.h"

enum {
	MAX_NESTING = 400, /* of parentheses and blocks */
	MAX_HEIGHT = 1500, /* of an expression tree (long chains of operators) */
};

struct parser {
	struct session *s;
	const struct source *src;
	struct pp pp;
	struct token *ahead; /* read and not taken yet, or NULL */
	struct token eof;    /* what peek() gives after an error */
	struct arena *a;
	struct map globals; /* of this source, by name */
	bool failed;
	bool in_function;
	int depth;
};

void parser_init(struct parser *p, struct session *s, const struct source *src);
struct token *peek(struct parser *p);
struct token *take(struct parser *p);
bool peek_op(struct parser *p, const char *op);	 /* is the next token this operator? */
bool peek_key(struct parser *p, const char *word); /* ... this keyword? */
bool accept_op(struct parser *p, const char *op); /* takes it if so */
bool accept_key(struct parser *p, const char *word);
/* Takes the operator or fails with "expected 'op'". */
bool expect_op(struct parser *p, const char *op);
void perr(struct parser *p, const struct token *tok, bool saw, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* Counts nesting; false (and an error) when it is too deep. Every true needs a leave(). */
bool enter(struct parser *p, const struct token *tok);
void leave(struct parser *p);

/* Adjacent string literals joined; the next token must be a string. */
struct literal *parse_string(struct parser *p);
/* String or optionally negative number. NULL after an error. */
struct literal *parse_literal(struct parser *p);
bool parse_int(struct parser *p, int64_t *value); /* literal number with optional minus */
const struct token *parse_identifier(struct parser *p); /* NULL after "expected identifier" */
const struct token *parse_name_or_keyword(struct parser *p);

struct expr *parse_expr(struct parser *p);
struct expr *parse_hist(struct parser *p); /* @hist_log(...) or @hist_linear(...) */
bool peek_hist(struct parser *p);
struct stmt *parse_block(struct parser *p);
struct stmt *parse_stmt(struct parser *p);

#endif
