/* Files of procfs probes, and standard input for input probes.
 *
 * The files stand in a directory of the session, DIR/MODULE, that exists as long as the session:
 * $XDG_RUNTIME_DIR/tapir or /run/tapir. It is a mount of our own. What killed sessions have left there is
 * removed by the next one that has files. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "probe/provider.h"
#include "run/fuse.h"
#include "run/session_run.h"
#include "sema/sema.h"
#include "session.h"

/* The probes of one path. */
struct procfs_path {
	const char *path;
	VEC(const struct probe_inst *) readers, writers;
};

struct procfs {
	VEC(struct procfs_path) paths;
	VEC(struct fuse_file) files;
	struct fuse *fuse;
	char *base, *dir; /* dir: ours, once it is made */
	struct str value;
	const struct procfs_path *lines, *chars; /* probes of standard input */
	struct str line;			 /* of which the end has not been seen */
	bool input_open;
};

/* For procfs_abandon(). */
static const char *volatile mounted;
static struct termios terminal;
static volatile bool terminal_changed;

/* ------------------------------------------------------------------ handlers */

static void run_with_value(struct run *r, const struct probe_inst *p, struct str *value, size_t max)
{
	r->env.value = value;
	r->env.max_value = max;
	probe_run(r, p);
	r->env.value = NULL;
}

static int on_read(void *cookie, void *data, struct str *out)
{
	struct run *r = cookie;
	const struct probe_inst *p = ((const struct procfs_path *)data)->readers.v[0];
	int64_t errors = r->env.n_errors;

	if (run_stopping(r))
		return -EIO;
	run_with_value(r, p, out, (size_t)((const struct procfs_data *)p->data)->max_size);
	return r->env.n_errors > errors ? -EIO : 0;
}

static void run_writers(struct run *r, const struct procfs_path *path, const char *text, size_t n)
{
	struct procfs *f = r->procfs;

	for (size_t i = 0; i < path->writers.n && !run_stopping(r); i++) {
		f->value.len = 0;
		str_addn(&f->value, text, strnlen(text, n));
		run_with_value(r, path->writers.v[i], &f->value, f->value.len);
	}
}

static int64_t on_write(void *cookie, void *data, const char *text, size_t n)
{
	struct run *r = cookie;
	size_t most = (size_t)r->s->opt.maxstringlen - 1;
	int64_t errors = r->env.n_errors;

	if (run_stopping(r))
		return -EIO;
	if (!n)
		return 0;
	/* The writer comes again with the rest. */
	if (n > most)
		n = most;
	run_writers(r, data, text, n);
	return r->env.n_errors > errors ? -EIO : (int64_t)n;
}

static const struct fuse_ops ops = {on_read, on_write};

/* ------------------------------------------------------------------ the directory */

static const char *base_dir(struct session *s)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");

	return runtime && *runtime == '/' ? arena_printf(&s->arena, "%s/tapir", runtime) : "/run/tapir";
}

