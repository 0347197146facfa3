/* Parser, part 2: statements (language reference 2.1, 2.2). Semicolons are optional; the parser is
 * greedy, so that neighbouring statements may merge as they do in SystemTap. */
#include "lang/parse.h"

#include <string.h>

#include "lang/diag.h"

struct stmt *parse_block(struct parser *p)
{
	struct stmt *b = stmt_make(p->a, ST_BLOCK, peek(p));

	if (!peek_op(p, "{")) {
		perr(p, peek(p), true, "expected '{'");
		return NULL;
	}
	if (!enter(p, peek(p)))
		return NULL;
	take(p);
	while (!peek_op(p, "}")) {
		struct stmt *s = parse_stmt(p);

		if (!s)
			return NULL;
		vec_push(&b->body, p->a, s);
	}
	take(p);
	leave(p);
	return b;
}

static struct stmt *parse_condition(struct parser *p, struct stmt *s)
{
	if (!expect_op(p, "(") || !(s->expr = parse_expr(p)) || !expect_op(p, ")"))
		return NULL;
	return s;
}

static struct stmt *parse_if(struct parser *p)
{
	struct stmt *s = stmt_make(p->a, ST_IF, take(p));

	if (!parse_condition(p, s) || !(s->then = parse_stmt(p)))
		return NULL;
	if (accept_key(p, "else") && !(s->otherwise = parse_stmt(p)))
		return NULL;
	return s;
}

static struct stmt *parse_while(struct parser *p)
{
	struct stmt *s = stmt_make(p->a, ST_LOOP, take(p));

	s->is_while = true;
	if (!parse_condition(p, s) || !(s->then = parse_stmt(p)))
		return NULL;
	return s;
}

static struct stmt *parse_for(struct parser *p)
{
	struct stmt *s = stmt_make(p->a, ST_LOOP, take(p));

	if (!expect_op(p, "("))
		return NULL;
	if (!peek_op(p, ";") && !(s->init = parse_expr(p)))
		return NULL;
	if (!expect_op(p, ";"))
		return NULL;
	if (!peek_op(p, ";") && !(s->expr = parse_expr(p)))
		return NULL;
	if (!expect_op(p, ";"))
		return NULL;
	if (!peek_op(p, ")") && !(s->step = parse_expr(p)))
		return NULL;
	if (!expect_op(p, ")") || !(s->then = parse_stmt(p)))
		return NULL;
	return s;
}

static int parse_sort(struct parser *p)
{
	if (accept_op(p, "+"))
		return 1;
	if (accept_op(p, "-"))
		return -1;
	return 0;
}

/* A second sort mark in one foreach is an error. */
static bool note_sort(struct parser *p, struct foreach *f, const struct token *tok, int dir,
		      int column)
{
	if (!dir)
		return true;
	if (f->sort_dir) {
		perr(p, tok, false, "multiple sort directives");
		return false;
	}
	f->sort_dir = dir;
	f->sort_column = column;
	return true;
}

static struct expr *symbol(struct parser *p)
{
	const struct token *t = parse_identifier(p);
	struct expr *e;

	if (!t)
		return NULL;
	e = expr_make(p->a, EX_SYMBOL, t);
	e->name = t->text;
	e->height = 1;
	return e;
}

static bool parse_foreach_keys(struct parser *p, struct foreach *f)
{
	do {
		struct expr *e = symbol(p);
		const struct token *t = peek(p);

		if (!e)
			return false;
		vec_push(&f->keys, p->a, e);
		if (!note_sort(p, f, t, parse_sort(p), (int)f->keys.n))
			return false;
	} while (accept_op(p, ","));
	return expect_op(p, "]");
}

static bool parse_slice(struct parser *p, struct foreach *f)
{
	f->sliced = true;
	do {
		struct expr *e = NULL;

		if (peek_op(p, "*"))
			take(p);
		else if (!(e = parse_expr(p)))
			return false;
		vec_push(&f->slice, p->a, e);
	} while (accept_op(p, ","));
	if (accept_op(p, "]"))
		return true;
	perr(p, peek(p), true, "expected one of ', ]'");
	return false;
}

static struct stmt *parse_foreach(struct parser *p)
{
	struct stmt *s = stmt_make(p->a, ST_FOREACH, take(p));
	struct foreach *f = s->foreach = ARENA_NEW(p->a, struct foreach);
	const struct token *t;

