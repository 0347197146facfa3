/* Target expressions: $x, @var, @cast and their accessors, looked up in debug information (language
 * reference 6, probe reference 9.5). */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dwarf/query.h"
#include "lang/diag.h"
#include "object/kallsyms.h"
#include "object/object.h"
#include "session.h"

enum { MAX_SCOPES = 64, MAX_STEPS = 200000 };

void *dbg_fail(struct dbg_query *q, const char *fmt, ...)
{
	va_list ap;

	if (q->why)
		return NULL;
	va_start(ap, fmt);
	q->why = arena_vprintf(q->a, fmt, ap);
	va_end(ap);
	return NULL;
}

bool dbg_step(struct dbg_query *q)
{
	if (++q->steps > MAX_STEPS)
		return dbg_fail(q, "damaged debug information in %s [man error::dwarf]", q->m->path);
	return true;
}

/* ------------------------------------------------------------------ scopes */

/* The innermost subprogram around pc below die. */
static bool find_function(Dwarf_Die *die, Dwarf_Addr pc, Dwarf_Die *out, int depth)
{
	Dwarf_Die child;

	if (depth > DBG_MAX_DEPTH || !dbg_first_child(die, &child))
		return false;
	do {
		switch (dwarf_tag(&child)) {
		case DW_TAG_subprogram:
			if (dwarf_haspc(&child, pc) == 1) {
				*out = child;
				return true;
			}
			break;
		case DW_TAG_namespace:
		case DW_TAG_structure_type:
		case DW_TAG_class_type:
		case DW_TAG_module:
			if (find_function(&child, pc, out, depth + 1))
				return true;
			break;
		default:
			break;
		}
	} while (dbg_next(&child));
	return false;
}

bool dbg_function(struct dbg_query *q, Dwarf_Die *out)
{
	Dwarf_Die scope = q->at->scope, cu;

	if (!q->function_tried) {
		q->function_tried = true;
		if (scope.addr && dwarf_tag(&scope) == DW_TAG_subprogram)
			q->function = scope;
		else if (scope.addr && dwarf_diecu(&scope, &cu, NULL, NULL))
			find_function(&cu, dbg_pc(q), &q->function, 0);
	}
	*out = q->function;
	return out->addr != NULL;
}

bool dbg_is_block(int tag)
{
	return tag == DW_TAG_lexical_block || tag == DW_TAG_try_block || tag == DW_TAG_catch_block;
}

size_t dbg_scopes(struct dbg_query *q, Dwarf_Die *scopes, size_t max)
{
	Dwarf_Die scope = q->at->scope, child;
	Dwarf_Addr pc = dbg_pc(q);
	size_t n = 0;

	if (!scope.addr || q->foreign)
		return 0;
	for (bool found = true; found && n < max;) {
		scopes[n++] = scope;
		found = false;
		if (!dbg_first_child(&scope, &child))
			break;
		do
			found = dbg_is_block(dwarf_tag(&child)) && dwarf_haspc(&child, pc) == 1;
		while (!found && dbg_next(&child));
		scope = child;
	}
	for (size_t i = 0; i < n / 2; i++) {
		Dwarf_Die t = scopes[i];

		scopes[i] = scopes[n - 1 - i];
		scopes[n - 1 - i] = t;
	}
	return n;
}

static bool is_variable(int tag)
{
	return tag == DW_TAG_variable || tag == DW_TAG_formal_parameter;
}

static bool find_child(Dwarf_Die *scope, const char *name, Dwarf_Die *out)
{
	Dwarf_Die child;

	if (!dbg_first_child(scope, &child))
		return false;
	do {
		const char *have;

		if (is_variable(dwarf_tag(&child)) && (have = dwarf_diename(&child)) &&
		    strcmp(have, name) == 0) {
			*out = child;
			return true;
		}
	} while (dbg_next(&child));
	return false;
}

/* ------------------------------------------------------------------ messages */

const char *dbg_alternatives(struct dbg_query *q, const char *name, const dbg_names *names)
{
	const char *s;

	if (!names->n)
		return "";
	s = diag_similar(q->s, name, names->v, names->n);
	return *s ? arena_printf(q->a, " (alternatives:%s", strchr(s, ':') + 1) : "";
}

