/* Which files process(...) and library(...) name (probe reference 7.6). See process.h. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cli/cli.h"
#include "kern/maps.h"
#include "lang/diag.h"
#include "probe/process.h"
#include "session.h"

enum { MAX_SCRIPTS = 4, MAX_FILES = 100000 };

/* realpath() in the arena, NULL: there is no such file. */
static const char *canonical(struct session *s, const char *path)
{
	char *p = realpath(path, NULL);
	const char *r = p ? arena_strdup(&s->arena, p) : NULL;

	free(p);
	return r;
}

static bool is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* As a shell finds a command; names that are not in $PATH are taken as relative. */
static const char *find_program(struct session *s, const char *name)
{
	const char *path = getenv("PATH"), *end;

	if (strchr(name, '/'))
		return canonical(s, name);
	for (; path && *path; path = *end ? end + 1 : end) {
		const char *full;

		end = path + strcspn(path, ":");
		full = end == path ? name :
				     arena_printf(&s->arena, "%.*s/%s", (int)(end - path), path, name);
		if (is_program(full))
			return canonical(s, full);
	}
	return canonical(s, name);
}

/* A script's interpreter is what runs: its path, or path itself. */
static const char *interpreter(struct session *s, const char *path)
{
	for (int i = 0; path && i < MAX_SCRIPTS; i++) {
		char line[PATH_MAX + 128], *word, *next;
		FILE *f = fopen(path, "re");
		size_t n = f ? fread(line, 1, sizeof(line) - 1, f) : 0;

		if (f)
			fclose(f);
		line[n] = 0;
		if (n < 3 || line[0] != '#' || line[1] != '!')
			break;
		line[strcspn(line, "\n")] = 0;
		word = strtok_r(line + 2, " \t\r", &next);
		if (!word)
			break;
		if (strcmp(word, "/usr/bin/env") == 0 || strcmp(word, "/bin/env") == 0) {
			do
				word = strtok_r(NULL, " \t\r", &next);
			while (word && (*word == '-' || strchr(word, '=')));
			if (!word)
				break;
		}
		path = find_program(s, word);
	}
	return path;
}

static bool is_build_id(const char *text)
{
	return strlen(text) > 2 && strspn(text, "0123456789abcdef") == strlen(text);
}

static const char *by_build_id(struct session *s, const char *id)
{
	static const char *const roots[] = {"/usr/lib/.build-id", "/usr/lib/debug/.build-id"};

	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
		const char *path = canonical(s, arena_printf(&s->arena, "%s/%.2s/%s", roots[i], id,
							     id + 2));

		if (path)
			return path;
	}
	return NULL;
}

/* errno: why a file was not found. */
static bool no_file(struct process_query *q, const char *name)
{
	sem_point_error(q->s, q->p->comps.v[0].tok, NULL, "no match (%s: %s)", name,
			errno == ENOENT && !strchr(name, '/') ? "not in $PATH" : strerror(errno));
	return false;
}

static void add(struct process_query *q, process_files *out, const char *path, const char *shown)
{
	for (size_t i = 0; i < out->n; i++)
		if (strcmp(out->v[i].path, path) == 0)
			return;
	vec_push(out, &q->s->arena, (struct process_file){path, shown, 0});
}

static bool select_glob(struct process_query *q, const char *pattern, process_files *out)
{
	glob_t g;
	int r = glob(pattern, 0, NULL, &g);

	if (r) {
		sem_point_error(q->s, q->p->comps.v[0].tok, NULL, "glob %s error (%d)", pattern, r);
		return false;
	}
	for (size_t i = 0; i < g.gl_pathc && i < MAX_FILES; i++) {
		const char *path = canonical(q->s, g.gl_pathv[i]);
		struct stat st;

		if (!path || stat(path, &st) != 0 || !S_ISREG(st.st_mode))
			continue;
		path = interpreter(q->s, path);
		if (path)
			add(q, out, path, path);
	}
	globfree(&g);
	if (!out->n)
		sem_point_error(q->s, q->p->comps.v[0].tok, NULL, "no match");
	return out->n != 0;
}

