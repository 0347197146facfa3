/* Small files made and taken by this process, through /dev/fuse.
 *
 * The kernel sends one request for each thing that somebody does with a file, and one reply goes
 * back; nothing here waits. Each open file that is read has a text of its own, made when its first byte is
 * asked for, so that readers do not see each other. Sizes are 0, as in /proc. */
#include "run/fuse.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"

enum {
	MAX_WRITE = 1 << 16,
	REQUEST_BYTES = MAX_WRITE + 4096,
	CACHED_S = 3600, /* names and attributes never change */
	ONE_TURN = 64,	 /* requests, then others have their turn */
};

/* A directory, or a file. Number 1, the root, is nodes[0]. */
struct node {
	const char *name; /* not terminated */
	size_t len;
	size_t parent; /* index */
	const struct fuse_file *file; /* NULL: a directory */
};

/* An open file that is read. */
struct opened {
	struct opened *next, **link;
	struct str text;
};

struct fuse {
	int fd;
	char *dir;
	struct node *nodes;
	size_t n_nodes, nodes_cap;
	struct opened *opened;
	const struct fuse_ops *ops;
	void *cookie;
	time_t since;
	uid_t uid;
	gid_t gid;
	char request[REQUEST_BYTES];
};

/* ------------------------------------------------------------------ the tree */

static size_t find(const struct fuse *f, size_t parent, const char *name, size_t len)
{
	for (size_t i = 1; i < f->n_nodes; i++)
		if (f->nodes[i].parent == parent && f->nodes[i].len == len &&
		    memcmp(f->nodes[i].name, name, len) == 0)
			return i;
	return 0;
}

static size_t add(struct fuse *f, size_t parent, const char *name, size_t len)
{
	if (f->n_nodes == f->nodes_cap) {
		f->nodes_cap = f->nodes_cap ? 2 * f->nodes_cap : 16;
		f->nodes = xrealloc(f->nodes, f->nodes_cap * sizeof(*f->nodes));
	}
	f->nodes[f->n_nodes] = (struct node){.name = name, .len = len, .parent = parent};
	return f->n_nodes++;
}

static void add_file(struct fuse *f, const struct fuse_file *file)
{
	const char *part = file->path;
	size_t at = 0;

	for (;;) {
		size_t len = strcspn(part, "/"), next = find(f, at, part, len);

		at = next ? next : add(f, at, part, len);
		if (!part[len])
			break;
		part += len + 1;
	}
	f->nodes[at].file = file;
}

static uint32_t mode_of(const struct node *n)
{
	return n->file ? S_IFREG | n->file->mode : S_IFDIR | 0755;
}

/* ------------------------------------------------------------------ replies */

static void reply(const struct fuse *f, const struct fuse_in_header *in, int error, const void *data,
		  size_t n)
{
	struct fuse_out_header out = {.len = (uint32_t)(sizeof(out) + n), .error = error,
				      .unique = in->unique};
	struct iovec v[2] = {{&out, sizeof(out)}, {(void *)data, n}};
	ssize_t done;

	do
		done = writev(f->fd, v, n ? 2 : 1);
	while (done < 0 && errno == EINTR);
	/* ENOENT: who asked has been killed. */
}

static struct fuse_attr attributes(const struct fuse *f, size_t i)
{
	return (struct fuse_attr){
		.ino = i + 1,
		.atime = (uint64_t)f->since,
		.mtime = (uint64_t)f->since,
		.ctime = (uint64_t)f->since,
		.mode = mode_of(&f->nodes[i]),
		.nlink = 1,
		.uid = f->uid,
		.gid = f->gid,
		.blksize = 4096,
	};
}

static void answer_init(const struct fuse *f, const struct fuse_in_header *in,
			const struct fuse_init_in *arg)
{
	struct fuse_init_out out = {
		.major = FUSE_KERNEL_VERSION,
		.minor = FUSE_KERNEL_MINOR_VERSION,
		.max_readahead = arg->max_readahead,
		.max_write = MAX_WRITE,
		.time_gran = 1,
	};

	if (arg->major != FUSE_KERNEL_VERSION) {
		/* A newer kernel asks again in our version. */
		reply(f, in, arg->major < FUSE_KERNEL_VERSION ? -EPROTO : 0, &out, sizeof(out));
		return;
	}
	reply(f, in, 0, &out, sizeof(out));
}

static void answer_lookup(const struct fuse *f, const struct fuse_in_header *in, size_t parent,
			  const char *name)
{
	size_t i = find(f, parent, name, strlen(name));
	struct fuse_entry_out out = {.nodeid = i + 1, .entry_valid = CACHED_S, .attr_valid = CACHED_S};

	if (!i) {
		reply(f, in, -ENOENT, NULL, 0);
		return;
	}
	out.attr = attributes(f, i);
	reply(f, in, 0, &out, sizeof(out));
}

