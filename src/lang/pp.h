/* The preprocessor's inside: macros and conditionals between lexer and parser (macro.c). */
#ifndef LANG_PP_H
#define LANG_PP_H

#include "base/map.h"
#include "lang/lex.h"

struct macro {
	const char *name; /* with "@" */
	const struct token *tok;
	bool has_params; /* written with ( ) */
	VEC(const char *) params;
	VEC(struct token *) body;
	bool library;
};

struct pp_frame;

struct pp {
	struct session *s;
	struct lexer lex;
	struct pp_frame *top; /* macro bodies and arguments being read, innermost first */
	struct map macros;    /* of this file */
	int depth;	      /* frames */
	size_t expanded;      /* tokens made by macros so far */
	int conditions;	      /* %( that were taken and are still open */
	VEC(const struct token *) open;
	bool library_macros_only; /* reading a .stpm file */
	/* Set when a token could not be made: the message was reported, the parser must recover. */
	bool failed;
};

void pp_init(struct pp *pp, struct session *s, const struct source *src);
/* The next token after macros and conditionals. NULL after an error (already reported; pp->failed
 * is set until cleared by the caller). */
struct token *pp_next(struct pp *pp);

#endif
