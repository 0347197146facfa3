/* Target expressions ($x, @var, @cast, @entry, ...) in handlers (language reference 6).
 *
 * A body with target expressions means something else at each place. For every instance these
 * expressions alone are expanded; instances at which all of them come out as the same text share one
 * handler, so that thousands of functions of one kind share one program. Functions that mention
 * targets are cloned with the handler that calls them.
 *
 * What cannot be resolved stays in the tree with the reason in `why`: @defined and dead branches may
 * make it vanish. What survives is reported by check.c. */
#include "sema/target.h"

#include <string.h>

#include "dwarf/dbg.h"
#include "lang/diag.h"
#include "probe/provider.h"
#include "session.h"

typedef VEC(struct expr **) slot_list;

/* A function that has to be cloned with its caller. */
struct target_function {
	struct function *fn;
	slot_list slots;
	bool needed;
};

/* A composed body before it meets an instance. */
struct body_template {
	struct stmt *body;
	const struct token *tok;
	bool user;
	slot_list slots;
	VEC(struct target_function) fns;
	bool has_entry;
	bool plain;		 /* no targets: one handler for all */
	struct handler *handler; /* of plain ones */
	struct map by_text;	 /* what the slots became -> handler */
	VEC(const struct token *) warned; /* of "confusing usage" */
	unsigned clones;
};

struct expansion {
	struct session *s;
	struct body_template *t;
	struct probe_inst *inst;
	struct probe_inst *entry; /* .return instances: the one at the entry, or NULL */
	bool entry_tried;
	bool at_entry; /* inside @entry */
	bool quiet;    /* inside @defined */
};

/* ------------------------------------------------------------------ synthesized text */

const struct token *target_token(struct session *s, const struct token *at)
{
	struct token *t = ARENA_NEW(&s->arena, struct token);

	*t = *at;
	t->src = target_script(s)->src;
	return t;
}

struct script *target_script(struct session *s)
{
	if (!s->synthesized) {
		struct source *src = ARENA_NEW(&s->arena, struct source);

		*src = (struct source){.name = "<synthesized>", .text = "", .library = true,
				       .builtin = true, .id = (unsigned)s->sources.n};
		vec_push(&s->sources, &s->arena, src);
		s->synthesized = ARENA_NEW(&s->arena, struct script);
		s->synthesized->src = src;
		s->synthesized->used = s->synthesized->derived = true;
		vec_push(&s->library_scripts, &s->arena, s->synthesized);
	}
	return s->synthesized;
}

/* ------------------------------------------------------------------ what is a target */

bool target_is(const struct expr *e)
{
	switch (e->kind) {
	case EX_TARGET:
	case EX_ATVAR:
	case EX_CAST:
	case EX_ENUM:
	case EX_ENUMNAME:
	case EX_CONST:
	case EX_REGISTER:
	case EX_DEREF:
		return true;
	default:
		return false;
	}
}

bool target_is_text(const struct expr *e)
{
	return e->suffix || (e->kind == EX_TARGET && e->name[1] == '$');
}

static bool find_unresolved(struct ast_visitor *v, struct expr **slot)
{
	const struct expr **found = v->data;

	if (!*found && (target_is(*slot) || (*slot)->kind == EX_AUTOCAST))
		*found = *slot;
	return !*found;
}

const struct expr *target_unresolved(const struct expr *e)
{
	const struct expr *found = NULL;
	struct ast_visitor v = {.on_expr = find_unresolved, .data = &found};
	struct expr *root = (struct expr *)e;

	ast_walk_expr(&v, &root);
	return found;
}

static bool writes_target(const struct expr *e)
{
	return (e->kind == EX_ASSIGN || e->kind == EX_INCDEC) && target_is(e->left);
}

/* ------------------------------------------------------------------ templates */

struct collector {
	struct session *s;
	slot_list *slots;
	bool has_entry;
};

