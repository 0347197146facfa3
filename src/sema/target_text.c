/* Texts made of many values: $x$, $x$$, $$vars$.
 *
 * A read that fails must not end the handler: the whole text is then "ERROR" (language reference 6.4).
 * So the sprintf goes into a function with a try block; what the script computes inside the expression
 * (indexes, the operand of a cast) is handed in as arguments, evaluated once. */
#include <string.h>

#include "lang/diag.h"
#include "sema/target.h"
#include "session.h"

static bool find_read(struct ast_visitor *v, struct expr **slot)
{
	const struct expr *e = *slot;

	if ((e->kind == EX_CONTEXT && (e->context == CTX_READ || e->context == CTX_KREAD)) || e->kind == EX_PRINT)
		*(int *)v->data |= e->kind == EX_PRINT ? 1 : 2;
	return true;
}

/* The operand becomes a parameter. */
static void abstract(struct session *s, struct expr **slot, var_list *params, expr_list *args)
{
	struct expr *e = *slot, *symbol;
	struct var *p;

	if (!e || e->kind == EX_NUMBER)
		return;
	p = ARENA_NEW(&s->arena, struct var);
	p->kind = VAR_PARAM;
	p->name = intern(arena_printf(&s->arena, "__a%zu", params->n));
	p->tok = target_token(s, e->tok);
	p->id = (int)params->n;
	symbol = expr_make(&s->arena, EX_SYMBOL, e->tok);
	symbol->name = p->name;
	symbol->detail = e->detail;
	vec_push(params, &s->arena, p);
	vec_push(args, &s->arena, e);
	*slot = symbol;
}

static struct expr *string(struct session *s, const struct token *tok, const char *text)
{
	struct expr *e = expr_make(&s->arena, EX_STRING, tok);

	e->lit = ARENA_NEW(&s->arena, struct literal);
	e->lit->tok = tok;
	e->lit->is_string = true;
	e->lit->str = e->lit->raw = text;
	e->lit->len = (uint32_t)strlen(text);
	return e;
}

static struct stmt *return_stmt(struct session *s, struct expr *e)
{
	struct stmt *st = stmt_make(&s->arena, ST_RETURN, e->tok);

	st->expr = e;
	return st;
}

static struct stmt *block(struct session *s, struct stmt *inner)
{
	struct stmt *b = stmt_make(&s->arena, ST_BLOCK, inner->tok);

	vec_push(&b->body, &s->arena, inner);
	return b;
}

/* A function of the session for an expression over parameters; the same text has one function. */
static struct function *text_function(struct session *s, const struct token *tok, struct expr *text,
				      const var_list *params, bool may_fault)
{
	const char *key = expr_text(&s->arena, text);
	struct function *f = map_get(&s->texts, key);
	struct stmt *try;

	if (f)
		return f;
	f = ARENA_NEW(&s->arena, struct function);
	f->name = intern(arena_printf(&s->arena, "__text_%u", s->n_synthesized++));
	f->tok = tok;
	f->declared_type = TY_STRING;
	f->params = *params;
	for (size_t i = 0; i < params->n; i++)
		params->v[i]->type = TY_LONG;
	f->priority = 1;
	f->body = block(s, return_stmt(s, text));
	if (may_fault) {
		try = stmt_make(&s->arena, ST_TRY, tok);
		try->then = f->body;
		try->otherwise = block(s, return_stmt(s, string(s, tok, "ERROR")));
		f->body = block(s, try);
	}
	script_add_function(&s->arena, target_script(s), f);
	map_set(&s->texts, &s->arena, key, f);
	return f;
}

struct expr *target_text(struct session *s, struct expr *e,
			 struct expr *(*resolve)(void *cookie, struct expr *target, const char **why),
			 void *cookie, const char **why)
{
	const struct token *tok = target_token(s, e->tok);
	struct expr *saved_left = e->left, *text, *call;
	accessor_list saved = e->accessors;
	var_list params = {0};
	expr_list args = {0};
	int found = 0;
	struct ast_visitor v = {.on_expr = find_read, .data = &found};

	memset(&e->accessors, 0, sizeof(e->accessors));
	for (size_t i = 0; i < saved.n; i++)
		vec_push(&e->accessors, &s->arena, saved.v[i]);
	abstract(s, &e->left, &params, &args);
	for (size_t i = 0; i < e->accessors.n; i++)
		abstract(s, &e->accessors.v[i].index, &params, &args);
	text = resolve(cookie, e, why);
	e->left = saved_left;
	e->accessors = saved;
	if (!text)
		return NULL;
	ast_walk_expr(&v, &text);
	if (!args.n && (!(found & 2) || !e->suffix))
		return text;
	call = expr_call(&s->arena, e->tok, text_function(s, tok, text, &params, true)->name);
	call->args = args;
	return call;
}

struct expr *target_enum_name(struct session *s, struct expr *e,
			      struct expr *(*resolve)(void *cookie, struct expr *target,
						      const char **why),
			      void *cookie, const char **why)
{
	const struct token *tok = target_token(s, e->tok);
	var_list params = {0};
	expr_list args = {0};
	struct expr *text, *call, *value = e->left;

	/* The names as a choice by the parameter. */
	abstract(s, &value, &params, &args);
	e->right = value;
	text = resolve(cookie, e, why);
	e->right = NULL;
	if (!text)
		return NULL;
	call = expr_call(&s->arena, e->tok, text_function(s, tok, text, &params, false)->name);
	call->args = args;
	return call;
}