bool process_same_file(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

const char *process_path(struct session *s, long long pid, const char *path, const char *link)
{
	const char *inside;

	if (process_same_file(path, link))
		return arena_strdup(&s->arena, path);
	inside = arena_printf(&s->arena, "/proc/%lld/root%s", pid, path);
	return process_same_file(inside, link) ? inside : arena_strdup(&s->arena, link);
}

/* The program of a process. */
static const char *pid_program(struct session *s, long long pid)
{
	char link[64], path[PATH_MAX];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/%lld/exe", pid);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0)
		return NULL;
	path[n] = 0;
	return process_path(s, pid, path, link);
}

static bool select_pid(struct process_query *q, long long pid, process_files *out)
{
	const char *path;
	int error = ESRCH;

	path = pid > 0 ? pid_program(q->s, pid) : NULL;
	if (!path) {
		if (pid > 0 && errno != ENOENT)
			error = errno;
		sem_point_error(q->s, q->p->comps.v[0].tok, NULL, "cannot probe pid %lld: %s", pid,
				strerror(error));
		return false;
	}
	add(q, out, path, path);
	out->v[out->n - 1].pid = pid;
	return true;
}

/* The program of -c: its first word, or the shell if the command needs one. */
static const char *command_program(struct session *s)
{
	char **words = NULL;
	const char *name = "/bin/sh";
	size_t n = 0;

	if (words_split(s->opt.command, false, &words, &n) == WORDS_OK && n)
		name = arena_strdup(&s->arena, words[0]);
	for (size_t i = 0; i < n; i++)
		free(words[i]);
	free(words);
	return name;
}

bool process_select(struct process_query *q, process_files *out, bool *many)
{
	struct session *s = q->s;
	const struct literal *arg = q->p->comps.v[0].arg;
	const char *path;

	*many = false;
	if (!arg && s->opt.command) {
		const char *program = command_program(s);

		path = interpreter(s, find_program(s, program));
		if (!path)
			return no_file(q, program);
		add(q, out, path, path);
		return true;
	}
	if (!arg && s->opt.target_pid)
		return select_pid(q, s->opt.target_pid, out);
	if (!arg) {
		sem_point_error(s, q->p->comps.v[0].tok, NULL,
				"unspecified process probe is invalid without a -c COMMAND or -x PID "
				"[man stapprobes]");
		return false;
	}
	if (!arg->is_string)
		return select_pid(q, arg->num, out);
	if (dbg_is_wild(arg->str)) {
		*many = true;
		return select_glob(q, arg->str, out);
	}
	if (is_build_id(arg->str) && (path = by_build_id(s, arg->str)) != NULL) {
		add(q, out, path, arg->str);
		return true;
	}
	path = interpreter(s, find_program(s, arg->str));
	if (!path)
		return no_file(q, arg->str);
	add(q, out, path, path);
	return true;
}

/* ------------------------------------------------------------------ inodes */

/* The kernel's number of a device has 20 bits for the minor part. */
static uint32_t kernel_dev(unsigned high, unsigned low)
{
	return high << 20 | low;
}

struct identifying {
	uint64_t start;
	struct probe_file_id *id;
};

static bool take_identity(void *cookie, const struct kern_mapped *m)
{
	const struct identifying *x = cookie;

	if (m->start != x->start)
		return true;
	*x->id = (struct probe_file_id){m->inode, kernel_dev(m->major, m->minor)};
	return false;
}

/* What stat() tells of the device is not always what the kernel has in its inode (btrfs): a mapping
 * shows the latter. */
bool process_identify(const char *path, struct probe_file_id *id)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct identifying x = {.id = id};
	struct stat st;
	void *p;

	if (fd < 0 || fstat(fd, &st) < 0) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	*id = (struct probe_file_id){st.st_ino, kernel_dev(major(st.st_dev), minor(st.st_dev))};
	p = mmap(NULL, 1, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (p == MAP_FAILED)
		return true;
	x.start = (uint64_t)(uintptr_t)p;
	kern_maps_each(KERN_SELF, take_identity, &x);
	munmap(p, 1);
	return true;
}
