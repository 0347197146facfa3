/* process(...).mark and .provider().mark: SDT sites and their variables (probe reference 7.8). See
 * process.h. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "lang/diag.h"
#include "lang/lang.h"
#include "probe/process.h"
#include "session.h"

/* "a-b" is what scripts and dtrace say for a__b. */
static const char *mark_pattern(struct arena *a, const char *text)
{
	struct str b = {0};
	const char *r;

	if (!strchr(text, '-') || strchr(text, '['))
		return text;
	for (; *text; text++)
		if (*text == '-')
			str_add(&b, "__");
		else
			str_addc(&b, *text);
	r = arena_strndup(a, b.s, b.len);
	str_release(&b);
	return r;
}

bool process_marks(struct process_query *q)
{
	struct session *s = q->s;
	const char *pattern = mark_pattern(&s->arena, process_text_arg(q)), *provider = NULL;
	usdt_notes notes = {0};
	obj_names names = {0};
	size_t before = q->n;

	if (strcmp(q->p->comps.v[q->at - 1].name, "provider") == 0)
		provider = q->p->comps.v[q->at - 1].arg->str;
	obj_usdt_notes(q->m->obj, &notes);
	for (size_t i = 0; i < notes.n; i++) {
		const struct usdt_note *note = &notes.v[i];
		struct process_site e = {
			.low_component = "statement",
			.low_suffix = "",
			.kind = SITE_UPROBE,
			.pc = note->pc,
			.semaphore = note->semaphore,
			.place = {.kind = PLACE_MARK, .mark = note},
		};

		vec_push(&names, &s->arena, note->name);
		if (!dbg_match(pattern, note->name) ||
		    (provider && !dbg_match(provider, note->provider)))
			continue;
		e.arg = process_quote(&s->arena, note->name);
		e.provider = provider ? note->provider : NULL;
		e.low_arg = arena_printf(&s->arena, "0x%llx", (unsigned long long)note->pc);
		process_emit(q, &e);
	}
	if (q->n > before)
		return true;
	return process_no_match(q, "mark", "marks", pattern, names.v, names.n);
}

/* ------------------------------------------------------------------ values */

struct maker {
	struct session *s;
	const struct token *tok;
};

static uint16_t height_above(const struct expr *a, const struct expr *b)
{
	uint16_t x = a ? a->height : 0, y = b ? b->height : 0;

	return (uint16_t)((x > y ? x : y) + 1);
}

static struct expr *make_number(const struct maker *m, int64_t n)
{
	struct expr *e = expr_make(&m->s->arena, EX_NUMBER, m->tok);

	e->lit = ARENA_NEW(&m->s->arena, struct literal);
	e->lit->tok = m->tok;
	e->lit->num = n;
	e->lit->raw = arena_printf(&m->s->arena, "%lld", (long long)n);
	e->height = 1;
	return e;
}

static struct expr *make_binary(const struct maker *m, enum op op, struct expr *l, struct expr *r)
{
	struct expr *e;

	if (!l || !r)
		return l ? l : r;
	e = expr_make(&m->s->arena, EX_BINARY, m->tok);
	e->op = op;
	e->left = l;
	e->right = r;
	e->height = height_above(l, r);
	return e;
}

static struct expr *make_context(const struct maker *m, enum context_kind kind, int number)
{
	struct expr *e = expr_make(&m->s->arena, EX_CONTEXT, m->tok);

	e->context = kind;
	e->number = number;
	e->size = 8;
	e->height = 1;
	return e;
}

static struct expr *make_read(const struct maker *m, struct expr *address, int size, bool is_signed)
{
	struct expr *e = make_context(m, CTX_READ, 0);

	e->left = address;
	e->size = (uint8_t)size;
	e->is_signed = is_signed;
	e->height = height_above(address, NULL);
	return e;
}

static struct expr *make_string(const struct maker *m, const char *text)
{
	struct expr *e = expr_make(&m->s->arena, EX_STRING, m->tok);

	e->lit = ARENA_NEW(&m->s->arena, struct literal);
	e->lit->tok = m->tok;
	e->lit->is_string = true;
	e->lit->str = e->lit->raw = text;
	e->lit->len = (uint32_t)strlen(text);
	e->height = 1;
	return e;
}

/* The lowest size bytes of e as a value of their own. */
static struct expr *extend(const struct maker *m, struct expr *e, int size, bool is_signed)
{
	int bits = 64 - 8 * size;