/* The topmost expressions that depend on the place. */
static bool collect_slot(struct ast_visitor *v, struct expr **slot)
{
	struct collector *c = v->data;
	struct expr *e = *slot;

	/* A typed value that is written to stays as it is: check.c refuses it. */
	if ((e->kind == EX_ASSIGN || e->kind == EX_INCDEC) && e->left->kind == EX_AUTOCAST) {
		e->left->why = "";
		if (e->right)
			ast_walk_expr(v, &e->right);
		return false;
	}
	if (writes_target(e)) {
		vec_push(c->slots, &c->s->arena, slot);
		return false;
	}
	if (e->kind == EX_ENTRY)
		c->has_entry = true;
	if (!target_is(e) && e->kind != EX_ENTRY && e->kind != EX_DEFINED)
		return true;
	if (e->kind == EX_DEFINED) {
		/* As a whole: its insides are asked for quietly. */
		struct ast_visitor inner = {.on_expr = find_unresolved};
		const struct expr *found = NULL;

		inner.data = &found;
		ast_walk_expr(&inner, slot);
		if (!found)
			return true;
	}
	vec_push(c->slots, &c->s->arena, slot);
	return false;
}

struct call_search {
	struct session *s;
	struct body_template *t;
	bool needed; /* a call of a function that needs cloning was found */
};

static void note_callees(struct session *s, struct body_template *t, const struct script *sc,
			 const struct expr *call)
{
	struct function *last = map_get(&sc->functions_by_name, call->name);
	struct target_function f = {.fn = last};

	if (!last)
		return;
	do {
		bool known = false;

		f.fn = f.fn->same_name;
		if (f.fn->params.n != call->args.n || !f.fn->body)
			continue;
		for (size_t k = 0; k < t->fns.n && !known; k++)
			known = t->fns.v[k].fn == f.fn;
		if (!known)
			vec_push(&t->fns, &s->arena, f);
	} while (f.fn != last);
}

static bool find_calls(struct ast_visitor *v, struct expr **slot)
{
	struct call_search *c = v->data;
	const struct expr *e = *slot;

	if (e->kind != EX_CALL)
		return true;
	for (size_t i = 0; i < c->s->user_scripts.n; i++)
		note_callees(c->s, c->t, c->s->user_scripts.v[i], e);
	return true;
}

static const struct target_function *needed_callee(const struct body_template *t, const struct expr *e)
{
	for (size_t i = 0; e->kind == EX_CALL && i < t->fns.n; i++)
		if (t->fns.v[i].needed && t->fns.v[i].fn->name == e->name &&
		    t->fns.v[i].fn->params.n == e->args.n)
			return &t->fns.v[i];
	return NULL;
}

static bool calls_needed(struct ast_visitor *v, struct expr **slot)
{
	struct call_search *c = v->data;

	c->needed |= needed_callee(c->t, *slot) != NULL;
	return true;
}

/* Functions of the user that are reached from the body and mention targets, or call such. */
static void find_functions(struct session *s, struct body_template *t)
{
	struct call_search c = {.s = s, .t = t};
	struct ast_visitor calls = {.on_expr = find_calls, .data = &c};
	bool changed = false;

	ast_walk_stmt(&calls, &t->body);
	for (size_t i = 0; i < t->fns.n; i++) {
		struct collector k = {.s = s, .slots = &t->fns.v[i].slots};
		struct ast_visitor slots = {.on_expr = collect_slot, .data = &k};
		struct stmt *body = t->fns.v[i].fn->body;

		ast_walk_stmt(&slots, &body);
		t->fns.v[i].needed = t->fns.v[i].slots.n != 0;
		changed |= t->fns.v[i].needed;
		t->has_entry |= k.has_entry;
		ast_walk_stmt(&calls, &body);
	}
	while (changed) {
		changed = false;
		for (size_t i = 0; i < t->fns.n; i++) {
			struct call_search k = {.s = s, .t = t};
			struct ast_visitor v = {.on_expr = calls_needed, .data = &k};
			struct stmt *body = t->fns.v[i].fn->body;

			if (t->fns.v[i].needed)
				continue;
			ast_walk_stmt(&v, &body);
			if (k.needed)
				t->fns.v[i].needed = changed = true;
		}
	}
}

