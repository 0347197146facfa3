/* Options that a user wants always: each line of $SYSTEMTAP_DIR/rc (~/.systemtap/rc) is split into
 * words, which go before those of the command line. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "session.h"

static const char *rc_path(struct session *s)
{
	const char *dir = getenv("SYSTEMTAP_DIR"), *home = getenv("HOME");

	if (dir && *dir)
		return arena_printf(&s->arena, "%s/rc", dir);
	return home ? arena_printf(&s->arena, "%s/.systemtap/rc", home) : NULL;
}

/* Adds the words of one line; false after an error. */
static bool add_line(struct session *s, const char *path, unsigned number, const char *line,
		     void *list)
{
	VEC(char *) *argv = list;
	char **words = NULL;
	size_t n = 0;

	switch (words_split(line, true, &words, &n)) {
	case WORDS_OK:
		break;
	case WORDS_SHELL:
		fprintf(stderr, "%s:%u: commands and metacharacters are not allowed here\n", path,
			number);
		return false;
	case WORDS_SYNTAX:
		fprintf(stderr, "%s:%u: syntax error (unmatched quotes?)\n", path, number);
		return false;
	case WORDS_UNDEFINED:
		fprintf(stderr, "%s:%u: undefined variable\n", path, number);
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		vec_push(argv, &s->arena, arena_strdup(&s->arena, words[i]));
		free(words[i]);
	}
	free(words);
	return true;
}

char **cli_with_rc_words(struct session *s, int *argc, char **argv)
{
	const char *path = rc_path(s);
	FILE *f = path ? fopen(path, "re") : NULL;
	VEC(char *) all = {0};
	char *line = NULL;
	size_t cap = 0;
	unsigned number = 0;
	bool ok = true;

	if (!f)
		return argv;
	vec_push(&all, &s->arena, argv[0]);
	while (ok && getline(&line, &cap, f) > 0) {
		number++;
		line[strcspn(line, "\n")] = 0;
		ok = add_line(s, path, number, line, &all);
	}
	if (ok && ferror(f)) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		ok = false;
	}
	free(line);
	fclose(f);
	for (int i = 1; i < *argc; i++)
		vec_push(&all, &s->arena, argv[i]);
	*argc = (int)all.n;
	vec_push(&all, &s->arena, NULL);
	return ok ? all.v : NULL;
}
