/* Words of the IR text. See text_scan.h. Reads within [at, end) only; the text may hold any bytes
 * and need not end with NUL. */
#include "ir/text_scan.h"

#include <stdarg.h>

#include "base/str.h"

static void set_error(struct scan *s, const char *at, const char *fmt, va_list ap)
{
	uint32_t line = 1, col = 1;
	char *message;

	if (s->error)
		return;
	for (const char *p = s->text; p < at; p++) {
		col = *p == '\n' ? 1 : col + 1;
		line += *p == '\n';
	}
	message = arena_vprintf(s->error_arena, fmt, ap);
	s->error = arena_printf(s->error_arena, "%u:%u: %s", line, col, message);
}

bool scan_fail_at(struct scan *s, const char *at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_error(s, at, fmt, ap);
	va_end(ap);
	return false;
}

bool scan_fail(struct scan *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_error(s, s->at, fmt, ap);
	va_end(ap);
	return false;
}

/* Blanks, and a comment from ";" to the end of the line. */
static void blanks(struct scan *s)
{
	while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\r'))
		s->at++;
	if (s->at < s->end && *s->at == ';')
		while (s->at < s->end && *s->at != '\n')
			s->at++;
}

char scan_peek(struct scan *s)
{
	blanks(s);
	return s->at < s->end ? *s->at : 0;
}

bool scan_eat(struct scan *s, char c)
{
	if (scan_peek(s) != c || s->at == s->end)
		return false;
	s->at++;
	return true;
}

bool scan_expect(struct scan *s, char c)
{
	return scan_eat(s, c) || scan_fail(s, "'%c' expected", c);
}

static bool is_letter(char c)
{
	return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_name_char(char c)
{
	return is_letter(c) || is_digit(c) || c == '.' || c == '$';
}

/* Length of the word that is next; 0: none. */
static size_t word_length(struct scan *s)
{
	const char *p;

	if (!is_letter(scan_peek(s)))
		return 0;
	for (p = s->at; p < s->end && is_name_char(*p); p++)
		;
	return (size_t)(p - s->at);
}

bool scan_word_is(struct scan *s, const char *word)
{
	size_t n = word_length(s);

	if (n == 0 || n != strlen(word) || memcmp(s->at, word, n) != 0)
		return false;
	s->at += n;
	return true;
}

bool scan_expect_word(struct scan *s, const char *word)
{
	return scan_word_is(s, word) || scan_fail(s, "'%s' expected", word);
}

bool scan_word(struct scan *s, const char **word, size_t *len)
{
	*len = word_length(s);
	*word = s->at;
	s->at += *len;
	return *len || scan_fail(s, "word expected");
}

bool scan_u32(struct scan *s, uint32_t max, uint32_t *n)
{
	uint64_t v = 0;
	const char *p;

	if (!is_digit(scan_peek(s)))
		return scan_fail(s, "number expected");
	for (p = s->at; p < s->end && is_digit(*p); p++) {
		v = v * 10 + (uint64_t)(*p - '0');
		if (v > max)
			return scan_fail(s, "number is too big");
	}
	s->at = p;
	*n = (uint32_t)v;
	return true;
}

bool scan_i64(struct scan *s, int64_t *n)
{
	bool negative = scan_eat(s, '-');
	uint64_t v = 0, max = negative ? 1ull << 63 : INT64_MAX;
	const char *p = s->at;

	if (p == s->end || !is_digit(*p))
		return scan_fail(s, "number expected");
	for (; p < s->end && is_digit(*p); p++) {
		uint64_t digit = (uint64_t)(*p - '0');

		if (v > (max - digit) / 10)
			return scan_fail(s, "number is too big");
		v = v * 10 + digit;
	}
	s->at = p;
	*n = (int64_t)(negative ? 0 - v : v);
	return true;
}

static int hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Behind a backslash; -1 after an error. */
static int escape(struct scan *s)
{
	char c = s->at < s->end ? *s->at++ : 0;

	switch (c) {
	case 'n':
		return '\n';
	case 't':
		return '\t';
	case '"':
	case '\\':
		return c;
	case 'x':
		if (s->end - s->at >= 2 && hex_digit(s->at[0]) >= 0 && hex_digit(s->at[1]) >= 0) {
			s->at += 2;
			return hex_digit(s->at[-2]) << 4 | hex_digit(s->at[-1]);
		}
		break;
	}
	scan_fail(s, "unknown escape");
	return -1;
}

bool scan_quoted(struct scan *s, size_t max, struct ir_str *out)
{
	const char *start;
	struct str b = {0};

	if (!scan_eat(s, '"'))
		return scan_fail(s, "quoted text expected");
	start = s->at - 1;
	while (s->at < s->end && *s->at != '"' && *s->at != '\n' && !s->error) {
		int c = (unsigned char)*s->at++;

		if (c == '\\')
			c = escape(s);
		if (c == 0)
			scan_fail(s, "NUL byte in a text");
		if (c > 0)
			str_addc(&b, (char)c);
	}
	if (s->at < s->end && *s->at == '"')
		s->at++;
	else
		scan_fail_at(s, start, "text without an end");
	if (b.len > max)
		scan_fail_at(s, start, "text is longer than %zu bytes", max);
	out->s = arena_strndup(s->arena, b.len ? b.s : "", b.len);
	out->len = (uint32_t)b.len;
	str_release(&b);
	return !s->error;
}

bool scan_name(struct scan *s, const char **name)
{
	struct ir_str quoted;
	size_t len;

	if (scan_peek(s) == '"') {
		if (!scan_quoted(s, 1 << 16, &quoted))
			return false;
		*name = quoted.s;
		return true;
	}
	if (!scan_word(s, name, &len))
		return false;
	*name = arena_strndup(s->arena, *name, len);
	return true;
}

bool scan_line_end(struct scan *s)
{
	if (scan_peek(s) && *s->at != '\n')
		return scan_fail(s, "end of line expected");
	if (s->at < s->end && *s->at != '\n')
		return scan_fail(s, "NUL byte in the text");
	return true;
}

bool scan_more(struct scan *s)
{
	while (scan_eat(s, '\n'))
		;
	return s->at < s->end;
}
