/* Parser, part 1: declarations, probe points, literals, and the loop that recovers after an error at
 * the next declaration. */
#include "lang/parse.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lang/diag.h"
#include "session.h"

void parser_init(struct parser *p, struct session *s, const struct source *src)
{
	memset(p, 0, sizeof(*p));
	p->s = s;
	p->src = src;
	p->a = &s->arena;
	p->eof.kind = TOK_EOF;
	p->eof.src = src;
	p->eof.text = "";
	pp_init(&p->pp, s, src);
}

struct token *peek(struct parser *p)
{
	if (p->failed)
		return &p->eof;
	if (!p->ahead) {
		p->ahead = pp_next(&p->pp);
		if (!p->ahead) {
			p->pp.failed = false;
			p->failed = true;
			return &p->eof;
		}
	}
	return p->ahead;
}

struct token *take(struct parser *p)
{
	struct token *t = peek(p);

	if (t->kind != TOK_EOF)
		p->ahead = NULL;
	return t;
}

bool peek_op(struct parser *p, const char *op)
{
	const struct token *t = peek(p);

	return t->kind == TOK_OPERATOR && strcmp(t->text, op) == 0;
}

bool peek_key(struct parser *p, const char *word)
{
	const struct token *t = peek(p);

	return t->kind == TOK_KEYWORD && strcmp(t->text, word) == 0;
}

bool accept_op(struct parser *p, const char *op)
{
	return peek_op(p, op) ? take(p), true : false;
}

bool accept_key(struct parser *p, const char *word)
{
	return peek_key(p, word) ? take(p), true : false;
}

bool expect_op(struct parser *p, const char *op)
{
	if (accept_op(p, op))
		return true;
	perr(p, take(p), true, "expected '%s'", op);
	return false;
}

void perr(struct parser *p, const struct token *tok, bool saw, const char *fmt, ...)
{
	va_list ap;

	if (p->failed)
		return;
	p->failed = true;
	va_start(ap, fmt);
	parse_error(p->s, tok, saw, "%s", arena_vprintf(p->a, fmt, ap));
	va_end(ap);
}

bool enter(struct parser *p, const struct token *tok)
{
	if (p->failed)
		return false;
	if (++p->depth > MAX_NESTING) {
		perr(p, tok, false, "nesting is too deep");
		return false;
	}
	return true;
}

void leave(struct parser *p)
{
	p->depth--;
}

struct literal *parse_string(struct parser *p)
{
	struct literal *l = ARENA_NEW(p->a, struct literal);
	const struct token *t = take(p);
	struct str raw = {0};

	l->tok = t;
	l->is_string = true;
	l->raw = t->text;
	str_addn(&raw, t->text, t->len);
	if (!compatible_below(p->s, "2.0"))
		while (peek(p)->kind == TOK_STRING) {
			t = take(p);
			str_addn(&raw, t->text, t->len);
		}
	l->raw = arena_strndup(p->a, raw.s, raw.len);
	l->str = literal_unescape(p->a, l->raw, raw.len, &l->len);
	str_release(&raw);
	return l;
}

/* "[0-9][A-Za-z0-9]*" to its value; false if it is no number or does not fit 64 bits. */
static bool number_value(const char *text, uint64_t *v)
{
	char *end;

	errno = 0;
	*v = strtoull(text, &end, 0);
	return errno == 0 && *end == 0;
}

struct literal *parse_literal(struct parser *p)
{
	struct literal *l;
	const struct token *t = peek(p);
	bool minus = false;
	uint64_t v;

	if (t->kind == TOK_STRING)
		return parse_string(p);
	if (peek_op(p, "-")) {
		minus = true;
		take(p);
		t = peek(p);
	}
	if (t->kind != TOK_NUMBER) {
		perr(p, t, true, "expected literal string or number");
		return NULL;
	}
	if (!number_value(t->text, &v) || (minus && v > (uint64_t)1 << 63)) {
		perr(p, t, false, "number invalid or out of range");
		return NULL;
	}
	l = ARENA_NEW(p->a, struct literal);
	l->tok = take(p);
	l->num = (int64_t)(minus ? 0 - v : v);
	l->raw = t->text;
	return l;
}

