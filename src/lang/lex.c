/* Lexer: bytes to tokens (language reference 1.1-1.8), with script arguments substituted.
 *
 * "$1" is replaced by the characters of argument 1 before anything else looks at them, "@1" by a
 * string token, "$#" and "@#" by their number. Errors are left in lexer.error: the preprocessor
 * reports them only if the token lies in text that counts. */
#include "lang/lex.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "lang/diag.h"
#include "session.h"

struct source *source_make(struct session *s, const char *name, const char *text, size_t len)
{
	struct source *src = ARENA_NEW(&s->arena, struct source);

	src->name = arena_strdup(&s->arena, name);
	src->text = arena_strndup(&s->arena, text, len);
	src->len = len;
	src->id = (unsigned)s->sources.n;
	vec_push(&s->sources, &s->arena, src);
	return src;
}

void lex_init(struct lexer *lx, struct session *s, const struct source *src)
{
	memset(lx, 0, sizeof(*lx));
	lx->s = s;
	lx->src = src;
	lx->line = 1;
}

/* The character k places ahead, -1 at the end. */
static int peek(const struct lexer *lx, size_t k)
{
	size_t rest = lx->ins_len - lx->ins_pos;

	if (k < rest)
		return (unsigned char)lx->ins[lx->ins_pos + k];
	k += lx->pos - rest;
	return k < lx->src->len ? (unsigned char)lx->src->text[k] : -1;
}

static int get(struct lexer *lx)
{
	int c;

	if (lx->ins_pos < lx->ins_len) {
		c = (unsigned char)lx->ins[lx->ins_pos++];
		return c;
	}
	if (lx->pos >= lx->src->len)
		return -1;
	c = (unsigned char)lx->src->text[lx->pos++];
	if (c == '\n') {
		lx->line++;
		lx->line_start = lx->pos;
	}
	return c;
}

static void advance(struct lexer *lx, size_t n)
{
	while (n--)
		get(lx);
}

static bool word_start(int c)
{
	return c == '_' || c == '$' || (c < 128 && isalpha(c));
}

static bool word_char(int c)
{
	return c == '_' || c == '$' || (c >= 0 && c < 128 && isalnum(c));
}

static bool is_keyword(const struct lexer *lx, const char *w)
{
	static const char *const words[] = {
		"probe",    "global", "function", "if",	    "else",   "for",   "foreach",
		"in",	    "limit",  "return",	  "delete", "while",  "break", "continue",
		"next",	    "string", "long",	  "try",    "catch",
	};

	if (strcmp(w, "private") == 0)
		return !compatible_below(lx->s, "3.0");
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(w, words[i]) == 0)
			return true;
	return false;
}

/* Blanks and comments. An unterminated comment swallows the rest. */
static void skip_space(struct lexer *lx)
{
	for (;;) {
		int c = peek(lx, 0), d = peek(lx, 1);

		if (c >= 0 && c < 128 && isspace(c)) {
			get(lx);
		} else if (c == '#' || (c == '/' && d == '/')) {
			while (c >= 0 && c != '\n')
				c = get(lx);
		} else if (c == '/' && d == '*') {
			advance(lx, 2);
			do
				c = get(lx);
			while (c >= 0 && !(c == '*' && peek(lx, 0) == '/'));
			get(lx);
		} else {
			return;
		}
	}
}

static struct token *token_new(struct lexer *lx)
{
	struct token *t = ARENA_NEW(&lx->s->arena, struct token);

	t->src = lx->src;
	if (lx->ins_pos < lx->ins_len) {
		t->line = lx->ins_line;
		t->col = lx->ins_col;
	} else {
		t->line = lx->line;
		t->col = (uint32_t)(lx->pos - lx->line_start + 1);
	}
	t->text = "";
	return t;
}

static void token_text(struct token *t, const char *s, size_t n)
{
	t->text = intern_n(s, n);
	t->len = (uint32_t)n;
}

static void token_word(struct lexer *lx, struct token *t, bool (*more)(int))
{
	struct str b = {0};

	while (more(peek(lx, 0)))
		str_addc(&b, (char)get(lx));
	str_add(&b, "");
	token_text(t, b.s, b.len);
	str_release(&b);
}