struct body_template *sema_template(struct session *s, struct stmt *body, const struct token *tok,
				    bool user)
{
	struct body_template *t = ARENA_NEW(&s->arena, struct body_template);
	struct collector c = {.s = s, .slots = &t->slots};
	struct ast_visitor v = {.on_expr = collect_slot, .data = &c};

	t->body = body;
	t->tok = tok;
	t->user = user;
	ast_walk_stmt(&v, &t->body);
	t->has_entry = c.has_entry;
	find_functions(s, t);
	t->plain = !t->slots.n;
	for (size_t i = 0; i < t->fns.n; i++)
		t->plain &= !t->fns.v[i].needed;
	return t;
}

/* ------------------------------------------------------------------ expansion */

static struct probe_inst *entry_instance(struct expansion *x)
{
	if (!x->entry_tried && x->inst && x->inst->family->entry_of) {
		x->entry = x->inst->family->entry_of(x->s, x->inst);
		x->inst->entry = x->entry;
	}
	x->entry_tried = true;
	return x->entry;
}

static struct expr *resolve(void *cookie, struct expr *e, const char **why)
{
	struct expansion *x = cookie;
	const struct probe_inst *inst = x->at_entry && x->entry ? x->entry : x->inst;
	struct dbg_place nowhere = {.in_stap = inst && !inst->site};
	struct expr *r;

	*why = NULL;
	if (e->kind == EX_CONST)
		return sema_constant(x->s, e, why);
	if (inst && inst->family->resolve_target) {
		r = inst->family->resolve_target(x->s, inst, e, why);
		if (r || *why)
			return r;
	}
	/* A type of the kernel, a type or variable of a named program: the same everywhere. */
	if (e->kind != EX_TARGET && (e->kind != EX_ATVAR || e->module))
		return dbg_resolve(x->s, &nowhere, e, why);
	return NULL;
}

static bool in_handler_of_return(const struct expr *e)
{
	return strcmp(e->name, "$return") == 0 || strcmp(e->name, "$$return") == 0 ||
	       strcmp(e->name, "$$name") == 0; /* of .plt: a constant */
}

static void confusing(struct expansion *x, const struct expr *e, const char *text)
{
	if (x->quiet || !e->tok->src || e->tok->src->library)
		return;
	for (size_t i = 0; i < x->t->warned.n; i++)
		if (x->t->warned.v[i] == e->tok)
			return;
	vec_push(&x->t->warned, &x->s->arena, e->tok);
	sem_warn(x->s, e->tok,
		 "confusing usage, value is captured as @entry(%s) in .return probe [man stapprobes] "
		 "RETURN PROBES",
		 text);
}

static struct expr *machine_state(struct expansion *x, struct expr *e)
{
	struct expr *c;

	if (e->left->kind != EX_NUMBER)
		return NULL;
	if (e->kernel_side ? !x->s->opt.guru && !e->tok->src->library : !x->inst || !x->inst->site)
		return NULL;
	if (e->kernel_side && e->kind == EX_REGISTER)
		return NULL;
	c = expr_make(&x->s->arena, EX_CONTEXT, e->tok);
	c->type = TY_LONG;
	if (e->kind == EX_REGISTER) {
		if (e->left->lit->num < 0 || e->left->lit->num > 16)
			return NULL;
		c->context = CTX_REGISTER;
		c->number = (int32_t)e->left->lit->num;
	} else {
		int64_t n = e->left->lit->num;

		if (n != 1 && n != 2 && n != 4 && n != 8)
			return NULL;
		c->context = e->kernel_side ? CTX_KREAD : CTX_READ;
		c->size = (uint8_t)n;
		c->left = e->right;
	}
	return c;
}

static void expand(struct expansion *x, struct expr **slot);
static void expand_parts(struct expansion *x, struct expr *e);

/* One that is part of a value, not of an address. */
static bool find_register(struct ast_visitor *v, struct expr **slot)
{
	*(bool *)v->data |= (*slot)->kind == EX_CONTEXT && (*slot)->context == CTX_REGISTER;
	return (*slot)->kind != EX_CONTEXT;
}

/* A variable of a program that lies in its memory: a call that writes there. NULL: *why. */
static struct expr *write_to_program(struct expansion *x, const struct expr *e, const char **why)
{
	bool in_register = false;
	struct ast_visitor v = {.on_expr = find_register, .data = &in_register};
	struct arena *a = &x->s->arena;
	struct expr *place, *call;

