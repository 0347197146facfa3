/* process.begin, .end, .thread.begin, .thread.end, .syscall, .syscall.return: what becomes of processes
 * and what they ask of the kernel (probe reference 7.9, 7.10). The kernel's part is gen/life.c. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lang/diag.h"
#include "lang/lang.h"
#include "probe/process.h"
#include "probe/syscall.h"
#include "session.h"

extern const struct probe_family process_life_family, process_syscall_family;

/* ------------------------------------------------------------------ instances */

static enum site_kind kind_of(const struct probe_point *p)
{
	const struct component *last = &p->comps.v[p->comps.n - 1];

	if (strcmp(p->comps.v[1].name, "syscall") == 0)
		return p->comps.n > 2 ? SITE_SYSCALL_RETURN : SITE_SYSCALL;
	if (strcmp(p->comps.v[1].name, "thread") == 0)
		return strcmp(last->name, "begin") == 0 ? SITE_THREAD_BEGIN : SITE_THREAD_END;
	return strcmp(last->name, "begin") == 0 ? SITE_PROCESS_BEGIN : SITE_PROCESS_END;
}

static void emit_one(struct process_query *q, const char *path)
{
	struct session *s = q->s;
	struct probe_inst *inst = ARENA_NEW(&s->arena, struct probe_inst);
	struct probe_site *site = ARENA_NEW(&s->arena, struct probe_site);
	const struct literal *arg = q->p->comps.v[0].arg;
	struct probe_point *point = ARENA_NEW(&s->arena, struct probe_point);

	*point = *q->p;
	site->kind = kind_of(q->p);
	site->path = "";
	site->offset = SITE_ANY_SYSCALL;
	site->target_only = true;
	if (path) {
		struct component c = q->p->comps.v[0];
		struct literal *l = ARENA_NEW(&s->arena, struct literal);

		*l = *arg;
		l->str = l->raw = path;
		l->len = (uint32_t)strlen(path);
		c.arg = l;
		memset(&point->comps, 0, sizeof(point->comps));
		vec_push(&point->comps, &s->arena, c);
		for (size_t i = 1; i < q->p->comps.n; i++)
			vec_push(&point->comps, &s->arena, q->p->comps.v[i]);
		site->by_file = process_identify(path, &site->file);
		site->runs = path;
		if (!site->by_file) {
			sem_point_error(s, q->p->comps.v[0].tok, NULL, "cannot open %s", path);
			return;
		}
	} else if (arg) {
		site->pid = (uint32_t)arg->num;
	}
	/* The command is ours until it is let go. */
	if (s->opt.command)
		site->not_ours = process_identify("/proc/self/exe", &site->ours);
	inst->family = q->family;
	inst->site = site;
	inst->point = point;
	inst->name = point_text(&s->arena, point);
	q->n++;
	q->emit(q->cookie, inst);
}

static bool process_exists(int64_t pid)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/%lld", (long long)pid);
	return pid > 0 && pid <= INT32_MAX && access(path, F_OK) == 0;
}

static bool build(struct session *s, const struct probe_family *f, const char *pattern,
		  const struct probe_point *p, void (*emit)(void *, struct probe_inst *),
		  void *cookie)
{
	struct process_query q = {.s = s, .family = f, .p = p, .emit = emit, .cookie = cookie, .at = 1};
	const struct literal *arg = p->comps.v[0].arg;
	process_files programs = {0};
	bool many;

	(void)pattern;
	if (!arg) {
		emit_one(&q, NULL);
		return true;
	}
	if (!arg->is_string) {
		if (!process_exists(arg->num)) {
			sem_point_error(s, p->comps.v[0].tok, NULL, "cannot probe pid %lld: %s",
					(long long)arg->num, strerror(ESRCH));
			return false;
		}
		emit_one(&q, NULL);
		return true;
	}
	if (!process_select(&q, &programs, &many))
		return false;
	for (size_t i = 0; i < programs.n; i++)
		emit_one(&q, programs.v[i].path);
	return q.n != 0;
}

/* ------------------------------------------------------------------ variables */

/* "$arg1=0x... ..." or "$return=0x..." */
static struct expr *all(struct session *s, const struct token *tok, bool is_return)
{
	struct str format = {0};