static void collect_names(struct dbg_query *q, dbg_names *out)
{
	Dwarf_Die scopes[MAX_SCOPES], child;
	size_t n = dbg_scopes(q, scopes, MAX_SCOPES);

	for (size_t i = 0; i < n; i++) {
		if (!dbg_first_child(&scopes[i], &child))
			continue;
		do {
			const char *have = dwarf_diename(&child);

			if (is_variable(dwarf_tag(&child)) && have && out->n < 10000)
				vec_push(out, q->a, arena_printf(q->a, "$%s", have));
		} while (dbg_next(&child));
	}
}

/* " dieoffset 0x208c in /T/foo, near pc 0x12b0 in cfun foo.cc" */
static const char *whereabouts(struct dbg_query *q)
{
	Dwarf_Die scope = q->at->scope, cu;
	const char *function = NULL, *unit = NULL;

	if (q->at->signature)
		return arena_printf(q->a, " in %s", q->at->signature->name);

	if (!scope.addr)
		return arena_printf(q->a, " in %s", q->m->path);
	function = dwarf_diename(&scope);
	if (dwarf_diecu(&scope, &cu, NULL, NULL))
		unit = dwarf_diename(&cu);
	return arena_printf(q->a, " dieoffset 0x%llx in %s, near pc 0x%llx in %s %s",
			    (unsigned long long)dwarf_dieoffset(&scope), q->m->path,
			    (unsigned long long)q->at->pc, function ? function : "?",
			    unit ? unit : "?");
}

/* "$arg1", ..., or the name. */
static const char *argument_name(struct dbg_query *q, size_t i)
{
	const char *name = q->at->signature->args.v[i].name;

	return name ? arena_printf(q->a, "$%s", name) : arena_printf(q->a, "$arg%zu", i + 1);
}

static void no_tracepoint_variable(struct dbg_query *q, const char *name)
{
	struct str all = {0};

	for (size_t i = 0; i < q->at->signature->args.n; i++)
		str_addf(&all, "%s ", argument_name(q, i));
	dbg_fail(q, "unable to find tracepoint variable '$%s' (alternatives: %s$$name $$system $$parms "
		    "$$vars)",
		 name, all.s ? all.s : "");
	str_release(&all);
}

static void no_local(struct dbg_query *q, const char *name)
{
	dbg_names names = {0};
	const char *alt;

	if (q->at->signature && q->at->signature->tracepoint) {
		no_tracepoint_variable(q, name);
		return;
	}
	for (size_t i = 0; q->at->signature && i < q->at->signature->args.n; i++)
		vec_push(&names, q->a, argument_name(q, i));
	collect_names(q, &names);
	alt = dbg_alternatives(q, arena_printf(q->a, "$%s", name), &names);
	/* The second bracket is SystemTap's. */
	dbg_fail(q, "unable to find local '%s', [man error::dwarf]%s%s%s", name, whereabouts(q), alt,
		 *alt ? ")" : "");
}

/* ------------------------------------------------------------------ objects */

bool dbg_variable_object(struct dbg_query *q, Dwarf_Die *var, struct dbg_object *o)
{
	memset(o, 0, sizeof(*o));
	o->bit_offset = -1;
	if (!dbg_type_of(var, &o->type.die))
		return dbg_fail(q, "variable without a type [man error::dwarf]");
	if (dbg_locate(q, var, &o->loc))
		return true;
	q->why = arena_printf(q->a, "%s,%s", q->why, whereabouts(q));
	return false;
}

/* Blocks, the function, the unit, the other units. */
static bool find_variable(struct dbg_query *q, const char *name, Dwarf_Die *out)
{
	Dwarf_Die scopes[MAX_SCOPES], cu, scope = q->at->scope;
	size_t n = q->at->is_return ? 0 : dbg_scopes(q, scopes, MAX_SCOPES);

	for (size_t i = 0; i < n; i++)
		if (find_child(&scopes[i], name, out)) {
			/* "extern int x;" in a block names the one at file level. */
			if (!dwarf_hasattr(out, DW_AT_declaration))
				return true;
			break;
		}
	if (!q->foreign && scope.addr && dwarf_diecu(&scope, &cu, NULL, NULL) &&
	    find_child(&cu, name, out) && dwarf_hasattr_integrate(out, DW_AT_location))
		return true;
	return dbg_find_global(q, name, NULL, out);
}

static bool set_token(struct ast_visitor *v, struct expr **slot)
{
	(*slot)->tok = v->data;
	return true;
}

/* A copy of a value that the family has given, with the token of the script. */
static struct expr *own(struct dbg_query *q, const struct expr *value)
{
	struct expr *e = dbg_clone(q, value);
	struct ast_visitor v = {.on_expr = set_token, .data = (void *)q->tok};

