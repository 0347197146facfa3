/* Words of the IR text; private to text_parse.c and text_scan.c.
 *
 * All readers skip blanks first and return false after recording an error, which sticks: a chain of
 * calls joined by && stops at the first. A newline is a token of its own. */
#ifndef IR_TEXT_SCAN_H
#define IR_TEXT_SCAN_H

#include "ir/ir.h"

struct scan {
	const char *text, *end, *at;
	struct arena *arena;	   /* of names and strings */
	struct arena *error_arena;
	const char *error;	   /* "line:col: message", or NULL */
};

bool scan_fail(struct scan *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool scan_fail_at(struct scan *s, const char *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The next byte behind blanks, 0 at the end of the text. */
char scan_peek(struct scan *s);
bool scan_eat(struct scan *s, char c);	  /* takes c if it is next; never an error */
bool scan_word_is(struct scan *s, const char *word); /* takes the word if it is next */
bool scan_expect(struct scan *s, char c);
bool scan_expect_word(struct scan *s, const char *word);
bool scan_word(struct scan *s, const char **word, size_t *len);
bool scan_u32(struct scan *s, uint32_t max, uint32_t *n);
bool scan_i64(struct scan *s, int64_t *n);
/* A quoted text of at most max bytes without NUL. */
bool scan_quoted(struct scan *s, size_t max, struct ir_str *out);
/* A bare or quoted name, as a copy in the arena. */
bool scan_name(struct scan *s, const char **name);
bool scan_line_end(struct scan *s);
/* Skips empty lines; true if there is more text. */
bool scan_more(struct scan *s);

#endif
