/* __syscall("NAME"), __syscall("NAME").return, __syscall_any, __syscall_any.return: what the aliases of
 * system calls stand on (probe reference 7.12). The descriptions of calls are in tapset/syscalls.def, the
 * kernel's part is gen/syscall.c. */
#include "probe/syscall.h"

#include <string.h>

#include "lang/diag.h"
#include "lang/lang.h"
#include "probe/provider.h"
#include "rt/names.h"
#include "sema/sema.h"
#include "session.h"
#include "tapset/syscalls.h"

extern const struct probe_family syscall_family;

struct expr *syscall_register(struct session *s, const struct token *tok, int number)
{
	struct expr *e = expr_make(&s->arena, EX_CONTEXT, tok);

	e->type = TY_LONG;
	e->context = CTX_REGISTER;
	e->number = number;
	return e;
}

/* As DWARF numbers them: rdi, rsi, rdx, r10, r8, r9. */
struct expr *syscall_argument(struct session *s, const struct token *tok, unsigned n)
{
	static const int registers[SYSCALL_ARGS] = {5, 4, 1, 10, 8, 9};

	return syscall_register(s, tok, registers[n - 1]);
}

/* A thread is in one call at a time: values for @entry are found by the call's number. */
static struct probe_inst *make_instance(struct session *s, const struct syscall_desc *call, bool is_return)
{
	struct probe_inst *inst = ARENA_NEW(&s->arena, struct probe_inst);
	struct probe_site *site = ARENA_NEW(&s->arena, struct probe_site);

	site->kind = is_return ? SITE_SYSCALL_RETURN : SITE_SYSCALL;
	site->path = "";
	site->offset = call ? (uint64_t)rt_syscall_number(call->name) : SITE_ANY_SYSCALL;
	site->place = call;
	inst->family = &syscall_family;
	inst->site = site;
	inst->frame_address = syscall_register(s, NULL, CTX_SYSCALL);
	return inst;
}

struct probe_inst *syscall_instance(struct session *s, const char *name, bool is_return)
{
	const struct syscall_desc *call = syscall_find_desc(name);

	if (!call || rt_syscall_number(name) < 0 || (is_return && call->no_return))
		return NULL;
	return make_instance(s, call, is_return);
}

static bool build(struct session *s, const struct probe_family *f, const char *pattern,
		  const struct probe_point *p, void (*emit)(void *, struct probe_inst *), void *cookie)
{
	bool is_return = strcmp(p->comps.v[p->comps.n - 1].name, "return") == 0;
	const struct literal *arg = p->comps.v[0].arg;
	struct probe_inst *inst;

	(void)f;
	(void)pattern;
	inst = arg ? syscall_instance(s, arg->str, is_return) : make_instance(s, NULL, is_return);
	if (!inst) {
		sem_point_error(s, p->comps.v[0].tok, NULL, is_return && syscall_find_desc(arg->str)
				? "this system call does not return" : "no match");
		return false;
	}
	inst->point = ARENA_NEW(&s->arena, struct probe_point);
	*inst->point = *p;
	/* As SystemTap calls them, which probes the function. */
	inst->name = arg ? arena_printf(&s->arena, "kprobe.function(\"__x64_sys_%s\")%s?", arg->str,
					is_return ? ".return" : "")
			 : arena_printf(&s->arena, "kernel.trace(\"raw_syscalls:%s\")",
					is_return ? "sys_exit" : "sys_enter");
	emit(cookie, inst);
	return true;
}

/* ------------------------------------------------------------------ variables */

struct expr *syscall_text(struct session *s, const struct token *tok, struct str *format, unsigned n,
			  bool is_return)
{
	struct expr *e = expr_make(&s->arena, EX_PRINT, tok);
	struct print *p = ARENA_NEW(&s->arena, struct print);
	struct literal *l = ARENA_NEW(&s->arena, struct literal);

	e->print = p;
	e->height = 2;
	p->name = intern("sprintf");
	p->to_string = p->formatted = true;
	for (unsigned k = 1; k <= n; k++)
		vec_push(&e->args, &s->arena, syscall_argument(s, tok, k));
	if (is_return)
		vec_push(&e->args, &s->arena, syscall_register(s, tok, 0));
	l->tok = tok;
	l->is_string = true;
	l->str = l->raw = arena_strdup(&s->arena, format->s ? format->s : "");
	l->len = (uint32_t)format->len;
	str_release(format);
	p->format = l;
	format_parse(&s->arena, l->str, l->len, &p->parts);
	return e;
}