bool parse_int(struct parser *p, int64_t *value)
{
	struct literal *l;

	if (peek(p)->kind != TOK_NUMBER && !peek_op(p, "-")) {
		perr(p, peek(p), true, "expected number");
		return false;
	}
	l = parse_literal(p);
	if (!l || l->is_string) {
		perr(p, peek(p), true, "expected number");
		return false;
	}
	*value = l->num;
	return true;
}

const struct token *parse_identifier(struct parser *p)
{
	if (peek(p)->kind == TOK_IDENTIFIER)
		return take(p);
	perr(p, take(p), true, "expected identifier");
	return NULL;
}

const struct token *parse_name_or_keyword(struct parser *p)
{
	if (peek(p)->kind == TOK_KEYWORD)
		return take(p);
	return parse_identifier(p);
}

/* ------------------------------------------------------------------ probe points */

static bool adjacent(const struct token *a, const struct token *b)
{
	return a->src == b->src && a->line == b->line && a->col + a->len == b->col;
}

static bool starts_component(struct parser *p)
{
	const struct token *t = peek(p);

	return t->kind == TOK_IDENTIFIER || t->kind == TOK_KEYWORD || peek_op(p, "*");
}

/* NAME with glued "*" pieces, and its argument. */
static bool parse_component(struct parser *p, struct component *c)
{
	const struct token *last;
	struct str name = {0};

	memset(c, 0, sizeof(*c));
	c->tok = last = take(p);
	str_add(&name, last->text);
	while (starts_component(p) && adjacent(last, peek(p))) {
		last = take(p);
		str_add(&name, last->text);
	}
	c->name = intern(name.s);
	str_release(&name);
	if (accept_op(p, "(")) {
		c->arg = parse_literal(p);
		if (!c->arg || !expect_op(p, ")"))
			return false;
	}
	return true;
}

static bool parse_suffix(struct parser *p, struct probe_point *pt)
{
	if (accept_op(p, "?")) {
		pt->optional = true;
	} else if (accept_op(p, "!")) {
		pt->optional = pt->sufficient = true;
	}
	if (accept_key(p, "if")) {
		if (!expect_op(p, "(") || !(pt->condition = parse_expr(p)) || !expect_op(p, ")"))
			return false;
	}
	return true;
}

enum { MAX_POINTS = 10000 };

