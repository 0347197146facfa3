/* Parser, part 3: expressions (language reference 3.1, 3.2, 6.1), one function a precedence level,
 * loosest first. */
#include "lang/parse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "lang/diag.h"
#include "session.h"

static struct expr *parse_ternary(struct parser *p);
static struct expr *parse_shift(struct parser *p);
static struct expr *parse_unary(struct parser *p);

/* Sets the height from the parts; fails on trees too high for recursive passes. */
static struct expr *finish(struct parser *p, struct expr *e)
{
	const struct expr *parts[4] = {e->cond, e->left, e->right, e->hist};
	unsigned h = 0;

	for (int i = 0; i < 4; i++)
		if (parts[i] && parts[i]->height > h)
			h = parts[i]->height;
	for (size_t i = 0; i < e->args.n; i++)
		if (e->args.v[i] && e->args.v[i]->height > h)
			h = e->args.v[i]->height;
	for (size_t i = 0; i < e->accessors.n; i++)
		if (e->accessors.v[i].index && e->accessors.v[i].index->height > h)
			h = e->accessors.v[i].index->height;
	e->height = (uint16_t)(h + 1);
	if (h >= MAX_HEIGHT)
		perr(p, e->tok, false, "expression is too long");
	return e;
}

static struct expr *binary(struct parser *p, enum expr_kind kind, enum op op,
			   const struct token *tok, struct expr *l, struct expr *r)
{
	struct expr *e = expr_make(p->a, kind, tok);

	if (!l || !r)
		return NULL;
	e->op = op;
	e->left = l;
	e->right = r;
	return finish(p, e);
}

struct op_entry {
	const char *text;
	enum op op;
};

/* The entry of the next token, or NULL. */
static const struct op_entry *peek_table(struct parser *p, const struct op_entry *table)
{
	const struct token *t = peek(p);

	if (t->kind != TOK_OPERATOR)
		return NULL;
	for (; table->text; table++)
		if (strcmp(t->text, table->text) == 0)
			return table;
	return NULL;
}

struct expr *parse_expr(struct parser *p)
{
	static const struct op_entry ops[] = {
		{"=", OP_ASSIGN}, {"<<<", OP_AGGREGATE}, {"+=", OP_ADD}, {"-=", OP_SUB},
		{"*=", OP_MUL},	  {"/=", OP_DIV},	 {"%=", OP_MOD}, {"<<=", OP_SHL},
		{">>=", OP_SAR},  {"&=", OP_AND},	 {"^=", OP_XOR}, {"|=", OP_OR},
		{".=", OP_CONCAT}, {NULL, OP_NONE},
	};
	struct expr *l;
	const struct op_entry *o;

	if (!enter(p, peek(p)))
		return NULL;
	l = parse_ternary(p);
	if (l && (o = peek_table(p, ops))) {
		const struct token *tok = take(p);

		l = binary(p, EX_ASSIGN, o->op, tok, l, parse_expr(p));
	}
	leave(p);
	return l;
}

static struct expr *left_assoc(struct parser *p, const struct op_entry *ops, enum expr_kind kind,
			       struct expr *(*operand)(struct parser *))
{
	struct expr *l = operand(p);
	const struct op_entry *o;

	while (l && (o = peek_table(p, ops))) {
		const struct token *tok = take(p);

		l = binary(p, kind, o->op, tok, l, operand(p));
	}
	return l;
}

static struct expr *parse_multiplicative(struct parser *p)
{
	static const struct op_entry ops[] = {
		{"*", OP_MUL}, {"/", OP_DIV}, {"%", OP_MOD}, {NULL, OP_NONE}};

	return left_assoc(p, ops, EX_BINARY, parse_unary);
}

static struct expr *parse_additive(struct parser *p)
{
	static const struct op_entry ops[] = {{"+", OP_ADD}, {"-", OP_SUB}, {NULL, OP_NONE}};