	if (!bits)
		return e;
	if (!is_signed)
		return make_binary(m, OP_AND, e, make_number(m, (int64_t)(~0ull >> bits)));
	return make_binary(m, OP_SAR, make_binary(m, OP_SHL, e, make_number(m, bits)),
			   make_number(m, bits));
}

/* A register part, zero-extended: as the instruction that would use it sees it. */
static struct expr *read_register(const struct maker *m, const struct usdt_reg *r)
{
	struct expr *e = make_context(m, CTX_REGISTER, r->number);

	if (r->shift)
		e = make_binary(m, OP_SHR, e, make_number(m, r->shift));
	return extend(m, e, r->size, false);
}

static int64_t constant(const struct usdt_arg *a, int64_t v)
{
	int bits = 64 - 8 * a->size;

	if (bits && a->is_signed)
		return (int64_t)((uint64_t)v << bits) >> bits;
	return bits ? (int64_t)((uint64_t)v << bits >> bits) : v;
}

/* NULL with the reason in *why. */
static struct expr *argument(const struct maker *m, struct dbg_module *mod,
			     const struct usdt_arg *a, const char **why)
{
	struct expr *address = NULL;
	int64_t offset = a->offset;

	if (a->kind == USDT_UNKNOWN) {
		*why = arena_printf(&m->s->arena, "cannot read the probe's argument '%s'", a->text);
		return NULL;
	}
	if (a->symbol) {
		struct obj_symtab *t = dbg_symbols(mod);
		const struct obj_symbol *y = obj_symtab_find(mod->obj, t, a->symbol);

		if (!y) {
			*why = arena_printf(&m->s->arena,
					    "cannot find symbol '%s' of the probe's argument '%s'",
					    a->symbol, a->text);
			return NULL;
		}
		offset = (int64_t)((uint64_t)offset + y->addr);
		address = make_context(m, CTX_BIAS, 0);
	}
	if (a->kind == USDT_CONST && !a->symbol)
		return make_number(m, constant(a, offset));
	if (a->kind == USDT_REG) {
		/* %eax for a 1-byte value: its lowest byte; %al for a 4-byte one: that byte. */
		int size = a->base.size < a->size ? a->base.size : a->size;
		struct expr *e = make_context(m, CTX_REGISTER, a->base.number);

		if (a->base.shift)
			e = make_binary(m, OP_SHR, e, make_number(m, a->base.shift));
		return extend(m, e, size, a->is_signed);
	}
	if (a->kind == USDT_MEM && a->base.number >= 0)
		address = make_binary(m, OP_ADD, address, read_register(m, &a->base));
	if (a->kind == USDT_MEM && a->index.number >= 0) {
		struct expr *index = read_register(m, &a->index);

		if (a->scale > 1)
			index = make_binary(m, OP_MUL, index, make_number(m, a->scale));
		address = make_binary(m, OP_ADD, address, index);
	}
	if (offset || !address)
		address = make_binary(m, OP_ADD, address, make_number(m, offset));
	return a->kind == USDT_CONST ? extend(m, address, a->size, a->is_signed) :
				       make_read(m, address, a->size, a->is_signed);
}

/* "$arg1=%#x $arg2=%#x" of all arguments. */
static struct expr *all_arguments(const struct maker *m, struct dbg_module *mod,
				  const struct usdt_note *note, const char **why)
{
	struct expr *e = expr_make(&m->s->arena, EX_PRINT, m->tok);
	struct print *p = ARENA_NEW(&m->s->arena, struct print);
	struct str format = {0};
	struct literal *l;

	if (!note->n_args)
		return make_string(m, "");
	e->print = p;
	e->height = 1;
	p->name = intern("sprintf");
	p->to_string = p->formatted = true;
	for (size_t i = 0; i < note->n_args; i++) {
		struct expr *value = argument(m, mod, &note->args[i], why);

		if (value) {
			str_addf(&format, "%s$arg%zu=%%#x", i ? " " : "", i + 1);
			vec_push(&e->args, &m->s->arena, value);
			e->height = height_above(e, value);
		} else {
			str_addf(&format, "%s$arg%zu=?", i ? " " : "", i + 1);
		}
	}
	l = make_string(m, arena_strdup(&m->s->arena, format.s))->lit;
	str_release(&format);
	p->format = l;
	format_parse(&m->s->arena, l->str, l->len, &p->parts);
	return e;
}