	if (is_return)
		str_add(&format, "$return=%#x");
	for (unsigned n = 1; n <= SYSCALL_ARGS && !is_return; n++)
		str_addf(&format, "%s$arg%u=%%#x", n > 1 ? " " : "", n);
	return syscall_text(s, tok, &format, is_return ? 0 : SYSCALL_ARGS, is_return);
}

static struct expr *resolve_target(struct session *s, const struct probe_inst *inst,
				   struct expr *target, const char **why)
{
	static const char only[] = "only \"process(PATH_OR_PID).syscall\" support $argN or $$parms.";
	const char *name = target->name;
	bool is_syscall = inst->site->kind == SITE_SYSCALL,
	     is_return = inst->site->kind == SITE_SYSCALL_RETURN;

	*why = NULL;
	if (target->kind != EX_TARGET)
		return NULL;
	if (target->accessors.n || target->suffix || target->address_of) {
		*why = arena_printf(&s->arena, "'%s' is a number: use @cast(%s, \"type\")", name, name);
		return NULL;
	}
	if (strcmp(name, "$syscall") == 0 && (is_syscall || is_return))
		return syscall_register(s, target->tok, CTX_SYSCALL);
	if (strcmp(name, "$syscall") == 0) {
		*why = "only \"process(PATH_OR_PID).syscall\" support $syscall.";
		return NULL;
	}
	if (strcmp(name, "$return") == 0 && is_return)
		return syscall_register(s, target->tok, 0);
	if (strcmp(name, "$$return") == 0 && is_return)
		return all(s, target->tok, true);
	if (strcmp(name, "$return") == 0) {
		*why = "only \"process(PATH_OR_PID).syscall.return\" support $return.";
		return NULL;
	}
	if (strcmp(name, "$$vars") == 0 || strcmp(name, "$$parms") == 0) {
		if (is_return && strcmp(name, "$$vars") == 0)
			return all(s, target->tok, true);
		if (is_syscall)
			return all(s, target->tok, false);
		*why = only;
		return NULL;
	}
	if (strncmp(name, "$arg", 4) == 0 && isdigit((unsigned char)name[4])) {
		unsigned long n = strtoul(name + 4, NULL, 10);

		if (!is_syscall) {
			*why = only;
			return NULL;
		}
		if (n < 1 || n > SYSCALL_ARGS) {
			*why = "invalid syscall argument number (1-6)";
			return NULL;
		}
		return syscall_argument(s, target->tok, (unsigned)n);
	}
	*why = arena_printf(&s->arena, "unknown target variable '%s'", name);
	return NULL;
}

static void list_vars(struct session *s, const struct probe_inst *inst, name_list *out)
{
	vec_push(out, &s->arena, "$syscall:long");
	if (inst->site->kind == SITE_SYSCALL_RETURN) {
		vec_push(out, &s->arena, "$return:long");
		return;
	}
	for (unsigned n = 1; n <= SYSCALL_ARGS; n++)
		vec_push(out, &s->arena, arena_printf(&s->arena, "$arg%u:long", n));
}

/* ------------------------------------------------------------------ families */

static const char *const life_patterns[] = {
	"process.begin",	  "process.end",	  "process.thread.begin",
	"process.thread.end",	  "process(number).begin", "process(number).end",
	"process(number).thread.begin", "process(number).thread.end", "process(string).begin",
	"process(string).end",	  "process(string).thread.begin", "process(string).thread.end",
	NULL,
};

static const char *const syscall_patterns[] = {
	"process.syscall",	    "process.syscall.return",	 "process(number).syscall",
	"process(number).syscall.return", "process(string).syscall", "process(string).syscall.return",
	NULL,
};

const struct probe_family process_life_family = {
	.name = "process life",
	.patterns = life_patterns,
	.build = build,
	.probe_type = "utrace",
	.resolve_target = resolve_target,
	.list_vars = list_vars,
};

const struct probe_family process_syscall_family = {
	.name = "process syscall",
	.patterns = syscall_patterns,
	.build = build,
	.probe_type = "utrace_syscall",
	.resolve_target = resolve_target,
	.list_vars = list_vars,
};