	ast_walk_expr(&v, &e);
	return e;
}

bool dbg_return_object(struct dbg_query *q, struct dbg_object *o)
{
	struct dbg_type peeled;
	Dwarf_Die function;
	const Dwarf_Op *ops;
	int n;

	memset(o, 0, sizeof(*o));
	o->bit_offset = -1;
	if (q->at->signature && q->at->signature->result) {
		o->type = q->at->signature->result_type;
		o->loc.kind = LOC_VALUE;
		o->loc.e = own(q, q->at->signature->result);
		if (dbg_is_void(&o->type))
			return dbg_fail(q, "function '%s' returns no value", q->at->signature->name);
		return true;
	}
	if (!q->at->is_return || !dbg_function(q, &function))
		return dbg_fail(q, "unable to find local 'return', [man error::dwarf]%s",
				whereabouts(q));
	if (!dbg_type_of(&function, &o->type.die))
		return dbg_fail(q, "function '%s' returns no value", dwarf_diename(&function));
	peeled = dbg_peel(o->type);
	if (dbg_tag(&peeled) == 0)
		return dbg_fail(q, "function '%s' returns no value", dwarf_diename(&function));
	if (dbg_is_aggregate(&peeled) && q->at->module->obj && q->at->module->obj->machine == EM_X86_64)
		return dbg_returned_object(q, &function, peeled, &o->loc);
	n = dwfl_module_return_value_location(q->at->module->mod, &function, &ops);
	if (n <= 0)
		return dbg_fail(q, "failed to retrieve return value location for %s "
				   "[man error::dwarf]", dwarf_diename(&function));
	return dbg_evaluate(q, NULL, (Dwarf_Op *)ops, (size_t)n, &o->loc);
}

void dbg_argument_object(struct dbg_query *q, const struct dbg_argument *arg, struct dbg_object *o)
{
	memset(o, 0, sizeof(*o));
	o->bit_offset = -1;
	o->type = arg->type;
	o->loc.kind = LOC_VALUE;
	o->loc.e = own(q, arg->value);
}

/* $name, or $argN. */
static bool find_argument(struct dbg_query *q, const char *name, struct dbg_object *o)
{
	const struct dbg_signature *sig = q->at->signature;
	char *end;
	unsigned long n;

	for (size_t i = 0; i < sig->args.n; i++)
		if (sig->args.v[i].name && strcmp(sig->args.v[i].name, name) == 0) {
			dbg_argument_object(q, &sig->args.v[i], o);
			return true;
		}
	if (strncmp(name, "arg", 3) != 0 || name[3] < '1' || name[3] > '9')
		return false;
	n = strtoul(name + 3, &end, 10);
	if (*end || n > sig->args.n)
		return false;
	dbg_argument_object(q, &sig->args.v[n - 1], o);
	return true;
}

/* ------------------------------------------------------------------ whole expressions */

/* The pointer type that the value of an object carries. */
static struct foreign_type *detail_of(struct dbg_query *q, const struct dbg_object *o, bool address_of)
{
	struct dbg_type t = dbg_peel(o->type);
	struct dbg_detail *d;
	const char *name;
	int tag = dbg_tag(&t);

	if (!address_of && !dbg_is_pointer(tag) && tag != DW_TAG_array_type)
		return NULL;
	d = ARENA_NEW(q->a, struct dbg_detail);
	d->module = q->m;
	d->foreign = q->foreign;
	d->pointee = address_of ? o->type : dbg_pointee(&t);
	d->base.resolve = dbg_resolve_typed;
	t = dbg_peel(d->pointee);
	/* Each unit has a DIE of its own for the same struct. */
	if ((name = dbg_type_name(&t)))
		d->base.name = arena_printf(q->a, "%s:%s:%llu*%u", q->m->path, name,
					    (unsigned long long)dbg_size(q, t), t.stars);
	else
		d->base.name = arena_printf(q->a, "%s:%llx*%u", q->m->path,
					    t.btf ? t.id
					    : t.die.addr ? (unsigned long long)dwarf_dieoffset(&t.die)
							 : 0,
					    t.stars);
	return &d->base;
}

