/* What the parts of the regular expression compiler share: the program that the parser emits.
 *
 * Text -> tree -> program (regex_parse.c) -> DFA tables (regex_dfa.c) and, for groups, a simulation
 * of the program itself (regex_match.c). A program is a list of instructions; it starts at 0, each
 * one goes on to the next unless said otherwise, and SPLIT prefers x to y. */
#ifndef RT_REGEX_INTERNAL_H
#define RT_REGEX_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "rt/regex.h"

enum {
	REGEX_MAX_INSTS = 25000, /* one byte {0,12344} fits */
	REGEX_MAX_DEPTH = 250,	   /* of parentheses */
	REGEX_MAX_REPEAT = 12345,  /* numbers in { } are smaller */
	REGEX_MAX_STATES = 4096,   /* before minimisation */
};

enum regex_op {
	REGEX_SET,   /* a byte of sets[x]; y: its number among the REGEX_SETs */
	REGEX_SPLIT, /* to x, or else to y */
	REGEX_JUMP,  /* to x */
	REGEX_SAVE,  /* the place goes into slot x */
	REGEX_BOL,   /* only at the start of the text */
	REGEX_EOL,   /* only at its end */
	REGEX_MATCH,
};

struct regex_inst {
	enum regex_op op;
	uint32_t x, y;
};

struct regex_set {
	uint64_t bits[4];
};

struct regex_prog {
	struct regex_inst *inst;
	uint32_t n_insts;
	struct regex_set *sets;
	uint32_t n_sets;
	uint32_t n_pos;	   /* number of REGEX_SETs */
	unsigned n_groups; /* with the whole match */
};

struct regex_error {
	char *text;
	size_t size;
	size_t position;
};

static inline bool regex_set_has(const struct regex_set *s, unsigned c)
{
	return s->bits[c >> 6] >> (c & 63) & 1;
}

/* Notes the error; always false. */
bool regex_fail(struct regex_error *e, size_t position, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The program of the expression, in the arena. Groups are saved only if want_groups. */
bool regex_parse(struct arena *a, const char *text, size_t len, bool want_groups,
		 struct regex_prog *prog, struct regex_error *e);
/* Fills the tables of re: byte_class, next, accept and their sizes. */
bool regex_dfa_make(struct arena *a, const struct regex_prog *prog, struct regex *re,
		    struct regex_error *e);

struct regex_pike;
struct regex_pike *regex_pike_make(const struct regex_prog *prog);
void regex_pike_free(struct regex_pike *vm);
/* The program of an expression that was compiled with want_groups; it lives as long. */
const struct regex_prog *regex_program(const struct regex *re);
/* regex_match() without asking the DFA first. */
bool regex_pike_run(struct regex_pike *vm, const char *s, size_t len, int *bounds);

#endif