	if (!x->inst || !x->inst->site || !x->s->opt.guru || e->kind != EX_ASSIGN || e->op != OP_ASSIGN)
		return NULL;
	place = expr_clone(a, e->left);
	expand_parts(x, place);
	place = resolve(x, place, why);
	if (!place)
		return NULL;
	if (place->kind == EX_CONTEXT && place->context == CTX_READ) {
		call = expr_call(a, e->tok, "__set_user");
		vec_push(&call->args, a, place->left);
		vec_push(&call->args, a, expr_number(a, e->tok, place->size));
		vec_push(&call->args, a, e->right);
		return call;
	}
	ast_walk_expr(&v, &place);
	if (place->kind == EX_CONTEXT && place->context == CTX_KREAD)
		*why = "writing is not possible: eBPF programs cannot write to the kernel's memory";
	else if (in_register)
		*why = "writing is not possible: it is in a register here, and eBPF programs cannot change registers";
	else
		*why = "writing is not possible: this is no number in the program's memory";
	return NULL;
}

/* What cannot be written stays in the tree: check.c refuses it. */
static void expand_assignment(struct expansion *x, struct expr **slot)
{
	const struct probe_family *f = x->inst ? x->inst->family : NULL;
	struct expr *e = *slot, *r = NULL;
	const char *why = "";

	if (e->right)
		expand(x, &e->right);
	if (f && f->assign_target)
		r = f->assign_target(x->s, x->inst, e, &why);
	else
		r = write_to_program(x, e, &why);
	if (r)
		*slot = r;
	else
		e->left->why = why ? why : "";
}

static void expand_parts(struct expansion *x, struct expr *e)
{
	if (e->cond)
		expand(x, &e->cond);
	if (e->left)
		expand(x, &e->left);
	if (e->right)
		expand(x, &e->right);
	for (size_t i = 0; i < e->args.n; i++)
		if (e->args.v[i])
			expand(x, &e->args.v[i]);
	if (e->hist)
		expand(x, &e->hist);
	for (size_t i = 0; i < e->accessors.n; i++)
		if (e->accessors.v[i].index)
			expand(x, &e->accessors.v[i].index);
}

/* Replaces the targets in a tree of ours, innermost first. */
static void expand(struct expansion *x, struct expr **slot)
{
	struct expr *e = *slot, *r;
	const char *why = NULL, *text = NULL;
	bool outer_entry = x->at_entry, outer_quiet = x->quiet, captured = false;

	if (writes_target(e)) {
		expand_assignment(x, slot);
		return;
	}
	if (e->kind == EX_ENTRY && !x->at_entry && entry_instance(x)) {
		x->at_entry = true;
		expand_parts(x, e);
		x->at_entry = outer_entry;
		return;
	}
	if (e->kind == EX_DEFINED)
		x->quiet = true;
	/* Parameters of a function that has returned: their values at entry. */
	if (e->kind == EX_TARGET && !x->at_entry && !in_handler_of_return(e) &&
	    !(x->inst->family->keeps && x->inst->family->keeps(x->inst, e)) && entry_instance(x)) {
		captured = true;
		text = expr_text(&x->s->arena, e);
		x->at_entry = true;
	}
	expand_parts(x, e);
	if (e->kind == EX_REGISTER || e->kind == EX_DEREF) {
		r = machine_state(x, e);
		if (r)
			*slot = r;
	} else if (e->kind == EX_ENUMNAME) {
		r = target_enum_name(x->s, e, resolve, x, &why);
		if (r)
			*slot = r;
		else
			e->why = why;
	} else if (target_is(e)) {
		r = target_is_text(e) ? target_text(x->s, e, resolve, x, &why) : resolve(x, e, &why);
		if (r) {
			*slot = r;
			if (captured) {
				struct expr *entry = expr_make(&x->s->arena, EX_ENTRY, e->tok);

				entry->left = r;
				entry->detail = r->detail;
				*slot = entry;
				confusing(x, e, text);
			}
		} else {
			e->why = why;
		}
	}
	x->at_entry = outer_entry;
	x->quiet = outer_quiet;
}

