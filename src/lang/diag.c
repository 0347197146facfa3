/* See diag.h. */
#include "lang/diag.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "lang/token.h"
#include "session.h"

enum kind { ERROR, WARNING, PARSE };

static void paint(const struct session *s, FILE *f, enum kind k, bool on)
{
	if (!s->opt.color)
		return;
	fputs(!on ? "\033[m\033[K" : k == WARNING ? "\033[35;01m" : "\033[01;31m", f);
}

/* The source line of a token behind `prefix`, and the caret below it. */
static void show_source(const struct session *s, const struct token *t, const char *prefix)
{
	const char *text = t->src->text, *end = text + t->src->len, *line, *nl;
	size_t n, indent = strlen(prefix) + strlen("source: ");

	line = text;
	for (uint32_t i = 1; i < t->line && line < end; i++) {
		nl = memchr(line, '\n', (size_t)(end - line));
		line = nl ? nl + 1 : end;
	}
	nl = memchr(line, '\n', (size_t)(end - line));
	n = (size_t)((nl ? nl : end) - line);
	fprintf(stderr, "%ssource: %.*s\n", prefix, (int)(n > 100000 ? 100000 : n), line);
	for (size_t i = 0; i < indent; i++)
		fputc(' ', stderr);
	for (size_t i = 0; i + 1 < t->col && i < n && i < 100000; i++)
		fputc(line[i] == '\t' ? '\t' : ' ', stderr);
	paint(s, stderr, ERROR, true);
	fputc('^', stderr);
	paint(s, stderr, ERROR, false);
	fputc('\n', stderr);
}

static void show_token(struct session *s, const struct token *t)
{
	fprintf(stderr, "%s at ", token_describe(&s->arena, t));
	if (t->src != s->last_shown)
		fputs(t->src->name, stderr);
	s->last_shown = t->src;
	fprintf(stderr, ":%u:%u", t->line, t->col);
}

static void show_chain(struct session *s, const struct token *t, const char *prefix)
{
	for (t = t->chain; t; t = t->chain) {
		fputs("\tin expansion of macro: ", stderr);
		show_token(s, t);
		fputc('\n', stderr);
		show_source(s, t, prefix);
	}
}

static bool shown_before(struct session *s, const char *fmt, const char *text)
{
	const char *key;

	/* Similar messages are the same to the user unless he asked for details. */
	key = s->opt.verbose[1] || s->opt.verbose[2] ? text : fmt;
	if (map_get(&s->shown, key))
		return true;
	map_set(&s->shown, &s->arena, key, s);
	return false;
}

static void semantic(struct session *s, const struct token *t1, const struct token *t2,
		     const char *text)
{
	const struct token *t[2] = {t1, t2};

	paint(s, stderr, ERROR, true);
	fputs("semantic error:", stderr);
	paint(s, stderr, ERROR, false);
	fprintf(stderr, " %s", text);
	for (int i = 0; i < 2; i++) {
		if (!t[i])
			continue;
		fputs(i == 0 || !t1 ? ": " : "", stderr);
		show_token(s, t[i]);
		fputc('\n', stderr);
		if (t[i]->src->len)
			show_source(s, t[i], "        ");
		show_chain(s, t[i], "        ");
	}
	if (!t1 && !t2)
		fputc('\n', stderr);
	fputc('\n', stderr);
}

static void error(struct session *s, const struct token *point, const struct token *tok,
		  const struct token *tok2, const char *fmt, va_list ap)
{
	const char *text;

	s->errors++;
	if (s->muted)
		return;
	text = arena_vprintf(&s->arena, fmt, ap);
	if (s->opt.semantic_keep_going)
		vec_push(&s->semantic_errors, &s->arena, (struct semantic_error){tok, text});
	if (shown_before(s, fmt,
			 tok ? arena_printf(&s->arena, "%s@%u:%u:%u", text, tok->src->id, tok->line,
					    tok->col)
			     : text)) {
		s->suppressed_errors++;
		s->error_hidden = true;
		return;
	}
	s->error_hidden = false;
	if (point)
		semantic(s, point, NULL, "while resolving probe point");
	semantic(s, tok, tok2, text);
}

void sem_error(struct session *s, const struct token *tok, const struct token *tok2,
	       const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	error(s, NULL, tok, tok2, fmt, ap);
	va_end(ap);
}