	return left_assoc(p, ops, EX_BINARY, parse_multiplicative);
}

static struct expr *parse_concat(struct parser *p)
{
	static const struct op_entry ops[] = {{".", OP_CONCAT}, {NULL, OP_NONE}};

	return left_assoc(p, ops, EX_CONCAT, parse_additive);
}

static struct expr *parse_shift(struct parser *p)
{
	static const struct op_entry ops[] = {
		{"<<", OP_SHL}, {">>", OP_SAR}, {">>>", OP_SHR}, {NULL, OP_NONE}};

	return left_assoc(p, ops, EX_BINARY, parse_concat);
}

static struct expr *parse_comparison(struct parser *p)
{
	static const struct op_entry regex_ops[] = {
		{"=~", OP_MATCH}, {"!~", OP_NOTMATCH}, {NULL, OP_NONE}};
	static const struct op_entry ops[] = {{"<", OP_LT},  {"<=", OP_LE}, {">", OP_GT},
					      {">=", OP_GE}, {"==", OP_EQ}, {"!=", OP_NE},
					      {NULL, OP_NONE}};
	struct expr *l = parse_shift(p), *r;
	const struct op_entry *o;

	if (l && (o = peek_table(p, regex_ops))) {
		const struct token *tok = take(p);

		if (peek(p)->kind != TOK_STRING) {
			perr(p, peek(p), true, "expected string literal as right value");
			return NULL;
		}
		r = expr_make(p->a, EX_STRING, peek(p));
		r->lit = parse_string(p);
		return binary(p, EX_REGEX, o->op, tok, l, finish(p, r));
	}
	while (l && (o = peek_table(p, ops))) {
		const struct token *tok = take(p);

		l = binary(p, EX_COMPARE, o->op, tok, l, parse_shift(p));
	}
	return l;
}

bool peek_hist(struct parser *p)
{
	return peek_op(p, "@hist_log") || peek_op(p, "@hist_linear");
}

/* Keys in brackets, the "[" taken; "*" gives a NULL element. */
static bool parse_keys(struct parser *p, expr_list *keys, bool *wild)
{
	do {
		struct expr *e = NULL;

		if (peek_op(p, "*")) {
			take(p);
			*wild = true;
		} else if (!(e = parse_expr(p))) {
			return false;
		}
		vec_push(keys, p->a, e);
	} while (accept_op(p, ","));
	if (!accept_op(p, "]")) {
		perr(p, peek(p), true, "expected one of ', ]'");
		return false;
	}
	return true;
}

static struct expr *parse_in(struct parser *p)
{
	expr_list keys = {0};
	bool wild = false;
	struct expr *e;

	if (peek_op(p, "[")) {
		take(p);
		if (!parse_keys(p, &keys, &wild))
			return NULL;
		if (!peek_key(p, "in")) {
			perr(p, peek(p), false, "unexpected comma-separated expression list");
			return NULL;
		}
	} else {
		e = parse_comparison(p);
		if (!e || !peek_key(p, "in"))
			return e;
		vec_push(&keys, p->a, e);
	}
	e = expr_make(p->a, EX_IN, take(p));
	e->args = keys;
	if (peek_hist(p)) {
		e->hist = parse_hist(p);
	} else {
		const struct token *t = parse_identifier(p);

		if (!t)
			return NULL;
		e->name = t->text;
		e->left = expr_make(p->a, EX_SYMBOL, t); /* the array: its place */
		e->left->name = t->text;
		e->left->height = 1;
	}
	return p->failed ? NULL : finish(p, e);
}

static struct expr *parse_bit_and(struct parser *p)
{
	static const struct op_entry ops[] = {{"&", OP_AND}, {NULL, OP_NONE}};

	return left_assoc(p, ops, EX_BINARY, parse_in);
}

static struct expr *parse_bit_xor(struct parser *p)
{
	static const struct op_entry ops[] = {{"^", OP_XOR}, {NULL, OP_NONE}};

