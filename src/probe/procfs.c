/* procfs(...).read and .write: files of the session whose contents handlers make and take. $value of a
 * read probe is what the reader will see; of a write probe, what was written.
 *
 * Two paths are no files: "__stdin" and "__stdin_char" are lines and bytes of stap's standard input. */
#include <string.h>

#include "lang/diag.h"
#include "probe/provider.h"
#include "sema/sema.h"
#include "session.h"

enum { DEFAULT_UMASK = 077, MAX_SIZE = 64 << 20 };

static const char *const patterns[] = {
	"procfs.read",
	"procfs.read.maxsize(number)",
	"procfs.umask(number).read",
	"procfs.umask(number).read.maxsize(number)",
	"procfs.umask(number).write",
	"procfs.write",
	"procfs(string).read",
	"procfs(string).read.maxsize(number)",
	"procfs(string).umask(number).read",
	"procfs(string).umask(number).read.maxsize(number)",
	"procfs(string).umask(number).write",
	"procfs(string).write",
	NULL,
};

/* What is wrong with the path of a file, or NULL. */
static const char *bad_path(const char *path)
{
	size_t len = strlen(path);

	if (!len)
		return "procfs path cannot be empty";
	if (path[0] == '/')
		return "procfs path cannot start with a '/'";
	if (path[len - 1] == '/')
		return "procfs path cannot end with a '/'";
	for (const char *part = path; part; part = strchr(part, '/')) {
		part += *part == '/';
		len = strcspn(part, "/");
		if (!len)
			return "procfs path cannot contain an empty part";
		if (len > 255)
			return "procfs path has a part of more than 255 bytes";
		if ((len == 1 && part[0] == '.') || (len == 2 && part[0] == '.' && part[1] == '.'))
			return "procfs path cannot be relative (and contain '.' or '..')";
	}
	return NULL;
}

bool procfs_valid(const struct procfs_data *d)
{
	return !bad_path(d->path) && d->max_size >= 1 && d->max_size <= MAX_SIZE;
}

/* Is one path the other, or a directory in it? */
static bool inside(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return strncmp(path, dir, n) == 0 && path[n] == '/';
}

/* Is there a file that this one cannot be beside? */
static bool clash(struct session *s, const struct token *tok, const struct procfs_data *d)
{
	for (size_t i = 0; i < s->program->probes.n; i++) {
		const struct probe_inst *p = s->program->probes.v[i];
		const struct procfs_data *other = p->data;

		if (p->family != &procfs_family)
			continue;
		if (!d->write && !other->write && strcmp(d->path, other->path) == 0) {
			sem_error(s, tok, NULL, "procfs file '%s' can have only one read probe",
				  d->path);
			return true;
		}
		if (inside(d->path, other->path) || inside(other->path, d->path)) {
			sem_error(s, tok, NULL, "procfs paths '%s' and '%s': a file cannot be a directory",
				  other->path, d->path);
			return true;
		}
	}
	return false;
}

static bool build(struct session *s, const struct probe_family *f, const char *pattern,
		  const struct probe_point *p, void (*emit)(void *, struct probe_inst *),
		  void *cookie)
{
	struct probe_inst *inst = ARENA_NEW(&s->arena, struct probe_inst);
	struct procfs_data *d = ARENA_NEW(&s->arena, struct procfs_data);
	const struct component *first = &p->comps.v[0];
	int64_t mask = DEFAULT_UMASK;
	const char *why;

	(void)pattern;
	d->path = first->arg ? first->arg->str : "command";
	d->max_size = s->opt.maxstringlen - 1;
	for (size_t i = 1; i < p->comps.n; i++) {
		const struct component *c = &p->comps.v[i];

		if (strcmp(c->name, "write") == 0)
			d->write = true;
		if (strcmp(c->name, "umask") == 0)
			mask = c->arg->num;
		if (strcmp(c->name, "maxsize") == 0)
			d->max_size = c->arg->num;
	}
	why = bad_path(d->path);
	if (why) {
		sem_error(s, first->tok, NULL, "%s", why);
		return false;
	}
	if (mask < 0 || mask > 0777) {
		sem_error(s, first->tok, NULL, "umask value out of range (0, 0777)");
		return false;
	}
	if (d->max_size < 1 || d->max_size > MAX_SIZE) {
		sem_error(s, first->tok, NULL, "maxsize value out of range (1, %d)", MAX_SIZE);
		return false;
	}
	d->mode = (uint32_t)((d->write ? 0222 : 0444) & ~mask);
	if (clash(s, first->tok, d))
		return false;
	inst->family = f;
	inst->point = (struct probe_point *)p;
	inst->name = point_text(&s->arena, p);
	inst->data = d;
	emit(cookie, inst);
	return true;
}

/* ------------------------------------------------------------------ $value */

static bool is_value(const struct expr *target, const char **why)
{
	*why = NULL;
	if (target->kind != EX_TARGET)
		return false;
	if (strcmp(target->name, "$value") != 0)
		*why = "invalid target symbol for procfs probe, $value expected";
	else if (target->accessors.n || target->suffix || target->address_of)
		*why = "procfs $value is a string";
	return !*why;
}

static struct expr *resolve_target(struct session *s, const struct probe_inst *inst,
				   struct expr *target, const char **why)
{
	(void)inst;
	return is_value(target, why) ? expr_call(&s->arena, target->tok, "__procfs_value") : NULL;
}

static struct expr *assign_target(struct session *s, const struct probe_inst *inst,
				  struct expr *assignment, const char **why)
{
	const struct procfs_data *d = inst->data;
	struct expr *change;

	if (!is_value(assignment->left, why))
		return NULL;
	if (d->write)
		*why = "procfs $value variable is read-only in a procfs write probe";
	else if (assignment->kind != EX_ASSIGN ||
		 (assignment->op != OP_ASSIGN && assignment->op != OP_CONCAT))
		*why = "procfs $value can only be assigned with '=' or '.='";
	if (*why)
		return NULL;
	change = expr_call(&s->arena, assignment->tok,
			   assignment->op == OP_ASSIGN ? "__procfs_set" : "__procfs_append");
	vec_push(&change->args, &s->arena, assignment->right);
	return change;
}

static void list_vars(struct session *s, const struct probe_inst *inst, name_list *out)
{
	(void)inst;
	vec_push(out, &s->arena, "$value:string");
}

const struct probe_family procfs_family = {
	.name = "procfs",
	.patterns = patterns,
	.build = build,
	.probe_type = "procfs",
	.resolve_target = resolve_target,
	.assign_target = assign_target,
	.list_vars = list_vars,
};
