/* Regular expressions of =~ and !~: compiled to a DFA (language reference 3.5).
 *
 * Two automata may be made: a plain one that only answers yes or no (its tables will also run inside
 * BPF: byte class table, transition table, accepting states, all flat arrays), and, where the script
 * asks for groups, a tagged one that finds where the groups matched (leftmost; POSIX priorities as
 * far as SystemTap's tagged DFAs have them). Unanchored search unless ^ and $ are used. */
#ifndef RT_REGEX_H
#define RT_REGEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { REGEX_MAX_GROUPS = 32 };

struct regex {
	uint8_t byte_class[256];
	uint16_t n_classes;
	uint32_t n_states;	/* state 0 is the start */
	const uint16_t *next;	/* next[state * n_classes + class]; a state always has a successor */
	/* bit 0: matched already; bit 1: matches if the text ends here; bit 2: no match can come any
	 * more. A state with bit 0 or 2 has no way out: the scan can stop. Bit 0 implies bit 1. */
	const uint8_t *accept;
	unsigned n_groups;	/* with the whole match: 1 + number of ( ) */
	const void *tagged;	/* private: for regex_match() */
};

/* Result in malloc'ed memory, freed by regex_free(). NULL on error, with the message that follows
 * "regex compilation error (at position N): " in error, and *position. Bounded in time and memory:
 * an expression that needs too many states is refused with a message. */
struct regex *regex_compile(const char *text, size_t len, bool want_groups, char *error,
			    size_t error_size, size_t *position);
void regex_free(struct regex *re);
bool regex_test(const struct regex *re, const char *s, size_t len);
/* Also fills start/end (2 per group, -1 where a group took no part). Needs want_groups. */
bool regex_match(const struct regex *re, const char *s, size_t len, int *bounds);

#endif
