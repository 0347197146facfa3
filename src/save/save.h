/* A compiled script as a file: what -p4 writes and `stap FILE` runs, here or elsewhere, without the
 * script and without debug information.
 *
 * It holds the session as it is behind pass 3: options, probes with their places, the IR as text
 * (ir/ir.h), the positions of its instructions for messages. Pass 4 runs again where the file is used:
 * it needs nothing else, and the kernel there may offer other means. A place in a program is kept
 * with the program's build-id, which must be the same; offsets in structures
 * of the kernel with names that are looked up in the kernel that runs it. Kernel functions, and what has no such
 * name, are for the kernel with the same build-id. */
#ifndef SAVE_SAVE_H
#define SAVE_SAVE_H

#include <stdbool.h>
#include <stddef.h>

struct session;
struct str;

/* The first probe or expression that cannot be in such a file, or NULL. */
const char *save_refused(const struct session *s);
/* Adds the file's contents to out. */
void save_write(struct str *out, struct session *s);
/* Puts in what the script left open about the kernel. Also for one that has just been saved. False: reported,
 * this kernel has other structures or tracepoints. */
bool save_relocate(struct session *s);
/* Does a file that begins like this hold a compiled script? */
bool save_is_one(const char *data, size_t size);
/* Makes the session of it. False: reported (damaged, of another version, a program has changed). */
bool save_read(struct session *s, const char *path, const char *data, size_t size);

#endif
