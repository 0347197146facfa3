/* Messages of passes 1 and 2: errors and warnings with their place in the source.
 *
 * Layout and wording follow SystemTap (spec: language reference, "Diagnostics"). Everything goes to
 * stderr at once; the session counts. Similar messages - same format string - are shown once unless
 * -v; diag_summary() then tells how many were held back. */
#ifndef LANG_DIAG_H
#define LANG_DIAG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct session;
struct token;

/* "semantic error: TEXT: TOKEN at FILE:L:C", source and caret; then the same for tok2 if not NULL.
 * Either token may be NULL. Counts in s->errors. fmt identifies "similar" messages. */
void sem_error(struct session *s, const struct token *tok, const struct token *tok2,
	       const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* A further block of the error reported last, not counted; silent if that was held back. */
void sem_note(struct session *s, const struct token *tok, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* "while resolving probe point: TOKEN at ..." and the error behind it, shown or held back together.
 * tok may be NULL. */
void sem_point_error(struct session *s, const struct token *point, const struct token *tok,
		     const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* "WARNING: TEXT: TOKEN at ..."; silent with -w; with -W it makes the pass fail (s->warned_errors). */
void sem_warn(struct session *s, const struct token *tok, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* "parse error: TEXT", "saw:" or "at:" line, source and caret, empty line. */
void parse_error(struct session *s, const struct token *tok, bool saw, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* Holds messages back (nesting): errors count in s->errors, nothing is printed. */
void diag_mute(struct session *s);
void diag_unmute(struct session *s);
/* "Number of similar error messages suppressed: N." and the hint, if any were. At the end of all. */
void diag_summary(struct session *s);

/* " (similar: a, b, c)" from up to 5 of the n names, nearest by Levenshtein distance first, ties
 * alphabetical; "" without any. In the session arena. */
const char *diag_similar(struct session *s, const char *name, const char *const *names, size_t n);

#endif