/* One comma-free point, brace groups multiplied out: appends at least one point to out. */
static bool parse_point_group(struct parser *p, point_list *out)
{
	point_list cur = {0};
	struct probe_point *first;
	bool in_group = false;

	if (!enter(p, peek(p)))
		return false;
	first = ARENA_NEW(p->a, struct probe_point);
	first->tok = peek(p);
	vec_push(&cur, p->a, first);
	do {
		if (accept_op(p, "{")) {
			point_list group = {0}, product = {0};

			in_group = true;
			do
				if (!parse_point_group(p, &group))
					return false;
			while (accept_op(p, ","));
			if (!expect_op(p, "}"))
				return false;
			if (group.n * cur.n > MAX_POINTS) {
				perr(p, peek(p), false, "too many probe points");
				return false;
			}
			for (size_t i = 0; i < cur.n; i++)
				for (size_t j = 0; j < group.n; j++) {
					struct probe_point *n = ARENA_NEW(p->a, struct probe_point);

					if (cur.v[i]->optional || cur.v[i]->condition) {
						perr(p, cur.v[i]->tok, false,
						     "'?', '!' or condition must only be specified "
						     "in suffix");
						return false;
					}
					*n = *group.v[j];
					memset(&n->comps, 0, sizeof(n->comps));
					n->tok = cur.v[i]->comps.n ? cur.v[i]->tok : group.v[j]->tok;
					for (size_t k = 0; k < cur.v[i]->comps.n; k++)
						vec_push(&n->comps, p->a, cur.v[i]->comps.v[k]);
					for (size_t k = 0; k < group.v[j]->comps.n; k++)
						vec_push(&n->comps, p->a, group.v[j]->comps.v[k]);
					vec_push(&product, p->a, n);
				}
			cur = product;
		} else if (starts_component(p)) {
			struct component c;

			if (!parse_component(p, &c))
				return false;
			for (size_t i = 0; i < cur.n; i++) {
				if (cur.v[i]->optional || cur.v[i]->condition) {
					perr(p, c.tok, false,
					     "'?', '!' or condition must only be specified in "
					     "suffix");
					return false;
				}
				vec_push(&cur.v[i]->comps, p->a, c);
			}
		} else {
			perr(p, peek(p), true, "expected identifier or '*' or '{'");
			return false;
		}
	} while (accept_op(p, "."));
	first = ARENA_NEW(p->a, struct probe_point);
	if (!parse_suffix(p, first))
		return false;
	for (size_t i = 0; i < cur.n; i++) {
		if (in_group && (cur.v[i]->optional || cur.v[i]->condition) &&
		    (first->optional || first->condition)) {
			perr(p, cur.v[i]->tok, false,
			     "'?', '!' or condition must only be specified in suffix");
			return false;
		}
		cur.v[i]->optional |= first->optional;
		cur.v[i]->sufficient |= first->sufficient;
		if (first->condition)
			cur.v[i]->condition = first->condition;
		vec_push(out, p->a, cur.v[i]);
	}
	leave(p);
	return true;
}

static void parse_probe(struct parser *p, struct script *sc)
{
	struct probe *pr = ARENA_NEW(p->a, struct probe);
	point_list list = {0};

	pr->tok = take(p);
	for (;;) {
		size_t before = list.n;

		if (!starts_component(p) && !peek_op(p, "{")) {
			perr(p, peek(p), true, "expected probe point specifier");
			return;
		}
		if (!parse_point_group(p, &list))
			return;
		if (peek_op(p, "=") || (peek_op(p, "+=") && !pr->is_alias)) {
			const struct token *t;

			if (list.n != before + 1 || before) {
				perr(p, peek(p), true, "expected one of ', {'");
				return;
			}
			t = take(p);
			if (list.v[0]->optional) {
				perr(p, t, false, "probe point alias name cannot be optional nor sufficient");
				return;
			}
			pr->is_alias = true;
			pr->epilogue_style = strcmp(t->text, "+=") == 0;
			vec_push(&pr->names, p->a, list.v[0]);
			list.n = 0;
			continue;
		}
		if (accept_op(p, ","))
			continue;
		if (peek_op(p, "{"))
			break;
		perr(p, peek(p), true,
		     pr->is_alias ? "expected one of ', {'" : "expected one of ', { } = +='");
		return;
	}
	pr->points = list;
	p->in_function = false;
	pr->body = parse_block(p);
	if (!pr->body)
		return;
	if (pr->is_alias && accept_op(p, ",")) {
		if (pr->epilogue_style) {
			perr(p, pr->tok, false,
			     "Combined prologue and epilogue cannot be defined with '+='");
			return;
		}
		if (!(pr->epilogue = parse_block(p)))
			return;
	}
	if (pr->is_alias)
		vec_push(&sc->aliases, p->a, pr);
	else
		vec_push(&sc->probes, p->a, pr);
}

/* ------------------------------------------------------------------ globals, functions */

