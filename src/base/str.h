/* Growable text on the heap. Invariants: s is never NULL after the first append and always
 * NUL-terminated; len does not count the NUL. Zero-initialise, or `= {0}`. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdarg.h>
#include <stddef.h>

struct str {
	char *s;
	size_t len, cap;
};

void str_add(struct str *b, const char *s);
void str_addn(struct str *b, const char *s, size_t n);
void str_addc(struct str *b, char c);
void str_addf(struct str *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void str_vaddf(struct str *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
/* Room for n more bytes behind len; returns where they go. The caller then adds to len. */
char *str_room(struct str *b, size_t n);
void str_release(struct str *b);

#endif
