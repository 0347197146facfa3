/* The lexer's inside: for macro.c only. */
#ifndef LANG_LEX_H
#define LANG_LEX_H

#include "lang/lang.h"

struct lexer {
	struct session *s;
	const struct source *src;
	size_t pos;
	uint32_t line;
	size_t line_start;
	/* Text of a script argument that is being read in place of "$N". */
	const char *ins;
	size_t ins_pos, ins_len;
	uint32_t ins_line, ins_col; /* where the "$N" stands */
	const char *error;	    /* what is wrong with the token just returned, or NULL */
};

void lex_init(struct lexer *lx, struct session *s, const struct source *src);
/* The next token; TOK_EOF at the end, again and again. */
struct token *lex_next(struct lexer *lx);

#endif