/* ------------------------------------------------------------------ handlers */

static bool add_details(struct ast_visitor *v, struct expr **slot)
{
	if ((*slot)->detail)
		str_addf(v->data, " %s", (*slot)->detail->name);
	if (target_is(*slot) && (*slot)->why)
		str_addc(v->data, '!');
	return true;
}

static bool find_autocast(struct ast_visitor *v, struct expr **slot)
{
	*(bool *)v->data |= (*slot)->kind == EX_AUTOCAST;
	return true;
}

/* Do types of values matter anywhere? Only then must handlers agree in them. */
static bool has_autocasts(struct session *s)
{
	struct ast_visitor v = {.on_expr = find_autocast, .data = &s->has_autocasts};

	if (s->autocasts_looked_for)
		return s->has_autocasts;
	s->autocasts_looked_for = true;
	for (size_t i = 0; i < s->user_scripts.n; i++) {
		const struct script *sc = s->user_scripts.v[i];

		for (size_t k = 0; k < sc->probes.n; k++)
			ast_walk_stmt(&v, &sc->probes.v[k]->body);
		for (size_t k = 0; k < sc->aliases.n; k++)
			ast_walk_stmt(&v, &sc->aliases.v[k]->body);
		for (size_t k = 0; k < sc->functions.n; k++)
			ast_walk_stmt(&v, &sc->functions.v[k]->body);
	}
	return s->has_autocasts;
}

static void expand_slots(struct expansion *x, const slot_list *slots, expr_list *out, struct str *text)
{
	struct ast_visitor details = {.on_expr = add_details, .data = text};

	for (size_t i = 0; i < slots->n; i++) {
		struct expr *e = expr_clone(&x->s->arena, *slots->v[i]);

		expand(x, &e);
		vec_push(out, &x->s->arena, e);
		str_addf(text, "%s\n", expr_text(&x->s->arena, e));
		if (has_autocasts(x->s) || target_unresolved(e))
			ast_walk_expr(&details, &e);
	}
}

/* A copy of the statement with the slots (which are inside it) replaced. */
static struct stmt *substitute(struct session *s, struct stmt *body, const slot_list *slots,
			       struct expr *const *with)
{
	VEC(struct expr *) saved = {0};
	struct stmt *copy;

	for (size_t i = 0; i < slots->n; i++) {
		vec_push(&saved, &s->arena, *slots->v[i]);
		*slots->v[i] = with[i];
	}
	copy = stmt_clone(&s->arena, body);
	for (size_t i = 0; i < slots->n; i++)
		*slots->v[i] = saved.v[i];
	return copy;
}

struct renaming {
	const struct body_template *t;
	struct session *s;
	unsigned number;
};

static const char *clone_name(struct session *s, const struct function *f, unsigned number)
{
	return intern(arena_printf(&s->arena, "__%s_%u", f->name, number));
}

static bool rename_call(struct ast_visitor *v, struct expr **slot)
{
	struct renaming *r = v->data;
	const struct target_function *f = needed_callee(r->t, *slot);

	if (f)
		(*slot)->name = clone_name(r->s, f->fn, r->number);
	return true;
}

static void clone_functions(struct session *s, struct body_template *t, struct expr *const *with,
			    struct stmt **handler_body)
{
	struct renaming r = {.t = t, .s = s, .number = s->n_synthesized++};
	struct ast_visitor v = {.on_expr = rename_call, .data = &r};

	for (size_t i = 0; i < t->fns.n; i++) {
		const struct target_function *f = &t->fns.v[i];
		struct function *c;

		if (!f->needed)
			continue;
		c = ARENA_NEW(&s->arena, struct function);
		*c = *f->fn;
		memset(&c->locals, 0, sizeof(c->locals));
		memset(&c->params, 0, sizeof(c->params));
		for (size_t k = 0; k < f->fn->params.n; k++) {
			struct var *p = ARENA_NEW(&s->arena, struct var);

			*p = *f->fn->params.v[k];
			vec_push(&c->params, &s->arena, p);
		}
		c->name = clone_name(s, f->fn, r.number);
		c->is_private = false;
		c->body = substitute(s, f->fn->body, &f->slots, with);
		with += f->slots.n;
		ast_walk_stmt(&v, &c->body);
		script_add_function(&s->arena, target_script(s), c);
	}
	ast_walk_stmt(&v, handler_body);
}