static struct expr *finish(struct dbg_query *q, struct dbg_object *o, struct expr *target,
			   size_t first)
{
	struct foreign_type *detail;
	struct expr *e;

	for (size_t i = first; i < target->accessors.n; i++) {
		struct accessor *acc = &target->accessors.v[i];

		q->why_tok = acc->tok;
		if (acc->kind == ACC_MEMBER)
			o->indexes = 0;
		if (acc->kind == ACC_MEMBER ? !dbg_step_member(q, o, acc->member)
					    : !dbg_step_index(q, o, acc->index))
			return NULL;
		q->why_tok = NULL;
	}
	if (q->type_only) {
		*q->type_only = o->type;
		return dbg_number(q, 0);
	}
	if (target->suffix)
		return dbg_pretty(q, o, target->suffix == 2);
	detail = detail_of(q, o, target->address_of);
	e = target->address_of ? dbg_address(q, o) : dbg_value(q, o);
	if (!e)
		return NULL;
	/* What the script wrote (&@cast(p, "T") is p) must not be marked: a node of ours carries it. */
	if (detail && (e->detail || (e->kind != EX_CONTEXT && e->kind != EX_BINARY))) {
		struct expr *plus = expr_make(q->a, EX_UNARY, q->tok);

		plus->op = OP_PLUS;
		plus->left = e;
		plus->type = TY_LONG;
		e = plus;
	}
	if (detail)
		e->detail = detail;
	return e;
}

/* The value of a pointer to `pointee`; the first accessor decides what becomes of it. */
static struct expr *finish_pointer(struct dbg_query *q, struct expr *pointer,
				   const struct dbg_type *pointee, struct expr *target)
{
	struct dbg_object o = {.bit_offset = -1};

	o.loc.kind = LOC_VALUE;
	o.loc.e = pointer;
	o.type = *pointee;
	o.type.stars++;
	if (target->accessors.n && target->accessors.v[0].kind == ACC_INDEX)
		return dbg_step_index(q, &o, target->accessors.v[0].index) ? finish(q, &o, target, 1) : NULL;
	return dbg_dereference(q, &o) ? finish(q, &o, target, 0) : NULL;
}

struct expr *dbg_resolve_typed(struct session *s, const struct foreign_type *type,
			       struct expr *target, const char **why)
{
	const struct dbg_detail *d = (const struct dbg_detail *)type;
	struct dbg_place nowhere = {.module = d->module};
	struct dbg_query q = {.s = s, .a = &s->arena, .at = &nowhere, .m = d->module,
			      .foreign = d->foreign, .tok = target->tok};
	struct expr *e = finish_pointer(&q, target->left, &d->pointee, target);

	*why = e ? NULL : q.why;
	target->why_tok = q.why_tok;
	return e;
}

bool dbg_use_kernel(struct dbg_query *q, const char *module)
{
	struct dbg_module *m = dbg_kernel(q->s, module);

	if (!m)
		return dbg_fail(q, "the kernel tells nothing about the types of %s (no BTF)",
				module ? module : "its own");
	q->m = m;
	q->foreign = true;
	return true;
}

bool dbg_use_module(struct dbg_query *q, const char *name)
{
	const char *why = NULL, *path = name, *env = getenv("PATH");
	struct dbg_module *m;

	/* Headers of the kernel: its types are known without them. */
	if (strcmp(name, "kernel") == 0 || strncmp(name, "kernel<", 7) == 0 || *name == '<')
		return dbg_use_kernel(q, NULL);
	if (q->m && q->m->kernel && !strchr(name, '/'))
		return dbg_use_kernel(q, name);
	for (; !strchr(name, '/') && env && *env; env += strcspn(env, ":"), env += *env == ':') {
		path = arena_printf(q->a, "%.*s/%s", (int)strcspn(env, ":"), env, name);
		if (access(path, R_OK) == 0)
			break;
		path = name;
	}
	if (q->at->module) {
		char *real = realpath(path, NULL);
		bool same = real && strcmp(real, q->at->module->path) == 0;

		free(real);
		if (same) {
			q->m = q->at->module;
			q->foreign = false;
			return true;
		}
	}
	m = dbg_open(q->s, path, &why);
	if (!m)
		return dbg_fail(q, "cannot open '%s': %s", name, why ? why : "no such file");
	if (!dbg_dwarf(m))
		return dbg_fail(q, "no debug information in %s [man warning::debuginfo]", m->path);
	q->m = m;
	q->foreign = true;
	return true;
}

static struct expr *resolve_cast(struct dbg_query *q, struct expr *target)
{
	const char *list = target->module ? target->module->str : NULL;
	struct dbg_type type;

