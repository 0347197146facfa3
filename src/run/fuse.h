/* Small files made and taken by this process: a FUSE file system without a library. See fuse.c. */
#ifndef RUN_FUSE_H
#define RUN_FUSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct fuse;

/* Source of a mount, in front of the number of the process that serves it. */
#define FUSE_SOURCE "tapir:"

struct fuse_file {
	const char *path; /* below the directory; parts are joined by "/" */
	uint32_t mode;	  /* permissions: who may read and write */
	void *data;
};

/* What the owner does when somebody reads or writes a file. */
struct fuse_ops {
	/* Adds what a reader will see to out; asked again when he goes back to the start. Returns 0 or
	 * a negative errno for him. */
	int (*read)(void *cookie, void *data, struct str *out);
	/* Takes the first of n bytes: returns how many, at least 1, or a negative errno. */
	int64_t (*write)(void *cookie, void *data, const char *text, size_t n);
};

/* Mounts the files at an empty directory. The arguments must stay valid. NULL: *error is the errno and
 * *what what failed. */
struct fuse *fuse_mount(const char *dir, const struct fuse_file *files, size_t n_files,
			const struct fuse_ops *ops, void *cookie, const char **what, int *error);
/* Becomes readable when there are requests. */
int fuse_fd(const struct fuse *f);
/* Answers the requests that are there. False: the file system has been unmounted by somebody. */
bool fuse_serve(struct fuse *f);
/* Unmounts; whoever has a file open gets errors from now on. */
void fuse_unmount(struct fuse *f);

#endif