	return left_assoc(p, ops, EX_BINARY, parse_bit_and);
}

static struct expr *parse_bit_or(struct parser *p)
{
	static const struct op_entry ops[] = {{"|", OP_OR}, {NULL, OP_NONE}};

	return left_assoc(p, ops, EX_BINARY, parse_bit_xor);
}

static struct expr *parse_and(struct parser *p)
{
	static const struct op_entry ops[] = {{"&&", OP_LAND}, {NULL, OP_NONE}};

	return left_assoc(p, ops, EX_LOGICAL, parse_bit_or);
}

static struct expr *parse_or(struct parser *p)
{
	static const struct op_entry ops[] = {{"||", OP_LOR}, {NULL, OP_NONE}};

	return left_assoc(p, ops, EX_LOGICAL, parse_and);
}

static struct expr *parse_ternary(struct parser *p)
{
	struct expr *c = parse_or(p), *e;

	if (!c || !peek_op(p, "?"))
		return c;
	if (!enter(p, peek(p)))
		return NULL;
	e = expr_make(p->a, EX_TERNARY, take(p));
	e->cond = c;
	e->left = parse_expr(p);
	expect_op(p, ":");
	e->right = parse_ternary(p);
	leave(p);
	return e->left && e->right ? finish(p, e) : NULL;
}

/* ------------------------------------------------------------------ operands */

/* "->member", "[index]" and the suffix behind a target variable or typed value. */
static struct expr *parse_accessors(struct parser *p, struct expr *e)
{
	for (;;) {
		struct accessor acc = {0};

		acc.tok = peek(p);
		if (peek_op(p, "->") && !e->suffix) {
			const struct token *t;

			take(p);
			acc.kind = ACC_MEMBER;
			t = parse_name_or_keyword(p);
			if (!t)
				return NULL;
			acc.member = t->text;
			acc.tok = t;
			/* A suffix may be glued to the member's name. */
			size_t n = strlen(t->text);

			if (n > 1 && t->text[n - 1] == '$') {
				uint8_t count = n > 2 && t->text[n - 2] == '$' ? 2 : 1;

				e->suffix = count;
				acc.member = intern_n(t->text, n - count);
			}
		} else if (peek_op(p, "[") && !e->suffix) {
			take(p);
			acc.kind = ACC_INDEX;
			acc.index = parse_expr(p);
			if (!acc.index || !expect_op(p, "]"))
				return NULL;
		} else {
			break;
		}
		vec_push(&e->accessors, p->a, acc);
		if (e->suffix)
			break;
	}
	if (e->suffix && (peek_op(p, "->") || peek_op(p, "["))) {
		perr(p, peek(p), false,
		     "-> and [ are not accepted for a pretty-printing variable");
		return NULL;
	}
	if (!e->suffix && peek(p)->kind == TOK_IDENTIFIER &&
	    (strcmp(peek(p)->text, "$") == 0 || strcmp(peek(p)->text, "$$") == 0)) {
		e->suffix = (uint8_t)strlen(take(p)->text);
		if (peek_op(p, "->") || peek_op(p, "[")) {
			perr(p, peek(p), false,
			     "-> and [ are not accepted for a pretty-printing variable");
			return NULL;
		}
	}
	return finish(p, e);
}

static struct expr *parse_target(struct parser *p, const struct token *t)
{
	struct expr *e = expr_make(p->a, EX_TARGET, t);
	size_t n = strlen(t->text);

	e->name = t->text;
	/* "$x$", "$x$$" and "$$vars$": the suffix is part of the token. "$$vars" alone has none. */
	if (n > 2 && t->text[n - 1] == '$') {
		e->suffix = n > 3 && t->text[n - 2] == '$' ? 2 : 1;
		e->name = intern_n(t->text, n - e->suffix);
	}
	return parse_accessors(p, e);
}