	if (!list) {
		const char *in = q->m ? q->m->path : "kernel";

		/* The kernel is the last resort. */
		if ((!q->m || !dbg_find_type(q, target->lit->str, &type)) &&
		    ((q->m && q->m->kernel) || !dbg_use_kernel(q, NULL) ||
		     !dbg_find_type(q, target->lit->str, &type))) {
			q->why = NULL;
			return dbg_fail(q, "type definition '%s' not found in '%s'", target->lit->str, in);
		}
		return finish_pointer(q, target->left, &type, target);
	}
	/* "mod1:mod2:..." */
	for (const char *p = list; *p; p += strcspn(p, ":"), p += *p == ':') {
		const char *name = arena_strndup(q->a, p, strcspn(p, ":"));

		if (!dbg_use_module(q, name))
			continue;
		if (dbg_find_type(q, target->lit->str, &type)) {
			q->why = NULL;
			return finish_pointer(q, target->left, &type, target);
		}
	}
	return dbg_fail(q, "type definition '%s' not found in '%s'", target->lit->str, list);
}

/* A variable of the kernel: its symbol has the address, its types rarely know it. */
static bool kernel_variable(struct dbg_query *q, const char *name, struct dbg_object *o)
{
	const char *module = strcmp(q->m->path, "kernel") != 0 ? q->m->path : NULL;
	uint32_t id = btf_find(q->m->btf, name, 1u << BTF_KIND_VAR);
	uint64_t addr;

	/* Those that BTF knows: where the copy of a CPU is takes more than an address. */
	if (id && btf_is_percpu(q->m->btf, id))
		return dbg_fail(q, "'%s' is a variable of each CPU, which cannot be read", name);
	if (!kallsyms_find(module, name, &addr))
		return dbg_fail(q, "unable to find global '%s' in %s", name, q->m->path);
	if (!addr)
		return dbg_fail(q, "the kernel does not show the address of '%s' (kptr_restrict)", name);
	memset(o, 0, sizeof(*o));
	q->s->fixed_kernel = true;
	o->bit_offset = -1;
	o->loc.kind = LOC_ADDRESS;
	q->s->kernel_address = arena_printf(q->a, "@var(\"%s\")", name);
	o->loc.e = dbg_number(q, (int64_t)addr);
	o->type = dbg_btf_type(q->m->btf, id ? btf_type(q->m->btf, id)->type : 0);
	return true;
}

/* In the unit of the place, or (unit) of that file, with the debug information that is installed; else by
 * symbols and BTF. */
static bool kernel_global(struct dbg_query *q, const char *name, const char *unit, struct dbg_object *o)
{
	struct dbg_module *given = q->m, *source = given->btf ? NULL : given;
	const char *why;
	Dwarf_Die var;

	if (!source && unit)
		source = dbg_kernel_source(q->s, given->loaded, &why);
	if (source) {
		q->foreign |= source != given;
		q->m = source;
		if (unit ? dbg_find_global(q, name, unit, &var) : find_variable(q, name, &var))
			return dbg_variable_object(q, &var, o);
		if (unit)
			return dbg_fail(q, "unable to find global '%s' in %s", name, unit);
	}
	return dbg_use_kernel(q, given->loaded) && kernel_variable(q, name, o);
}

static struct expr *resolve_var(struct dbg_query *q, struct expr *target)
{
	const char *at = strchr(target->lit->str, '@'), *name = target->lit->str;
	struct dbg_object o;
	Dwarf_Die var;

	if (target->module && !dbg_use_module(q, target->module->str))
		return NULL;
	if (!q->m)
		return dbg_fail(q, "unresolved target-symbol expression");
	if (at)
		name = arena_strndup(q->a, name, (size_t)(at - name));
	if (q->m->kernel)
		return kernel_global(q, name, at ? at + 1 : NULL, &o) ? finish(q, &o, target, 0) : NULL;
	if (at) {
		if (!dbg_find_global(q, name, at + 1, &var))
			return dbg_fail(q, "unable to find global '%s' in %s", name, at + 1);
	} else if (!find_variable(q, name, &var)) {
		return dbg_fail(q, "unable to find global '%s' in %s", name, q->m->path);
	}
	return dbg_variable_object(q, &var, &o) ? finish(q, &o, target, 0) : NULL;
}

static struct expr *resolve_target(struct dbg_query *q, struct expr *target)
{
	const char *name = target->name + 1;
	struct dbg_object o;
	Dwarf_Die var;

