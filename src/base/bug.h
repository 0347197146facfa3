/* The two ways to end at once: die() when the system refuses something essential (memory), bug()
 * when Tapir itself is wrong. Wrong scripts never come here: they are diagnostics (lang/diag.h). */
#ifndef BASE_BUG_H
#define BASE_BUG_H

/* Prints "stap: TEXT" and exits with status 1. */
_Noreturn void die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Prints place, text and a request to report, then aborts. */
_Noreturn void bug_at(const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#define bug(...) bug_at(__FILE__, __LINE__, __VA_ARGS__)

#endif
