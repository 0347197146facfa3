/* @entry: values of a function's entry, wanted at its return (language reference 6.1, 6.2).
 *
 * The value is computed by a probe of ours at the entry and kept in an array under the thread and the
 * frame address (what the stack pointer is after the return), so that recursion and longjmp do no
 * harm. The return handler begins by taking it out. The arrays wrap: values of returns that never
 * come are overwritten some day.
 *
 * Where nothing was saved the return handler does not run: it would compute with zeros. That is a skipped
 * probe, but for system calls that had begun before the session did, whose returns are nothing that it was
 * asked for. Functions in which threads are when the session goes live have their values: entry handlers
 * are attached before return handlers (run/attach.c), and run before the session does (gen/program.c).
 *
 * A function that ends by jumping into another has the same frame address as that one, and both
 * return at once, the inner first. Where several functions share a handler the values of one frame
 * are therefore stacked: a third key counts them. System calls have no frame: their number is the key.
 *
 * Works on handlers that have been folded: an @entry in dead code costs nothing. */
#include <string.h>

#include "lang/diag.h"
#include "probe/provider.h"
#include "sema/target.h"
#include "session.h"

struct saved {
	struct expr *value;
	const char *text;
	struct var *array;
	struct var *local;
};

struct entries {
	struct session *s;
	struct handler *h;
	VEC(struct saved) saved;
	struct var *depth;	/* array: values stacked in a frame; NULL: only one function */
	const char *depth_name; /* local that holds it */
	const struct expr *key; /* of the return; NULL: the stack pointer */
	bool found, failed;
};

static struct var *make_array(struct session *s, const struct token *tok)
{
	struct script *sc = target_script(s);
	struct var *v = ARENA_NEW(&s->arena, struct var);

	v->kind = VAR_GLOBAL;
	v->name = intern(arena_printf(&s->arena, "__entry_%u", s->n_synthesized++));
	v->tok = tok;
	v->wrap = true;
	v->arity = -1;
	vec_push(&sc->globals, &s->arena, v);
	return v;
}

static struct expr *symbol(struct session *s, const struct token *tok, const char *name)
{
	struct expr *e = expr_make(&s->arena, EX_SYMBOL, tok);

	e->name = name;
	return e;
}

/* array[tid(), key] or array[tid(), key, third] */
static struct expr *element(struct session *s, const struct token *tok, const struct var *array,
			    struct expr *key, const char *third)
{
	struct expr *e = expr_make(&s->arena, EX_INDEX, tok);

	e->name = array->name;
	vec_push(&e->args, &s->arena, expr_call(&s->arena, tok, "tid"));
	vec_push(&e->args, &s->arena, key);
	if (third)
		vec_push(&e->args, &s->arena, symbol(s, tok, third));
	return e;
}

static struct stmt *assignment(struct session *s, const struct token *tok, struct expr *left,
			       struct expr *right)
{
	struct stmt *st = stmt_make(&s->arena, ST_EXPR, tok);

	st->expr = expr_make(&s->arena, EX_ASSIGN, tok);
	st->expr->op = OP_ASSIGN;
	st->expr->left = left;
	st->expr->right = right;
	return st;
}

/* After the return the stack pointer is the frame address itself. */
static struct expr *return_key(const struct entries *en, const struct token *tok)
{
	struct session *s = en->s;
	struct expr *e;

	if (en->key)
		return expr_clone(&s->arena, en->key);
	e = expr_make(&s->arena, EX_CONTEXT, tok);

	e->context = CTX_REGISTER;
	e->number = 7;
	e->type = TY_LONG;
	return e;
}

static struct var *make_local(struct entries *en, const struct var *array, const char *what)
{
	struct session *s = en->s;
	struct var *v = ARENA_NEW(&s->arena, struct var);

	v->kind = VAR_LOCAL;
	v->name = intern(arena_printf(&s->arena, "%s_%s", array->name, what));
	v->tok = array->tok;
	v->id = (int)en->h->locals.n;
	vec_push(&en->h->locals, &s->arena, v);
	return v;
}

