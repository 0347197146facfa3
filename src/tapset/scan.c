/* Definitions in a tapset file. See scan.h.
 *
 * A declaration starts with its keyword outside all braces. The braces of probe point groups
 * ("kernel.{function("a"), ...}") follow a "." or "," or "=" or `probe`; any other brace opens a body,
 * which is skipped. */
#include "tapset/scan.h"

#include <string.h>

#include "lang/lex.h"
#include "session.h"

struct scan {
	struct lexer lex;
	const struct token *tok;
	void (*found)(void *data, enum scan_kind kind, const char *name);
	void *data;
};

static bool is(const struct token *t, const char *text)
{
	return (t->kind == TOK_OPERATOR || t->kind == TOK_KEYWORD) && strcmp(t->text, text) == 0;
}

/* The next token; tests of conditionals, up to "%?", are left out. */
static void advance(struct scan *sc)
{
	sc->tok = lex_next(&sc->lex);
	while (sc->tok->kind == TOK_OPERATOR && sc->tok->text[0] == '%' && sc->tok->len == 2 &&
	       strchr("(:)", sc->tok->text[1])) {
		if (sc->tok->text[1] == '(')
			while (!is(sc->tok, "%?") && sc->tok->kind != TOK_EOF)
				sc->tok = lex_next(&sc->lex);
		sc->tok = lex_next(&sc->lex);
	}
}

static void skip_body(struct scan *sc)
{
	int depth = 0;

	do {
		depth += is(sc->tok, "{") - is(sc->tok, "}");
		advance(sc);
	} while (depth > 0 && sc->tok->kind != TOK_EOF);
}

static void scan_function(struct scan *sc, bool hidden)
{
	advance(sc);
	if (!hidden && (sc->tok->kind == TOK_IDENTIFIER || sc->tok->kind == TOK_KEYWORD))
		sc->found(sc->data, SCAN_FUNCTION, sc->tok->text);
	while (!is(sc->tok, "{") && sc->tok->kind != TOK_EMBEDDED && sc->tok->kind != TOK_EOF)
		advance(sc);
	if (is(sc->tok, "{"))
		skip_body(sc);
	else
		advance(sc);
}

static void scan_globals(struct scan *sc, bool hidden)
{
	do {
		advance(sc);
		if (sc->tok->kind != TOK_IDENTIFIER)
			return;
		if (!hidden)
			sc->found(sc->data, SCAN_GLOBAL, sc->tok->text);
		advance(sc);
		while (is(sc->tok, "%") || is(sc->tok, "[") || is(sc->tok, "]") || is(sc->tok, "=") ||
		       is(sc->tok, "-") || sc->tok->kind == TOK_NUMBER || sc->tok->kind == TOK_STRING)
			advance(sc);
	} while (is(sc->tok, ","));
}

static void scan_probe(struct scan *sc)
{
	const char *first = NULL;
	bool start = true; /* of a probe point */
	bool group = true; /* a "{" here would open a group */
	int groups = 0;

	for (;;) {
		advance(sc);
		if (sc->tok->kind == TOK_EOF)
			return;
		if (is(sc->tok, "{")) {
			if (!group)
				break;
			groups++;
			continue;
		}
		if (groups && is(sc->tok, "}")) {
			groups--;
			group = false;
			continue;
		}
		if ((is(sc->tok, "=") || is(sc->tok, "+=")) && first)
			sc->found(sc->data, SCAN_ALIAS, first);
		if (start)
			first = sc->tok->text;
		group = is(sc->tok, ".") || is(sc->tok, ",") || is(sc->tok, "=") || is(sc->tok, "+=");
		start = is(sc->tok, "=") || is(sc->tok, "+=");
	}
	skip_body(sc);
	while (is(sc->tok, ",")) { /* the epilogue */
		advance(sc);
		skip_body(sc);
	}
}

static void scan_macro(struct scan *sc)
{
	int depth = 0;

	advance(sc);
	if (sc->tok->kind == TOK_IDENTIFIER)
		sc->found(sc->data, SCAN_MACRO, sc->tok->text);
	/* The body is in %( %), with conditionals inside: by raw tokens. */
	while (sc->tok->kind != TOK_EOF) {
		sc->tok = lex_next(&sc->lex);
		if (is(sc->tok, "%("))
			depth++;
		if (is(sc->tok, "%)") && --depth == 0)
			break;
	}
	advance(sc);
}

void scan_source(struct session *s, const struct source *src,
		 void (*found)(void *data, enum scan_kind kind, const char *name), void *data)
{
	struct scan sc = {.found = found, .data = data};
	bool hidden = false;

	lex_init(&sc.lex, s, src);
	advance(&sc);
	while (sc.tok->kind != TOK_EOF) {
		if (is(sc.tok, "private")) {
			hidden = true;
			advance(&sc);
			if (sc.tok->kind == TOK_IDENTIFIER) /* "private x" declares a global */
				hidden = false;
			continue;
		}
		if (is(sc.tok, "function"))
			scan_function(&sc, hidden);
		else if (is(sc.tok, "global"))
			scan_globals(&sc, hidden);
		else if (is(sc.tok, "probe"))
			scan_probe(&sc);
		else if (is(sc.tok, "@define"))
			scan_macro(&sc);
		else
			advance(&sc);
		hidden = false;
	}
}