static void answer_attributes(const struct fuse *f, const struct fuse_in_header *in, size_t i)
{
	struct fuse_attr_out out = {.attr_valid = CACHED_S, .attr = attributes(f, i)};

	reply(f, in, 0, &out, sizeof(out));
}

/* "echo > FILE" cuts the file first: nothing is to be done. Owner and permissions stay. */
static void answer_setattr(const struct fuse *f, const struct fuse_in_header *in, size_t i,
			   const struct fuse_setattr_in *arg)
{
	if (arg->valid & (FATTR_MODE | FATTR_UID | FATTR_GID))
		reply(f, in, -EPERM, NULL, 0);
	else
		answer_attributes(f, in, i);
}

static void answer_readdir(const struct fuse *f, const struct fuse_in_header *in, size_t dir,
			   const struct fuse_read_in *arg)
{
	struct str out = {0};

	/* Offset n is what comes behind node n. */
	for (size_t i = arg->offset; i < f->n_nodes; i++) {
		const struct node *n = &f->nodes[i];
		struct fuse_dirent d = {.ino = i + 1, .off = i + 1, .namelen = (uint32_t)n->len,
					.type = mode_of(n) >> 12};
		size_t size = FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + n->len);

		if (!i || n->parent != dir)
			continue;
		if (out.len + size > arg->size)
			break;
		memset(str_room(&out, size), 0, size);
		memcpy(out.s + out.len, &d, FUSE_NAME_OFFSET);
		memcpy(out.s + out.len + FUSE_NAME_OFFSET, n->name, n->len);
		out.len += size;
	}
	reply(f, in, 0, out.s, out.len);
	str_release(&out);
}

/* ------------------------------------------------------------------ open files */

static void answer_open(struct fuse *f, const struct fuse_in_header *in, const struct node *n,
			const struct fuse_open_in *arg)
{
	struct fuse_open_out out = {.open_flags = FOPEN_DIRECT_IO};
	uint32_t how = arg->flags & O_ACCMODE;
	struct opened *o;

	/* The kernel has asked for permission, but root may do everything. */
	if ((how != O_WRONLY && !(n->file->mode & 0444)) || (how != O_RDONLY && !(n->file->mode & 0222))) {
		reply(f, in, -EACCES, NULL, 0);
		return;
	}
	o = xcalloc(1, sizeof(*o));
	o->next = f->opened;
	o->link = &f->opened;
	if (o->next)
		o->next->link = &o->next;
	f->opened = o;
	out.fh = (uintptr_t)o;
	reply(f, in, 0, &out, sizeof(out));
}

static void release(struct opened *o)
{
	*o->link = o->next;
	if (o->next)
		o->next->link = o->link;
	str_release(&o->text);
	free(o);
}

static void answer_read(const struct fuse *f, const struct fuse_in_header *in, const struct node *n,
			const struct fuse_read_in *arg)
{
	struct opened *o = (struct opened *)(uintptr_t)arg->fh;
	size_t left;
	int error;

	if (!arg->offset) {
		o->text.len = 0;
		error = f->ops->read(f->cookie, n->file->data, &o->text);
		if (error) {
			reply(f, in, error, NULL, 0);
			return;
		}
	}
	left = arg->offset < o->text.len ? o->text.len - arg->offset : 0;
	reply(f, in, 0, left ? o->text.s + arg->offset : NULL, left < arg->size ? left : arg->size);
}

static void answer_write(const struct fuse *f, const struct fuse_in_header *in, const struct node *n,
			 const struct fuse_write_in *arg)
{
	struct fuse_write_out out = {0};
	int64_t done = f->ops->write(f->cookie, n->file->data, (const char *)(arg + 1), arg->size);

	if (done < 0) {
		reply(f, in, (int)done, NULL, 0);
		return;
	}
	out.size = (uint32_t)done;
	reply(f, in, 0, &out, sizeof(out));
}

/* ------------------------------------------------------------------ requests */

/* Bytes of a request that are looked at, behind its header. */
static size_t argument_size(uint32_t opcode)
{
	switch (opcode) {
	case FUSE_INIT:
		return offsetof(struct fuse_init_in, flags) + sizeof(uint32_t);
	case FUSE_SETATTR:
		return sizeof(struct fuse_setattr_in);
	case FUSE_OPEN:
		return sizeof(struct fuse_open_in);
	case FUSE_READ:
	case FUSE_READDIR:
		return sizeof(struct fuse_read_in);
	case FUSE_WRITE:
		return sizeof(struct fuse_write_in);
	case FUSE_RELEASE:
		return sizeof(struct fuse_release_in);
	default:
		return 0;
	}
}

