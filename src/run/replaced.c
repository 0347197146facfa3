/* Files that are replaced or rewritten while they are probed. The kernel's probes belong to the file that was
 * there at the start: of what has its name later no hit comes, and the user wants to know why. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "run/kernel.h"
#include "run/session_run.h"

struct probed_file {
	const char *path;
	struct stat st;
};

static void note(struct kernel *k, const char *path)
{
	struct probed_file f = {.path = path};

	for (size_t i = 0; i < k->n_files; i++)
		if (strcmp(k->files[i].path, path) == 0)
			return;
	if (stat(path, &f.st) < 0)
		return;
	k->files = xrealloc(k->files, (k->n_files + 1) * sizeof(*k->files));
	k->files[k->n_files++] = f;
}

void replaced_init(struct kernel *k)
{
	for (size_t i = 0; i < k->img->programs.n; i++) {
		const struct gen_program *p = &k->img->programs.v[i];
		const char *last = NULL;

		for (size_t n = 0; p->attach == GEN_UPROBES && n < p->sites.n; n++) {
			const char *path = p->sites.v[n].site->path;

			/* Places come sorted by file. */
			if (!last || strcmp(path, last) != 0)
				note(k, path);
			last = path;
		}
	}
}

void replaced_report(struct run *r)
{
	for (size_t i = 0; i < r->kernel->n_files; i++) {
		const struct probed_file *f = &r->kernel->files[i];
		struct stat now;

		if (stat(f->path, &now) < 0)
			continue; /* no program can be started from it any more */
		if (now.st_dev != f->st.st_dev || now.st_ino != f->st.st_ino)
			message_warning(r, "%s was replaced while it was probed: the new file was not", f->path);
		else if (now.st_mtim.tv_sec != f->st.st_mtim.tv_sec || now.st_mtim.tv_nsec != f->st.st_mtim.tv_nsec ||
			 now.st_size != f->st.st_size)
			message_warning(r, "%s was changed while it was probed: probes may have harmed programs that "
					   "ran it, and what they told may be wrong", f->path);
	}
}