static void parse_globals(struct parser *p, struct script *sc, bool is_private)
{
	do {
		struct var *v = ARENA_NEW(p->a, struct var), *old;
		const struct token *t = parse_identifier(p);

		if (!t)
			return;
		v->kind = VAR_GLOBAL;
		v->name = t->text;
		v->tok = t;
		v->is_private = is_private;
		v->arity = -1;
		old = map_get(&p->globals, v->name);
		if (old) {
			perr(p, t, false,
			     old->is_private != is_private
				     ? "global versus private variable declaration conflict"
				     : "duplicate global name");
			return;
		}
		v->wrap = accept_op(p, "%");
		if (accept_op(p, "[")) {
			t = peek(p);
			if (!parse_int(p, &v->maxsize))
				return;
			if (v->maxsize <= 0 || v->maxsize > 0x7fffffff) {
				perr(p, t, false, "array size out of range");
				return;
			}
			if (!expect_op(p, "]"))
				return;
		}
		if (peek_op(p, "=")) {
			t = take(p);
			if (v->maxsize) {
				perr(p, t, false, "only scalar globals can be initialized");
				return;
			}
			v->init = parse_literal(p);
			if (!v->init)
				return;
		}
		vec_push(&sc->globals, p->a, v);
		map_set(&p->globals, p->a, v->name, v);
	} while (accept_op(p, ","));
	accept_op(p, ";");
}

static bool parse_type(struct parser *p, enum type *type)
{
	if (accept_key(p, "string"))
		*type = TY_STRING;
	else if (accept_key(p, "long"))
		*type = TY_LONG;
	else {
		perr(p, peek(p), true, "expected 'string' or 'long'");
		return false;
	}
	return true;
}

static bool parse_params(struct parser *p, struct function *f)
{
	enum type types[256];
	size_t n = 0;

	if (!expect_op(p, "("))
		return false;
	while (!accept_op(p, ")")) {
		struct var *v = ARENA_NEW(p->a, struct var);

		if (n && !accept_op(p, ",")) {
			perr(p, peek(p), true, "expected ',' or ')'");
			return false;
		}
		if (!(v->tok = parse_identifier(p)))
			return false;
		v->kind = VAR_PARAM;
		v->name = v->tok->text;
		for (size_t i = 0; i < f->params.n; i++)
			if (f->params.v[i]->name == v->name) {
				perr(p, v->tok, false, "duplicate parameter names");
				return false;
			}
		if (accept_op(p, ":") && !parse_type(p, &v->type))
			return false;
		if (n == 256) {
			perr(p, v->tok, false, "too many parameters");
			return false;
		}
		types[n++] = v->type;
		vec_push(&f->params, p->a, v);
	}
	f->param_types = memcpy(ARENA_ARRAY(p->a, enum type, n + 1), types, n * sizeof(types[0]));
	return true;
}

static void parse_function(struct parser *p, struct script *sc, bool is_private)
{
	struct function *f = ARENA_NEW(p->a, struct function);
	const struct token *t;

	take(p);
	t = peek(p);
	if (!peek_key(p, "string") && !peek_key(p, "long") && t->kind != TOK_IDENTIFIER) {
		perr(p, take(p), true, "expected identifier");
		return;
	}
	f->tok = take(p);
	f->name = f->tok->text;
	f->is_private = is_private;
	if (accept_op(p, ":") && !parse_type(p, &f->declared_type))
		return;
	if (!parse_params(p, f))
		return;
	f->priority = p->src->library ? 1 : 0;
	if (accept_op(p, ":")) {
		int64_t prio;

		t = peek(p);
		if (!parse_int(p, &prio))
			return;
		if (prio < 1 || prio > 0x7fffffff) {
			perr(p, t, false, "specified priority must be > 0");
			return;
		}
		f->priority = (int)prio;
	}
	if (peek(p)->kind == TOK_EMBEDDED) {
		if (!p->s->opt.guru && !p->src->library) {
			perr(p, take(p), false,
			     "embedded code in unprivileged script; need stap -g");
			return;
		}
		f->embedded = take(p)->text;
	} else {
		p->in_function = true;
		f->body = parse_block(p);
		p->in_function = false;
		if (!f->body)
			return;
	}
	script_add_function(p->a, sc, f);
}

/* ------------------------------------------------------------------ whole files */