	if (!expect_op(p, "("))
		return NULL;
	if (!accept_op(p, "[")) {
		struct expr *first = symbol(p);
		const struct token *sort_tok = peek(p);
		int dir;

		if (!first)
			return NULL;
		dir = parse_sort(p);
		if (accept_op(p, "=")) {
			f->value = first;
			if (!note_sort(p, f, sort_tok, dir, 0))
				return NULL;
			if (accept_op(p, "[")) {
				if (!parse_foreach_keys(p, f))
					return NULL;
			} else {
				if (!(first = symbol(p)))
					return NULL;
				vec_push(&f->keys, p->a, first);
				t = peek(p);
				if (!note_sort(p, f, t, parse_sort(p), 1))
					return NULL;
			}
		} else {
			vec_push(&f->keys, p->a, first);
			if (!note_sort(p, f, sort_tok, dir, 1))
				return NULL;
		}
	} else if (!parse_foreach_keys(p, f)) {
		return NULL;
	}
	if (!peek_key(p, "in")) {
		perr(p, peek(p), true, "expected 'in'");
		return NULL;
	}
	take(p);
	if (peek_hist(p)) {
		if (!(f->hist = parse_hist(p)))
			return NULL;
	} else {
		if (!(f->name_tok = parse_identifier(p)))
			return NULL;
		f->name = f->name_tok->text;
	}
	if (accept_op(p, "[") && !parse_slice(p, f))
		return NULL;
	t = peek(p);
	for (int i = STAT_COUNT; i <= STAT_VARIANCE; i++) {
		if (t->kind != TOK_OPERATOR || t->text[0] != '@' ||
		    strcmp(t->text + 1, stat_op_name((enum stat_op)i)) != 0)
			continue;
		take(p);
		f->sort_by_stat = true;
		f->sort_stat = (enum stat_op)i;
		t = peek(p);
		if (!peek_op(p, "+") && !peek_op(p, "-")) {
			perr(p, t, true, "expected sort directive");
			return NULL;
		}
		break;
	}
	if (!note_sort(p, f, t, parse_sort(p), 0))
		return NULL;
	if (accept_key(p, "limit") && !(f->limit = parse_expr(p)))
		return NULL;
	if (!expect_op(p, ")") || !(s->then = parse_stmt(p)))
		return NULL;
	return s;
}

static struct stmt *parse_try(struct parser *p)
{
	struct stmt *s = stmt_make(p->a, ST_TRY, take(p));
	const struct token *t;

	if (!(s->then = parse_block(p)))
		return NULL;
	if (!peek_key(p, "catch")) {
		perr(p, peek(p), true, "expected 'catch'");
		return NULL;
	}
	take(p);
	if (accept_op(p, "(")) {
		if (!(t = parse_identifier(p)) || !expect_op(p, ")"))
			return NULL;
		s->name = t->text;
		s->expr = expr_make(p->a, EX_SYMBOL, t);
		s->expr->name = t->text;
		s->expr->height = 1;
	}
	if (!(s->otherwise = parse_block(p)))
		return NULL;
	return s;
}

static struct stmt *parse_return(struct parser *p)
{
	struct stmt *s = stmt_make(p->a, ST_RETURN, take(p));

	if (!p->in_function) {
		perr(p, s->tok, false, "found 'return' not in function context");
		return NULL;
	}
	if (!peek_op(p, ";") && !peek_op(p, "}") && !(s->expr = parse_expr(p)))
		return NULL;
	accept_op(p, ";");
	return s;
}

static struct stmt *simple(struct parser *p, enum stmt_kind kind)
{
	struct stmt *s = stmt_make(p->a, kind, take(p));

	accept_op(p, ";");
	return s;
}

static struct stmt *parse_keyword_stmt(struct parser *p, const char *word)
{
	struct stmt *s;

	if (strcmp(word, "if") == 0)
		return parse_if(p);
	if (strcmp(word, "while") == 0)
		return parse_while(p);
	if (strcmp(word, "for") == 0)
		return parse_for(p);
	if (strcmp(word, "foreach") == 0)
		return parse_foreach(p);
	if (strcmp(word, "try") == 0)
		return parse_try(p);
	if (strcmp(word, "return") == 0)
		return parse_return(p);
	if (strcmp(word, "break") == 0)
		return simple(p, ST_BREAK);
	if (strcmp(word, "continue") == 0)
		return simple(p, ST_CONTINUE);
	if (strcmp(word, "next") == 0)
		return simple(p, ST_NEXT);
	if (strcmp(word, "delete") == 0) {
		s = stmt_make(p->a, ST_DELETE, take(p));
		if (!(s->expr = parse_expr(p)))
			return NULL;
		accept_op(p, ";");
		return s;
	}
	perr(p, peek(p), true, "expected statement");
	return NULL;
}

struct stmt *parse_stmt(struct parser *p)
{
	const struct token *t = peek(p);
	struct stmt *s;

	if (p->failed)
		return NULL;
	if (peek_op(p, ";"))
		return stmt_make(p->a, ST_NULL, take(p));
	if (peek_op(p, "{"))
		return parse_block(p);
	if (t->kind == TOK_KEYWORD && strcmp(t->text, "string") != 0 &&
	    strcmp(t->text, "long") != 0) {
		if (!enter(p, t))
			return NULL;
		s = parse_keyword_stmt(p, t->text);
		leave(p);
		return p->failed ? NULL : s;
	}
	if (t->kind == TOK_IDENTIFIER || t->kind == TOK_NUMBER || t->kind == TOK_STRING ||
	    t->kind == TOK_OPERATOR || t->kind == TOK_KEYWORD || t->kind == TOK_EMBEDDED) {
		if (peek_op(p, "}") || peek_op(p, ")") || peek_op(p, "]") || peek_op(p, ",")) {
			perr(p, t, true, "expected statement");
			return NULL;
		}
		s = stmt_make(p->a, ST_EXPR, t);
		s->expr = parse_expr(p);
		accept_op(p, ";");
		return p->failed || !s->expr ? NULL : s;
	}
	perr(p, t, true, "expected statement");
	return NULL;
}