/* ( STRING [, STRING] ) of @var, @perf, @const, @enum; first argument may follow an expression. */
static bool parse_module(struct parser *p, struct expr *e)
{
	if (accept_op(p, ",")) {
		if (peek(p)->kind != TOK_STRING) {
			perr(p, peek(p), true, "expected string");
			return false;
		}
		e->module = parse_string(p);
	}
	return expect_op(p, ")");
}

static bool parse_string_argument(struct parser *p, struct expr *e)
{
	if (peek(p)->kind != TOK_STRING) {
		perr(p, peek(p), true, "expected string");
		return false;
	}
	e->lit = parse_string(p);
	return true;
}

struct expr *parse_hist(struct parser *p)
{
	const struct token *t = take(p);
	struct expr *e = expr_make(p->a, EX_HIST, t);
	bool linear = strcmp(t->text, "@hist_linear") == 0;

	e->hist_param.kind = linear ? HIST_LINEAR : HIST_LOG;
	if (!expect_op(p, "("))
		return NULL;
	e->left = parse_expr(p);
	if (!e->left)
		return NULL;
	if (linear) {
		int64_t *v[3] = {&e->hist_param.low, &e->hist_param.high, &e->hist_param.step};

		for (int i = 0; i < 3; i++)
			if (!expect_op(p, ",") || !parse_int(p, v[i]))
				return NULL;
	}
	return expect_op(p, ")") ? finish(p, e) : NULL;
}

static struct expr *parse_stat(struct parser *p, const struct token *t, enum stat_op op)
{
	struct expr *e = expr_make(p->a, EX_STAT, t);

	e->stat = op;
	if (!expect_op(p, "(") || !(e->left = parse_expr(p)))
		return NULL;
	if (peek_op(p, ",")) {
		const struct token *comma = take(p);
		int64_t shift;

		if (op != STAT_VARIANCE) {
			perr(p, comma, false, "not more than 1 parameter allowed");
			return NULL;
		}
		t = peek(p);
		if (!parse_int(p, &shift))
			return NULL;
		if (shift < 0 || shift > 62) {
			perr(p, t, false, "bit shift (%lld) out of range <0..62>", (long long)shift);
			return NULL;
		}
		e->bit_shift = (int)shift;
	}
	return expect_op(p, ")") ? finish(p, e) : NULL;
}

static struct expr *parse_at(struct parser *p)
{
	const struct token *t = take(p);
	const char *op = t->text;
	struct expr *e;

	for (int i = STAT_COUNT; i <= STAT_VARIANCE; i++)
		if (strcmp(op + 1, stat_op_name((enum stat_op)i)) == 0)
			return parse_stat(p, t, (enum stat_op)i);
	e = expr_make(p->a, EX_CAST, t);
	if (strcmp(op, "@cast") == 0) {
		if (!expect_op(p, "(") || !(e->left = parse_expr(p)) || !expect_op(p, ",") ||
		    !parse_string_argument(p, e) || !parse_module(p, e))
			return NULL;
		return parse_accessors(p, e);
	}
	if (strcmp(op, "@var") == 0) {
		e->kind = EX_ATVAR;
		if (!expect_op(p, "(") || !parse_string_argument(p, e) || !parse_module(p, e))
			return NULL;
		return parse_accessors(p, e);
	}
	if (strcmp(op, "@perf") == 0 || strcmp(op, "@const") == 0 || strcmp(op, "@enum") == 0) {
		e->kind = op[1] == 'p' ? EX_PERF : op[1] == 'c' ? EX_CONST : EX_ENUM;
		if (!expect_op(p, "(") || !parse_string_argument(p, e) || !expect_op(p, ")"))
			return NULL;
		return finish(p, e);
	}
	if (strcmp(op, "@enumname") == 0) {
		e->kind = EX_ENUMNAME;
		if (!expect_op(p, "(") || !(e->left = parse_expr(p)))
			return NULL;
		if (peek_op(p, ",")) {
			take(p);
			if (!parse_string_argument(p, e) || !parse_module(p, e))
				return NULL;
		} else if (!expect_op(p, ")")) {
			return NULL;
		}
		return finish(p, e);
	}
	if (strcmp(op, "@defined") == 0 || strcmp(op, "@entry") == 0 ||
	    strcmp(op, "@kregister") == 0 || strcmp(op, "@uregister") == 0) {
		e->kind = op[1] == 'd' ? EX_DEFINED : op[1] == 'e' ? EX_ENTRY : EX_REGISTER;
		e->kernel_side = op[1] == 'k';
		if (!expect_op(p, "(") || !(e->left = parse_expr(p)) || !expect_op(p, ")"))
			return NULL;
		return finish(p, e);
	}
	if (strcmp(op, "@probewrite") == 0) {
		e->kind = EX_PROBEWRITE;
		if (!expect_op(p, "("))
			return NULL;
		t = parse_identifier(p);
		if (!t || !expect_op(p, ")"))
			return NULL;
		e->name = t->text;
		return finish(p, e);
	}
	if (strcmp(op, "@kderef") == 0 || strcmp(op, "@uderef") == 0) {
		e->kind = EX_DEREF;
		e->kernel_side = op[1] == 'k';
		if (!expect_op(p, "(") || !(e->left = parse_expr(p)) || !expect_op(p, ",") ||
		    !(e->right = parse_expr(p)) || !expect_op(p, ")"))
			return NULL;
		return finish(p, e);
	}
	perr(p, t, false, "unknown operator %s", op);
	return NULL;
}