/* The @entry becomes a local of the return handler. */
static bool take_entry(struct ast_visitor *v, struct expr **slot)
{
	struct entries *en = v->data;
	struct session *s = en->s;
	struct expr *e = *slot;
	const struct expr *missing;
	struct saved k = {.value = e->left};
	size_t i;

	if (e->kind != EX_ENTRY)
		return true;
	missing = target_unresolved(e->left);
	if (missing) {
		sem_error(s, missing->tok, NULL, "%s", missing->why && *missing->why
			  ? missing->why : "unresolved target-symbol expression");
		en->failed = true;
		return false;
	}
	en->found = true;
	k.text = expr_text(&s->arena, e->left);
	for (i = 0; i < en->saved.n; i++)
		if (strcmp(en->saved.v[i].text, k.text) == 0)
			break;
	if (i == en->saved.n) {
		const struct token *tok = target_token(s, e->tok);

		k.array = make_array(s, tok);
		k.local = make_local(en, k.array, "value");
		k.local->detail = e->detail;
		vec_push(&en->saved, &s->arena, k);
	}
	*slot = symbol(s, e->tok, en->saved.v[i].local->name);
	(*slot)->var = en->saved.v[i].local;
	return false;
}

static bool forget_names(struct ast_visitor *v, struct expr **slot)
{
	(void)v;
	(*slot)->fns.n = 0;
	(*slot)->var = NULL;
	return true;
}

/* The handler at the entry, made from the saved expressions. */
static struct handler *entry_handler(struct entries *en, struct expr *frame)
{
	struct session *s = en->s;
	struct handler *h = ARENA_NEW(&s->arena, struct handler);
	struct ast_visitor v = {.on_expr = forget_names};

	h->tok = en->h->tok;
	h->saves_entry = true;
	h->body = stmt_make(&s->arena, ST_BLOCK, target_token(s, en->h->tok));
	if (en->depth) {
		const struct token *tok = en->depth->tok;
		struct expr *count = expr_make(&s->arena, EX_INCDEC, tok);

		count->op = OP_INC;
		count->left = element(s, tok, en->depth, expr_clone(&s->arena, frame), NULL);
		vec_push(&h->body->body, &s->arena,
			 assignment(s, tok, symbol(s, tok, en->depth_name), count));
	}
	for (size_t i = 0; i < en->saved.n; i++) {
		struct saved *k = &en->saved.v[i];
		struct stmt *st = assignment(s, k->array->tok,
					     element(s, k->array->tok, k->array,
						     expr_clone(&s->arena, frame), en->depth_name),
					     k->value);

		ast_walk_stmt(&v, &st);
		vec_push(&h->body->body, &s->arena, st);
	}
	vec_push(&s->program->handlers, &s->arena, h);
	return h;
}

static struct stmt *deletion(struct entries *en, const struct var *array, const char *third)
{
	struct session *s = en->s;
	struct stmt *st = stmt_make(&s->arena, ST_DELETE, array->tok);

	st->expr = element(s, array->tok, array, return_key(en, array->tok), third);
	return st;
}

/* if (depth > 1) array[...] = depth - 1 else delete array[...] */
static struct stmt *unstack(struct entries *en)
{
	struct session *s = en->s;
	const struct token *tok = en->depth->tok;
	struct stmt *st = stmt_make(&s->arena, ST_IF, tok);
	struct expr *less = expr_make(&s->arena, EX_BINARY, tok);

	st->expr = expr_make(&s->arena, EX_COMPARE, tok);
	st->expr->op = OP_GT;
	st->expr->left = symbol(s, tok, en->depth_name);
	st->expr->right = expr_number(&s->arena, tok, 1);
	less->op = OP_SUB;
	less->left = symbol(s, tok, en->depth_name);
	less->right = expr_number(&s->arena, tok, 1);
	st->then = assignment(s, tok, element(s, tok, en->depth, return_key(en, tok), NULL), less);
	st->otherwise = deletion(en, en->depth, NULL);
	return st;
}

/* if (! saved) next */
static struct stmt *leave_unless_saved(struct entries *en)
{
	struct session *s = en->s;
	const struct token *tok = en->h->body->tok;
	struct stmt *st = stmt_make(&s->arena, ST_IF, tok), *count;

	st->then = stmt_make(&s->arena, ST_BLOCK, tok);
	if (!en->key) {
		count = stmt_make(&s->arena, ST_EXPR, tok);
		count->expr = expr_call(&s->arena, tok, "__count_skipped");
		vec_push(&st->then->body, &s->arena, count);
	}
	vec_push(&st->then->body, &s->arena, stmt_make(&s->arena, ST_NEXT, tok));
	st->expr = expr_make(&s->arena, EX_UNARY, tok);
	st->expr->op = OP_NOT;
	if (en->depth) {
		st->expr->left = symbol(s, tok, en->depth_name);
	} else {
		st->expr->left = element(s, tok, en->saved.v[0].array, return_key(en, tok), NULL);
		st->expr->left->kind = EX_IN;
		st->expr->left->left = symbol(s, tok, en->saved.v[0].array->name);
	}
	return st;
}

