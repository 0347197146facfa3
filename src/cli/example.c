/* --example NAME: a script among those that are installed with Tapir (command-line reference 2.3). */
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "session.h"

static const char *const directories[] = {INSTALLED_EXAMPLES, INSTALLED_EXAMPLES "/*"};

const char *cli_find_example(struct session *s, const char *name)
{
	const char *end = strchr(name, '.') ? "" : ".stp";
	const char *found = NULL;
	glob_t g = {0};

	if (strpbrk(name, "/*?[\\")) {
		fprintf(stderr, "ERROR: '%s' is not the name of an example.\n", name);
		return NULL;
	}
	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++)
		glob(arena_printf(&s->arena, "%s/%s%s", directories[i], name, end), i ? GLOB_APPEND : 0, NULL,
		     &g);
	if (g.gl_pathc == 1) {
		found = arena_strdup(&s->arena, g.gl_pathv[0]);
	} else if (g.gl_pathc) {
		fprintf(stderr, "ERROR: There are several examples named '%s':\n", name);
		for (size_t i = 0; i < g.gl_pathc; i++)
			fprintf(stderr, "  %s\n", g.gl_pathv[i]);
	} else {
		fprintf(stderr, "ERROR: No example named '%s' is installed in %s.\n", name,
			INSTALLED_EXAMPLES);
	}
	globfree(&g);
	return found;
}
