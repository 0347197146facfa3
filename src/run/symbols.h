/* Text of deferred strings: what an address was called in the process that it comes from.
 *
 * Mappings are read from /proc/PID/maps when an address of the process is first asked for, and again
 * when they do not explain one. They and the symbol tables stay for the session, so that names are
 * found after the process has ended; what it maps from symbols_watch() on is known even if it was
 * never looked at. */
#ifndef RUN_SYMBOLS_H
#define RUN_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "bpfrt/abi.h"

struct symbols;
struct session;

/* stacks: descriptor of the map of stacks, -1: none. The session keeps debug information. */
struct symbols *symbols_new(struct session *session, int stacks);
void symbols_free(struct symbols *s);
/* From now on the kernel tells what processes map. -errno: it does not, there is less to know. */
int symbols_watch(struct symbols *s);
/* Takes in what it has told: often enough that its buffers do not overflow. */
void symbols_update(struct symbols *s);
/* Reads the mappings of a process while it is there. */
void symbols_learn(struct symbols *s, uint32_t pid);
void symbols_token(struct symbols *s, enum rt_token_kind kind, const struct rt_token *t,
		   struct str *out);
/* A stack as print_backtrace() and its like show it; how: enum symbol_form and RT_STACK_... */
void symbols_stack(struct symbols *s, uint32_t pid, unsigned how, const struct rt_stack *stack,
		   struct str *out);
/* A line for each address of a stack that is a text: of the kernel (kernel), of the process that the
 * text was made for if that is known, else of the process pid. */
void symbols_lines(struct symbols *s, uint32_t pid, bool kernel, const char *text, size_t len,
		   struct str *out);

#endif