/* local = array[...]; delete array[...] in front of the return handler. */
static void prepend_fetch(struct entries *en)
{
	struct session *s = en->s;
	struct stmt *b = stmt_make(&s->arena, ST_BLOCK, en->h->body->tok);

	if (en->depth)
		vec_push(&b->body, &s->arena,
			 assignment(s, en->depth->tok, symbol(s, en->depth->tok, en->depth_name),
				    element(s, en->depth->tok, en->depth,
					    return_key(en, en->depth->tok), NULL)));
	vec_push(&b->body, &s->arena, leave_unless_saved(en));
	for (size_t i = 0; i < en->saved.n; i++) {
		struct saved *k = &en->saved.v[i];
		const struct token *tok = k->array->tok;

		vec_push(&b->body, &s->arena,
			 assignment(s, tok, symbol(s, tok, k->local->name),
				    element(s, tok, k->array, return_key(en, tok), en->depth_name)));
		vec_push(&b->body, &s->arena, deletion(en, k->array, en->depth_name));
	}
	if (en->depth)
		vec_push(&b->body, &s->arena, unstack(en));
	sema_resolve_late(s, &en->h->locals, NULL, NULL, b);
	vec_push(&b->body, &s->arena, en->h->body);
	en->h->body = b;
}

/* Entry instances stand in front of their return instances. */
static void add_instances(struct session *s, const struct handler *h, struct handler *entry)
{
	struct program *p = s->program;
	VEC(struct probe_inst *) all = {0};

	for (size_t i = 0; i < p->probes.n; i++) {
		struct probe_inst *inst = p->probes.v[i];

		if (inst->handler == h && inst->entry) {
			struct probe_inst *e = inst->entry;

			e->handler = entry;
			e->condition = inst->condition;
			e->alias_name = e->name;
			e->derivation.v = inst->derivation.v;
			e->derivation.n = e->derivation.cap = inst->derivation.n;
			vec_push(&all, &s->arena, e);
		}
		vec_push(&all, &s->arena, inst);
	}
	p->probes.v = all.v;
	p->probes.n = all.n;
	p->probes.cap = all.cap;
	for (size_t i = 0; i < p->probes.n; i++)
		p->probes.v[i]->id = (int)i;
}

/* The first instance of each handler, and how many there are. */
struct instances {
	struct probe_inst *first;
	size_t n;
};

static struct instances *count_instances(struct session *s)
{
	const struct program *p = s->program;
	struct instances *v = ARENA_ARRAY(&s->arena, struct instances, p->handlers.n + 1);

	for (size_t i = 0; i < p->handlers.n; i++)
		p->handlers.v[i]->id = (int)i;
	for (size_t i = 0; i < p->probes.n; i++) {
		struct instances *of = &v[p->probes.v[i]->handler->id];

		if (!of->n++)
			of->first = p->probes.v[i];
	}
	return v;
}

bool sema_expand_entries(struct session *s)
{
	struct program *p = s->program;
	size_t n = p->handlers.n;
	bool any = false;
	struct instances *instances = count_instances(s);

	sema_all_resolved(s);
	for (size_t i = 0; i < n; i++) {
		struct entries en = {.s = s, .h = p->handlers.v[i]};
		struct ast_visitor v = {.on_expr = take_entry, .data = &en};
		struct probe_inst *inst = instances[i].first;

		/* Elsewhere check.c says that @entry is misplaced. */
		if (!inst || !inst->entry)
			continue;
		ast_walk_stmt(&v, &en.h->body);
		if (!en.found || en.failed)
			continue;
		if (!inst->entry->frame_address) {
			sem_error(s, en.h->tok, NULL, "no frame address at the entry of %s",
				  inst->name);
			continue;
		}
		en.key = inst->frame_address;
		if (instances[i].n > 1 && (!en.key || en.key->context == CTX_CALL)) {
			en.depth = make_array(s, target_token(s, en.h->tok));
			en.depth_name = make_local(&en, en.depth, "depth")->name;
		}
		prepend_fetch(&en);
		add_instances(s, en.h, entry_handler(&en, inst->entry->frame_address));
		any = true;
	}
	return any;
}
