/* The script's output: standard output, or the file or files of -o and -S.
 *
 * Written without stdio, a handler's output in one piece. -S starts the next file before a piece
 * that would make the present one too long, so no line is torn. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run/session_run.h"
#include "session.h"

static void broken(struct run *r, const char *what, int error)
{
	struct output *o = &r->output;

	o->broken = true;
	/* `stap ... | head` is over when head is: nothing to complain about. */
	if (error == EPIPE)
		return;
	r->failed = true;
	message_error(r, "cannot %s %s: %s", what, o->path ? o->path : "standard output",
		      strerror(error));
}

/* The name of file number `number`: conversions are those of now. */
static char *make_path(const struct output *o)
{
	struct str name = {0};
	time_t now = time(NULL);
	struct tm tm;
	size_t n;

	if (strchr(o->base, '%') && localtime_r(&now, &tm)) {
		/* One byte more, so that an empty result is told from a full buffer. */
		char *fmt = xmalloc(strlen(o->base) + 2);

		strcpy(fmt, o->base);
		strcat(fmt, "x");
		n = strftime(str_room(&name, 8192), 8192, fmt, &tm);
		free(fmt);
		name.len = n ? n - 1 : 0;
		name.s[name.len] = 0;
	} else {
		str_add(&name, o->base);
	}
	if (o->limit)
		str_addf(&name, ".%lld", (long long)o->number);
	return name.s;
}

/* Opens the file that is due; of those before, N are kept. */
static bool open_file(struct run *r, int flags)
{
	struct output *o = &r->output;
	char *path = make_path(o), **slot;
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0666);

	if (fd < 0) {
		free(o->path);
		o->path = path;
		broken(r, "open", errno);
		return false;
	}
	if (o->fd >= 0)
		close(o->fd);
	o->fd = fd;
	o->size = 0;
	if (o->n_kept) {
		slot = &o->kept[o->number % o->n_kept];
		if (*slot && strcmp(*slot, path) != 0)
			unlink(*slot);
		free(*slot);
		*slot = xstrdup(path);
	}
	free(o->path);
	o->path = path;
	return true;
}

bool output_open(struct run *r)
{
	struct output *o = &r->output;
	const struct options *opt = &r->s->opt;

	o->fd = STDOUT_FILENO;
	if (!opt->output)
		return true;
	o->fd = -1;
	o->base = opt->output;
	o->limit = opt->rotate_mb << 20;
	o->n_kept = opt->rotate_files;
	if (o->n_kept)
		o->kept = xcalloc((size_t)o->n_kept, sizeof(*o->kept));
	return open_file(r, O_TRUNC);
}

void output_rotate(struct run *r)
{
	struct output *o = &r->output;

	if (!o->base || o->broken)
		return;
	if (o->limit) {
		o->number++;
		open_file(r, O_TRUNC);
	} else {
		/* A plain -o file that was renamed: go on in a new one. Nothing is lost if not. */
		open_file(r, O_APPEND);
	}
}

void output_write(struct run *r, const char *text, size_t n)
{
	struct output *o = &r->output;
	ssize_t k;

	if (o->limit && o->size && o->size + (int64_t)n > o->limit)
		output_rotate(r);
	while (n && !o->broken) {
		k = write(o->fd, text, n);
		if (k >= 0) {
			text += k;
			n -= (size_t)k;
			o->size += k;
		} else if (errno == EAGAIN) {
			struct pollfd p = {.fd = o->fd, .events = POLLOUT};

			poll(&p, 1, -1);
		} else if (errno != EINTR) {
			broken(r, "write", errno);
		}
	}
}

void output_close(struct run *r)
{
	struct output *o = &r->output;

	/* Some file systems tell of a full disk only now. */
	if (o->base && o->fd >= 0 && close(o->fd) < 0 && !o->broken)
		broken(r, "write", errno);
	for (int64_t i = 0; i < o->n_kept; i++)
		free(o->kept[i]);
	free(o->kept);
	free(o->path);
	o->path = NULL;
}