void sem_point_error(struct session *s, const struct token *point, const struct token *tok,
		     const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	error(s, point, tok, NULL, fmt, ap);
	va_end(ap);
}

void sem_note(struct session *s, const struct token *tok, const char *fmt, ...)
{
	va_list ap;

	if (s->muted || s->error_hidden)
		return;
	va_start(ap, fmt);
	semantic(s, tok, NULL, arena_vprintf(&s->arena, fmt, ap));
	va_end(ap);
}

void sem_warn(struct session *s, const struct token *tok, const char *fmt, ...)
{
	va_list ap;
	const char *text;

	if (s->muted)
		return;
	s->warnings++;
	if (s->opt.no_warnings)
		return;
	va_start(ap, fmt);
	text = arena_vprintf(&s->arena, fmt, ap);
	va_end(ap);
	if (shown_before(s, text, text)) {
		s->suppressed_warnings++;
		return;
	}
	paint(s, stderr, WARNING, true);
	fputs("WARNING:", stderr);
	paint(s, stderr, WARNING, false);
	fprintf(stderr, " %s", text);
	if (tok) {
		fputs(": ", stderr);
		show_token(s, tok);
		fputc('\n', stderr);
		show_source(s, tok, " ");
		show_chain(s, tok, " ");
	} else {
		fputc('\n', stderr);
	}
}

void parse_error(struct session *s, const struct token *tok, bool saw, const char *fmt, ...)
{
	va_list ap;

	s->errors++;
	if (s->muted)
		return;
	paint(s, stderr, PARSE, true);
	fputs("parse error:", stderr);
	paint(s, stderr, PARSE, false);
	fputc(' ', stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	if (tok && tok->kind == TOK_EOF) {
		fprintf(stderr, "        saw: %s EOF\n", tok->src->name);
	} else if (tok) {
		fputs(saw ? "        saw: " : "         at: ", stderr);
		s->last_shown = NULL;
		show_token(s, tok);
		fputc('\n', stderr);
		show_source(s, tok, "     ");
		show_chain(s, tok, "     ");
	}
	s->last_shown = NULL;
	fputc('\n', stderr);
}

void diag_mute(struct session *s)
{
	s->muted++;
}

void diag_unmute(struct session *s)
{
	s->muted--;
}

void diag_summary(struct session *s)
{
	if (s->suppressed_errors)
		fprintf(stderr, "Number of similar error messages suppressed: %d.\n",
			s->suppressed_errors);
	if (s->suppressed_warnings && !s->opt.no_warnings)
		fprintf(stderr, "Number of similar warning messages suppressed: %d.\n",
			s->suppressed_warnings);
	if (s->suppressed_errors || (s->suppressed_warnings && !s->opt.no_warnings))
		fputs("Rerun with -v to see them.\n", stderr);
	s->suppressed_errors = s->suppressed_warnings = 0;
}

static unsigned levenshtein(const char *a, const char *b)
{
	unsigned row[128];
	size_t la = strlen(a), lb = strlen(b);

	if (la > 126)
		la = 126;
	if (lb > 126)
		lb = 126;
	for (size_t j = 0; j <= lb; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= la; i++) {
		unsigned diagonal = row[0];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= lb; j++) {
			unsigned best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[lb];
}

struct candidate {
	const char *name;
	unsigned distance;
};

static int by_distance(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->distance != y->distance)
		return x->distance < y->distance ? -1 : 1;
	return strcmp(x->name, y->name);
}

const char *diag_similar(struct session *s, const char *name, const char *const *names, size_t n)
{
	struct candidate *v = xcalloc(n, sizeof(*v));
	struct str b = {0};
	const char *r;
	size_t listed = 0;

	for (size_t i = 0; i < n; i++)
		v[i] = (struct candidate){names[i], levenshtein(name, names[i])};
	qsort(v, n, sizeof(*v), by_distance);
	for (size_t i = 0; i < n && listed < 5; i++) {
		if (i > 0 && strcmp(v[i].name, v[i - 1].name) == 0)
			continue;
		str_addf(&b, "%s%s", listed++ ? ", " : " (similar: ", v[i].name);
	}
	if (listed)
		str_add(&b, ")");
	r = arena_strdup(&s->arena, b.s ? b.s : "");
	str_release(&b);
	free(v);
	return r;
}