/* Print family by name; false if the name is none of it. */
static bool print_kind(const char *name, struct print *k)
{
	const char *s = name;

	memset(k, 0, sizeof(*k));
	k->name = name;
	if (strcmp(name, "print_char") == 0) {
		k->is_char = true;
		return true;
	}
	if (*s == 's') {
		k->to_string = true;
		s++;
	}
	if (strncmp(s, "print", 5) != 0)
		return false;
	s += 5;
	if (*s == 'f') {
		k->formatted = true;
		return s[1] == 0;
	}
	if (*s == 'd') {
		k->delimited = true;
		s++;
	}
	if (strcmp(s, "ln") == 0) {
		k->newline = true;
		s += 2;
	}
	return *s == 0;
}

static struct expr *parse_print(struct parser *p, const struct token *t, const struct print *kind)
{
	struct expr *e = expr_make(p->a, EX_PRINT, t);
	struct print *k = e->print = ARENA_NEW(p->a, struct print);
	size_t n_expected = 0;
	bool need_comma = false;

	*k = *kind;
	if (!expect_op(p, "("))
		return NULL;
	if (k->formatted || k->delimited) {
		struct literal *l;

		if (peek(p)->kind != TOK_STRING) {
			perr(p, peek(p), true, "expected string literal as first argument");
			return NULL;
		}
		l = parse_string(p);
		if (k->formatted) {
			const char *msg = format_parse(p->a, l->str, l->len, &k->parts);

			k->format = l;
			if (msg) {
				perr(p, peek(p), false, "%s", msg);
				return NULL;
			}
			for (size_t i = 0; i < k->parts.n; i++) {
				const struct fmt_part *f = &k->parts.v[i];

				n_expected += (f->conv != CONV_LITERAL) +
					      (f->width == FMT_DYNAMIC) +
					      (f->precision == FMT_DYNAMIC);
			}
		} else {
			k->delimiter = l;
		}
		need_comma = true;
	} else if (!k->is_char && peek_hist(p)) {
		struct expr *h = parse_hist(p);

		if (!h)
			return NULL;
		if (peek_op(p, ")")) {
			take(p);
			k->hist = h;
			return finish(p, e);
		}
		/* "print(@hist_log(x)[3], ...)": an element after all. */
		if (!peek_op(p, "[")) {
			perr(p, h->tok, false, "base histogram operator where expression expected");
			return NULL;
		}
		take(p);

		struct expr *i = expr_make(p->a, EX_INDEX, h->tok);
		bool wild = false;

		i->hist = h;
		if (!parse_keys(p, &i->args, &wild))
			return NULL;
		vec_push(&e->args, p->a, finish(p, i));
		need_comma = true;
	}
	while (!peek_op(p, ")")) {
		struct expr *arg;

		if (need_comma && !accept_op(p, ",")) {
			perr(p, peek(p), true, "expected one of ', )'");
			return NULL;
		}
		arg = parse_expr(p);
		if (!arg)
			return NULL;
		vec_push(&e->args, p->a, arg);
		need_comma = true;
	}
	if (!k->formatted) {
		size_t least = k->delimited ? 2 : k->newline && !k->is_char ? 0 : 1;

		if (e->args.n < least) {
			perr(p, peek(p), false, "too few arguments to %s", k->name);
			return NULL;
		}
		if (k->is_char && e->args.n != 1) {
			perr(p, peek(p), false, "print_char takes 1 argument");
			return NULL;
		}
	}
	if (e->args.n > 32) {
		perr(p, t, false, "too many arguments to print (%zu)", e->args.n);
		return NULL;
	}
	if (k->formatted && e->args.n != n_expected) {
		perr(p, peek(p), false, "Wrong number of args to formatted print operator");
		return NULL;
	}
	take(p);
	return finish(p, e);
}