static bool starts_declaration(const struct token *t)
{
	return t->kind == TOK_EMBEDDED ||
	       (t->kind == TOK_KEYWORD &&
		(strcmp(t->text, "probe") == 0 || strcmp(t->text, "private") == 0 ||
		 strcmp(t->text, "global") == 0 || strcmp(t->text, "function") == 0));
}

static void parse_declaration(struct parser *p, struct script *sc)
{
	const struct token *t = peek(p);

	if (t->kind == TOK_EMBEDDED) {
		if (!p->s->opt.guru && !p->src->library) {
			perr(p, take(p), false,
			     "embedded code in unprivileged script; need stap -g");
			return;
		}
		vec_push(&sc->embedded, p->a, take(p));
	} else if (peek_key(p, "probe")) {
		parse_probe(p, sc);
	} else if (peek_key(p, "global")) {
		take(p);
		parse_globals(p, sc, false);
	} else if (peek_key(p, "function")) {
		parse_function(p, sc, false);
	} else if (peek_key(p, "private")) {
		take(p);
		if (peek_key(p, "function")) {
			parse_function(p, sc, true);
		} else {
			accept_key(p, "global");
			parse_globals(p, sc, true);
		}
	} else {
		perr(p, t, true, "expected 'probe', 'global', 'private', 'function', or '%%{'");
	}
}

/* Skips to the next declaration. False at the end of the file. */
static bool recover(struct parser *p)
{
	p->failed = false;
	p->depth = 0;
	p->in_function = false;
	for (;;) {
		const struct token *t = peek(p);

		if (p->failed) {
			p->failed = false;
			continue;
		}
		if (t->kind == TOK_EOF)
			return false;
		if (starts_declaration(t))
			return true;
		take(p);
	}
}

enum { MAX_SOURCE_BYTES = 16 << 20 };

struct script *parse_source(struct session *s, struct source *src, bool *failed)
{
	struct script *sc = ARENA_NEW(&s->arena, struct script);
	struct parser p;
	bool mute = src->library && !s->opt.verbose[1];
	int errors_before = s->errors, n_errors;

	parser_init(&p, s, src);
	sc->src = src;
	if (mute)
		diag_mute(s);
	if (src->len > MAX_SOURCE_BYTES) {
		s->errors++;
		if (!mute)
			fprintf(stderr, "Input file '%s' is too large (limit %d bytes).\n", src->name,
				MAX_SOURCE_BYTES);
	} else {
		const struct token *t = peek(&p), *before = NULL;

		if (t->kind == TOK_EOF && !p.failed && !src->library) {
			fprintf(stderr,
				memmem(src->text, src->len, "%(", 2) ? "Input file '%s' is empty after preprocessing.\n"
								     : "Input file '%s' is empty.\n",
				src->name);
			s->errors++;
				if (failed)
				*failed = true;
			return sc;
		}
		for (;;) {
			t = peek(&p);
			if (!p.failed && t->kind == TOK_EOF)
				break;
			if (!p.failed)
				parse_declaration(&p, sc);
			if (p.failed) {
				/* An error at the very keyword must not be met again. */
				if (p.ahead && p.ahead == before && p.ahead->kind != TOK_EOF)
					p.ahead = NULL;
				before = p.ahead;
				if (!recover(&p))
					break;
			}
		}
		n_errors = s->errors - errors_before;
		if (n_errors && !mute)
			fprintf(stderr, n_errors == 1 ? "%d parse error.\n" : "%d parse errors.\n",
				n_errors);
	}
	if (mute)
		diag_unmute(s);
	if (failed)
		*failed = s->errors != errors_before;
	if (src->library)
		s->errors = errors_before;
	return sc;
}

struct probe_point *parse_point(struct session *s, struct source *src)
{
	struct parser p;
	point_list list = {0};

	parser_init(&p, s, src);
	if (!parse_point_group(&p, &list))
		return NULL;
	if (peek(&p)->kind != TOK_EOF || p.failed) {
		perr(&p, peek(&p), true, "expected end of probe point");
		return NULL;
	}
	return list.v[0];
}