/* Takes the quoted string whose opening quote was just read. Known escapes stay as they are. */
static void lex_string(struct lexer *lx, struct token *t)
{
	struct str b = {0};

	t->kind = TOK_STRING;
	for (;;) {
		int c = get(lx);

		if (c < 0 || c == '\n') {
			lx->error = "Could not find matching closing quote";
			t->kind = TOK_JUNK;
			break;
		}
		if (c == '"')
			break;
		if (c == '\\') {
			c = get(lx);
			if (c < 0)
				continue;
			if (strchr("abtnvfr\\01234567", c) && c)
				str_addc(&b, '\\');
			else if (c == 'x' && !compatible_below(lx->s, "2.3"))
				str_addc(&b, '\\');
		}
		str_addc(&b, (char)c);
	}
	t->text = arena_strndup(&lx->s->arena, b.s ? b.s : "", b.len);
	t->len = (uint32_t)b.len;
	str_release(&b);
}

static void lex_embedded(struct lexer *lx, struct token *t)
{
	struct str b = {0};

	advance(lx, 2);
	t->kind = TOK_EMBEDDED;
	for (;;) {
		int c = get(lx);

		if (c < 0) {
			lx->error = "Could not find matching '%}' to close embedded function block";
			t->kind = TOK_JUNK;
			break;
		}
		if (c == '}' && peek(lx, 0) == '%')
			sem_warn(lx->s, t, "possible erroneous closing '}%%', use '%%}'?");
		if (c == '%' && peek(lx, 0) == '}') {
			get(lx);
			break;
		}
		str_addc(&b, (char)c);
	}
	t->text = arena_strndup(&lx->s->arena, b.s ? b.s : "", b.len);
	t->len = (uint32_t)b.len;
	str_release(&b);
}

/* A script argument as the text of a string literal. */
static const char *quoted_argument(struct lexer *lx, const char *arg)
{
	struct str b = {0};
	const char *r;

	for (; *arg; arg++) {
		if (*arg == '"' || *arg == '\\')
			str_addc(&b, '\\');
		if (*arg == '\n')
			str_add(&b, "\\n");
		else
			str_addc(&b, *arg);
	}
	r = arena_strndup(&lx->s->arena, b.s ? b.s : "", b.len);
	str_release(&b);
	return r;
}

static struct token *lex_argument(struct lexer *lx, struct token *t)
{
	struct session *s = lx->s;
	size_t n_args = s->opt.script_args.n;
	bool nested = lx->ins_pos < lx->ins_len, as_string = get(lx) == '@';

	if (peek(lx, 0) == '#') {
		get(lx);
		t->kind = as_string ? TOK_STRING : TOK_NUMBER;
		t->text = intern(arena_printf(&s->arena, "%zu", n_args));
		t->len = (uint32_t)strlen(t->text);
		return t;
	}

	uint64_t n = 0;
	struct str word = {0};

	str_addc(&word, as_string ? '@' : '$');
	while (peek(lx, 0) >= '0' && peek(lx, 0) <= '9') {
		int c = get(lx);

		str_addc(&word, (char)c);
		if (n < 1000000)
			n = n * 10 + (uint64_t)(c - '0');
	}
	token_text(t, word.s, word.len);
	str_release(&word);
	if (nested) {
		lx->error = "invalid nested substitution of command line arguments";
		t->kind = TOK_JUNK;
		return t;
	}
	if (n == 0 || n > n_args) {
		lx->error = arena_printf(&s->arena, "command line argument out of range [1-%zu]",
					 n_args);
		t->kind = TOK_JUNK;
		return t;
	}
	while (s->args_used.n < n)
		vec_push(&s->args_used, &s->arena, false);
	s->args_used.v[n - 1] = true;

	const char *arg = s->opt.script_args.v[n - 1];

	if (as_string) {
		t->kind = TOK_STRING;
		t->text = quoted_argument(lx, arg);
		t->len = (uint32_t)strlen(t->text);
		return t;
	}
	lx->ins = arg;
	lx->ins_pos = 0;
	lx->ins_len = strlen(arg);
	lx->ins_line = t->line;
	lx->ins_col = t->col;
	return lex_next(lx);
}