static void answer(struct fuse *f, size_t len)
{
	const struct fuse_in_header *in = (const void *)f->request;
	const void *arg = in + 1;
	size_t i = in->nodeid - 1, n = len - sizeof(*in);

	switch (in->opcode) {
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		return; /* want no reply */
	}
	if (n < argument_size(in->opcode) || (in->opcode != FUSE_INIT && i >= f->n_nodes)) {
		reply(f, in, -EINVAL, NULL, 0);
		return;
	}
	switch (in->opcode) {
	case FUSE_INIT:
		answer_init(f, in, arg);
		return;
	case FUSE_LOOKUP:
		f->request[len] = 0;
		answer_lookup(f, in, i, arg);
		return;
	case FUSE_GETATTR:
		answer_attributes(f, in, i);
		return;
	case FUSE_SETATTR:
		answer_setattr(f, in, i, arg);
		return;
	case FUSE_READDIR:
		answer_readdir(f, in, i, arg);
		return;
	case FUSE_OPENDIR:
		reply(f, in, 0, &(struct fuse_open_out){0}, sizeof(struct fuse_open_out));
		return;
	case FUSE_STATFS:
		reply(f, in, 0, &(struct fuse_statfs_out){.st = {.bsize = 4096, .namelen = 255}},
		      sizeof(struct fuse_statfs_out));
		return;
	case FUSE_FLUSH:
	case FUSE_RELEASEDIR:
		reply(f, in, 0, NULL, 0);
		return;
	case FUSE_CREATE:
	case FUSE_MKNOD:
	case FUSE_MKDIR:
	case FUSE_UNLINK:
	case FUSE_RMDIR:
	case FUSE_RENAME:
	case FUSE_RENAME2:
	case FUSE_LINK:
	case FUSE_SYMLINK:
		reply(f, in, -EACCES, NULL, 0);
		return;
	}
	if (!f->nodes[i].file) {
		reply(f, in, -ENOSYS, NULL, 0);
		return;
	}
	switch (in->opcode) {
	case FUSE_OPEN:
		answer_open(f, in, &f->nodes[i], arg);
		return;
	case FUSE_READ:
		answer_read(f, in, &f->nodes[i], arg);
		return;
	case FUSE_WRITE:
		if (n < sizeof(struct fuse_write_in) + ((const struct fuse_write_in *)arg)->size)
			reply(f, in, -EINVAL, NULL, 0);
		else
			answer_write(f, in, &f->nodes[i], arg);
		return;
	case FUSE_RELEASE:
		release((struct opened *)(uintptr_t)((const struct fuse_release_in *)arg)->fh);
		reply(f, in, 0, NULL, 0);
		return;
	default:
		reply(f, in, -ENOSYS, NULL, 0);
	}
}

bool fuse_serve(struct fuse *f)
{
	for (int i = 0; i < ONE_TURN; i++) {
		ssize_t n = read(f->fd, f->request, sizeof(f->request) - 1);

		if (n >= (ssize_t)sizeof(struct fuse_in_header))
			answer(f, (size_t)n);
		else if (n < 0 && errno == ENODEV)
			return false;
		else if (n < 0 && errno != EINTR && errno != ENOENT)
			break;
	}
	return true;
}

int fuse_fd(const struct fuse *f)
{
	return f->fd;
}

/* ------------------------------------------------------------------ mounting */

static void free_fuse(struct fuse *f)
{
	while (f->opened)
		release(f->opened);
	if (f->fd >= 0)
		close(f->fd);
	free(f->nodes);
	free(f->dir);
	free(f);
}

struct fuse *fuse_mount(const char *dir, const struct fuse_file *files, size_t n_files,
			const struct fuse_ops *ops, void *cookie, const char **what, int *error)
{
	struct fuse *f = xcalloc(1, sizeof(*f));
	char options[128], source[32];

	f->ops = ops;
	f->cookie = cookie;
	f->dir = xstrdup(dir);
	f->since = time(NULL);
	f->uid = getuid();
	f->gid = getgid();
	add(f, 0, "", 0);
	for (size_t i = 0; i < n_files; i++)
		add_file(f, &files[i]);
	*what = "/dev/fuse";
	f->fd = open("/dev/fuse", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (f->fd >= 0) {
		*what = dir;
		snprintf(options, sizeof(options),
			 "fd=%d,rootmode=40000,user_id=%u,group_id=%u,allow_other,default_permissions",
			 f->fd, (unsigned)geteuid(), (unsigned)getegid());
		snprintf(source, sizeof(source), FUSE_SOURCE "%d", (int)getpid());
		if (mount(source, dir, "fuse.tapir", MS_NOSUID | MS_NODEV | MS_NOEXEC, options) == 0)
			return f;
	}
	*error = errno;
	free_fuse(f);
	return NULL;
}

void fuse_unmount(struct fuse *f)
{
	/* Fails if somebody did it before. */
	umount2(f->dir, MNT_DETACH);
	free_fuse(f);
}