	if (!q->at->signature && !q->at->scope.addr && q->m && !dbg_has_types(q->m))
		return dbg_fail(q, "no debug information in %s [man warning::debuginfo]", q->m->path);
	if (*name == '$')
		return dbg_context_string(q, name + 1, target->suffix);
	if (strcmp(name, "return") == 0)
		return dbg_return_object(q, &o) ? finish(q, &o, target, 0) : NULL;
	if (q->at->signature) {
		if (find_argument(q, name, &o))
			return finish(q, &o, target, 0);
		no_local(q, name);
		return NULL;
	}
	if (!find_variable(q, name, &var)) {
		no_local(q, name);
		return NULL;
	}
	return dbg_variable_object(q, &var, &o) ? finish(q, &o, target, 0) : NULL;
}

struct expr *dbg_resolve_in(struct dbg_query *q, struct expr *target)
{
	switch (target->kind) {
	case EX_TARGET:
		return resolve_target(q, target);
	case EX_ATVAR:
		return resolve_var(q, target);
	case EX_CAST:
		return resolve_cast(q, target);
	case EX_ENUM:
		return dbg_enum_value(q, target);
	case EX_ENUMNAME:
		return dbg_enum_name(q, target);
	default:
		return dbg_fail(q, "unresolved target-symbol expression");
	}
}

struct expr *dbg_resolve(struct session *s, const struct dbg_place *at, struct expr *target,
			 const char **why)
{
	struct dbg_query q = {.s = s, .a = &s->arena, .at = at, .m = at->module, .tok = target->tok};
	struct expr *e;

	if (target->kind == EX_AUTOCAST && target->left->detail)
		return dbg_resolve_typed(s, target->left->detail, target, why);
	if (q.m)
		dbg_has_types(q.m);
	if (target->kind == EX_AUTOCAST)
		e = dbg_fail(&q, "unknown type in dereference");
	else
		e = dbg_resolve_in(&q, target);
	*why = e ? NULL : q.why ? q.why : "unresolved target-symbol expression";
	target->why_tok = q.why_tok;
	return e;
}

struct expr *dbg_cfa(struct session *s, const struct dbg_place *at, const struct token *tok)
{
	struct dbg_query q = {.s = s, .a = &s->arena, .at = at, .m = at->module, .tok = tok};

	return dbg_frame_address(&q);
}

/* ------------------------------------------------------------------ lists */

static void list_arguments(struct dbg_query *q, dbg_names *out)
{
	const struct dbg_signature *sig = q->at->signature;
	const char *text;

	if (sig->result && !dbg_is_void(&sig->result_type) &&
	    (text = dbg_type_text(q->a, sig->result_type)))
		vec_push(out, q->a, arena_printf(q->a, " $return:%s", text));
	for (size_t i = 0; i < sig->args.n; i++)
		if ((text = dbg_type_text(q->a, sig->args.v[i].type)))
			vec_push(out, q->a, arena_printf(q->a, " %s:%s", argument_name(q, i), text));
}

void dbg_list_vars(struct session *s, const struct dbg_place *at, dbg_names *out)
{
	struct token tok = {.src = NULL};
	struct dbg_query q = {.s = s, .a = &s->arena, .at = at, .m = at->module, .tok = &tok};
	Dwarf_Die scopes[MAX_SCOPES], child, function;
	struct dbg_type t = {.stars = 0};
	const char *text;
	size_t n;

	if (at->signature) {
		list_arguments(&q, out);
		return;
	}
	if (!at->module || !dbg_dwarf(at->module))
		return;
	if (at->is_return && dbg_function(&q, &function) && dbg_type_of(&function, &t.die) &&
	    (text = dbg_type_text(q.a, t)))
		vec_push(out, q.a, arena_printf(q.a, " $return:%s", text));
	n = dbg_scopes(&q, scopes, MAX_SCOPES);
	for (size_t i = 0; i < n; i++) {
		if (!dbg_first_child(&scopes[i], &child))
			continue;
		do {
			const char *name = dwarf_diename(&child);

			t.stars = 0;
			if (is_variable(dwarf_tag(&child)) && name && dbg_has_location(&q, &child) &&
			    dbg_type_of(&child, &t.die) && (text = dbg_type_text(q.a, t)))
				vec_push(out, q.a, arena_printf(q.a, " $%s:%s", name, text));
		} while (dbg_next(&child));
	}
}