/* The path of a mount in mountinfo: blanks and the like are octal there. */
static void unescape(char *path)
{
	char *to = path;

	for (const char *from = path; *from; to++) {
		unsigned c;

		if (*from == '\\' && sscanf(from + 1, "%3o", &c) == 1) {
			*to = (char)c;
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = 0;
}

/* Looks at the mounts of all sessions: removes those of dead ones, and tells whether a living one has
 * this directory. Asking the mount itself might wait for a session that is stopped. */
static bool in_use(const char *dir)
{
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	char *line = NULL, path[4096];
	size_t size = 0;
	bool used = false;

	while (mounts && getline(&line, &size, mounts) > 0) {
		const char *source = strstr(line, " - fuse.tapir " FUSE_SOURCE);
		pid_t pid = source ? atoi(source + strlen(" - fuse.tapir " FUSE_SOURCE)) : 0;

		if (pid <= 0 || sscanf(line, "%*s %*s %*s %*s %4095s", path) != 1)
			continue;
		unescape(path);
		if (kill(pid, 0) < 0 && errno == ESRCH) {
			umount2(path, MNT_DETACH);
			rmdir(path);
		} else {
			used |= strcmp(path, dir) == 0;
		}
	}
	free(line);
	if (mounts)
		fclose(mounts);
	return used;
}

static bool make_dirs(const char *base, const char *dir)
{
	/* Another session may be removing the one above just now. */
	for (int i = 0; i < 10; i++) {
		if (mkdir(base, 0755) < 0 && errno != EEXIST)
			return false;
		if (mkdir(dir, 0755) == 0 || errno == EEXIST)
			return true;
		if (errno != ENOENT)
			return false;
	}
	return false;
}

static bool mount_files(struct run *r)
{
	struct session *s = r->s;
	struct procfs *f = r->procfs;
	const char *base = base_dir(s), *what = base;
	int error;

	f->base = xstrdup(base);
	f->dir = xstrdup(arena_printf(&s->arena, "%s/%s", base, s->opt.module_name));
	if (in_use(f->dir)) {
		message_error(r, "another session has procfs probes in %s", f->dir);
		free(f->dir);
		f->dir = NULL;
		return false;
	}
	if (make_dirs(base, f->dir)) {
		f->fuse = fuse_mount(f->dir, f->files.v, f->files.n, &ops, r, &what, &error);
		mounted = f->fuse ? f->dir : NULL;
	} else {
		error = errno;
	}
	if (f->fuse) {
		if (s->opt.verbose[5])
			fprintf(stderr, "Files of procfs probes are in %s\n", f->dir);
		return true;
	}
	message_error(r, "cannot make the files of procfs probes in %s: %s: %s", f->dir, what,
		      error == ENODEV ? "the kernel has no FUSE" : strerror(error));
	return false;
}

/* ------------------------------------------------------------------ standard input */

/* Single keys, not shown, when somebody sits there. */
static void change_terminal(void)
{
	struct termios t;

	if (tcgetattr(STDIN_FILENO, &t) < 0)
		return;
	terminal = t;
	t.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	terminal_changed = tcsetattr(STDIN_FILENO, TCSANOW, &t) == 0;
}

static void end_line(struct run *r)
{
	struct procfs *f = r->procfs;

	if (f->line.len)
		run_writers(r, f->lines, f->line.s, f->line.len);
	f->line.len = 0;
}

static void read_input(struct run *r)
{
	struct procfs *f = r->procfs;
	char text[4096];
	ssize_t n = read(STDIN_FILENO, text, sizeof(text));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	for (ssize_t i = 0; i < n && !run_stopping(r); i++) {
		if (f->chars)
			run_writers(r, f->chars, &text[i], 1);
		if (!f->lines)
			continue;
		str_addc(&f->line, text[i]);
		if (text[i] == '\n' || f->line.len + 1 >= (size_t)r->s->opt.maxstringlen)
			end_line(r);
	}
	if (n <= 0) {
		f->input_open = false;
		end_line(r);
	}
}

/* ------------------------------------------------------------------ the session */

static struct procfs_path *path_of(struct run *r, const char *path)
{
	struct procfs *f = r->procfs;

	for (size_t i = 0; i < f->paths.n; i++)
		if (strcmp(f->paths.v[i].path, path) == 0)
			return &f->paths.v[i];
	vec_push(&f->paths, &r->s->arena, (struct procfs_path){.path = path});
	return &f->paths.v[f->paths.n - 1];
}

static void collect(struct run *r)
{
	const struct program *p = r->s->program;

	for (size_t i = 0; i < p->probes.n; i++) {
		const struct probe_inst *inst = p->probes.v[i];
		const struct procfs_data *d = inst->data;
		struct procfs_path *path;

		if (inst->family != &procfs_family)
			continue;
		if (!r->procfs)
			r->procfs = xcalloc(1, sizeof(*r->procfs));
		path = path_of(r, d->path);
		if (d->write)
			vec_push(&path->writers, &r->s->arena, inst);
		else
			vec_push(&path->readers, &r->s->arena, inst);
	}
}

static uint32_t mode_of(const struct procfs_path *p)
{
	uint32_t mode = 0;

	for (size_t i = 0; i < p->readers.n; i++)
		mode |= ((const struct procfs_data *)p->readers.v[i]->data)->mode;
	for (size_t i = 0; i < p->writers.n; i++)
		mode |= ((const struct procfs_data *)p->writers.v[i]->data)->mode;
	return mode;
}

bool procfs_start(struct run *r)
{
	struct procfs *f;

	collect(r);
	f = r->procfs;
	if (!f)
		return true;
	for (size_t i = 0; i < f->paths.n; i++) {
		struct procfs_path *p = &f->paths.v[i];

		if (strcmp(p->path, "__stdin") == 0)
			f->lines = p;
		else if (strcmp(p->path, "__stdin_char") == 0)
			f->chars = p;
		else
			vec_push(&f->files, &r->s->arena,
				 (struct fuse_file){p->path, mode_of(p), p});
	}
	f->input_open = f->lines || f->chars;
	if (f->chars)
		change_terminal();
	return !f->files.n || mount_files(r);
}

size_t procfs_fds(const struct run *r, int fds[PROCFS_FDS])
{
	const struct procfs *f = r->procfs;
	size_t n = 0;

	if (f && f->fuse)
		fds[n++] = fuse_fd(f->fuse);
	if (f && f->input_open)
		fds[n++] = STDIN_FILENO;
	return n;
}

void procfs_serve(struct run *r)
{
	struct procfs *f = r->procfs;
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};

	if (!f)
		return;
	if (f->fuse && !fuse_serve(f->fuse)) {
		message_warning(r, "the files of procfs probes have been unmounted");
		fuse_unmount(f->fuse);
		f->fuse = NULL;
	}
	if (f->input_open && poll(&input, 1, 0) > 0)
		read_input(r);
}

void procfs_abandon(void)
{
	if (mounted) {
		umount2(mounted, MNT_DETACH);
		rmdir(mounted);
	}
	if (terminal_changed)
		tcsetattr(STDIN_FILENO, TCSANOW, &terminal);
}

void procfs_stop(struct run *r)
{
	struct procfs *f = r->procfs;

	if (!f)
		return;
	mounted = NULL;
	if (f->fuse)
		fuse_unmount(f->fuse);
	if (f->dir) {
		rmdir(f->dir);
		rmdir(f->base); /* if no other session is there */
	}
	if (terminal_changed)
		tcsetattr(STDIN_FILENO, TCSANOW, &terminal);
	terminal_changed = false;
	free(f->dir);
	free(f->base);
	str_release(&f->value);
	str_release(&f->line);
	free(f);
	r->procfs = NULL;
}