static void lex_operator(struct lexer *lx, struct token *t)
{
	static const char *const three[] = {"<<<", ">>>", "<<=", ">>="};
	static const char *const two[] = {
		"==", "!=", "<=", ">=", "=~", "!~", "+=", "-=", "*=", "/=", "%=", "&=", "^=", "|=",
		".=", "&&", "||", "++", "--", "->", "<<", ">>", "%(", "%?", "%:", "%)",
	};
	char c[3];
	size_t n = 1;

	for (int i = 0; i < 3; i++)
		c[i] = (char)(peek(lx, (size_t)i) < 0 ? 0 : peek(lx, (size_t)i));
	for (size_t i = 0; i < sizeof(two) / sizeof(two[0]); i++)
		if (memcmp(c, two[i], 2) == 0)
			n = 2;
	for (size_t i = 0; i < sizeof(three) / sizeof(three[0]); i++)
		if (memcmp(c, three[i], 3) == 0)
			n = 3;
	t->kind = TOK_OPERATOR;
	token_text(t, c, n);
	advance(lx, n);
}

static bool number_char(int c)
{
	return c >= 0 && c < 128 && isalnum(c);
}

struct token *lex_next(struct lexer *lx)
{
	struct token *t;
	int c, d;

	lx->error = NULL;
	skip_space(lx);
	t = token_new(lx);
	c = peek(lx, 0);
	d = peek(lx, 1);
	if (c < 0) {
		t->kind = TOK_EOF;
	} else if ((c == '$' || c == '@') && (d == '#' || (d >= '0' && d <= '9'))) {
		return lex_argument(lx, t);
	} else if (word_start(c)) {
		token_word(lx, t, word_char);
		t->kind = is_keyword(lx, t->text) ? TOK_KEYWORD : TOK_IDENTIFIER;
	} else if (c >= '0' && c <= '9') {
		token_word(lx, t, number_char);
		t->kind = TOK_NUMBER;
	} else if (c == '"') {
		get(lx);
		lex_string(lx, t);
	} else if (c == '%' && d == '{') {
		lex_embedded(lx, t);
	} else if (c == '@' && word_char(d)) {
		struct str b = {0};

		str_addc(&b, (char)get(lx));
		while (word_char(peek(lx, 0)))
			str_addc(&b, (char)get(lx));
		t->kind = TOK_OPERATOR;
		token_text(t, b.s, b.len);
		str_release(&b);
	} else if (c > 32 && c < 127) {
		lex_operator(lx, t);
	} else {
		get(lx);
		t->kind = TOK_JUNK;
	}
	return t;
}

const char *literal_unescape(struct arena *a, const char *raw, size_t len, uint32_t *out_len)
{
	char *out = arena_alloc(a, len + 1);
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned v = (unsigned char)raw[i];

		if (raw[i] == '\\' && i + 1 < len) {
			const char *kinds = "abtnvfr", *values = "\a\b\t\n\v\f\r", *k;
			char c = raw[++i];

			if (c >= '0' && c <= '7') {
				v = 0;
				for (int d = 0; d < 3 && i < len && raw[i] >= '0' && raw[i] <= '7'; d++)
					v = v * 8 + (unsigned)(raw[i++] - '0');
				i--;
			} else if (c == 'x' && i + 1 < len && isxdigit((unsigned char)raw[i + 1])) {
				v = 0;
				while (i + 1 < len && isxdigit((unsigned char)raw[i + 1])) {
					char h = (char)tolower((unsigned char)raw[++i]);

					v = v * 16 + (unsigned)(h <= '9' ? h - '0' : h - 'a' + 10);
				}
			} else if (c && (k = strchr(kinds, c))) {
				v = (unsigned char)values[k - kinds];
			} else {
				v = (unsigned char)c;
			}
		}
		if ((v & 0xff) == 0)
			break;
		out[n++] = (char)v;
	}
	out[n] = 0;
	*out_len = (uint32_t)n;
	return out;
}