static struct expr *parse_symbol(struct parser *p)
{
	const struct token *t = take(p);
	struct print kind;
	struct expr *e;

	if (t->kind == TOK_IDENTIFIER && t->text[0] == '$') {
		if (t->text[1])
			return parse_target(p, t);
		perr(p, t, false, "expected identifier");
		return NULL;
	}
	if (print_kind(t->text, &kind))
		return parse_print(p, t, &kind);
	if (peek_op(p, "(")) {
		e = expr_make(p->a, EX_CALL, t);
		e->name = t->text;
		take(p);
		while (!accept_op(p, ")")) {
			struct expr *arg;

			if (e->args.n && !accept_op(p, ",")) {
				perr(p, peek(p), true, "expected ',' or ')'");
				return NULL;
			}
			if (!(arg = parse_expr(p)))
				return NULL;
			vec_push(&e->args, p->a, arg);
		}
		return finish(p, e);
	}
	if (peek_op(p, "[")) {
		bool wild = false;

		e = expr_make(p->a, EX_INDEX, t);
		e->name = t->text;
		take(p);
		if (!parse_keys(p, &e->args, &wild))
			return NULL;
		return finish(p, e);
	}
	e = expr_make(p->a, EX_SYMBOL, t);
	e->name = t->text;
	return finish(p, e);
}

static struct expr *parse_primary(struct parser *p)
{
	const struct token *t = peek(p);
	struct expr *e;

	switch (t->kind) {
	case TOK_NUMBER: {
		struct literal *l = parse_literal(p);

		if (!l)
			return NULL;
		e = expr_make(p->a, EX_NUMBER, t);
		e->lit = l;
		return finish(p, e);
	}
	case TOK_STRING:
		e = expr_make(p->a, EX_STRING, t);
		e->lit = parse_string(p);
		return finish(p, e);
	case TOK_IDENTIFIER:
		return parse_symbol(p);
	case TOK_KEYWORD:
		/* Functions may be called "string" and "long". */
		if (strcmp(t->text, "string") == 0 || strcmp(t->text, "long") == 0)
			return parse_symbol(p);
		break;
	case TOK_EMBEDDED:
		if (!p->s->opt.guru && !p->src->builtin && !p->src->library) {
			perr(p, take(p), false,
			     "embedded expression code in unprivileged script; need stap -g");
			return NULL;
		}
		e = expr_make(p->a, EX_EMBEDDED, take(p));
		e->embedded = t->text;
		return finish(p, e);
	case TOK_OPERATOR:
		if (peek_op(p, "(")) {
			take(p);
			e = parse_expr(p);
			if (!e || !expect_op(p, ")"))
				return NULL;
			e->parenthesized = true;
			return e;
		}
		if (peek_hist(p)) {
			struct expr *h = parse_hist(p);
			bool wild = false;

			if (!h)
				return NULL;
			if (!peek_op(p, "[")) {
				perr(p, h->tok, false,
				     "base histogram operator where expression expected");
				return NULL;
			}
			take(p);
			e = expr_make(p->a, EX_INDEX, h->tok);
			e->hist = h;
			return parse_keys(p, &e->args, &wild) ? finish(p, e) : NULL;
		}
		if (t->text[0] == '@' && t->text[1])
			return parse_at(p);
		break;
	default:
		break;
	}
	perr(p, t, true, "expected literal string or number");
	return NULL;
}

