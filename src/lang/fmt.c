/* printf formats: text to parts (language reference 7.2; which combinations are accepted: observed on
 * SystemTap 5.6). */
#include <string.h>

#include "lang/lang.h"

static const char bad[] = "invalid or missing conversion specifier";

/* Digits or "*" to *value. */
static void number(const char *fmt, size_t len, size_t *i, int *value)
{
	if (*i < len && fmt[*i] == '*') {
		(*i)++;
		*value = FMT_DYNAMIC;
		return;
	}
	if (*i < len && fmt[*i] >= '0' && fmt[*i] <= '9') {
		int64_t n = 0;

		for (; *i < len && fmt[*i] >= '0' && fmt[*i] <= '9'; (*i)++)
			if (n < 1000000)
				n = n * 10 + (fmt[*i] - '0');
		*value = n > 8192 ? 8192 : (int)n;
		return;
	}
	*value = FMT_NONE;
}

const char *format_parse(struct arena *a, const char *fmt, size_t len, fmt_parts *parts)
{
	struct str literal = {0};
	const char *error = NULL;
	size_t i = 0;

	while (i < len && !error) {
		static const char convs[] = "diuxXopcsmMb";
		static const enum conv kinds[] = {
			CONV_DEC,   CONV_DEC,  CONV_UNSIGNED, CONV_HEX,	   CONV_HEX_UPPER,  CONV_OCTAL,
			CONV_POINTER, CONV_CHAR, CONV_STRING,	CONV_MEMORY, CONV_MEMORY_HEX, CONV_BINARY};
		static const char flag_chars[] = "0+- #";
		static const unsigned flags[] = {FMT_ZERO, FMT_PLUS, FMT_LEFT, FMT_SPACE, FMT_ALT};
		struct fmt_part f = {.width = FMT_NONE, .precision = FMT_NONE};
		const char *k;

		if (fmt[i] != '%') {
			str_addc(&literal, fmt[i++]);
			continue;
		}
		if (++i < len && fmt[i] == '%') {
			str_addc(&literal, '%');
			i++;
			continue;
		}
		if (i < len && fmt[i] && (k = strchr(flag_chars, fmt[i]))) {
			f.flags = flags[k - flag_chars];
			i++;
		}
		number(fmt, len, &i, &f.width);
		if (i < len && fmt[i] == '.') {
			i++;
			number(fmt, len, &i, &f.precision);
		}
		if (i < len && fmt[i] == 'l')
			i++;
		if (i >= len || !fmt[i] || !(k = strchr(convs, fmt[i]))) {
			error = bad;
			break;
		}
		i++;
		f.conv = kinds[k - convs];
		if (literal.len) {
			struct fmt_part l = {.conv = CONV_LITERAL, .len = (uint32_t)literal.len};

			l.text = arena_strndup(a, literal.s, literal.len);
			vec_push(parts, a, l);
			literal.len = 0;
		}
		vec_push(parts, a, f);
	}
	if (literal.len && !error) {
		struct fmt_part l = {.conv = CONV_LITERAL, .len = (uint32_t)literal.len};

		l.text = arena_strndup(a, literal.s, literal.len);
		vec_push(parts, a, l);
	}
	str_release(&literal);
	return error;
}