/* "fd=0x1 buf=0x... count=0x4", "return=0x4" */
static struct expr *all(struct session *s, const struct token *tok, const struct syscall_desc *call,
			bool is_return)
{
	struct str format = {0};
	const char *name;
	unsigned n = 0;
	size_t len;

	if (is_return)
		str_add(&format, "return=%#x");
	for (; !is_return && call && (name = syscall_parameter(call, n + 1, &len)); n++)
		str_addf(&format, "%s%.*s=%%#x", n ? " " : "", (int)len, name);
	return syscall_text(s, tok, &format, n, is_return);
}

/* Number of the parameter, 0: there is none of that name. */
static unsigned parameter_number(const struct syscall_desc *call, const char *name)
{
	const char *have;
	size_t len;

	for (unsigned n = 1; call && (have = syscall_parameter(call, n, &len)); n++)
		if (strlen(name) == len && memcmp(name, have, len) == 0)
			return n;
	return 0;
}

static struct expr *resolve_target(struct session *s, const struct probe_inst *inst, struct expr *target,
				   const char **why)
{
	const struct syscall_desc *call = inst->site->place;
	bool is_return = inst->site->kind == SITE_SYSCALL_RETURN;
	const char *name = target->name;
	name_list names = {0};
	unsigned n;
	size_t len;

	*why = NULL;
	if (target->kind != EX_TARGET)
		return NULL;
	if (target->accessors.n || target->suffix || target->address_of) {
		*why = arena_printf(&s->arena, "'%s' is a number: use @cast(%s, \"type\")", name, name);
		return NULL;
	}
	if (strcmp(name, "$syscall") == 0)
		return syscall_register(s, target->tok, CTX_SYSCALL);
	if (strcmp(name, "$return") == 0 && is_return)
		return syscall_register(s, target->tok, 0);
	if (strcmp(name, "$$return") == 0 && is_return)
		return all(s, target->tok, call, true);
	if (strcmp(name, "$$parms") == 0 || strcmp(name, "$$vars") == 0)
		return all(s, target->tok, call, false);
	n = parameter_number(call, name + 1);
	if (n)
		return syscall_argument(s, target->tok, n);
	for (n = 1; call && (name = syscall_parameter(call, n, &len)); n++)
		vec_push(&names, &s->arena, arena_printf(&s->arena, "$%.*s", (int)len, name));
	*why = arena_printf(&s->arena, "unable to find local '%s'%s", target->name + 1,
			    names.n ? diag_similar(s, target->name, names.v, names.n) : "");
	return NULL;
}

static struct probe_inst *entry_of(struct session *s, const struct probe_inst *ret)
{
	struct probe_inst *inst;

	if (ret->site->kind != SITE_SYSCALL_RETURN)
		return NULL;
	inst = make_instance(s, ret->site->place, false);
	inst->point = ARENA_NEW(&s->arena, struct probe_point);
	*inst->point = *ret->point;
	inst->point->comps.n--; /* ".return" */
	inst->name = ret->site->place ? arena_printf(&s->arena, "kprobe.function(\"__x64_sys_%s\")?",
						     ((const struct syscall_desc *)ret->site->place)->name)
				      : "kernel.trace(\"raw_syscalls:sys_enter\")";
	return inst;
}

static void list_vars(struct session *s, const struct probe_inst *inst, name_list *out)
{
	const char *name;
	size_t len;

	if (inst->site->kind == SITE_SYSCALL_RETURN)
		vec_push(out, &s->arena, "$return:long");
	for (unsigned n = 1; inst->site->place && (name = syscall_parameter(inst->site->place, n, &len)); n++)
		vec_push(out, &s->arena, arena_printf(&s->arena, "$%.*s:long", (int)len, name));
}

static const char *const patterns[] = {
	"__syscall(string)", "__syscall(string).return", "__syscall_any", "__syscall_any.return", NULL,
};

const struct probe_family syscall_family = {
	.name = "syscall",
	.patterns = patterns,
	.build = build,
	.probe_type = "kprobe",
	.resolve_target = resolve_target,
	.entry_of = entry_of,
	.list_vars = list_vars,
};