/* Values that "->", "[" and "$" may follow directly: anything but a bare array name. */
static struct expr *parse_dereference(struct parser *p)
{
	struct expr *e = parse_primary(p), *cast;
	bool suffix;

	if (!e || e->kind == EX_TARGET || e->kind == EX_CAST || e->kind == EX_ATVAR)
		if (!e || !e->parenthesized)
			return e;
	suffix = peek(p)->kind == TOK_IDENTIFIER &&
		 (strcmp(peek(p)->text, "$") == 0 || strcmp(peek(p)->text, "$$") == 0);
	if (!peek_op(p, "->") && !peek_op(p, "[") && !suffix)
		return e;
	if (e->kind == EX_NUMBER || e->kind == EX_STRING)
		return e;
	cast = expr_make(p->a, EX_AUTOCAST, peek(p));
	cast->left = e;
	return parse_accessors(p, cast);
}

static struct expr *parse_address(struct parser *p)
{
	if (peek_op(p, "&")) {
		const struct token *t = take(p);
		struct expr *e;

		if (peek_op(p, "&")) {
			perr(p, peek(p), false, "cannot take address more than once");
			return NULL;
		}
		e = parse_dereference(p);
		if (!e)
			return NULL;
		if (e->kind != EX_TARGET && e->kind != EX_ATVAR && e->kind != EX_CAST &&
		    e->kind != EX_AUTOCAST) {
			perr(p, t, false, "expected target variable or dereference behind '&'");
			return NULL;
		}
		if (e->suffix) {
			perr(p, t, false, "cannot take address of a pretty-printing variable");
			return NULL;
		}
		e->address_of = true;
		return e;
	}
	return parse_dereference(p);
}

static struct expr *parse_incdec(struct parser *p)
{
	static const struct op_entry ops[] = {{"++", OP_INC}, {"--", OP_DEC}, {NULL, OP_NONE}};
	const struct op_entry *o = peek_table(p, ops);
	const struct token *t;
	struct expr *e, *operand;
	bool is_post = !o;

	if (o) {
		t = take(p);
		operand = parse_address(p);
	} else {
		operand = parse_address(p);
		if (!operand || !(o = peek_table(p, ops)))
			return operand;
		t = take(p);
	}
	if (!operand)
		return NULL;
	e = expr_make(p->a, EX_INCDEC, t);
	e->op = o->op;
	e->is_post = is_post;
	e->left = operand;
	return finish(p, e);
}

static struct expr *parse_unary(struct parser *p)
{
	static const struct op_entry ops[] = {
		{"-", OP_NEG}, {"+", OP_PLUS}, {"!", OP_NOT}, {"~", OP_INVERT}, {NULL, OP_NONE}};
	const struct op_entry *o = peek_table(p, ops);
	struct expr *e;

	if (!o)
		return parse_incdec(p);
	if (!enter(p, peek(p)))
		return NULL;
	e = expr_make(p->a, EX_UNARY, take(p));
	e->op = o->op;
	e->left = parse_unary(p);
	leave(p);
	return e->left ? finish(p, e) : NULL;
}