static struct expr *unknown_local(const struct maker *m, const struct process_place *place,
				  const char *name, const char **why)
{
	const struct usdt_note *note = place->mark;
	struct str b = {0};

	for (size_t i = 0; i < note->n_args; i++)
		str_addf(&b, "$arg%zu, ", i + 1);
	*why = arena_printf(&m->s->arena,
			    "unable to find local '%s', [man error::dwarf] in %s, near pc 0x%llx "
			    "(alternatives: %s$$name, $$parms, $$provider, $$vars)",
			    name + 1, place->at.module->path, (unsigned long long)place->at.pc,
			    b.s ? b.s : "");
	str_release(&b);
	return NULL;
}

/* The number of "$arg12", 0: it is no such name. */
static unsigned argument_number(const char *name)
{
	char *end;
	unsigned long n;

	if (strncmp(name, "$arg", 4) != 0 || !isdigit((unsigned char)name[4]))
		return 0;
	n = strtoul(name + 4, &end, 10);
	return *end || n > 10000 ? 0 : (unsigned)n;
}

struct expr *process_resolve_mark(struct session *s, const struct process_place *place,
				  struct expr *target, const char **why)
{
	const struct maker m = {s, target->tok};
	const struct usdt_note *note = place->mark;
	struct dbg_module *mod = place->at.module;
	const char *name = target->kind == EX_TARGET ? target->name : "";
	unsigned n = argument_number(name);

	if (n && !target->accessors.n && !target->suffix) {
		if (n > note->n_args)
			return unknown_local(&m, place, name, why);
		if (target->address_of) {
			*why = arena_printf(&s->arena, "cannot take the address of %s", name);
			return NULL;
		}
		return argument(&m, mod, &note->args[n - 1], why);
	}
	if (strcmp(name, "$$name") == 0)
		return make_string(&m, note->name);
	if (strcmp(name, "$$provider") == 0)
		return make_string(&m, note->provider);
	if (strcmp(name, "$$vars") == 0 || strcmp(name, "$$parms") == 0)
		return all_arguments(&m, mod, note, why);
	if (n) {
		*why = arena_printf(&s->arena, "'%s' has no type: use @cast(%s, \"type\")", name,
				    name);
		return NULL;
	}
	/* Variables of the function around the site. */
	struct dbg_place at = place->at;

	if (!at.scope.addr && !dbg_scope_at(s, mod, at.pc, &at.scope))
		return unknown_local(&m, place, *name ? name : "$?", why);
	return dbg_resolve(s, &at, target, why);
}

void process_list_mark(struct session *s, const struct process_place *place, name_list *out)
{
	for (size_t i = 0; i < place->mark->n_args; i++)
		vec_push(out, &s->arena, arena_printf(&s->arena, "$arg%zu:long", i + 1));
}

/* ------------------------------------------------------------------ .plt */

bool process_plt(struct process_query *q)
{
	struct session *s = q->s;
	const char *pattern = process_text_arg(q);
	obj_plts stubs = {0};
	obj_names names = {0};
	size_t before = q->n;

	if (!pattern)
		pattern = "*";
	obj_plt_stubs(q->m->obj, &stubs);
	for (size_t i = 0; i < stubs.n; i++) {
		const struct obj_plt *stub = &stubs.v[i];
		struct process_site e = {
			.low_component = "statement",
			.kind = process_has_suffix(q, "return") ? SITE_URETPROBE : SITE_UPROBE,
			.is_entry = true,
			.pc = stub->addr,
			.place = {.kind = PLACE_PLT, .name = stub->name},
		};

		vec_push(&names, &s->arena, stub->name);
		if (!dbg_match(pattern, stub->name))
			continue;
		e.arg = process_quote(&s->arena, stub->name);
		e.low_arg = arena_printf(&s->arena, "0x%llx", (unsigned long long)stub->addr);
		e.place.at.is_return = e.kind == SITE_URETPROBE;
		process_emit(q, &e);
	}
	if (q->n > before)
		return true;
	return process_no_match(q, "function", "functions", pattern, names.v, names.n);
}

struct expr *process_resolve_plt(struct session *s, const struct process_place *place,
				 struct expr *target, const char **why)
{
	const struct maker m = {s, target->tok};

	if (target->kind == EX_TARGET && strcmp(target->name, "$$name") == 0)
		return make_string(&m, place->name);
	if (target->kind == EX_CAST || target->kind == EX_AUTOCAST)
		return dbg_resolve(s, &place->at, target, why);
	*why = arena_printf(&s->arena, "invalid variable '%s' in .plt probe (alternatives: $$name)",
			    target->name ? target->name : "@var");
	return NULL;
}