static struct handler *make_handler(struct session *s, const struct body_template *t,
				    struct stmt *body)
{
	struct handler *h = ARENA_NEW(&s->arena, struct handler);

	h->body = body;
	h->tok = t->tok;
	h->user = t->user;
	h->id = (int)s->program->handlers.n;
	vec_push(&s->program->handlers, &s->arena, h);
	return h;
}

struct handler *sema_instance_handler(struct session *s, struct body_template *t,
				      struct probe_inst *inst)
{
	struct expansion x = {.s = s, .t = t, .inst = inst};
	expr_list with = {0};
	struct str text = {0};
	struct handler *h;

	if (t->plain) {
		if (!t->handler)
			t->handler = make_handler(s, t, t->body);
		return t->handler;
	}
	expand_slots(&x, &t->slots, &with, &text);
	for (size_t i = 0; i < t->fns.n; i++)
		if (t->fns.v[i].needed)
			expand_slots(&x, &t->fns.v[i].slots, &with, &text);
	/* Values saved at the entry are found again by the frame address. */
	if (x.entry && x.entry->frame_address)
		str_addf(&text, "%s\n", expr_text(&s->arena, x.entry->frame_address));
	str_addc(&text, '.');
	h = map_get(&t->by_text, text.s);
	if (!h) {
		struct stmt *body = substitute(s, t->body, &t->slots, with.v);

		clone_functions(s, t, with.v + t->slots.n, &body);
		h = make_handler(s, t, body);
		map_set(&t->by_text, &s->arena, arena_strdup(&s->arena, text.s), h);
	}
	str_release(&text);
	return h;
}

void sema_expand_library_function(struct session *s, struct function *f)
{
	slot_list slots = {0};
	struct collector c = {.s = s, .slots = &slots};
	struct ast_visitor v = {.on_expr = collect_slot, .data = &c};
	struct expansion x = {.s = s};

	ast_walk_stmt(&v, &f->body);
	for (size_t i = 0; i < slots.n; i++)
		expand(&x, slots.v[i]);
}

/* ------------------------------------------------------------------ what could not be resolved */

static bool is_missing(const struct expr *e)
{
	return (e->kind == EX_TARGET || e->kind == EX_ATVAR || e->kind == EX_CAST) && e->why && *e->why;
}

static bool find_missing(struct ast_visitor *v, struct expr **slot)
{
	*(bool *)v->data |= is_missing(*slot);
	return true;
}

static bool make_zero(struct ast_visitor *v, struct expr **slot)
{
	struct session *s = v->data;
	struct expr *e = *slot;

	if (!is_missing(e))
		return true;
	sem_warn(s, e->tok, "Bad $context variable being substituted with literal 0");
	*slot = expr_number(&s->arena, e->tok, 0);
	return false;
}

void sema_drop_unresolved(struct session *s)
{
	struct program *p = s->program;
	size_t n_handlers = 0;

	for (size_t i = 0; i < p->handlers.n; i++) {
		struct handler *h = p->handlers.v[i];
		bool missing = false;
		struct ast_visitor find = {.on_expr = find_missing, .data = &missing};
		struct ast_visitor zero = {.on_expr = make_zero, .data = s};
		size_t n = 0, used = 0;

		ast_walk_stmt(&find, &h->body);
		if (missing && s->opt.skip_badvars) {
			ast_walk_stmt(&zero, &h->body);
			missing = false;
		}
		for (size_t k = 0; missing && k < p->probes.n; k++) {
			struct probe_inst *inst = p->probes.v[k];

			if (inst->handler == h && inst->optional)
				continue;
			used += inst->handler == h;
			p->probes.v[n++] = inst;
		}
		if (missing)
			p->probes.n = n;
		if (!missing || used)
			p->handlers.v[n_handlers++] = h;
	}
	p->handlers.n = n_handlers;
}
