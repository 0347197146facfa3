/* Shell-like splitting of a line into words.
 *
 * The C library's wordexp() does what is wanted, including variables, ~ and file name patterns; here
 * its results are turned into the few cases that callers tell apart. */
#include <stdlib.h>
#include <wordexp.h>

#include "base/arena.h"
#include "cli/cli.h"

enum words_result words_split(const char *text, bool refuse_undefined, char ***words, size_t *n)
{
	wordexp_t w = {0};

	switch (wordexp(text, &w, WRDE_NOCMD | (refuse_undefined ? WRDE_UNDEF : 0))) {
	case 0:
		break;
	case WRDE_BADCHAR:
	case WRDE_CMDSUB:
		return WORDS_SHELL;
	case WRDE_BADVAL:
		return WORDS_UNDEFINED;
	default:
		return WORDS_SYNTAX;
	}
	*n = w.we_wordc;
	*words = xcalloc(w.we_wordc + 1, sizeof(**words));
	for (size_t i = 0; i < w.we_wordc; i++)
		(*words)[i] = xstrdup(w.we_wordv[i]);
	wordfree(&w);
	return WORDS_OK;
}
